/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --top: a picture a period. A program that ends is waited for: the source finds it again under
 * the name that the person gave, and rates begin anew.
 */
#include "top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "answers.h"
#include "base_time.h"
#include "out.h"
#include "run.h"
#include "tty.h"
#include "view.h"

#define PERIOD_MAX_S 3600u
#define SETTLE_MS 300
#define NAP_MAX_MS 500 /* a window that changed is drawn anew within this */

/* What a terminal is told at first and at the end: other screen, no cursor. */
#define SCREEN_TAKE "\033[?1049h\033[?25l\033[2J"
#define SCREEN_GIVE "\033[0m\033[?25h\033[?1049l"

struct top {
	struct source *src;
	unsigned int period_s;
	uint64_t next_ns;
	json_t *now, *before;
	uint64_t now_ns, before_ns; /* when they were taken */
	bool screen; /* standard output is a terminal */
	bool keys; /* so is standard input */
	bool once; /* no terminal and no period: one picture */
	bool paused, done, dirty, drawn;
	char gone[512]; /* why there is no answer, or "" */
	int status;
};

static volatile sig_atomic_t resized;

static void
on_resize(int sig)
{
	resized = 1;
}

/* --- asking --- */

static void
forget(struct top *t)
{
	json_decref(t->now);
	json_decref(t->before);
	t->now = t->before = NULL;
}

/* Another process under the same name counts from 0. */
static bool
is_same_program(const struct top *t, const json_t *answer)
{
	return t->now != NULL &&
	       strcmp(top_string(t->now, "program"), top_string(answer, "program")) == 0;
}

static void
no_answer(struct top *t, const char *err)
{
	bool news = t->gone[0] == '\0';

	forget(t);
	snprintf(t->gone, sizeof(t->gone), "%s", err);
	if (t->screen)
		return;
	if (news)
		run_error("%s%s", err, t->once ? "" : "; waiting for it");
	if (t->once) {
		t->status = RUN_EXIT_FAIL;
		t->done = true;
	}
}

static void
ask(struct top *t)
{
	char err[sizeof(t->gone)];
	json_t *answer = answers_collect(t->src, err, sizeof(err));

	t->dirty = true;
	if (answer == NULL) {
		no_answer(t, err);
		return;
	}
	t->gone[0] = '\0';
	if (!is_same_program(t, answer))
		forget(t);
	json_decref(t->before);
	t->before = t->now;
	t->before_ns = t->now_ns;
	t->now = answer;
	t->now_ns = base_now_ns();
	/* Of the time between the two, as the rates are. */
	view_latency_since(t->now, t->before);
}

/* --- drawing --- */

static void
window_size(unsigned int *cols, unsigned int *rows)
{
	struct winsize ws;

	*cols = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0)
		return;
	if (ws.ws_col > 0)
		*cols = ws.ws_col;
	if (ws.ws_row > 0)
		*rows = ws.ws_row;
}

static void
foot_text(const struct top *t, char *foot, size_t size)
{
	if (t->gone[0] != '\0')
		snprintf(foot, size, "q quit | waiting: %s", t->gone);
	else
		snprintf(foot, size, "q quit | p pause | +/- period %u s%s", t->period_s,
			 t->paused ? " | PAUSED" : "");
}

/* All of it at once, or the picture flickers. */
static void
write_out(struct top *t, const char *text, size_t len)
{
	if (fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0 && out_error() == 0)
		return;
	/* A reader that has gone is no fault; head(1) does that. */
	t->status = out_error() == EPIPE ? RUN_EXIT_OK : RUN_EXIT_FAIL;
	t->done = true;
}

static void
compose(struct top *t, FILE *out)
{
	const struct top_picture picture = {
		.now = t->now,
		.before = t->before,
		.seconds = (double)(t->now_ns - t->before_ns) / (double)BASE_NS_PER_S,
	};

	if (t->now != NULL)
		top_draw(&picture, out);
	else
		fprintf(out, "%s\n", t->gone);
}

/* Fit the lines to the window. */
static void
compose_screen(struct top *t, FILE *out)
{
	unsigned int cols, rows;
	char foot[600], *text = NULL;
	size_t len = 0;
	FILE *lines = open_memstream(&text, &len);

	if (lines == NULL)
		return;
	compose(t, lines);
	fclose(lines);
	window_size(&cols, &rows);
	foot_text(t, foot, sizeof(foot));
	if (text != NULL)
		top_fit(text, foot, cols, rows, out);
	free(text);
}

static void
draw(struct top *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	t->dirty = false;
	/* Where nobody watches, a picture without rates is none. */
	if (!t->screen && t->before == NULL)
		return;
	out = open_memstream(&text, &len);
	if (out == NULL)
		return;
	if (t->screen) {
		compose_screen(t, out);
	} else {
		if (t->drawn)
			fputc('\n', out);
		compose(t, out);
	}
	fclose(out);
	if (text != NULL)
		write_out(t, text, len);
	free(text);
	t->drawn = true;
	if (t->once)
		t->done = true;
}

/* --- keys --- */

static void
set_period(struct top *t, unsigned int seconds)
{
	if (seconds < 1 || seconds > PERIOD_MAX_S)
		return;
	t->period_s = seconds;
	t->next_ns = base_now_ns() + seconds * BASE_NS_PER_S;
	t->dirty = true;
}

static void
key(struct top *t, char c)
{
	switch (c) {
	case 'q':
	case 'Q':
	case 3: /* Ctrl-C is a key here */
	case 4:
		t->done = true;
		break;
	case 'p':
	case 'P':
		t->paused = !t->paused;
		t->dirty = true;
		break;
	case '+':
	case '=':
		set_period(t, t->period_s + 1);
		break;
	case '-':
		set_period(t, t->period_s - 1);
		break;
	case '\f':
		t->dirty = true;
		break;
	default:
		break;
	}
}

static unsigned int
take_keys(struct top *t)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	char buf[64];
	ssize_t n;

	if (!t->keys || poll(&pfd, 1, 0) <= 0)
		return 0;
	n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n <= 0)
		t->done = t->done || n == 0 || errno != EINTR; /* the terminal is gone */
	for (ssize_t i = 0; i < n; i++)
		key(t, buf[i]);
	return 1;
}

/* --- rounds --- */

static unsigned int
top_poll(void *arg, uint64_t now_ns)
{
	struct top *t = arg;
	unsigned int work = take_keys(t);

	if (resized || tty_continued()) {
		resized = 0;
		t->dirty = true;
	}
	if (!t->paused && now_ns >= t->next_ns) {
		ask(t);
		t->next_ns += t->period_s * BASE_NS_PER_S;
		/* After a stop, or an answer that took long, one picture is enough. */
		if (t->next_ns <= now_ns)
			t->next_ns = base_now_ns() + t->period_s * BASE_NS_PER_S;
	}
	/* A picture that nobody has seen yet is not painted over by the next one. */
	if (t->dirty && !t->done && !out_pending()) {
		draw(t);
		work++;
	}
	if (t->done)
		run_stop();
	return work;
}

/* Another program's: nothing else is to be polled. */
static void
loop_attached(struct top *t)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t now, ms;

	while (!run_stopping()) {
		now = base_now_ns();
		if (top_poll(t, now) != 0)
			continue;
		ms = t->paused || t->next_ns <= now ? NAP_MAX_MS
						    : (t->next_ns - now) / BASE_NS_PER_MS + 1;
		poll(&pfd, t->keys ? 1 : 0, ms < NAP_MAX_MS ? (int)ms : NAP_MAX_MS);
	}
}

static int
loop_own(struct top *t)
{
	const struct run_idle_conf idle = { .hot_us = 200, .idle_max_us = 4000 };

	if (run_add_poller(0, top_poll, t) != 0) {
		run_error("too much to poll");
		return RUN_EXIT_FAIL;
	}
	if (t->keys)
		run_add_wake_fd(0, STDIN_FILENO);
	run_loop(&idle);
	if (t->keys)
		run_remove_wake_fd(0, STDIN_FILENO);
	return t->status;
}

static void
take_terminal(struct top *t)
{
	struct sigaction sa = { .sa_handler = on_resize };

	sigaction(SIGWINCH, &sa, NULL);
	tty_take();
	tty_farewell(SCREEN_GIVE);
	write_out(t, SCREEN_TAKE, strlen(SCREEN_TAKE));
}

int
top_run(struct source *src, uint64_t period_s)
{
	struct top t = {
		.src = src,
		.period_s = period_s == 0 ? 1 : (unsigned int)period_s,
		.next_ns = base_now_ns(),
		.screen = isatty(STDOUT_FILENO),
		.status = RUN_EXIT_OK,
	};

	if (period_s > PERIOD_MAX_S)
		t.period_s = PERIOD_MAX_S;
	t.keys = t.screen && isatty(STDIN_FILENO);
	t.once = !t.screen && period_s == 0;
	fflush(stdout);
	if (t.screen)
		take_terminal(&t);
	if (source_own(src))
		t.status = loop_own(&t);
	else
		loop_attached(&t);
	out_settle(SETTLE_MS);
	tty_restore();
	forget(&t);
	return t.status;
}
