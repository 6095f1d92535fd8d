/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate for requests to a runtime, and the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run_rpc.h"

static void
called(void *arg, struct run_request *r)
{
}

static const struct run_method methods[] = {
	{ "look", false, false, called },
	{ "give", true, true, called },
};

static int
read_line(const char *line, struct run_request *r, bool owner)
{
	memset(r, 0, sizeof(*r));
	r->caller.owner = owner;
	return run_rpc_read(line, strlen(line), methods, 2, r);
}

static void
test_good(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"look\"}",
		" {\"method\":\"look\", \"params\":{}, \"id\":\"a\", \"jsonrpc\":\"2.0\"} ",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"look\",\"params\":{\"a\":[1]}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"look\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":-9223372036854775808,\"method\":\"look\",\"more\":0}",
	};
	struct run_request r;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(read_line(lines[i], &r, false), 0);
		assert_ptr_equal(r.method, &methods[0]);
		assert_int_equal(r.code, 0);
		assert_int_equal(r.id == NULL, i == 3);
		run_rpc_free(&r);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *id; /* of the answer, as JSON */
	} rows[] = {
		{ "", RUN_RPC_PARSE, "null" },
		{ "look", RUN_RPC_PARSE, "null" },
		{ "{", RUN_RPC_PARSE, "null" },
		{ "{}{}", RUN_RPC_PARSE, "null" },
		{ "{\"id\":1,\"id\":2}", RUN_RPC_PARSE, "null" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"lo\\u0000ok\"}", RUN_RPC_PARSE,
		  "null" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", RUN_RPC_PARSE, "null" },
		{ "[]", RUN_RPC_REQUEST, "null" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"look\"}]", RUN_RPC_REQUEST, "null" },
		{ "{}", RUN_RPC_REQUEST, "null" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"look\"}", RUN_RPC_REQUEST, "null" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"look\"}", RUN_RPC_REQUEST, "null" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"look\"}", RUN_RPC_REQUEST, "7" },
		{ "{\"jsonrpc\":2,\"id\":7,\"method\":\"look\"}", RUN_RPC_REQUEST, "7" },
		{ "{\"id\":7,\"method\":\"look\"}", RUN_RPC_REQUEST, "7" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7}", RUN_RPC_REQUEST, "7" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":3}", RUN_RPC_REQUEST, "7" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"look\",\"params\":[]}",
		  RUN_RPC_PARAMS, "7" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"look\",\"params\":null}",
		  RUN_RPC_PARAMS, "7" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"nothing\"}", RUN_RPC_METHOD,
		  "\"x\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"give\"}", RUN_RPC_FORBIDDEN,
		  "\"x\"" },
	};
	struct run_request r;
	char want[64];
	size_t len;
	char *line;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_line(rows[i].line, &r, false), -EINVAL);
		if (r.code != rows[i].code)
			fail_msg("%d for '%s'", r.code, rows[i].line);
		line = run_rpc_answer(&r, &len);
		assert_non_null(line);
		assert_int_equal(len, strlen(line));
		assert_int_equal(line[len - 1], '\n');
		snprintf(want, sizeof(want), "\"id\":%s", rows[i].id);
		if (strstr(line, want) == NULL)
			fail_msg("no %s in %s", want, line);
		snprintf(want, sizeof(want), "\"code\":%d", rows[i].code);
		assert_non_null(strstr(line, want));
		free(line);
		run_rpc_free(&r);
	}
	assert_int_equal(read_line(rows[20].line, &r, true), 0);
	run_rpc_free(&r);
}

/* jansson has a limit of its own: it must end in an error, not on the stack. */
static void
test_deep(void **state)
{
	char *line = malloc(RUN_RPC_LINE_MAX);
	struct run_request r;

	assert_non_null(line);
	memset(line, '[', RUN_RPC_LINE_MAX - 1);
	line[RUN_RPC_LINE_MAX - 1] = '\0';
	assert_int_equal(read_line(line, &r, true), -EINVAL);
	assert_int_equal(r.code, RUN_RPC_PARSE);
	run_rpc_free(&r);
	free(line);
}

static void
test_answers(void **state)
{
	struct run_request r;
	size_t len;
	char *line;

	assert_int_equal(read_line("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"look\"}", &r, false),
			 0);
	line = run_rpc_answer(&r, &len);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
	free(line);
	r.result = json_pack("[i]", 5);
	line = run_rpc_answer(&r, &len);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[5]}\n");
	free(line);
	run_rpc_fail(&r, RUN_RPC_FAILED, ENOENT, "no \"%s\"", "disk");
	line = run_rpc_answer(&r, &len);
	assert_non_null(strstr(line, "no \\\"disk\\\""));
	assert_non_null(strstr(line, "\"errno\":2"));
	free(line);
	/* A path may be no UTF-8. */
	run_rpc_fail(&r, RUN_RPC_FAILED, 0, "no \xff\xfe");
	line = run_rpc_answer(&r, &len);
	assert_non_null(strstr(line, "\"code\":-32000"));
	free(line);
	run_rpc_free(&r);
	/* A notification has no answer, whatever became of it. */
	assert_int_equal(read_line("{\"jsonrpc\":\"2.0\",\"method\":\"look\"}", &r, false), 0);
	assert_null(run_rpc_answer(&r, &len));
	run_rpc_free(&r);
}

static void
test_text(void **state)
{
	struct run_request r;

	assert_int_equal(read_line("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"look\","
				   "\"params\":{\"a\":\"x\",\"b\":1}}",
				   &r, false),
			 0);
	assert_string_equal(run_rpc_text(&r, "a", true), "x");
	assert_null(run_rpc_text(&r, "c", false));
	assert_int_equal(r.code, 0);
	assert_null(run_rpc_text(&r, "b", false));
	assert_int_equal(r.code, RUN_RPC_PARAMS);
	r.code = 0;
	assert_null(run_rpc_text(&r, "c", true));
	assert_int_equal(r.code, RUN_RPC_PARAMS);
	run_rpc_free(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deep), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
