/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of a program's options: what is taken, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_allow.h"
#include "run.h"
#include "run_options.h"

#define WORDS_SIZE 64

struct opts {
	bool flag;
	const char *text;
	uint64_t number, size, power;
	unsigned int takes;
	struct base_allow allow;
	char words[WORDS_SIZE];
};

static int
take_some(void *opt, const char *name, const char *value)
{
	if (strcmp(value, "bad") == 0)
		return run_option_wrong(name, value, "a good one");
	((struct opts *)opt)->takes++;
	return -1;
}

#define AT(field) .at = offsetof(struct opts, field)

static const struct run_option table[] = {
	{ "flag", RUN_OPTION_FLAG, AT(flag), .letter = 'f' },
	{ "text", RUN_OPTION_TEXT, AT(text) },
	{ "number", RUN_OPTION_NUMBER, AT(number), 1, 9, 0 },
	{ "size", RUN_OPTION_NUMBER, AT(size), 4096, 65536, 8192, .multiple = 4096,
	  .suffix = true },
	{ "power", RUN_OPTION_NUMBER, AT(power), 2, 64, 4, .power_of_two = true },
	{ "take", RUN_OPTION_TAKE, .take = take_some },
	{ "allow", RUN_OPTION_ALLOW, AT(allow) },
};

static struct run_options line = {
	.program = "prog",
	.help = "the help\n",
	.table = table,
	.count = sizeof(table) / sizeof(table[0]),
};

static int
take_word(void *opt, const char *word)
{
	char *words = ((struct opts *)opt)->words;

	if (strcmp(word, "bad") == 0)
		return run_option_wrong("word", word, "a good one");
	snprintf(words + strlen(words), WORDS_SIZE - strlen(words), "%s.", word);
	return -1;
}

static struct opts opts;
static char printed[512]; /* on both streams */

/* Up to four words. @return what run_options_parse() does; `printed` is what it said. */
static int
parse(const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = { (char *)(uintptr_t) "prog", (char *)(uintptr_t)a, (char *)(uintptr_t)b,
			 (char *)(uintptr_t)c,	     (char *)(uintptr_t)d, NULL };
	int argc = 1, ret, out = dup(1), err = dup(2);
	FILE *f = tmpfile();
	size_t n;

	while (argv[argc] != NULL)
		argc++;
	memset(&opts, 0, sizeof(opts));
	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), 1);
	dup2(fileno(f), 2);
	ret = run_options_parse(&line, argc, argv, &opts);
	fflush(stdout);
	fflush(stderr);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(f);
	n = fread(printed, 1, sizeof(printed) - 1, f);
	printed[n] = '\0';
	fclose(f);
	return ret;
}

static void
test_taken(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, NULL, NULL, NULL), -1);
	assert_false(opts.flag);
	assert_null(opts.text);
	assert_int_equal(opts.number, 0); /* standards are not checked */
	assert_int_equal(opts.size, 8192);
	assert_int_equal(opts.power, 4);
	assert_int_equal(parse("--flag", "--text=x", "--size", "64K"), -1);
	assert_true(opts.flag);
	assert_string_equal(opts.text, "x");
	assert_int_equal(opts.size, 65536);
	assert_int_equal(parse("--number=9", "--power=64", "--take=a", "--take=b"), -1);
	assert_int_equal(opts.number, 9);
	assert_int_equal(opts.power, 64);
	assert_int_equal(opts.takes, 2);
	assert_string_equal(printed, "");
}

static void
test_help_version(void **state)
{
	(void)state;
	assert_int_equal(parse("--help", "--nonsense", NULL, NULL), RUN_EXIT_OK);
	assert_string_equal(printed, "the help\n");
	line.version = "7.1";
	assert_int_equal(parse("--version", NULL, NULL, NULL), RUN_EXIT_OK);
	assert_string_equal(printed, "prog 7.1\n");
	line.version = NULL;
	assert_int_equal(parse("--version", NULL, NULL, NULL), RUN_EXIT_OK);
	assert_string_equal(printed, "prog " ISM_VERSION "\n");
}

static void
refused(const char *a, const char *b, const char *words)
{
	assert_int_equal(parse(a, b, NULL, NULL), RUN_EXIT_USAGE);
	assert_non_null(strstr(printed, words));
	assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1); /* one line */
}

static void
test_refused(void **state)
{
	(void)state;
	refused("--number=0", NULL, "--number 0: expected a number from 1 to 9");
	refused("--number=10", NULL, "--number 10: expected a number from 1 to 9");
	refused("--number=1K", NULL, "--number 1K: expected a number from 1 to 9");
	refused("--number=", NULL, "expected a number from 1 to 9");
	refused("--size=5000", NULL, "--size 5000: expected a multiple of 4096");
	refused("--power=6", NULL, "--power 6: expected a power of two");
	refused("--take=bad", NULL, "--take bad: expected a good one");
	refused("--nonsense", NULL, "unknown or ambiguous option '--nonsense'");
	refused("--flag=1", NULL, "'--flag=1'");
	refused("--text", NULL, "no value for option '--text'");
	refused("-x", NULL, "'-x'");
	refused("--flag", "word", "unexpected 'word'");
}

/* A flag's letter; words between options, in their order. */
static void
test_letter_words(void **state)
{
	(void)state;
	assert_int_equal(parse("-f", NULL, NULL, NULL), -1);
	assert_true(opts.flag);
	assert_int_equal(parse("-x", NULL, NULL, NULL), RUN_EXIT_USAGE);
	assert_non_null(strstr(printed, "option '-x'"));
	line.word = take_word;
	assert_int_equal(parse("one", "--flag", "two", NULL), -1);
	assert_string_equal(opts.words, "one.two.");
	assert_true(opts.flag);
	assert_int_equal(parse("one", "bad", "two", NULL), RUN_EXIT_USAGE);
	assert_string_equal(opts.words, "one.");
	line.word = NULL;
}

/* Lists of GIDs add up, and end at what a struct has room for. */
static void
test_allow(void **state)
{
	char many[BASE_ALLOW_MAX * 2 + 2];

	(void)state;
	assert_int_equal(parse("--allow=0x1:2", "--allow", "3", NULL), -1);
	assert_false(opts.allow.any);
	assert_int_equal(opts.allow.count, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(opts.allow.gid[i], i + 1);
	assert_int_equal(parse("--allow=any", NULL, NULL, NULL), -1);
	assert_true(opts.allow.any);
	refused("--allow=1:no such GID:2", NULL, "--allow no such GID: expected a GID");
	refused("--allow=", NULL, "expected a GID");
	for (unsigned int i = 0; i <= BASE_ALLOW_MAX; i++)
		memcpy(many + 2 * i, "7:", 2);
	many[2 * BASE_ALLOW_MAX + 1] = '\0';
	refused("--allow", many, "64 GIDs at most");
	many[2 * BASE_ALLOW_MAX - 1] = '\0';
	assert_int_equal(parse("--allow", many, NULL, NULL), -1);
	assert_int_equal(opts.allow.count, BASE_ALLOW_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),	cmocka_unit_test(test_help_version),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_letter_words),
		cmocka_unit_test(test_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
