/* SPDX-License-Identifier: BSD-3-Clause */
/* The escape prefix of dpdk-ismcons: which there may be, and what it does to what is typed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "cons_escape.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),
		cmocka_unit_test(names),
		cmocka_unit_test(typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
