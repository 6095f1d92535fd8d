/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What dpdk-telemetry.py shows of terminals: /cons/client one of them, /cons/terminals all. The
 * callbacks run on DPDK's telemetry thread: they read counters, and copies of the rest that control
 * refreshes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "cons_client_priv.h"

static const struct base_metrics terminal_metrics = BASE_METRICS(CONS_TERMINAL_SHOWN);

/* Guards the list and each terminal's copies. */
static pthread_mutex_t cons_telemetry_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, cons_terminal) terminals = TAILQ_HEAD_INITIALIZER(terminals);
#define SHOWN 32 /* what fits one answer */

static void
refresh(struct cons_terminal *t)
{
	cons_terminal_info(t, &t->shown);
	cons_client_session_info(t->client, &t->shown_session);
}

void
cons_client_telemetry_add(struct cons_terminal *t)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	refresh(t);
	TAILQ_INSERT_TAIL(&terminals, t, entry);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

void
cons_client_telemetry_remove(struct cons_terminal *t)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	TAILQ_REMOVE(&terminals, t, entry);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

void
cons_client_telemetry_refresh(struct cons_terminal *t)
{
	pthread_mutex_lock(&cons_telemetry_lock);
	refresh(t);
	pthread_mutex_unlock(&cons_telemetry_lock);
}

static void
show_numbers(const struct cons_terminal *t, struct rte_tel_data *d)
{
	const struct cons_terminal_info *info = &t->shown;
	struct {
		CONS_TERMINAL_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.terminal = info->place,
		.device = info->device,
		.up = t->shown_session.up,
		.output_position = info->out_pos,
		.input_position = info->in_pos,
		.unacknowledged = info->unacknowledged,
		.credits = info->credits,
	};

#define GET(name, ...) shown.name = base_count_get(&t->counters.name);
	CONS_TERMINAL_METRICS(GET)
#undef GET
	base_tel_metrics(d, &terminal_metrics, &shown);
}

static void
show(const struct cons_terminal *t, struct rte_tel_data *d)
{
	const struct cons_terminal_info *info = &t->shown;
	const struct link_session_info *session = &t->shown_session;
	char gid[BASE_GID_STRLEN];

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "peer", base_gid_str(t->client->conf.rgid, gid));
	rte_tel_data_add_dict_string(d, "state", cons_terminal_state_str(info->state));
	rte_tel_data_add_dict_string(d, "console", info->name);
	rte_tel_data_add_dict_string(d, "role", info->writer ? "writer" : "observer");
	rte_tel_data_add_dict_string(d, "why", session->up ? "" : link_why_str(session->why));
	rte_tel_data_add_dict_string(d, "reason", session->reason);
	show_numbers(t, d);
}

/* "GID", "GID,N" or nothing. @return 0; -EINVAL. */
static int
parse(const char *params, uint64_t *gid, unsigned long *place)
{
	char text[BASE_GID_STRLEN], *end;
	const char *comma;
	size_t len;

	*gid = *place = 0;
	if (params == NULL || params[0] == '\0')
		return 0;
	comma = strchr(params, ',');
	len = comma != NULL ? (size_t)(comma - params) : strlen(params);
	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, params, len);
	text[len] = '\0';
	if (base_gid_parse(text, gid) != 0)
		return -EINVAL;
	if (comma == NULL)
		return 0;
	*place = strtoul(comma + 1, &end, 10);
	return *place != 0 && *end == '\0' ? 0 : -EINVAL;
}

static int
cmd_client(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct cons_terminal *t;
	unsigned long place;
	int ret = -ENOENT;
	uint64_t gid;

	if (parse(params, &gid, &place) != 0)
		return -EINVAL;
	pthread_mutex_lock(&cons_telemetry_lock);
	TAILQ_FOREACH(t, &terminals, entry) {
		if ((gid != 0 && t->client->conf.rgid != gid) ||
		    (place != 0 && t->shown.place != place))
			continue;
		show(t, d);
		ret = 0;
		break;
	}
	pthread_mutex_unlock(&cons_telemetry_lock);
	return ret;
}

/* What tells one from the others; /cons/client has the rest. */
static void
add_brief(struct rte_tel_data *list, unsigned int number, const struct cons_terminal *t)
{
	struct rte_tel_data *sub = rte_tel_data_alloc();
	char gid[BASE_GID_STRLEN], name[16];

	if (sub == NULL)
		return;
	rte_tel_data_start_dict(sub);
	rte_tel_data_add_dict_string(sub, "peer", base_gid_str(t->client->conf.rgid, gid));
	base_tel_dict_u64(sub, "terminal", t->shown.place);
	rte_tel_data_add_dict_string(sub, "state", cons_terminal_state_str(t->shown.state));
	rte_tel_data_add_dict_string(sub, "console", t->shown.name);
	rte_tel_data_add_dict_string(sub, "role", t->shown.writer ? "writer" : "observer");
	snprintf(name, sizeof(name), "%u", number);
	if (rte_tel_data_add_dict_container(list, name, sub, 0) != 0)
		rte_tel_data_free(sub);
}

/* @param params  number of the first terminal to show, if not 0 */
static int
cmd_terminals(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned long first = params != NULL ? strtoul(params, NULL, 10) : 0;
	struct rte_tel_data *list = rte_tel_data_alloc();
	const struct cons_terminal *t;
	unsigned int count = 0;

	if (list == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(list);
	pthread_mutex_lock(&cons_telemetry_lock);
	TAILQ_FOREACH(t, &terminals, entry) {
		if (count >= first && count - first < SHOWN)
			add_brief(list, count, t);
		count++;
	}
	pthread_mutex_unlock(&cons_telemetry_lock);
	rte_tel_data_start_dict(d);
	base_tel_dict_u64(d, "count", count);
	if (rte_tel_data_add_dict_container(d, "terminals", list, 0) != 0)
		rte_tel_data_free(list);
	return 0;
}

RTE_INIT(cons_client_telemetry)
{
	rte_telemetry_register_cmd("/cons/client", cmd_client,
				   "State and counters of the attachment to a console. Parameters: "
				   "GID of the peer, number of the terminal (not needed with one)");
	rte_telemetry_register_cmd(
		"/cons/terminals", cmd_terminals,
		"Attachments to consoles of peers. Parameter: number of the first (32 are shown)");
}
