/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions come and go under a block client: replay, bounded waits, changing exports. */
#include "blk_client_rig.h"

static struct crig r;

/* --- times --- */

static void
set_times(uint64_t mtime, uint64_t ctime)
{
	r.exports[0].mtime = rte_cpu_to_be_64(mtime);
	r.exports[0].ctime = rte_cpu_to_be_64(ctime);
}

/* LIST tells the times once, IDENTIFY whenever it is asked; other changes make it list again. */
static void
identify_tells_times(void **state)
{
	struct blk_times times;
	struct crig_io x;
	unsigned int lists;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	set_times(1000, 2000);
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	blk_disk_times(crig_disk(&r), &times);
	assert_true(times.mtime == 1000 && times.ctime == 2000);
	set_times(3000, 4000);
	lists = r.lists;
	assert_int_equal(crig_do(&r, &x, BLK_IDENTIFY, 0, 0, NULL), 0);
	assert_true(x.io.times.mtime == 3000 && x.io.times.ctime == 4000);
	blk_disk_times(crig_disk(&r), &times);
	assert_true(times.mtime == 3000 && times.ctime == 4000);
	crig_rounds(&r, 5);
	assert_int_equal(r.lists, lists);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_IDENTIFY, 1, 0, NULL), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_IDENTIFY, 0, 1, NULL), -EINVAL);
	/* A record that names nothing, and a server that does not tell. */
	r.exports[0].name[0] = '\0';
	assert_int_equal(crig_do(&r, &x, BLK_IDENTIFY, 0, 0, NULL), 0);
	assert_true(x.io.times.mtime == 0);
	crig_export(&r, 0, "disk", CRIG_IMAGE / 2, CRIG_FLAGS);
	assert_int_equal(crig_do(&r, &x, BLK_IDENTIFY, 0, 0, NULL), 0);
	assert_true(x.io.times.mtime == 0);
	crig_until(&r, &r.changes, 2);
	assert_int_equal(blk_disk_size(crig_disk(&r)), CRIG_IMAGE / 2);
	crig_down(&r);
}

/* A COPY is a write: asked again after a restart, and lost with a reboot unless it was flushed. */
static void
copies_are_replayed(void **state)
{
	uint8_t want[70000];
	struct crig_io x;

	crig_up(&r, NULL);
	memcpy(want, r.image + 4096, sizeof(want));
	assert_int_equal(crig_submit(&r, 0, &x, BLK_COPY, 1 << 20, sizeof(want), NULL), -EINVAL);
	memset(&x, 0, sizeof(x));
	x.io = (struct blk_io){ .op = BLK_COPY,
				.disk = crig_disk(&r),
				.from = crig_disk(&r),
				.from_off = 4096,
				.off = 1 << 20,
				.len = sizeof(want),
				.done = crig_io_done,
				.arg = &x };
	r.hold = true;
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &x.io), 0);
	crig_rounds(&r, 5);
	assert_int_equal(x.done, 0);
	r.hold = false;
	crig_restart(&r);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_memory_equal(r.image + (1 << 20), want, sizeof(want));
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 0);
	r.boot++;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	crig_down(&r);
}

/* An io in a hurry does not wait for a session, sent or not; others beside it do. */
static void
hasty_ios_do_not_wait(void **state)
{
	struct crig_io sent, late, x;

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, 512, NULL), 0);
	memset(&sent, 0, sizeof(sent));
	sent.io = (struct blk_io){ .op = BLK_IDENTIFY,
				   .hasty = true,
				   .disk = crig_disk(&r),
				   .done = crig_io_done,
				   .arg = &sent };
	late = sent;
	late.io.arg = &late;
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &sent.io), 0);
	crig_rounds(&r, 5);
	assert_int_equal(sent.done, 0);
	crig_server_stop(&r);
	crig_until(&r, &sent.done, 1);
	assert_int_equal(sent.err, -ENOTCONN);
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &late.io), 0);
	crig_until(&r, &late.done, 1);
	assert_int_equal(late.err, -ENOTCONN);
	crig_rounds(&r, 20);
	assert_int_equal(x.done, 0);
	r.hold = false;
	crig_server_start(&r);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_int_equal(late.done + sent.done, 2);
	crig_down(&r);
}

/* --- replay --- */

/* What was sent and not answered is sent again, once, in the same order, before what waited. */
static void
unanswered_ios_are_replayed(void **state)
{
	enum {
		N = 24
	};
	static struct crig_io x[N];
	struct blk_cq_stats st;
	uint8_t data[N][512];
	unsigned int i, sent;

	crig_up(&r, &(struct blk_client_conf){ .depth = 16 });
	r.hold = true;
	for (i = 0; i < N; i++) {
		memset(data[i], (int)i + 1, sizeof(data[i]));
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_WRITE, i * 512, 512, data[i]), 0);
	}
	crig_rounds(&r, 5);
	sent = r.seen_count;
	assert_int_equal(sent, 16);
	r.seen_count = 0;
	r.hold = false;
	crig_restart(&r);
	for (i = 0; i < N; i++) {
		crig_until(&r, &x[i].done, 1);
		assert_int_equal(x[i].err, 0);
		assert_memory_equal(r.image + i * 512, data[i], 512);
	}
	assert_int_equal(r.seen_count, N);
	for (i = 0; i < N; i++)
		assert_int_equal(r.seen[i].off, i * 512);
	crig_rounds(&r, 20);
	for (i = 0; i < N; i++)
		assert_int_equal(x[i].done, 1);
	blk_cq_stats(blk_client_queue(r.c, 0), &st);
	assert_int_equal(st.replays, sent);
	crig_down(&r);
}

/* An io that was half answered starts anew as a whole. */
static void
partly_answered_io_is_replayed(void **state)
{
	struct crig_io x;
	uint8_t *back = malloc(BLK_IO_MAX);
	unsigned int i;

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, BLK_IO_MAX, back), 0);
	crig_rounds(&r, 5);
	assert_int_equal(r.pending_count, 16);
	for (i = 0; i < 7; i++)
		crig_answer(&r, &r.pending[i]);
	memmove(r.pending, r.pending + 7, 9 * sizeof(r.pending[0]));
	r.pending_count = 9;
	crig_rounds(&r, 5);
	assert_int_equal(x.done, 0);
	r.hold = false;
	r.seen_count = 0;
	crig_restart(&r);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_int_equal(r.seen_count, 16);
	assert_memory_equal(back, r.image, BLK_IO_MAX);
	free(back);
	crig_down(&r);
}

/* A long WRITE_ZEROES, cut in the middle, covers all of its range in the end. */
static void
range_is_replayed_from_its_start(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_WRITE_ZEROES, 1 << 24, 5ULL << 30, NULL), 0);
	crig_rounds(&r, 5);
	crig_answer(&r, &r.pending[0]);
	r.pending_count = 0;
	crig_rounds(&r, 5);
	assert_int_equal(r.seen_count, 2);
	r.hold = false;
	r.seen_count = 0;
	crig_restart(&r);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_int_equal(r.seen_count, 3);
	assert_int_equal(r.seen[0].off, 1 << 24);
	crig_down(&r);
}

/* ios that come while nobody is there wait; many restarts change nothing. */
static void
ios_wait_for_the_session(void **state)
{
	static struct crig_io x[8];
	unsigned int i, k;

	crig_up(&r, &(struct blk_client_conf){ .queues = 2 });
	for (k = 0; k < 4; k++) {
		unsigned int ups = r.ups, downs = r.downs;

		crig_server_stop(&r);
		crig_until(&r, &r.downs, downs + 1);
		for (i = 0; i < 8; i++)
			assert_int_equal(crig_submit(&r, i % 2, &x[i], BLK_READ, i * 4096, 100000,
						     malloc(100000)),
					 0);
		crig_rounds(&r, 100);
		for (i = 0; i < 8; i++)
			assert_int_equal(x[i].done, 0);
		crig_server_start(&r);
		crig_until(&r, &r.ups, ups + 1);
		for (i = 0; i < 8; i++) {
			crig_until(&r, &x[i].done, 1);
			assert_memory_equal(x[i].got, r.image + i * 4096, 100000);
			free(x[i].got);
		}
	}
	crig_down(&r);
}

/* The client may be there first. */
static void
server_comes_later(void **state)
{
	struct crig_io x;

	crig_init(&r);
	crig_client_start(&r, NULL);
	crig_rounds(&r, 50);
	assert_int_equal(blk_client_disks(r.c), 0);
	assert_int_equal(blk_client_io_max(r.c), 0);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	crig_server_start(&r);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4096, NULL), 0);
	crig_down(&r);
}

/* The function itself is lost (the fabric was killed) and returns. */
static void
function_is_lost(void **state)
{
	struct crig_io x;
	uint8_t data[4096];
	unsigned int ups;

	crig_up(&r, NULL);
	memset(data, 0x77, sizeof(data));
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_WRITE, 0, sizeof(data), data), 0);
	crig_rounds(&r, 3);
	ups = r.ups;
	inproc_lose(&r.ip, 1);
	crig_until(&r, &r.downs, 1);
	r.hold = false;
	inproc_restore(&r.ip, 1);
	crig_until(&r, &r.ups, ups + 1);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_memory_equal(r.image, data, sizeof(data));
	crig_down(&r);
}

/* --- bounded waits --- */

static void
fast_io_fail(void **state)
{
	struct crig_io a, b, x;
	uint64_t start;
	unsigned int ups;

	crig_up(&r, &(struct blk_client_conf){ .fast_io_fail_ms = 200 });
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &a, BLK_READ, 0, 4096, NULL), 0);
	crig_rounds(&r, 3);
	ups = r.ups;
	start = base_now_ns();
	crig_server_stop(&r);
	crig_until(&r, &r.downs, 1);
	crig_until(&r, &a.done, 1);
	assert_int_equal(a.err, -EIO);
	assert_true(base_now_ns() - start >= 200 * BASE_NS_PER_MS);
	/* From now on at once. */
	assert_int_equal(crig_submit(&r, 0, &b, BLK_READ, 0, 4096, NULL), 0);
	crig_rounds(&r, 2);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.err, -EIO);
	r.hold = false;
	crig_server_start(&r);
	crig_until(&r, &r.ups, ups + 1);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4096, NULL), 0);
	crig_down(&r);
}

static void
without_it_ios_wait(void **state)
{
	struct crig_io x;
	uint64_t until;

	crig_up(&r, NULL);
	crig_server_stop(&r);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, 4096, NULL), 0);
	until = base_now_ns() + 400 * BASE_NS_PER_MS;
	while (base_now_ns() < until)
		crig_round(&r);
	assert_int_equal(x.done, 0);
	blk_cq_cancel(blk_client_queue(r.c, 0), &x.io, -EINTR);
	assert_int_equal(x.done, 1);
	crig_down(&r);
}

/* --- exports change --- */

static uint32_t notice;

static void
tell(void)
{
	unsigned int lists = r.lists;

	link_session_set_notice(r.s, ++notice);
	crig_until(&r, &r.lists, lists + 2); /* the records, and none behind them */
	crig_rounds(&r, 10);
}

static void
size_and_flags_change(void **state)
{
	unsigned int changes;

	crig_up(&r, NULL);
	changes = r.changes;
	crig_export(&r, 0, "disk", 8192, CRIG_FLAGS | BLK_INFO_READ_ONLY);
	tell();
	assert_int_equal(blk_disk_size(crig_disk(&r)), 8192);
	assert_true(blk_disk_flags(crig_disk(&r)) & BLK_INFO_READ_ONLY);
	assert_int_equal(r.changes, changes + 1);
	tell();
	assert_int_equal(r.changes, changes + 1); /* nothing new */
	assert_int_equal(r.ups, 1);
	crig_down(&r);
}

static void
exports_come_and_go(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	crig_export(&r, 1, "second", 4096, CRIG_FLAGS);
	tell();
	assert_int_equal(blk_client_disks(r.c), 2);
	/* The first one goes; its place and the pointer stay. */
	r.exports[0] = r.exports[1];
	r.export_count = 1;
	tell();
	assert_int_equal(blk_client_disks(r.c), 2);
	assert_false(blk_disk_present(crig_disk(&r)));
	assert_true(blk_disk_present(blk_client_disk(r.c, 1)));
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), -EIO);
	/* And returns, under another unit. */
	crig_export(&r, 7, "disk", CRIG_IMAGE, CRIG_FLAGS);
	memset(r.exports[7].id, 0x10, 16);
	r.exports[1] = r.exports[7];
	r.export_count = 2;
	tell();
	assert_true(blk_disk_present(crig_disk(&r)));
	r.seen_count = 0;
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), 0);
	assert_int_equal(r.seen[0].unit, 107);
	crig_down(&r);
}

/* Absent after a restart is absent, not an error of the session. */
static void
restart_without_the_export(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	r.export_count = 0;
	crig_restart(&r);
	assert_false(blk_disk_present(crig_disk(&r)));
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), -EIO);
	r.export_count = 1;
	crig_restart(&r);
	assert_true(blk_disk_present(crig_disk(&r)));
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), 0);
	crig_down(&r);
}

static void
list_in_pieces(void **state)
{
	char name[16];
	unsigned int i;

	crig_init(&r);
	for (i = 0; i < BLK_EXPORTS_MAX; i++) {
		snprintf(name, sizeof(name), "disk%u", i);
		crig_export(&r, i, name, 4096 * (i + 1), 0);
	}
	r.per_list = 7;
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(blk_client_disks(r.c), BLK_EXPORTS_MAX);
	assert_int_equal(blk_disk_size(blk_client_disk_by_name(r.c, "disk255")), 4096 * 256);
	crig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(identify_tells_times),
		cmocka_unit_test(hasty_ios_do_not_wait),
		cmocka_unit_test(copies_are_replayed),
		cmocka_unit_test(unanswered_ios_are_replayed),
		cmocka_unit_test(partly_answered_io_is_replayed),
		cmocka_unit_test(range_is_replayed_from_its_start),
		cmocka_unit_test(ios_wait_for_the_session),
		cmocka_unit_test(server_comes_later),
		cmocka_unit_test(function_is_lost),
		cmocka_unit_test(fast_io_fail),
		cmocka_unit_test(without_it_ios_wait),
		cmocka_unit_test(size_and_flags_change),
		cmocka_unit_test(exports_come_and_go),
		cmocka_unit_test(restart_without_the_export),
		cmocka_unit_test(list_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
