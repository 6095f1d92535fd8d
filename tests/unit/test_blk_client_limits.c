/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ios that end before the peer answers: by --io-timeout, by --fast-io-fail, by their process's
 * death; with a server that is mute, slow, half dead or never up for long. And what becomes of the
 * answers that come later.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blk_client_rig.h"

#define DEAD_MS 200 /* four keepalives of the rig */

static struct crig r;

static void
run_for(uint64_t ms)
{
	uint64_t end = base_now_ns() + ms * BASE_NS_PER_MS;

	while (base_now_ns() < end)
		crig_round(&r);
}

static struct blk_cq_stats
stats(void)
{
	struct blk_cq_stats st;

	blk_cq_stats(blk_client_queue(r.c, 0), &st);
	return st;
}

/* --- io_timeout_ms --- */

/* Sent and not answered; waiting for slots; waiting for a session: each ends in time. */
static void
timeout_in_every_state(void **state)
{
	struct crig_io sent, waiting, away, later;
	uint64_t start;

	crig_up(&r, &(struct blk_client_conf){ .io_timeout_ms = 150, .depth = 16 });
	r.hold = true;
	start = base_now_ns();
	assert_int_equal(crig_submit(&r, 0, &sent, BLK_READ, 0, BLK_IO_MAX, NULL), 0);
	assert_int_equal(crig_submit(&r, 0, &waiting, BLK_READ, 0, 4096, NULL), 0);
	crig_until(&r, &sent.done, 1);
	crig_until(&r, &waiting.done, 1);
	assert_true(base_now_ns() - start >= 150 * BASE_NS_PER_MS);
	assert_int_equal(sent.err, -EIO);
	assert_int_equal(waiting.err, -EIO);
	assert_int_equal(r.downs, 0);
	assert_int_equal(stats().timeouts, 2);
	assert_int_equal(r.seen_count, 16);
	/* The late answers free the slots. */
	r.hold = false;
	assert_int_equal(crig_do(&r, &later, BLK_READ, 0, BLK_IO_MAX, NULL), 0);
	assert_int_equal(stats().late_answers, 16);
	assert_int_equal(sent.done, 1);
	crig_server_stop(&r);
	assert_int_equal(crig_do(&r, &away, BLK_WRITE, 0, 4096, r.image), -EIO);
	crig_down(&r);
}

static void
no_timeout_by_default(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, 4096, NULL), 0);
	run_for(3 * DEAD_MS);
	assert_int_equal(x.done, 0);
	r.hold = false;
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	crig_down(&r);
}

/* --- orphans --- */

static bool
hold_first_page(const struct link_req *req)
{
	return req->op == BLK_WRITE && req->off == 0;
}

/* A write that was given up may still take effect: no later one may be answered before it. */
static void
writes_do_not_overtake_orphans(void **state)
{
	uint8_t old[4096], new[4096];
	struct crig_io a, b, zero, read;

	memset(old, 0x11, sizeof(old));
	memset(new, 0x22, sizeof(new));
	crig_up(&r, &(struct blk_client_conf){ .queues = 2 });
	r.holds = hold_first_page;
	assert_int_equal(crig_submit(&r, 0, &a, BLK_WRITE, 0, 4096, old), 0);
	crig_rounds(&r, 3);
	blk_cq_cancel(blk_client_queue(r.c, 0), &a.io, -EINTR);
	assert_int_equal(a.err, -EINTR);
	/* Of the other queue, too. Reading goes on. */
	assert_int_equal(crig_submit(&r, 1, &b, BLK_WRITE, 0, 4096, new), 0);
	assert_int_equal(crig_submit(&r, 0, &zero, BLK_WRITE_ZEROES, 4096, 4096, NULL), 0);
	assert_int_equal(crig_do(&r, &read, BLK_READ, 0, 4096, NULL), 0);
	run_for(50);
	assert_int_equal(b.done, 0);
	assert_int_equal(zero.done, 0);
	assert_int_equal(r.seen_count, 2);
	r.holds = NULL;
	crig_until(&r, &b.done, 1);
	crig_until(&r, &zero.done, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(zero.err, 0);
	assert_memory_equal(r.image, new, sizeof(new));
	crig_down(&r);
}

/* Slots and order come back with a new session, as all of the old one has ended then. */
static void
orphans_end_with_the_session(void **state)
{
	uint8_t data[4096] = { 1 };
	struct crig_io a[16], b;
	unsigned int i, ups;

	crig_up(&r, &(struct blk_client_conf){ .depth = 16 });
	r.hold = true;
	for (i = 0; i < 16; i++)
		assert_int_equal(crig_submit(&r, 0, &a[i], BLK_WRITE, 0, 4096, data), 0);
	crig_rounds(&r, 3);
	for (i = 0; i < 16; i++)
		blk_cq_cancel(blk_client_queue(r.c, 0), &a[i].io, -EINTR);
	assert_int_equal(crig_submit(&r, 0, &b, BLK_WRITE, 4096, 4096, data), 0);
	ups = r.ups;
	crig_server_stop(&r);
	crig_until(&r, &r.downs, 1);
	r.hold = false;
	r.seen_count = 0;
	crig_server_start(&r);
	crig_until(&r, &r.ups, ups + 1);
	crig_until(&r, &b.done, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(r.seen_count, 1);
	assert_int_equal(stats().late_answers, 0);
	crig_down(&r);
}

static void
twist_flush(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_FLUSH)
		cqe->status = BLK_EIO;
}

/* The server tells a failed flush once. Told to an orphan, the loss is counted all the same. */
static void
late_flush_tells_its_loss(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	r.hold = true;
	r.twist = twist_flush;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_FLUSH, 0, 0, NULL), 0);
	crig_rounds(&r, 3);
	blk_cq_cancel(blk_client_queue(r.c, 0), &x.io, -EINTR);
	assert_int_equal(blk_disk_losses(blk_client_disk(r.c, 0)), 0);
	r.hold = false;
	crig_rounds(&r, 5);
	assert_int_equal(blk_disk_losses(blk_client_disk(r.c, 0)), 1);
	crig_down(&r);
}

/* --- fast_io_fail_ms with a session that is up --- */

static void
fast_fail_of_a_mute_server(void **state)
{
	struct crig_io sent, at_once, back;
	uint64_t start;

	crig_up(&r, &(struct blk_client_conf){ .fast_io_fail_ms = 100 });
	r.hold = true;
	start = base_now_ns();
	assert_int_equal(crig_submit(&r, 0, &sent, BLK_FLUSH, 0, 0, NULL), 0);
	crig_until(&r, &sent.done, 1);
	assert_int_equal(sent.err, -EIO);
	assert_true(base_now_ns() - start >= (100 + DEAD_MS) * BASE_NS_PER_MS);
	assert_true(base_now_ns() - start < 5 * BASE_NS_PER_S);
	/*
	 * Its keepalives come: the session stays. New ios fail at once, until it answers something.
	 */
	assert_int_equal(r.downs, 0);
	assert_int_equal(crig_submit(&r, 0, &at_once, BLK_READ, 0, 4096, NULL), 0);
	crig_rounds(&r, 2);
	assert_int_equal(at_once.done, 1);
	assert_int_equal(at_once.err, -EIO);
	r.hold = false;
	crig_rounds(&r, 5);
	assert_int_equal(crig_do(&r, &back, BLK_READ, 0, 4096, NULL), 0);
	crig_down(&r);
}

static bool
hold_flush_and_first_page(const struct link_req *req)
{
	return req->op == BLK_FLUSH || (req->op == BLK_READ && req->off == 0);
}

/* While others are answered a flush may take its time, but a read that is left out may not. */
static void
fast_fail_knows_slow_from_lost(void **state)
{
	struct crig_io flush, lost, other;
	uint64_t end;

	crig_up(&r, &(struct blk_client_conf){ .fast_io_fail_ms = 100 });
	r.holds = hold_flush_and_first_page;
	assert_int_equal(crig_submit(&r, 0, &flush, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(crig_submit(&r, 0, &lost, BLK_READ, 0, 4096, NULL), 0);
	end = base_now_ns() + 5 * (100 + DEAD_MS) * BASE_NS_PER_MS;
	while (base_now_ns() < end) {
		assert_int_equal(crig_do(&r, &other, BLK_READ, 4096, 4096, NULL), 0);
		run_for(5);
		r.seen_count = 0;
	}
	assert_int_equal(lost.done, 1);
	assert_int_equal(lost.err, -EIO);
	assert_int_equal(flush.done, 0);
	r.holds = NULL;
	crig_until(&r, &flush.done, 1);
	assert_int_equal(flush.err, 0);
	crig_down(&r);
}

/* A server that lets us come up, and goes before it has answered: no progress, so an error. */
static void
fast_fail_of_sessions_without_progress(void **state)
{
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;
	struct crig_io x;
	unsigned int ups;

	crig_up(&r, &(struct blk_client_conf){ .fast_io_fail_ms = 300 });
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, 4096, NULL), 0);
	while (x.done == 0 && base_now_ns() < end) {
		ups = r.ups;
		crig_rounds(&r, 20);
		if (r.s == NULL || r.seen_count == 0)
			continue;
		link_session_close(r.s, "again");
		crig_server_stop(&r);
		crig_rounds(&r, 5);
		r.seen_count = 0;
		crig_server_start(&r);
		while (x.done == 0 && r.ups == ups && base_now_ns() < end)
			crig_round(&r);
	}
	assert_int_equal(x.done, 1);
	assert_int_equal(x.err, -EIO);
	assert_true(stats().replays > 1);
	crig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeout_in_every_state),
		cmocka_unit_test(no_timeout_by_default),
		cmocka_unit_test(writes_do_not_overtake_orphans),
		cmocka_unit_test(orphans_end_with_the_session),
		cmocka_unit_test(late_flush_tells_its_loss),
		cmocka_unit_test(fast_fail_of_a_mute_server),
		cmocka_unit_test(fast_fail_knows_slow_from_lost),
		cmocka_unit_test(fast_fail_of_sessions_without_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
