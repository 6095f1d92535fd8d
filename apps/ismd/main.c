/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "base_peers.h"
#include "rte_pmd_ism.h"
#include "run.h"

/* All kinds of jobs. */
static const struct run_job_type *const types[] = {
	&job_export,
	&job_console,
	&job_probe,
	&job_mount,
};

#define KEPT UINT64_C(16) /* clients of disks and of consoles that others cannot keep out */

static unsigned int
poll_link(void *arg, uint64_t now_ns)
{
	return link_poll(arg, now_ns);
}

/*
 * Disks cannot keep all consoles out, nor the other way round: some room is kept for the first
 * clients of each. Link tests get none of that, and have few places; but one is kept for them, as
 * they are wanted when something is wrong.
 */
static void
keep_places(struct ismd *d, uint64_t memory)
{
	const struct link_share disks = {
		.sessions = (uint32_t)RTE_MIN(KEPT, d->opt.sessions / 4),
		.dmbs = 6 * KEPT,
		.bytes = RTE_MIN(memory / 4, UINT64_C(5) * KEPT << 20),
	};
	const struct link_share consoles = {
		.sessions = disks.sessions,
		.dmbs = 3 * KEPT,
		.bytes = RTE_MIN(memory / 4, UINT64_C(2) * KEPT << 20),
	};

	const struct link_share tests = {
		.sessions = (uint32_t)RTE_MIN(1, d->opt.sessions / 4),
		.dmbs = 3,
		.bytes = RTE_MIN(memory / 16, UINT64_C(2) << 20),
	};

	if (run_jobs_count(d->jobs, &job_export) > 0)
		link_keep(d->link, LINK_SERVICE_BLK, &disks);
	if (run_jobs_count(d->jobs, &job_console) > 0)
		link_keep(d->link, LINK_SERVICE_CONS, &consoles);
	if (run_jobs_count(d->jobs, &job_probe) > 0)
		link_keep(d->link, LINK_SERVICE_TEST, &tests);
}

static int
start_link(struct ismd *d)
{
	struct link_conf conf = {
		.dev_id = d->dev_id,
		.keepalive_ms = (uint32_t)d->opt.keepalive_ms,
		.sessions_max = (uint32_t)d->opt.sessions,
		.memory_max = d->opt.memory,
		.caller_memory_max = d->opt.client_memory,
		.caller_dmbs_max = (uint32_t)d->opt.client_dmbs,
		.epoch = *state_epoch(d),
	};
	int ret = link_create(&conf, &d->link);

	if (ret == 0)
		*state_epoch(d) = *link_epoch(d->link);
	if (ret == 0)
		ret = run_add_poller(0, poll_link, d->link);
	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("no link over this function: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

static int
exit_of(int ret)
{
	return ret == -EINVAL ? RUN_EXIT_USAGE : RUN_EXIT_EXPORT;
}

/* Those of the command line, then those of the file. At the start each must be had. */
static int
start_jobs(struct ismd *d)
{
	char err[RUN_JOB_ERR];
	int ret = 0;

	for (unsigned int i = 0; i < d->opt.job_count && ret == 0; i++)
		ret = run_job_add(d->jobs, d->opt.jobs[i], false, err);
	if (ret == 0 && d->opt.config != NULL)
		ret = run_jobs_apply(d->jobs, d->opt.config, NULL, err);
	if (ret != 0) {
		run_error("%s", err);
		return exit_of(ret);
	}
	run_jobs_tell(d->jobs);
	return RUN_EXIT_OK;
}

static int
serve(struct ismd *d)
{
	struct run_idle_conf idle = {
		.hot_us = (uint32_t)d->opt.hot_us,
		.idle_max_us = (uint32_t)d->opt.idle_max_us,
	};
	int ret = start_link(d);

	if (ret == RUN_EXIT_OK)
		ret = start_jobs(d);
	if (ret == RUN_EXIT_OK) {
		keep_places(d, d->opt.memory);
		ret = control_start(d);
	}
	/* Every image, device and terminal is open. */
	if (ret == RUN_EXIT_OK && d->opt.user.uid != 0)
		ret = run_user_become(&d->opt.user);
	if (ret == RUN_EXIT_OK) {
		run_ready();
		run_loop(&idle);
	}
	control_stop(d);
	if (mount_service_stop(d))
		run_note("mounts wait for the next runtime of this name");
	state_close(d);
	probe_service_stop(d);
	console_service_stop(d);
	export_service_stop(d);
	if (d->held)
		return RUN_EXIT_FAIL;
	link_destroy(d->link);
	return ret;
}

static int
run(struct ismd *d)
{
	int ret = run_eal_init();

	if (ret != RUN_EXIT_OK)
		return ret;
	ret = run_device(d->opt.device, &d->dev_id);
	if (ret == RUN_EXIT_OK) {
		if (d->opt.memory == 0)
			d->opt.memory = memory_standard();
		ret = control_claim(d);
		if (ret == RUN_EXIT_OK && state_open(d) != 0) {
			run_error("no memory");
			ret = RUN_EXIT_FAIL;
		}
		if (ret == RUN_EXIT_OK)
			ret = serve(d);
		else
			control_stop(d);
		if (d->held)
			return ret;
		rte_pmd_ism_close(d->dev_id);
	}
	run_fini();
	return ret;
}

/* Names are needed to understand jobs: so that option is looked for before the others. */
static int
load_peers(int argc, char **argv)
{
	const char *path = NULL;
	char err[RUN_JOB_ERR];

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--peers=", strlen("--peers=")) == 0)
			path = argv[i] + strlen("--peers=");
		else if (strcmp(argv[i], "--peers") == 0 && i + 1 < argc)
			path = argv[i + 1];
	}
	if (base_peers_load(path, err, sizeof(err)) == 0)
		return RUN_EXIT_OK;
	run_error("%s", err);
	return RUN_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static struct ismd d;
	char **app_argv;
	int app_argc, ret;

	ret = run_args(argc, argv, "dpdk-ismd", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return ret;
	d.jobs = run_jobs_create(types, RTE_DIM(types), &d);
	if (d.jobs == NULL) {
		run_error("no memory");
		return RUN_EXIT_FAIL;
	}
	ret = load_peers(app_argc, app_argv);
	if (ret == RUN_EXIT_OK)
		ret = ismd_options_parse(app_argc, app_argv, d.jobs, &d.opt);
	if (ret < 0) {
		run_quiet(d.opt.quiet);
		ret = run(&d);
	}
	/* A helper may hang in a job yet: then all of it stays as it is. */
	if (!d.hangs)
		run_jobs_destroy(d.jobs);
	ismd_options_free(&d.opt);
	return ret;
}
