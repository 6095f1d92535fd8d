/* SPDX-License-Identifier: BSD-3-Clause */
/* How a session ends against its will, and how fast that is noticed (DESIGN D11). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "link_rig.h"

static struct rig r;

static const struct inproc_conf two = { .functions = 2 };

/* The driver looks at a function's health by the real clock. */
static void
real_pause(void)
{
	usleep(30000);
}

/* One request there and back: the session works. */
static void
works(void)
{
	struct link_queue *iq = rig_queue(&r, RIG_INITIATOR, 0);
	struct link_queue *lq = rig_queue(&r, RIG_LISTENER, 0);
	struct link_req req = { .op = 1, .id = (uint16_t)link_slot_get(iq) };
	struct link_cqe cqe = { 0 };

	assert_int_equal(link_req_post(iq, &req), 0);
	assert_int_equal(link_req_flush(iq), 0);
	assert_int_equal(link_sqe_poll(lq, &req, 1), 1);
	cqe.id = req.id;
	assert_int_equal(link_rsp_post(lq, &cqe), 0);
	assert_int_equal(link_rsp_flush(lq), 0);
	assert_int_equal(link_cqe_poll(iq, &cqe, 1), 1);
	link_slot_put(iq, cqe.id);
}

/* `quiet` hangs: the other end notices after dead_ms (4 s), not before, and not much later. */
static void
silence(unsigned int quiet)
{
	unsigned int other = 1 - quiet;
	struct link *hangs;

	rig_up(&r, &two, 1, 8, 4096);
	hangs = r.l[quiet];
	r.l[quiet] = NULL;
	rig_pass(&r, 3900);
	assert_int_equal(r.end[other].downs, 0);
	rig_pass(&r, 200);
	assert_int_equal(r.end[other].downs, 1);
	assert_int_equal(r.end[other].why, LINK_WHY_SILENT);
	assert_int_equal(rig_info(r.opened).up, quiet == RIG_INITIATOR);
	/* It wakes up, finds that it was given up, and a session comes up again. */
	r.l[quiet] = hangs;
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 3000);
	assert_int_equal(r.end[quiet].downs, 1);
	rig_pass(&r, 2);
	works();
	rig_down(&r);
}

static void
silent_initiator(void **state)
{
	silence(RIG_INITIATOR);
}

static void
silent_listener(void **state)
{
	silence(RIG_LISTENER);
}

/* `late` sends no keepalive, but what it has to send: that counts, as long as it comes. */
static void
busy(unsigned int late)
{
	unsigned int other = 1 - late;
	struct link *hangs;
	unsigned int i;

	rig_up(&r, &two, 1, 8, 4096);
	hangs = r.l[late];
	r.l[late] = NULL;
	for (i = 0; i < 5; i++) {
		rig_pass(&r, 3000);
		works();
		rig_pass(&r, 1);
	}
	assert_int_equal(r.end[other].downs, 0);
	rig_pass(&r, 3900);
	assert_int_equal(r.end[other].downs, 0);
	rig_pass(&r, 200);
	assert_int_equal(r.end[other].why, LINK_WHY_SILENT);
	r.l[late] = hangs;
	rig_down(&r);
}

static void
busy_initiator(void **state)
{
	busy(RIG_INITIATOR);
}

static void
busy_listener(void **state)
{
	busy(RIG_LISTENER);
}

/* Both were stopped for an hour (a suspended machine): that is no silence of the peer. */
static void
a_pause_of_both_is_forgiven(void **state)
{
	rig_up(&r, &two, 1, 8, 4096);
	r.now += 3600 * BASE_NS_PER_S;
	rig_pass(&r, 5000);
	assert_int_equal(r.end[0].downs + r.end[1].downs, 0);
	works();
	rig_down(&r);
}

static void
slow_peers_keepalive_counts(void **state)
{
	struct link_conf conf = { .keepalive_ms = 100, .dead_ms = 300 };

	/* The listener would send every 5 s; for the initiator's sake it sends every 250 ms. */
	memset(&r, 0, sizeof(r));
	r.now = BASE_NS_PER_S;
	assert_int_equal(inproc_setup(&r.ip, &two), 0);
	conf.dev_id = r.ip.dev_id[1];
	assert_int_equal(link_create(&conf, &r.l[1]), 0);
	conf = (struct link_conf){ .dev_id = r.ip.dev_id[0], .keepalive_ms = 5000 };
	assert_int_equal(link_create(&conf, &r.l[0]), 0);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), 0);
	struct link_open_conf open = rig_open_conf(&r, 1, 8, 4096);

	assert_int_equal(link_open(r.l[1], &open, &r.opened), 0);
	rig_pass(&r, 20000);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 1);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 0);
	assert_in_range(rig_info(r.opened).keepalives_sent, 190, 210);
	assert_in_range(rig_info(r.opened).keepalives_seen, 75, 82);
	/* Silence is judged by that, not by what was announced. */
	for (unsigned int ms = 0; ms < 800; ms++) {
		r.now += BASE_NS_PER_MS;
		link_poll(r.l[RIG_INITIATOR], r.now);
	}
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	assert_int_equal(r.end[RIG_INITIATOR].why, LINK_WHY_SILENT);
	rig_down(&r);
}

/*
 * The peer said goodbye and called anew, both before we looked: that is a session that ended in
 * good order, and not a restart in which it was lost. It had so many DMBs that the events of their
 * end have pushed those of the first ones out of the queue.
 */
static void
goodbye_before_the_next_call(void **state)
{
	struct link_open_conf open;

	rig_up(&r, &two, LINK_QUEUES_MAX, 8, 4096);
	for (unsigned int i = 0; i < LINK_QUEUES_MAX; i++)
		link_queue_detach(rig_queue(&r, RIG_INITIATOR, i));
	link_session_close(r.opened, "see you");
	r.end[RIG_INITIATOR].s = NULL;
	open = rig_open_conf(&r, 1, 8, 4096);
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	r.now += BASE_NS_PER_MS;
	link_poll(r.l[RIG_INITIATOR], r.now); /* gives the old one's DMBs back, and calls */
	link_poll(r.l[RIG_LISTENER], r.now);
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	assert_int_equal(r.end[RIG_LISTENER].why, LINK_WHY_CLOSED);
	assert_true(r.end[RIG_LISTENER].goodbye);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 100);
	rig_pass(&r, 2);
	works();
	rig_down(&r);
}

/*
 * Whoever is up for long is called again at once; whoever lets us come up and go down again is
 * called as if it had refused, so that it costs us neither time nor lines in the log.
 */
static void
short_sessions_back_off(void **state)
{
	unsigned int n;

	rig_up(&r, &two, 1, 8, 4096);
	for (n = 0; n < 6; n++) {
		link_queue_detach(rig_queue(&r, RIG_LISTENER, 0));
		link_session_close(r.end[RIG_LISTENER].s, "not now");
		rig_until(&r, &r.end[RIG_INITIATOR].ups, n + 2, 600);
	}
	/* 50, 100, 200, 400, 500 and 500 ms. */
	assert_in_range((r.now - 1000 * BASE_NS_PER_S) / BASE_NS_PER_MS, 1750, 1850);
	rig_pass(&r, 600);
	for (n = 0; n < 2; n++) {
		link_queue_detach(rig_queue(&r, RIG_LISTENER, 0));
		link_session_close(r.end[RIG_LISTENER].s, "until tomorrow");
		rig_until(&r, &r.end[RIG_INITIATOR].ups, n + 8, n == 0 ? 10 : 60);
	}
	rig_down(&r);
}

/* A store is refused in a data thread: control learns of it, the peer too. */
static void
refused_store(void **state)
{
	struct link_queue *iq;
	struct link_req req = { .op = 1 };

	rig_up(&r, &two, 1, 8, 4096);
	iq = rig_queue(&r, RIG_INITIATOR, 0);
	req.id = (uint16_t)link_slot_get(iq);
	assert_int_equal(inproc_fault(&r.ip, "store-fail:fn1:1:7"), 0);
	assert_int_equal(link_req_payload(iq, req.id, 0, "0123456789abcdef", 16), -ENOTCONN);
	assert_int_equal(link_req_post(iq, &req), -ENOTCONN);
	assert_int_equal(link_req_flush(iq), -ENOTCONN);
	assert_int_equal(link_queue_state(iq), LINK_QUEUE_BROKEN);
	rig_pass(&r, 1);
	assert_int_equal(r.end[RIG_INITIATOR].why, LINK_WHY_STORE);
	assert_string_equal(rig_info(r.opened).reason, "into a slot");
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 200);
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	rig_pass(&r, 2);
	works();
	rig_down(&r);
}

/* What is refused now and then is tried again, and nobody notices. */
static void
store_refused_once(void **state)
{
	static const char *const faults[] = { "store-fail:fn1:1", "store-fail:fn1:2:4",
					      "store-fail:fn0:1:5", "store-fail:fn1:10%" };
	unsigned int i, n;

	rig_up(&r, &two, 1, 8, 4096);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(inproc_fault(&r.ip, faults[i]), 0);
		for (n = 0; n < 50; n++)
			works();
	}
	rig_pass(&r, 5000);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 0);
	assert_int_equal(r.end[RIG_LISTENER].downs, 0);
	rig_down(&r);
}

/* Any store of the set-up may fail for good: it is tried again, and nothing stays behind. */
static void
refused_store_in_set_up(unsigned int fn)
{
	for (unsigned int n = 1; n <= 8; n++) {
		char fault[32];
		struct link_open_conf open;

		rig_links(&r, &two, NULL);
		assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), 0);
		snprintf(fault, sizeof(fault), "store-fail:fn%u:%u:7", fn, n);
		assert_int_equal(inproc_fault(&r.ip, fault), 0);
		open = rig_open_conf(&r, 1, 8, 4096);
		assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
		rig_pass(&r, 4000);
		assert_true(rig_info(r.opened).up);
		works();
		rig_down(&r);
	}
}

static void
refused_store_of_the_listener(void **state)
{
	refused_store_in_set_up(0);
}

static void
refused_store_of_the_initiator(void **state)
{
	refused_store_in_set_up(1);
}

/* Functions that take short DMBs only, and say other things: sessions get as small as they must. */
static void
small_functions(void **state)
{
	static const struct inproc_conf small = { .functions = 2,
						  .max_len = 4096,
						  .dmb_max = 65536 };
	static const struct inproc_conf tiny = { .functions = 2, .dmb_max = 4096 };
	static const struct inproc_conf modest = { .functions = 2, .max_len = 4096 };
	static const struct inproc_conf *const confs[] = { &small, &modest, &tiny };
	struct link_session_info info;
	struct link_open_conf open;

	for (unsigned int i = 0; i < RTE_DIM(confs); i++) {
		rig_links(&r, confs[i], NULL);
		assert_int_equal(rig_listen(&r, 16, 256, LINK_SLOT_MAX, 0), 0);
		open = rig_open_conf(&r, 16, 256, 4096);
		assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
		rig_pass(&r, 4000);
		info = rig_info(r.opened);
		assert_int_equal(info.up, confs[i] != &tiny);
		if (confs[i] == &tiny)
			assert_non_null(strstr(info.reason, "4096 bytes at most"));
		if (info.up)
			works();
		if (info.up)
			assert_int_equal(info.queues, confs[i] == &small ? 8 : 16);
		rig_down(&r);
	}
}

/*
 * The peer's function goes away and comes back with a new process: noticed at once, by its
 * event, and the session is made anew.
 */
static void
peer_vanishes(unsigned int gone)
{
	unsigned int other = 1 - gone;
	unsigned int downs;

	rig_up(&r, &two, 1, 8, 4096);
	inproc_lose(&r.ip, gone);
	r.now += BASE_NS_PER_MS;
	link_poll(r.l[other], r.now);
	assert_int_equal(r.end[other].downs, 1);
	assert_int_equal(r.end[other].why, LINK_WHY_REVOKED);
	/* The one that lost its function: by the next look at its health. */
	real_pause();
	rig_pass(&r, 1);
	assert_int_equal(r.end[gone].downs, 1);
	assert_int_equal(r.end[gone].why, LINK_WHY_DEVICE);
	rig_pass(&r, 3000);
	assert_false(rig_info(r.opened).up);
	downs = r.end[other].downs;
	inproc_restore(&r.ip, gone);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 5000);
	rig_pass(&r, 2);
	works();
	assert_int_equal(r.end[other].downs, downs);
	assert_int_equal(r.end[gone].downs, 1);
	rig_down(&r);
}

static void
listener_loses_its_function(void **state)
{
	peer_vanishes(RIG_LISTENER);
}

static void
initiator_loses_its_function(void **state)
{
	peer_vanishes(RIG_INITIATOR);
}

/* The fabric is killed and started again: both are lost, both come back. */
static void
both_lose_their_functions(void **state)
{
	struct link_stats st;

	rig_up(&r, &two, 2, 8, 4096);
	for (unsigned int i = 0; i < 2; i++)
		inproc_lose(&r.ip, i);
	real_pause();
	rig_pass(&r, 500);
	assert_int_equal(r.end[0].why, LINK_WHY_DEVICE);
	assert_int_equal(r.end[1].why, LINK_WHY_DEVICE);
	for (unsigned int i = 0; i < 2; i++)
		inproc_restore(&r.ip, i);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 6000);
	rig_pass(&r, 2);
	works();
	link_stats(r.l[0], &st);
	assert_int_equal(st.device_losses, 1);
	rig_down(&r);
}

/* A data thread that has not let go yet keeps the function from being reopened under it. */
static void
reopening_waits_for_data_threads(void **state)
{
	struct link_queue *q;

	rig_up(&r, &two, 1, 8, 4096);
	q = rig_queue(&r, RIG_INITIATOR, 0);
	r.end[RIG_INITIATOR].attach = false;
	inproc_lose(&r.ip, RIG_INITIATOR);
	real_pause();
	rig_pass(&r, 1);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	inproc_restore(&r.ip, RIG_INITIATOR);
	rig_pass(&r, 5000);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 1);
	/* The memory is still there. */
	memset(link_slot_rx(q, 0), 1, 4096);
	link_queue_detach(q);
	assert_int_equal(link_queue_attach(q), -ENOTCONN);
	r.end[RIG_INITIATOR].attach = true;
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 5000);
	rig_down(&r);
}

/* The function fails under a data thread's store. */
static void
killed_by_a_store(void **state)
{
	struct link_queue *iq;
	uint16_t id;

	rig_up(&r, &two, 1, 8, 4096);
	iq = rig_queue(&r, RIG_INITIATOR, 0);
	id = (uint16_t)link_slot_get(iq);
	assert_int_equal(inproc_fault(&r.ip, "kill:fn1:1"), 0);
	assert_int_equal(link_req_payload(iq, id, 0, "0123456789abcdef", 16), -ENOTCONN);
	rig_pass(&r, 1);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	for (unsigned int i = 0; i < 50 && r.end[RIG_INITIATOR].ups < 2; i++) {
		usleep(2000);
		rig_pass(&r, 100);
	}
	assert_int_equal(r.end[RIG_INITIATOR].ups, 2);
	rig_pass(&r, 2);
	works();
	rig_down(&r);
}

static void
not_enough_dmbs(void **state)
{
	struct link_open_conf open;
	static struct rte_pmd_ism_dmb *dmb[2048];
	unsigned int n = 0;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), 0);
	while (n < 2048 &&
	       rte_pmd_ism_dmb_register(r.ip.dev_id[0], r.ip.gid[1], 4096, 0, &dmb[n]) == 0)
		n++;
	assert_in_range(n, 1000, 2047);
	/* None for HELLO, then one for it but none for the rest, then enough. */
	open = rig_open_conf(&r, 1, 8, 4096);
	open.retry_max_ms = 100;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 50);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_BUSY);
	rte_pmd_ism_dmb_unregister(dmb[--n]);
	rig_pass(&r, 400);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_BUSY);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 0);
	for (unsigned int i = 0; i < 2; i++)
		rte_pmd_ism_dmb_unregister(dmb[--n]);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 400);
	while (n > 0)
		rte_pmd_ism_dmb_unregister(dmb[--n]);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_initiator),
		cmocka_unit_test(silent_listener),
		cmocka_unit_test(busy_initiator),
		cmocka_unit_test(busy_listener),
		cmocka_unit_test(a_pause_of_both_is_forgiven),
		cmocka_unit_test(slow_peers_keepalive_counts),
		cmocka_unit_test(goodbye_before_the_next_call),
		cmocka_unit_test(short_sessions_back_off),
		cmocka_unit_test(refused_store),
		cmocka_unit_test(store_refused_once),
		cmocka_unit_test(small_functions),
		cmocka_unit_test(refused_store_of_the_listener),
		cmocka_unit_test(refused_store_of_the_initiator),
		cmocka_unit_test(listener_loses_its_function),
		cmocka_unit_test(initiator_loses_its_function),
		cmocka_unit_test(both_lose_their_functions),
		cmocka_unit_test(reopening_waits_for_data_threads),
		cmocka_unit_test(killed_by_a_store),
		cmocka_unit_test(not_enough_dmbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
