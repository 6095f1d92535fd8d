/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A real server on real sockets, in a thread, for tests that speak vfio-user to it byte by byte.
 * Two functions, "fn0" and "fn1". The server's thread alone touches the fabric. Every wait is
 * bounded by the sockets' time-out.
 */
#ifndef VFU_RIG_H
#define VFU_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/vfio.h>

#include "emulated.h"
#include "fabric_closer.h"
#include "fabric_server.h"
#include "vfu_sock.h"

#define WIRE_FNS 2
#define WIRE_TIMEOUT_MS 5000
#define WIRE_GID(n) (UINT64_C(0x1500) + (n))
#define WIRE_CAPS "{\"capabilities\":{\"max_msg_fds\":8}}"
#define WIRE_CAPS_DIRECT "{\"capabilities\":{\"ism_direct\":true}}"

/* A test that needs its server otherwise changes them before wire_start(). */
static unsigned int wire_version_ms = 3000;
static struct fabric_closer *wire_closer;

struct wire {
	struct fabric *fab;
	struct fabric_fn *fn[WIRE_FNS];
	struct fabric_server *server;
	char dir[64];
	char path[WIRE_FNS][96];
	pthread_t thread;
	bool stop; /* atomic, read by the thread */
	unsigned int turns; /* atomic, of the server: fabric_server_poll() has returned so often */
	unsigned int fds; /* open descriptors when it was up, without a client */
};

static inline unsigned int
wire_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Leave this process `spare` descriptors more than it has. @return the limit of before. */
static inline struct rlimit
wire_limit_fds(unsigned int spare)
{
	int lowest = dup(STDERR_FILENO);
	struct rlimit old, low;

	assert_true(lowest >= 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){ .rlim_cur = (rlim_t)lowest + spare, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	return old;
}

static inline void *
wire_thread(void *arg)
{
	struct wire *wire = arg;

	while (!__atomic_load_n(&wire->stop, __ATOMIC_ACQUIRE)) {
		if (fabric_server_poll(wire->server, 20, NULL) < 0)
			abort();
		__atomic_fetch_add(&wire->turns, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static inline struct wire *
wire_start(bool quirk)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	unsigned int i;

	assert_non_null(wire);
	snprintf(wire->dir, sizeof(wire->dir), "/tmp/vfu-rig-XXXXXX");
	assert_non_null(mkdtemp(wire->dir));
	wire->fab = fabric_create();
	assert_non_null(wire->fab);
	wire->server = fabric_server_create(wire->fab);
	assert_non_null(wire->server);
	fabric_server_set_version_ms(wire->server, wire_version_ms);
	fabric_server_set_closer(wire->server, wire_closer);
	for (i = 0; i < WIRE_FNS; i++) {
		char name[] = { 'f', 'n', (char)('0' + i), '\0' };
		struct fabric_fn_conf conf = { .name = name, .gid = WIRE_GID(i) };

		snprintf(wire->path[i], sizeof(wire->path[i]), "%s/%s.sock", wire->dir, name);
		assert_int_equal(fabric_fn_add(wire->fab, &conf, &wire->fn[i]), 0);
		assert_int_equal(fabric_server_add(wire->server, wire->fn[i], wire->path[i], quirk),
				 0);
	}
	wire->fds = wire_count_fds();
	assert_int_equal(pthread_create(&wire->thread, NULL, wire_thread, wire), 0);
	return wire;
}

static inline int
wire_setup(void **state)
{
	*state = wire_start(false);
	return 0;
}

/*
 * Wait until the server has let go of every client; the test has closed all of them. It may still
 * have to accept the last one: so the descriptors are counted over two whole turns of it.
 */
static inline void
wire_settle(struct wire *wire)
{
	unsigned int now, since = __atomic_load_n(&wire->turns, __ATOMIC_ACQUIRE), waited;

	for (waited = 0; waited < 5000; waited++) {
		now = __atomic_load_n(&wire->turns, __ATOMIC_ACQUIRE);
		if (wire_count_fds() != wire->fds)
			since = now;
		else if (now - since > 2)
			return;
		usleep(1000);
	}
	assert_int_equal(wire_count_fds(), wire->fds);
	fail_msg("the server does not come to rest");
}

/* How often an eventfd that was given to the server was raised since the last look. */
static inline uint64_t
wire_fired(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? emulated_count(n) : 0;
}

/* After this the fabric may be looked at. */
static inline void
wire_stop_thread(struct wire *wire)
{
	if (wire->stop)
		return;
	wire_settle(wire);
	__atomic_store_n(&wire->stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(wire->thread, NULL), 0);
}

/* Clients must be closed: then no descriptor is left either. */
static inline int
wire_teardown(void **state)
{
	struct wire *wire = *state;
	unsigned int i;

	wire_stop_thread(wire);
	fabric_server_destroy(wire->server);
	fabric_destroy(wire->fab);
	for (i = 0; i < WIRE_FNS; i++)
		assert_int_equal(access(wire->path[i], F_OK), -1);
	assert_int_equal(rmdir(wire->dir), 0);
	free(wire);
	return 0;
}

#define WIRE_TEST(f) cmocka_unit_test_setup_teardown(f, wire_setup, wire_teardown)

/* --- client --- */

static inline int
wire_connect(struct wire *wire, unsigned int n)
{
	int sock = vfu_sock_connect(wire->path[n], WIRE_TIMEOUT_MS);

	assert_true(sock >= 0);
	return sock;
}

/* Send a message with this header, body and descriptors. */
static inline void
wire_send_raw(int sock, const struct vfu_header *hdr, const void *body, size_t len, const int *fds,
	      unsigned int fd_count)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)hdr, .iov_len = sizeof(*hdr) },
		{ .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};

	assert_int_equal(vfu_sock_send(sock, iov, 2, fds, fd_count), 0);
}

/*
 * One request and its reply.
 * @return bytes of the reply's body, or -errno that the server answered.
 */
static inline int
wire_call_fds(int sock, uint16_t command, const void *body, size_t len, const int *fds,
	      unsigned int fd_count, void *reply, size_t size, struct vfu_fds *reply_fds)
{
	static uint16_t id;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body, .iov_len = len };
	struct vfu_call call = {
		.id = ++id,
		.command = command,
		.body = &iov,
		.body_count = 1,
		.fds = fds,
		.fd_count = fd_count,
		.reply = reply,
		.reply_size = size,
	};
	int ret = vfu_sock_call(sock, &call);

	assert_true(ret >= 0);
	if (ret > 0)
		return -ret;
	if (reply_fds != NULL)
		*reply_fds = call.reply_fds;
	else
		assert_int_equal(call.reply_fds.count, 0);
	return (int)call.reply_len;
}

static inline int
wire_call(int sock, uint16_t command, const void *body, size_t len, void *reply, size_t size)
{
	return wire_call_fds(sock, command, body, len, NULL, 0, reply, size, NULL);
}

/* VERSION with this JSON (NULL: none). @return as wire_call(); reply text in json. */
static inline int
wire_version(int sock, uint16_t major, uint16_t minor, const char *text, struct vfu_version *got,
	     char json[1024])
{
	uint8_t body[8192], reply[1028];
	struct vfu_version version = { .major = major, .minor = minor };
	size_t len = text != NULL ? strlen(text) + 1 : 0;
	int ret;

	assert_true(len <= sizeof(body) - sizeof(version));
	memcpy(body, &version, sizeof(version));
	if (len > 0)
		memcpy(body + sizeof(version), text, len);
	ret = wire_call(sock, VFU_VERSION, body, sizeof(version) + len, reply, sizeof(reply));
	if (ret < 0)
		return ret;
	assert_true(ret > (int)sizeof(version));
	memcpy(got, reply, sizeof(*got));
	assert_int_equal(reply[ret - 1], '\0');
	memcpy(json, reply + sizeof(version), (size_t)ret - sizeof(version));
	return ret;
}

/* Connect and agree on a version. */
static inline int
wire_attach(struct wire *wire, unsigned int n, const char *caps)
{
	int sock = wire_connect(wire, n);
	struct vfu_version got;
	char json[1024];

	assert_true(wire_version(sock, 0, 0, caps, &got, json) > 0);
	return sock;
}

/*
 * Connect and agree on a version, after another client closed: wait until the server has seen
 * that.
 */
static inline int
wire_reattach_version(struct wire *wire, unsigned int n, uint16_t minor, const char *caps,
		      struct vfu_version *got, char json[1024])
{
	unsigned int waited;
	int sock, ret;

	for (waited = 0; waited < 200; waited++) {
		sock = wire_connect(wire, n);
		ret = wire_version(sock, 0, minor, caps, got, json);
		if (ret > 0)
			return sock;
		assert_int_equal(ret, -EBUSY);
		close(sock);
		usleep(10000);
	}
	fail_msg("the function stayed busy");
	return -1;
}

static inline int
wire_reattach(struct wire *wire, unsigned int n, const char *caps)
{
	struct vfu_version got;
	char json[1024];

	return wire_reattach_version(wire, n, 0, caps, &got, json);
}

/* The server closed the connection (and sent nothing). */
static inline void
wire_expect_closed(int sock)
{
	uint8_t byte;
	ssize_t n = recv(sock, &byte, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	close(sock);
}

/* --- requests --- */

/* @return 0 or -errno. fd -1: none. */
static inline int
wire_dma_map(int sock, uint64_t addr, uint64_t size, int fd, uint64_t offset)
{
	struct vfu_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFU_DMA_READABLE | VFU_DMA_WRITEABLE,
		.offset = offset,
		.addr = addr,
		.size = size,
	};

	return wire_call_fds(sock, VFU_DMA_MAP, &map, sizeof(map), &fd, fd >= 0 ? 1 : 0, NULL, 0,
			     NULL);
}

static inline int
wire_dma_unmap(int sock, uint64_t addr, uint64_t size, uint32_t flags, uint64_t *done)
{
	struct vfu_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.addr = addr,
		.size = size,
	};
	int ret = wire_call(sock, VFU_DMA_UNMAP, &unmap, sizeof(unmap), &unmap, sizeof(unmap));

	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(unmap));
	*done = unmap.size;
	return 0;
}

static inline int
wire_write(int sock, uint32_t region, uint64_t off, const void *data, uint32_t len)
{
	struct vfu_region_access acc = { .offset = off, .region = region, .count = len };
	uint8_t body[sizeof(acc) + 8192];
	int ret;

	assert_true(len <= 8192);
	memcpy(body, &acc, sizeof(acc));
	if (len > 0)
		memcpy(body + sizeof(acc), data, len);
	ret = wire_call(sock, VFU_REGION_WRITE, body, sizeof(acc) + len, &acc, sizeof(acc));
	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(acc));
	assert_int_equal(acc.count, len);
	assert_int_equal(acc.offset, off);
	return 0;
}

static inline int
wire_read(int sock, uint32_t region, uint64_t off, void *data, uint32_t len)
{
	struct vfu_region_access acc = { .offset = off, .region = region, .count = len };
	uint8_t reply[VFU_CALL_REPLY_MAX];
	int ret = wire_call(sock, VFU_REGION_READ, &acc, sizeof(acc), reply, sizeof(reply));

	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(acc) + len);
	memcpy(data, reply + sizeof(acc), len);
	return 0;
}

#endif
