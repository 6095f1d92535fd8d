/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismstat: statistics and link tests at a prompt. Three layers, each calls down only:
 *
 *	the shell, app.h	main.c     life cycle and rounds
 *				options.c  the command line
 *				lines.c    lines of a file, --command, words, standard input
 *				prompt.c   lines of a person
 *				commands.c what a line does
 *				watch.c    tests that end, sessions that come and go, `wait`
 *				notes.c    what libraries log while a person types
 *				say.c      lines for people
 *				tty.h, out.h  the terminal, standard output
 *	the faces		view.h     `show`; top.h, openmetrics.h: other faces of the answers
 *	the source		source.h   who answers, as JSON; lists.h: what its numbers mean
 *
 * All figures that are shown come through a source, so the prompt, --json, --top, --openmetrics
 * and dpdk-telemetry.py can never disagree. Link tests are lib/probe's. All of the shell runs in
 * one thread: worker 0, or the program's only one with --attach.
 */
#ifndef APP_H
#define APP_H

#include "forms.h"
#include "probe_client.h"
#include "probe_server.h"
#include "view.h"

#define APP_LINES_MAX 64 /* --command options */
#define APP_ERR_MAX 512 /* bytes of a complaint */

/* --- options.c --- */
struct options {
	const char *lines[APP_LINES_MAX]; /* --command */
	unsigned int line_count;
	char words[FORM_LINE_MAX]; /* what stands behind the options: one more line */
	const char *file; /* --cmdline-file */
	const char *attach, *device;
	bool interactive, json, top, openmetrics, quiet;
	bool listen;
	struct base_allow allow;
	uint64_t peer; /* 0: none */
	uint64_t stats_period; /* seconds; 0: none */
	uint64_t hot_us, idle_max_us, keepalive_ms;
};
/* @return -1 go on; else the exit code to leave with. */
int options_parse(int argc, char **argv, struct options *opt);

/* What `wait` waits for. */
enum app_wait {
	APP_WAIT_NONE,
	APP_WAIT_TIME,
	APP_WAIT_LINK,
	APP_WAIT_TEST,
};

struct app {
	struct options opt;
	uint16_t dev_id;
	struct link *link;
	struct probe_client *tests; /* ours; NULL with --attach */
	struct probe_server *answers; /* to tests of others; NULL without --listen */
	struct source *src;
	struct view_context view;
	bool prompting; /* a person types (-i) */
	bool quit; /* the command */
	bool had_lines; /* commands were given at start */
	bool lines_ended; /* all of them are done */
	bool hears; /* standard input wakes the program */
	int status; /* enum run_exit: what failed commands have made of it */
	/* watch.c */
	enum app_wait wait;
	uint64_t wait_ns, wait_until; /* length and end */
	/* A line that waits until the device has answered anew; done when `wait` is over. */
	char deferred[FORM_LINE_MAX];
	bool refreshed; /* it is being done */
	bool testing; /* a test was started and its end not told yet */
	enum probe_state state; /* seen last */
	uint64_t tick_at; /* --stats-period: when to print next */
	const char *repeated; /* the command that it repeats; NULL: the usual views */
};

/* --- commands.c --- */
/* @return 0, -ENOMEM. */
int commands_init(void);
void commands_free(void);
/* Every form of a command, in the order of help. */
const struct form_list *commands_forms(void);
/*
 * Do what a line says; an empty one is fine.
 * @return 0, or -errno and one line for people in err.
 */
int commands_run(struct app *app, const char *line, char *err, size_t size);

/* What the first command says of itself that these words begin; "" if there is none. */
const char *commands_help(int argc, char **argv);

/* --- lines.c --- */
#define LINES_MAX (FORM_LINE_MAX + 1) /* a line that was cut is still too long for a command */
/* @return 0, or enum run_exit; the line is printed. */
int lines_open(const struct options *opt);
void lines_close(void);
enum lines_state {
	LINES_NONE, /* not now: standard input has nothing */
	LINES_ONE,
	LINES_END,
};
/* @param from  where the line stands, for complaints: "FILE:3: " or "". */
enum lines_state lines_next(char line[LINES_MAX], char from[128]);
/* Is the next line one that must be waited for at standard input? */
bool lines_at_stdin(void);

/* --- say.c: lines for people; while one is typed, it makes room for them --- */
/*
 * One line for people, where they look: at the prompt; else on standard error, and the exit status
 * will be 1.
 */
void app_complain(struct app *app, const char *from, const char *text);
/* The same for news that are no fault; nothing with --quiet unless somebody types. */
void app_tell(struct app *app, const char *text);
/* Who edits a line takes it away and draws it again; NULL: nobody edits. */
void say_editor(void (*hide)(void), void (*show)(void));
/* Around lines of ours: what is typed goes, and comes back. */
void say_begin(void);
void say_end(void);

/* --- prompt.c --- */
int prompt_open(struct app *app);
void prompt_close(void);
/* Read what was typed and do it. @return how much was done. */
unsigned int prompt_poll(struct app *app);
/* Would it take what is typed now? */
bool prompt_hears(void);
/* --- notes.c: what libraries log while a person types --- */
void notes_open(void);
/* Print what was logged. @return whether there was something. */
unsigned int notes_print(void);
/* From here on lines go to standard error again. */
void notes_release(void);
/* After run_fini(). */
void notes_close(void);

/* --- watch.c --- */
/*
 * @param line  what was put off until the device has answered anew, when that is now; else "".
 * @return how much was done.
 */
unsigned int watch_poll(struct app *app, uint64_t now_ns, char line[FORM_LINE_MAX]);
/* Begin to wait; watch_poll() ends it. */
void watch_wait(struct app *app, enum app_wait what, uint64_t ns, uint64_t now_ns);
/* Give up waiting (Ctrl-C). */
void watch_cancel(struct app *app);

#endif
