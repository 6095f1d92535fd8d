/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A filter for output that was said before anybody of us was there.
 *
 * A terminal answers some sequences by typing, and acts on others: a report of the cursor, a title
 * that is asked for, the clipboard, a window's size, a printer. The program that asked may have
 * ended long ago, and the answer would be typed into whatever reads now. So history goes through
 * here before it is shown, and live output does not. What is left out is listed in the tables of
 * cons_history.c; text, colours, modes and all that draws pass.
 *
 * The filter never lets a terminal see a part of a sequence: it holds one back until it is
 * complete (at most CONS_HISTORY_HELD bytes, longer ones are left out), or, of titles, links and
 * pictures, passes the bytes as they come and ends the string when another sequence breaks it off.
 *
 * Modes that make a terminal tell something as soon as they are set (focus, its size, its colours)
 * are kept back; those that are still set at the end of the history are set then, once.
 *
 *	start() --> feed(history) ... --> end() --> feed(live) until the sequence that stands on the
 *	                                           border is complete: then all passes untouched
 *
 * Pure; one object is one terminal.
 */
#ifndef CONS_HISTORY_H
#define CONS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONS_HISTORY_HELD 512
#define CONS_HISTORY_LATE 4 /* modes that are set at the end, or not at all */

struct cons_history {
	bool on; /* between start() and the end of the sequence on the border */
	bool ending; /* end() was called */
	bool utf8; /* bytes above 0x7f are text, but for controls that UTF-8 encodes */
	uint8_t state; /* private */
	uint8_t string; /* private: which kind the string is of */
	uint8_t need; /* private: bytes that the UTF-8 character still has */
	bool lead; /* private: 0xc2 was the last byte: a control may follow */
	bool string_escape; /* private: ESC was the last byte of a string */
	uint8_t late; /* private: a bit for each of those modes that is set */
	uint16_t held_len;
	uint8_t held[CONS_HISTORY_HELD];
};

/* From now on what is fed is history. @param utf8  the terminal takes UTF-8. */
void cons_history_start(struct cons_history *h, bool utf8);
/*
 * @param out  gets what may be shown: room for CONS_HISTORY_OUT(len) bytes. It may lag behind by
 *             one sequence.
 * @return bytes in `out`. All of `in` was used. An object of zeros, or one whose border has been
 *         passed, copies.
 */
size_t cons_history_feed(struct cons_history *h, const uint8_t *in, size_t len, uint8_t *out);
#define CONS_HISTORY_OUT(len) (2 * (len) + CONS_HISTORY_HELD + 64)
/* No more history: what comes next is live. @return bytes in `out`, of room CONS_HISTORY_OUT(0). */
size_t cons_history_end(struct cons_history *h, uint8_t *out);

#endif
