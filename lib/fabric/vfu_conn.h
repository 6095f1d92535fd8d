/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of one function: a vfio-user connection. Private to lib/fabric, but for the fuzzer.
 *
 *	vfu_conn.c     messages in and out, the gate for headers
 *	vfu_version.c  VERSION: version and capabilities
 *	vfu_dma.c      DMA_MAP, DMA_UNMAP: the client's files in our address space
 *	vfu_device.c   device, regions, interrupts, direct windows
 *
 * A client sends requests one after the other; each gets its reply before the next one is read,
 * so at most one reply waits for a slow client, and nobody else waits for it.
 */
#ifndef VFU_CONN_H
#define VFU_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fabric.h"
#include "fabric_config.h"
#include "vfu_sock.h"

#define VFU_REPLY_MAX 4224 /* bytes of the longest reply's body: a whole BAR 2 read */
/* What one client may have mapped: every DMB in a file of its own, and a guest's memory. */
#define VFU_FILES_MAX 2048
#define VFU_MAPPED_MAX (UINT64_C(256) << 30) /* bytes */

/* Filled by a handler. Descriptors are borrowed until the reply is sent. */
struct vfu_reply {
	size_t len;
	unsigned int fd_count;
	int fd[2];
	uint8_t *data; /* VFU_REPLY_MAX bytes */
};

/* A reply on its way out. */
struct vfu_out {
	size_t len, sent; /* len 0: nothing waits */
	unsigned int fd_count;
	int fd[2]; /* ours; they go with the first byte */
	uint8_t bytes[sizeof(struct vfu_header) + VFU_REPLY_MAX];
};

/* A file of the client, wholly mapped; many DMA maps share it. */
struct vfu_file {
	dev_t dev;
	ino_t ino;
	uint8_t *base;
	uint64_t len;
	uint64_t refs; /* DMA maps in it */
};

struct vfu_conn {
	int sock; /* -1: messages come through vfu_conn_message() only */
	struct fabric_fn *fn; /* NULL: the function has another client, this one is turned away */
	bool quirk; /* of the function's port: clients that are not our driver are QEMU */
	bool may_direct;
	bool negotiated; /* VERSION was agreed on, the function is attached */
	bool direct; /* ism_direct was agreed on */
	bool closing; /* as soon as the reply is out */
	struct vfu_rx rx;
	struct vfu_out out;
	struct fabric_config config;
	int irq_fd[2]; /* eventfds of MSI and MSI-X, -1 = none */
	struct vfu_file *file[VFU_FILES_MAX]; /* by address, ascending */
	unsigned int file_count;
	uint64_t mapped; /* bytes */
	bool told; /* why its memory is not taken; logged once */
};

/*
 * @param sock  becomes the connection's.
 * @param fn    NULL: turn it away with EBUSY.
 * @return NULL: no memory, sock is closed.
 */
struct vfu_conn *vfu_conn_open(int sock, struct fabric_fn *fn, bool quirk, bool may_direct);
/* Detaches the function and forgets all of the client. */
void vfu_conn_close(struct vfu_conn *conn);
/* What to poll the socket for. */
short vfu_conn_events(const struct vfu_conn *conn);
/* The socket is ready. @return 0; -errno: the connection is over, close it. */
int vfu_conn_ready(struct vfu_conn *conn);
/*
 * Handle one message that is wholly there: conn->rx.buf, conn->rx.fds.
 * @return 0, or -EPROTO: the peer is out of step, close it. conn->out may hold a reply.
 */
int vfu_conn_message(struct vfu_conn *conn);
/* Forget a reply, as if it had been sent. */
void vfu_conn_drop_reply(struct vfu_conn *conn);

/*
 * Handlers: one message each. body is aligned to 8 bytes and len bytes long; at least
 * as long as the handler's entry in the table says.
 * @return 0 with reply filled, or -errno for an error reply.
 */
int vfu_version(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_dma_map(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_dma_unmap(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_device_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_region_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_irq_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_irq_set(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_region_read(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_region_write(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_region_write_multi(struct vfu_conn *conn, const void *body, size_t len,
			   struct vfu_reply *reply);
int vfu_device_reset(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
int vfu_ism_direct(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);

/* Unmap every file of the client. The function is detached already. */
void vfu_dma_fini(struct vfu_conn *conn);
/* fabric_irq_fn: fire the client's interrupt. arg is the connection. */
void vfu_irq_fire(void *arg);
void vfu_irq_fini(struct vfu_conn *conn);

#endif
