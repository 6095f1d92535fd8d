/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages over UNIX stream sockets, with file descriptors.
 *
 * A message is a struct vfu_header and size - 16 bytes of body; descriptors travel
 * beside its first byte (SCM_RIGHTS). Two ways of use:
 *
 *	client  one request outstanding: vfu_sock_connect(), vfu_sock_call().
 *	        Blocks, each wait bounded by the socket's time-out.
 *	server  non-blocking: vfu_rx_poll() collects one message piece by piece,
 *	        vfu_sock_send_some() sends what the peer takes now.
 *
 * What arrives is hostile: nobody here believes `size` beyond VFU_MSG_MAX, nor a
 * descriptor more than VFU_FDS_MAX. Every descriptor received is close-on-exec and belongs to
 * the caller, also when the message turns out to be bad: vfu_fds_close().
 * None of this is thread safe on one socket.
 */
#ifndef VFU_SOCK_H
#define VFU_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "vfu_wire.h"

/* Longest socket path, NUL included (sun_path). */
#define VFU_PATH_MAX 108

/* Descriptors of one message. All zero = none. */
struct vfu_fds {
	unsigned int count;
	int fd[VFU_FDS_MAX];
	bool lost; /* there were more, but this process has no descriptor left for them */
	/*
	 * Closes a descriptor that nobody takes, since close() may wait for whoever sent it; NULL =
	 * close() itself. Set by the caller, and kept.
	 */
	void (*drop)(void *arg, int fd);
	void *arg;
	unsigned int room; /* descriptors taken at once; 0 = VFU_FDS_MAX + 1. Kept too. */
};

/*
 * Linux sends no more than this beside one message. The kernel closes what finds no room, in the
 * thread that receives, and may wait for it: so who must not wait has room for all.
 */
#define VFU_FDS_SENT_MAX 253

/* Close what is left; take a descriptor out by writing -1 into its place. Idempotent. */
void vfu_fds_close(struct vfu_fds *fds);
/* @return descriptor `i`, now the caller's, or -1 when there is none. */
int vfu_fds_take(struct vfu_fds *fds, unsigned int i);

/* --- client --- */

/*
 * Connect to a server's socket.
 * @param timeout_ms  bound of every later wait on the socket, at least 1.
 * @return the socket (close-on-exec), or -errno: -ENOENT no such path, -ECONNREFUSED
 *         nobody listens, -ENAMETOOLONG (VFU_PATH_MAX), -EAGAIN the server's queue is full.
 */
int vfu_sock_connect(const char *path, unsigned int timeout_ms);

/*
 * Send one whole message: header and body in iov, descriptors beside it. Never raises SIGPIPE.
 * @return 0; -ETIMEDOUT; -EPIPE, -ECONNRESET the peer went; other -errno. After an error the
 *         stream is out of step: close the socket.
 */
int vfu_sock_send(int sock, const struct iovec *iov, unsigned int iov_count, const int *fds,
		  unsigned int fd_count);

/*
 * Receive one whole message of at most `size` bytes into buf.
 * @param fds  filled, may be NULL when no descriptor is expected (then they are closed).
 * @return bytes of the message (at least 16); -ETIMEDOUT; -ECONNRESET the peer closed;
 *         -EPROTO its size is below 16; -EMSGSIZE it is longer than `size`; -EMFILE too many
 *         descriptors for it or for this process; other -errno. After an error: close the socket.
 */
ssize_t vfu_sock_recv(int sock, void *buf, size_t size, struct vfu_fds *fds);

/*
 * One request and its reply.
 */
struct vfu_call {
	uint16_t id; /* of the request; the reply must echo it */
	uint16_t command;
	const struct iovec *body; /* of the request, without header */
	unsigned int body_count; /* at most VFU_CALL_IOV_MAX */
	const int *fds; /* to send, stay the caller's */
	unsigned int fd_count;
	void *reply; /* room for the reply's body */
	size_t reply_size; /* at most VFU_CALL_REPLY_MAX */
	size_t reply_len; /* out: bytes of the body that came */
	struct vfu_fds reply_fds; /* out: the caller's */
};
#define VFU_CALL_IOV_MAX 7
#define VFU_CALL_REPLY_MAX 4096

/*
 * @return 0 the reply is there; > 0 the server refused, this is its errno (1..4095), or EMFILE:
 *         the reply's descriptors did not fit into this process (the connection is fine); < 0 the
 *         connection is of no use any more (as above, and -EPROTO when the reply is not one to
 *         this request): close it.
 */
int vfu_sock_call(int sock, struct vfu_call *call);

/* --- server --- */

/*
 * Bind and listen, non-blocking. The path must not exist.
 * @return the socket, or -errno (-EADDRINUSE the path exists, -ENAMETOOLONG).
 */
int vfu_sock_listen(const char *path, int backlog);

/* One message on its way in. Zero it (but for buf, size) before the first use. */
struct vfu_rx {
	uint8_t *buf; /* the caller's; as large as the longest message that is taken */
	size_t size; /* bytes of buf, at least sizeof(struct vfu_header) */
	size_t have; /* bytes that are there */
	size_t budget; /* bytes from which on a call reads no more; 0: it reads all */
	struct vfu_fds fds;
};

/*
 * Read what the peer has sent, up to the end of the current message: never beyond it, so that
 * descriptors cannot get beside the wrong one.
 * @return 1 rx->buf holds a message (its header's size bytes; rx->fds its descriptors): use it,
 *         then vfu_rx_next(); 0 nothing more for now, or rx->budget read; -ECONNRESET the peer
 *         closed; -EPROTO size below 16; -EMSGSIZE above rx->size; -EMFILE more descriptors than
 *         VFU_FDS_MAX beside one message; other -errno. After an error close the connection.
 */
int vfu_rx_poll(struct vfu_rx *rx, int sock);

/* Forget the message and close its descriptors that nobody took. */
void vfu_rx_next(struct vfu_rx *rx);

/*
 * Send as much as the peer takes now. Descriptors go with the first byte.
 * @return bytes sent; 0 the peer takes none now; -errno.
 */
ssize_t vfu_sock_send_some(int sock, const void *buf, size_t len, const int *fds,
			   unsigned int fd_count);

#endif
