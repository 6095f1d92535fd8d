/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle of dpdk-ismcons. Read this first, then ismcons.h. */
#include "ismcons.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "base_line.h"
#include "base_time.h"
#include "rte_pmd_ism.h"
#include "run.h"

#define HISTORY_TERMINAL (16 * 1024)
#define LINES_MS 200

static struct ismcons app = { .status = CONS_EXIT_FAIL };

void
finish(struct ismcons *a, int status)
{
	if (!a->over)
		a->status = status;
	a->over = true;
	run_stop();
}

/* lib/run's exit codes are the console's program's here: ours lie above. */
static int
exit_code(int run_exit)
{
	switch (run_exit) {
	case RUN_EXIT_OK:
		return CONS_EXIT_OK;
	case RUN_EXIT_USAGE:
		return CONS_EXIT_USAGE;
	case RUN_EXIT_DEVICE:
		return CONS_EXIT_DEVICE;
	case RUN_EXIT_PEER:
		return CONS_EXIT_REFUSED;
	default:
		return CONS_EXIT_FAIL;
	}
}

static void
calm(const char *topic, uint32_t level)
{
	int type = rte_log_register(topic);

	/* Somebody who has asked for more gets it. */
	if (type >= 0 && rte_log_get_level((uint32_t)type) == (int)RTE_LOG_NOTICE)
		rte_log_set_level((uint32_t)type, level);
}

/*
 * Sessions and functions that come and go are told by our own lines, one for each thing that
 * happens: what the layers below say of it is for logs.
 */
static void
calm_logs(void)
{
	calm("lib.ism.link", RTE_LOG_ERR);
	calm("pmd.raw.ism", RTE_LOG_CRIT);
}

static int
open_transcript(void)
{
	struct cons_size size = { 0 };
	char failed[512];
	int ret;

	if (app.opt.transcript == NULL)
		return CONS_EXIT_OK;
	if (!term_size(&size))
		size.rows = 0;
	ret = cons_transcript_open(&app.transcript, app.opt.transcript, getenv("TERM"), size.rows,
				   size.cols, failed, sizeof(failed));
	if (ret == 0)
		return CONS_EXIT_OK;
	run_error("--transcript: cannot make %s: %s", failed, strerror(-ret));
	return ret == -EEXIST ? CONS_EXIT_USAGE : CONS_EXIT_FAIL;
}

static void
close_transcript(void)
{
	int ret = 0;

	if (app.attached)
		ret = cons_transcript_close(app.transcript);
	else
		cons_transcript_discard(app.transcript);
	if (ret != 0)
		run_error("%s: %s", app.opt.transcript, strerror(-ret));
}

static uint32_t
history(void)
{
	if (app.opt.history != HISTORY_AUTO)
		return (uint32_t)app.opt.history;
	return isatty(STDOUT_FILENO) ? HISTORY_TERMINAL : 0;
}

static int
open_client(void)
{
	const struct cons_client_conf peer = { .link = app.link, .rgid = app.opt.peer };
	struct cons_terminal_conf conf = {
		.list = app.opt.list,
		.console = app.opt.console,
		.term = getenv("TERM"),
		.observe = app.opt.observe,
		.take_over = app.opt.take_over,
		.history = history(),
	};
	int ret;

	if (!term_size(&conf.size))
		conf.size.rows = 0;
	ret = cons_client_create(&peer, &app.client);
	if (ret == -EADDRINUSE) {
		run_error("--peer %s is our own GID: expected the server's", app.peer);
		return CONS_EXIT_REFUSED;
	}
	if (ret == 0)
		ret = cons_client_attach(app.client, &conf, &app.terminal);
	if (ret == 0)
		return CONS_EXIT_OK;
	run_error("peer %s: cannot open a session: %s", app.peer, strerror(-ret));
	return CONS_EXIT_FAIL;
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
		return CONS_EXIT_OK;
	run_error("cannot start sessions: %s", strerror(-ret));
	return CONS_EXIT_FAIL;
}

/* @return the status to leave with. */
static int
attend(void)
{
	const struct run_idle_conf idle = { .hot_us = (uint32_t)app.opt.hot_us,
					    .idle_max_us = (uint32_t)app.opt.idle_max_us };

	/* What was said so far stands before the console's output. */
	base_line_drain(LINES_MS);
	chan_open(&app.in, STDIN_FILENO, false);
	chan_open(&app.out, STDOUT_FILENO, true);
	/* Only what a person types is looked at for the escape. */
	app.escape.prefix = term_interactive() ? app.opt.escape : -1;
	if (app.opt.wait != 0)
		app.deadline_ns = base_now_ns() + app.opt.wait * BASE_NS_PER_S;
	if (run_add_poller(0, pump_poll, &app) != 0)
		return CONS_EXIT_FAIL;
	run_loop(&idle);
	if (term_is_raw())
		say_end_line();
	term_restore();
	chan_close(&app.in);
	chan_close(&app.out);
	if (app.over && app.opt.list && app.status == CONS_EXIT_OK)
		return list_print(&app);
	return app.status;
}

static int
run(void)
{
	int ret = open_link();

	if (ret != CONS_EXIT_OK)
		return ret;
	ret = open_client();
	if (ret == CONS_EXIT_OK)
		ret = attend();
	cons_client_destroy(app.client);
	link_destroy(app.link);
	return ret;
}

static int
run_on_device(void)
{
	int ret = run_device(app.opt.device, &app.dev_id);

	if (ret != RUN_EXIT_OK)
		return exit_code(ret);
	say_init(app.opt.quiet);
	calm_logs();
	term_signals();
	ret = run();
	say_fini();
	rte_pmd_ism_close(app.dev_id);
	return ret;
}

/* Whoever waits for us shall see which signal it was. */
static void
die_of_signal(void)
{
	int sig = term_end_signal();

	if (sig == 0)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
}

int
main(int argc, char **argv)
{
	int ret, app_argc;
	char **app_argv;

	ret = run_args(argc, argv, "dpdk-ismcons", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return exit_code(ret);
	ret = options_parse(app_argc, app_argv, &app.opt);
	if (ret >= 0)
		return exit_code(ret);
	run_quiet(app.opt.quiet || app.opt.list);
	base_gid_str(app.opt.peer, app.peer);
	term_init();
	ret = open_transcript();
	if (ret != CONS_EXIT_OK)
		return ret;
	ret = exit_code(run_eal_init());
	if (ret == CONS_EXIT_OK) {
		ret = run_on_device();
		run_fini();
	}
	close_transcript();
	die_of_signal();
	return ret;
}
