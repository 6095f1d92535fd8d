/* SPDX-License-Identifier: BSD-3-Clause */
/* Each number of each list, in each face: `clear`, rates, text, OpenMetrics. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_hist.h"
#include "lists.h"
#include "openmetrics.h"
#include "view.h"

/* An answer with all numbers of a list: first, first + 1, ... */
static json_t *
answer(const struct stat_list *list, json_int_t first)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < list->metrics.count; i++)
		json_object_set_new(object, list->metrics.rows[i].name, json_integer(first + i));
	assert_int_equal(json_object_size(object), list->metrics.count);
	return object;
}

static json_int_t
number(const json_t *object, const char *key)
{
	const json_t *item = json_object_get(object, key);

	if (!json_is_integer(item))
		fail_msg("no %s", key);
	return json_integer_value(item);
}

/* `clear` counts all counters from there, and takes nothing from what does not count. */
static void
test_clear(void **state)
{
	(void)state;
	for (size_t l = 0; stat_lists[l] != NULL; l++) {
		const struct base_metrics *all = &stat_lists[l]->metrics;
		json_t *base = answer(stat_lists[l], 1000), *now = answer(stat_lists[l], 1005);

		/* Of another test it would not be. */
		if (json_object_get(now, "run") != NULL)
			json_object_set_new(base, "run", json_integer(number(now, "run")));
		view_subtract(now, base);
		for (unsigned int i = 0; i < all->count; i++) {
			bool counts = all->rows[i].kind == BASE_METRIC_COUNTER;

			if (number(now, all->rows[i].name) != (counts ? 5 : 1005 + (json_int_t)i))
				fail_msg("%s %s: %lld", stat_lists[l]->where, all->rows[i].name,
					 (long long)number(now, all->rows[i].name));
		}
		json_decref(base);
		json_decref(now);
	}
}

static void
test_rates(void **state)
{
	(void)state;
	for (size_t l = 0; stat_lists[l] != NULL; l++) {
		const struct base_metrics *all = &stat_lists[l]->metrics;
		json_t *base = answer(stat_lists[l], 1000), *now = answer(stat_lists[l], 1010);
		const json_t *rates;
		size_t counters = 0;

		/* Of another test there is no rate. */
		if (json_object_get(now, "run") != NULL)
			json_object_set(now, "run", json_object_get(base, "run"));
		view_add_rates(now, base, 2);
		rates = json_object_get(now, "per_second");
		for (unsigned int i = 0; i < all->count; i++) {
			const json_t *rate = json_object_get(rates, all->rows[i].name);

			if (all->rows[i].kind != BASE_METRIC_COUNTER) {
				assert_null(rate);
				continue;
			}
			counters++;
			assert_true(json_real_value(rate) == 5.0);
		}
		assert_int_equal(json_object_size(rates), counters);
		json_decref(base);
		json_decref(now);
	}
}

/* Where a key stands in several lists it is the same to people, too. */
static void
test_one_meaning(void **state)
{
	(void)state;
	for (size_t l = 0; stat_lists[l] != NULL; l++) {
		const struct base_metrics *all = &stat_lists[l]->metrics;

		for (unsigned int i = 0; i < all->count; i++) {
			const struct base_metric *row = &all->rows[i],
						 *first = stat_metric(row->name);

			if (first->kind != row->kind || first->unit != row->unit ||
			    (first->label == NULL) != (row->label == NULL) ||
			    (row->label != NULL && strcmp(first->label, row->label) != 0))
				fail_msg("%s: %s is another one elsewhere", stat_lists[l]->where,
					 row->name);
			assert_int_equal(view_field(row->name).unit, (enum view_unit)row->unit);
			assert_int_equal(view_field_counts(row->name),
					 row->kind == BASE_METRIC_COUNTER);
		}
	}
}

/* Sentences for people, which also fit a line of roff and one of OpenMetrics. */
static void
test_help(void **state)
{
	(void)state;
	for (size_t l = 0; stat_lists[l] != NULL; l++) {
		const struct base_metrics *all = &stat_lists[l]->metrics;

		for (unsigned int i = 0; i < all->count; i++) {
			const char *help = all->rows[i].help;

			assert_true(isalnum((unsigned char)help[0]));
			assert_int_equal(help[strlen(help) - 1], '.');
			assert_null(strpbrk(help, "\\\"\n\t"));
			assert_true(strlen(help) < 100);
		}
	}
}

static char *
text_of(json_t *answers)
{
	struct metrics *m = metrics_new();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(m);
	metrics_fill(m, answers);
	assert_int_equal(metrics_write(m, out), 0);
	fclose(out);
	metrics_free(m);
	json_decref(answers);
	return text;
}

static void
has(const char *text, const char *format, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (strstr(text, line) == NULL)
		fail_msg("no %s in\n%s", line, text);
}

/* All numbers of the list, whose answers are shown in this text, have their family there. */
static void
all_in(const char *text, const struct stat_list *list)
{
	for (unsigned int i = 0; i < list->metrics.count; i++) {
		const struct base_metric *row = &list->metrics.rows[i];
		bool counter = row->kind == BASE_METRIC_COUNTER;
		char family[STAT_FAMILY_MAX];

		if (!stat_family(list, row, family))
			continue;
		for (const char *c = family; *c != '\0'; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '_');
		has(text, "# TYPE %s %s\n", family, counter ? "counter" : "gauge");
		has(text, "# HELP %s %s\n", family, row->help);
		has(text, "\n%s%s", family, counter ? "_total" : "");
		if (stat_unit(row)[0] != '\0')
			has(text, "# UNIT %s %s\n", family, stat_unit(row));
	}
}

static void
test_openmetrics(void **state)
{
	static const struct {
		const struct stat_list *list;
		const char *form; /* the answers, with the list's for %s */
	} faces[] = {
		{ &list_device, "{\"device_xstats\": {\"0\": %s}}" },
		{ &list_link, "{\"link_xstats\": {\"total\": %s}}" },
		{ &list_session, "{\"link_xstats\": {\"sessions\": {\"0\": %s}}}" },
		{ &list_queue, "{\"link_xstats\": {\"sessions\": {\"0\": {}},"
			       "  \"queues\": {\"0/0\": %s}}}" },
		{ &list_export, "{\"blk_exports\": {\"0\": %s}}" },
		{ &list_export_ops, "{\"blk_exports\": {\"0\": {\"read\": %s}}}" },
		{ &list_worker, "{\"blk_workers\": {\"0\": %s}}" },
		{ &list_client, "{\"blk_client\": {\"0x1\": %s}}" },
		{ &list_disk, "{\"blk_client\": {\"0x1\": {\"disk\": {\"d\": %s}}}}" },
		{ &list_cq, "{\"blk_client\": {\"0x1\": {\"queue\": {\"0\": %s}}}}" },
		{ &list_mount, "{\"mount\": %s}" },
		{ &list_loop, "{\"run_loop\": {\"0\": %s}}" },
		{ &list_process, "{\"run_process\": %s}" },
		{ &list_control, "{\"run_control\": %s}" },
		{ &list_console, "{\"cons_consoles\": {\"0\": %s}}" },
		{ &list_terminal, "{\"cons_client\": %s}" },
		{ &list_cons, "{\"cons_stats\": %s}" },
		{ &list_test, "{\"fwd_stats\": %s}" },
		{ &list_answer, "{\"fwd_stats\": {\"received\": %s}}" },
	};
	char *part, *text, json[8192];
	json_t *object;

	(void)state;
	for (size_t i = 0; i < sizeof(faces) / sizeof(faces[0]); i++) {
		object = answer(faces[i].list, 1);
		part = json_dumps(object, 0);
		snprintf(json, sizeof(json), faces[i].form, part);
		text = text_of(json_loads(json, 0, NULL));
		all_in(text, faces[i].list);
		free(text);
		free(part);
		json_decref(object);
	}
	text = text_of(json_loads("{\"blk_client\": {\"0x1\": {\"disk\": {\"d\": {\"read_ops\": 1,"
				  "\"read_bytes\": 2, \"read_errors\": 3}}}}}",
				  0, NULL));
	all_in(text, &list_disk_ops);
	free(text);
}

/* Buckets are cumulative, whatever their values; the last one and _count are all of them. */
static void
test_histogram(void **state)
{
	static const struct metric metric = { "a_seconds", METRIC_HISTOGRAM, "seconds", "A." };
	const struct metric_labels none = { .len = 0 };
	struct metrics *m = metrics_new();
	unsigned long long last = 0, count;
	struct base_hist h = { 0 };
	unsigned int buckets = 0;
	char *text = NULL, *line, *save;
	double le, before = 0;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	base_hist_add(&h, 5, 1);
	base_hist_add(&h, 1023, 2);
	base_hist_add(&h, 1024, 4);
	base_hist_add(&h, 2500000000, 8);
	base_hist_add(&h, (uint64_t)1 << 45, 16);
	metrics_add_histogram(m, &metric, &none, &h);
	metrics_add_histogram(m, &metric, &none, &h); /* the same once more is left out */
	assert_int_equal(metrics_write(m, out), 0);
	fclose(out);
	metrics_free(m);
	has(text, "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds A.\n");
	has(text, "a_seconds_bucket{le=\"0.000001023\"} 3\n");
	has(text, "a_seconds_bucket{le=\"0.000001535\"} 7\n");
	has(text, "a_seconds_bucket{le=\"2.147483647\"} 7\n");
	has(text, "a_seconds_bucket{le=\"3.221225471\"} 15\n");
	has(text, "a_seconds_bucket{le=\"8.589934591\"} 15\n");
	has(text, "a_seconds_bucket{le=\"+Inf\"} 31\na_seconds_count 31\na_seconds_sum ");
	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "a_seconds_bucket{le=\"%lf\"} %llu", &le, &count) != 2)
			continue;
		assert_true(le > before && count >= last);
		before = le;
		last = count;
		buckets++;
	}
	assert_int_equal(buckets, 48);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clear),	    cmocka_unit_test(test_rates),
		cmocka_unit_test(test_one_meaning), cmocka_unit_test(test_help),
		cmocka_unit_test(test_openmetrics), cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
