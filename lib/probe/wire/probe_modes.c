/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of modes (SPEC-test section 2). What each end does for them stands with that end. */
#include <string.h>

#include <rte_common.h>

#include "probe_modes.h"

static uint32_t
slot_none(uint32_t size, uint32_t burst)
{
	RTE_SET_USED(size);
	RTE_SET_USED(burst);
	return 0;
}

static uint32_t
slot_one(uint32_t size, uint32_t burst)
{
	RTE_SET_USED(burst);
	return size;
}

const struct probe_mode probe_ping = {
	.name = "ping",
	.help = "messages there and back; round-trip time",
	.id = PROBE_MODE_PING,
	.op = PROBE_ECHO,
	.size = 64,
	.window = 1,
	.burst = 1,
	.slot = slot_one,
};

const struct probe_mode probe_stream = {
	.name = "stream",
	.help = "messages one way, many in a slot; messages and bytes a second",
	.id = PROBE_MODE_STREAM,
	.op = PROBE_MESSAGES,
	.size = 64,
	.window = 16,
	.burst = 32,
	.slot = probe_packed_len,
};

const struct probe_mode probe_verify = {
	.name = "verify",
	.help = "as stream, each byte checked there, sent back and checked here",
	.id = PROBE_MODE_VERIFY,
	.op = PROBE_VERIFY,
	.size = 64,
	.window = 16,
	.burst = 32,
	.slot = probe_packed_len,
};

const struct probe_mode probe_flood = {
	.name = "flood",
	.help = "requests without payload; descriptors a second",
	.id = PROBE_MODE_FLOOD,
	.op = PROBE_NOP,
	.size = 0,
	.window = 128,
	.burst = 32,
	.slot = slot_none,
};

const struct probe_mode probe_io = {
	.name = "io",
	.help = "reads and writes (7 to 3) as of a disk; operations a second, latency",
	.id = PROBE_MODE_IO,
	.op = PROBE_READ,
	.size = 4096,
	.window = 32,
	.burst = 1,
	.slot = slot_one,
};

const struct probe_mode *const probe_modes[] = {
	&probe_ping, &probe_stream, &probe_verify, &probe_flood, &probe_io,
};
const unsigned int probe_mode_count = RTE_DIM(probe_modes);

const char *const probe_mode_names[] = { "ping", "stream", "verify", "flood", "io", NULL };

const struct probe_mode *
probe_mode_find(const char *name)
{
	for (unsigned int i = 0; i < probe_mode_count; i++)
		if (strcmp(probe_modes[i]->name, name) == 0)
			return probe_modes[i];
	return NULL;
}

const struct probe_mode *
probe_mode_by_id(uint16_t id)
{
	for (unsigned int i = 0; i < probe_mode_count; i++)
		if (probe_modes[i]->id == id)
			return probe_modes[i];
	return NULL;
}
