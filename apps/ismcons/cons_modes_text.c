/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What undoes the modes, and what does them again. The screen is left before what its return may
 * bring back (it keeps the character sets and attributes of when it was entered); margins, which
 * send the cursor home, come last.
 */
#include "cons_modes_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#define TAB_STOPS 40 /* that are set again, 8 columns apart */

struct text {
	char *to;
	size_t len;
};

/* All or nothing: a part of a sequence is worse than none. */
static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	size_t room = CONS_MODES_TEXT_MAX - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->to + t->len, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < room)
		t->len += (size_t)n;
}

static bool
is_set(const struct cons_modes_value *v)
{
	return v->text[0] != '\0';
}

/* Set, and known how. */
static bool
is_known(const struct cons_modes_value *v)
{
	return is_set(v) && v->text[0] != '?';
}

/* --- modes --- */

static void
add_modes(struct text *t, const struct cons_modes *m, bool undo)
{
	for (unsigned int i = 0; i < cons_private_count; i++) {
		const struct cons_mode *mode = &cons_private_modes[i];

		if ((m->private_modes & UINT64_C(1) << i) != 0 && mode->number != 2)
			add(t, "\033[?%u%c", mode->number, mode->on == undo ? 'h' : 'l');
	}
}

static void
add_ansi_modes(struct text *t, const struct cons_modes *m, bool undo)
{
	for (unsigned int i = 0; i < cons_ansi_count; i++) {
		const struct cons_mode *mode = &cons_ansi_modes[i];

		if ((m->ansi_modes & UINT32_C(1) << i) != 0)
			add(t, "\033[%u%c", mode->number, mode->on == undo ? 'h' : 'l');
	}
}

static void
redo_value(struct text *t, const struct cons_modes *m, unsigned int i)
{
	const struct cons_mode_value *row = &cons_mode_values[i];
	char prefix[2] = { (char)row->prefix }, between[2] = { (char)row->between };

	if (is_known(&m->values[i]))
		add(t, "%s\033[%s%s%s%c%s", row->before, prefix, m->values[i].text, between,
		    row->last, row->behind);
}

/* Those that need no place of their own. */
static void
add_values(struct text *t, const struct cons_modes *m, bool undo)
{
	for (unsigned int i = CONS_VALUE_MARGINS + 1; i < CONS_MODES_VALUES; i++) {
		if (!undo)
			redo_value(t, m, i);
		else if (is_set(&m->values[i]))
			add(t, "%s", cons_mode_values[i].undo);
	}
}

/* --- keys --- */

static void
undo_keyboard(struct text *t, const struct cons_modes_keyboard *k)
{
	if (k->depth > 0)
		add(t, "\033[<%uu", k->depth);
	if (k->first != 0)
		add(t, "\033[=0u");
}

/* In the screen that is not shown: it is shown for that. */
static void
undo_hidden_keyboard(struct text *t, const struct cons_modes_keyboard *k)
{
	if (k->depth == 0 && k->first == 0)
		return;
	add(t, "\033[?47h");
	undo_keyboard(t, k);
	add(t, "\033[?47l");
}

static void
redo_keyboard(struct text *t, const struct cons_modes_keyboard *k)
{
	if (k->first != 0)
		add(t, "\033[=%uu", k->first);
	for (unsigned int i = 0; i < k->depth; i++) {
		unsigned int lost = k->depth > CONS_MODES_STACK ? k->depth - CONS_MODES_STACK : 0;

		add(t, "\033[>%uu", i < lost ? 0 : k->flags[i - lost]);
	}
}

static void
add_keys(struct text *t, const struct cons_modes *m, bool undo)
{
	if (m->keypad)
		add(t, undo ? "\033>" : "\033=");
	for (unsigned int i = 0; i < CONS_MODES_KEYS; i++) {
		if (is_set(&m->keys[i]) && undo)
			add(t, "\033[>%um", i);
		else if (is_set(&m->keys[i]))
			add(t, "\033[>%s", m->keys[i].text);
	}
}

/* --- characters --- */

static void
undo_characters(struct text *t, const struct cons_modes *m)
{
	static const char sets[] = "()*+";
	bool attributes = m->attributes;

	for (size_t i = 0; i < RTE_DIM(m->charset); i++) {
		if (is_set(&m->charset[i]))
			add(t, "\033%cB", sets[i]);
	}
	if (m->left != 0)
		add(t, "\017");
	if (m->right != 0)
		add(t, "\033}");
	if (m->guarded)
		add(t, "\033W");
	for (unsigned int i = 0; i < m->attribute_sets; i++)
		add(t, "\033[#}");
	for (size_t i = 0; i < RTE_DIM(m->attribute); i++)
		attributes = attributes || is_set(&m->attribute[i]);
	if (attributes || m->attribute_sets > 0)
		add(t, "\033[m");
}

static void
redo_characters(struct text *t, const struct cons_modes *m)
{
	static const char *const left[] = { "", "\017", "\016", "\033n", "\033o" };
	static const char *const right[] = { "", "", "\033~", "\033}", "\033|" };

	for (size_t i = 0; i < RTE_DIM(m->charset); i++) {
		if (is_known(&m->charset[i]))
			add(t, "\033%s", m->charset[i].text);
	}
	add(t, "%s%s", left[m->left], right[m->right]);
	if (m->guarded)
		add(t, "\033V");
	for (unsigned int i = 0; i < m->attribute_sets; i++)
		add(t, "\033[#{");
	for (size_t i = 0; i < RTE_DIM(m->attribute); i++) {
		if (is_known(&m->attribute[i]))
			add(t, "\033[%sm", m->attribute[i].text);
	}
}

/* --- strings --- */

static void
undo_strings(struct text *t, const struct cons_modes *m)
{
	bool palette = m->palette_more;

	if (m->link[0] != '\0')
		add(t, "\033]8;;\033\\");
	for (size_t i = 0; i < RTE_DIM(m->palette); i++)
		palette = palette || is_set(&m->palette[i]);
	for (unsigned int i = 0; i < m->colour_sets; i++)
		add(t, "\033[#Q");
	if (palette)
		add(t, "\033]104\033\\");
	if (m->special)
		add(t, "\033]105\033\\");
	if (m->linux_palette)
		add(t, "\033]R");
	for (unsigned int i = 0; i < RTE_DIM(m->dynamic); i++) {
		if (is_set(&m->dynamic[i]))
			add(t, "\033]%u\033\\", 110 + i);
	}
	if (is_set(&m->pointer))
		add(t, "\033]22;\033\\");
	if (is_set(&m->progress))
		add(t, "\033]9;4;0\033\\");
}

static void
redo_strings(struct text *t, const struct cons_modes *m)
{
	if (m->link[0] != '\0' && m->link[0] != '?')
		add(t, "\033]8;%s\033\\", m->link);
	for (unsigned int i = 0; i < m->colour_sets; i++)
		add(t, "\033[#P");
	for (size_t i = 0; i < RTE_DIM(m->palette); i++) {
		if (is_known(&m->palette[i]))
			add(t, "\033]4;%s\033\\", m->palette[i].text);
	}
	for (unsigned int i = 0; i < RTE_DIM(m->dynamic); i++) {
		if (is_known(&m->dynamic[i]))
			add(t, "\033]%u;%s\033\\", 10 + i, m->dynamic[i].text);
	}
	if (is_known(&m->pointer))
		add(t, "\033]22;%s\033\\", m->pointer.text);
	if (is_known(&m->progress))
		add(t, "\033]9;%s\033\\", m->progress.text);
}

/* Every eight columns, from the left; a terminal that knows CSI ? 5 W has them in all columns. */
static void
undo_tabs(struct text *t)
{
	add(t, "\0337\r\033[3g");
	for (unsigned int i = 0; i < TAB_STOPS; i++)
		add(t, "\033[8C\033H");
	add(t, "\0338\033[?5W");
}

/* --- all of it --- */

static void
undo(struct text *t, const struct cons_modes *m)
{
	bool other = cons_modes_other_screen(m);

	if (cons_modes_is_set(m, 2))
		add(t, "\033<");
	if (m->other_charset)
		add(t, m->eight_bits ? "\033%%@" : "\033%%G");
	if (m->wide_controls)
		add(t, "\033 F");
	if (m->held_back)
		add(t, "\033P=2s\033\\");
	if (is_set(&m->values[CONS_VALUE_LEVEL]))
		add(t, "%s", cons_mode_values[CONS_VALUE_LEVEL].undo);
	add_keys(t, m, true);
	undo_keyboard(t, &m->keyboard[other]);
	add_values(t, m, true);
	add_ansi_modes(t, m, true);
	add_modes(t, m, true);
	if (other)
		undo_keyboard(t, &m->keyboard[0]);
	else
		undo_hidden_keyboard(t, &m->keyboard[1]);
	undo_characters(t, m);
	undo_strings(t, m);
	if (m->tabs)
		undo_tabs(t);
	for (unsigned int i = 0; i < m->titles; i++)
		add(t, "\033[23;0t");
	if (is_set(&m->values[CONS_VALUE_MARGINS]))
		add(t, "%s", cons_mode_values[CONS_VALUE_MARGINS].undo);
}

size_t
cons_modes_undo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX])
{
	static const char st[] = "\033\\";
	struct text t = { .to = text };
	struct cons_modes ended;

	if (m->state == 0) {
		undo(&t, m);
		return t.len;
	}
	/* A string that ends now may set something, too. */
	ended = *m;
	cons_modes_feed(&ended, (const uint8_t *)st, sizeof(st) - 1);
	add(&t, "%s", st);
	undo(&t, &ended);
	return t.len;
}

size_t
cons_modes_redo(const struct cons_modes *m, char text[CONS_MODES_TEXT_MAX])
{
	struct text t = { .to = text };

	for (unsigned int i = 0; i < m->titles; i++)
		add(&t, "\033[22;0t");
	if (m->wide_controls)
		add(&t, "\033 G");
	redo_value(&t, m, CONS_VALUE_LEVEL);
	redo_keyboard(&t, &m->keyboard[0]);
	add_keys(&t, m, false);
	add_modes(&t, m, false);
	if (cons_modes_other_screen(m))
		redo_keyboard(&t, &m->keyboard[1]);
	add_values(&t, m, false);
	add_ansi_modes(&t, m, false);
	redo_characters(&t, m);
	redo_strings(&t, m);
	redo_value(&t, m, CONS_VALUE_MARGINS);
	if (m->held_back)
		add(&t, "\033P=1s\033\\");
	if (m->other_charset)
		add(&t, m->eight_bits ? "\033%%G" : "\033%%@");
	if (cons_modes_is_set(m, 2))
		add(&t, "\033[?2l");
	return t.len;
}
