/* SPDX-License-Identifier: BSD-3-Clause */
/* How often programs are started, and what becomes of children that are nobody's. */
#include <sys/prctl.h>

#include "cons_rig.h"
#include "emulated.h"

static void
start(struct rig *r, unsigned int peers, const char *console)
{
	rig_setup(r, peers, 0);
	rig_console(r, console);
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

/* Attach, see the end, attach again, for so long. @return how many programs were started. */
static uint64_t
hammer(struct rig *r, uint32_t flags, uint64_t ns)
{
	uint64_t end = base_now_ns() + ns, before = r->srv->stats.started;

	while (base_now_ns() < end) {
		rig_attach(r, 0, "c", 1, flags);
		rig_ended(r, 0);
	}
	return r->srv->stats.started - before;
}

static void
test_observer(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:true,observe=any");
	assert_true(hammer(&r, CONS_ATTACH_OBSERVE, 5 * BASE_NS_PER_S) <= 3 + 6);
	assert_true(r.srv->stats.starts_held >= 3);
	assert_int_equal(r.srv->stats.starts_held, r.srv->consoles[0]->stats.starts_held);
	rig_teardown(&r);
}

static void
test_writer(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:exit 3,allow=any");
	assert_true(hammer(&r, 0, 5 * BASE_NS_PER_S) <= 10 + 6);
	rig_teardown(&r);
}

/* The writer does not wait for what observers have used up; nor does another console. */
static void
test_shares(void **state)
{
	struct rig r;
	uint64_t begin;

	start(&r, 2, "c=exec:true,allow=any");
	rig_console(&r, "d=exec:true,allow=any");
	for (int i = 0; i < 3; i++) {
		rig_attach(&r, 0, "c", 1, CONS_ATTACH_OBSERVE);
		rig_ended(&r, 0);
	}
	begin = base_now_ns();
	rig_attach(&r, 1, "c", 2, 0);
	rig_ended(&r, 1);
	rig_attach(&r, 0, "d", 1, CONS_ATTACH_OBSERVE);
	rig_ended(&r, 0);
	assert_true(base_now_ns() - begin < 900 * BASE_NS_PER_MS);
	assert_int_equal(r.srv->stats.starts_held, 0);
	rig_teardown(&r);
}

/* A shell that is used as one is never held up: ten at once are good. */
static void
test_scripts(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:exit 3,allow=any");
	for (int i = 0; i < 10; i++) {
		rig_attach(&r, 0, "c", 1, 0);
		assert_int_equal(rig_ended(&r, 0), 3);
	}
	assert_int_equal(r.srv->stats.starts_held, 0);
	rig_teardown(&r);
}

/* A device that cannot be opened is a try as well. */
static void
test_device_that_is_gone(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	uint64_t end, tries = 0;
	struct rig r;

	start(&r, 1, "c=exec:true,allow=any");
	r.srv->consoles[0]->kind = CONS_CONSOLE_TTY;
	free(r.srv->consoles[0]->what);
	r.srv->consoles[0]->what = strdup("/nonexistent/tty");
	for (end = base_now_ns() + 3 * BASE_NS_PER_S; base_now_ns() < end; tries++)
		assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_EIO);
	assert_true(tries <= 10 + 4);
	rig_teardown(&r);
}

/* While one is held, the client may go, and may not ask twice. */
static void
test_held(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, CONS_ATTACH_OBSERVE);
	struct link_req req = { .op = CONS_ATTACH, .payload = sizeof(rec) };
	struct rig r;
	uint16_t id;

	start(&r, 1, "c=exec:true,observe=any");
	for (int i = 0; i < 3; i++) {
		rig_attach(&r, 0, "c", 1, CONS_ATTACH_OBSERVE);
		rig_ended(&r, 0);
	}
	id = rig_send(&r, 0, req, &rec);
	rig_pass(&r, 20);
	assert_false(r.peer[0].answered[id]);
	assert_int_equal(rig_status(&r, 0, req, &rec), CONS_EINVAL);
	assert_int_equal(rig_status(&r, 0, (struct link_req){ .op = CONS_LIST }, NULL), CONS_OK);
	assert_int_equal(rig_take(&r, 0, id).status, CONS_OK);
	rig_disconnect(&r, 0);
	rig_connect(&r, 0);
	rig_send(&r, 0, req, &rec);
	rig_pass(&r, 20);
	rig_lose(&r, 0);
	rig_pass(&r, 1100);
	assert_int_equal(r.srv->stats.started, 4);
	rig_return(&r, 0);
	rig_teardown(&r);
}

/* --- orphans --- */

static unsigned int
zombies(void)
{
	FILE *f = popen("ps -o stat= --ppid $PPID | grep -c Z", "r");
	unsigned int n = 99;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

/* As process 1 of a container. */
static void
test_orphans(void **state)
{
	struct rig r;

	if (emulated()) {
		print_message("skipped: qemu-user has no PR_SET_CHILD_SUBREAPER\n");
		skip();
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	start(&r, 1,
	      "c=exec:for i in $(seq 100); do (sleep 0.3 &); done; echo left; "
	      "sleep 0.1; exit 7,allow=any");
	r.srv->conf.reap_orphans = true;
	rig_attach(&r, 0, "c", 1, 0);
	/* The status of the program itself is not taken away. */
	assert_int_equal(rig_ended(&r, 0), 7);
	rig_until(&r, r.srv->stats.orphans >= 100);
	assert_int_equal(zombies(), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	rig_teardown(&r);
}

/* What the shell that became us has started. */
static void
test_inherited_child(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 1, "c=exec:exit 5,allow=any");
	r.srv->conf.reap_orphans = true;
	pid = fork();
	if (pid == 0)
		_exit(9);
	rig_until(&r, r.srv->stats.orphans == 1);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	for (int i = 0; i < 5; i++) {
		rig_attach(&r, 0, "c", 1, 0);
		assert_int_equal(rig_ended(&r, 0), 5);
	}
	assert_int_equal(r.srv->stats.orphans, 1);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_observer),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_device_that_is_gone),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_inherited_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
