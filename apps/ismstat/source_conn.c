/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection to a telemetry socket. source.h has the protocol. */
#include "source_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_text.h"
#include "base_time.h"

#define DEPTH_MAX 16 /* of an answer; DPDK itself makes two or three */
#define HELLO_MAX 1024 /* bytes of the first words */
#define CONNECT_AGAIN_MS 10 /* its listener was busy */

/* Milliseconds left, at least 0. */
static int
left_ms(uint64_t deadline)
{
	uint64_t now = base_now_ns();

	return now >= deadline ? 0 : (int)((deadline - now) / BASE_NS_PER_MS) + 1;
}

/* @return 0, -ETIMEDOUT, -errno. */
static int
wait_fd(int fd, short events, uint64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ms, ret;

	do {
		ms = left_ms(deadline);
		ret = ms == 0 ? 0 : poll(&pfd, 1, ms);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return ret == 0 ? -ETIMEDOUT : 0;
}

/* What became of the other side, from an errno of send or recv. */
static int
ended_or(int err)
{
	return err == EPIPE || err == ECONNRESET || err == ENOTCONN ? -ECONNRESET : -err;
}

/* One packet. @return its bytes (at least 1), -ECONNRESET, -ETIMEDOUT, -EPROTO (longer). */
static ssize_t
recv_packet(int fd, char *buf, size_t size, uint64_t deadline)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	/* No room for control data: descriptors that someone sends along are closed at once. */
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;
	int ret;

	do {
		ret = wait_fd(fd, POLLIN, deadline);
		if (ret < 0)
			return ret;
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return ended_or(errno);
	if (n == 0)
		return -ECONNRESET;
	return (msg.msg_flags & MSG_TRUNC) != 0 ? -EPROTO : n;
}

static int
send_packet(int fd, const char *buf, size_t len, uint64_t deadline)
{
	ssize_t n;
	int ret;

	for (;;) {
		n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == (ssize_t)len)
			return 0;
		if (n >= 0)
			return -EPROTO;
		if (errno != EINTR && errno != EAGAIN)
			return ended_or(errno);
		ret = wait_fd(fd, POLLOUT, deadline);
		if (ret < 0)
			return ret;
	}
}

/* Connecting to a UNIX socket answers at once, but for a listener whose queue is full. */
static int
connect_to(int fd, const char *path, uint64_t deadline)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	while (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left_ms(deadline) == 0)
			return -ETIMEDOUT;
		poll(NULL, 0, CONNECT_AGAIN_MS);
	}
	return 0;
}

/*
 * Numbers that no int64_t holds (a counter that went below zero somewhere) make jansson
 * refuse the text: then all of its numbers are taken as reals.
 */
static json_t *
parse(const char *text, size_t len)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, 0, &why);

	if (root == NULL && json_error_code(&why) == json_error_numeric_overflow)
		root = json_loadb(text, len, JSON_DECODE_INT_AS_REAL, &why);
	return root;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}

static void
clean_string(json_t *value)
{
	size_t size = json_string_length(value) + 1;
	char *text;

	if (is_printable(json_string_value(value)))
		return;
	text = malloc(size);
	if (text != NULL)
		base_text_clean(text, size, json_string_value(value), size - 1);
	json_string_set(value, text != NULL ? text : "?");
	free(text);
}

/* The gate: depth, names and texts. @return whether it may be used. */
static bool
check(json_t *value, unsigned int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > DEPTH_MAX)
		return false;
	if (json_is_string(value))
		clean_string(value);
	if (json_is_array(value)) {
		json_array_foreach(value, i, item)
		{
			if (!check(item, depth + 1))
				return false;
		}
	}
	if (json_is_object(value)) {
		json_object_foreach(value, key, item)
		{
			if (!is_printable(key) || !check(item, depth + 1))
				return false;
		}
	}
	return true;
}

/* An object of JSON in one packet. @return 0, or -errno with a line. */
static int
recv_object(struct source_conn *conn, size_t max, uint64_t deadline, json_t **root, char *err,
	    size_t err_size)
{
	ssize_t n = recv_packet(conn->fd, conn->buf, max, deadline);

	if (n == -EPROTO)
		snprintf(err, err_size, "it sent more than %zu bytes at once", max);
	else if (n == -ETIMEDOUT)
		snprintf(err, err_size, "it does not answer");
	else if (n == -ECONNRESET)
		snprintf(err, err_size, "it has ended");
	else if (n < 0)
		snprintf(err, err_size, "%s", strerror((int)-n));
	if (n < 0)
		return (int)n;
	*root = parse(conn->buf, (size_t)n);
	if (json_is_object(*root) && check(*root, 0))
		return 0;
	json_decref(*root);
	*root = NULL;
	snprintf(err, err_size, "what it sent is no telemetry of DPDK");
	return -EPROTO;
}

/* Who is at the other end, if the kernel can tell (it cannot across PID namespaces). */
static void
ask_kernel(struct source_conn *conn)
{
	struct ucred cred = { .pid = 0, .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	conn->pid = cred.pid;
	conn->uid = cred.uid;
}

/* {"version": "DPDK 22.11.11", "pid": 1, "max_output_len": 16384} */
static int
hear_hello(struct source_conn *conn, uint64_t deadline, char *err, size_t err_size)
{
	json_int_t pid = 0, max = 0;
	const char *version;
	json_t *hello;
	int ret;

	ret = recv_object(conn, HELLO_MAX, deadline, &hello, err, err_size);
	if (ret < 0)
		return ret;
	if (json_unpack(hello, "{s:s, s:I, s:I}", "version", &version, "pid", &pid,
			"max_output_len", &max) < 0 ||
	    pid <= 0 || pid > INT32_MAX || max <= 0) {
		json_decref(hello);
		snprintf(err, err_size, "what it sent is no telemetry of DPDK");
		return -EPROTO;
	}
	snprintf(conn->version, sizeof(conn->version), "%s", version);
	if (conn->pid <= 0)
		conn->pid = (pid_t)pid;
	json_decref(hello);
	return 0;
}

int
source_conn_open(struct source_conn *conn, const char *path, uint64_t deadline, char *err,
		 size_t err_size)
{
	int ret;

	*conn = (struct source_conn){ .answer_max = SOURCE_ANSWER_MAX };
	conn->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	conn->buf = malloc(conn->answer_max);
	ret = conn->fd < 0 ? -errno : conn->buf == NULL ? -ENOMEM : 0;
	if (ret == 0)
		ret = connect_to(conn->fd, path, deadline);
	if (ret < 0) {
		snprintf(err, err_size, "%s", strerror(-ret));
		goto close_conn;
	}
	ask_kernel(conn);
	ret = hear_hello(conn, deadline, err, err_size);
	if (ret == 0)
		return 0;
close_conn:
	source_conn_close(conn);
	return ret;
}

void
source_conn_close(struct source_conn *conn)
{
	if (conn->fd >= 0)
		close(conn->fd);
	conn->fd = -1;
	free(conn->buf);
	conn->buf = NULL;
}

/* The name that the answer stands behind: all before the parameters. */
static json_t *
take_answer(json_t *root, const char *cmd)
{
	char name[SOURCE_CMD_MAX + 1];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(cmd, ","), cmd);
	return json_incref(json_object_get(root, name));
}

int
source_conn_ask(struct source_conn *conn, const char *cmd, uint64_t deadline, json_t **answer,
		char *err, size_t err_size)
{
	json_t *root = NULL;
	int ret;

	*answer = NULL;
	if (cmd[0] != '/' || strlen(cmd) > SOURCE_CMD_MAX) {
		snprintf(err, err_size, "a command begins with / and has at most %u characters",
			 SOURCE_CMD_MAX);
		return -EINVAL;
	}
	ret = send_packet(conn->fd, cmd, strlen(cmd), deadline);
	if (ret < 0)
		snprintf(err, err_size, "%s",
			 ret == -ECONNRESET ? "it has ended" : "it does not listen");
	else
		ret = recv_object(conn, conn->answer_max, deadline, &root, err, err_size);
	if (ret < 0)
		goto close_conn;
	*answer = take_answer(root, cmd);
	json_decref(root);
	if (*answer == NULL) {
		snprintf(err, err_size, "it answered something else than was asked");
		ret = -EPROTO;
		goto close_conn;
	}
	if (!json_is_null(*answer))
		return 0;
	json_decref(*answer);
	*answer = NULL;
	snprintf(err, err_size, "it has no answer to that");
	return -ENOENT;

close_conn:
	source_conn_close(conn);
	return ret;
}
