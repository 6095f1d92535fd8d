/* SPDX-License-Identifier: BSD-3-Clause */
/* What a holder and the process that it holds say to each other. */
#ifndef RUN_HOLDER_WIRE_H
#define RUN_HOLDER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "run_holder.h"

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
	/* A runtime to the program that has asked for a mount, which is its holder. */
	RUN_HOLDER_MOUNT, /* id: bytes of the longest request. Answer: GIVE with /dev/fuse */
	RUN_HOLDER_FAIL, /* id: what to exit with; bytes: the line */
	RUN_HOLDER_TEXT, /* bytes to print */
};

/*
 * A program and a runtime, besides: the runtime's GIVE replaces the record that the holder keeps;
 * the holder's shutdown(SHUT_WR) asks for the end in good order, which BYE answers; when either
 * end is closed, the other one's process is gone.
 */

#define RUN_HOLDER_BYTES 512
#define RUN_HOLDER_WRITE_MAX 128 /* of those, in a WRITE */

struct run_holder_packet {
	uint32_t kind;
	uint32_t id;
	uint8_t bytes[RUN_HOLDER_BYTES];
};
#define RUN_HOLDER_HEAD offsetof(struct run_holder_packet, bytes)

/* Never waits. @return 0; -EAGAIN the other end does not read; -errno. */
int run_holder_send(int sock, const struct run_holder_packet *packet, size_t len, const int *fds,
		    unsigned int count);
/*
 * Never waits. Descriptors are the caller's, for any kind of packet.
 * @return bytes, at least RUN_HOLDER_HEAD; -EAGAIN none has come; -EPIPE the other end is closed;
 *         -EPROTO a shorter one, which is gone; -errno.
 */
ssize_t run_holder_receive(int sock, struct run_holder_packet *packet, int fds[RUN_HOLDER_FDS],
			   unsigned int *count);

/*
 * The holder's: have a WRITE done by the helper, and answered on sock; both may be closed
 * meanwhile, fd only when the process ends.
 */
void run_holder_write(int fd, int sock, const struct run_holder_packet *packet, size_t len);
/* Is one under way? */
bool run_holder_writing(void);

#endif
