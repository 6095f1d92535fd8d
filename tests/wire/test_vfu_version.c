/* SPDX-License-Identifier: BSD-3-Clause */
/* VERSION: what is agreed on, what is refused; who may come, and when. */
#include "vfu_rig.h"

#include <jansson.h>

/* What the server says of itself must be JSON with these. */
static void
check_caps(const char *text, bool direct)
{
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *caps;

	assert_non_null(root);
	caps = json_object_get(root, "capabilities");
	assert_int_equal(json_integer_value(json_object_get(caps, "max_msg_fds")), 8);
	assert_int_equal(json_integer_value(json_object_get(caps, "max_data_xfer_size")), 1 << 20);
	assert_int_equal(json_integer_value(json_object_get(caps, "pgsizes")), 4096);
	assert_true(json_is_true(json_object_get(caps, "write_multiple")));
	assert_int_equal(json_is_true(json_object_get(caps, "ism_direct")), direct);
	/* QEMU does not like what it does not know. */
	assert_int_equal(json_object_get(caps, "ism_direct") != NULL, direct);
	json_decref(root);
}

static void
versions(void **state)
{
	static const struct {
		uint16_t asked, got;
	} rows[] = { { 0, 0 }, { 1, 1 }, { 7, 1 }, { 65535, 1 } };
	struct vfu_version got;
	char json[1024];
	unsigned int i;
	int sock;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sock = wire_reattach_version(*state, 0, rows[i].asked, WIRE_CAPS, &got, json);
		assert_int_equal(got.major, 0);
		assert_int_equal(got.minor, rows[i].got);
		check_caps(json, false);
		close(sock);
	}
}

static void
major_is_refused(void **state)
{
	int sock = wire_connect(*state, 0);
	struct vfu_version got;
	char json[1024];

	assert_int_equal(wire_version(sock, 1, 0, WIRE_CAPS, &got, json), -ENOTSUP);
	/* The client may try another one. */
	assert_true(wire_version(sock, 0, 0, NULL, &got, json) > 0);
	check_caps(json, false);
	/* And then never again. */
	assert_int_equal(wire_version(sock, 0, 0, NULL, &got, json), -EINVAL);
	close(sock);
}

static void
bad_json(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"1",
		"\"a\"",
		"{",
		"{\"capabilities\":1}",
		"{\"capabilities\":[]}",
		"{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
		"{\"capabilities\":{\"max_msg_fds\":-1}}",
		"{\"capabilities\":{\"max_data_xfer_size\":1.5}}",
		"{\"capabilities\":{\"ism_direct\":1}}",
		"{\"capabilities\":{},\"capabilities\":{}}",
		"{\"capabilities\":{}} x",
		"{\"capabilities\":{\"max_msg_fds\":99999999999999999999}}",
		"{\"capabilities\":{\"\xff\":1}}",
	};
	int sock = wire_connect(*state, 0);
	struct vfu_version got;
	char json[1024], *longest;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wire_version(sock, 0, 0, bad[i], &got, json), -EINVAL);
	longest = calloc(1, 5001);
	assert_non_null(longest);
	memset(longest, '[', 5000);
	assert_int_equal(wire_version(sock, 0, 0, longest, &got, json), -EINVAL);
	memset(longest, ' ', 5000);
	memcpy(longest, WIRE_CAPS, sizeof(WIRE_CAPS) - 1);
	assert_int_equal(wire_version(sock, 0, 0, longest, &got, json), -EINVAL);
	longest[4095] = '\0';
	assert_true(wire_version(sock, 0, 0, longest, &got, json) > 0);
	free(longest);
	close(sock);
}

/* The text must end with a NUL that is the last byte. */
static void
no_nul(void **state)
{
	uint8_t body[4 + 32] = { 0 }, reply[1028];
	int sock = wire_connect(*state, 0);

	memcpy(body + 4, "{}", 2);
	assert_int_equal(wire_call(sock, VFU_VERSION, body, 6, reply, sizeof(reply)), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_VERSION, body, 8, reply, sizeof(reply)), -EINVAL);
	assert_true(wire_call(sock, VFU_VERSION, body, 7, reply, sizeof(reply)) > 0);
	close(sock);
}

static void
direct_for_who_asks(void **state)
{
	struct wire *wire = *state;
	struct vfu_version got;
	char json[1024];
	int a = wire_connect(wire, 0), b = wire_connect(wire, 1);

	assert_true(wire_version(a, 0, 0, WIRE_CAPS_DIRECT, &got, json) > 0);
	check_caps(json, true);
	assert_true(wire_version(b, 0, 0, "{\"capabilities\":{\"ism_direct\":false}}", &got, json) >
		    0);
	check_caps(json, false);
	close(a);
	close(b);
}

static void
version_first(void **state)
{
	static const uint16_t commands[] = { 2, 3, 4, 5, 7, 8, 9, 10, 13, 15, VFU_ISM_DIRECT, 99 };
	uint8_t body[64] = { 0 };
	int sock = wire_connect(*state, 0);
	unsigned int i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		assert_int_equal(wire_call(sock, commands[i], body, 32, NULL, 0), -EINVAL);
	close(sock);
}

static void
one_client_at_a_time(void **state)
{
	struct wire *wire = *state;
	int first = wire_attach(wire, 0, WIRE_CAPS), late[8], i;
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct vfu_version got;
	char json[1024];

	/* A client is who has asked something: test_vfu_claim.c has what happens to others. */
	assert_int_equal(wire_call(first, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
				   sizeof(info)),
			 sizeof(info));
	for (i = 0; i < 8; i++) {
		late[i] = wire_connect(wire, 0);
		assert_int_equal(wire_version(late[i], 0, 0, WIRE_CAPS, &got, json), -EBUSY);
		wire_expect_closed(late[i]);
	}
	/* Silent ones cannot pile up either: at most seven wait, the oldest goes for the next. */
	for (i = 0; i < 8; i++)
		late[i] = wire_connect(wire, 0);
	wire_expect_closed(late[0]);
	assert_int_equal(wire_call(first, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
				   sizeof(info)),
			 sizeof(info));
	for (i = 1; i < 8; i++)
		close(late[i]);
	/* The other function is not concerned. */
	i = wire_attach(wire, 1, WIRE_CAPS);
	close(i);
	close(first);
	first = wire_reattach(wire, 0, WIRE_CAPS);
	close(first);
}

static void
comes_and_goes(void **state)
{
	struct wire *wire = *state;
	struct fabric_fn_stats st;
	int i, sock;

	for (i = 0; i < 20; i++) {
		sock = wire_reattach(wire, 0, WIRE_CAPS);
		close(sock);
	}
	/* A connection that says nothing leaves no trace. */
	sock = wire_connect(wire, 1);
	close(sock);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.attaches, 20);
	fabric_fn_stats(wire->fn[1], &st);
	assert_int_equal(st.attaches, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(versions),
		WIRE_TEST(major_is_refused),
		WIRE_TEST(bad_json),
		WIRE_TEST(no_nul),
		WIRE_TEST(direct_for_who_asks),
		WIRE_TEST(version_first),
		WIRE_TEST(one_client_at_a_time),
		WIRE_TEST(comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
