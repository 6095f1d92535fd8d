/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes of characters: of each kind the last one counts. */
#include "cons_modes_priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

enum kind {
	BOLD,
	FAINT,
	ITALIC,
	UNDERLINE,
	BLINK,
	INVERSE,
	HIDDEN,
	STRUCK,
	FONT,
	FOREGROUND,
	BACKGROUND,
	FRAME,
	OVERLINE,
	UNDERLINE_COLOUR,
	KINDS,
};
static_assert(KINDS == CONS_MODES_ATTRIBUTES, "room for all kinds");

/* Numbers that set or end a kind. */
static const struct {
	uint16_t first, last;
	uint8_t kind;
	bool ends;
} numbers[] = {
	{ 1, 1, BOLD, false },
	{ 2, 2, FAINT, false },
	{ 3, 3, ITALIC, false },
	{ 4, 4, UNDERLINE, false },
	{ 5, 6, BLINK, false },
	{ 7, 7, INVERSE, false },
	{ 8, 8, HIDDEN, false },
	{ 9, 9, STRUCK, false },
	{ 10, 10, FONT, true },
	{ 11, 19, FONT, false },
	{ 20, 20, ITALIC, false },
	{ 21, 21, UNDERLINE, false },
	{ 22, 22, BOLD, true },
	{ 22, 22, FAINT, true },
	{ 23, 23, ITALIC, true },
	{ 24, 24, UNDERLINE, true },
	{ 25, 25, BLINK, true },
	{ 27, 27, INVERSE, true },
	{ 28, 28, HIDDEN, true },
	{ 29, 29, STRUCK, true },
	{ 30, 38, FOREGROUND, false },
	{ 39, 39, FOREGROUND, true },
	{ 40, 48, BACKGROUND, false },
	{ 49, 49, BACKGROUND, true },
	{ 51, 52, FRAME, false },
	{ 53, 53, OVERLINE, false },
	{ 54, 54, FRAME, true },
	{ 55, 55, OVERLINE, true },
	{ 58, 58, UNDERLINE_COLOUR, false },
	{ 59, 59, UNDERLINE_COLOUR, true },
	{ 90, 97, FOREGROUND, false },
	{ 100, 107, BACKGROUND, false },
};

/* @return how many numbers belong to the one at i: those behind colons, or those of a colour. */
static unsigned int
group(const struct cons_modes *m, unsigned int i)
{
	unsigned int n = 1, number = m->param[i];

	while (i + n < m->count && (m->colons & 1u << (i + n)) != 0)
		n++;
	if (n > 1 || (number != 38 && number != 48 && number != 58) || i + 1 >= m->count)
		return n;
	n = m->param[i + 1] == 5 ? 3 : m->param[i + 1] == 2 ? 5 : 1;
	return RTE_MIN(n, m->count - i);
}

static void
set(struct cons_modes *m, uint8_t kind, unsigned int i, unsigned int n)
{
	char text[8 * CONS_MODES_PARAMS];
	size_t len = 0;

	for (unsigned int k = i; k < i + n; k++) {
		const char *between = k == i ? "" : (m->colons & 1u << k) != 0 ? ":" : ";";

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", between,
					m->param[k]);
	}
	cons_modes_value_set(&m->attribute[kind], text, len);
}

static void
attribute(struct cons_modes *m, unsigned int i, unsigned int n)
{
	unsigned int number = m->param[i];
	/* 4:0 ends what 4 sets. */
	bool none = number == 4 && n > 1 && m->param[i + 1] == 0;

	for (size_t k = 0; k < RTE_DIM(numbers); k++) {
		if (number < numbers[k].first || number > numbers[k].last)
			continue;
		if (numbers[k].ends || none)
			cons_modes_value_set(&m->attribute[numbers[k].kind], "", 0);
		else
			set(m, numbers[k].kind, i, n);
	}
	if (number == 0) {
		memset(m->attribute, 0, sizeof(m->attribute));
		m->attributes = false;
	}
}

void
cons_modes_attributes(struct cons_modes *m)
{
	unsigned int n;

	if (m->count == 0) {
		m->param[0] = 0;
		m->count = 1;
	}
	for (unsigned int i = 0; i < m->count; i += n) {
		n = group(m, i);
		attribute(m, i, n);
	}
}
