/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle of dpdk-ismblk. Read this first, then ismblk.h. */
#include "ismblk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base_time.h"
#include "rte_pmd_ism.h"
#include "run.h"

#define READ_AHEAD_KB 1024

static struct ismblk app = { .fuse_fd = -1 };
static char mount_path[PATH_MAX];

/*
 * The kernel reads ahead 128 KiB on a FUSE mount unless its sysfs says more: ask for one
 * request of the largest size. Only root may; it is no loss if not. (A stat() of our own mount
 * would wait for us.)
 */
static void
set_read_ahead(const char *mount)
{
	char line[1024], dev[32], dir[512], path[96];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (f == NULL)
		return;
	path[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*d %*d %31s %*s %511s", dev, dir) == 2 &&
		    strcmp(dir, mount) == 0)
			snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", dev);
	}
	fclose(f);
	f = path[0] != '\0' ? fopen(path, "we") : NULL;
	if (f == NULL)
		return;
	fprintf(f, "%d\n", READ_AHEAD_KB);
	fclose(f);
}

/* Control shares worker 0's rounds. */
static unsigned int
control_poll(void *arg, uint64_t now_ns)
{
	if (!app.announced && atomic_load_explicit(&app.initialised, memory_order_relaxed)) {
		app.announced = true;
		set_read_ahead(app.opt.mount);
		run_ready();
	}
	return peers_control(&app, now_ns);
}

static int
choose_queues(void)
{
	unsigned int workers = run_workers();

	if (app.opt.queues > workers) {
		run_error("--queues %u: there are only %u lcores (-l names more)",
			  (unsigned int)app.opt.queues, workers);
		return RUN_EXIT_USAGE;
	}
	app.queues = app.opt.queues != 0 ? (unsigned int)app.opt.queues : workers;
	if (app.queues > LINK_QUEUES_MAX)
		app.queues = LINK_QUEUES_MAX;
	return RUN_EXIT_OK;
}

static int
open_link(void)
{
	const struct link_conf conf = {
		.dev_id = app.dev_id,
		.keepalive_ms = (uint32_t)app.opt.keepalive_ms,
	};
	int ret = link_create(&conf, &app.link);

	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("cannot start sessions: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

/*
 * The kernel sends no longer requests than the slots of one queue can carry. A peer that grants
 * less later, after a restart, cannot serve the longest ones.
 */
static void
choose_request_max(void)
{
	unsigned int i;

	app.request_max = REQUEST_MAX;
	for (i = 0; i < app.peer_count; i++) {
		uint32_t max = blk_client_io_max(app.peers[i].client);

		if (max < app.request_max)
			app.request_max = max;
	}
	if (app.request_max < REQUEST_MAX)
		run_note("requests of %u KiB at most: a peer grants no more",
			 app.request_max / 1024);
}

/* @return enum run_exit to end with. */
static int
serve(void)
{
	const struct run_idle_conf idle = { .hot_us = (uint32_t)app.opt.hot_us,
					    .idle_max_us = (uint32_t)app.opt.idle_max_us };
	int ret;

	choose_request_max();
	ret = device_mount(&app);
	if (ret != RUN_EXIT_OK)
		goto unmount;
	if (run_add_poller(0, control_poll, NULL) != 0) {
		ret = RUN_EXIT_FAIL;
		goto unmount;
	}
	telemetry_start(&app);
	run_note("mounted on %s, %u lcore%s", app.opt.mount, app.queues,
		 app.queues == 1 ? "" : "s");
	run_loop(&idle);
	telemetry_stop();
	peers_drain(&app);
	ret = atomic_load_explicit(&app.status, memory_order_relaxed);
unmount:
	device_unmount(&app);
	return ret;
}

static int
run(void)
{
	int ret;

	ret = run_device(app.opt.device, &app.dev_id);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = choose_queues();
	if (ret == RUN_EXIT_OK)
		ret = open_link();
	if (ret != RUN_EXIT_OK)
		goto close_device;
	ret = peers_connect(&app);
	if (ret == RUN_EXIT_OK)
		ret = peers_check_exports(&app);
	if (ret == RUN_EXIT_OK)
		ret = app.opt.list ? list_print(&app) : serve();
	peers_close(&app);
	link_destroy(app.link);
close_device:
	rte_pmd_ism_close(app.dev_id);
	return ret;
}

int
main(int argc, char **argv)
{
	int ret, app_argc;
	char **app_argv;

	ret = run_args(argc, argv, "dpdk-ismblk", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = options_parse(app_argc, app_argv, &app.opt);
	if (ret >= 0)
		return ret;
	run_quiet(app.opt.quiet || app.opt.list);
	clock_gettime(CLOCK_REALTIME, &app.start);
	if (app.opt.mount != NULL) {
		ret = mountpoint_check(app.opt.mount, mount_path);
		if (ret != RUN_EXIT_OK)
			return ret;
		app.opt.mount = mount_path;
	}
	ret = run_eal_init();
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = run();
	run_fini();
	return ret;
}
