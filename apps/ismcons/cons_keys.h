/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys as terminals tell them with a keyboard protocol: the kitty keyboard (CSI code:shifted:base ;
 * modifiers:event ; text u), xterm's modifyOtherKeys (CSI 27 ; modifiers ; code ~, or as kitty's),
 * and that of Windows (CSI Vk ; Sc ; Uc ; Kd ; Cs ; Rc _). Pure.
 */
#ifndef CONS_KEYS_H
#define CONS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONS_KEY_MAX 64 /* bytes of a sequence that may be a key */

/* Bits of the modifiers, as kitty and xterm count them. */
#define CONS_KEY_SHIFT (1u << 0)
#define CONS_KEY_ALT (1u << 1)
#define CONS_KEY_CTRL (1u << 2)
#define CONS_KEY_OTHERS (1u << 3 | 1u << 4 | 1u << 5) /* Super, Hyper, Meta */
#define CONS_KEY_LOCKS (1u << 6 | 1u << 7) /* Caps, Num */

enum cons_key_event {
	CONS_KEY_PRESS = 1,
	CONS_KEY_REPEAT,
	CONS_KEY_RELEASE,
};

struct cons_key {
	uint32_t code; /* tells the key: its character without Shift, or a number above Unicode's */
	uint32_t shifted, base; /* the same with Shift; on a Latin keyboard; 0: not told */
	uint32_t text; /* the one character that it types; 0: not told */
	uint32_t modifiers; /* without locks */
	enum cons_key_event event;
	bool modifier; /* Shift, Ctrl ... itself */
};

enum cons_key_kind {
	CONS_KEY_MORE, /* it may become one */
	CONS_KEY_NONE, /* it is no control sequence, or too long for one */
	CONS_KEY_REPORT, /* it is one, and no key: an answer, the mouse, a paste */
	CONS_KEY_IS, /* *key tells which */
};
/*
 * @param seq  begins with ESC. @param len  at least 1.
 * @param keys  enum cons_modes_keys: how keys are told.
 */
enum cons_key_kind cons_key_parse(const uint8_t *seq, size_t len, unsigned int keys,
				  struct cons_key *key);
/* Is it the one that types this control character (1 to 0x1f)? */
bool cons_key_is_control(const struct cons_key *key, int c);
/* @return the character that it types, as far as it is one of ASCII; 0: none. */
uint8_t cons_key_character(const struct cons_key *key);

#endif
