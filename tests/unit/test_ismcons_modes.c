/* SPDX-License-Identifier: BSD-3-Clause */
/* What output switches on in a terminal, and what undoes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "cons_modes.h"

/* The output, cut into pieces of so many bytes. */
static void
feed(struct cons_modes *m, const char *out, size_t piece)
{
	size_t len = strlen(out);

	for (size_t at = 0; at < len; at += piece)
		cons_modes_feed(m, (const uint8_t *)out + at, RTE_MIN(piece, len - at));
}

static const struct {
	const char *out, *undo, *redo;
} table[] = {
	{ "plain text\r\n\a\t", "", "" },
	/* Screens, cursor, mouse, paste, keys. */
	{ "\033[?1049h", "\033[?1049l", "\033[?1049h" },
	{ "\033[?1049h\033[?25l\033[2J\033[?25h\033[?1049l", "", "" },
	{ "\033[?47hx", "\033[?47l", "\033[?47h" },
	{ "\033[?25l", "\033[?25h", "\033[?25l" },
	{ "\033[?7l", "\033[?7h", "\033[?7l" },
	{ "\033[?7h\033[?25h", "", "" },
	{ "\033[?1000;1006h", "\033[?1000l\033[?1006l", "\033[?1000h\033[?1006h" },
	{ "\033[?1006h\033[?1002;1006;1l", "", "" },
	{ "\033[?2004h$ ", "\033[?2004l", "\033[?2004h" },
	{ "\033[?1h\033=", "\033>\033[?1l", "\033=\033[?1h" },
	{ "\033[?1h\033=\033[?1l\033>", "", "" },
	/* Nobody's business: modes that are not private, or that people set for themselves. */
	{ "\033[4h\033[20h\033[?12h\033[?1034h\033[?4294967321l\033[?65561l", "", "" },
	{ "\033[>25l\033[25l\033[?25 l\033[?25$p\033[?25l\033[?25h", "", "" },
	{ "\033[?;;25l", "\033[?25h", "\033[?25l" },
	/* Attributes, margins, keys that tell more, the cursor's shape. */
	{ "\033[1;31mred", "\033[m", "" },
	{ "\033[0;1m", "\033[m", "" },
	{ "\033[1mx\033[m\033[38:5:1mx\033[0m\033[4m\033[;0m", "", "" },
	{ "\033[2;20r", "\0337\033[r\0338", "" },
	{ "\033[2;20r\033[?7s\033[r", "", "" },
	{ "\033[>4;2m", "\033[>4m", "\033[>4;2m" },
	{ "\033[>4;2m\033[>4;m\033[>1;3m\033[?4m", "", "" },
	{ "\033[5 q", "\033[0 q", "" },
	{ "\033[5 q\033[ q\033[3q", "", "" },
	/* All goes at a reset, a part at a soft one. */
	{ "\033[?1049h\033[?25l\033=\033[1m\033[2r\033c", "", "" },
	{ "\033[?1h\033[?6h\033[?25l\033[?1000h\033=\033[1m\033[2r\033[!p", "\033[?1000l",
	  "\033[?1000h" },
	/* What looks like a sequence within a title, a device's string, a charset. */
	{ "\033]0;\033", "\033\\", "" },
	{ "\033]0;[?25l\a\033]2;[?25l\033\\", "", "" },
	{ "\033P[?1049h\033\\\033_[?25l\033\\\033^[?25l\033\\\033X[?25l\033\\", "", "" },
	{ "\033(0\033)B\033#8\033%G\033 F[?25l", "", "" },
	{ "\033\033[?25l", "\033[?25h", "\033[?25l" },
	/* Broken off by another one, or by CAN; controls in the midst of it count for nothing. */
	{ "\033[?2\033[?25l", "\033[?25h", "\033[?25l" },
	{ "\033[?25\030l\033[?25\032l\033]0;\030", "", "" },
	{ "\033[\r?2\n5l", "\033[?25h", "\033[?25l" },
	/* Not complete: what comes next must not be taken for the rest of it. */
	{ "\033", "\033\\", "" },
	{ "\033[?25", "\033\\", "" },
	{ "\033[?1049h\033]0;title", "\033\\\033[?1049l", "\033[?1049h" },
	/* More numbers than there is room for, and what is none. */
	{ "\033[?1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;25l", "\033[?25h", "\033[?25l" },
	{ "\033[?1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;25l", "", "" },
	{ "\033[??25l\033[?25?l\033[ 25l", "", "" },
	{ "\033[?\303\244\033[?25l", "\033[?25h", "\033[?25l" },
};

static void
check(const char *out, const char *what, const char *got, size_t len, const char *want)
{
	if (len != strlen(want) || memcmp(got, want, len) != 0)
		fail_msg("%s of '%s' is '%.*s', not '%s'", what, out, (int)len, got, want);
}

static void
sequences(void **state)
{
	char text[CONS_MODES_TEXT_MAX];

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		for (size_t piece = 1; piece <= strlen(table[i].out); piece++) {
			struct cons_modes m = { 0 };

			feed(&m, table[i].out, piece);
			check(table[i].out, "undo", text, cons_modes_undo(&m, text), table[i].undo);
			check(table[i].out, "redo", text, cons_modes_redo(&m, text), table[i].redo);
		}
	}
}

/* Undone, a terminal is as it was; done again, it needs the same undoing. */
static void
there_and_back(void **state)
{
	char text[CONS_MODES_TEXT_MAX], again[CONS_MODES_TEXT_MAX];

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct cons_modes m = { 0 }, other = { 0 };
		size_t len;

		feed(&m, table[i].out, 1);
		len = cons_modes_redo(&m, text);
		cons_modes_feed(&other, (uint8_t *)text, len);
		assert_int_equal(cons_modes_redo(&other, again), len);
		assert_memory_equal(again, text, len);
		cons_modes_feed(&m, (uint8_t *)text, cons_modes_undo(&m, text));
		assert_int_equal(cons_modes_undo(&m, again), 0);
	}
}

/* Every mode at once has room in the text. */
static void
everything(void **state)
{
	char text[CONS_MODES_TEXT_MAX], again[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 };
	char out[16];

	for (unsigned int i = 0; i <= 10000; i++) {
		snprintf(out, sizeof(out), "\033[?%u%c", i, i == 7 || i == 25 ? 'l' : 'h');
		feed(&m, out, sizeof(out));
	}
	feed(&m, "\033=\033[1m\033[2r\033[>4;2m\033[1 q\033[", 100);
	assert_in_range(cons_modes_undo(&m, text), 150, sizeof(text) - 1);
	cons_modes_feed(&m, (uint8_t *)text, cons_modes_undo(&m, text));
	assert_int_equal(cons_modes_undo(&m, again), 0);
}

/* Whatever comes: texts stay within bounds, and what undoes it does. */
static void
noise(void **state)
{
	static const char parts[] = "\033\033\033[[[[>??  !$;:0124579hlmrqpc=>]P_^X\\\a\030x";
	char text[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 };
	unsigned int seed = 4711;

	for (unsigned int round = 0; round < 200000; round++) {
		uint8_t c = (uint8_t)parts[(unsigned int)rand_r(&seed) % (sizeof(parts) - 1)];

		cons_modes_feed(&m, &c, 1);
		if (round % 100 != 0)
			continue;
		assert_in_range(cons_modes_redo(&m, text), 0, sizeof(text) - 1);
		cons_modes_feed(&m, (uint8_t *)text, cons_modes_undo(&m, text));
		assert_int_equal(cons_modes_undo(&m, text), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(everything),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
