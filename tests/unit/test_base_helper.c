/* SPDX-License-Identifier: BSD-3-Clause */
/* The helper: a job that hangs holds up no other, and those who hand over never wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_helper.h"
#include "base_time.h"

#define BOUND_NS (20 * BASE_NS_PER_S)

static atomic_bool gate; /* jobs that hang go on when it is open */

struct counted {
	struct base_job job;
	unsigned int runs;
};

static void
count(struct base_job *job)
{
	((struct counted *)(void *)job)->runs++;
}

static void
hang(struct base_job *job)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (!atomic_load(&gate))
		nanosleep(&moment, NULL);
}

static void
wait_done(struct base_job *job)
{
	const struct timespec moment = { .tv_nsec = 100000 };
	uint64_t end = base_now_ns() + BOUND_NS;

	while (!base_job_done(job)) {
		assert_true(base_now_ns() < end);
		nanosleep(&moment, NULL);
	}
}

static void
test_one_after_the_other(void **state)
{
	struct counted c = { .job.work = count };

	assert_false(base_job_done(&c.job));
	for (unsigned int i = 1; i <= 100; i++) {
		assert_int_equal(base_helper_submit(&c.job), 0);
		wait_done(&c.job);
		assert_int_equal(c.runs, i);
	}
}

static void
test_hanging_jobs(void **state)
{
	static struct base_job stuck[BASE_HELPERS + 3];
	struct counted c = { .job.work = count };
	struct base_helper_stats st;

	for (unsigned int i = 0; i < BASE_HELPERS - 1; i++) {
		stuck[i].work = hang;
		assert_int_equal(base_helper_submit(&stuck[i]), 0);
		assert_int_equal(base_helper_submit(&stuck[i]), -EBUSY);
	}
	/* All but one hang. */
	assert_int_equal(base_helper_submit(&c.job), 0);
	wait_done(&c.job);
	base_helper_stats(&st);
	assert_int_equal(st.busy, BASE_HELPERS - 1);
	/* All hang, and jobs wait: submitting still does not. */
	for (unsigned int i = BASE_HELPERS - 1; i < BASE_HELPERS + 3; i++) {
		stuck[i].work = hang;
		assert_int_equal(base_helper_submit(&stuck[i]), 0);
	}
	assert_int_equal(base_helper_submit(&c.job), 0);
	assert_true(base_job_under_way(&c.job));
	atomic_store(&gate, true);
	wait_done(&c.job);
	assert_int_equal(c.runs, 2);
	for (unsigned int i = 0; i < BASE_HELPERS + 3; i++)
		wait_done(&stuck[i]);
}

static void
test_queue_is_bounded(void **state)
{
	static struct base_job stuck[BASE_HELPERS];
	static struct counted many[BASE_JOBS + 51];
	unsigned int taken = 0;
	int ret = 0;

	atomic_store(&gate, false);
	for (unsigned int i = 0; i < BASE_HELPERS; i++) {
		stuck[i].work = hang;
		assert_int_equal(base_helper_submit(&stuck[i]), 0);
	}
	while (taken < BASE_JOBS + 50 && ret == 0) {
		many[taken].job.work = count;
		ret = base_helper_submit(&many[taken].job);
		taken += ret == 0;
	}
	assert_int_equal(ret, -EAGAIN);
	assert_false(base_job_under_way(&many[taken].job));
	atomic_store(&gate, true);
	for (unsigned int i = 0; i < taken; i++)
		wait_done(&many[i].job);
	for (unsigned int i = 0; i < BASE_HELPERS; i++)
		wait_done(&stuck[i]);
}

static void
test_close(void **state)
{
	uint64_t end = base_now_ns() + BOUND_NS;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(base_helper_close(fd), 0);
	while (fcntl(fd, F_GETFD) >= 0)
		assert_true(base_now_ns() < end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_hanging_jobs),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
