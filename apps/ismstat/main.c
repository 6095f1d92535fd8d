/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle of dpdk-ismstat. Read this first, then app.h. */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_time.h"
#include "link.h"
#include "openmetrics.h"
#include "out.h"
#include "rte_pmd_ism.h"
#include "run.h"
#include "top.h"
#include "tty.h"

#define LINES_PER_ROUND 8 /* the link is polled between commands */
#define ATTACHED_NAP_MS 100
#define TEST_NAP_US 20

static struct app app;
static char repeated[FORM_LINE_MAX];

/*
 * Nobody types: lines from elsewhere. One that fails makes the exit status 1, the next one is
 * done.
 */
static unsigned int
batch_poll(void)
{
	char line[LINES_MAX], from[128], err[APP_ERR_MAX];
	unsigned int n;

	for (n = 0; n < LINES_PER_ROUND && !app.quit && app.wait == APP_WAIT_NONE && !out_busy();
	     n++) {
		enum lines_state state = lines_next(line, from);

		if (state == LINES_END) {
			app.lines_ended = true;
			break;
		}
		if (state == LINES_NONE)
			break;
		if (commands_run(&app, line, err, sizeof(err)) != 0)
			app_complain(&app, from, err);
	}
	return n;
}

/* What --stats-period prints: one view if it was named, else all that count. */
static void
print_period(bool quiet)
{
	char err[APP_ERR_MAX];
	json_t *answer;

	if (app.repeated == NULL) {
		view_tick(&app.view, quiet);
	} else if (quiet) {
		answer = view_collect(app.src, app.repeated + strlen("show "), err, sizeof(err));
		json_decref(answer);
	} else if (commands_run(&app, app.repeated, err, sizeof(err)) != 0) {
		app_complain(&app, "", err);
	}
}

/* The first answer is only what rates are counted from. */
static void
tick(uint64_t now_ns)
{
	uint64_t period = app.opt.stats_period * BASE_NS_PER_S;

	/* A reader that is slow gets later figures, not older ones. */
	if (period == 0 || now_ns < app.tick_at || out_busy())
		return;
	print_period(app.tick_at == 0);
	app.tick_at = app.tick_at == 0 ? now_ns + period : app.tick_at + period;
	/* After a stop (SIGSTOP, a slow reader) one is enough. */
	if (app.tick_at <= now_ns)
		app.tick_at = now_ns + period;
}

/* A test that still runs when there is nothing more to do is ended as by `stop`. */
static bool
ends_test(void)
{
	char err[APP_ERR_MAX];

	if (!app.testing || app.wait != APP_WAIT_NONE)
		return app.testing;
	if (app.state == PROBE_STOPPING)
		return false;
	if (commands_run(&app, "stop", err, sizeof(err)) == 0)
		return true;
	app_complain(&app, "", err);
	return false;
}

/* Has everything been done that was asked for? */
static bool
is_done(void)
{
	if (app.quit)
		return true;
	if (app.prompting || !app.lines_ended || app.wait != APP_WAIT_NONE)
		return false;
	/* Someone else ends these. */
	if (app.opt.listen || (app.opt.stats_period != 0 && !app.had_lines))
		return false;
	return !ends_test();
}

/* Standard input wakes us only while it is read: an unread byte would keep us awake. */
static bool
hears_stdin(void)
{
	if (out_busy())
		return false;
	return app.prompting ? prompt_hears() : lines_at_stdin() && app.wait == APP_WAIT_NONE;
}

static void
mind_stdin(void)
{
	bool hears = hears_stdin();

	if (hears == app.hears)
		return;
	app.hears = hears;
	if (hears)
		run_add_wake_fd(0, STDIN_FILENO);
	else
		run_remove_wake_fd(0, STDIN_FILENO);
}

/* The device has answered anew. */
static void
do_deferred(const char *line)
{
	char err[APP_ERR_MAX];

	app.refreshed = true;
	if (commands_run(&app, line, err, sizeof(err)) != 0)
		app_complain(&app, "", err);
	app.refreshed = false;
}

static unsigned int
app_poll(void *arg, uint64_t now_ns)
{
	char line[FORM_LINE_MAX];
	unsigned int work = watch_poll(&app, now_ns, line);

	if (line[0] != '\0')
		do_deferred(line);
	tick(now_ns);
	if (app.prompting) {
		work += prompt_poll(&app);
	} else if (!app.lines_ended) {
		work += batch_poll();
		if (app.lines_ended && app.opt.interactive)
			app.prompting = true;
	}
	mind_stdin();
	if (is_done() || ferror(stdout) || out_error() != 0)
		run_stop();
	return work;
}

/* --- an own function --- */

static unsigned int
poll_link(void *arg, uint64_t now_ns)
{
	return link_poll(arg, now_ns);
}

static int
start_link(void)
{
	const struct link_conf conf = {
		.dev_id = app.dev_id,
		.keepalive_ms = (uint32_t)app.opt.keepalive_ms,
	};
	int ret = link_create(&conf, &app.link);

	if (ret == 0)
		ret = run_add_poller(0, poll_link, app.link);
	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("no link over this function: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

static unsigned int
poll_tests(void *arg, uint64_t now_ns)
{
	return probe_client_poll(arg, now_ns);
}

static unsigned int
poll_tests_data(void *arg, uint64_t now_ns)
{
	return probe_client_poll_data(arg, now_ns);
}

static unsigned int
poll_answers(void *arg, uint64_t now_ns)
{
	return probe_worker_poll(arg, now_ns);
}

static unsigned int
data_worker(void)
{
	return run_workers() > 1 ? 1 : 0;
}

/* What a test measures shall not be our sleep. */
static void
measures(void *arg, bool on)
{
	run_limit_nap(data_worker(), on ? TEST_NAP_US : 0);
}

/* @return 0 or -errno. */
static int
start_tests(void)
{
	const struct probe_client_conf conf = {
		.link = app.link,
		.data_worker = data_worker(),
		.measures = measures,
	};
	int ret = probe_client_create(&conf, &app.tests);

	if (ret != 0) {
		app.tests = NULL;
		return ret;
	}
	ret = run_add_poller(0, poll_tests, app.tests);
	return ret != 0 ? ret : run_add_poller(data_worker(), poll_tests_data, app.tests);
}

/* @return 0 or -errno. */
static int
start_answers(void)
{
	const struct probe_server_conf conf = {
		.link = app.link,
		.allow = app.opt.allow,
		.workers = 1,
	};
	int ret;

	if (!app.opt.listen)
		return 0;
	ret = probe_server_create(&conf, &app.answers);
	if (ret != 0) {
		app.answers = NULL;
		return ret;
	}
	return run_add_poller(data_worker(), poll_answers, probe_server_worker(app.answers, 0));
}

static int
start_probes(void)
{
	char err[APP_ERR_MAX];
	int ret = start_tests();

	if (ret == 0)
		ret = start_answers();
	if (ret != 0) {
		run_error("link tests cannot start: %s", strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	if (app.opt.peer == 0 || probe_client_open(app.tests, app.opt.peer, err, sizeof(err)) == 0)
		return RUN_EXIT_OK;
	run_error("%s", err);
	return RUN_EXIT_PEER;
}

static int
open_source(const char *who)
{
	char err[APP_ERR_MAX];

	if (source_open(who, &app.src, err, sizeof(err)) != 0) {
		run_error("%s", err);
		return RUN_EXIT_FAIL;
	}
	app.view.src = app.src;
	return RUN_EXIT_OK;
}

static int
start_prompt(void)
{
	if (!app.opt.interactive)
		return RUN_EXIT_OK;
	if (prompt_open(&app) == 0)
		return RUN_EXIT_OK;
	run_error("no memory for a prompt");
	return RUN_EXIT_FAIL;
}

static int
run_own(void)
{
	const struct run_idle_conf idle = { .hot_us = (uint32_t)app.opt.hot_us,
					    .idle_max_us = (uint32_t)app.opt.idle_max_us };
	int ret;

	if (app.opt.top)
		return top_run(app.src, app.opt.stats_period);
	if (app.opt.openmetrics)
		return openmetrics_print(app.src, stdout);
	ret = start_prompt();
	if (ret != RUN_EXIT_OK)
		return ret;
	if (app.opt.interactive)
		notes_open();
	if (run_add_poller(0, app_poll, NULL) != 0) {
		run_error("too much to poll");
		return RUN_EXIT_FAIL;
	}
	if (app.opt.listen && !app.opt.interactive)
		run_ready();
	run_loop(&idle);
	return app.status;
}

/* Without a thread the program is as good as its reader. */
static void
start_output(void)
{
	int ret = out_open();

	if (ret < 0)
		run_note("no thread for the output: %s", strerror(-ret));
	app.view.out = stdout;
}

/*
 * Not all may have been taken yet. head(1) goes away early: with --top that is no fault. Nor is it
 * one that a signal ends us while the reader does not read.
 */
static int
end_output(int status)
{
	int err = out_close();

	if (err == 0 || err == ETIMEDOUT || (err == EPIPE && app.opt.top) || status != RUN_EXIT_OK)
		return status;
	run_error("cannot write the output to standard output: %s", strerror(err));
	return RUN_EXIT_FAIL;
}

static int
own_function(void)
{
	int ret = run_eal_init();

	if (ret != RUN_EXIT_OK)
		return ret;
	tty_signals();
	start_output();
	ret = run_device(app.opt.device, &app.dev_id);
	if (ret != RUN_EXIT_OK)
		goto end_eal;
	ret = start_link();
	if (ret == RUN_EXIT_OK)
		ret = start_probes();
	if (ret == RUN_EXIT_OK)
		ret = open_source(NULL);
	if (ret == RUN_EXIT_OK)
		ret = run_own();
	prompt_close();
	source_close(app.src);
	probe_client_destroy(app.tests);
	probe_server_destroy(app.answers);
	link_destroy(app.link);
	rte_pmd_ism_close(app.dev_id);
end_eal:
	run_fini();
	notes_close();
	return ret;
}

/* --- another program's counters: no function, no DPDK --- */

static int
run_attached(void)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	int ret;

	if (app.opt.top)
		return top_run(app.src, app.opt.stats_period);
	if (app.opt.openmetrics)
		return openmetrics_print(app.src, stdout);
	ret = start_prompt();
	if (ret != RUN_EXIT_OK)
		return ret;
	while (!run_stopping()) {
		if (app_poll(NULL, base_now_ns()) != 0)
			continue;
		poll(&pfd, hears_stdin() ? 1 : 0, ATTACHED_NAP_MS);
	}
	return app.status;
}

static int
attached(void)
{
	int ret;

	tty_signals();
	start_output();
	ret = open_source(app.opt.attach);
	if (ret == RUN_EXIT_OK)
		ret = run_attached();
	prompt_close();
	source_close(app.src);
	return ret;
}

/*
 * Without a word of what to do, a person gets a prompt; a view behind --stats-period is shown again
 * and again.
 */
static void
choose_face(struct options *opt)
{
	bool lines = opt->line_count > 0 || opt->file != NULL || opt->words[0] != '\0';

	app.had_lines = lines;
	if (opt->stats_period != 0 && strncmp(opt->words, "show ", 5) == 0) {
		snprintf(repeated, sizeof(repeated), "%s", opt->words);
		app.repeated = repeated;
		opt->words[0] = '\0';
		app.had_lines = false;
	}
	if (!lines && !opt->top && !opt->openmetrics && opt->stats_period == 0 &&
	    isatty(STDIN_FILENO))
		opt->interactive = true;
}

int
main(int argc, char **argv)
{
	char **app_argv;
	int app_argc, ret;

	ret = run_args(argc, argv, "dpdk-ismstat", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = options_parse(app_argc, app_argv, &app.opt);
	if (ret >= 0)
		return ret;
	choose_face(&app.opt);
	run_quiet(app.opt.quiet || app.opt.json || app.opt.openmetrics || app.opt.attach != NULL);
	app.view.json = app.opt.json;
	view_rates(app.opt.stats_period != 0);
	ret = lines_open(&app.opt);
	if (ret != RUN_EXIT_OK)
		return ret;
	if (commands_init() != 0) {
		run_error("no memory");
		ret = RUN_EXIT_FAIL;
	} else {
		ret = app.opt.attach != NULL ? attached() : own_function();
	}
	ret = end_output(ret);
	commands_free();
	view_forget();
	lines_close();
	return ret;
}
