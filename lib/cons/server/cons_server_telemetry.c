/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /cons/consoles, /cons/clients and /cons/stats for telemetry clients. They run in a thread of
 * DPDK's: what they show is copied under the server's lock, and shown without it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "base_time.h"
#include "cons_server_priv.h"

#define SHOWN 32 /* what fits one answer */
#define SHOWN_CONSOLES 24

static const struct base_metrics server_metrics = BASE_METRICS(CONS_SERVER_METRICS),
				 console_metrics = BASE_METRICS(CONS_CONSOLE_SHOWN),
				 attachment_metrics = BASE_METRICS(CONS_ATTACHMENT_SHOWN);

/* One server a program. The lock keeps it there while a client reads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cons_server *server;

void
cons_server_telemetry_add(struct cons_server *srv)
{
	pthread_mutex_lock(&lock);
	server = srv;
	pthread_mutex_unlock(&lock);
}

void
cons_server_telemetry_remove(struct cons_server *srv)
{
	pthread_mutex_lock(&lock);
	if (server == srv)
		server = NULL;
	pthread_mutex_unlock(&lock);
}

/* --- copies --- */

struct console_copy {
	char name[CONS_NAME_MAX];
	enum cons_console_kind kind;
	struct cons_console_stats stats;
	bool running;
	enum cons_instance_state state;
	uint64_t instance, writer, owner, out_pos, scrollback, age_ns;
	unsigned int observers;
	bool stalled, absent;
};

struct client_copy {
	uint64_t gid;
	unsigned int unit, version;
	char console[CONS_NAME_MAX];
	const char *role;
	uint64_t instance, out_pos, lag, in_pos;
	unsigned int credits, typing;
};

static void
copy_console(struct console_copy *to, const struct cons_console *c)
{
	const struct cons_instance *inst = c->now;

	memset(to, 0, sizeof(*to));
	memcpy(to->name, c->name, sizeof(to->name));
	to->kind = c->kind;
	base_counters_read(&c->stats, &to->stats, sizeof(to->stats));
	to->running = inst != NULL;
	if (inst == NULL)
		return;
	to->state = inst->state;
	to->instance = inst->id;
	to->writer = cons_instance_writer(inst);
	to->owner = inst->owner;
	to->absent = inst->absent.client != 0;
	to->out_pos = inst->scroll.head;
	to->scrollback = inst->scroll.head - cons_scroll_tail(&inst->scroll);
	to->age_ns = inst->srv->now_ns - inst->began_ns;
	to->observers = inst->observers;
	to->stalled = inst->stalled;
}

static const char *
role_str(const struct cons_unit *u)
{
	if (u->state == CONS_UNIT_LEAVING)
		return "leaving";
	if (u->instance == NULL)
		return u->held ? "waiting" : "detached";
	return u->writer ? "writer" : "observer";
}

static void
copy_client(struct client_copy *to, const struct cons_unit *u)
{
	const struct cons_instance *inst = u->instance;

	memset(to, 0, sizeof(*to));
	to->gid = u->peer->gid;
	to->unit = u->number;
	to->version = u->peer->version2 ? 2 : 1;
	to->credits = u->reads.count;
	to->typing = u->typed.count;
	to->role = role_str(u);
	if (inst == NULL)
		return;
	memcpy(to->console, inst->console->name, sizeof(to->console));
	to->instance = inst->id;
	to->out_pos = u->out_pos;
	to->lag = inst->scroll.head - u->out_pos;
	to->in_pos = u->input != NULL ? u->input->pos : 0;
}

/* @return how many there are in all; those from `first` on are copied. */
static unsigned int
copy_consoles(struct console_copy *to, unsigned int first, unsigned int *copied)
{
	unsigned int count = 0;

	*copied = 0;
	pthread_mutex_lock(&lock);
	if (server != NULL) {
		pthread_mutex_lock(&server->lock);
		count = server->count;
		for (unsigned int i = first; i < count && *copied < SHOWN_CONSOLES; i++)
			copy_console(&to[(*copied)++], server->consoles[i]);
		pthread_mutex_unlock(&server->lock);
	}
	pthread_mutex_unlock(&lock);
	return count;
}

/* Those from `first` on, as many as there is room for. */
struct client_copies {
	struct client_copy *to;
	unsigned int first, copied, count;
};

/* Each attachment is a client; so is a session that has none. */
static void
copy_session(struct client_copies *all, const struct cons_peer *p)
{
	unsigned int units = cons_peer_units(p), found = 0;

	for (unsigned int i = 0; i <= units; i++) {
		const struct cons_unit *u = &p->units[i < units ? i : 0];

		if (i == units ? found > 0 : u->state == CONS_UNIT_DETACHED && !u->held)
			continue;
		found++;
		if (all->count++ >= all->first && all->copied < SHOWN)
			copy_client(&all->to[all->copied++], u);
	}
}

static unsigned int
copy_clients(struct client_copy *to, unsigned int first, unsigned int *copied)
{
	struct client_copies all = { .to = to, .first = first };
	const struct cons_peer *p;

	pthread_mutex_lock(&lock);
	if (server != NULL) {
		pthread_mutex_lock(&server->lock);
		TAILQ_FOREACH(p, &server->peers, entry)
			copy_session(&all, p);
		pthread_mutex_unlock(&server->lock);
	}
	pthread_mutex_unlock(&lock);
	*copied = all.copied;
	return all.count;
}

/* --- answers --- */

static void
add_gid(struct rte_tel_data *d, const char *name, uint64_t gid)
{
	char text[BASE_GID_STRLEN] = "none";

	if (gid != 0)
		base_gid_str(gid, text);
	rte_tel_data_add_dict_string(d, name, text);
}

/* Random numbers, too: as people see them elsewhere. */
static void
add_id(struct rte_tel_data *d, const char *name, uint64_t id)
{
	char text[BASE_GID_STRLEN];

	rte_tel_data_add_dict_string(d, name, base_gid_str(id, text));
}

static const char *
state_str(const struct console_copy *c)
{
	static const char *const text[] = { "running", "draining", "over" };

	if (!c->running)
		return "idle";
	if (c->absent)
		return "waiting for its writer";
	return c->stalled ? "waiting for credits" : text[c->state];
}

static void
show_console(struct rte_tel_data *d, const struct console_copy *c)
{
	struct {
		CONS_CONSOLE_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.observers = c->observers,
		.age = c->age_ns / BASE_NS_PER_S,
		.out_pos = c->out_pos,
		.scrollback = c->scrollback,
	};

#define GET(name, ...) shown.name = c->stats.name;
	CONS_CONSOLE_METRICS(GET)
#undef GET
	rte_tel_data_add_dict_string(d, "name", c->name);
	rte_tel_data_add_dict_string(d, "kind", c->kind == CONS_CONSOLE_TTY ? "tty" : "exec");
	rte_tel_data_add_dict_string(d, "state", state_str(c));
	add_id(d, "instance", c->instance);
	add_gid(d, "writer", c->writer);
	add_gid(d, "owner", c->owner);
	base_tel_metrics(d, &console_metrics, &shown);
}

static void
show_client(struct rte_tel_data *d, const struct client_copy *c)
{
	const struct {
		CONS_ATTACHMENT_SHOWN(BASE_METRIC_FIELD)
	} shown = {
		.version = c->version,
		.unit = c->unit,
		.out_pos = c->out_pos,
		.lag = c->lag,
		.in_pos = c->in_pos,
		.credits = c->credits,
		.typing = c->typing,
	};

	add_gid(d, "gid", c->gid);
	rte_tel_data_add_dict_string(d, "console", c->console);
	rte_tel_data_add_dict_string(d, "role", c->role);
	add_id(d, "instance", c->instance);
	base_tel_metrics(d, &attachment_metrics, &shown);
}

static unsigned int
first_shown(const char *params)
{
	return params != NULL ? (unsigned int)strtoul(params, NULL, 10) : 0;
}

/* @param params  number of the first console to show, if not 0 */
static int
cmd_consoles(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *list = base_tel_new(), *sub;
	unsigned int first = first_shown(params), count, copied;
	struct console_copy copy[SHOWN_CONSOLES];
	char name[16];

	if (list == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(d);
	count = copy_consoles(copy, first, &copied);
	for (unsigned int i = 0; i < copied; i++) {
		snprintf(name, sizeof(name), "%u", first + i);
		sub = base_tel_new();
		if (sub == NULL)
			continue;
		show_console(sub, &copy[i]);
		base_tel_put(list, name, sub);
	}
	base_tel_dict_u64(d, "count", count);
	base_tel_put(d, "consoles", list);
	return 0;
}

/* @param params  number of the first client to show, if not 0 */
static int
cmd_clients(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *list = base_tel_new(), *sub;
	unsigned int first = first_shown(params), count, copied;
	struct client_copy copy[SHOWN];
	char name[16];

	if (list == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(d);
	count = copy_clients(copy, first, &copied);
	for (unsigned int i = 0; i < copied; i++) {
		snprintf(name, sizeof(name), "%u", first + i);
		sub = base_tel_new();
		if (sub == NULL)
			continue;
		show_client(sub, &copy[i]);
		base_tel_put(list, name, sub);
	}
	base_tel_dict_u64(d, "count", count);
	base_tel_put(d, "clients", list);
	return 0;
}

static int
cmd_stats(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct cons_server_stats st = { 0 };

	pthread_mutex_lock(&lock);
	if (server != NULL)
		cons_server_stats(server, &st);
	pthread_mutex_unlock(&lock);
	rte_tel_data_start_dict(d);
	base_tel_metrics(d, &server_metrics, &st);
	return 0;
}

RTE_INIT(cons_server_telemetry_init)
{
	rte_telemetry_register_cmd(
		"/cons/consoles", cmd_consoles,
		"Consoles with counters. Parameter: number of the first (24 are shown)");
	rte_telemetry_register_cmd(
		"/cons/clients", cmd_clients,
		"Attachments to the consoles. Parameter: number of the first (32 are shown)");
	rte_telemetry_register_cmd("/cons/stats", cmd_stats, "Counters of the console service");
}
