/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server of disks counts (base_metric.h), besides blk_metrics.h. */
#ifndef BLK_SERVER_METRICS_H
#define BLK_SERVER_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* /blk/exports */
#define BLK_EXPORT_METRICS(X) \
	X(size, GAUGE, BYTES, NULL, NULL, "Size of the export.") \
	X(flags, GAUGE, PLAIN, NULL, NULL, "What the export can do, as bits.") \
	X(generation, COUNTER, COUNT, "changes", NULL, "Changes of size or flags noticed.") \
	X(flush_errors, COUNTER, COUNT, NULL, NULL, "Lost writes that the kernel told.") \
	X(inflight, GAUGE, COUNT, NULL, "in flight", "Requests taken and not answered.")

/* /blk/workers: of the thread itself ... */
#define BLK_WORKER_METRICS(X) \
	X(queues, GAUGE, COUNT, NULL, NULL, "Queues that the worker serves.") \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests taken.") \
	X(refused, COUNTER, COUNT, NULL, NULL, "Requests refused.") \
	X(digest_errors, COUNTER, COUNT, NULL, NULL, "Payloads with a wrong CRC32C.") \
	X(flushes, COUNTER, COUNT, NULL, "stores of descriptors", "Batches of answers published.") \
	X(shares_used, COUNTER, COUNT, NULL, NULL, \
	  "Times that a session had to wait for its next turn.") \
	X(waits_inflight, COUNTER, COUNT, NULL, NULL, \
	  "Times that a session had as many requests in work as it may.") \
	X(waits_heavy, COUNTER, COUNT, NULL, NULL, \
	  "Times that a session had as many slow requests in work as it may.") \
	X(searches, COUNTER, COUNT, NULL, NULL, "BLOCK_STATUS handed to the helper.")
/* ... and of its way to the files. */
#define BLK_ENGINE_METRICS(X) \
	X(steps_inline, COUNTER, COUNT, NULL, "steps done at once", "Steps done by plain calls.") \
	X(steps_ring, COUNTER, COUNT, NULL, "steps through io_uring", "Steps done by io_uring.") \
	X(steps_later, COUNTER, COUNT, NULL, "steps put off", "Steps that had to wait.") \
	X(submits, COUNTER, COUNT, NULL, NULL, "Calls that submitted to io_uring.") \
	X(parked, COUNTER, COUNT, NULL, NULL, \
	  "Requests that found the ring full or no buffer, and waited.") \
	X(retries, COUNTER, COUNT, NULL, NULL, \
	  "Steps tried again: EAGAIN, EINTR, short transfers.")
#define BLK_WORKER_SHOWN(X) \
	BLK_WORKER_METRICS(X) \
	BLK_ENGINE_METRICS(X)
/* clang-format on */

#endif
