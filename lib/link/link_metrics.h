/* SPDX-License-Identifier: BSD-3-Clause */
/* What a link counts (base_metric.h): telemetry under /link/. */
#ifndef LINK_METRICS_H
#define LINK_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* Over all sessions of a link, past ones included: /link/stats. Control writes. */
#define LINK_METRICS(X) \
	X(sessions, GAUGE, COUNT, NULL, NULL, "Sessions that exist, up or not.") \
	X(ups, COUNTER, COUNT, NULL, "times up", "Sessions that came up.") \
	X(downs, COUNTER, COUNT, NULL, "times down", "Sessions that went down.") \
	X(refused, COUNTER, COUNT, NULL, NULL, "Calls of others that were refused.") \
	X(protocol_errors, COUNTER, COUNT, NULL, NULL, "Breaches of the protocol by peers.") \
	X(events_ignored, COUNTER, COUNT, NULL, NULL, "Events that mean nothing to the link.") \
	X(hello_retries, COUNTER, COUNT, NULL, "rendezvous retries", \
	  "Calls repeated while nobody answered.") \
	X(keepalives_sent, COUNTER, COUNT, NULL, NULL, "Keepalives sent.") \
	X(device_losses, COUNTER, COUNT, NULL, "functions lost", \
	  "Times that our function was lost.") \
	X(events_over, COUNTER, COUNT, NULL, "events above a GID's rate", \
	  "Events above what one GID may send: not looked at.") \
	X(calls_delayed, COUNTER, COUNT, NULL, "calls put off", \
	  "Calls of GIDs that call too often: they call again.") \
	X(refused_full, COUNTER, COUNT, NULL, "refused for lack of room", \
	  "Calls refused because no session, DMB or memory was left.") \
	X(lines_withheld, COUNTER, COUNT, NULL, "lines not logged", \
	  "Lines about one GID that the log was spared.") \
	X(slices, COUNTER, COUNT, NULL, "pieces set up or released", \
	  "Pieces of sessions set up and released.") \
	X(slice_max_ns, PEAK, NS, "slice_max", NULL, "The longest of those pieces.") \
	X(callers, GAUGE, COUNT, NULL, "GIDs that called", \
	  "GIDs that have called and are remembered.") \
	X(held_dmbs, GAUGE, COUNT, NULL, "DMBs of sessions", \
	  "DMBs of sessions with those who called.") \
	X(held_bytes, GAUGE, BYTES, NULL, "memory of sessions", "Bytes of those DMBs.")

/* Of one session: /link/sessions. Control writes. */
#define LINK_SESSION_METRICS(X) \
	X(ups, COUNTER, COUNT, NULL, "times up", "Times that the session came up.") \
	X(keepalives_sent, COUNTER, COUNT, NULL, NULL, "Keepalives sent.") \
	X(keepalives_seen, COUNTER, COUNT, NULL, NULL, "Keepalives seen.") \
	X(protocol_errors, COUNTER, COUNT, NULL, NULL, "Breaches of the protocol.") \
	X(retries, COUNTER, COUNT, NULL, NULL, "Calls repeated and attempts that failed.")
/* What was agreed. */
#define LINK_GEOMETRY_METRICS(X) \
	X(version, GAUGE, PLAIN, NULL, NULL, "Version agreed.") \
	X(features, GAUGE, PLAIN, NULL, NULL, "Features agreed, as bits.") \
	X(queues, GAUGE, COUNT, NULL, NULL, "Queues agreed.") \
	X(depth, GAUGE, COUNT, NULL, NULL, "Slots of one queue.") \
	X(slot_size, GAUGE, BYTES, "slot", "slot size", "Bytes of one slot.") \
	X(up_ms, GAUGE, MS, NULL, NULL, "How long the session is up; 0 while it is down.")
#define LINK_SESSION_SHOWN(X) \
	LINK_GEOMETRY_METRICS(X) \
	LINK_SESSION_METRICS(X)

/* Of one queue: its data thread writes. */
#define LINK_QUEUE_METRICS(X) \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests posted or taken.") \
	X(completions, COUNTER, COUNT, NULL, NULL, "Completions taken or posted.") \
	X(payload_tx, COUNTER, BYTES, "sent", "payload sent", "Payload sent.") \
	X(payload_rx, COUNTER, BYTES, "received", "payload received", "Payload received.") \
	X(flushes, COUNTER, COUNT, "descriptor_stores", "stores of descriptors", \
	  "Stores that published descriptors.") \
	X(descriptors, COUNTER, COUNT, NULL, NULL, "Descriptors published.") \
	X(polls, COUNTER, COUNT, NULL, NULL, "Rounds polled.") \
	X(polls_empty, COUNTER, COUNT, NULL, "empty polls", "Rounds polled that found nothing.") \
	X(no_slot, COUNTER, COUNT, "stalls_local", "credit stalls, local", \
	  "Requests that found no free slot.") \
	X(bad, COUNTER, COUNT, "refused", "refused by the gate", \
	  "Descriptors that the gate refused.") \
	X(inflight, GAUGE, COUNT, NULL, "in flight", "Requests open now.") \
	X(inflight_max, PEAK, COUNT, NULL, "in flight at most", \
	  "Requests open at most so far.") \
	X(peer_full, COUNTER, COUNT, "stalls_remote", "credit stalls, remote", \
	  "Times that the peer had all slots open.")
/* The driver's, of the queue's windows. */
#define LINK_STORE_METRICS(X) \
	X(depth, GAUGE, COUNT, "slots", NULL, "Slots.") \
	X(stores, COUNTER, COUNT, NULL, NULL, "Stores of descriptors and payload.") \
	X(store_bytes, COUNTER, BYTES, NULL, "bytes stored", "Bytes of those stores.")
/* /link/queues */
#define LINK_QUEUE_SHOWN(X) \
	LINK_STORE_METRICS(X) \
	LINK_QUEUE_METRICS(X)

/* Of one GID that called. Control writes. */
#define LINK_CALLER_METRICS(X) \
	X(calls, COUNTER, COUNT, "", NULL, "Sessions that it began.") \
	X(calls_delayed, COUNTER, COUNT, "", "calls put off", \
	  "Calls put off because it called too often.") \
	X(refused, COUNTER, COUNT, "", NULL, "Calls refused.") \
	X(events_over, COUNTER, COUNT, "", "events above a GID's rate", \
	  "Events above the rate that one GID may send.")
#define LINK_HELD_METRICS(X) \
	X(sessions, GAUGE, COUNT, "", NULL, "Its sessions now.") \
	X(held_dmbs, GAUGE, COUNT, "", "DMBs of sessions", "DMBs of these sessions.") \
	X(held_bytes, GAUGE, BYTES, "", "memory of sessions", "Bytes of these DMBs.") \
	X(wait_ms, GAUGE, MS, "", NULL, "For how long its calls are still put off.")
/* /link/callers */
#define LINK_CALLER_SHOWN(X) \
	LINK_HELD_METRICS(X) \
	LINK_CALLER_METRICS(X)
/* clang-format on */

#endif
