/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of sessions and their queues. */
#include <stdlib.h>
#include <string.h>

#include "view.h"

json_t *
view_link_info(struct source *src, const char *id, char *err, size_t err_size)
{
	static const char *const counters[] = { "ups",	   "keepalives_sent", "keepalives_seen",
						"retries", "protocol_errors", "errors" };
	json_t *all = view_ask_pages(src, "/link/sessions", NULL, err, err_size), *session;
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
	sessions = view_ask_pages(src, "/link/sessions", NULL, err, err_size);
	queues = sessions != NULL ? view_ask_pages(src, "/link/queues", NULL, err, err_size) : NULL;
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

json_t *
view_link_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	return link_figures(src, false, err, err_size);
}

json_t *
view_link_xstats(struct source *src, const char *id, char *err, size_t err_size)
{
	return link_figures(src, true, err, err_size);
}

json_t *
view_queue(struct source *src, const char *id, char *err, size_t err_size)
{
	return view_ask_pages(src, "/link/queues", NULL, err, err_size);
}

void
view_print_link_info(FILE *out, const struct view *v, const json_t *value)
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
