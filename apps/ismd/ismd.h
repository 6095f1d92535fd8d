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
 *	job_mount.c   mounts, which local programs hold and have us serve
 *	state.c       what the next runtime of our name goes on with
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

struct ismd_options {
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
int ismd_options_parse(int argc, char **argv, const struct run_jobs *jobs,
		       struct ismd_options *opt);
void ismd_options_free(struct ismd_options *opt);

/* --- memory.c --- */

/* A quarter of what this process may use: of the machine's memory, or of its control group's. */
uint64_t memory_standard(void);

/* --- the program --- */

struct run_control;

struct ismd {
	struct ismd_options opt;
	struct run_jobs *jobs;
	struct run_control *control; /* NULL: no socket */
	char no_control[256]; /* why, if it is worth a line */
	uint16_t dev_id;
	struct link *link;
	struct blk_server *blk; /* NULL: no export yet */
	struct cons_server *cons; /* NULL: no console yet */
	struct probe_server *probe; /* NULL: nobody was allowed to test us yet */
	struct ismd_state *state;
	bool leaving; /* the loop has ended: mounts are left to the next runtime */
	bool hangs; /* a helper is in a job yet */
	bool held; /* the kernel uses our memory, and may for ever: end without giving any back */
};

/* --- job_export.c, job_console.c, job_probe.c --- */

extern const struct run_job_type job_export;
extern const struct run_job_type job_console;
extern const struct run_job_type job_probe;
extern const struct run_job_type job_mount;
/* No worker runs any more. Tolerates a service that never began. */
void export_service_stop(struct ismd *d);
void console_service_stop(struct ismd *d);
void probe_service_stop(struct ismd *d);

/* --- job_mount.c --- */

struct run_request;
/* The request "mount": its answer comes at once, what becomes of it over the socket. May wait. */
void mount_ask(struct ismd *d, struct run_request *r);
/*
 * No worker runs any more: leave all mounts as they are to the next runtime.
 * @return whether there were any.
 */
bool mount_service_stop(struct ismd *d);

/* --- state.c; all but state_open() and state_close() on the control thread --- */

struct blk_kept;
/* After the name is ours. @return 0; -ENOMEM. */
int state_open(struct ismd *d);
/* The file stays if it tells of mounts. Tolerates one that is not open. */
void state_close(struct ismd *d);
/* All zero: that of nobody before us. To be filled. */
struct link_epoch *state_epoch(struct ismd *d);
/* Is there a file for who comes after us? Any thread. */
bool state_outlives(const struct ismd *d);
/* From now on what is written to it stays here: the next one shall find it as it is. */
void state_leave(struct ismd *d);
/*
 * What is kept of that peer's disks, and the number of this use of it.
 * @param id  0, gets it; or which one it must be.
 * @return NULL: it is not there any more, or there is no place.
 */
struct blk_kept *state_find(struct ismd *d, uint64_t gid, uint64_t *id);
/* Nobody uses it any more. */
void state_drop(struct ismd *d, uint64_t gid);

/* --- control.c --- */

/* Take the name, if one can be had. @return enum run_exit; the line is printed. */
int control_claim(struct ismd *d);

/* @return enum run_exit; the line is printed. */
int control_start(struct ismd *d);
/* Tolerates one that did not start. */
void control_stop(struct ismd *d);

#endif
