/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fabric counts for each function (base_metric.h): ism-fabric's SIGUSR1. One thread. */
#ifndef FABRIC_METRICS_H
#define FABRIC_METRICS_H

#include "base_metric.h"

/* clang-format off */
#define FABRIC_METRICS(X) \
	X(stores, COUNTER, COUNT, "", NULL, "Stores by it; direct windows do not count.") \
	X(store_bytes, COUNTER, BYTES, "", NULL, "Bytes of them.") \
	X(store_errors, COUNTER, COUNT, "", NULL, "Stores of it that were refused.") \
	X(commands, COUNTER, COUNT, "", NULL, "Commands of it.") \
	X(command_errors, COUNTER, COUNT, "", NULL, "Of those, refused.") \
	X(events, COUNTER, COUNT, "", NULL, "Events to it.") \
	X(events_lost, COUNTER, COUNT, "", NULL, "Events to it that it cannot have seen.") \
	X(dmbs_owned, GAUGE, COUNT, "", NULL, "DMBs of its own.") \
	X(dmbs_used, GAUGE, COUNT, "", NULL, "DMBs of others that it may write.") \
	X(directs, COUNTER, COUNT, "", NULL, "Direct windows given to it.") \
	X(turns, COUNTER, COUNT, "", NULL, "Times that it was served.") \
	X(turns_cut, COUNTER, COUNT, "", NULL, "Of those, ended because its budget was used up.") \
	X(longest_turn_us, PEAK, US, "", NULL, "The longest of those times.") \
	X(slow_turns, COUNTER, COUNT, "", NULL, \
	  "Those of more than 50 ms, though others did not have the CPU.") \
	X(events_held, COUNTER, COUNT, "", NULL, \
	  "Events of it that had to wait, or were lost, for its rate.") \
	X(refused, COUNTER, COUNT, "", NULL, "Maps and DMBs that a limit of it forbade.") \
	X(maps, GAUGE, COUNT, "", NULL, "DMA maps.") \
	X(memory, GAUGE, BYTES, "", NULL, "What its maps and DMBs cost.") \
	X(attaches, COUNTER, COUNT, "", NULL, "Times that somebody attached to it.") \
	X(resets, COUNTER, COUNT, "", NULL, "Resets.")
/* clang-format on */

#endif
