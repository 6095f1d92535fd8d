/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends with threads of their own: control here, one data thread per end; payloads with
 * checksums, sessions that break in the middle.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base_crc.h"
#include "link_rig.h"

#define DEPTH 32
#define SLOT 16384
#define OPS 20000u
#define SECONDS_MAX 60

static struct rig r;

struct end {
	struct link_queue *fresh; /* control -> data: attached already */
	uint64_t done; /* data -> control: relaxed */
	uint64_t bad;
	uint64_t lives; /* sessions that this thread has seen */
	uint32_t stop; /* control -> data */
};

static struct end ends[2];

static void
on_up(void *arg, struct link_session *s)
{
	struct end *e = arg;
	struct link_queue *q = link_session_queue(s, 0);

	assert_int_equal(link_queue_attach(q), 0);
	/* Partner: the exchange in take(). */
	__atomic_store_n(&e->fresh, q, __ATOMIC_RELEASE);
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	return 0;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

static struct link_queue *
take(struct end *e)
{
	struct link_queue *q = __atomic_exchange_n(&e->fresh, NULL, __ATOMIC_ACQUIRE);

	e->lives += q != NULL;
	return q;
}

static bool
stopped(struct end *e)
{
	return __atomic_load_n(&e->stop, __ATOMIC_RELAXED) != 0;
}

static void
count(uint64_t *n)
{
	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

/* --- listener's data thread: checks, and sends the payload back from where it landed --- */

static int
serve(struct end *e, struct link_queue *q)
{
	struct link_req req[DEPTH];
	int n = link_sqe_poll(q, req, DEPTH);

	for (int i = 0; i < n; i++) {
		struct link_cqe cqe = {
			.id = req[i].id,
			.payload = req[i].payload,
			.crc = req[i].crc,
			.result = (uint32_t)req[i].off,
		};
		const void *p = link_slot_payload(q, req[i].id);
		int ret;

		if (base_crc32c(0, p, req[i].payload) != req[i].crc)
			count(&e->bad);
		ret = link_rsp_payload(q, cqe.id, 0, p, cqe.payload);
		if (ret == 0)
			ret = link_rsp_post(q, &cqe);
		if (ret != 0)
			return ret;
		count(&e->done);
	}
	return n < 0 ? n : link_rsp_flush(q);
}

/* --- initiator's data thread --- */

static uint8_t data[DEPTH][SLOT];

static int
ask(struct link_queue *q, uint64_t *seq)
{
	int id = link_slot_get(q);
	struct link_req req = { .op = 1, .id = (uint16_t)id, .off = ++*seq };
	uint64_t x = *seq * UINT64_C(0x9e3779b97f4a7c15);
	int ret;

	if (id < 0)
		return 0;
	req.payload = (uint32_t)(x >> 40) % (SLOT + 1);
	for (uint32_t i = 0; i + 8 <= req.payload; i += 8, x ^= x << 13, x ^= x >> 7, x ^= x << 17)
		memcpy(&data[id][i], &x, 8);
	req.crc = base_crc32c(0, data[id], req.payload);
	ret = link_req_payload(q, req.id, 0, data[id], req.payload);
	return ret != 0 ? ret : link_req_post(q, &req);
}

static int
drive(struct end *e, struct link_queue *q, uint64_t *seq)
{
	struct link_cqe cqe[DEPTH];
	int n, ret = 0;

	for (unsigned int i = 1 + *seq % DEPTH; i > 0 && ret == 0; i--)
		ret = ask(q, seq);
	if (ret == 0)
		ret = link_req_flush(q);
	if (ret != 0)
		return ret;
	n = link_cqe_poll(q, cqe, DEPTH);
	for (int i = 0; i < n; i++) {
		const void *p = link_slot_rx(q, cqe[i].id);

		if (memcmp(p, data[cqe[i].id], cqe[i].payload) != 0 ||
		    base_crc32c(0, p, cqe[i].payload) != cqe[i].crc)
			count(&e->bad);
		link_slot_put(q, cqe[i].id);
		count(&e->done);
	}
	return n < 0 ? n : 0;
}

static void *
thread(void *arg)
{
	struct end *e = arg;
	struct link_queue *q = NULL;
	uint64_t seq = 0;
	int ret;

	while (!stopped(e)) {
		if (q == NULL)
			q = take(e);
		if (q == NULL) {
			sched_yield();
			continue;
		}
		ret = e == &ends[RIG_LISTENER] ? serve(e, q) : drive(e, q, &seq);
		if (ret == -ENOTCONN) {
			link_queue_detach(q);
			q = NULL;
		} else if (ret != 0) {
			count(&e->bad);
		}
	}
	if (q == NULL)
		q = take(e);
	if (q != NULL)
		link_queue_detach(q);
	return NULL;
}

/*
 * Control, until `n` requests were answered and every fault has happened, 300 ms apart.
 * @return false: that took too long.
 */
static bool
control_until(uint64_t n, const char *const *fault, unsigned int faults)
{
	uint64_t start = base_now_ns(), next = start, now;
	unsigned int i = 0;

	while (i < faults || __atomic_load_n(&ends[RIG_INITIATOR].done, __ATOMIC_RELAXED) < n) {
		now = base_now_ns();
		if (now - start > SECONDS_MAX * BASE_NS_PER_S)
			return false;
		link_poll(r.l[0], now);
		link_poll(r.l[1], now);
		if (i < faults && now > next) {
			inproc_fault(&r.ip, fault[i++]);
			next = now + 300 * BASE_NS_PER_MS;
		}
		sched_yield();
	}
	return true;
}

static void
run(bool direct, const char *const *fault, unsigned int faults)
{
	struct link_conf conf = { .keepalive_ms = 100, .dead_ms = 5000 };
	struct link_open_conf open;
	struct link_listen_conf listen = {
		.service = LINK_SERVICE_TEST,
		.queues_max = 1,
		.depth_max = DEPTH,
		.slot_max = SLOT,
		.may_connect = may_connect,
		.ops = &ops,
		.arg = &ends[RIG_LISTENER],
	};
	pthread_t tid[2];
	bool in_time;

	rig_links(&r, &(struct inproc_conf){ .functions = 2, .direct = direct }, &conf);
	memset(ends, 0, sizeof(ends));
	assert_int_equal(link_listen(r.l[RIG_LISTENER], &listen), 0);
	open = rig_open_conf(&r, 1, DEPTH, SLOT);
	open.ops = &ops;
	open.arg = &ends[RIG_INITIATOR];
	open.retry_min_ms = 2;
	open.retry_max_ms = 10;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&tid[i], NULL, thread, &ends[i]), 0);
	in_time = control_until(OPS, fault, faults);
	for (unsigned int i = 0; i < 2; i++) {
		__atomic_store_n(&ends[i].stop, 1, __ATOMIC_RELAXED);
		pthread_join(tid[i], NULL);
	}
	assert_true(in_time);
	assert_int_equal(ends[0].bad, 0);
	assert_int_equal(ends[1].bad, 0);
	if (faults != 0)
		assert_true(ends[RIG_INITIATOR].lives > 1);
	else
		assert_int_equal(ends[RIG_INITIATOR].lives, 1);
	print_message("%llu sessions\n", (unsigned long long)ends[RIG_INITIATOR].lives);
	rig_down(&r);
}

static void
stores(void **state)
{
	run(false, NULL, 0);
}

static void
direct_windows(void **state)
{
	run(true, NULL, 0);
}

static void
stores_that_fail(void **state)
{
	static const char *const fault[] = { "store-fail:fn0:5:7", "store-fail:fn1:9:7",
					     "store-fail:fn0:100:7", "store-fail:fn1:1000:7" };

	run(false, fault, 4);
}

static void
functions_that_die(void **state)
{
	static const char *const fault[] = { "kill:fn1:50", "kill:fn0:500", "kill:fn1:1" };

	run(false, fault, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores),
		cmocka_unit_test(direct_windows),
		cmocka_unit_test(stores_that_fail),
		cmocka_unit_test(functions_that_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
