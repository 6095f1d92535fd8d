/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings of the output: colours, a link, the pointer, how far something has got. */
#include "cons_modes_priv.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

/* One field of those that semicolons part. @return its length; *rest is behind it. */
static size_t
field(const char *text, const char **rest)
{
	size_t len = strcspn(text, ";");

	*rest = text + len + (text[len] == ';');
	return len;
}

/* The place of a colour of the palette, or a free one. @return NULL: none. */
static struct cons_modes_value *
colour_at(struct cons_modes *m, const char *number, size_t len)
{
	struct cons_modes_value *free = NULL;

	for (size_t i = 0; i < CONS_MODES_PALETTE; i++) {
		struct cons_modes_value *v = &m->palette[i];

		if (v->text[0] == '\0' && free == NULL)
			free = v;
		else if (strncmp(v->text, number, len) == 0 && v->text[len] == ';')
			return v;
	}
	return free;
}

/* OSC 4: number;colour;number;colour ...; a '?' in place of a colour asks. */
static void
set_palette(struct cons_modes *m, const char *text)
{
	while (*text != '\0') {
		const char *number = text, *colour, *next;
		size_t len = field(number, &colour);
		size_t more = field(colour, &next);
		struct cons_modes_value *v = colour_at(m, number, len);

		text = next;
		if (more == 0 || colour[0] == '?')
			continue;
		if (v == NULL || len + 1 + more >= sizeof(v->text))
			m->palette_more = true;
		else
			cons_modes_value_set(v, number, len + 1 + more);
	}
}

/* OSC 104: those, or all. */
static void
reset_palette(struct cons_modes *m, const char *text)
{
	if (*text == '\0') {
		memset(m->palette, 0, sizeof(m->palette));
		m->palette_more = false;
	}
	while (*text != '\0') {
		const char *number = text;
		size_t len = field(number, &text);
		struct cons_modes_value *v = colour_at(m, number, len);

		if (v != NULL)
			v->text[0] = '\0';
	}
}

/* OSC 10 to 19: each further colour is the next one's. */
static void
set_dynamic(struct cons_modes *m, unsigned int i, const char *text)
{
	while (*text != '\0' && i < RTE_DIM(m->dynamic)) {
		const char *colour = text;
		size_t len = field(colour, &text);

		if (len > 0 && colour[0] != '?')
			cons_modes_value_set(&m->dynamic[i], colour, len);
		i++;
	}
}

/* OSC 5: special colours. @return whether any is set. */
static bool
sets_special(const char *text)
{
	const char *colour = strchr(text, ';');

	return colour != NULL && colour[1] != '?' && colour[1] != '\0';
}

/* OSC 21: kitty's names for colours; without a value as at first. Undone as if each were set. */
static void
set_named(struct cons_modes *m, const char *text)
{
	const char *value = strchr(text, '=');

	if (value == NULL || value[1] == '?' || value[1] == '\0')
		return;
	m->palette_more = true;
	for (size_t i = 0; i < RTE_DIM(m->dynamic); i++) {
		if (m->dynamic[i].text[0] == '\0')
			m->dynamic[i].text[0] = '?';
	}
}

/* OSC 8: parameters;address. */
static void
set_link(struct cons_modes *m, const char *text)
{
	const char *address = strchr(text, ';');

	memset(m->link, 0, sizeof(m->link));
	if (address != NULL && address[1] != '\0')
		memcpy(m->link, text, strlen(text));
}

static void
operating(struct cons_modes *m, unsigned long number, const char *text)
{
	switch (number) {
	case 4:
		set_palette(m, text);
		break;
	case 5:
		m->special = m->special || sets_special(text);
		break;
	case 8:
		set_link(m, text);
		break;
	case 9:
		if (text[0] == '4' && text[1] == ';')
			cons_modes_value_set(&m->progress, text, text[2] != '0' ? strlen(text) : 0);
		break;
	case 21:
		set_named(m, text);
		break;
	case 22:
		if (text[0] != '?')
			cons_modes_value_set(&m->pointer, text, strlen(text));
		break;
	case 104:
		reset_palette(m, text);
		break;
	case 105:
		m->special = false;
		break;
	default:
		if (number >= 10 && number <= 19)
			set_dynamic(m, (unsigned int)number - 10, text);
		else if (number >= 110 && number <= 119)
			m->dynamic[number - 110].text[0] = '\0';
		break;
	}
}

/* Longer than what is kept: what it may have set is undone. */
static void
long_string(struct cons_modes *m, unsigned long number)
{
	if (number == 4 || number == 21)
		m->palette_more = true;
	else if (number == 8)
		m->link[0] = '?';
	else if (number >= 10 && number <= 19)
		m->dynamic[number - 10].text[0] = '?';
}

void
cons_modes_string(struct cons_modes *m)
{
	bool whole = m->text_len < CONS_MODES_STRING;
	char text[CONS_MODES_STRING];
	unsigned long number;
	char *rest;

	memcpy(text, m->text, m->text_len);
	text[whole ? m->text_len : CONS_MODES_STRING - 1] = '\0';
	if (m->string == 'P' && (strcmp(text, "=1s") == 0 || strcmp(text, "=2s") == 0))
		m->held_back = text[1] == '1';
	if (m->string != ']')
		return;
	if (text[0] == 'P' || text[0] == 'R')
		m->linux_palette = text[0] == 'P';
	if (text[0] < '0' || text[0] > '9')
		return;
	number = strtoul(text, &rest, 10);
	if (*rest != ';' && *rest != '\0')
		return;
	if (whole)
		operating(m, number, rest + (*rest == ';'));
	else
		long_string(m, number);
}
