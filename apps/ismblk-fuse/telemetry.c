/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of the mounts of this process: /ismblk/mount. The disks' own are lib/blk's, under
 * /blk/client.
 */
#include "base_dpdk.h"
#include "ismblk.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

/* Telemetry runs on a thread of DPDK's: it must not look at workers that are being freed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, ismblk) shown = SLIST_HEAD_INITIALIZER(shown);

/* Over all workers of all mounts, in one place of their stats. */
static uint64_t
sum(size_t at)
{
	const struct ismblk *app;
	uint64_t n = 0;

	SLIST_FOREACH(app, &shown, shown) {
		for (unsigned int i = 0; i < app->queues; i++) {
			const void *stats = &app->workers[i].stats;
			const _Atomic uint64_t *word = (const void *)((const char *)stats + at);

			n += atomic_load_explicit(word, memory_order_relaxed);
		}
	}
	return n;
}

#define SUM(field) base_tel_dict_u64(d, #field, sum(offsetof(struct worker_stats, field)))

/* Of the mount that most workers serve. */
static unsigned int
most_workers(void)
{
	const struct ismblk *app;
	unsigned int n = 0;

	SLIST_FOREACH(app, &shown, shown)
		n = app->queues > n ? app->queues : n;
	return n;
}

/* What became of requests, beside their payload. */
static void
add_requests(struct rte_tel_data *d)
{
	SUM(requests);
	SUM(empty);
	SUM(stalls);
	SUM(interrupted);
	SUM(emptied);
	SUM(held);
}

static int
show_mount(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int ret = -ENODEV;

	pthread_mutex_lock(&lock);
	if (!SLIST_EMPTY(&shown)) {
		rte_tel_data_start_dict(d);
		base_tel_dict_u64(d, "workers", most_workers());
		add_requests(d);
		SUM(payload_in);
		SUM(payload_out);
		SUM(placed);
		SUM(copies);
		ret = 0;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

void
telemetry_start(struct ismblk *app)
{
	pthread_mutex_lock(&lock);
	SLIST_INSERT_HEAD(&shown, app, shown);
	app->is_shown = true;
	pthread_mutex_unlock(&lock);
	/* Again for a second mount: that is refused, and the first one stays. */
	rte_telemetry_register_cmd("/ismblk/mount", show_mount,
				   "Requests of mounts, summed over all lcores. No parameters");
}

void
telemetry_stop(struct ismblk *app)
{
	pthread_mutex_lock(&lock);
	if (app->is_shown)
		SLIST_REMOVE(&shown, app, ismblk, shown);
	app->is_shown = false;
	pthread_mutex_unlock(&lock);
}
