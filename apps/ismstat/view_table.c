/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The views: what each asks a source, and how its answers are joined. Answers come in pages of what
 * fits into 16 KiB; here they are put together again. Keys of answers are kept as they are, so that
 * whoever knows dpdk-telemetry.py finds the same names.
 */
#include <stdlib.h>
#include <string.h>

#include "view.h"

#define PAGES_MAX 256
#define CMD_MAX 160

/* --- asking --- */

/* Answers of "CMD,N" for growing N until nothing new comes. `inner`: the key that holds the items. */
static json_t *
ask_pages(struct source *src, const char *cmd, const char *inner, char *err, size_t err_size)
{
	json_t *all = json_object(), *page, *items;
	char question[CMD_MAX];
	size_t had;
	unsigned int next = 0;
	const char *key;
	json_t *item;

	for (unsigned int i = 0; i < PAGES_MAX; i++) {
		snprintf(question, sizeof(question), i == 0 ? "%s" : "%s,%u", cmd, next);
		page = source_ask(src, question, err, err_size);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		had = json_object_size(all);
		items = inner != NULL ? json_object_get(page, inner) : page;
		json_object_foreach(items, key, item)
		{
			/* "3" and "3/0" both say where the next page begins. */
			next = (unsigned int)strtoul(key, NULL, 10) + 1;
			json_object_set(all, key, item);
		}
		json_decref(page);
		if (json_object_size(all) == had)
			break;
	}
	return all;
}

/* DMBs are named by index, and asked for by their place in the list. */
static json_t *
ask_dmbs(struct source *src, const char *id, char *err, size_t err_size)
{
	json_t *all = json_object(), *page;
	char question[CMD_MAX];
	size_t had;

	for (unsigned int i = 0; i < PAGES_MAX; i++) {
		had = json_object_size(all);
		snprintf(question, sizeof(question), "/ism/dmbs,%s,%zu", id, had);
		page = source_ask(src, question, err, err_size);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		json_object_update(all, page);
		json_decref(page);
		if (json_object_size(all) == had)
			break;
	}
	return all;
}

/* "CMD,ID", if the source has it. @return NULL: no answer; that is no fault. */
static json_t *
ask_optional(struct source *src, const char *cmd, const char *id)
{
	char question[CMD_MAX], err[CMD_MAX];

	if (!source_has(src, cmd))
		return NULL;
	snprintf(question, sizeof(question), "%s,%s", cmd, id);
	return source_ask(src, question, err, sizeof(err));
}

typedef json_t *(*device_fn)(struct source *src, const char *id, char *err, size_t err_size);

static json_t *
one_device(struct source *src, const char *id, device_fn fn, char *err, size_t err_size)
{
	json_t *all = json_object(), *value = fn(src, id, err, err_size);

	if (value != NULL && json_object_set_new(all, id, value) == 0)
		return all;
	json_decref(all);
	return NULL;
}

/* fn for one function or all of them: objects by rawdev id. */
static json_t *
each_device(struct source *src, const char *id, device_fn fn, char *err, size_t err_size)
{
	json_t *ids, *all, *item, *value;
	char name[24];
	size_t i;

	if (id != NULL)
		return one_device(src, id, fn, err, err_size);
	ids = source_ask(src, "/ism/list", err, err_size);
	if (ids == NULL)
		return NULL;
	all = json_object();
	json_array_foreach(ids, i, item)
	{
		snprintf(name, sizeof(name), "%" JSON_INTEGER_FORMAT, json_integer_value(item));
		value = fn(src, name, err, err_size);
		if (value == NULL) {
			json_decref(ids);
			json_decref(all);
			return NULL;
		}
		json_object_set_new(all, name, value);
	}
	json_decref(ids);
	return all;
}

/* An answer about one function; one that is not there is answered with nothing. */
static json_t *
ask_device(struct source *src, const char *cmd, const char *id, char *err, size_t err_size)
{
	char question[CMD_MAX];
	json_t *answer;

	snprintf(question, sizeof(question), "%s,%s", cmd, id);
	answer = source_ask(src, question, err, err_size);
	if (json_is_object(answer))
		return answer;
	if (answer != NULL)
		snprintf(err, err_size, "no ISM function has the id %s, or it is not open", id);
	json_decref(answer);
	return NULL;
}

/* --- functions --- */

static json_t *
info_of(struct source *src, const char *id, char *err, size_t err_size)
{
	static const struct {
		const char *cmd, *key;
	} parts[] = {
		{ "/ism/query", "query" },
		{ "/ism/sba", "sba" },
		{ "/ism/ieq", "ieq" },
	};
	json_t *value = ask_device(src, "/ism/info", id, err, err_size), *part;

	for (size_t i = 0; value != NULL && i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = ask_optional(src, parts[i].cmd, id);
		if (json_is_object(part))
			json_object_set(value, parts[i].key, part);
		json_decref(part);
	}
	return value;
}

static json_t *
xstats_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_device(src, "/ism/xstats", id, err, err_size);
}

/* Of the counters those that answer "how much, how well, what went wrong". */
static json_t *
stats_of(struct source *src, const char *id, char *err, size_t err_size)
{
	static const char *const keys[] = { "stores",	      "store_bytes", "store_calls",
					    "store_syscalls", "events",	     "signals",
					    "commands",	      "polls",	     "polls_empty",
					    "reopens",	      "dmbs",	     "dmb_bytes",
					    "windows" };
	static const struct {
		const char *from, *to;
	} errors[] = {
		{ "err_access", "store_refused" }, { "err_inval", "store_invalid" },
		{ "err_lost", "function_lost" },   { "command_errors", "command" },
		{ "events_lost", "events_lost" },
	};
	json_t *all = ask_device(src, "/ism/xstats", id, err, err_size), *value, *sub;

	if (all == NULL)
		return NULL;
	value = json_object();
	sub = json_object();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(value, keys[i], json_object_get(all, keys[i]));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		json_object_set(sub, errors[i].to, json_object_get(all, errors[i].from));
	json_object_set_new(value, "errors", sub);
	json_decref(all);
	return value;
}

static json_t *
sba_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_device(src, "/ism/sba", id, err, err_size);
}

static json_t *
ieq_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_device(src, "/ism/ieq", id, err, err_size);
}

static json_t *
events_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_device(src, "/ism/events", id, err, err_size);
}

static json_t *
device_info(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, info_of, err, err_size);
}

static json_t *
device_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, stats_of, err, err_size);
}

static json_t *
device_xstats(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, xstats_of, err, err_size);
}

static json_t *
dmb(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, ask_dmbs, err, err_size);
}

static json_t *
sba(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, sba_of, err, err_size);
}

static json_t *
ieq(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, ieq_of, err, err_size);
}

static json_t *
event(struct source *src, const char *id, char *err, size_t err_size)
{
	return each_device(src, id, events_of, err, err_size);
}

/* --- sessions --- */

static json_t *
link_info(struct source *src, const char *id, char *err, size_t err_size)
{
	static const char *const counters[] = { "ups",	   "keepalives_sent", "keepalives_seen",
						"retries", "protocol_errors", "errors" };
	json_t *all = ask_pages(src, "/link/sessions", NULL, err, err_size), *session;
	const char *key;

	json_object_foreach(all, key, session)
	{
		for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
			json_object_del(session, counters[i]);
	}
	return all;
}

/* Both answers to one another: what sessions say of themselves, and the sum of their queues. */
static json_t *
sessions_with_queues(json_t *sessions, json_t *queues)
{
	static const char *const keys[] = { "rgid",
					    "service_name",
					    "role",
					    "state",
					    "ups",
					    "keepalives_sent",
					    "keepalives_seen",
					    "protocol_errors",
					    "retries",
					    "errors" };
	json_t *all = json_object(), *session, *value, *queue;
	const char *key, *name;

	json_object_foreach(sessions, key, session)
	{
		value = json_object();
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			json_object_set(value, keys[i], json_object_get(session, keys[i]));
		json_object_foreach(queues, name, queue)
		{
			if (strtoul(name, NULL, 10) == strtoul(key, NULL, 10))
				view_add_numbers(value, queue);
		}
		json_object_del(value, "depth");
		json_object_del(value, "inflight_max");
		json_object_set_new(all, key, value);
	}
	return all;
}

static json_t *
link_figures(struct source *src, bool with_queues, char *err, size_t err_size)
{
	json_t *stats = source_ask(src, "/link/stats", err, err_size), *sessions, *queues, *value;

	if (stats == NULL)
		return NULL;
	sessions = ask_pages(src, "/link/sessions", NULL, err, err_size);
	queues = sessions != NULL ? ask_pages(src, "/link/queues", NULL, err, err_size) : NULL;
	value = NULL;
	if (queues != NULL) {
		value = json_object();
		json_object_set(value, "total", stats);
		if (with_queues) {
			json_object_set(value, "sessions", sessions);
			json_object_set(value, "queues", queues);
		} else {
			json_object_set_new(value, "sessions",
					    sessions_with_queues(sessions, queues));
		}
	}
	json_decref(queues);
	json_decref(sessions);
	json_decref(stats);
	return value;
}

static json_t *
link_stats_view(struct source *src, const char *id, char *err, size_t err_size)
{
	return link_figures(src, false, err, err_size);
}

static json_t *
link_xstats(struct source *src, const char *id, char *err, size_t err_size)
{
	return link_figures(src, true, err, err_size);
}

static json_t *
queue(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_pages(src, "/link/queues", NULL, err, err_size);
}

/* --- tests --- */

static json_t *
fwd_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/fwd/stats", err, err_size);
}

static json_t *
fwd_config(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/fwd/config", err, err_size);
}

/* --- services of attached programs --- */

static json_t *
blk_exports(struct source *src, const char *id, char *err, size_t err_size)
{
	return ask_pages(src, "/blk/exports", "exports", err, err_size);
}

static json_t *
blk_workers(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/blk/workers", err, err_size);
}

/* Objects by name, for each name that "CMD,GID" lists: "ITEM,GID,NAME". */
static void
add_named(struct source *src, json_t *to, const char *gid, const char *cmd, const char *item)
{
	char question[CMD_MAX], err[CMD_MAX];
	json_t *names, *name, *value;
	size_t i;

	snprintf(question, sizeof(question), "%s,%s", cmd, gid);
	names = source_ask(src, question, err, sizeof(err));
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			continue;
		snprintf(question, sizeof(question), "%s,%s,%s", item, gid,
			 json_string_value(name));
		value = source_ask(src, question, err, sizeof(err));
		if (value != NULL)
			json_object_set_new(to, json_string_value(name), value);
	}
	json_decref(names);
}

static void
add_client_queues(struct source *src, json_t *to, const char *gid, json_int_t count)
{
	char question[CMD_MAX], err[CMD_MAX], name[16];
	json_t *value;

	for (unsigned int i = 0; i < (unsigned int)count && i < 16; i++) {
		snprintf(question, sizeof(question), "/blk/client/queue,%s,%u", gid, i);
		value = source_ask(src, question, err, sizeof(err));
		snprintf(name, sizeof(name), "%u", i);
		if (value != NULL)
			json_object_set_new(to, name, value);
	}
}

static json_t *
blk_client(struct source *src, const char *id, char *err, size_t err_size)
{
	json_t *gids = source_ask(src, "/blk/client/list", err, err_size), *all, *item, *one, *sub;
	char question[CMD_MAX];
	size_t i;

	if (gids == NULL)
		return NULL;
	all = json_object();
	json_array_foreach(gids, i, item)
	{
		const char *gid = json_string_value(item);

		snprintf(question, sizeof(question), "/blk/client/session,%s",
			 gid != NULL ? gid : "");
		one = gid != NULL ? source_ask(src, question, err, err_size) : NULL;
		if (one == NULL)
			continue;
		sub = json_object();
		add_named(src, sub, gid, "/blk/client/disks", "/blk/client/disk");
		json_object_set_new(one, "disk", sub);
		sub = json_object();
		add_client_queues(src, sub, gid,
				  json_integer_value(json_object_get(one, "queues")));
		json_object_set_new(one, "queue", sub);
		json_object_set_new(all, gid, one);
	}
	json_decref(gids);
	return all;
}

/* --- consoles: all that the program tells below /cons/ --- */

static json_t *
cons(struct source *src, const char *id, char *err, size_t err_size)
{
	json_t *list = source_ask(src, "/", err, err_size), *all, *item, *value;
	const char *cmd;
	size_t i;

	if (list == NULL)
		return NULL;
	all = json_object();
	json_array_foreach(list, i, item)
	{
		cmd = json_string_value(item);
		if (cmd == NULL || strncmp(cmd, "/cons/", 6) != 0)
			continue;
		value = source_ask(src, cmd, err, err_size);
		if (value != NULL && !json_is_null(value))
			json_object_set(all, cmd + 6, value);
		json_decref(value);
	}
	json_decref(list);
	return all;
}

/* --- printing of what is no list of lines --- */

static void
print_dmbs(FILE *out, const struct view *v, const json_t *value)
{
	static const char *const keys[] = { "len", "token", "rgid", NULL };
	const char *id;
	json_t *dmbs;

	json_object_foreach((json_t *)(uintptr_t)value, id, dmbs)
	{
		fprintf(out, "device %s: %zu DMBs\n", id, json_object_size(dmbs));
		if (json_object_size(dmbs) > 0)
			view_print_table(out, "index", dmbs, keys);
	}
}

static void
print_events(FILE *out, const struct view *v, const json_t *value)
{
	static const char *const keys[] = {
		"when", "type", "code", "meaning", "token", "info", NULL
	};
	char count[32];
	const char *id;
	json_t *device;

	json_object_foreach((json_t *)(uintptr_t)value, id, device)
	{
		json_t *events = json_object_get(device, "events");

		fprintf(out, "device %s: %s events so far\n", id,
			view_text(json_object_get(device, "count"), VIEW_COUNT, count,
				  sizeof(count)));
		if (json_object_size(events) > 0)
			view_print_table(out, "number", events, keys);
	}
}

static void
print_link_info(FILE *out, const struct view *v, const json_t *value)
{
	char title[64];
	const char *n;
	json_t *session;

	json_object_foreach((json_t *)(uintptr_t)value, n, session)
	{
		snprintf(title, sizeof(title), "session %s", n);
		view_print_value(out, title, session);
	}
	if (json_object_size(value) == 0)
		fputs("no sessions\n", out);
}

/* What is numbered by function: one block each. */
static void
print_devices(FILE *out, const struct view *v, const json_t *value)
{
	char title[64];
	json_t *device;
	const char *id;

	json_object_foreach((json_t *)(uintptr_t)value, id, device)
	{
		snprintf(title, sizeof(title), "device %s: %s", id, v->words);
		view_print_value(out, title, device);
	}
	if (json_object_size(value) == 0)
		fputs("no ISM functions\n", out);
}

#define ID "[ID|all]"
#define ALL "[all]"

const struct view views[] = {
	{ "device info", ID, "state, limits, QUERY_INFO, SBA and event queue in words", "/ism/info",
	  NULL, device_info, print_devices },
	{ "device stats", ID, "stores, bytes, polls, errors by kind", "/ism/xstats", "device",
	  device_stats, print_devices },
	{ "device xstats", ID, "every counter of a function", "/ism/xstats", "device",
	  device_xstats, print_devices },
	{ "dmb", ALL, "memory that peers may write", "/ism/dmbs", NULL, dmb, print_dmbs },
	{ "sba", ALL, "what the device has set in the SBA", "/ism/sba", NULL, sba, print_devices },
	{ "ieq", ALL, "the event queue's page", "/ism/ieq", NULL, ieq, print_devices },
	{ "event", ALL, "the newest events", "/ism/events", NULL, event, print_events },
	{ "link info", ALL, "sessions: peer, service, state, geometry", "/link/sessions", NULL,
	  link_info, print_link_info },
	{ "link stats", ALL, "sessions: traffic, stalls, retries, errors by kind", "/link/stats",
	  "link", link_stats_view, NULL },
	{ "link xstats", ALL, "every counter of sessions and queues", "/link/stats", "link",
	  link_xstats, NULL },
	{ "queue", ALL, "every counter of queues, SESSION/QUEUE", "/link/queues", "link", queue,
	  NULL },
	{ "fwd stats", "", "results of link tests", "/fwd/stats", "fwd", fwd_stats, NULL },
	{ "fwd config", "", "settings of link tests", "/fwd/config", NULL, fwd_config, NULL },
	{ "blk exports", "", "disks that the program serves", "/blk/exports", "blk", blk_exports,
	  NULL },
	{ "blk workers", "", "counters of the threads that serve disks", "/blk/workers", "blk",
	  blk_workers, NULL },
	{ "blk client", "", "disks that the program uses, with latencies", "/blk/client/list",
	  "blk", blk_client, NULL },
	{ "cons", "", "consoles", "/cons/", NULL, cons, NULL },
};
const unsigned int view_count = sizeof(views) / sizeof(views[0]);
