/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control sequences as ECMA-48, DEC's terminals, xterm and its successors know them. A terminal
 * does other controls at once wherever they stand in a sequence; CAN and SUB break it off, ESC
 * begins another one. We do the same, so that both agree where a sequence ends.
 */
#include "cons_history.h"

#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#define ENQ 0x05
#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define ESC 0x1b
#define DEL 0x7f
/* The controls above 0x7f; each is ESC and the same byte less 0x40, too. */
#define C1(c) ((c) + 0x40)
#define ST C1('\\')

/* struct cons_history.state */
enum {
	GROUND,
	ESCAPE, /* behind ESC and what stands between it and the last byte: held */
	CONTROL, /* behind CSI: held */
	CONTROL_LONG, /* the same, more than can be held */
	STRING_HEAD, /* a string, held until it is known of which kind it is */
	STRING_HELD, /* held until it is complete: it is let out unless it asks */
	STRING_PASS, /* let out as it comes */
	STRING_DROP,
};

/* --- what is left out --- */

#define ANY 0xff /* whatever stands there, or nothing */

/*
 * Control sequences that are answered, or that make the terminal print, move its window or send its
 * answers elsewhere: the byte before the numbers, the one behind them, the last one.
 */
static const struct {
	uint8_t prefix, between, last;
} left_out[] = {
	{ ANY, 0, 'c' }, /* DA: what are you? */
	{ 0, 0, 'n' }, /* DSR, CPR: are you well, where is the cursor? */
	{ '?', 0, 'n' }, /* DSR: the page, the printer, the keyboard, light or dark */
	{ '=', 0, 'n' },    { '<', 0, 'n' }, { ANY, '$', 'p' }, /* DECRQM: is this mode set? */
	{ ANY, '$', 'u' }, /* DECRQTSR: your state */
	{ ANY, '&', 'u' }, /* DECRQUPSS: your character set */
	{ ANY, '$', 'w' }, /* DECRQPSR: your cursor, your tabs */
	{ ANY, ',', 'w' }, /* DECRQKT: your keys */
	{ ANY, '"', 'v' }, /* DECRQDE: what of the page is shown? */
	{ ANY, '*', 'y' }, /* DECRQCRA: the sum of what is shown */
	{ ANY, '+', 'x' }, /* DECRQPKFM: memory for keys */
	{ ANY, '+', 'p' }, /* SR: a reset that is confirmed */
	{ ANY, '\'', '|' }, /* DECRQLP: where is the mouse? */
	{ 0, 0, 'x' }, /* DECREQTPARM: your line */
	{ 0, 0, 'y' }, /* DECTST: test yourself */
	{ '>', 0, 'q' }, /* XTVERSION */
	{ '>', ' ', 'q' }, /* more cursors: which can you do? */
	{ '?', 0, 'u' }, /* which of the kitty keyboard's flags are set? */
	{ '?', 0, 'm' }, /* XTQMODKEYS */
	{ '?', 0, 'g' }, /* XTQFMTKEYS */
	{ '?', 0, 'S' }, /* XTSMGRAPHICS */
	{ ANY, '#', '|' }, /* XTREPORTSGR */
	{ ANY, '#', 'R' }, /* XTREPORTCOLORS */
	{ ANY, '#', 'S' }, /* XTTITLEPOS */
	{ ANY, 0, 'i' }, /* MC: print, or send all that follows to the printer */
	{ ANY, '*', '|' }, /* DECSNLS, */
	{ ANY, '$', '|' }, /* DECSCPP: change the window's size */
	{ ANY, 0, ']' }, /* Linux: its sound, its screen saver, which screen is shown */
};

/* What XTWINOPS may do: keep the title and give it back. All else moves, sizes or reports. */
static bool
window_passes(const char *numbers)
{
	return numbers[0] == '2' && (numbers[1] == '2' || numbers[1] == '3') &&
	       (numbers[2] == ';' || numbers[2] == 't');
}

/* Strings that a number tells apart. Those that are not here are left out. */
static const struct {
	uint16_t first, last;
	bool asks; /* with '?' for a value it is a question */
} operating[] = {
	{ 0, 2, false }, /* titles */
	{ 4, 5, true }, /* the palette */
	{ 7, 8, false }, /* folder, link */
	{ 10, 19, true }, /* colours */
	{ 21, 22, true }, /* colours, shape of the pointer */
	{ 66, 66, false }, /* text in other sizes */
	{ 104, 106, false }, /* colours as at first */
	{ 110, 119, false }, { 133, 133, false }, /* where a prompt is */
};

/*
 * Modes that a terminal answers when they are set, as far as it knows them: focus, light or dark,
 * the window's size. The last one starts a Tektronix terminal, and is never set.
 */
static const uint16_t late_modes[CONS_HISTORY_LATE] = { 1004, 2031, 2048, 38 };
#define NEVER UINT16_C(38)

/* --- out --- */

struct out {
	uint8_t *at;
	size_t len;
};

static void
put(struct out *o, uint8_t c)
{
	o->at[o->len++] = c;
}

static void
put_held(struct cons_history *h, struct out *o)
{
	memcpy(o->at + o->len, h->held, h->held_len);
	o->len += h->held_len;
	h->held_len = 0;
}

static void
put_text(struct out *o, const char *text)
{
	size_t len = strlen(text);

	memcpy(o->at + o->len, text, len);
	o->len += len;
}

/* @return false: there is no room. */
static bool
hold(struct cons_history *h, uint8_t c)
{
	if (h->held_len == CONS_HISTORY_HELD - 1)
		return false;
	h->held[h->held_len++] = c;
	return true;
}

static void
drop(struct cons_history *h)
{
	h->held_len = 0;
	h->state = GROUND;
}

static void
pass(struct cons_history *h, struct out *o)
{
	put_held(h, o);
	h->state = GROUND;
}

/* --- control sequences --- */

/* Where the numbers stand in what is held: behind "ESC [", or a control in one byte or in two. */
static const char *
numbers(struct cons_history *h)
{
	bool one = h->held[0] >= 0x80 && h->held[0] < 0xa0;

	h->held[h->held_len] = '\0';
	return (char *)h->held + (one ? 1 : 2);
}

static bool
is_left_out(uint8_t prefix, uint8_t between, uint8_t last)
{
	for (size_t i = 0; i < RTE_DIM(left_out); i++) {
		if ((left_out[i].prefix == ANY || left_out[i].prefix == prefix) &&
		    left_out[i].between == between && left_out[i].last == last)
			return true;
	}
	return false;
}

static int
late_mode(unsigned long number)
{
	for (int i = 0; i < CONS_HISTORY_LATE; i++) {
		if (late_modes[i] == number)
			return i;
	}
	return -1;
}

static bool
has_late_mode(const char *text)
{
	unsigned long number = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9') {
			number = number < 100000 ? number * 10 + (unsigned long)(*text - '0')
						 : number;
			continue;
		}
		if (late_mode(number) >= 0)
			return true;
		if (*text == '\0')
			return false;
		number = 0;
	}
}

/*
 * CSI ? ... h, l, s or r with one of those modes among the numbers: note it, and let out the
 * others. Who ends such a mode is not answered: who lost his connection may have it on.
 */
static void
set_late(struct cons_history *h, struct out *o, uint8_t last)
{
	const char *text = numbers(h) + 1;
	bool first = true;
	char number[8];

	while (*text != '\0' && *text != (char)last) {
		size_t len = strcspn(text, ";:hlsr");
		unsigned int value = 0;
		int late;

		for (size_t i = 0; i < len && value < 100000; i++)
			value = value * 10 + (unsigned int)(text[i] - '0');
		late = late_mode(value);
		if (late >= 0 && last == 'l')
			h->late &= (uint8_t) ~(1u << late);
		if ((late < 0 || last == 'l') && value < 100000) {
			snprintf(number, sizeof(number), "%u", value);
			put_text(o, first ? "\033[?" : ";");
			number[len != 0 ? sizeof(number) - 1 : 0] = '\0';
			put_text(o, number);
			first = false;
		} else if (late >= 0 && last == 'h') {
			h->late |= (uint8_t)(1u << late);
		}
		text += len;
		text += *text == ';' || *text == ':';
	}
	if (!first)
		put(o, last);
	drop(h);
}

static void
control_ends(struct cons_history *h, struct out *o)
{
	const char *text = numbers(h);
	uint8_t last = h->held[h->held_len - 1];
	uint8_t prefix = *text >= '<' && *text <= '?' ? (uint8_t)*text : 0;
	size_t len = strcspn(text, " !\"#$%&'()*+,-./");
	uint8_t between = text[len] != '\0' ? (uint8_t)text[len] : 0;

	/* Two bytes between, or one like a prefix in another place: no terminal has such a one. */
	if (is_left_out(prefix, between, last) || (between != 0 && text[len + 1] != (char)last) ||
	    strpbrk(text + (prefix != 0), "<=>?") != NULL ||
	    (between == 0 && last == 't' && (prefix != 0 || !window_passes(text))))
		drop(h);
	else if (prefix == '?' && between == 0 && strchr("hlsr", last) != NULL &&
		 has_late_mode(text + 1))
		set_late(h, o, last);
	else
		pass(h, o);
}

static void
in_control(struct cons_history *h, struct out *o, uint8_t c)
{
	if (h->state == CONTROL && !hold(h, c)) {
		h->held_len = 0;
		h->state = CONTROL_LONG;
	}
	if (c < 0x40)
		return;
	if (h->state == CONTROL)
		control_ends(h, o);
	else
		drop(h);
}

/* --- strings --- */

/* What is held of a string tells: is it known of which kind it is? */
static uint8_t
operating_state(const char *text)
{
	unsigned int number = 0;
	size_t len = strspn(text, "0123456789");

	/* Linux: the palette as at first, or a colour of it: there is no end to look for. */
	if (text[0] == 'R' || (text[0] == 'P' && strlen(text) == 8))
		return GROUND;
	if (text[0] == 'P' && strspn(text + 1, "0123456789abcdefABCDEF") == strlen(text + 1))
		return STRING_HEAD;
	if (text[len] == '\0' && len < 6)
		return STRING_HEAD;
	if (len == 0 || len > 5 || text[len] != ';')
		return STRING_DROP;
	for (size_t i = 0; i < len; i++)
		number = number * 10 + (unsigned int)(text[i] - '0');
	for (size_t i = 0; i < RTE_DIM(operating); i++) {
		if (number >= operating[i].first && number <= operating[i].last)
			return operating[i].asks ? STRING_HELD : STRING_PASS;
	}
	return STRING_DROP;
}

/* Of the device's strings pictures pass (sixels): P1;P2;P3 q. */
static uint8_t
device_state(const char *text)
{
	size_t len = strspn(text, "0123456789;");

	if (text[len] == '\0')
		return STRING_HEAD;
	return text[len] == 'q' ? STRING_PASS : STRING_DROP;
}

/* A byte of the head was held. */
static void
string_known(struct cons_history *h, struct out *o)
{
	const char *text = numbers(h);

	if (h->string == ']')
		h->state = operating_state(text);
	else
		h->state = device_state(text);
	if (h->state == STRING_PASS || h->state == GROUND)
		put_held(h, o);
	else if (h->state == STRING_DROP)
		h->held_len = 0;
}

static void
in_string(struct cons_history *h, struct out *o, uint8_t c)
{
	switch (h->state) {
	case STRING_HEAD:
		(void)hold(h, c);
		string_known(h, o);
		break;
	case STRING_HELD:
		if (hold(h, c) && c != '?')
			break;
		h->held_len = 0;
		h->state = STRING_DROP;
		break;
	case STRING_PASS:
		put(o, c);
		break;
	default:
		break;
	}
}

/* Its end has come: BEL, or ST as it stands there. */
static void
string_ends(struct cons_history *h, struct out *o, const char *end)
{
	/* Held whole and without a question; or a number alone, as in "colours as at first". */
	bool shown = h->state == STRING_HELD || h->state == STRING_PASS;

	if (h->state == STRING_HEAD && h->string == ']' && hold(h, ';'))
		shown = operating_state(numbers(h)) != STRING_DROP;
	if (h->state == STRING_HEAD && shown)
		h->held_len--;
	if (shown) {
		put_held(h, o);
		put_text(o, end);
	}
	drop(h);
}

/* Broken off: a terminal ends what it has seen of it. */
static void
string_broken(struct cons_history *h, struct out *o)
{
	if (h->state == STRING_PASS)
		put_text(o, "\033\\");
	drop(h);
}

static bool
is_string(const struct cons_history *h)
{
	return h->state >= STRING_HEAD;
}

static void
string_begins(struct cons_history *h, struct out *o, uint8_t kind)
{
	h->string = kind;
	h->string_escape = false;
	switch (kind) {
	case ']':
	case 'P':
		h->state = STRING_HEAD;
		break;
	case 'k': /* the title of screen(1) */
		put_held(h, o);
		h->state = STRING_PASS;
		break;
	default: /* APC (pictures of kitty, which are answered), PM, SOS: nothing to be seen */
		h->held_len = 0;
		h->state = STRING_DROP;
		break;
	}
}

/* --- escape sequences --- */

static void
escape_ends(struct cons_history *h, struct out *o, uint8_t last)
{
	switch (last) {
	case '[':
		h->state = CONTROL;
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
	case 'k':
		string_begins(h, o, last);
		break;
	case 'Z': /* DECID */
		drop(h);
		break;
	case 'c': /* all as at first */
		h->late = 0;
		pass(h, o);
		break;
	default:
		pass(h, o);
		break;
	}
}

static void
in_escape(struct cons_history *h, struct out *o, uint8_t c)
{
	bool between = h->held_len > 1;

	if (!hold(h, c)) {
		drop(h);
		return;
	}
	if (c < 0x30)
		return;
	if (!between) {
		escape_ends(h, o, c);
		return;
	}
	/* ESC % G and ESC % @ begin and end UTF-8. */
	if (h->held[1] == '%' && h->held_len == 3)
		h->utf8 = c != '@';
	pass(h, o);
}

/* --- bytes --- */

static void
escape_begins(struct cons_history *h)
{
	h->held_len = 0;
	(void)hold(h, ESC);
	h->state = ESCAPE;
}

/* A control above 0x7f, as one byte or as UTF-8 has it. */
static void
in_c1(struct cons_history *h, struct out *o, uint8_t c, bool encoded)
{
	h->string_escape = false;
	if (is_string(h) && c == ST) {
		string_ends(h, o, "\033\\");
		return;
	}
	if (is_string(h))
		string_broken(h, o);
	h->held_len = 0;
	if (encoded)
		(void)hold(h, 0xc2);
	(void)hold(h, c);
	escape_ends(h, o, (uint8_t)(c - 0x40));
}

/* CAN and SUB break off, BEL ends some strings, ENQ is answered; others are done at once. */
static void
in_c0(struct cons_history *h, struct out *o, uint8_t c)
{
	if (c == CAN || c == SUB) {
		if (is_string(h))
			string_broken(h, o);
		drop(h);
		return;
	}
	if (c == ENQ || c == DEL)
		return;
	if (c == BEL) {
		if (is_string(h) && h->string == ']')
			string_ends(h, o, "\a");
		return;
	}
	if (!is_string(h)) {
		put(o, c);
		return;
	}
	/* Nobody shall look at nothing because of a string that has no end. */
	if (c == '\n' && h->state != STRING_PASS) {
		drop(h);
		put(o, c);
	} else if (h->state == STRING_PASS) {
		put(o, c);
	}
}

static void
in_seven_bits(struct cons_history *h, struct out *o, uint8_t c)
{
	switch (h->state) {
	case GROUND:
		put(o, c);
		break;
	case ESCAPE:
		in_escape(h, o, c);
		break;
	case CONTROL:
	case CONTROL_LONG:
		in_control(h, o, c);
		break;
	default:
		in_string(h, o, c);
		break;
	}
}

/* A byte of text beyond ASCII: it is in no sequence but a string. */
static void
in_text(struct cons_history *h, struct out *o, uint8_t c)
{
	if (is_string(h)) {
		in_string(h, o, c);
		return;
	}
	if (h->state != GROUND)
		drop(h);
	put(o, c);
}

/* @return whether the byte belongs to a character of UTF-8, and has been dealt with. */
static bool
in_utf8(struct cons_history *h, struct out *o, uint8_t c)
{
	bool more = c >= 0x80 && c <= 0xbf;

	if (h->lead) {
		h->lead = false;
		if (more && c < 0xa0) {
			in_c1(h, o, c, true);
			return true;
		}
		in_text(h, o, 0xc2);
		h->need = 1;
	}
	if (h->need > 0 && more) {
		h->need--;
		in_text(h, o, c);
		return true;
	}
	h->need = 0;
	if (c == 0xc2) {
		h->lead = true;
		return true;
	}
	if (c > 0xc2 && c < 0xf5)
		h->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	return false;
}

static void
feed_byte(struct cons_history *h, struct out *o, uint8_t c)
{
	if (h->utf8 && in_utf8(h, o, c))
		return;
	if (h->string_escape) {
		h->string_escape = false;
		if (c == '\\') {
			string_ends(h, o, "\033\\");
			return;
		}
		string_broken(h, o);
		escape_begins(h);
	}
	if (c == ESC && is_string(h))
		h->string_escape = true;
	else if (c == ESC)
		escape_begins(h);
	else if (c >= 0x80 && c < 0xa0)
		in_c1(h, o, c, false);
	else if (c >= 0xa0)
		in_text(h, o, c);
	else if (c < 0x20 || c == DEL)
		in_c0(h, o, c);
	else
		in_seven_bits(h, o, c);
}

/* --- the border --- */

/* @return whether the terminal is between two sequences, or is to see the rest of this one. */
static bool
is_complete(const struct cons_history *h)
{
	return !h->lead && !h->string_escape &&
	       (h->state == GROUND || (h->state == STRING_PASS && h->late == 0));
}

/* What is still set would have been set by the program that runs: it waits for what that tells. */
static void
finish(struct cons_history *h, struct out *o)
{
	char text[16];

	for (unsigned int i = 0; i < CONS_HISTORY_LATE; i++) {
		if ((h->late & 1u << i) == 0 || late_modes[i] == NEVER)
			continue;
		snprintf(text, sizeof(text), "\033[?%uh", late_modes[i]);
		put_text(o, text);
	}
	h->on = false;
}

void
cons_history_start(struct cons_history *h, bool utf8)
{
	memset(h, 0, sizeof(*h));
	h->on = true;
	h->utf8 = utf8;
	/* It may begin in the midst of a character. */
	h->need = utf8 ? 3 : 0;
}

size_t
cons_history_feed(struct cons_history *h, const uint8_t *in, size_t len, uint8_t *out)
{
	struct out o = { .at = out };
	size_t i = 0;

	while (h->on && i < len) {
		feed_byte(h, &o, in[i++]);
		if (h->ending && is_complete(h))
			finish(h, &o);
	}
	memcpy(out + o.len, in + i, len - i);
	return o.len + len - i;
}

size_t
cons_history_end(struct cons_history *h, uint8_t *out)
{
	struct out o = { .at = out };

	if (!h->on)
		return 0;
	h->ending = true;
	if (is_complete(h))
		finish(h, &o);
	return o.len;
}
