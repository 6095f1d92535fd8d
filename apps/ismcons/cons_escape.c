/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cons_modes.h"

#define ESC 0x1b

int
cons_escape_parse(const char *text, int *prefix)
{
	int c;

	if (strcmp(text, "none") == 0) {
		*prefix = -1;
		return 0;
	}
	if (text[0] == '^' && text[1] != '\0')
		text++;
	c = toupper((unsigned char)text[0]);
	if (c == '\0' || text[1] != '\0')
		return -EINVAL;
	if (strchr("]^_", c) == NULL && (c < 'A' || c > 'Z' || strchr("CDHIJMQSZ", c) != NULL))
		return -EINVAL;
	*prefix = c & 0x1f;
	return 0;
}

const char *
cons_escape_name(int prefix, char buf[CONS_ESCAPE_NAME_MAX])
{
	if (prefix < 0)
		snprintf(buf, CONS_ESCAPE_NAME_MAX, "none");
	else
		snprintf(buf, CONS_ESCAPE_NAME_MAX, "Ctrl-%c", prefix | 0x40);
	return buf;
}

static enum cons_escape_action
command(uint8_t c)
{
	switch (c) {
	case '.':
	case 'd':
		return CONS_ESCAPE_DISCONNECT;
	case 'b':
		return CONS_ESCAPE_BREAK;
	case 'r':
		return CONS_ESCAPE_RESIZE;
	case '?':
	case 'h':
		return CONS_ESCAPE_HELP;
	default:
		return CONS_ESCAPE_NONE;
	}
}

/* --- one key --- */

/* What comes of some bytes that were typed. */
struct sorted {
	uint8_t *out;
	size_t len;
	enum cons_escape_action action;
};

static void
pass(struct sorted *s, const uint8_t *bytes, size_t len)
{
	memcpy(s->out + s->len, bytes, len);
	s->len += len;
}

/* A character as it always was: one byte. */
static void
plain(struct cons_escape *e, struct sorted *s, uint8_t c)
{
	bool prefix = c == e->prefix;

	if (prefix != e->armed) {
		/* The prefix alone, or a command behind it. */
		e->armed = prefix;
		if (!prefix)
			s->action = command(c);
		return;
	}
	e->armed = false;
	pass(s, &c, 1);
}

static int
find_taken(const struct cons_escape *e, uint32_t code)
{
	for (int i = 0; i < CONS_ESCAPE_TAKEN; i++) {
		if (e->taken[i] == code)
			return i;
	}
	return -1;
}

static void
take(struct cons_escape *e, uint32_t code)
{
	if (find_taken(e, code) >= 0)
		return;
	memmove(e->taken + 1, e->taken, sizeof(e->taken) - sizeof(e->taken[0]));
	e->taken[0] = code;
}

static void
forget(struct cons_escape *e, uint32_t code)
{
	int i = find_taken(e, code);

	if (i >= 0)
		e->taken[i] = 0;
}

/*
 * @return whether the key is for us. A prefix that is typed twice goes to the console as it came
 * the second time.
 */
static bool
is_ours(struct cons_escape *e, struct sorted *s, const struct cons_key *key)
{
	bool taken = find_taken(e, key->code) >= 0;
	bool prefix = cons_key_is_control(key, e->prefix);

	if (key->event == CONS_KEY_RELEASE)
		return taken;
	/* Windows does not tell repetitions from presses; but releases are always told there. */
	if (taken && (key->event == CONS_KEY_REPEAT || (e->keys & CONS_KEYS_ENCODED) == 0))
		return true;
	if (key->event == CONS_KEY_REPEAT || prefix == e->armed) {
		e->armed = e->armed && key->event == CONS_KEY_REPEAT;
		return false;
	}
	e->armed = prefix;
	if (!prefix)
		s->action = command(cons_key_character(key));
	return true;
}

static void
key_typed(struct cons_escape *e, struct sorted *s, const struct cons_key *key)
{
	bool ours = !key->modifier && is_ours(e, s, key);

	if (!key->modifier && ours && key->event != CONS_KEY_RELEASE)
		take(e, key->code);
	else if (!key->modifier)
		forget(e, key->code);
	if (!ours)
		pass(s, e->held, e->held_len);
}

/* --- bytes --- */

/* The bytes that are held are characters. */
static void
give_up(struct cons_escape *e, struct sorted *s)
{
	uint8_t held[CONS_KEY_MAX];
	size_t len = e->held_len;

	memcpy(held, e->held, len);
	e->held_len = 0;
	for (size_t i = 0; i < len; i++)
		plain(e, s, held[i]);
}

/* One more byte of what may become a key. */
static void
held_more(struct cons_escape *e, struct sorted *s, uint8_t c)
{
	struct cons_key key;

	if (c == ESC && e->held_len > 0)
		give_up(e, s);
	e->held[e->held_len++] = c;
	switch (cons_key_parse(e->held, e->held_len, e->keys, &key)) {
	case CONS_KEY_MORE:
		return;
	case CONS_KEY_NONE:
		give_up(e, s);
		return;
	case CONS_KEY_REPORT: /* it may come between the prefix and the command */
		pass(s, e->held, e->held_len);
		break;
	case CONS_KEY_IS:
		key_typed(e, s, &key);
		break;
	}
	e->held_len = 0;
}

size_t
cons_escape_feed(struct cons_escape *e, const uint8_t *in, size_t len, uint8_t *out,
		 size_t *out_len, enum cons_escape_action *action)
{
	struct sorted s = { .out = out };
	size_t i = 0;

	/* Without a protocol, or a prefix, sequences are nobody's business. */
	if (e->keys == 0 || e->prefix < 0) {
		memset(e->taken, 0, sizeof(e->taken));
		give_up(e, &s);
	}
	while (i < len && s.action == CONS_ESCAPE_NONE) {
		uint8_t c = in[i++];

		if (e->held_len > 0 || (c == ESC && e->keys != 0 && e->prefix >= 0))
			held_more(e, &s, c);
		else
			plain(e, &s, c);
	}
	*out_len = s.len;
	*action = s.action;
	return i;
}

unsigned int
cons_escape_wait_ms(const struct cons_escape *e)
{
	/* ESC, or ESC [, is a key of a person; what is longer only a terminal types. */
	return e->held_len == 0 ? 0 : e->held_len <= 2 ? 50 : 500;
}

size_t
cons_escape_flush(struct cons_escape *e, uint8_t *out)
{
	struct sorted s = { .out = out };

	give_up(e, &s);
	return s.len;
}
