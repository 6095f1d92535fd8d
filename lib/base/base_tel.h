/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of telemetry answers that several components give. */
#ifndef BASE_TEL_H
#define BASE_TEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base_counter.h"
#include "base_dpdk.h"
#include "base_hist.h"
#include "base_metric.h"

/* They fit into 16 KiB. Should more be in use, the lowest ones are told as one. */
#define BASE_TEL_BUCKETS 512

/*
 * A histogram as an answer, so that whoever asks twice can tell what came in between:
 *
 *	"sum_ns", "min_ns", "max_ns"	of all values so far
 *	"first"		number of the first bucket that is told (base_hist.h)
 *	"buckets"	how many values each holds, from there to the last that holds one; at most
 *			BASE_TEL_BUCKETS
 *
 * @param d  an answer that was not begun yet.
 */
void base_tel_hist(struct rte_tel_data *d, const struct base_hist *h);

/* "min_ns", "p50_ns", ...: BASE_LATENCY_METRICS. */
void base_tel_latency(struct rte_tel_data *d, const struct base_hist *h);

/*
 * All numbers of a list, by name.
 * @param d       an answer that was begun as a dictionary.
 * @param values  the struct that the list's BASE_METRIC_FIELD has made.
 */
void base_tel_metrics(struct rte_tel_data *d, const struct base_metrics *list, const void *values);

/* From counters to numbers: of structs that one list has made. Any thread. */
void base_counters_read(const void *live, void *values, size_t size);
/* All of a struct of counters begin anew. The one writer. */
void base_counters_clear(void *live, size_t size);
/*
 * Combine: counters and gauges are added, of peaks the larger one stays.
 * @param from  numbers, of the same list
 */
void base_metrics_add(const struct base_metrics *list, void *to, const void *from);

/* A container's content. @return NULL: no memory. */
struct rte_tel_data *base_tel_new(void);
/* Put `sub` into d; tolerates NULL. @return whether it is there: else the answer has a gap. */
bool base_tel_put(struct rte_tel_data *d, const char *name, struct rte_tel_data *sub);

#endif
