/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /link/sessions, /link/stats, /link/queues, /link/callers for telemetry clients. These run in a
 * thread of DPDK's: they read counters that may change meanwhile, and texts under the link's lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "link_priv.h"
#include "link_tel.h"

/* What fits one answer of 16 KiB; the next ones are asked for by the number of their session. */
#define SESSIONS_SHOWN 16
#define QUEUES_SHOWN 28
#define CALLERS_SHOWN 32

static const struct base_metrics link_metrics = BASE_METRICS(LINK_METRICS),
				 session_metrics = BASE_METRICS(LINK_SESSION_SHOWN),
				 queue_metrics = BASE_METRICS(LINK_QUEUE_SHOWN),
				 caller_metrics = BASE_METRICS(LINK_CALLER_SHOWN);

static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, link) links = LIST_HEAD_INITIALIZER(links);

void
link_telemetry_add(struct link *link)
{
	pthread_mutex_lock(&links_lock);
	LIST_INSERT_HEAD(&links, link, entry);
	pthread_mutex_unlock(&links_lock);
}

void
link_telemetry_remove(struct link *link)
{
	pthread_mutex_lock(&links_lock);
	LIST_REMOVE(link, entry);
	pthread_mutex_unlock(&links_lock);
}

/* An answer that is being made: sessions from number `first` on, as long as there is room. */
struct answer {
	struct rte_tel_data *d;
	unsigned int first;
	unsigned int shown;
};

/* "N", or nothing for 0. */
static int
answer_init(struct answer *a, struct rte_tel_data *d, const char *params)
{
	uint64_t first = 0;

	if (params != NULL && params[0] != '\0' &&
	    base_num_parse(params, 0, 0, UINT32_MAX, &first) != 0)
		return -EINVAL;
	*a = (struct answer){ .d = d, .first = (unsigned int)first };
	rte_tel_data_start_dict(d);
	return 0;
}

/*
 * Call fn for every session of every link from number a->first on, numbered in that order, until
 * it returns false.
 */
static void
each_session(bool (*fn)(struct answer *a, unsigned int n, const struct link_session *s),
	     struct answer *a)
{
	const struct link_session *s;
	unsigned int n = 0;
	bool more = true;
	struct link *link;

	pthread_mutex_lock(&links_lock);
	LIST_FOREACH(link, &links, entry) {
		rte_spinlock_lock(&link->lock);
		TAILQ_FOREACH(s, &link->sessions, entry) {
			more = more && (n < a->first || fn(a, n, s));
			n++;
		}
		rte_spinlock_unlock(&link->lock);
	}
	pthread_mutex_unlock(&links_lock);
}

static void
add_hex(struct rte_tel_data *d, const char *name, uint64_t value)
{
	char text[BASE_GID_STRLEN];

	rte_tel_data_add_dict_string(d, name, base_gid_str(value, text));
}

/* Those that happened, by the word for the reason. */
static void
add_errors(struct rte_tel_data *d, const uint64_t errors[LINK_WHY_COUNT])
{
	struct rte_tel_data *sub = base_tel_new();

	for (unsigned int i = 0; sub != NULL && i < LINK_WHY_COUNT; i++) {
		if (errors[i] != 0)
			base_tel_dict_u64(sub, link_why_name((enum link_why)i), errors[i]);
	}
	base_tel_put(d, "errors", sub);
}

void
link_tel_session(struct rte_tel_data *d, const struct link_session_info *info)
{
	struct {
		LINK_SESSION_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.version = info->version,
		.features = info->features,
		.queues = info->queues,
		.depth = info->depth,
		.slot_size = info->slot_size,
		.up_ms = info->up ? (base_now_ns() - info->up_since_ns) / BASE_NS_PER_MS : 0,
	};

#define GET(name, ...) shown.name = info->name;
	LINK_SESSION_METRICS(GET)
#undef GET
	base_tel_metrics(d, &session_metrics, &shown);
}

static bool
session_show(struct answer *a, unsigned int n, const struct link_session *s)
{
	struct rte_tel_data *sub = a->shown++ < SESSIONS_SHOWN ? base_tel_new() : NULL;
	struct link_session_info info;
	char name[16];

	if (sub == NULL)
		return false;
	link_session_info(s, &info);
	add_hex(sub, "gid", s->link->info.gid);
	add_hex(sub, "rgid", info.rgid);
	rte_tel_data_add_dict_int(sub, "service", (int)info.service);
	rte_tel_data_add_dict_string(sub, "service_name", link_service_str(info.service));
	rte_tel_data_add_dict_string(sub, "role", info.initiator ? "initiator" : "listener");
	rte_tel_data_add_dict_string(sub, "state", info.up ? "up" : "down");
	rte_tel_data_add_dict_string(sub, "why", link_why_str(info.why));
	rte_tel_data_add_dict_string(sub, "reason", info.reason);
	rte_tel_data_add_dict_string(sub, "feature_names",
				     info.features & LINK_FEATURE_DIGEST ? "digest" : "");
	link_tel_session(sub, &info);
	add_errors(sub, info.errors);
	snprintf(name, sizeof(name), "%u", n);
	return base_tel_put(a->d, name, sub);
}

static int
sessions_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct answer a;

	if (answer_init(&a, d, params) < 0)
		return -EINVAL;
	each_session(session_show, &a);
	return 0;
}

/*
 * Stores of descriptors and payload. Windows are there as long as the phase is UP: control
 * leaves that under the lock, and closes them later.
 */
static void
sum_stores(const struct link_queue *q, uint64_t *all_stores, uint64_t *all_bytes)
{
	uint64_t stores, bytes;

	rte_pmd_ism_win_stats(q->ring_win, all_stores, all_bytes);
	for (uint32_t i = 0; i < q->data_win_count; i++) {
		rte_pmd_ism_win_stats(q->data_win[i], &stores, &bytes);
		*all_stores += stores;
		*all_bytes += bytes;
	}
}

static void
queue_show(struct rte_tel_data *d, const struct link_queue *q)
{
	struct {
		LINK_QUEUE_SHOWN(BASE_METRIC_FIELD)
	} shown = { .depth = q->depth };

	sum_stores(q, &shown.stores, &shown.store_bytes);
#define GET(name, ...) shown.name = base_count_get(&q->stats.name);
	LINK_QUEUE_METRICS(GET)
#undef GET
	base_tel_metrics(d, &queue_metrics, &shown);
}

/* Numbers of session n's queues: "N/Q" as names keep the answer flat enough for DPDK's JSON. */
static bool
queues_show(struct answer *a, unsigned int n, const struct link_session *s)
{
	if (s->phase != LINK_UP)
		return true;
	/* A session's queues are all in one answer. */
	if (a->shown != 0 && a->shown + s->geo.queues > QUEUES_SHOWN)
		return false;
	for (unsigned int i = 0; i < s->geo.queues; i++) {
		struct rte_tel_data *sub = base_tel_new();
		char name[32];

		if (sub == NULL)
			return false;
		queue_show(sub, &s->queues[i]);
		snprintf(name, sizeof(name), "%u/%u", n, i);
		if (!base_tel_put(a->d, name, sub))
			return false;
		a->shown++;
	}
	return true;
}

static int
queues_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct answer a;

	if (answer_init(&a, d, params) < 0)
		return -EINVAL;
	each_session(queues_show, &a);
	return 0;
}

static int
stats_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	struct link_stats sum = { 0 }, st;
	struct link *link;

	pthread_mutex_lock(&links_lock);
	LIST_FOREACH(link, &links, entry) {
		link_stats(link, &st);
		base_metrics_add(&link_metrics, &sum, &st);
		for (unsigned int i = 0; i < LINK_WHY_COUNT; i++)
			sum.errors[i] += st.errors[i];
	}
	pthread_mutex_unlock(&links_lock);
	rte_tel_data_start_dict(d);
	base_tel_metrics(d, &link_metrics, &sum);
	add_errors(d, sum.errors);
	return 0;
}

static bool
caller_show(struct answer *a, unsigned int n, const struct link_caller *c, uint64_t now_ns)
{
	struct rte_tel_data *sub = a->shown++ < CALLERS_SHOWN ? base_tel_new() : NULL;
	struct {
		LINK_CALLER_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.sessions = c->held.sessions,
		.held_dmbs = c->held.dmbs,
		.held_bytes = c->held.bytes,
		.wait_ms = c->ready_ns > now_ns ? (c->ready_ns - now_ns) / BASE_NS_PER_MS : 0,
	};
	char name[16];

	if (sub == NULL)
		return false;
#define GET(name, ...) shown.name = base_count_get(&c->name);
	LINK_CALLER_METRICS(GET)
#undef GET
	add_hex(sub, "rgid", c->gid);
	base_tel_metrics(sub, &caller_metrics, &shown);
	snprintf(name, sizeof(name), "%u", n);
	return base_tel_put(a->d, name, sub);
}

static int
callers_cb(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const struct link_caller *c;
	uint64_t now_ns = base_now_ns();
	unsigned int n = 0;
	bool more = true;
	struct link *link;
	struct answer a;

	if (answer_init(&a, d, params) < 0)
		return -EINVAL;
	pthread_mutex_lock(&links_lock);
	LIST_FOREACH(link, &links, entry) {
		rte_spinlock_lock(&link->lock);
		TAILQ_FOREACH(c, &link->ages, age) {
			more = more && (n < a.first || caller_show(&a, n, c, now_ns));
			n++;
		}
		rte_spinlock_unlock(&link->lock);
	}
	pthread_mutex_unlock(&links_lock);
	return 0;
}

RTE_INIT(link_telemetry_init)
{
	rte_telemetry_register_cmd(
		"/link/sessions", sessions_cb,
		"Sessions: peer, service, state. Parameters: number of the first "
		"(16 are shown)");
	rte_telemetry_register_cmd(
		"/link/queues", queues_cb,
		"Counters of queues, named SESSION/QUEUE. Parameters: number of the "
		"first session");
	rte_telemetry_register_cmd(
		"/link/callers", callers_cb,
		"GIDs that called: what they hold, and what was refused or put off. Parameters: "
		"number of the first (32 are shown)");
	rte_telemetry_register_cmd("/link/stats", stats_cb,
				   "Counters over all sessions. No parameters");
}
