/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/run share, and what their tests look at. */
#ifndef RUN_PRIV_H
#define RUN_PRIV_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* What run_args() asks of the machine; a test fills it by hand. */
struct run_host {
	cpu_set_t online; /* CPUs that lcores can be pinned to */
	cpu_set_t affinity; /* CPUs that this process was started on (taskset) */
	bool hugepages; /* some are free and their file system is writable */
	const char *vdev_socket; /* ISM_VDEV_SOCKET, or NULL */
	long pid;
};
void run_host_probe(struct run_host *host);

/* run_args() on a given machine. */
int run_args_on(const struct run_host *host, int argc, char **argv, const char *program,
		int *app_argc, char ***app_argv);

/* The PID that the user knows: of the holder if there is one (run_holder.h), else our own. */
long run_known_pid(void);

/* What rte_eal_init() will get: NULL-terminated, argv[0] the program's name. */
char **run_eal_argv(int *argc);

/* What run_args() learned from the EAL part. */
struct run_eal_facts {
	bool logs; /* the user gave --log-level: show EAL's log as it comes */
	bool help; /* -h or -v: EAL talks to stdout */
	bool own_prefix; /* the file prefix is ours alone */
	bool device; /* some device was named */
	bool device_variable; /* by ISM_VDEV_SOCKET alone */
	char prefix[64]; /* without the PID: "ismblk-" */
	char cpus_note[1400]; /* "" or the line that tells of CPUs that are not there */
	char socket[128]; /* socket= of the first raw_ism vdev, or "" */
};
const struct run_eal_facts *run_eal_facts(void);

/* The CPUs of a set as a list for people: "0-3,6". @return buf. */
const char *run_cpus_str(const cpu_set_t *set, char *buf, size_t size);

/* The line that explains why no device came up (a driver's own error), or "". */
const char *run_eal_reason(void);

/*
 * From here on keep the first error that a library logs, instead of printing any; or go on as
 * before. @return what was kept, or "".
 */
const char *run_log_hold(bool hold);

void run_set_program(const char *program);
const char *run_program_name(void);
bool run_is_quiet(void);

/* Catch SIGINT, SIGTERM and, if it is not ignored, SIGHUP; ignore SIGPIPE. */
void run_signals(void);

/* Forget every run_stop() so far: tests run the loop more than once. */
void run_restart(void);

/* A folder of ours that nobody else may write into. @return its descriptor, or -errno. */
int run_open_own(int at, const char *path);

/*
 * Choose the folder for EAL's runtime folders (run_runtime.c). Before the others of its kind.
 * @return RUN_EXIT_OK, or the exit code to leave with; the line is printed.
 */
int run_runtime_choose(void);
/* Let rte_eal_init() use it; afterwards the environment is the user's again. */
void run_runtime_for_eal(bool on);
/* Remove what processes of this program left there when they were killed, and this one. */
void run_runtime_sweep(const char *prefix);
/* The same for folders "PREFIX" + PID in `dir`, which nobody but us may write into. */
void run_sweep_runtime(const char *dir, const char *prefix);

/* Telemetry /run/loop and /run/process (run_telemetry.c). */
void run_telemetry_start(void);
struct run_control;
/* /run/control tells of this one; NULL: of none any more. */
void run_telemetry_control(const struct run_control *c);

struct base_watch;
/* The watchdog of a worker; NULL: no such worker. */
const struct base_watch *run_worker_watch(unsigned int worker);

#endif
