/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What dpdk-telemetry.py shows of clients: /cons/client. The callback runs on DPDK's telemetry
 * thread: it reads counters, and copies of the rest that control refreshes.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base_dpdk.h"
#include "base_text.h"
#include "cons_client_priv.h"

/* Guards the list and each client's copies. */
static pthread_mutex_t cons_telemetry_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, cons_client) clients = TAILQ_HEAD_INITIALIZER(clients);

static void
refresh(struct cons_client *c)
{
	cons_client_info(c, &c->shown);
	cons_client_session_info(c, &c->shown_session);
}

void
cons_client_telemetry_add(struct cons_client *c)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	refresh(c);
	TAILQ_INSERT_TAIL(&clients, c, entry);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

void
cons_client_telemetry_remove(struct cons_client *c)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	TAILQ_REMOVE(&clients, c, entry);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

void
cons_client_telemetry_refresh(struct cons_client *c)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	refresh(c);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

#define SHOW(field)                                                                                \
	base_tel_dict_u64(d, #field, atomic_load_explicit(&c->counters.field, memory_order_relaxed))

static void
show(const struct cons_client *c, struct rte_tel_data *d)
{
	const struct cons_client_info *info = &c->shown;
	const struct link_session_info *session = &c->shown_session;
	char gid[BASE_GID_STRLEN];

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "peer", base_gid_str(c->conf.rgid, gid));
	rte_tel_data_add_dict_string(d, "state", cons_client_state_str(info->state));
	rte_tel_data_add_dict_string(d, "console", info->name);
	rte_tel_data_add_dict_string(d, "role", info->writer ? "writer" : "observer");
	rte_tel_data_add_dict_int(d, "device", info->device);
	rte_tel_data_add_dict_int(d, "up", session->up);
	rte_tel_data_add_dict_string(d, "why", session->up ? "" : link_why_str(session->why));
	rte_tel_data_add_dict_string(d, "reason", session->reason);
	base_tel_dict_u64(d, "output_position", info->out_pos);
	base_tel_dict_u64(d, "input_position", info->in_pos);
	base_tel_dict_u64(d, "unacknowledged", info->unacknowledged);
	base_tel_dict_u64(d, "credits", info->credits);
	SHOW(bytes_in);
	SHOW(bytes_out);
	SHOW(reads);
	SHOW(writes);
	SHOW(reconnects);
	SHOW(cut_bytes);
	SHOW(dropped_bytes);
}

static int
handle(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct cons_client *c;
	uint64_t gid = 0;
	int ret = -ENOENT;

	if (params != NULL && params[0] != '\0' && base_gid_parse(params, &gid) != 0)
		return -EINVAL;
	pthread_mutex_lock(&cons_telemetry_lock);
	TAILQ_FOREACH(c, &clients, entry) {
		if (gid != 0 && c->conf.rgid != gid)
			continue;
		show(c, d);
		ret = 0;
		break;
	}
	pthread_mutex_unlock(&cons_telemetry_lock);
	return ret;
}

RTE_INIT(cons_client_telemetry)
{
	rte_telemetry_register_cmd("/cons/client", handle,
				   "State and counters of the attachment to a console. Parameter: "
				   "GID of the peer (not needed with one)");
}
