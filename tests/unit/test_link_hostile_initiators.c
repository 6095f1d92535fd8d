/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Initiators that break the protocol of the set-up (DESIGN D9), as scripts of raw driver calls:
 * none gets a session, or anything written where it has no right to.
 */
#include <errno.h>
#include <stdlib.h>

#include "link_hostile_rig.h"

static struct {
	struct rte_pmd_ism_dmb *ctrl, *ring, *data[4];
	struct rte_pmd_ism_win *win; /* to the listener's control DMB */
	uint32_t nonce;
	struct link_hello hello;
} me;

static void
me_call(uint64_t token)
{
	assert_int_equal(rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0],
					    LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
					    link_event_info(token, LINK_SERVICE_TEST, me.nonce)),
			 0);
	pass(1);
}

/* Rendezvous by hand; me.hello is what the listener says. */
static void
me_start(void)
{
	static uint64_t body[LINK_CTRL_HELLO_SIZE / 8];
	const char *what;
	int len;

	me.nonce = 0x1000 + (uint32_t)random() % 0x1000;
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], LINK_CTRL_SIZE, 0,
						  &me.ctrl),
			 0);
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], 4096, 0, &me.ring),
			 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], 4096, 0,
							  &me.data[i]),
				 0);
	me_call(me.ctrl->token);
	pass(5);
	len = link_gate_block((uint8_t *)me.ctrl->addr + LINK_CTRL_HELLO, LINK_CTRL_HELLO_SIZE,
			      LINK_BLOCK_HELLO, me.nonce, body);
	assert_true(len > 0);
	assert_int_equal(link_gate_hello(body, (size_t)len, LINK_SERVICE_TEST, &me.hello, &what),
			 0);
	assert_int_equal(me.hello.status, LINK_STATUS_OK);
	assert_int_equal(rte_pmd_ism_win_open(r.ip.dev_id[1], me.hello.ctrl_token, LINK_CTRL_SIZE,
					      &me.win),
			 0);
}

/* How many DMBs of peers the listener stores to. */
static unsigned int
tokens_held(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < (1u << LINK_TOKEN_BITS) / 64; i++)
		n += (unsigned int)__builtin_popcountll(r.l[RIG_LISTENER]->tokens[i]);
	return n;
}

static void
me_end(void)
{
	rte_pmd_ism_win_close(me.win);
	rte_pmd_ism_dmb_unregister(me.ctrl);
	rte_pmd_ism_dmb_unregister(me.ring);
	for (unsigned int i = 0; i < 2; i++)
		rte_pmd_ism_dmb_unregister(me.data[i]);
	memset(&me, 0, sizeof(me));
	for (unsigned int i = 0; i < 100 && rig_stats(&r, RIG_LISTENER).sessions != 1; i++)
		pass(1);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1); /* the honest one */
	assert_int_equal(tokens_held(), 3); /* its control, ring and data DMB */
}

union my_connect {
	struct link_wire_connect wire;
	uint64_t words[sizeof(struct link_wire_connect) / 8 + 2];
};

/* One queue of 2 slots of 4 KiB, in two data DMBs. */
static union my_connect
me_connect(void)
{
	union my_connect c = { 0 };

	c.wire.version = rte_cpu_to_be_16(1);
	c.wire.service = rte_cpu_to_be_16(LINK_SERVICE_TEST);
	c.wire.keepalive_ms = rte_cpu_to_be_32(1000);
	c.wire.slot_size = rte_cpu_to_be_32(4096);
	c.wire.queues = rte_cpu_to_be_16(1);
	c.wire.depth = rte_cpu_to_be_16(2);
	c.wire.mem.ring_token = rte_cpu_to_be_64(me.ring->token);
	c.wire.mem.ring_len = rte_cpu_to_be_32(4096);
	c.wire.mem.dmb_len = rte_cpu_to_be_32(4096);
	c.wire.mem.dmb_count = rte_cpu_to_be_32(2);
	c.wire.token[0] = rte_cpu_to_be_64(me.data[0]->token);
	c.wire.token[1] = rte_cpu_to_be_64(me.data[1]->token);
	return c;
}

/* @return the status of the listener's answer, or -1: none. */
static int
me_answer(const union my_connect *c)
{
	static uint64_t body[LINK_CTRL_SETUP_SIZE / 8];
	int len;

	assert_int_equal(link_block_store(me.win, LINK_CTRL_SETUP, LINK_BLOCK_CONNECT, me.nonce, c,
					  sizeof(*c)),
			 0);
	pass(10);
	len = link_gate_block((uint8_t *)me.ctrl->addr + LINK_CTRL_SETUP, LINK_CTRL_SETUP_SIZE,
			      LINK_BLOCK_ACCEPT, me.nonce, body);
	if (len <= 0)
		return -1;
	return rte_be_to_cpu_16(((struct link_wire_accept *)body)->status);
}

static void
scripted_connects(void **state)
{
	union my_connect c;
	uint64_t errors;

	start(true);
	/* The script is right... */
	me_start();
	c = me_connect();
	assert_int_equal(me_answer(&c), LINK_STATUS_OK);
	assert_int_equal(r.end[RIG_LISTENER].ups, 1);
	me_end();
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	errors = rig_stats(&r, RIG_LISTENER).protocol_errors;
	/* ...and these are the ways to get it wrong. */
	me_start();
	c = me_connect();
	c.wire.version = rte_cpu_to_be_16(2);
	assert_int_equal(me_answer(&c), LINK_STATUS_VERSION);
	me_end();
	me_start();
	c = me_connect();
	c.wire.features = rte_cpu_to_be_32(0x80);
	assert_int_equal(me_answer(&c), LINK_STATUS_VERSION);
	me_end();
	assert_int_equal(rig_stats(&r, RIG_LISTENER).protocol_errors, errors);
	me_start();
	c = me_connect();
	c.wire.depth = rte_cpu_to_be_16(32); /* offered: 16 */
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	me_start();
	c = me_connect();
	c.wire.mem.dmb_count = rte_cpu_to_be_32(1);
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	assert_int_equal(rig_stats(&r, RIG_LISTENER).protocol_errors, errors + 2);
	assert_int_equal(r.end[RIG_LISTENER].ups, 1);
	finish();
}

/* Tokens that name nothing, or too short a DMB: found out before the session is up. */
static void
dmbs_that_are_not_there(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	union my_connect c;

	start(true);
	me_start();
	c = me_connect();
	c.wire.token[1] = rte_cpu_to_be_64(UINT64_C(0xfffffe) << 24);
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	me_start();
	c = me_connect();
	c.wire.mem.ring_token = rte_cpu_to_be_64(UINT64_C(0xfffffe) << 24);
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	/* The second DMB of two slots each would have to hold 8 KiB. */
	me_start();
	c = me_connect();
	c.wire.depth = rte_cpu_to_be_16(4);
	c.wire.mem.dmb_len = rte_cpu_to_be_32(8192);
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	/* Somebody's, but not for the listener. */
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[2], 4096, 0, &dmb), 0);
	me_start();
	c = me_connect();
	c.wire.token[0] = rte_cpu_to_be_64(dmb->token);
	assert_int_equal(me_answer(&c), LINK_STATUS_MALFORMED);
	me_end();
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(r.end[RIG_LISTENER].ups, 0);
	finish();
}

/*
 * The listener may store to the honest client's DMBs; a hostile one names them as its own, to have
 * the listener write there. It is refused, and not a byte is stored.
 */
static void
dmbs_of_others(void **state)
{
	const struct link_session *victim = honest_s;
	uint64_t *page;
	union my_connect c;
	struct rte_pmd_ism_stats before, after;

	start(true);
	victim = honest_s;
	/* In the call: no answer at all. */
	me.nonce = 0x777;
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &before);
	me_call(victim->ctrl->token);
	me_call(victim->ring->token);
	me_call(victim->data[0]->token);
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &after);
	assert_int_equal(after.stores, before.stores);
	/* The same where the caller would be refused anyway. */
	r.end[RIG_LISTENER].allow = -EACCES;
	me_call(victim->data[0]->token);
	r.end[RIG_LISTENER].allow = 0;
	pass(30); /* refusals are 20 ms apart */
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &after);
	assert_int_equal(after.stores, before.stores);
	/* In CONNECT. */
	page = victim->data[0]->addr;
	memset(page, 0x5a, 4096);
	for (unsigned int i = 0; i < 3; i++) {
		me_start();
		c = me_connect();
		if (i == 0)
			c.wire.mem.ring_token = rte_cpu_to_be_64(victim->ring->token);
		else if (i == 1)
			c.wire.token[1] = rte_cpu_to_be_64(victim->data[0]->token);
		else /* its own, twice */
			c.wire.token[1] = c.wire.token[0];
		assert_int_equal(me_answer(&c), LINK_STATUS_BUSY);
		me_end();
	}
	for (unsigned int i = 0; i < 512; i++)
		assert_true(page[i] == UINT64_C(0x5a5a5a5a5a5a5a5a));
	assert_int_equal(r.end[RIG_LISTENER].ups, 0);
	/* What was claimed on the way was given back. */
	me_start();
	c = me_connect();
	assert_int_equal(me_answer(&c), LINK_STATUS_OK);
	me_end();
	finish();
}

/*
 * Calls that follow each other fast: the first ones are answered, then the listener makes their
 * sender wait. They leave one half-open session, not many.
 */
static void
calls_without_end(void **state)
{
	static uint64_t body[LINK_CTRL_HELLO_SIZE / 8];
	unsigned int answered = 0;

	start(true);
	me_start();
	for (unsigned int i = 0; i < 500; i++) {
		me.nonce++;
		me_call(me.ctrl->token);
		pass(2);
		answered += link_gate_block((uint8_t *)me.ctrl->addr + LINK_CTRL_HELLO,
					    LINK_CTRL_HELLO_SIZE, LINK_BLOCK_HELLO, me.nonce,
					    body) > 0;
		assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 2);
	}
	assert_in_range(answered, 4, 30);
	assert_true(rig_stats(&r, RIG_LISTENER).calls_delayed +
			    rig_stats(&r, RIG_LISTENER).events_over >
		    400);
	/* And who calls at leisure is answered again. */
	pass(3000);
	me_call(me.ctrl->token);
	pass(5);
	assert_true(link_gate_block((uint8_t *)me.ctrl->addr + LINK_CTRL_HELLO,
				    LINK_CTRL_HELLO_SIZE, LINK_BLOCK_HELLO, me.nonce, body) > 0);
	me_end();
	finish();
}

/* CONNECT after CONNECT, and HELLO's place full of noise: nothing comes of it. */
static void
connect_again(void **state)
{
	union my_connect c;

	start(true);
	me_start();
	c = me_connect();
	assert_int_equal(me_answer(&c), LINK_STATUS_OK);
	c.wire.depth = rte_cpu_to_be_16(16);
	(void)me_answer(&c);
	pass(100);
	assert_int_equal(r.end[RIG_LISTENER].ups, 1);
	assert_int_equal(rig_info(r.end[RIG_LISTENER].s).depth, 2);
	me_end();
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripted_connects), cmocka_unit_test(dmbs_that_are_not_there),
		cmocka_unit_test(dmbs_of_others),    cmocka_unit_test(calls_without_end),
		cmocka_unit_test(connect_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
