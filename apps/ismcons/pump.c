/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One round: what the console said goes to stdout, what is typed to the console. Neither direction
 * blocks; while stdout takes nothing, output stays in the link's slots and so holds up the program.
 */
#include "ismcons.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base_time.h"
#include "run.h"

#define OUTPUT_BYTES (256 * 1024) /* of one round: the session wants its turn */
#define ITEMS_ROUND 128 /* taken, or written */
#define LEAVE_NS (1 * BASE_NS_PER_S) /* for the server's word that we have left */
#define TYPING_NS (2 * BASE_NS_PER_S) /* after a key somebody waits for its echo */
#define TYPING_NAP_US 100
#define STALL_NS (200 * BASE_NS_PER_US) /* what a round waits for a stdout that is full */

/* --- output --- */

static void
output_failed(struct ismcons *app, int err)
{
	if (err == -EPIPE) {
		/* As any program that nobody listens to any more. */
		term_ended_by(SIGPIPE);
	} else if (err == -EIO && isatty(STDOUT_FILENO)) {
		term_ended_by(SIGHUP);
	} else {
		say("cannot write to standard output: %s", strerror(-err));
		finish(app, CONS_EXIT_FAIL);
	}
}

/*
 * Whoever reads our output needs a CPU for it: sleep until there is room, for as long as the
 * session and the keys can do without us.
 * @return bytes written; 0: none now.
 */
static uint32_t
output_data(struct ismcons *app)
{
	ssize_t n = show_write(app);

	if (n > 0)
		return (uint32_t)n;
	if (n == -EAGAIN)
		chan_wait(&app->out, STALL_NS);
	else
		output_failed(app, (int)n);
	return 0;
}

static void
take_item(struct ismcons *app, const struct cons_item *item)
{
	uint32_t bytes = 0;

	if (item->kind == CONS_ITEM_DATA)
		bytes = show_take(app, item);
	else
		news_take(app, item);
	cons_terminal_consume(app->terminal, bytes);
}

static unsigned int
pump_output(struct ismcons *app)
{
	uint32_t n, bytes = 0;
	struct cons_item item;
	unsigned int work = 0;

	for (; work < ITEMS_ROUND && bytes < OUTPUT_BYTES && !app->over && !run_stopping();
	     work++) {
		if (show_waits(app)) {
			n = output_data(app);
			if (n == 0)
				break;
			bytes += n;
		} else if (cons_terminal_next(app->terminal, &item)) {
			take_item(app, &item);
		} else {
			break;
		}
	}
	return work;
}

/* --- input --- */

static void
leave(struct ismcons *app, uint64_t now_ns)
{
	if (app->leaving)
		return;
	app->leaving = true;
	app->deadline_ns = now_ns + LEAVE_NS;
	cons_terminal_leave(app->terminal);
}

static void
send_size(struct ismcons *app)
{
	struct cons_size size;

	if (term_size(&size))
		cons_terminal_resize(app->terminal, &size);
}

static void
act(struct ismcons *app, enum cons_escape_action action, uint64_t now_ns)
{
	switch (action) {
	case CONS_ESCAPE_DISCONNECT:
		leave(app, now_ns);
		break;
	case CONS_ESCAPE_BREAK:
		cons_terminal_break(app->terminal);
		break;
	case CONS_ESCAPE_RESIZE:
		send_size(app);
		break;
	case CONS_ESCAPE_HELP:
		news_help(app);
		break;
	case CONS_ESCAPE_NONE:
		break;
	}
}

/* Look at what was typed. An observer's keys are looked at for the escape alone. */
static unsigned int
pass_typed(struct ismcons *app, uint64_t now_ns)
{
	uint8_t keys[sizeof(app->typed) + CONS_KEY_MAX];
	enum cons_escape_action action;
	unsigned int work = 0;
	size_t n;

	app->escape.keys = term_keys();
	app->held_ns = now_ns;
	while (app->typed_at < app->typed_len && !app->leaving) {
		app->typed_at += cons_escape_feed(&app->escape, app->typed + app->typed_at,
						  app->typed_len - app->typed_at, keys, &n,
						  &action);
		/* No more was read than there was room for. */
		if (!app->opt.observe)
			cons_terminal_write(app->terminal, keys, n);
		act(app, action, now_ns);
		work++;
	}
	return work;
}

/* What may become a key does not wait for its end for ever. */
static unsigned int
give_up_held(struct ismcons *app, uint64_t now_ns)
{
	unsigned int ms = cons_escape_wait_ms(&app->escape);
	uint8_t keys[CONS_KEY_MAX];
	size_t n;

	if (ms == 0 || now_ns < app->held_ns + ms * BASE_NS_PER_MS || app->leaving)
		return 0;
	n = cons_escape_flush(&app->escape, keys);
	if (!app->opt.observe)
		cons_terminal_write(app->terminal, keys, n);
	return 1;
}

/* Readiness of stdin wakes the loop, but not while nobody would read. */
static void
wait_for_input(struct ismcons *app, bool on)
{
	if (on == app->in_waits || app->in.kind == CHAN_PLAIN || app->in.kind == CHAN_CLOSED)
		return;
	if (on)
		app->in_waits = run_add_wake_fd(0, app->in.fd) == 0;
	else
		run_remove_wake_fd(0, app->in.fd);
	app->in_waits = on && app->in_waits;
}

static void
input_ended(struct ismcons *app)
{
	app->in_ended = true;
	wait_for_input(app, false);
	if (term_interactive())
		term_ended_by(SIGHUP); /* a raw terminal has no end but its own */
	else
		cons_terminal_eof(app->terminal);
}

/* How much may be read now. Before the console is there a terminal keeps what is typed. */
static size_t
input_room(const struct ismcons *app)
{
	size_t room = cons_terminal_room(app->terminal);

	if (app->in_ended || app->leaving || !app->attached)
		return 0;
	if (app->opt.observe)
		return term_interactive() ? sizeof(app->typed) : 0;
	/* What is held comes on top. */
	room -= room < CONS_KEY_MAX ? room : CONS_KEY_MAX;
	return room < sizeof(app->typed) ? room : sizeof(app->typed);
}

static unsigned int
pump_input(struct ismcons *app, uint64_t now_ns)
{
	size_t room = input_room(app);
	ssize_t n;

	wait_for_input(app, room > 0);
	if (room == 0)
		return 0;
	n = chan_read(&app->in, app->typed, room);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		input_ended(app);
		return 1;
	}
	app->typed_len = (size_t)n;
	app->typed_at = 0;
	if (term_interactive())
		app->typed_ns = now_ns;
	return pass_typed(app, now_ns);
}

/* --- rounds --- */

/* While somebody types, sleep no longer than the echo may take. */
static void
choose_nap(struct ismcons *app, uint64_t now_ns)
{
	bool typing = app->typed_ns != 0;

	if (typing && now_ns > app->typed_ns + TYPING_NS)
		app->typed_ns = 0;
	else if (!typing)
		return;
	run_limit_nap(0, app->typed_ns != 0 ? TYPING_NAP_US : 0);
}

unsigned int
pump_poll(void *arg, uint64_t now_ns)
{
	struct ismcons *app = arg;
	unsigned int work;

	work = link_poll(app->link, now_ns);
	work += pump_output(app);
	if (app->over || run_stopping())
		return work;
	if (term_events())
		send_size(app);
	work += pump_input(app, now_ns);
	work += give_up_held(app, now_ns);
	work += cons_client_poll(app->client, now_ns);
	choose_nap(app, now_ns);
	news_wait(app, now_ns);
	return work;
}
