/* SPDX-License-Identifier: BSD-3-Clause */
/* The block service: exports from the command line, one worker of the server per lcore. */
#include "ismd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

static unsigned int
poll_control(void *arg, uint64_t now_ns)
{
	return blk_server_poll(arg, now_ns);
}

static unsigned int
poll_worker(void *arg, uint64_t now_ns)
{
	return blk_worker_poll(arg, now_ns);
}

/* "64.0 MiB": for people; the exact number stands before it. */
static const char *
size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	size_t i = 0;

	for (; n >= 1024 && i < sizeof(units) / sizeof(units[0]) - 1; i++)
		n /= 1024;
	snprintf(buf, size, "%.*f %s", i > 0 ? 1 : 0, n, units[i]);
	return buf;
}

static void
tell_export(const struct ismd *d, unsigned int i)
{
	const struct blk_export_conf *conf = &d->opt.exports[i].conf;
	char gids[ISMD_GIDS_STRLEN], size[32];
	struct blk_export_state state;

	blk_server_export_state(d->blk, i, &state);
	run_note("export '%s': %s, %s, %" PRIu64 " bytes (%s), %s, for %s", conf->name, conf->path,
		 state.backing, state.size, size_text(state.size, size, sizeof(size)),
		 conf->read_only ? "read-only" : "read-write",
		 ismd_gids_str(conf->allow_any, conf->allow, conf->allow_count, gids));
	if (!conf->allow_any && conf->allow_count == 0)
		run_error("warning: export '%s' is allowed to nobody; "
			  "expected ',allow=GID' or ',allow=any'",
			  conf->name);
}

static int
add_exports(struct ismd *d)
{
	char err[512];
	int ret;

	for (unsigned int i = 0; i < d->opt.export_count; i++) {
		ret = blk_server_export(d->blk, &d->opt.exports[i].conf, err, sizeof(err));
		if (ret != 0) {
			run_error("%s", err);
			return ret == -EINVAL ? RUN_EXIT_USAGE : RUN_EXIT_EXPORT;
		}
	}
	/* Told when all of them are there: a complaint stands alone. */
	for (unsigned int i = 0; i < d->opt.export_count; i++)
		tell_export(d, i);
	return RUN_EXIT_OK;
}

static int
add_pollers(struct ismd *d)
{
	int ret = run_add_poller(0, poll_control, d->blk);

	for (unsigned int i = 0; i < run_workers() && ret == 0; i++) {
		struct blk_worker *w = blk_server_worker(d->blk, i);

		ret = run_add_poller(i, poll_worker, w);
		if (ret == 0 && blk_worker_wake_fd(w) >= 0)
			ret = run_add_wake_fd(i, blk_worker_wake_fd(w));
	}
	return ret;
}

static int
start(struct ismd *d)
{
	struct blk_server_conf conf = {
		.link = d->link,
		.workers = run_workers(),
		.queues_max = (uint16_t)d->opt.queues,
		.depth_max = (uint16_t)d->opt.depth,
		.slot_max = (uint32_t)d->opt.slot_size,
	};
	int ret;

	if (d->opt.export_count == 0)
		return RUN_EXIT_OK;
	ret = blk_server_create(&conf, &d->blk);
	if (ret != 0) {
		d->blk = NULL;
		run_error("the block service cannot start: %s", strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	ret = add_exports(d);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = add_pollers(d);
	if (ret != 0) {
		run_error("the block service cannot run: %s", strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	return RUN_EXIT_OK;
}

static void
stop(struct ismd *d)
{
	d->held = blk_server_destroy(d->blk) != 0;
	d->blk = NULL;
}

const struct ismd_service service_blk = {
	.name = "blk",
	.start = start,
	.stop = stop,
};
