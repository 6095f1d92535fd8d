/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of GIDs: the file, what is wrong with it, and where names are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_allow.h"
#include "base_peers.h"

static char path[] = "/tmp/test-peers-XXXXXX";

static int
load(const char *text, char *err, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	return base_peers_load(path, err, size);
}

static void
test_names(void **state)
{
	const struct base_peer *peers;
	char err[256];
	uint64_t gid = 0;

	assert_int_equal(load("# who is who\n"
			      "lpar1 0x10\n"
			      "\t lpar2\t e28e247aac0f7196   # the other one\r\n"
			      "\n"
			      "LPAR_2.b-c 7",
			      err, sizeof(err)),
			 0);
	assert_int_equal(base_peers_all(&peers), 3);
	assert_string_equal(peers[2].name, "LPAR_2.b-c");
	assert_int_equal(base_peer_parse("lpar2", &gid), 0);
	assert_true(gid == UINT64_C(0xe28e247aac0f7196));
	assert_int_equal(base_peer_parse("LPAR_2.b-c", &gid), 0);
	assert_int_equal(gid, 7);
	/* A GID is a GID, whatever names there are. */
	assert_int_equal(base_peer_parse("0x99", &gid), 0);
	assert_int_equal(gid, 0x99);
	assert_int_equal(base_peer_parse("LPAR2", &gid), -EINVAL);
	assert_int_equal(base_peer_parse("", &gid), -EINVAL);
	assert_int_equal(gid, 0x99);
	assert_string_equal(base_peer_name(0x10), "lpar1");
	assert_null(base_peer_name(0x11));
	assert_non_null(strstr(base_peer_expected(), BASE_PEERS_FILE));
}

/* What is wrong changes nothing, and is told with its line. */
static void
test_wrong(void **state)
{
	static const struct {
		const char *text, *tells;
	} wrong[] = {
		{ "p 1\nlonely\n", ":2: expected a name and a GID" },
		{ "p 1 2\n", ":1: expected a name and a GID" },
		{ "beef 1\n", ":1: expected a name of" },
		{ "any 1\n", ":1: expected a name of" },
		{ "a:b 1\n", ":1: expected a name of" },
		{ "na\xc3\xafve 1\n", ":1: expected a name of" },
		{ "x1234567890123456789012345678901234567890123456789012345678901234 1\n",
		  ":1: expected a name of" },
		{ "x 1\n\nx 2\n", ":3: this name was given before" },
		{ "x 0\n", ":1: expected a GID" },
		{ "x 0x11111111111111111\n", ":1: expected a GID" },
		{ "x y\n", ":1: expected a GID" },
	};
	const struct base_peer *peers;
	char err[256], longest[1024];
	uint64_t gid;

	assert_int_equal(load("kept 5\n", err, sizeof(err)), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(load(wrong[i].text, err, sizeof(err)), -EINVAL);
		if (strstr(err, wrong[i].tells) == NULL)
			fail_msg("'%s' for '%s'", err, wrong[i].text);
	}
	memset(longest, ' ', sizeof(longest));
	memcpy(longest + sizeof(longest) - 7, "x 1\n", 5);
	assert_int_equal(load(longest, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "too long"));
	assert_int_equal(base_peers_load("/nonexistent/peers", err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/peers"));
	assert_int_equal(base_peers_all(&peers), 1);
	assert_int_equal(base_peers_find("kept", &gid), 0);
}

static void
test_too_many(void **state)
{
	size_t room = (size_t)(BASE_PEERS_MAX + 1) * 16, len = 0;
	char *text = malloc(room), err[256];
	const struct base_peer *peers;

	assert_non_null(text);
	for (int i = 0; i < BASE_PEERS_MAX; i++)
		len += (size_t)snprintf(text + len, room - len, "peer%d %x\n", i, i + 1);
	assert_int_equal(load(text, err, sizeof(err)), 0);
	assert_int_equal(base_peers_all(&peers), BASE_PEERS_MAX);
	snprintf(text + len, room - len, "last 1\n");
	assert_int_equal(load(text, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "too many"));
	free(text);
}

static void
test_in_allow_lists(void **state)
{
	struct base_allow allow = { 0 };
	char list[] = "left:0x20:right", any[] = "any", bad_list[] = "left:nobody", err[256];
	char shown[BASE_ALLOW_STRLEN];
	const char *bad;

	assert_int_equal(load("left 1\nright 2\n", err, sizeof(err)), 0);
	assert_true(base_allow_none(&allow));
	assert_string_equal(base_allow_str(&allow, shown), "nobody");
	assert_int_equal(base_allow_parse(&allow, list, &bad), 0);
	assert_int_equal(allow.count, 3);
	assert_true(base_allow_has(&allow, 1));
	assert_true(base_allow_has(&allow, 0x20));
	assert_true(base_allow_has(&allow, 2));
	assert_false(base_allow_has(&allow, 3));
	assert_int_equal(base_allow_parse(&allow, bad_list, &bad), -EINVAL);
	assert_string_equal(bad, "nobody");
	assert_int_equal(base_allow_parse(&allow, any, &bad), 0);
	assert_true(base_allow_has(&allow, 3));
	assert_string_equal(base_allow_str(&allow, shown), "any GID");
}

static int
begin(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int
end(void **state)
{
	return unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_in_allow_lists),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
