/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What dpdk-telemetry.py shows of clients. Callbacks run on DPDK's telemetry thread: they read
 * counters that have one writer each, and a copy of the session's state that control refreshes.
 */
#include "blk_client_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "link_tel.h"

/* Guards the list and each client's copy of its session's state. */
static pthread_mutex_t blk_telemetry_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, blk_client) clients = TAILQ_HEAD_INITIALIZER(clients);

static const struct base_metrics client_metrics = BASE_METRICS(BLK_CLIENT_METRICS),
				 disk_metrics = BASE_METRICS(BLK_DISK_METRICS),
				 queue_metrics = BASE_METRICS(BLK_CQ_SHOWN);

void
blk_telemetry_remove(struct blk_client *c)
{
	pthread_mutex_lock(&blk_telemetry_lock);
	TAILQ_REMOVE(&clients, c, entry);
	pthread_mutex_unlock(&blk_telemetry_lock);
}

void
blk_telemetry_refresh(struct blk_client *c)
{
	pthread_mutex_lock(&blk_telemetry_lock);
	link_session_info(c->session, &c->info);
	pthread_mutex_unlock(&blk_telemetry_lock);
}

static int
show_list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	char gid[BASE_GID_STRLEN];
	struct blk_client *c;

	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	TAILQ_FOREACH(c, &clients, entry)
		rte_tel_data_add_array_string(d, base_gid_str(c->conf.rgid, gid));
	return 0;
}

static int
show_session(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	const struct link_session_info *info = &c->info;
	const struct {
		BLK_CLIENT_METRICS(BASE_METRIC_FIELD)
	} shown = {
		.up = info->up,
		.ready = blk_client_up(c),
		.disks = blk_client_disks(c),
	};
	char gid[BASE_GID_STRLEN];

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "peer", base_gid_str(info->rgid, gid));
	rte_tel_data_add_dict_string(d, "why", info->up ? "" : link_why_str(info->why));
	rte_tel_data_add_dict_string(d, "reason", info->reason);
	base_tel_metrics(d, &client_metrics, &shown);
	link_tel_session(d, info);
	return 0;
}

static int
show_disks(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	unsigned int i, n = blk_client_disks(c);

	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	for (i = 0; i < n; i++)
		rte_tel_data_add_array_string(d, c->disks[i].name);
	return 0;
}

/* "read_ops": one counter of one operation. */
static void
add_op(struct rte_tel_data *d, unsigned int op, const char *what, uint64_t value)
{
	char name[64];

	if (blk_op_str(op) == NULL)
		return;
	snprintf(name, sizeof(name), "%s_%s", blk_op_str(op), what);
	base_tel_dict_u64(d, name, value);
}

static int
show_disk(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	const struct blk_disk *disk = rest != NULL ? blk_client_disk_by_name(c, rest) : NULL;
	struct base_hist latency = { 0 };
	struct {
		BLK_DISK_METRICS(BASE_METRIC_FIELD)
	} shown;

	if (disk == NULL)
		return -ENOENT;
	shown.present = blk_disk_present(disk);
	shown.size = blk_disk_size(disk);
	shown.flags = blk_disk_flags(disk);
	shown.losses = blk_disk_losses(disk);
	shown.orphans_now = atomic_load_explicit(&disk->orphans, memory_order_relaxed);
	shown.inflight = blk_disk_latency(c, disk, &latency);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", disk->name);
	rte_tel_data_add_dict_string(d, "description", disk->desc);
	base_tel_metrics(d, &disk_metrics, &shown);
	base_tel_latency(d, &latency);
	for (unsigned int op = 0; op < BLK_OP_COUNT; op++) {
#define SHOW(name, ...) add_op(d, op, #name, base_count_get(&disk->counters.name[op]));
		BLK_OP_METRICS(SHOW)
#undef SHOW
	}
	return 0;
}

static void
queue_numbers(struct rte_tel_data *d, const struct blk_cq_stats *st,
	      const struct link_queue_stats *link)
{
	struct {
		BLK_CQ_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.inflight = link->inflight,
		.requests = link->requests,
		.completions = link->completions,
		.descriptor_stores = link->flushes,
		.polls = link->polls,
		.polls_empty = link->polls_empty,
	};

#define GET(name, ...) shown.name = st->name;
	BLK_CQ_METRICS(GET)
#undef GET
	base_tel_metrics(d, &queue_metrics, &shown);
}

static int
show_queue(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	struct link_queue_stats link = { 0 };
	struct base_hist latency = { 0 };
	struct blk_cq_stats st;
	struct link_queue *q;
	uint64_t index = 0;
	unsigned int op;

	if (rest != NULL && base_num_parse(rest, 0, 0, c->conf.queues - 1u, &index) != 0)
		return -EINVAL;
	blk_cq_stats(&c->cqs[index], &st);
	q = atomic_load_explicit(&c->cqs[index].given, memory_order_acquire);
	if (q != NULL)
		link_queue_stats(q, &link);
	blk_cq_latency(&c->cqs[index], &latency);
	rte_tel_data_start_dict(d);
	for (op = 0; op < BLK_OP_COUNT; op++) {
#define SHOW(name, ...) add_op(d, op, #name, st.name[op]);
		BLK_OP_METRICS(SHOW)
#undef SHOW
		add_op(d, op, "mean_ns", st.ops[op] ? st.lat_ns_sum[op] / st.ops[op] : 0);
	}
	base_tel_latency(d, &latency);
	queue_numbers(d, &st, &link);
	return 0;
}

static int
show_disk_latency(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	const struct blk_disk *disk = rest != NULL ? blk_client_disk_by_name(c, rest) : NULL;
	struct base_hist latency = { 0 };

	if (disk == NULL)
		return -ENOENT;
	blk_disk_latency(c, disk, &latency);
	base_tel_hist(d, &latency);
	return 0;
}

static int
show_queue_latency(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	struct base_hist latency = { 0 };
	uint64_t index = 0;

	if (rest != NULL && base_num_parse(rest, 0, 0, c->conf.queues - 1u, &index) != 0)
		return -EINVAL;
	blk_cq_latency(&c->cqs[index], &latency);
	base_tel_hist(d, &latency);
	return 0;
}

typedef int (*show_fn)(const struct blk_client *c, const char *rest, struct rte_tel_data *d);

/* params: "GID[,rest]"; without it the only client is meant. */
static int
show_client(const char *params, struct rte_tel_data *d, show_fn show)
{
	char gid_text[BASE_GID_STRLEN] = "";
	const char *rest = NULL;
	struct blk_client *c;
	uint64_t gid;
	size_t len;

	if (params != NULL && params[0] != '\0') {
		len = strcspn(params, ",");
		if (len >= sizeof(gid_text))
			return -EINVAL;
		memcpy(gid_text, params, len);
		rest = params[len] == ',' ? params + len + 1 : NULL;
		if (base_gid_parse(gid_text, &gid) != 0)
			return -EINVAL;
		TAILQ_FOREACH(c, &clients, entry) {
			if (c->conf.rgid == gid)
				return show(c, rest, d);
		}
		return -ENOENT;
	}
	c = TAILQ_FIRST(&clients);
	if (c == NULL || TAILQ_NEXT(c, entry) != NULL)
		return -EINVAL;
	return show(c, NULL, d);
}

static int
handle(const char *cmd, const char *params, struct rte_tel_data *d)
{
	static const struct {
		const char *cmd;
		show_fn show;
	} table[] = {
		{ "/blk/client/session", show_session },
		{ "/blk/client/disks", show_disks },
		{ "/blk/client/disk", show_disk },
		{ "/blk/client/disk/latency", show_disk_latency },
		{ "/blk/client/queue", show_queue },
		{ "/blk/client/queue/latency", show_queue_latency },
	};
	int ret = -EINVAL;
	size_t i;

	pthread_mutex_lock(&blk_telemetry_lock);
	if (strcmp(cmd, "/blk/client/list") == 0)
		ret = show_list(cmd, params, d);
	for (i = 0; i < RTE_DIM(table); i++) {
		if (strcmp(cmd, table[i].cmd) == 0)
			ret = show_client(params, d, table[i].show);
	}
	pthread_mutex_unlock(&blk_telemetry_lock);
	return ret;
}

static void
register_commands(void)
{
	rte_telemetry_register_cmd("/blk/client/list", handle,
				   "GIDs of the peers whose disks are used. No parameters");
	rte_telemetry_register_cmd("/blk/client/session", handle,
				   "State of a session. Parameter: GID (not needed with one peer)");
	rte_telemetry_register_cmd("/blk/client/disks", handle,
				   "Names of a peer's disks. Parameter: GID");
	rte_telemetry_register_cmd("/blk/client/disk", handle,
				   "State and counters of a disk. Parameters: GID,NAME");
	rte_telemetry_register_cmd("/blk/client/disk/latency", handle,
				   "Histogram of a disk's latencies. Parameters: GID,NAME");
	rte_telemetry_register_cmd("/blk/client/queue", handle,
				   "Counters and latencies of a queue. Parameters: GID[,NUMBER]");
	rte_telemetry_register_cmd("/blk/client/queue/latency", handle,
				   "Histogram of a queue's latencies. Parameters: GID[,NUMBER]");
}

/* A runtime that mounts nothing has no such commands. */
void
blk_telemetry_add(struct blk_client *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_commands);
	pthread_mutex_lock(&blk_telemetry_lock);
	link_session_info(c->session, &c->info);
	TAILQ_INSERT_TAIL(&clients, c, entry);
	pthread_mutex_unlock(&blk_telemetry_lock);
}
