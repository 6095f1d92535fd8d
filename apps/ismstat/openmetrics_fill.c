/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From answers to samples. Answers come from another process: whatever has not the expected
 * kind is passed over.
 */
#include <ctype.h>
#include <string.h>

#include "base_hist.h"
#include "lists.h"
#include "openmetrics.h"
#include "view.h"

/* What is no number of a list. */
static const struct metric
	program_info = { "ism_program_info", METRIC_GAUGE, "", "The program that answers." },
	device_info = { "ism_device_info", METRIC_GAUGE, "", "An ISM function of the program." },
	device_open = { "ism_device_open", METRIC_GAUGE, "",
			"1: the function is open and not lost." },
	session_up = { "link_session_state", METRIC_GAUGE, "", "1: the session is up." },
	session_errors = { "link_session_errors", METRIC_COUNTER, "",
			   "Attempts failed and sessions ended, by reason." },
	link_errors = { "link_errors", METRIC_COUNTER, "",
			"The same over all sessions, past ones included." },
	export_latency = { "blk_export_latency_seconds", METRIC_HISTOGRAM, "seconds",
			   "From the round that took a request until its answer was published." },
	disk_latency = { "blk_disk_latency_seconds", METRIC_HISTOGRAM, "seconds",
			 "From the submission of an io until its end." },
	test_latency = { "fwd_latency_seconds", METRIC_HISTOGRAM, "seconds",
			 "From a request of the test to its answer." };

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* json_object_foreach() wants to write. */
static json_t *
members(const json_t *object)
{
	return (json_t *)(uintptr_t)object;
}

static struct metric_labels
with(const struct metric_labels *labels, const char *name, const char *value)
{
	struct metric_labels more = *labels;

	metric_labels_add(&more, name, value);
	return more;
}

/* --- objects of numbers --- */

static enum metric_type
type_of(const struct base_metric *row)
{
	return row->kind == BASE_METRIC_COUNTER ? METRIC_COUNTER : METRIC_GAUGE;
}

/* The family's unit is 10^that of the number's. */
static unsigned int
exponent(const struct base_metric *row)
{
	switch (row->unit) {
	case BASE_UNIT_NS:
		return 9;
	case BASE_UNIT_US:
		return 6;
	case BASE_UNIT_MS:
		return 3;
	default:
		return 0;
	}
}

static void
add_number(struct metrics *m, const struct stat_list *list, const struct base_metric *row,
	   const struct metric_labels *labels, const json_t *number)
{
	struct metric metric = { .type = type_of(row), .unit = stat_unit(row), .help = row->help };
	char family[STAT_FAMILY_MAX], value[64];

	if (!stat_family(list, row, family) ||
	    !metric_number(number, exponent(row), value, sizeof(value)))
		return;
	metric.family = family;
	metrics_add(m, &metric, labels, value);
}

/* A number of a newer program that no list knows yet: better seen than hidden. */
static void
add_unknown(struct metrics *m, const char *prefix, const struct metric_labels *labels,
	    const char *key, const json_t *number)
{
	struct metric metric = { .type = METRIC_GAUGE, .unit = "", .help = "Not described." };
	char family[STAT_FAMILY_MAX], value[64];

	snprintf(family, sizeof(family), "%s_%s", prefix, key);
	for (char *c = family; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c))
			*c = '_';
	}
	metric.family = family;
	if (metric_number(number, 0, value, sizeof(value)))
		metrics_add(m, &metric, labels, value);
}

/* All numbers of an object. What is no integer was computed on our side. */
static void
add_numbers(struct metrics *m, const struct stat_list *list, const struct metric_labels *labels,
	    const json_t *object)
{
	const struct base_metric *row;
	const char *key;
	json_t *number;

	json_object_foreach(members(object), key, number)
	{
		row = stat_list_find(list, key);
		if (row != NULL && json_is_integer(number))
			add_number(m, list, row, labels, number);
		else if (list->more && json_is_integer(number) && stat_metric(key) == NULL)
			add_unknown(m, list->prefix, labels, key, number);
	}
}

/* Of an object with a histogram: times, by what is no longer. */
static void
add_latency(struct metrics *m, const struct metric *metric, const struct metric_labels *labels,
	    const json_t *object)
{
	struct base_hist h;

	if (view_histogram(json_object_get(object, VIEW_HISTOGRAM), &h))
		metrics_add_histogram(m, metric, labels, &h);
}

/* {"silent": 2}: one sample a reason. */
static void
add_errors(struct metrics *m, const struct metric *metric, const struct metric_labels *labels,
	   const json_t *errors)
{
	struct metric_labels more;
	const char *reason;
	char value[64];
	json_t *number;

	json_object_foreach(members(errors), reason, number)
	{
		more = with(labels, "reason", reason);
		if (metric_number(number, 0, value, sizeof(value)))
			metrics_add(m, metric, &more, value);
	}
}

/* --- functions --- */

static void
add_device_info(struct metrics *m, struct metric_labels labels, const json_t *info)
{
	static const char *const keys[] = { "name", "bus", "path" };
	bool open = strcmp(text_of(info, "state"), "open") == 0;

	metrics_add(m, &device_open, &labels, open ? "1" : "0");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		metric_labels_add(&labels, keys[i], text_of(info, keys[i]));
	metrics_add(m, &device_info, &labels, "1");
}

static void
add_devices(struct metrics *m, const json_t *infos, const json_t *xstats)
{
	struct metric_labels labels;
	json_t *info, *one;
	const char *id;

	json_object_foreach(members(xstats), id, one)
	{
		info = json_object_get(infos, id);
		labels = (struct metric_labels){ .len = 0 };
		metric_labels_add(&labels, "device", id);
		metric_labels_add(&labels, "gid", text_of(info, "gid"));
		if (info != NULL)
			add_device_info(m, labels, info);
		add_numbers(m, &list_device, &labels, one);
	}
}

/* --- sessions --- */

static struct metric_labels
session_labels(const json_t *session)
{
	struct metric_labels labels = { .len = 0 };

	metric_labels_add(&labels, "gid", text_of(session, "gid"));
	metric_labels_add(&labels, "peer", text_of(session, "rgid"));
	metric_labels_add(&labels, "service", text_of(session, "service_name"));
	metric_labels_add(&labels, "role", text_of(session, "role"));
	return labels;
}

static void
add_session(struct metrics *m, const json_t *session)
{
	struct metric_labels labels = session_labels(session);
	bool up = strcmp(text_of(session, "state"), "up") == 0;

	metrics_add(m, &session_up, &labels, up ? "1" : "0");
	add_numbers(m, &list_session, &labels, session);
	add_errors(m, &session_errors, &labels, json_object_get(session, "errors"));
}

/* Queues are named SESSION/QUEUE. */
static void
add_queue(struct metrics *m, const json_t *sessions, const char *name, const json_t *queue)
{
	const char *slash = strchr(name, '/');
	struct metric_labels labels;
	char number[16];
	json_t *session;

	if (slash == NULL || slash - name >= (int)sizeof(number))
		return;
	snprintf(number, sizeof(number), "%.*s", (int)(slash - name), name);
	session = json_object_get(sessions, number);
	if (session == NULL)
		return; /* it came between the two answers */
	labels = session_labels(session);
	metric_labels_add(&labels, "queue", slash + 1);
	add_numbers(m, &list_queue, &labels, queue);
}

static void
add_links(struct metrics *m, const json_t *link)
{
	const struct metric_labels none = { .len = 0 };
	const json_t *total = json_object_get(link, "total");
	const json_t *sessions = json_object_get(link, "sessions");
	const char *name;
	json_t *one;

	add_numbers(m, &list_link, &none, total);
	add_errors(m, &link_errors, &none, json_object_get(total, "errors"));
	json_object_foreach(members(sessions), name, one)
	{
		add_session(m, one);
	}
	json_object_foreach(members(json_object_get(link, "queues")), name, one)
	{
		add_queue(m, sessions, name, one);
	}
}

/* --- disks --- */

static void
add_export(struct metrics *m, const json_t *export)
{
	struct metric_labels labels = { .len = 0 }, more;
	const char *op;
	json_t *counts;

	metric_labels_add(&labels, "export", text_of(export, "name"));
	add_numbers(m, &list_export, &labels, export);
	add_latency(m, &export_latency, &labels, export);
	json_object_foreach(members(export), op, counts)
	{
		if (!json_is_object(counts))
			continue;
		more = with(&labels, "operation", op);
		add_numbers(m, &list_export_ops, &more, counts);
	}
}

/* "write_zeroes_ops": the operation's name stands before what is counted. */
static void
add_disk_counts(struct metrics *m, const struct metric_labels *labels, const json_t *disk)
{
	const struct base_metrics *kinds = &list_disk_ops.metrics;
	struct metric_labels more;
	const char *key;
	char op[64];
	json_t *number;

	json_object_foreach(members(disk), key, number)
	{
		for (unsigned int i = 0; i < kinds->count; i++) {
			size_t len = strlen(key), what = strlen(kinds->rows[i].name);

			if (len <= what + 1 || key[len - what - 1] != '_' ||
			    strcmp(key + len - what, kinds->rows[i].name) != 0)
				continue;
			snprintf(op, sizeof(op), "%.*s", (int)(len - what - 1), key);
			more = with(labels, "operation", op);
			add_number(m, &list_disk_ops, &kinds->rows[i], &more, number);
		}
	}
}

static void
add_client(struct metrics *m, const char *peer, const json_t *client)
{
	struct metric_labels labels = { .len = 0 }, more;
	const char *name;
	json_t *one;

	metric_labels_add(&labels, "peer", peer);
	add_numbers(m, &list_client, &labels, client);
	json_object_foreach(members(json_object_get(client, "disk")), name, one)
	{
		more = with(&labels, "disk", name);
		add_numbers(m, &list_disk, &more, one);
		add_latency(m, &disk_latency, &more, one);
		add_disk_counts(m, &more, one);
	}
	json_object_foreach(members(json_object_get(client, "queue")), name, one)
	{
		more = with(&labels, "queue", name);
		add_numbers(m, &list_cq, &more, one);
	}
}

static void
add_disks(struct metrics *m, const json_t *answers)
{
	const struct metric_labels none = { .len = 0 };
	struct metric_labels labels;
	const char *name;
	json_t *one;

	json_object_foreach(members(json_object_get(answers, "blk_exports")), name, one)
	{
		add_export(m, one);
	}
	json_object_foreach(members(json_object_get(answers, "blk_workers")), name, one)
	{
		labels = with(&none, "worker", name);
		add_numbers(m, &list_worker, &labels, one);
	}
	json_object_foreach(members(json_object_get(answers, "blk_client")), name, one)
	{
		add_client(m, name, one);
	}
	add_numbers(m, &list_mount, &none, json_object_get(answers, "mount"));
}

/* --- the program --- */

static void
add_run(struct metrics *m, const json_t *answers)
{
	const struct metric_labels none = { .len = 0 };
	struct metric_labels labels;
	const char *lcore;
	json_t *one;

	json_object_foreach(members(json_object_get(answers, "run_loop")), lcore, one)
	{
		labels = with(&none, "lcore", lcore);
		add_numbers(m, &list_loop, &labels, one);
	}
	add_numbers(m, &list_process, &none, json_object_get(answers, "run_process"));
	add_numbers(m, &list_control, &none, json_object_get(answers, "run_control"));
}

/* --- consoles --- */

static void
add_consoles(struct metrics *m, const json_t *answers)
{
	const struct metric_labels none = { .len = 0 };
	const json_t *client = json_object_get(answers, "cons_client");
	struct metric_labels labels;
	const char *name;
	json_t *one;

	json_object_foreach(members(json_object_get(answers, "cons_consoles")), name, one)
	{
		labels = with(&none, "console", text_of(one, "name"));
		add_numbers(m, &list_console, &labels, one);
	}
	if (json_is_object(client)) {
		labels = with(&none, "peer", text_of(client, "peer"));
		metric_labels_add(&labels, "console", text_of(client, "console"));
		add_numbers(m, &list_terminal, &labels, client);
	}
	add_numbers(m, &list_cons, &none, json_object_get(answers, "cons_stats"));
}

/* --- link tests --- */

static void
add_tests(struct metrics *m, const json_t *stats)
{
	const struct metric_labels none = { .len = 0 };

	add_numbers(m, &list_test, &none, stats);
	add_latency(m, &test_latency, &none, json_object_get(stats, "latency_ns"));
	add_numbers(m, &list_answer, &none, json_object_get(stats, "received"));
}

/* "dpdk-ismd, PID 123, DPDK 22.11.11" */
static void
add_program(struct metrics *m, const char *name)
{
	struct metric_labels labels = { .len = 0 };
	char program[64], pid[24];
	int end = 0;

	if (sscanf(name, "%63[^,], PID %23[0-9], %n", program, pid, &end) != 2 || end == 0)
		return;
	metric_labels_add(&labels, "program", program);
	metric_labels_add(&labels, "pid", pid);
	metric_labels_add(&labels, "dpdk", name + end);
	metrics_add(m, &program_info, &labels, "1");
}

void
metrics_fill(struct metrics *m, const json_t *answers)
{
	add_program(m, text_of(answers, "program"));
	add_devices(m, json_object_get(answers, "device_info"),
		    json_object_get(answers, "device_xstats"));
	add_links(m, json_object_get(answers, "link_xstats"));
	add_disks(m, answers);
	add_consoles(m, answers);
	add_run(m, answers);
	add_tests(m, json_object_get(answers, "fwd_stats"));
}
