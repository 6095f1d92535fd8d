/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The escape prefix of a terminal program: a character that is not passed on, and makes the next
 * one a command. Pure; looks at bytes alone, however they are cut into reads.
 *
 * While a program has a keyboard protocol on (cons_keys.h), terminals send a sequence in place of
 * the prefix, and of the command behind it. Those that are one are taken; all others are passed on
 * byte for byte. A sequence is held until it is complete, or cons_escape_flush() gives it up.
 *
 * The release of a key goes where its press went: of what was taken, it is taken, too.
 */
#ifndef CONS_ESCAPE_H
#define CONS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cons_keys.h"

#define CONS_ESCAPE_STANDARD 0x1f /* Ctrl-_ */
#define CONS_ESCAPE_NAME_MAX 16

enum cons_escape_action {
	CONS_ESCAPE_NONE,
	CONS_ESCAPE_DISCONNECT, /* . or d */
	CONS_ESCAPE_BREAK, /* b */
	CONS_ESCAPE_RESIZE, /* r */
	CONS_ESCAPE_HELP, /* ? or h */
};

#define CONS_ESCAPE_TAKEN 4

struct cons_escape {
	int prefix; /* a control character; -1: there is none */
	bool armed; /* the prefix was the last byte */
	unsigned int keys; /* enum cons_modes_keys: set by the owner before each call */
	uint8_t held[CONS_KEY_MAX]; /* a sequence that is not complete */
	uint8_t held_len;
	uint32_t taken[CONS_ESCAPE_TAKEN]; /* keys whose release is still to come; 0: none */
};

/*
 * "none"; or ^] ^^ ^_ and ^A .. ^Z, with or without the "^", but those letters that a person or a
 * terminal cannot do without: C D H I J M Q S Z.
 * @return 0 and *prefix; -EINVAL.
 */
int cons_escape_parse(const char *text, int *prefix);

/* The prefix for people: "Ctrl-_". @return buf. */
const char *cons_escape_name(int prefix, char buf[CONS_ESCAPE_NAME_MAX]);

/*
 * Sort out bytes that were typed, up to the first action. The prefix twice stands for itself;
 * behind it, a character that is no command is dropped with it.
 * @param out      gets what goes to the console: at most `len` bytes, and CONS_KEY_MAX more while
 *                 a protocol is on, or was when the call before this one was made.
 * @param out_len  how many.
 * @return how many bytes of `in` were used: all, or up to the action.
 */
size_t cons_escape_feed(struct cons_escape *e, const uint8_t *in, size_t len, uint8_t *out,
			size_t *out_len, enum cons_escape_action *action);

/*
 * How long what is held may wait for its end, from when its newest byte came: a person who presses
 * Escape waits for it. @return ms; 0: nothing is held.
 */
unsigned int cons_escape_wait_ms(const struct cons_escape *e);
/* What is held was no key. @return bytes for the console in `out`, of CONS_KEY_MAX bytes. */
size_t cons_escape_flush(struct cons_escape *e, uint8_t *out);

#endif
