/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismstat: statistics and link tests at a prompt.
 *
 *	main.c      life cycle; options.c the command line
 *	prompt.c    lines in (terminal, file, --command), commands.c what they do
 *	view*.c     `show`: one table of views, each a question to a source and a way to print it
 *	source*.c   who answers: this program's own telemetry, or that of another one (--attach)
 *	top.c, openmetrics.c   other faces of the same answers
 *	lib/probe   link tests: the TEST service
 *
 * All figures that are shown come through a source as JSON, so the prompt, --json, --top,
 * --openmetrics and dpdk-telemetry.py can never disagree.
 */
#ifndef ISMSTAT_H
#define ISMSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/* --- source.c: who answers ---
 * One thread. Answers are owned by the caller. */
struct source;
/*
 * The telemetry of a running DPDK program.
 * @param who  file prefix or PID of a program; NULL: this program itself (after run_eal_init()).
 * @return 0; -ENOENT no such program, -EACCES, -EPROTO it is no DPDK telemetry, ...: `err` is a
 *         line for people that names what was looked for and, on -ENOENT, the programs there are.
 */
int source_open(const char *who, struct source **src, char *err, size_t err_size);
void source_close(struct source *src); /* tolerates NULL */
/*
 * Ask. Waits at most one second (another program), or does not wait for more than its own
 * telemetry thread.
 * @param cmd  "/link/sessions", "/ism/info,0"
 * @return what stands behind the command's name in the answer; NULL: `err` is a line for people.
 */
json_t *source_ask(struct source *src, const char *cmd, char *err, size_t err_size);
/* "dpdk-ismd, PID 123, DPDK 22.11" */
const char *source_name(const struct source *src);
bool source_own(const struct source *src);
/* Commands under /ism, /link, /blk, /cons, /fwd that it has. @return whether `cmd` is one. */
bool source_has(struct source *src, const char *cmd);

/* --- view.c: what `show` can show --- */
struct view_context {
	struct source *src;
	bool json; /* print the object as it is, one line */
	FILE *out;
};
/*
 * show WORDS..., clear WORDS...: find the view and run it.
 * @param argv  words after "show", argv[0] = "device" ...
 * @return 0; -EINVAL no such view: `err` says the nearest; -EIO the source did not answer.
 */
int view_show(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size);
/* From now on counters of that view count from here (kept on our side: nobody is disturbed). */
int view_clear(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size);
/*
 * The same answer as show, not printed; NULL and err. For top and openmetrics. Owned by the caller.
 */
json_t *view_collect(struct source *src, const char *words, char *err, size_t err_size);

/* --- top.c, openmetrics.c: other faces --- */
/*
 * A live view until q, a signal or the end of standard output; of an own function within
 * run_loop(), so that its link lives on. Takes the terminal, and gives it back. Where standard
 * output is no terminal: a plain snapshot every period, or just one without a period.
 * @param period_s  seconds between two pictures; 0: the standard (1)
 * @return enum run_exit; what is wrong is said.
 */
int top_run(struct source *src, uint64_t period_s);
/* All counters as OpenMetrics text. @return enum run_exit; what is wrong is said. */
int openmetrics_print(struct source *src, FILE *out);

#endif
