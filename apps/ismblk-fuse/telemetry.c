/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of the mount: /ismblk/mount. The disks' own are lib/blk's, under /blk/client. */
#include "base_dpdk.h"
#include "ismblk.h"

#include <errno.h>
#include <pthread.h>

/* Telemetry runs on a thread of DPDK's: it must not look at workers that are being freed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct ismblk *shown;

#define SUM(field)                                                                                 \
	do {                                                                                       \
		uint64_t sum = 0;                                                                  \
		unsigned int i;                                                                    \
                                                                                                   \
		for (i = 0; i < shown->queues; i++)                                                \
			sum += atomic_load_explicit(&shown->workers[i].stats.field,                \
						    memory_order_relaxed);                         \
		base_tel_dict_u64(d, #field, sum);                                                 \
	} while (0)

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
	if (shown != NULL) {
		rte_tel_data_start_dict(d);
		base_tel_dict_u64(d, "workers", shown->queues);
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
