/* SPDX-License-Identifier: BSD-3-Clause */
/* What telemetry clients see of sessions and queues: valid JSON, the right numbers, clean text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_eal.h>

#include "link_rig.h"

static struct rig r;
static int sock = -1;
static char dir[] = "/tmp/link-test-XXXXXX";

static const struct inproc_conf two = { .functions = 2 };

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

/* @return what the command answers; the caller's. */
static json_t *
ask(const char *cmd)
{
	static char answer[65536];
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
number(json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static const char *
text(json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);

	assert_true(json_is_string(v));
	return json_string_value(v);
}

static void
nothing_there(void **state)
{
	json_t *o = ask("/link/sessions");

	/* DPDK prints an empty dictionary as {} or null. */
	assert_int_equal(json_object_size(o), 0);
	json_decref(o);
	o = ask("/link/stats");
	assert_int_equal(number(o, "sessions"), 0);
	json_decref(o);
}

static void
sessions_and_queues(void **state)
{
	struct link_req req = { .op = 1 };
	struct link_queue *q;
	struct link_req got[8];
	json_t *o, *s;
	const char *key;
	unsigned int initiators = 0, asked = 0, stores = 0, full = 0;

	rig_up(&r, &two, 2, 8, 4096);
	q = rig_queue(&r, RIG_INITIATOR, 1);
	for (unsigned int i = 0; i < 8; i++) {
		req.id = (uint16_t)link_slot_get(q);
		assert_int_equal(link_req_post(q, &req), 0);
	}
	assert_int_equal(link_slot_get(q), -EAGAIN);
	assert_int_equal(link_req_flush(q), 0);
	/* The listener sees that the initiator can have no more. */
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 1), got, 5), 5);
	assert_int_equal(link_sqe_poll(rig_queue(&r, RIG_LISTENER, 1), got, 5), 3);
	o = ask("/link/sessions");
	assert_int_equal(json_object_size(o), 2);
	json_object_foreach(o, key, s)
	{
		assert_string_equal(text(s, "state"), "up");
		assert_int_equal(number(s, "service"), LINK_SERVICE_TEST);
		assert_string_equal(text(s, "service_name"), "test");
		assert_int_equal(json_object_size(json_object_get(s, "errors")), 0);
		assert_true(number(s, "up_ms") >= 0);
		assert_int_equal(number(s, "queues"), 2);
		assert_int_equal(number(s, "depth"), 8);
		assert_int_equal(number(s, "slot_size"), 4096);
		assert_int_equal(number(s, "ups"), 1);
		assert_true(number(s, "keepalives_seen") >= 1);
		if (strcmp(text(s, "role"), "initiator") != 0)
			continue;
		initiators++;
		assert_string_equal(text(s, "gid"), "0x1500000000000002");
		assert_string_equal(text(s, "rgid"), "0x1500000000000001");
	}
	assert_int_equal(initiators, 1);
	json_decref(o);
	o = ask("/link/queues");
	assert_int_equal(json_object_size(o), 4);
	json_object_foreach(o, key, s)
	{
		asked += (unsigned int)number(s, "requests");
		stores += (unsigned int)number(s, "stores");
		full += (unsigned int)number(s, "peer_full");
		full += 10 * (unsigned int)number(s, "no_slot");
		assert_int_equal(number(s, "inflight"), number(s, "requests"));
		assert_int_equal(number(s, "inflight_max"), number(s, "requests"));
		assert_int_equal(number(s, "depth"), 8);
	}
	assert_int_equal(asked, 8 + 8);
	assert_int_equal(full, 11);
	/* One that published all of them, besides the ones that tried each window. */
	assert_true(stores >= 1 + 4 * 2);
	json_decref(o);
	/* From the second session on; behind the last one; and no number at all. */
	o = ask("/link/queues,1");
	assert_int_equal(json_object_size(o), 2);
	assert_non_null(json_object_get(o, "1/0"));
	json_decref(o);
	o = ask("/link/sessions,2");
	assert_int_equal(json_object_size(o), 0);
	json_decref(o);
	o = ask("/link/sessions,x");
	assert_true(json_is_null(o));
	json_decref(o);
	o = ask("/link/stats");
	assert_int_equal(number(o, "sessions"), 2);
	assert_int_equal(number(o, "ups"), 2);
	json_decref(o);
	rig_down(&r);
}

/* A reason that a peer made up does not break the answer. */
static void
foreign_text(void **state)
{
	struct link_open_conf open;
	json_t *o, *s;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), 0);
	r.end[RIG_LISTENER].allow = -EACCES;
	r.end[RIG_LISTENER].refusal = "\"}\n{\\\"x";
	open = rig_open_conf(&r, 1, 8, 4096);
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 20);
	o = ask("/link/sessions");
	assert_int_equal(json_object_size(o), 1);
	s = json_object_get(o, "0");
	assert_string_equal(text(s, "state"), "down");
	assert_string_equal(text(s, "why"), "refused");
	assert_non_null(strstr(text(s, "reason"), "x"));
	assert_int_equal(number(s, "retries"), number(json_object_get(s, "errors"), "refused"));
	assert_true(number(s, "retries") >= 1);
	json_decref(o);
	o = ask("/link/stats");
	assert_true(number(json_object_get(o, "errors"), "refused") >= 1);
	json_decref(o);
	rig_down(&r);
}

/* More than one answer can hold: cut off, but still JSON. */
static void
many_sessions(void **state)
{
	struct link_session *s;
	struct link_open_conf open;
	json_t *o;

	rig_links(&r, &two, NULL);
	for (unsigned int i = 1; i <= 200; i++) {
		open = rig_open_conf(&r, 1, 8, 4096);
		open.rgid = 0xabc000 + i;
		assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &s), 0);
	}
	rig_pass(&r, 3);
	o = ask("/link/sessions");
	assert_int_equal(json_object_size(o), 16);
	json_decref(o);
	o = ask("/link/sessions,192");
	assert_int_equal(json_object_size(o), 8);
	assert_string_equal(text(json_object_get(o, "199"), "rgid"), "0x0000000000abc0c8");
	json_decref(o);
	o = ask("/link/stats");
	assert_int_equal(number(o, "sessions"), 200);
	json_decref(o);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_there),
		cmocka_unit_test(sessions_and_queues),
		cmocka_unit_test(foreign_text),
		cmocka_unit_test(many_sessions),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
