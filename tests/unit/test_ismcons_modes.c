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
	/* Nobody's business: modes that are not known, or are so at first. */
	{ "\033[19h\033[?1034h\033[12h\033[?4294967321l\033[?65561l", "", "" },
	/* Modes that are not private. */
	{ "\033[4h\033[20h", "\033[4l\033[20l", "\033[4h\033[20h" },
	{ "\033[4;2h\033[12l", "\033[2l\033[4l\033[12h", "\033[2h\033[4h\033[12l" },
	{ "\033[4h\033[20;4l\033[4h\033[!p", "", "" },
	{ "\033[>25l\033[25l\033[?25 l\033[?25$p\033[?25l\033[?25h", "", "" },
	{ "\033[?;;25l", "\033[?25h", "\033[?25l" },
	/* Attributes, margins, keys that tell more, the cursor's shape. */
	{ "\033[1;31mred", "\033[m", "\033[1m\033[31m" },
	{ "\033[0;1m", "\033[m", "\033[1m" },
	{ "\033[1;3;4:3;38;5;123;48:2::1:2:3m\033[22;34m", "\033[m",
	  "\033[3m\033[4:3m\033[34m\033[48:2:0:1:2:3m" },
	{ "\033[7;9;53;58;2;1;2;3;105m\033[27;29m", "\033[m", "\033[105m\033[53m\033[58;2;1;2;3m" },
	{ "\033[4:3m\033[4:0m\033[1;2m\033[22m\033[31m\033[39m", "", "" },
	{ "\033[#{\033[1m\033[#{\033[#}", "\033[#}\033[m", "\033[#{\033[1m" },
	{ "\033[1mx\033[m\033[38:5:1mx\033[0m\033[4m\033[;0m", "", "" },
	{ "\033[2;20r", "\0337\033[r\0338", "\0337\033[2;20r\0338" },
	{ "\033[?69h\033[5;70s", "\033[?69l", "\033[?69h\0337\033[5;70s\0338" },
	{ "\033[s\033[5;70s", "", "" },
	{ "\033[2;20r\033[?7s\033[r", "", "" },
	{ "\033[>4;2m", "\033[>4m", "\033[>4;2m" },
	{ "\033[>4;2m\033[>4;m\033[?4m", "", "" },
	{ "\033[>1;3m\033[>4;1m\033[>2n", "\033[>1m\033[>2m\033[>4m",
	  "\033[>1;3m\033[>2n\033[>4;1m" },
	{ "\033[>4;2m\033[>1;3m\033[>m", "", "" },
	{ "\033[>4;1f", "\033[>4f", "\033[>4;1f" },
	{ "\033[5 q", "\033[0 q", "\033[5 q" },
	/* The kitty keyboard: a stack for each screen, and flags below it. */
	{ "\033[>5u", "\033[<1u", "\033[>5u" },
	{ "\033[>1u\033[>u\033[=3u\033[=4;2u\033[=1;3u", "\033[<2u", "\033[>1u\033[>6u" },
	{ "\033[>1u\033[>2u\033[<u\033[<2u", "", "" },
	{ "\033[=5u", "\033[=0u", "\033[=5u" },
	{ "\033[=5;1u\033[=0u", "", "" },
	{ "\033[>1u\033[?1049h\033[>3u", "\033[<1u\033[?1049l\033[<1u",
	  "\033[>1u\033[?1049h\033[>3u" },
	{ "\033[?1049h\033[>3u\033[?1049l", "\033[?47h\033[<1u\033[?47l", "" },
	{ "\033[>3u\033c\033[?u", "", "" },
	/* Character sets. */
	{ "\033(0\016x", "\033(B\017", "\033(0\016" },
	{ "\033(0\016x\017\033(B", "", "" },
	{ "\033)0\033*A\033.B\033+%5", "\033)B\033*B\033+B", "\033)0\033.B\033+%5" },
	{ "\033$B\033$)C\033n\033|", "\033(B\033)B\017\033}", "\033$B\033$)C\033n\033|" },
	{ "\033%@", "\033%G", "\033%@" },
	{ "\033%@\033%G\033(0\033[!p", "", "" },
	/* What DEC's terminals have besides. */
	{ "\033 G\033[61\"p", "\033 F\033[62;1\"p\033[64;1\"p", "\033 G\033[61\"p" },
	{ "\033[?2l", "\033<", "\033[?2l" },
	{ "\033[?2l\033<\033V\033W", "", "" },
	{ "\033V\033[1\"q\033[2*x", "\033[0\"q\033[0*x\033W", "\033[1\"q\033[2*x\033V" },
	{ "\033[1$}\033[2$~\033[1'z", "\033[0$}\033[0$~\033[0'z", "\033[1$}\033[2$~\033[1'z" },
	{ "\033[5i\033[?5i", "\033[4i\033[?4i", "\033[5i\033[?5i" },
	{ "\033[i\033[0i\033[5i\033[4i\033[>2p\033[>1p", "", "" },
	{ "\033[?5;8;12l\033[?5;12h", "\033[?5l\033[?8h\033[?12l", "\033[?5h\033[?8l\033[?12h" },
	{ "\033[?1004h\033[?1004s\033[?1004l\033[?1004r", "\033[?1004l", "\033[?1004h" },
	{ "\033[?1;25s\033[?1h\033[?25l\033[?1;25r", "", "" },
	{ "\033[?9001h\033[?2031;2048h", "\033[?2031l\033[?2048l\033[?9001l",
	  "\033[?2031h\033[?2048h\033[?9001h" },
	{ "\033[?17;0;64c\033[2q", "\033[?0c\033[0q", "\033[?17;0;64c\033[2q" },
	/* Titles, colours, links. */
	{ "\033[22;0t\033[22;2t\033[23t\033[8;1;1t", "\033[23;0t", "\033[22;0t" },
	{ "\033]11;#123456\a\033]12;red\033\\", "\033]111\033\\\033]112\033\\",
	  "\033]11;#123456\033\\\033]12;red\033\\" },
	{ "\033]10;?;black\a", "\033]111\033\\", "\033]11;black\033\\" },
	{ "\033]11;?\a\033]4;1;?\a\033]22;?x\a\033]5;0;?\a", "", "" },
	{ "\033]11;red\a\033]111\a\033]4;1;red\a\033]104\a\033]5;1;red\a\033]105\a", "", "" },
	{ "\033]4;1;red;2;?;3;rgb:1/2/3\a\033]104;1\a", "\033]104\033\\",
	  "\033]4;3;rgb:1/2/3\033\\" },
	{ "\033]P1aabbcc", "\033]R", "" },
	{ "\033]P1aabbcc\033]R", "", "" },
	{ "\033]8;id=1;http://x/\a", "\033]8;;\033\\", "\033]8;id=1;http://x/\033\\" },
	{ "\033]8;;http://x/\a\033]8;;\a\033]9;4;1;50\a\033]9;4;0\a\033]9;word\a", "", "" },
	{ "\033]9;4;1;50\a\033]22;text\a", "\033]22;\033\\\033]9;4;0\033\\",
	  "\033]22;text\033\\\033]9;4;1;50\033\\" },
	{ "\033P=1s\033\\", "\033P=2s\033\\", "\033P=1s\033\\" },
	/* Controls of eight bits as UTF-8 has them, and what only looks like one. */
	{ "\302\233?25l\302\23511;red\302\234", "\033[?25h\033]111\033\\",
	  "\033[?25l\033]11;red\033\\" },
	{ "\233?25l\342\226\233?25l\303\233?25l", "", "" },
	{ "\033[5 q\033[ q\033[3q\033[q", "", "" },
	/* All goes at a reset, a part at a soft one. */
	{ "\033[?1049h\033[?25l\033=\033[1m\033[2r\033c", "", "" },
	{ "\033[?1h\033[?6h\033[?25l\033[?1000h\033=\033[1m\033[2r\033[!p", "\033[?1000l",
	  "\033[?1000h" },
	/* What looks like a sequence within a title, a device's string, a charset. */
	{ "\033]0;\033", "\033\\", "" },
	{ "\033]0;[?25l\a\033]2;[?25l\033\\", "", "" },
	{ "\033P[?1049h\033\\\033_[?25l\033\\\033^[?25l\033\\\033X[?25l\033\\", "", "" },
	{ "\033(B\033)B\033#8\033%G\033 F[?25l", "", "" },
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

/* Stops are where they are at first; there is no telling where they were. */
static void
tabs(void **state)
{
	char text[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 };

	feed(&m, "\033[3g", 1);
	assert_int_equal(cons_modes_redo(&m, text), 0);
	cons_modes_feed(&m, (uint8_t *)text, cons_modes_undo(&m, text));
	assert_memory_equal(text, "\0337\r\033[3g\033[8C\033H\033[8C\033H", 19);
	assert_int_equal(cons_modes_undo(&m, text), 0);
}

/* On a terminal of eight bits controls are bytes. */
static void
eight_bits(void **state)
{
	struct cons_modes m = { .eight_bits = true };
	char text[CONS_MODES_TEXT_MAX];

	feed(&m, "\233?25l\23511;red\234\233?2004h\033%G\302\2331m", 3);
	check("eight bits", "undo", text, cons_modes_undo(&m, text),
	      "\033%@\033[?25h\033[?2004l\033[m\033]111\033\\");
}

/* How keys are told: it is asked at every key. */
static void
keys(void **state)
{
	static const struct {
		const char *out;
		unsigned int keys;
	} rows[] = {
		{ "", 0 },
		{ "\033[>u", 0 },
		{ "\033[>1u", CONS_KEYS_ENCODED },
		{ "\033[>1u\033[<u", 0 },
		{ "\033[>1u\033[?1049h", 0 },
		{ "\033[>1u\033[?1049h\033[?1049l", CONS_KEYS_ENCODED },
		{ "\033[=1u", CONS_KEYS_ENCODED },
		{ "\033[>4;1m", CONS_KEYS_ENCODED },
		{ "\033[>4;2m\033[>4n", 0 },
		{ "\033[>4;2m\033[>4m", 0 },
		{ "\033[>1;2m", 0 },
		{ "\033[?9001h", CONS_KEYS_WIN32 },
		{ "\033[?9001h\033[>8u\033[?9001l", CONS_KEYS_ENCODED },
		{ "\033[>1u\033c", 0 },
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct cons_modes m = { 0 };

		feed(&m, rows[i].out, 3);
		if (cons_modes_keys(&m) != rows[i].keys)
			fail_msg("'%s': %u", rows[i].out, cons_modes_keys(&m));
	}
}

/* A stack that is deeper than what is kept of it is popped as often as it was pushed. */
static void
deep_stack(void **state)
{
	char text[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 };

	for (int i = 0; i < 20; i++)
		feed(&m, i < 10 ? "\033[>1u" : "\033[>3u", 8);
	check("20 times", "undo", text, cons_modes_undo(&m, text), "\033[<20u");
	feed(&m, "\033[<10u", 8);
	assert_int_equal(cons_modes_keys(&m), CONS_KEYS_ENCODED);
	feed(&m, "\033[<99u", 8);
	assert_int_equal(cons_modes_undo(&m, text), 0);
}

/* Every mode at once has room in the text. */
static void
everything(void **state)
{
	char text[CONS_MODES_TEXT_MAX], again[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 };
	char out[64];

	for (unsigned int i = 0; i <= 10000; i++) {
		snprintf(out, sizeof(out), "\033[?%u%c", i,
			 i == 7 || i == 8 || i == 25 ? 'l' : 'h');
		feed(&m, out, sizeof(out));
	}
	feed(&m, "\033=\033[1m\033[2r\033[>4;2m\033[1 q\033[", 100);
	for (unsigned int i = 0; i < 300; i++) {
		snprintf(out, sizeof(out), "\033]4;%u;rgb:aaaa/bbbb/cccc\a\033[>31u\033[22;0t", i);
		feed(&m, out, sizeof(out));
		snprintf(out, sizeof(out), "\033]%u;rgb:1a/2b/3c4d5\a\033[#{\033[#P", 10 + i % 10);
		feed(&m, out, sizeof(out));
		snprintf(out, sizeof(out), "\033[%u:2:255:255:255:255m\033[%uh", i, i);
		feed(&m, out, sizeof(out));
	}
	feed(&m, "\033[3g\033(0\033)0\033*0\033+0\033[", 100);
	assert_in_range(cons_modes_redo(&m, text), 2000, sizeof(text) - 200);
	assert_in_range(cons_modes_undo(&m, text), 150, sizeof(text) - 200);
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
		cmocka_unit_test(sequences),  cmocka_unit_test(there_and_back),
		cmocka_unit_test(tabs),	      cmocka_unit_test(eight_bits),
		cmocka_unit_test(keys),	      cmocka_unit_test(deep_stack),
		cmocka_unit_test(everything), cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
