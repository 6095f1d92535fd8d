/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_allow.h"
#include "base_peers.h"
#include "base_process.h"
#include "base_text.h"
#include "run.h"

/* What getopt_long() answers: above any character. */
enum {
	CODE_HELP = 256,
	CODE_VERSION,
	CODE_TABLE, /* + index */
};

int
run_option_wrong(const char *name, const char *value, const char *expected)
{
	run_error("--%s %s: expected %s", name, value, expected);
	return RUN_EXIT_USAGE;
}

static int
take_number(const struct run_option *o, const char *text, uint64_t *value)
{
	char expected[96];

	if (base_num_parse(text, o->suffix, o->min, o->max, value) != 0)
		snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64,
			 o->min, o->max);
	else if (o->power_of_two && (*value & (*value - 1)) != 0)
		snprintf(expected, sizeof(expected), "a power of two");
	else if (o->multiple != 0 && *value % o->multiple != 0)
		snprintf(expected, sizeof(expected), "a multiple of %" PRIu64, o->multiple);
	else
		return -1;
	return run_option_wrong(o->name, text, expected);
}

static int
take_allow(const struct run_option *o, const char *text, struct base_allow *allow)
{
	char *list = strdup(text);
	const char *bad;
	int ret;

	if (list == NULL) {
		run_error("out of memory");
		return RUN_EXIT_FAIL;
	}
	ret = base_allow_parse(allow, list, &bad);
	if (ret == 0)
		ret = -1;
	else if (ret == -ENOSPC)
		ret = run_option_wrong(o->name, text, RTE_STR(BASE_ALLOW_MAX) " GIDs at most");
	else
		ret = run_option_wrong(o->name, bad, base_peer_expected());
	free(list);
	return ret;
}

static int
take(const struct run_option *o, const char *value, void *opt)
{
	void *at = (char *)opt + o->at;

	switch (o->kind) {
	case RUN_OPTION_FLAG:
		*(bool *)at = true;
		return -1;
	case RUN_OPTION_TEXT:
		*(const char **)at = value;
		return -1;
	case RUN_OPTION_NUMBER:
		return take_number(o, value, at);
	case RUN_OPTION_ALLOW:
		return take_allow(o, value, at);
	default:
		return o->take(opt, o->name, value);
	}
}

/* Room for --help, --version and the end besides the table. */
static void
fill_longs(const struct run_options *options, struct option longs[RUN_OPTIONS_MAX + 3])
{
	size_t i;

	for (i = 0; i < options->count && i < RUN_OPTIONS_MAX; i++) {
		const struct run_option *o = &options->table[i];
		int arg = o->kind == RUN_OPTION_FLAG ? no_argument : required_argument;

		longs[i] = (struct option){ o->name, arg, NULL, CODE_TABLE + (int)i };
	}
	longs[i++] = (struct option){ "help", no_argument, NULL, CODE_HELP };
	longs[i++] = (struct option){ "version", no_argument, NULL, CODE_VERSION };
	longs[i] = (struct option){ 0 };
}

static void
fill_standards(const struct run_options *options, void *opt)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct run_option *o = &options->table[i];

		if (o->kind == RUN_OPTION_NUMBER)
			*(uint64_t *)((char *)opt + o->at) = o->standard;
	}
}

/* It was asked for, so it must have been written. */
static int
printed(void)
{
	int ret = base_process_flush();

	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("cannot write to standard output: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

static int
take_code(const struct run_options *options, int code, void *opt)
{
	switch (code) {
	case CODE_HELP:
		fputs(options->help, stdout);
		return printed();
	case CODE_VERSION:
		printf("%s %s\n", options->program,
		       options->version != NULL ? options->version : ISM_VERSION);
		return printed();
	default:
		return take(&options->table[code - CODE_TABLE], optarg, opt);
	}
}

/* What getopt_long() wants to know of letters: ":" and those of the table. */
static void
fill_letters(const struct run_options *options, char letters[RUN_OPTIONS_MAX + 2])
{
	*letters++ = ':';
	for (size_t i = 0; i < options->count; i++) {
		if (options->table[i].letter != 0)
			*letters++ = options->table[i].letter;
	}
	*letters = '\0';
}

static int
take_letter(const struct run_options *options, int letter, void *opt)
{
	size_t i = 0;

	while (options->table[i].letter != letter)
		i++;
	assert(options->table[i].kind == RUN_OPTION_FLAG); /* others have no letter */
	return take(&options->table[i], NULL, opt);
}

static int
take_words(const struct run_options *options, int count, char **words, void *opt)
{
	int ret = -1;

	if (count > 0 && options->word == NULL) {
		run_error("unexpected '%s'", words[0]);
		return RUN_EXIT_USAGE;
	}
	for (int i = 0; i < count && ret < 0; i++)
		ret = options->word(opt, words[i]);
	return ret;
}

int
run_options_parse(const struct run_options *options, int argc, char **argv, void *opt)
{
	struct option longs[RUN_OPTIONS_MAX + 3];
	char letters[RUN_OPTIONS_MAX + 2];
	int code, ret;

	fill_longs(options, longs);
	fill_letters(options, letters);
	fill_standards(options, opt);
	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (code == '?' || code == ':') {
			run_error("%s option '%s' (EAL options go before --; see --help)",
				  code == '?' ? "unknown or ambiguous" : "no value for",
				  argv[optind - 1]);
			return RUN_EXIT_USAGE;
		}
		ret = code < CODE_HELP ? take_letter(options, code, opt)
				       : take_code(options, code, opt);
		if (ret >= 0)
			return ret;
	}
	return take_words(options, argc - optind, argv + optind, opt);
}
