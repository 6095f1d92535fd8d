/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners that break the protocol of the set-up (DESIGN D9), as scripts of raw driver calls: the
 * attempt ends, for the right reason, and all of it is given back.
 */
#include "link_priv.h"
#include "link_rig.h"

static struct rig r;

static const struct inproc_conf three = { .functions = 3 };

static struct {
	struct rte_pmd_ism_dmb *ctrl;
	struct rte_pmd_ism_win *win;
	struct link_call call;
} it;

/* fn1 opens to fn2, which is played by hand: take its call. */
static void
it_start(void)
{
	struct rte_pmd_ism_event ev;
	struct link_open_conf open;

	memset(&it, 0, sizeof(it));
	rig_links(&r, &three, NULL);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.rgid = r.ip.gid[2];
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 1);
	assert_int_equal(rte_pmd_ism_events(r.ip.dev_id[2], &ev, 1), 1);
	assert_int_equal(link_gate_call(ev.code, ev.info, &it.call), 0);
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[2], r.ip.gid[1], LINK_CTRL_SIZE, 0,
						  &it.ctrl),
			 0);
	assert_int_equal(rte_pmd_ism_win_open(r.ip.dev_id[2], it.call.token, LINK_CTRL_SIZE,
					      &it.win),
			 0);
}

static struct link_wire_hello
it_hello(void)
{
	return (struct link_wire_hello){
		.version_min = rte_cpu_to_be_16(1),
		.version_max = rte_cpu_to_be_16(9),
		.service = rte_cpu_to_be_16(LINK_SERVICE_TEST),
		.keepalive_ms = rte_cpu_to_be_32(1000),
		.ctrl_token = rte_cpu_to_be_64(it.ctrl->token),
		.queues_max = rte_cpu_to_be_16(1),
		.depth_max = rte_cpu_to_be_16(2),
		.slot_max = rte_cpu_to_be_32(4096),
	};
}

static void
it_says(const struct link_wire_hello *hello)
{
	assert_int_equal(link_block_store(it.win, LINK_CTRL_HELLO, LINK_BLOCK_HELLO, it.call.nonce,
					  hello, sizeof(*hello)),
			 0);
	rig_pass(&r, 2);
}

/* The attempt ended for this reason, and all of it is gone. */
static void
it_ended(enum link_why why, const char *reason)
{
	struct rte_pmd_ism_stats st;

	assert_int_equal(rig_info(r.opened).why, why);
	assert_string_equal(rig_info(r.opened).reason, reason);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[1], &st);
	assert_int_equal(st.dmbs, 0);
	assert_int_equal(st.windows, 0);
	rte_pmd_ism_win_close(it.win);
	if (it.ctrl != NULL)
		rte_pmd_ism_dmb_unregister(it.ctrl);
	rig_down(&r);
}

static void
scripted_hellos(void **state)
{
	struct link_wire_hello hello;

	it_start();
	hello = it_hello();
	hello.version_min = rte_cpu_to_be_16(2);
	it_says(&hello);
	it_ended(LINK_WHY_VERSION, "no common protocol version");

	it_start();
	hello = it_hello();
	hello.depth_max = rte_cpu_to_be_16(3);
	it_says(&hello);
	it_ended(LINK_WHY_PROTOCOL, "HELLO: limits");

	it_start();
	hello = it_hello();
	hello.status = rte_cpu_to_be_16(LINK_STATUS_REFUSED);
	memcpy(hello.reason, "go\naway", 7);
	it_says(&hello);
	it_ended(LINK_WHY_REFUSED, "go?away");

	/* Something that is no block: not believed, and an error when time is up. */
	it_start();
	hello = it_hello();
	assert_int_equal(rte_pmd_ism_store(it.win, LINK_CTRL_HELLO, &hello, sizeof(hello)), 0);
	rig_pass(&r, 1001);
	it_ended(LINK_WHY_PROTOCOL, "unreadable answer");

	/*
	 * A token that another of our sessions holds: here, the initiator's idea of its own
	 * peer.
	 */
	it_start();
	assert_int_equal(link_token_claim(r.l[RIG_INITIATOR], it.ctrl->token), 0);
	hello = it_hello();
	it_says(&hello);
	link_token_release(r.l[RIG_INITIATOR], it.ctrl->token);
	it_ended(LINK_WHY_PROTOCOL, "a DMB is in use by another session");
}

/* Says HELLO, and then nothing, or nonsense. */
static void
scripted_accepts(void **state)
{
	union {
		struct link_wire_accept wire;
		uint64_t words[sizeof(struct link_wire_accept) / 8 + 2];
	} a = { 0 };
	struct link_wire_hello hello;

	it_start();
	hello = it_hello();
	it_says(&hello);
	rig_pass(&r, 1001);
	it_ended(LINK_WHY_TIMEOUT, "");

	it_start();
	hello = it_hello();
	it_says(&hello);
	assert_int_equal(link_block_store(it.win, LINK_CTRL_SETUP, LINK_BLOCK_ACCEPT, it.call.nonce,
					  &a, sizeof(a)),
			 0);
	rig_pass(&r, 1);
	it_ended(LINK_WHY_PROTOCOL, "memory: ring token");

	it_start();
	hello = it_hello();
	it_says(&hello);
	a.wire.mem.ring_token = rte_cpu_to_be_64(UINT64_C(0xfffff0) << 24);
	a.wire.mem.ring_len = rte_cpu_to_be_32(4096);
	a.wire.mem.dmb_len = rte_cpu_to_be_32(8192);
	a.wire.mem.dmb_count = rte_cpu_to_be_32(1);
	a.wire.token[0] = rte_cpu_to_be_64(UINT64_C(0xfffff1) << 24);
	assert_int_equal(link_block_store(it.win, LINK_CTRL_SETUP, LINK_BLOCK_ACCEPT, it.call.nonce,
					  &a, sizeof(a) - 8),
			 0);
	rig_pass(&r, 1);
	it_ended(LINK_WHY_STORE, "");
}

/* Ends after its HELLO: that is found out long before the attempt's time is up. */
static void
gone_after_hello(void **state)
{
	struct link_wire_hello hello;

	it_start();
	hello = it_hello();
	it_says(&hello);
	rte_pmd_ism_dmb_unregister(it.ctrl);
	it.ctrl = NULL;
	rig_pass(&r, 270); /* not yet the next attempt */
	it_ended(LINK_WHY_STORE, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripted_hellos),
		cmocka_unit_test(scripted_accepts),
		cmocka_unit_test(gone_after_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
