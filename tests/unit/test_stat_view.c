/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic of dpdk-ismstat's views, and how its objects read as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_hist.h"
#include "view.h"

static json_t *
load(const char *text)
{
	char json[1024];
	json_t *value;

	snprintf(json, sizeof(json), "%s", text);
	for (char *p = json; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	value = json_loads(json, 0, NULL);
	assert_non_null(value);
	return value;
}

/* The object is this text, in which ' stands for ". */
static void
is(const json_t *value, const char *text)
{
	json_t *expected = load(text);

	if (!json_equal(value, expected)) {
		json_dumpf(value, stderr, 0);
		fail_msg(" is not %s", text);
	}
	json_decref(expected);
}

static void
test_subtract(void **state)
{
	json_t *value = load("{'stores': 10, 'dmbs': 3, 'polls': 5, 'name': 'x', 'errors':"
			     "{'timeout': 7, 'new': 1}, 'other': {'events': 9}}"),
	       *base = load("{'stores': 4, 'dmbs': 2, 'polls': 6, 'name': 'x', 'errors':"
			    "{'timeout': 5}, 'other': {'events': 9}, 'gone': 1}");

	(void)state;
	view_subtract(value, base);
	/* Gauges stay; a counter below its base has begun anew; reasons of errors count. */
	is(value, "{'stores': 6, 'dmbs': 3, 'polls': 5, 'name': 'x', 'errors': {'timeout': 2,"
		  "'new': 1}, 'other': {'events': 0}}");
	json_decref(value);
	json_decref(base);
}

/* Another run has counted from 0, however far it is by now. */
static void
test_other_run(void **state)
{
	json_t *value = load("{'run': 2, 'messages': 9, 'received': {'messages': 7}, 'errors':"
			     "{'x': 3}}"),
	       *base = load("{'run': 1, 'messages': 4, 'received': {'messages': 5}, 'errors':"
			    "{'x': 1}}"),
	       *rated = json_deep_copy(value);

	(void)state;
	view_subtract(value, base);
	is(value, "{'run': 2, 'messages': 9, 'received': {'messages': 2}, 'errors': {'x': 2}}");
	view_add_rates(rated, base, 1);
	is(rated, "{'run': 2, 'messages': 9, 'received': {'messages': 7, 'per_second':"
		  "{'messages': 2.0}}, 'errors': {'x': 3}}");
	json_decref(rated);
	json_decref(base);
	json_decref(value);
}

/* An object with latencies of these values, as programs answer. */
static json_t *
latencies(const struct base_hist *h, unsigned int first)
{
	json_t *buckets = json_array(), *object;
	uint64_t lower = 0;

	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++) {
		lower += base_count_get(&h->bucket[i]);
		if (i < first)
			continue;
		json_array_append_new(buckets, json_integer((json_int_t)lower));
		lower = 0;
	}
	object = json_pack("{s:{s:i, s:i, s:i, s:i, s:i, s:s, s:{s:I, s:I, s:I, s:i, s:o}}}",
			   "disk", "min_ns", 1, "p50_ns", 2, "p99_ns", 3, "p999_ns", 4, "max_ns", 5,
			   "name", "d", VIEW_HISTOGRAM, "sum_ns",
			   (json_int_t)base_count_get(&h->sum), "min_ns",
			   (json_int_t)base_count_get(&h->min), "max_ns", (json_int_t)h->max,
			   "first", (int)first, "buckets", buckets);
	assert_non_null(object);
	return object;
}

static void
latencies_are(const json_t *value, const char *text)
{
	json_t *copy = json_deep_copy(value);

	view_latency_strip(copy);
	is(copy, text);
	json_decref(copy);
}

#define UNTOUCHED                                                                                  \
	"{'disk': {'min_ns': 1, 'p50_ns': 2, 'p99_ns': 3, 'p999_ns': 4, 'max_ns': 5, 'name': 'd'}}"

static void
test_latency(void **state)
{
	struct base_hist h = { 0 };
	json_t *before, *now;

	(void)state;
	base_hist_add(&h, 20, 1);
	base_hist_add(&h, 1000000, 1000);
	before = latencies(&h, 0);
	base_hist_add(&h, 100, 50);
	base_hist_add(&h, 1000, 49);
	base_hist_add(&h, 5000, 1);
	now = latencies(&h, 0);
	/* Of the hundred that came, each as exact as its bucket. */
	view_latency_since(now, before);
	latencies_are(now, "{'disk': {'min_ns': 100, 'p50_ns': 103, 'p99_ns': 1023, 'p999_ns':"
			   "5119, 'max_ns': 5119, 'name': 'd'}}");
	/* What was not folded then is now. */
	json_decref(now);
	now = latencies(&h, BASE_HIST_BUCKETS - 512);
	view_latency_since(now, before);
	latencies_are(now, "{'disk': {'min_ns': 256, 'p50_ns': 271, 'p99_ns': 1023, 'p999_ns':"
			   "5119, 'max_ns': 5119, 'name': 'd'}}");
	/* Nothing came. */
	view_latency_since(now, now);
	latencies_are(now, "{'disk': {'min_ns': 0, 'p50_ns': 0, 'p99_ns': 0, 'p999_ns': 0,"
			   "'max_ns': 0, 'name': 'd'}}");
	json_decref(now);
	/* It began anew; or nobody knows. */
	base_hist_clear(&h);
	base_hist_add(&h, 1000000, 2000);
	now = latencies(&h, 0);
	view_latency_since(now, before);
	latencies_are(now, UNTOUCHED);
	view_latency_since(now, NULL);
	latencies_are(now, UNTOUCHED);
	json_decref(now);
	json_decref(before);
}

/* A test's own object, which has a mean, too; another run is not the same. */
static void
test_latency_of_test(void **state)
{
	static const char text[] =
		"{'latency_ns': {'count': 9, 'mean': 9, 'min': 9, 'p50': 9, 'p99':"
		"9, 'p999': 9, 'max': 9, 'histogram': {'run': %d, 'sum_ns': %d,"
		"'min_ns': 3, 'max_ns': 12, 'first': 3, 'buckets': [%d, 0, %d]}}}";
	json_t *now, *before;
	char json[512];

	(void)state;
	snprintf(json, sizeof(json), text, 1, 11, 2, 1);
	before = load(json);
	snprintf(json, sizeof(json), text, 1, 30, 4, 3);
	now = load(json);
	view_latency_since(now, before);
	latencies_are(now, "{'latency_ns': {'count': 4, 'mean': 4, 'min': 3, 'p50': 3, 'p99': 5,"
			   "'p999': 5, 'max': 5}}");
	json_decref(now);
	snprintf(json, sizeof(json), text, 2, 30, 4, 3);
	now = load(json);
	view_latency_since(now, before);
	latencies_are(now, "{'latency_ns': {'count': 9, 'mean': 9, 'min': 9, 'p50': 9, 'p99': 9,"
			   "'p999': 9, 'max': 9}}");
	json_decref(now);
	json_decref(before);
}

/* A program may tell anything. */
static void
test_latency_lies(void **state)
{
	static const char *const lies[] = {
		"{}",
		"{'first': 0, 'buckets': 7}",
		"{'first': -1, 'buckets': [1]}",
		"{'first': 592, 'buckets': []}",
		"{'first': 591, 'buckets': [1, 1]}",
		"{'first': 0, 'buckets': [-1]}",
		"{'first': 4294967296, 'buckets': [1]}",
	};
	char json[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		json_t *value, *before;

		snprintf(json, sizeof(json), "{'p50_ns': 1, 'histogram': %s}", lies[i]);
		value = load(json);
		before = load("{'histogram': {'first': 0, 'buckets': []}}");
		view_latency_since(value, value);
		view_latency_since(value, before);
		latencies_are(value, "{'p50_ns': 1}");
		json_decref(before);
		json_decref(value);
	}
}

static void
test_rates(void **state)
{
	json_t *value = load("{'stores': 30, 'dmbs': 3, 'polls': 5, '0': {'requests': 8}}"),
	       *before = load("{'stores': 10, 'dmbs': 1, 'polls': 9, '0': {'requests': 8}}"),
	       *other = load("{'stores': 1, '0': {'requests': 1}}");

	(void)state;
	view_add_rates(value, before, 2);
	is(value, "{'stores': 30, 'dmbs': 3, 'polls': 5, 'per_second': {'stores': 10.0},"
		  "'0': {'requests': 8, 'per_second': {'requests': 0.0}}}");
	view_take_rates(other, value);
	is(other, "{'stores': 1, 'per_second': {'stores': 10.0}, '0': {'requests': 1,"
		  "'per_second': {'requests': 0.0}}}");
	json_decref(other);
	other = load("{'stores': 30}");
	view_add_rates(other, before, 0); /* no time has passed: no rate */
	is(other, "{'stores': 30}");
	json_decref(other);
	json_decref(before);
	json_decref(value);
}

static void
test_ratio(void **state)
{
	json_t *value = load("{'a': 3, 'b': 2, 'zero': 0, 'text': 'x'}");

	(void)state;
	view_ratio(value, "r", "a", "b");
	view_ratio(value, "s", "a", "zero");
	view_ratio(value, "t", "a", "text");
	view_ratio(value, "u", "a", "missing");
	is(value, "{'a': 3, 'b': 2, 'zero': 0, 'text': 'x', 'r': 1.5}");
	json_decref(value);
}

static void
test_sum(void **state)
{
	json_t *to = load("{'a': 1, 't': 'x', 'o': {'a': 1}}"),
	       *from = load("{'a': 2, 'b': 5, 't': 9, 'o': {'a': 1}}");

	(void)state;
	view_add_numbers(to, from);
	is(to, "{'a': 3, 'b': 5, 't': 'x', 'o': {'a': 1}}");
	is(from, "{'a': 2, 'b': 5, 't': 9, 'o': {'a': 1}}");
	json_decref(to);
	json_decref(from);
}

static void
text_is(const char *json, enum view_unit unit, const char *expected)
{
	char buf[64], array[80];
	json_t *list;

	snprintf(array, sizeof(array), "[%s]", json);
	list = load(array);
	assert_string_equal(view_text(json_array_get(list, 0), unit, buf, sizeof(buf)), expected);
	json_decref(list);
}

static void
test_text(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(view_thousands(0, buf, sizeof(buf)), "0");
	assert_string_equal(view_thousands(999, buf, sizeof(buf)), "999");
	assert_string_equal(view_thousands(1000, buf, sizeof(buf)), "1,000");
	assert_string_equal(view_thousands(UINT64_MAX, buf, sizeof(buf)),
			    "18,446,744,073,709,551,615");
	text_is("1234567", VIEW_COUNT, "1,234,567");
	text_is("0.25", VIEW_COUNT, "0.25");
	text_is("-3", VIEW_COUNT, "-3");
	text_is("1795372563", VIEW_PLAIN, "1795372563");
	text_is("1023", VIEW_BYTES, "1,023");
	text_is("1536", VIEW_BYTES, "1,536 (1.5 KiB)");
	text_is("999", VIEW_NS, "999 ns");
	text_is("1500", VIEW_NS, "1.50 us");
	text_is("2500000", VIEW_NS, "2.50 ms");
	text_is("3000000000", VIEW_NS, "3.00 s");
	text_is("1500", VIEW_MS, "1.50 s");
	text_is("0.973", VIEW_SHARE, "97.3 %");
	text_is("2", VIEW_RATIO, "2.00");
	text_is("1", VIEW_FLAG, "yes");
	text_is("0", VIEW_FLAG, "no");
	text_is("'0x00ab'", VIEW_COUNT, "0x00ab");
	text_is("[1, 2]", VIEW_TEXT, "1, 2");
	text_is("[]", VIEW_TEXT, "none");
	text_is("null", VIEW_TEXT, "");
	text_is("true", VIEW_TEXT, "yes");
}

static void
test_print(void **state)
{
	static const char expected[] = "title\n"
				       "  stores                         1,234  617/s\n"
				       "  my key                         5\n"
				       "  errors\n"
				       "    timeout                      2\n";
	json_t *value = load("{'stores': 1234, 'errors': {'timeout': 2}, 'my_key': 5, 'none': '',"
			     "'empty': {}, 'per_second': {'stores': 617.0}}");
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	view_print_value(f, "title", value);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void
test_table(void **state)
{
	static const char *const keys[] = { "len", "rgid", NULL };
	static const char expected[] = "  index            bytes  peer\n"
				       "     32  8,192 (8.0 KiB)   0xa\n"
				       "      7               64      \n";
	json_t *value = load("{'32': {'len': 8192, 'rgid': '0xa'}, '7': {'len': 64}}");
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	view_print_table(f, "index", value, keys);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subtract),     cmocka_unit_test(test_rates),
		cmocka_unit_test(test_ratio),	     cmocka_unit_test(test_sum),
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_print),
		cmocka_unit_test(test_table),	     cmocka_unit_test(test_other_run),
		cmocka_unit_test(test_latency),	     cmocka_unit_test(test_latency_of_test),
		cmocka_unit_test(test_latency_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
