/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that are more work than one turn: they go on later, and everything stays in order. */
#include <netinet/in.h>

#include "vfu_ism.h"

#include "../../fabric/model/fabric_priv.h"

/* Headers of READ_GID, as many as one message takes. @return bytes. */
static size_t
commands(uint8_t *body, uint64_t count)
{
	struct vfu_write_multi multi = { .count = count };
	struct vfu_write_one one = { .region = FABRIC_BAR_CMD, .count = 8 };
	struct ism_req_hdr hdr;
	uint64_t i;

	ism_req_hdr_set(&hdr, ISM_CMD_READ_GID, sizeof(hdr));
	memcpy(one.data, &hdr, 8);
	memcpy(body, &multi, sizeof(multi));
	for (i = 0; i < count; i++)
		memcpy(body + sizeof(multi) + i * sizeof(one), &one, sizeof(one));
	return sizeof(multi) + count * sizeof(one);
}

static void
send_message(int sock, uint16_t id, uint16_t command, const void *body, size_t len)
{
	struct vfu_header hdr = {
		.id = id,
		.command = command,
		.size = (uint32_t)(sizeof(hdr) + len),
	};

	wire_send_raw(sock, &hdr, body, len, NULL, 0);
}

static void
expect_reply(int sock, uint16_t id)
{
	uint8_t msg[8192];
	struct vfu_header hdr;

	/* Others may be right behind it. */
	assert_int_equal(recv(sock, &hdr, sizeof(hdr), MSG_WAITALL), sizeof(hdr));
	assert_in_range(hdr.size, sizeof(hdr) + 1, sizeof(msg));
	assert_int_equal(recv(sock, msg, hdr.size - sizeof(hdr), MSG_WAITALL),
			 hdr.size - sizeof(hdr));
	assert_int_equal(hdr.id, id);
	assert_int_equal(hdr.flags & VFU_ERROR, 0);
}

/* Before the first client comes. */
static void
small_turns(struct wire *wire)
{
	struct fabric_budget budget;

	fabric_budget_init(&budget);
	budget.accesses = 3;
	budget.messages = 2;
	budget.bytes = 1024;
	fabric_server_set_budget(wire->server, &budget);
}

/* 200 commands take 67 turns: all are done, once, and replies come in the order of requests. */
static void
in_order(void **state)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct fabric_fn_stats st;
	struct wire *wire = *state;
	uint8_t body[8192];
	size_t len = commands(body, 200);
	uint16_t id;
	int sock;

	small_turns(wire);
	sock = wire_attach(wire, 0, NULL);
	for (id = 1; id <= 20; id += 2) {
		send_message(sock, id, VFU_REGION_WRITE_MULTI, body, len);
		send_message(sock, id + 1, VFU_DEVICE_GET_INFO, &info, sizeof(info));
	}
	for (id = 1; id <= 20; id++)
		expect_reply(sock, id);
	close(sock);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.commands, 2000);
	assert_true(st.turns_cut >= 600);
	assert_true(st.turns > st.turns_cut);
}

/* An error in the middle ends the message, once, and the next one begins afresh. */
static void
error_amid(void **state)
{
	struct vfu_write_one bad = { .region = FABRIC_BAR_CMD, .count = 8, .offset = 1 };
	struct wire *wire = *state;
	struct vfu_write_multi done;
	struct fabric_fn_stats st;
	uint8_t body[8192];
	size_t len = commands(body, 50);
	int sock;

	small_turns(wire);
	sock = wire_attach(wire, 0, NULL);
	memcpy(body + sizeof(struct vfu_write_multi) + 20 * sizeof(bad), &bad, sizeof(bad));
	assert_int_equal(wire_call(sock, VFU_REGION_WRITE_MULTI, body, len, &done, sizeof(done)),
			 -EINVAL);
	commands(body, 50);
	assert_int_equal(wire_call(sock, VFU_REGION_WRITE_MULTI, body, len, &done, sizeof(done)),
			 sizeof(done));
	assert_int_equal(done.count, 50);
	close(sock);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.commands, 70);
}

/* The client goes while its message is held. */
static void
gone_amid(void **state)
{
	struct wire *wire = *state;
	uint8_t body[8192];
	size_t len = commands(body, 200);
	unsigned int i;
	int sock;

	small_turns(wire);
	for (i = 0; i < 10; i++) {
		sock = i == 0 ? wire_attach(wire, 0, NULL) : wire_reattach(wire, 0, NULL);
		send_message(sock, 1, VFU_REGION_WRITE_MULTI, body, len);
		close(sock);
	}
}

/* A command that waits for the rate of events keeps nobody else waiting, and is done in the end. */
static void
event_waits(void **state)
{
	const struct fabric_limits limits = { .events = { .per_s = 5, .burst = 3 } };
	struct wire *wire = *state;
	struct fabric_fn_stats st;
	struct wire_fn a, b;
	struct ism_signal_ieq_req req = { .rgid = rte_cpu_to_be_64(WIRE_GID(1)) };
	struct vfu_device_info info;
	uint8_t msg[sizeof(struct vfu_region_access) + 8];
	struct vfu_region_access acc = { 0, FABRIC_BAR_CMD, 8 };
	unsigned int i, asked = 0;
	struct pollfd pfd;

	fabric_set_limits(wire->fab, &limits);
	wire_fn_start(&a, wire, 0, WIRE_CAPS_DIRECT);
	wire_fn_start(&b, wire, 1, WIRE_CAPS_DIRECT);
	for (i = 0; i < 3; i++)
		assert_int_equal(wire_command(a.sock, ISM_CMD_SIGNAL_IEQ, &req, sizeof(req), NULL),
				 0);
	ism_req_hdr_set(&req.hdr, ISM_CMD_SIGNAL_IEQ, sizeof(req));
	assert_int_equal(wire_write(a.sock, 2, 8, (uint8_t *)&req + 8, sizeof(req) - 8), 0);
	memcpy(msg, &acc, sizeof(acc));
	memcpy(msg + sizeof(acc), &req, 8);
	send_message(a.sock, 77, VFU_REGION_WRITE, msg, sizeof(msg));
	pfd = (struct pollfd){ .fd = a.sock, .events = POLLIN };
	while (poll(&pfd, 1, 0) == 0) {
		info = (struct vfu_device_info){ .argsz = sizeof(info) };
		assert_int_equal(wire_call(b.sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
					   sizeof(info)),
				 sizeof(info));
		asked++;
	}
	expect_reply(a.sock, 77);
	/* 200 ms; each question takes far less. */
	assert_in_range(asked, 5, 1000000);
	for (i = 0; i < 4; i++)
		wire_expect_event(&b, ISM_EVENT_SOFTWARE, 0, WIRE_GID(0));
	wire_fn_stop(&a);
	wire_fn_stop(&b);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_true(st.events_held >= 1);
}

/* What a client had goes in slices, before the next client has the function. */
static void
large_client(void **state)
{
	const size_t size = 256 << 20;
	struct wire *wire = *state;
	struct vfu_dma_map map = { .argsz = sizeof(map), .flags = VFU_DMA_READABLE, .size = 4096 };
	struct fabric_fn_stats st;
	unsigned int i, n;
	int sock, fd;

	for (n = 0; n < 2; n++) {
		sock = n == 0 ? wire_attach(wire, 0, NULL) : wire_reattach(wire, 0, NULL);
		fd = wire_memfd(size, 0);
		assert_int_equal(wire_dma_map(sock, WIRE_IOVA, size, fd, 0), 0);
		close(fd);
		for (i = 0; i < 20000; i++) {
			map.addr = WIRE_IOVA + size + i * UINT64_C(8192);
			assert_int_equal(wire_call(sock, VFU_DMA_MAP, &map, sizeof(map), NULL, 0),
					 0);
		}
		close(sock);
	}
	wire_settle(wire);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.attaches, 2);
}

/* A client that comes again and again with memory that is not taken fills no log. */
static void
few_lines(void **state)
{
	int kept = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC), pipes[2], sock;
	struct vfu_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFU_DMA_READABLE | VFU_DMA_WRITEABLE,
		.addr = WIRE_IOVA,
		.size = 4096,
	};
	struct wire *wire = *state;
	static char text[65536];
	unsigned int i, lines = 0;
	ssize_t n;

	assert_int_equal(pipe(pipes), 0);
	assert_true(dup2(log, STDERR_FILENO) >= 0);
	for (i = 0; i < 60; i++) {
		sock = i == 0 ? wire_attach(wire, 0, NULL) : wire_reattach(wire, 0, NULL);
		assert_int_equal(wire_call_fds(sock, VFU_DMA_MAP, &map, sizeof(map), &pipes[0], 1,
					       NULL, 0, NULL),
				 -EINVAL);
		close(sock);
	}
	dup2(kept, STDERR_FILENO);
	n = pread(log, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	while (n-- > 0)
		lines += text[n] == '\n';
	/* Ten at once, then one in five seconds. */
	assert_in_range(lines, 1, 30);
	close(pipes[0]);
	close(pipes[1]);
	close(log);
	close(kept);
}

/* A TCP connection with bytes that its peer does not take: closing it takes a second. */
static int
slow_to_close(int peer[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger linger = { .l_onoff = 1, .l_linger = 1 };
	socklen_t len = sizeof(addr);
	static char bytes[65536];
	int sock;

	peer[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(peer[0], 1), 0);
	assert_int_equal(getsockname(peer[0], (struct sockaddr *)&addr, &len), 0);
	sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	peer[1] = accept(peer[0], NULL, NULL);
	assert_true(peer[1] >= 0);
	assert_int_equal(setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	while (send(sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return sock;
}

/* This rig has no closer: the server itself closes what it was given. The watchdog tells of it. */
static void
slow_turn_is_counted(void **state)
{
	const struct vfu_region_access access = { .region = FABRIC_BAR_CMD, .count = 8 };
	const struct vfu_header hdr = { .id = 7,
					.command = VFU_REGION_READ,
					.size = sizeof(hdr) + sizeof(access) };
	struct wire *wire = *state;
	struct vfu_header refusal;
	struct fabric_fn_stats st;
	int sock, peer[2], fd;

	if (emulated()) {
		print_message("skipped: qemu-user has no RUSAGE_THREAD\n");
		skip();
	}
	sock = wire_attach(wire, 0, WIRE_CAPS);
	fd = slow_to_close(peer);
	/* It comes with half a message, and is of no use there. */
	wire_send_raw(sock, &hdr, NULL, 0, &fd, 1);
	close(fd);
	assert_int_equal(send(sock, &access, sizeof(access), 0), sizeof(access));
	assert_int_equal(recv(sock, &refusal, sizeof(refusal), MSG_WAITALL), sizeof(refusal));
	assert_int_equal(refusal.flags & VFU_ERROR, VFU_ERROR);
	close(sock);
	close(peer[0]);
	close(peer[1]);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_true(st.longest_turn_us > 500000);
	assert_int_equal(st.slow_turns, 1);
	fabric_fn_stats(wire->fn[1], &st);
	assert_int_equal(st.slow_turns, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(in_order),
		WIRE_TEST(error_amid),
		WIRE_TEST(gone_amid),
		WIRE_TEST(event_waits),
		WIRE_TEST(large_client),
		WIRE_TEST(few_lines),
		WIRE_TEST(slow_turn_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
