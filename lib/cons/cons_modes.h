/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What output has switched on in a terminal, so that it can be undone when its writer goes: the
 * other screen, a hidden cursor, the mouse, bracketed paste, keys and colours of an application.
 *
 * Reads the control sequences of ECMA-48 and of xterm, as far as it takes to find these, however
 * they are cut into pieces. Pure.
 */
#ifndef CONS_MODES_H
#define CONS_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONS_MODES_PARAMS 16 /* numbers of one sequence; xterm has no longer ones that matter */

struct cons_modes {
	/* What is not as a terminal has it at first. */
	uint32_t private_modes; /* CSI ? h and l: bits, by place in the table */
	bool keypad; /* ESC = */
	bool attributes; /* CSI m */
	bool margins; /* CSI r */
	bool cursor; /* CSI SP q: another shape */
	uint8_t keys; /* CSI > 4 m: how much is told of keys with Ctrl or Alt */
	/* The sequence that is being read. */
	uint8_t state; /* 0: none */
	uint8_t prefix, between; /* the byte before, and the one behind the numbers; 0: none */
	uint8_t count;
	uint16_t param[CONS_MODES_PARAMS];
};

/* Output was shown. An object of zeros is a terminal as it is at first. */
void cons_modes_feed(struct cons_modes *m, const uint8_t *data, size_t len);

#define CONS_MODES_TEXT_MAX 256
/*
 * What a terminal must be sent to be as it was at first, a sequence that is not complete included.
 * @return bytes in `text`, which has no NUL; 0: nothing need be sent.
 */
size_t cons_modes_undo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX]);
/*
 * What makes such a terminal one that fits the output again, but for what a program sets anew when
 * it draws: colours, margins, shape of the cursor. @return as cons_modes_undo().
 */
size_t cons_modes_redo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX]);

#endif
