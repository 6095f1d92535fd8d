/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's control side: exports, sessions, changes of images. */
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
#define CHECK_NS BASE_NS_PER_S /* look at every image's size */
#define STALE_NS (50 * BASE_NS_PER_MS) /* look whether a worker met a wrong end */
#define DRAIN_MS_DEFAULT 30000

static uint32_t
exports_count(const struct blk_server *srv)
{
	/* Acquire: pairs with the release in publish_export(); the export itself. */
	return atomic_load_explicit(&srv->exports_count, memory_order_acquire);
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	const struct blk_server *srv = arg;

	for (uint32_t i = 0; i < exports_count(srv); i++)
		if (blk_export_allows(srv->exports[i], gid))
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
		for (uint32_t i = 0; i < exports_count(srv); i++)
			p->flush_known[i] = srv->exports[i]->flush_errors;
		srv->party_count++;
	}
	TAILQ_INSERT_TAIL(&srv->parties, p, entry);
	p->connected = true;
	return p;
}

/* --- sessions --- */

static void
grant(struct blk_session *s, const struct blk_export *exp)
{
	unsigned int i = exp->unit - 1u;

	if (!blk_export_allows(exp, s->gid))
		return;
	atomic_store_explicit(&s->flush_seen[i],
			      atomic_load_explicit(&s->party->flush_known[i], memory_order_relaxed),
			      memory_order_relaxed);
	atomic_fetch_or_explicit(&s->granted[i / 64], 1ull << i % 64, memory_order_release);
}

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
	free(s);
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
	s->party = party_meet(srv, info.rgid, &info.peer_epoch);
	if (s->party == NULL) {
		free(s);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&srv->sessions, s, entry);
	for (uint32_t i = 0; i < exports_count(srv); i++)
		grant(s, srv->exports[i]);
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
	if (stuck) {
		BLK_LOG(ERR, "ios of %u ms still in the kernel: an image's storage hangs",
			srv->conf.drain_ms);
		return -ETIMEDOUT;
	}
	link_unlisten(srv->conf.link, LINK_SERVICE_BLK);
	while ((s = TAILQ_FIRST(&srv->sessions)) != NULL)
		session_free(s);
	while ((p = TAILQ_FIRST(&srv->parties)) != NULL)
		party_forget(srv, p);
	workers_close(srv);
	for (uint32_t i = 0; i < exports_count(srv); i++)
		blk_export_close(srv->exports[i]);
	free(srv);
	return 0;
}

struct blk_worker *
blk_server_worker(struct blk_server *srv, unsigned int i)
{
	return i < srv->conf.workers ? &srv->workers[i] : NULL;
}

/* --- exports --- */

static int
check_new(const struct blk_server *srv, const struct blk_export_conf *conf, char *err,
	  size_t err_size)
{
	uint32_t count = exports_count(srv);

	if (count == BLK_EXPORTS_MAX) {
		snprintf(err, err_size, "export '%s': one too many, expected at most %d",
			 conf->name, BLK_EXPORTS_MAX);
		return -ENOSPC;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(srv->exports[i]->name, conf->name) != 0)
			continue;
		snprintf(err, err_size, "export '%s': this name is given twice, to %s and %s",
			 conf->name, srv->exports[i]->path, conf->path);
		return -EEXIST;
	}
	return 0;
}

/* Known to every worker, then to everyone. Sessions that are up get it too. */
static void
publish_export(struct blk_server *srv, struct blk_export *exp)
{
	struct blk_session *s;

	srv->exports[exp->unit - 1] = exp;
	atomic_store_explicit(&srv->exports_count, exp->unit, memory_order_release);
	srv->notice++;
	TAILQ_FOREACH(s, &srv->sessions, entry) {
		grant(s, exp);
		link_session_set_notice(s->link, srv->notice);
	}
}

int
blk_server_export(struct blk_server *srv, const struct blk_export_conf *conf, char *err,
		  size_t err_size)
{
	struct blk_export *exp;
	int ret;

	ret = check_new(srv, conf, err, err_size);
	if (ret != 0)
		return ret;
	ret = blk_export_open(conf, &exp, err, err_size);
	if (ret != 0)
		return ret;
	exp->unit = (uint16_t)(exports_count(srv) + 1);
	for (unsigned int i = 0; i < srv->conf.workers && ret == 0; i++)
		ret = blk_engine_add(srv->workers[i].engine, exp);
	if (ret != 0) {
		snprintf(err, err_size, "export '%s': io_uring does not take %s: %s", conf->name,
			 conf->path, strerror(-ret));
		blk_export_close(exp);
		return ret;
	}
	publish_export(srv, exp);
	return 0;
}

/* --- changes --- */

static bool
any_stale(const struct blk_server *srv)
{
	for (uint32_t i = 0; i < exports_count(srv); i++)
		if (atomic_load_explicit(&srv->exports[i]->stale, memory_order_relaxed))
			return true;
	return false;
}

static void
refresh(struct blk_export *exp)
{
	uint64_t was = atomic_load_explicit(&exp->size, memory_order_relaxed);

	if (blk_export_refresh(exp))
		BLK_LOG(NOTICE, "export '%s' has %llu bytes now, had %llu", exp->name,
			(unsigned long long)exp->size, (unsigned long long)was);
}

unsigned int
blk_server_poll(struct blk_server *srv, uint64_t now_ns)
{
	uint32_t generations = 0;
	struct blk_session *s;

	if (now_ns < srv->stale_ns)
		return 0;
	srv->stale_ns = now_ns + STALE_NS;
	if (now_ns >= srv->check_ns || any_stale(srv)) {
		srv->check_ns = now_ns + CHECK_NS;
		for (uint32_t i = 0; i < exports_count(srv); i++)
			refresh(srv->exports[i]);
	}
	for (uint32_t i = 0; i < exports_count(srv); i++)
		generations += atomic_load_explicit(&srv->exports[i]->generation,
						    memory_order_relaxed);
	if (generations == srv->generations)
		return 0;
	srv->generations = generations;
	srv->notice++;
	TAILQ_FOREACH(s, &srv->sessions, entry)
		link_session_set_notice(s->link, srv->notice);
	return 1;
}

/* --- for people --- */

unsigned int
blk_server_exports(const struct blk_server *srv)
{
	return exports_count(srv);
}

int
blk_server_export_state(const struct blk_server *srv, unsigned int i,
			struct blk_export_state *state)
{
	const struct blk_export *exp;

	if (i >= exports_count(srv))
		return -ENOENT;
	exp = srv->exports[i];
	state->backing = blk_backing_str(exp->backing);
	state->size = atomic_load_explicit(&exp->size, memory_order_relaxed);
	state->flags = atomic_load_explicit(&exp->flags, memory_order_relaxed);
	return 0;
}

static void
add_counts(struct blk_export_stats *stats, struct base_hist *latency, const struct blk_counts *c)
{
	uint64_t ended = 0, started;

	for (unsigned int op = 0; op < BLK_OP_COUNT; op++) {
		stats->ops[op] += atomic_load_explicit(&c->ops[op], memory_order_relaxed);
		stats->bytes[op] += atomic_load_explicit(&c->bytes[op], memory_order_relaxed);
		stats->errors[op] += atomic_load_explicit(&c->errors[op], memory_order_relaxed);
		ended += atomic_load_explicit(&c->ops[op], memory_order_relaxed);
	}
	started = atomic_load_explicit(&c->started, memory_order_relaxed);
	stats->inflight += started > ended ? started - ended : 0;
	base_hist_merge(latency, &c->latency);
}

int
blk_server_export_stats(const struct blk_server *srv, unsigned int i, const char **name,
			struct blk_export_stats *stats)
{
	struct base_hist latency = { 0 };

	if (i >= exports_count(srv))
		return -ENOENT;
	memset(stats, 0, sizeof(*stats));
	for (unsigned int w = 0; w < srv->conf.workers; w++)
		add_counts(stats, &latency, &srv->workers[w].counts[i]);
	base_hist_summary(&latency, &stats->latency);
	*name = srv->exports[i]->name;
	return 0;
}
