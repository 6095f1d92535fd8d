/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_time.h"
#include "vfu_sock.h"

/* Room for one descriptor more than is allowed, so that too many are noticed. */
#define ROOM_FDS (VFU_FDS_MAX + 1)

union ctrl_buf {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int) * VFU_FDS_MAX)];
};

union room_buf {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int) * VFU_FDS_SENT_MAX)];
};

static void
fd_drop(const struct vfu_fds *fds, int fd)
{
	if (fds->drop != NULL)
		fds->drop(fds->arg, fd);
	else
		close(fd);
}

void
vfu_fds_close(struct vfu_fds *fds)
{
	unsigned int i;

	for (i = 0; i < fds->count; i++)
		if (fds->fd[i] >= 0)
			fd_drop(fds, fds->fd[i]);
	fds->count = 0;
	fds->lost = false;
}

int
vfu_fds_take(struct vfu_fds *fds, unsigned int i)
{
	int fd;

	if (i >= fds->count)
		return -1;
	fd = fds->fd[i];
	fds->fd[i] = -1;
	return fd;
}

/* Put descriptors beside a message. */
static void
ctrl_set(struct msghdr *msg, union ctrl_buf *ctrl, const int *fds, unsigned int fd_count)
{
	struct cmsghdr *cmsg;

	if (fd_count == 0)
		return;
	memset(ctrl, 0, sizeof(*ctrl));
	msg->msg_control = ctrl->space;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
}

/* Take the descriptors of one control message. @return 0, or -EMFILE: the rest is closed. */
static int
cmsg_take(const struct cmsghdr *cmsg, struct vfu_fds *fds)
{
	size_t i, n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd, ret = 0;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
		if (fds->count < VFU_FDS_MAX) {
			fds->fd[fds->count++] = fd;
			continue;
		}
		fd_drop(fds, fd);
		ret = -EMFILE;
	}
	return ret;
}

/* recvmsg() of one piece, its descriptors added to fds. @return as recvmsg, or -errno. */
static ssize_t
recv_piece(int sock, void *buf, size_t len, int flags, struct vfu_fds *fds)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	union room_buf ctrl;
	unsigned int room = fds->room > 0 ? fds->room : ROOM_FDS;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctrl.space,
		/* Not CMSG_SPACE(): its padding would be room for one descriptor more. */
		.msg_controllen = CMSG_LEN(sizeof(int) * room),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int ret = 0;

	n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
		    cmsg_take(cmsg, fds) < 0)
			ret = -EMFILE;
	/* There is room for one too many, so what is cut off did not fit into the process. */
	if (msg.msg_flags & MSG_CTRUNC)
		fds->lost = true;
	return ret < 0 ? ret : n;
}

static int
unix_socket(const char *path, int type, struct sockaddr_un *sun)
{
	size_t len = strlen(path);
	int sock;

	if (len >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, len + 1);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
	return sock < 0 ? -errno : sock;
}

int
vfu_sock_connect(const char *path, unsigned int timeout_ms)
{
	struct timeval tv = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000,
	};
	struct sockaddr_un sun;
	int ret, sock;

	sock = unix_socket(path, 0, &sun);
	if (sock < 0)
		return sock;
	/* SO_SNDTIMEO bounds connect() as well: it waits while the backlog is full. */
	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(sock, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		ret = -errno;
		close(sock);
		return ret;
	}
	return sock;
}

int
vfu_sock_listen(const char *path, int backlog)
{
	struct sockaddr_un sun;
	int ret, sock;

	sock = unix_socket(path, SOCK_NONBLOCK, &sun);
	if (sock < 0)
		return sock;
	if (bind(sock, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(sock, backlog) < 0) {
		ret = -errno;
		close(sock);
		return ret;
	}
	return sock;
}

/* -EAGAIN of a socket with a time-out means that it ran out. */
static int
wait_error(int err)
{
	return err == EAGAIN ? -ETIMEDOUT : -err;
}

/* Skip the first `done` bytes of a vector. */
static void
iov_skip(struct msghdr *msg, size_t done)
{
	while (msg->msg_iovlen > 0 && done >= msg->msg_iov->iov_len) {
		done -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + done;
		msg->msg_iov->iov_len -= done;
	}
}

int
vfu_sock_send(int sock, const struct iovec *iov, unsigned int iov_count, const int *fds,
	      unsigned int fd_count)
{
	struct iovec vec[VFU_CALL_IOV_MAX + 1];
	union ctrl_buf ctrl;
	struct msghdr msg = { .msg_iov = vec, .msg_iovlen = iov_count };
	ssize_t n;

	if (iov_count > VFU_CALL_IOV_MAX + 1 || fd_count > VFU_FDS_MAX)
		return -EINVAL;
	memcpy(vec, iov, iov_count * sizeof(*iov));
	ctrl_set(&msg, &ctrl, fds, fd_count);
	iov_skip(&msg, 0);
	while (msg.msg_iovlen > 0) {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return wait_error(errno);
		iov_skip(&msg, (size_t)n);
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

/* How long a message says it is. @return that, or -EPROTO, -EMSGSIZE. */
static ssize_t
message_size(const void *buf, size_t room)
{
	struct vfu_header hdr;

	memcpy(&hdr, buf, sizeof(hdr));
	if (hdr.size < sizeof(hdr))
		return -EPROTO;
	if (hdr.size > room)
		return -EMSGSIZE;
	return hdr.size;
}

/*
 * Read on until `have` reaches `want`. With flags 0 each wait is bounded by the socket's
 * time-out; a peer that drips bytes is cut off by `deadline`.
 */
static int
recv_until(int sock, uint8_t *buf, size_t *have, size_t want, uint64_t deadline,
	   struct vfu_fds *fds)
{
	ssize_t n;

	while (*have < want) {
		n = recv_piece(sock, buf + *have, want - *have, 0, fds);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return wait_error((int)-n);
		if (n == 0)
			return -ECONNRESET;
		*have += (size_t)n;
		if (*have < want && base_now_ns() > deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

static uint64_t
recv_deadline(int sock)
{
	struct timeval tv = { .tv_sec = 0 };
	socklen_t len = sizeof(tv);

	if (getsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) < 0 ||
	    (tv.tv_sec == 0 && tv.tv_usec == 0))
		return UINT64_MAX;
	return base_now_ns() + (uint64_t)tv.tv_sec * BASE_NS_PER_S +
	       (uint64_t)tv.tv_usec * BASE_NS_PER_US;
}

/*
 * A reply is small and the only thing on its way, so one read for all of it is tried first; a
 * byte beyond the message is then a server out of step.
 */
static ssize_t
recv_message(int sock, uint8_t *buf, size_t size, struct vfu_fds *fds)
{
	uint64_t deadline = 0;
	size_t have = 0;
	ssize_t n, want;
	int ret;

	do
		n = recv_piece(sock, buf, size, 0, fds);
	while (n == -EINTR);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : wait_error((int)-n);
	have = (size_t)n;
	if (have < sizeof(struct vfu_header)) {
		deadline = recv_deadline(sock);
		ret = recv_until(sock, buf, &have, sizeof(struct vfu_header), deadline, fds);
		if (ret < 0)
			return ret;
	}
	want = message_size(buf, size);
	if (want < 0)
		return want;
	if (have > (size_t)want)
		return -EPROTO;
	if (have < (size_t)want) {
		deadline = deadline == 0 ? recv_deadline(sock) : deadline;
		ret = recv_until(sock, buf, &have, (size_t)want, deadline, fds);
		if (ret < 0)
			return ret;
	}
	return want;
}

ssize_t
vfu_sock_recv(int sock, void *buf, size_t size, struct vfu_fds *fds)
{
	struct vfu_fds mine = { .count = 0 };
	ssize_t n;

	if (size < sizeof(struct vfu_header))
		return -EINVAL;
	n = recv_message(sock, buf, size, &mine);
	if (n >= 0 && mine.lost)
		n = -EMFILE;
	if (n < 0 || fds == NULL)
		vfu_fds_close(&mine);
	if (fds != NULL)
		*fds = mine;
	return n;
}

/* Is this the reply to that request? @return 0, its errno, or -EPROTO. */
static int
reply_check(const struct vfu_header *hdr, const struct vfu_call *call)
{
	if (hdr->id != call->id || hdr->command != call->command ||
	    (hdr->flags & VFU_TYPE_MASK) != VFU_TYPE_REPLY)
		return -EPROTO;
	if ((hdr->flags & VFU_ERROR) == 0)
		return 0;
	return hdr->error >= 1 && hdr->error <= 4095 ? (int)hdr->error : -EPROTO;
}

static int
call_send(int sock, const struct vfu_call *call)
{
	struct iovec iov[VFU_CALL_IOV_MAX + 1];
	struct vfu_header hdr = { .id = call->id, .command = call->command };
	size_t size = sizeof(hdr);
	unsigned int i;

	if (call->body_count > VFU_CALL_IOV_MAX)
		return -EINVAL;
	iov[0] = (struct iovec){ .iov_base = &hdr, .iov_len = sizeof(hdr) };
	for (i = 0; i < call->body_count; i++) {
		iov[i + 1] = call->body[i];
		size += call->body[i].iov_len;
	}
	if (size > VFU_MSG_MAX)
		return -EMSGSIZE;
	hdr.size = (uint32_t)size;
	hdr.flags = VFU_TYPE_COMMAND;
	return vfu_sock_send(sock, iov, call->body_count + 1, call->fds, call->fd_count);
}

int
vfu_sock_call(int sock, struct vfu_call *call)
{
	struct vfu_header hdr;
	struct vfu_fds fds = { .count = 0 };
	uint8_t msg[sizeof(struct vfu_header) + VFU_CALL_REPLY_MAX];
	ssize_t n;
	int ret;

	call->reply_len = 0;
	call->reply_fds.count = 0;
	if (call->reply_size > VFU_CALL_REPLY_MAX)
		return -EINVAL;
	ret = call_send(sock, call);
	if (ret < 0)
		return ret;
	n = recv_message(sock, msg, sizeof(hdr) + call->reply_size, &fds);
	if (n < 0) {
		vfu_fds_close(&fds);
		return (int)n;
	}
	memcpy(&hdr, msg, sizeof(hdr));
	ret = reply_check(&hdr, call);
	/* The message itself was read to its end: the next one will be in step. */
	if (ret == 0 && fds.lost)
		ret = EMFILE;
	if (ret != 0) {
		vfu_fds_close(&fds);
		return ret;
	}
	call->reply_len = (size_t)n - sizeof(hdr);
	if (call->reply_len > 0)
		memcpy(call->reply, msg + sizeof(hdr), call->reply_len);
	call->reply_fds = fds;
	return 0;
}

int
vfu_rx_poll(struct vfu_rx *rx, int sock)
{
	ssize_t n, want = sizeof(struct vfu_header);
	size_t from = rx->have;

	for (;;) {
		if (rx->have >= sizeof(struct vfu_header)) {
			want = message_size(rx->buf, rx->size);
			if (want < 0)
				return (int)want;
			if (rx->have == (size_t)want)
				return 1;
		}
		if (rx->budget != 0 && rx->have - from >= rx->budget)
			return 0;
		n = recv_piece(sock, rx->buf + rx->have, (size_t)want - rx->have, MSG_DONTWAIT,
			       &rx->fds);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n == 0 ? -ECONNRESET : (int)n;
		rx->have += (size_t)n;
	}
}

void
vfu_rx_next(struct vfu_rx *rx)
{
	vfu_fds_close(&rx->fds);
	rx->have = 0;
}

ssize_t
vfu_sock_send_some(int sock, const void *buf, size_t len, const int *fds, unsigned int fd_count)
{
	struct iovec iov;
	union ctrl_buf ctrl;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd_count > VFU_FDS_MAX)
		return -EINVAL;
	memcpy(&iov.iov_base, &buf, sizeof(buf)); /* sendmsg() only reads it */
	iov.iov_len = len;
	ctrl_set(&msg, &ctrl, fds, fd_count);
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}
