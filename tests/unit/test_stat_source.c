/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers dpdk-ismstat: programs that are found, that lie, hang, end and come back. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
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
#include "source.h"

#define HELLO "{\"version\":\"DPDK 22.11.11\",\"pid\":4711,\"max_output_len\":16384}"

static char dir[] = "/tmp/ism-test-XXXXXX";

/* --- a server that does as it is told --- */

/* To each question in turn; NULL: none. */
struct script {
	const char *hello;
	const char *answer; /* to every question */
	size_t answer_len; /* 0: strlen */
	bool hang_up; /* instead of answering */
};

struct server {
	const struct script *script;
	char path[108];
	int sock;
	pthread_t thread;
	atomic_uint questions;
	atomic_int talking; /* socket of the connection, or -1 */
};

static void
talk(struct server *srv, int sock)
{
	const struct script *s = srv->script;
	char question[2048];

	if (s->hello == NULL) {
		/* Until the other side gives up. */
		while (recv(sock, question, sizeof(question), 0) > 0)
			;
		return;
	}
	(void)send(sock, s->hello, strlen(s->hello), MSG_NOSIGNAL);
	while (recv(sock, question, sizeof(question), 0) > 0) {
		srv->questions++;
		if (s->hang_up)
			return;
		if (s->answer == NULL)
			continue;
		if (send(sock, s->answer, s->answer_len != 0 ? s->answer_len : strlen(s->answer),
			 MSG_NOSIGNAL) < 0)
			return;
	}
}

static void *
serve(void *arg)
{
	struct server *srv = arg;
	int sock, size = 1 << 20;

	while ((sock = accept(srv->sock, NULL, NULL)) >= 0) {
		(void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		srv->talking = sock;
		talk(srv, sock);
		srv->talking = -1;
		close(sock);
	}
	return NULL;
}

static void
server_path(char path[108], const char *prefix)
{
	char folder[90];

	snprintf(folder, sizeof(folder), "%s/dpdk", dir);
	(void)mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%s/dpdk/%s", dir, prefix);
	(void)mkdir(folder, 0700);
	snprintf(path, 108, "%.80s/dpdk_telemetry.v2", folder);
	unlink(path);
}

static void
server_start(struct server *srv, const char *prefix, const struct script *script)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memset(srv, 0, sizeof(*srv));
	srv->script = script;
	srv->talking = -1;
	server_path(srv->path, prefix);
	memcpy(sun.sun_path, srv->path, sizeof(srv->path));
	srv->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(srv->sock >= 0);
	assert_int_equal(bind(srv->sock, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(srv->sock, 4), 0);
	assert_int_equal(pthread_create(&srv->thread, NULL, serve, srv), 0);
}

/* The socket's file stays, as that of a program that was killed. */
static void
server_stop(struct server *srv)
{
	int sock = srv->talking;

	shutdown(srv->sock, SHUT_RDWR);
	if (sock >= 0)
		shutdown(sock, SHUT_RDWR);
	pthread_join(srv->thread, NULL);
	close(srv->sock);
}

/* --- finding --- */

static const struct script honest = { .hello = HELLO, .answer = "{\"/x\":{\"a\":1}}" };

static void
nobody(void **state)
{
	struct source *src = NULL;
	char err[512];

	assert_int_equal(source_open("nobody", &src, err, sizeof(err)), -ENOENT);
	assert_null(src);
	assert_non_null(strstr(err, "nobody"));
	source_close(src);
}

static void
by_prefix(void **state)
{
	struct source *src;
	struct server srv;
	char err[512];
	json_t *answer;

	server_start(&srv, "some-12", &honest);
	assert_int_equal(source_open("some-12", &src, err, sizeof(err)), 0);
	assert_false(source_own(src));
	/* The server is a thread of this process: the kernel's word, not the server's own. */
	assert_non_null(strstr(source_name(src), "DPDK 22.11.11"));
	assert_null(strstr(source_name(src), "4711"));
	answer = source_ask(src, "/x,1,2", err, sizeof(err));
	assert_int_equal(json_integer_value(json_object_get(answer, "a")), 1);
	json_decref(answer);
	source_close(src);
	server_stop(&srv);
	/* What is left of it is nobody. */
	assert_int_equal(source_open("some-12", &src, err, sizeof(err)), -ENOENT);
	unlink(srv.path);
}

static void
by_path(void **state)
{
	char folder[108], err[512];
	struct source *src;
	struct server srv;

	server_start(&srv, "path", &honest);
	assert_int_equal(source_open(srv.path, &src, err, sizeof(err)), 0);
	source_close(src);
	snprintf(folder, sizeof(folder), "%s/dpdk/path", dir);
	assert_int_equal(source_open(folder, &src, err, sizeof(err)), 0);
	source_close(src);
	server_stop(&srv);
	assert_int_equal(source_open(srv.path, &src, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, srv.path));
	unlink(srv.path);
	memset(folder, 'x', sizeof(folder));
	folder[0] = '/';
	folder[107] = '\0';
	assert_int_equal(source_open(folder, &src, err, sizeof(err)), -ENOENT);
	assert_int_equal(source_open("/" HELLO HELLO HELLO HELLO, &src, err, sizeof(err)),
			 -ENAMETOOLONG);
}

/* Servers that are not ours: what is found says who there is. */
static int
child_start(const char *prefix, pid_t *pid)
{
	struct server srv;
	int ready[2], c = 0;

	assert_int_equal(pipe(ready), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		server_start(&srv, prefix, &honest);
		(void)write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	c = (int)read(ready[0], &c, 1);
	close(ready[0]);
	return c;
}

static void
child_stop(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void
by_name_and_pid(void **state)
{
	char err[512], text[32];
	struct source *src;
	pid_t a, b;

	assert_int_equal(child_start("tester-1", &a), 1);
	assert_int_equal(source_open("tester", &src, err, sizeof(err)), 0);
	source_close(src);
	assert_int_equal(source_open("dpdk-tester", &src, err, sizeof(err)), 0);
	source_close(src);
	assert_int_equal(child_start("tester-2", &b), 1);
	assert_int_equal(source_open("tester", &src, err, sizeof(err)), -ENOTUNIQ);
	assert_non_null(strstr(err, "tester-1"));
	assert_non_null(strstr(err, "tester-2"));
	snprintf(text, sizeof(text), "%d", b);
	assert_int_equal(source_open(text, &src, err, sizeof(err)), 0);
	snprintf(text, sizeof(text), "PID %d,", b);
	assert_non_null(strstr(source_name(src), text));
	source_close(src);
	assert_int_equal(source_open("else", &src, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "tester-1"));
	child_stop(a);
	/* Killed: the one that is left is unique again. */
	assert_int_equal(source_open("tester", &src, err, sizeof(err)), 0);
	source_close(src);
	child_stop(b);
	assert_int_equal(source_open("tester", &src, err, sizeof(err)), -ENOENT);
}

/* --- lies --- */

static const char control[] = "{\"/x\":{\"t\":\"a\\u001b[31m\\u009bb\"}}";
static const char nul[] = "{\"/x\":\"a\0b\"}";

/* What is answered to /x, and a word that the complaint must hold; NULL: it is taken. */
static const struct {
	struct script script;
	const char *err;
	int ret; /* of source_open() */
} lies[] = {
	{ { .hello = "\xff\xfe{" }, "no telemetry", -EPROTO },
	{ { .hello = "[]" }, "no telemetry", -EPROTO },
	{ { .hello = "{}" }, "no telemetry", -EPROTO },
	{ { .hello = "{\"version\":1,\"pid\":2,\"max_output_len\":3}" }, "no telemetry", -EPROTO },
	{ { .hello = "{\"version\":\"v\",\"pid\":-2,\"max_output_len\":3}" },
	  "no telemetry",
	  -EPROTO },
	{ { .hello = "{\"version\":\"v\",\"pid\":99999999999,\"max_output_len\":3}" },
	  "no telemetry",
	  -EPROTO },
	{ { .hello = NULL }, "does not answer", -ETIMEDOUT },
	{ { .hello = HELLO, .answer = "x" }, "no telemetry", 0 },
	{ { .hello = HELLO, .answer = "[1]" }, "no telemetry", 0 },
	{ { .hello = HELLO, .answer = "{\"/x\":1" }, "no telemetry", 0 },
	{ { .hello = HELLO, .answer = "{\"/y\":1}" }, "something else", 0 },
	{ { .hello = HELLO, .answer = "{\"/x\":null}" }, "no answer", 0 },
	{ { .hello = HELLO, .answer = "{\"/x\":{\"\\u001b\":1}}" }, "no telemetry", 0 },
	{ { .hello = HELLO, .answer = nul, .answer_len = sizeof(nul) - 1 }, "no telemetry", 0 },
	{ { .hello = HELLO, .answer = "{\"/x\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}" },
	  "no telemetry",
	  0 },
	{ { .hello = HELLO, .answer = NULL }, "does not answer", 0 },
	{ { .hello = HELLO, .hang_up = true }, "has ended", 0 },
	{ { .hello = HELLO, .answer = control }, NULL, 0 },
	{ { .hello = HELLO, .answer = "{\"/x\":{\"n\":18446744073709551615}}" }, NULL, 0 },
};

static void
lie(unsigned int i)
{
	uint64_t begin = base_now_ns();
	struct source *src = NULL;
	json_t *answer = NULL;
	struct server srv;
	char err[512] = "";
	int ret;

	server_start(&srv, "liar", &lies[i].script);
	ret = source_open("liar", &src, err, sizeof(err));
	if (ret != lies[i].ret)
		fail_msg("lie %u: open says %d: %s", i, ret, err);
	if (ret == 0)
		answer = source_ask(src, "/x", err, sizeof(err));
	if (lies[i].err != NULL && (answer != NULL || strstr(err, lies[i].err) == NULL))
		fail_msg("lie %u: %s", i, err);
	if (lies[i].err == NULL && answer == NULL)
		fail_msg("answer %u: %s", i, err);
	/* Bounded, with room for a machine that is busy. */
	assert_true(base_now_ns() - begin < 20 * BASE_NS_PER_S);
	if (lies[i].script.answer == control)
		assert_string_equal(json_string_value(json_object_get(answer, "t")), "a?[31m??b");
	else if (answer != NULL)
		assert_true(json_number_value(json_object_get(answer, "n")) > 1.8e19);
	json_decref(answer);
	source_close(src);
	server_stop(&srv);
	unlink(srv.path);
}

static void
liars(void **state)
{
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		lie(i);
}

/* More than any answer has: refused without being read as JSON. */
static void
too_much(void **state)
{
	size_t len = 300000;
	char *text = malloc(len + 1), err[512];
	struct script script = { .hello = HELLO, .answer = text };
	struct source *src;
	struct server srv;

	assert_non_null(text);
	memset(text, ' ', len);
	text[len] = '\0';
	memcpy(text, "{\"/x\":1}", 8);
	server_start(&srv, "long", &script);
	assert_int_equal(source_open("long", &src, err, sizeof(err)), 0);
	assert_null(source_ask(src, "/x", err, sizeof(err)));
	assert_non_null(strstr(err, "more than"));
	source_close(src);
	server_stop(&srv);
	unlink(srv.path);
	/* Such a greeting, too. */
	script.hello = text;
	server_start(&srv, "long", &script);
	assert_int_equal(source_open("long", &src, err, sizeof(err)), -EPROTO);
	server_stop(&srv);
	unlink(srv.path);
	free(text);
}

static void
bad_questions(void **state)
{
	static char many[1100];
	struct source *src;
	struct server srv;
	char err[512];

	server_start(&srv, "ask", &honest);
	assert_int_equal(source_open("ask", &src, err, sizeof(err)), 0);
	assert_null(source_ask(src, "x", err, sizeof(err)));
	memset(many, '/', sizeof(many) - 1);
	assert_null(source_ask(src, many, err, sizeof(err)));
	assert_int_equal(srv.questions, 0);
	source_close(src);
	server_stop(&srv);
	unlink(srv.path);
}

/* --- comes back --- */

static void
restarted(void **state)
{
	static const struct script commands = { .hello = HELLO,
						.answer = "{\"/\":[\"/\",\"/x\",7]}" };
	struct source *src;
	struct server srv;
	json_t *answer;
	char err[512];

	server_start(&srv, "phoenix", &commands);
	assert_int_equal(source_open("phoenix", &src, err, sizeof(err)), 0);
	assert_true(source_has(src, "/x"));
	assert_true(source_has(src, "/x"));
	assert_int_equal(srv.questions, 1); /* asked once */
	assert_false(source_has(src, "/y"));
	server_stop(&srv);
	assert_null(source_ask(src, "/x", err, sizeof(err)));
	assert_non_null(strstr(err, "phoenix"));
	assert_null(source_ask(src, "/x", err, sizeof(err)));
	server_start(&srv, "phoenix", &honest);
	answer = source_ask(src, "/x", err, sizeof(err));
	assert_int_equal(json_integer_value(json_object_get(answer, "a")), 1);
	json_decref(answer);
	server_stop(&srv);
	/* Restarted between two questions: nobody notices. */
	server_start(&srv, "phoenix", &honest);
	answer = source_ask(src, "/x", err, sizeof(err));
	assert_non_null(answer);
	json_decref(answer);
	source_close(src);
	server_stop(&srv);
	unlink(srv.path);
}

static int
group_setup(void **state)
{
	return mkdtemp(dir) != NULL && setenv("RUNTIME_DIRECTORY", dir, 1) == 0 ? 0 : -1;
}

static int
group_teardown(void **state)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody),	 cmocka_unit_test(by_prefix),
		cmocka_unit_test(by_path),	 cmocka_unit_test(by_name_and_pid),
		cmocka_unit_test(liars),	 cmocka_unit_test(too_much),
		cmocka_unit_test(bad_questions), cmocka_unit_test(restarted),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
