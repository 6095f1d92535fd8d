/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of one function: a vfio-user connection. Private to fabric/, but for the fuzzer.
 *
 *	vfu_conn.c     messages in and out, the gate for headers
 *	vfu_version.c  VERSION: version and capabilities
 *	vfu_dma.c      DMA_MAP, DMA_UNMAP: the client's files in our address space
 *	vfu_device.c   device, regions, interrupts, direct windows
 *
 * A client sends requests one after the other; each gets its reply before the next one is read,
 * so at most one reply waits for a slow client, and nobody else waits for it. A request that is
 * much work is held: it goes on in later turns of the client (fabric_server.c), and its reply comes
 * at the end.
 */
#ifndef VFU_CONN_H
#define VFU_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fabric.h"
#include "fabric_closer.h"
#include "fabric_config.h"
#include "fabric_notify.h"
#include "fabric_watch.h"
#include "vfu_sock.h"

#define VFU_REPLY_MAX 4224 /* bytes of the longest reply's body: a whole BAR 2 read */
/* What one client may have mapped: every DMB in a file of its own, and a guest's memory. */
#define VFU_FILES_MAX 2048
#define VFU_FILE_BUCKETS 256
#define VFU_MAPPED_MAX (UINT64_C(256) << 30) /* bytes */
#define VFU_WAITING_MAX 256 /* descriptors of one function that wait to be closed */

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

/* A handler's: not done yet, call it again with the same message in the next turn. */
#define VFU_AGAIN 1

/* What a client may use before others get their turn. What is over waits for its next one. */
struct vfu_turn {
	uint64_t deadline; /* base_now_ns() */
	unsigned int messages;
	unsigned int accesses; /* of regions: stores, loads, commands */
};

/* Mappings of client's files: the process may have only so many. Shared by all connections. */
struct vfu_mappings {
	unsigned int share; /* each client may have that many */
	unsigned int beyond, beyond_max; /* that all together have above their share */
};

/*
 * Descriptors that clients may make the process hold: files of their memory, and what waits for the
 * closer. Half of them are shared out evenly, so every function has some whatever the others do. Of
 * the other half a function may take half of what the others leave: a server of 250 clients needs
 * many.
 */
struct vfu_descriptors {
	unsigned int share; /* each function may have that many; 0: any number */
	unsigned int beyond, beyond_max; /* that all together have above their share */
};

/* A file of the client, wholly mapped; many DMA maps share it. */
struct vfu_file {
	LIST_ENTRY(vfu_file) same_bucket;
	LIST_ENTRY(vfu_file) drop; /* without refs: to be unmapped */
	bool beyond; /* of the client's share of mappings */
	uint64_t emptied; /* bytes from the base on whose pages are no longer mapped */
	dev_t dev;
	ino_t ino;
	uint8_t *base;
	uint64_t len;
	uint64_t refs; /* bytes of DMA maps in it */
};

struct vfu_conn;

/* What a connection gets from its server. Zero, but for fn: one that stands alone. */
struct vfu_conn_conf {
	struct fabric_fn *fn;
	bool quirk; /* clients that are not our driver are QEMU */
	bool may_direct;
	struct fabric_notify *notify; /* NULL: no eventfd is taken */
	struct fabric_closer *closer;
	unsigned int owner; /* the function's number for the closer */
	int epoll; /* of `watch` */
	struct vfu_descriptors *fds; /* NULL: any number */
	unsigned int *fds_beyond; /* what this function has of fds->beyond */
	/*
	 * Asked before each VERSION: may this client have the function? NULL: yes.
	 * @return 0; -EBUSY another one has it; -EAGAIN not known yet: call vfu_conn_ready() later.
	 */
	int (*claim)(void *arg, const struct vfu_conn *conn);
	void *claim_arg;
	struct vfu_mappings *mappings; /* NULL: as many as VFU_FILES_MAX */
	uint64_t mapped_max; /* bytes; 0: VFU_MAPPED_MAX */
	size_t bytes; /* that are read of it in one turn; 0: any */
};

/*
 * Life of a connection. Who is not served after a few seconds is closed (fabric_port.c).
 *
 *	        VERSION, function free        first request
 *	silent ------------------------> new ---------------> served
 *	  |  \  not known yet                 ^
 *	  |   +--------------> parked --------+
 *	  |  function taken      |
 *	  +----------------------+--> EBUSY, closed
 */
struct vfu_conn {
	int sock; /* -1: messages come through vfu_conn_message() only */
	struct fabric_watch watch; /* of sock, by the server */
	struct vfu_conn_conf conf;
	struct fabric_fn *fn; /* of conf */
	uint64_t since_ns; /* accepted */
	uint64_t version_ns; /* VERSION was agreed on */
	bool parked; /* its VERSION waits for conf.claim() to know */
	bool busy; /* conf.claim() refused it */
	bool negotiated; /* VERSION was agreed on, the function is attached */
	bool served; /* it has sent a request since */
	bool direct; /* ism_direct was agreed on */
	bool closing; /* as soon as the reply is out */
	struct vfu_turn turn;
	bool held; /* the message in rx is being handled, and goes on in the next turn */
	bool handled; /* by its handler; what it left to do is not done yet */
	bool cut; /* its last turn ended though there was more to do */
	uint64_t wait_ns; /* held: not before that */
	int error; /* handled: of its reply */
	size_t reply_len;
	unsigned int multi; /* stores of a WRITE_MULTI that are done */
	struct vfu_rx rx;
	struct vfu_out out;
	struct fabric_config config;
	int irq_fd[2]; /* eventfds of MSI and MSI-X, -1 = none */
	struct vfu_file *file[VFU_FILES_MAX]; /* by address, ascending */
	unsigned int file_count;
	LIST_HEAD(, vfu_file) bucket[VFU_FILE_BUCKETS]; /* by device and inode */
	LIST_HEAD(, vfu_file) drop;
	int *late_fd; /* descriptors of files that are being unmapped; closed after that */
	unsigned int late_count, late_room;
	uint64_t mapped; /* bytes */
	bool told; /* why its memory is not taken; logged once */
};

/*
 * @param sock  becomes the connection's.
 * @return NULL: no memory, sock is closed.
 */
struct vfu_conn *vfu_conn_open(int sock, const struct vfu_conn_conf *conf);
/* Detaches the function and forgets all of the client. Tolerates NULL. */
void vfu_conn_close(struct vfu_conn *conn);
/*
 * The same in slices: the client is gone at once, and what it had goes as vfu_conn_left() is
 * called.
 * @return of vfu_conn_left(): true: all of it went, conn is freed.
 */
void vfu_conn_leave(struct vfu_conn *conn);
bool vfu_conn_left(struct vfu_conn *conn, uint64_t deadline);
/*
 * Count what a function has above its share of descriptors.
 * @param used    that it has now.
 * @param beyond  what it had the last time; 0 at first.
 * @return how many it may have.
 */
unsigned int vfu_descriptors_count(struct vfu_descriptors *fds, unsigned int used,
				   unsigned int *beyond);
/* One more access to a region. @return false: the turn is over, say VFU_AGAIN. */
bool vfu_conn_access(struct vfu_conn *conn);
/* Is what a message has begun done? Goes on with it, while the turn lasts. */
bool vfu_conn_settled(struct vfu_conn *conn);
/* What to poll the socket for. */
uint32_t vfu_conn_events(const struct vfu_conn *conn);
/*
 * The socket is ready. @return 0; -errno: the connection is over, close it. -EDQUOT:
 * descriptors that it gave do not close.
 */
int vfu_conn_ready(struct vfu_conn *conn);
/* A descriptor of the client that nobody needs any more: closed, here only if that cannot wait. */
void vfu_conn_drop_fd(struct vfu_conn *conn, int fd);
/*
 * Handle one message that is wholly there: conn->rx.buf, conn->rx.fds.
 * @return 0, conn->out may hold a reply; VFU_AGAIN it is held, call it again in the next turn, but
 *         not before conn->wait_ns; -EPROTO the peer is out of step, close it.
 */
int vfu_conn_message(struct vfu_conn *conn);
/* Forget a reply, as if it had been sent. */
void vfu_conn_drop_reply(struct vfu_conn *conn);

/*
 * Handlers: one message each. body is aligned to 8 bytes and len bytes long; at least
 * as long as the handler's entry in the table says.
 * @return 0 with reply filled; VFU_AGAIN; or -errno for an error reply.
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

/* Every file of the client is to be unmapped. The function is detached already. */
void vfu_dma_fini(struct vfu_conn *conn);
/* The device model lets go of a file of the client: close it, after its mapping has gone. */
void vfu_dma_late(void *arg, int fd);
/* Unmap what is to be. @return true: nothing is left. */
bool vfu_dma_work(struct vfu_conn *conn, uint64_t deadline);
/* fabric_irq_fn: fire the client's interrupt. arg is the connection. */
void vfu_irq_fire(void *arg);
void vfu_irq_fini(struct vfu_conn *conn);

#endif
