/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_client.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_text.h"
#include "run_rpc.h"

#define SYSTEM_DIR "/run/dpdk-ism"
#define SUFFIX ".sock"
#define ANSWER_MAX (16u << 20) /* bytes: a runtime of another user is not trusted with our memory */

/* --- which one --- */

static void
wait_within(int fd, unsigned int seconds)
{
	const struct timeval wait = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

/* @param wait_s  longest wait for each step; 0: for ever. @return a connected socket, or -errno. */
static int
connect_within(const char *dir, const char *name, unsigned int wait_s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, ret = run_name_socket(dir, name, sa.sun_path);

	if (ret != 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	wait_within(fd, wait_s);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int
connect_to(const char *dir, const char *name)
{
	return connect_within(dir, name, 0);
}

/* "NAME.sock" of a name that could be ours. */
static bool
take_name(const char *file, char name[RUN_NAME_MAX])
{
	size_t len = strlen(file);

	if (len <= strlen(SUFFIX) || len - strlen(SUFFIX) >= RUN_NAME_MAX ||
	    strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	snprintf(name, RUN_NAME_MAX, "%.*s", (int)(len - strlen(SUFFIX)), file);
	return run_name_ok(name);
}

struct found {
	unsigned int count;
	int fd; /* of the only one */
	int ret; /* why the newest that was there could not be had */
	char name[RUN_NAME_MAX];
	char names[RUN_CLIENT_ERR / 2];
};

/* Sockets of runtimes that were killed are no runtimes. */
static void
add_found(struct found *f, const char *dir, const char *name)
{
	int fd = connect_to(dir, name);
	size_t len = strlen(f->names);

	if (fd < 0) {
		if (fd != -ECONNREFUSED && fd != -ENOENT)
			f->ret = fd;
		return;
	}
	snprintf(f->names + len, sizeof(f->names) - len, "%s%s", len > 0 ? ", " : "", name);
	if (f->count++ > 0) {
		close(fd);
		return;
	}
	f->fd = fd;
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static void
look_in(struct found *f, const char *dir)
{
	DIR *d = opendir(dir);
	char name[RUN_NAME_MAX];
	struct dirent *de;

	while (d != NULL && f->count < RUN_CLIENT_NAMES_MAX && (de = readdir(d)) != NULL)
		if (take_name(de->d_name, name))
			add_found(f, dir, name);
	if (d != NULL)
		closedir(d);
}

/* The folders to look in, the nearer one first. @return how many. */
static unsigned int
folders(char dirs[2][PATH_MAX])
{
	unsigned int n = run_name_dir(dirs[0]) == 0 ? 1 : 0;

	if (getenv("ISM_RUNTIME_DIR") == NULL && (n == 0 || strcmp(dirs[0], SYSTEM_DIR) != 0))
		snprintf(dirs[n++], PATH_MAX, "%s", SYSTEM_DIR);
	return n;
}

static int
open_only(struct run_client *c, char dirs[2][PATH_MAX], unsigned int count, char *err)
{
	struct found f = { .fd = -1 };

	for (unsigned int i = 0; i < count && f.count == 0; i++)
		look_in(&f, dirs[i]);
	if (f.count == 1) {
		c->fd = f.fd;
		memcpy(c->name, f.name, sizeof(c->name));
		return 0;
	}
	if (f.fd >= 0)
		close(f.fd);
	if (f.count > 1) {
		snprintf(err, RUN_CLIENT_ERR,
			 "several runtimes are there: %s; choose one with "
			 "--runtime NAME",
			 f.names);
		return -ENOTUNIQ;
	}
	if (f.ret != 0)
		snprintf(err, RUN_CLIENT_ERR, "the runtime in %.256s cannot be asked: %s", dirs[0],
			 strerror(-f.ret));
	else
		snprintf(err, RUN_CLIENT_ERR, "no runtime is there (is dpdk-ismd running?)");
	return f.ret != 0 ? f.ret : -ENOENT;
}

int
run_client_open(struct run_client *c, const char *name, char *err)
{
	char dirs[2][PATH_MAX];
	unsigned int count = folders(dirs);
	int fd = -ENOENT;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (name == NULL)
		return open_only(c, dirs, count, err);
	if (!run_name_ok(name)) {
		snprintf(err, RUN_CLIENT_ERR, "'%.64s' is no name of a runtime", name);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < count && (fd == -ENOENT || fd == -ECONNREFUSED); i++)
		fd = connect_to(dirs[i], name);
	if (fd < 0) {
		if (fd == -ECONNREFUSED)
			fd = -ENOENT;
		snprintf(err, RUN_CLIENT_ERR, "runtime '%s': %s", name,
			 fd == -ENOENT ? "there is none of that name" : strerror(-fd));
		return fd;
	}
	c->fd = fd;
	snprintf(c->name, sizeof(c->name), "%s", name);
	return 0;
}

void
run_client_close(struct run_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
run_client_wait(struct run_client *c, unsigned int seconds)
{
	wait_within(c->fd, seconds);
}

/* --- asking --- */

/* Descriptors go with the first byte. */
static int
send_all(int sock, const char *text, size_t len, const int *fds, unsigned int count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RUN_RPC_FDS_MAX * sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (count > RUN_RPC_FDS_MAX)
		return -EINVAL;
	if (count > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	while (iov.iov_len > 0) {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

static int
send_request(struct run_client *c, const char *method, json_t *params, const int *fds,
	     unsigned int count)
{
	json_t *root = json_pack("{s:s,s:I,s:s}", "jsonrpc", "2.0", "id", (json_int_t)++c->id,
				 "method", method);
	char *text, *line = NULL;
	int ret = -ENOMEM;

	if (root != NULL && params != NULL)
		json_object_set(root, "params", params);
	text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
	if (text != NULL && asprintf(&line, "%s\n", text) >= 0)
		ret = send_all(c->fd, line, strlen(line), fds, count);
	free(line);
	free(text);
	json_decref(root);
	return ret;
}

/* @return the answer, without its newline; NULL and *ret. */
static char *
receive_line(int fd, size_t *len, int *ret)
{
	size_t room = 0;
	char *line = NULL, *more, *end = NULL;
	ssize_t n;

	*len = 0;
	while (end == NULL) {
		if (*len == room) {
			room = room == 0 ? 4096 : room * 2;
			more = room <= ANSWER_MAX ? realloc(line, room) : NULL;
			*ret = room <= ANSWER_MAX ? -ENOMEM : -EPROTO;
			if (more == NULL)
				break;
			line = more;
		}
		n = recv(fd, line + *len, room - *len, 0);
		*ret = n < 0 ? -errno : -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		end = memchr(line + *len, '\n', (size_t)n);
		*len = end != NULL ? (size_t)(end - line) : *len + (size_t)n;
	}
	if (end != NULL)
		return line;
	free(line);
	return NULL;
}

static int
take_answer(const struct run_client *c, const json_t *root, json_t **result, char *err)
{
	const json_t *error = json_object_get(root, "error");
	json_t *id = json_object_get(root, "id");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (error != NULL) {
		base_text_clean(err, RUN_CLIENT_ERR, message != NULL ? message : "refused",
				message != NULL ? strlen(message) : strlen("refused"));
		return -EREMOTEIO;
	}
	if (!json_is_integer(id) || json_integer_value(id) != c->id)
		return -EPROTO;
	*result = json_incref(json_object_get(root, "result"));
	return *result != NULL ? 0 : -EPROTO;
}

int
run_client_call(struct run_client *c, const char *method, json_t *params, const int *fds,
		unsigned int count, json_t **result, char *err)
{
	int ret = send_request(c, method, params, fds, count);
	json_t *root = NULL;
	size_t len;
	char *line;

	json_decref(params);
	*result = NULL;
	if (ret == 0) {
		line = receive_line(c->fd, &len, &ret);
		root = line != NULL ? json_loadb(line, len, 0, NULL) : NULL;
		if (line != NULL)
			ret = root != NULL ? take_answer(c, root, result, err) : -EPROTO;
		free(line);
		json_decref(root);
	}
	if (ret == -EPROTO)
		snprintf(err, RUN_CLIENT_ERR, "runtime '%s': its answer makes no sense", c->name);
	else if (ret != 0 && ret != -EREMOTEIO)
		snprintf(err, RUN_CLIENT_ERR, "runtime '%s': %s", c->name,
			 ret == -EPIPE	  ? "it has ended"
			 : ret == -EAGAIN ? "it does not answer"
					  : strerror(-ret));
	return ret;
}

/* --- who has a function? --- */

static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool
has_function(const char *dir, const char *name, const char *function, long *pid)
{
	struct run_client c = { .fd = connect_within(dir, name, 1) };
	char err[RUN_CLIENT_ERR];
	const char *path;
	json_t *info;
	bool has = false;

	if (c.fd < 0)
		return false;
	if (run_client_call(&c, "info", NULL, NULL, 0, &info, err) == 0) {
		path = json_string_value(json_object_get(info, "function"));
		has = path != NULL && is_same_file(path, function);
		*pid = (long)json_integer_value(json_object_get(info, "pid"));
		json_decref(info);
	}
	run_client_close(&c);
	return has;
}

int
run_client_owner(const char *function, char name[RUN_NAME_MAX], long *pid)
{
	char dirs[2][PATH_MAX];
	unsigned int count = folders(dirs), tried = 0;
	struct dirent *de;
	int ret = -ENOENT;
	DIR *d;

	for (unsigned int i = 0; i < count && ret != 0; i++) {
		d = opendir(dirs[i]);
		while (d != NULL && ret != 0 && tried < RUN_CLIENT_NAMES_MAX &&
		       (de = readdir(d)) != NULL) {
			if (!take_name(de->d_name, name))
				continue;
			tried++;
			ret = has_function(dirs[i], name, function, pid) ? 0 : -ENOENT;
		}
		if (d != NULL)
			closedir(d);
	}
	return ret;
}
