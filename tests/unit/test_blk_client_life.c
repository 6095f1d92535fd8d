/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions come and go under a block client: replay, losses, bounded waits, changing exports,
 * hostile peers.
 */
#include <unistd.h>

#include "blk_client_rig.h"

static struct crig r;

static struct blk_disk *
disk(void)
{
	return blk_client_disk(r.c, 0);
}

/* The server goes away and comes back; the client is up again after. */
static void
restart(void)
{
	unsigned int ups = r.ups, downs = r.downs;

	crig_server_stop(&r);
	crig_until(&r, &r.downs, downs + 1);
	assert_false(blk_client_up(r.c));
	crig_server_start(&r);
	crig_until(&r, &r.ups, ups + 1);
	assert_true(blk_client_up(r.c));
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
	restart();
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
	restart();
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
	restart();
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

/* --- losses --- */

static void
write_some(void)
{
	uint8_t data[512] = { 0 };
	struct crig_io x;

	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 0, sizeof(data), data), 0);
}

static void
restarted_process_loses_nothing(void **state)
{
	crig_up(&r, NULL);
	write_some();
	restart();
	assert_int_equal(blk_disk_losses(disk()), 0);
	crig_down(&r);
}

static void
reboot_loses_unflushed_writes(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	r.boot = 2;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 0); /* nothing was written */
	write_some();
	r.boot = 3;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1);
	r.boot = 4;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1); /* counted once */
	write_some();
	assert_int_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
	r.boot = 5;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1); /* it was flushed */
	crig_down(&r);
}

/* A FLUSH that the old boot never answered proves nothing when the new one does. */
static void
flush_across_a_reboot_tells_of_the_loss(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	write_some();
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_FLUSH, 0, 0, NULL), 0);
	crig_rounds(&r, 5);
	r.hold = false;
	r.boot = 9;
	restart();
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_int_equal(blk_disk_losses(disk()), 1);
	crig_down(&r);
}

/* A write that was answered after the FLUSH was sent is not covered by it. */
static void
flush_covers_only_what_was_answered_before(void **state)
{
	struct crig_io flush, write;
	uint8_t data[512] = { 0 };

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &flush, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(crig_submit(&r, 0, &write, BLK_WRITE, 0, 512, data), 0);
	crig_rounds(&r, 3);
	r.hold = false;
	r.backwards = true; /* the write is answered first */
	crig_until(&r, &flush.done, 1);
	assert_int_equal(write.done, 1);
	r.boot = 7;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1);
	crig_down(&r);
}

static void
fua_writes_are_not_lost(void **state)
{
	struct crig_io x = { 0 };
	uint8_t data[512] = { 0 };

	crig_up(&r, NULL);
	x.io = (struct blk_io){ .op = BLK_WRITE,
				.flags = BLK_FLAG_FUA,
				.disk = disk(),
				.len = 512,
				.data = data,
				.done = crig_io_done,
				.arg = &x };
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &x.io), 0);
	crig_until(&r, &x.done, 1);
	r.boot = 8;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 0);
	crig_down(&r);
}

static uint16_t flush_status;

static void
fail_flush(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_FLUSH)
		cqe->status = flush_status;
}

/* The server tells of lost writes once: who else has the disk open must hear of it here. */
static void
failed_flush_is_a_loss(void **state)
{
	static const struct {
		uint16_t status;
		uint64_t losses;
	} cases[] = { { BLK_EIO, 1 },	 { BLK_ENOSPC, 1 }, { BLK_ENOMEM, 1 },
		      { BLK_ENOENT, 0 }, { BLK_EACCES, 0 }, { BLK_ENOTSUP, 0 } };
	uint64_t losses = 0;
	struct crig_io x;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	r.twist = fail_flush;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		flush_status = cases[i].status;
		assert_int_not_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
		losses += cases[i].losses;
		assert_int_equal(blk_disk_losses(disk()), losses);
	}
	r.twist = NULL;
	assert_int_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(blk_disk_losses(disk()), losses);
	crig_down(&r);
}

/* Whoever comes before anybody was told of a loss is told of it, later ones are not. */
static void
losses_wait_to_be_told(void **state)
{
	_Atomic uint64_t early, first, second;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	atomic_init(&early, blk_disk_losses_known(disk()));
	assert_false(blk_disk_losses_tell(disk(), &early));
	write_some();
	r.boot = 2;
	restart();
	atomic_init(&first, blk_disk_losses_known(disk()));
	assert_true(blk_disk_losses_tell(disk(), &first));
	assert_false(blk_disk_losses_tell(disk(), &first));
	atomic_init(&second, blk_disk_losses_known(disk()));
	assert_false(blk_disk_losses_tell(disk(), &second));
	assert_true(blk_disk_losses_tell(disk(), &early));
	crig_down(&r);
}

static void
another_image_is_a_loss(void **state)
{
	crig_up(&r, NULL);
	r.exports[0].id[3] ^= 0xff;
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1);
	restart();
	assert_int_equal(blk_disk_losses(disk()), 1);
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
	assert_int_equal(blk_cq_cancel(blk_client_queue(r.c, 0), &x.io, -EINTR), 0);
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
	assert_int_equal(blk_disk_size(disk()), 8192);
	assert_true(blk_disk_flags(disk()) & BLK_INFO_READ_ONLY);
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
	assert_false(blk_disk_present(disk()));
	assert_true(blk_disk_present(blk_client_disk(r.c, 1)));
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), -EIO);
	/* And returns, under another unit. */
	crig_export(&r, 7, "disk", CRIG_IMAGE, CRIG_FLAGS);
	memset(r.exports[7].id, 0x10, 16);
	r.exports[1] = r.exports[7];
	r.export_count = 2;
	tell();
	assert_true(blk_disk_present(disk()));
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
	restart();
	assert_false(blk_disk_present(disk()));
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), -EIO);
	r.export_count = 1;
	restart();
	assert_true(blk_disk_present(disk()));
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

/* --- a server that lowers or lies --- */

static void
fewer_queues(void **state)
{
	static struct crig_io x[3];
	unsigned int i;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.queues_max = 2;
	crig_server_start(&r);
	crig_client_start(&r, &(struct blk_client_conf){ .queues = 3 });
	crig_until(&r, &r.ups, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(blk_cq_usable(blk_client_queue(r.c, i)), i < 2);
		assert_int_equal(crig_submit(&r, i, &x[i], BLK_READ, 0, 512, NULL), 0);
		crig_until(&r, &x[i].done, 1);
		assert_int_equal(x[i].err, i < 2 ? 0 : -EIO);
	}
	crig_down(&r);
}

static void
fewer_slots(void **state)
{
	struct crig_io x;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.depth_max = 4;
	r.slot_max = 8192;
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(blk_client_io_max(r.c), 4 * 8192);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4 * 8192, NULL), 0);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4 * 8192 + 1, NULL), -EIO);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), 0);
	crig_down(&r);
}

static unsigned int lies;
static uint8_t lie_op;
static int32_t lie_payload;
static uint16_t lie_status;

static void
twist_lie(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op != lie_op || lies == 0)
		return;
	lies--;
	cqe->payload = (uint32_t)((int32_t)cqe->payload + lie_payload);
	cqe->status = lie_status;
}

/* An answer that does not fit costs the peer its session; the io is asked again and ends well. */
static void
lying_costs_the_session(void **state)
{
	static const struct {
		uint8_t op;
		int32_t payload;
		uint16_t status;
		uint64_t len;
	} table[] = {
		{ BLK_READ, -1, BLK_OK, 4096 },
		{ BLK_READ, 1, BLK_OK, 4096 },
		{ BLK_READ, 0, BLK_EIO, 4096 },
		{ BLK_WRITE, 8, BLK_OK, 4096 },
		{ BLK_FLUSH, 16, BLK_OK, 0 },
		{ BLK_BLOCK_STATUS, 1, BLK_OK, 4096 },
		{ BLK_BLOCK_STATUS, -16, BLK_OK, 4096 },
	};
	static uint8_t data[4096];
	struct crig_io x;
	size_t i;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_CRIT);
	r.extent_count = 1;
	r.extents[0].len = rte_cpu_to_be_64(4096);
	r.twist = twist_lie;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned int downs = r.downs;

		lies = 1;
		lie_op = table[i].op;
		lie_payload = table[i].payload;
		lie_status = table[i].status;
		assert_int_equal(crig_do(&r, &x, table[i].op, 0, table[i].len, data), 0);
		assert_int_equal(lies, 0);
		assert_int_equal(r.downs, downs + 1);
		assert_int_equal(r.why, LINK_WHY_PROTOCOL);
	}
	crig_down(&r);
}

/* LIST that lies never makes the client ready, and ios wait. */
static void
lying_list(void **state)
{
	struct blk_disk *d;

	crig_init(&r);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_CRIT);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_CRIT);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.twist = twist_lie;
	lies = 3;
	lie_op = BLK_LIST;
	lie_payload = 100;
	lie_status = BLK_OK;
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(lies, 0);
	/* Refused: asked again after a while. */
	lies = 1;
	lie_payload = -256;
	lie_status = BLK_ENOMEM;
	link_session_set_notice(r.s, ++notice);
	crig_until(&r, &r.lists, r.lists + 3);
	d = blk_client_disk_by_name(r.c, "disk");
	assert_non_null(d);
	assert_true(blk_disk_present(d));
	crig_down(&r);
}

/* Names that are no file names, and doubles, do not become disks as they are. */
static void
hostile_names(void **state)
{
	unsigned int i;

	crig_init(&r);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_CRIT);
	crig_export(&r, 0, "..", 4096, 0);
	crig_export(&r, 1, ".", 4096, 0);
	crig_export(&r, 2, "", 4096, 0);
	crig_export(&r, 3, "a/b", 4096, 0);
	crig_export(&r, 4, "good", 4096, 0);
	crig_export(&r, 5, "good", 8192, 0);
	crig_export(&r, 6, "x\033[2Jx", 4096, 0);
	crig_export(&r, 7, "big", UINT64_MAX, 0);
	crig_export(&r, 8, "", 4096, 0);
	memset(r.exports[8].name, 'n', sizeof(r.exports[8].name));
	for (i = 9; i < BLK_EXPORTS_MAX + 8; i++)
		crig_export(&r, i, "", 4096, 0);
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(blk_client_disks(r.c), 5);
	for (i = 0; i < blk_client_disks(r.c); i++) {
		const char *name = blk_disk_name(blk_client_disk(r.c, i));

		assert_null(strchr(name, '/'));
		assert_null(strchr(name, '\033'));
		assert_string_not_equal(name, ".");
		assert_string_not_equal(name, "..");
		assert_true(strlen(name) > 0 && strlen(name) < BLK_NAME_MAX);
	}
	assert_int_equal(blk_disk_size(blk_client_disk_by_name(r.c, "good")), 4096);
	crig_down(&r);
}

static void
wrong_configurations(void **state)
{
	struct blk_client *c;
	struct blk_client_conf conf;

	crig_init(&r);
	conf = (struct blk_client_conf){ .link = r.l[1], .rgid = r.ip.gid[0] };
	conf.queues = LINK_QUEUES_MAX + 1;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.queues = 1;
	conf.slot_size = 5000;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.slot_size = 4096;
	conf.depth = LINK_DEPTH_MAX + 1;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.depth = 0;
	conf.rgid = 0;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.rgid = r.ip.gid[1];
	assert_int_equal(blk_client_create(&conf, &c), -EADDRINUSE);
	conf.rgid = r.ip.gid[0];
	assert_int_equal(blk_client_create(&conf, &r.c), 0);
	assert_int_equal(blk_client_create(&conf, &c), -EEXIST);
	blk_client_destroy(NULL);
	r.queues = 1;
	crig_server_start(&r);
	crig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(unanswered_ios_are_replayed),
		cmocka_unit_test(partly_answered_io_is_replayed),
		cmocka_unit_test(range_is_replayed_from_its_start),
		cmocka_unit_test(ios_wait_for_the_session),
		cmocka_unit_test(server_comes_later),
		cmocka_unit_test(function_is_lost),
		cmocka_unit_test(restarted_process_loses_nothing),
		cmocka_unit_test(reboot_loses_unflushed_writes),
		cmocka_unit_test(flush_across_a_reboot_tells_of_the_loss),
		cmocka_unit_test(flush_covers_only_what_was_answered_before),
		cmocka_unit_test(fua_writes_are_not_lost),
		cmocka_unit_test(failed_flush_is_a_loss),
		cmocka_unit_test(losses_wait_to_be_told),
		cmocka_unit_test(another_image_is_a_loss),
		cmocka_unit_test(fast_io_fail),
		cmocka_unit_test(without_it_ios_wait),
		cmocka_unit_test(size_and_flags_change),
		cmocka_unit_test(exports_come_and_go),
		cmocka_unit_test(restart_without_the_export),
		cmocka_unit_test(list_in_pieces),
		cmocka_unit_test(fewer_queues),
		cmocka_unit_test(fewer_slots),
		cmocka_unit_test(lying_costs_the_session),
		cmocka_unit_test(lying_list),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(wrong_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
