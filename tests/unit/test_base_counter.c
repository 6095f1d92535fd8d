/* SPDX-License-Identifier: BSD-3-Clause */
/* The counter primitive, and what a list of counters makes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_counter.h"
#include "base_metric.h"
#include "base_shared.h"
#include "base_tel.h"

#define THREADS 4
#define TIMES 200000

#define LIST(X)                                                                                    \
	X(things, COUNTER, COUNT, NULL, NULL, "Things.")                                           \
	X(held, GAUGE, BYTES, "kept", "bytes kept", "Bytes kept.")                                 \
	X(longest_ns, PEAK, NS, "", NULL, "The longest.")

struct live {
	LIST(BASE_METRIC_LIVE)
};
struct numbers {
	LIST(BASE_METRIC_FIELD)
};
static const struct base_metrics list = BASE_METRICS(LIST);

static void
one_writer(void **state)
{
	_Atomic uint64_t c = 0;

	base_count(&c, 3);
	base_count(&c, 4);
	assert_int_equal(base_count_get(&c), 7);
	base_count_sub(&c, 2);
	assert_int_equal(base_count_get(&c), 5);
	base_count_max(&c, 4);
	assert_int_equal(base_count_get(&c), 5);
	base_count_max(&c, 6);
	assert_int_equal(base_count_get(&c), 6);
	base_count_set(&c, UINT64_MAX);
	base_count(&c, 2); /* it wraps */
	assert_int_equal(base_count_get(&c), 1);
}

static void *
add(void *arg)
{
	for (unsigned int i = 0; i < TIMES; i++)
		base_count_shared(arg, 1);
	return NULL;
}

static void
several_writers(void **state)
{
	_Atomic uint64_t c = 0;
	pthread_t thread[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, add, &c), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(base_count_get(&c), THREADS * TIMES);
}

static void
rows(void **state)
{
	assert_int_equal(list.count, 3);
	assert_string_equal(list.rows[0].name, "things");
	assert_null(list.rows[0].family);
	assert_null(list.rows[0].label);
	assert_string_equal(list.rows[0].help, "Things.");
	assert_int_equal(list.rows[0].kind, BASE_METRIC_COUNTER);
	assert_int_equal(list.rows[0].unit, BASE_UNIT_COUNT);
	assert_string_equal(list.rows[1].family, "kept");
	assert_string_equal(list.rows[1].label, "bytes kept");
	assert_int_equal(list.rows[1].kind, BASE_METRIC_GAUGE);
	assert_int_equal(list.rows[2].kind, BASE_METRIC_PEAK);
	assert_int_equal(list.rows[2].unit, BASE_UNIT_NS);
	assert_int_equal(sizeof(struct live), sizeof(struct numbers));
}

static void
read_and_add(void **state)
{
	struct live live = { .things = 1, .held = 2, .longest_ns = 3 };
	struct numbers sum, more = { 10, 20, 2 };

	base_counters_read(&live, &sum, sizeof(sum));
	assert_int_equal(sum.things, 1);
	assert_int_equal(sum.held, 2);
	assert_int_equal(sum.longest_ns, 3);
	/* Of peaks the larger one stays, whichever comes first. */
	base_metrics_add(&list, &sum, &more);
	assert_int_equal(sum.things, 11);
	assert_int_equal(sum.held, 22);
	assert_int_equal(sum.longest_ns, 3);
	more.longest_ns = 9;
	base_metrics_add(&list, &sum, &more);
	assert_int_equal(sum.longest_ns, 9);
	base_counters_clear(&live, sizeof(live));
	base_counters_read(&live, &sum, sizeof(sum));
	assert_int_equal(sum.things + sum.held + sum.longest_ns, 0);
}

/* A word of the wire is the word itself, of each size, and keeps its neighbours. */
static void
shared_words(void **state)
{
	struct {
		uint16_t a, b;
		uint32_t c;
		uint64_t d;
	} mem = { 1, 2, 3, 4 };

	atomic_store_explicit(base_shared(&mem.b), 0xffff, memory_order_release);
	assert_int_equal(mem.a, 1);
	assert_int_equal(mem.b, 0xffff);
	assert_int_equal(atomic_fetch_or_explicit(base_shared(&mem.c), 4, memory_order_relaxed), 3);
	assert_int_equal(mem.c, 7);
	assert_int_equal(atomic_exchange_explicit(base_shared(&mem.d), 0, memory_order_acquire), 4);
	assert_int_equal(atomic_load_explicit(base_shared((const uint64_t *)&mem.d),
					      memory_order_acquire),
			 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_writer),	cmocka_unit_test(several_writers),
		cmocka_unit_test(rows),		cmocka_unit_test(read_and_add),
		cmocka_unit_test(shared_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
