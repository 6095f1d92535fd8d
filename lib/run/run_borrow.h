/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function of our own, or that of a runtime? Local programs whose work is a job of dpdk-ismd can
 * have it done there: then they need no function and no EAL.
 *
 *	--own, or a device is named (EAL's --vdev, -a, ..., ISM_VDEV_SOCKET, --device):  own
 *	--runtime NAME:                    borrow from it, or end
 *	one runtime is there:              borrow from it
 *	several are:                       end: one has to be chosen
 *	none is, or it is not for us:      own
 */
#ifndef RUN_BORROW_H
#define RUN_BORROW_H

#include <stdbool.h>
#include <stddef.h>

#include "run_client.h"
#include "run_options.h"

/* What the options below have said. */
struct run_borrow {
	const char *runtime; /* --runtime NAME; NULL: none was named */
	bool own; /* --own */
};

/* Rows for a program's table of options: `field` is a struct run_borrow in its struct. */
/* NOLINTBEGIN(bugprone-macro-parentheses): names of a type and of a member stand without */
#define RUN_BORROW_OPTIONS(type, field)                                                            \
	{ "runtime", RUN_OPTION_TEXT, .at = offsetof(struct type, field.runtime) },                \
	{                                                                                          \
		"own", RUN_OPTION_FLAG, .at = offsetof(struct type, field.own)                     \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

/* Their lines of --help. */
#define RUN_BORROW_HELP                                                                            \
	"  --runtime NAME           borrow the function of this dpdk-ismd (the only one)\n"        \
	"  --own                    own a function, whatever runtimes there are\n"

/*
 * Choose. After run_args() and the options, before run_eal_init(); needs no EAL. A runtime that was
 * found is asked whether it answers, within 5 s.
 * @param device  the program's --device; NULL: none.
 * @param client  c->fd is -1: own a function; else borrow: a connection to the runtime, the
 *                caller's to close. Its calls wait 5 s for an answer; run_client_wait() changes
 *                that.
 * @return RUN_EXIT_OK, RUN_EXIT_USAGE, RUN_EXIT_DEVICE; the line is printed.
 */
int run_borrow_choose(const struct run_borrow *borrow, const char *device,
		      struct run_client *client);

#endif
