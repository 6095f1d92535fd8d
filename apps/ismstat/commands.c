/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a line does. The list of commands is made at start: some are here, the others follow from
 * the views and from the settings of link tests.
 */
#include "app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "base_time.h"

#define COMMANDS_MAX 128
#define WAIT_STANDARD_NS (10 * BASE_NS_PER_S)
#define WAIT_MAX_S 86400
#define REFRESH_NS (50 * BASE_NS_PER_MS) /* longer than any program's longest sleep */

struct command {
	const char *form;
	const char *topic;
	const char *help;
	bool own; /* needs a function of our own: not with --attach */
	int (*run)(struct app *app, int argc, char **argv, char *err, size_t size);
};

static struct command commands[COMMANDS_MAX];
static char *texts[COMMANDS_MAX]; /* of forms that were made here */
static const char *forms[COMMANDS_MAX];
static struct form_list list = { .forms = forms };
static unsigned int text_count;

/* --- what they do --- */

/*
 * Some answers are as old as the last question: the device is asked, and the line done after
 * that.
 */
static bool
defer(struct app *app, int argc, char **argv)
{
	size_t len = 0;

	if (app->refreshed || !view_refresh(app->src, argc - 1, argv + 1))
		return false;
	for (int i = 0; i < argc && len < sizeof(app->deferred); i++)
		len += (size_t)snprintf(app->deferred + len, sizeof(app->deferred) - len, "%s%s",
					i > 0 ? " " : "", argv[i]);
	watch_wait(app, APP_WAIT_TIME, REFRESH_NS, base_now_ns());
	return true;
}

static int
do_show(struct app *app, int argc, char **argv, char *err, size_t size)
{
	if (defer(app, argc, argv))
		return 0;
	return view_show(&app->view, argc - 1, argv + 1, err, size);
}

static int
do_clear(struct app *app, int argc, char **argv, char *err, size_t size)
{
	return view_clear(&app->view, argc - 1, argv + 1, err, size);
}

static int
do_set(struct app *app, int argc, char **argv, char *err, size_t size)
{
	return probe_client_set(app->tests, argv[1], argv[2], err, size);
}

static int
do_open(struct app *app, int argc, char **argv, char *err, size_t size)
{
	uint64_t gid;

	if (base_peer_parse(argv[2], &gid) != 0) {
		snprintf(err, size, "'%s': expected %s", argv[2], base_peer_expected());
		return -EINVAL;
	}
	return probe_client_open(app->tests, gid, err, size);
}

static int
do_close(struct app *app, int argc, char **argv, char *err, size_t size)
{
	return probe_client_close(app->tests, err, size);
}

static int
do_start(struct app *app, int argc, char **argv, char *err, size_t size)
{
	int ret = probe_client_start(app->tests, err, size);

	if (ret == 0) {
		app->testing = true;
		app->state = probe_client_state(app->tests);
	}
	return ret;
}

/* What it has found is printed when what is under way has ended: wait for that here. */
static int
do_stop(struct app *app, int argc, char **argv, char *err, size_t size)
{
	int ret = probe_client_stop(app->tests, err, size);

	if (ret == 0 && app->testing)
		watch_wait(app, APP_WAIT_TEST, WAIT_STANDARD_NS, base_now_ns());
	return ret;
}

/* "SECONDS", "link [SECONDS]", "test [SECONDS]" */
static int
do_wait(struct app *app, int argc, char **argv, char *err, size_t size)
{
	enum app_wait what = APP_WAIT_TIME;
	uint64_t ns = WAIT_STANDARD_NS;
	double seconds;

	if (strcmp(argv[1], "link") == 0)
		what = APP_WAIT_LINK;
	else if (strcmp(argv[1], "test") == 0)
		what = APP_WAIT_TEST;
	if (what == APP_WAIT_TIME || argc == 3) {
		seconds = strtod(argv[argc - 1], NULL);
		if (seconds > WAIT_MAX_S) {
			snprintf(err, size, "'%s': expected at most %d seconds", argv[argc - 1],
				 WAIT_MAX_S);
			return -EINVAL;
		}
		ns = (uint64_t)(seconds * (double)BASE_NS_PER_S);
	}
	if (what != APP_WAIT_TIME && app->tests == NULL) {
		snprintf(err, size, "'wait %s' needs a function of its own: not with --attach",
			 argv[1]);
		return -ENOTSUP;
	}
	if (what == APP_WAIT_LINK && probe_client_state(app->tests) == PROBE_CLOSED) {
		snprintf(err, size, "no link is being opened: expected 'link open GID' before");
		return -ENOTCONN;
	}
	watch_wait(app, what, ns, base_now_ns());
	return 0;
}

static int
do_quit(struct app *app, int argc, char **argv, char *err, size_t size)
{
	app->quit = true;
	return 0;
}

static int do_help(struct app *app, int argc, char **argv, char *err, size_t size);

static const struct command fixed[] = {
	{ "show all", "show", "everything below", false, do_show },
	{ "clear all", "clear", "all counters count from here", false, do_clear },
	{ "link open GID", "link", "open a link to that function; it comes back by itself", true,
	  do_open },
	{ "link close", "link", "close it", true, do_close },
	{ "start", "test", "run the test that is set", true, do_start },
	{ "stop", "test", "end it, and print what it has found", true, do_stop },
	{ "wait SECONDS", "wait", "do nothing for so long", false, do_wait },
	{ "wait link [SECONDS]", "wait", "until the link is up (10 s at most)", true, do_wait },
	{ "wait test [SECONDS]", "wait", "until the test has ended (10 s at most)", true, do_wait },
	{ "help [show|clear|set|link|test|wait]", "help", "all commands, or those of a topic",
	  false, do_help },
	{ "quit", "help", "end the program", false, do_quit },
};

/* --- help --- */

static const char *const topics[] = { "show", "clear", "set", "link", "test", "wait", "help" };

static int
do_help(struct app *app, int argc, char **argv, char *err, size_t size)
{
	int width = 0, len;

	for (unsigned int i = 0; i < list.count; i++) {
		len = (int)strlen(forms[i]);
		width = len > width && len < 40 ? len : width;
	}
	for (size_t t = 0; t < sizeof(topics) / sizeof(topics[0]); t++) {
		for (unsigned int i = 0; i < list.count; i++) {
			if (strcmp(commands[i].topic, topics[t]) != 0 ||
			    (argc > 1 && strcmp(argv[1], topics[t]) != 0))
				continue;
			fprintf(app->view.out, "%-*s  %s\n", width, forms[i], commands[i].help);
		}
	}
	fflush(app->view.out);
	return 0;
}

/* --- the list --- */

static int
add(const struct command *command, const char *form)
{
	if (list.count == COMMANDS_MAX)
		return -ENOMEM;
	commands[list.count] = *command;
	forms[list.count++] = form;
	return 0;
}

static int add_made(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int
add_made(const struct command *command, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (ret < 0 || text_count == COMMANDS_MAX)
		return -ENOMEM;
	texts[text_count++] = text;
	return add(command, text);
}

static int
add_views(void)
{
	struct command show = { .topic = "show", .run = do_show },
		       clear = { .topic = "clear", .run = do_clear };
	int ret = 0;

	for (unsigned int i = 0; i < view_count && ret == 0; i++) {
		const struct view *v = &views[i];

		show.help = v->help;
		ret = add_made(&show, "show %s%s%s", v->words, v->arg[0] != '\0' ? " " : "",
			       v->arg);
		clear.help = "its counters count from here";
		if (ret == 0 && v->counts != NULL)
			ret = add_made(&clear, "clear %s [all]", v->words);
	}
	return ret;
}

static int
add_settings(void)
{
	struct command set = { .topic = "set", .own = true, .run = do_set };
	int ret = 0;

	for (unsigned int i = 0; i < probe_setting_count && ret == 0; i++) {
		set.help = probe_settings[i].help;
		ret = add_made(&set, "set %s %s", probe_settings[i].name, probe_settings[i].values);
	}
	return ret;
}

int
commands_init(void)
{
	int ret;

	list.count = 0;
	text_count = 0;
	ret = add_views();
	if (ret == 0)
		ret = add_settings();
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]) && ret == 0; i++)
		ret = add(&fixed[i], fixed[i].form);
	return ret;
}

void
commands_free(void)
{
	while (text_count > 0)
		free(texts[--text_count]);
	list.count = 0;
}

const struct form_list *
commands_forms(void)
{
	return &list;
}

const char *
commands_help(int argc, char **argv)
{
	bool complete;

	for (unsigned int i = 0; i < list.count; i++) {
		if (form_match(forms[i], argc, argv, &complete) == argc)
			return commands[i].help;
	}
	return "";
}

int
commands_run(struct app *app, const char *line, char *err, size_t size)
{
	struct form_words words;
	int ret = form_split(line, &words), i;

	err[0] = '\0';
	if (ret != 0) {
		snprintf(err, size, "too long a line: expected at most %d characters and %d words",
			 FORM_LINE_MAX - 1, FORM_WORDS_MAX);
		return ret;
	}
	if (words.argc == 0)
		return 0;
	i = form_find(&list, words.argc, words.argv);
	if (i < 0) {
		form_complain(&list, words.argc, words.argv, err, size);
		return -EINVAL;
	}
	if (commands[i].own && app->tests == NULL) {
		snprintf(err, size, "'%s' needs a function of its own: not with --attach",
			 forms[i]);
		return -ENOTSUP;
	}
	return commands[i].run(app, words.argc, words.argv, err, size);
}
