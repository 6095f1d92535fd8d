/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: the line that is being typed into a terminal, as the terminal has it.
 *
 * In canonical mode a terminal of Linux holds 4095 bytes of a line that has not ended. More of them
 * it drops in silence, though write() takes them. So bytes are counted here before they are typed:
 * what a terminal with these settings makes of them (erase characters, signals, CR and NL) is done
 * with a copy of the line.
 *
 *	0            known                len
 *	|-- the line --|-- typed since ----|      at most CONS_LINE_MAX and one that ends or erases
 *
 * What was typed since is looked at with the settings of the next look: most lines are short, and
 * need none. No memory, no system call. The control thread's.
 */
#ifndef CONS_LINE_H
#define CONS_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#define CONS_LINE_MAX 4095

/* All zero: an empty line. */
struct cons_line {
	uint32_t known, len;
	bool literal; /* the next byte stands for itself */
	uint8_t bytes[CONS_LINE_MAX + 1];
};

/* How many bytes may be typed whatever the settings are. */
uint32_t cons_line_free(const struct cons_line *line);
/*
 * How many of these bytes may be typed into a terminal with these settings. It takes at least one
 * if the line is not full or if the first one ends the line, erases or signals.
 * @param tio  in canonical mode.
 * @param len  at least 1.
 * @return 1 .. len; 0: the line is full.
 */
uint32_t cons_line_room(struct cons_line *line, const struct termios *tio, const uint8_t *bytes,
			uint32_t len);
/* They were typed: at most as many as one of the two above has said last. */
void cons_line_typed(struct cons_line *line, const uint8_t *bytes, uint32_t len);
/* The line has ended, or nothing of it waits in the terminal: it was raw. */
void cons_line_reset(struct cons_line *line);

#endif
