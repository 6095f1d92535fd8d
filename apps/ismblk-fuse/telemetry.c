/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of the mounts of this process: /ismblk/mount. The disks' own are lib/blk's, under
 * /blk/client.
 */
#include "base_dpdk.h"
#include "base_tel.h"
#include "ismblk.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

/* Telemetry runs on a thread of DPDK's: it must not look at workers that are being freed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, ismblk) shown = SLIST_HEAD_INITIALIZER(shown);

static const struct base_metrics metrics = BASE_METRICS(MOUNT_METRICS);

/* Of all mounts; `workers` is that of the mount which most serve. */
static void
sum(struct rte_tel_data *d)
{
	struct {
		MOUNT_METRICS(BASE_METRIC_FIELD)
	} all = { .workers = 0 };
	const struct ismblk *app;

	SLIST_FOREACH(app, &shown, shown) {
		all.workers = app->queues > all.workers ? app->queues : all.workers;
		for (unsigned int i = 0; i < app->queues; i++) {
#define ADD(name, ...) all.name += base_count_get(&app->workers[i].stats.name);
			MOUNT_WORKER_METRICS(ADD)
#undef ADD
		}
	}
	base_tel_metrics(d, &metrics, &all);
}

static int
show_mount(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int ret = -ENODEV;

	pthread_mutex_lock(&lock);
	if (!SLIST_EMPTY(&shown)) {
		rte_tel_data_start_dict(d);
		sum(d);
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
