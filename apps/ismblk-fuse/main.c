/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle of dpdk-ismblk. Read this first, then ismblk.h. */
#include "ismblk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_helper.h"
#include "base_line.h"
#include "base_time.h"
#include "rte_pmd_ism.h"
#include "run.h"
#include "run_holder.h"

#define READ_AHEAD_KB 1024
#define READY_MS 200 /* for lines before "ready" */
#define INIT_MS 10000 /* the kernel says INIT as soon as it is mounted */
#define LINK_NS (50 * BASE_NS_PER_US) /* between two rounds of the link on a busy lcore */

static struct ismblk app = { .fuse_fd = -1, .session_fd = -1, .record_fd = -1 };
static struct shares shares = { SLIST_HEAD_INITIALIZER(shares.all) };
static uint16_t dev_id;
static uint64_t link_due_ns; /* when the link is polled next, on a busy lcore */
static char mount_path[PATH_MAX];
static char **words; /* of the command line, in their order; NULL: no memory, or not needed */

/*
 * The kernel reads ahead 128 KiB on a FUSE mount unless its sysfs says more: ask for one
 * request of the largest size. Only root may; it is no loss if not. By a helper: sysfs may wait.
 */
static void
set_read_ahead(struct base_job *job)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb",
		 app.record->where.id.major, app.record->where.id.minor);
	f = app.record->where.known ? fopen(path, "we") : NULL;
	if (f == NULL)
		return;
	fprintf(f, "%d\n", READ_AHEAD_KB);
	fclose(f);
}

static struct base_job read_ahead_job = { .work = set_read_ahead };

/* After all that was said before: who waits for "ready" may read that. */
static void
tell_ready(void)
{
	int ret;

	base_line_drain(READY_MS);
	ret = run_held_ready(&app.held);
	if (ret < 0)
		run_error("the holder of the mount does not listen: %s", strerror(-ret));
}

/* Control shares worker 0's rounds. */
static unsigned int
control_poll(void *arg, uint64_t now_ns)
{
	unsigned int work = 0;

	if (!app.announced) {
		app.announced = true;
		(void)base_helper_submit(&read_ahead_job);
		tell_ready();
	}
	if (now_ns >= link_due_ns) {
		link_due_ns = now_ns + LINK_NS;
		work = link_poll(app.link, now_ns);
	}
	return work + peers_control(&app, now_ns);
}

/* The kernel has ended the mount. */
static void
mount_over(struct ismblk *a)
{
	run_stop();
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
	struct link_conf conf = {
		.dev_id = dev_id,
		.keepalive_ms = (uint32_t)app.opt.keepalive_ms,
	};
	int ret;

	/* What a server owes, it owes to a process of that epoch: an EIO of a FLUSH (SPEC-blk). */
	if (app.record != NULL)
		conf.epoch = app.record->epoch;
	ret = link_create(&conf, &app.link);

	if (ret == 0 && app.record != NULL)
		app.record->epoch = *link_epoch(app.link);
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

/*
 * Make room for the next process, at once: what is under way the kernel sends again, and the rest
 * is in the record.
 */
static _Noreturn void
leave(void)
{
	run_note("leaving the mount %s to the next process", app.opt.mount);
	base_line_drain(READY_MS);
	_exit(RUN_EXIT_OK);
}

/* From here on the mount is the holder's too, and ends with it. */
static int
give_to_holder(void)
{
	const int fds[] = { app.fuse_fd, app.record_fd };
	int ret = run_held_give(&app.held, fds, sizeof(fds) / sizeof(fds[0]));

	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("cannot give the mount to its holder: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

static int
make_mount(void)
{
	char real[PATH_MAX];
	int ret;

	choose_request_max();
	app.record->request_max = app.request_max;
	/* Once more: connecting took its time. */
	ret = mountpoint_check(app.opt.mount, real);
	if (ret != RUN_EXIT_OK)
		return ret;
	app.fuse_fd = mount_make(&app.opt, app.request_max, &app.record->where);
	return app.fuse_fd >= 0 ? give_to_holder() : RUN_EXIT_MOUNT;
}

static int
mount_or_take(void)
{
	int ret = device_init(&app);

	if (ret == RUN_EXIT_OK && !app.taken)
		ret = make_mount();
	return ret == RUN_EXIT_OK ? device_start(&app) : ret;
}

/* @return enum run_exit to end with. */
static int
serve(void)
{
	const struct run_idle_conf idle = { .hot_us = (uint32_t)app.opt.hot_us,
					    .idle_max_us = (uint32_t)app.opt.idle_max_us };
	int ret;

	ret = mount_or_take();
	if (ret != RUN_EXIT_OK)
		goto close_device;
	if (run_add_poller(0, control_poll, NULL) != 0) {
		ret = RUN_EXIT_FAIL;
		goto close_device;
	}
	telemetry_start(&app);
	run_note("%s %s, %u lcore%s", app.taken ? "serving the mount" : "mounted on", app.opt.mount,
		 app.queues, app.queues == 1 ? "" : "s");
	run_loop(&idle);
	telemetry_stop(&app);
	if (run_held_leaving())
		leave();
	run_held_bye(&app.held);
	peers_drain(&app);
	ret = atomic_load_explicit(&app.status, memory_order_relaxed);
close_device:
	cache_settle(&app);
	device_stop(&app, 0);
	device_close(&app);
	return ret;
}

/* Peers whose disks are in the kernel's hands already may come when they come. */
static int
find_peers(void)
{
	int ret = app.taken ? peers_open(&app) : peers_connect(&app);

	return ret == RUN_EXIT_OK && !app.taken ? peers_check_exports(&app) : ret;
}

static int
run(void)
{
	int ret;

	ret = run_device(app.opt.device, &dev_id);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = choose_queues();
	if (ret == RUN_EXIT_OK)
		ret = open_link();
	if (ret != RUN_EXIT_OK)
		goto close_device;
	ret = find_peers();
	if (ret == RUN_EXIT_OK)
		ret = app.record == NULL ? list_print(&app) : serve();
	peers_close(&app);
	link_destroy(app.link);
close_device:
	rte_pmd_ism_close(dev_id);
	return ret;
}

/* --- two processes --- */

/* Who parses the command line changes the order of its words. */
static void
keep_words(int argc, char **argv)
{
	words = calloc((size_t)argc + 1, sizeof(*words));
	if (words != NULL)
		memcpy(words, argv, (size_t)argc * sizeof(*words));
}

/* run_holder_conf.end: the record tells which mount it was. */
static void
end_mount(const int *fds, unsigned int count, bool stuck)
{
	const struct record *r = count > 1 ? record_look(fds[1]) : NULL;

	mount_end(r != NULL ? &r->where : NULL, fds, count, stuck);
}

/* Hold the mount; another process makes it. */
static int
hold(void)
{
	char what[PATH_MAX + 16];
	const struct run_holder_conf conf = {
		.argv = words,
		.what = what,
		.restart = !app.opt.no_restart,
		.is_over = mount_is_over,
		.end = end_mount,
	};

	if (words == NULL) {
		run_error("no memory for the command line");
		return RUN_EXIT_FAIL;
	}
	snprintf(what, sizeof(what), "the mount %s", mount_path);
	return run_holder(&conf);
}

/* The held process: a mount of its own, or that of one before it. */
static int
find_record(void)
{
	int fds[RUN_HOLDER_FDS], ret;

	app.taken = run_held_taken(fds) >= 2;
	if (!app.taken)
		return record_make(&app);
	app.fuse_fd = fds[0];
	ret = record_take(&app, fds[1]);
	if (ret != RUN_EXIT_OK)
		run_held_refuse(&app.held);
	return ret;
}

/* The first process looks at the mount point; a later one must not: it would wait for itself. */
static int
prepare_mount(bool held)
{
	int fds[RUN_HOLDER_FDS], ret;

	if (!held || run_held_taken(fds) == 0) {
		ret = mountpoint_check(app.opt.mount, mount_path);
		if (ret != RUN_EXIT_OK)
			return ret;
		app.opt.mount = mount_path;
	}
	return held ? find_record() : RUN_EXIT_OK;
}

int
main(int argc, char **argv)
{
	bool held = run_held_start();
	struct run_client client;
	char **app_argv;
	int ret, app_argc;

	if (!held)
		keep_words(argc, argv);
	ret = run_args(argc, argv, "dpdk-ismblk", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = options_parse(app_argc, app_argv, &app.opt);
	if (ret >= 0)
		return ret;
	run_quiet(app.opt.quiet || app.opt.list);
	if (!held) {
		ret = run_borrow_choose(&app.opt.borrow, app.opt.device, &client);
		if (ret != RUN_EXIT_OK || client.fd >= 0)
			return ret != RUN_EXIT_OK ? ret : borrow(&app.opt, &client);
	}
	app.shares = &shares;
	app.held = *run_held_self();
	app.over = mount_over;
	app.init_ms = INIT_MS;
	app.uid = geteuid();
	app.gid = getegid();
	clock_gettime(CLOCK_REALTIME, &app.start);
	if (app.opt.mount != NULL) {
		ret = prepare_mount(held);
		if (ret != RUN_EXIT_OK || !held)
			return ret != RUN_EXIT_OK ? ret : hold();
	}
	ret = run_eal_init();
	if (ret != RUN_EXIT_OK)
		return ret;
	if (held)
		run_held_signals();
	ret = run();
	run_fini();
	return ret;
}
