/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /blk/exports and /blk/workers for telemetry clients. They run in a thread of DPDK's and read
 * what is fixed once an export is published, and counters that may change meanwhile. An export that
 * is removed stays in memory until no client reads it any more (blk_server_telemetry_pass()).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "blk_server_priv.h"

#define EXPORTS_SHOWN 12 /* what fits one answer */
#define WORKERS_SHOWN 64

/* One server a program. The lock keeps it there while a client reads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct blk_server *server;

static const struct base_metrics export_metrics = BASE_METRICS(BLK_EXPORT_METRICS),
				 worker_metrics = BASE_METRICS(BLK_WORKER_SHOWN);

void
blk_server_telemetry_add(struct blk_server *srv)
{
	pthread_mutex_lock(&lock);
	server = srv;
	pthread_mutex_unlock(&lock);
}

void
blk_server_telemetry_pass(void)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
}

void
blk_server_telemetry_remove(struct blk_server *srv)
{
	pthread_mutex_lock(&lock);
	if (server == srv)
		server = NULL;
	pthread_mutex_unlock(&lock);
}

static void
show_ops(struct rte_tel_data *d, const struct blk_export_stats *stats)
{
	for (unsigned int op = 0; op < BLK_OP_COUNT; op++) {
		struct rte_tel_data *sub = blk_op_str(op) != NULL ? base_tel_new() : NULL;

		if (sub == NULL)
			continue;
#define SHOW(name, ...) base_tel_dict_u64(sub, #name, stats->name[op]);
		BLK_OP_METRICS(SHOW)
#undef SHOW
		base_tel_put(d, blk_op_str(op), sub);
	}
}

static void
show_allowed(struct rte_tel_data *d, const struct blk_export *exp)
{
	char text[RTE_TEL_MAX_STRING_LEN] = "", gid[BASE_GID_STRLEN];
	size_t len = 0;

	if (exp->allow.any)
		snprintf(text, sizeof(text), "any");
	/* As many as fit. */
	for (unsigned int i = 0; i < exp->allow.count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? ":" : "",
					base_gid_str(exp->allow.gid[i], gid));
	rte_tel_data_add_dict_string(d, "allow", text);
}

#define GET(field) atomic_load_explicit(&exp->field, memory_order_relaxed)

static void
show_numbers(struct rte_tel_data *d, const struct blk_export *exp, uint64_t inflight)
{
	struct {
		BLK_EXPORT_METRICS(BASE_METRIC_FIELD)
	} shown = {
		.size = GET(size),
		.flags = GET(flags),
		.generation = GET(generation),
		.flush_errors = GET(flush_errors),
		.inflight = inflight,
	};

	base_tel_metrics(d, &export_metrics, &shown);
}

static struct rte_tel_data *
show_export(unsigned int i)
{
	const struct blk_export *exp = atomic_load_explicit(&server->exports[i],
							    memory_order_acquire);
	struct rte_tel_data *d = exp != NULL ? base_tel_new() : NULL;
	struct base_hist latency = { 0 };
	struct blk_export_stats stats;
	char path[RTE_TEL_MAX_STRING_LEN];

	if (d == NULL)
		return d;
	blk_exports_count(server, i, &stats, &latency);
	rte_tel_data_add_dict_string(d, "name", exp->name);
	rte_tel_data_add_dict_string(d, "path",
				     base_text_clean(path, sizeof(path), exp->path,
						     strlen(exp->path)));
	rte_tel_data_add_dict_string(d, "backing", blk_backing_str(exp->backing));
	show_numbers(d, exp, stats.inflight);
	base_tel_latency(d, &latency);
	show_allowed(d, exp);
	show_ops(d, &stats);
	return d;
}

/* @param params  number of the first export to show, if not 0 */
static int
cmd_exports(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *list = base_tel_new(), *sub;
	unsigned int count, first = 0;
	char name[16];

	if (list == NULL)
		return -ENOMEM;
	if (params != NULL)
		first = (unsigned int)strtoul(params, NULL, 10);
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	count = server != NULL ? blk_server_exports(server) : 0;
	for (unsigned int i = first; i < count && i < first + EXPORTS_SHOWN; i++) {
		snprintf(name, sizeof(name), "%u", i);
		sub = show_export(i);
		if (sub != NULL)
			base_tel_put(list, name, sub);
	}
	pthread_mutex_unlock(&lock);
	base_tel_dict_u64(d, "count", count);
	base_tel_put(d, "exports", list);
	return 0;
}

/* @param params  number of the export */
static int
cmd_export_latency(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned long i = params != NULL ? strtoul(params, NULL, 10) : 0;
	struct base_hist latency = { 0 };
	int ret = -ENOENT;

	pthread_mutex_lock(&lock);
	if (server != NULL && i < blk_server_exports(server)) {
		for (unsigned int w = 0; w < server->conf.workers; w++)
			base_hist_merge(&latency, &server->workers[w].counts[i].latency);
		base_tel_hist(d, &latency);
		ret = 0;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

static struct rte_tel_data *
show_worker(const struct blk_worker *w)
{
	struct rte_tel_data *d = base_tel_new();
	/* In the order of BLK_WORKER_SHOWN. */
	struct {
		struct blk_worker_stats worker;
		struct blk_engine_stats engine;
	} shown;

	if (d == NULL)
		return NULL;
	blk_worker_stats(w, &shown.worker);
	blk_engine_stats(w->engine, &shown.engine);
	base_tel_metrics(d, &worker_metrics, &shown);
	return d;
}

static int
cmd_workers(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *sub;
	char name[16];

	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; server != NULL && i < server->conf.workers && i < WORKERS_SHOWN;
	     i++) {
		snprintf(name, sizeof(name), "%u", i);
		sub = show_worker(&server->workers[i]);
		if (sub != NULL)
			base_tel_put(d, name, sub);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

RTE_INIT(blk_server_telemetry_init)
{
	rte_telemetry_register_cmd(
		"/blk/exports", cmd_exports,
		"Exports with counters. Parameter: number of the first (12 are shown)");
	rte_telemetry_register_cmd("/blk/exports/latency", cmd_export_latency,
				   "Histogram of an export's latencies. Parameter: its number");
	rte_telemetry_register_cmd("/blk/workers", cmd_workers, "Counters of the server's workers");
}
