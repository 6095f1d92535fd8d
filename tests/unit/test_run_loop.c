/* SPDX-License-Identifier: BSD-3-Clause */
/* The polling loop on a running EAL: idle cost, waking, stopping, and what EAL leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "base_time.h"
#include "run.h"
#include "run_priv.h"

static char runtime_dir[256];

/* One poller for all tests: counts rounds, says it worked now and then, stops at a time. */
static struct {
	uint64_t rounds;
	uint64_t until_ns;
	uint64_t work_every_ns, next_work_ns;
	int self;
} probe;

static unsigned int
probe_poll(void *arg, uint64_t now_ns)
{
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
	run_set_wake_fd(0, -1);
	return 0;
}

static void
test_idle_costs_less_than_one_percent(void **state)
{
	uint64_t ppm = run_for(2000, 0);

	print_message("idle: %llu ppm of a core, %llu rounds\n", (unsigned long long)ppm,
		      (unsigned long long)probe.rounds);
	assert_true(ppm < 10000);
	assert_true(probe.rounds > 20); /* it did look now and then */
}

/* Keepalives once a second must not keep it awake. */
static void
test_rare_work_costs_less_than_one_percent(void **state)
{
	assert_true(run_for(2000, 500) < 10000);
}

static void
test_steady_work_stays_hot(void **state)
{
	/* Sleeping rounds would be 100 at most in this time. */
	run_for(200, 1);
	assert_true(probe.rounds > 500);
	assert_int_equal(probe.self, 0);
	assert_int_equal(run_worker_self(), -1);
}

static void
test_wake_fd(void **state)
{
	uint64_t asleep;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	run_set_wake_fd(0, fd[0]);
	run_for(200, 0);
	asleep = probe.rounds;
	assert_int_equal(write(fd[1], "x", 1), 1);
	run_restart();
	run_for(200, 0);
	assert_true(probe.rounds > asleep * 10); /* readable: never asleep */
	/* A broken fd must not turn sleeping into spinning. */
	close(fd[0]);
	close(fd[1]);
	run_restart();
	run_for(200, 0);
	assert_true(probe.rounds < 1000);
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
	char prog[] = "prog";
	char *argv[] = { prog, NULL }, **app;
	int n;

	unsetenv("ISM_VDEV_SOCKET");
	if (run_args(1, argv, "dpdk-testrun", &n, &app) != 0 || run_eal_init() != 0)
		return -1;
	snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	if (!exists(runtime_dir))
		return -1;
	return run_add_poller(0, probe_poll, NULL);
}

static int
eal_stop(void **state)
{
	run_fini();
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
		cmocka_unit_test_setup(test_second_signal_kills, restart),
		cmocka_unit_test_setup(test_signal_stops, restart),
		cmocka_unit_test_setup(test_pollers_are_bounded, restart),
		cmocka_unit_test_setup(test_sweep, restart),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_stop);
}
