/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A block server on function 0 and peers on the others that speak the protocol by hand, over the
 * link's own calls: what a client may do, and what none would. One thread drives all of them.
 */
#ifndef BLK_RIG_H
#define BLK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_time.h"
#include "blk_images.h"
#include "blk_server_priv.h"
#include "inproc.h"
#include "link.h"

#define RIG_PEERS_MAX 2
#define RIG_SLOT 65536u
#define RIG_DEPTH 64
#define RIG_WAIT_NS (20 * BASE_NS_PER_S)

struct rig_peer {
	struct link *link;
	struct link_session *session;
	unsigned int ups, downs, notices;
	uint32_t notice;
	enum link_why why;
	/* The newest answer of each slot, queue 0. */
	struct link_cqe cqe[RIG_DEPTH];
	bool answered[RIG_DEPTH];
};

struct rig {
	struct inproc ip;
	struct link *link;
	struct blk_server *srv;
	unsigned int workers, peers;
	struct rig_peer peer[RIG_PEERS_MAX];
	int image[8];
	unsigned int images;
};

/* --- the peers' side --- */

static inline void
rig_on_up(void *arg, struct link_session *s)
{
	struct rig_peer *p = arg;
	struct link_session_info info;

	p->ups++;
	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		assert_int_equal(link_queue_attach(link_session_queue(s, i)), 0);
}

static inline void
rig_on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct rig_peer *p = arg;
	struct link_session_info info;

	p->downs++;
	p->why = why;
	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		link_queue_detach(link_session_queue(s, i));
}

static inline void
rig_on_notice(void *arg, struct link_session *s, uint32_t notice)
{
	struct rig_peer *p = arg;

	p->notices++;
	p->notice = notice;
}

static const struct link_session_ops rig_peer_ops = {
	.on_up = rig_on_up,
	.on_down = rig_on_down,
	.on_notice = rig_on_notice,
};

static inline struct link_queue *
rig_queue(struct rig_peer *p, unsigned int i)
{
	return link_session_queue(p->session, i);
}

/* One round of everything. */
static inline void
rig_round(struct rig *r)
{
	uint64_t now = base_now_ns();
	struct link_cqe cqe[RIG_DEPTH];

	link_poll(r->link, now);
	blk_server_poll(r->srv, now);
	for (unsigned int i = 0; i < r->workers; i++)
		blk_worker_poll(blk_server_worker(r->srv, i), now);
	for (unsigned int i = 0; i < r->peers; i++) {
		struct rig_peer *p = &r->peer[i];
		int n;

		if (p->link == NULL)
			continue;
		link_poll(p->link, now);
		if (p->session == NULL || p->ups == p->downs)
			continue;
		n = link_cqe_poll(rig_queue(p, 0), cqe, RIG_DEPTH);
		for (int k = 0; k < n; k++) {
			p->cqe[cqe[k].id] = cqe[k];
			p->answered[cqe[k].id] = true;
		}
	}
}

/* Go on until `what` holds; fails the test after RIG_WAIT_NS. */
#define rig_until(r, what)                                                                         \
	do {                                                                                       \
		uint64_t end_ = base_now_ns() + RIG_WAIT_NS;                                       \
		while (!(what)) {                                                                  \
			rig_round(r);                                                              \
			if (base_now_ns() > end_)                                                  \
				fail_msg("waited too long for: %s", #what);                        \
		}                                                                                  \
	} while (0)

/* Go on for that long. */
static inline void
rig_pass(struct rig *r, unsigned int ms)
{
	uint64_t end = base_now_ns() + ms * BASE_NS_PER_MS;

	while (base_now_ns() < end)
		rig_round(r);
}

/* --- set-up --- */

static inline struct blk_export_conf
rig_export_conf(struct rig *r, const char *name, int image)
{
	static char path[8][64];
	unsigned int i = r->images++;

	assert_true(i < 8);
	assert_true(image >= 0);
	r->image[i] = image;
	snprintf(path[i], sizeof(path[i]), "/proc/self/fd/%d", image);
	return (struct blk_export_conf){ .name = name, .path = path[i] };
}

static inline void
rig_export(struct rig *r, struct blk_export_conf conf)
{
	char err[256];

	if (blk_server_export(r->srv, &conf, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

/* Functions, links and an empty server; peers are not connected. */
static inline void
rig_setup_direct(struct rig *r, unsigned int peers, unsigned int workers, bool direct)
{
	struct blk_server_conf conf = { .workers = workers };
	struct link_conf lc = { .keepalive_ms = 100 };

	memset(r, 0, sizeof(*r));
	r->peers = peers;
	r->workers = workers;
	assert_int_equal(inproc_setup(&r->ip, &(struct inproc_conf){ .functions = peers + 1,
								     .direct = direct }),
			 0);
	lc.dev_id = r->ip.dev_id[0];
	assert_int_equal(link_create(&lc, &r->link), 0);
	conf.link = r->link;
	assert_int_equal(blk_server_create(&conf, &r->srv), 0);
	for (unsigned int i = 0; i < peers; i++) {
		lc.dev_id = r->ip.dev_id[i + 1];
		assert_int_equal(link_create(&lc, &r->peer[i].link), 0);
	}
}

static inline void
rig_setup(struct rig *r, unsigned int peers, unsigned int workers)
{
	rig_setup_direct(r, peers, workers, false);
}

static inline void
rig_open(struct rig *r, unsigned int peer, uint16_t queues, uint32_t features)
{
	struct rig_peer *p = &r->peer[peer];
	struct link_open_conf conf = {
		.rgid = r->ip.gid[0],
		.service = LINK_SERVICE_BLK,
		.queues = queues,
		.depth = RIG_DEPTH,
		.slot_size = RIG_SLOT,
		.features = features,
		.ops = &rig_peer_ops,
		.arg = p,
	};

	assert_int_equal(link_open(p->link, &conf, &p->session), 0);
}

static inline void
rig_connect(struct rig *r, unsigned int peer, uint16_t queues, uint32_t features)
{
	rig_open(r, peer, queues, features);
	rig_until(r, r->peer[peer].ups > r->peer[peer].downs);
}

/* The peer leaves in good order. */
static inline void
rig_disconnect(struct rig *r, unsigned int peer)
{
	struct rig_peer *p = &r->peer[peer];

	rig_on_down(p, p->session, LINK_WHY_LOCAL);
	link_session_close(p->session, "test");
	p->session = NULL;
}

static inline void
rig_teardown(struct rig *r)
{
	for (unsigned int i = 0; i < r->peers; i++) {
		struct rig_peer *p = &r->peer[i];

		if (p->session != NULL && p->ups > p->downs)
			rig_disconnect(r, i);
		if (p->link != NULL)
			link_destroy(p->link);
	}
	blk_server_destroy(r->srv);
	link_destroy(r->link);
	inproc_teardown(&r->ip);
	for (unsigned int i = 0; i < r->images; i++)
		close(r->image[i]);
}

/* --- requests --- */

/* Send; payload is req->payload bytes. @return the slot. */
static inline uint16_t
rig_send(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	struct link_queue *q = rig_queue(&r->peer[peer], 0);
	int id = link_slot_get(q);

	assert_true(id >= 0);
	req.id = (uint16_t)id;
	r->peer[peer].answered[id] = false;
	if (req.payload > 0)
		assert_int_equal(link_req_payload(q, req.id, 0, payload, req.payload), 0);
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
	return req.id;
}

/* Take the answer of a slot; its payload stays in place until the slot is used again. */
static inline struct link_cqe
rig_take(struct rig *r, unsigned int peer, uint16_t id)
{
	struct rig_peer *p = &r->peer[peer];

	rig_until(r, p->answered[id]);
	link_slot_put(rig_queue(p, 0), id);
	return p->cqe[id];
}

static inline struct link_cqe
rig_call(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	return rig_take(r, peer, rig_send(r, peer, req, payload));
}

static inline const void *
rig_payload(struct rig *r, unsigned int peer, uint16_t id)
{
	return link_slot_rx(rig_queue(&r->peer[peer], 0), id);
}

static inline uint16_t
rig_status(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	return rig_call(r, peer, req, payload).status;
}

static inline struct blk_export_info
rig_identify(struct rig *r, unsigned int peer, uint16_t unit)
{
	struct link_cqe cqe = rig_call(r, peer,
				       (struct link_req){ .op = BLK_IDENTIFY, .unit = unit }, NULL);
	struct blk_export_info info;

	assert_int_equal(cqe.status, BLK_OK);
	assert_int_equal(cqe.payload, sizeof(info));
	memcpy(&info, rig_payload(r, peer, cqe.id), sizeof(info));
	return info;
}

#endif
