/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /fwd/stats, /fwd/latency and /fwd/config: one answer for both ends that a program has of link
 * tests. An end adds itself with the functions that tell of it.
 */
#ifndef PROBE_TELEMETRY_H
#define PROBE_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_telemetry.h>

struct probe_telemetry {
	LIST_ENTRY(probe_telemetry) entry;
	void *end; /* what the functions get */
	bool asks; /* a tester */
	/*
	 * Called in telemetry's thread between add and remove. stats and config add to a
	 * dictionary; latency begins its answer itself; peer answers the GID that is asked, 0:
	 * none. All but stats are a tester's.
	 */
	void (*stats)(void *end, struct rte_tel_data *d);
	void (*config)(void *end, struct rte_tel_data *d);
	void (*latency)(void *end, struct rte_tel_data *d);
	uint64_t (*peer)(void *end);
};

/* Control thread. t stays where it is until it is removed. */
void probe_telemetry_add(struct probe_telemetry *t);
/* After this no function of t runs. Waits for one that does: they are short. */
void probe_telemetry_remove(struct probe_telemetry *t);

#endif
