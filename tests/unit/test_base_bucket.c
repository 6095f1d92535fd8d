/* SPDX-License-Identifier: BSD-3-Clause */
/* Token buckets: what they give, when it comes back, and lines that are counted meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base_bucket.h"

#define START 1000000000000ull

static void
test_burst_then_rate(void **state)
{
	const struct base_rate rate = { .per_s = 10, .burst = 5 };
	struct base_bucket b = { 0 };
	uint64_t now = START;
	unsigned int got = 0;

	for (int i = 0; i < 100; i++)
		got += base_bucket_take(&b, &rate, now, 1);
	assert_int_equal(got, 5);
	assert_int_equal(base_bucket_wait(&b, &rate, now, 1), BASE_NS_PER_S / 10);
	for (got = 0; now < START + 10 * BASE_NS_PER_S; now += BASE_NS_PER_MS)
		got += base_bucket_take(&b, &rate, now, 1);
	assert_in_range(got, 99, 100);
	/* Never more than the burst, however long it rests. */
	now += 1000 * BASE_NS_PER_S;
	assert_int_equal(base_bucket_wait(&b, &rate, now, 5), 0);
	assert_false(base_bucket_take(&b, &rate, now, 6));
	assert_true(base_bucket_take(&b, &rate, now, 5));
	assert_false(base_bucket_take(&b, &rate, now, 1));
}

/* Bytes: rates above one a nanosecond. */
static void
test_large_rates(void **state)
{
	const struct base_rate rate = { .per_s = 1ull << 33, .burst = 1ull << 32 };
	struct base_bucket b = { 0 };

	assert_true(base_bucket_take(&b, &rate, START, 1ull << 32));
	assert_false(base_bucket_take(&b, &rate, START, 1ull << 20));
	assert_true(base_bucket_take(&b, &rate, START + BASE_NS_PER_S, 1ull << 32));
}

static void
test_lines(void **state)
{
	struct base_bucket b = { 0 };
	unsigned int lines = 0, withheld = 0, sum = 0;
	uint64_t now;

	/* 1000 a second for a minute. */
	for (now = START; now < START + 60 * BASE_NS_PER_S; now += BASE_NS_PER_MS) {
		lines += base_line_due(&b, now, &withheld);
		sum += withheld;
	}
	assert_in_range(lines, 20, 23);
	assert_int_equal(sum + lines + b.withheld, 60000);
	assert_true(base_line_due(&b, now + 60 * BASE_NS_PER_S, &withheld));
	assert_int_not_equal(withheld, 0);
	assert_true(base_line_due(&b, now + 60 * BASE_NS_PER_S, &withheld));
	assert_int_equal(withheld, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_large_rates),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
