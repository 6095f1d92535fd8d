/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's control side: sessions, and its life. blk_exports.c has the exports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_text.h"
#include "base_time.h"
#include "blk_log.h"
#include "blk_server_priv.h"

#define QUEUES_DEFAULT 16
#define DEPTH_DEFAULT 128
#define SLOT_DEFAULT (64 * 1024)
#define LOOK_NS (50 * BASE_NS_PER_MS) /* between two looks at exports */
#define DRAIN_MS_DEFAULT 30000
#define INFLIGHT_DEFAULT 128

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	const struct blk_server *srv = arg;

	for (uint32_t i = 0; i < blk_server_exports(srv); i++)
		if (blk_export_allows(blk_export_at(srv, i), gid))
			return 0;
	snprintf(reason, LINK_REASON_MAX, "no export is allowed to this GID");
	return -EACCES;
}

/* --- who was here --- */

static void
party_forget(struct blk_server *srv, struct blk_party *p)
{
	TAILQ_REMOVE(&srv->parties, p, entry);
	srv->party_count--;
	free(p);
}

static void
party_forget_oldest(struct blk_server *srv)
{
	struct blk_party *p;

	TAILQ_FOREACH(p, &srv->parties, entry) {
		if (!p->connected) {
			party_forget(srv, p);
			return;
		}
	}
}

static struct blk_party *
party_find(struct blk_server *srv, uint64_t gid)
{
	struct blk_party *p;

	TAILQ_FOREACH(p, &srv->parties, entry) {
		if (p->gid == gid)
			return p;
	}
	return NULL;
}

/* The process that connects now: the one that we know by its GID, or a new one. */
static struct blk_party *
party_meet(struct blk_server *srv, uint64_t gid, const struct link_epoch *epoch)
{
	struct blk_party *p = party_find(srv, gid);

	if (p != NULL && memcmp(&p->epoch, epoch, sizeof(*epoch)) != 0) {
		party_forget(srv, p);
		p = NULL;
	}
	if (p != NULL) {
		TAILQ_REMOVE(&srv->parties, p, entry);
	} else {
		if (srv->party_count == BLK_PARTIES_MAX)
			party_forget_oldest(srv);
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return NULL;
		p->gid = gid;
		p->epoch = *epoch;
		for (uint32_t i = 0; i < blk_server_exports(srv); i++) {
			const struct blk_export *exp = blk_export_at(srv, i);

			p->flush_known[i] = exp != NULL ? exp->flush_errors : 0;
		}
		srv->party_count++;
	}
	TAILQ_INSERT_TAIL(&srv->parties, p, entry);
	p->connected = true;
	return p;
}

/* --- sessions --- */

static struct blk_queue *
queue_create(struct blk_session *s, unsigned int i, uint32_t features)
{
	struct link_queue *link = link_session_queue(s->link, i);
	uint16_t depth = link_queue_depth(link);
	struct blk_queue *bq = calloc(1, sizeof(*bq) + depth * sizeof(bq->jobs[0]));

	if (bq == NULL)
		return NULL;
	bq->session = s;
	bq->link = link;
	bq->slot_size = link_queue_slot_size(link);
	bq->digest = (features & LINK_FEATURE_DIGEST) != 0;
	for (uint16_t id = 0; id < depth; id++) {
		bq->jobs[id].queue = bq;
		bq->jobs[id].id = id;
	}
	return bq;
}

static void
session_free(struct blk_session *s)
{
	TAILQ_REMOVE(&s->srv->sessions, s, entry);
	s->party->connected = false;
	for (unsigned int i = 0; i < s->queues; i++)
		free(s->queue[i]);
	free(s->shares);
	free(s);
}

/* Each on cache lines of its own: they are other threads'. */
static struct blk_share *
shares_create(const struct blk_server *srv)
{
	size_t size = srv->conf.workers * sizeof(struct blk_share);
	struct blk_share *shares = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (shares != NULL)
		memset(shares, 0, size);
	return shares;
}

static struct blk_session *
session_create(struct blk_server *srv, struct link_session *link)
{
	struct blk_session *s = calloc(1, sizeof(*s));
	struct link_session_info info;

	if (s == NULL)
		return NULL;
	link_session_info(link, &info);
	s->srv = srv;
	s->link = link;
	s->gid = info.rgid;
	s->number = ++srv->session_number;
	s->shares = shares_create(srv);
	s->party = s->shares != NULL ? party_meet(srv, info.rgid, &info.peer_epoch) : NULL;
	if (s->party == NULL) {
		free(s->shares);
		free(s);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&srv->sessions, s, entry);
	blk_exports_grant(s);
	for (; s->queues < info.queues; s->queues++) {
		s->queue[s->queues] = queue_create(s, s->queues, info.features);
		if (s->queue[s->queues] == NULL) {
			session_free(s);
			return NULL;
		}
	}
	return s;
}

static void
on_up(void *arg, struct link_session *link)
{
	struct blk_server *srv = arg;
	struct blk_session *s = session_create(srv, link);
	char gid[BASE_GID_STRLEN];

	link_session_set_priv(link, s);
	if (s == NULL) {
		BLK_LOG(ERR, "no memory for a session");
		link_session_close(link, "no memory for the session");
		return;
	}
	for (unsigned int i = 0; i < s->queues; i++) {
		/*
		 * Attached here, in the worker's name: control must not free what is in an inbox.
		 */
		if (link_queue_attach(s->queue[i]->link) != 0)
			continue;
		s->queue[i]->worker = &srv->workers[srv->next_worker];
		s->queue[i]->share = &s->shares[srv->next_worker];
		srv->next_worker = (srv->next_worker + 1) % srv->conf.workers;
		blk_worker_give(s->queue[i]->worker, s->queue[i]);
	}
	BLK_LOG(INFO, "session from %s: %u queues", base_gid_str(s->gid, gid), s->queues);
}

/* The workers see it in their queues; what they have in flight ends first. */
static void
on_down(void *arg, struct link_session *link, enum link_why why)
{
}

static void
on_free(void *arg, struct link_session *link)
{
	struct blk_session *s = link_session_priv(link);

	if (s != NULL)
		session_free(s);
}

static const struct link_session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_free = on_free,
};

/* --- life --- */

static void
conf_defaults(struct blk_server_conf *conf)
{
	if (conf->workers == 0)
		conf->workers = 1;
	if (conf->queues_max == 0)
		conf->queues_max = QUEUES_DEFAULT;
	if (conf->depth_max == 0)
		conf->depth_max = DEPTH_DEFAULT;
	if (conf->slot_max == 0)
		conf->slot_max = SLOT_DEFAULT;
	if (conf->inflight_max == 0)
		conf->inflight_max = INFLIGHT_DEFAULT;
	if (conf->drain_ms == 0)
		conf->drain_ms = DRAIN_MS_DEFAULT;
}

static int
workers_open(struct blk_server *srv)
{
	size_t size = srv->conf.workers * sizeof(*srv->workers);
	int ret;

	srv->workers = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (srv->workers == NULL)
		return -ENOMEM;
	memset(srv->workers, 0, size);
	for (unsigned int i = 0; i < srv->conf.workers; i++) {
		ret = blk_worker_init(&srv->workers[i], srv);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static void
workers_close(struct blk_server *srv)
{
	if (srv->workers == NULL)
		return;
	for (unsigned int i = 0; i < srv->conf.workers; i++)
		blk_worker_fini(&srv->workers[i]);
	free(srv->workers);
}

int
blk_server_create(const struct blk_server_conf *conf, struct blk_server **out)
{
	struct blk_server *srv = calloc(1, sizeof(*srv));
	struct link_listen_conf listen;
	int ret;

	if (srv == NULL)
		return -ENOMEM;
	srv->conf = *conf;
	conf_defaults(&srv->conf);
	TAILQ_INIT(&srv->sessions);
	TAILQ_INIT(&srv->parties);
	ret = workers_open(srv);
	if (ret != 0)
		goto close_workers;
	listen = (struct link_listen_conf){
		.service = LINK_SERVICE_BLK,
		.queues_max = srv->conf.queues_max,
		.depth_max = srv->conf.depth_max,
		.slot_max = srv->conf.slot_max,
		.features = LINK_FEATURE_DIGEST,
		.may_connect = may_connect,
		.ops = &session_ops,
		.arg = srv,
	};
	ret = link_listen(srv->conf.link, &listen);
	if (ret != 0)
		goto close_workers;
	blk_server_telemetry_add(srv);
	*out = srv;
	return 0;
close_workers:
	workers_close(srv);
	free(srv);
	return ret;
}

int
blk_server_destroy(struct blk_server *srv)
{
	struct blk_session *s;
	struct blk_party *p;
	uint64_t now, end = base_now_ns();
	bool stuck = false;

	if (srv == NULL)
		return 0;
	blk_server_telemetry_remove(srv);
	end += srv->conf.drain_ms * BASE_NS_PER_MS;
	for (unsigned int i = 0; i < srv->conf.workers; i++) {
		now = base_now_ns();
		stuck |= blk_worker_drain(&srv->workers[i], end > now ? end - now : 0) != 0;
	}
	if (stuck || !blk_exports_settle(srv, end)) {
		BLK_LOG(ERR, "ios of %u ms still in the kernel: an image's storage hangs",
			srv->conf.drain_ms);
		return -ETIMEDOUT;
	}
	link_unlisten(srv->conf.link, LINK_SERVICE_BLK);
	while ((s = TAILQ_FIRST(&srv->sessions)) != NULL)
		session_free(s);
	while ((p = TAILQ_FIRST(&srv->parties)) != NULL)
		party_forget(srv, p);
	blk_exports_close(srv);
	workers_close(srv);
	free(srv);
	return 0;
}

struct blk_worker *
blk_server_worker(struct blk_server *srv, unsigned int i)
{
	return i < srv->conf.workers ? &srv->workers[i] : NULL;
}

/* --- rounds --- */

unsigned int
blk_server_poll(struct blk_server *srv, uint64_t now_ns)
{
	if (now_ns < srv->look_ns)
		return 0;
	srv->look_ns = now_ns + LOOK_NS;
	return blk_exports_poll(srv, now_ns);
}
