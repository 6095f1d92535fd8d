/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /link/sessions, /link/stats, /link/queues for telemetry clients. These run in a thread of
 * DPDK's: they read counters that may change meanwhile, and texts under the link's lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_dpdk.h"
#include "link_priv.h"

#define SESSIONS_SHOWN 64 /* what fits one answer */

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

/* Call fn for every session of every link, numbered in that order, until it returns false. */
static void
each_session(bool (*fn)(struct rte_tel_data *d, unsigned int n, const struct link_session *s),
	     struct rte_tel_data *d)
{
	const struct link_session *s;
	unsigned int n = 0;
	bool more = true;
	struct link *link;

	pthread_mutex_lock(&links_lock);
	LIST_FOREACH(link, &links, entry) {
		rte_spinlock_lock(&link->lock);
		TAILQ_FOREACH(s, &link->sessions, entry) {
			more = more && fn(d, n++, s);
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

/* Put `sub` into d under the number n. */
static bool
add_numbered(struct rte_tel_data *d, unsigned int n, struct rte_tel_data *sub)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", n);
	if (rte_tel_data_add_dict_container(d, name, sub, 0) == 0)
		return true;
	rte_tel_data_free(sub);
	return false;
}

static bool
session_show(struct rte_tel_data *d, unsigned int n, const struct link_session *s)
{
	struct rte_tel_data *sub = n < SESSIONS_SHOWN ? rte_tel_data_alloc() : NULL;
	struct link_session_info info;

	if (sub == NULL)
		return false;
	link_session_info(s, &info);
	rte_tel_data_start_dict(sub);
	add_hex(sub, "gid", s->link->info.gid);
	add_hex(sub, "rgid", info.rgid);
	rte_tel_data_add_dict_int(sub, "service", (int)info.service);
	rte_tel_data_add_dict_string(sub, "role", info.initiator ? "initiator" : "listener");
	rte_tel_data_add_dict_string(sub, "state", info.up ? "up" : "down");
	rte_tel_data_add_dict_string(sub, "why", link_why_str(info.why));
	rte_tel_data_add_dict_string(sub, "reason", info.reason);
	rte_tel_data_add_dict_int(sub, "version", info.version);
	base_tel_dict_u64(sub, "features", info.features);
	rte_tel_data_add_dict_int(sub, "queues", info.queues);
	rte_tel_data_add_dict_int(sub, "depth", info.depth);
	base_tel_dict_u64(sub, "slot_size", info.slot_size);
	base_tel_dict_u64(sub, "ups", info.ups);
	base_tel_dict_u64(sub, "keepalives_sent", info.keepalives_sent);
	base_tel_dict_u64(sub, "keepalives_seen", info.keepalives_seen);
	base_tel_dict_u64(sub, "protocol_errors", info.protocol_errors);
	return add_numbered(d, n, sub);
}

static int
sessions_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	each_session(session_show, d);
	return 0;
}

/* Numbers of session n's queues: "N.Q" as names keep the answer flat enough for DPDK's JSON. */
static bool
queues_show(struct rte_tel_data *d, unsigned int n, const struct link_session *s)
{
	for (unsigned int i = 0; i < s->geo.queues && s->phase == LINK_UP; i++) {
		struct rte_tel_data *sub = rte_tel_data_alloc();
		struct link_queue_stats st;
		char name[32];

		if (sub == NULL)
			return false;
		link_queue_stats(&s->queues[i], &st);
		rte_tel_data_start_dict(sub);
		base_tel_dict_u64(sub, "requests", st.requests);
		base_tel_dict_u64(sub, "completions", st.completions);
		base_tel_dict_u64(sub, "payload_tx", st.payload_tx);
		base_tel_dict_u64(sub, "payload_rx", st.payload_rx);
		base_tel_dict_u64(sub, "flushes", st.flushes);
		base_tel_dict_u64(sub, "descriptors", st.descriptors);
		base_tel_dict_u64(sub, "polls", st.polls);
		base_tel_dict_u64(sub, "polls_empty", st.polls_empty);
		base_tel_dict_u64(sub, "no_slot", st.no_slot);
		base_tel_dict_u64(sub, "bad", st.bad);
		base_tel_dict_u64(sub, "inflight", st.inflight);
		snprintf(name, sizeof(name), "%u/%u", n, i);
		if (rte_tel_data_add_dict_container(d, name, sub, 0) != 0) {
			rte_tel_data_free(sub);
			return false;
		}
	}
	return true;
}

static int
queues_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	each_session(queues_show, d);
	return 0;
}

static int
stats_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	struct link_stats sum = { 0 }, st;
	uint64_t *to = (uint64_t *)&sum;
	struct link *link;

	pthread_mutex_lock(&links_lock);
	LIST_FOREACH(link, &links, entry) {
		link_stats(link, &st);
		for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
			to[i] += ((const uint64_t *)&st)[i];
	}
	pthread_mutex_unlock(&links_lock);
	rte_tel_data_start_dict(d);
	base_tel_dict_u64(d, "sessions", sum.sessions);
	base_tel_dict_u64(d, "ups", sum.ups);
	base_tel_dict_u64(d, "downs", sum.downs);
	base_tel_dict_u64(d, "refused", sum.refused);
	base_tel_dict_u64(d, "protocol_errors", sum.protocol_errors);
	base_tel_dict_u64(d, "events_ignored", sum.events_ignored);
	base_tel_dict_u64(d, "hello_retries", sum.hello_retries);
	base_tel_dict_u64(d, "keepalives_sent", sum.keepalives_sent);
	base_tel_dict_u64(d, "device_losses", sum.device_losses);
	return 0;
}

RTE_INIT(link_telemetry_init)
{
	rte_telemetry_register_cmd("/link/sessions", sessions_cb,
				   "Sessions of this program: peer, service, state. No parameters");
	rte_telemetry_register_cmd("/link/queues", queues_cb,
				   "Counters of queues, named SESSION/QUEUE. No parameters");
	rte_telemetry_register_cmd("/link/stats", stats_cb,
				   "Counters over all sessions. No parameters");
}
