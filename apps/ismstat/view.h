/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `show` can show: a view is a row of a table.
 *
 *	view_table.c    the table
 *	view_device.c, view_link.c, view_fwd.c, view_service.c
 *	                what each view asks a source, and how it is printed if not as lines
 *	view_ask.c      questions that take several
 *	view.c          show, clear, collect: from words to an object
 *	view_count.c    arithmetic on objects: baselines, rates, ratios (pure)
 *	view_latency.c  latencies of a span of time (pure)
 *	view_fields.c   what is known of each key: label, unit, whether it counts (pure);
 *	                of what programs count, lists.c knows it
 *	view_print.c    an object as text for people (pure)
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base_metric.h"
#include "forms.h"
#include "source.h"

/* --- view.c --- */
struct view_context {
	struct source *src;
	bool json; /* print the object as it is, one line */
	FILE *out;
};
/*
 * show WORDS..., clear WORDS...: find the view and run it.
 * @param argv  words after "show", argv[0] = "device" ...
 * @return 0; -EINVAL no such view: `err` says the nearest; -EIO the source did not answer.
 */
int view_show(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size);
/* From now on counters of that view count from here (kept on our side: nobody is disturbed). */
int view_clear(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size);
/*
 * The same answer as show, not printed; NULL and err. For top and openmetrics. Owned by the caller.
 */
json_t *view_collect(struct source *src, const char *words, char *err, size_t err_size);

struct view;
/*
 * @param id  of a function; NULL: all
 * @return what stands under the view's key, owned by the caller; NULL: `err` says why.
 */
typedef json_t *(view_collect_fn)(struct source *src, const char *id, char *err, size_t err_size);
typedef void(view_print_fn)(FILE *out, const struct view *v, const json_t *value);

/* --- view_table.c --- */
struct view {
	const char *words; /* after "show"; with '_' for ' ' the key in JSON */
	const char *arg; /* what else may follow, as in a form: "[ID|all]"; or "" */
	const char *help;
	const char *needs; /* a telemetry command without which there is nothing to show */
	const char *counts; /* whose counters: what "clear WORDS" goes by; NULL: it has none */
	view_collect_fn *collect;
	view_print_fn *print; /* NULL: view_print_value() */
};
extern const struct view views[];
extern const unsigned int view_count;

/* --- view_device.c, view_link.c, view_fwd.c, view_service.c --- */
view_collect_fn view_device_info, view_device_stats, view_device_xstats, view_dmb, view_sba,
	view_ieq, view_event;
view_collect_fn view_link_info, view_link_stats, view_link_xstats, view_queue;
view_collect_fn view_fwd_stats, view_fwd_config;
view_collect_fn view_run_loop, view_run_process, view_run_control;
view_collect_fn view_blk_exports, view_blk_workers, view_blk_client, view_blk_mount;
view_collect_fn view_cons_consoles, view_cons_clients, view_cons_stats, view_cons_client;
/* Of every function of the source. @return as view_refresh(). */
bool view_device_refresh(struct source *src);
view_print_fn view_print_devices, view_print_dmbs, view_print_events, view_print_link_info,
	view_print_fwd_stats;

/* --- view_ask.c ---
 * Keys of answers are kept as they are: whoever knows dpdk-telemetry.py finds the same names. */

/*
 * Answers of "CMD,N" for growing N until nothing new comes, as one object.
 * @param inner  the key in an answer that holds the items; NULL: the answer itself.
 */
json_t *view_ask_pages(struct source *src, const char *cmd, const char *inner, char *err,
		       size_t err_size);
/* "CMD,ID", if the source has it. @return NULL: no answer; that is no fault. */
json_t *view_ask_optional(struct source *src, const char *cmd, const char *id);
/* "CMD,ID", an object. */
json_t *view_ask_device(struct source *src, const char *cmd, const char *id, char *err,
			size_t err_size);
/* fn for one function, or for all of them with `id` NULL: objects by rawdev id. */
json_t *view_each_device(struct source *src, const char *id, view_collect_fn *fn, char *err,
			 size_t err_size);

/* Put the answer to "CMD,ID", a histogram, among the latencies of an object, if there is one. */
void view_ask_histogram(struct source *src, const char *cmd, const char *id, json_t *object);

/* --- view.c, more --- */
/*
 * Have what these words would show asked of the device, if the last answer is old.
 * @return whether what is shown will be newer in a moment.
 */
bool view_refresh(struct source *src, int argc, char **argv);
/* From now on each answer has rates against the one before it of the same view. */
void view_rates(bool on);
/*
 * Print every view with counters that the source has. For --stats-period.
 * @param quiet  only take the numbers: rates need two answers.
 */
void view_tick(struct view_context *ctx, bool quiet);
/* Forget baselines and older answers. */
void view_forget(void);

/* --- view_fields.c --- */
/* Those of lists, and what only we show. */
enum view_unit {
	VIEW_COUNT = BASE_UNIT_COUNT, /* 1,234,567 */
	VIEW_PLAIN = BASE_UNIT_PLAIN, /* 1234567 */
	VIEW_BYTES = BASE_UNIT_BYTES, /* and in KiB, MiB ... */
	VIEW_NS = BASE_UNIT_NS, /* a time */
	VIEW_US = BASE_UNIT_US,
	VIEW_MS = BASE_UNIT_MS,
	VIEW_S = BASE_UNIT_S,
	VIEW_FLAG = BASE_UNIT_FLAG, /* yes, no */
	VIEW_SHARE, /* 0..1: percent */
	VIEW_RATIO, /* x per y */
	VIEW_TEXT,
};
struct view_field {
	const char *label; /* NULL: the key with spaces */
	enum view_unit unit;
	bool counter; /* only ever grows */
};
/* Of an unknown key a field that does not count, unless its ending says what it is. */
struct view_field view_field(const char *key);
bool view_field_counts(const char *key);

/* --- view_count.c --- */
/* Take `base` from all counters of `value`, at every depth; what has restarted is left. A number
 * "run" tells that: counters of an object with another one began anew. */
void view_subtract(json_t *value, const json_t *base);
/* Give every object with counters an object "per_second": its growth since `before`. */
void view_add_rates(json_t *value, const json_t *before, double seconds);
/* Move each "per_second" of `rated` to where it belongs in `value`. */
void view_take_rates(json_t *value, const json_t *rated);
/* Put value[top] / value[bottom] into value[name], if both are there and bottom is not 0. */
void view_ratio(json_t *value, const char *name, const char *top, const char *bottom);
/* Add every counter and gauge of `from` to that of `to`; texts are left. */
void view_add_numbers(json_t *to, const json_t *from);
/* Are these two of different runs? */
bool view_other_run(const json_t *value, const json_t *base);

/* --- view_latency.c --- */
#define VIEW_HISTOGRAM "histogram" /* what latencies of an object were made of: base_tel_hist() */
struct base_hist;
/* From what base_tel_hist() answers. @return false: it is none. */
bool view_histogram(const json_t *answer, struct base_hist *h);
/* Have all latencies of `value` tell of what came since `before`; what has restarted is left. */
void view_latency_since(json_t *value, const json_t *before);
/* Remove all histograms: they are not for people. */
void view_latency_strip(json_t *value);

/* --- view_print.c --- */
/* "12,345,678" @return buf. */
const char *view_thousands(uint64_t n, char *buf, size_t size);
/* A number with its unit, as it stands in a line. @return buf. */
const char *view_text(const json_t *value, enum view_unit unit, char *buf, size_t size);
/* Title and content; sub-objects are indented below their names. */
void view_print_value(FILE *out, const char *title, const json_t *value);
/* An object of objects as a table of these keys, NULL-terminated; `first` heads the names. */
void view_print_table(FILE *out, const char *first, const json_t *rows, const char *const *keys);

#endif
