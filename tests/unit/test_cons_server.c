/* SPDX-License-Identifier: BSD-3-Clause */
/* The server over a link, with real programs on real terminals: what they do and how they end. */
#include <errno.h>
#include <signal.h>

#include "cons_rig.h"

/* One peer, connected, and one console "c". */
static void
start(struct rig *r, const char *command)
{
	char arg[512];

	rig_setup(r, 1, 0);
	snprintf(arg, sizeof(arg), "c=exec:%s,allow=any", command);
	rig_console(r, arg);
	rig_connect(r, 0);
}

static void
test_echo(void **state)
{
	struct rig r;

	start(&r, "stty -echo; echo ready; exec cat");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rte_be_to_cpu_32(r.peer[0].attached.flags), CONS_ATTACHED_WRITER);
	assert_string_equal(r.peer[0].attached.name, "c");
	rig_expect(&r, 0, "ready\r\n");
	assert_int_equal(rig_type_at(&r, 0, 0, "hello\n"), CONS_OK);
	rig_expect(&r, 0, "hello\r\n");
	assert_int_equal(rig_type_at(&r, 0, 6, "again\n"), CONS_OK);
	rig_expect(&r, 0, "again\r\n");
	rig_teardown(&r);
	rig_audited(&r, "attached to write");
}

static void
test_exit_status(void **state)
{
	struct rig r;

	start(&r, "echo last words; exit 7");
	rig_attach(&r, 0, "", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 7);
	assert_string_equal(r.peer[0].seen, "last words\r\n");
	assert_true(r.peer[0].gone >= 1);
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_EGONE);
	rig_audited(&r, "program ended with status 7");
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
