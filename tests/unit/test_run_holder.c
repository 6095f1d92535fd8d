/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A holder and what it holds. Each case is a child that becomes a holder, whose held process is
 * this program again, told by its first word how to live.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulated.h"
#include "run.h"
#include "run_holder.h"
#include "run_priv.h"

#define BOUND_S 100
#define BEHIND 8192

/* Shared by all processes of a case: a memory file, which is also what is held. */
struct notes {
	unsigned int starts, ends, fds, stuck;
	pid_t held;
	bool over; /* somebody else has ended what is held */
};

static struct notes *notes;
static int notes_fd;

/* --- the held process --- */

static void
moment(unsigned int ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void
wait_for_stop(void)
{
	for (unsigned int i = 0; i < BOUND_S * 100 && !run_stopping(); i++)
		moment(10);
}

static void
serve(const char *how)
{
	if (run_held_ready(run_held_self()) != 0)
		_exit(96);
	if (strncmp(how, "killed", 6) == 0 && notes->starts <= 3)
		raise(SIGKILL);
	if (strcmp(how, "crash") == 0)
		raise(SIGUSR1);
	if (strcmp(how, "bye") != 0 && strncmp(how, "killed", 6) != 0)
		wait_for_stop();
	if (run_held_leaving())
		_exit(0);
	run_held_bye(run_held_self());
}

/* By the holder, behind the notes. @return 0. */
static int
let_write(void)
{
	uint8_t much[129] = { 0 };
	uint32_t id = 0;
	int ret = 0;

	lseek(notes_fd, BEHIND, SEEK_SET);
	if (run_held_write(run_held_self(), 1, much, sizeof(much)) != -EINVAL ||
	    run_held_wrote(run_held_self(), &id) != 0 ||
	    run_held_write(run_held_self(), 5, "hello", 5) != 0)
		return 95;
	for (unsigned int i = 0; i < BOUND_S * 100 && ret == 0; i++) {
		ret = run_held_wrote(run_held_self(), &id);
		moment(10);
	}
	return ret == 1 && id == 5 ? 0 : 94;
}

static int
live(const char *how)
{
	int fds[RUN_HOLDER_FDS];
	unsigned int n = run_held_taken(fds);

	if (n == 0)
		notes_fd = 3; /* what the test had */
	else
		notes_fd = fds[0];
	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED, notes_fd, 0);
	if (notes == MAP_FAILED)
		return 99;
	notes->starts++;
	notes->held = getpid();
	if (run_known_pid() != getppid())
		return 98;
	run_held_signals();
	if (strcmp(how, "usage") == 0)
		return RUN_EXIT_USAGE;
	if (n == 0 &&
	    (run_held_give(run_held_self(), &notes_fd, 1) != 0 ||
	     (strcmp(how, "killed-for-ever") != 0 && run_held_allow_next(run_held_self()) != 0)))
		return 97;
	if (n != 0 && strcmp(how, "refuse") == 0)
		run_held_refuse(run_held_self());
	if (n != 0 && (strcmp(how, "refuse") == 0 || strcmp(how, "dies-young") == 0))
		raise(SIGUSR1);
	if (n != 0 && strcmp(how, "hangs") == 0)
		pause();
	if (strcmp(how, "refuse") == 0 || strcmp(how, "dies-young") == 0 ||
	    strcmp(how, "hangs") == 0) {
		if (run_held_ready(run_held_self()) != 0)
			_exit(96);
		raise(SIGKILL);
	}
	if (strcmp(how, "writes") == 0)
		return let_write();
	serve(how);
	return 7;
}

/* --- the holder --- */

static bool
is_over(int fd)
{
	return notes->over;
}

static void
end(const int *fds, unsigned int count, bool stuck)
{
	notes->ends++;
	notes->fds = count;
	notes->stuck = stuck;
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

static int
setup(void **state)
{
	notes_fd = memfd_create("notes", 0);
	if (notes_fd < 0 || ftruncate(notes_fd, sizeof(*notes)) < 0)
		return -1;
	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED, notes_fd, 0);
	return notes != MAP_FAILED ? 0 : -1;
}

static int
teardown(void **state)
{
	munmap(notes, sizeof(*notes));
	close(notes_fd);
	return 0;
}

static pid_t
hold(const char *how, bool restart)
{
	char *words[] = { (char *)(uintptr_t) "test_run_holder", (char *)(uintptr_t)how, NULL };
	const struct run_holder_conf conf = {
		.argv = words,
		.what = "the thing",
		.restart = restart,
		.is_over = is_over,
		.end = end,
	};
	pid_t pid = fork();
	int null;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	null = open("/dev/null", O_WRONLY);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	dup2(notes_fd, 3);
	fcntl(3, F_SETFD, 0);
	_exit(run_holder(&conf));
}

/* @return what waitpid() says; bounded. */
static int
status_of(pid_t pid)
{
	int status;

	for (unsigned int i = 0; i < BOUND_S * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		moment(10);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fail_msg("the holder does not end");
	return status;
}

static int
exit_of(pid_t pid)
{
	int status = status_of(pid);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
wait_starts(unsigned int n)
{
	for (unsigned int i = 0; i < BOUND_S * 100; i++) {
		if (*(volatile unsigned int *)&notes->starts >= n) {
			moment(50); /* and what it does then */
			return;
		}
		moment(10);
	}
	fail_msg("still %u starts of %u", notes->starts, n);
}

/*
 * Ask the holder for start n. It says no as long as it has not heard READY, which nobody else can
 * see: so it is asked again. @return how often.
 */
static unsigned int
replace_until(pid_t pid, unsigned int n)
{
	unsigned int asked = 0;

	for (unsigned int i = 0; i < BOUND_S * 100; i++) {
		if (*(volatile unsigned int *)&notes->starts >= n)
			break;
		if (i % 200 == 0) {
			kill(pid, SIGUSR2);
			asked++;
		}
		moment(10);
	}
	wait_starts(n);
	return asked;
}

static bool
is_gone(pid_t pid)
{
	for (unsigned int i = 0; i < 500; i++) {
		if (kill(pid, 0) < 0)
			return true;
		moment(10);
	}
	return false;
}

/* --- cases --- */

static void
its_status_is_ours(void **state)
{
	assert_int_equal(exit_of(hold("bye", true)), 7);
	assert_int_equal(notes->starts, 1);
	assert_int_equal(notes->ends, 1);
	assert_int_equal(notes->fds, 1);
	assert_int_equal(notes->stuck, 0);
}

static void
failing_at_the_start_is_the_end(void **state)
{
	assert_int_equal(exit_of(hold("usage", true)), RUN_EXIT_USAGE);
	assert_int_equal(notes->starts, 1);
	assert_int_equal(notes->ends, 0); /* there was nothing */
}

static void
killed_ones_are_replaced(void **state)
{
	assert_int_equal(exit_of(hold("killed", true)), 7);
	assert_int_equal(notes->starts, 4);
	assert_int_equal(notes->ends, 1);
}

static void
not_without_leave(void **state)
{
	assert_int_equal(exit_of(hold("killed", false)), RUN_EXIT_FAIL);
	assert_int_equal(notes->starts, 1);
	assert_int_equal(notes->ends, 1);
	notes->starts = notes->ends = 0;
	assert_int_equal(exit_of(hold("killed-for-ever", true)), RUN_EXIT_FAIL);
	assert_int_equal(notes->starts, 1);
	assert_int_equal(notes->ends, 1);
}

static void
dying_again_and_again_is_bounded(void **state)
{
	assert_int_equal(exit_of(hold("crash", true)), RUN_EXIT_FAIL);
	assert_int_equal(notes->starts, 5);
	assert_int_equal(notes->ends, 1);
	notes->starts = notes->ends = 0;
	assert_int_equal(exit_of(hold("dies-young", true)), RUN_EXIT_FAIL);
	assert_int_equal(notes->starts, 6); /* the first one was killed while it served */
	assert_int_equal(notes->ends, 1);
}

static void
one_that_refuses_is_the_last(void **state)
{
	assert_int_equal(exit_of(hold("refuse", true)), RUN_EXIT_FAIL);
	assert_int_equal(notes->starts, 2);
	assert_int_equal(notes->ends, 1);
}

static void
signals_are_passed_on(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t pid = hold("serve", true);

		wait_starts((unsigned int)i + 1);
		kill(pid, signals[i]);
		assert_int_equal(exit_of(pid), 7);
		assert_int_equal(notes->ends, i + 1);
	}
}

static void
a_second_signal_ends_all(void **state)
{
	pid_t pid = hold("serve", true);
	int status;

	wait_starts(1);
	kill(notes->held, SIGSTOP);
	kill(pid, SIGTERM);
	moment(50);
	kill(pid, SIGTERM);
	status = status_of(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(notes->ends, 0);
	assert_true(is_gone(notes->held));
}

static void
it_dies_with_the_holder(void **state)
{
	pid_t pid = hold("serve", true);

	wait_starts(1);
	kill(pid, SIGKILL);
	assert_true(WIFSIGNALED(status_of(pid)));
	assert_true(is_gone(notes->held));
}

static void
it_is_replaced_by_hand(void **state)
{
	pid_t pid = hold("serve", true);
	unsigned int asked = 0;
	pid_t before;

	/* As often as is wanted: none of them has died. */
	wait_starts(1);
	while (notes->starts <= 8) {
		before = notes->held;
		asked += replace_until(pid, notes->starts + 1);
		assert_int_not_equal(notes->held, before);
	}
	kill(pid, SIGTERM);
	assert_int_equal(exit_of(pid), 7);
	assert_in_range(notes->starts, 9, 1 + asked);
	/* Nor without leave. */
	notes->starts = 0;
	pid = hold("serve", false);
	wait_starts(1);
	kill(pid, SIGUSR2);
	moment(200);
	kill(pid, SIGTERM);
	assert_int_equal(exit_of(pid), 7);
	assert_int_equal(notes->starts, 1);
}

static void
nobody_serves_and_it_is_told_to_end(void **state)
{
	pid_t pid = hold("hangs", true);

	wait_starts(2);
	kill(pid, SIGTERM);
	assert_int_equal(exit_of(pid), RUN_EXIT_OK);
	assert_int_equal(notes->ends, 1);
	assert_true(is_gone(notes->held));
}

static void
nobody_serves_and_it_is_over(void **state)
{
	pid_t pid = hold("hangs", true);

	wait_starts(2);
	notes->over = true;
	assert_int_equal(exit_of(pid), RUN_EXIT_OK);
	assert_int_equal(notes->ends, 1);
}

static void
it_lets_the_holder_write(void **state)
{
	char text[8] = "";

	assert_int_equal(exit_of(hold("writes", true)), 0);
	assert_int_equal(pread(notes_fd, text, sizeof(text), BEHIND), 5);
	assert_string_equal(text, "hello");
}

/* The variable alone makes no held process. */
static void
anybody_can_set_the_variable(void **state)
{
	static const char *const words[] = { "", "x", "1", "1 2", "1 0", "-1 -1", "99999999999 3" };
	char text[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		setenv("DPDK_ISM_HOLDER", words[i], 1);
		assert_false(run_held_start());
	}
	snprintf(text, sizeof(text), "%d %d", (int)getppid(), notes_fd); /* no socket */
	setenv("DPDK_ISM_HOLDER", text, 1);
	assert_false(run_held_start());
	unsetenv("DPDK_ISM_HOLDER");
	assert_int_equal(run_known_pid(), getpid());
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_status_is_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_at_the_start_is_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_ones_are_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(not_without_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(dying_again_and_again_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_refuses_is_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(signals_are_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_signal_ends_all, setup, teardown),
		cmocka_unit_test_setup_teardown(it_dies_with_the_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_replaced_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_serves_and_it_is_told_to_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nobody_serves_and_it_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(it_lets_the_holder_write, setup, teardown),
		cmocka_unit_test_setup_teardown(anybody_can_set_the_variable, setup, teardown),
	};

	/* qemu-user gives no signals to a signalfd, and the kernel runs no program through it. */
	static const struct CMUnitTest without_programs[] = {
		cmocka_unit_test_setup_teardown(anybody_can_set_the_variable, setup, teardown),
	};

	if (run_held_start())
		return live(argv[1]);
	if (emulated()) {
		puts("left out: all that starts processes");
		return cmocka_run_group_tests(without_programs, NULL, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
