/* SPDX-License-Identifier: BSD-3-Clause */
/* What one client may take of a worker while another one wants something. */
#include "blk_rig.h"
#include "blk_steps.h"

#define HEAVY_MAX 16

static struct rig r;
static char path[64]; /* of the image; rig_export_conf() makes its own */

static struct blk_session *
session_of(unsigned int peer)
{
	struct blk_session *s;

	TAILQ_FOREACH(s, &r.srv->sessions, entry) {
		if (s->gid == r.ip.gid[peer + 1])
			return s;
	}
	fail_msg("no session");
	return NULL;
}

static void
start(int image)
{
	struct blk_export_conf conf;

	rig_setup(&r, 2, 1);
	conf = rig_export_conf(&r, "disk", image);
	conf.allow.any = true;
	rig_export(&r, conf);
	rig_connect(&r, 0, 1, 0);
	rig_connect(&r, 1, 1, 0);
}

/* All slots of peer 0 hold such a request. */
static void
fill(struct link_req req)
{
	static uint8_t payload[RIG_SLOT];

	while (link_slots_free(rig_queue(&r.peer[0], 0)) > 0) {
		(void)rig_send(&r, 0, req, payload);
		req.off += req.op == BLK_READ || req.op == BLK_WRITE ? req.len : 0;
	}
}

static unsigned int
answers(unsigned int peer)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < RIG_DEPTH; i++)
		n += r.peer[peer].answered[i];
	return n;
}

static void
worker_round(void)
{
	blk_worker_poll(blk_server_worker(r.srv, 0), base_now_ns());
}

static struct blk_worker_stats
stats(void)
{
	struct blk_worker_stats st;

	blk_worker_stats(blk_server_worker(r.srv, 0), &st);
	return st;
}

/* Long reads of one, a short one of the other: that one does not wait for many long ones. */
static void
turns(void **state)
{
	struct link_req small = { .op = BLK_READ, .unit = 1, .len = 4096 };
	struct link_req large = { .op = BLK_READ, .unit = 1, .len = RIG_SLOT };
	struct link_queue_stats before, after;
	struct link_queue *q;

	start(image_create(image_mem_dir(), 8 << 20, path));
	q = link_session_queue(session_of(0)->link, 0);
	/* Both are known to want something... */
	rig_take(&r, 0, rig_send(&r, 0, small, NULL));
	rig_take(&r, 1, rig_send(&r, 1, small, NULL));
	rig_take(&r, 0, rig_send(&r, 0, small, NULL));
	/* ...and in a round each has its turn. */
	fill(large);
	for (unsigned int i = 0; i < 8; i++) {
		uint16_t id = rig_send(&r, 1, small, NULL);

		link_queue_stats(q, &before);
		worker_round();
		link_queue_stats(q, &after);
		assert_in_range(after.completions - before.completions, 0, 2);
		rig_take(&r, 1, id);
	}
	assert_true(stats().shares_used > 0);
	rig_until(&r, answers(0) == RIG_DEPTH);
	rig_teardown(&r);
}

/* Alone, it need not wait for anybody: a burst is served in a round. */
static void
alone(void **state)
{
	struct link_queue_stats before, after;
	struct link_queue *q;

	start(image_create(image_mem_dir(), 8 << 20, path));
	q = link_session_queue(session_of(0)->link, 0);
	rig_pass(&r, 10);
	fill((struct link_req){ .op = BLK_READ, .unit = 1, .len = RIG_SLOT });
	link_queue_stats(q, &before);
	worker_round();
	link_queue_stats(q, &after);
	assert_int_equal(after.completions - before.completions, BLK_BURST);
	rig_until(&r, answers(0) == RIG_DEPTH);
	rig_teardown(&r);
}

static void
heavy(struct link_req req)
{
	struct link_req small = { .op = BLK_READ, .unit = 1, .len = 4096 };
	unsigned int reads = 0;
	uint16_t id;

	start(image_create(image_disk_dir(), 8 << 20, path));
	fill(req);
	while (answers(0) < RIG_DEPTH) {
		id = rig_send(&r, 1, small, NULL);
		worker_round();
		assert_in_range(session_of(0)->shares[0].heavy, 0, HEAVY_MAX);
		rig_take(&r, 1, id);
		reads++;
		assert_in_range(session_of(0)->shares[0].heavy, 0, HEAVY_MAX);
	}
	assert_true(reads > 0);
	assert_true(stats().waits_heavy > 0);
	assert_int_equal(session_of(0)->shares[0].inflight, 0);
	rig_teardown(&r);
}

static void
flushes(void **state)
{
	heavy((struct link_req){ .op = BLK_FLUSH, .unit = 1 });
}

static void
stable_writes(void **state)
{
	heavy((struct link_req){
		.op = BLK_WRITE, .flags = BLK_FLAG_FUA, .unit = 1, .len = 4096, .payload = 4096 });
}

static void
zeroes(void **state)
{
	heavy((struct link_req){ .op = BLK_WRITE_ZEROES, .unit = 1, .len = 8 << 20 });
}

static void
discards(void **state)
{
	heavy((struct link_req){ .op = BLK_DISCARD, .unit = 1, .len = 8 << 20 });
}

static void
searches(void **state)
{
	heavy((struct link_req){ .op = BLK_BLOCK_STATUS, .unit = 1, .len = 8 << 20 });
}

/* The peer goes while its requests are searched, made stable and waiting: nothing is left. */
static void
gone(void **state)
{
	static const uint8_t ops[] = { BLK_BLOCK_STATUS, BLK_FLUSH, BLK_WRITE_ZEROES };

	for (size_t i = 0; i < RTE_DIM(ops); i++) {
		uint32_t len = ops[i] == BLK_FLUSH ? 0 : 8 << 20;

		start(image_create(image_disk_dir(), 8 << 20, path));
		fill((struct link_req){ .op = ops[i], .unit = 1, .len = len });
		worker_round();
		rig_disconnect(&r, 0);
		rig_until(&r, blk_worker_inflight(blk_server_worker(r.srv, 0)) == 0);
		rig_call(&r, 1, (struct link_req){ .op = BLK_FLUSH, .unit = 1 }, NULL);
		rig_teardown(&r);
	}
}

/* --- steps --- */

static struct blk_step
step_after(struct blk_eio *io, int res)
{
	enum blk_status status;

	if (res >= 0)
		assert_int_equal(blk_steps_result(io, res), BLK_OK);
	return blk_steps_next(io, &status);
}

/* Long ranges go in pieces, so that others get in between. */
static void
pieces(void **state)
{
	static const struct {
		enum blk_backing backing;
		uint32_t max;
	} rows[] = { { BLK_BACKING_MEMORY, 4 << 20 },
		     { BLK_BACKING_LOCAL, 32 << 20 },
		     { BLK_BACKING_DEVICE, 32 << 20 } };

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct blk_export exp = { .backing = rows[i].backing,
					  .align = 512,
					  .flags = BLK_INFO_FAST_ZERO | BLK_INFO_DISCARD };
		struct blk_eio io = { .exp = &exp, .op = BLK_WRITE_ZEROES, .len = 3u << 30 };
		uint64_t done = 0;
		struct blk_step step;

		blk_steps_init(&io, true);
		for (step = step_after(&io, -1); step.kind != BLK_STEP_NONE;
		     step = step_after(&io, 0)) {
			assert_in_range(step.len, 1, rows[i].max);
			done += step.len;
		}
		assert_true(done == io.len);
	}
}

/* A stable write on storage is a write and a sync of its range; in memory one step. */
static void
stable_steps(void **state)
{
	struct blk_export exp = { .backing = BLK_BACKING_LOCAL, .align = 1 };
	struct blk_eio io = {
		.exp = &exp, .op = BLK_WRITE, .flags = BLK_FLAG_FUA, .off = 8192, .len = 4096
	};
	struct blk_step step;

	blk_steps_init(&io, true);
	step = step_after(&io, -1);
	assert_int_equal(step.kind, BLK_STEP_WRITE);
	assert_false(step.dsync);
	step = step_after(&io, 4096);
	assert_int_equal(step.kind, BLK_STEP_SYNC);
	assert_int_equal(step.off, 8192);
	assert_int_equal(step.len, 4096);
	assert_int_equal(step_after(&io, 0).kind, BLK_STEP_NONE);
	exp.backing = BLK_BACKING_MEMORY;
	blk_steps_init(&io, true);
	assert_true(step_after(&io, -1).dsync);
	assert_int_equal(step_after(&io, 4096).kind, BLK_STEP_NONE);
	/* FLUSH is of all. */
	exp.backing = BLK_BACKING_LOCAL;
	io = (struct blk_eio){ .exp = &exp, .op = BLK_FLUSH };
	blk_steps_init(&io, true);
	step = step_after(&io, -1);
	assert_true(step.kind == BLK_STEP_SYNC && step.off == 0 && step.len == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns),    cmocka_unit_test(alone),
		cmocka_unit_test(flushes),  cmocka_unit_test(stable_writes),
		cmocka_unit_test(zeroes),   cmocka_unit_test(discards),
		cmocka_unit_test(searches), cmocka_unit_test(gone),
		cmocka_unit_test(pieces),   cmocka_unit_test(stable_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
