/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may type for an export. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "blk_server.h"

static char err[256];

static char *
good(const char *arg, struct blk_export_conf *conf)
{
	char *text;

	if (blk_export_parse(arg, conf, &text, err, sizeof(err)) != 0)
		fail_msg("%s: %s", arg, err);
	return text;
}

static void
bad(const char *arg, const char *word)
{
	struct blk_export_conf conf;
	char *text = (char *)1;

	err[0] = '\0';
	assert_int_equal(blk_export_parse(arg, &conf, &text, err, sizeof(err)), -EINVAL);
	assert_null(text);
	if (strstr(err, word) == NULL || strchr(err, '\n') != NULL)
		fail_msg("%s: '%s', expected one line with '%s'", arg, err, word);
}

static void
test_plain(void **state)
{
	struct blk_export_conf conf;
	char *text = good("disk=/some/path", &conf);

	assert_string_equal(conf.name, "disk");
	assert_string_equal(conf.path, "/some/path");
	assert_null(conf.desc);
	assert_false(conf.read_only);
	assert_false(conf.allow.any);
	assert_int_equal(conf.allow.count, 0);
	free(text);
}

static void
test_options(void **state)
{
	struct blk_export_conf conf;
	char *text = good("d=p,desc=two,, three,ro,allow=0x10:ffffffffffffffff,allow=7", &conf);

	assert_string_equal(conf.path, "p");
	assert_string_equal(conf.desc, "two, three");
	assert_true(conf.read_only);
	assert_int_equal(conf.allow.count, 3);
	assert_int_equal(conf.allow.gid[0], 0x10);
	assert_int_equal(conf.allow.gid[1], UINT64_MAX);
	assert_int_equal(conf.allow.gid[2], 7);
	free(text);
	text = good("d=p,allow=any", &conf);
	assert_true(conf.allow.any);
	free(text);
	text = good("d=p,desc=", &conf);
	assert_string_equal(conf.desc, "");
	free(text);
}

static void
test_commas(void **state)
{
	static const struct {
		const char *arg, *path;
		int ro;
	} cases[] = {
		{ "d=a,,b", "a,b", 0 },	   { "d=a,,", "a,", 0 },	 { "d=,,", ",", 0 },
		{ "d=a,,,ro", "a,", 1 },   { "d=a,,,,b,ro", "a,,b", 1 }, { "d=a=b", "a=b", 0 },
		{ "d= a b ", " a b ", 0 },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct blk_export_conf conf;
		char *text = good(cases[i].arg, &conf);

		assert_string_equal(conf.path, cases[i].path);
		assert_int_equal(conf.read_only, cases[i].ro);
		free(text);
	}
}

static void
test_bad(void **state)
{
	static const char *const args[][2] = {
		{ "", "NAME=PATH" },
		{ "disk", "NAME=PATH" },
		{ "=path", "NAME=PATH" },
		{ "disk=", "NAME=PATH" },
		{ "disk=,ro", "NAME=PATH" },
		{ "ro,disk=path", "NAME=PATH" },
		{ "d=p,rw", "rw" },
		{ "d=p,", "unknown option ''" },
		{ "d=p,ro,", "unknown option ''" },
		{ "d=p,ro=1", "ro=1" },
		{ "d=p,allow", "allow" },
		{ "d=p,allow=", "allow=:" },
		{ "d=p,allow=xyz", "xyz" },
		{ "d=p,allow=1:", "hex" },
		{ "d=p,allow=1:any", "any" },
		{ "d=p,allow=0", "hex" },
		{ "d=p,allow=11112222333344445", "11112222333344445" },
	};

	for (size_t i = 0; i < RTE_DIM(args); i++)
		bad(args[i][0], args[i][1]);
}

static void
test_too_many(void **state)
{
	char arg[512] = "d=p,allow=1";

	for (int i = 0; i < BASE_ALLOW_MAX; i++)
		strcat(arg, ":1");
	bad(arg, "more than 64");
	arg[strlen(arg) - 2] = '\0';
	struct blk_export_conf conf;
	char *text = good(arg, &conf);

	assert_int_equal(conf.allow.count, BASE_ALLOW_MAX);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	 cmocka_unit_test(test_options),
		cmocka_unit_test(test_commas),	 cmocka_unit_test(test_bad),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
