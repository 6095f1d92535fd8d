/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all programs count (base_metric.h): each list, as this program was compiled with it. A key
 * has one kind, unit and label wherever it stands; a test looks.
 */
#ifndef LISTS_H
#define LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base_metric.h"

struct stat_list {
	const char *prefix; /* of families in OpenMetrics; NULL: it has none there */
	const char *where; /* in telemetry: a command, and what it is of, for people */
	bool more; /* a number of a newer program that no list knows is shown in OpenMetrics */
	struct base_metrics metrics;
};
extern const struct stat_list list_device, list_link, list_session, list_queue, list_caller,
	list_export, list_export_ops, list_worker, list_client, list_disk, list_disk_ops, list_cq,
	list_mount, list_loop, list_process, list_control, list_console, list_attachment,
	list_terminal, list_cons, list_test, list_answer, list_latency;
extern const struct stat_list *const stat_lists[]; /* NULL ends it */

/* @return NULL: the list has no such key. */
const struct base_metric *stat_list_find(const struct stat_list *list, const char *key);
/* Of any list. */
const struct base_metric *stat_metric(const char *key);

#define STAT_FAMILY_MAX 128
/* "bytes", "seconds" or "". */
const char *stat_unit(const struct base_metric *row);
/* The name in OpenMetrics, with its unit. @return false: it has none. */
bool stat_family(const struct stat_list *list, const struct base_metric *row,
		 char family[STAT_FAMILY_MAX]);

#endif
