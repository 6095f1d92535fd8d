/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware-like runtime under every program: command line, EAL, lcores, adaptive
 * polling, signals, exit codes (DESIGN D4, D17).
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of every program; each man page lists them. */
enum run_exit {
	RUN_EXIT_OK = 0,
	RUN_EXIT_FAIL = 1, /* something failed at run time */
	RUN_EXIT_USAGE = 2, /* the command line is wrong */
	RUN_EXIT_DEVICE = 3, /* no device, no access to it, or a choice is needed */
	RUN_EXIT_PEER = 4, /* the peer is unreachable, refused us, or lacks what was asked for */
	RUN_EXIT_EXPORT = 5, /* an image or export cannot be served or found */
	RUN_EXIT_MOUNT = 6, /* the mount point cannot be used */
};

/* One line on stderr, "PROGRAM: text"; the only way programs complain. */
void run_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * One line on stderr, "PROGRAM: text"; start-up facts. Silent after run_quiet(true), as are
 * notices of libraries when that came before run_eal_init().
 */
void run_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_quiet(bool quiet);
/*
 * The program serves now: the line "ready" on stdout, and READY=1 to the socket that
 * NOTIFY_SOCKET names (systemd's protocol), if any.
 */
void run_ready(void);

/*
 * Split "EAL options -- program options". Without "--", all options are the program's. EAL
 * defaults are added for what the user left out: one lcore floating over all CPUs (--lcores),
 * --no-huge with a small -m when no hugepages are reserved, a --file-prefix of its own per
 * process ("ismblk-PID"), --no-pci when a vdev is given, --in-memory never (telemetry needs
 * files), quiet EAL logs. -l / -c / --lcores with CPUs that this machine lacks get one clear
 * line that names what it has. `ISM_VDEV_SOCKET` in the environment stands for
 * --vdev=raw_ism0,socket=$it when no device is named.
 * @param app_argc, app_argv  the program's part, app_argv[0] the program's name.
 * @return RUN_EXIT_OK, or the exit code to leave with; the line is printed.
 */
int run_args(int argc, char **argv, const char *program, int *app_argc, char ***app_argv);

/* rte_eal_init() with what run_args() prepared. @return as run_args(). */
int run_eal_init(void);

/*
 * Choose the function: the only one, or the one named NAME ("raw_ism0" or a PCI address) when
 * name is not NULL; open it and print one line (GID, path, maxstbl, direct or not, lcores, memory).
 * @return RUN_EXIT_OK, RUN_EXIT_DEVICE; the line is printed.
 */
int run_device(const char *name, uint16_t *dev_id);

/* rte_eal_cleanup() and removal of our runtime directory. */
void run_fini(void);

/* --- polling --- */

/*
 * One source of work. Called in rounds by the lcore that owns it.
 * @return how much work was done; 0 = nothing (counts as an idle round).
 */
typedef unsigned int (*run_poll_fn)(void *arg, uint64_t now_ns);

struct run_idle_conf {
	uint32_t hot_us; /* poll without pause for this long after the last work */
	uint32_t idle_max_us; /* longest sleep */
};

/*
 * Add a poller to worker `worker` (0 = the main lcore, 1.. the others). Before run_loop().
 * @return 0, -EINVAL no such worker, -ENOSPC.
 */
int run_add_poller(unsigned int worker, run_poll_fn poll, void *arg);

/*
 * While a worker sleeps, readiness of this fd (POLLIN) wakes it at once. A worker other than 0
 * that has one may sleep for up to 16 * idle_max_us. Any thread.
 * @return 0; -EINVAL no such worker, or fd; -ENOSPC more than 4 of one worker.
 */
int run_add_wake_fd(unsigned int worker, int fd);
/* Before the fd is closed. Tolerates one that is not there. */
void run_remove_wake_fd(unsigned int worker, int fd);

/*
 * From now on this worker sleeps for at most limit_us at a time (a person types and waits
 * for the echo, a test measures); 0: no such limit. Any thread.
 */
void run_limit_nap(unsigned int worker, uint32_t limit_us);

/* How many workers (lcores) there are, main included. */
unsigned int run_workers(void);

/* The lcore-local worker number of the caller, or -1 outside. */
int run_worker_self(void);

/*
 * Run all workers until run_stop(). SIGINT, SIGTERM, SIGHUP call run_stop(); a second one of
 * them ends the process at once. After hot_us without work a round pauses and yields; then
 * sleeps grow in proportion to how long it has been idle, up to idle_max_us (below 1 % of a
 * core when idle).
 * @return when every worker has left its loop.
 */
void run_loop(const struct run_idle_conf *conf);

/* Ask every worker to leave after its current round. Any thread, signal safe. */
void run_stop(void);
bool run_stopping(void);

#endif
