/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two links on two functions of one fabric in this process, driven in turns by one thread on a
 * clock of the test's own: l[0] listens, l[1] opens.
 */
#ifndef LINK_RIG_H
#define LINK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_time.h"
#include "inproc.h"
#include "link.h"
#include "link_wire.h"

#define RIG_LISTENER 0
#define RIG_INITIATOR 1

/* What one end's callbacks saw. */
struct rig_end {
	struct link_session *s; /* newest session that came up */
	unsigned int ups, downs, frees, notices;
	enum link_why why;
	bool goodbye; /* the newest session that went down: the peer wanted to */
	uint32_t notice;
	bool attach; /* attach all queues in on_up, detach them in on_down */
	/* listener */
	int allow; /* what may_connect answers */
	const char *refusal;
	unsigned int asked;
};

struct rig {
	struct inproc ip;
	struct link *l[2];
	struct rig_end end[2];
	struct link_session *opened;
	uint64_t now;
};

static inline void
rig_on_up(void *arg, struct link_session *s)
{
	struct rig_end *e = arg;
	struct link_session_info info;

	e->s = s;
	e->ups++;
	link_session_info(s, &info);
	for (unsigned int i = 0; e->attach && i < info.queues; i++)
		assert_int_equal(link_queue_attach(link_session_queue(s, i)), 0);
}

static inline void
rig_on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct rig_end *e = arg;
	struct link_session_info info;

	e->downs++;
	e->why = why;
	link_session_info(s, &info);
	e->goodbye = info.goodbye;
	for (unsigned int i = 0; e->attach && i < info.queues; i++) {
		assert_int_equal(link_queue_state(link_session_queue(s, i)), LINK_QUEUE_BROKEN);
		link_queue_detach(link_session_queue(s, i));
	}
}

static inline void
rig_on_notice(void *arg, struct link_session *s, uint32_t notice)
{
	struct rig_end *e = arg;

	e->notices++;
	e->notice = notice;
}

static inline void
rig_on_free(void *arg, struct link_session *s)
{
	struct rig_end *e = arg;

	e->frees++;
	if (e->s == s)
		e->s = NULL;
}

static const struct link_session_ops rig_ops = {
	.on_up = rig_on_up,
	.on_down = rig_on_down,
	.on_notice = rig_on_notice,
	.on_free = rig_on_free,
};

static inline int
rig_may_connect(void *arg, uint64_t gid, char *reason)
{
	struct rig_end *e = arg;

	e->asked++;
	if (e->refusal != NULL)
		strncpy(reason, e->refusal, LINK_REASON_MAX - 1);
	return e->allow;
}

/* Both links, nothing else. */
static inline void
rig_links(struct rig *r, const struct inproc_conf *ip_conf, const struct link_conf *link_conf)
{
	memset(r, 0, sizeof(*r));
	r->now = 1000 * BASE_NS_PER_S;
	assert_int_equal(inproc_setup(&r->ip, ip_conf), 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct link_conf conf = link_conf != NULL ? *link_conf : (struct link_conf){ 0 };

		conf.dev_id = r->ip.dev_id[i];
		assert_int_equal(link_create(&conf, &r->l[i]), 0);
		r->end[i].attach = true;
	}
}

static inline int
rig_listen(struct rig *r, uint16_t queues, uint16_t depth, uint32_t slot, uint32_t features)
{
	return link_listen(r->l[RIG_LISTENER], &(struct link_listen_conf){
						       .service = LINK_SERVICE_TEST,
						       .queues_max = queues,
						       .depth_max = depth,
						       .slot_max = slot,
						       .features = features,
						       .may_connect = rig_may_connect,
						       .ops = &rig_ops,
						       .arg = &r->end[RIG_LISTENER],
					       });
}

static inline struct link_open_conf
rig_open_conf(struct rig *r, uint16_t queues, uint16_t depth, uint32_t slot)
{
	return (struct link_open_conf){
		.rgid = r->ip.gid[RIG_LISTENER],
		.service = LINK_SERVICE_TEST,
		.queues = queues,
		.depth = depth,
		.slot_size = slot,
		.attempt_ms = 1000,
		.ops = &rig_ops,
		.arg = &r->end[RIG_INITIATOR],
	};
}

/* Let `ms` pass. */
static inline void
rig_pass(struct rig *r, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		r->now += BASE_NS_PER_MS;
		for (unsigned int k = 0; k < 2; k++)
			if (r->l[k] != NULL)
				link_poll(r->l[k], r->now);
	}
}

/* Let time pass until *what is at least n. */
static inline void
rig_until(struct rig *r, const unsigned int *what, unsigned int n, unsigned int ms)
{
	for (unsigned int i = 0; *what < n && i < ms; i++)
		rig_pass(r, 1);
	assert_true(*what >= n);
}

/* Everything up: one session. */
static inline void
rig_up(struct rig *r, const struct inproc_conf *ip_conf, uint16_t queues, uint16_t depth,
       uint32_t slot)
{
	struct link_open_conf open;

	rig_links(r, ip_conf, NULL);
	assert_int_equal(rig_listen(r, LINK_QUEUES_MAX, LINK_DEPTH_MAX, LINK_SLOT_MAX,
				    LINK_FEATURE_DIGEST),
			 0);
	open = rig_open_conf(r, queues, depth, slot);
	assert_int_equal(link_open(r->l[RIG_INITIATOR], &open, &r->opened), 0);
	rig_until(r, &r->end[RIG_INITIATOR].ups, 1, 100);
	assert_int_equal(r->end[RIG_LISTENER].ups, 1);
	/* The first keepalives are out. */
	rig_pass(r, 2);
}

static inline struct link_queue *
rig_queue(struct rig *r, unsigned int end, unsigned int i)
{
	return link_session_queue(r->end[end].s, i);
}

static inline struct link_session_info
rig_info(const struct link_session *s)
{
	struct link_session_info info;

	link_session_info(s, &info);
	return info;
}

static inline struct link_stats
rig_stats(const struct rig *r, unsigned int end)
{
	struct link_stats st;

	link_stats(r->l[end], &st);
	return st;
}

/* Detach what is attached, take both links down, and see that nothing is left in the driver. */
static inline void
rig_down(struct rig *r)
{
	struct rte_pmd_ism_stats st;
	struct link_session_info info;

	for (unsigned int i = 0; i < 2; i++) {
		if (r->l[i] != NULL && r->end[i].s != NULL && r->end[i].attach) {
			link_session_info(r->end[i].s, &info);
			for (unsigned int k = 0; k < info.queues; k++)
				link_queue_detach(link_session_queue(r->end[i].s, k));
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		link_destroy(r->l[i]);
		if (rte_pmd_ism_stats_get(r->ip.dev_id[i], &st) != 0)
			continue;
		assert_int_equal(st.dmbs, 0);
		assert_int_equal(st.windows, 0);
	}
	inproc_teardown(&r->ip);
}

static inline uint64_t
rig_stores(struct rig *r)
{
	struct rte_pmd_ism_stats st;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_pmd_ism_stats_get(r->ip.dev_id[i], &st), 0);
		sum += st.stores;
	}
	return sum;
}

#endif
