/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server that lies. Between the driver and the fabric's own server sits a proxy that spoils the
 * n-th reply; every kind of spoiling is tried on every reply of a session's life. Whatever comes,
 * the driver answers with an errno of its contract, in bounded time, and works again with an
 * honest server.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include <rte_bus_vdev.h>
#include <rte_log.h>
#include <rte_rawdev.h>

#include "base_time.h"
#include "rte_pmd_ism.h"
#include "sockfab.h"
#include "vfu_sock.h"

#define WAIT_MS 50
#define MSG_ROOM (VFU_CALL_REPLY_MAX + 64)
#define CALL_BOUND_NS (5 * BASE_NS_PER_S) /* of a call of the driver, silence included */
#define REPLIES_MAX 400

enum spoil {
	SPOIL_NOTHING,
	SPOIL_CLOSE,
	SPOIL_HALF, /* and close */
	SPOIL_HALF_HEADER,
	SPOIL_SIZE_SMALL,
	SPOIL_SIZE_HUGE,
	SPOIL_ID,
	SPOIL_COMMAND,
	SPOIL_TYPE,
	SPOIL_ERROR_0,
	SPOIL_ERROR_EIO,
	SPOIL_ERROR_HUGE,
	SPOIL_BODY_SHORT,
	SPOIL_BODY_LONG,
	SPOIL_BODY_ONES,
	SPOIL_BODY_ZEROS,
	SPOIL_BODY_RANDOM,
	SPOIL_TWICE,
	SPOIL_FDS,
	SPOIL_FDS_MANY,
	SPOIL_KINDS,
	SPOIL_SILENT, /* costs a time-out: not on every reply */
};

struct proxy {
	char path[VFU_PATH_MAX]; /* where the driver connects */
	const char *server;
	int listener;
	enum spoil spoil;
	unsigned int at; /* the reply to spoil, counted over all connections */
	unsigned int replies; /* so far */
	bool stop; /* atomic */
	pthread_t thread;
};

static struct sockfab sf;
static struct proxy px;

/* --- the proxy --- */

/* Send bytes as they are, with n copies of a descriptor beside them. */
static void
send_raw(int sock, const void *buf, size_t len, unsigned int fds)
{
	int fd[16], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(fd))];
	} ctrl = { .space = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned int i;

	if (fds > 0) {
		for (i = 0; i < fds; i++)
			fd[i] = null;
		msg.msg_control = ctrl.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		ctrl.align.cmsg_level = SOL_SOCKET;
		ctrl.align.cmsg_type = SCM_RIGHTS;
		ctrl.align.cmsg_len = CMSG_LEN(sizeof(int) * fds);
		memcpy(CMSG_DATA(&ctrl.align), fd, sizeof(int) * fds);
	}
	(void)!sendmsg(sock, &msg, MSG_NOSIGNAL);
	close(null);
}

static void
fill(uint8_t *body, size_t len, enum spoil how)
{
	size_t i;

	for (i = 0; i < len; i++)
		body[i] = how == SPOIL_BODY_ONES    ? 0xff
			  : how == SPOIL_BODY_ZEROS ? 0
						    : (uint8_t)rand();
}

/* Send the spoiled reply. @return 0, or -1: hang up. */
static int
send_spoiled(int sock, uint8_t *msg, size_t len, struct vfu_fds *fds)
{
	struct vfu_header *hdr = (struct vfu_header *)msg;
	const size_t body = len - sizeof(*hdr);
	unsigned int extra_fds = 0;

	switch (px.spoil) {
	case SPOIL_CLOSE:
		return -1;
	case SPOIL_HALF:
		send_raw(sock, msg, sizeof(*hdr) + body / 2, 0);
		return -1;
	case SPOIL_HALF_HEADER:
		send_raw(sock, msg, sizeof(*hdr) / 2, 0);
		return -1;
	case SPOIL_SIZE_SMALL:
		hdr->size = 8;
		break;
	case SPOIL_SIZE_HUGE:
		hdr->size = UINT32_MAX;
		break;
	case SPOIL_ID:
		hdr->id++;
		break;
	case SPOIL_COMMAND:
		hdr->command ^= 3;
		break;
	case SPOIL_TYPE:
		hdr->flags = VFU_TYPE_COMMAND;
		break;
	case SPOIL_ERROR_0:
	case SPOIL_ERROR_EIO:
	case SPOIL_ERROR_HUGE:
		hdr->flags |= VFU_ERROR;
		hdr->error = px.spoil == SPOIL_ERROR_0	   ? 0
			     : px.spoil == SPOIL_ERROR_EIO ? EIO
							   : ~0u;
		hdr->size = sizeof(*hdr);
		len = sizeof(*hdr);
		break;
	case SPOIL_BODY_SHORT:
		len -= body > 0;
		hdr->size = (uint32_t)len;
		break;
	case SPOIL_BODY_LONG:
		len += 8;
		hdr->size = (uint32_t)len;
		break;
	case SPOIL_BODY_ONES:
	case SPOIL_BODY_ZEROS:
	case SPOIL_BODY_RANDOM:
		fill(msg + sizeof(*hdr), body, px.spoil);
		if (fds->count > 0) { /* of a direct window: its numbers lie, its files are real */
			struct iovec iov = { .iov_base = msg, .iov_len = len };

			return vfu_sock_send(sock, &iov, 1, fds->fd, fds->count);
		}
		break;
	case SPOIL_TWICE:
		send_raw(sock, msg, len, 0);
		break;
	case SPOIL_FDS:
		extra_fds = 3;
		break;
	case SPOIL_FDS_MANY:
		extra_fds = 16;
		break;
	default: /* SPOIL_SILENT */
		return 0;
	}
	send_raw(sock, msg, len, extra_fds);
	return 0;
}

/* One request to the server, its reply to the driver. @return 0, or -1: hang up. */
static int
forward(int driver, int server)
{
	static uint8_t req[MSG_ROOM], rsp[MSG_ROOM];
	struct vfu_fds fds = { .count = 0 };
	struct iovec iov = { .iov_base = req };
	struct pollfd pfd = { .fd = driver, .events = POLLIN };
	ssize_t n;
	int ret;

	if (poll(&pfd, 1, WAIT_MS) <= 0)
		return 0;
	n = vfu_sock_recv(driver, req, sizeof(req), &fds);
	if (n < 0)
		return -1;
	iov.iov_len = (size_t)n;
	ret = vfu_sock_send(server, &iov, 1, fds.fd, fds.count);
	vfu_fds_close(&fds);
	if (ret < 0)
		return -1;
	n = vfu_sock_recv(server, rsp, sizeof(rsp) - 8, &fds);
	if (n < 0)
		return -1;
	iov = (struct iovec){ .iov_base = rsp, .iov_len = (size_t)n };
	if (px.replies++ == px.at && px.spoil != SPOIL_NOTHING)
		ret = send_spoiled(driver, rsp, (size_t)n, &fds);
	else
		ret = vfu_sock_send(driver, &iov, 1, fds.fd, fds.count);
	vfu_fds_close(&fds);
	return ret < 0 ? -1 : 0;
}

static void *
proxy_thread(void *arg)
{
	int driver, server;
	struct pollfd pfd = { .fd = px.listener, .events = POLLIN };

	(void)arg;
	while (!__atomic_load_n(&px.stop, __ATOMIC_RELAXED)) {
		if (poll(&pfd, 1, WAIT_MS) <= 0)
			continue;
		driver = accept4(px.listener, NULL, NULL, SOCK_CLOEXEC);
		server = vfu_sock_connect(px.server, 1000);
		while (driver >= 0 && server >= 0 && forward(driver, server) == 0 &&
		       !__atomic_load_n(&px.stop, __ATOMIC_RELAXED))
			;
		close(driver);
		close(server);
	}
	return NULL;
}

/* --- a session's life --- */

static bool
allowed(int ret)
{
	switch (ret) {
	case 0:
	case -ENODEV:
	case -EIO:
	case -EPROTO:
	case -ENOMEM:
	case -EINVAL:
	case -ENOSPC:
	case -EHOSTUNREACH:
	case -EBUSY:
		return true;
	default:
		return ret > 0 && ret <= 14; /* events */
	}
}

#define CHECK(call)                                                                                \
	do {                                                                                       \
		uint64_t check_start = base_now_ns();                                              \
		int check_ret = (call);                                                            \
		if (!allowed(check_ret))                                                           \
			fail_msg("%s: %d, spoil %d at reply %u", #call, check_ret, px.spoil,       \
				 px.at);                                                           \
		if (base_now_ns() - check_start > CALL_BOUND_NS)                                   \
			fail_msg("%s: too long, spoil %d at reply %u", #call, px.spoil, px.at);    \
	} while (0)

/* Stores into a DMB of the honest function. */
static void
live_stores(uint16_t dev, uint16_t peer)
{
	struct rte_pmd_ism_dmb *theirs = NULL;
	struct rte_pmd_ism_win *win = NULL;
	uint8_t data[8192] = { 1 };

	CHECK(rte_pmd_ism_dmb_register(peer, sf.gid[1], 8192, 0, &theirs));
	if (theirs == NULL)
		return;
	CHECK(rte_pmd_ism_win_open(dev, theirs->token, 8192, &win));
	if (win != NULL) {
		CHECK(rte_pmd_ism_store(win, 0, data, sizeof(data)));
		CHECK(rte_pmd_ism_store(win, 64, data, 64));
		rte_pmd_ism_win_close(win);
	}
	rte_pmd_ism_dmb_unregister(theirs);
}

static void
live_control(uint16_t dev)
{
	struct rte_pmd_ism_dmb *mine = NULL;
	struct rte_pmd_ism_event ev[14];

	CHECK(rte_pmd_ism_query_rgid(dev, sf.gid[0], 0));
	CHECK(rte_pmd_ism_dmb_register(dev, sf.gid[0], 8192, 0, &mine));
	CHECK(rte_pmd_ism_signal(dev, sf.gid[0], 1, 1));
	CHECK(rte_pmd_ism_events(dev, ev, 14));
	rte_pmd_ism_dmb_unregister(mine);
}

/* All that a driver does, ignoring failures. `dev` is behind the proxy, `peer` is not. */
static void
live(uint16_t dev, uint16_t peer)
{
	CHECK(rte_pmd_ism_open(dev));
	live_stores(dev, peer);
	live_control(dev);
	CHECK(rte_pmd_ism_reopen(dev));
	rte_pmd_ism_close(dev);
}

static int
setup(void **state)
{
	int ret;

	(void)state;
	ret = sockfab_start(&sf, 2);
	if (ret < 0)
		return ret;
	memset(&px, 0, sizeof(px));
	snprintf(px.path, sizeof(px.path), "%s/proxy", sf.dir);
	px.server = sf.path[1];
	px.listener = vfu_sock_listen(px.path, 4);
	if (px.listener < 0)
		return px.listener;
	/* Hundreds of complaints are what this is about. */
	rte_log_set_level_pattern("pmd.raw.ism", RTE_LOG_EMERG);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_EMERG);
	return pthread_create(&px.thread, NULL, proxy_thread, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	__atomic_store_n(&px.stop, true, __ATOMIC_RELAXED);
	pthread_join(px.thread, NULL);
	close(px.listener);
	unlink(px.path);
	sockfab_stop(&sf);
	return 0;
}

/* The driver's two functions: 0 honest, 1 behind the proxy. */
static void
devices(const char *more, uint16_t dev[2])
{
	char args[256];

	assert_int_equal(sockfab_probe(&sf, 0, NULL, &dev[0]), 0);
	assert_int_equal(rte_pmd_ism_open(dev[0]), 0);
	snprintf(args, sizeof(args), "socket=%s,%s", px.path, more);
	assert_int_equal(rte_vdev_init("raw_ism1", args), 0);
	dev[1] = (uint16_t)rte_rawdev_get_dev_id("raw_ism1");
}

/* One life with that reply spoiled. */
static void
spoil(enum spoil how, unsigned int at, const uint16_t dev[2])
{
	px.spoil = how;
	px.at = at;
	px.replies = 0;
	live(dev[1], dev[0]);
}

/* How many replies there are in an honest life. */
static unsigned int
honest(const uint16_t dev[2])
{
	spoil(SPOIL_NOTHING, 0, dev);
	assert_in_range(px.replies, 40, REPLIES_MAX);
	assert_int_equal(rte_pmd_ism_open(dev[1]), 0);
	assert_int_equal(rte_rawdev_selftest(dev[1]), 0);
	rte_pmd_ism_close(dev[1]);
	return px.replies;
}

static void
spoil_all(const char *more)
{
	unsigned int at, total;
	uint16_t dev[2];
	enum spoil how;

	devices(more, dev);
	total = honest(dev);
	for (how = SPOIL_CLOSE; how < SPOIL_KINDS; how++)
		for (at = 0; at < total; at += at < 12 ? 1 : 9)
			spoil(how, at + (at < 12 ? 0 : how % 9), dev);
	honest(dev);
	rte_vdev_uninit("raw_ism1");
}

static void
test_stores(void **state)
{
	(void)state;
	spoil_all("direct=0");
}

static void
test_direct(void **state)
{
	(void)state;
	spoil_all("direct=1");
}

/* The server stops answering: a bounded wait, then the function is lost. */
static void
test_silence(void **state)
{
	uint16_t dev[2];

	(void)state;
	devices("direct=0", dev);
	spoil(SPOIL_SILENT, 0, dev);
	spoil(SPOIL_SILENT, 20, dev);
	spoil(SPOIL_SILENT, 60, dev);
	honest(dev);
	rte_vdev_uninit("raw_ism1");
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_stores),
		T(test_direct),
		T(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
