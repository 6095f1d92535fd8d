/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of the socket: a server that lies, drips, hangs or sends gifts. */
#include "vfu_rig.h"

#include <sys/time.h>

#include "base_time.h"

#define SHORT_MS 200
#define DRIPS 4000

/* Both ends; the client's with a time-out. */
static void
pair(int sock[2])
{
	struct timeval tv = { .tv_usec = SHORT_MS * 1000 };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	assert_int_equal(setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(setsockopt(sock[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
}

static void
pair_close(int sock[2])
{
	close(sock[0]);
	close(sock[1]);
}

/* The answer is there before the question: a stream does not mind. @return of the call. */
static int
call_with(const void *answer, size_t len, size_t room, struct vfu_call *out)
{
	uint8_t reply[VFU_CALL_REPLY_MAX];
	struct vfu_call call = {
		.id = 7,
		.command = VFU_DEVICE_GET_INFO,
		.reply = reply,
		.reply_size = room,
	};
	int sock[2], ret;

	pair(sock);
	if (len > 0)
		assert_int_equal(send(sock[1], answer, len, 0), len);
	ret = vfu_sock_call(sock[0], &call);
	if (out != NULL)
		*out = call;
	pair_close(sock);
	return ret;
}

struct answer {
	struct vfu_header hdr;
	uint8_t body[64];
};

static struct answer
good(uint32_t body)
{
	return (struct answer){
		.hdr = { 7, VFU_DEVICE_GET_INFO, 16 + body, VFU_TYPE_REPLY, 0 },
	};
}

static void
replies(void **state)
{
	struct answer ans = good(16);
	struct vfu_call call;

	assert_int_equal(call_with(&ans, 32, 16, &call), 0);
	assert_int_equal(call.reply_len, 16);
	ans = good(0);
	assert_int_equal(call_with(&ans, 16, 16, &call), 0);
	assert_int_equal(call.reply_len, 0);
	ans.hdr.flags |= VFU_ERROR;
	ans.hdr.error = EIO;
	assert_int_equal(call_with(&ans, 16, 16, NULL), EIO);
	ans.hdr.error = 0;
	assert_int_equal(call_with(&ans, 16, 16, NULL), -EPROTO);
	ans.hdr.error = 4096;
	assert_int_equal(call_with(&ans, 16, 16, NULL), -EPROTO);
	ans.hdr.error = UINT32_MAX;
	assert_int_equal(call_with(&ans, 16, 16, NULL), -EPROTO);
}

static void
lies(void **state)
{
	struct answer ans = good(16);

	ans.hdr.id = 8;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EPROTO);
	ans = good(16);
	ans.hdr.command = VFU_VERSION;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EPROTO);
	ans = good(16);
	ans.hdr.flags = VFU_TYPE_COMMAND;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EPROTO);
	ans = good(16);
	ans.hdr.size = 15;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EPROTO);
	ans.hdr.size = 0;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EPROTO);
	ans = good(16);
	assert_int_equal(call_with(&ans, 32, 8, NULL), -EMSGSIZE); /* more than there is room */
	ans.hdr.size = UINT32_MAX;
	assert_int_equal(call_with(&ans, 32, 16, NULL), -EMSGSIZE);
	ans = good(8);
	assert_int_equal(call_with(&ans, 32, 32, NULL), -EPROTO); /* bytes behind the message */
}

static void
silence(void **state)
{
	struct answer ans = good(16);
	uint64_t from = base_now_ns();

	assert_int_equal(call_with(NULL, 0, 16, NULL), -ETIMEDOUT);
	assert_int_equal(call_with(&ans, 7, 16, NULL), -ETIMEDOUT);
	assert_int_equal(call_with(&ans, 20, 16, NULL), -ETIMEDOUT);
	assert_true(base_now_ns() - from < 10 * BASE_NS_PER_S);
}

static void
gone(void **state)
{
	struct vfu_call call = { .id = 7, .command = VFU_DEVICE_RESET };
	struct answer ans = good(16);
	uint8_t buf[64];
	int sock[2];

	pair(sock);
	close(sock[1]);
	assert_int_equal(vfu_sock_call(sock[0], &call), -EPIPE);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), NULL), -ECONNRESET);
	close(sock[0]);
	/* In the middle of a message. */
	pair(sock);
	assert_int_equal(send(sock[1], &ans, 20, 0), 20);
	close(sock[1]);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), NULL), -ECONNRESET);
	close(sock[0]);
}

/* A header, then byte after byte of what it promises, until nobody listens. */
static void *
drip(void *arg)
{
	struct answer ans = good(DRIPS);
	int sock = *(int *)arg;
	size_t i;

	for (i = 0; i < sizeof(ans.hdr) + DRIPS; i++) {
		if (send(sock, (uint8_t *)&ans + i % sizeof(ans), 1, MSG_NOSIGNAL) != 1)
			break;
		usleep(20000);
	}
	return NULL;
}

/* A byte every 20 ms takes 80 s: more than the bound, though no single wait is. */
static void
dripping(void **state)
{
	uint64_t from = base_now_ns();
	uint8_t buf[sizeof(struct vfu_header) + DRIPS];
	pthread_t thread;
	int sock[2];

	pair(sock);
	assert_int_equal(pthread_create(&thread, NULL, drip, &sock[1]), 0);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), NULL), -ETIMEDOUT);
	assert_true(base_now_ns() - from < 20 * BASE_NS_PER_S);
	close(sock[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(sock[1]);
}

/* Descriptors that nobody asked for do not stay open. */
static void
gifts(void **state)
{
	struct answer ans = good(16);
	struct iovec iov = { .iov_base = &ans, .iov_len = 32 };
	int sock[2], fds[VFU_FDS_MAX], i;
	unsigned int before;
	struct vfu_fds got;
	uint8_t buf[64];

	pair(sock);
	for (i = 0; i < VFU_FDS_MAX; i++)
		fds[i] = sock[0];
	before = wire_count_fds();
	assert_int_equal(vfu_sock_send(sock[1], &iov, 1, fds, VFU_FDS_MAX), 0);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), NULL), 32);
	assert_int_equal(wire_count_fds(), before);
	assert_int_equal(vfu_sock_send(sock[1], &iov, 1, fds, 2), 0);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), &got), 32);
	assert_int_equal(got.count, 2);
	assert_int_equal(wire_count_fds(), before + 2);
	i = vfu_fds_take(&got, 0);
	assert_true(i >= 0);
	assert_true(fcntl(i, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(vfu_fds_take(&got, 0), -1);
	assert_int_equal(vfu_fds_take(&got, 2), -1);
	vfu_fds_close(&got);
	vfu_fds_close(&got);
	close(i);
	/* With an error they go as well. */
	ans.hdr.size = 1000;
	assert_int_equal(vfu_sock_send(sock[1], &iov, 1, fds, 2), 0);
	assert_int_equal(vfu_sock_recv(sock[0], buf, sizeof(buf), &got), -EMSGSIZE);
	assert_int_equal(wire_count_fds(), before);
	assert_int_equal(vfu_sock_send(sock[1], &iov, 1, fds, VFU_FDS_MAX + 1), -EINVAL);
	pair_close(sock);
}

/* The answer is whole, but this process cannot have its descriptors: the stream is in step. */
static void
no_descriptor_for_them(void **state)
{
	struct answer ans = good(16);
	struct iovec iov = { .iov_base = &ans, .iov_len = 32 };
	uint8_t reply[16];
	struct vfu_call call = {
		.id = 7,
		.command = VFU_DEVICE_GET_INFO,
		.reply = reply,
		.reply_size = sizeof(reply),
	};
	unsigned int before, spare;
	struct rlimit limit;
	int sock[2], fds[2], ret;

	pair(sock);
	fds[0] = fds[1] = sock[0];
	before = wire_count_fds();
	for (spare = 0; spare <= 2; spare++) {
		assert_int_equal(vfu_sock_send(sock[1], &iov, 1, fds, 2), 0);
		limit = wire_limit_fds(spare);
		ret = vfu_sock_call(sock[0], &call);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_int_equal(ret, spare < 2 ? EMFILE : 0);
		assert_int_equal(call.reply_fds.count, spare < 2 ? 0 : 2);
		vfu_fds_close(&call.reply_fds);
		assert_int_equal(wire_count_fds(), before);
	}
	pair_close(sock);
}

/* A peer that takes nothing: the sender gives up in time. */
static void
full(void **state)
{
	static uint8_t body[VFU_DATA_MAX];
	struct iovec iov = { .iov_base = body, .iov_len = sizeof(body) };
	struct vfu_call call = {
		.id = 1,
		.command = VFU_REGION_WRITE,
		.body = &iov,
		.body_count = 1,
	};
	int sock[2];

	pair(sock);
	assert_int_equal(vfu_sock_call(sock[0], &call), -ETIMEDOUT);
	pair_close(sock);
	iov.iov_len = VFU_MSG_MAX;
	assert_int_equal(vfu_sock_call(-1, &call), -EMSGSIZE);
	call.reply_size = VFU_CALL_REPLY_MAX + 1;
	assert_int_equal(vfu_sock_call(-1, &call), -EINVAL);
}

static void
connecting(void **state)
{
	char longest[200], dir[] = "/tmp/vfu-sock-XXXXXX", path[64];
	int listener, sock;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(vfu_sock_connect(longest, 100), -ENAMETOOLONG);
	assert_int_equal(vfu_sock_listen(longest, 1), -ENAMETOOLONG);
	assert_int_equal(vfu_sock_connect(path, 100), -ENOENT);
	listener = vfu_sock_listen(path, 1);
	assert_true(listener >= 0);
	assert_int_equal(vfu_sock_listen(path, 1), -EADDRINUSE);
	sock = vfu_sock_connect(path, 100);
	assert_true(sock >= 0);
	close(sock);
	close(listener);
	assert_int_equal(vfu_sock_connect(path, 100), -ECONNREFUSED);
	unlink(path);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(lies),
		cmocka_unit_test(silence),
		cmocka_unit_test(gone),
		cmocka_unit_test(dripping),
		cmocka_unit_test(gifts),
		cmocka_unit_test(no_descriptor_for_them),
		cmocka_unit_test(full),
		cmocka_unit_test(connecting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
