/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nobody pays for another: what one GID may take of a listener's sessions, memory, events, time and
 * log, and that the others are served meanwhile.
 */
#include <errno.h>

#include "link_priv.h"
#include "link_rig.h"

#define FUNCTIONS 6
#define MIB (UINT64_C(1) << 20)

static struct rig r;
static const struct inproc_conf six = { .functions = FUNCTIONS };

/* Links on functions 2 and up; rig's own are on 0 (listens) and 1. */
static struct link *more[FUNCTIONS];
static struct rig_end more_end[FUNCTIONS];
static struct link_session *more_s[FUNCTIONS];

static void
pass(unsigned int ms)
{
	for (; ms > 0; ms--) {
		rig_pass(&r, 1);
		for (unsigned int i = 2; i < FUNCTIONS; i++)
			if (more[i] != NULL)
				link_poll(more[i], r.now);
	}
}

static bool
pass_until_up(const struct rig_end *end, unsigned int ups, unsigned int ms)
{
	for (; end->ups < ups && ms > 0; ms--)
		pass(1);
	return end->ups >= ups;
}

static void
more_open(unsigned int i, enum link_service service, uint16_t queues, uint16_t depth, uint32_t slot)
{
	struct link_conf conf = { .dev_id = r.ip.dev_id[i] };
	struct link_open_conf open = rig_open_conf(&r, queues, depth, slot);

	memset(&more_end[i], 0, sizeof(more_end[i]));
	more_end[i].attach = true;
	assert_int_equal(link_create(&conf, &more[i]), 0);
	open.service = service;
	open.arg = &more_end[i];
	assert_int_equal(link_open(more[i], &open, &more_s[i]), 0);
}

static void
more_close(unsigned int i)
{
	struct link_session_info info = rig_info(more_s[i]);

	for (unsigned int q = 0; info.up && q < info.queues; q++)
		link_queue_detach(link_session_queue(more_s[i], q));
	link_destroy(more[i]);
	more[i] = NULL;
}

static void
listen_for(enum link_service service)
{
	struct link_listen_conf conf = {
		.service = service,
		.queues_max = LINK_QUEUES_MAX,
		.depth_max = LINK_DEPTH_MAX,
		.slot_max = LINK_SLOT_MAX,
		.may_connect = rig_may_connect,
		.ops = &rig_ops,
		.arg = &r.end[RIG_LISTENER],
	};

	assert_int_equal(link_listen(r.l[RIG_LISTENER], &conf), 0);
}

static struct link_stats
listener(void)
{
	return rig_stats(&r, RIG_LISTENER);
}

/* Everything that is open goes, and the listener has given all of it back. */
static void
finish(void)
{
	for (unsigned int i = 2; i < FUNCTIONS; i++)
		if (more[i] != NULL)
			more_close(i);
	if (r.opened != NULL && rig_info(r.opened).up)
		for (unsigned int q = 0; q < rig_info(r.opened).queues; q++)
			link_queue_detach(link_session_queue(r.opened, q));
	link_destroy(r.l[RIG_INITIATOR]);
	r.l[RIG_INITIATOR] = NULL;
	for (unsigned int i = 0; i < 5000 && listener().sessions != 0; i++)
		rig_pass(&r, 1);
	assert_int_equal(listener().sessions, 0);
	assert_int_equal(listener().held_dmbs, 0);
	assert_int_equal(listener().held_bytes, 0);
	r.end[RIG_LISTENER].s = NULL;
	r.end[RIG_INITIATOR].s = NULL;
	r.opened = NULL;
	rig_down(&r);
}

/* A session too many is refused at once, with the reason; what is kept for a service is its own. */
static void
places(void **state)
{
	const struct link_share kept = { .sessions = 1, .dmbs = 3, .bytes = MIB };
	struct link_conf conf = { .sessions_max = 3 };

	rig_links(&r, &six, &conf);
	listen_for(LINK_SERVICE_BLK);
	listen_for(LINK_SERVICE_CONS);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], LINK_SERVICE_CONS, &kept), 0);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], 77, &kept), -EINVAL);
	more_open(2, LINK_SERVICE_BLK, 1, 8, 4096);
	more_open(3, LINK_SERVICE_BLK, 1, 8, 4096);
	assert_true(pass_until_up(&more_end[2], 1, 100) && pass_until_up(&more_end[3], 1, 100));
	more_open(4, LINK_SERVICE_BLK, 1, 8, 4096);
	pass(30);
	assert_int_equal(rig_info(more_s[4]).why, LINK_WHY_BUSY);
	assert_string_equal(rig_info(more_s[4]).reason, "all sessions are in use");
	assert_true(listener().refused_full > 0);
	more_open(5, LINK_SERVICE_CONS, 1, 8, 4096);
	assert_true(pass_until_up(&more_end[5], 1, 100));
	/* And the next place that is free is had without help. */
	more_close(2);
	assert_true(pass_until_up(&more_end[4], 1, 2000));
	finish();
}

/* Who asks for more memory than it may have gets less, and not one byte more than that. */
static void
memory_of_one(void **state)
{
	struct link_conf conf = { .caller_memory_max = 2 * MIB };

	rig_links(&r, &six, &conf);
	listen_for(LINK_SERVICE_TEST);
	more_open(2, LINK_SERVICE_TEST, 16, 64, 65536); /* 64 MiB */
	assert_true(pass_until_up(&more_end[2], 1, 1000));
	assert_int_equal(rig_info(more_s[2]).errors[LINK_WHY_BUSY], 1);
	assert_in_range(listener().held_bytes, 16 * 65536, 2 * MIB);
	/* Another GID has its own. */
	more_open(3, LINK_SERVICE_TEST, 1, 16, 65536);
	assert_true(pass_until_up(&more_end[3], 1, 100));
	assert_int_equal(rig_info(more_s[3]).depth, 16);
	finish();
}

/* DMBs, and the memory of all: always some is left for one more. */
static void
memory_of_all(void **state)
{
	struct link_conf conf = { .memory_max = 40 * MIB, .caller_dmbs_max = 12 };

	rig_links(&r, &six, &conf);
	listen_for(LINK_SERVICE_TEST);
	for (unsigned int i = 2; i < FUNCTIONS; i++) {
		more_open(i, LINK_SERVICE_TEST, 16, 64, 65536);
		assert_true(pass_until_up(&more_end[i], 1, 3000));
		assert_in_range(listener().held_dmbs, 1, 12 * (i - 1));
		assert_in_range(listener().held_bytes, 1, 40 * MIB);
	}
	finish();
}

static void
call(unsigned int fn, const struct rte_pmd_ism_dmb *dmb, uint32_t nonce)
{
	assert_int_equal(rte_pmd_ism_signal(r.ip.dev_id[fn], r.ip.gid[0],
					    LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
					    link_event_info(dmb->token, LINK_SERVICE_TEST, nonce)),
			 0);
}

/*
 * 14 events a millisecond, as many as the device's queue holds, of one who is refused or allowed:
 * an honest one is up soon, and the flood is hardly looked at.
 */
static void
flood(int allowed, uint32_t code_of_other_use)
{
	struct rte_pmd_ism_dmb *dmb;

	rig_links(&r, &six, NULL);
	listen_for(LINK_SERVICE_TEST);
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], LINK_CTRL_SIZE, 0,
						  &dmb),
			 0);
	r.end[RIG_LISTENER].allow = allowed;
	for (uint32_t ms = 0; ms < 500; ms++) {
		for (uint32_t i = 0; i < 13; i++) {
			if (code_of_other_use != 0)
				rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0], code_of_other_use,
						   i);
			else
				call(1, dmb, ms * 13 + i + 1);
		}
		if (ms == 100) {
			r.end[RIG_LISTENER].allow = 0;
			more_open(2, LINK_SERVICE_TEST, 1, 8, 4096);
		}
		pass(1);
		if (ms == 200)
			assert_int_equal(more_end[2].ups, 1);
	}
	assert_true(listener().events_over > 6000);
	assert_in_range(r.end[RIG_LISTENER].asked, 0, 200);
	assert_int_equal(more_end[2].downs, 0);
	rte_pmd_ism_dmb_unregister(dmb);
	finish();
}

static void
flood_of_a_refused_one(void **state)
{
	flood(-EACCES, 0);
}

static void
flood_of_an_allowed_one(void **state)
{
	flood(0, 0);
}

static void
flood_of_other_events(void **state)
{
	flood(0, 0x80000001);
}

/* Who comes and goes without end waits ever longer; another one does not, and the log is spared. */
static void
churn(void **state)
{
	struct link_open_conf open;
	unsigned int ups = 0;

	rig_links(&r, &six, NULL);
	listen_for(LINK_SERVICE_TEST);
	for (unsigned int ms = 0; ms < 10000; ms++) {
		if (r.opened == NULL) {
			open = rig_open_conf(&r, 1, 8, 4096);
			assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
		}
		if (ms == 5000)
			more_open(2, LINK_SERVICE_TEST, 1, 8, 4096);
		pass(1);
		if (ms == 5100)
			assert_int_equal(more_end[2].ups, 1);
		if (r.end[RIG_INITIATOR].ups == ups)
			continue;
		ups = r.end[RIG_INITIATOR].ups;
		link_queue_detach(link_session_queue(r.opened, 0));
		link_session_close(r.opened, "and again");
		r.end[RIG_INITIATOR].s = NULL;
		r.opened = NULL;
	}
	/* 16 at once, then 4 a second. */
	assert_in_range(ups, 20, 60);
	assert_true(listener().calls_delayed > 20);
	assert_true(listener().lines_withheld > 20);
	assert_int_equal(more_end[2].downs, 0);
	finish();
}

/* A large session is set up and given back in many rounds, none of which does much. */
static void
slices(void **state)
{
	unsigned int rounds = 0;
	uint64_t before;

	rig_links(&r, &six, NULL);
	listen_for(LINK_SERVICE_TEST);
	more_open(2, LINK_SERVICE_TEST, 16, 64, 65536);
	while (more_end[2].ups == 0 && rounds < 5000) {
		before = listener().slices;
		pass(1);
		rounds++;
		/* 150 us, and not one of these takes less than 1. */
		assert_in_range(listener().slices - before, 0, 150);
	}
	assert_int_equal(more_end[2].ups, 1);
	/* 64 MiB in DMBs of at most 8 MiB, a window for each, and the rings. */
	assert_true(listener().slices >= 1 + 1 + 16 + 16 + 16);
	assert_true(rounds > 3);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(memory_of_one),
		cmocka_unit_test(memory_of_all),
		cmocka_unit_test(flood_of_a_refused_one),
		cmocka_unit_test(flood_of_an_allowed_one),
		cmocka_unit_test(flood_of_other_events),
		cmocka_unit_test(churn),
		cmocka_unit_test(slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
