/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of the administrator: configurations (with the words of exports and consoles) and names of
 * peers. They are trusted, but a mistake must not become a crash.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base_peers.h"
#include "blk_server.h"
#include "cons_server.h"
#include "run_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static int
parse_export(struct run_job *job, char *err)
{
	struct blk_export_conf conf;
	char *text;
	int ret = blk_export_parse(job->spec, &conf, &text, err, RUN_JOB_ERR);

	if (ret != 0)
		return ret;
	must(conf.allow.count <= BASE_ALLOW_MAX);
	snprintf(job->name, sizeof(job->name), "%s", conf.name);
	job->allow = conf.allow;
	job->conf = text;
	return 0;
}

static int
parse_console(struct run_job *job, char *err)
{
	struct cons_console_conf conf;
	char *text;
	int ret = cons_console_parse(job->spec, &conf, &text, err, RUN_JOB_ERR);

	if (ret != 0)
		return ret;
	snprintf(job->name, sizeof(job->name), "%s", conf.name);
	job->conf = text;
	return 0;
}

/* Each name begins once and ends once. */
static int running;

static int
start(void *ctx, struct run_job *job, char *err)
{
	running++;
	return 0;
}

static void
stop(void *ctx, struct run_job *job)
{
	must(running-- > 0);
}

static int
allow(void *ctx, struct run_job *job)
{
	return 0;
}

static const struct run_job_type export = { "export", parse_export, start, NULL,
					    stop,     allow,	    NULL,  free };
static const struct run_job_type console = { "console", parse_console, start, NULL,
					     stop,	NULL,	       NULL,  free };
static const struct run_job_type *const types[] = { &export, &console };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_jobs *jobs = run_jobs_create(types, 2, NULL);
	int fd = memfd_create("conf", MFD_CLOEXEC);
	char path[64], err[RUN_JOB_ERR] = "";
	struct run_job_changes c;
	size_t half = size / 2;

	must(jobs != NULL && fd >= 0);
	running = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(write(fd, data, half) == (ssize_t)half);
	(void)base_peers_load(path, err, sizeof(err));
	(void)run_jobs_apply(jobs, path, &c, err);
	must((unsigned int)running == run_jobs_count(jobs, NULL));
	/* Then a part of another one: a difference. */
	must(pwrite(fd, data + half, size - half, 0) == (ssize_t)(size - half));
	if (run_jobs_apply(jobs, path, &c, err) == 0)
		must((unsigned int)running == c.begun + c.kept + c.changed);
	must((unsigned int)running == run_jobs_count(jobs, NULL));
	run_jobs_destroy(jobs);
	close(fd);
	return 0;
}
