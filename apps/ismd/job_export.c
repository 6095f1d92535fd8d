/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exports: jobs of the block service. The service itself, one worker of it per lcore, begins with
 * the first export and stays: a peer that finds none is told that this system exports no disks.
 */
#include "ismd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_text.h"
#include "base_time.h"
#include "run.h"

#define REMOVE_MS 5000 /* a job that goes waits for the image's release, but not for ever */

/* What a person typed. */
struct export_conf {
	char *text; /* what `conf` points into */
	struct blk_export_conf conf;
};

static const struct blk_export_conf *
conf_of(const struct run_job *job)
{
	return &((const struct export_conf *)job->conf)->conf;
}

/* --- the service --- */

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

/* That of the thread which also does the control of the link. */
static unsigned int
poll_first_worker(void *arg, uint64_t now_ns)
{
	struct ismd *d = arg;
	unsigned int work = blk_worker_poll(blk_server_worker(d->blk, 0), now_ns);

	if (work != 0)
		link_shares_thread(d->link, now_ns);
	return work;
}

struct start_service {
	struct ismd *d;
	unsigned int worker;
	int ret;
};

/* On its worker. */
static void
add_worker(void *arg)
{
	struct start_service *s = arg;
	struct blk_worker *w = blk_server_worker(s->d->blk, s->worker);

	if (s->worker == 0)
		s->ret = run_add_poller(0, poll_first_worker, s->d);
	else
		s->ret = run_add_poller(s->worker, poll_worker, w);
	if (s->ret == 0 && blk_worker_wake_fd(w) >= 0)
		s->ret = run_add_wake_fd(s->worker, blk_worker_wake_fd(w));
}

/* On worker 0. It makes some rings; that takes about a millisecond, once. */
static void
create_server(void *arg)
{
	struct start_service *s = arg;
	const struct ismd_options *opt = &s->d->opt;
	struct blk_server_conf conf = {
		.link = s->d->link,
		.workers = run_workers(),
		.queues_max = (uint16_t)opt->queues,
		.depth_max = (uint16_t)opt->depth,
		.slot_max = (uint32_t)opt->slot_size,
	};

	s->ret = blk_server_create(&conf, &s->d->blk);
	if (s->ret != 0) {
		s->d->blk = NULL;
		return;
	}
	s->ret = run_add_poller(0, poll_control, s->d->blk);
}

static int
start_service(struct ismd *d)
{
	struct start_service s = { .d = d };
	int ret = run_call(0, create_server, &s);

	for (unsigned int i = 0; i < run_workers() && ret == 0 && s.ret == 0; i++) {
		s.worker = i;
		ret = run_call(i, add_worker, &s);
	}
	return ret != 0 ? ret : s.ret;
}

/* --- jobs --- */

static int
parse(struct run_job *job, char *err)
{
	struct export_conf *e = calloc(1, sizeof(*e));
	int ret;

	if (e == NULL) {
		snprintf(err, RUN_JOB_ERR, "no memory");
		return -ENOMEM;
	}
	job->conf = e;
	ret = blk_export_parse(job->spec, &e->conf, &e->text, err, RUN_JOB_ERR);
	if (ret != 0)
		return ret;
	job->allow = e->conf.allow;
	if (snprintf(job->name, sizeof(job->name), "%s", e->conf.name) < (int)sizeof(job->name))
		return 0;
	snprintf(err, RUN_JOB_ERR,
		 "export name '%.16s...': expected 1 to %d printable characters without '/'",
		 e->conf.name, BLK_NAME_MAX - 1);
	return -EINVAL;
}

static void
forget(void *conf)
{
	struct export_conf *e = conf;

	if (e != NULL)
		free(e->text);
	free(e);
}

struct step {
	struct ismd *d;
	struct blk_export *exp;
	const struct run_job *job;
	char *err;
	int ret;
};

static void
match(void *arg)
{
	struct step *s = arg;

	s->ret = blk_server_match(s->d->blk, s->exp, s->err, RUN_JOB_ERR);
}

static void
publish(void *arg)
{
	struct step *s = arg;

	s->ret = blk_server_publish(s->d->blk, s->exp, s->err, RUN_JOB_ERR);
}

/* The steps in their order: those of control on worker 0, those that may wait here. */
static int
serve(struct ismd *d, const struct run_job *job, struct blk_export *exp, char *err)
{
	struct step s = { .d = d, .exp = exp, .err = err };
	int ret = run_call(0, match, &s);

	if (ret == 0)
		ret = s.ret;
	if (ret == 0)
		ret = blk_export_lock(exp, conf_of(job), err, RUN_JOB_ERR);
	if (ret != 0)
		return ret;
	ret = run_call(0, publish, &s);
	return ret != 0 ? ret : s.ret;
}

static int
start(void *ctx, struct run_job *job, char *err)
{
	struct ismd *d = ctx;
	struct blk_export *exp;
	int ret = d->blk == NULL ? start_service(d) : 0;

	if (ret != 0) {
		snprintf(err, RUN_JOB_ERR, "the block service cannot start: %s", strerror(-ret));
		return ret;
	}
	ret = blk_export_open(conf_of(job), &exp, err, RUN_JOB_ERR);
	if (ret != 0)
		return ret;
	ret = serve(d, job, exp, err);
	if (ret == -ESHUTDOWN)
		snprintf(err, RUN_JOB_ERR, "export '%s': the runtime is ending", job->name);
	if (ret != 0)
		blk_export_close(exp);
	return ret;
}

static void
begin_removing(void *arg)
{
	struct step *s = arg;

	s->ret = blk_server_remove(s->d->blk, s->job->name);
}

static void
ask_removing(void *arg)
{
	struct step *s = arg;

	s->ret = (int)blk_server_removing(s->d->blk);
}

/* Whoever removes an export may want its image next: so wait until it is free. */
static void
stop(void *ctx, struct run_job *job)
{
	const struct timespec nap = { .tv_nsec = 5 * BASE_NS_PER_MS };
	struct step s = { .d = ctx, .job = job };
	uint64_t end = base_now_ns() + REMOVE_MS * BASE_NS_PER_MS;

	if (run_call(0, begin_removing, &s) != 0)
		return;
	if (s.ret != 0) {
		run_error("export '%s' cannot be removed: %s", job->name, strerror(-s.ret));
		return;
	}
	while (run_call(0, ask_removing, &s) == 0 && s.ret > 0 && base_now_ns() < end)
		nanosleep(&nap, NULL);
	run_note("export '%s' is removed%s", job->name,
		 s.ret > 0 ? "; its image is in use until what is in work has ended" : "");
}

static void
change_allow(void *arg)
{
	struct step *s = arg;

	s->ret = blk_server_allow(s->d->blk, s->job->name, &s->job->allow);
}

static int
allow(void *ctx, struct run_job *job)
{
	struct step s = { .d = ctx, .job = job };
	int ret = run_call(0, change_allow, &s);
	char gids[BASE_ALLOW_STRLEN];

	if (ret == 0)
		ret = s.ret;
	if (ret == 0)
		run_note("export '%s' is for %s now", job->name, base_allow_str(&job->allow, gids));
	return ret;
}

/* --- for people --- */

struct look {
	const struct ismd *d;
	const char *name;
	struct blk_export_state state;
	struct blk_export_stats stats;
	int ret;
};

static void
find_state(void *arg)
{
	struct look *l = arg;
	const char *name;

	l->ret = -ENOENT;
	for (unsigned int i = 0; i < blk_server_exports(l->d->blk); i++) {
		if (blk_server_export_state(l->d->blk, i, &l->state) != 0 ||
		    strcmp(l->state.name, l->name) != 0)
			continue;
		l->ret = blk_server_export_stats(l->d->blk, i, &name, &l->stats);
		return;
	}
}

/* @return whether it is there. */
static bool
look_at(const struct ismd *d, const struct run_job *job, struct look *look)
{
	*look = (struct look){ .d = d, .name = job->name };
	return run_call(0, find_state, look) == 0 && look->ret == 0;
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
tell(void *ctx, const struct run_job *job)
{
	const struct blk_export_conf *conf = conf_of(job);
	char gids[BASE_ALLOW_STRLEN], size[32];
	struct look look;

	if (!look_at(ctx, job, &look))
		return;
	run_note("export '%s': %s, %s, %" PRIu64 " bytes (%s), %s, for %s", conf->name, conf->path,
		 look.state.backing, look.state.size,
		 size_text(look.state.size, size, sizeof(size)),
		 conf->read_only ? "read-only" : "read-write", base_allow_str(&job->allow, gids));
	if (base_allow_none(&job->allow))
		run_error("warning: export '%s' is allowed to nobody; "
			  "expected ',allow=GID' or ',allow=any'",
			  conf->name);
}

static void
show(void *ctx, const struct run_job *job, json_t *object)
{
	char path[1024];
	struct look look;

	base_text_clean(path, sizeof(path), conf_of(job)->path, strlen(conf_of(job)->path));
	json_object_set_new(object, "path", json_string(path));
	json_object_set_new(object, "read_only", json_boolean(conf_of(job)->read_only));
	if (!look_at(ctx, job, &look))
		return;
	json_object_set_new(object, "size", json_integer((json_int_t)look.state.size));
	json_object_set_new(object, "backing", json_string(look.state.backing));
	json_object_set_new(object, "inflight", json_integer((json_int_t)look.stats.inflight));
}

void
export_service_stop(struct ismd *d)
{
	d->held = blk_server_destroy(d->blk) != 0;
	d->blk = NULL;
}

const struct run_job_type job_export = {
	.word = "export",
	.parse = parse,
	.start = start,
	.tell = tell,
	.stop = stop,
	.allow = allow,
	.show = show,
	.forget = forget,
};
