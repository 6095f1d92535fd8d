/* SPDX-License-Identifier: BSD-3-Clause */
/* The watchdog: what took long, and whether it waited or worked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base_watch.h"

#define LONG_NS (80 * BASE_NS_PER_MS)

static void
wait_long(void)
{
	const struct timespec ts = { .tv_nsec = LONG_NS };

	nanosleep(&ts, NULL);
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * BASE_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
work_long(void)
{
	uint64_t end = cpu_ns() + LONG_NS;

	while (cpu_ns() < end)
		;
}

/* One part of a loop. @return was it reported? */
static bool
part(struct base_watch *w, const char *name, void (*run)(void), struct base_watch_slow *slow)
{
	uint64_t since = base_now_ns(), end;

	base_watch_round(w, since, 1);
	run();
	end = base_now_ns();
	return end - since > BASE_WATCH_SLOW_NS && base_watch_judge(w, name, since, end, slow);
}

static void
test_waiting(void **state)
{
	struct base_watch w = { .part = NULL };
	struct base_watch_slow slow;
	struct base_watch_stats st;

	assert_true(part(&w, "wait", wait_long, &slow));
	assert_true(slow.waited);
	assert_string_equal(slow.part, "wait");
	assert_true(slow.ns >= LONG_NS);
	base_watch_read(&w, base_now_ns(), &st);
	assert_int_equal(st.waited, 1);
	assert_int_equal(st.busy, 0);
	assert_string_equal(st.longest, "wait");
	assert_int_equal(st.longest_ns, slow.ns);
}

/* On a machine that is busy it may have taken twice as long as it worked. */
static void
test_working(void **state)
{
	struct base_watch w = { .part = NULL };
	struct base_watch_slow slow;
	struct base_watch_stats st;
	unsigned int i;

	for (i = 0; i < 20 && atomic_load(&w.busy) == 0; i++)
		part(&w, "work", work_long, &slow);
	base_watch_read(&w, base_now_ns(), &st);
	assert_int_equal(st.busy, 1);
	assert_int_equal(st.busy + st.waited + st.preempted, i);
}

/* A loop that sleeps between two parts is not taken for one that waits in them. */
static void
test_sleeping(void **state)
{
	struct base_watch w = { .part = NULL };
	struct base_watch_slow slow;
	struct base_watch_stats st;
	uint64_t now;

	base_watch_round(&w, base_now_ns(), 1);
	for (unsigned int i = 0; i < 5; i++) {
		base_watch_slept(&w);
		wait_long();
	}
	/* What follows took long, and gave up the CPU no more often than the loop slept. */
	now = base_now_ns();
	assert_false(base_watch_judge(&w, "part", now - LONG_NS, now, &slow));
	base_watch_read(&w, now, &st);
	assert_int_equal(st.preempted, 1);
	assert_string_equal(st.longest, "");
}

static void
test_reports_are_few(void **state)
{
	struct base_watch w = { .part = NULL };
	struct base_watch_slow slow;
	unsigned int reports = 0;

	for (unsigned int i = 0; i < 14; i++)
		reports += part(&w, "wait", wait_long, &slow);
	assert_in_range(reports, 10, 11);
	assert_int_equal(atomic_load(&w.waited), 14);
}

static void
test_what_runs(void **state)
{
	struct base_watch w = { .part = NULL };
	struct base_watch_stats st;

	base_watch_read(&w, base_now_ns(), &st);
	assert_string_equal(st.part, "");
	assert_int_equal(st.running_ns, 0);
	atomic_store(&w.since_ns, base_now_ns());
	atomic_store(&w.part, "stuck");
	base_watch_read(&w, base_now_ns() + BASE_NS_PER_S, &st);
	assert_string_equal(st.part, "stuck");
	assert_true(st.running_ns >= BASE_NS_PER_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting),	  cmocka_unit_test(test_working),
		cmocka_unit_test(test_sleeping),  cmocka_unit_test(test_reports_are_few),
		cmocka_unit_test(test_what_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
