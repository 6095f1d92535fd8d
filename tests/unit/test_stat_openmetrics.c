/* SPDX-License-Identifier: BSD-3-Clause */
/* From answers to OpenMetrics text: names, labels, escapes, and what must never happen twice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openmetrics.h"

static char *
text_of(const char *json)
{
	json_t *answers = json_loads(json, 0, NULL);
	struct metrics *m = metrics_new();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(answers);
	assert_non_null(m);
	assert_non_null(out);
	metrics_fill(m, answers);
	assert_int_equal(metrics_write(m, out), 0);
	fclose(out);
	metrics_free(m);
	json_decref(answers);
	return text;
}

/* How often `line` stands in the text, whole. */
static unsigned int
lines(const char *text, const char *line)
{
	size_t len = strlen(line);
	unsigned int n = 0;

	for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
		if (strncmp(text, line, len) == 0 && text[len] == '\n')
			n++;
	}
	return n;
}

static void
has(const char *text, const char *line)
{
	if (lines(text, line) != 1)
		fail_msg("%u times: %s\n%s", lines(text, line), line, text);
}

static void
nothing(void **state)
{
	char *text = text_of("{}");

	assert_string_equal(text, "# EOF\n");
	free(text);
}

static void
device(void **state)
{
	char *text = text_of("{\"program\": \"dpdk-ismd, PID 12, DPDK 22.11.11\","
			     "\"device_info\": {\"0\": {\"name\": \"raw_ism0\", \"gid\": \"0x15\","
			     "  \"state\": \"lost\", \"path\": \"a\\\"b\\\\c\"}},"
			     "\"device_xstats\": {\"0\": {\"stores\": 12, \"store_bytes\": 4096,"
			     "  \"dmbs\": 3, \"brand_new\": 7, \"a_ratio\": 0.5,"
			     "  \"text\": \"x\"}}}");

	has(text, "ism_program_info{program=\"dpdk-ismd\",pid=\"12\",dpdk=\"DPDK 22.11.11\"} 1");
	has(text, "ism_device_open{device=\"0\",gid=\"0x15\"} 0");
	has(text, "ism_device_info{device=\"0\",gid=\"0x15\",name=\"raw_ism0\",bus=\"\","
		  "path=\"a\\\"b\\\\c\"} 1");
	has(text, "# TYPE ism_stores counter");
	has(text, "ism_stores_total{device=\"0\",gid=\"0x15\"} 12");
	has(text, "# TYPE ism_store_bytes counter");
	has(text, "# UNIT ism_store_bytes bytes");
	has(text, "ism_store_bytes_total{device=\"0\",gid=\"0x15\"} 4096");
	has(text, "# TYPE ism_dmbs gauge");
	has(text, "ism_dmbs{device=\"0\",gid=\"0x15\"} 3");
	/* What no row knows is shown, what was computed or is no number is not. */
	has(text, "ism_brand_new{device=\"0\",gid=\"0x15\"} 7");
	assert_null(strstr(text, "ratio"));
	assert_null(strstr(text, "text"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

#define SESSION                                                                                    \
	"{\"gid\": \"0x1\", \"rgid\": \"0x2\", \"service_name\": \"blk\", \"role\": \"listener\"," \
	"\"state\": \"up\", \"up_ms\": 1500, \"ups\": 2, \"errors\": {\"silent\": 1}}"

static void
sessions(void **state)
{
	char *text = text_of("{\"link_xstats\": {\"total\": {\"ups\": 5,"
			     "  \"errors\": {\"silent\": 4, \"busy\": 1}},"
			     "\"sessions\": {\"0\": " SESSION ", \"1\": " SESSION "},"
			     "\"queues\": {\"0/0\": {\"requests\": 9, \"no_slot\": 1},"
			     "  \"0/1\": {\"requests\": 8}, \"7/0\": {\"requests\": 1},"
			     "  \"x\": {\"requests\": 1}}}}");
#define L "gid=\"0x1\",peer=\"0x2\",service=\"blk\",role=\"listener\""

	has(text, "link_ups_total 5");
	has(text, "link_errors_total{reason=\"silent\"} 4");
	has(text, "link_errors_total{reason=\"busy\"} 1");
	/* The second one has the same labels: it would make all of it invalid. */
	has(text, "link_session_state{" L "} 1");
	has(text, "link_session_up_seconds{" L "} 1.500");
	has(text, "link_session_ups_total{" L "} 2");
	has(text, "link_session_errors_total{" L ",reason=\"silent\"} 1");
	has(text, "link_queue_requests_total{" L ",queue=\"0\"} 9");
	has(text, "link_queue_requests_total{" L ",queue=\"1\"} 8");
	has(text, "link_queue_stalls_local_total{" L ",queue=\"0\"} 1");
	/* A family's samples stand together, behind one TYPE. */
	has(text, "# TYPE link_queue_requests counter");
	assert_non_null(strstr(text, "queue=\"0\"} 9\nlink_queue_requests_total"));
	/* Queues of sessions that came meanwhile are nobody's. */
	assert_null(strstr(text, "} 1\nlink_queue_requests"));
	free(text);
}

static void
disks(void **state)
{
	char *text = text_of(
		"{\"blk_exports\": {\"0\": {\"name\": \"disk\", \"size\": 1024, \"inflight\": 2,"
		"  \"p50_ns\": 1500, \"p99_ns\": 0, \"max_ns\": 1500, \"histogram\":"
		"  {\"sum_ns\": 4500, \"min_ns\": 1500, \"max_ns\": 1500, \"first\": 119,"
		"    \"buckets\": [3]},"
		"  \"read\": {\"ops\": 3, \"bytes\": 4, \"errors\": 5}}},"
		"\"blk_client\": {\"0x2\": {\"up\": 1, \"ups\": 9,"
		"  \"disk\": {\"d\": {\"write_zeroes_ops\": 6, \"flush_errors\": 7,"
		"    \"losses\": 1, \"p999_ns\": 1}},"
		"  \"queue\": {\"0\": {\"replays\": 8, \"read_ops\": 1}}}},"
		"\"blk_workers\": {\"0\": {\"requests\": 10}},"
		"\"mount\": {\"copies\": 0, \"payload_in\": 5}}");

	has(text, "blk_export_size_bytes{export=\"disk\"} 1024");
	has(text, "blk_export_inflight{export=\"disk\"} 2");
	has(text, "# TYPE blk_export_latency_seconds histogram");
	has(text, "# UNIT blk_export_latency_seconds seconds");
	has(text, "blk_export_latency_seconds_bucket{export=\"disk\",le=\"0.000001023\"} 0");
	has(text, "blk_export_latency_seconds_bucket{export=\"disk\",le=\"0.000001535\"} 3");
	has(text, "blk_export_latency_seconds_bucket{export=\"disk\",le=\"+Inf\"} 3");
	has(text, "blk_export_latency_seconds_count{export=\"disk\"} 3");
	has(text, "blk_export_latency_seconds_sum{export=\"disk\"} 0.000004500");
	assert_null(strstr(text, "p50"));
	has(text, "blk_export_operations_total{export=\"disk\",operation=\"read\"} 3");
	has(text, "blk_export_data_bytes_total{export=\"disk\",operation=\"read\"} 4");
	has(text, "blk_export_errors_total{export=\"disk\",operation=\"read\"} 5");
	has(text, "blk_client_up{peer=\"0x2\"} 1");
	has(text, "blk_disk_operations_total{peer=\"0x2\",disk=\"d\","
		  "operation=\"write_zeroes\"} 6");
	has(text, "blk_disk_errors_total{peer=\"0x2\",disk=\"d\",operation=\"flush\"} 7");
	has(text, "blk_disk_losses_total{peer=\"0x2\",disk=\"d\"} 1");
	has(text, "blk_client_queue_replays_total{peer=\"0x2\",queue=\"0\"} 8");
	has(text, "blk_worker_requests_total{worker=\"0\"} 10");
	has(text, "blk_mount_copies_total 0");
	has(text, "blk_mount_written_bytes_total 5");
	/* The session tells that. */
	assert_null(strstr(text, "blk_client_ups"));
	free(text);
}

static void
consoles(void **state)
{
	char *text = text_of("{\"cons_stats\": {\"attaches\": 1, \"bytes_out\": 3},"
			     "\"cons_consoles\": {\"0\":"
			     "  {\"name\": \"sh\", \"observers\": 2, \"cut\": 4}},"
			     "\"cons_client\": {\"peer\": \"0x2\", \"console\": \"sh\","
			     "  \"credits\": 5, \"bytes_in\": 6}}");

	has(text, "cons_attaches_total 1");
	has(text, "cons_output_bytes_total 3");
	has(text, "cons_console_observers{console=\"sh\"} 2");
	has(text, "cons_console_cut_bytes_total{console=\"sh\"} 4");
	has(text, "cons_client_credits{peer=\"0x2\",console=\"sh\"} 5");
	has(text, "cons_client_sent_bytes_total{peer=\"0x2\",console=\"sh\"} 6");
	free(text);
}

/* Answers of another process may be anything. */
static void
nonsense(void **state)
{
	static const char *const odd[] = {
		"{\"program\": 7, \"device_info\": [], \"device_xstats\": 1}",
		"{\"device_xstats\": {\"0\": [1, 2]}, \"link_xstats\": \"x\"}",
		"{\"link_xstats\": {\"sessions\": {\"0\": 1}, \"queues\": {\"0/0\": null}}}",
		"{\"link_xstats\": {\"sessions\": [], \"total\": {\"errors\": 3}}}",
		"{\"blk_exports\": {\"0\": \"x\"}}",
		"{\"blk_client\": {\"a\": [], \"b\": {\"disk\": 1}}}",
		"{\"cons_consoles\": [1], \"cons_client\": [], \"cons_stats\": 1}",
		"{\"program\": \"a, PID b, c\"}",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char *text = text_of(odd[i]);

		assert_string_equal(text + strlen(text) - 6, "# EOF\n");
		free(text);
	}
}

/* Labels that do not fit would name another series: such a sample is left out. */
static void
long_labels(void **state)
{
	static const struct metric metric = { "a", METRIC_GAUGE, "", "b" };
	struct metrics *m = metrics_new();
	struct metric_labels labels = { .len = 0 };
	char value[1200], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	metric_labels_add(&labels, "x", value);
	assert_true(labels.cut);
	assert_true(labels.len < sizeof(labels.text));
	metrics_add(m, &metric, &labels, "1");
	labels = (struct metric_labels){ .len = 0 };
	metric_labels_add(&labels, "x", "a\nb\"\\");
	metrics_add(m, &metric, &labels, "1");
	assert_int_equal(metrics_write(m, out), 0);
	fclose(out);
	assert_string_equal(text, "# TYPE a gauge\n# HELP a b\na{x=\"a\\nb\\\"\\\\\"} 1\n# EOF\n");
	free(text);
	metrics_free(m);
}

static void
full_disk(void **state)
{
	struct metrics *m = metrics_new();
	FILE *full = fopen("/dev/full", "w");

	if (full == NULL)
		skip();
	assert_int_equal(metrics_write(m, full), -EIO);
	fclose(full);
	metrics_free(m);
	metrics_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),     cmocka_unit_test(device),
		cmocka_unit_test(sessions),    cmocka_unit_test(disks),
		cmocka_unit_test(consoles),    cmocka_unit_test(nonsense),
		cmocka_unit_test(long_labels), cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
