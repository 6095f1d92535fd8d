/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answering link tests, on the lcores that serve disks and consoles. There is one such job,
 * "tests". Its service begins with it and stays: without the job it is for nobody.
 */
#include "ismd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

#define NAME "tests"
/*
 * What link tests may take of one round of an lcore: as much as one client of disks while others
 * want something. Under a test the rounds of the others are as long as with one more such client.
 */
#define ROUND_MAX (64u << 10)
#define PLACES 16 /* systems that test at once, whatever sessions there may be */

static unsigned int
poll_probe(void *arg, uint64_t now_ns)
{
	return probe_worker_poll(arg, now_ns);
}

/* That of the thread which also does the control of the link. */
static unsigned int
poll_probe_first(void *arg, uint64_t now_ns)
{
	struct ismd *d = arg;
	unsigned int work = probe_worker_poll(probe_server_worker(d->probe, 0), now_ns);

	if (work != 0)
		link_shares_thread(d->link, now_ns);
	return work;
}

struct step {
	struct ismd *d;
	const struct base_allow *allow;
	unsigned int worker;
	int ret;
};

/* On worker 0. */
static void
create_server(void *arg)
{
	struct step *s = arg;
	const struct ismd_options *opt = &s->d->opt;
	const struct probe_server_conf conf = {
		.link = s->d->link,
		.workers = run_workers(),
		.depth_max = (uint16_t)opt->depth,
		.slot_max = (uint32_t)opt->slot_size,
		.sessions_max = PLACES,
		.round_max = ROUND_MAX,
	};

	s->ret = probe_server_create(&conf, &s->d->probe);
	if (s->ret != 0)
		s->d->probe = NULL;
}

/* On its worker. */
static void
add_worker(void *arg)
{
	struct step *s = arg;

	if (s->worker == 0)
		s->ret = run_add_poller(0, poll_probe_first, s->d);
	else
		s->ret = run_add_poller(s->worker, poll_probe,
					probe_server_worker(s->d->probe, s->worker));
}

static int
start_service(struct ismd *d)
{
	struct step s = { .d = d };
	int ret = run_call(0, create_server, &s);

	for (unsigned int i = 0; i < run_workers() && ret == 0 && s.ret == 0; i++) {
		s.worker = i;
		ret = run_call(i, add_worker, &s);
	}
	return ret != 0 ? ret : s.ret;
}

/* On worker 0. */
static void
set_allow(void *arg)
{
	struct step *s = arg;

	probe_server_allow(s->d->probe, s->allow);
}

/* --- the job --- */

static int
parse(struct run_job *job, char *err)
{
	snprintf(job->name, sizeof(job->name), NAME);
	return probe_allow_parse(job->spec, &job->allow, err, RUN_JOB_ERR);
}

static int
start(void *ctx, struct run_job *job, char *err)
{
	struct ismd *d = ctx;
	struct step s = { .d = d, .allow = &job->allow };
	int ret = d->probe == NULL ? start_service(d) : 0;

	if (ret == 0)
		ret = run_call(0, set_allow, &s);
	if (ret != 0)
		snprintf(err, RUN_JOB_ERR, "link tests cannot be answered: %s", strerror(-ret));
	return ret;
}

static void
tell(void *ctx, const struct run_job *job)
{
	char gids[BASE_ALLOW_STRLEN];

	run_note("link tests: for %s", base_allow_str(&job->allow, gids));
}

static void
stop(void *ctx, struct run_job *job)
{
	const struct base_allow nobody = { 0 };
	struct step s = { .d = ctx, .allow = &nobody };

	if (run_call(0, set_allow, &s) == 0)
		run_note("link tests are answered no longer");
}

static int
allow(void *ctx, struct run_job *job)
{
	struct step s = { .d = ctx, .allow = &job->allow };
	int ret = run_call(0, set_allow, &s);

	if (ret == 0)
		tell(ctx, job);
	return ret;
}

/* There is nothing: who may is the job's own. */
static void
forget(void *conf)
{
}

void
probe_service_stop(struct ismd *d)
{
	probe_server_destroy(d->probe);
	d->probe = NULL;
}

const struct run_job_type job_probe = {
	.word = "probe",
	.parse = parse,
	.start = start,
	.tell = tell,
	.stop = stop,
	.allow = allow,
	.forget = forget,
};
