/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client of disks counts (base_metric.h), besides blk_metrics.h. */
#ifndef BLK_CLIENT_METRICS_H
#define BLK_CLIENT_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* /blk/client/session, besides what /link/sessions tells, too */
#define BLK_CLIENT_METRICS(X) \
	X(up, GAUGE, FLAG, NULL, NULL, "1: the session is up.") \
	X(ready, GAUGE, FLAG, NULL, NULL, "1: the peer's disks are known and usable.") \
	X(disks, GAUGE, COUNT, NULL, NULL, "Disks of the peer.")

/* /blk/client/disk */
#define BLK_DISK_METRICS(X) \
	X(present, GAUGE, FLAG, NULL, NULL, "1: the peer exports the disk.") \
	X(size, GAUGE, BYTES, NULL, NULL, "Size of the disk.") \
	X(flags, GAUGE, PLAIN, NULL, NULL, "What the disk can do, as bits.") \
	X(losses, COUNTER, COUNT, NULL, "lost writes told", \
	  "Times that answered writes may have been lost.") \
	X(orphans_now, GAUGE, COUNT, NULL, NULL, \
	  "Changes without an answer whose io has ended; others wait for them.") \
	X(inflight, GAUGE, COUNT, NULL, "in flight", "Ios under way.")

/* /blk/client/queue. Its data thread writes. */
#define BLK_CQ_METRICS(X) \
	X(replays, COUNTER, COUNT, NULL, "requests sent again", \
	  "Ios sent again after a session ended.") \
	X(waits, COUNTER, COUNT, NULL, NULL, "Ios that found too few free slots.") \
	X(digest_errors, COUNTER, COUNT, NULL, NULL, "Payloads with a wrong CRC32C.") \
	X(timeouts, COUNTER, COUNT, NULL, "over a time limit", "Ios that a time limit ended.") \
	X(cancels, COUNTER, COUNT, NULL, "ended unanswered", \
	  "Ios of processes that were killed.") \
	X(orphans, COUNTER, COUNT, NULL, NULL, "Requests whose io ended before their answer.") \
	X(late_answers, COUNTER, COUNT, NULL, "answered too late", "Of those, answered later.")
/* The same as /link/queues tells it. */
#define BLK_CQ_LINK_METRICS(X) \
	X(inflight, GAUGE, COUNT, "", "in flight", "Requests open now.") \
	X(requests, COUNTER, COUNT, "", NULL, "Requests posted.") \
	X(completions, COUNTER, COUNT, "", NULL, "Completions taken.") \
	X(descriptor_stores, COUNTER, COUNT, "", "stores of descriptors", \
	  "Stores that published descriptors.") \
	X(polls, COUNTER, COUNT, "", NULL, "Rounds polled.") \
	X(polls_empty, COUNTER, COUNT, "", "empty polls", "Rounds polled that found nothing.")
#define BLK_CQ_SHOWN(X) \
	BLK_CQ_METRICS(X) \
	BLK_CQ_LINK_METRICS(X)
/* clang-format on */

#endif
