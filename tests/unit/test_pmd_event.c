/* SPDX-License-Identifier: BSD-3-Clause */
/* The event queue: order, wrap, loss, and a device that writes while we read. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base_time.h"
#include "inproc.h"
#include "ism_fn.h"

#define CODE 0x40u
#define BURST 32u
#define HOLDS 14u /* events that fit */

static struct inproc ip;
static struct rte_pmd_ism_event ev[BURST];

static int
setup(void **state)
{
	(void)state;
	return inproc_setup(&ip, &(struct inproc_conf){ .functions = 2 });
}

static int
teardown(void **state)
{
	(void)state;
	inproc_teardown(&ip);
	return 0;
}

static struct rte_pmd_ism_stats
stats(unsigned int i)
{
	struct rte_pmd_ism_stats s;

	assert_int_equal(rte_pmd_ism_stats_get(ip.dev_id[i], &s), 0);
	return s;
}

/* Function 0 tells function 1 `count` numbers, `first` the lowest. */
static void
send_events(uint64_t first, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		assert_int_equal(rte_pmd_ism_signal(ip.dev_id[0], ip.gid[1], CODE, first + i), 0);
}

/* ev[0..n) are the software events `first` on. */
static void
check_events(uint64_t first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		assert_int_equal(ev[i].type, RTE_PMD_ISM_EVENT_SOFTWARE);
		assert_int_equal(ev[i].code, CODE);
		assert_int_equal(ev[i].tok, ip.gid[0]);
		assert_int_equal(ev[i].info, first + i);
	}
}

static void
test_one(void **state)
{
	const struct ism_fn *fn = ism_fn_get(ip.dev_id[1]);

	(void)state;
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
	send_events(7, 1);
	assert_true(ism_sba_pending(&fn->ctl->sba));
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 1);
	check_events(7, 1);
	assert_false(ism_sba_pending(&fn->ctl->sba));
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
	assert_int_equal(stats(0).signals, 1);
	assert_int_equal(stats(1).events, 1);
	assert_int_equal(stats(1).polls, 3);
	assert_int_equal(stats(1).polls_empty, 2);
}

/* Every number of events in flight, from every position of the ring. */
static void
test_wrap(void **state)
{
	uint64_t next = 1000;
	unsigned int count, round;

	(void)state;
	for (round = 0; round < 16; round++) {
		for (count = 0; count <= HOLDS; count++) {
			send_events(next, count);
			assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), count);
			check_events(next, count);
			next += count;
		}
	}
	assert_int_equal(stats(1).events_lost, 0);
	assert_int_equal(stats(1).events, next - 1000);
}

/* In pieces: what is left comes with the next call. */
static void
test_few_at_a_time(void **state)
{
	unsigned int i;

	(void)state;
	send_events(50, HOLDS);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 0), 0);
	for (i = 0; i < HOLDS; i += 2) {
		assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 2), 2);
		check_events(50 + i, 2);
	}
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 2), 0);
}

/*
 * More than fit, from every position: the newest HOLDS come, in order, and the loss is noticed.
 * With one lap the count is exact.
 */
static void
test_loss(void **state)
{
	uint64_t next = 1, lost = 0;
	unsigned int count, start;

	(void)state;
	for (start = 0; start < 15; start++) {
		for (count = HOLDS + 1; count <= 28; count++) {
			send_events(next, count);
			next += count;
			assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), HOLDS);
			check_events(next - HOLDS, HOLDS);
			lost += count - HOLDS;
			assert_int_equal(stats(1).events_lost, lost);
			/* Nothing old comes back. */
			assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
		}
		send_events(next, 1);
		assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 1);
		check_events(next++, 1);
	}
}

/* After several laps the newest still come, and nothing old. */
static void
test_laps(void **state)
{
	uint64_t next = 1;
	unsigned int count;

	(void)state;
	for (count = 29; count < 100; count++) {
		send_events(next, count);
		next += count;
		assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), HOLDS);
		check_events(next - HOLDS, HOLDS);
		assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
	}
}

static void
test_buffer_and_device_events(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	uint64_t token;
	int n;

	(void)state;
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 0, &dmb), 0);
	token = dmb->token;
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 1);
	assert_int_equal(ev[0].type, RTE_PMD_ISM_EVENT_BUFFER);
	assert_int_equal(ev[0].code, ISM_EVENT_DMB_UNREG);
	assert_int_equal(ev[0].tok, token);

	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 0, &dmb), 0);
	inproc_lose(&ip, 0);
	n = rte_pmd_ism_events(ip.dev_id[1], ev, BURST);
	assert_true(n >= 1);
	assert_int_equal(ev[n - 1].type, RTE_PMD_ISM_EVENT_DEVICE);
	assert_int_equal(ev[n - 1].tok, ip.gid[0]);
}

static void
test_signal_errors(void **state)
{
	(void)state;
	assert_int_equal(rte_pmd_ism_signal(ip.dev_id[0], 0x123, CODE, 0), -EHOSTUNREACH);
	assert_int_equal(rte_pmd_ism_query_rgid(ip.dev_id[0], 0x123, 0), -EHOSTUNREACH);
	assert_int_equal(rte_pmd_ism_query_rgid(ip.dev_id[0], ip.gid[1], 0), 0);
	assert_int_equal(stats(0).signals, 0);
	assert_int_equal(stats(0).command_errors, 2);
	assert_int_equal(inproc_fault(&ip, "event-lose:fn1:1"), 0);
	send_events(1, 1);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
}

/* An index that no device sets. */
static void
test_nonsense_index(void **state)
{
	struct ism_fn *fn = ism_fn_get(ip.dev_id[1]);

	(void)state;
	fn->ctl->ieq.hdr.idx = rte_cpu_to_be_64(16);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), -ENODEV);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), -ENODEV);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), 0);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, BURST), 0);
}

/* --- a flood, while the consumer reads --- */

struct flood {
	struct ism_ieq *ieq;
	uint64_t until; /* base_now_ns() */
	uint64_t sent;
	bool done;
};

static struct ism_event
flood_event(uint64_t n)
{
	return (struct ism_event){
		.type = rte_cpu_to_be_32((uint32_t)n),
		.code = rte_cpu_to_be_32(~(uint32_t)n),
		.tok = rte_cpu_to_be_64(n),
		.time = rte_cpu_to_be_64(n * 3),
		.info = rte_cpu_to_be_64(~n),
	};
}

static void *
flood_thread(void *arg)
{
	struct flood *flood = arg;
	struct ism_event event;
	uint32_t prev = 0;

	while (base_now_ns() < flood->until) {
		event = flood_event(flood->sent + 1);
		prev = ism_ieq_put(flood->ieq, prev, &event);
		flood->sent++;
		if (flood->sent % 64 == 0)
			sched_yield();
	}
	__atomic_store_n(&flood->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
test_flood(void **state)
{
	struct ism_fn *fn = ism_fn_get(ip.dev_id[1]);
	struct flood flood = {
		.ieq = &fn->ctl->ieq,
		.until = base_now_ns() + 500 * BASE_NS_PER_MS,
	};
	uint64_t last = 0, got = 0, bad = 0;
	pthread_t thread;
	bool done;
	int i, n;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, flood_thread, &flood), 0);
	do {
		done = __atomic_load_n(&flood.done, __ATOMIC_ACQUIRE);
		n = rte_pmd_ism_events(ip.dev_id[1], ev, BURST);
		for (i = 0; i < n; i++) {
			if (ev[i].tok <= last || ev[i].type != (uint32_t)ev[i].tok ||
			    ev[i].code != ~ev[i].type || ev[i].time != ev[i].tok * 3 ||
			    ev[i].info != ~ev[i].tok)
				bad++;
			last = ev[i].tok;
			got++;
		}
	} while (n > 0 || !done);
	pthread_join(thread, NULL);
	assert_int_equal(bad, 0); /* torn or old */
	assert_true(got > 0);
	assert_true(stats(1).events_lost <= flood.sent - got);
	/* The last ones were written in peace. */
	assert_int_equal(last, flood.sent);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one),	       T(test_wrap),	       T(test_few_at_a_time),
		T(test_loss),	       T(test_laps),	       T(test_buffer_and_device_events),
		T(test_signal_errors), T(test_nonsense_index), T(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
