/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * History, as bytes, cut into pieces: what comes out is given to a terminal that is written here
 * once more, and nothing of it may be a question. Behind the border all must pass untouched.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cons_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* --- a terminal: of DEC's state machine as much as it takes to see what it would answer --- */

struct terminal {
	enum {
		GROUND,
		ESCAPE,
		CONTROL,
		OPERATING,
		DEVICE,
		OTHER
	} state;
	bool utf8;
	char text[600]; /* of a sequence: its begin, NUL-terminated */
	size_t len; /* and its length */
	bool asks; /* '?' in a string */
	unsigned int need; /* bytes that a character of UTF-8 has still */
	uint8_t lead;
};

static void
begin(struct terminal *t, int state)
{
	t->state = state;
	t->len = 0;
	t->asks = false;
	memset(t->text, 0, sizeof(t->text));
}

static void
string_ends(struct terminal *t)
{
	long number = strtol(t->text, NULL, 10);

	if (t->state == OPERATING && t->text[0] >= '0' && t->text[0] <= '9') {
		CHECK(number != 52 && number != 3 && number != 50);
		CHECK(!t->asks || number < 4 || (number > 5 && number < 10) ||
		      (number > 19 && number != 21 && number != 22));
	}
	if (t->state == DEVICE)
		CHECK(t->text[strspn(t->text, "0123456789;")] == 'q' || t->len == 0 ||
		      t->text[strspn(t->text, "0123456789;")] == '\0');
}

static void
control_ends(const struct terminal *t, uint8_t last)
{
	bool private = t->text[0] >= '<' && t->text[0] <= '?';
	bool plain = strpbrk(t->text, " !\"#$%&'()*+,-./") == NULL;

	CHECK(last != 'c' || !plain);
	CHECK(last != 'n' || !plain || t->text[0] == '>');
	CHECK((last != 'x' && last != 'y') || !plain || private);
	CHECK(last != 'u' || !plain || t->text[0] != '?');
	CHECK(last != 'q' || !plain || t->text[0] != '>');
	CHECK(last != 'p' || strchr(t->text, '$') == NULL);
	CHECK(last != 'y' || strchr(t->text, '*') == NULL);
	CHECK(last != 't' || !plain || atoi(t->text) == 22 || atoi(t->text) == 23);
	CHECK(last != 'i' || !plain);
}

static void control_byte(struct terminal *t, uint8_t c);

static void
escape_byte(struct terminal *t, uint8_t c)
{
	if (c < 0x30) {
		t->len++;
		return;
	}
	if (t->len > 0) {
		t->state = GROUND;
		return;
	}
	control_byte(t, (uint8_t)(c < 0x60 ? c + 0x40 : 0));
}

/* A control of eight bits, or ESC and the byte that stands for it. */
static void
control_byte(struct terminal *t, uint8_t c)
{
	CHECK(c != 0x9a);
	if (t->state >= OPERATING)
		string_ends(t);
	switch (c) {
	case 0x90:
		begin(t, DEVICE);
		break;
	case 0x9b:
		begin(t, CONTROL);
		break;
	case 0x9d:
		begin(t, OPERATING);
		break;
	case 0x98:
	case 0x9e:
	case 0x9f:
		begin(t, OTHER);
		break;
	default:
		begin(t, GROUND);
		break;
	}
}

static void
seven_bits(struct terminal *t, uint8_t c)
{
	if (t->state == ESCAPE) {
		escape_byte(t, c);
		return;
	}
	if (t->state == GROUND)
		return;
	if (t->state == CONTROL && c >= 0x40) {
		control_ends(t, c);
		begin(t, GROUND);
		return;
	}
	if (t->len < sizeof(t->text) - 1)
		t->text[t->len] = (char)c;
	t->len++;
	t->asks = t->asks || c == '?';
}

static bool
character(struct terminal *t, uint8_t c)
{
	bool more = (c & 0xc0) == 0x80;

	if (t->need > 0 && more) {
		t->need--;
		if (t->lead == 0xc2 && c < 0xa0)
			control_byte(t, c);
		t->lead = 0;
		return true;
	}
	t->need = c >= 0xf0 && c < 0xf5	  ? 3
		  : c >= 0xe0 && c < 0xf0 ? 2
		  : c >= 0xc2 && c < 0xe0 ? 1
					  : 0;
	t->lead = c;
	return t->need > 0;
}

static void
terminal_byte(struct terminal *t, uint8_t c)
{
	CHECK(c != 0x05);
	if (t->utf8 && character(t, c))
		return;
	if (c == 0x1b) {
		if (t->state >= OPERATING)
			string_ends(t);
		begin(t, ESCAPE);
	} else if (c == 0x18 || c == 0x1a) {
		begin(t, GROUND);
	} else if (c == 0x07 && t->state == OPERATING) {
		string_ends(t);
		begin(t, GROUND);
	} else if (c >= 0x80 && c < 0xa0 && !t->utf8) {
		control_byte(t, c);
	} else if (c >= 0x20 && c < 0x7f) {
		seven_bits(t, c);
	}
}

/* --- */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t live[] = "\n\033\\\030live \033[6n\005\033Z";
	uint8_t out[CONS_HISTORY_OUT(256)];
	struct cons_history h = { 0 };
	struct terminal t = { 0 };
	size_t n;

	if (size < 2)
		return 0;
	t.utf8 = data[0] & 1;
	cons_history_start(&h, t.utf8);
	/* Who begins in the midst of a character has no terminal that knows. */
	for (size_t at = 1, part; at < size; at += part) {
		part = 1 + (size_t)(data[0] >> 1) + (at & 3);
		part = part < size - at ? part : size - at;
		n = cons_history_feed(&h, data + at, part, out);
		CHECK(n <= CONS_HISTORY_OUT(part));
		/* A switch of character sets is nothing that this terminal knows. */
		if (memmem(data, size, "%", 1) != NULL)
			continue;
		for (size_t i = 0; i < n; i++)
			terminal_byte(&t, out[i]);
	}
	CHECK(cons_history_end(&h, out) <= CONS_HISTORY_OUT(0));
	n = cons_history_feed(&h, live, sizeof(live) - 1, out);
	CHECK(!h.on && n >= sizeof(live) - 6);
	CHECK(memcmp(out + n - 13, live + sizeof(live) - 14, 13) == 0);
	return 0;
}
