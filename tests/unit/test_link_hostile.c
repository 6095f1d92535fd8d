/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that break the protocol (DESIGN D9): each loses its session, is counted once, and
 * nobody else notices. fn0 listens; fn1 is hostile: by raw stores beside an honest session,
 * or by a script of raw driver calls. fn2 has an honest session of its own all the time.
 */
#include <errno.h>
#include <stdlib.h>

#include "link_rig.h"
#include "link_priv.h"

static struct rig r;
static struct link *honest;
static struct rig_end honest_end;
static struct link_session *honest_s;

static const struct inproc_conf three = { .functions = 3 };

static struct link_session_info
info_of(const struct link_session *s)
{
	struct link_session_info info;

	link_session_info(s, &info);
	return info;
}

static struct link_stats
stats_of(unsigned int end)
{
	struct link_stats st;

	link_stats(r.l[end], &st);
	return st;
}

static void
pass(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		rig_pass(&r, 1);
		link_poll(honest, r.now);
	}
}

/* fn2's session to fn0 comes first; then fn1's, unless it is played by a script. */
static void
start(bool scripted)
{
	struct link_conf conf = { 0 };
	struct link_open_conf open;

	rig_links(&r, &three, NULL);
	memset(&honest_end, 0, sizeof(honest_end));
	honest_end.attach = true;
	assert_int_equal(rig_listen(&r, 2, 16, 8192, LINK_FEATURE_DIGEST), 0);
	conf.dev_id = r.ip.dev_id[2];
	assert_int_equal(link_create(&conf, &honest), 0);
	open = rig_open_conf(&r, 1, 16, 8192);
	open.arg = &honest_end;
	assert_int_equal(link_open(honest, &open, &honest_s), 0);
	pass(10);
	assert_int_equal(honest_end.ups, 1);
	r.end[RIG_LISTENER] = (struct rig_end){ .attach = true };
	if (scripted) {
		link_destroy(r.l[RIG_INITIATOR]);
		r.l[RIG_INITIATOR] = NULL;
		return;
	}
	open.arg = &r.end[RIG_INITIATOR];
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	pass(10);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 1);
	assert_int_equal(r.end[RIG_LISTENER].ups, 1);
}

/* The honest session has noticed nothing, and still works. */
static void
finish(void)
{
	struct link_queue *q = link_session_queue(honest_s, 0);
	struct link_req req = { .op = 1, .id = (uint16_t)link_slot_get(q) };

	assert_int_equal(honest_end.downs, 0);
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
	pass(3000);
	assert_int_equal(honest_end.downs, 0);
	link_queue_detach(q);
	link_destroy(honest);
	if (r.l[RIG_INITIATOR] == NULL)
		r.end[RIG_INITIATOR].s = NULL;
	for (struct link_session *s = TAILQ_FIRST(&r.l[0]->sessions); s != NULL;
	     s = TAILQ_NEXT(s, entry))
		for (unsigned int i = 0; s->phase == LINK_UP && i < s->geo.queues; i++)
			link_queue_detach(&s->queues[i]);
	rig_down(&r);
}

/* --- raw stores into the rings of a session --- */

static struct rte_pmd_ism_win *raw;

/* From `end`, a window to the peer's ring DMB of the session. */
static void
raw_ring(unsigned int end)
{
	const struct link_session *s = r.end[end].s;

	assert_int_equal(rte_pmd_ism_win_open(r.ip.dev_id[end], s->theirs->ring_token,
					      s->theirs->ring_len, &raw),
			 0);
}

static void
raw_desc(uint32_t place, uint8_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	uint64_t tag64 = (uint64_t)tag << LINK_TAG_SHIFT;
	rte_be64_t w[4] = {
		rte_cpu_to_be_64(tag64 | w0),
		rte_cpu_to_be_64(tag64 | w1),
		rte_cpu_to_be_64(tag64 | w2),
		rte_cpu_to_be_64(tag64 | w3),
	};

	assert_int_equal(rte_pmd_ism_store(raw, place * LINK_DESC_SIZE, w, sizeof(w)), 0);
}

#define REQ(op, id) ((uint64_t)(op) << 48 | (uint64_t)(id) << 24)
#define CQE(id) ((uint64_t)(id) << 40)

/* The victim drops the session with this text, counts one error, and both come up again. */
static void
dropped(unsigned int victim, const char *what)
{
	struct link_session *s = r.end[victim].s;
	uint64_t errors = stats_of(victim).protocol_errors;

	rte_pmd_ism_win_close(raw);
	rig_pass(&r, 1);
	assert_int_equal(r.end[victim].downs, 1);
	assert_int_equal(r.end[victim].why, LINK_WHY_PROTOCOL);
	assert_string_equal(s->reason, what);
	assert_int_equal(stats_of(victim).protocol_errors, errors + 1);
	pass(300);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 2);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	finish();
}

static void
listener_gets(uint8_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, const char *what)
{
	struct link_req req[4];

	start(false);
	raw_ring(RIG_INITIATOR);
	raw_desc(0, tag, w0, w1, w2, w3);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	dropped(RIG_LISTENER, what);
}

static void
bad_requests(void **state)
{
	listener_gets(1, REQ(1, 16), 0, 0, 0, "request: id outside the queue");
	listener_gets(1, REQ(1, 65535), 0, 0, 0, "request: id outside the queue");
	listener_gets(1, REQ(0, 0), 0, 0, 0, "request: operation 0");
	listener_gets(1, REQ(1, 0), 0, UINT64_C(8193) << 32, 0,
		      "request: payload longer than a slot");
	listener_gets(1, REQ(1, 0), 0, UINT64_C(0xffffff) << 32, 0,
		      "request: payload longer than a slot");
	listener_gets(1, REQ(1, 0) | 1, 0, 0, 0, "request: reserved bits");
	listener_gets(1, REQ(1, 0), 0, 0, UINT64_C(1) << 50, "request: reserved bits");
	listener_gets(2, REQ(1, 0), 0, 0, 0, "request: tag of another lap");
	listener_gets(255, REQ(1, 0), 0, 0, 0, "request: tag of another lap");
}

static void
same_id_twice(void **state)
{
	struct link_req req[4];

	start(false);
	raw_ring(RIG_INITIATOR);
	raw_desc(0, 1, REQ(1, 5), 0, 0, 0);
	raw_desc(1, 1, REQ(1, 5), 0, 0, 0);
	/* The first is taken; the second is the end. */
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), 1);
	assert_int_equal(req[0].id, 5);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), req, 4), -ENOTCONN);
	dropped(RIG_LISTENER, "request: id is open already");
}

/* Asks anew before it can have seen the answer, more often than there are places. */
static void
more_than_the_ring_holds(void **state)
{
	struct link_queue *q;
	struct link_req req;
	int ret = 0;

	start(false);
	q = rig_queue(&r, RIG_LISTENER, 0);
	raw_ring(RIG_INITIATOR);
	for (uint32_t i = 0; i < 17; i++) {
		raw_desc(i % 16, (uint8_t)(1 + i / 16), REQ(1, 3), 0, 0, 0);
		assert_int_equal(link_sqe_poll(q, &req, 1), 1);
		ret = link_rsp_post(q, &(struct link_cqe){ .id = 3 });
		assert_int_equal(ret, i < 16 ? 0 : -ENOTCONN);
	}
	dropped(RIG_LISTENER, "request with an id that was not answered");
}

static void
initiator_gets(uint8_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, const char *what)
{
	struct link_queue *q;
	struct link_req req = { .op = 1 };
	struct link_cqe cqe[4];

	start(false);
	q = rig_queue(&r, RIG_INITIATOR, 0);
	req.id = (uint16_t)link_slot_get(q); /* 0 */
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
	raw_ring(RIG_LISTENER);
	raw_desc(0, tag, w0, w1, w2, w3);
	assert_int_equal(link_cqe_poll(q, cqe, 4), -ENOTCONN);
	dropped(RIG_INITIATOR, what);
}

static void
bad_completions(void **state)
{
	initiator_gets(1, CQE(1), 0, 0, 0, "completion: id is not open");
	initiator_gets(1, CQE(16), 0, 0, 0, "completion: id outside the queue");
	initiator_gets(1, CQE(0xffff), 0, 0, 0, "completion: id outside the queue");
	initiator_gets(1, CQE(0), UINT64_C(8193) << 32, 0, 0,
		       "completion: payload longer than a slot");
	initiator_gets(1, CQE(0) | 0x8000, 0, 0, 0, "completion: reserved bits");
	initiator_gets(1, CQE(0), 0, 0, 1, "completion: reserved bits");
	initiator_gets(7, CQE(0), 0, 0, 0, "completion: tag of another lap");
}

/* Answers what was never sent, so that more is posted than the ring holds. */
static void
answers_before_the_flush(void **state)
{
	struct link_queue *q;
	struct link_cqe cqe;
	int ret = 0;

	start(false);
	q = rig_queue(&r, RIG_INITIATOR, 0);
	raw_ring(RIG_LISTENER);
	for (uint32_t i = 0; i < 17; i++) {
		struct link_req req = { .op = 1, .id = (uint16_t)link_slot_get(q) };

		ret = link_req_post(q, &req);
		assert_int_equal(ret, i < 16 ? 0 : -ENOTCONN);
		raw_desc(i % 16, (uint8_t)(1 + i / 16), CQE(req.id), 0, 0, 0);
		if (ret == 0) {
			assert_int_equal(link_cqe_poll(q, &cqe, 1), 1);
			link_slot_put(q, cqe.id);
		}
	}
	dropped(RIG_INITIATOR, "completion of a request that was not sent");
}

/* The service's own gate found something. */
static void
service_says_so(void **state)
{
	start(false);
	link_queue_protocol_error(rig_queue(&r, RIG_LISTENER, 1 - 1), "operation \x1b 99");
	raw_ring(RIG_INITIATOR);
	dropped(RIG_LISTENER, "operation ? 99");
}

/* Half a descriptor, for ever: the peer's own loss. */
static void
half_a_descriptor(void **state)
{
	rte_be64_t w[2] = { rte_cpu_to_be_64(UINT64_C(1) << 56 | REQ(1, 0)),
			    rte_cpu_to_be_64(UINT64_C(1) << 56) };
	struct link_req req;

	start(false);
	raw_ring(RIG_INITIATOR);
	assert_int_equal(rte_pmd_ism_store(raw, 0, w, sizeof(w)), 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 0), &req, 1), 0);
	rte_pmd_ism_win_close(raw);
	assert_true(info_of(r.end[RIG_LISTENER].s).up);
	finish();
}

/* Noise everywhere that it may store to: anything may happen to its session, nothing to others. */
static void
noise_everywhere(void **state)
{
	struct link_req req[16];
	uint64_t noise[64];

	start(false);
	srandom(4711);
	for (unsigned int round = 0; round < 300; round++) {
		struct link_session *s = r.end[RIG_INITIATOR].s;

		if (info_of(r.opened).up && s->ctrl_win != NULL) {
			for (unsigned int i = 0; i < 64; i++)
				noise[i] = (uint64_t)random() << 33 ^ (uint64_t)random();
			for (uint32_t off = 0; off < LINK_CTRL_SIZE; off += sizeof(noise))
				(void)rte_pmd_ism_store(s->ctrl_win, off, noise, sizeof(noise));
			for (unsigned int i = 0; i < s->geo.queues; i++)
				(void)rte_pmd_ism_store(s->queues[i].ring_win,
							s->queues[i].ring_off, noise,
							sizeof(noise));
			for (unsigned int i = 0; i < s->geo.queues; i++)
				(void)link_sqe_poll(rig_queue(&r, RIG_LISTENER, i), req, 16);
		}
		pass(10);
	}
	assert_true(r.end[RIG_LISTENER].downs > 1);
	finish();
}

/* --- scripted initiators --- */

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
	pass(5);
	assert_int_equal(stats_of(RIG_LISTENER).sessions, 1); /* the honest one */
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
	pass(2);
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
	errors = stats_of(RIG_LISTENER).protocol_errors;
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
	assert_int_equal(stats_of(RIG_LISTENER).protocol_errors, errors);
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
	assert_int_equal(stats_of(RIG_LISTENER).protocol_errors, errors + 2);
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
 * Calls that follow each other fast are each answered, and leave one half-open session, not
 * many.
 */
static void
calls_without_end(void **state)
{
	static uint64_t body[LINK_CTRL_HELLO_SIZE / 8];

	start(true);
	me_start();
	for (unsigned int i = 0; i < 500; i++) {
		me.nonce++;
		me_call(me.ctrl->token);
		assert_true(link_gate_block((uint8_t *)me.ctrl->addr + LINK_CTRL_HELLO,
					    LINK_CTRL_HELLO_SIZE, LINK_BLOCK_HELLO, me.nonce,
					    body) > 0);
		assert_int_equal(stats_of(RIG_LISTENER).sessions, 2);
	}
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
	assert_int_equal(info_of(r.end[RIG_LISTENER].s).depth, 2);
	me_end();
	finish();
}

/* --- scripted listeners --- */

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

	assert_int_equal(info_of(r.opened).why, why);
	assert_string_equal(info_of(r.opened).reason, reason);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[1], &st);
	assert_int_equal(st.dmbs, 0);
	assert_int_equal(st.windows, 0);
	rte_pmd_ism_win_close(it.win);
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
	it_ended(LINK_WHY_REVOKED, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(same_id_twice),
		cmocka_unit_test(more_than_the_ring_holds),
		cmocka_unit_test(bad_completions),
		cmocka_unit_test(answers_before_the_flush),
		cmocka_unit_test(service_says_so),
		cmocka_unit_test(half_a_descriptor),
		cmocka_unit_test(noise_everywhere),
		cmocka_unit_test(scripted_connects),
		cmocka_unit_test(dmbs_that_are_not_there),
		cmocka_unit_test(dmbs_of_others),
		cmocka_unit_test(calls_without_end),
		cmocka_unit_test(connect_again),
		cmocka_unit_test(scripted_hellos),
		cmocka_unit_test(scripted_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
