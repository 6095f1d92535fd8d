/* SPDX-License-Identifier: BSD-3-Clause */
/* What the generic rawdev API and telemetry say of a function; that both say the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>
#include <rte_eal.h>
#include <rte_rawdev.h>

#include "base_time.h"
#include "inproc.h"
#include "ism_fn.h"

#define ANSWER_MAX 65536

static struct inproc ip;
static int sock = -1;
static char dir[] = "/tmp/ism-test-XXXXXX";

/* --- a telemetry client --- */

static int
tel_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval tv = { .tv_sec = 5 };
	char hello[1024];

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(sock, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	return recv(sock, hello, sizeof(hello), 0) > 0 ? 0 : -EIO;
}

/* Ask; @return the whole answer, the caller's. */
static json_t *
tel_ask(const char *cmd, int id, const char *more)
{
	static char answer[ANSWER_MAX];
	char text[128];
	json_t *root;
	ssize_t n;

	if (id < 0)
		snprintf(text, sizeof(text), "%s%s", cmd, more);
	else
		snprintf(text, sizeof(text), "%s,%d%s", cmd, id, more);
	assert_true(send(sock, text, strlen(text), 0) > 0);
	n = recv(sock, answer, sizeof(answer), 0);
	assert_true(n > 0);
	root = json_loadb(answer, (size_t)n, 0, NULL);
	assert_non_null(root);
	return root;
}

/* --- fixture --- */

static int
group_setup(void **state)
{
	static const char *const extra[] = { NULL };

	(void)state;
	if (mkdtemp(dir) == NULL || setenv("RUNTIME_DIRECTORY", dir, 1) < 0)
		return -1;
	if (inproc_eal_init(extra) < 0)
		return -1;
	return inproc_setup(&ip, &(struct inproc_conf){ .functions = 2, .direct = true });
}

static int
group_teardown(void **state)
{
	char cmd[64];

	(void)state;
	if (sock >= 0)
		close(sock);
	inproc_teardown(&ip);
	rte_eal_cleanup();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* Some life, so that counters differ from 0. */
static void
live(struct rte_pmd_ism_dmb **dmb, struct rte_pmd_ism_win **win)
{
	static const uint8_t data[4096];
	struct rte_pmd_ism_event ev;

	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 8192, 0, dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(ip.dev_id[1], (*dmb)->token, 8192, win), 0);
	assert_int_equal(rte_pmd_ism_store(*win, 0, data, 4096), 0);
	assert_int_equal(rte_pmd_ism_store(*win, 4, data, 4096), -EINVAL);
	assert_int_equal(rte_pmd_ism_signal(ip.dev_id[0], ip.gid[1], 1, 2), 0);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], &ev, 1), 1);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], &ev, 1), 0);
}

/* --- tests --- */

static void
test_rawdev(void **state)
{
	struct rte_pmd_ism_info mine;
	struct rte_rawdev_info info = { .dev_private = &mine };
	char text[8192] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_int_equal(rte_rawdev_info_get(ip.dev_id[0], &info, sizeof(mine)), 0);
	assert_int_equal(mine.gid, ip.gid[0]);
	assert_int_equal(mine.direct, 1);
	assert_int_equal(rte_rawdev_info_get(ip.dev_id[0], &info, 4), -EINVAL);
	assert_int_equal(rte_rawdev_selftest(ip.dev_id[0]), 0);
	assert_non_null(f);
	assert_int_equal(rte_rawdev_dump(ip.dev_id[0], f), 0);
	fclose(f);
	assert_non_null(strstr(text, "gid 0x1500000000000001"));
	assert_non_null(strstr(text, "\n  stores "));
	assert_int_equal(rte_rawdev_dump(ip.dev_id[0], NULL), -EINVAL);
}

static void
test_xstats(void **state)
{
	struct rte_rawdev_xstats_name names[64];
	struct rte_pmd_ism_stats stats;
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	unsigned int ids[64], i, id;
	uint64_t values[64];
	json_t *root, *answer;
	int n;

	(void)state;
	live(&dmb, &win);
	n = rte_rawdev_xstats_names_get(ip.dev_id[1], names, 64);
	assert_int_equal(n, sizeof(stats) / sizeof(uint64_t));
	assert_int_equal(rte_rawdev_xstats_names_get(ip.dev_id[1], names, 3), n);
	for (i = 0; i < (unsigned int)n; i++)
		ids[i] = i;
	assert_int_equal(rte_rawdev_xstats_get(ip.dev_id[1], ids, values, (unsigned int)n), n);
	ids[1] = 999;
	assert_int_equal(rte_rawdev_xstats_get(ip.dev_id[1], ids, values, 2), 1);
	assert_int_equal(rte_pmd_ism_stats_get(ip.dev_id[1], &stats), 0);
	assert_int_equal(stats.stores, 1);
	assert_int_equal(stats.err_inval, 1);
	assert_int_equal(stats.windows_direct, 1);
	root = tel_ask("/ism/xstats", ip.dev_id[1], "");
	answer = json_object_get(root, "/ism/xstats");
	assert_int_equal(json_object_size(answer), n);
	for (i = 0; i < (unsigned int)n; i++) {
		assert_int_equal(values[i], ((const uint64_t *)&stats)[i]);
		assert_int_equal(rte_rawdev_xstats_by_name_get(ip.dev_id[1], names[i].name, &id),
				 values[i]);
		assert_int_equal(id, i);
		assert_int_equal(json_integer_value(json_object_get(answer, names[i].name)),
				 values[i]);
	}
	json_decref(root);
	assert_int_equal(rte_rawdev_xstats_by_name_get(ip.dev_id[1], "nonsense", NULL), UINT64_MAX);
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);
}

/* docs/pmd.md explains every counter. */
static void
test_documented(void **state)
{
	const char *top = getenv("ISM_SOURCE_DIR");
	static char text[65536];
	char path[512], row[64];
	unsigned int i;
	FILE *f;

	(void)state;
	if (top == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/docs/pmd.md", top);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	for (i = 0; i < ism_metrics.count; i++) {
		snprintf(row, sizeof(row), "\n| `%s` | ", ism_metrics.rows[i].name);
		if (strstr(text, row) == NULL)
			fail_msg("%s says nothing of %s", path, ism_metrics.rows[i].name);
	}
}

static void
test_list_and_info(void **state)
{
	json_t *root, *answer;

	(void)state;
	root = tel_ask("/ism/list", -1, "");
	answer = json_object_get(root, "/ism/list");
	assert_int_equal(json_array_size(answer), 2);
	assert_int_equal(json_integer_value(json_array_get(answer, 1)), ip.dev_id[1]);
	json_decref(root);

	root = tel_ask("/ism/info", ip.dev_id[1], "");
	answer = json_object_get(root, "/ism/info");
	assert_string_equal(json_string_value(json_object_get(answer, "gid")),
			    "0x1500000000000002");
	assert_string_equal(json_string_value(json_object_get(answer, "state")), "open");
	assert_string_equal(json_string_value(json_object_get(answer, "bus")), "in-process");
	assert_int_equal(json_integer_value(json_object_get(answer, "maxstbl")), 4096);
	assert_int_equal(json_integer_value(json_object_get(answer, "bar0_size")),
			 ISM_BAR_DATA_SIZE);
	assert_true(json_integer_value(json_object_get(answer, "bar2_size")) >= 200);
	assert_null(json_object_get(answer, "bar1_size"));
	json_decref(root);

	rte_pmd_ism_close(ip.dev_id[1]);
	root = tel_ask("/ism/info", ip.dev_id[1], "");
	answer = json_object_get(root, "/ism/info");
	assert_string_equal(json_string_value(json_object_get(answer, "state")), "closed");
	json_decref(root);
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[1]), 0);
}

static void
test_dmbs(void **state)
{
	struct rte_pmd_ism_dmb *dmb[70];
	json_t *root, *answer, *first;
	char token[32], idx[16];
	unsigned int i;

	(void)state;
	for (i = 0; i < 70; i++)
		assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 0,
							  &dmb[i]),
				 0);
	root = tel_ask("/ism/dmbs", ip.dev_id[0], "");
	answer = json_object_get(root, "/ism/dmbs");
	assert_int_equal(json_object_size(answer), 64);
	snprintf(idx, sizeof(idx), "%u", dmb[0]->idx);
	first = json_object_get(answer, idx);
	snprintf(token, sizeof(token), "0x%016llx", (unsigned long long)dmb[0]->token);
	assert_string_equal(json_string_value(json_object_get(first, "token")), token);
	assert_int_equal(json_integer_value(json_object_get(first, "len")), 4096);
	json_decref(root);
	root = tel_ask("/ism/dmbs", ip.dev_id[0], ",64");
	assert_int_equal(json_object_size(json_object_get(root, "/ism/dmbs")), 6);
	json_decref(root);
	for (i = 0; i < 70; i++)
		rte_pmd_ism_dmb_unregister(dmb[i]);
}

static json_t *
get(json_t *root, const char *cmd, const char *key)
{
	return json_object_get(json_object_get(root, cmd), key);
}

/* What the device says of itself: from the start, and anew after it was asked for. */
static void
test_query(void **state)
{
	struct rte_pmd_ism_event ev;
	struct rte_pmd_ism_dmb *dmb;
	struct ism_fn *fn = ism_fn_get(ip.dev_id[0]);
	json_t *root;

	(void)state;
	while (rte_pmd_ism_events(ip.dev_id[0], &ev, 1) > 0)
		;
	/* Both sides have to be in the VLAN. */
	assert_int_equal(ism_cmd_add_vlan(ism_fn_get(ip.dev_id[1]), 100), 0);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 100, &dmb), 0);
	root = tel_ask("/ism/query", ip.dev_id[0], "");
	assert_string_equal(json_string_value(get(root, "/ism/query", "gid")),
			    "0x1500000000000001");
	assert_int_equal(json_integer_value(get(root, "/ism/query", "ieq_len")), 512);
	assert_int_equal(json_integer_value(get(root, "/ism/query", "dmbs_owned")), 0);
	assert_int_equal(json_array_size(get(root, "/ism/query", "vlans")), 0);
	json_decref(root);
	/* That has asked; one round of control later, and not within a second of the last one. */
	fn->record.query_ns -= 3 * BASE_NS_PER_S;
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[0], &ev, 1), 0);
	root = tel_ask("/ism/query", ip.dev_id[0], "");
	assert_int_equal(json_integer_value(get(root, "/ism/query", "dmbs_owned")), 1);
	assert_int_equal(json_array_size(get(root, "/ism/query", "vlans")), 1);
	assert_int_equal(json_integer_value(json_array_get(get(root, "/ism/query", "vlans"), 0)),
			 100);
	assert_true(json_integer_value(get(root, "/ism/query", "age_ms")) < 3000);
	json_decref(root);
	rte_pmd_ism_dmb_unregister(dmb);
	/* Twice within a second is one command. */
	fn->record.query_ns = base_now_ns();
	assert_true(fn->record.query_wanted);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[0], &ev, 1), 0);
	assert_false(fn->record.query_wanted);
	root = tel_ask("/ism/query", ip.dev_id[0], "");
	assert_int_equal(json_integer_value(get(root, "/ism/query", "dmbs_owned")), 1);
	json_decref(root);
}

/* Bits and masks as the device sets them. */
static void
test_sba(void **state)
{
	struct ism_fn *fn = ism_fn_get(ip.dev_id[1]);
	json_t *root;

	(void)state;
	memset(&fn->ctl->sba, 0, sizeof(fn->ctl->sba));
	ism_sba_signal(&fn->ctl->sba, 40, 0);
	ism_sba_signal(&fn->ctl->sba, 1919, 15);
	root = tel_ask("/ism/sba", ip.dev_id[1], "");
	assert_int_equal(json_integer_value(get(root, "/ism/sba", "summary")), 1);
	assert_int_equal(json_integer_value(get(root, "/ism/sba", "event")), 0);
	assert_int_equal(json_integer_value(get(root, "/ism/sba", "dmbs_set")), 2);
	assert_int_equal(json_integer_value(json_array_get(get(root, "/ism/sba", "dmbs"), 0)), 40);
	assert_int_equal(json_integer_value(json_array_get(get(root, "/ism/sba", "dmbs"), 1)),
			 1919);
	assert_string_equal(json_string_value(
				    json_object_get(get(root, "/ism/sba", "masks"), "40")),
			    "0x8000");
	assert_string_equal(json_string_value(
				    json_object_get(get(root, "/ism/sba", "masks"), "1919")),
			    "0x0001");
	json_decref(root);
	memset(&fn->ctl->sba, 0, sizeof(fn->ctl->sba));
	ism_sba_event(&fn->ctl->sba);
	root = tel_ask("/ism/sba", ip.dev_id[1], "");
	assert_int_equal(json_integer_value(get(root, "/ism/sba", "event")), 1);
	assert_int_equal(json_integer_value(get(root, "/ism/sba", "dmbs_set")), 0);
	assert_int_equal(json_object_size(get(root, "/ism/sba", "masks")), 0);
	json_decref(root);
}

/* An event waits in the queue, is taken, and stays in the log. */
static void
test_events(void **state)
{
	struct rte_pmd_ism_event ev[16];
	json_t *root, *last, *entries;
	uint64_t before;
	char name[24];
	void *iter;
	int i;

	(void)state;
	while (rte_pmd_ism_events(ip.dev_id[1], ev, 16) > 0)
		;
	root = tel_ask("/ism/events", ip.dev_id[1], "");
	before = (uint64_t)json_integer_value(get(root, "/ism/events", "count"));
	json_decref(root);
	assert_int_equal(rte_pmd_ism_signal(ip.dev_id[0], ip.gid[1], 77, 0xabcd), 0);
	root = tel_ask("/ism/ieq", ip.dev_id[1], "");
	assert_int_equal(json_integer_value(get(root, "/ism/ieq", "pending")), 1);
	assert_true(json_integer_value(get(root, "/ism/ieq", "index")) >= 1);
	json_decref(root);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 16), 1);
	root = tel_ask("/ism/ieq", ip.dev_id[1], "");
	assert_int_equal(json_integer_value(get(root, "/ism/ieq", "pending")), 0);
	entries = get(root, "/ism/ieq", "entries");
	for (iter = json_object_iter(entries); iter != NULL;
	     iter = json_object_iter_next(entries, iter))
		assert_int_equal(json_integer_value(
					 json_object_get(json_object_iter_value(iter), "taken")),
				 1);
	json_decref(root);

	root = tel_ask("/ism/events", ip.dev_id[1], "");
	assert_int_equal(json_integer_value(get(root, "/ism/events", "count")), before + 1);
	snprintf(name, sizeof(name), "%llu", (unsigned long long)before);
	last = json_object_get(get(root, "/ism/events", "events"), name);
	assert_string_equal(json_string_value(json_object_get(last, "type")), "software");
	assert_int_equal(json_integer_value(json_object_get(last, "code")), 77);
	assert_string_equal(json_string_value(json_object_get(last, "token")),
			    "0x1500000000000001");
	assert_string_equal(json_string_value(json_object_get(last, "info")), "0x000000000000abcd");
	json_decref(root);

	/* More than are kept, and all of them in one answer. */
	for (i = 0; i < 70; i++) {
		assert_int_equal(rte_pmd_ism_signal(ip.dev_id[0], ip.gid[1], UINT32_MAX,
						    UINT64_MAX),
				 0);
		assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 16), 1);
	}
	root = tel_ask("/ism/events", ip.dev_id[1], "");
	assert_int_equal(json_object_size(get(root, "/ism/events", "events")), 64);
	assert_int_equal(json_integer_value(get(root, "/ism/events", "count")), before + 71);
	assert_null(json_object_get(get(root, "/ism/events", "events"), name));
	json_decref(root);
}

/* Pages of a closed function are not there to look at. */
static void
test_closed(void **state)
{
	static const char *const cmd[] = { "/ism/query", "/ism/sba", "/ism/ieq" };
	unsigned int i;
	json_t *root;

	(void)state;
	rte_pmd_ism_close(ip.dev_id[1]);
	for (i = 0; i < sizeof(cmd) / sizeof(cmd[0]); i++) {
		root = tel_ask(cmd[i], ip.dev_id[1], "");
		assert_true(json_is_null(json_object_get(root, cmd[i])));
		json_decref(root);
	}
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[1]), 0);
}

static void
test_bad_parameters(void **state)
{
	static const char *const bad[] = {
		"/ism/info",
		"/ism/info,",
		"/ism/info,x",
		"/ism/info,63",
		"/ism/info,9999",
		"/ism/info,-1",
		"/ism/xstats,0x0",
		"/ism/dmbs,0,y",
		"/ism/dmbs,",
		"/ism/xstats,0 ",
		"/ism/xstats,99999999999999999999",
		"/ism/query",
		"/ism/sba,9",
		"/ism/ieq,x",
		"/ism/events,",
	};
	char cmd[32];
	unsigned int i;
	json_t *root;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		root = tel_ask(bad[i], -1, "");
		snprintf(cmd, sizeof(cmd), "%.*s", (int)strcspn(bad[i], ","), bad[i]);
		if (!json_is_null(json_object_get(root, cmd)))
			fail_msg("%s is answered", bad[i]);
		json_decref(root);
	}
}

static int
connect_setup(void **state)
{
	(void)state;
	return sock >= 0 ? 0 : tel_connect();
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup(test, connect_setup)
	const struct CMUnitTest tests[] = {
		T(test_rawdev), T(test_xstats),		T(test_documented), T(test_list_and_info),
		T(test_dmbs),	T(test_query),		T(test_sba),	    T(test_events),
		T(test_closed), T(test_bad_parameters),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
