/* SPDX-License-Identifier: BSD-3-Clause */
/* The grammar of dpdk-ismstat's prompt: what fits a form, what may follow, what is complained. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "forms.h"

static const char *const forms[] = {
	"show device info [ID|all]",
	"show device stats [ID|all]",
	"show link stats [all]",
	"show fwd stats",
	"set fwd ping|stream|verify",
	"set size auto|1..64",
	"link open GID",
	"link close",
	"start",
	"stop",
	"wait SECONDS",
	"wait link [SECONDS]",
	"help [show|set]",
	"quit",
};
static const struct form_list list = { forms, sizeof(forms) / sizeof(forms[0]) };

static struct form_words words;
static char err[512];

static int
find(const char *line)
{
	assert_int_equal(form_split(line, &words), 0);
	return form_find(&list, words.argc, words.argv);
}

/* The line is the form that begins so. */
static void
is(const char *line, const char *form)
{
	int n = find(line);

	assert_true(n >= 0);
	assert_string_equal(forms[n], form);
}

static void
complains(const char *line, const char *expected)
{
	assert_int_equal(find(line), -1);
	assert_string_equal(form_complain(&list, words.argc, words.argv, err, sizeof(err)),
			    expected);
}

static void
test_split(void **state)
{
	char line[FORM_LINE_MAX + 8];

	(void)state;
	assert_int_equal(form_split("  show\tdevice  info # all of it\n", &words), 0);
	assert_int_equal(words.argc, 3);
	assert_string_equal(words.argv[0], "show");
	assert_string_equal(words.argv[2], "info");
	assert_null(words.argv[3]);
	assert_int_equal(form_split("a#b", &words), 0);
	assert_int_equal(words.argc, 1);
	assert_int_equal(form_split("", &words), 0);
	assert_int_equal(words.argc, 0);
	assert_int_equal(form_split("# nothing", &words), 0);
	assert_int_equal(words.argc, 0);
	assert_int_equal(form_split("1 2 3 4 5 6 7 8", &words), 0);
	assert_int_equal(form_split("1 2 3 4 5 6 7 8 9", &words), -E2BIG);
	memset(line, 'x', sizeof(line));
	line[FORM_LINE_MAX] = '\0';
	assert_int_equal(form_split(line, &words), -ENAMETOOLONG);
	line[FORM_LINE_MAX - 1] = '\0';
	assert_int_equal(form_split(line, &words), 0);
	assert_int_equal(strlen(words.argv[0]), FORM_LINE_MAX - 1);
}

static void
test_find(void **state)
{
	(void)state;
	is("show device info", "show device info [ID|all]");
	is("show device info all", "show device info [ID|all]");
	is("show device info 12", "show device info [ID|all]");
	is("show fwd stats", "show fwd stats");
	is("set fwd stream", "set fwd ping|stream|verify");
	is("set size auto", "set size auto|1..64");
	is("set size 9999", "set size auto|1..64"); /* judged by whoever takes it */
	is("link open 0x1234", "link open GID");
	is("wait 3", "wait SECONDS");
	is("wait 0.25", "wait SECONDS");
	is("wait link", "wait link [SECONDS]");
	is("wait link 20", "wait link [SECONDS]");
	assert_int_equal(find("show device info 70000"), -1);
	assert_int_equal(find("link open xyz"), -1);
	assert_int_equal(find("link open 0"), -1);
	assert_int_equal(find("wait .5"), -1);
	assert_int_equal(find("wait 5."), -1);
	assert_int_equal(find("wait -1"), -1);
	assert_int_equal(find("Show fwd stats"), -1);
}

static void
test_complain(void **state)
{
	(void)state;
	complains("show likn stats", "unknown word 'likn': did you mean 'show link stats all'?");
	complains("shwo device stats",
		  "unknown word 'shwo': did you mean 'show device stats all'?");
	complains("show device stat 3", "unknown word 'stat': did you mean 'show device stats 3'?");
	complains("set fwd strem", "unknown word 'strem': did you mean 'set fwd stream'?");
	complains("stpo", "unknown word 'stpo': did you mean 'stop'?");
	complains("strat", "unknown word 'strat': did you mean 'start'?");
	complains("show nonsense", "unknown word 'nonsense': expected device, link or fwd");
	complains("link open xyz", "wrong value 'xyz': expected GID (link open GID)");
	complains("wait", "incomplete: expected SECONDS or link after 'wait'");
	complains("set size", "incomplete: expected auto or 1..64 (set size auto|1..64) after "
			      "'set size'");
	complains("quit now", "too many words: nothing may follow 'quit', not 'now'");
	complains("show \033[2Jm", "unknown word '?[2Jm': expected device, link or fwd");
}

/* However long the line is, the complaint fits, and says something. */
static void
test_complain_bounds(void **state)
{
	char line[FORM_LINE_MAX], small[24];

	(void)state;
	memset(line, 'y', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(find(line), -1);
	form_complain(&list, words.argc, words.argv, err, sizeof(err));
	assert_non_null(strstr(err, "yyy...'"));
	form_complain(&list, words.argc, words.argv, small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	assert_int_equal(find("set"), -1);
	form_complain(&list, words.argc, words.argv, small, 1);
	assert_string_equal(small, "");
}

/* What follows a line, with blanks between. */
static const char *
next(const char *line, bool values)
{
	static char all[256];
	char choice[FORM_CHOICE_MAX];

	all[0] = '\0';
	assert_int_equal(form_split(line, &words), 0);
	for (unsigned int n = 0; form_next(&list, &words, n, values, choice); n++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", n > 0 ? " " : "",
			 choice);
	return all;
}

static void
test_next(void **state)
{
	(void)state;
	assert_string_equal(next("", false), "show set link start stop wait help quit");
	assert_string_equal(next("show", false), "device link fwd");
	assert_string_equal(next("show device", false), "info stats");
	assert_string_equal(next("show device info", false), "all");
	assert_string_equal(next("show device info", true), "ID all");
	assert_string_equal(next("set fwd", false), "ping stream verify");
	assert_string_equal(next("wait", true), "SECONDS link");
	assert_string_equal(next("quit", true), "");
	assert_string_equal(next("nonsense", true), "");
}

static void
test_nearest(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("link", "link", 3), 0);
	assert_int_equal(nearest_distance("likn", "link", 3), 1); /* neighbours swapped */
	assert_int_equal(nearest_distance("lnk", "link", 3), 1);
	assert_int_equal(nearest_distance("linkk", "link", 3), 1);
	assert_int_equal(nearest_distance("kitten", "sitting", 3), 3);
	assert_int_equal(nearest_distance("", "abc", 3), 3);
	assert_int_equal(nearest_distance("abc", "", 3), 3);
	assert_int_equal(nearest_distance("abcd", "wxyz", 2), 3);
	assert_int_equal(nearest_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", 3), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),	 cmocka_unit_test(test_find),
		cmocka_unit_test(test_complain), cmocka_unit_test(test_complain_bounds),
		cmocka_unit_test(test_next),	 cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
