/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program's own part of the command line, by one table a program. --help and --version come
 * with it. What is wrong is said in one line (run_error()).
 */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum run_option_kind {
	RUN_OPTION_FLAG, /* no value; a bool at `at` becomes true */
	RUN_OPTION_TEXT, /* a const char * at `at` points at the value */
	RUN_OPTION_NUMBER, /* a uint64_t at `at`, checked as below */
	RUN_OPTION_TAKE, /* `take` does it; may be given several times */
	RUN_OPTION_ALLOW, /* a struct base_allow at `at` gets these too: base_allow_parse() */
};

struct run_option {
	const char *name; /* without "--" */
	enum run_option_kind kind;
	size_t at; /* offset in the program's struct of options */
	/* Numbers. */
	uint64_t min, max;
	uint64_t standard; /* when the option is not given; not checked */
	uint64_t multiple; /* 0: of 1 */
	bool power_of_two;
	bool suffix; /* K, M, G, T allowed */
	/* @return -1 go on, else the exit code to leave with, the line is printed. */
	int (*take)(void *opt, const char *name, const char *value);
	char letter; /* of a flag: "-x" is another way to write it; 0: none */
};

#define RUN_OPTIONS_MAX 48

struct run_options {
	const char *program;
	const char *help; /* text of --help */
	const char *version; /* of --version; NULL: that of this project */
	const struct run_option *table;
	size_t count; /* at most RUN_OPTIONS_MAX */
	/*
	 * Takes each word that is no option, in order; NULL: such words are wrong.
	 * @return as `take` of an option.
	 */
	int (*word)(void *opt, const char *word);
};

/*
 * Fill `opt` (zeroed by the caller) from the command line. Before run_loop(), one thread.
 * @return -1 go on; else the exit code to leave with (help and version are printed, or the
 *         complaint).
 */
int run_options_parse(const struct run_options *options, int argc, char **argv, void *opt);

/* "--name value: expected ..." @return RUN_EXIT_USAGE. */
int run_option_wrong(const char *name, const char *value, const char *expected);

#ifdef __cplusplus
}
#endif

#endif
