/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "lists.h"
#include "view.h"

/*
 * What programs count describes itself (lists.h). Here is the rest: what is computed on our side,
 * and what is no plain number. A key that is missing in both is taken for no counter: subtracting
 * from what does not count would show nonsense, not subtracting shows an older number.
 */
static const struct {
	const char *key;
	struct view_field field;
} fields[] = {
	/* The program: /run/. */
	{ "longest", { "longest was", VIEW_TEXT, false } },
	{ "part", { "runs now", VIEW_TEXT, false } },
	/* Functions: /ism/. */
	{ "gid", { "GID", VIEW_TEXT, false } },
	{ "rgid", { "peer", VIEW_TEXT, false } },
	{ "maxstbl", { "largest store", VIEW_BYTES, false } },
	{ "dmb_max", { "largest DMB", VIEW_BYTES, false } },
	{ "dmb_count_max", { "DMBs at most", VIEW_COUNT, false } },
	{ "direct", { "direct windows", VIEW_FLAG, false } },
	{ "vlan_required", { "VLAN required", VIEW_FLAG, false } },
	{ "open_ms", { "open for", VIEW_MS, false } },
	{ "age_ms", { "age of this answer", VIEW_MS, false } },
	{ "time", { "device's time", VIEW_PLAIN, false } },
	{ "seed", { NULL, VIEW_PLAIN, false } },
	{ "bar0_size", { "BAR 0", VIEW_BYTES, false } },
	{ "bar1_size", { "BAR 1", VIEW_BYTES, false } },
	{ "bar2_size", { "BAR 2", VIEW_BYTES, false } },
	{ "bar3_size", { "BAR 3", VIEW_BYTES, false } },
	{ "bar4_size", { "BAR 4", VIEW_BYTES, false } },
	{ "bar5_size", { "BAR 5", VIEW_BYTES, false } },
	{ "max_len", { "largest DMB", VIEW_BYTES, false } },
	{ "ism_state", { "state", VIEW_TEXT, false } },
	{ "ieq_len", { "bytes of event queue", VIEW_BYTES, false } },
	{ "entry_len", { "bytes of an entry", VIEW_BYTES, false } },
	{ "dmbs_owned", { "DMBs owned", VIEW_COUNT, false } },
	{ "dmbs_used", { "DMBs of others in use", VIEW_COUNT, false } },
	{ "vlan_nr_ids", { "VLANs", VIEW_COUNT, false } },
	{ "vlans", { "VLAN ids", VIEW_TEXT, false } },
	{ "sba", { "SBA", VIEW_TEXT, false } },
	{ "ieq", { "event queue", VIEW_TEXT, false } },
	{ "query", { "QUERY_INFO", VIEW_TEXT, false } },
	{ "summary", { "summary bit", VIEW_FLAG, false } },
	{ "event", { "event bit", VIEW_FLAG, false } },
	{ "dmbs_set", { "DMBs with their bit set", VIEW_COUNT, false } },
	{ "masks_set", { "DMBs with a mask", VIEW_COUNT, false } },
	{ "len", { "bytes", VIEW_BYTES, false } },
	{ "taken", { NULL, VIEW_FLAG, false } },
	{ "overflow", { "events lost, at least", VIEW_COUNT, true } },
	/* Sessions and queues: /link/. */
	/* Disks: /blk/. */
	/* Tests: /fwd/. */
	{ "copy", { NULL, VIEW_FLAG, false } },
	{ "listen", { NULL, VIEW_FLAG, false } },
	/* Consoles: /cons/. */
	/* What is computed here. */
	{ "empty_poll_ratio", { "share of empty polls", VIEW_SHARE, false } },
	{ "peer_empty_poll_ratio", { "share of peer's empty polls", VIEW_SHARE, false } },
	{ "bytes_per_store", { "bytes a store", VIEW_RATIO, false } },
	{ "stores_per_call", { "stores a call", VIEW_RATIO, false } },
	{ "stores_per_message", { "stores a message", VIEW_RATIO, false } },
	{ "stores_per_completion", { "descriptor stores a request", VIEW_RATIO, false } },
	{ "descriptors_per_store", { "descriptors a store", VIEW_RATIO, false } },
	{ "system_calls_per_store", { "system calls a store", VIEW_RATIO, false } },
	{ "stores_per_second", { "stores/s", VIEW_COUNT, false } },
	{ "per_second", { "a second", VIEW_COUNT, false } },
};

static bool
ends_with(const char *key, const char *end)
{
	size_t len = strlen(key), end_len = strlen(end);

	return len > end_len && strcmp(key + len - end_len, end) == 0;
}

/* Names that tell their own unit. */
static struct view_field
by_ending(const char *key)
{
	if (ends_with(key, "_ns"))
		return (struct view_field){ NULL, VIEW_NS, false };
	if (ends_with(key, "_ms"))
		return (struct view_field){ NULL, VIEW_MS, false };
	if (ends_with(key, "_ops") || ends_with(key, "_errors") || strncmp(key, "errors_", 7) == 0)
		return (struct view_field){ NULL, VIEW_COUNT, true };
	if (ends_with(key, "_bytes"))
		return (struct view_field){ NULL, VIEW_BYTES, true };
	if (ends_with(key, "_ratio"))
		return (struct view_field){ NULL, VIEW_SHARE, false };
	return (struct view_field){ NULL, VIEW_COUNT, false };
}

struct view_field
view_field(const char *key)
{
	const struct base_metric *row = stat_metric(key);

	if (row != NULL)
		return (struct view_field){ row->label, (enum view_unit)row->unit,
					    row->kind == BASE_METRIC_COUNTER };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].key, key) == 0)
			return fields[i].field;
	}
	return by_ending(key);
}

bool
view_field_counts(const char *key)
{
	return view_field(key).counter;
}
