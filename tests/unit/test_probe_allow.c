/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may type for those who may test us. */
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

#include "probe_server.h"

static char err[256];

static struct base_allow
good(const char *arg)
{
	struct base_allow allow = { .any = false };

	if (probe_allow_parse(arg, &allow, err, sizeof(err)) != 0)
		fail_msg("%s: %s", arg, err);
	return allow;
}

static void
bad(const char *arg, int ret, const char *word)
{
	struct base_allow allow = { .any = false };

	err[0] = '\0';
	assert_int_equal(probe_allow_parse(arg, &allow, err, sizeof(err)), ret);
	if (strstr(err, word) == NULL || strchr(err, '\n') != NULL)
		fail_msg("%s: '%s', expected one line with '%s'", arg, err, word);
}

static void
test_good(void **state)
{
	struct base_allow allow = good("allow=any");

	assert_true(allow.any);
	assert_int_equal(allow.count, 0);
	allow = good("allow=0x10:ffffffffffffffff,allow=7");
	assert_false(allow.any);
	assert_int_equal(allow.count, 3);
	assert_int_equal(allow.gid[0], 0x10);
	assert_int_equal(allow.gid[1], UINT64_MAX);
	assert_int_equal(allow.gid[2], 7);
	/* What is given twice adds up. */
	assert_int_equal(probe_allow_parse("allow=8", &allow, err, sizeof(err)), 0);
	assert_int_equal(allow.count, 4);
	assert_int_equal(allow.gid[3], 8);
}

static void
test_bad(void **state)
{
	bad("", -EINVAL, "''");
	bad("any", -EINVAL, "allow=any");
	bad("allow", -EINVAL, "'allow'");
	bad("allow=", -EINVAL, "'allow='");
	bad("allow=0", -EINVAL, "'allow=0'");
	bad("allow=1:", -EINVAL, "expected");
	bad("allow=all", -EINVAL, "allow=any");
	bad("allow=any:1", -EINVAL, "hex");
	bad("allow=1,", -EINVAL, "''");
	bad("allow=1,observe=2", -EINVAL, "'observe=2'");
	bad("allow=11112222333344445", -EINVAL, "1 to 16");
}

static void
test_most(void **state)
{
	char text[BASE_ALLOW_MAX * 3 + 16] = "allow=1";
	struct base_allow allow;

	for (unsigned int i = 1; i < BASE_ALLOW_MAX; i++)
		strcat(text, ":1");
	allow = good(text);
	assert_int_equal(allow.count, BASE_ALLOW_MAX);
	strcat(text, ":1");
	bad(text, -ENOSPC, "more than 64");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
