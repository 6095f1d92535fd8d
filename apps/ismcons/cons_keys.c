/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_keys.h"

#include <ctype.h>
#include <string.h>

#include <rte_common.h>

#include "cons_modes.h"

#define ESC 0x1b
#define CODE_MAX 0x10ffffu
/* Keys without a character get numbers of their own above Unicode's, by the end of a sequence. */
#define FUNCTION(last) ((uint32_t)(last) << 24)
/* Of kitty's private numbers. */
#define LOCKS_FIRST 57358
#define LOCKS_LAST 57360
#define MODIFIERS_FIRST 57441
#define MODIFIERS_LAST 57454
#define KEYPAD_DECIMAL 57409
#define KEYPAD_SEPARATOR 57416
/* Of Windows. */
#define WIN_ALT 0x03
#define WIN_CTRL 0x0c
#define WIN_SHIFT 0x10

#define FIELDS 6
#define SUBS 3

/* Numbers of a sequence: fields that semicolons part, parts of them that colons do. */
struct fields {
	uint32_t value[FIELDS][SUBS];
	unsigned int count;
	bool texts; /* more than one character is typed */
};

/* @return false: other than digits, semicolons and colons, or more than anybody sends. */
static bool
read_fields(const uint8_t *at, const uint8_t *end, struct fields *f)
{
	unsigned int field = 0, sub = 0;

	memset(f, 0, sizeof(*f));
	for (; at < end; at++) {
		if (*at == ';') {
			field++;
			sub = 0;
		} else if (*at == ':') {
			sub++;
			f->texts = f->texts || field == 2;
		} else if (*at >= '0' && *at <= '9' && field < FIELDS && sub < SUBS) {
			f->value[field][sub] = RTE_MIN(f->value[field][sub] * 10 + (*at - '0'),
						       CODE_MAX);
		} else if (*at < '0' || *at > '9') {
			return false;
		}
		if (field >= FIELDS)
			return false;
	}
	f->count = field + 1;
	return true;
}

static void
set_modifiers(struct cons_key *key, const struct fields *f)
{
	uint32_t modifiers = f->value[1][0];
	uint32_t event = f->value[1][1];

	key->modifiers = (modifiers > 0 ? modifiers - 1 : 0) & ~CONS_KEY_LOCKS;
	key->event = event == CONS_KEY_REPEAT || event == CONS_KEY_RELEASE
			     ? (enum cons_key_event)event
			     : CONS_KEY_PRESS;
}

static void
unicode_key(struct cons_key *key, const struct fields *f)
{
	set_modifiers(key, f);
	key->code = f->value[0][0];
	key->shifted = f->value[0][1];
	key->base = f->value[0][2];
	key->text = f->texts ? 0 : f->value[2][0];
	key->modifier = (key->code >= MODIFIERS_FIRST && key->code <= MODIFIERS_LAST) ||
			(key->code >= LOCKS_FIRST && key->code <= LOCKS_LAST);
}

static void
other_key(struct cons_key *key, const struct fields *f)
{
	set_modifiers(key, f);
	key->event = CONS_KEY_PRESS;
	key->code = f->value[2][0];
}

static void
function_key(struct cons_key *key, const struct fields *f, uint8_t last)
{
	set_modifiers(key, f);
	key->code = FUNCTION(last) | f->value[0][0];
}

static bool
is_windows_modifier(uint32_t key)
{
	static const uint8_t modifiers[] = { 0x10, 0x11, 0x12, 0x14, 0x5b, 0x5c, 0x90,
					     0x91, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5 };

	return key != 0 && key < 0x100 && memchr(modifiers, (int)key, sizeof(modifiers)) != NULL;
}

/* The character tells what is typed, whatever was held for it. */
static void
windows_key(struct cons_key *key, const struct fields *f)
{
	uint32_t state = f->value[4][0];

	key->code = FUNCTION('_') | f->value[0][0];
	key->text = f->value[2][0];
	key->event = f->value[3][0] != 0 ? CONS_KEY_PRESS : CONS_KEY_RELEASE;
	key->modifier = is_windows_modifier(f->value[0][0]);
	/* Both together are the third level of a keyboard. */
	if ((state & WIN_ALT) != 0 && (state & WIN_CTRL) == 0)
		key->modifiers |= CONS_KEY_ALT;
	if ((state & WIN_CTRL) != 0)
		key->modifiers |= CONS_KEY_CTRL;
	if ((state & WIN_SHIFT) != 0)
		key->modifiers |= CONS_KEY_SHIFT;
}

static enum cons_key_kind
complete(const uint8_t *numbers, const uint8_t *end, unsigned int keys, struct cons_key *key)
{
	struct fields f;
	uint8_t last = *end;

	memset(key, 0, sizeof(*key));
	if (!read_fields(numbers, end, &f))
		return CONS_KEY_REPORT;
	if (last == '_' && (keys & CONS_KEYS_WIN32) != 0) {
		windows_key(key, &f);
		return CONS_KEY_IS;
	}
	if ((keys & CONS_KEYS_ENCODED) == 0)
		return CONS_KEY_REPORT;
	if (last == 'u' && f.value[0][0] != 0)
		unicode_key(key, &f);
	else if (last == '~' && f.value[0][0] == 27 && f.count == 3)
		other_key(key, &f);
	else if ((last == '~' && f.value[0][0] < 200) || strchr("ABCDEFHPQSZ", last) != NULL)
		function_key(key, &f, last);
	else
		return CONS_KEY_REPORT;
	return CONS_KEY_IS;
}

enum cons_key_kind
cons_key_parse(const uint8_t *seq, size_t len, unsigned int keys, struct cons_key *key)
{
	if (len >= 2 && seq[1] != '[')
		return CONS_KEY_NONE;
	for (size_t i = 2; i < len; i++) {
		if (seq[i] < 0x20 || seq[i] > 0x7e)
			return CONS_KEY_NONE;
		if (seq[i] >= 0x40)
			return complete(seq + 2, seq + i, keys, key);
	}
	return len < CONS_KEY_MAX ? CONS_KEY_MORE : CONS_KEY_NONE;
}

/* --- what is typed --- */

/* With Shift, where it is not told: as on the keyboards of most. */
static uint32_t
with_shift(uint32_t c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 'A';
	switch (c) {
	case '-':
		return '_';
	case '6':
		return '^';
	case '/':
		return '?';
	case '.':
		return '>';
	default:
		return c;
	}
}

/* The character of the key, by its place on a Latin keyboard if it has none of ASCII. */
static uint32_t
character(const struct cons_key *key)
{
	bool shift = (key->modifiers & CONS_KEY_SHIFT) != 0;
	bool latin = key->code < 0x80 || key->base == 0;

	if (key->text != 0)
		return key->text;
	if (shift && latin && key->shifted != 0)
		return key->shifted;
	return shift ? with_shift(latin ? key->code : key->base) : latin ? key->code : key->base;
}

bool
cons_key_is_control(const struct cons_key *key, int c)
{
	uint32_t typed = character(key);

	if ((key->modifiers & (CONS_KEY_ALT | CONS_KEY_OTHERS)) != 0 || key->modifier)
		return false;
	if (typed == (uint32_t)c)
		return true;
	if ((key->modifiers & CONS_KEY_CTRL) == 0 || typed >= 0x80)
		return false;
	return toupper((int)typed) == (c | 0x40);
}

uint8_t
cons_key_character(const struct cons_key *key)
{
	uint32_t typed = key->code == KEYPAD_DECIMAL || key->code == KEYPAD_SEPARATOR
				 ? '.'
				 : character(key);

	if ((key->modifiers & (CONS_KEY_ALT | CONS_KEY_OTHERS)) != 0 || typed >= 0x80)
		return 0;
	/* Who still holds Ctrl types the same punctuation, but another letter. */
	if ((key->modifiers & CONS_KEY_CTRL) != 0 && isalpha((int)typed))
		return 0;
	return (uint8_t)typed;
}
