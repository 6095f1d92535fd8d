/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The escape prefix of a terminal program: a character that is not passed on, and makes the next
 * one a command. Pure; looks at bytes alone, however they are cut into reads.
 */
#ifndef CONS_ESCAPE_H
#define CONS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONS_ESCAPE_STANDARD 0x1f /* Ctrl-_ */
#define CONS_ESCAPE_NAME_MAX 16

enum cons_escape_action {
	CONS_ESCAPE_NONE,
	CONS_ESCAPE_DISCONNECT, /* . or d */
	CONS_ESCAPE_BREAK, /* b */
	CONS_ESCAPE_RESIZE, /* r */
	CONS_ESCAPE_HELP, /* ? or h */
};

struct cons_escape {
	int prefix; /* a control character; -1: there is none */
	bool armed; /* the prefix was the last byte */
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
 * @param out      gets what goes to the console: at most `len` bytes.
 * @param out_len  how many.
 * @return how many bytes of `in` were used: all, or up to the action.
 */
size_t cons_escape_feed(struct cons_escape *e, const uint8_t *in, size_t len, uint8_t *out,
			size_t *out_len, enum cons_escape_action *action);

#endif
