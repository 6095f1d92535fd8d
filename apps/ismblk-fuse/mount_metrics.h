/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mount counts (base_metric.h): telemetry /ismblk/mount, summed over its workers. */
#ifndef MOUNT_METRICS_H
#define MOUNT_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* Of one worker, which writes. */
#define MOUNT_WORKER_METRICS(X) \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests taken from /dev/fuse.") \
	X(empty, COUNTER, COUNT, "polls_empty", "empty reads", \
	  "Reads of /dev/fuse that found nothing.") \
	X(stalls, COUNTER, COUNT, NULL, NULL, \
	  "Times that /dev/fuse was left alone for want of a buffer or context.") \
	X(interrupted, COUNTER, COUNT, NULL, NULL, \
	  "Requests given up because their process was killed.") \
	X(emptied, COUNTER, COUNT, NULL, "disks truncated", \
	  "Disks that an O_TRUNC has made read as zeros.") \
	X(held, COUNTER, COUNT, NULL, "opens held up", "Opens that had to wait for reads.") \
	X(payload_in, COUNTER, BYTES, "written", NULL, "Payload of WRITE requests.") \
	X(payload_out, COUNTER, BYTES, "read", NULL, "Payload of READ requests.") \
	X(placed, COUNTER, COUNT, NULL, "payloads placed", \
	  "Payloads that the kernel put into the peer's slots: no store was needed.") \
	X(copies, COUNTER, COUNT, NULL, "copies of payload", "Payloads that had to be copied.")
#define MOUNT_METRICS(X) \
	X(workers, GAUGE, COUNT, NULL, NULL, "Threads that serve the mount.") \
	MOUNT_WORKER_METRICS(X)
/* clang-format on */

#endif
