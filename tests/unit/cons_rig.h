/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A console server on function 0 and peers on the others that speak the protocol by hand, over the
 * link's own calls: what a client may do, and what none would. One thread drives all of them.
 *
 * A peer speaks version 1, or version 2 when it says so before it connects. In version 2 it is
 * unit 1 of its session; each guest of it is another unit, and is used like a peer.
 */
#ifndef CONS_RIG_H
#define CONS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_time.h"
#include "cons_server_priv.h"
#include "inproc.h"
#include "link.h"

#define RIG_PEERS_MAX 6
#define RIG_SLOT 4096u
#define RIG_DEPTH 32
#define RIG_WAIT_NS (20 * BASE_NS_PER_S)
#define RIG_SEEN_MAX (1u << 20)

struct rig_peer {
	struct link *link;
	struct link_session *session;
	unsigned int ups, downs;
	bool version2;
	uint16_t own_unit; /* version 2: names it in ATTACH */
	struct rig_peer *host; /* of a guest: has the session */
	struct rig_peer *owner[RIG_DEPTH]; /* of open requests, in the one that has the session */
	/* The newest answer of each slot but READs. */
	struct link_cqe cqe[RIG_DEPTH];
	bool answered[RIG_DEPTH];
	bool is_read[RIG_DEPTH]; /* one that was sent by itself */
	/* What READs have brought. */
	struct cons_wire_attached attached;
	uint16_t unit;
	unsigned int credits; /* READs that are open */
	unsigned int credits_max; /* 0: none are sent by themselves */
	uint64_t out_pos; /* expected next */
	char *seen; /* newest output, NUL behind it */
	size_t seen_len;
	uint64_t sum; /* of all bytes */
	uint64_t bytes;
	unsigned int gone; /* READs answered EGONE */
	unsigned int event_count;
	struct cons_wire_event events[16];
};

struct rig {
	struct inproc ip;
	struct link *link;
	struct cons_server *srv;
	unsigned int peers;
	struct rig_peer peer[RIG_PEERS_MAX];
	char audit[16384]; /* lines */
};

/* --- the peers' side --- */

/* The one that has the session. */
static inline struct rig_peer *
rig_host(struct rig_peer *p)
{
	return p->host != NULL ? p->host : p;
}

static inline void
rig_on_up(void *arg, struct link_session *s)
{
	struct rig_peer *p = arg;

	p->ups++;
	p->credits = 0;
	assert_int_equal(link_queue_attach(link_session_queue(s, 0)), 0);
}

static inline void
rig_on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct rig_peer *p = arg;

	p->downs++;
	link_queue_detach(link_session_queue(s, 0));
}

static const struct link_session_ops rig_peer_ops = {
	.on_up = rig_on_up,
	.on_down = rig_on_down,
};

static inline bool
rig_is_up(const struct rig_peer *p)
{
	p = p->host != NULL ? p->host : p;
	return p->session != NULL && p->ups > p->downs;
}

static inline struct link_queue *
rig_queue(struct rig_peer *p)
{
	return link_session_queue(rig_host(p)->session, 0);
}

static inline void
rig_take_read(struct rig_peer *p, const struct link_cqe *cqe)
{
	const char *data = link_slot_rx(rig_queue(p), cqe->id);

	p->credits--;
	if (cqe->status == CONS_EGONE) {
		assert_int_equal(cqe->payload, 0);
		p->gone++;
	} else if (cqe->flags == CONS_KIND_EVENT) {
		assert_int_equal(cqe->status, CONS_OK);
		assert_int_equal(cqe->payload, sizeof(struct cons_wire_event));
		assert_true(p->event_count < 16);
		memcpy(&p->events[p->event_count], data, sizeof(struct cons_wire_event));
		if (rte_be_to_cpu_32(p->events[p->event_count++].type) == CONS_EVENT_CUT)
			p->out_pos = rte_be_to_cpu_64(p->events[p->event_count - 1].out_pos);
	} else {
		assert_int_equal(cqe->status, CONS_OK);
		assert_int_equal(cqe->flags, CONS_KIND_DATA);
		assert_true(cqe->payload > 0 && cqe->payload <= RIG_SLOT);
		assert_int_equal(cqe->result, (uint32_t)p->out_pos);
		p->out_pos += cqe->payload;
		p->bytes += cqe->payload;
		for (uint32_t i = 0; i < cqe->payload; i++)
			p->sum = p->sum * 31 + (uint8_t)data[i];
		if (p->seen_len + cqe->payload >= RIG_SEEN_MAX)
			p->seen_len = 0;
		memcpy(p->seen + p->seen_len, data, cqe->payload);
		p->seen_len += cqe->payload;
		p->seen[p->seen_len] = '\0';
	}
	link_slot_put(rig_queue(p), cqe->id);
}

static inline uint16_t
rig_post(struct rig_peer *p, struct link_req req, const void *payload)
{
	struct link_queue *q = rig_queue(p);
	int id = link_slot_get(q);

	assert_true(id >= 0);
	req.id = (uint16_t)id;
	rig_host(p)->owner[id] = p;
	p->answered[id] = false;
	p->is_read[id] = false;
	if (req.payload > 0)
		assert_int_equal(link_req_payload(q, req.id, 0, payload, req.payload), 0);
	assert_int_equal(link_req_post(q, &req), 0);
	assert_int_equal(link_req_flush(q), 0);
	return req.id;
}

static inline void
rig_take_answers(struct rig_peer *host)
{
	struct link_cqe cqe[RIG_DEPTH];
	int n = link_cqe_poll(rig_queue(host), cqe, RIG_DEPTH);

	for (int k = 0; k < n; k++) {
		struct rig_peer *p = host->owner[cqe[k].id];

		if (p->is_read[cqe[k].id]) {
			rig_take_read(p, &cqe[k]);
			continue;
		}
		p->cqe[cqe[k].id] = cqe[k];
		p->answered[cqe[k].id] = true;
	}
}

static inline void
rig_peer_round(struct rig_peer *p, uint64_t now)
{
	uint16_t id;

	if (p->link != NULL)
		link_poll(p->link, now);
	if (!rig_is_up(p))
		return;
	while (p->credits < p->credits_max && link_slots_free(rig_queue(p)) > 4) {
		id = rig_post(p, (struct link_req){ .op = CONS_READ, .unit = p->unit }, NULL);
		p->is_read[id] = true;
		p->credits++;
	}
	if (p->host == NULL)
		rig_take_answers(p);
}

/* One round of everything. */
static inline void
rig_round(struct rig *r)
{
	uint64_t now = base_now_ns();

	link_poll(r->link, now);
	cons_server_poll(r->srv, now);
	for (unsigned int i = 0; i < RIG_PEERS_MAX; i++) {
		if (r->peer[i].link != NULL || r->peer[i].host != NULL)
			rig_peer_round(&r->peer[i], now);
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

static inline void
rig_audit(void *arg, const char *line)
{
	struct rig *r = arg;
	size_t len = strlen(r->audit);

	snprintf(r->audit + len, sizeof(r->audit) - len, "%s\n", line);
}

/* Functions, links and an empty server; peers are not connected. */
static inline void
rig_setup(struct rig *r, unsigned int peers, uint32_t scrollback)
{
	struct cons_server_conf conf = {
		.scrollback = scrollback,
		.audit = rig_audit,
		.audit_arg = r,
	};
	struct link_conf lc = { .keepalive_ms = 100 };

	memset(r, 0, sizeof(*r));
	r->peers = peers;
	assert_int_equal(inproc_setup(&r->ip, &(struct inproc_conf){ .functions = peers + 1 }), 0);
	lc.dev_id = r->ip.dev_id[0];
	assert_int_equal(link_create(&lc, &r->link), 0);
	conf.link = r->link;
	assert_int_equal(cons_server_create(&conf, &r->srv), 0);
	for (unsigned int i = 0; i < peers; i++) {
		lc.dev_id = r->ip.dev_id[i + 1];
		assert_int_equal(link_create(&lc, &r->peer[i].link), 0);
		r->peer[i].own_unit = 1;
		r->peer[i].seen = calloc(1, RIG_SEEN_MAX);
		assert_non_null(r->peer[i].seen);
	}
}

/* One more unit in the session of that peer, which speaks version 2. @return its number here. */
static inline unsigned int
rig_guest(struct rig *r, unsigned int peer, uint16_t unit)
{
	unsigned int n = r->peers;
	struct rig_peer *p;

	while (n < RIG_PEERS_MAX && r->peer[n].host != NULL)
		n++;
	assert_true(n < RIG_PEERS_MAX);
	p = &r->peer[n];
	p->host = &r->peer[peer];
	p->version2 = true;
	p->own_unit = unit;
	p->seen = calloc(1, RIG_SEEN_MAX);
	assert_non_null(p->seen);
	return n;
}

static inline void
rig_console_conf(struct rig *r, const struct cons_console_conf *conf)
{
	char err[256];

	if (cons_server_console(r->srv, conf, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

/* As on the command line: "name=exec:cat,allow=any". */
static inline void
rig_console(struct rig *r, const char *arg)
{
	struct cons_console_conf conf;
	char err[256];
	char *text;

	if (cons_console_parse(arg, &conf, &text, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	rig_console_conf(r, &conf);
	free(text);
}

static inline void
rig_connect(struct rig *r, unsigned int peer)
{
	struct rig_peer *p = &r->peer[peer];
	struct link_open_conf conf = {
		.rgid = r->ip.gid[0],
		.service = LINK_SERVICE_CONS,
		.queues = 1,
		.depth = RIG_DEPTH,
		.slot_size = RIG_SLOT,
		.features = p->version2 ? CONS_FEATURE_UNITS : 0,
		.ops = &rig_peer_ops,
		.arg = p,
	};

	assert_int_equal(link_open(p->link, &conf, &p->session), 0);
	rig_until(r, rig_is_up(p));
}

/* Its session is gone, and what was open in it; the same for its guests. */
static inline void
rig_forget(struct rig *r, struct rig_peer *p)
{
	for (unsigned int i = 0; i < RIG_PEERS_MAX; i++) {
		if (&r->peer[i] != p && r->peer[i].host != p)
			continue;
		r->peer[i].unit = 0;
		r->peer[i].credits_max = r->peer[i].credits = 0;
	}
}

/* The peer leaves in good order, or, for the server, vanishes. */
static inline void
rig_disconnect(struct rig *r, unsigned int peer)
{
	struct rig_peer *p = &r->peer[peer];
	struct cons_server *srv = r->srv;

	rig_on_down(p, p->session, LINK_WHY_LOCAL);
	link_session_close(p->session, "test");
	p->session = NULL;
	rig_forget(r, p);
	for (uint64_t end = base_now_ns() + RIG_WAIT_NS; base_now_ns() < end; rig_round(r)) {
		const struct cons_peer *sp;

		TAILQ_FOREACH(sp, &srv->peers, entry) {
			if (sp->gid == r->ip.gid[peer + 1])
				break;
		}
		if (sp == NULL)
			return;
	}
	fail_msg("the server keeps a session that is gone");
}

/* The peer's function vanishes, without a word, and comes back; its link finds the server again. */
static inline void
rig_lose(struct rig *r, unsigned int peer)
{
	struct rig_peer *p = &r->peer[peer];

	rig_forget(r, p);
	inproc_lose(&r->ip, peer + 1);
	rig_until(r, !rig_is_up(p) && TAILQ_EMPTY(&r->srv->peers));
}

static inline void
rig_return(struct rig *r, unsigned int peer)
{
	inproc_restore(&r->ip, peer + 1);
	rig_until(r, rig_is_up(&r->peer[peer]));
}

static inline void
rig_teardown(struct rig *r)
{
	for (unsigned int i = 0; i < r->peers; i++) {
		struct rig_peer *p = &r->peer[i];

		if (rig_is_up(p))
			rig_disconnect(r, i);
		link_destroy(p->link);
		p->link = NULL;
	}
	for (unsigned int i = 0; i < RIG_PEERS_MAX; i++)
		free(r->peer[i].seen);
	cons_server_destroy(r->srv);
	link_destroy(r->link);
	inproc_teardown(&r->ip);
	/* No child is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* --- requests --- */

static inline uint16_t
rig_send(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	return rig_post(&r->peer[peer], req, payload);
}

/* Take the answer of a slot; its payload stays in place until the slot is used again. */
static inline struct link_cqe
rig_take(struct rig *r, unsigned int peer, uint16_t id)
{
	struct rig_peer *p = &r->peer[peer];

	rig_until(r, p->answered[id]);
	link_slot_put(rig_queue(p), id);
	return p->cqe[id];
}

static inline struct link_cqe
rig_call(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	return rig_take(r, peer, rig_send(r, peer, req, payload));
}

static inline uint16_t
rig_status(struct rig *r, unsigned int peer, struct link_req req, const void *payload)
{
	return rig_call(r, peer, req, payload).status;
}

static inline const void *
rig_payload(struct rig *r, unsigned int peer, uint16_t id)
{
	return link_slot_rx(rig_queue(&r->peer[peer]), id);
}

/* A request of that op with the peer's unit, and nothing else. */
static inline struct link_req
rig_op(const struct rig *r, unsigned int peer, uint8_t op)
{
	return (struct link_req){ .op = op, .unit = r->peer[peer].unit };
}

static inline struct cons_wire_attach
rig_attach_record(const char *name, uint64_t client, uint32_t flags)
{
	struct cons_wire_attach rec = {
		.client = rte_cpu_to_be_64(client),
		.flags = rte_cpu_to_be_32(flags),
		.history = rte_cpu_to_be_32(UINT32_MAX),
	};

	snprintf(rec.name, sizeof(rec.name), "%s", name);
	snprintf(rec.term, sizeof(rec.term), "vt220");
	return rec;
}

/* @return status; on CONS_OK the peer is attached, and READs go out by themselves. */
static inline uint16_t
rig_attach_as(struct rig *r, unsigned int peer, const struct cons_wire_attach *rec)
{
	struct link_req req = { .op = CONS_ATTACH, .payload = sizeof(*rec) };
	struct rig_peer *p = &r->peer[peer];
	struct link_cqe cqe;

	req.unit = p->version2 ? p->own_unit : 0;
	p->credits_max = 0; /* READs would name the attachment before */
	cqe = rig_call(r, peer, req, rec);
	memset(&p->attached, 0, sizeof(p->attached));
	if (cqe.payload != 0) {
		assert_int_equal(cqe.payload, sizeof(p->attached));
		memcpy(&p->attached, link_slot_rx(rig_queue(p), cqe.id), sizeof(p->attached));
	}
	if (cqe.status != CONS_OK)
		return cqe.status;
	p->unit = rte_be_to_cpu_16(p->attached.unit);
	assert_int_not_equal(p->unit, 0);
	assert_true(!p->version2 || p->unit == p->own_unit);
	p->out_pos = rte_be_to_cpu_64(p->attached.out_pos);
	p->credits_max = 8;
	p->seen_len = p->event_count = p->gone = 0;
	p->seen[0] = '\0';
	return CONS_OK;
}

static inline void
rig_attach(struct rig *r, unsigned int peer, const char *name, uint64_t client, uint32_t flags)
{
	struct cons_wire_attach rec = rig_attach_record(name, client, flags);

	assert_int_equal(rig_attach_as(r, peer, &rec), CONS_OK);
}

/* Type at this position. */
static inline uint16_t
rig_type_at(struct rig *r, unsigned int peer, uint64_t off, const char *text)
{
	struct link_req req = rig_op(r, peer, CONS_WRITE);

	req.off = off;
	req.len = req.payload = (uint32_t)strlen(text);
	return rig_status(r, peer, req, text);
}

/* Wait until the output has this text. */
#define rig_expect(r, n, text) rig_until(r, strstr((r)->peer[n].seen, text) != NULL)

/* Wait for an event; @return its code, or its value where it has none. */
static inline const struct cons_wire_event *
rig_event(struct rig *r, unsigned int peer, enum cons_event_type type)
{
	const struct rig_peer *p = &r->peer[peer];

	rig_until(r, p->event_count > 0);
	assert_int_equal(rte_be_to_cpu_32(p->events[p->event_count - 1].type), type);
	return &p->events[p->event_count - 1];
}

static inline uint32_t
rig_ended(struct rig *r, unsigned int peer)
{
	uint32_t code = rte_be_to_cpu_32(rig_event(r, peer, CONS_EVENT_ENDED)->code);

	r->peer[peer].credits_max = 0;
	rig_until(r, r->peer[peer].credits == 0);
	return code;
}

/* Each word is there, in the audit log. */
#define rig_audited(r, text)                                                                       \
	do {                                                                                       \
		if (strstr((r)->audit, text) == NULL)                                              \
			fail_msg("no '%s' in the audit log:\n%s", text, (r)->audit);               \
	} while (0)

#endif
