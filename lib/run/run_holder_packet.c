/* SPDX-License-Identifier: BSD-3-Clause */
/* What a holder and who serves for it say: one packet each, with descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run_holder_wire.h"

int
run_holder_send(int sock, const struct run_holder_packet *packet, size_t len, const int *fds,
		unsigned int count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RUN_HOLDER_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (count > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void
take_fds(struct msghdr *msg, int fds[RUN_HOLDER_FDS], unsigned int *count)
{
	const struct cmsghdr *cmsg;
	size_t n;

	*count = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, (struct cmsghdr *)(uintptr_t)cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (*count < RUN_HOLDER_FDS)
				fds[(*count)++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t
run_holder_receive(int sock, struct run_holder_packet *packet, int fds[RUN_HOLDER_FDS],
		   unsigned int *count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RUN_HOLDER_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = packet, .iov_len = sizeof(*packet) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	ssize_t n;

	memset(packet, 0, sizeof(*packet));
	*count = 0;
	n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	take_fds(&msg, fds, count);
	if (n == 0)
		return -EPIPE;
	return n >= (ssize_t)RUN_HOLDER_HEAD ? n : -EPROTO;
}
