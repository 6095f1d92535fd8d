/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: good clients, hostile ones, and a method that hangs. No EAL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_time.h"
#include "emulated.h"
#include "run.h"
#include "run_client.h"
#include "run_control.h"
#include "run_name.h"
#include "run_priv.h"

static char dir[] = "/tmp/test-control-XXXXXX";

static struct {
	sem_t go; /* "hang" waits for it */
	atomic_uint calls, fds, audits, hangups;
} seen;

static void
do_echo(void *arg, struct run_request *r)
{
	atomic_fetch_add(&seen.calls, 1);
	atomic_fetch_add(&seen.fds, r->fd_count);
	r->result = json_incref(r->params);
}

static void
do_fail(void *arg, struct run_request *r)
{
	run_rpc_fail(r, RUN_RPC_FAILED, EIO, "it is broken");
}

static void
do_hang(void *arg, struct run_request *r)
{
	atomic_fetch_add(&seen.calls, 1);
	while (sem_wait(&seen.go) != 0)
		;
	r->result = json_true();
}

static void
do_big(void *arg, struct run_request *r)
{
	char *text = malloc(4u << 20);

	assert_non_null(text);
	memset(text, 'x', (4u << 20) - 1);
	text[(4u << 20) - 1] = '\0';
	r->result = json_string(text);
	free(text);
}

static void
on_audit(void *arg, const struct run_request *r)
{
	atomic_fetch_add(&seen.audits, 1);
}

static void
on_hangup(void *arg, struct run_request *r)
{
	atomic_fetch_add(&seen.hangups, 1);
}

static const struct run_method methods[] = {
	{ "echo", false, false, do_echo }, { "fail", true, false, do_fail },
	{ "hang", true, true, do_hang },   { "slow", false, true, do_echo },
	{ "big", false, false, do_big },
};

static struct run_control *
start_named(const char *name)
{
	const struct run_control_conf conf = {
		.name = name, .methods = methods, .count = 5, .audit = on_audit, .hangup = on_hangup
	};
	struct run_control *c;
	char err[256];

	if (run_control_start(&conf, &c, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	return c;
}

static int
setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	sem_init(&seen.go, 0, 0);
	*state = start_named("t");
	return 0;
}

static int
teardown(void **state)
{
	assert_true(run_control_stop(*state));
	return 0;
}

static int
raw_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(run_name_socket(dir, "t", sa.sun_path), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void
put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A whole line, or "" when the connection has ended, within 5 s. */
static const char *
get(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	static char line[8192];
	size_t len = 0;

	while (len == 0 || (line[len - 1] != '\n' && len < sizeof(line) - 1)) {
		assert_int_equal(poll(&pfd, 1, emulated() ? 60000 : 5000), 1);
		if (recv(fd, line + len, 1, 0) != 1)
			break;
		len++;
	}
	line[len] = '\0';
	return line;
}

#define WANT(fd, what)                                                                             \
	do {                                                                                       \
		const char *line_ = get(fd);                                                       \
		if (strstr(line_, what) == NULL)                                                   \
			fail_msg("no %s in '%s'", what, line_);                                    \
	} while (0)

#define REQUEST(method) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\"}\n"

static unsigned int
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Until so many are open, for a bounded time. */
static void
wait_fds(unsigned int want)
{
	for (unsigned int i = 0; i < (emulated() ? 6000u : 500u) && count_fds() != want; i++)
		usleep(10000);
	assert_int_equal(count_fds(), want);
}

static void
test_client(void **state)
{
	struct run_client c;
	char err[RUN_CLIENT_ERR];
	json_t *result;

	assert_int_equal(run_client_open(&c, NULL, err), 0);
	assert_string_equal(c.name, "t");
	assert_int_equal(run_client_call(&c, "echo", json_pack("{s:i}", "a", 7), NULL, 0, &result,
					 err),
			 0);
	assert_int_equal(json_integer_value(json_object_get(result, "a")), 7);
	json_decref(result);
	assert_int_equal(run_client_call(&c, "slow", NULL, (int[]){ 1, 2, 0, 2 }, 4, &result, err),
			 0);
	json_decref(result);
	if (!emulated())
		assert_int_equal(seen.fds, 4);
	assert_int_equal(run_client_call(&c, "slow", NULL, (int[5]){ 0 }, 5, &result, err),
			 -EINVAL);
	assert_int_equal(run_client_call(&c, "fail", NULL, NULL, 0, &result, err), -EREMOTEIO);
	assert_string_equal(err, "it is broken");
	assert_int_equal(run_client_call(&c, "none", NULL, NULL, 0, &result, err), -EREMOTEIO);
	assert_int_equal(run_client_call(&c, "big", NULL, NULL, 0, &result, err), 0);
	assert_int_equal(json_string_length(result), (4u << 20) - 1);
	json_decref(result);
	assert_int_equal(seen.audits, 1);
	run_client_close(&c);
	assert_int_equal(run_client_open(&c, "other", err), -ENOENT);
	assert_int_equal(run_client_open(&c, "../t", err), -EINVAL);
}

static void
test_several(void **state)
{
	struct run_control *second = start_named("u"), *third;
	struct run_control_conf conf = { .name = "u", .methods = methods, .count = 5 };
	char err[RUN_CLIENT_ERR], name[RUN_NAME_MAX];
	struct run_client c;

	assert_int_equal(run_client_open(&c, NULL, err), -ENOTUNIQ);
	assert_non_null(strstr(err, "--runtime"));
	assert_int_equal(run_client_open(&c, "u", err), 0);
	run_client_close(&c);
	/* A name is one runtime's; who asks for none gets another. */
	assert_int_equal(run_control_start(&conf, &third, err, sizeof(err)), -EADDRINUSE);
	conf.name = "a/b";
	assert_int_equal(run_control_start(&conf, &third, err, sizeof(err)), -EINVAL);
	assert_true(run_control_stop(second));
	second = start_named(NULL);
	third = start_named(NULL);
	assert_string_equal(run_control_name(second), "default");
	snprintf(name, sizeof(name), "pid-%ld", (long)getpid());
	assert_string_equal(run_control_name(third), name);
	assert_true(run_control_stop(second));
	assert_true(run_control_stop(third));
}

/* A runtime that was killed leaves its socket: the next one of that name takes it. */
static void
test_left_behind(void **state)
{
	char path[RUN_SOCKET_MAX], err[RUN_CLIENT_ERR];
	struct run_control *c;
	struct run_client client;
	struct stat st;
	pid_t pid = fork();

	if (pid == 0) {
		start_named("v");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(run_name_socket(dir, "v", path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	assert_int_equal(run_client_open(&client, "v", err), -ENOENT);
	assert_int_equal(run_client_open(&client, NULL, err), 0);
	run_client_close(&client);
	c = start_named("v");
	assert_int_equal(run_client_open(&client, "v", err), 0);
	run_client_close(&client);
	assert_true(run_control_stop(c));
	assert_int_equal(stat(path, &st), -1);
}

/* Nobody else may be able to put a socket there in our name. */
static void
test_foreign_folder(void **state)
{
	const struct run_control_conf conf = { .name = "w", .methods = methods, .count = 5 };
	struct run_control *c;
	char err[256], real[64];

	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(run_control_start(&conf, &c, err, sizeof(err)), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	snprintf(real, sizeof(real), "%s/link", dir);
	assert_int_equal(symlink(dir, real), 0);
	setenv("ISM_RUNTIME_DIR", real, 1);
	assert_true(run_control_start(&conf, &c, err, sizeof(err)) != 0);
	setenv("ISM_RUNTIME_DIR", dir, 1);
	unlink(real);
}

static void
test_pieces_and_pipelines(void **state)
{
	int fd = raw_connect();

	for (const char *p = REQUEST("echo"); *p != '\0'; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		usleep(200);
	}
	WANT(fd, "\"result\":null");
	put(fd, REQUEST("echo") REQUEST("slow") "nonsense\n" REQUEST("fail"));
	WANT(fd, "\"result\":null");
	WANT(fd, "\"result\":null");
	WANT(fd, "-32700");
	WANT(fd, "-32000");
	/* Who has said all may close that half, and gets the rest. */
	put(fd, REQUEST("slow"));
	shutdown(fd, SHUT_WR);
	WANT(fd, "\"result\":null");
	assert_string_equal(get(fd), "");
	close(fd);
}

static void
test_too_long(void **state)
{
	char *text = malloc(RUN_RPC_LINE_MAX + 1);
	int fd = raw_connect();

	assert_non_null(text);
	memset(text, ' ', RUN_RPC_LINE_MAX);
	text[RUN_RPC_LINE_MAX] = '\0';
	put(fd, text);
	WANT(fd, "-32600");
	assert_string_equal(get(fd), "");
	close(fd);
	free(text);
}

/* Clients that never read, that are silent, that die: others are served all the time. */
static void
test_hostile(void **state)
{
	unsigned int fds = count_fds();
	int deaf[20], silent[20], fd;

	for (int i = 0; i < 20; i++) {
		deaf[i] = raw_connect();
		put(deaf[i], REQUEST("big") REQUEST("big") REQUEST("echo"));
		silent[i] = raw_connect();
		put(silent[i], "{\"jsonrpc\":");
	}
	for (int i = 0; i < 200; i++) {
		fd = raw_connect();
		put(fd, REQUEST("echo"));
		if (i % 4 != 0)
			WANT(fd, "\"result\":null");
		close(fd);
	}
	for (int i = 0; i < 20; i++) {
		close(deaf[i]);
		close(silent[i]);
	}
	wait_fds(fds);
}

/* As many as there is room for; then a refusal, not silence. */
static void
test_too_many(void **state)
{
	unsigned int fds = count_fds();
	int fd[70];

	for (int i = 0; i < 70; i++)
		fd[i] = raw_connect();
	WANT(fd[69], "too many connections");
	assert_string_equal(get(fd[69]), "");
	put(fd[0], REQUEST("echo"));
	WANT(fd[0], "\"result\":null");
	for (int i = 0; i < 70; i++)
		close(fd[i]);
	wait_fds(fds);
}

static void
send_fds(int sock, const char *text, int count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(64 * sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		((int *)(void *)CMSG_DATA(cmsg))[i] = STDERR_FILENO;
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), iov.iov_len);
}

static void
test_descriptors(void **state)
{
	unsigned int fds = count_fds();
	int fd = raw_connect();

	send_fds(fd, REQUEST("echo"), 2);
	WANT(fd, "\"result\":null");
	assert_int_equal(seen.fds, 2);
	/* Too many, without a request, with a wrong one, with one that waits. */
	if (!emulated()) { /* qemu-user forgets those for which there is no room */
		send_fds(fd, REQUEST("echo"), 64);
		WANT(fd, "\"result\":null");
	}
	send_fds(fd, "nonsense\n", 4);
	WANT(fd, "-32700");
	send_fds(fd, REQUEST("slow"), 4);
	WANT(fd, "\"result\":null");
	send_fds(fd, "{", 4);
	close(fd);
	wait_fds(fds);
}

/* One that hangs holds up those that change something, and only those. */
static void
test_hanging(void **state)
{
	int hangs = raw_connect(), other = raw_connect(), gone = raw_connect();

	put(hangs, REQUEST("hang"));
	while (seen.calls == 0)
		usleep(1000);
	/* It waits for its turn, and does not live to see it. */
	put(gone, REQUEST("slow"));
	usleep(20000);
	close(gone);
	for (int i = 0; i < 3; i++) {
		put(other, REQUEST("echo"));
		WANT(other, "\"result\":null");
	}
	/* From 5 s on the others are told. */
	usleep(5100000);
	put(other, REQUEST("slow"));
	WANT(other, "-32002");
	sem_post(&seen.go);
	WANT(hangs, "\"result\":true");
	put(other, REQUEST("slow"));
	WANT(other, "\"result\":null");
	assert_int_equal(seen.calls, 5);
	close(hangs);
	close(other);
}

/* The client of a method that runs goes away; so does the runtime. */
static void
test_gone_meanwhile(void **state)
{
	int fd = raw_connect();

	put(fd, REQUEST("hang"));
	while (seen.calls == 0)
		usleep(1000);
	close(fd);
	usleep(20000);
	sem_post(&seen.go);
	fd = raw_connect();
	put(fd, REQUEST("slow"));
	WANT(fd, "\"result\":null");
	put(fd, REQUEST("hang"));
	while (seen.calls < 3)
		usleep(1000);
	sem_post(&seen.go);
	/* teardown() ends it with the answer under way. */
	close(fd);
}

static void
test_hangup(void **state)
{
	run_signals();
	raise(SIGHUP);
	for (int i = 0; i < 500 && seen.hangups == 0; i++)
		usleep(10000);
	assert_int_equal(seen.hangups, 1);
	assert_false(run_stopping());
}

static int
begin(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	return setenv("ISM_RUNTIME_DIR", dir, 1);
}

static int
end(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL)
		unlinkat(dirfd(d), de->d_name, 0);
	if (d != NULL)
		closedir(d);
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces_and_pipelines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hanging, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangup, setup, teardown),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
