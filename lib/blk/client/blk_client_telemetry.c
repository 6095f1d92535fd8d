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

/* Guards the list and each client's copy of its session's state. */
static pthread_mutex_t blk_telemetry_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, blk_client) clients = TAILQ_HEAD_INITIALIZER(clients);

static const char *const op_names[BLK_OP_COUNT] = {
	[BLK_READ] = "read",
	[BLK_WRITE] = "write",
	[BLK_FLUSH] = "flush",
	[BLK_DISCARD] = "discard",
	[BLK_WRITE_ZEROES] = "write_zeroes",
	[BLK_BLOCK_STATUS] = "block_status",
	[BLK_COPY] = "copy",
};

void
blk_telemetry_add(struct blk_client *c)
{
	pthread_mutex_lock(&blk_telemetry_lock);
	link_session_info(c->session, &c->info);
	TAILQ_INSERT_TAIL(&clients, c, entry);
	pthread_mutex_unlock(&blk_telemetry_lock);
}

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
	char gid[BASE_GID_STRLEN];

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "peer", base_gid_str(info->rgid, gid));
	rte_tel_data_add_dict_int(d, "up", info->up);
	rte_tel_data_add_dict_int(d, "ready", blk_client_up(c));
	rte_tel_data_add_dict_string(d, "why", info->up ? "" : link_why_str(info->why));
	rte_tel_data_add_dict_string(d, "reason", info->reason);
	base_tel_dict_u64(d, "ups", info->ups);
	base_tel_dict_u64(d, "version", info->version);
	base_tel_dict_u64(d, "features", info->features);
	base_tel_dict_u64(d, "queues", info->queues);
	base_tel_dict_u64(d, "depth", info->depth);
	base_tel_dict_u64(d, "slot_size", info->slot_size);
	base_tel_dict_u64(d, "keepalives_sent", info->keepalives_sent);
	base_tel_dict_u64(d, "keepalives_seen", info->keepalives_seen);
	base_tel_dict_u64(d, "protocol_errors", info->protocol_errors);
	base_tel_dict_u64(d, "disks", blk_client_disks(c));
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

	snprintf(name, sizeof(name), "%s_%s", op_names[op], what);
	base_tel_dict_u64(d, name, value);
}

static void
add_latency(struct rte_tel_data *d, const struct base_hist *h)
{
	struct base_hist_summary s;

	base_hist_summary(h, &s);
	base_tel_dict_u64(d, "min_ns", s.min);
	base_tel_dict_u64(d, "p50_ns", s.p50);
	base_tel_dict_u64(d, "p99_ns", s.p99);
	base_tel_dict_u64(d, "p999_ns", s.p999);
	base_tel_dict_u64(d, "max_ns", s.max);
}

static int
show_disk(const struct blk_client *c, const char *rest, struct rte_tel_data *d)
{
	const struct blk_disk *disk = rest != NULL ? blk_client_disk_by_name(c, rest) : NULL;
	const struct blk_disk_counters *dc;
	struct base_hist latency = { 0 };
	unsigned int op;

	if (disk == NULL)
		return -ENOENT;
	dc = &disk->counters;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", disk->name);
	rte_tel_data_add_dict_string(d, "description", disk->desc);
	rte_tel_data_add_dict_int(d, "present", blk_disk_present(disk));
	base_tel_dict_u64(d, "size", blk_disk_size(disk));
	base_tel_dict_u64(d, "flags", blk_disk_flags(disk));
	base_tel_dict_u64(d, "losses", blk_disk_losses(disk));
	base_tel_dict_u64(d, "orphans", atomic_load_explicit(&disk->orphans, memory_order_relaxed));
	base_tel_dict_u64(d, "inflight", blk_disk_latency(c, disk, &latency));
	add_latency(d, &latency);
	for (op = 0; op < BLK_OP_COUNT; op++) {
		if (op_names[op] == NULL)
			continue;
		add_op(d, op, "ops", atomic_load_explicit(&dc->ops[op], memory_order_relaxed));
		add_op(d, op, "bytes", atomic_load_explicit(&dc->bytes[op], memory_order_relaxed));
		add_op(d, op, "errors",
		       atomic_load_explicit(&dc->errors[op], memory_order_relaxed));
	}
	return 0;
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
	rte_tel_data_start_dict(d);
	for (op = 0; op < BLK_OP_COUNT; op++) {
		if (op_names[op] == NULL)
			continue;
		add_op(d, op, "ops", st.ops[op]);
		add_op(d, op, "bytes", st.bytes[op]);
		add_op(d, op, "errors", st.errors[op]);
		add_op(d, op, "mean_ns", st.ops[op] ? st.lat_ns_sum[op] / st.ops[op] : 0);
	}
	blk_cq_latency(&c->cqs[index], &latency);
	add_latency(d, &latency);
	base_tel_dict_u64(d, "replays", st.replays);
	base_tel_dict_u64(d, "waits", st.waits);
	base_tel_dict_u64(d, "digest_errors", st.digest_errors);
	base_tel_dict_u64(d, "timeouts", st.timeouts);
	base_tel_dict_u64(d, "cancels", st.cancels);
	base_tel_dict_u64(d, "orphans", st.orphans);
	base_tel_dict_u64(d, "late_answers", st.late_answers);
	base_tel_dict_u64(d, "inflight", link.inflight);
	base_tel_dict_u64(d, "requests", link.requests);
	base_tel_dict_u64(d, "completions", link.completions);
	base_tel_dict_u64(d, "descriptor_stores", link.flushes);
	base_tel_dict_u64(d, "polls", link.polls);
	base_tel_dict_u64(d, "polls_empty", link.polls_empty);
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

RTE_INIT(blk_client_telemetry)
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
