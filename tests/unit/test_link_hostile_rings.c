/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that break the protocol of a session that is up (DESIGN D9): each loses its session, is
 * counted once, and nobody else notices.
 */
#include <errno.h>
#include <stdlib.h>

#include "link_hostile_rig.h"

static void
listener_gets(uint8_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, const char *what)
{
	struct link_req req[4];

	start(false);
	raw_ring(RIG_INITIATOR);
	raw_desc(0, tag, w0, w1, w2, w3);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	dropped(RIG_LISTENER, what);
}

static void
bad_requests(void **state)
{
	listener_gets(1, REQ(1, 16), 0, 0, 0, "request: id outside the queue");
	listener_gets(1, REQ(1, 65535), 0, 0, 0, "request: id outside the queue");
	listener_gets(1, REQ(0, 0), 0, 0, 0, "request: operation 0");
	listener_gets(1, REQ(1, 0), 0, UINT64_C(8193) << 32, 0,
		      "request: payload longer than a slot");
	listener_gets(1, REQ(1, 0), 0, UINT64_C(0xffffff) << 32, 0,
		      "request: payload longer than a slot");
	listener_gets(1, REQ(1, 0) | 1, 0, 0, 0, "request: reserved bits");
	listener_gets(1, REQ(1, 0), 0, 0, UINT64_C(1) << 50, "request: reserved bits");
	listener_gets(2, REQ(1, 0), 0, 0, 0, "request: tag of another lap");
	listener_gets(255, REQ(1, 0), 0, 0, 0, "request: tag of another lap");
}

static void
same_id_twice(void **state)
{
	struct link_req req[4];

	start(false);
	raw_ring(RIG_INITIATOR);
	raw_desc(0, 1, REQ(1, 5), 0, 0, 0);
	raw_desc(1, 1, REQ(1, 5), 0, 0, 0);
	/* The first is taken; the second is the end. */
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), 1);
	assert_int_equal(req[0].id, 5);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	dropped(RIG_LISTENER, "request: id is open already");
}

/* Asks anew before it can have seen the answer, more often than there are places. */
static void
more_than_the_ring_holds(void **state)
{
	struct link_queue *q;
	struct link_req req;
	int ret = 0;

	start(false);
	q = rig_queue(&r, RIG_LISTENER, 0);
	raw_ring(RIG_INITIATOR);
	for (uint32_t i = 0; i < 17; i++) {
		raw_desc(i % 16, (uint8_t)(1 + i / 16), REQ(1, 3), 0, 0, 0);
		assert_int_equal(link_sqe_poll(q, &req, 1), 1);
		ret = link_rsp_post(q, &(struct link_cqe){ .id = 3 });
		assert_int_equal(ret, i < 16 ? 0 : -ENOTCONN);
	}
	dropped(RIG_LISTENER, "request with an id that was not answered");
}

static void
initiator_gets(uint8_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, const char *what)
{
	struct link_queue *q;
	struct link_req req = { .op = 1 };
	struct link_cqe cqe[4];

	start(false);
	q = rig_queue(&r, RIG_INITIATOR, 0);
	req.id = (uint16_t)link_slot_get(q); /* 0 */
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
	raw_ring(RIG_LISTENER);
	raw_desc(0, tag, w0, w1, w2, w3);
	assert_int_equal(link_cqe_poll(q, cqe, 4), -ENOTCONN);
	dropped(RIG_INITIATOR, what);
}

static void
bad_completions(void **state)
{
	initiator_gets(1, CQE(1), 0, 0, 0, "completion: id is not open");
	initiator_gets(1, CQE(16), 0, 0, 0, "completion: id outside the queue");
	initiator_gets(1, CQE(0xffff), 0, 0, 0, "completion: id outside the queue");
	initiator_gets(1, CQE(0), UINT64_C(8193) << 32, 0, 0,
		       "completion: payload longer than a slot");
	initiator_gets(1, CQE(0) | 0x8000, 0, 0, 0, "completion: reserved bits");
	initiator_gets(1, CQE(0), 0, 0, 1, "completion: reserved bits");
	initiator_gets(7, CQE(0), 0, 0, 0, "completion: tag of another lap");
}

/* Answers what was never sent, so that more is posted than the ring holds. */
static void
answers_before_the_flush(void **state)
{
	struct link_queue *q;
	struct link_cqe cqe;
	int ret = 0;

	start(false);
	q = rig_queue(&r, RIG_INITIATOR, 0);
	raw_ring(RIG_LISTENER);
	for (uint32_t i = 0; i < 17; i++) {
		struct link_req req = { .op = 1, .id = (uint16_t)link_slot_get(q) };

		ret = link_req_post(q, &req);
		assert_int_equal(ret, i < 16 ? 0 : -ENOTCONN);
		raw_desc(i % 16, (uint8_t)(1 + i / 16), CQE(req.id), 0, 0, 0);
		if (ret == 0) {
			assert_int_equal(link_cqe_poll(q, &cqe, 1), 1);
			link_slot_put(q, cqe.id);
		}
	}
	dropped(RIG_INITIATOR, "completion of a request that was not sent");
}

/* The service's own gate found something. */
static void
service_says_so(void **state)
{
	start(false);
	link_queue_protocol_error(rig_queue(&r, RIG_LISTENER, 1 - 1), "operation \x1b 99");
	raw_ring(RIG_INITIATOR);
	dropped(RIG_LISTENER, "operation ? 99");
}

/* Half a descriptor, for ever: the peer's own loss. */
static void
half_a_descriptor(void **state)
{
	rte_be64_t w[2] = { rte_cpu_to_be_64(UINT64_C(1) << 56 | REQ(1, 0)),
			    rte_cpu_to_be_64(UINT64_C(1) << 56) };
	struct link_req req;

	start(false);
	raw_ring(RIG_INITIATOR);
	assert_int_equal(rte_pmd_ism_store(raw, 0, w, sizeof(w)), 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), &req, 1), 0);
	rte_pmd_ism_win_close(raw);
	assert_true(rig_info(r.end[RIG_LISTENER].s).up);
	finish();
}

/* Noise everywhere that it may store to: anything may happen to its session, nothing to others. */
static void
noise_everywhere(void **state)
{
	struct link_req req[16];
	uint64_t noise[64];

	start(false);
	srandom(4711);
	for (unsigned int round = 0; round < 300; round++) {
		struct link_session *s = r.end[RIG_INITIATOR].s;

		if (rig_info(r.opened).up && s->ctrl_win != NULL) {
			for (unsigned int i = 0; i < 64; i++)
				noise[i] = (uint64_t)random() << 33 ^ (uint64_t)random();
			for (uint32_t off = 0; off < LINK_CTRL_SIZE; off += sizeof(noise))
				(void)rte_pmd_ism_store(s->ctrl_win, off, noise, sizeof(noise));
			for (unsigned int i = 0; i < s->geo.queues; i++)
				(void)rte_pmd_ism_store(s->queues[i].ring_win,
							s->queues[i].ring_off, noise,
							sizeof(noise));
			for (unsigned int i = 0; i < s->geo.queues; i++)
				(void)link_sqe_poll(rig_queue(&r, RIG_LISTENER, i), req, 16);
		}
		pass(10);
	}
	assert_true(r.end[RIG_LISTENER].downs > 1);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(same_id_twice),
		cmocka_unit_test(more_than_the_ring_holds),
		cmocka_unit_test(bad_completions),
		cmocka_unit_test(answers_before_the_flush),
		cmocka_unit_test(service_says_so),
		cmocka_unit_test(half_a_descriptor),
		cmocka_unit_test(noise_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
