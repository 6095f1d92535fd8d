/* SPDX-License-Identifier: BSD-3-Clause */
/* What telemetry clients see of a console's client: valid JSON, the right numbers, clean text. */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_eal.h>

#include "cons_client_rig.h"

static int sock = -1;
static char dir[] = "/tmp/cons-test-XXXXXX";

static int
group_setup(void **state)
{
	static const char *const extra[] = { NULL };

	if (mkdtemp(dir) == NULL || setenv("RUNTIME_DIRECTORY", dir, 1) < 0)
		return -1;
	return inproc_eal_init(extra);
}

static int
group_teardown(void **state)
{
	char cmd[64];

	if (sock >= 0)
		close(sock);
	rte_eal_cleanup();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
tel_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval tv = { .tv_sec = 5 };
	char hello[1024];

	if (sock >= 0)
		return;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(sock >= 0);
	assert_int_equal(setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(connect(sock, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_true(recv(sock, hello, sizeof(hello), 0) > 0);
}

/* @return the answer to a command with its parameters; the caller's. */
static json_t *
ask(const char *cmd)
{
	static char answer[16384];
	json_t *root, *body;
	char name[64];
	ssize_t n;

	tel_connect();
	assert_true(send(sock, cmd, strlen(cmd), 0) > 0);
	n = recv(sock, answer, sizeof(answer), 0);
	assert_true(n > 0);
	root = json_loadb(answer, (size_t)n, 0, NULL);
	assert_non_null(root);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(cmd, ","), cmd);
	body = json_incref(json_object_get(root, name));
	json_decref(root);
	assert_non_null(body);
	return body;
}

static json_int_t
number(const json_t *body, const char *name)
{
	const json_t *value = json_object_get(body, name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void
expect(const json_t *body, const char *name, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(body, name)), text);
}

static void
attachment(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	char gid[32], cmd[64];
	json_t *body;

	ccrig_say(r, "hello", 5);
	cons_terminal_write(r->t, "abc", 3);
	while (r->in_pos < 3 || r->output_len < 5)
		ccrig_round(r);
	r->hold = true;
	cons_terminal_write(r->t, "defg", 4);
	ccrig_until(r, &r->held_count, 1);
	usleep(120000); /* copies are refreshed ten times a second */
	ccrig_rounds(r, 20);
	snprintf(gid, sizeof(gid), "0x%016lx", (unsigned long)r->ip.gid[0]);
	snprintf(cmd, sizeof(cmd), "/cons/client,%s", gid);
	for (unsigned int i = 0; i < 2; i++) {
		body = ask(i == 0 ? "/cons/client" : cmd);
		expect(body, "peer", gid);
		expect(body, "state", "attached");
		expect(body, "console", "sh");
		expect(body, "role", "writer");
		assert_int_equal(number(body, "up"), 1);
		assert_int_equal(number(body, "output_position"), 5);
		assert_int_equal(number(body, "bytes_out"), 5);
		assert_int_equal(number(body, "input_position"), 3);
		assert_int_equal(number(body, "bytes_in"), 3);
		assert_int_equal(number(body, "unacknowledged"), 4);
		assert_int_equal(number(body, "credits"), 16);
		assert_int_equal(number(body, "reconnects"), 0);
		json_decref(body);
	}
	/* A loss, a return, another instance. */
	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_round(r);
	body = ask("/cons/client");
	expect(body, "state", "down");
	assert_int_equal(number(body, "up"), 0);
	assert_int_equal(number(body, "credits"), 0);
	json_decref(body);
	r->attached.instance = rte_cpu_to_be_64(5);
	r->hold = false;
	r->in_pos = 0;
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_RESTARTED);
	body = ask("/cons/client");
	assert_int_equal(number(body, "reconnects"), 1);
	assert_int_equal(number(body, "dropped_bytes"), 4);
	json_decref(body);
	ccrig_free(r);
}

/* Two terminals of one client: each by its number, and both in the list. */
static void
terminals(void **state)
{
	const struct cons_terminal_conf observe = { .observe = true };
	struct cons_terminal *second;
	char gid[32], cmd[64];
	struct cons_item item;
	json_t *body, *list;
	struct ccrig *r;

	ccrig_version2 = true;
	r = ccrig_new(&(struct ccrig_conf){ .client.terminals = 2 });
	assert_int_equal(cons_client_attach(r->c, &observe, &second), 0);
	while (!cons_terminal_next(second, &item))
		ccrig_round(r);
	usleep(120000);
	ccrig_rounds(r, 20);
	snprintf(gid, sizeof(gid), "0x%016lx", (unsigned long)r->ip.gid[0]);
	for (int i = 1; i <= 2; i++) {
		snprintf(cmd, sizeof(cmd), "/cons/client,%s,%d", gid, i);
		body = ask(cmd);
		assert_int_equal(number(body, "terminal"), i);
		expect(body, "role", i == 1 ? "writer" : "observer");
		json_decref(body);
	}
	body = ask("/cons/terminals");
	assert_int_equal(number(body, "count"), 2);
	list = json_object_get(body, "terminals");
	expect(json_object_get(list, "0"), "role", "writer");
	expect(json_object_get(list, "0"), "peer", gid);
	assert_int_equal(number(json_object_get(list, "1"), "terminal"), 2);
	json_decref(body);
	body = ask("/cons/terminals,1");
	assert_int_equal(json_object_size(json_object_get(body, "terminals")), 1);
	json_decref(body);
	cons_client_detach(second);
	body = ask("/cons/terminals");
	assert_int_equal(number(body, "count"), 1);
	json_decref(body);
	snprintf(cmd, sizeof(cmd), "/cons/client,%s,2", gid);
	body = ask(cmd);
	assert_true(json_is_null(body));
	json_decref(body);
	ccrig_free(r);
	ccrig_version2 = false;
}

static void
nobody(void **state)
{
	static const char *const bad[] = {
		"/cons/client",	      "/cons/client,0x1",   "/cons/client,zz",
		"/cons/client,0x1,0", "/cons/client,0x1,x", "/cons/client,0x1,1x",
	};

	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		json_t *body = ask(bad[i]);

		assert_true(json_is_null(body));
		json_decref(body);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody),
		cmocka_unit_test(attachment),
		cmocka_unit_test(terminals),
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
