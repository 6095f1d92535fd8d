/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include <string.h>

#define MB 1e6

static void
device_line(const struct top_picture *p, const char *id, const json_t *info, FILE *out)
{
	const json_t *now = json_object_get(json_object_get(p->now, "device_xstats"), id);
	const json_t *before = json_object_get(json_object_get(p->before, "device_xstats"), id);
	double bytes = top_rate(now, before, "store_bytes", p->seconds);
	double errors = top_number(now, "err_access") + top_number(now, "err_inval") +
			top_number(now, "err_lost") + top_number(now, "command_errors");
	char stores[TOP_CELL], mb[TOP_CELL], bad[TOP_CELL], up[32];

	fprintf(out, "%s %s %s %s, %s stores/s, %s MB/s, %s errors\n", top_string(info, "name"),
		top_string(info, "gid"), top_string(info, "state"),
		top_uptime(top_number(info, "open_ms"), up, sizeof(up)),
		top_si(top_rate(now, before, "stores", p->seconds), stores),
		top_si(bytes < 0 ? -1 : bytes / MB, mb), top_si(errors, bad));
}

void
top_draw(const struct top_picture *p, FILE *out)
{
	json_t *infos = json_object_get(p->now, "device_info"), *info;
	const char *id;

	fprintf(out, "%s\n", top_string(p->now, "program"));
	json_object_foreach(infos, id, info)
	{
		device_line(p, id, info, out);
	}
	top_rows_sessions(p, out);
	top_rows_disks(p, out);
	top_rows_consoles(p, out);
	top_rows_test(p, out);
}
