/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram against its promise: at most 1/16 above the truth, and exact at both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base_hist.h"

static struct base_hist h, other;

static int
fresh(void **state)
{
	base_hist_clear(&h);
	base_hist_clear(&other);
	return 0;
}

/* Each bucket begins where the one before ends, and values fall into the one that holds them. */
static void
test_buckets(void **state)
{
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS - 1; i++) {
		uint64_t limit = base_hist_limit(i);

		assert_int_equal(base_hist_bucket(limit), i);
		assert_int_equal(base_hist_bucket(limit + 1), i + 1);
		assert_true(i == 0 || limit > base_hist_limit(i - 1));
	}
	assert_int_equal(base_hist_bucket(0), 0);
	assert_int_equal(base_hist_limit(BASE_HIST_BUCKETS - 1), (1ULL << BASE_HIST_BITS) - 1);
	assert_int_equal(base_hist_bucket(1ULL << BASE_HIST_BITS), BASE_HIST_BUCKETS - 1);
	assert_int_equal(base_hist_bucket(UINT64_MAX), BASE_HIST_BUCKETS - 1);
}

/* A value alone comes out exactly: it is the least and the greatest. */
static void
test_one_value(void **state)
{
	for (uint64_t ns = 1; ns < UINT64_MAX / 3; ns = ns * 3 + 1) {
		base_hist_clear(&h);
		base_hist_add(&h, ns, 1);
		for (unsigned int p = 0; p <= 1000; p += 100)
			assert_int_equal(base_hist_percentile(&h, p), ns);
	}
}

static void
test_empty(void **state)
{
	struct base_hist_summary s;

	base_hist_summary(&h, &s);
	assert_int_equal(s.count, 0);
	assert_int_equal(s.mean, 0);
	assert_int_equal(s.min, 0);
	assert_int_equal(s.p50, 0);
	assert_int_equal(s.p999, 0);
	assert_int_equal(s.max, 0);
	assert_int_equal(base_hist_percentile(&h, 1000), 0);
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Many values over many octaves, against the sorted list. */
static void
test_percentiles(void **state)
{
	static uint64_t v[100000];
	struct base_hist_summary s;
	uint64_t x = 88172645463325252ULL;

	for (unsigned int i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v[i] = (x >> 32) >> (x & 15);
		base_hist_add(&h, v[i], 1);
	}
	qsort(v, 100000, sizeof(v[0]), ascending);
	for (unsigned int p = 1; p <= 1000; p++) {
		uint64_t truth = v[100 * p - 1], got = base_hist_percentile(&h, p);

		assert_true(got >= truth && got <= truth + truth / 16);
	}
	base_hist_summary(&h, &s);
	assert_int_equal(s.count, 100000);
	assert_int_equal(s.min, v[0]);
	assert_int_equal(s.max, v[99999]);
	assert_true(s.min <= s.p50 && s.p50 <= s.p99 && s.p99 <= s.p999 && s.p999 <= s.max);
}

static void
test_times(void **state)
{
	struct base_hist_summary s;

	base_hist_add(&h, 10, 998);
	base_hist_add(&h, 5000, 2);
	base_hist_summary(&h, &s);
	assert_int_equal(s.count, 1000);
	assert_int_equal(s.mean, (998 * 10 + 2 * 5000) / 1000);
	assert_int_equal(s.p50, 10);
	assert_int_equal(s.p99, 10);
	assert_int_equal(s.p999, 5000);
}

static void
test_merge(void **state)
{
	base_hist_merge(&h, &other);
	assert_int_equal(h.count, 0);
	base_hist_add(&other, 700, 3);
	base_hist_merge(&h, &other);
	assert_int_equal(h.min, 700);
	base_hist_add(&h, 100, 1);
	base_hist_add(&other, 90, 1);
	base_hist_merge(&h, &other);
	assert_int_equal(h.count, 8);
	assert_int_equal(h.sum, 6 * 700 + 100 + 90);
	assert_int_equal(h.min, 90);
	assert_int_equal(h.max, 700);
	assert_int_equal(base_hist_percentile(&h, 1000), 700);
}

/* Beyond the last bucket the greatest is what is told. */
static void
test_far_out(void **state)
{
	base_hist_add(&h, 5, 1);
	base_hist_add(&h, 1ULL << 50, 9);
	assert_int_equal(base_hist_percentile(&h, 100), 5);
	assert_int_equal(base_hist_percentile(&h, 101), 1ULL << 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_buckets, fresh),
		cmocka_unit_test_setup(test_one_value, fresh),
		cmocka_unit_test_setup(test_empty, fresh),
		cmocka_unit_test_setup(test_percentiles, fresh),
		cmocka_unit_test_setup(test_times, fresh),
		cmocka_unit_test_setup(test_merge, fresh),
		cmocka_unit_test_setup(test_far_out, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
