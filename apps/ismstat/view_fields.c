/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "view.h"

/*
 * What counts, and what is no plain number. Keys that are missing here are shown with their own
 * name, and are taken for no counters: subtracting from what does not count would show nonsense,
 * not subtracting shows an older number.
 */
static const struct view_field fields[] = {
	/* The program: /run/. */
	{ "waited", "waits above 50 ms", VIEW_COUNT, true },
	{ "busy", "work above 50 ms", VIEW_COUNT, true },
	{ "preempted", "above 50 ms without the CPU", VIEW_COUNT, true },
	{ "longest_ns", "longest", VIEW_NS, false },
	{ "longest", "longest was", VIEW_TEXT, false },
	{ "part", "runs now", VIEW_TEXT, false },
	{ "running_ns", "for", VIEW_NS, false },
	{ "lines_dropped", "lines dropped", VIEW_COUNT, true },
	{ "helper_jobs", "jobs of helpers", VIEW_COUNT, true },
	{ "helper_refused", "jobs refused", VIEW_COUNT, true },
	{ "helper_threads", "helpers now", VIEW_COUNT, false },
	{ "helper_busy", "helpers in a job now", VIEW_COUNT, false },
	/* Functions: /ism/. */
	{ "stores", NULL, VIEW_COUNT, true },
	{ "store_bytes", "bytes stored", VIEW_BYTES, true },
	{ "store_calls", "store calls", VIEW_COUNT, true },
	{ "store_syscalls", "system calls for stores", VIEW_COUNT, true },
	{ "store_retries", "stores tried again", VIEW_COUNT, true },
	{ "err_access", "stores refused", VIEW_COUNT, true },
	{ "err_inval", "stores that broke the rules", VIEW_COUNT, true },
	{ "err_lost", "calls on a lost function", VIEW_COUNT, true },
	{ "commands", NULL, VIEW_COUNT, true },
	{ "command_errors", "commands that failed", VIEW_COUNT, true },
	{ "events", NULL, VIEW_COUNT, true },
	{ "events_lost", "events lost, at least", VIEW_COUNT, true },
	{ "signals", "events sent", VIEW_COUNT, true },
	{ "dmbs", "DMBs now", VIEW_COUNT, false },
	{ "dmb_bytes", "bytes of DMBs now", VIEW_BYTES, false },
	{ "windows", "windows now", VIEW_COUNT, false },
	{ "windows_direct", "direct windows now", VIEW_COUNT, false },
	{ "polls", NULL, VIEW_COUNT, true },
	{ "polls_empty", "empty polls", VIEW_COUNT, true },
	{ "reopens", "times reopened", VIEW_COUNT, true },
	{ "gid", "GID", VIEW_TEXT, false },
	{ "rgid", "peer", VIEW_TEXT, false },
	{ "maxstbl", "largest store", VIEW_BYTES, false },
	{ "dmb_max", "largest DMB", VIEW_BYTES, false },
	{ "dmb_count_max", "DMBs at most", VIEW_COUNT, false },
	{ "direct", "direct windows", VIEW_FLAG, false },
	{ "vlan_required", "VLAN required", VIEW_FLAG, false },
	{ "open_ms", "open for", VIEW_MS, false },
	{ "age_ms", "age of this answer", VIEW_MS, false },
	{ "time", "device's time", VIEW_PLAIN, false },
	{ "generation", NULL, VIEW_PLAIN, false },
	{ "seed", NULL, VIEW_PLAIN, false },
	{ "bar0_size", "BAR 0", VIEW_BYTES, false },
	{ "bar1_size", "BAR 1", VIEW_BYTES, false },
	{ "bar2_size", "BAR 2", VIEW_BYTES, false },
	{ "bar3_size", "BAR 3", VIEW_BYTES, false },
	{ "bar4_size", "BAR 4", VIEW_BYTES, false },
	{ "bar5_size", "BAR 5", VIEW_BYTES, false },
	{ "max_len", "largest DMB", VIEW_BYTES, false },
	{ "ism_state", "state", VIEW_TEXT, false },
	{ "ieq_len", "bytes of event queue", VIEW_BYTES, false },
	{ "entry_len", "bytes of an entry", VIEW_BYTES, false },
	{ "dmbs_owned", "DMBs owned", VIEW_COUNT, false },
	{ "dmbs_used", "DMBs of others in use", VIEW_COUNT, false },
	{ "vlan_nr_ids", "VLANs", VIEW_COUNT, false },
	{ "vlans", "VLAN ids", VIEW_TEXT, false },
	{ "sba", "SBA", VIEW_TEXT, false },
	{ "ieq", "event queue", VIEW_TEXT, false },
	{ "query", "QUERY_INFO", VIEW_TEXT, false },
	{ "summary", "summary bit", VIEW_FLAG, false },
	{ "event", "event bit", VIEW_FLAG, false },
	{ "dmbs_set", "DMBs with their bit set", VIEW_COUNT, false },
	{ "masks_set", "DMBs with a mask", VIEW_COUNT, false },
	{ "len", "bytes", VIEW_BYTES, false },
	{ "taken", NULL, VIEW_FLAG, false },
	{ "overflow", "events lost, at least", VIEW_COUNT, true },
	/* Sessions and queues: /link/. */
	{ "slot_size", "slot size", VIEW_BYTES, false },
	{ "ups", "times up", VIEW_COUNT, true },
	{ "downs", "times down", VIEW_COUNT, true },
	{ "refused", NULL, VIEW_COUNT, true },
	{ "protocol_errors", NULL, VIEW_COUNT, true },
	{ "events_ignored", NULL, VIEW_COUNT, true },
	{ "hello_retries", "rendezvous retries", VIEW_COUNT, true },
	{ "keepalives_sent", NULL, VIEW_COUNT, true },
	{ "keepalives_seen", NULL, VIEW_COUNT, true },
	{ "device_losses", "functions lost", VIEW_COUNT, true },
	{ "events_over", "events above a GID's rate", VIEW_COUNT, true },
	{ "calls_delayed", "calls put off", VIEW_COUNT, true },
	{ "refused_full", "refused for lack of room", VIEW_COUNT, true },
	{ "lines_withheld", "lines not logged", VIEW_COUNT, true },
	{ "slices", "pieces set up or released", VIEW_COUNT, true },
	{ "callers", "GIDs that called", VIEW_COUNT, false },
	{ "held_dmbs", "DMBs of sessions", VIEW_COUNT, false },
	{ "held_bytes", "memory of sessions", VIEW_BYTES, false },
	{ "requests", NULL, VIEW_COUNT, true },
	{ "completions", NULL, VIEW_COUNT, true },
	{ "payload_tx", "payload sent", VIEW_BYTES, true },
	{ "payload_rx", "payload received", VIEW_BYTES, true },
	{ "flushes", "stores of descriptors", VIEW_COUNT, true },
	{ "descriptor_stores", "stores of descriptors", VIEW_COUNT, true },
	{ "descriptors", NULL, VIEW_COUNT, true },
	{ "no_slot", "credit stalls, local", VIEW_COUNT, true },
	{ "peer_full", "credit stalls, remote", VIEW_COUNT, true },
	{ "stalls", NULL, VIEW_COUNT, true },
	{ "stalls_local", "credit stalls, local", VIEW_COUNT, true },
	{ "stalls_remote", "credit stalls, remote", VIEW_COUNT, true },
	{ "bad", "refused by the gate", VIEW_COUNT, true },
	{ "inflight", "in flight", VIEW_COUNT, false },
	{ "inflight_max", "in flight at most", VIEW_COUNT, false },
	/* Disks: /blk/. */
	{ "ops", "operations", VIEW_COUNT, true },
	{ "bytes", NULL, VIEW_BYTES, true },
	{ "errors", NULL, VIEW_COUNT, true },
	{ "size", NULL, VIEW_BYTES, false },
	{ "flush_errors", NULL, VIEW_COUNT, true },
	{ "digest_errors", NULL, VIEW_COUNT, true },
	{ "steps_inline", "steps done at once", VIEW_COUNT, true },
	{ "steps_ring", "steps through io_uring", VIEW_COUNT, true },
	{ "steps_later", "steps put off", VIEW_COUNT, true },
	{ "submits", NULL, VIEW_COUNT, true },
	{ "parked", NULL, VIEW_COUNT, true },
	{ "retries", NULL, VIEW_COUNT, true },
	{ "replays", "requests sent again", VIEW_COUNT, true },
	{ "timeouts", "over a time limit", VIEW_COUNT, true },
	{ "cancels", "ended unanswered", VIEW_COUNT, true },
	{ "orphans", "left unanswered", VIEW_COUNT, true },
	{ "late_answers", "answered too late", VIEW_COUNT, true },
	{ "waits", NULL, VIEW_COUNT, true },
	{ "losses", "lost writes told", VIEW_COUNT, true },
	{ "payload_in", NULL, VIEW_BYTES, true },
	{ "payload_out", NULL, VIEW_BYTES, true },
	{ "placed", "payloads placed", VIEW_COUNT, true },
	{ "copies", "copies of payload", VIEW_COUNT, true },
	{ "interrupted", NULL, VIEW_COUNT, true },
	{ "emptied", "disks truncated", VIEW_COUNT, true },
	{ "up", NULL, VIEW_FLAG, false },
	{ "ready", NULL, VIEW_FLAG, false },
	{ "present", NULL, VIEW_FLAG, false },
	/* Tests: /fwd/. */
	{ "messages", NULL, VIEW_COUNT, true },
	{ "answers", NULL, VIEW_COUNT, true },
	{ "lost", "messages lost", VIEW_COUNT, true },
	{ "mismatches", "wrong contents", VIEW_COUNT, true },
	{ "run", "number of the test", VIEW_PLAIN, false },
	{ "runs", NULL, VIEW_COUNT, true },
	{ "calls_refused", NULL, VIEW_COUNT, true },
	{ "shares_used", NULL, VIEW_COUNT, true },
	{ "peer_messages", NULL, VIEW_COUNT, true },
	{ "peer_polls", NULL, VIEW_COUNT, true },
	{ "peer_polls_empty", "peer's empty polls", VIEW_COUNT, true },
	{ "copy", NULL, VIEW_FLAG, false },
	{ "listen", NULL, VIEW_FLAG, false },
	/* Consoles: /cons/. */
	{ "bytes_in", NULL, VIEW_BYTES, true },
	{ "bytes_out", NULL, VIEW_BYTES, true },
	{ "cut", "bytes cut", VIEW_BYTES, true },
	{ "cut_bytes", "bytes cut", VIEW_BYTES, true },
	{ "dropped_bytes", "bytes dropped", VIEW_BYTES, true },
	{ "scrollback", NULL, VIEW_BYTES, false },
	{ "lag", NULL, VIEW_BYTES, false },
	{ "reads", NULL, VIEW_COUNT, true },
	{ "writes", NULL, VIEW_COUNT, true },
	{ "reconnects", NULL, VIEW_COUNT, true },
	{ "attaches", NULL, VIEW_COUNT, true },
	{ "refusals", NULL, VIEW_COUNT, true },
	{ "take_overs", NULL, VIEW_COUNT, true },
	{ "started", NULL, VIEW_COUNT, true },
	{ "ended", NULL, VIEW_COUNT, true },
	{ "loops", "loops broken", VIEW_COUNT, true },
	{ "orphans", "orphans reaped", VIEW_COUNT, true },
	{ "hung_up", NULL, VIEW_COUNT, true },
	{ "starts_held", "starts held up", VIEW_COUNT, true },
	{ "long_lines", "lines typed in pieces", VIEW_COUNT, true },
	{ "typing", NULL, VIEW_FLAG, false },
	/* What is computed here. */
	{ "empty_poll_ratio", "share of empty polls", VIEW_SHARE, false },
	{ "peer_empty_poll_ratio", "share of peer's empty polls", VIEW_SHARE, false },
	{ "bytes_per_store", "bytes a store", VIEW_RATIO, false },
	{ "stores_per_call", "stores a call", VIEW_RATIO, false },
	{ "stores_per_message", "stores a message", VIEW_RATIO, false },
	{ "stores_per_completion", "descriptor stores a request", VIEW_RATIO, false },
	{ "descriptors_per_store", "descriptors a store", VIEW_RATIO, false },
	{ "system_calls_per_store", "system calls a store", VIEW_RATIO, false },
	{ "messages_per_second", "messages/s", VIEW_COUNT, false },
	{ "stores_per_second", "stores/s", VIEW_COUNT, false },
	{ "bytes_per_second", "bytes/s", VIEW_BYTES, false },
	{ "per_second", "a second", VIEW_COUNT, false },
};

static bool
ends_with(const char *key, const char *end)
{
	size_t len = strlen(key), end_len = strlen(end);

	return len > end_len && strcmp(key + len - end_len, end) == 0;
}

/* Names that tell their own unit. */
static const struct view_field *
by_ending(const char *key)
{
	static const struct view_field other = { "", NULL, VIEW_COUNT, false },
				       ns = { "", NULL, VIEW_NS, false },
				       ms = { "", NULL, VIEW_MS, false },
				       ops = { "", NULL, VIEW_COUNT, true },
				       bytes = { "", NULL, VIEW_BYTES, true },
				       share = { "", NULL, VIEW_SHARE, false };

	if (ends_with(key, "_ns"))
		return &ns;
	if (ends_with(key, "_ms"))
		return &ms;
	if (ends_with(key, "_ops") || ends_with(key, "_errors") || strncmp(key, "errors_", 7) == 0)
		return &ops;
	if (ends_with(key, "_bytes"))
		return &bytes;
	if (ends_with(key, "_ratio"))
		return &share;
	return &other;
}

const struct view_field *
view_field(const char *key)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	}
	return by_ending(key);
}

bool
view_field_counts(const char *key)
{
	return view_field(key)->counter;
}
