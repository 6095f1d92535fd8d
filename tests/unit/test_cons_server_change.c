/* SPDX-License-Identifier: BSD-3-Clause */
/* Consoles that go, and others who may use them, while clients are attached. */
#include <errno.h>
#include <signal.h>

#include "cons_rig.h"

#define CAT "c=exec:stty -echo; echo begun; exec cat"

static struct base_allow
only(uint64_t gid)
{
	return (struct base_allow){ .count = gid != 0, .gid = { gid } };
}

static void
start(struct rig *r, unsigned int peers, const char *console)
{
	rig_setup(r, peers, 0);
	rig_console(r, console);
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

static uint16_t
try_attach(struct rig *r, unsigned int peer, uint64_t client, uint32_t flags)
{
	struct cons_wire_attach rec = rig_attach_record("c", client, flags);

	return rig_attach_as(r, peer, &rec);
}

static void
test_removed(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, CAT ",allow=any");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "begun\r\n");
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	pid = r.srv->consoles[0]->now->term.pid;
	assert_int_equal(cons_server_remove(r.srv, "c"), 0);
	assert_int_equal(cons_server_remove(r.srv, "c"), -ENOENT);
	/* Whoever is there is told that it has ended. */
	for (unsigned int i = 0; i < 2; i++)
		assert_non_null(
			strstr(rig_event(&r, i, CONS_EVENT_ENDED)->text, "offered no longer"));
	rig_until(&r, kill(pid, 0) != 0);
	assert_int_equal(try_attach(&r, 1, 2, 0), CONS_ENOENT);
	/* Another one of that name, while the old one has not been forgotten. */
	rig_console(&r, "c=exec:echo other; exec cat,allow=any");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "other\r\n");
	rig_teardown(&r);
}

/* Its clients never ask for the news: the console is forgotten when they go. */
static void
test_removed_deaf(void **state)
{
	struct rig r;

	start(&r, 1, CAT ",allow=any");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "begun\r\n");
	r.peer[0].credits_max = 0;
	assert_int_equal(cons_server_remove(r.srv, "c"), 0);
	rig_pass(&r, 50);
	rig_disconnect(&r, 0);
	rig_until(&r, r.srv->count == 0);
	rig_teardown(&r);
}

static void
test_many_times(void **state)
{
	struct rig r;

	rig_setup(&r, 1, 0);
	rig_console(&r, "stays=exec:cat,allow=any");
	rig_connect(&r, 0);
	for (int i = 0; i < 100; i++) {
		rig_console(&r, CAT ",allow=any");
		if (i % 10 == 0) {
			rig_attach(&r, 0, "c", 1, 0);
			rig_expect(&r, 0, "begun\r\n");
		}
		assert_int_equal(cons_server_remove(r.srv, "c"), 0);
		if (i % 10 == 0) {
			rig_event(&r, 0, CONS_EVENT_ENDED);
			r.peer[0].event_count = 0;
		}
	}
	/* It might come back for what it has not seen. It says that it does not. */
	rig_disconnect(&r, 0);
	rig_until(&r, r.srv->count == 1);
	assert_true(TAILQ_EMPTY(&r.srv->instances));
	rig_teardown(&r);
}

/* The writer may only look on from now on; the observer stays; then neither may anything. */
static void
test_allow(void **state)
{
	struct base_allow nobody = { 0 }, writer, observer;
	struct link_session_info info;
	struct rig r;

	start(&r, 2, CAT ",allow=any");
	writer = only(r.ip.gid[1]);
	observer = only(r.ip.gid[2]);
	rig_attach(&r, 0, "c", 1, 0);
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	assert_int_equal(cons_server_allow(r.srv, "c", &writer, &observer), 0);
	assert_int_equal(rig_type_at(&r, 0, 0, "hello\n"), CONS_OK);
	rig_expect(&r, 1, "hello\r\n");
	assert_int_equal(cons_server_allow(r.srv, "c", &observer, &writer), 0);
	assert_non_null(strstr(rig_event(&r, 0, CONS_EVENT_DETACHED)->text, "not allowed"));
	assert_int_equal(r.peer[1].event_count, 0);
	assert_int_equal(try_attach(&r, 0, 1, 0), CONS_EACCES);
	assert_int_equal(try_attach(&r, 0, 1, CONS_ATTACH_OBSERVE), CONS_OK);
	assert_int_equal(cons_server_allow(r.srv, "c", &observer, &nobody), 0);
	rig_until(&r, r.peer[0].downs == 1);
	assert_int_equal(r.peer[1].downs, 0);
	rig_until(&r, (link_session_info(r.peer[0].session, &info), info.why == LINK_WHY_REFUSED));
	assert_int_equal(cons_server_allow(r.srv, "x", &nobody, NULL), -ENOENT);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_removed_deaf),
		cmocka_unit_test(test_many_times),
		cmocka_unit_test(test_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
