/* SPDX-License-Identifier: BSD-3-Clause */
/* The escape prefix of dpdk-ismcons: which there may be, and what it does to what is typed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "cons_escape.h"
#include "cons_modes.h"

static void
prefixes(void **state)
{
	static const struct {
		const char *text;
		int prefix; /* -2: refused */
	} table[] = {
		{ "none", -1 }, { "^_", 0x1f }, { "_", 0x1f },	{ "^]", 0x1d }, { "^^", 0x1e },
		{ "^", 0x1e },	{ "a", 1 },	{ "A", 1 },	{ "^a", 1 },	{ "^T", 20 },
		{ "x", 24 },	{ "c", -2 },	{ "D", -2 },	{ "^Q", -2 },	{ "s", -2 },
		{ "^z", -2 },	{ "h", -2 },	{ "i", -2 },	{ "j", -2 },	{ "m", -2 },
		{ "", -2 },	{ "aa", -2 },	{ "^aa", -2 },	{ "1", -2 },	{ "^1", -2 },
		{ "^[", -2 },	{ "~", -2 },	{ "None", -2 }, { "\xe4", -2 },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		int prefix = -2;
		int ret = cons_escape_parse(table[i].text, &prefix);

		if (prefix != table[i].prefix || ret != (prefix == -2 ? -EINVAL : 0))
			fail_msg("'%s': %d", table[i].text, prefix);
	}
}

static void
names(void **state)
{
	char buf[CONS_ESCAPE_NAME_MAX];

	assert_string_equal(cons_escape_name(0x1f, buf), "Ctrl-_");
	assert_string_equal(cons_escape_name(1, buf), "Ctrl-A");
	assert_string_equal(cons_escape_name(-1, buf), "none");
}

/*
 * What comes of `in`, cut into pieces of `piece` bytes: what is passed on, and a letter for each
 * action in angle brackets.
 */
static void
run(int prefix, const char *in, size_t len, size_t piece, char *result)
{
	static const char *const letters[] = { "", "<.>", "<b>", "<r>", "<?>" };
	struct cons_escape e = { .prefix = prefix };
	size_t done = 0;

	result[0] = '\0';
	while (done < len) {
		size_t left = RTE_MIN(piece, len - done), n;
		enum cons_escape_action action;
		uint8_t out[256];

		while (left > 0) {
			size_t used = cons_escape_feed(&e, (const uint8_t *)in + done, left, out,
						       &n, &action);

			assert_true(used > 0 && used <= left && n <= used);
			strncat(result, (const char *)out, n);
			strcat(result, letters[action]);
			done += used;
			left -= used;
		}
	}
}

static void
typed(void **state)
{
	static const struct {
		int prefix;
		const char *in, *result;
	} table[] = {
		{ 0x1f, "plain\r\n\003\032", "plain\r\n\003\032" },
		{ 0x1f, "a\x1f.b", "a<.>b" },
		{ 0x1f,
		  "a\x1f"
		  "db",
		  "a<.>b" },
		{ 0x1f,
		  "\x1f"
		  "b\x1f"
		  "b",
		  "<b><b>" },
		{ 0x1f, "\x1frx", "<r>x" },
		{ 0x1f, "\x1f?\x1fh", "<?><?>" },
		{ 0x1f, "\x1f\x1f", "\x1f" },
		{ 0x1f, "\x1f\x1f.", "\x1f." },
		{ 0x1f, "\x1f\x1f\x1f.", "\x1f<.>" },
		{ 0x1f, "\x1f\x1f\x1f\x1f", "\x1f\x1f" },
		/* No command: dropped, and the prefix with it. */
		{ 0x1f, "a\x1fzb", "ab" },
		{ 0x1f, "a\x1f\rb", "ab" },
		{ 1, "\x1f.\001.", "\x1f.<.>" },
		{ -1, "\x1f.\001.\xff", "\x1f.\001.\xff" },
		/* Alone at the end: nothing yet. */
		{ 0x1f, "abc\x1f", "abc" },
	};
	char result[512];

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		for (size_t piece = 1; piece <= 8; piece++) {
			run(table[i].prefix, table[i].in, strlen(table[i].in), piece, result);
			if (strcmp(result, table[i].result) != 0)
				fail_msg("row %zu, pieces of %zu", i, piece);
		}
	}
}

/* --- keyboard protocols --- */

#define KITTY CONS_KEYS_ENCODED
#define WIN CONS_KEYS_WIN32
/* Ctrl-_ as most say it, and what leaves. */
#define P "\033[45;6u"
#define DOT "."

/* As run(), with keys told so; at the end what is held is given up. */
static void
run_keys(int prefix, unsigned int keys, const char *in, size_t piece, char *result)
{
	static const char *const letters[] = { "", "<.>", "<b>", "<r>", "<?>" };
	struct cons_escape e = { .prefix = prefix, .keys = keys };
	size_t len = strlen(in), n;
	uint8_t out[256];

	result[0] = '\0';
	for (size_t done = 0; done < len;) {
		enum cons_escape_action action;
		size_t part = RTE_MIN(piece, len - done);

		while (part > 0) {
			size_t used = cons_escape_feed(&e, (const uint8_t *)in + done, part, out,
						       &n, &action);

			assert_true(used > 0 && used <= part && n <= used + CONS_KEY_MAX);
			strncat(result, (const char *)out, n);
			strcat(result, letters[action]);
			done += used;
			part -= used;
		}
	}
	assert_true((cons_escape_wait_ms(&e) == 0) == (e.held_len == 0));
	strncat(result, (const char *)out, cons_escape_flush(&e, out));
	assert_int_equal(cons_escape_wait_ms(&e), 0);
}

static void
check_keys(int prefix, unsigned int keys, const char *in, const char *want)
{
	char result[1024];

	for (size_t piece = 1; piece <= strlen(in); piece++) {
		run_keys(prefix, keys, in, piece, result);
		if (strcmp(result, want) != 0)
			fail_msg("'%s' in pieces of %zu: '%s', not '%s'", in, piece, result, want);
	}
}

/* Each way in which a terminal says the prefix. */
static const struct {
	int prefix;
	const char *seq;
} prefix_forms[] = {
	/* The character, with or without Shift; the key of it, with Shift told or not. */
	{ 0x1f, "\033[95;5u" },
	{ 0x1f, "\033[95;6u" },
	{ 0x1f, "\033[45;6u" },
	{ 0x1f, "\033[45:95;6u" },
	{ 0x1f, "\033[45:95:45;6u" },
	{ 0x1f, "\033[45::45;6u" },
	{ 0x1f, "\033[8211:95:45;6u" },
	{ 0x1f, "\033[31u" },
	/* Caps Lock, Num Lock, both; events. */
	{ 0x1f, "\033[45;70u" },
	{ 0x1f, "\033[45;134u" },
	{ 0x1f, "\033[45:95;198u" },
	{ 0x1f, "\033[95;69:1u" },
	{ 0x1f, "\033[45:95;6:1u" },
	{ 0x1f, "\033[45:95;6;u" },
	/* xterm. */
	{ 0x1f, "\033[27;5;95~" },
	{ 0x1f, "\033[27;6;95~" },
	{ 0x1f, "\033[27;6;45~" },
	{ 0x1f, "\033[27;134;95~" },
	/* The character as it always was. */
	{ 0x1f, "\037" },
	{ 0x1d, "\033[93;5u" },
	{ 0x1d, "\033[27;5;93~" },
	{ 0x1d, "\033[57:93;6u" },
	{ 0x1d, "\033[1098:1066:93;5u" },
	{ 0x1e, "\033[54;6u" },
	{ 0x1e, "\033[54:94;6u" },
	{ 0x1e, "\033[94;5u" },
	{ 0x1e, "\033[27;6;94~" },
	{ 1, "\033[97;5u" },
	{ 1, "\033[97;69u" },
	{ 1, "\033[97:65;6u" },
	{ 1, "\033[27;5;65~" },
	{ 1, "\033[1092::97;5u" },
	{ 24, "\033[120;133:1u" },
};

static const struct {
	const char *seq, *result;
} command_forms[] = {
	{ ".", "<.>" },
	{ "d", "<.>" },
	{ "\033[46u", "<.>" },
	{ "\033[46;1u", "<.>" },
	{ "\033[46;129u", "<.>" },
	{ "\033[46;;46u", "<.>" },
	{ "\033[46;65:1;46u", "<.>" },
	{ "\033[46;5u", "<.>" },
	{ "\033[59:46;2u", "<.>" },
	{ "\033[57409u", "<.>" },
	{ "\033[27;5;46~", "<.>" },
	{ "\033[100u", "<.>" },
	{ "\033[100;65u", "<.>" },
	{ "\033[98;;98u", "<b>" },
	{ "\033[114u", "<r>" },
	{ "\033[1088::114u", "<r>" },
	{ "\033[47;2u", "<?>" },
	{ "\033[47:63;2u", "<?>" },
	{ "\033[223:63;2;63u", "<?>" },
	{ "\033[63;2u", "<?>" },
	{ "\033[27;2;63~", "<?>" },
	{ "\033[104;129u", "<?>" },
	/* None: dropped with the prefix, whole. */
	{ "x", "" },
	{ "\033[120u", "" },
	{ "\033[100;2u", "" },
	{ "\033[100;5u", "" },
	{ "\033[46;3u", "" },
	{ "\033[27u", "" },
	{ "\033[A", "" },
	{ "\033[1;5H", "" },
	{ "\033[15;5~", "" },
};

static void
encoded(void **state)
{
	char in[256], want[256];

	for (size_t i = 0; i < RTE_DIM(prefix_forms); i++) {
		int prefix = prefix_forms[i].prefix;
		const char *seq = prefix_forms[i].seq;

		for (size_t k = 0; k < RTE_DIM(command_forms); k++) {
			snprintf(in, sizeof(in), "a%s%sb", seq, command_forms[k].seq);
			snprintf(want, sizeof(want), "a%sb", command_forms[k].result);
			check_keys(prefix, KITTY, in, want);
		}
		/* Twice: the second as it came. */
		snprintf(in, sizeof(in), "%s%sx", seq, seq);
		snprintf(want, sizeof(want), "%sx", seq);
		check_keys(prefix, KITTY, in, want);
		/* No protocol, no prefix: nobody's business. */
		if (seq[0] != '\033')
			continue;
		snprintf(in, sizeof(in), "%s.", seq);
		check_keys(prefix, 0, in, in);
		check_keys(-1, KITTY, in, in);
		check_keys(7, KITTY, in, in);
	}
}

/* Keys that are not the prefix, and what is no key, pass as they came. */
static void
others(void **state)
{
	static const char *const table[] = {
		"\033",
		"\033\033",
		"\033[",
		"\033[4",
		"\033[45;6",
		"\033x",
		"\033O\033OP",
		"\033]x\033\\",
		"\033[45;5u.",
		"\033[45:54;6u.",
		"\033[95;7u.",
		"\033[95;13u.",
		"\033[95;1u.",
		"\033[45:95;2u.",
		"\033[47;5u.",
		"\033[97;5u\033[46u",
		"\033[A\033[1;5A\033[15~\033[200~.\033[201~",
		"\033[?1;2c\033[12;5R\033[<0;1;2M\033[I\033[O\033[?5u\033[8;24;80t",
		"\033[u\033[;6u.",
		"\033[45;6x.",
		"\033[45;6 u.",
		"\033[45;6\r.",
		"\033[>45;6u.",
		"\033[27;5;95;1~.",
		"\033[27;5~.",
		"\033[28;5;95~.",
		"\033[57442;5u\033[57442;5:3u",
		"\033[31;0;31;1;8;1_.",
		"\033[1;2;3;4;5;6;7;8u",
		"\033[00000000000000000000000000000000000000000000000000000000000000000045;6u.",
	};

	for (size_t i = 0; i < RTE_DIM(table); i++)
		check_keys(0x1f, KITTY, table[i], table[i]);
	/* What a terminal reports may come between prefix and command. */
	check_keys(0x1f, KITTY, P "\033[I\033[3;4R\033[<35;1;2M.",
		   "\033[I\033[3;4R\033[<35;1;2M<.>");
	check_keys(0x1f, KITTY, P "\033.", ".");
	/* An escape sequence broken off by another. */
	check_keys(0x1f, KITTY, "\033[4" P DOT, "\033[4<.>");
	check_keys(0x1f, KITTY, "\033" P DOT, "\033<.>");
}

/* Releases and repetitions: of keys that were taken they are taken, of others they pass. */
static void
events(void **state)
{
	static const struct {
		const char *in, *want;
	} table[] = {
		{ "\033[45;6:1u\033[45;6:3u.", "<.>" },
		{ "\033[45;6:1u\033[45;6:2u\033[45;6:2u\033[45;6:3u\033[46;1:1u\033[46;1:3u",
		  "<.>" },
		{ "\033[45;6:1u\033[45;1:3ub\033[45;1:3u", "<b>\033[45;1:3u" },
		/* With Shift and Ctrl told, which pass. */
		{ "\033[57442;5u\033[57441;6u\033[45;6u\033[45;6:3u\033[57441;5:3u\033[57442;1:3u"
		  "\033[114u\033[114;1:3u\033[114u",
		  "\033[57442;5u\033[57441;6u\033[57441;5:3u\033[57442;1:3u<r>\033[114u" },
		/* Pressed before, released behind the prefix. */
		{ "\033[120u\033[45;6u\033[120;1:2u\033[120;1:3u?",
		  "\033[120u\033[120;1:2u\033[120;1:3u<?>" },
		/* Twice, with the second one's repetitions and release. */
		{ "\033[45;6u\033[45;6:3u\033[45;6u\033[45;6:2u\033[45;6:3u.",
		  "\033[45;6u\033[45;6:2u\033[45;6:3u." },
		/* A command's repetitions. */
		{ "\033[45;6u\033[47;2u\033[47;2:2u\033[47;2:3u\033[47;2:3u", "<?>\033[47;2:3u" },
		{ "\033[45;6u\033[1;1:1A\033[1;1:3A", "" },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++)
		check_keys(0x1f, KITTY, table[i].in, table[i].want);
}

/* The keys of Windows: what is typed is told, and each release. */
static void
windows(void **state)
{
	static const struct {
		const char *in, *want;
	} table[] = {
		{ "\033[189;12;31;1;24;1_\033[190;52;46;1;0;1_", "<.>" },
		{ "\033[189;12;31;1;8_\033[189;12;31;0;8_\033[68;32;100;1_", "<.>" },
		{ "\033[17;29;0;1;8;1_\033[189;12;31;1;24;1_\033[189;12;31;1;24;1_"
		  "\033[17;29;0;0;0;1_"
		  "\033[191;53;63;1;16;1_\033[191;53;63;0;16;1_",
		  "\033[17;29;0;1;8;1_\033[17;29;0;0;0;1_<?>" },
		{ "\033[189;12;31;1;1;1_.", "\033[189;12;31;1;1;1_." },
		{ "\033[65;30;97;1;0;1_\033[65;30;97;0;0;1_",
		  "\033[65;30;97;1;0;1_\033[65;30;97;0;0;1_" },
		{ "\033[45;6u.", "\033[45;6u." },
		{ "\037.", "<.>" },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++)
		check_keys(0x1f, WIN, table[i].in, table[i].want);
}

/* The protocol ends while something is held: it is not lost. */
static void
protocol_ends(void **state)
{
	struct cons_escape e = { .prefix = 0x1f, .keys = KITTY };
	enum cons_escape_action action;
	uint8_t out[128];
	size_t n;

	cons_escape_feed(&e, (const uint8_t *)"\033[45", 4, out, &n, &action);
	assert_int_equal(n, 0);
	assert_int_equal(cons_escape_wait_ms(&e), 500);
	e.keys = 0;
	cons_escape_feed(&e, (const uint8_t *)";6u", 3, out, &n, &action);
	assert_int_equal(n, 7);
	assert_memory_equal(out, "\033[45;6u", 7);
	e.keys = KITTY;
	cons_escape_feed(&e, (const uint8_t *)"\033", 1, out, &n, &action);
	assert_int_equal(cons_escape_wait_ms(&e), 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes), cmocka_unit_test(names),
		cmocka_unit_test(typed),    cmocka_unit_test(encoded),
		cmocka_unit_test(others),   cmocka_unit_test(events),
		cmocka_unit_test(windows),  cmocka_unit_test(protocol_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
