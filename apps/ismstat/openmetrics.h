/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenMetrics text, version 1.0 (https://openmetrics.io): what openmetrics*.c share.
 *
 *	openmetrics.c        asks the source
 *	openmetrics_fill.c   from its answers to samples (pure)
 *	openmetrics_rows.c   which number becomes which family (tables alone)
 *	openmetrics_text.c   families and samples to text (pure)
 *
 * Types that Prometheus' older text format lacks (info, unknown) are not used: parsers of that one,
 * the textfile collector's for example, can read the text too.
 *
 * All samples of a family stand together, behind its TYPE, UNIT and HELP, so they are collected
 * first and written last. A family's name ends with its unit; a counter's samples end with
 * _total.
 */
#ifndef OPENMETRICS_H
#define OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_SUMMARY, /* samples carry a label `quantile` */
};

struct metric {
	const char *family; /* with its unit */
	enum metric_type type;
	const char *unit; /* "bytes", "seconds", or "" */
	const char *help;
};

/* --- openmetrics_text.c --- */

/* Labels of one sample: name="value",...; values are escaped here. Grows never past its end. */
struct metric_labels {
	char text[1024];
	size_t len;
	bool cut; /* something did not fit: the sample would be another one, so it is left out */
};
void metric_labels_add(struct metric_labels *labels, const char *name, const char *value);

struct metrics; /* a set of families with their samples */
/* @return NULL: no memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* tolerates NULL */
/*
 * One sample. The same family and labels for the second time are left out: they would make the
 * whole text invalid.
 * @param metric  the first one of a family's name speaks for it. unit and help must outlive the
 *                set.
 * @param value   as text: metric_number()
 */
void metrics_add(struct metrics *m, const struct metric *metric, const struct metric_labels *labels,
		 const char *value);
/* A number of JSON times 10^-exp as a sample's value. @return false: it is none. */
bool metric_number(const json_t *number, unsigned int exp, char *buf, size_t size);
/* @return 0; -ENOMEM something was lost on the way; -EIO out does not take it. */
int metrics_write(struct metrics *m, FILE *out);

/* --- openmetrics_fill.c --- */

/*
 * Samples of all answers. Pure.
 * @param answers  by view ("device_xstats", "link_xstats", ...) as view_collect() answers, and
 *                 "mount", "program"; any may be missing or be something else than expected.
 */
void metrics_fill(struct metrics *m, const json_t *answers);

/* --- openmetrics_rows.c --- */

/* A number under `key` of an answer's object. */
struct metric_row {
	const char *key;
	unsigned int exp; /* the family's unit is 10^exp of the number's: 9 for ns, 3 for ms */
	struct metric metric;
};
struct metric_table {
	const struct metric_row *rows; /* key NULL ends it */
	const char *prefix; /* of families for keys that are in no row: those appear, too */
};
extern const struct metric_table metric_device, metric_link, metric_session, metric_queue,
	metric_export, metric_worker, metric_client, metric_disk, metric_client_queue, metric_mount,
	metric_loop, metric_process, metric_console, metric_cons_client, metric_cons_stats,
	metric_fwd;
/* Latencies: quantiles of one summary. */
struct metric_quantile {
	const char *key, *quantile;
};
extern const struct metric_quantile metric_quantiles[]; /* key NULL ends it */
/* Operations of a disk: {"ops", "bytes", "errors"} with the label `operation`. */
extern const struct metric metric_export_ops, metric_export_bytes, metric_export_errors,
	metric_disk_ops, metric_disk_bytes, metric_disk_errors, metric_export_latency,
	metric_disk_latency, metric_program, metric_device_info, metric_device_open,
	metric_session_errors, metric_link_errors, metric_session_up;

#endif
