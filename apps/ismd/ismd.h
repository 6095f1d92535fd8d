/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismd: serves what this system exports, over one ISM function.
 *
 *	main.c        life cycle: options, device, link, services, loop, the way out
 *	options.c     the command line after "--"
 *	service_blk.c the block service
 *	service_cons.c the console service
 *
 * A service is a row in main.c's table. Worker 0 (the main lcore) is the control thread of all
 * of them.
 */
#ifndef ISMD_H
#define ISMD_H

#include <stdbool.h>
#include <stdint.h>

#include "blk_server.h"
#include "cons_server.h"
#include "link.h"

/* One --export, as typed. The texts are owned; freed by options_free(). */
struct export_option {
	char *text; /* what the conf below points into */
	struct blk_export_conf conf;
};

/* One --console, in the same way. */
struct console_option {
	char *text;
	struct cons_console_conf conf;
};

struct options {
	struct export_option *exports;
	unsigned int export_count;
	struct console_option *consoles;
	unsigned int console_count;
	uint64_t scrollback;
	const char *device;
	bool quiet;
	uint64_t queues, depth, slot_size;
	uint64_t keepalive_ms, hot_us, idle_max_us;
};

/* --- options.c --- */

/*
 * Parse the program's part of the command line.
 * @return -1 go on; else the exit code to leave with (help and version are printed, or the
 * complaint).
 */
int options_parse(int argc, char **argv, struct options *opt);
void options_free(struct options *opt);

/* --- services --- */

struct ismd {
	struct options opt;
	uint16_t dev_id;
	struct link *link;
	struct blk_server *blk; /* NULL: no exports */
	struct cons_server *cons; /* NULL: no consoles */
	bool held; /* the kernel uses our memory, and may for ever: end without giving any back */
};

struct ismd_service {
	const char *name;
	/*
	 * Make it, tell what it serves, add its pollers. @return enum run_exit; the line is
	 * printed.
	 */
	int (*start)(struct ismd *d);
	/* No worker runs any more. Tolerates a start that failed or never was. */
	void (*stop)(struct ismd *d);
};

extern const struct ismd_service service_blk;
extern const struct ismd_service service_cons;

#define ISMD_GIDS_STRLEN 256
/* "any GID", "nobody", or the GIDs, as many as fit. @return buf. */
const char *ismd_gids_str(bool any, const uint64_t *gids, unsigned int count,
			  char buf[ISMD_GIDS_STRLEN]);

#endif
