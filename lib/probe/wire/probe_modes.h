/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both ends of a link test know of its modes (docs/SPEC-test.md), and what they agree on when
 * a run begins.
 *
 *   tester   the end that asks: link's initiator.
 *   testee   the end that answers: link's listener.
 *   run      from BEGIN to END: one test.
 *   message  what is counted; a request carries one or more.
 */
#ifndef PROBE_MODES_H
#define PROBE_MODES_H

#include <stdbool.h>
#include <stdint.h>

#include "probe_wire.h"

struct probe_mode {
	const char *name, *help;
	uint8_t id; /* enum probe_mode_id */
	uint8_t op; /* enum probe_op of its requests; io has two */
	/* What "auto" stands for. */
	uint32_t size;
	uint32_t window;
	uint32_t burst; /* 1: the mode has no bursts */
	/* Bytes of slot that a request needs at most. */
	uint32_t (*slot)(uint32_t size, uint32_t burst);
};

extern const struct probe_mode probe_ping, probe_stream, probe_verify, probe_flood, probe_io;
/* All of them, in the order in which people should read of them. */
extern const struct probe_mode *const probe_modes[];
extern const unsigned int probe_mode_count;
/* The same names, for help and completion; NULL-terminated. */
extern const char *const probe_mode_names[];
/* @return NULL: there is none. */
const struct probe_mode *probe_mode_find(const char *name);
const struct probe_mode *probe_mode_by_id(uint16_t id);

/* BEGIN as the testee knows it, after the gate. */
struct probe_begin {
	const struct probe_mode *mode; /* NULL: we do not know it */
	bool copy;
	uint32_t size;
	uint32_t burst;
	uint64_t seed;
};

/* A request as the tester remembers it until its answer has come. */
struct probe_asked {
	uint64_t sent_ns;
	uint64_t off; /* as in the request */
	uint32_t len, payload; /* as in the request */
	uint16_t unit; /* as in the request */
	uint8_t op; /* enum probe_op; 0: none */
};

#endif
