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
		cmocka_unit_test(test_subtract), cmocka_unit_test(test_rates),
		cmocka_unit_test(test_ratio),	 cmocka_unit_test(test_sum),
		cmocka_unit_test(test_text),	 cmocka_unit_test(test_print),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
