/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenMetrics text, version 1.0 (https://openmetrics.io): what openmetrics*.c share.
 *
 *	openmetrics.c        asks the source
 *	openmetrics_fill.c   from its answers to samples (pure)
 *	lists.c              which number becomes which family
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

/* --- openmetrics.c --- */
struct source;
/* All counters as OpenMetrics text. @return enum run_exit; what is wrong is said. */
int openmetrics_print(struct source *src, FILE *out);

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM, /* metrics_add_histogram() */
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
struct base_hist;
/*
 * A histogram of times: samples _bucket with a label `le`, two an octave from 1 us to 8 s, which
 * count all that is no longer; _count and _sum. The family's unit is seconds.
 */
void metrics_add_histogram(struct metrics *m, const struct metric *metric,
			   const struct metric_labels *labels, const struct base_hist *h);
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

#endif
