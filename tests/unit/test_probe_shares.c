/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Link tests on threads that others need: what a round may take is bounded, sessions take turns,
 * there are only so many places, and several peers are tested at once.
 */
#include "probe_gate.h"
#include "probe_rig.h"

#define FUNCTIONS 3
#define ROUND (64u << 10)
#define OPS_OF_ROUND 16u /* a request costs a page */
#define SLOT (64u << 10)
#define DEPTH 64

static struct inproc ip;
static struct link *l[FUNCTIONS];
static struct probe_server *srv; /* on function 0 */

/* A session of the test's own with srv, from function i. */
struct party {
	struct link_session *s;
	struct link_queue *q;
	unsigned int ups;
};
static struct party parties[FUNCTIONS];

static void
own_up(void *arg, struct link_session *s)
{
	struct party *p = arg;

	p->q = link_session_queue(s, 0);
	assert_int_equal(link_queue_attach(p->q), 0);
	p->ups++;
}

static void
own_down(void *arg, struct link_session *s, enum link_why why)
{
	struct party *p = arg;

	link_queue_detach(p->q);
	p->q = NULL;
}

static const struct link_session_ops own_ops = { .on_up = own_up, .on_down = own_down };

static void
control(void)
{
	uint64_t now = base_now_ns();

	for (unsigned int i = 0; i < FUNCTIONS; i++)
		link_poll(l[i], now);
}

static unsigned int
serve(void)
{
	return probe_worker_poll(probe_server_worker(srv, 0), base_now_ns());
}

static void
setup(unsigned int sessions_max)
{
	const struct probe_server_conf conf = {
		.allow.any = true,
		.workers = 1,
		.sessions_max = sessions_max,
		.round_max = ROUND,
	};
	struct probe_server_conf with = conf;

	memset(parties, 0, sizeof(parties));
	assert_int_equal(inproc_setup(&ip, &(struct inproc_conf){ .functions = FUNCTIONS,
								  .direct = true }),
			 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_CRIT);
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct link_conf link_conf = { .dev_id = ip.dev_id[i],
					       .keepalive_ms = 500,
					       .dead_ms = 60000 };

		assert_int_equal(link_create(&link_conf, &l[i]), 0);
	}
	with.link = l[0];
	assert_int_equal(probe_server_create(&with, &srv), 0);
}

static void
teardown(void)
{
	struct rte_pmd_ism_stats st;

	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		if (parties[i].q != NULL)
			link_queue_detach(parties[i].q);
	}
	probe_server_destroy(srv);
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		link_destroy(l[i]);
		assert_int_equal(rte_pmd_ism_stats_get(ip.dev_id[i], &st), 0);
		assert_int_equal(st.dmbs, 0);
	}
	inproc_teardown(&ip);
}

static void
own_open(unsigned int i)
{
	const struct link_open_conf conf = {
		.rgid = ip.gid[0],
		.service = LINK_SERVICE_TEST,
		.queues = 1,
		.depth = DEPTH,
		.slot_size = SLOT,
		.retry_min_ms = 1,
		.retry_max_ms = 2,
		.ops = &own_ops,
		.arg = &parties[i],
	};

	assert_int_equal(link_open(l[i], &conf, &parties[i].s), 0);
}

static void
until_up(unsigned int i)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	while (parties[i].q == NULL && base_now_ns() < end) {
		control();
		serve();
	}
	assert_non_null(parties[i].q);
}

static void
post(unsigned int i, uint8_t op, uint64_t off, uint32_t len, const void *payload, uint32_t bytes)
{
	struct link_queue *q = parties[i].q;
	int id = link_slot_get(q);
	struct link_req req = {
		.op = op, .id = (uint16_t)id, .off = off, .len = len, .payload = bytes
	};

	assert_true(id >= 0);
	if (bytes > 0)
		assert_int_equal(link_req_payload(q, req.id, 0, payload, bytes), 0);
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
}

/* Answers that have come to that party; each must be good. */
static unsigned int
answers(unsigned int i)
{
	struct link_cqe cqe[DEPTH];
	int n = link_cqe_poll(parties[i].q, cqe, DEPTH);

	assert_true(n >= 0);
	for (int k = 0; k < n; k++) {
		assert_int_equal(cqe[k].status, PROBE_OK);
		link_slot_put(parties[i].q, cqe[k].id);
	}
	return (unsigned int)n;
}

static void
begin(unsigned int i, uint16_t mode, uint32_t size)
{
	struct probe_wire_begin wire = {
		.mode = rte_cpu_to_be_16(mode),
		.size = rte_cpu_to_be_32(size),
		.burst = rte_cpu_to_be_16(1),
		.window = rte_cpu_to_be_16(DEPTH),
	};
	unsigned int n = 0;

	post(i, PROBE_BEGIN, 0, 0, &wire, sizeof(wire));
	for (unsigned int round = 0; n == 0 && round < 100; round++) {
		serve();
		n = answers(i);
	}
	assert_int_equal(n, 1);
	/* What it has cost is paid. */
	for (unsigned int round = 0; round < 100; round++)
		assert_int_equal(serve(), 0);
}

static void
test_round_is_bounded(void **state)
{
	setup(0);
	own_open(1);
	until_up(1);
	begin(1, PROBE_MODE_FLOOD, 0);
	for (unsigned int i = 0; i < DEPTH; i++)
		post(1, PROBE_NOP, i, 0, NULL, 0);
	for (unsigned int i = 0; i < DEPTH / OPS_OF_ROUND; i++) {
		assert_int_equal(serve(), OPS_OF_ROUND);
		assert_int_equal(answers(1), OPS_OF_ROUND);
	}
	assert_int_equal(serve(), 0);
	assert_int_equal(srv->workers[0].counts.shares_used, DEPTH / OPS_OF_ROUND);
	teardown();
}

/* More than a round has is paid for by rounds without any. */
static void
test_large_ones_are_paid(void **state)
{
	static uint8_t payload[SLOT];
	unsigned int empty = 0, served = 0;

	setup(0);
	own_open(1);
	until_up(1);
	begin(1, PROBE_MODE_PING, SLOT);
	for (unsigned int i = 0; i < 10; i++)
		post(1, PROBE_ECHO, i, SLOT, payload, SLOT);
	/* An echo of 64 KiB costs 132 KiB. */
	for (unsigned int round = 0; served < 10 && round < 100; round++) {
		unsigned int n = serve();

		assert_true(n <= 1);
		served += n;
		empty += n == 0;
	}
	assert_int_equal(served, 10);
	assert_in_range(empty, 9, 11);
	assert_int_equal(answers(1), 10);
	teardown();
}

/* One sends little ones, one sends large ones: by bytes they get the same. */
static void
test_turns(void **state)
{
	static uint8_t payload[SLOT];
	unsigned int small = 0, large = 0, asked = 0, sent = 0;

	setup(0);
	for (unsigned int i = 1; i < FUNCTIONS; i++) {
		own_open(i);
		until_up(i);
	}
	begin(1, PROBE_MODE_FLOOD, 0);
	begin(2, PROBE_MODE_PING, SLOT);
	for (unsigned int round = 0; round < 400; round++) {
		for (; asked - small < DEPTH; asked++)
			post(1, PROBE_NOP, asked, 0, NULL, 0);
		for (; sent - large < DEPTH; sent++)
			post(2, PROBE_ECHO, sent, SLOT, payload, SLOT);
		serve();
		small += answers(1);
		large += answers(2);
	}
	assert_true(large > 20);
	/* 33 of the one cost as much as one of the other. */
	assert_in_range(small / large, 25, 40);
	teardown();
}

/* Who waits in silence takes nothing from whoever works. */
static void
test_silent_one_costs_nothing(void **state)
{
	setup(0);
	for (unsigned int i = 1; i < FUNCTIONS; i++) {
		own_open(i);
		until_up(i);
		begin(i, PROBE_MODE_FLOOD, 0);
	}
	for (unsigned int i = 0; i < DEPTH; i++)
		post(1, PROBE_NOP, i, 0, NULL, 0);
	for (unsigned int i = 0; i < DEPTH / OPS_OF_ROUND; i++)
		assert_int_equal(serve(), OPS_OF_ROUND);
	teardown();
}

static void
test_places(void **state)
{
	struct probe_server_stats st;
	struct link_session_info info;
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	setup(1);
	own_open(1);
	until_up(1);
	own_open(2);
	do {
		control();
		serve();
		link_session_info(parties[2].s, &info);
	} while (info.why != LINK_WHY_REFUSED && base_now_ns() < end);
	assert_int_equal(info.why, LINK_WHY_REFUSED);
	assert_string_equal(info.reason, "all 1 places for link tests are in use");
	probe_server_stats(srv, &st);
	assert_int_equal(st.sessions, 1);
	assert_true(st.calls_refused > 0);
	/* The first one goes, and the other one comes in by itself. */
	link_session_close(parties[1].s, "");
	link_queue_detach(parties[1].q);
	parties[1].q = NULL;
	until_up(2);
	for (unsigned int i = 0; i < 10; i++)
		serve();
	probe_server_stats(srv, &st);
	assert_int_equal(st.sessions, 1);
	teardown();
}

/* Who comes again before its old session is gone has its place. */
static void
test_place_is_kept(void **state)
{
	setup(1);
	own_open(1);
	until_up(1);
	begin(1, PROBE_MODE_PING, 64);
	post(1, PROBE_NOP, 0, 0, NULL, 0); /* not of this mode: loses the session */
	for (uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;
	     parties[1].ups < 2 && base_now_ns() < end;) {
		control();
		serve();
	}
	assert_int_equal(parties[1].ups, 2);
	begin(1, PROBE_MODE_PING, 64);
	teardown();
}

/* --- both ends shared --- */

static struct probe_rig r;

static void
test_all_modes(void **state)
{
	static const uint32_t sizes[] = { 1, 64, 4096, 65536, 262144 };

	memset(&r, 0, sizeof(r));
	r.shared = true;
	probe_rig_up(&r, true);
	for (unsigned int m = 0; m < probe_mode_count; m++) {
		for (size_t i = 0; i < RTE_DIM(sizes); i++) {
			probe_rig_set(&r, "fwd", probe_modes[m]->name);
			probe_rig_set_number(&r, "size", sizes[i]);
			probe_rig_run(&r, 500);
			assert_string_equal(probe_client_trouble(r.c[RIG_ASKS]), "");
			assert_int_equal(probe_rig_counts(&r)->messages, 500);
			assert_int_equal(probe_rig_counts(&r)->peer_messages, 500);
			assert_int_equal(probe_rig_counts(&r)->mismatches, 0);
		}
	}
	assert_int_equal(probe_rig_received(&r)->errors_protocol, 0);
	probe_rig_down(&r);
}

/* --- several clients of one link --- */

static struct probe_server *second; /* on function 1 */
static struct probe_client *clients[2]; /* on function 2: they ask functions 0 and 1 */

static void
clients_setup(void)
{
	static const char *const modes[] = { "verify", "io" };
	struct probe_server_conf conf = {
		.link = l[1], .allow.any = true, .workers = 1, .round_max = ROUND
	};
	struct probe_client_conf client_conf = { .link = l[2], .shared = true };
	char err[256];

	assert_int_equal(probe_server_create(&conf, &second), 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct probe_client **c = &clients[i];

		assert_int_equal(probe_client_create(&client_conf, c), 0);
		assert_int_equal(probe_client_set(*c, "fwd", modes[i], err, sizeof(err)), 0);
		assert_int_equal(probe_client_set(*c, "count", "2000", err, sizeof(err)), 0);
		assert_int_equal(probe_client_open(*c, ip.gid[i], err, sizeof(err)), 0);
	}
}

static void
clients_round(void)
{
	uint64_t now = base_now_ns();

	control();
	serve();
	probe_worker_poll(probe_server_worker(second, 0), now);
	for (unsigned int i = 0; i < 2; i++) {
		probe_client_poll(clients[i], now);
		probe_client_poll_data(clients[i], now);
	}
}

static void
clients_until(enum probe_state state)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	do {
		clients_round();
	} while ((probe_client_state(clients[0]) != state ||
		  probe_client_state(clients[1]) != state) &&
		 base_now_ns() < end);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(probe_client_state(clients[i]), state);
}

static void
test_several_peers(void **state)
{
	struct probe_client_stats st;
	char err[256];

	setup(0);
	clients_setup();
	clients_until(PROBE_READY);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(probe_client_start(clients[i], err, sizeof(err)), 0);
	assert_int_equal(probe_client_state(clients[0]), PROBE_RUNNING);
	assert_int_equal(probe_client_state(clients[1]), PROBE_RUNNING);
	clients_until(PROBE_READY);
	for (unsigned int i = 0; i < 2; i++) {
		probe_client_stats(clients[i], &st);
		assert_string_equal(probe_client_trouble(clients[i]), "");
		assert_int_equal(st.messages, 2000);
		assert_int_equal(st.peer_messages, 2000);
		assert_int_equal(st.mismatches, 0);
		probe_client_destroy(clients[i]);
	}
	probe_server_destroy(second);
	teardown();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_is_bounded),
		cmocka_unit_test(test_large_ones_are_paid),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_silent_one_costs_nothing),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_place_is_kept),
		cmocka_unit_test(test_all_modes),
		cmocka_unit_test(test_several_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
