/* SPDX-License-Identifier: BSD-3-Clause */
/* The line writer: who puts a line never waits for who reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_line.h"
#include "base_time.h"

#define THREADS 4
#define LINES_EACH 40 /* all of them fit */

static char text[4 << 20];

static void
put(int fd, const char *line)
{
	base_line_put(fd, line, strlen(line));
}

/* All that a pipe holds now. */
static size_t
take(int fd)
{
	size_t len = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static void *
put_many(void *arg)
{
	const int *fd = arg;
	char line[64];

	for (int i = 0; i < LINES_EACH; i++) {
		snprintf(line, sizeof(line), "thread %d line %d", fd[1], i);
		put(fd[0], line);
	}
	return NULL;
}

static void
test_order(void **state)
{
	int pipes[2], args[THREADS][2], next[THREADS] = { 0 }, who, line, used;
	pthread_t thread[THREADS];
	const char *p;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(base_line_start("test"), 0);
	assert_int_equal(base_line_start("test"), -EALREADY);
	for (int i = 0; i < THREADS; i++) {
		args[i][0] = pipes[1];
		args[i][1] = i;
		pthread_create(&thread[i], NULL, put_many, args[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(base_line_drain(20000), 0);
	take(pipes[0]);
	for (p = text; sscanf(p, "thread %d line %d\n%n", &who, &line, &used) == 2; p += used)
		assert_int_equal(line, next[who]++);
	assert_int_equal(*p, '\0');
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES_EACH);
	base_line_stop();
	close(pipes[0]);
	close(pipes[1]);
}

/* Long lines are cut, and end all the same; one that has a newline gets no second one. */
static void
test_long_lines(void **state)
{
	char line[BASE_LINE_MAX + 100];
	int pipes[2];

	memset(line, 'x', sizeof(line));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(base_line_start("test"), 0);
	base_line_put(pipes[1], line, sizeof(line));
	put(pipes[1], "with one\n");
	base_line_put(pipes[1], "", 0);
	base_line_stop();
	assert_int_equal(take(pipes[0]), BASE_LINE_MAX + 9 + 1);
	assert_string_equal(text + BASE_LINE_MAX - 1, "\nwith one\n\n");
	close(pipes[0]);
	close(pipes[1]);
}

static size_t
fill(int fd)
{
	static const char much[65536];
	size_t len = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = write(fd, much, sizeof(much))) > 0 || (n = write(fd, much, 1)) > 0)
		len += (size_t)n;
	fcntl(fd, F_SETFL, 0);
	return len;
}

/* In a child, whose stderr is a full pipe. @return its exit status. */
static int
child_with_full_stderr(int fd)
{
	uint64_t start;
	char line[32];

	dup2(fd, STDERR_FILENO);
	if (base_line_start("child") != 0)
		return 2;
	start = base_now_ns();
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		put(STDERR_FILENO, line);
	}
	if (base_now_ns() - start > 5 * BASE_NS_PER_S)
		return 3;
	/* One line is in the writer's hands, and all places are taken. */
	if (base_line_dropped() != 5000 - BASE_LINES)
		return 4;
	if (base_line_drain(50) != -ETIMEDOUT)
		return 5;
	return 0;
}

/* exit() must not wait for the reader either: SIGTERM must end a program. */
static void
test_no_reader(void **state)
{
	uint64_t start = base_now_ns();
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	fill(pipes[1]);
	pid = fork();
	if (pid == 0)
		exit(child_with_full_stderr(pipes[1]));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(base_now_ns() - start < 10 * BASE_NS_PER_S);
	close(pipes[0]);
	close(pipes[1]);
}

/* A reader that comes back gets what waited, and learns how much is missing. */
static void
test_dropped_are_told(void **state)
{
	int saved = dup(STDERR_FILENO), pipes[2];
	uint64_t dropped = base_line_dropped();
	size_t filled;

	assert_int_equal(pipe(pipes), 0);
	filled = fill(pipes[1]);
	dup2(pipes[1], STDERR_FILENO);
	assert_int_equal(base_line_start("test"), 0);
	for (int i = 0; i < BASE_LINES + 7; i++)
		put(STDERR_FILENO, "some line");
	assert_int_equal(base_line_dropped() - dropped, 7);
	while (filled > 0) {
		ssize_t n = read(pipes[0], text, filled);

		assert_true(n > 0);
		filled -= (size_t)n;
	}
	base_line_stop();
	dup2(saved, STDERR_FILENO);
	take(pipes[0]);
	assert_non_null(strstr(text, "test: 7 lines dropped: nobody read them\n"));
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

/* The reader has gone: lines are lost, nothing else. */
static void
test_reader_gone(void **state)
{
	uint64_t dropped = base_line_dropped();
	int pipes[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	assert_int_equal(base_line_start("test"), 0);
	put(pipes[1], "nobody");
	base_line_stop();
	assert_int_equal(base_line_dropped() - dropped, 1);
	close(pipes[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	    cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_no_reader),   cmocka_unit_test(test_dropped_are_told),
		cmocka_unit_test(test_reader_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
