/* SPDX-License-Identifier: BSD-3-Clause */
/* A function of our own, or a runtime's: what options and the runtimes that are there make of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulated.h"
#include "run.h"
#include "run_borrow.h"
#include "run_control.h"
#include "run_priv.h"

static char dir[] = "/tmp/test-borrow-XXXXXX";

static void
do_info(void *arg, struct run_request *r)
{
	r->result = json_object();
}

static const struct run_method methods[] = { { "info", false, false, do_info } };

static struct run_control *
runtime(const char *name)
{
	const struct run_control_conf conf = { .name = name, .methods = methods, .count = 1 };
	struct run_control *c;
	char err[256];

	if (run_control_start(&conf, &c, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	return c;
}

struct row {
	const char *eal; /* one word of the EAL part, or NULL */
	const char *variable; /* ISM_VDEV_SOCKET */
	const char *device, *runtime;
	bool own;
	int ret;
	const char *from; /* the runtime that is borrowed from; NULL: none */
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct run_host host = { .pid = 1, .vdev_socket = row->variable };
		char program[] = "x", dashes[] = "--", word[64];
		char *argv[] = { program, word, dashes, NULL }, **app_argv;
		struct run_borrow borrow = { .runtime = row->runtime, .own = row->own };
		struct run_client client;
		int app_argc;

		CPU_SET(0, &host.online);
		CPU_SET(0, &host.affinity);
		snprintf(word, sizeof(word), "%s", row->eal != NULL ? row->eal : "--no-telemetry");
		assert_int_equal(run_args_on(&host, 3, argv, "dpdk-ismx", &app_argc, &app_argv), 0);
		assert_int_equal(run_borrow_choose(&borrow, row->device, &client), row->ret);
		assert_int_equal(client.fd >= 0, row->from != NULL);
		if (row->from != NULL)
			assert_string_equal(client.name, row->from);
		run_client_close(&client);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_none(void **state)
{
	static const struct row rows[] = {
		{ .ret = RUN_EXIT_OK },
		{ .own = true, .ret = RUN_EXIT_OK },
		{ .runtime = "a", .ret = RUN_EXIT_DEVICE },
		{ .runtime = "a/b", .ret = RUN_EXIT_USAGE },
		{ .runtime = "a", .own = true, .ret = RUN_EXIT_USAGE },
	};

	CHECK(rows);
}

static void
test_one(void **state)
{
	static const struct row rows[] = {
		{ .ret = RUN_EXIT_OK, .from = "a" },
		{ .own = true, .ret = RUN_EXIT_OK },
		{ .eal = "--vdev=raw_ism0", .ret = RUN_EXIT_OK },
		{ .eal = "-a0:1:2.3", .ret = RUN_EXIT_OK },
		{ .eal = "--allow=0:1:2.3", .ret = RUN_EXIT_OK },
		{ .eal = "-b0:1:2.3", .ret = RUN_EXIT_OK },
		{ .variable = "/run/s", .ret = RUN_EXIT_OK },
		{ .device = "raw_ism0", .ret = RUN_EXIT_OK },
		{ .runtime = "a", .ret = RUN_EXIT_OK, .from = "a" },
		/* What is said on the command line is stronger than the environment. */
		{ .variable = "/run/s", .runtime = "a", .ret = RUN_EXIT_OK, .from = "a" },
		{ .runtime = "a", .eal = "--vdev=raw_ism0", .ret = RUN_EXIT_USAGE },
		{ .runtime = "a", .device = "raw_ism0", .ret = RUN_EXIT_USAGE },
		{ .runtime = "b", .ret = RUN_EXIT_DEVICE },
	};
	struct run_control *a = runtime("a");

	CHECK(rows);
	assert_true(run_control_stop(a));
}

static void
test_several(void **state)
{
	static const struct row rows[] = {
		{ .ret = RUN_EXIT_DEVICE },
		{ .runtime = "b", .ret = RUN_EXIT_OK, .from = "b" },
		{ .own = true, .ret = RUN_EXIT_OK },
		{ .eal = "--vdev=raw_ism0", .ret = RUN_EXIT_OK },
	};
	struct run_control *a = runtime("a"), *b = runtime("b");

	CHECK(rows);
	assert_true(run_control_stop(a));
	assert_true(run_control_stop(b));
}

/* It takes the connection, and never answers: that is bounded, and no reason to own. */
static void
test_silent(void **state)
{
	static const struct row rows[] = { { .ret = RUN_EXIT_DEVICE } };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s.sock", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	CHECK(rows);
	close(fd);
	unlink(sa.sun_path);
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
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
