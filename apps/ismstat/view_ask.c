/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions whose answers come in pages of what fits into 16 KiB, or are asked of each function:
 * here they are put together again.
 */
#include <stdlib.h>
#include <string.h>

#include "view.h"

#define PAGES_MAX 256
#define CMD_MAX 160

json_t *
view_ask_pages(struct source *src, const char *cmd, const char *inner, char *err, size_t err_size)
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

json_t *
view_ask_optional(struct source *src, const char *cmd, const char *id)
{
	char question[CMD_MAX], err[CMD_MAX];

	if (!source_has(src, cmd))
		return NULL;
	snprintf(question, sizeof(question), "%s,%s", cmd, id);
	return source_ask(src, question, err, sizeof(err));
}

void
view_ask_histogram(struct source *src, const char *cmd, const char *id, json_t *object)
{
	json_t *histogram = view_ask_optional(src, cmd, id);

	if (json_is_object(histogram))
		json_object_set(object, VIEW_HISTOGRAM, histogram);
	json_decref(histogram);
}

/*
 * fn for one function or all of them: objects by rawdev id. One function that fails, closed or lost
 * meanwhile, is an answer's end.
 */
json_t *
view_each_device(struct source *src, const char *id, view_collect_fn *fn, char *err,
		 size_t err_size)
{
	json_t *ids = source_ask(src, "/ism/list", err, err_size), *all, *item, *value;
	char name[24];
	size_t i;

	if (ids == NULL)
		return NULL;
	all = json_object();
	json_array_foreach(ids, i, item)
	{
		snprintf(name, sizeof(name), "%" JSON_INTEGER_FORMAT, json_integer_value(item));
		if (id != NULL && strcmp(name, id) != 0)
			continue;
		value = fn(src, name, err, err_size);
		if (value == NULL)
			goto free_all;
		json_object_set_new(all, name, value);
	}
	if (id != NULL && json_object_size(all) == 0) {
		snprintf(err, err_size, "no ISM function has the id %s", id);
		goto free_all;
	}
	json_decref(ids);
	return all;

free_all:
	json_decref(all);
	json_decref(ids);
	return NULL;
}

/* An answer about one function; one that is not there is answered with nothing. */
json_t *
view_ask_device(struct source *src, const char *cmd, const char *id, char *err, size_t err_size)
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
