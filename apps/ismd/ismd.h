/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismd: the runtime of one ISM function. What it does for people are jobs (run_job.h), which
 * come from the command line, a configuration file and the control socket.
 *
 *	main.c        life cycle: options, device, link, jobs, loop, the way out
 *	options.c     the command line after "--"
 *	memory.c      how much memory sessions may have, if nobody says
 *	job_export.c  jobs of the block service
 *	job_console.c jobs of the console service
 *	job_probe.c   the job of answering link tests
 *	control.c     what may be asked over the control socket
 *
 * Worker 0 (the main lcore) is the control thread of the link and of all services.
 */
#ifndef ISMD_H
#define ISMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base_allow.h"
#include "blk_server.h"
#include "cons_server.h"
#include "link.h"
#include "probe_server.h"
#include "run.h"
#include "run_job.h"

struct options {
	char **jobs; /* "export NAME=PATH...", in the order in which they were typed; owned */
	unsigned int job_count;
	unsigned int export_count, console_count;
	unsigned int probe; /* which of them is that of --probe, from 1 on; 0: none */
	uint64_t scrollback;
	const char *device;
	const char *name; /* of the runtime; NULL: chosen */
	const char *config; /* NULL: none */
	const char *peers; /* NULL: the standard file */
	struct run_user user; /* uid 0: stay who we are */
	bool quiet;
	uint64_t queues, depth, slot_size;
	uint64_t sessions, memory, client_memory, client_dmbs;
	uint64_t keepalive_ms, hot_us, idle_max_us;
};

#define ISMD_CONFIG_FILE "/etc/dpdk-ism/ismd.conf"

/* --- options.c --- */

/*
 * Parse the program's part of the command line. Jobs are checked for their form.
 * @return -1 go on; else the exit code to leave with (help and version are printed, or the
 * complaint).
 */
int options_parse(int argc, char **argv, const struct run_jobs *jobs, struct options *opt);
void options_free(struct options *opt);

/* --- memory.c --- */

/* A quarter of what this process may use: of the machine's memory, or of its control group's. */
uint64_t memory_standard(void);

/* --- the program --- */

struct run_control;

struct ismd {
	struct options opt;
	struct run_jobs *jobs;
	struct run_control *control; /* NULL: no socket */
	uint16_t dev_id;
	struct link *link;
	struct blk_server *blk; /* NULL: no export yet */
	struct cons_server *cons; /* NULL: no console yet */
	struct probe_server *probe; /* NULL: nobody was allowed to test us yet */
	bool hangs; /* a helper is in a job yet */
	bool held; /* the kernel uses our memory, and may for ever: end without giving any back */
};

/* --- job_export.c, job_console.c, job_probe.c --- */

extern const struct run_job_type job_export;
extern const struct run_job_type job_console;
extern const struct run_job_type job_probe;
/* No worker runs any more. Tolerates a service that never began. */
void export_service_stop(struct ismd *d);
void console_service_stop(struct ismd *d);
void probe_service_stop(struct ismd *d);

/* --- control.c --- */

/* @return enum run_exit; the line is printed. */
int control_start(struct ismd *d);
/* Tolerates one that did not start. */
void control_stop(struct ismd *d);

#endif
