/* SPDX-License-Identifier: BSD-3-Clause */
/* What a writer leaves behind in the terminal: the program goes on without him. */
#include <fcntl.h>
#include <termios.h>

#include "cons_rig.h"

#define CTRL_S "\023"

static void
start(struct rig *r, unsigned int peers, const char *command)
{
	rig_setup(r, peers, 0);
	rig_console_conf(r, &(struct cons_console_conf){ .name = "c",
							 .kind = CONS_CONSOLE_EXEC,
							 .what = command,
							 .allow.any = true });
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

/* Counts, a line each 10 ms. */
#define TICKS "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.01; done"
/* The same between double quotes of a shell. */
#define TICKS_QUOTED "i=0; while :; do i=\\$((i + 1)); echo tick \\$i; sleep 0.01; done"

static uint64_t
head(struct rig *r)
{
	assert_non_null(r->srv->consoles[0]->now);
	return r->srv->consoles[0]->now->scroll.head;
}

/* The output stands for 300 ms. */
static bool
stands(struct rig *r)
{
	uint64_t before = head(r);

	rig_pass(r, 300);
	return head(r) == before;
}

static void
stop_output(struct rig *r)
{
	rig_attach(r, 0, "c", 1, 0);
	rig_expect(r, 0, "tick 3");
	assert_int_equal(rig_type_at(r, 0, 0, CTRL_S), CONS_OK);
	rig_pass(r, 50);
	assert_true(stands(r));
}

static void
goes_on(struct rig *r)
{
	uint64_t before = head(r);

	rig_until(r, head(r) > before + 30);
}

static void
test_detached(void **state)
{
	struct rig r;

	start(&r, 1, TICKS);
	stop_output(&r);
	r.peer[0].credits_max = 0;
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	goes_on(&r);
	rig_teardown(&r);
}

/* The Ctrl-S may reach the terminal when its writer has left: here it is his last word. */
static void
test_detached_at_once(void **state)
{
	struct link_req req;
	uint16_t id;
	struct rig r;

	start(&r, 1, TICKS);
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "tick 3");
	req = rig_op(&r, 0, CONS_WRITE);
	req.len = req.payload = 1;
	r.peer[0].credits_max = 0;
	id = rig_send(&r, 0, req, CTRL_S);
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	rig_take(&r, 0, id);
	goes_on(&r);
	goes_on(&r);
	rig_teardown(&r);
}

/* Its link closes in good order; its link is lost and it does not come back. */
static void
test_closed(void **state)
{
	struct rig r;

	start(&r, 1, TICKS);
	stop_output(&r);
	rig_disconnect(&r, 0);
	goes_on(&r);
	rig_teardown(&r);
}

static void
test_lost(void **state)
{
	struct rig r;

	start(&r, 1, TICKS);
	stop_output(&r);
	rig_lose(&r, 0);
	/* It may come back and type Ctrl-Q: until then the program is held up. */
	assert_true(stands(&r));
	r.srv->consoles[0]->now->absent.until_ns = 1;
	goes_on(&r);
	rig_return(&r, 0);
	rig_teardown(&r);
}

/* Another client of the same system takes over. */
static void
test_taken_over(void **state)
{
	struct rig r;

	start(&r, 1, TICKS);
	stop_output(&r);
	rig_disconnect(&r, 0);
	rig_connect(&r, 0);
	rig_attach(&r, 0, "c", 2, CONS_ATTACH_TAKE_OVER);
	goes_on(&r);
	rig_teardown(&r);
}

/* A program that has hung up its terminal, as login does, and opened it again. */
static void
test_after_vhangup(void **state)
{
	struct rig r;

	if (geteuid() != 0)
		skip();
	start(&r, 1,
	      "exec python3 -c \"import os,signal,ctypes; t=os.ttyname(0); "
	      "signal.signal(signal.SIGHUP,signal.SIG_IGN); [os.close(i) for i in range(3)]; "
	      "ctypes.CDLL(None).vhangup(); "
	      "[os.set_inheritable(os.open(t,os.O_RDWR),True) for i in range(3)]; "
	      "os.execv('/bin/sh', ['sh', '-c', '" TICKS_QUOTED "'])\"");
	stop_output(&r);
	r.peer[0].credits_max = 0;
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	goes_on(&r);
	rig_teardown(&r);
}

/* A program that stopped its terminal's output itself, and forgot. */
static void
test_stopped_by_tcflow(void **state)
{
	struct rig r;

	start(&r, 1,
	      "(sleep 0.5; exec python3 -c 'import termios; "
	      "termios.tcflow(1, termios.TCOOFF)') & " TICKS);
	rig_attach(&r, 0, "c", 1, 0);
	rig_until(&r, stands(&r));
	r.peer[0].credits_max = 0;
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	goes_on(&r);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_detached_at_once),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_after_vhangup),
		cmocka_unit_test(test_stopped_by_tcflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
