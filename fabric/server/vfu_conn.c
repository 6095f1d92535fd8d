/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_priv.h"
#include "vfu_conn.h"

/* Freeing that many pages would take too long in the serving thread. */
#define BLOCKS_MAX (UINT64_C(16) * 1024 * 1024 / 512)

struct handler {
	int (*run)(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply);
	size_t min, max; /* bytes of the body */
	unsigned int max_fds;
};

#define FIXED(name) sizeof(struct name), sizeof(struct name)
#define AT_LEAST(name) sizeof(struct name), VFU_MSG_MAX

static const struct handler *
handler_find(uint16_t command)
{
	static const struct handler handlers[] = {
		[VFU_VERSION] = { vfu_version, AT_LEAST(vfu_version), 0 },
		[VFU_DMA_MAP] = { vfu_dma_map, FIXED(vfu_dma_map), 1 },
		[VFU_DMA_UNMAP] = { vfu_dma_unmap, FIXED(vfu_dma_unmap), 0 },
		[VFU_DEVICE_GET_INFO] = { vfu_device_info, FIXED(vfu_device_info), 0 },
		[VFU_DEVICE_GET_REGION_INFO] = { vfu_region_info, FIXED(vfu_region_info), 0 },
		[VFU_DEVICE_GET_IRQ_INFO] = { vfu_irq_info, FIXED(vfu_irq_info), 0 },
		[VFU_DEVICE_SET_IRQS] = { vfu_irq_set, AT_LEAST(vfu_irq_set), 1 },
		[VFU_REGION_READ] = { vfu_region_read, FIXED(vfu_region_access), 0 },
		[VFU_REGION_WRITE] = { vfu_region_write, AT_LEAST(vfu_region_access), 0 },
		[VFU_DEVICE_RESET] = { vfu_device_reset, 0, 0, 0 },
		[VFU_REGION_WRITE_MULTI] = { vfu_region_write_multi, AT_LEAST(vfu_write_multi), 0 },
	};
	static const struct handler direct = { vfu_ism_direct, FIXED(vfu_ism_direct_req), 0 };

	if (command == VFU_ISM_DIRECT)
		return &direct;
	if (command >= RTE_DIM(handlers) || handlers[command].run == NULL)
		return NULL;
	return &handlers[command];
}

/* --- life cycle --- */

static void
rx_drop(void *arg, int fd)
{
	vfu_conn_drop_fd(arg, fd);
}

struct vfu_conn *
vfu_conn_open(int sock, const struct vfu_conn_conf *conf)
{
	struct vfu_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		goto close_sock;
	conn->rx.size = VFU_MSG_MAX;
	conn->rx.buf = malloc(conn->rx.size);
	if (conn->rx.buf == NULL)
		goto free_conn;
	conn->rx.fds.drop = rx_drop;
	conn->rx.fds.arg = conn;
	conn->sock = sock;
	conn->conf = *conf;
	conn->fn = conf->fn;
	conn->irq_fd[0] = conn->irq_fd[1] = -1;
	conn->turn = (struct vfu_turn){ UINT64_MAX, UINT_MAX, UINT_MAX };
	conn->rx.budget = conf->bytes;
	fabric_config_init(&conn->config);
	return conn;

free_conn:
	free(conn);
close_sock:
	if (sock >= 0)
		fabric_closer_put(conf->closer, conf->owner, sock);
	return NULL;
}

/*
 * Descriptors of tmpfs and hugetlbfs wait for nobody when they are closed, but the last one of a
 * large file frees all its pages. Any other one may wait: an eventfd that the client also watches
 * with epoll waits for that epoll set's lock.
 */
void
vfu_conn_drop_fd(struct vfu_conn *conn, int fd)
{
	struct stat st;

	if (fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_blocks <= BLOCKS_MAX)
		close(fd);
	else
		fabric_closer_put(conn->conf.closer, conn->conf.owner, fd);
}

void
vfu_conn_drop_reply(struct vfu_conn *conn)
{
	struct vfu_out *out = &conn->out;

	while (out->fd_count > 0)
		close(out->fd[--out->fd_count]);
	out->len = out->sent = 0;
}

void
vfu_conn_leave(struct vfu_conn *conn)
{
	if (conn->negotiated) {
		fabric_fn_set_irq(conn->fn, NULL, NULL);
		fabric_fn_detach(conn->fn);
	}
	vfu_irq_fini(conn);
	vfu_conn_drop_reply(conn);
	vfu_rx_next(&conn->rx);
	free(conn->rx.buf);
	conn->rx.buf = NULL;
	if (conn->sock < 0)
		return;
	fabric_watch_clear(conn->conf.epoll, &conn->watch, conn->sock);
	/* The client sees the end now; what is in its queue may take long to close. */
	shutdown(conn->sock, SHUT_RDWR);
	fabric_closer_put(conn->conf.closer, conn->conf.owner, conn->sock);
	conn->sock = -1;
}

bool
vfu_conn_left(struct vfu_conn *conn, uint64_t deadline)
{
	/* What was mapped stays so until the device model has let go of it. */
	if (conn->negotiated && !fabric_fn_work(conn->fn, deadline))
		return false;
	vfu_dma_fini(conn);
	if (!vfu_dma_work(conn, deadline))
		return false;
	if (conn->negotiated)
		conn->fn->maps.let_go = NULL;
	free(conn->late_fd);
	free(conn);
	return true;
}

void
vfu_conn_close(struct vfu_conn *conn)
{
	if (conn == NULL)
		return;
	vfu_conn_leave(conn);
	vfu_conn_left(conn, UINT64_MAX);
}

/* --- out --- */

/*
 * The reply's descriptors are duplicated: their owner may end before a slow client takes them.
 * @return 0, or -errno with none taken.
 */
static int
out_fds(struct vfu_conn *conn, const struct vfu_reply *reply)
{
	struct vfu_out *out = &conn->out;
	int fd, ret;

	while (out->fd_count < reply->fd_count) {
		fd = fcntl(reply->fd[out->fd_count], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			ret = -errno;
			vfu_conn_drop_reply(conn);
			return ret;
		}
		out->fd[out->fd_count++] = fd;
	}
	return 0;
}

/* Put a reply's header, and so all of it, into conn->out. */
static void
out_set(struct vfu_conn *conn, const struct vfu_header *req, int error, size_t reply_len)
{
	struct vfu_out *out = &conn->out;
	struct vfu_header hdr = {
		.id = req->id,
		.command = req->command,
		.flags = VFU_TYPE_REPLY | (error != 0 ? VFU_ERROR : 0),
		.error = (uint32_t)error,
	};

	out->len = sizeof(hdr) + (error != 0 ? 0 : reply_len);
	out->sent = 0;
	hdr.size = (uint32_t)out->len;
	memcpy(out->bytes, &hdr, sizeof(hdr));
}

/* @return 0 (it may be that not all is out), or -errno. */
static int
out_flush(struct vfu_conn *conn)
{
	struct vfu_out *out = &conn->out;
	ssize_t n;

	while (out->sent < out->len) {
		n = vfu_sock_send_some(conn->sock, out->bytes + out->sent, out->len - out->sent,
				       out->fd, out->fd_count);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		out->sent += (size_t)n;
		while (out->fd_count > 0)
			close(out->fd[--out->fd_count]);
	}
	vfu_conn_drop_reply(conn);
	return conn->closing ? -ECONNRESET : 0;
}

/* --- in --- */

/* The gate for a request's header. @return its handler, or NULL with *error. */
static const struct handler *
request_check(struct vfu_conn *conn, const struct vfu_header *hdr, int *error)
{
	const struct handler *handler;
	size_t len = hdr->size - sizeof(*hdr);

	*error = EINVAL;
	if (hdr->flags & ~(VFU_TYPE_MASK | VFU_NO_REPLY))
		return NULL;
	if (conn->busy) {
		*error = EBUSY;
		conn->closing = true;
		return NULL;
	}
	/* VERSION comes first, and once. */
	if ((hdr->command == VFU_VERSION) == conn->negotiated)
		return NULL;
	handler = handler_find(hdr->command);
	if (handler == NULL) {
		*error = ENOTSUP;
		return NULL;
	}
	if (conn->rx.fds.lost) {
		*error = EMFILE;
		return NULL;
	}
	if (len < handler->min || len > handler->max || conn->rx.fds.count > handler->max_fds)
		return NULL;
	return handler;
}

bool
vfu_conn_access(struct vfu_conn *conn)
{
	struct vfu_turn *turn = &conn->turn;

	if (turn->accesses % 8 == 0 && turn->deadline != UINT64_MAX &&
	    base_now_ns() >= turn->deadline)
		turn->accesses = 0;
	if (turn->accesses == 0)
		return false;
	turn->accesses--;
	return true;
}

bool
vfu_conn_settled(struct vfu_conn *conn)
{
	if (!conn->negotiated)
		return true;
	return fabric_fn_work(conn->fn, conn->turn.deadline) &&
	       vfu_dma_work(conn, conn->turn.deadline);
}

static int
message_held(struct vfu_conn *conn)
{
	conn->held = true;
	conn->wait_ns = fabric_fn_wait_ns(conn->fn);
	return VFU_AGAIN;
}

/* Let its handler do it, if it passes the gate. @return 0, VFU_AGAIN. */
static int
message_handle(struct vfu_conn *conn, const struct vfu_header *hdr)
{
	struct vfu_reply reply = { .data = conn->out.bytes + sizeof(*hdr) };
	const struct handler *handler;
	int ret;

	handler = request_check(conn, hdr, &conn->error);
	if (handler != NULL) {
		conn->served = conn->negotiated;
		ret = handler->run(conn, conn->rx.buf + sizeof(*hdr), hdr->size - sizeof(*hdr),
				   &reply);
		if (ret == VFU_AGAIN)
			return ret;
		if (ret == 0 && (hdr->flags & VFU_NO_REPLY) == 0)
			ret = out_fds(conn, &reply);
		conn->error = ret < 0 ? -ret : 0;
	}
	conn->reply_len = reply.len;
	conn->handled = true;
	return 0;
}

int
vfu_conn_message(struct vfu_conn *conn)
{
	struct vfu_header hdr;

	memcpy(&hdr, conn->rx.buf, sizeof(hdr));
	/* We ask nothing, so a reply is out of step; the server logs it. */
	if ((hdr.flags & VFU_TYPE_MASK) != VFU_TYPE_COMMAND)
		return -EPROTO;
	if (!conn->handled && message_handle(conn, &hdr) == VFU_AGAIN)
		return message_held(conn);
	if (!vfu_conn_settled(conn))
		return message_held(conn);
	conn->held = conn->handled = false;
	if (conn->error != 0)
		FABRIC_LOG(DEBUG, "command %u, %u bytes: %s", hdr.command, hdr.size,
			   strerror(conn->error));
	if ((hdr.flags & VFU_NO_REPLY) == 0)
		out_set(conn, &hdr, conn->error, conn->reply_len);
	return 0;
}

uint32_t
vfu_conn_events(const struct vfu_conn *conn)
{
	if (conn->parked)
		return 0;
	return conn->out.len > 0 ? EPOLLOUT : EPOLLIN;
}

/* A whole VERSION is there. @return true: not the time to handle it. */
static bool
version_parked(struct vfu_conn *conn)
{
	struct vfu_header hdr;
	int ret;

	memcpy(&hdr, conn->rx.buf, sizeof(hdr));
	if (conn->negotiated || conn->conf.claim == NULL || hdr.command != VFU_VERSION)
		return false;
	ret = conn->conf.claim(conn->conf.claim_arg, conn);
	conn->busy = ret == -EBUSY;
	conn->parked = ret == -EAGAIN;
	return conn->parked;
}

unsigned int
vfu_descriptors_count(struct vfu_descriptors *fds, unsigned int used, unsigned int *beyond)
{
	unsigned int others = fds->beyond - *beyond;

	*beyond = used > fds->share ? used - fds->share : 0;
	fds->beyond = others + *beyond;
	return fds->share + (others < fds->beyond_max ? (fds->beyond_max - others) / 2 : 0);
}

/*
 * How many descriptors the next piece of a message may bring. The kernel closes what finds no room
 * while we receive, and may wait for it: so there is room for all that can come, as long as the
 * share of the function allows it.
 * @return 0, or -EDQUOT: too many wait to be closed.
 */
static int
room_set(struct vfu_conn *conn)
{
	unsigned int waiting = fabric_closer_waiting(conn->conf.closer, conn->conf.owner);
	size_t used = waiting + conn->fn->maps.file_count;
	unsigned int max;

	conn->rx.fds.room = VFU_FDS_SENT_MAX;
	if (waiting > VFU_WAITING_MAX)
		return -EDQUOT;
	if (conn->conf.fds == NULL || conn->conf.fds->share == 0)
		return 0;
	max = vfu_descriptors_count(conn->conf.fds, (unsigned int)used, conn->conf.fds_beyond);
	fabric_fn_set_files_max(conn->fn, max);
	if (used >= max)
		conn->rx.fds.room = 1;
	else if (max - used < VFU_FDS_SENT_MAX)
		conn->rx.fds.room = (unsigned int)(max - used);
	return 0;
}

/* One message more, if it is there. @return 1 one was handled, 0 none, -errno. */
static int
message_next(struct vfu_conn *conn)
{
	int ret;

	if (!conn->held) {
		ret = room_set(conn);
		if (ret == 0)
			ret = vfu_rx_poll(&conn->rx, conn->sock);
		if (ret <= 0 || version_parked(conn))
			return ret < 0 ? ret : 0;
	}
	ret = vfu_conn_message(conn);
	if (ret == VFU_AGAIN)
		return 0;
	vfu_rx_next(&conn->rx);
	if (ret == 0)
		ret = out_flush(conn);
	return ret < 0 ? ret : 1;
}

/* May another message be begun in this turn? */
static bool
turn_lasts(struct vfu_turn *turn)
{
	if (turn->messages == 0 || turn->accesses == 0 || base_now_ns() >= turn->deadline)
		return false;
	turn->messages--;
	return true;
}

/* Has the client sent more? Peeks: takes neither the message nor its descriptors. */
static bool
more_sent(const struct vfu_conn *conn)
{
	uint8_t byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = sizeof(byte) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(conn->sock, &msg, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int
vfu_conn_ready(struct vfu_conn *conn)
{
	int ret;

	conn->cut = false;
	ret = out_flush(conn);
	while (ret == 0 && conn->out.len == 0) {
		ret = message_next(conn);
		if (ret <= 0)
			break;
		ret = 0;
		if (!turn_lasts(&conn->turn)) {
			conn->cut = conn->out.len == 0 && more_sent(conn);
			break;
		}
	}
	return ret;
}
