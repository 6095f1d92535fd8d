/* SPDX-License-Identifier: BSD-3-Clause */
/* The callbacks run in a thread of DPDK's: ends come and go under the lock. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <rte_common.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "probe_telemetry.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, probe_telemetry) ends = LIST_HEAD_INITIALIZER(ends);

/* The newest end of that kind; of testers, with a parameter but 0, the one that asks this GID. */
static const struct probe_telemetry *
find(bool asks, const char *params)
{
	const struct probe_telemetry *t;
	uint64_t gid = 0;

	if (params != NULL && params[0] != '\0' && strcmp(params, "0") != 0 &&
	    base_gid_parse(params, &gid) != 0)
		return NULL;
	LIST_FOREACH(t, &ends, entry) {
		if (t->asks == asks && (gid == 0 || t->peer(t->end) == gid))
			return t;
	}
	return NULL;
}

/* What a program tells that asks nobody. */
static void
add_no_tester(struct rte_tel_data *d)
{
	rte_tel_data_add_dict_string(d, "state", "closed");
	rte_tel_data_add_dict_string(d, "trouble", "");
	rte_tel_data_add_dict_string(d, "mode", "");
	base_tel_dict_u64(d, "retries", 0);
}

static int
stats_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const struct probe_telemetry *asks, *answers;

	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	asks = find(true, params);
	answers = find(false, NULL);
	if (asks != NULL)
		asks->stats(asks->end, d);
	else if (answers != NULL)
		add_no_tester(d);
	if (answers != NULL)
		answers->stats(answers->end, d);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
latency_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const struct probe_telemetry *asks;

	pthread_mutex_lock(&lock);
	asks = find(true, params);
	if (asks != NULL)
		asks->latency(asks->end, d);
	pthread_mutex_unlock(&lock);
	return asks != NULL ? 0 : -ENOENT;
}

static int
config_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const struct probe_telemetry *asks, *answers;

	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	asks = find(true, params);
	answers = find(false, NULL);
	if (asks != NULL)
		asks->config(asks->end, d);
	rte_tel_data_add_dict_int(d, "listen", answers != NULL);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* With the first end: a program that has none does not have the commands either. */
static void
register_commands(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	rte_telemetry_register_cmd("/fwd/stats", stats_cb,
				   "Results of link tests, ours and those of others with us. "
				   "Parameter: GID of the peer, where there are several");
	rte_telemetry_register_cmd("/fwd/latency", latency_cb,
				   "Histogram of the running or newest link test's latencies. "
				   "Parameter: as of /fwd/stats");
	rte_telemetry_register_cmd("/fwd/config", config_cb,
				   "Settings of link tests. Parameter: as of /fwd/stats");
}

void
probe_telemetry_add(struct probe_telemetry *t)
{
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&ends, t, entry);
	pthread_mutex_unlock(&lock);
	register_commands();
}

void
probe_telemetry_remove(struct probe_telemetry *t)
{
	pthread_mutex_lock(&lock);
	LIST_REMOVE(t, entry);
	pthread_mutex_unlock(&lock);
}
