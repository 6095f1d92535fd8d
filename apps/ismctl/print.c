/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"

#define TEXT_MAX 1024
#define COLUMNS_MAX 6

/* A value as a word, without anything that a terminal acts on. */
static const char *
word(const json_t *value, char buf[TEXT_MAX])
{
	if (json_is_string(value))
		base_text_clean(buf, TEXT_MAX, json_string_value(value), json_string_length(value));
	else if (json_is_integer(value))
		snprintf(buf, TEXT_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(buf, TEXT_MAX, "%s", json_is_true(value) ? "yes" : "no");
	else
		snprintf(buf, TEXT_MAX, "?");
	return buf;
}

struct column {
	const char *title, *key;
	/* NULL: word(). @return buf. */
	const char *(*text)(const json_t *row, char buf[TEXT_MAX]);
};

static const char *
cell(const struct column *c, const json_t *row, char buf[TEXT_MAX])
{
	return c->text != NULL ? c->text(row, buf) : word(json_object_get(row, c->key), buf);
}

static void
print_table(const json_t *rows, const struct column *columns, unsigned int n)
{
	int width[COLUMNS_MAX] = { 0 };
	char buf[TEXT_MAX];
	const json_t *row;
	size_t i;

	for (unsigned int c = 0; c < n; c++) {
		width[c] = (int)strlen(columns[c].title);
		json_array_foreach(rows, i, row)
		{
			int len = (int)strlen(cell(&columns[c], row, buf));

			width[c] = len > width[c] ? len : width[c];
		}
	}
	for (unsigned int c = 0; c < n; c++)
		printf(c + 1 < n ? "%-*s  " : "%.*s\n", c + 1 < n ? width[c] : TEXT_MAX,
		       columns[c].title);
	json_array_foreach(rows, i, row)
	{
		for (unsigned int c = 0; c < n; c++)
			printf(c + 1 < n ? "%-*s  " : "%.*s\n", c + 1 < n ? width[c] : TEXT_MAX,
			       cell(&columns[c], row, buf));
	}
}

/* --- jobs --- */

static const char *
allowed(const json_t *row, char buf[TEXT_MAX])
{
	const json_t *list = json_object_get(row, "allow"), *gid;
	char one[TEXT_MAX];
	size_t i, len = 0;

	snprintf(buf, TEXT_MAX, "%s", json_is_array(list) ? "nobody" : "-");
	json_array_foreach(list, i, gid)
	{
		len += (size_t)snprintf(buf + len, TEXT_MAX - len, "%s%s", i > 0 ? "," : "",
					word(gid, one));
		if (len >= TEXT_MAX)
			break;
	}
	return buf;
}

/* What it is about: a path, a program, a device. */
static const char *
what(const json_t *row, char buf[TEXT_MAX])
{
	static const char *const keys[] = { "path", "program", "device", "spec" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(row, keys[i]) != NULL)
			return word(json_object_get(row, keys[i]), buf);
	return word(NULL, buf);
}

void
print_jobs(const json_t *result)
{
	static const struct column columns[] = {
		{ "TYPE", "type", NULL },   { "NAME", "name", NULL }, { "STATE", "state", NULL },
		{ "ALLOW", NULL, allowed }, { "WHAT", NULL, what },
	};

	print_table(result, columns, sizeof(columns) / sizeof(columns[0]));
}

/* --- sessions --- */

static const char *
peer(const json_t *row, char buf[TEXT_MAX])
{
	const json_t *name = json_object_get(row, "peer");

	return word(name != NULL ? name : json_object_get(row, "gid"), buf);
}

static const char *
state(const json_t *row, char buf[TEXT_MAX])
{
	if (json_is_true(json_object_get(row, "up")))
		snprintf(buf, TEXT_MAX, "up");
	else
		word(json_object_get(row, "why"), buf);
	return buf;
}

void
print_sessions(const json_t *result)
{
	static const struct column columns[] = {
		{ "PEER", NULL, peer },		{ "DIRECTION", "direction", NULL },
		{ "SERVICE", "service", NULL }, { "QUEUES", "queues", NULL },
		{ "STATE", NULL, state },
	};

	print_table(result, columns, sizeof(columns) / sizeof(columns[0]));
}

/* --- others --- */

void
print_peers(const json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", "name", NULL },
		{ "GID", "gid", NULL },
	};

	print_table(result, columns, sizeof(columns) / sizeof(columns[0]));
}

void
print_pairs(const json_t *result)
{
	char name[TEXT_MAX], text[TEXT_MAX];
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)result, key, value)
		printf("%s: %s\n", base_text_clean(name, sizeof(name), key, strlen(key)),
		       word(value, text));
}
