/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What output has switched on in a terminal, so that it can be undone when its writer goes, and
 * done again when he comes back: the other screen, keyboard protocols, character sets, the mouse,
 * modes, margins, attributes, colours.
 *
 * Reads the control sequences of ECMA-48, of DEC's terminals, of xterm and its successors, as far
 * as it takes to find these, however they are cut into pieces. Pure.
 */
#ifndef CONS_MODES_H
#define CONS_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONS_MODES_PARAMS 16 /* numbers of one sequence; xterm has no longer ones that matter */
#define CONS_MODES_VALUE 24 /* bytes of a value that is kept, NUL included */
#define CONS_MODES_VALUES 16
#define CONS_MODES_ATTRIBUTES 14
#define CONS_MODES_STACK 16 /* flags of the kitty keyboard that are kept */
#define CONS_MODES_KEYS 8 /* resources of CSI > m */
#define CONS_MODES_PALETTE 32 /* colours that are done again; all are undone */
#define CONS_MODES_STRING 200

/* Empty: as at first. "?": not so, and it is not known how; it is undone, and not done again. */
struct cons_modes_value {
	char text[CONS_MODES_VALUE];
};

/* The kitty keyboard's stack; each screen has one. */
struct cons_modes_keyboard {
	uint8_t first; /* flags below the stack */
	uint8_t depth; /* how many were pushed */
	uint8_t flags[CONS_MODES_STACK]; /* of the newest ones, oldest first */
};

struct cons_modes {
	bool eight_bits; /* set by the owner: the terminal does not take UTF-8 */

	/* What is not as a terminal has it at first. */
	uint64_t private_modes, saved_modes; /* CSI ? h, l, s and r: bits, by place in the table */
	uint32_t ansi_modes; /* CSI h and l: the same */
	struct cons_modes_keyboard keyboard[2]; /* of the main screen, of the other one */
	struct cons_modes_value keys[CONS_MODES_KEYS]; /* CSI > m: how much is told of keys */
	struct cons_modes_value values[CONS_MODES_VALUES]; /* of one kind of sequence each */
	struct cons_modes_value attribute[CONS_MODES_ATTRIBUTES]; /* CSI m */
	struct cons_modes_value charset[4]; /* G0 to G3: what follows ESC */
	uint8_t left, right; /* 1 to 4: which of them is in use; 0: as at first */
	bool keypad; /* ESC = */
	bool wide_controls; /* ESC SP G: answers and keys come with controls of eight bits */
	bool guarded; /* ESC V */
	bool attributes; /* CSI m, and not known which */
	bool tabs; /* stops were set or cleared */
	bool other_charset; /* ESC %: UTF-8 or the other way round */
	bool held_back; /* DCS = 1 s: output is held back */
	uint8_t titles, attribute_sets, colour_sets; /* that were pushed */
	/* Colours. */
	struct cons_modes_value dynamic[10]; /* OSC 10 to 19 */
	struct cons_modes_value palette[CONS_MODES_PALETTE]; /* "number;colour" */
	bool palette_more; /* there was no room for others */
	bool special, linux_palette; /* OSC 5; OSC P */
	/* Other strings. */
	char link[CONS_MODES_STRING]; /* OSC 8: what follows */
	struct cons_modes_value pointer, progress; /* OSC 22; OSC 9;4 */

	/* The sequence that is being read. */
	uint8_t state; /* 0: none */
	bool lead; /* 0xc2 was the last byte */
	uint8_t prefix, between; /* the byte before, and the one behind the numbers; 0: none */
	uint8_t count;
	uint16_t colons; /* bits: the number stands behind a colon */
	uint16_t param[CONS_MODES_PARAMS];
	uint8_t string; /* the kind of a string: the byte behind ESC */
	uint8_t text_len; /* of `text`; as long as it is: too long */
	char text[CONS_MODES_STRING]; /* numbers, a string, what follows ESC */
};

/* Output was shown. An object of zeros is a terminal as it is at first. */
void cons_modes_feed(struct cons_modes *m, const uint8_t *data, size_t len);

#define CONS_MODES_TEXT_MAX 4096
/*
 * What a terminal must be sent to be as it was at first, a sequence that is not complete included.
 * @return bytes in `text`, which has no NUL; 0: nothing need be sent.
 */
size_t cons_modes_undo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX]);
/*
 * What makes such a terminal one that fits the output again, but for tab stops, titles, and colours
 * beyond CONS_MODES_PALETTE. @return as cons_modes_undo().
 */
size_t cons_modes_redo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX]);

/* How the terminal tells keys now. */
enum cons_modes_keys {
	CONS_KEYS_PLAIN = 0, /* as ever */
	CONS_KEYS_ENCODED = 1, /* kitty's flags are set, or modifyOtherKeys */
	CONS_KEYS_WIN32 = 2, /* mode 9001 */
};
/* @return bits of enum cons_modes_keys. */
unsigned int cons_modes_keys(const struct cons_modes *m);

#endif
