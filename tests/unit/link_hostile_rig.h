/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile peer beside an honest one: fn0 listens; fn1 is hostile, by raw stores beside a session
 * of its own or by a script of raw driver calls; fn2 has an honest session all the time, which must
 * not notice. To be included once, by the test itself.
 */
#ifndef LINK_HOSTILE_RIG_H
#define LINK_HOSTILE_RIG_H

#include "link_priv.h"
#include "link_rig.h"

static struct rig r;
static struct link *honest;
static struct rig_end honest_end;
static struct link_session *honest_s;

static const struct inproc_conf three = { .functions = 3 };

static inline void
pass(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		rig_pass(&r, 1);
		link_poll(honest, r.now);
	}
}

/* fn2's session to fn0 comes first; then fn1's, unless it is played by a script. */
static inline void
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
static inline void
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
static inline void
raw_ring(unsigned int end)
{
	const struct link_session *s = r.end[end].s;

	assert_int_equal(rte_pmd_ism_win_open(r.ip.dev_id[end], s->theirs->ring_token,
					      s->theirs->ring_len, &raw),
			 0);
}

static inline void
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
static inline void
dropped(unsigned int victim, const char *what)
{
	struct link_session *s = r.end[victim].s;
	uint64_t errors = rig_stats(&r, victim).protocol_errors;

	rte_pmd_ism_win_close(raw);
	rig_pass(&r, 1);
	assert_int_equal(r.end[victim].downs, 1);
	assert_int_equal(r.end[victim].why, LINK_WHY_PROTOCOL);
	assert_string_equal(s->reason, what);
	assert_int_equal(rig_stats(&r, victim).protocol_errors, errors + 1);
	pass(300);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 2);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	finish();
}

#endif
