/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware-like runtime under every program: command line, EAL, lcores, adaptive
 * polling, signals, exit codes (DESIGN D4, D17).
 *
 * The order of calls, all on the main thread:
 *
 *	run_args()  run_options_parse()  run_eal_init()  run_device()  link_create()
 *	run_add_poller()  run_ready()  run_loop()
 *	link_destroy()  rte_pmd_ism_close()  run_fini()
 *
 * One of the first four that does not say "go on" has printed the reason: the program leaves with
 * the exit code that it got, after run_fini().
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/*
 * One line on stderr, "PROGRAM: text"; the only way programs complain. After run_eal_init() a
 * thread writes it (base_line.h): never waits, any thread.
 */
void run_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * One line on stderr, "PROGRAM: text"; start-up facts. Silent after run_quiet(true), as are
 * notices of libraries when that came before run_eal_init().
 */
void run_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_quiet(bool quiet);
/*
 * A program with a screen of its own shows lines there: errors, notes, what libraries log. The sink
 * gets a line without program and newline, from any thread; it must not wait.
 * @param sink  @return whether it has dealt with the line; if not, or NULL, it goes to stderr.
 */
void run_lines_to(bool (*sink)(const char *text, bool note));
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
 * files), quiet EAL logs. CPUs of -l / -c / --lcores that this machine lacks are left out, and
 * run_eal_init() says so in a line; if none is left, the line here names what it has.
 * `ISM_VDEV_SOCKET` in the environment stands for --vdev=raw_ism0,socket=$it when no device is
 * named. The first call of a program: prepares the process as well (base_process.h).
 * @param program  the name in every line; it is not copied.
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

/* Whom to serve as (--user); neither is 0. */
struct run_user {
	uid_t uid;
	gid_t gid;
};
/* A name of /etc/passwd, "UID" or "UID:GID". @return RUN_EXIT_OK, RUN_EXIT_USAGE with a line. */
int run_user_find(const char *text, struct run_user *user);
/*
 * Give up root in every thread, for good: no other groups, no capability. What is open stays open.
 * @return RUN_EXIT_OK; RUN_EXIT_FAIL with a line: we are not root, or somebody else.
 */
int run_user_become(const struct run_user *user);

/* rte_eal_cleanup() and removal of our runtime directory. Does nothing when EAL is not up. */
void run_fini(void);

/* --- polling --- */

/*
 * One source of work. Called in rounds by the lcore that owns it.
 * @return how much work was done; 0 = nothing (counts as an idle round).
 */
typedef unsigned int (*run_poll_fn)(void *arg, uint64_t now_ns);

struct run_idle_conf {
	uint32_t hot_us; /* poll without pause for this long after the last work */
	/*
	 * Longest sleep. From 4000 on it is up to twice as long where waking is so dear that an
	 * idle worker would use more than 0.5 % of a CPU; below, it is never longer.
	 */
	uint32_t idle_max_us;
};

/*
 * Add a poller to worker `worker` (0 = the main lcore, 1.. the others). Before run_loop(), or on
 * that worker (run_call()).
 * When it takes more than 50 ms, a line and telemetry (/run/loop) tell its name: the function's.
 * @return 0, -EINVAL no such worker, -ENOSPC.
 */
#define run_add_poller(worker, poll, arg) run_add_poller_named(worker, poll, arg, #poll)
int run_add_poller_named(unsigned int worker, run_poll_fn poll, void *arg, const char *name);
/* It is not called any more after this. As run_add_poller(). Tolerates one that is not there. */
void run_remove_poller(unsigned int worker, run_poll_fn poll, void *arg);

/*
 * Have fn called on a worker, between two parts of its rounds, and wait until it has returned: this
 * is how other threads change what a worker owns. fn must not wait for anybody. On the worker
 * itself, and on the main lcore before run_loop(), it is called at once; any other thread waits
 * for the loop to begin. Any thread.
 * @return 0; -EINVAL no such worker; -ESHUTDOWN the loop has ended, fn was not called.
 */
int run_call(unsigned int worker, void (*fn)(void *arg), void *arg);

/*
 * While a worker sleeps, readiness of this fd (POLLIN) wakes it at once. A worker other than 0
 * that has one may sleep for up to 16 * idle_max_us. Any thread.
 * @return 0, also when it is there already; -EINVAL no such worker, or fd; -EPERM a file that is
 *         always readable; -errno.
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

/*
 * From now on SIGHUP calls fn, in the signal's handler, instead of run_stop(); NULL: run_stop()
 * again.
 */
void run_hangup_to(void (*fn)(void));

/* Ask every worker to leave after its current round. Any thread, signal safe. */
void run_stop(void);
bool run_stopping(void);

#ifdef __cplusplus
}
#endif

#endif
