/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of services that other programs offer or use: disks, consoles. */
#include <string.h>

#include "view.h"

#define CMD_MAX 160
#define QUEUES_MAX 16

json_t *
view_blk_exports(struct source *src, const char *id, char *err, size_t err_size)
{
	json_t *all = view_ask_pages(src, "/blk/exports", "exports", err, err_size), *export;
	const char *number;

	json_object_foreach(all, number, export)
	{
		view_ask_histogram(src, "/blk/exports/latency", number, export);
	}
	return all;
}

json_t *
view_blk_workers(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/blk/workers", err, err_size);
}

/* Objects by name, for each disk of that peer. */
static void
add_client_disks(struct source *src, json_t *to, const char *gid)
{
	char question[CMD_MAX], id[CMD_MAX], err[CMD_MAX];
	json_t *names, *name, *value;
	size_t i;

	snprintf(question, sizeof(question), "/blk/client/disks,%s", gid);
	names = source_ask(src, question, err, sizeof(err));
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			continue;
		snprintf(id, sizeof(id), "%s,%s", gid, json_string_value(name));
		value = view_ask_optional(src, "/blk/client/disk", id);
		if (value == NULL)
			continue;
		view_ask_histogram(src, "/blk/client/disk/latency", id, value);
		json_object_set_new(to, json_string_value(name), value);
	}
	json_decref(names);
}

static void
add_client_queues(struct source *src, json_t *to, const char *gid, json_int_t count)
{
	char id[CMD_MAX], name[16];
	json_t *value;

	for (unsigned int i = 0; i < (unsigned int)count && i < QUEUES_MAX; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(id, sizeof(id), "%s,%s", gid, name);
		value = view_ask_optional(src, "/blk/client/queue", id);
		if (value == NULL)
			continue;
		view_ask_histogram(src, "/blk/client/queue/latency", id, value);
		json_object_set_new(to, name, value);
	}
}

json_t *
view_blk_client(struct source *src, const char *id, char *err, size_t err_size)
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
		add_client_disks(src, sub, gid);
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

json_t *
view_blk_mount(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/ismblk/mount", err, err_size);
}

json_t *
view_run_loop(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/run/loop", err, err_size);
}

json_t *
view_run_process(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/run/process", err, err_size);
}

json_t *
view_run_control(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/run/control", err, err_size);
}

json_t *
view_cons_consoles(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_pages(src, "/cons/consoles", "consoles", err, err_size);
}

json_t *
view_cons_clients(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_pages(src, "/cons/clients", "clients", err, err_size);
}

json_t *
view_cons_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/cons/stats", err, err_size);
}

json_t *
view_cons_client(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/cons/client", err, err_size);
}
