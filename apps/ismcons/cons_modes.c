/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_modes_priv.h"

#include <assert.h>
#include <string.h>

#include <rte_common.h>

#define ESC 0x1b
#define BEL 0x07
#define SO 0x0e
#define SI 0x0f
#define CAN 0x18
#define SUB 0x1a
#define DEL 0x7f
#define ST 0x9c
#define PARAM_MAX 9999
#define PUSHED_MAX 99
#define KEYBOARD_FLAGS 31
#define LEVEL 64 /* that is gone back to: a VT420 */

/* struct cons_modes.state */
enum {
	PLAIN,
	ESCAPE, /* behind ESC */
	ESCAPE_BETWEEN, /* behind ESC and intermediate bytes: the next one ends it */
	CONTROL, /* behind CSI */
	CONTROL_BAD, /* the same, and none that we know */
	STRING, /* a title, a clipboard ...: up to BEL or ST */
};

/* --- tables --- */

const struct cons_mode cons_private_modes[] = {
	{ 1, false }, /* cursor keys of an application */
	{ 2, true }, /* not a VT52 */
	{ 3, false }, /* 132 columns */
	{ 4, false }, /* scrolls smoothly */
	{ 5, false }, /* dark on light */
	{ 6, false }, /* origin within the margins */
	{ 7, true }, /* lines wrap */
	{ 8, true }, /* keys repeat */
	{ 9, false }, /* mouse: X10 */
	{ 12, false }, /* the cursor blinks */
	{ 25, true }, /* the cursor is seen */
	{ 40, false }, /* 132 columns are possible */
	{ 45, false }, /* lines wrap backwards */
	{ 46, false }, /* a log is written */
	{ 66, false }, /* keypad of an application */
	{ 69, false }, /* margins at the sides */
	{ 95, false }, /* another width leaves the screen */
	{ 1000, false }, /* mouse: buttons */
	{ 1001, false }, { 1002, false }, { 1003, false }, { 1004, false }, /* focus is told */
	{ 1005, false }, /* how the mouse is told */
	{ 1006, false }, { 1015, false }, { 1016, false }, { 1034, true }, /* Meta sets a bit */
	{ 1045, false }, /* lines wrap backwards, further */
	{ 1050, false }, /* function keys of other systems */
	{ 1051, false }, { 1052, false }, { 1053, false }, { 1060, false },
	{ 1061, false }, { 2001, false }, /* how clicks and pastes are told */
	{ 2002, false }, { 2003, false }, { 2004, false }, /* bracketed paste */
	{ 2005, false }, { 2006, false }, { 2026, false }, /* output is held back */
	{ 2031, false }, /* light and dark are told */
	{ 2048, false }, /* sizes are told */
	{ 5522, false }, /* pastes are told */
	{ 7727, false }, /* mintty: another Escape key */
	{ 9001, false }, /* keys are told as on Windows */
	{ 47, false }, /* the other screen */
	{ 1047, false }, { 1049, false }, /* and the cursor's place kept */
};
const unsigned int cons_private_count = RTE_DIM(cons_private_modes);
static_assert(RTE_DIM(cons_private_modes) <= 64, "a bit for each mode");

const struct cons_mode cons_ansi_modes[] = {
	{ 2, false }, /* the keyboard is locked */
	{ 3, false }, /* controls are shown */
	{ 4, false }, /* characters are inserted */
	{ 12, true }, /* no echo by the terminal itself */
	{ 20, false }, /* LF goes to the next line, Enter sends CR LF */
	{ 34, true }, /* screen(1): the plain cursor */
};
const unsigned int cons_ansi_count = RTE_DIM(cons_ansi_modes);
static_assert(RTE_DIM(cons_ansi_modes) <= 32, "a bit for each mode");

const struct cons_mode_value cons_mode_values[CONS_MODES_VALUES] = {
	/* Of which DEC terminal it is: of no older one than before, answers in seven bits. */
	[CONS_VALUE_LEVEL] = { 0, '"', 'p', LEVEL, "\033[62;1\"p\033[64;1\"p", "", "" },
	[CONS_VALUE_MARGINS] = { 0, 0, 'r', 0, "\0337\033[r\0338", "\0337", "\0338" },
	{ 0, 0, 's', 0, "", "\0337", "\0338" }, /* margins at the sides: end with mode 69 */
	{ 0, ' ', 'q', 0, "\033[0 q", "", "" }, /* shape of the cursor */
	{ '?', 0, 'c', 0, "\033[?0c", "", "" }, /* the same on Linux */
	{ 0, 0, 'q', 0, "\033[0q", "", "" }, /* lamps */
	{ 0, '"', 'q', 2, "\033[0\"q", "", "" }, /* protected characters */
	{ 0, '*', 'x', 1, "\033[0*x", "", "" }, /* what a rectangle is */
	{ 0, '$', '}', 0, "\033[0$}", "", "" }, /* output goes to the status line */
	{ 0, '$', '~', 0, "\033[0$~", "", "" }, /* there is one */
	{ '>', 0, 'p', 1, "\033[>1p", "", "" }, /* the pointer hides */
	{ '>', 0, 't', 0, "\033[>T", "", "" }, /* how titles are told */
	{ '>', 0, 'f', 4, "\033[>4f", "", "" }, /* how keys are told */
	{ 0, '\'', 'z', 0, "\033[0'z", "", "" }, /* the mouse as of DEC */
	{ 0, 0, 'i', 4, "\033[4i", "", "" }, /* output goes to the printer */
	{ '?', 0, 'i', 4, "\033[?4i", "", "" }, /* and is printed, too */
};

/* --- modes --- */

static void
reset(struct cons_modes *m)
{
	*m = (struct cons_modes){ .eight_bits = m->eight_bits };
}

static int
private_mode(uint16_t number)
{
	for (unsigned int i = 0; i < RTE_DIM(cons_private_modes); i++) {
		if (cons_private_modes[i].number == number)
			return (int)i;
	}
	return -1;
}

bool
cons_modes_is_set(const struct cons_modes *m, uint16_t number)
{
	int i = private_mode(number);

	return i >= 0 && (m->private_modes & UINT64_C(1) << i) != 0;
}

bool
cons_modes_other_screen(const struct cons_modes *m)
{
	return cons_modes_is_set(m, 47) || cons_modes_is_set(m, 1047) || cons_modes_is_set(m, 1049);
}

/* The other screen has one state, however it is called. */
static void
leave_other_screen(struct cons_modes *m)
{
	static const uint16_t screens[] = { 47, 1047, 1049 };

	for (size_t i = 0; i < RTE_DIM(screens); i++)
		m->private_modes &= ~(UINT64_C(1) << private_mode(screens[i]));
}

static void
set_mode(struct cons_modes *m, uint16_t number, bool on)
{
	int i = private_mode(number);

	if (i < 0)
		return;
	if (on != cons_private_modes[i].on)
		m->private_modes |= UINT64_C(1) << i;
	else if (number == 47 || number == 1047 || number == 1049)
		leave_other_screen(m);
	else
		m->private_modes &= ~(UINT64_C(1) << i);
}

/* XTSAVE, XTRESTORE */
static void
keep_mode(struct cons_modes *m, uint16_t number, bool restore)
{
	int i = private_mode(number);
	uint64_t bit = i >= 0 ? UINT64_C(1) << i : 0;

	if (restore)
		m->private_modes = (m->private_modes & ~bit) | (m->saved_modes & bit);
	else
		m->saved_modes = (m->saved_modes & ~bit) | (m->private_modes & bit);
}

static void
private_modes(struct cons_modes *m, uint8_t last)
{
	for (unsigned int i = 0; i < m->count; i++) {
		if (last == 'h' || last == 'l')
			set_mode(m, m->param[i], last == 'h');
		else
			keep_mode(m, m->param[i], last == 'r');
	}
}

static void
ansi_modes(struct cons_modes *m, bool on)
{
	for (unsigned int k = 0; k < m->count; k++) {
		for (unsigned int i = 0; i < RTE_DIM(cons_ansi_modes); i++) {
			if (cons_ansi_modes[i].number != m->param[k])
				continue;
			if (on != cons_ansi_modes[i].on)
				m->ansi_modes |= UINT32_C(1) << i;
			else
				m->ansi_modes &= ~(UINT32_C(1) << i);
		}
	}
}

/* --- values --- */

void
cons_modes_value_set(struct cons_modes_value *v, const char *text, size_t len)
{
	memset(v, 0, sizeof(*v));
	if (len < sizeof(v->text))
		memcpy(v->text, text, len);
	else
		v->text[0] = '?';
}

/* Without numbers, or with zeros alone, a sequence means "as at first". */
static bool
has_number(const struct cons_modes *m, uint16_t first)
{
	if (m->param[0] == first && (m->count == 1 || first == LEVEL))
		return false;
	for (unsigned int i = 0; i < m->count; i++) {
		if (m->param[i] != 0)
			return true;
	}
	return false;
}

static void
set_value(struct cons_modes *m, uint8_t last)
{
	for (size_t i = 0; i < CONS_MODES_VALUES; i++) {
		const struct cons_mode_value *row = &cons_mode_values[i];

		if (row->prefix != m->prefix || row->between != m->between || row->last != last)
			continue;
		/* Without mode 69 it keeps the cursor's place; printing once is no mode. */
		if (last == 's' && !cons_modes_is_set(m, 69))
			return;
		if (last == 'i' && m->param[0] != 4 && m->param[0] != 5)
			return;
		cons_modes_value_set(&m->values[i], m->text,
				     has_number(m, row->first) ? m->text_len : 0);
	}
}

static void
clear_value(struct cons_modes *m, uint8_t prefix, uint8_t between, uint8_t last)
{
	for (size_t i = 0; i < CONS_MODES_VALUES; i++) {
		const struct cons_mode_value *row = &cons_mode_values[i];

		if (row->prefix == prefix && row->between == between && row->last == last)
			cons_modes_value_set(&m->values[i], "", 0);
	}
}

/* --- keyboard --- */

/* CSI > m and CSI > n: what a resource is set to; without it, as at first. */
static void
set_keys(struct cons_modes *m, uint8_t last)
{
	unsigned int i = m->param[0];

	if (m->count == 0) {
		memset(m->keys, 0, sizeof(m->keys));
	} else if (i < CONS_MODES_KEYS) {
		bool off = last == 'm' && (m->count < 2 || m->param[1] == 0);
		char text[CONS_MODES_VALUE] = { (char)('0' + i), (char)last };

		if (last == 'm')
			memcpy(text,
			       (char[]){ (char)('0' + i), ';',
					 (char)('0' + RTE_MIN(m->param[1], 9)), 'm' },
			       4);
		cons_modes_value_set(&m->keys[i], text, off ? 0 : strlen(text));
	}
}

static struct cons_modes_keyboard *
keyboard(struct cons_modes *m)
{
	return &m->keyboard[cons_modes_other_screen(m)];
}

/* Where the flags are that count now. */
static uint8_t *
keyboard_flags(struct cons_modes_keyboard *k)
{
	return k->depth == 0 ? &k->first : &k->flags[RTE_MIN(k->depth, CONS_MODES_STACK) - 1];
}

static void
keyboard_push(struct cons_modes_keyboard *k, uint8_t flags)
{
	if (k->depth >= CONS_MODES_STACK)
		memmove(k->flags, k->flags + 1, CONS_MODES_STACK - 1);
	if (k->depth < PUSHED_MAX)
		k->depth++;
	*keyboard_flags(k) = flags;
}

static void
keyboard_pop(struct cons_modes_keyboard *k, unsigned int n)
{
	for (n = RTE_MIN(n, PUSHED_MAX); n > 0 && k->depth > 0; n--) {
		/* Of those below the ones that are kept nothing is known. */
		if (k->depth-- <= CONS_MODES_STACK)
			continue;
		memmove(k->flags + 1, k->flags, CONS_MODES_STACK - 1);
		k->flags[0] = 0;
	}
}

static void
keyboard_set(struct cons_modes *m)
{
	uint8_t *flags = keyboard_flags(keyboard(m));
	uint8_t value = m->count > 0 ? m->param[0] & KEYBOARD_FLAGS : 0;
	unsigned int how = m->count > 1 ? m->param[1] : 1;

	if (how == 2)
		*flags |= value;
	else if (how == 3)
		*flags &= (uint8_t)~value;
	else
		*flags = value;
}

unsigned int
cons_modes_keys(const struct cons_modes *m)
{
	const struct cons_modes_keyboard *k = &m->keyboard[cons_modes_other_screen(m)];
	uint8_t flags = k->depth == 0 ? k->first
				      : k->flags[RTE_MIN(k->depth, CONS_MODES_STACK) - 1];
	const char *other = m->keys[4].text;
	unsigned int keys = CONS_KEYS_PLAIN;

	if (flags != 0 || (other[0] != '\0' && other[1] == ';'))
		keys |= CONS_KEYS_ENCODED;
	if (cons_modes_is_set(m, 9001))
		keys |= CONS_KEYS_WIN32;
	return keys;
}

/* --- control sequences --- */

static void
pushed(uint8_t *count, bool push)
{
	if (push && *count < PUSHED_MAX)
		(*count)++;
	else if (!push && *count > 0)
		(*count)--;
}

static void
titles(struct cons_modes *m)
{
	if (m->count > 0 && (m->param[0] == 22 || m->param[0] == 23))
		pushed(&m->titles, m->param[0] == 22);
}

/* All but the screen, the mouse, the keyboard's protocol, the paste and colours. */
static void
soft_reset(struct cons_modes *m)
{
	static const uint16_t private[] = { 1, 6, 66, 69 };

	for (size_t i = 0; i < RTE_DIM(private); i++)
		set_mode(m, private[i], false);
	set_mode(m, 25, true);
	m->ansi_modes &= ~(UINT32_C(1) << 0 | UINT32_C(1) << 2); /* lock, insertion */
	clear_value(m, 0, 0, 'r');
	clear_value(m, 0, 0, 's');
	clear_value(m, 0, ' ', 'q');
	clear_value(m, 0, '"', 'q');
	memset(m->charset, 0, sizeof(m->charset));
	memset(m->attribute, 0, sizeof(m->attribute));
	m->left = m->right = 0;
	m->keypad = m->attributes = m->guarded = false;
}

/* The last byte of a control sequence, with what is before its numbers and behind them. */
#define SEQUENCE(prefix, between, last) ((prefix) << 16 | (between) << 8 | (last))

static void
control(struct cons_modes *m, uint8_t last)
{
	set_value(m, last);
	switch (SEQUENCE(m->prefix, m->between, last)) {
	case SEQUENCE('?', 0, 'h'):
	case SEQUENCE('?', 0, 'l'):
	case SEQUENCE('?', 0, 's'):
	case SEQUENCE('?', 0, 'r'):
		private_modes(m, last);
		break;
	case SEQUENCE(0, 0, 'h'):
	case SEQUENCE(0, 0, 'l'):
		ansi_modes(m, last == 'h');
		break;
	case SEQUENCE(0, 0, 'm'):
		cons_modes_attributes(m);
		break;
	case SEQUENCE('>', 0, 'm'):
	case SEQUENCE('>', 0, 'n'):
		set_keys(m, last);
		break;
	case SEQUENCE('>', 0, 'u'):
		keyboard_push(keyboard(m), m->count > 0 ? m->param[0] & KEYBOARD_FLAGS : 0);
		break;
	case SEQUENCE('<', 0, 'u'):
		keyboard_pop(keyboard(m), m->count > 0 && m->param[0] > 0 ? m->param[0] : 1);
		break;
	case SEQUENCE('=', 0, 'u'):
		keyboard_set(m);
		break;
	case SEQUENCE(0, 0, 't'):
		titles(m);
		break;
	case SEQUENCE('>', 0, 'T'):
		clear_value(m, '>', 0, 't');
		break;
	case SEQUENCE(0, '#', '{'):
	case SEQUENCE(0, '#', 'p'):
	case SEQUENCE(0, '#', '}'):
	case SEQUENCE(0, '#', 'q'):
		pushed(&m->attribute_sets, last == '{' || last == 'p');
		break;
	case SEQUENCE(0, '#', 'P'):
	case SEQUENCE(0, '#', 'Q'):
		pushed(&m->colour_sets, last == 'P');
		break;
	case SEQUENCE(0, 0, 'g'):
		m->tabs = true;
		break;
	case SEQUENCE('?', 0, 'W'):
		m->tabs = false;
		break;
	case SEQUENCE(0, '!', 'p'):
		soft_reset(m);
		break;
	default:
		break;
	}
}

static void
add_text(struct cons_modes *m, uint8_t c)
{
	if (m->text_len < CONS_MODES_STRING)
		m->text[m->text_len++] = (char)c;
}

static void
add_digit(struct cons_modes *m, uint8_t c)
{
	uint16_t *param;
	unsigned int value;

	if (m->count == 0)
		m->param[m->count++] = 0;
	param = &m->param[m->count - 1];
	value = *param * 10u + (c - '0');
	*param = (uint16_t)RTE_MIN(value, (unsigned int)PARAM_MAX);
}

/* Numbers that there is no room for belong to none that we know. */
static void
next_param(struct cons_modes *m, bool colon)
{
	if (m->count == 0)
		m->param[m->count++] = 0;
	if (m->count < CONS_MODES_PARAMS) {
		m->colons |= (uint16_t)(colon ? 1u << m->count : 0);
		m->param[m->count++] = 0;
	} else {
		m->state = CONTROL_BAD;
	}
}

static void
control_ends(struct cons_modes *m, uint8_t last)
{
	if (m->state == CONTROL)
		control(m, last);
	else if (last == 'm' && m->prefix == 0)
		m->attributes = true;
	m->state = PLAIN;
}

static void
in_control(struct cons_modes *m, uint8_t c)
{
	if (c >= 0x40) {
		control_ends(m, c);
		return;
	}
	if (c >= '<' && m->count == 0 && m->prefix == 0) {
		m->prefix = c;
		return;
	}
	if (c >= '0' && c <= '9' && m->between == 0)
		add_digit(m, c);
	else if ((c == ';' || c == ':') && m->between == 0)
		next_param(m, c == ':');
	else if (c < '0' && m->between == 0)
		m->between = c;
	else
		m->state = CONTROL_BAD;
	if (c >= '0')
		add_text(m, c);
}

/* --- escape sequences --- */

static void
control_begins(struct cons_modes *m)
{
	m->state = CONTROL;
	m->prefix = m->between = m->count = m->text_len = 0;
	m->colons = 0;
	m->param[0] = 0;
}

/* A set of characters for G0 to G3: ESC, what stands there, and its name. */
static void
designate(struct cons_modes *m, uint8_t last)
{
	static const char sets[] = "()*+,-./";
	size_t at = m->text[0] == '$' && m->text_len > 1 ? 1 : 0;
	const char *g = strchr(sets, m->text[at]);

	if (m->text[0] == '$' && m->text_len == 1)
		g = sets; /* ESC $ B: G0 */
	if (g == NULL)
		return;
	add_text(m, last);
	/* ASCII, to which every set is put back. */
	cons_modes_value_set(&m->charset[(g - sets) % 4], m->text,
			     m->text[0] != '$' && g < sets + 4 && last == 'B' ? 0 : m->text_len);
}

static void
escape_ends(struct cons_modes *m, uint8_t last)
{
	m->state = PLAIN;
	if (m->text[0] == '%')
		m->other_charset = last == '@' ? !m->eight_bits : m->eight_bits;
	else if (m->text[0] == ' ' && m->text_len == 1 && (last == 'F' || last == 'G'))
		m->wide_controls = last == 'G';
	else if (m->text[0] != '#')
		designate(m, last);
}

/* What ESC and one byte do; those up to '_' have a control of eight bits, too. */
static void
behind_escape(struct cons_modes *m, uint8_t c)
{
	static const char locking[] = "no~}|";

	m->state = PLAIN;
	m->text_len = 0;
	switch (c) {
	case '[':
		control_begins(m);
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		m->state = STRING;
		m->string = c;
		break;
	case '=':
	case '>':
		m->keypad = c == '=';
		break;
	case '<': /* a VT52 that becomes an ANSI terminal */
		set_mode(m, 2, true);
		break;
	case 'H':
		m->tabs = true;
		break;
	case 'V':
	case 'W':
		m->guarded = c == 'V';
		break;
	case 'n':
	case 'o': /* G2 and G3 on the left, G1 to G3 on the right */
		m->left = c == 'n' ? 3 : 4;
		break;
	case '~':
	case '}':
	case '|':
		m->right = (uint8_t)(strchr(locking, c) - locking);
		if (m->right == 3) /* G2 is there at first */
			m->right = 0;
		break;
	case 'c':
		reset(m);
		break;
	default:
		break;
	}
}

static void
in_escape(struct cons_modes *m, uint8_t c)
{
	if (c < '0') {
		m->state = ESCAPE_BETWEEN;
		add_text(m, c);
	} else if (m->state == ESCAPE_BETWEEN) {
		escape_ends(m, c);
	} else {
		behind_escape(m, c);
	}
}

/* --- bytes --- */

static void
string_ends(struct cons_modes *m)
{
	m->state = PLAIN;
	cons_modes_string(m);
}

/* Linux has two commands without an end: a colour of the palette, and all as at first. */
static bool
is_linux_palette(const struct cons_modes *m)
{
	if (m->string != ']')
		return false;
	return (m->text_len == 1 && m->text[0] == 'R') || (m->text_len == 8 && m->text[0] == 'P');
}

static void
in_string(struct cons_modes *m, uint8_t c)
{
	add_text(m, c);
	if (is_linux_palette(m))
		string_ends(m);
}

/* @return whether it was one that is done at once, or breaks off, or begins. */
static bool
is_c0(struct cons_modes *m, uint8_t c)
{
	if (c == ESC) {
		if (m->state == STRING)
			string_ends(m);
		m->state = ESCAPE;
		m->text_len = 0;
		return true;
	}
	if (c == CAN || c == SUB || (c == BEL && m->state == STRING)) {
		if (m->state == STRING)
			string_ends(m);
		m->state = PLAIN;
		return true;
	}
	if ((c == SO || c == SI) && m->state != STRING)
		m->left = c == SO ? 2 : 0;
	return c < 0x20 || c == DEL;
}

/* @return whether it was a control of eight bits, as one byte or as UTF-8 has it. */
static bool
is_c1(struct cons_modes *m, uint8_t c)
{
	bool lead = m->lead;

	m->lead = c == 0xc2 && !m->eight_bits;
	if (c < 0x80 || c > 0x9f || (!lead && !m->eight_bits))
		return false;
	if (m->state == STRING) {
		/* The first byte of the two has been taken for text. */
		m->text_len -= lead && m->text_len > 0 && m->text_len < CONS_MODES_STRING;
		string_ends(m);
	}
	if (c == ST)
		m->state = PLAIN;
	else
		behind_escape(m, (uint8_t)(c - 0x40));
	return true;
}

static void
feed_byte(struct cons_modes *m, uint8_t c)
{
	if (is_c0(m, c) || is_c1(m, c))
		return;
	switch (m->state) {
	case ESCAPE:
	case ESCAPE_BETWEEN:
		in_escape(m, c);
		break;
	case CONTROL:
	case CONTROL_BAD:
		in_control(m, c);
		break;
	case STRING:
		in_string(m, c);
		break;
	default:
		break;
	}
}

/* @return where something begins that is not plain text. */
static const uint8_t *
skip_plain(const struct cons_modes *m, const uint8_t *data, const uint8_t *end)
{
	while (data < end && *data != ESC && *data != SO && *data != SI && *data != 0xc2 &&
	       (!m->eight_bits || *data < 0x80 || *data > 0x9f))
		data++;
	return data;
}

void
cons_modes_feed(struct cons_modes *m, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;

	while (data < end) {
		if (m->state == PLAIN && !m->lead)
			data = skip_plain(m, data, end);
		if (data < end)
			feed_byte(m, *data++);
	}
}
