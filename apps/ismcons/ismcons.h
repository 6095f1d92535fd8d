/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismcons: this terminal, or these pipes, at a peer's console.
 *
 *	main.c      life cycle: options, device, session, loop, the way out
 *	options.c   the command line after "--"
 *	pump.c      rounds: output to stdout, stdin to the console, what the person asks for
 *	show.c      output: one copy, what of history is shown, stdout
 *	news.c      what the client tells besides output, and what becomes of it
 *	list.c      --list
 *	term.c      raw mode and its end, signals, size
 *	chan.c      stdin, stdout, stderr that never block a round
 *	say.c       our own lines
 *
 * Everything runs on worker 0.
 */
#ifndef ISMCONS_H
#define ISMCONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base_text.h"
#include "cons_client.h"
#include "cons_escape.h"
#include "cons_history.h"
#include "cons_transcript.h"
#include "link.h"

/* Exit codes: 0 .. 249 are the console's program's own (or 128 + a signal's number). */
enum cons_exit {
	CONS_EXIT_OK = 0, /* left by the escape, too */
	CONS_EXIT_USAGE = 250, /* the command line is wrong */
	CONS_EXIT_DEVICE = 251, /* no function, no access to it, or a choice is needed */
	CONS_EXIT_REFUSED = 252, /* not allowed, no such console, busy, or no peer in --wait */
	CONS_EXIT_LOST = 253, /* the peer is gone, has detached us, or broke the protocol */
	CONS_EXIT_TAKEN = 254, /* another client has taken over */
	CONS_EXIT_FAIL = 255, /* something else failed */
};

/* --- options.c --- */

struct options {
	uint64_t peer;
	const char *console, *device, *transcript;
	bool list, json, observe, take_over, no_reconnect, quiet;
	int escape; /* the prefix, -1: none */
	uint64_t history; /* HISTORY_AUTO: not given */
	uint64_t wait, keepalive_ms, hot_us, idle_max_us;
};
#define HISTORY_AUTO UINT64_MAX

/* @return -1 go on; else the enum run_exit to leave with (the text is printed). */
int options_parse(int argc, char **argv, struct options *opt);

/* --- chan.c --- */

enum chan_kind {
	CHAN_CLOSED,
	CHAN_NONBLOCK, /* a description of our own, with O_NONBLOCK */
	CHAN_SOCKET, /* MSG_DONTWAIT does it */
	CHAN_PLAIN, /* never blocks for long: files, /dev/null */
	CHAN_CAREFUL, /* asked with poll(2) first, and written to in small pieces */
};

struct chan {
	int fd;
	enum chan_kind kind;
};

/*
 * O_NONBLOCK belongs to the open file description, which the shell and other programs share: we
 * never set it on what was given to us. Terminals and pipes are opened once more instead.
 */
void chan_open(struct chan *ch, int fd, bool write);
void chan_close(struct chan *ch);
/* @return bytes, at least 1; 0 end of file; -EAGAIN; -errno. */
ssize_t chan_read(const struct chan *ch, void *buf, size_t len);
/* @return bytes, at least 1; -EAGAIN; -EPIPE nobody reads; -errno. */
ssize_t chan_write(const struct chan *ch, const void *buf, size_t len);
/* Sleep until more can be written, or somebody has hung up, but no longer than this. */
void chan_wait(const struct chan *ch, uint64_t ns);

/* --- term.c --- */

/* Look at what stdin and stdout are. Before anything else of this file. */
void term_init(void);
bool term_interactive(void); /* stdin is a terminal */
bool term_shows(void); /* stdout is one */
bool term_utf8(void); /* it takes UTF-8 */
bool term_is_raw(void);
/* Raw mode, from now on and after each stop; not while in the background. */
void term_raw(void);
/* As it was found, term_modes_undo() included. Signal safe; again does nothing. */
void term_restore(void);
/* Output was shown: what it has switched on in the terminal will have to be undone. */
void term_modes_seen(const uint8_t *data, size_t len);
/* How keys are told now, as far as output has set it: enum cons_modes_keys. */
unsigned int term_keys(void);
/* Nothing follows for now: a sequence that output has begun ends. */
void term_sequence_ends(void);
/* Whatever output has switched on ends: who switched it on has gone, or we go. Signal safe. */
void term_modes_undo(void);
/* @return false: there is no terminal, or it does not know its size. */
bool term_size(struct cons_size *size);
/* Handlers for all that can be caught. After run_eal_init(). */
void term_signals(void);
/* Stop and continue, if asked to. @return true: the size is to be sent. */
bool term_events(void);
/* The signal that ends us, or 0; term_ended_by() is as if it had come. */
int term_end_signal(void);
void term_ended_by(int sig);

/* --- say.c --- */

/* Where lines go, and what they follow. */
void say_init(bool quiet);
void say_fini(void);
/* Output has been shown: the cursor is where its last byte left it. */
void say_output(const uint8_t *data, size_t len);
/* One line "[dpdk-ismcons: text]" on stderr, in raw mode too. @return what was shown on a terminal
 * (valid until the next), to be put into a transcript. */
const char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, not with --quiet. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The shell's prompt shall not stand behind the console's. */
void say_end_line(void);

/* --- the program --- */

#define SHOW_BYTES (16 * 1024)

/* The piece of output that goes to stdout now. */
struct show {
	uint8_t raw[SHOW_BYTES]; /* as the peer sent it */
	uint8_t bytes[CONS_HISTORY_OUT(SHOW_BYTES) + CONS_HISTORY_OUT(0)]; /* the same, filtered */
	const uint8_t *data; /* one of the two */
	size_t len, at; /* of it: bytes, and how many were written */
	struct cons_history history;
};

struct ismcons {
	struct options opt;
	char peer[BASE_GID_STRLEN];
	uint16_t dev_id;
	struct link *link;
	struct cons_client *client;
	struct cons_terminal *terminal;
	struct chan in, out;
	struct cons_transcript *transcript;
	struct cons_escape escape;
	struct show show;
	bool attached; /* once at least */
	bool lost; /* was told, and not that it is back */
	bool leaving;
	bool in_ended; /* no more to read */
	bool in_waits; /* stdin wakes the loop */
	bool over;
	int status; /* enum cons_exit, or the program's */
	uint64_t deadline_ns; /* of the first connection, or of leaving; 0: none */
	uint64_t typed_ns; /* when something was typed last; 0: not of late */
	uint64_t held_ns; /* when the newest byte that the escape holds came */
	uint8_t typed[4096]; /* read and not yet looked at */
	size_t typed_len, typed_at;
};

/* The loop shall end, with this status; the first one counts. */
void finish(struct ismcons *app, int status);

/* --- pump.c --- */

/* run_poll_fn: one round of everything. */
unsigned int pump_poll(void *arg, uint64_t now_ns);

/* --- show.c --- */

/* Attached, for the first time or again: what was said before is history. */
void show_attached(struct ismcons *app);
/* Is there anything that stdout has not taken? */
bool show_waits(const struct ismcons *app);
/* Copy an item of output, at most SHOW_BYTES. Nothing may wait. @return bytes of the item. */
uint32_t show_take(struct ismcons *app, const struct cons_item *item);
/* @return as chan_write(). */
ssize_t show_write(struct ismcons *app);

/* --- news.c --- */

/* An item that is no output. */
void news_take(struct ismcons *app, const struct cons_item *item);
/* No session (any more): is there any point in waiting? */
void news_wait(struct ismcons *app, uint64_t now_ns);
/* Put bytes into the transcript; it ends when that fails. */
void news_record(struct ismcons *app, const void *data, size_t len);
/* What the escape can do. */
void news_help(const struct ismcons *app);

/* --- list.c --- */

/* @return enum cons_exit. */
int list_print(const struct ismcons *app);
/* "a, b, c": the names of the consoles there are. @return buf. */
const char *list_names(const struct cons_terminal *t, char *buf, size_t size);

#endif
