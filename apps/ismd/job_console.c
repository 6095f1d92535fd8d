/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Consoles: jobs of the console service, which is all on worker 0. It begins with the first console
 * and stays.
 */
#include "ismd.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"
#include "base_time.h"
#include "run.h"

#define TYPING_NS (2 * BASE_NS_PER_S) /* after input somebody waits for the echo ... */
#define TYPING_NAP_US 100 /* ... and the thread looks so often */

static bool typing;

/* What a person typed. */
struct console_conf {
	char *text; /* what `conf` points into */
	struct cons_console_conf conf;
};

static struct cons_console_conf *
conf_of(const struct run_job *job)
{
	return &((struct console_conf *)job->conf)->conf;
}

/* --- the service --- */

static unsigned int
poll_cons(void *arg, uint64_t now_ns)
{
	struct ismd *d = arg;
	unsigned int work = cons_server_poll(d->cons, now_ns);
	uint64_t typed = cons_server_typed_ns(d->cons);
	bool now_typing = typed != 0 && now_ns - typed < TYPING_NS;

	if (work != 0)
		link_shares_thread(d->link, now_ns);
	/* The program that makes the echo needs a CPU, which a busy disk would not leave to it. */
	if (typing)
		sched_yield();
	if (now_typing != typing) {
		typing = now_typing;
		run_limit_nap(0, typing ? TYPING_NAP_US : 0);
	}
	return work;
}

struct step {
	struct ismd *d;
	const struct run_job *job;
	char *err;
	int ret;
};

/* On worker 0. */
static void
start_service(void *arg)
{
	struct step *s = arg;
	struct cons_server_conf conf = {
		.link = s->d->link,
		.scrollback = (uint32_t)s->d->opt.scrollback,
		.reap_orphans = true,
	};

	s->ret = cons_server_create(&conf, &s->d->cons);
	if (s->ret != 0) {
		s->d->cons = NULL;
		return;
	}
	s->ret = run_add_poller(0, poll_cons, s->d);
	if (s->ret == 0)
		s->ret = run_add_wake_fd(0, cons_server_wake_fd(s->d->cons));
}

void
console_service_stop(struct ismd *d)
{
	if (d->cons != NULL)
		run_remove_wake_fd(0, cons_server_wake_fd(d->cons));
	cons_server_destroy(d->cons);
	d->cons = NULL;
}

/* --- jobs --- */

static int
parse(struct run_job *job, char *err)
{
	struct console_conf *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL) {
		snprintf(err, RUN_JOB_ERR, "no memory");
		return -ENOMEM;
	}
	job->conf = c;
	ret = cons_console_parse(job->spec, &c->conf, &c->text, err, RUN_JOB_ERR);
	if (ret != 0)
		return ret;
	job->allow = c->conf.allow;
	if (snprintf(job->name, sizeof(job->name), "%s", c->conf.name) < (int)sizeof(job->name))
		return 0;
	snprintf(err, RUN_JOB_ERR,
		 "console name '%.16s...': expected 1 to %d printable characters without '/' and "
		 "blanks",
		 c->conf.name, RUN_JOB_NAME_MAX - 1);
	return -EINVAL;
}

static void
forget(void *conf)
{
	struct console_conf *c = conf;

	if (c != NULL)
		free(c->text);
	free(c);
}

static void
add_console(void *arg)
{
	struct step *s = arg;

	s->ret = cons_server_console(s->d->cons, conf_of(s->job), s->err, RUN_JOB_ERR);
}

static int
start(void *ctx, struct run_job *job, char *err)
{
	struct step s = { .d = ctx, .job = job, .err = err };
	int ret = s.d->cons == NULL ? run_call(0, start_service, &s) : 0;

	if (ret == 0 && s.ret != 0) {
		snprintf(err, RUN_JOB_ERR, "the console service cannot start: %s",
			 strerror(-s.ret));
		return s.ret;
	}
	if (ret == 0)
		ret = run_call(0, add_console, &s);
	if (ret == -ESHUTDOWN)
		snprintf(err, RUN_JOB_ERR, "console '%s': the runtime is ending", job->name);
	return ret != 0 ? ret : s.ret;
}

static void
remove_console(void *arg)
{
	struct step *s = arg;

	s->ret = cons_server_remove(s->d->cons, s->job->name);
}

/* Its program gets SIGHUP; the service sees to its end. */
static void
stop(void *ctx, struct run_job *job)
{
	struct step s = { .d = ctx, .job = job };

	if (run_call(0, remove_console, &s) == 0)
		run_note("console '%s' is removed", job->name);
}

static void
change_allow(void *arg)
{
	struct step *s = arg;

	s->ret = cons_server_allow(s->d->cons, s->job->name, &s->job->allow, NULL);
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
		run_note("console '%s' is for %s now", job->name,
			 base_allow_str(&job->allow, gids));
	return ret;
}

/* --- for people --- */

static void
tell(void *ctx, const struct run_job *job)
{
	char gids[BASE_ALLOW_STRLEN], observe[BASE_ALLOW_STRLEN], what[256];
	const struct cons_console_conf *conf = conf_of(job);

	base_text_clean(what, sizeof(what), conf->what, strlen(conf->what));
	run_note("console '%s': %s %s, for %s, observed by %s", conf->name,
		 conf->kind == CONS_CONSOLE_TTY ? "device" : "program", what,
		 base_allow_str(&job->allow, gids), base_allow_str(&conf->observe, observe));
	if (base_allow_none(&job->allow))
		run_error("warning: console '%s' is allowed to nobody; "
			  "expected ',allow=GID' or ',allow=any'",
			  conf->name);
	if (job->allow.any && conf->share)
		run_error("caution: console '%s' is shared by all systems: what one has logged in "
			  "to, the next one finds open",
			  conf->name);
	else if (job->allow.any && conf->kind == CONS_CONSOLE_EXEC)
		run_error("caution: all systems may write to console '%s': its program has to ask "
			  "who they are",
			  conf->name);
}

static void
show(void *ctx, const struct run_job *job, json_t *object)
{
	const struct cons_console_conf *conf = conf_of(job);
	char what[1024];

	base_text_clean(what, sizeof(what), conf->what, strlen(conf->what));
	json_object_set_new(object, conf->kind == CONS_CONSOLE_TTY ? "device" : "program",
			    json_string(what));
}

const struct run_job_type job_console = {
	.word = "console",
	.parse = parse,
	.start = start,
	.tell = tell,
	.stop = stop,
	.allow = allow,
	.show = show,
	.forget = forget,
};
