/* SPDX-License-Identifier: BSD-3-Clause */
/* The console service: consoles from the command line, all of them on worker 0. */
#include "ismd.h"

#include <errno.h>
#include <string.h>

#include "base_text.h"
#include "base_time.h"
#include "run.h"

#define TYPING_NS (2 * BASE_NS_PER_S) /* after input somebody waits for the echo ... */
#define TYPING_NAP_US 100 /* ... and the thread looks so often */

static bool typing;

static unsigned int
poll_cons(void *arg, uint64_t now_ns)
{
	unsigned int work = cons_server_poll(arg, now_ns);
	uint64_t typed = cons_server_typed_ns(arg);
	bool now_typing = typed != 0 && now_ns - typed < TYPING_NS;

	if (now_typing != typing) {
		typing = now_typing;
		run_limit_nap(0, typing ? TYPING_NAP_US : 0);
	}
	return work;
}

static void
tell_console(const struct cons_console_conf *conf)
{
	char allow[ISMD_GIDS_STRLEN], observe[ISMD_GIDS_STRLEN], what[256];

	base_text_clean(what, sizeof(what), conf->what, strlen(conf->what));
	run_note("console '%s': %s %s, for %s, observed by %s", conf->name,
		 conf->kind == CONS_CONSOLE_TTY ? "device" : "program", what,
		 ismd_gids_str(conf->allow.any, conf->allow.gid, conf->allow.count, allow),
		 ismd_gids_str(conf->observe.any, conf->observe.gid, conf->observe.count, observe));
	if (!conf->allow.any && conf->allow.count == 0)
		run_error("warning: console '%s' is allowed to nobody; "
			  "expected ',allow=GID' or ',allow=any'",
			  conf->name);
}

static int
add_consoles(struct ismd *d)
{
	char err[512];
	int ret;

	for (unsigned int i = 0; i < d->opt.console_count; i++) {
		ret = cons_server_console(d->cons, &d->opt.consoles[i].conf, err, sizeof(err));
		if (ret != 0) {
			run_error("%s", err);
			return ret == -EINVAL ? RUN_EXIT_USAGE : RUN_EXIT_EXPORT;
		}
	}
	/* Told when all of them are there: a complaint stands alone. */
	for (unsigned int i = 0; i < d->opt.console_count; i++)
		tell_console(&d->opt.consoles[i].conf);
	return RUN_EXIT_OK;
}

static int
start(struct ismd *d)
{
	struct cons_server_conf conf = {
		.link = d->link,
		.scrollback = (uint32_t)d->opt.scrollback,
	};
	int ret;

	if (d->opt.console_count == 0)
		return RUN_EXIT_OK;
	ret = cons_server_create(&conf, &d->cons);
	if (ret != 0) {
		d->cons = NULL;
		run_error("the console service cannot start: %s", strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	ret = add_consoles(d);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = run_add_poller(0, poll_cons, d->cons);
	if (ret == 0)
		ret = run_add_wake_fd(0, cons_server_wake_fd(d->cons));
	if (ret != 0) {
		run_error("the console service cannot run: %s", strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	return RUN_EXIT_OK;
}

static void
stop(struct ismd *d)
{
	if (d->cons != NULL)
		run_remove_wake_fd(0, cons_server_wake_fd(d->cons));
	cons_server_destroy(d->cons);
	d->cons = NULL;
}

const struct ismd_service service_cons = {
	.name = "cons",
	.start = start,
	.stop = stop,
};
