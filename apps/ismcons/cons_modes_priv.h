/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the reader of modes.
 *
 *	cons_modes.c         reading: where sequences begin and end, and what they set
 *	cons_modes_string.c  reading: operating system commands
 *	cons_modes_attr.c    reading: attributes of characters
 *	cons_modes_text.c    writing: what undoes it, what does it again
 */
#ifndef CONS_MODES_PRIV_H
#define CONS_MODES_PRIV_H

#include "cons_modes.h"

struct cons_mode {
	uint16_t number;
	bool on; /* at first */
};

/* Private modes, in the order in which they are undone: the screen at last. */
extern const struct cons_mode cons_private_modes[];
extern const unsigned int cons_private_count;
extern const struct cons_mode cons_ansi_modes[];
extern const unsigned int cons_ansi_count;

/* Of one kind of sequence the last one counts: its numbers. */
struct cons_mode_value {
	uint8_t prefix, between, last;
	uint16_t first; /* as at first, besides no number and zeros */
	const char *undo;
	const char *before, *behind; /* what stands around it when it is done again */
};
extern const struct cons_mode_value cons_mode_values[CONS_MODES_VALUES];
#define CONS_VALUE_LEVEL 0 /* sets others back: the first to be undone, and done again */
#define CONS_VALUE_MARGINS 1 /* sends the cursor home: the last one */

/* @return whether the private mode of that number is not as at first. */
bool cons_modes_is_set(const struct cons_modes *m, uint16_t number);
/* Is the other screen shown? */
bool cons_modes_other_screen(const struct cons_modes *m);
void cons_modes_value_set(struct cons_modes_value *v, const char *text, size_t len);

/* CSI m was read. */
void cons_modes_attributes(struct cons_modes *m);
/* A string has ended. */
void cons_modes_string(struct cons_modes *m);

#endif
