/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and responses: contents, the store budget (DESIGN D7), the wrap of laps, odd lengths. */
#include <errno.h>

#include "base_crc.h"
#include "link_rig.h"

#define OP_READ 1
#define OP_WRITE 2
#define OP_FLUSH 3
#define BLOCK 4096u

static struct rig r;
static struct link_queue *iq, *lq; /* the two ends of queue 0 */
static uint8_t pattern[LINK_SLOT_MAX];

static void
start(const struct inproc_conf *conf, uint16_t depth, uint32_t slot)
{
	rig_up(&r, conf, 1, depth, slot);
	iq = rig_queue(&r, RIG_INITIATOR, 0);
	lq = rig_queue(&r, RIG_LISTENER, 0);
	assert_int_equal(link_queue_depth(iq), depth);
	assert_int_equal(link_queue_slot_size(lq), slot);
	for (uint32_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + 1);
}

static void
start_plain(uint16_t depth, uint32_t slot)
{
	start(&(struct inproc_conf){ .functions = 2 }, depth, slot);
}

/* Ask for `len` bytes (or send them). @return the id. */
static uint16_t
ask(uint8_t op, uint64_t off, uint32_t len)
{
	struct link_req req = { .op = op, .off = off, .len = len, .unit = 0x1234, .flags = 0x5a };
	int id = link_slot_get(iq);

	assert_true(id >= 0);
	req.id = (uint16_t)id;
	if (op == OP_WRITE) {
		req.payload = len;
		req.crc = base_crc32c(0, pattern + off % BLOCK, len);
		assert_int_equal(link_req_payload(iq, req.id, 0, pattern + off % BLOCK, len), 0);
	}
	assert_int_equal(link_req_post(iq, &req), 0);
	return req.id;
}

/* Take and answer what is there. @return how many. */
static unsigned int
answer(void)
{
	struct link_req req[64];
	int n = link_sqe_poll(lq, req, 64);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		struct link_cqe cqe = {
			.id = req[i].id,
			.status = (uint16_t)(req[i].off & 0xffff),
			.flags = req[i].flags,
			.result = req[i].len ^ 0xffffffffu,
		};

		assert_int_equal(req[i].unit, 0x1234);
		if (req[i].op == OP_WRITE) {
			assert_int_equal(req[i].payload, req[i].len);
			assert_memory_equal(link_slot_payload(lq, req[i].id),
					    pattern + req[i].off % BLOCK, req[i].len);
			cqe.crc = req[i].crc;
		} else if (req[i].op == OP_READ) {
			cqe.payload = req[i].len;
			assert_int_equal(link_rsp_payload(lq, cqe.id, 0,
							  pattern + req[i].off % BLOCK, req[i].len),
					 0);
		}
		assert_int_equal(link_rsp_post(lq, &cqe), 0);
	}
	assert_int_equal(link_rsp_flush(lq), 0);
	return (unsigned int)n;
}

static unsigned int
reap(uint8_t op, uint64_t off, uint32_t len)
{
	struct link_cqe cqe[64];
	int n = link_cqe_poll(iq, cqe, 64);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		assert_int_equal(cqe[i].status, off & 0xffff);
		assert_int_equal(cqe[i].flags, 0x5a);
		assert_int_equal(cqe[i].result, len ^ 0xffffffffu);
		if (op == OP_READ)
			assert_memory_equal(link_slot_rx(iq, cqe[i].id), pattern + off % BLOCK,
					    len);
		if (op == OP_WRITE)
			assert_int_equal(cqe[i].crc, base_crc32c(0, pattern + off % BLOCK, len));
		link_slot_put(iq, cqe[i].id);
	}
	return (unsigned int)n;
}

static void
one(uint8_t op, uint64_t off, uint32_t len)
{
	ask(op, off, len);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(answer(), 1);
	assert_int_equal(reap(op, off, len), 1);
}

static void
budget_depth_1(void **state)
{
	uint64_t before;

	start_plain(32, BLOCK);
	for (unsigned int i = 0; i < 100; i++) {
		before = rig_stores(&r);
		one(OP_READ, i, BLOCK);
		assert_int_equal(rig_stores(&r) - before, 3);
		before = rig_stores(&r);
		one(OP_WRITE, i, BLOCK);
		assert_int_equal(rig_stores(&r) - before, 3);
		before = rig_stores(&r);
		one(OP_FLUSH, i, 0);
		assert_int_equal(rig_stores(&r) - before, 2);
	}
	rig_down(&r);
}

static void
budget_depth_32(uint8_t op)
{
	uint64_t before, stores;

	start_plain(32, BLOCK);
	one(OP_FLUSH, 0, 0); /* batches that wrap in the middle */
	before = rig_stores(&r);
	for (unsigned int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < 32; i++)
			ask(op, round, BLOCK);
		assert_int_equal(link_slot_get(iq), -EAGAIN);
		assert_int_equal(link_slots_free(iq), 0);
		assert_int_equal(link_req_flush(iq), 0);
		assert_int_equal(answer(), 32);
		assert_int_equal(reap(op, round, BLOCK), 32);
	}
	stores = rig_stores(&r) - before;
	print_message("depth 32, op %u: %.3f stores an operation\n", op, (double)stores / 1600);
	assert_true(stores * 4 <= 1600 * 5);
	rig_down(&r);
}

static void
budget_depth_32_read(void **state)
{
	budget_depth_32(OP_READ);
}

static void
budget_depth_32_write(void **state)
{
	budget_depth_32(OP_WRITE);
}

static void
idle_is_silent(void **state)
{
	struct rig_end *e;
	uint64_t before;

	start_plain(32, BLOCK);
	before = rig_stores(&r);
	e = &r.end[RIG_LISTENER];
	/* 10 s: 10 keepalives each way, and nothing else. */
	for (unsigned int i = 0; i < 10000; i++) {
		rig_pass(&r, 1);
		assert_int_equal(answer(), 0);
		assert_int_equal(reap(0, 0, 0), 0);
	}
	assert_int_equal(rig_stores(&r) - before, 20);
	assert_int_equal(e->downs, 0);
	rig_down(&r);
}

static void
many_laps(void **state)
{
	start_plain(2, BLOCK);
	for (unsigned int i = 0; i < 2 * 700; i++)
		one(i % 3 == 0 ? OP_READ : OP_WRITE, i, 64);
	rig_down(&r);
}

static void
odd_batches(void **state)
{
	unsigned int next = 1;

	start_plain(16, BLOCK);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int n = 1 + next % 16;

		next = next * 1103515245u + 12345u;
		for (unsigned int k = 0; k < n; k++)
			ask(OP_FLUSH, i, 5);
		assert_int_equal(link_req_flush(iq), 0);
		assert_int_equal(answer(), n);
		assert_int_equal(reap(OP_FLUSH, i, 5), n);
	}
	rig_down(&r);
}

static void
odd_lengths(void **state)
{
	static const uint32_t len[] = { 1,  7,	8,  9,	  15,	16,   17,   23,	   24,
					25, 31, 33, 4095, 4096, 4097, 8191, 65535, 65536 };

	start_plain(4, 65536);
	for (unsigned int i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		one(OP_WRITE, 3, len[i]);
		one(OP_READ, 5, len[i]);
	}
	rig_down(&r);
}

/* What lies behind an odd payload is zero or untouched, never something of the process. */
static void
odd_lengths_pad_with_zeros(void **state)
{
	uint8_t *rx;

	start_plain(2, BLOCK);
	for (uint32_t len = 1; len < 200; len++) {
		uint16_t id = (uint16_t)link_slot_get(iq);

		rx = link_slot_payload(lq, id);
		memset(rx, 0xee, 256);
		assert_int_equal(link_req_payload(iq, id, 0, pattern, len), 0);
		assert_memory_equal(rx, pattern, len);
		for (uint32_t i = len; i < 256; i++)
			assert_true(rx[i] == 0xee || (rx[i] == 0 && i < len + 16));
		link_slot_put(iq, id);
	}
	rig_down(&r);
}

static void
payload_bounds(void **state)
{
	uint16_t id;

	start_plain(2, 8192);
	id = (uint16_t)link_slot_get(iq);
	assert_int_equal(link_req_payload(iq, id, 0, pattern, 8192), 0);
	assert_int_equal(link_req_payload(iq, id, 4096, pattern, 4096), 0);
	assert_int_equal(link_req_payload(iq, id, 8176, pattern, 16), 0);
	assert_int_equal(link_req_payload(iq, id, 8192, pattern, 0), 0);
	assert_int_equal(link_req_payload(iq, id, 0, pattern, 8193), -EINVAL);
	assert_int_equal(link_req_payload(iq, id, 8184, pattern, 16), -EINVAL);
	assert_int_equal(link_req_payload(iq, id, 8184, pattern, 8), -EINVAL);
	assert_int_equal(link_req_payload(iq, id, 4, pattern, 16), -EINVAL);
	assert_int_equal(link_req_payload(iq, id, UINT32_MAX - 7, pattern, 16), -EINVAL);
	assert_int_equal(link_req_payload(iq, 2, 0, pattern, 16), -EINVAL);
	assert_int_equal(link_req_payload(iq, id ^ 1, 0, pattern, 16), -EINVAL); /* not got */
	assert_int_equal(link_rsp_payload(lq, id, 0, pattern, 16), -EINVAL); /* not asked */
	rig_down(&r);
}

static void
post_bounds(void **state)
{
	struct link_req req = { .op = 1 };
	struct link_cqe cqe = { 0 };

	start_plain(2, BLOCK);
	assert_int_equal(link_req_post(iq, &req), -EINVAL); /* id not got */
	req.id = (uint16_t)link_slot_get(iq);
	req.op = 0;
	assert_int_equal(link_req_post(iq, &req), -EINVAL);
	req.op = 1;
	req.off = UINT64_C(1) << 56;
	assert_int_equal(link_req_post(iq, &req), -EINVAL);
	req.off--;
	req.payload = BLOCK + 1;
	assert_int_equal(link_req_post(iq, &req), -EINVAL);
	req.payload = BLOCK;
	assert_int_equal(link_req_post(iq, &req), 0);
	assert_int_equal(link_req_post(iq, &req), -EINVAL); /* open */
	link_slot_put(iq, req.id); /* open: stays so */
	assert_int_equal(link_slots_free(iq), 1);
	cqe.id = req.id;
	assert_int_equal(link_rsp_post(lq, &cqe), -EINVAL); /* not seen yet */
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(link_sqe_poll(lq, &req, 1), 1);
	assert_true(req.off == (UINT64_C(1) << 56) - 1);
	cqe.payload = BLOCK + 1;
	assert_int_equal(link_rsp_post(lq, &cqe), -EINVAL);
	cqe.payload = 0;
	assert_int_equal(link_rsp_post(lq, &cqe), 0);
	assert_int_equal(link_rsp_post(lq, &cqe), -EINVAL); /* answered */
	rig_down(&r);
}

static void
slots_are_apart(void **state)
{
	uint16_t id[8];

	/* 8 slots of 256 KiB: four in a DMB of 1 MiB. */
	start_plain(8, LINK_SLOT_MAX);
	for (unsigned int i = 0; i < 8; i++) {
		int got = link_slot_get(iq);

		assert_true(got >= 0);
		id[i] = (uint16_t)got;
		memset(pattern, (int)i + 1, sizeof(pattern));
		assert_int_equal(link_req_payload(iq, id[i], 0, pattern, sizeof(pattern)), 0);
	}
	for (unsigned int i = 0; i < 8; i++) {
		const uint8_t *p = link_slot_payload(lq, id[i]);

		for (uint32_t k = 0; k < LINK_SLOT_MAX; k++)
			assert_int_equal(p[k], i + 1);
	}
	rig_down(&r);
}

static void
counters(void **state)
{
	struct link_queue_stats st;

	start_plain(8, BLOCK);
	for (unsigned int i = 0; i < 5; i++)
		ask(OP_WRITE, 0, 100);
	link_req_flush(iq);
	link_queue_stats(iq, &st);
	assert_int_equal(st.requests, 5);
	assert_int_equal(st.inflight, 5);
	assert_int_equal(st.payload_tx, 500);
	assert_int_equal(st.flushes, 1);
	assert_int_equal(st.descriptors, 5);
	assert_int_equal(answer(), 5);
	link_queue_stats(lq, &st);
	assert_int_equal(st.requests, 5);
	assert_int_equal(st.completions, 5);
	assert_int_equal(st.payload_rx, 500);
	assert_int_equal(st.inflight, 0);
	assert_int_equal(reap(OP_WRITE, 0, 100), 5);
	assert_int_equal(reap(OP_WRITE, 0, 100), 0);
	link_queue_stats(iq, &st);
	assert_int_equal(st.completions, 5);
	assert_int_equal(st.inflight, 0);
	assert_int_equal(st.polls, 2);
	assert_int_equal(st.polls_empty, 1);
	assert_int_equal(st.bad, 0);
	rig_down(&r);
}

/* QEMU's limit: more stores, same contents. */
static void
small_maxstbl(void **state)
{
	uint64_t before;

	start(&(struct inproc_conf){ .functions = 2, .maxstbl = 128 }, 32, 8192);
	before = rig_stores(&r);
	one(OP_READ, 1, BLOCK);
	assert_int_equal(rig_stores(&r) - before, 32 + 2);
	for (unsigned int i = 0; i < 32; i++)
		ask(OP_WRITE, 9, 5000);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(answer(), 32);
	assert_int_equal(reap(OP_WRITE, 9, 5000), 32);
	rig_down(&r);
}

/* Direct windows count as the stores that they stand for. */
static void
direct_windows(void **state)
{
	uint64_t before;

	start(&(struct inproc_conf){ .functions = 2, .direct = true }, 32, BLOCK);
	before = rig_stores(&r);
	for (unsigned int i = 0; i < 100; i++) {
		one(OP_READ, i, BLOCK);
		one(OP_WRITE, i, BLOCK);
	}
	assert_int_equal(rig_stores(&r) - before, 600);
	rig_down(&r);
}

static void
several_queues(void **state)
{
	struct link_req req = { .op = 9 };
	struct link_cqe cqe = { 0 };

	rig_up(&r, &(struct inproc_conf){ .functions = 2 }, 16, 4, 8192);
	for (unsigned int i = 0; i < 16; i++) {
		struct link_queue *q = rig_queue(&r, RIG_INITIATOR, i);
		uint64_t mark = 0x1111111111111111u * (i + 1) ^ i;
		uint64_t src[2] = { mark, ~mark };

		req.id = (uint16_t)link_slot_get(q);
		req.unit = (uint16_t)(1000 + i);
		req.payload = sizeof(src);
		assert_int_equal(link_req_payload(q, req.id, 0, src, sizeof(src)), 0);
		assert_int_equal(link_req_post(q, &req), 0);
		assert_int_equal(link_req_flush(q), 0);
	}
	for (unsigned int i = 0; i < 16; i++) {
		struct link_queue *q = rig_queue(&r, RIG_LISTENER, i);
		const uint64_t *got;

		assert_int_equal(link_queue_index(q), i);
		assert_int_equal(link_sqe_poll(q, &req, 1), 1);
		assert_int_equal(req.unit, 1000 + i);
		got = link_slot_payload(q, req.id);
		assert_true(got[0] == (0x1111111111111111u * (i + 1) ^ i) && got[1] == ~got[0]);
		cqe.id = req.id;
		cqe.status = (uint16_t)i;
		assert_int_equal(link_rsp_post(q, &cqe), 0);
		assert_int_equal(link_rsp_flush(q), 0);
		assert_int_equal(link_cqe_poll(rig_queue(&r, RIG_INITIATOR, i), &cqe, 1), 1);
		assert_int_equal(cqe.status, i);
	}
	rig_down(&r);
}

/* A response that was placed is a response that was stored, to both counters and the peer. */
static void
placed(void **state)
{
	struct rte_pmd_ism_stats before, after;
	struct link_queue_stats qs;
	struct link_req req;
	struct link_cqe cqe;
	uint16_t id;
	void *mem;

	start(&(struct inproc_conf){ .functions = 2, .direct = true }, 4, 2 * BLOCK);
	assert_null(link_rsp_place(lq, 0)); /* not asked */
	id = ask(OP_READ, 0, BLOCK);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(link_sqe_poll(lq, &req, 1), 1);
	mem = link_rsp_place(lq, req.id);
	assert_non_null(mem);
	assert_null(link_rsp_place(lq, 4));
	memcpy(mem, pattern, BLOCK);
	rte_pmd_ism_stats_get(r.ip.dev_id[RIG_LISTENER], &before);
	assert_int_equal(link_rsp_placed(lq, req.id, 2 * BLOCK + 1), -EINVAL);
	assert_int_equal(link_rsp_placed(lq, (uint16_t)(req.id ^ 1), BLOCK), -EINVAL);
	assert_int_equal(link_rsp_placed(lq, req.id, 0), 0);
	assert_int_equal(link_rsp_placed(lq, req.id, BLOCK), 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[RIG_LISTENER], &after);
	assert_int_equal(after.stores - before.stores, 1);
	link_queue_stats(lq, &qs);
	assert_int_equal(qs.payload_tx, BLOCK);
	cqe = (struct link_cqe){ .id = req.id, .payload = BLOCK };
	assert_int_equal(link_rsp_post(lq, &cqe), 0);
	assert_int_equal(link_rsp_flush(lq), 0);
	assert_int_equal(link_cqe_poll(iq, &cqe, 1), 1);
	assert_int_equal(cqe.id, id);
	assert_memory_equal(link_slot_rx(iq, cqe.id), pattern, BLOCK);
	rig_down(&r);
}

/* So is a request's payload, of which a part may have been stored. */
static void
request_placed(void **state)
{
	struct rte_pmd_ism_stats before, after;
	struct link_queue_stats qs;
	struct link_req req = { .op = OP_WRITE, .len = 2 * BLOCK, .payload = 2 * BLOCK };
	uint8_t *mem;
	int id;

	start(&(struct inproc_conf){ .functions = 2, .direct = true }, 4, 2 * BLOCK);
	id = link_slot_get(iq);
	assert_true(id >= 0);
	req.id = (uint16_t)id;
	assert_null(link_req_place(iq, req.id ^ 1)); /* not got */
	assert_null(link_req_place(iq, 4));
	mem = link_req_place(iq, req.id);
	assert_non_null(mem);
	rte_pmd_ism_stats_get(r.ip.dev_id[RIG_INITIATOR], &before);
	assert_int_equal(link_req_payload(iq, req.id, 0, pattern, BLOCK), 0);
	memcpy(mem + BLOCK, pattern + BLOCK, BLOCK);
	assert_int_equal(link_req_placed(iq, req.id, BLOCK, BLOCK + 1), -EINVAL);
	assert_int_equal(link_req_placed(iq, req.id, UINT32_MAX, 2), -EINVAL);
	assert_int_equal(link_req_placed(iq, req.id ^ 1, BLOCK, BLOCK), -EINVAL);
	assert_int_equal(link_req_placed(iq, req.id, BLOCK, 0), 0);
	assert_int_equal(link_req_placed(iq, req.id, BLOCK, BLOCK), 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[RIG_INITIATOR], &after);
	assert_int_equal(after.stores - before.stores, 2);
	link_queue_stats(iq, &qs);
	assert_int_equal(qs.payload_tx, 2 * BLOCK);
	assert_int_equal(link_req_post(iq, &req), 0);
	assert_null(link_req_place(iq, req.id)); /* posted: the peer's to use */
	assert_int_equal(link_req_placed(iq, req.id, 0, BLOCK), -EINVAL);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(link_sqe_poll(lq, &req, 1), 1);
	assert_memory_equal(link_slot_payload(lq, req.id), pattern, 2 * BLOCK);
	/* Revoked, its memory can still be read, but no more than that. */
	link_destroy(r.l[RIG_LISTENER]);
	r.l[RIG_LISTENER] = NULL;
	r.end[RIG_LISTENER].s = NULL;
	id = link_slot_get(iq);
	assert_true(id >= 0);
	assert_null(link_req_place(iq, (uint16_t)id));
	assert_int_equal(link_req_placed(iq, (uint16_t)id, 0, BLOCK), -ENOTCONN);
	assert_int_equal(link_req_placed(iq, (uint16_t)id, 0, BLOCK), -ENOTCONN);
	assert_memory_equal(mem, pattern, 2 * BLOCK);
	rig_down(&r);
}

/* No direct window: nothing to place in. */
static void
not_placed(void **state)
{
	struct link_req req;

	start_plain(4, BLOCK);
	assert_null(link_req_place(iq, (uint16_t)link_slot_get(iq)));
	ask(OP_READ, 0, BLOCK);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(link_sqe_poll(lq, &req, 1), 1);
	assert_null(link_rsp_place(lq, req.id));
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_depth_1),
		cmocka_unit_test(budget_depth_32_read),
		cmocka_unit_test(budget_depth_32_write),
		cmocka_unit_test(idle_is_silent),
		cmocka_unit_test(many_laps),
		cmocka_unit_test(odd_batches),
		cmocka_unit_test(odd_lengths),
		cmocka_unit_test(odd_lengths_pad_with_zeros),
		cmocka_unit_test(payload_bounds),
		cmocka_unit_test(post_bounds),
		cmocka_unit_test(slots_are_apart),
		cmocka_unit_test(counters),
		cmocka_unit_test(small_maxstbl),
		cmocka_unit_test(direct_windows),
		cmocka_unit_test(several_queues),
		cmocka_unit_test(placed),
		cmocka_unit_test(request_placed),
		cmocka_unit_test(not_placed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
