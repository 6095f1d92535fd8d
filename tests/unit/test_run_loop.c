/* SPDX-License-Identifier: BSD-3-Clause */
/* The polling loop on a running EAL: idle cost, waking, stopping, and what EAL leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_eal.h>

#include "base_time.h"
#include "run.h"
#include "run_priv.h"

static char runtime_dir[256];
static int never[2]; /* a pipe that nobody writes to */

/* One poller for all tests: counts rounds, says it worked now and then, stops at a time. */
#define ROUNDS_MAX 100000
static struct {
	uint64_t rounds;
	uint64_t cpu_ns; /* of this thread, at the end of the last round */
	uint32_t cost_ns[ROUNDS_MAX]; /* CPU time from one round to the next */
	uint64_t until_ns;
	uint64_t work_every_ns, next_work_ns;
	int self;
} probe;

static uint64_t
thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * BASE_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static unsigned int
probe_poll(void *arg, uint64_t now_ns)
{
	uint64_t cpu = thread_cpu_ns();

	if (probe.rounds < ROUNDS_MAX)
		probe.cost_ns[probe.rounds] = probe.cpu_ns != 0 ? (uint32_t)(cpu - probe.cpu_ns)
								: 0;
	probe.cpu_ns = cpu;
	probe.rounds++;
	probe.self = run_worker_self();
	if (now_ns >= probe.until_ns)
		run_stop();
	if (probe.work_every_ns != 0 && now_ns >= probe.next_work_ns) {
		probe.next_work_ns = now_ns + probe.work_every_ns;
		return 1;
	}
	return 0;
}

/* The second worker only counts. */
static uint64_t second_rounds;

static unsigned int
second_poll(void *arg, uint64_t now_ns)
{
	second_rounds++;
	return 0;
}

static uint64_t
cpu_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * BASE_NS_PER_S +
	       (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * BASE_NS_PER_US;
}

/* Run the loop for ms. @return CPU time used, in parts per million of the time passed. */
static uint64_t
run_for(uint64_t ms, uint64_t work_every_ms)
{
	static const struct run_idle_conf conf = { .hot_us = 200, .idle_max_us = 4000 };
	uint64_t wall = base_now_ns(), cpu = cpu_ns();

	memset(&probe, 0, sizeof(probe));
	second_rounds = 0;
	probe.until_ns = wall + ms * BASE_NS_PER_MS;
	probe.work_every_ns = work_every_ms * BASE_NS_PER_MS;
	run_loop(&conf);
	cpu = cpu_ns() - cpu;
	wall = base_now_ns() - wall;
	return cpu * 1000000 / wall;
}

static int
restart(void **state)
{
	run_restart();
	run_remove_wake_fd(1, never[0]);
	assert_int_equal(run_add_wake_fd(1, never[0]), 0);
	return 0;
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Below one percent of a core. On a machine that others keep busy, interrupts and stolen time
 * are charged to whoever runs, and make some rounds a hundred times dearer: so the dearest 15 %
 * count as the next cheaper one.
 */
static void
costs_little(uint64_t work_every_ms)
{
	const uint64_t ms = 2000;
	uint64_t ppm, sum = 0, total = run_for(ms, work_every_ms);
	size_t i, cut = probe.rounds * 85 / 100;

	assert_true(probe.rounds > 20 && probe.rounds <= ROUNDS_MAX); /* it did look now and then */
	qsort(probe.cost_ns, probe.rounds, sizeof(probe.cost_ns[0]), compare_u32);
	for (i = 0; i < probe.rounds; i++)
		sum += probe.cost_ns[i < cut ? i : cut];
	ppm = sum / ms;
	print_message("idle: %llu ppm of a core in %llu rounds, %llu with all that disturbed it\n",
		      (unsigned long long)ppm, (unsigned long long)probe.rounds,
		      (unsigned long long)total);
	assert_true(ppm < 10000);
}

static void
test_idle_costs_less_than_one_percent(void **state)
{
	costs_little(0);
}

/* Keepalives once a second must not keep it awake. */
static void
test_rare_work_costs_less_than_one_percent(void **state)
{
	costs_little(500);
}

/* Rounds are compared in spans of time, of which others may take a part: in one of five tries. */
static void
once_of_five(bool (*try)(void))
{
	bool ok = false;

	for (unsigned int i = 0; i < 5 && !ok; i++) {
		restart(NULL);
		ok = try();
	}
	assert_true(ok);
}

/*
 * Hot rounds give way to whoever wants the CPU, so others can make them few. Then a quarter is
 * enough of what a thread gets that does nothing else, in as much time.
 */
static uint64_t
enough(uint64_t rounds, uint64_t ms)
{
	uint64_t n = 0, end = base_now_ns() + ms * BASE_NS_PER_MS;

	for (; base_now_ns() < end; n++)
		sched_yield();
	return RTE_MIN(rounds, n / 4);
}

static bool
stays_hot(void)
{
	/* Sleeping rounds would be 100 at most in this time. */
	run_for(200, 1);
	assert_int_equal(probe.self, 0);
	assert_int_equal(run_worker_self(), -1);
	return probe.rounds > enough(500, 200);
}

static void
test_steady_work_stays_hot(void **state)
{
	once_of_five(stays_hot);
}

static uint64_t asleep;

static bool
stays_awake(void)
{
	run_for(200, 0);
	return probe.rounds > enough(asleep * 10, 200);
}

static void
test_wake_fd(void **state)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(run_add_wake_fd(0, never[0]), 0);
	assert_int_equal(run_add_wake_fd(0, fd[0]), 0);
	run_for(200, 0);
	asleep = probe.rounds;
	assert_int_equal(write(fd[1], "x", 1), 1);
	once_of_five(stays_awake); /* while it is readable */
	/* One that is taken away wakes no longer. */
	run_remove_wake_fd(0, fd[0]);
	run_restart();
	run_for(200, 0);
	assert_true(probe.rounds < 1000);
	/* A broken fd must not turn sleeping into spinning. */
	assert_int_equal(run_add_wake_fd(0, fd[0]), 0);
	close(fd[0]);
	close(fd[1]);
	run_restart();
	run_for(200, 0);
	assert_true(probe.rounds < 1000);
	run_remove_wake_fd(0, fd[0]);
	run_remove_wake_fd(0, never[0]);
}

static void
test_wake_fd_refusals(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY);

	assert_int_equal(run_add_wake_fd(0, -1), -EINVAL);
	assert_int_equal(run_add_wake_fd(RTE_MAX_LCORE, 0), -EINVAL);
	assert_int_equal(run_add_wake_fd(0, 1000), -EBADF);
	assert_int_equal(run_add_wake_fd(0, file), -EPERM);
	close(file);
}

/* As many as there are; the newest wakes as well as the first. */
static void
test_many_wake_fds(void **state)
{
	int fd[64][2];

	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(pipe(fd[i]), 0);
		assert_int_equal(run_add_wake_fd(0, fd[i][0]), 0);
		assert_int_equal(run_add_wake_fd(0, fd[i][0]), 0); /* again: nothing new */
	}
	/* More broken ones than are looked at in one go hide no readable one. */
	for (unsigned int i = 0; i < 40; i++)
		close(fd[i][1]);
	run_for(200, 0);
	asleep = probe.rounds;
	assert_int_equal(write(fd[63][1], "x", 1), 1);
	once_of_five(stays_awake);
	for (unsigned int i = 0; i < 64; i++) {
		run_remove_wake_fd(0, fd[i][0]);
		close(fd[i][0]);
		if (i >= 40)
			close(fd[i][1]);
	}
	run_restart();
	run_for(200, 0);
	assert_true(probe.rounds < 1000);
}

static bool
nap_limit(void)
{
	uint64_t limited;

	run_limit_nap(0, 100);
	run_for(500, 0);
	limited = probe.rounds;
	run_limit_nap(0, 0);
	run_restart();
	run_for(500, 0);
	assert_true(limited < 500 * 1000 / 20);
	return limited > probe.rounds * 2;
}

/* A worker that must not oversleep looks often; without the limit it does not. */
static void
test_nap_limit(void **state)
{
	once_of_five(nap_limit);
}

static bool
woken_sleeps_longer(void)
{
	uint64_t woken;

	run_for(1000, 0);
	woken = second_rounds;
	run_restart();
	run_remove_wake_fd(1, never[0]);
	run_for(1000, 0);
	assert_true(woken > 0);
	assert_int_equal(probe.self, 0);
	return woken * 5 < second_rounds * 4;
}

/* A second worker that is woken for its work sleeps longer; without a wake fd it does not. */
static void
test_woken_workers_sleep_longer(void **state)
{
	once_of_five(woken_sleeps_longer);
}

static void
test_signal_stops(void **state)
{
	static const struct run_idle_conf conf = { .hot_us = 200, .idle_max_us = 4000 };

	memset(&probe, 0, sizeof(probe));
	probe.until_ns = UINT64_MAX;
	raise(SIGTERM);
	assert_true(run_stopping());
	run_loop(&conf);
	assert_int_equal(probe.rounds, 0);
}

/* The second signal ends the process as if it had no handler. */
static void
test_second_signal_kills(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		raise(SIGTERM);
		raise(SIGTERM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* nohup(1): who was told to ignore a hangup does. */
static void
test_ignored_hangup_stays_ignored(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		run_restart();
		signal(SIGHUP, SIG_IGN);
		run_signals();
		raise(SIGHUP);
		_exit(run_stopping());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_pollers_are_bounded(void **state)
{
	int i, ret = 0;

	assert_int_equal(run_add_poller(run_workers(), probe_poll, NULL), -EINVAL);
	for (i = 0; i < 1000 && ret == 0; i++)
		ret = run_add_poller(0, probe_poll, NULL);
	assert_int_equal(ret, -ENOSPC);
}

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Folders of dead processes go, those of living ones stay, and so do other names. */
static void
test_sweep(void **state)
{
	char dir[] = "/tmp/test-run-XXXXXX", path[4][64];
	pid_t dead = fork();
	int i;

	if (dead == 0)
		_exit(0);
	assert_int_equal(waitpid(dead, NULL, 0), dead);
	assert_non_null(mkdtemp(dir));
	snprintf(path[0], sizeof(path[0]), "%s/x-%d", dir, (int)dead);
	snprintf(path[1], sizeof(path[1]), "%s/x-%d", dir, (int)getppid());
	snprintf(path[2], sizeof(path[2]), "%s/x-%dy", dir, (int)dead);
	snprintf(path[3], sizeof(path[3]), "%s/other-%d", dir, (int)dead);
	for (i = 0; i < 4; i++)
		assert_int_equal(mkdir(path[i], 0700), 0);
	run_sweep_runtime(dir, "x-");
	assert_false(exists(path[0]));
	for (i = 1; i < 4; i++) {
		assert_true(exists(path[i]));
		rmdir(path[i]);
	}
	assert_int_equal(rmdir(dir), 0);
	run_sweep_runtime(dir, "x-"); /* no such folder: nothing to do */
}

static int
eal_start(void **state)
{
	char prog[] = "prog", lcores[64], dashes[] = "--";
	char *argv[] = { prog, lcores, dashes, NULL }, **app;
	struct run_host host;
	int n, cpu = 0;

	unsetenv("ISM_VDEV_SOCKET");
	run_host_probe(&host);
	while (!CPU_ISSET(cpu, &host.affinity))
		cpu++;
	snprintf(lcores, sizeof(lcores), "--lcores=(0-1)@%d", cpu);
	if (pipe(never) != 0 || run_args(3, argv, "dpdk-testrun", &n, &app) != 0 ||
	    run_eal_init() != 0)
		return -1;
	snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	if (!exists(runtime_dir))
		return -1;
	if (run_workers() != 2 || run_add_poller(1, second_poll, NULL) != 0)
		return -1;
	return run_add_poller(0, probe_poll, NULL);
}

/* --- calls from other threads --- */

static struct {
	int worker; /* on which the call ran */
	unsigned int count;
	unsigned int rounds; /* of a poller that comes and goes */
	int wrong_line; /* in the caller, whose thread cannot fail the test */
	int last; /* what the newest call returned */
} calls;

#define CALLER_WANTS(what)                                                                         \
	do {                                                                                       \
		if (!(what) && calls.wrong_line == 0)                                              \
			calls.wrong_line = __LINE__;                                               \
	} while (0)

static void
note_worker(void *arg)
{
	calls.worker = run_worker_self();
	calls.count++;
}

static unsigned int
guest_poll(void *arg, uint64_t now_ns)
{
	__atomic_fetch_add(&calls.rounds, 1, __ATOMIC_RELAXED);
	return 0;
}

static void
add_guest(void *arg)
{
	CALLER_WANTS(run_add_poller(0, guest_poll, arg) == 0);
}

static void
remove_guest(void *arg)
{
	run_remove_poller(0, guest_poll, arg);
}

/* Another thread: calls each worker, lets a poller come and go, calls until the loop has ended. */
static void *
caller(void *arg)
{
	unsigned int seen;

	for (int i = 0; i < 100; i++) {
		CALLER_WANTS(run_call(0, note_worker, NULL) == 0);
		CALLER_WANTS(calls.worker == 0);
		CALLER_WANTS(run_call(1, note_worker, NULL) == 0);
		CALLER_WANTS(calls.worker == 1);
	}
	CALLER_WANTS(run_call(run_workers(), note_worker, NULL) == -EINVAL);
	CALLER_WANTS(run_call(0, add_guest, &calls) == 0);
	usleep(50000);
	CALLER_WANTS(run_call(0, remove_guest, &calls) == 0);
	seen = __atomic_load_n(&calls.rounds, __ATOMIC_RELAXED);
	CALLER_WANTS(seen > 0);
	usleep(50000);
	CALLER_WANTS(__atomic_load_n(&calls.rounds, __ATOMIC_RELAXED) == seen);
	run_stop();
	while (run_call(1, note_worker, NULL) == 0)
		;
	calls.last = run_call(1, note_worker, NULL);
	return NULL;
}

static void
test_calls(void **state)
{
	static const struct run_idle_conf conf = { .hot_us = 200, .idle_max_us = 4000 };
	pthread_t thread;

	memset(&calls, 0, sizeof(calls));
	memset(&probe, 0, sizeof(probe));
	probe.until_ns = UINT64_MAX;
	/* Nobody runs yet: at once, in this thread. */
	assert_int_equal(run_call(0, note_worker, NULL), 0);
	assert_int_equal(calls.worker, -1);
	assert_int_equal(pthread_create(&thread, NULL, caller, NULL), 0);
	usleep(20000); /* it has to wait for the loop */
	assert_int_equal(calls.count, 1);
	run_loop(&conf);
	pthread_join(thread, NULL);
	if (calls.wrong_line != 0)
		fail_msg("line %d: not what the caller wants", calls.wrong_line);
	assert_true(calls.count >= 201);
	assert_int_equal(calls.last, -ESHUTDOWN);
	/* Whoever ends things has the workers for itself again. */
	assert_int_equal(run_call(0, note_worker, NULL), 0);
	assert_int_equal(calls.worker, -1);
}

static int
eal_stop(void **state)
{
	run_fini();
	close(never[0]);
	close(never[1]);
	return exists(runtime_dir) ? -1 : 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_idle_costs_less_than_one_percent, restart),
		cmocka_unit_test_setup(test_rare_work_costs_less_than_one_percent, restart),
		cmocka_unit_test_setup(test_steady_work_stays_hot, restart),
		cmocka_unit_test_setup(test_wake_fd, restart),
		cmocka_unit_test_setup(test_wake_fd_refusals, restart),
		cmocka_unit_test_setup(test_many_wake_fds, restart),
		cmocka_unit_test_setup(test_nap_limit, restart),
		cmocka_unit_test_setup(test_woken_workers_sleep_longer, restart),
		cmocka_unit_test_setup(test_second_signal_kills, restart),
		cmocka_unit_test_setup(test_ignored_hangup_stays_ignored, restart),
		cmocka_unit_test_setup(test_signal_stops, restart),
		cmocka_unit_test_setup(test_calls, restart),
		cmocka_unit_test_setup(test_pollers_are_bounded, restart),
		cmocka_unit_test_setup(test_sweep, restart),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_stop);
}
