/* SPDX-License-Identifier: BSD-3-Clause */
/* --list: for people a table, with --json an object. */
#include "ismcons.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base_process.h"
#include "run.h"

const char *
list_names(const struct cons_terminal *t, char *buf, size_t size)
{
	unsigned int n;
	const struct cons_info *info = cons_terminal_infos(t, &n);
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", info[i].name);
	return buf;
}

/* "2d03h", "3h07m", "4m09s", "12s" */
static const char *
age_str(uint32_t s, char buf[16])
{
	if (s >= 86400)
		snprintf(buf, 16, "%ud%02uh", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buf, 16, "%uh%02um", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buf, 16, "%um%02us", s / 60, s % 60);
	else
		snprintf(buf, 16, "%us", s);
	return buf;
}

static void
print_row(const struct cons_info *i)
{
	char gid[BASE_GID_STRLEN], age[16], since[16], writer[48] = "-", size[16] = "-";
	bool runs = i->instance != 0;

	if (i->writer != 0)
		snprintf(writer, sizeof(writer), "%s %s", base_gid_str(i->writer, gid),
			 age_str(i->writer_age, since));
	if (i->rows != 0)
		snprintf(size, sizeof(size), "%ux%u", i->cols, i->rows);
	printf("%-16s %-7s %-8s %-4s %-26s %4u  %-9s %s\n", i->name,
	       i->flags & CONS_INFO_DEVICE ? "device" : "program",
	       runs ? age_str(i->age, age) : "-", i->flags & CONS_INFO_MAY_WRITE ? "rw" : "ro",
	       writer, i->observers, size, i->desc);
	for (unsigned int k = 0; k < RTE_DIM(i->observer); k++) {
		if (i->observer[k] != 0)
			printf("%-16s   observer %s\n", "", base_gid_str(i->observer[k], gid));
	}
}

static json_t *
json_gid(uint64_t gid)
{
	char text[BASE_GID_STRLEN];

	return gid != 0 ? json_string(base_gid_str(gid, text)) : json_null();
}

static json_t *
json_observers(const struct cons_info *i)
{
	json_t *a = json_array();

	for (unsigned int k = 0; k < RTE_DIM(i->observer); k++) {
		if (i->observer[k] != 0 && json_array_append_new(a, json_gid(i->observer[k])) != 0)
			break;
	}
	return a;
}

static json_t *
json_console(const struct cons_info *i)
{
	return json_pack("{s:s, s:s, s:b, s:o, s:I, s:o, s:i, s:b, s:i, s:i, s:I, s:I, s:s}",
			 "name", i->name, "kind",
			 i->flags & CONS_INFO_DEVICE ? "device" : "program", "running",
			 i->instance != 0, "writer", json_gid(i->writer), "writer_seconds",
			 (json_int_t)i->writer_age, "observers", json_observers(i),
			 "observer_count", (int)i->observers, "may_write",
			 (i->flags & CONS_INFO_MAY_WRITE) != 0, "rows", (int)i->rows, "cols",
			 (int)i->cols, "output_bytes", (json_int_t)i->out_pos, "age_seconds",
			 (json_int_t)i->age, "description", i->desc);
}

static int
print_json(const struct ismcons *app, const struct cons_info *info, unsigned int n)
{
	json_t *consoles = json_array();
	json_t *root = json_pack("{s:s, s:o}", "peer", app->peer, "consoles", consoles);
	int ret = root == NULL ? -1 : 0;

	for (unsigned int i = 0; i < n && ret == 0; i++)
		ret = json_array_append_new(consoles, json_console(&info[i]));
	if (ret == 0)
		ret = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	putchar('\n');
	return ret;
}

int
list_print(const struct ismcons *app)
{
	unsigned int n;
	const struct cons_info *info = cons_terminal_infos(app->terminal, &n);
	int ret = 0;

	if (app->opt.json) {
		ret = print_json(app, info, n);
	} else {
		printf("%-16s %-7s %-8s %-4s %-26s %4s  %-9s %s\n", "NAME", "KIND", "RUNNING",
		       "MAY", "WRITER", "OBS", "SIZE", "DESCRIPTION");
		for (unsigned int i = 0; i < n; i++)
			print_row(&info[i]);
	}
	if (ret != 0 || base_process_flush() != 0) {
		run_error("cannot print the list");
		return CONS_EXIT_FAIL;
	}
	return CONS_EXIT_OK;
}
