/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines for a log that may block: in order, counted where they are lost, never waited for. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_time.h"
#include "cons_audit_log.h"

#define EXTRA 10

static char got[CONS_AUDIT_LINES + EXTRA + 2][CONS_AUDIT_LINE];
static unsigned int count;
static int gate[2]; /* a log that blocks reads a byte of it for each line */

static void
put(const char *line)
{
	snprintf(got[count++], sizeof(got[0]), "%s", line);
}

static void
put_slowly(const char *line)
{
	char byte;

	if (read(gate[0], &byte, 1) == 1)
		put(line);
}

static int
setup(void **state)
{
	count = 0;
	return pipe(gate);
}

static int
teardown(void **state)
{
	close(gate[0]);
	close(gate[1]);
	return 0;
}

static struct cons_audit_log *
start(void (*fn)(const char *line))
{
	struct cons_audit_log *log;

	assert_int_equal(cons_audit_log_start(&log, fn), 0);
	return log;
}

static void
add(struct cons_audit_log *log, unsigned int first, unsigned int n)
{
	char line[32];

	for (unsigned int i = first; i < first + n; i++) {
		snprintf(line, sizeof(line), "line %u", i);
		cons_audit_log_add(log, line);
	}
}

static void
expect(unsigned int at, unsigned int number)
{
	char line[32];

	snprintf(line, sizeof(line), "line %u", number);
	assert_string_equal(got[at], line);
}

/* All of them are there when it has stopped. */
static void
test_in_order(void **state)
{
	struct cons_audit_log *log = start(put);

	add(log, 0, CONS_AUDIT_LINES);
	cons_audit_log_stop(log);
	assert_int_equal(count, CONS_AUDIT_LINES);
	for (unsigned int i = 0; i < count; i++)
		expect(i, i);
	cons_audit_log_stop(start(put));
	cons_audit_log_stop(NULL);
}

static void
test_long(void **state)
{
	char line[2 * CONS_AUDIT_LINE];
	struct cons_audit_log *log = start(put);

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	cons_audit_log_add(log, line);
	cons_audit_log_stop(log);
	assert_int_equal(strlen(got[0]), CONS_AUDIT_LINE - 1);
}

/* One line is being written, so many wait, the others are told of in their place. */
static void
test_full(void **state)
{
	static const char bytes[CONS_AUDIT_LINES + EXTRA + 2];
	struct cons_audit_log *log = start(put_slowly);
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;
	unsigned int lost = 0, n = 0;

	/* The thread takes one off as soon as it runs. */
	add(log, 0, CONS_AUDIT_LINES + EXTRA);
	assert_int_equal(write(gate[1], bytes, sizeof(bytes)), sizeof(bytes));
	cons_audit_log_stop(log);
	assert_true(base_now_ns() < end);
	for (; n < count && sscanf(got[n], "%u lines are lost", &lost) != 1; n++)
		expect(n, n);
	assert_in_range(n, CONS_AUDIT_LINES, CONS_AUDIT_LINES + 1);
	assert_int_equal(count, n + 1);
	assert_int_equal(n + lost, CONS_AUDIT_LINES + EXTRA);
}

/* A log that takes nothing for ever does not keep the program from ending. */
static void
test_stuck(void **state)
{
	struct cons_audit_log *log = start(put_slowly);

	add(log, 0, 3);
	cons_audit_log_stop(log);
	assert_int_equal(count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
