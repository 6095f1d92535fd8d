/* SPDX-License-Identifier: BSD-3-Clause */
/* Which number of which answer becomes which family. Keys are those of telemetry. */
#include "openmetrics.h"

#define COUNTER(key, family, help)                                                                 \
	{                                                                                          \
		key, 0,                                                                            \
		{                                                                                  \
			family, METRIC_COUNTER, "", help                                           \
		}                                                                                  \
	}
#define BYTES(key, family, help)                                                                   \
	{                                                                                          \
		key, 0,                                                                            \
		{                                                                                  \
			family "_bytes", METRIC_COUNTER, "bytes", help                             \
		}                                                                                  \
	}
#define GAUGE(key, family, help)                                                                   \
	{                                                                                          \
		key, 0,                                                                            \
		{                                                                                  \
			family, METRIC_GAUGE, "", help                                             \
		}                                                                                  \
	}
#define GAUGE_BYTES(key, family, help)                                                             \
	{                                                                                          \
		key, 0,                                                                            \
		{                                                                                  \
			family "_bytes", METRIC_GAUGE, "bytes", help                               \
		}                                                                                  \
	}
#define GAUGE_SECONDS(key, exp, family, help)                                                      \
	{                                                                                          \
		key, exp,                                                                          \
		{                                                                                  \
			family "_seconds", METRIC_GAUGE, "seconds", help                           \
		}                                                                                  \
	}
/* Told in another way, or a word more than a number. */
#define NOT_SHOWN(key)                                                                             \
	{                                                                                          \
		key, 0,                                                                            \
		{                                                                                  \
			.family = NULL                                                             \
		}                                                                                  \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0,                                                                           \
		{                                                                                  \
			.family = NULL                                                             \
		}                                                                                  \
	}

static const struct metric_row device_rows[] = {
	COUNTER("stores", "ism_stores",
		"Stores (PCISTB) issued; with direct windows, what copies "
		"stand for."),
	BYTES("store_bytes", "ism_store", "Bytes stored."),
	COUNTER("store_calls", "ism_store_calls", "Calls of the driver's store function."),
	COUNTER("store_syscalls", "ism_store_system_calls", "System calls made for stores."),
	COUNTER("store_retries", "ism_store_retries",
		"Stores tried again after the device refused them."),
	COUNTER("err_access", "ism_stores_refused",
		"Stores that the device refused: bad token or "
		"revoked DMB."),
	COUNTER("err_inval", "ism_stores_invalid",
		"Stores against the rules of offset and length."),
	COUNTER("err_lost", "ism_lost_calls", "Calls on a lost function."),
	COUNTER("commands", "ism_commands", "Commands given to the device."),
	COUNTER("command_errors", "ism_command_errors", "Commands refused or not answered."),
	COUNTER("events", "ism_events", "Events taken from the event queue."),
	COUNTER("events_lost", "ism_events_lost", "Events lost, at least."),
	COUNTER("signals", "ism_signals", "Software events sent to others."),
	GAUGE("dmbs", "ism_dmbs", "DMBs registered."),
	GAUGE_BYTES("dmb_bytes", "ism_dmb", "Bytes of DMBs registered."),
	GAUGE("windows", "ism_windows", "Windows into peers' DMBs."),
	GAUGE("windows_direct", "ism_windows_direct", "Windows that are plain memory."),
	COUNTER("polls", "ism_polls", "Rounds of event queue and SBA polled."),
	COUNTER("polls_empty", "ism_polls_empty", "Rounds polled that found nothing."),
	COUNTER("reopens", "ism_reopens", "Times that the function came back."),
	END,
};
const struct metric_table metric_device = { device_rows, "ism" };

static const struct metric_row link_rows[] = {
	GAUGE("sessions", "link_sessions", "Sessions that exist, up or not."),
	COUNTER("ups", "link_ups", "Sessions that came up."),
	COUNTER("downs", "link_downs", "Sessions that went down."),
	COUNTER("refused", "link_refused", "Calls of others that were refused."),
	COUNTER("protocol_errors", "link_protocol_errors", "Breaches of the protocol by peers."),
	COUNTER("events_ignored", "link_events_ignored", "Events that mean nothing to the link."),
	COUNTER("hello_retries", "link_hello_retries", "Calls repeated while nobody answered."),
	COUNTER("keepalives_sent", "link_keepalives_sent", "Keepalives sent."),
	COUNTER("device_losses", "link_device_losses", "Times that our function was lost."),
	COUNTER("events_over", "link_events_over", "Events above what one GID may send."),
	COUNTER("calls_delayed", "link_calls_delayed", "Calls of GIDs that call too often."),
	COUNTER("refused_full", "link_refused_full",
		"Calls refused because no session, DMB or memory was left."),
	COUNTER("lines_withheld", "link_lines_withheld", "Lines of the log withheld."),
	COUNTER("slices", "link_slices", "Pieces of sessions set up and released."),
	NOT_SHOWN("slice_max_ns"),
	GAUGE("callers", "link_callers", "GIDs that have called and are remembered."),
	GAUGE("held_dmbs", "link_held_dmbs", "DMBs of sessions with those who called."),
	GAUGE_BYTES("held_bytes", "link_held", "Bytes of those DMBs."),
	NOT_SHOWN("errors"),
	END,
};
const struct metric_table metric_link = { link_rows, "link" };

static const struct metric_row session_rows[] = {
	GAUGE_SECONDS("up_ms", 3, "link_session_up",
		      "How long the session is up; 0 while it is "
		      "down."),
	COUNTER("ups", "link_session_ups", "Times that the session came up."),
	COUNTER("keepalives_sent", "link_session_keepalives_sent", "Keepalives sent."),
	COUNTER("keepalives_seen", "link_session_keepalives_seen", "Keepalives seen."),
	COUNTER("protocol_errors", "link_session_protocol_errors", "Breaches of the protocol."),
	COUNTER("retries", "link_session_retries", "Calls repeated and attempts that failed."),
	GAUGE("queues", "link_session_queues", "Queues agreed."),
	GAUGE("depth", "link_session_depth", "Slots of one queue."),
	GAUGE_BYTES("slot_size", "link_session_slot", "Bytes of one slot."),
	GAUGE("features", "link_session_features", "Features agreed, as bits."),
	GAUGE("version", "link_session_version", "Version agreed."),
	NOT_SHOWN("service"),
	NOT_SHOWN("errors"),
	END,
};
const struct metric_table metric_session = { session_rows, "link_session" };

static const struct metric_row queue_rows[] = {
	COUNTER("requests", "link_queue_requests", "Requests posted or taken."),
	COUNTER("completions", "link_queue_completions", "Completions taken or posted."),
	BYTES("payload_tx", "link_queue_sent", "Payload sent."),
	BYTES("payload_rx", "link_queue_received", "Payload received."),
	COUNTER("stores", "link_queue_stores", "Stores of descriptors and payload."),
	BYTES("store_bytes", "link_queue_store", "Bytes of those stores."),
	COUNTER("flushes", "link_queue_descriptor_stores", "Stores that published descriptors."),
	COUNTER("descriptors", "link_queue_descriptors", "Descriptors published."),
	COUNTER("polls", "link_queue_polls", "Rounds polled."),
	COUNTER("polls_empty", "link_queue_polls_empty", "Rounds polled that found nothing."),
	COUNTER("no_slot", "link_queue_stalls_local", "Requests that found no free slot."),
	COUNTER("peer_full", "link_queue_stalls_remote", "Times that the peer had all slots open."),
	COUNTER("bad", "link_queue_refused", "Descriptors that the gate refused."),
	GAUGE("depth", "link_queue_slots", "Slots."),
	GAUGE("inflight", "link_queue_inflight", "Requests open now."),
	GAUGE("inflight_max", "link_queue_inflight_max", "Requests open at most so far."),
	END,
};
const struct metric_table metric_queue = { queue_rows, "link_queue" };

static const struct metric_row export_rows[] = {
	GAUGE_BYTES("size", "blk_export_size", "Size of the export."),
	GAUGE("inflight", "blk_export_inflight", "Requests in work now."),
	GAUGE("flags", "blk_export_flags", "What the export can do, as bits."),
	COUNTER("generation", "blk_export_changes", "Changes of size noticed."),
	COUNTER("flush_errors", "blk_export_flush_errors", "Lost writes that the kernel told."),
	NOT_SHOWN("p50_ns"),
	NOT_SHOWN("p99_ns"),
	NOT_SHOWN("p999_ns"),
	NOT_SHOWN("max_ns"),
	END,
};
const struct metric_table metric_export = { export_rows, "blk_export" };
const struct metric metric_export_ops = { "blk_export_operations", METRIC_COUNTER, "",
					  "Requests answered." };
const struct metric metric_export_bytes = { "blk_export_data_bytes", METRIC_COUNTER, "bytes",
					    "Bytes that requests without error covered." };
const struct metric metric_export_errors = { "blk_export_errors", METRIC_COUNTER, "",
					     "Requests answered with an error." };
const struct metric metric_export_latency = {
	"blk_export_latency_seconds", METRIC_SUMMARY, "seconds",
	"From the round that took a request until its answer was published."
};

static const struct metric_row worker_rows[] = {
	GAUGE("queues", "blk_worker_queues", "Queues that the worker serves."),
	COUNTER("requests", "blk_worker_requests", "Requests taken."),
	COUNTER("refused", "blk_worker_refused", "Requests refused."),
	COUNTER("digest_errors", "blk_worker_digest_errors", "Payloads with a wrong CRC32C."),
	COUNTER("flushes", "blk_worker_flushes", "Batches of answers published."),
	COUNTER("steps_inline", "blk_worker_steps_inline", "Steps done by plain calls."),
	COUNTER("steps_ring", "blk_worker_steps_ring", "Steps done by io_uring."),
	COUNTER("steps_later", "blk_worker_steps_later", "Steps that had to wait."),
	COUNTER("submits", "blk_worker_submits", "Calls that submitted to io_uring."),
	COUNTER("parked", "blk_worker_parked", "Requests that waited for room."),
	COUNTER("retries", "blk_worker_retries", "Steps tried again."),
	END,
};
const struct metric_table metric_worker = { worker_rows, "blk_worker" };

static const struct metric_row client_rows[] = {
	GAUGE("up", "blk_client_up", "1: the session is up."),
	GAUGE("ready", "blk_client_ready", "1: the peer's disks are known and usable."),
	GAUGE("disks", "blk_client_disks", "Disks of the peer."),
	/* The session tells the rest of itself. */
	NOT_SHOWN("ups"),
	NOT_SHOWN("version"),
	NOT_SHOWN("features"),
	NOT_SHOWN("queues"),
	NOT_SHOWN("depth"),
	NOT_SHOWN("slot_size"),
	NOT_SHOWN("keepalives_sent"),
	NOT_SHOWN("keepalives_seen"),
	NOT_SHOWN("protocol_errors"),
	END,
};
const struct metric_table metric_client = { client_rows, "blk_client" };

static const struct metric_row disk_rows[] = {
	GAUGE("present", "blk_disk_present", "1: the peer exports the disk."),
	GAUGE_BYTES("size", "blk_disk_size", "Size of the disk."),
	GAUGE("flags", "blk_disk_flags", "What the disk can do, as bits."),
	GAUGE("inflight", "blk_disk_inflight", "Ios under way."),
	COUNTER("losses", "blk_disk_losses", "Times that answered writes may have been lost."),
	NOT_SHOWN("min_ns"),
	NOT_SHOWN("p50_ns"),
	NOT_SHOWN("p99_ns"),
	NOT_SHOWN("p999_ns"),
	NOT_SHOWN("max_ns"),
	END,
};
const struct metric_table metric_disk = { disk_rows, NULL };
const struct metric metric_disk_ops = { "blk_disk_operations", METRIC_COUNTER, "",
					"Ios that succeeded." };
const struct metric metric_disk_bytes = { "blk_disk_data_bytes", METRIC_COUNTER, "bytes",
					  "Bytes of them." };
const struct metric metric_disk_errors = { "blk_disk_errors", METRIC_COUNTER, "",
					   "Ios that failed." };
const struct metric metric_disk_latency = { "blk_disk_latency_seconds", METRIC_SUMMARY, "seconds",
					    "From the submission of an io until its end." };

static const struct metric_row client_queue_rows[] = {
	COUNTER("replays", "blk_client_queue_replays", "Ios sent again after a session ended."),
	COUNTER("waits", "blk_client_queue_waits", "Ios that found too few free slots."),
	COUNTER("digest_errors", "blk_client_queue_digest_errors", "Payloads with a wrong CRC32C."),
	COUNTER("timeouts", "blk_client_queue_timeouts", "Ios that a time limit ended."),
	COUNTER("cancels", "blk_client_queue_cancels", "Ios of processes that were killed."),
	COUNTER("orphans", "blk_client_queue_orphans",
		"Requests whose io ended before their answer."),
	COUNTER("late_answers", "blk_client_queue_late_answers", "Of those, answered later."),
	END,
};
const struct metric_table metric_client_queue = { client_queue_rows, NULL };

static const struct metric_row mount_rows[] = {
	GAUGE("workers", "blk_mount_workers", "Threads that serve the mount."),
	COUNTER("requests", "blk_mount_requests", "Requests of the kernel."),
	COUNTER("empty", "blk_mount_polls_empty", "Reads of /dev/fuse that found nothing."),
	COUNTER("stalls", "blk_mount_stalls", "Requests that had to wait for room."),
	BYTES("payload_in", "blk_mount_written", "Payload from the kernel."),
	BYTES("payload_out", "blk_mount_read", "Payload to the kernel."),
	COUNTER("placed", "blk_mount_placed",
		"Payloads that went into the peer's memory without a store."),
	COUNTER("copies", "blk_mount_copies", "Payloads copied on the way."),
	COUNTER("interrupted", "blk_mount_interrupted", "Requests that were interrupted."),
	COUNTER("emptied", "blk_mount_emptied", "Disks that O_TRUNC has made read as zeros."),
	END,
};
const struct metric_table metric_mount = { mount_rows, "blk_mount" };

static const struct metric_row loop_rows[] = {
	COUNTER("waited", "run_loop_waits", "Parts of rounds that waited for more than 50 ms."),
	COUNTER("busy", "run_loop_busy", "Parts of rounds that worked for more than 50 ms."),
	COUNTER("preempted", "run_loop_preempted",
		"Parts of rounds above 50 ms in which others had the CPU."),
	GAUGE_SECONDS("longest_ns", 9, "run_loop_longest", "The longest that waited or worked."),
	GAUGE_SECONDS("running_ns", 9, "run_loop_running", "How long the present part runs."),
	END,
};
const struct metric_table metric_loop = { loop_rows, "run_loop" };

static const struct metric_row process_rows[] = {
	COUNTER("lines_dropped", "run_lines_dropped", "Lines that nobody read."),
	COUNTER("helper_jobs", "run_helper_jobs", "Work that was handed to helpers and is done."),
	COUNTER("helper_refused", "run_helper_refused", "Work that no helper could take."),
	GAUGE("helper_threads", "run_helper_threads", "Helpers."),
	GAUGE("helper_busy", "run_helper_busy", "Helpers at work."),
	END,
};
const struct metric_table metric_process = { process_rows, "run" };

static const struct metric_row console_rows[] = {
	GAUGE("observers", "cons_console_observers", "Observers attached."),
	GAUGE_SECONDS("age", 0, "cons_console_age", "How long the program on it runs."),
	GAUGE_BYTES("scrollback", "cons_console_scrollback", "Output that is kept."),
	BYTES("bytes_out", "cons_console_output", "Output of the program."),
	BYTES("bytes_in", "cons_console_input", "Input to the program."),
	BYTES("cut", "cons_console_cut", "Output that a client could not be given any more."),
	COUNTER("stalls", "cons_console_stalls", "Times that the program had to wait."),
	COUNTER("started", "cons_console_started", "Programs started."),
	COUNTER("ended", "cons_console_ended", "Programs that ended."),
	COUNTER("hung_up", "cons_console_hung_up", "Programs hung up: their writer had left."),
	COUNTER("starts_held", "cons_console_starts_held", "Starts that had to wait."),
	COUNTER("long_lines", "cons_console_long_lines", "Lines typed in pieces."),
	NOT_SHOWN("out_pos"), /* begins anew with each program */
	END,
};
const struct metric_table metric_console = { console_rows, "cons_console" };

static const struct metric_row cons_client_rows[] = {
	GAUGE("up", "cons_client_up", "1: the session is up."),
	GAUGE("device", "cons_client_device", "1: the console is a terminal device."),
	GAUGE("credits", "cons_client_credits", "Reads that wait at the server."),
	GAUGE_BYTES("unacknowledged", "cons_client_unacknowledged", "Input not taken yet."),
	BYTES("bytes_in", "cons_client_received", "Output of the console received."),
	BYTES("bytes_out", "cons_client_sent", "Input sent to the console."),
	BYTES("cut_bytes", "cons_client_cut", "Output that the server had to cut."),
	BYTES("dropped_bytes", "cons_client_dropped", "Input that could not be delivered."),
	COUNTER("reads", "cons_client_reads", "Reads answered."),
	COUNTER("writes", "cons_client_writes", "Writes sent."),
	COUNTER("reconnects", "cons_client_reconnects", "Times attached again."),
	NOT_SHOWN("output_position"),
	NOT_SHOWN("input_position"),
	END,
};
const struct metric_table metric_cons_client = { cons_client_rows, "cons_client" };

static const struct metric_row cons_stats_rows[] = {
	COUNTER("attaches", "cons_attaches", "Clients that attached."),
	COUNTER("refusals", "cons_refusals", "Attachments refused."),
	COUNTER("take_overs", "cons_take_overs", "Consoles taken over."),
	COUNTER("protocol_errors", "cons_protocol_errors", "Breaches of the protocol."),
	BYTES("bytes_in", "cons_input", "Input to all consoles."),
	BYTES("bytes_out", "cons_output", "Output of all consoles."),
	COUNTER("started", "cons_started", "Programs started."),
	COUNTER("ended", "cons_ended", "Programs that ended."),
	COUNTER("loops", "cons_loops", "Clients detached that showed a console to itself."),
	COUNTER("orphans", "cons_orphans", "Orphans of programs reaped."),
	COUNTER("hung_up", "cons_hung_up", "Programs hung up: their writer had left."),
	COUNTER("starts_held", "cons_starts_held", "Starts that had to wait."),
	COUNTER("long_lines", "cons_long_lines", "Lines typed in pieces."),
	END,
};
const struct metric_table metric_cons_stats = { cons_stats_rows, "cons" };

static const struct metric_row fwd_rows[] = {
	COUNTER("messages", "fwd_messages", "Messages of the running or last test."),
	BYTES("bytes", "fwd_data", "Bytes of them."),
	COUNTER("requests", "fwd_requests", "Requests of the test."),
	COUNTER("stores", "fwd_stores", "Stores of the test."),
	COUNTER("stalls_local", "fwd_stalls_local", "Requests that found no free slot."),
	COUNTER("stalls_remote", "fwd_stalls_remote", "Times that the other side had no room."),
	COUNTER("polls", "fwd_polls", "Rounds polled."),
	COUNTER("polls_empty", "fwd_polls_empty", "Rounds polled that found nothing."),
	COUNTER("lost", "fwd_lost", "Messages lost."),
	COUNTER("mismatches", "fwd_mismatches", "Messages with wrong contents."),
	GAUGE_SECONDS("elapsed_ms", 3, "fwd_elapsed", "How long the test runs or ran."),
	END,
};
const struct metric_table metric_fwd = { fwd_rows, NULL };

const struct metric metric_program = { "ism_program_info", METRIC_GAUGE, "",
				       "The program that answers." };
const struct metric metric_device_info = { "ism_device_info", METRIC_GAUGE, "",
					   "An ISM function of the program." };
const struct metric metric_device_open = { "ism_device_open", METRIC_GAUGE, "",
					   "1: the function is open and not lost." };
const struct metric metric_session_up = { "link_session_state", METRIC_GAUGE, "",
					  "1: the session is up." };
const struct metric metric_session_errors = { "link_session_errors", METRIC_COUNTER, "",
					      "Attempts failed and sessions ended, by reason." };
const struct metric metric_link_errors = { "link_errors", METRIC_COUNTER, "",
					   "The same over all sessions, past ones included." };

const struct metric_quantile metric_quantiles[] = {
	{ "min_ns", "0" },	{ "p50_ns", "0.5" }, { "p99_ns", "0.99" },
	{ "p999_ns", "0.999" }, { "max_ns", "1" },   { NULL, NULL },
};
