/* SPDX-License-Identifier: BSD-3-Clause */
/* vfio-user as a client of the fabric that obeys only as far as it likes. */
#ifndef CLIENT_RAW_H
#define CLIENT_RAW_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_time.h"
#include "vfu_sock.h"

#define RAW_TIMEOUT_MS 60000

static inline void
raw_die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err));
	exit(1);
}

static inline int
raw_connect(const char *path)
{
	int sock = vfu_sock_connect(path, RAW_TIMEOUT_MS);

	if (sock < 0)
		raw_die(path, -sock);
	return sock;
}

/* @return 0, -errno of the server or of the connection. */
static inline int
raw_call(int sock, uint16_t command, const void *body, size_t len, const int *fds,
	 unsigned int fd_count)
{
	static uint16_t id;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body, .iov_len = len };
	uint8_t reply[VFU_CALL_REPLY_MAX];
	struct vfu_call call = {
		.id = ++id,
		.command = command,
		.body = &iov,
		.body_count = 1,
		.fds = fds,
		.fd_count = fd_count,
		.reply = reply,
		.reply_size = sizeof(reply),
	};
	int ret = vfu_sock_call(sock, &call);

	vfu_fds_close(&call.reply_fds);
	return ret > 0 ? -ret : ret;
}

static inline int
raw_version(int sock)
{
	struct vfu_version version = { .major = 0 };

	return raw_call(sock, VFU_VERSION, &version, sizeof(version), NULL, 0);
}

static inline int
raw_ask(int sock)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };

	return raw_call(sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0);
}

/* Connect and become the function's client. */
static inline int
raw_attach(const char *path)
{
	int sock = raw_connect(path), ret = raw_version(sock);

	if (ret == 0)
		ret = raw_ask(sock);
	if (ret < 0)
		raw_die(path, -ret);
	return sock;
}

#endif
