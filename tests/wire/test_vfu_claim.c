/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets a function: silent connections, half messages, clients that only say VERSION. */
#include "vfu_rig.h"

#include "base_time.h"

#define VERSION_MS 700
#define SOON_NS (2 * BASE_NS_PER_S) /* much less than for ever, on a busy machine too */

static int
claim_setup(void **state)
{
	wire_version_ms = VERSION_MS;
	*state = wire_start(false);
	return 0;
}

#define CLAIM_TEST(f) cmocka_unit_test_setup_teardown(f, claim_setup, wire_teardown)

static void
ask(int sock)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };

	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
				   sizeof(info)),
			 sizeof(info));
}

static int
version(int sock)
{
	struct vfu_version got;
	char json[1024];

	return wire_version(sock, 0, 0, WIRE_CAPS, &got, json);
}

/* A whole VERSION 0.0 without capabilities; its reply is not waited for. */
static void
send_version(int sock)
{
	struct vfu_header hdr = { .id = 7, .command = VFU_VERSION, .size = 20 };
	struct vfu_version body = { .major = 0 };

	wire_send_raw(sock, &hdr, &body, sizeof(body), NULL, 0);
}

static void
expect_version(int sock)
{
	uint8_t reply[256];

	assert_true(vfu_sock_recv(sock, reply, sizeof(reply), NULL) > 16);
}

/* The first bytes of a VERSION that says it is long. */
static void
say_part(int sock, size_t len)
{
	struct vfu_header hdr = { .command = VFU_VERSION, .size = 4000 };
	uint8_t bytes[64] = { 0 };

	memcpy(bytes, &hdr, sizeof(hdr));
	if (len > 0)
		assert_int_equal(send(sock, bytes, len, MSG_NOSIGNAL), len);
}

/* Whoever has not said VERSION holds nothing of a client that does, and is closed in time. */
static void
silent(void **state)
{
	static const size_t parts[] = { 0, 1, 8, 15, 16, 30, 63 };
	uint64_t begin = base_now_ns();
	int sock[7], i, client;

	for (i = 0; i < 7; i++) {
		sock[i] = wire_connect(*state, 0);
		say_part(sock[i], parts[i]);
	}
	client = wire_connect(*state, 0);
	assert_true(version(client) > 0);
	ask(client);
	assert_true(base_now_ns() - begin < SOON_NS);
	for (i = 0; i < 7; i++)
		wire_expect_closed(sock[i]);
	assert_true(base_now_ns() - begin < 2 * SOON_NS);
	ask(client);
	close(client);
}

/* One that drips bytes is not done in time either. */
static void
dripping(void **state)
{
	struct vfu_header hdr = { .command = VFU_VERSION, .size = 4000 };
	int sock = wire_connect(*state, 0), i;
	uint64_t begin = base_now_ns();

	for (i = 0; send(sock, (uint8_t *)&hdr + i % 16, 1, MSG_NOSIGNAL) == 1; i++) {
		assert_true(base_now_ns() - begin < 2 * SOON_NS);
		usleep(20000);
	}
	close(sock);
}

/* VERSION and then nothing: the next one gets the function, and does not wait for long. */
static void
taken_over(void **state)
{
	int idle = wire_attach(*state, 0, WIRE_CAPS), client = wire_connect(*state, 0);
	uint64_t begin = base_now_ns();

	assert_true(version(client) > 0);
	assert_true(base_now_ns() - begin < SOON_NS);
	wire_expect_closed(idle);
	ask(client);
	/* Who has asked something keeps it, for as long as it likes. */
	usleep(2 * VERSION_MS * 1000);
	idle = wire_connect(*state, 0);
	assert_int_equal(version(idle), -EBUSY);
	wire_expect_closed(idle);
	ask(client);
	close(client);
}

/* Nobody else wants it: it goes all the same, after a while. */
static void
expires(void **state)
{
	struct wire *wire = *state;
	struct fabric_fn_stats st;
	uint64_t begin = base_now_ns();
	int idle = wire_attach(wire, 0, WIRE_CAPS);

	wire_expect_closed(idle);
	assert_true(base_now_ns() - begin < 2 * SOON_NS);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.attaches, 1);
}

/* Those who wait get the function one after the other, unless the one before them means it. */
static void
in_turn(void **state)
{
	int sock[3], i, last;

	for (i = 0; i < 3; i++) {
		sock[i] = wire_connect(*state, 0);
		send_version(sock[i]);
	}
	last = wire_connect(*state, 0);
	assert_true(version(last) > 0);
	for (i = 0; i < 3; i++) {
		/* Each had it for a while: its VERSION was answered. */
		expect_version(sock[i]);
		wire_expect_closed(sock[i]);
	}
	ask(last);
	close(last);
}

/* A client that goes while another one waits, and one that goes while it waits itself. */
static void
gone(void **state)
{
	int idle = wire_attach(*state, 0, WIRE_CAPS), parked = wire_connect(*state, 0), client;

	send_version(parked);
	usleep(50000);
	close(parked);
	usleep(50000);
	client = wire_connect(*state, 0);
	send_version(client);
	usleep(50000);
	close(idle);
	expect_version(client);
	ask(client);
	close(client);
}

/* Half a message of a client that has been served holds up its own function only. */
static void
half_later(void **state)
{
	int half = wire_attach(*state, 0, WIRE_CAPS), other = wire_attach(*state, 1, WIRE_CAPS), i;

	ask(half);
	ask(other);
	say_part(half, 30);
	for (i = 0; i < 100; i++)
		ask(other);
	close(half);
	half = wire_reattach(*state, 0, WIRE_CAPS);
	ask(half);
	close(half);
	close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM_TEST(silent),	CLAIM_TEST(dripping), CLAIM_TEST(taken_over),
		CLAIM_TEST(expires),	CLAIM_TEST(in_turn),  CLAIM_TEST(gone),
		CLAIM_TEST(half_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
