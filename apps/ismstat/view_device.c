/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of functions: what the driver and the device tell. */
#include <string.h>

#include "view.h"

#define PAGES_MAX 256
#define CMD_MAX 160
#define FRESH_MS 1000 /* the driver asks no oftener */

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
	json_t *value = view_ask_device(src, "/ism/info", id, err, err_size), *part;

	for (size_t i = 0; value != NULL && i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = view_ask_optional(src, parts[i].cmd, id);
		/* Its entries are a view of their own. */
		if (json_is_object(part)) {
			json_object_del(part, "entries");
			json_object_set(value, parts[i].key, part);
		}
		json_decref(part);
	}
	return value;
}

bool
view_device_refresh(struct source *src)
{
	char id[24], err[CMD_MAX];
	json_t *ids, *item, *answer;
	bool old = false;
	size_t i;

	if (!source_has(src, "/ism/query"))
		return false;
	ids = source_ask(src, "/ism/list", err, sizeof(err));
	json_array_foreach(ids, i, item)
	{
		snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT, json_integer_value(item));
		answer = view_ask_optional(src, "/ism/query", id);
		if (json_integer_value(json_object_get(answer, "age_ms")) > FRESH_MS)
			old = true;
		json_decref(answer);
	}
	json_decref(ids);
	return old;
}

static json_t *
xstats_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_device(src, "/ism/xstats", id, err, err_size);
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
	json_t *all = view_ask_device(src, "/ism/xstats", id, err, err_size), *value, *sub;

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
	return view_ask_device(src, "/ism/sba", id, err, err_size);
}

static json_t *
ieq_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_device(src, "/ism/ieq", id, err, err_size);
}

static json_t *
events_of(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_device(src, "/ism/events", id, err, err_size);
}

json_t *
view_device_info(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, info_of, err, err_size);
}

json_t *
view_device_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, stats_of, err, err_size);
}

json_t *
view_device_xstats(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, xstats_of, err, err_size);
}

json_t *
view_dmb(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, ask_dmbs, err, err_size);
}

json_t *
view_sba(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, sba_of, err, err_size);
}

json_t *
view_ieq(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, ieq_of, err, err_size);
}

json_t *
view_event(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_each_device(src, id, events_of, err, err_size);
}

void
view_print_dmbs(FILE *out, const struct view *v, const json_t *value)
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

void
view_print_events(FILE *out, const struct view *v, const json_t *value)
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

/* What is numbered by function: one block each. */
void
view_print_devices(FILE *out, const struct view *v, const json_t *value)
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
