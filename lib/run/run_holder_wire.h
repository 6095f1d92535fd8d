/* SPDX-License-Identifier: BSD-3-Clause */
/* What a holder and the process that it holds say to each other. */
#ifndef RUN_HOLDER_WIRE_H
#define RUN_HOLDER_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * In the environment of the held process: "PID SOCKET [DESCRIPTOR]...", decimal numbers: of the
 * holder, and descriptors that are open across the exec.
 */
#define RUN_HOLDER_ENV "DPDK_ISM_HOLDER"

/* One message each; a holder ignores those that it does not know. Seldom: no byte order. */
enum run_holder_message {
	RUN_HOLDER_GIVE = 1, /* with descriptors (SCM_RIGHTS) */
	RUN_HOLDER_ALLOW_NEXT,
	RUN_HOLDER_READY,
	RUN_HOLDER_REFUSE,
	RUN_HOLDER_BYE,
	RUN_HOLDER_WRITE, /* id, and bytes to write to the first descriptor */
	/* To the held process. */
	RUN_HOLDER_WROTE, /* id */
	RUN_HOLDER_NOT_WROTE, /* id: it was not tried */
};

#define RUN_HOLDER_BYTES 512
#define RUN_HOLDER_WRITE_MAX 128 /* of those, in a WRITE */

struct run_holder_packet {
	uint32_t kind;
	uint32_t id;
	uint8_t bytes[RUN_HOLDER_BYTES];
};
#define RUN_HOLDER_HEAD offsetof(struct run_holder_packet, bytes)

#endif
