/* SPDX-License-Identifier: BSD-3-Clause */
/* /run/loop and /run/process: does everything that serves keep moving? In EAL's thread. */
#include "run.h"
#include "run_priv.h"

#include <stdio.h>

#include <rte_common.h>
#include <rte_telemetry.h>

#include "base_dpdk.h"
#include "base_helper.h"
#include "base_line.h"
#include "base_time.h"
#include "base_watch.h"

#define WORKERS_MAX 64 /* as many containers as one answer may hold */

static void
add_worker(struct rte_tel_data *d, unsigned int worker)
{
	struct rte_tel_data *part = rte_tel_data_alloc();
	struct base_watch_stats st;
	char key[16];

	if (part == NULL)
		return;
	base_watch_read(run_worker_watch(worker), base_now_ns(), &st);
	rte_tel_data_start_dict(part);
	base_tel_dict_u64(part, "waited", st.waited);
	base_tel_dict_u64(part, "busy", st.busy);
	base_tel_dict_u64(part, "preempted", st.preempted);
	base_tel_dict_u64(part, "longest_ns", st.longest_ns);
	rte_tel_data_add_dict_string(part, "longest", st.longest);
	rte_tel_data_add_dict_string(part, "part", st.part);
	base_tel_dict_u64(part, "running_ns", st.running_ns);
	snprintf(key, sizeof(key), "%u", worker);
	if (rte_tel_data_add_dict_container(d, key, part, 0) != 0)
		rte_tel_data_free(part);
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

	base_helper_stats(&helper);
	rte_tel_data_start_dict(d);
	base_tel_dict_u64(d, "lines_dropped", base_line_dropped());
	base_tel_dict_u64(d, "helper_jobs", helper.jobs);
	base_tel_dict_u64(d, "helper_refused", helper.refused);
	base_tel_dict_u64(d, "helper_threads", helper.threads);
	base_tel_dict_u64(d, "helper_busy", helper.busy);
	return 0;
}

void
run_telemetry_start(void)
{
	rte_telemetry_register_cmd("/run/loop", cmd_loop,
				   "Parts of rounds that took more than 50 ms, by lcore");
	rte_telemetry_register_cmd("/run/process", cmd_process,
				   "Lines that nobody read, and work that may wait for others");
}
