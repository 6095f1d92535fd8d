/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose is a console's program? What one GID has opened by a password is not for the next one,
 * however he gets there: by take-over, after a goodbye, after a lost link.
 */
#include <signal.h>

#include "cons_rig.h"

/* Asks for a password, as login does, and tells then who is in. */
#define LOGIN "stty -echo; echo password; read p; echo in as $p; exec cat"

static struct cons_instance *
now(struct rig *r)
{
	return r->srv->consoles[0]->now;
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
detach(struct rig *r, unsigned int peer)
{
	r->peer[peer].credits_max = 0;
	assert_int_equal(rig_status(r, peer, rig_op(r, peer, CONS_DETACH), NULL), CONS_OK);
}

/* Peer 0 gives the password. @return process of its program. */
static pid_t
log_in(struct rig *r)
{
	rig_attach(r, 0, "c", 1, 0);
	rig_expect(r, 0, "password\r\n");
	assert_int_equal(rig_type_at(r, 0, 0, "root\n"), CONS_OK);
	rig_expect(r, 0, "in as root\r\n");
	return now(r)->term.pid;
}

/* The program of before has ended, and is reaped. */
static bool
is_gone(pid_t pid)
{
	return kill(pid, 0) != 0;
}

/* Peer 1 is asked for the password, and nothing that it types reaches the other program. */
static void
assert_fresh(struct rig *r, pid_t before)
{
	rig_expect(r, 1, "password\r\n");
	assert_null(strstr(r->peer[1].seen, "in as root"));
	assert_int_equal(rig_type_at(r, 1, 0, "guest\n"), CONS_OK);
	rig_expect(r, 1, "in as guest\r\n");
	rig_until(r, is_gone(before));
	assert_int_equal(r->srv->stats.hung_up, 1);
}

static void
test_take_over(void **state)
{
	struct rig r;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	log_in(&r);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(try_attach(&r, 1, 2, i * CONS_ATTACH_TAKE_OVER), CONS_EBUSY);
		assert_int_equal(rte_be_to_cpu_64(r.peer[1].attached.writer), r.ip.gid[1]);
		assert_int_equal(rte_be_to_cpu_32(r.peer[1].attached.flags), CONS_ATTACHED_OWNED);
		assert_memory_equal(r.peer[1].attached.text, "not shared", 10);
	}
	assert_int_equal(r.peer[0].event_count, 0);
	assert_int_equal(r.srv->stats.take_overs, 0);
	assert_int_equal(rig_type_at(&r, 0, 5, "mine\n"), CONS_OK);
	rig_expect(&r, 0, "mine\r\n");
	rig_teardown(&r);
}

/* Another client of the same system may: it is one and the same GID. */
static void
test_take_over_same_gid(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:" LOGIN ",allow=any");
	log_in(&r);
	rig_lose(&r, 0);
	rig_return(&r, 0);
	assert_int_equal(try_attach(&r, 0, 2, 0), CONS_OK);
	rig_expect(&r, 0, "in as root\r\n");
	rig_teardown(&r);
}

static void
test_after_detach(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	pid = log_in(&r);
	detach(&r, 0);
	rig_attach(&r, 1, "c", 2, 0);
	assert_fresh(&r, pid);
	rig_audited(&r, "hung up: its writer has left");
	/* The first one comes back: this one is not his any more. */
	assert_int_equal(try_attach(&r, 0, 1, CONS_ATTACH_TAKE_OVER), CONS_EBUSY);
	rig_teardown(&r);
}

static void
test_after_goodbye(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	pid = log_in(&r);
	rig_disconnect(&r, 0);
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_TAKE_OVER);
	assert_fresh(&r, pid);
	rig_teardown(&r);
}

/* A lost link may come back: until then the place is kept, after it there is a fresh program. */
static void
test_after_lost_link(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	pid = log_in(&r);
	r.peer[0].unit = 0;
	r.peer[0].credits_max = 0;
	inproc_lose(&r.ip, 1);
	rig_until(&r, now(&r)->absent.client != 0);
	assert_int_equal(try_attach(&r, 1, 2, CONS_ATTACH_TAKE_OVER), CONS_EBUSY);
	assert_int_equal(rte_be_to_cpu_64(r.peer[1].attached.writer), r.ip.gid[1]);
	now(&r)->absent.until_ns = 1;
	rig_until(&r, now(&r)->absent.client == 0);
	rig_attach(&r, 1, "c", 2, 0);
	assert_fresh(&r, pid);
	rig_return(&r, 0);
	rig_teardown(&r);
}

/* Its writer comes back in time and finds what he left; later he does not. */
static void
test_comes_back(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	pid = log_in(&r);
	detach(&r, 0);
	rig_pass(&r, 100);
	rig_attach(&r, 0, "c", 9, 0);
	rig_expect(&r, 0, "in as root\r\n");
	assert_int_equal(now(&r)->term.pid, pid);
	detach(&r, 0);
	/* An observer keeps nothing alive, and is told. */
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	now(&r)->left_ns -= 30 * BASE_NS_PER_S;
	assert_int_equal(rig_ended(&r, 1), CONS_ENDED_HANGUP);
	assert_string_equal(r.peer[1].events[0].text, "its writer has left");
	rig_until(&r, is_gone(pid));
	assert_null(now(&r));
	rig_teardown(&r);
}

/* One that ignores the hang-up is killed; meanwhile the next one has its own already. */
static void
test_ignores_hang_up(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 2, "c=exec:trap '' HUP; " LOGIN ",allow=any");
	pid = log_in(&r);
	detach(&r, 0);
	rig_attach(&r, 1, "c", 2, 0);
	rig_expect(&r, 1, "password\r\n");
	rig_until(&r, is_gone(pid));
	rig_teardown(&r);
}

/* Where only one GID may write, its program waits for it as long as it takes. */
static void
test_one_gid(void **state)
{
	char console[256];
	struct rig r;

	rig_setup(&r, 2, 0);
	snprintf(console, sizeof(console), "c=exec:" LOGIN ",allow=%lx,observe=%lx", r.ip.gid[1],
		 r.ip.gid[2]);
	rig_console(&r, console);
	rig_connect(&r, 0);
	rig_connect(&r, 1);
	log_in(&r);
	detach(&r, 0);
	now(&r)->left_ns = 1;
	rig_pass(&r, 50);
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	rig_expect(&r, 1, "in as root\r\n");
	rig_attach(&r, 0, "c", 3, 0);
	rig_expect(&r, 0, "in as root\r\n");
	assert_int_equal(r.srv->stats.hung_up, 0);
	rig_teardown(&r);
}

static void
test_keep(void **state)
{
	struct rig r;
	pid_t pid;

	/* What is written out holds against others, too. */
	start(&r, 2, "c=exec:" LOGIN ",allow=any,keep=600");
	pid = log_in(&r);
	detach(&r, 0);
	assert_int_equal(try_attach(&r, 1, 2, CONS_ATTACH_TAKE_OVER), CONS_EBUSY);
	assert_memory_equal(r.peer[1].attached.text, "not shared, and kept", 20);
	r.srv->consoles[0]->keep_ns -= 570 * BASE_NS_PER_S;
	rig_pass(&r, 20);
	assert_non_null(now(&r));
	r.srv->consoles[0]->keep_ns -= 30 * BASE_NS_PER_S;
	rig_attach(&r, 1, "c", 2, 0);
	assert_fresh(&r, pid);
	rig_teardown(&r);
}

static void
test_keep_nothing(void **state)
{
	struct rig r;
	pid_t pid;

	start(&r, 1, "c=exec:" LOGIN ",allow=any,keep=0");
	pid = log_in(&r);
	detach(&r, 0);
	rig_until(&r, is_gone(pid));
	pid = log_in(&r);
	rig_lose(&r, 0);
	rig_until(&r, is_gone(pid));
	rig_return(&r, 0);
	rig_teardown(&r);
}

/* Written out, it is anybody's. */
static void
test_shared(void **state)
{
	struct rig r;

	start(&r, 2, "c=exec:" LOGIN ",allow=any,share");
	log_in(&r);
	assert_int_equal(try_attach(&r, 1, 2, 0), CONS_EBUSY);
	assert_int_equal(rte_be_to_cpu_32(r.peer[1].attached.flags), 0);
	assert_int_equal(try_attach(&r, 1, 2, CONS_ATTACH_TAKE_OVER), CONS_OK);
	rig_expect(&r, 1, "in as root\r\n");
	detach(&r, 1);
	now(&r)->left_ns = 1;
	rig_pass(&r, 50);
	assert_int_equal(try_attach(&r, 0, 1, 0), CONS_OK);
	rig_expect(&r, 0, "in as root\r\n");
	rig_teardown(&r);
}

/* An observer that began it has no claim. */
static void
test_begun_by_observer(void **state)
{
	struct rig r;

	start(&r, 2, "c=exec:" LOGIN ",allow=any");
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	rig_expect(&r, 1, "password\r\n");
	log_in(&r);
	assert_int_equal(now(&r)->owner, r.ip.gid[1]);
	detach(&r, 1);
	assert_int_equal(try_attach(&r, 1, 2, CONS_ATTACH_TAKE_OVER), CONS_EBUSY);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_take_over_same_gid),
		cmocka_unit_test(test_after_detach),
		cmocka_unit_test(test_after_goodbye),
		cmocka_unit_test(test_after_lost_link),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_ignores_hang_up),
		cmocka_unit_test(test_one_gid),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_keep_nothing),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_begun_by_observer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
