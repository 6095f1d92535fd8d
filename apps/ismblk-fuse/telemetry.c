/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of the mount: /ismblk/mount. The disks' own are lib/blk's, under /blk/client. */
#include "base_dpdk.h"
#include "base_tel.h"
#include "ismblk.h"

#include <errno.h>
#include <pthread.h>

/* Telemetry runs on a thread of DPDK's: it must not look at workers that are being freed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct ismblk *shown;

static const struct base_metrics metrics = BASE_METRICS(MOUNT_METRICS);

static void
sum(struct rte_tel_data *d)
{
	struct {
		MOUNT_METRICS(BASE_METRIC_FIELD)
	} all = { .workers = shown->queues };

	for (unsigned int i = 0; i < shown->queues; i++) {
#define ADD(name, ...) all.name += base_count_get(&shown->workers[i].stats.name);
		MOUNT_WORKER_METRICS(ADD)
#undef ADD
	}
	base_tel_metrics(d, &metrics, &all);
}

static int
show_mount(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int ret = -ENODEV;

	pthread_mutex_lock(&lock);
	if (shown != NULL) {
		rte_tel_data_start_dict(d);
		sum(d);
		ret = 0;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

void
telemetry_start(const struct ismblk *app)
{
	pthread_mutex_lock(&lock);
	shown = app;
	pthread_mutex_unlock(&lock);
	rte_telemetry_register_cmd("/ismblk/mount", show_mount,
				   "Requests of the mount, summed over all lcores. No parameters");
}

void
telemetry_stop(void)
{
	pthread_mutex_lock(&lock);
	shown = NULL;
	pthread_mutex_unlock(&lock);
}
