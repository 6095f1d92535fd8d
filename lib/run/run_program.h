/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole program in one call: the order of run.h, kept for it. For programs that need nothing
 * between its steps.
 */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include <stdint.h>

#include "run.h"
#include "run_options.h"

#ifdef __cplusplus
extern "C" {
#endif

struct run_program {
	struct run_options options;
	const char **device; /* where an option has put the function's name; NULL: the only one */
	struct run_idle_conf idle;
	/*
	 * The command line was taken, the function dev_id is open: make a link, add pollers, call
	 * run_ready().
	 * @return 0; -errno: a line tells it, and the program ends with RUN_EXIT_FAIL; or what to
	 *         exit with, a line is printed.
	 */
	int (*start)(void *opt, uint16_t dev_id);
	/*
	 * The loop has ended, or start() has failed: give back what there is. The function is
	 * still open.
	 * @return enum run_exit; it counts when start() returned 0.
	 */
	int (*stop)(void *opt);
};

/*
 * Main thread, once.
 * @param opt  the program's own, for the options, start() and stop().
 * @return what main() returns.
 */
int run_program(const struct run_program *program, int argc, char **argv, void *opt);

#ifdef __cplusplus
}
#endif

#endif
