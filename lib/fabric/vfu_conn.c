/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fabric_priv.h"
#include "vfu_conn.h"

/* Messages of one client in a row before others get their turn. */
#define BURST 64

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

struct vfu_conn *
vfu_conn_open(int sock, struct fabric_fn *fn, bool quirk, bool may_direct)
{
	struct vfu_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		goto close_sock;
	conn->rx.size = VFU_MSG_MAX;
	conn->rx.buf = malloc(conn->rx.size);
	if (conn->rx.buf == NULL)
		goto free_conn;
	conn->sock = sock;
	conn->fn = fn;
	conn->quirk = quirk;
	conn->may_direct = may_direct;
	conn->irq_fd[0] = conn->irq_fd[1] = -1;
	fabric_config_init(&conn->config);
	return conn;

free_conn:
	free(conn);
close_sock:
	if (sock >= 0)
		close(sock);
	return NULL;
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
vfu_conn_close(struct vfu_conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->negotiated) {
		fabric_fn_set_irq(conn->fn, NULL, NULL);
		fabric_fn_detach(conn->fn);
	}
	vfu_dma_fini(conn);
	vfu_irq_fini(conn);
	vfu_conn_drop_reply(conn);
	vfu_rx_next(&conn->rx);
	free(conn->rx.buf);
	if (conn->sock >= 0)
		close(conn->sock);
	free(conn);
}

/* --- out --- */

/*
 * The reply's descriptors are duplicated: whose they are may go before a slow client takes them.
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
out_set(struct vfu_conn *conn, const struct vfu_header *req, int error,
	const struct vfu_reply *reply)
{
	struct vfu_out *out = &conn->out;
	struct vfu_header hdr = {
		.id = req->id,
		.command = req->command,
		.flags = VFU_TYPE_REPLY | (error != 0 ? VFU_ERROR : 0),
		.error = (uint32_t)error,
	};

	out->len = sizeof(hdr) + (error != 0 ? 0 : reply->len);
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
	if (conn->fn == NULL) {
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

int
vfu_conn_message(struct vfu_conn *conn)
{
	struct vfu_reply reply = { .data = conn->out.bytes + sizeof(struct vfu_header) };
	const struct handler *handler;
	struct vfu_header hdr;
	int error = 0, ret;

	memcpy(&hdr, conn->rx.buf, sizeof(hdr));
	/* We ask nothing, so a reply is out of step; the server logs it. */
	if ((hdr.flags & VFU_TYPE_MASK) != VFU_TYPE_COMMAND)
		return -EPROTO;
	handler = request_check(conn, &hdr, &error);
	if (handler != NULL) {
		ret = handler->run(conn, conn->rx.buf + sizeof(hdr), hdr.size - sizeof(hdr),
				   &reply);
		if (ret == 0 && (hdr.flags & VFU_NO_REPLY) == 0)
			ret = out_fds(conn, &reply);
		error = ret < 0 ? -ret : 0;
	}
	if (error != 0)
		FABRIC_LOG(DEBUG, "command %u, %u bytes: %s", hdr.command, hdr.size,
			   strerror(error));
	if ((hdr.flags & VFU_NO_REPLY) == 0)
		out_set(conn, &hdr, error, &reply);
	return 0;
}

short
vfu_conn_events(const struct vfu_conn *conn)
{
	return conn->out.len > 0 ? POLLOUT : POLLIN;
}

/* One message more, if it is there. @return 1 one was handled, 0 none, -errno. */
static int
message_next(struct vfu_conn *conn)
{
	int ret = vfu_rx_poll(&conn->rx, conn->sock);

	if (ret <= 0)
		return ret;
	ret = vfu_conn_message(conn);
	vfu_rx_next(&conn->rx);
	if (ret == 0)
		ret = out_flush(conn);
	return ret < 0 ? ret : 1;
}

int
vfu_conn_ready(struct vfu_conn *conn)
{
	unsigned int i;
	int ret;

	ret = out_flush(conn);
	if (ret < 0)
		return ret;
	for (i = 0; conn->out.len == 0 && i < BURST; i++) {
		ret = message_next(conn);
		if (ret <= 0)
			return ret;
	}
	return 0;
}
