/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_modes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#define ESC 0x1b
#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define DEL 0x7f
#define PARAM_MAX 9999
#define KEYS 4 /* of what CSI > m sets: how keys are told */

/* struct cons_modes.state */
enum {
	PLAIN,
	ESCAPE, /* behind ESC */
	ESCAPE_BETWEEN, /* behind ESC and an intermediate byte: the next one ends it */
	CONTROL, /* behind CSI */
	CONTROL_BAD, /* the same, and none that we know */
	STRING, /* a title, a clipboard ...: up to BEL or ST */
};

/* Private modes, in the order in which they are undone: the screen at last. */
static const struct {
	uint16_t number;
	bool on; /* at first */
} modes[] = {
	{ 1, false }, /* cursor keys of an application */
	{ 5, false }, /* dark on light */
	{ 6, false }, /* origin within the margins */
	{ 7, true }, /* lines wrap */
	{ 9, false }, /* mouse: X10 */
	{ 25, true }, /* the cursor is seen */
	{ 66, false }, /* keypad of an application */
	{ 1000, false }, /* mouse: buttons */
	{ 1001, false }, { 1002, false }, { 1003, false }, { 1004, false }, /* focus is told */
	{ 1005, false }, /* how the mouse is told */
	{ 1006, false }, { 1015, false }, { 1016, false }, { 2004, false }, /* bracketed paste */
	{ 2026, false }, /* output is held back */
	{ 47, false }, /* the other screen */
	{ 1047, false }, { 1049, false }, /* and the cursor's place kept */
};

/* --- reading --- */

static void
reset(struct cons_modes *m)
{
	*m = (struct cons_modes){ .state = PLAIN };
}

static void
set_mode(struct cons_modes *m, uint16_t number, bool on)
{
	for (size_t i = 0; i < RTE_DIM(modes); i++) {
		if (modes[i].number != number)
			continue;
		if (on != modes[i].on)
			m->private_modes |= UINT32_C(1) << i;
		else
			m->private_modes &= ~(UINT32_C(1) << i);
	}
}

/* Without numbers, or with zeros alone, a sequence means "as at first". */
static bool
has_number(const struct cons_modes *m)
{
	for (unsigned int i = 0; i < m->count; i++) {
		if (m->param[i] != 0)
			return true;
	}
	return false;
}

/* The last byte of a control sequence, with what is before its numbers and behind them. */
#define SEQUENCE(prefix, between, last) ((prefix) << 16 | (between) << 8 | (last))

static void
control(struct cons_modes *m, uint8_t last)
{
	switch (SEQUENCE(m->prefix, m->between, last)) {
	case SEQUENCE('?', 0, 'h'):
	case SEQUENCE('?', 0, 'l'):
		for (unsigned int i = 0; i < m->count; i++)
			set_mode(m, m->param[i], last == 'h');
		break;
	case SEQUENCE(0, 0, 'm'):
		m->attributes = has_number(m);
		break;
	case SEQUENCE(0, 0, 'r'):
		m->margins = has_number(m);
		break;
	case SEQUENCE('>', 0, 'm'):
		if (m->count > 0 && m->param[0] == KEYS)
			m->keys = m->count > 1 ? (uint8_t)RTE_MIN(m->param[1], 9) : 0;
		break;
	case SEQUENCE(0, ' ', 'q'):
		m->cursor = has_number(m);
		break;
	case SEQUENCE(0, '!', 'p'): /* soft reset: all but the screen, the mouse and the paste */
		m->keypad = m->attributes = m->margins = m->cursor = false;
		set_mode(m, 1, false);
		set_mode(m, 6, false);
		set_mode(m, 25, true);
		break;
	default:
		break;
	}
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
next_param(struct cons_modes *m)
{
	if (m->count == 0)
		m->param[m->count++] = 0;
	if (m->count < CONS_MODES_PARAMS)
		m->param[m->count++] = 0;
	else
		m->state = CONTROL_BAD;
}

static void
in_control(struct cons_modes *m, uint8_t c)
{
	if (c >= 0x40) {
		if (m->state == CONTROL)
			control(m, c);
		m->state = PLAIN;
	} else if (c >= '<' && m->count == 0 && m->prefix == 0) {
		m->prefix = c;
	} else if (c >= '0' && c <= '9' && m->between == 0) {
		add_digit(m, c);
	} else if ((c == ';' || c == ':') && m->between == 0) {
		next_param(m);
	} else if (c < '0' && m->between == 0) {
		m->between = c;
	} else {
		m->state = CONTROL_BAD;
	}
}

static void
behind_escape(struct cons_modes *m, uint8_t c)
{
	m->state = PLAIN;
	switch (c) {
	case '[':
		m->state = CONTROL;
		m->prefix = m->between = m->count = 0;
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		m->state = STRING;
		break;
	case '=':
	case '>':
		m->keypad = c == '=';
		break;
	case 'c':
		reset(m);
		break;
	default:
		if (c < '0')
			m->state = ESCAPE_BETWEEN;
		break;
	}
}

static void
feed_byte(struct cons_modes *m, uint8_t c)
{
	if (c == ESC) {
		m->state = ESCAPE;
		return;
	}
	if (c == CAN || c == SUB || (c == BEL && m->state == STRING)) {
		m->state = PLAIN;
		return;
	}
	/* Other controls are done at once, wherever they stand. */
	if (c < 0x20 || c == DEL || m->state == STRING)
		return;
	if (m->state == ESCAPE)
		behind_escape(m, c);
	else if (m->state == ESCAPE_BETWEEN)
		m->state = PLAIN;
	else
		in_control(m, c);
}

void
cons_modes_feed(struct cons_modes *m, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;

	while (data < end) {
		if (m->state == PLAIN) {
			data = memchr(data, ESC, (size_t)(end - data));
			if (data == NULL)
				return;
		}
		feed_byte(m, *data++);
	}
}

/* --- writing --- */

struct text {
	char *to;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->to + t->len, CONS_MODES_TEXT_MAX - t->len, fmt, ap);
	va_end(ap);
}

/* All of them at once, the longest text there is: "CSI ? 1049 l" each. */
static_assert(RTE_DIM(modes) * 8 + 64 < CONS_MODES_TEXT_MAX, "room for all modes");
static_assert(RTE_DIM(modes) <= 32, "a bit for each mode");

static void
add_modes(struct text *t, const struct cons_modes *m, bool undo)
{
	for (size_t i = 0; i < RTE_DIM(modes); i++) {
		if ((m->private_modes & UINT32_C(1) << i) != 0)
			add(t, "\033[?%u%c", modes[i].number, modes[i].on == undo ? 'h' : 'l');
	}
}

size_t
cons_modes_undo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX])
{
	struct text t = { .to = text };

	if (m->state != PLAIN)
		add(&t, "\033\\");
	if (m->keypad)
		add(&t, "\033>");
	if (m->keys != 0)
		add(&t, "\033[>%um", KEYS);
	if (m->cursor)
		add(&t, "\033[0 q");
	if (m->attributes)
		add(&t, "\033[m");
	add_modes(&t, m, true);
	/* Margins send the cursor home. */
	if (m->margins)
		add(&t, "\0337\033[r\0338");
	return t.len;
}

size_t
cons_modes_redo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX])
{
	struct text t = { .to = text };

	if (m->keypad)
		add(&t, "\033=");
	if (m->keys != 0)
		add(&t, "\033[>%u;%um", KEYS, m->keys);
	add_modes(&t, m, false);
	return t.len;
}
