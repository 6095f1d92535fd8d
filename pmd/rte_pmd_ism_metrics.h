/* SPDX-License-Identifier: BSD-3-Clause */
/* What a function counts (base_metric.h): the API's struct, the xstats, telemetry /ism/xstats. */
#ifndef RTE_PMD_ISM_METRICS_H
#define RTE_PMD_ISM_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* By window, of the thread that stores. */
#define ISM_WIN_METRICS(X) \
	X(stores, COUNTER, COUNT, NULL, NULL, \
	  "Stores (PCISTB) issued; with direct windows, what copies stand for.") \
	X(store_bytes, COUNTER, BYTES, NULL, "bytes stored", "Bytes stored.") \
	X(store_calls, COUNTER, COUNT, NULL, NULL, "Calls of the driver's store function.") \
	X(store_syscalls, COUNTER, COUNT, "store_system_calls", "system calls for stores", \
	  "System calls made for stores; none with direct windows.") \
	X(store_retries, COUNTER, COUNT, NULL, "stores tried again", \
	  "Stores tried again after the device refused them.") \
	X(err_access, COUNTER, COUNT, "stores_refused", "stores refused", \
	  "Stores that the device refused for good: bad token or revoked DMB.") \
	X(err_inval, COUNTER, COUNT, "stores_invalid", "stores that broke the rules", \
	  "Stores against the rules of offset and length.") \
	X(err_lost, COUNTER, COUNT, "lost_calls", "calls on a lost function", \
	  "Calls on a lost function.")

/* By function, of the control thread. */
#define ISM_COMMAND_METRICS(X) \
	X(commands, COUNTER, COUNT, NULL, NULL, "Commands given to the device.") \
	X(command_errors, COUNTER, COUNT, NULL, "commands that failed", \
	  "Commands refused or not answered.") \
	X(events, COUNTER, COUNT, NULL, NULL, "Events taken from the event queue.") \
	X(events_lost, COUNTER, COUNT, NULL, "events lost, at least", "Events lost, at least.") \
	X(signals, COUNTER, COUNT, NULL, "events sent", "Software events sent to others.")
#define ISM_POLL_METRICS(X) \
	X(polls, COUNTER, COUNT, NULL, NULL, "Rounds of event queue and SBA polled.") \
	X(polls_empty, COUNTER, COUNT, NULL, "empty polls", "Rounds polled that found nothing.") \
	X(reopens, COUNTER, COUNT, NULL, "times reopened", "Times that the function came back.")

/* Under the function's lock. */
#define ISM_HELD_METRICS(X) \
	X(dmbs, GAUGE, COUNT, NULL, "DMBs now", "DMBs registered.") \
	X(dmb_bytes, GAUGE, BYTES, NULL, "bytes of DMBs now", "Bytes of DMBs registered.") \
	X(windows, GAUGE, COUNT, NULL, "windows now", "Windows into peers' DMBs.") \
	X(windows_direct, GAUGE, COUNT, NULL, "direct windows now", \
	  "Windows that are plain memory.")

#define ISM_METRICS(X) \
	ISM_WIN_METRICS(X) \
	ISM_COMMAND_METRICS(X) \
	ISM_HELD_METRICS(X) \
	ISM_POLL_METRICS(X)
/* clang-format on */

#endif
