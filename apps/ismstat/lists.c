/* SPDX-License-Identifier: BSD-3-Clause */
#include "lists.h"

#include <stdio.h>
#include <string.h>

#include "base_hist.h"
#include "base_watch.h"
#include "blk_client_metrics.h"
#include "blk_metrics.h"
#include "blk_server_metrics.h"
#include "cons_client_metrics.h"
#include "cons_server_metrics.h"
#include "link_metrics.h"
#include "mount_metrics.h"
#include "probe_metrics.h"
#include "rte_pmd_ism_metrics.h"
#include "run_metrics.h"

const struct stat_list list_device = { "ism", "/ism/xstats: a function", true,
				       BASE_METRICS(ISM_METRICS) },
		       list_link = { "link", "/link/stats: all sessions, past ones included", true,
				     BASE_METRICS(LINK_METRICS) },
		       list_session = { "link_session", "/link/sessions: a session", true,
					BASE_METRICS(LINK_SESSION_SHOWN) },
		       list_queue = { "link_queue", "/link/queues: a queue of a session", true,
				      BASE_METRICS(LINK_QUEUE_SHOWN) },
		       list_caller = { NULL, "/link/callers: a GID that called", false,
				       BASE_METRICS(LINK_CALLER_SHOWN) },
		       list_export = { "blk_export", "/blk/exports: a disk that is served", true,
				       BASE_METRICS(BLK_EXPORT_METRICS) },
		       list_export_ops = { "blk_export",
					   "/blk/exports: an operation of a disk that is served",
					   true, BASE_METRICS(BLK_OP_METRICS) },
		       list_worker = { "blk_worker", "/blk/workers: a thread that serves disks",
				       true, BASE_METRICS(BLK_WORKER_SHOWN) },
		       list_client = { "blk_client", "/blk/client/session: a peer's disks", true,
				       BASE_METRICS(BLK_CLIENT_METRICS) },
		       list_disk = { "blk_disk", "/blk/client/disk: a disk that is used", false,
				     BASE_METRICS(BLK_DISK_METRICS) },
		       list_disk_ops = { "blk_disk",
					 "/blk/client/disk, /blk/client/queue: an operation; in "
					 "JSON its name stands before the key",
					 false, BASE_METRICS(BLK_OP_METRICS) },
		       list_cq = { "blk_client_queue", "/blk/client/queue: a queue to a peer",
				   false, BASE_METRICS(BLK_CQ_SHOWN) },
		       list_mount = { "blk_mount", "/ismblk/mount: a mount", true,
				      BASE_METRICS(MOUNT_METRICS) },
		       list_loop = { "run_loop", "/run/loop: an lcore", true,
				     BASE_METRICS(BASE_WATCH_SHOWN) },
		       list_process = { "run", "/run/process: the program", true,
					BASE_METRICS(RUN_PROCESS_METRICS) },
		       list_control = { "run_control", "/run/control: the control socket", true,
					BASE_METRICS(RUN_CONTROL_METRICS) },
		       list_console = { "cons_console", "/cons/consoles: a console that is served",
					true, BASE_METRICS(CONS_CONSOLE_SHOWN) },
		       list_attachment = { NULL, "/cons/clients: an attachment to a console", false,
					   BASE_METRICS(CONS_ATTACHMENT_SHOWN) },
		       list_terminal = { "cons_client", "/cons/client: a console that is used",
					 true, BASE_METRICS(CONS_TERMINAL_SHOWN) },
		       list_cons = { "cons", "/cons/stats: all consoles that are served", true,
				     BASE_METRICS(CONS_SERVER_METRICS) },
		       list_test = { "fwd", "/fwd/stats: the running or newest link test", false,
				     BASE_METRICS(PROBE_TEST_SHOWN) },
		       list_answer = { "fwd_received", "/fwd/stats, received: tests of others",
				       false, BASE_METRICS(PROBE_ANSWER_SHOWN) },
		       list_latency = { NULL, "latencies of exports, disks and queues", false,
					BASE_METRICS(BASE_LATENCY_METRICS) };

const struct stat_list *const stat_lists[] = {
	&list_device,	&list_link,	  &list_session, &list_queue,	&list_caller,
	&list_export,	&list_export_ops, &list_worker,	 &list_client,	&list_disk,
	&list_disk_ops, &list_cq,	  &list_mount,	 &list_console, &list_attachment,
	&list_cons,	&list_terminal,	  &list_test,	 &list_answer,	&list_latency,
	&list_loop,	&list_process,	  &list_control, NULL,
};

const struct base_metric *
stat_list_find(const struct stat_list *list, const char *key)
{
	for (unsigned int i = 0; i < list->metrics.count; i++) {
		if (strcmp(list->metrics.rows[i].name, key) == 0)
			return &list->metrics.rows[i];
	}
	return NULL;
}

const struct base_metric *
stat_metric(const char *key)
{
	const struct base_metric *row = NULL;

	for (size_t i = 0; stat_lists[i] != NULL && row == NULL; i++)
		row = stat_list_find(stat_lists[i], key);
	return row;
}

/* What a key of that unit ends with, and its family. */
static const struct {
	const char *key, *family;
} units[] = {
	[BASE_UNIT_COUNT] = { "", "" },
	[BASE_UNIT_PLAIN] = { "", "" },
	[BASE_UNIT_BYTES] = { "_bytes", "bytes" },
	[BASE_UNIT_NS] = { "_ns", "seconds" },
	[BASE_UNIT_US] = { "_us", "seconds" },
	[BASE_UNIT_MS] = { "_ms", "seconds" },
	[BASE_UNIT_S] = { "_s", "seconds" },
	[BASE_UNIT_FLAG] = { "", "" },
};

const char *
stat_unit(const struct base_metric *row)
{
	return units[row->unit].family;
}

bool
stat_family(const struct stat_list *list, const struct base_metric *row,
	    char family[STAT_FAMILY_MAX])
{
	const char *name = row->family != NULL ? row->family : row->name;
	const char *unit = stat_unit(row), *end = units[row->unit].key;
	size_t len = strlen(name), cut = strlen(end);

	if (list->prefix == NULL || len == 0)
		return false;
	if (row->family == NULL && cut < len && strcmp(name + len - cut, end) == 0)
		len -= cut;
	snprintf(family, STAT_FAMILY_MAX, "%s_%.*s%s%s", list->prefix, (int)len, name,
		 unit[0] != '\0' ? "_" : "", unit);
	return true;
}
