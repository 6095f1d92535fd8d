/* SPDX-License-Identifier: BSD-3-Clause */
/* /run/loop and /run/process: does everything that serves keep moving? In EAL's thread. */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_telemetry.h>

#include "base_dpdk.h"
#include "base_helper.h"
#include "base_line.h"
#include "base_tel.h"
#include "base_time.h"
#include "base_watch.h"
#include "run_control.h"
#include "run_metrics.h"

static const struct base_metrics loop_metrics = BASE_METRICS(BASE_WATCH_SHOWN),
				 process_metrics = BASE_METRICS(RUN_PROCESS_METRICS),
				 control_metrics = BASE_METRICS(RUN_CONTROL_METRICS);

#define WORKERS_MAX 64 /* as many containers as one answer may hold */

static void
add_worker(struct rte_tel_data *d, unsigned int worker)
{
	struct rte_tel_data *part = base_tel_new();
	struct base_watch_stats st;
	char key[16];

	if (part == NULL)
		return;
	base_watch_read(run_worker_watch(worker), base_now_ns(), &st);
	base_tel_metrics(part, &loop_metrics, &st);
	rte_tel_data_add_dict_string(part, "longest", st.longest);
	rte_tel_data_add_dict_string(part, "part", st.part);
	snprintf(key, sizeof(key), "%u", worker);
	base_tel_put(d, key, part);
}

static int
cmd_loop(const char *cmd, const char *params, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	for (unsigned int i = 0; i < run_workers() && i < WORKERS_MAX; i++)
		add_worker(d, i);
	return 0;
}

static int
cmd_process(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct base_helper_stats helper;
	struct {
		RUN_PROCESS_METRICS(BASE_METRIC_FIELD)
	} shown;

	base_helper_stats(&helper);
	shown.lines_dropped = base_line_dropped();
	shown.helper_jobs = helper.jobs;
	shown.helper_refused = helper.refused;
	shown.helper_threads = helper.threads;
	shown.helper_busy = helper.busy;
	rte_tel_data_start_dict(d);
	base_tel_metrics(d, &process_metrics, &shown);
	return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct run_control *control; /* under the lock */

static int
cmd_control(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct run_control_stats stats;
	int ret = -ENODEV;

	pthread_mutex_lock(&lock);
	if (control != NULL) {
		run_control_stats(control, &stats);
		rte_tel_data_start_dict(d);
		base_tel_metrics(d, &control_metrics, &stats);
		ret = 0;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

void
run_telemetry_control(const struct run_control *c)
{
	static bool done;

	pthread_mutex_lock(&lock);
	control = c;
	pthread_mutex_unlock(&lock);
	if (done)
		return;
	done = true;
	rte_telemetry_register_cmd("/run/control", cmd_control,
				   "Requests at the control socket. No parameters");
}

void
run_telemetry_start(void)
{
	rte_telemetry_register_cmd("/run/loop", cmd_loop,
				   "Parts of rounds that took more than 50 ms, by lcore");
	rte_telemetry_register_cmd("/run/process", cmd_process,
				   "Lines that nobody read, and work that may wait for others");
}
