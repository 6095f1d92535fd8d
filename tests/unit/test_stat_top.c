/* SPDX-License-Identifier: BSD-3-Clause */
/* The live view without a terminal: numbers in few columns, rates, rows, windows of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "top.h"

static void
numbers(void **state)
{
	static const struct {
		double value;
		const char *si, *brief;
	} cases[] = {
		{ -1, "-", "-" },
		{ 0, "0", "0" },
		{ 7, "7", "7" },
		{ 9999, "9999", "9999" },
		{ 0.5, "0.50", "0" },
		{ 12.34, "12.3", "12" },
		{ 999.4, "999", "999" },
		{ 12345, "12.3k", "12k" },
		{ 99949, "99.9k", "100k" },
		{ 999499, "999k", "999k" },
		{ 999501, "1.00M", "1.0M" },
		{ 1234567, "1.23M", "1.2M" },
		{ 9.96e6, "9.96M", "10M" },
		{ 1e18, "1.00E", "1.0E" },
	};
	char buf[TOP_CELL];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(top_si(cases[i].value, buf), cases[i].si);
		assert_string_equal(top_short(cases[i].value, buf), cases[i].brief);
	}
	/* Whatever the value: 5 and 4 columns. */
	for (double v = 0.001; v < 1e20; v *= 1.07) {
		assert_true(strlen(top_si(v, buf)) <= 5);
		assert_true(strlen(top_short(v, buf)) <= 4);
		if (v < 9e11)
			assert_true(strlen(top_time(v, buf)) <= 4);
	}
}

static void
times(void **state)
{
	char buf[TOP_CELL], up[32];

	assert_string_equal(top_time(0, buf), "-");
	assert_string_equal(top_time(850, buf), "850n");
	assert_string_equal(top_time(5600, buf), "5.6u");
	assert_string_equal(top_time(999400, buf), "999u");
	assert_string_equal(top_time(2900000, buf), "2.9m");
	assert_string_equal(top_time(1.5e9, buf), "1.5s");
	assert_string_equal(top_time(1.2e11, buf), "120s");
	assert_string_equal(top_ratio(2, 1, buf), "2.00");
	assert_string_equal(top_ratio(40, 3, buf), "13.3");
	assert_string_equal(top_ratio(-1, 3, buf), "-");
	assert_string_equal(top_ratio(3, 0, buf), "-");
	assert_string_equal(top_uptime(0, up, sizeof(up)), "00:00:00");
	assert_string_equal(top_uptime(3723000, up, sizeof(up)), "01:02:03");
	assert_string_equal(top_uptime(90061000.0, up, sizeof(up)), "1d 01:01:01");
}

static void
rates(void **state)
{
	json_t *a = json_loads("{\"n\": 10}", 0, NULL), *b = json_loads("{\"n\": 30}", 0, NULL);

	assert_true(top_rate(b, a, "n", 2) == 10);
	assert_true(top_rate(b, NULL, "n", 2) < 0);
	assert_true(top_rate(a, b, "n", 2) < 0); /* it began anew */
	assert_true(top_rate(b, a, "n", 0) < 0);
	assert_true(top_rate(b, a, "other", 2) == 0);
	json_decref(a);
	json_decref(b);
}

/* --- pictures --- */

/* What changes from picture to picture. */
struct moment {
	int done, stores, polls, empty, ups, reads;
};

static const char device_json[] =
	"\"program\": \"dpdk-ismd, PID 12, DPDK 22.11.11\","
	"\"device_info\": {\"0\": {\"name\": \"raw_ism0\", \"gid\": \"0x1\","
	"  \"state\": \"open\", \"open_ms\": 61000}},"
	"\"device_xstats\": {\"0\": {\"stores\": %d, \"err_access\": 5}}";
static const char sessions_json[] =
	"\"sessions\": {\"0\": {\"gid\": \"0x1\", \"rgid\": \"0xaf63dc4c296230c0\","
	"  \"service_name\": \"blk\", \"role\": \"initiator\", \"state\": \"up\","
	"  \"ups\": %d, \"retries\": 6, \"errors\": {\"silent\": 7, \"local\": 100}},"
	"\"1\": {\"gid\": \"0x1\", \"rgid\": \"0x3\", \"service_name\": \"cons\","
	"  \"role\": \"listener\", \"state\": \"down\", \"why\": \"no keepalive\","
	"  \"reason\": \"power cut\", \"ups\": 1}}";
static const char queues_json[] =
	"\"queues\": {\"0/0\": {\"depth\": 64, \"completions\": %d, \"stores\": %d,"
	"  \"payload_tx\": %d000000, \"payload_rx\": 0, \"polls\": %d, \"polls_empty\": %d,"
	"  \"no_slot\": 3, \"peer_full\": 4, \"inflight\": 2, \"inflight_max\": 9}}";
static const char disks_json[] =
	"\"blk_client\": {\"0xaf63dc4c296230c0\": {"
	"  \"queue\": {\"0\": {\"p50_ns\": 5600, \"p99_ns\": 22000}},"
	"  \"disk\": {\"data\": {\"name\": \"data\", \"read_ops\": %d, \"read_bytes\": 0,"
	"    \"write_ops\": 0, \"inflight\": 3, \"max_ns\": 9000000, \"read_errors\": 8}}}}";
static const char rest_json[] =
	"\"cons_consoles\": {\"0\": {\"name\": \"sh\", \"state\": \"idle\","
	"  \"writer\": \"none\", \"observers\": 1, \"bytes_out\": %d}},"
	"\"fwd_stats\": {\"mode\": \"ping\", \"state\": \"running\", \"messages\": %d,"
	"  \"latency_ns\": {\"p50\": 700}, \"received\": {\"sessions\": 2,"
	"  \"mode\": \"stream\", \"messages\": %d, \"bytes\": 0}}";

/* All answers at that moment. @return memory of the next call. */
static const char *
at(const struct moment *m)
{
	static char text[2][8192];
	static unsigned int turn;
	char *t = text[turn++ % 2];
	int n = snprintf(t, 8192, "{");

	n += snprintf(t + n, 8192 - (size_t)n, device_json, m->stores);
	n += snprintf(t + n, 8192 - (size_t)n, ", \"link_xstats\": {");
	n += snprintf(t + n, 8192 - (size_t)n, sessions_json, m->ups);
	n += snprintf(t + n, 8192 - (size_t)n, ", ");
	n += snprintf(t + n, 8192 - (size_t)n, queues_json, m->done, m->stores, m->done, m->polls,
		      m->empty);
	n += snprintf(t + n, 8192 - (size_t)n, "}, ");
	n += snprintf(t + n, 8192 - (size_t)n, disks_json, m->reads);
	n += snprintf(t + n, 8192 - (size_t)n, ", ");
	n += snprintf(t + n, 8192 - (size_t)n, rest_json, m->reads, m->reads, m->reads);
	snprintf(t + n, 8192 - (size_t)n, "}");
	return t;
}

static const struct moment first = { 100, 200, 100, 100, 1, 10 };
static const struct moment second = { 300, 600, 1100, 550, 1, 50 };
static const struct moment second_up_anew = { 300, 600, 1100, 550, 2, 50 };

static char *
picture(const char *now, const char *before)
{
	struct top_picture p = { .seconds = 2 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	p.now = json_loads(now, 0, NULL);
	assert_non_null(p.now);
	if (before != NULL) {
		p.before = json_loads(before, 0, NULL);
		assert_non_null(p.before);
	}
	top_draw(&p, out);
	fclose(out);
	json_decref((json_t *)(uintptr_t)p.now);
	json_decref((json_t *)(uintptr_t)p.before);
	return text;
}

static void
has(const char *text, const char *part)
{
	if (text == NULL || strstr(text, part) == NULL)
		fail_msg("no '%s' in\n%s", part, text != NULL ? text : "nothing");
}

static void
with_rates(void **state)
{
	char *text = picture(at(&second), at(&first));

	has(text, "dpdk-ismd, PID 12, DPDK 22.11.11\n");
	has(text, "raw_ism0 0x1 open 00:01:01, 200 stores/s");
	has(text, ", 5 errors\n");
	/* 100 ops, 100 MB, 200 stores a second; p50, p99; stalls, retries, errors. */
	has(text,
	    "af63dc4c296230c0 blk  up   100   100   200 2.00    2 5.6u  22u     7    6    7\n");
	has(text, "empty polls 45.0 %");
	has(text, "depth 2 (max 9)/64  stalls local 3 remote 4\n");
	has(text, "3                cons dn     -     -     -");
	has(text, "  down: no keepalive: power cut\n");
	has(text,
	    "disk   data                20     0     0     0    3    -    -     - 9.0m    8\n");
	has(text, "sh               idle     none                  1    20");
	has(text, "TEST ping, running: 20 messages/s");
	has(text, "TESTS of others (2), newest stream: 20 messages/s 0");
	free(text);
}

static void
without_rates(void **state)
{
	char *text = picture(at(&second), NULL);

	has(text, "af63dc4c296230c0 blk  up     -     -     -    -    2 5.6u");
	has(text, "empty polls -");
	free(text);
	/* The session came up anew in between: its queues count from 0. */
	text = picture(at(&second_up_anew), at(&first));
	has(text, "af63dc4c296230c0 blk  up     -     -     -");
	free(text);
	text = picture("{}", "{}");
	assert_string_equal(text, "\n");
	free(text);
	text = picture("{\"link_xstats\": {\"sessions\": {}}}", NULL);
	has(text, "no sessions\n");
	free(text);
}

/* Answers of another process may be anything. */
static void
nonsense(void **state)
{
	static const char *const odd[] = {
		"{\"program\": 1, \"device_info\": [1], \"link_xstats\": 7}",
		"{\"device_info\": {\"0\": 3}, \"link_xstats\": {\"sessions\": {\"0\": []}}}",
		"{\"link_xstats\": {\"sessions\": {\"0\": {}}, \"queues\": {\"0/0\": \"x\"}}}",
		"{\"blk_exports\": {\"0\": null}, \"blk_client\": {\"x\": {\"disk\": [1]}}}",
		"{\"cons_consoles\": {\"0\": 1}, \"cons_client\": {\"a\": 1}}",
		"{\"fwd_stats\": {\"latency_ns\": []}}",
		"{\"fwd_stats\": {\"state\": \"closed\", \"received\": {\"sessions\": 1}}}",
		"{\"fwd_stats\": {\"received\": [1], \"mode\": 2}}",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		free(picture(odd[i], odd[sizeof(odd) / sizeof(odd[0]) - 1 - i]));
}

/* --- windows --- */

static char *
fit(const char *text, const char *foot, unsigned int cols, unsigned int rows)
{
	char *shown = NULL;
	size_t len;
	FILE *out = open_memstream(&shown, &len);

	top_fit(text, foot, cols, rows, out);
	fclose(out);
	return shown;
}

static void
windows(void **state)
{
	static const char text[] = "abcdef\nghi\n\nj\n";
	char *shown;

	shown = fit(text, NULL, 80, 24);
	assert_string_equal(shown, "\033[Habcdef\033[K\r\nghi\033[K\r\n\033[K\r\nj\033[K\033[J");
	free(shown);
	/* Cut at both edges, with a line for the foot. */
	shown = fit(text, "foot!", 4, 3);
	assert_string_equal(shown,
			    "\033[Habcd\033[K\r\nghi\033[K\033[J\033[3;1H\033[7mfoot\033[K\033[0m");
	free(shown);
	/* One line alone, and no column at all. */
	shown = fit(text, "foot", 80, 1);
	assert_string_equal(shown, "\033[Habcdef\033[K\033[J");
	free(shown);
	shown = fit(text, "foot", 0, 2);
	assert_string_equal(shown, "\033[H\033[K\033[J\033[2;1H\033[7m\033[K\033[0m");
	free(shown);
	/* What would move the cursor does not get through. */
	shown = fit("a\033[2Jb\t\x9b", NULL, 80, 24);
	assert_string_equal(shown, "\033[Ha?[2Jb??\033[K\033[J");
	free(shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),	 cmocka_unit_test(times),
		cmocka_unit_test(rates),	 cmocka_unit_test(with_rates),
		cmocka_unit_test(without_rates), cmocka_unit_test(nonsense),
		cmocka_unit_test(windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
