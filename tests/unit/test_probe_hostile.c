/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tester that lies to our answering end, a testee that lies to our asking end, memory that
 * changes on the way: who lies loses the session, what differs is counted and told.
 */
#include "probe_contents.h"
#include "probe_rig.h"

static struct probe_rig r;

/* --- a session of the test's own with the other end --- */

static struct {
	struct link_session *s;
	struct link_queue *q;
	unsigned int ups, downs;
	bool dead; /* the queue broke; to be detached */
} own;

static void
own_up(void *arg, struct link_session *s)
{
	own.s = s;
	own.q = link_session_queue(s, 0);
	own.ups++;
	assert_int_equal(link_queue_attach(own.q), 0);
}

static void
own_down(void *arg, struct link_session *s, enum link_why why)
{
	link_queue_detach(own.q);
	own.q = NULL;
	own.downs++;
}

static int
own_may_connect(void *arg, uint64_t gid, char *reason)
{
	return 0;
}

static const struct link_session_ops own_ops = { .on_up = own_up, .on_down = own_down };

static void
until(const unsigned int *what, unsigned int n)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	while (*what < n && base_now_ns() < end)
		probe_rig_round(&r);
	assert_true(*what >= n);
}

/* We ask, their answering end is the victim. */
static void
own_open(void)
{
	struct link_open_conf conf = {
		.service = LINK_SERVICE_TEST,
		.queues = 1,
		.depth = 16,
		.slot_size = 8192,
		.ops = &own_ops,
	};
	struct link_session *s;

	memset(&own, 0, sizeof(own));
	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2, .direct = true });
	conf.rgid = r.ip.gid[RIG_ANSWERS];
	assert_int_equal(link_open(r.l[RIG_ASKS], &conf, &s), 0);
	until(&own.ups, 1);
}

static int
post(uint8_t op, uint16_t unit, uint64_t off, uint32_t len, const void *payload, uint32_t bytes)
{
	int id = link_slot_get(own.q);
	struct link_req req = {
		.op = op, .id = (uint16_t)id, .unit = unit, .off = off, .len = len, .payload = bytes
	};

	assert_true(id >= 0);
	assert_int_equal(link_req_payload(own.q, req.id, 0, payload, bytes), 0);
	assert_int_equal(link_req_post(own.q, &req), 0);
	assert_int_equal(link_req_flush(own.q), 0);
	return id;
}

static struct link_cqe
answer(void)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;
	struct link_cqe cqe;
	int n = 0;

	while (n == 0 && base_now_ns() < end) {
		probe_rig_round(&r);
		n = link_cqe_poll(own.q, &cqe, 1);
	}
	assert_int_equal(n, 1);
	link_slot_put(own.q, cqe.id);
	return cqe;
}

static uint16_t
begin(uint16_t mode, uint32_t size, uint16_t burst)
{
	struct probe_wire_begin wire = {
		.mode = rte_cpu_to_be_16(mode),
		.size = rte_cpu_to_be_32(size),
		.burst = rte_cpu_to_be_16(burst),
		.window = rte_cpu_to_be_16(16),
		.seed = rte_cpu_to_be_64(1),
	};

	post(PROBE_BEGIN, 0, 0, 0, &wire, sizeof(wire));
	return answer().status;
}

static void
test_tester_lies(void **state)
{
	static const struct {
		uint8_t op;
		uint16_t unit;
		uint64_t off;
		uint32_t len, bytes;
	} lies[] = {
		{ PROBE_MESSAGES, 2, 1, 128, 144 }, /* number */
		{ PROBE_MESSAGES, 3, 0, 192, 144 }, /* count */
		{ PROBE_MESSAGES, 2, 0, 127, 144 }, /* length */
		{ PROBE_MESSAGES, 2, 0, 128, 144 }, /* headers: what is in the slot is none */
		{ PROBE_VERIFY, 2, 0, 128, 144 }, /* mode */
		{ PROBE_BEGIN, 0, 0, 0, 32 }, /* again */
		{ 77, 0, 0, 0, 0 },
	};
	static const uint8_t zeros[256];

	own_open();
	for (unsigned int i = 0; i < RTE_DIM(lies); i++) {
		assert_int_equal(begin(PROBE_MODE_STREAM, 64, 8), PROBE_OK);
		post(lies[i].op, lies[i].unit, lies[i].off, lies[i].len, zeros, lies[i].bytes);
		until(&own.downs, i + 1);
		assert_int_equal(probe_rig_received(&r)->errors_protocol, i + 1);
		/* Who lost it may come again. */
		until(&own.ups, i + 2);
	}
	assert_int_equal(probe_rig_received(&r)->messages, 0);
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

/* A BEGIN that is nonsense, and one of a mode of tomorrow. */
static void
test_tester_begins(void **state)
{
	own_open();
	assert_int_equal(begin(99, 0, 0), PROBE_NO_MODE);
	assert_int_equal(begin(PROBE_MODE_IO, 4096, 1), PROBE_OK);
	post(PROBE_END, 0, 0, 0, NULL, 0);
	assert_int_equal(answer().payload, sizeof(struct probe_wire_report));
	assert_int_equal(begin(99, 64, 1), PROBE_NO_MODE);
	assert_int_equal(probe_rig_received(&r)->refused, 2);
	post(PROBE_END, 0, 0, 0, NULL, 0); /* no run is on */
	until(&own.downs, 1);
	until(&own.ups, 2);
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

/* Contents as an honest tester makes them: a run with the same seed. */
static void
honest_payload(uint8_t *payload, size_t len)
{
	static struct probe_tester t;
	struct link_req req = { .id = (uint16_t)link_slot_get(own.q) };

	t.q = own.q;
	t.run = (struct probe_run){ .mode = &probe_verify, .size = 64, .burst = 2, .seed = 1 };
	assert_int_equal(probe_tester_ask(&t, &req, 2), 2);
	memcpy(payload, t.out, len);
	link_slot_put(own.q, req.id);
}

/* Contents that do not belong to the number of their message. */
static void
test_mismatch_there(void **state)
{
	struct link_cqe cqe;
	uint8_t payload[144] __rte_aligned(8);

	own_open();
	assert_int_equal(begin(PROBE_MODE_VERIFY, 64, 2), PROBE_OK);
	honest_payload(payload, sizeof(payload));
	post(PROBE_VERIFY, 2, 0, 128, payload, sizeof(payload));
	cqe = answer();
	assert_int_equal(cqe.status, PROBE_OK);
	assert_int_equal(cqe.result, 2);
	assert_int_equal(probe_rig_received(&r)->mismatches, 0);
	/* The same again is another number: both messages differ from their first byte on. */
	probe_messages_head(payload, 64, 2, 2);
	post(PROBE_VERIFY, 2, 2, 128, payload, sizeof(payload));
	cqe = answer();
	assert_int_equal(cqe.status, PROBE_MISMATCH);
	assert_int_equal(cqe.result, 8);
	assert_int_equal(cqe.payload, sizeof(payload));
	assert_memory_equal(link_slot_rx(own.q, cqe.id), payload, sizeof(payload));
	assert_int_equal(probe_rig_received(&r)->mismatches, 2);
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

/* --- we answer, their asking end is the victim --- */

static void
own_listen(void)
{
	struct link_listen_conf conf = {
		.service = LINK_SERVICE_TEST,
		.queues_max = 1,
		.depth_max = LINK_DEPTH_MAX,
		.slot_max = LINK_SLOT_MAX,
		.may_connect = own_may_connect,
		.ops = &own_ops,
	};

	memset(&own, 0, sizeof(own));
	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2, .direct = true });
	probe_rig_answer(&r, RIG_ANSWERS, NULL);
	assert_int_equal(link_listen(r.l[RIG_ANSWERS], &conf), 0);
	probe_rig_open(&r);
	until(&own.ups, 1);
}

enum lie {
	LIE_NOT,
	LIE_STATUS,
	LIE_COUNT,
	LIE_PAYLOAD,
	LIE_FLAGS,
	LIE_REPORT,
	LIE_BEGIN,
	LIE_REFUSE,
	LIE_BYTE, /* contents: no lie that ends the session */
	LIE_HEAD,
	LIE_MISMATCH,
};

static enum lie lie;

/* What an honest end answers, but for `lie`. */
static void
own_answer(const struct link_req *req)
{
	struct link_cqe cqe = { .id = req->id, .result = req->unit, .payload = req->payload };
	struct probe_wire_report report = { .messages = lie == LIE_REPORT ? 1 : 0 };
	uint8_t *p = link_slot_payload(own.q, req->id);

	if (req->op == PROBE_BEGIN || req->op == PROBE_END)
		cqe.result = cqe.payload = 0;
	if (req->op == PROBE_END) {
		p = (uint8_t *)&report;
		cqe.payload = sizeof(report);
	} else if (req->op == PROBE_BEGIN) {
		cqe.status = lie == LIE_BEGIN ? 9 : lie == LIE_REFUSE ? PROBE_NO_MODE : 0;
	} else {
		cqe.status = lie == LIE_STATUS ? 9 : lie == LIE_MISMATCH ? PROBE_MISMATCH : 0;
		cqe.result += lie == LIE_COUNT;
		cqe.payload -= lie == LIE_PAYLOAD ? 8 : 0;
		cqe.flags = lie == LIE_FLAGS;
		p[100] ^= lie == LIE_BYTE;
		p[0] ^= lie == LIE_HEAD;
	}
	if (cqe.payload > 0)
		assert_int_equal(link_rsp_payload(own.q, req->id, 0, p, cqe.payload), 0);
	assert_int_equal(link_rsp_post(own.q, &cqe), 0);
	assert_int_equal(link_rsp_flush(own.q), 0);
}

/* One run of verify against our lying end, to its end. */
static void
lying_run(enum lie what, enum probe_state state)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;
	struct link_req req;

	lie = what;
	probe_rig_set(&r, "fwd", "verify");
	probe_rig_set(&r, "size", "64");
	probe_rig_set(&r, "count", "32");
	probe_rig_until(&r, PROBE_READY);
	probe_rig_start(&r);
	while (probe_rig_state(&r) != state && base_now_ns() < end) {
		probe_rig_round(&r);
		if (own.q != NULL && link_sqe_poll(own.q, &req, 1) == 1)
			own_answer(&req);
	}
	assert_int_equal(probe_rig_state(&r), state);
}

static void
test_testee_lies(void **state)
{
	static const enum lie lies[] = { LIE_STATUS, LIE_COUNT, LIE_PAYLOAD,
					 LIE_FLAGS,  LIE_BEGIN, LIE_REPORT };

	own_listen();
	for (unsigned int i = 0; i < RTE_DIM(lies); i++) {
		lying_run(lies[i], PROBE_OPENING);
		assert_int_equal(probe_rig_counts(&r)->errors_protocol, 1);
		until(&own.ups, i + 2);
		probe_rig_until(&r, PROBE_READY);
		assert_non_null(
			strstr(probe_client_trouble(r.c[RIG_ASKS]), "broke the protocol: test "));
	}
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

static void
test_testee_refuses(void **state)
{
	own_listen();
	for (int i = 0; i < 2; i++) {
		lying_run(LIE_REFUSE, PROBE_READY);
		assert_string_equal(probe_client_trouble(r.c[RIG_ASKS]),
				    "the peer refuses: it does not know this mode");
		assert_int_equal(probe_rig_counts(&r)->errors_status, 1);
		assert_int_equal(probe_rig_counts(&r)->messages, 0);
	}
	/* One session for the first shape, one for that of the runs. */
	assert_int_equal(own.ups, 2);
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

/*
 * Contents that differ are no lie: what the test is there to find. The run goes on; but our report
 * here is not what was sent, and that ends the session.
 */
static void
differs(enum lie what, const char *text)
{
	own_listen();
	lying_run(what, PROBE_OPENING);
	assert_true(probe_rig_counts(&r)->mismatches > 0);
	assert_int_equal(probe_rig_counts(&r)->messages, 32);
	assert_int_equal(probe_rig_counts(&r)->mismatch_seq, what == LIE_BYTE);
	assert_int_equal(probe_rig_counts(&r)->mismatch_off, strtoul(text, NULL, 10));
	until(&own.ups, 2);
	link_queue_detach(own.q);
	probe_rig_down(&r);
}

static void
test_mismatch_here(void **state)
{
	/* Byte 100 of the payload: 8 of a header, 64 of message 0, 8 of a header, then byte 20. */
	differs(LIE_BYTE, "20");
	differs(LIE_HEAD, "0");
	differs(LIE_MISMATCH, "32");
}

/* Memory that changes between store and answer: both ends find it, the run ends well. */
static void
test_mismatch_told(void **state)
{
	const struct probe_tester_counts *c;
	const struct probe_testee *e;
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	probe_rig_up(&r, true);
	c = probe_rig_counts(&r);
	probe_rig_set(&r, "fwd", "verify");
	probe_rig_set(&r, "size", "4096");
	probe_rig_set(&r, "burst", "1");
	probe_rig_set(&r, "window", "1");
	probe_rig_set(&r, "count", "1000");
	probe_rig_start(&r);
	r.stalled = true;
	e = LIST_FIRST(&r.srv[RIG_ANSWERS]->testees);
	while (probe_rig_state(&r) == PROBE_RUNNING && base_now_ns() < end) {
		uint64_t now = base_now_ns();

		probe_rig_round(&r);
		e = LIST_FIRST(&r.srv[RIG_ANSWERS]->testees);
		/* Window 1: slot 0 or 1 holds the next message; the 77th comes to harm. */
		if (e != NULL && r.c[RIG_ASKS]->tester.messages == 78 && c->messages == 77 &&
		    c->mismatches == 0 && e->q != NULL)
			for (uint16_t id = 0; id < 2; id++)
				((uint8_t *)link_slot_payload(e->q, id))[1234] ^= 0x40;
		probe_rig_data(&r, RIG_ANSWERS, now);
	}
	probe_rig_until(&r, PROBE_READY);
	assert_int_equal(c->messages, 1000);
	assert_int_equal(c->mismatches, 1);
	assert_int_equal(probe_rig_received(&r)->mismatches, 1);
	assert_string_equal(probe_client_trouble(r.c[RIG_ASKS]),
			    "1 messages differ; the first: number 77, byte 1234");
	probe_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tester_lies),    cmocka_unit_test(test_tester_begins),
		cmocka_unit_test(test_mismatch_there), cmocka_unit_test(test_testee_lies),
		cmocka_unit_test(test_testee_refuses), cmocka_unit_test(test_mismatch_here),
		cmocka_unit_test(test_mismatch_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
