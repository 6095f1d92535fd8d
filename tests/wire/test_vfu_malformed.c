/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that are wrong: errors in their content get an errno and the connection lives on;
 * errors in the framing close it. Nobody else notices, and no descriptor stays behind (the rig
 * counts them).
 */
#include "vfu_rig.h"

static void
still_fine(int sock)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };

	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
				   sizeof(info)),
			 sizeof(info));
	assert_int_equal(info.num_regions, 9);
}

static void
framing(void **state)
{
	struct wire *wire = *state;
	struct vfu_header hdr[] = {
		{ .id = 1, .command = VFU_DEVICE_RESET, .size = 0 },
		{ .id = 1, .command = VFU_DEVICE_RESET, .size = 15 },
		{ .id = 1, .command = VFU_REGION_WRITE, .size = VFU_MSG_MAX + 1 },
		{ .id = 1, .command = VFU_REGION_WRITE, .size = UINT32_MAX },
		{ .id = 1, .command = VFU_DEVICE_RESET, .size = 16, .flags = VFU_TYPE_REPLY },
		{ .id = 1, .command = VFU_DEVICE_RESET, .size = 16, .flags = 2 },
		{ .id = 1, .command = VFU_DEVICE_RESET, .size = 16, .flags = 15 },
	};
	int other = wire_attach(wire, 1, WIRE_CAPS), sock;
	unsigned int i;

	for (i = 0; i < sizeof(hdr) / sizeof(hdr[0]); i++) {
		sock = wire_reattach(wire, 0, WIRE_CAPS);
		wire_send_raw(sock, &hdr[i], NULL, 0, NULL, 0);
		wire_expect_closed(sock);
		still_fine(other);
	}
	close(other);
}

/* @return the errno of the reply to this header and body. */
static int
raw_call(int sock, uint16_t command, uint32_t flags, const void *body, size_t len, const int *fds,
	 unsigned int fd_count)
{
	struct vfu_header hdr = {
		.id = 77,
		.command = command,
		.size = (uint32_t)(sizeof(hdr) + len),
		.flags = flags,
	};
	uint8_t reply[5000];
	struct vfu_fds none;
	ssize_t n;

	wire_send_raw(sock, &hdr, body, len, fds, fd_count);
	n = vfu_sock_recv(sock, reply, sizeof(reply), &none);
	assert_true(n >= (ssize_t)sizeof(hdr));
	assert_int_equal(none.count, 0);
	memcpy(&hdr, reply, sizeof(hdr));
	assert_int_equal(hdr.id, 77);
	assert_int_equal(hdr.command, command);
	assert_int_equal(hdr.flags & VFU_TYPE_MASK, VFU_TYPE_REPLY);
	if ((hdr.flags & VFU_ERROR) == 0)
		return 0;
	assert_int_equal(n, sizeof(hdr)); /* an error has no body */
	return (int)hdr.error;
}

static void
unknown_commands(void **state)
{
	static const uint16_t commands[] = { 0, 6, 11, 12, 14, 16, 100, 0x4952, 0x4954, 65535 };
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	uint8_t body[32] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		assert_int_equal(raw_call(sock, commands[i], 0, body, sizeof(body), NULL, 0),
				 ENOTSUP);
	/* The extension only exists for who asked for it. */
	assert_int_equal(raw_call(sock, VFU_ISM_DIRECT, 0, body, 16, NULL, 0), ENOTSUP);
	still_fine(sock);
	close(sock);
}

static void
flags(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);

	assert_int_equal(raw_call(sock, VFU_DEVICE_RESET, VFU_ERROR, NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_DEVICE_RESET, 1u << 6, NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_DEVICE_RESET, 1u << 31, NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_DEVICE_RESET, 0, NULL, 0, NULL, 0), 0);
	close(sock);
}

/* Every command with every length up to a bit more than it has: never more than an errno. */
static void
body_lengths(void **state)
{
	static const struct {
		uint16_t command;
		size_t len; /* 0: of variable length */
	} rows[] = {
		{ VFU_DMA_MAP, 32 },
		{ VFU_DMA_UNMAP, 24 },
		{ VFU_DEVICE_GET_REGION_INFO, 32 },
		{ VFU_DEVICE_GET_IRQ_INFO, 16 },
		{ VFU_DEVICE_SET_IRQS, 0 },
		{ VFU_REGION_READ, 16 },
		{ VFU_REGION_WRITE, 0 },
		{ VFU_DEVICE_RESET, 0 },
		{ VFU_REGION_WRITE_MULTI, 0 },
		{ VFU_ISM_DIRECT, 16 },
	};
	int sock = wire_attach(*state, 0, WIRE_CAPS_DIRECT), ret;
	uint8_t body[80];
	unsigned int i;
	size_t len;

	memset(body, 0xff, sizeof(body));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (len = 0; len <= sizeof(body); len++) {
			ret = raw_call(sock, rows[i].command, 0, body, len, NULL, 0);
			if (rows[i].len != 0 && len != rows[i].len)
				assert_int_equal(ret, EINVAL);
			else if (rows[i].command != VFU_DEVICE_RESET || len > 0)
				assert_int_not_equal(ret, 0);
		}
	}
	still_fine(sock);
	close(sock);
}

static void
descriptors(void **state)
{
	static const uint16_t none[] = { VFU_DMA_UNMAP, VFU_DEVICE_GET_INFO, VFU_REGION_READ,
					 VFU_DEVICE_RESET };
	int sock = wire_attach(*state, 0, WIRE_CAPS), fds[VFU_FDS_MAX + 2];
	struct vfu_dma_map map = { .argsz = sizeof(map), .flags = 3, .size = 4096 };
	uint8_t body[32] = { 32 };
	unsigned int i;

	for (i = 0; i < VFU_FDS_MAX + 2; i++)
		assert_true((fds[i] = memfd_create("x", MFD_CLOEXEC)) >= 0);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(raw_call(sock, none[i], 0, body, 16, fds, 1), EINVAL);
	assert_int_equal(raw_call(sock, VFU_DMA_MAP, 0, &map, sizeof(map), fds, 2), EINVAL);
	assert_int_equal(raw_call(sock, VFU_DMA_MAP, 0, &map, sizeof(map), fds, VFU_FDS_MAX),
			 EINVAL);
	still_fine(sock);
	for (i = 0; i < VFU_FDS_MAX + 2; i++)
		close(fds[i]);
	close(sock);
}

/* More descriptors than a message may have: what cannot be counted is not in step. */
static void
too_many_descriptors(void **state)
{
	struct vfu_header hdr = { .id = 1, .command = VFU_DEVICE_RESET, .size = sizeof(hdr) };
	struct iovec iov = { .iov_base = &hdr, .iov_len = sizeof(hdr) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * 100)];
	} ctrl;
	int sock = wire_attach(*state, 0, WIRE_CAPS), fds[100], i;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctrl,
		.msg_controllen = sizeof(ctrl),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (emulated()) {
		/* What does not fit into the message stays open in qemu-user. */
		close(sock);
		skip();
	}
	for (i = 0; i < 100; i++)
		fds[i] = sock;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	assert_int_equal(sendmsg(sock, &msg, 0), sizeof(hdr));
	wire_expect_closed(sock);
	sock = wire_reattach(*state, 0, WIRE_CAPS);
	still_fine(sock);
	close(sock);
}

static void
no_reply(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct vfu_header hdr = {
		.id = 5,
		.command = VFU_DEVICE_RESET,
		.size = sizeof(hdr),
		.flags = VFU_NO_REPLY,
	};
	struct wire *wire = *state;
	struct fabric_fn_stats st;

	wire_send_raw(sock, &hdr, NULL, 0, NULL, 0);
	hdr.command = 999; /* not even an error */
	wire_send_raw(sock, &hdr, NULL, 0, NULL, 0);
	/* The next reply is that to the next request: vfu_sock_call() checks its id. */
	still_fine(sock);
	close(sock);
	wire_stop_thread(wire);
	fabric_fn_stats(wire->fn[0], &st);
	assert_int_equal(st.resets, 1);
}

/* One byte at a time. */
static void
in_pieces(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct {
		struct vfu_header hdr;
		struct vfu_device_info info;
	} msg = {
		.hdr = { .id = 9, .command = VFU_DEVICE_GET_INFO, .size = sizeof(msg) },
		.info = { .argsz = sizeof(msg.info) },
	}, reply;
	size_t i;

	for (i = 0; i < sizeof(msg); i++) {
		assert_int_equal(send(sock, (uint8_t *)&msg + i, 1, MSG_NOSIGNAL), 1);
		usleep(500);
	}
	assert_int_equal(vfu_sock_recv(sock, &reply, sizeof(reply), NULL), sizeof(reply));
	assert_int_equal(reply.hdr.flags, VFU_TYPE_REPLY);
	assert_int_equal(reply.info.num_irqs, 5);
	close(sock);
}

/* Many requests before the first reply is taken. */
static void
pipelined(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct {
		struct vfu_header hdr;
		struct vfu_device_info info;
	} msg = { .info = { .argsz = sizeof(msg.info) } }, reply;
	uint16_t i;

	for (i = 0; i < 200; i++) {
		msg.hdr = (struct vfu_header){ i, VFU_DEVICE_GET_INFO, sizeof(msg), 0, 0 };
		assert_int_equal(send(sock, &msg, sizeof(msg), MSG_NOSIGNAL), sizeof(msg));
	}
	for (i = 0; i < 200; i++) {
		assert_int_equal(recv(sock, &reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
		assert_int_equal(reply.hdr.id, i);
	}
	close(sock);
}

/* A client in the middle of a message, and one that takes no replies, hold up nobody. */
static void
slow_clients(void **state)
{
	struct wire *wire = *state;
	int slow = wire_attach(wire, 0, WIRE_CAPS), quick = wire_attach(wire, 1, WIRE_CAPS), i;
	struct vfu_region_access acc = { .region = VFU_REGION_CONFIG, .count = 256 };
	struct {
		struct vfu_header hdr;
		struct vfu_region_access acc;
	} msg = {
		.hdr = { .id = 1, .command = VFU_REGION_READ, .size = sizeof(msg) },
		.acc = acc,
	};
	unsigned int sent = 0;

	assert_int_equal(send(slow, &msg, 7, MSG_NOSIGNAL), 7);
	for (i = 0; i < 100; i++)
		still_fine(quick);
	assert_int_equal(send(slow, (uint8_t *)&msg + 7, sizeof(msg) - 7, MSG_NOSIGNAL),
			 sizeof(msg) - 7);
	/* Fill what both directions hold, until the server stops reading. */
	while (send(slow, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(msg) &&
	       sent < 1000000)
		sent++;
	usleep(50000);
	while (send(slow, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(msg) &&
	       sent < 1000000)
		sent++;
	assert_true(sent < 1000000);
	for (i = 0; i < 100; i++)
		still_fine(quick);
	close(slow);
	close(quick);
}

static void
ranges(void **state)
{
	static const struct vfu_region_access bad[] = {
		{ 0, 1, 8 },
		{ 0, 3, 8 },
		{ 0, 5, 8 },
		{ 0, 6, 8 },
		{ 0, 8, 8 },
		{ 0, 9, 8 },
		{ 0, UINT32_MAX, 8 },
		{ 4096, 2, 8 },
		{ 4092, 2, 8 },
		{ UINT64_MAX, 2, 8 },
		{ UINT64_MAX - 7, 2, 8 },
		{ 0, 2, 4097 },
		{ 0, 2, UINT32_MAX },
		{ 256, 7, 1 },
		{ 255, 7, 2 },
		{ 0, 7, 257 },
		{ 4096, 4, 1 },
		{ 0, 0, 8 },
		{ 0, 0, 4096 },
		{ UINT64_C(1) << 48, 0, 16 },
		{ 0, 2, 0 },
	};
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	uint8_t data[4097] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(raw_call(sock, VFU_REGION_READ, 0, &bad[i], sizeof(bad[i]), NULL,
					  0),
				 EINVAL);
	assert_int_equal(wire_write(sock, 1, 0, data, 8), -EINVAL);
	assert_int_equal(wire_write(sock, 2, 4096, data, 8), -EINVAL);
	assert_int_equal(wire_write(sock, 2, UINT64_MAX - 7, data, 8), -EINVAL);
	assert_int_equal(wire_write(sock, 2, 8, data, 7), -EINVAL);
	assert_int_equal(wire_write(sock, 7, 250, data, 7), -EINVAL);
	assert_int_equal(wire_write(sock, 8, 0, data, 1), -EINVAL);
	assert_int_equal(wire_write(sock, 0, 0, data, 0), -EINVAL); /* no signal asked for */
	assert_int_equal(wire_write(sock, 0, 0, data, 16), -EIO); /* token 0 */
	still_fine(sock);
	close(sock);
}

static void
write_counts(void **state)
{
	struct {
		struct vfu_region_access acc;
		uint8_t data[64];
	} msg = { .acc = { .offset = 8, .region = 2, .count = 16 } };
	int sock = wire_attach(*state, 0, WIRE_CAPS);

	assert_int_equal(raw_call(sock, VFU_REGION_WRITE, 0, &msg, 16 + 15, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE, 0, &msg, 16 + 17, NULL, 0), EINVAL);
	msg.acc.count = UINT32_MAX;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE, 0, &msg, 16 + 16, NULL, 0), EINVAL);
	msg.acc.count = 16;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE, 0, &msg, 16 + 16, NULL, 0), 0);
	close(sock);
}

static void
write_multi_counts(void **state)
{
	struct {
		uint64_t count;
		struct vfu_write_one one[VFU_WRITE_MULTI_MAX + 1];
	} msg;
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	unsigned int i;

	memset(&msg, 0, sizeof(msg));
	for (i = 0; i <= VFU_WRITE_MULTI_MAX; i++)
		msg.one[i] = (struct vfu_write_one){ .offset = 8, .region = 2, .count = 8 };
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8, NULL, 0), EINVAL);
	msg.count = 2;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 24, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 72, NULL, 0), EINVAL);
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 48, NULL, 0), 0);
	msg.one[1].count = 9;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 48, NULL, 0), EINVAL);
	msg.one[1].count = 0;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 48, NULL, 0), EINVAL);
	msg.one[1].count = 8;
	msg.count = UINT64_C(0x0aaaaaaaaaaaaaac); /* times 24 wraps to 32 */
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, 8 + 32, NULL, 0), EINVAL);
	msg.count = VFU_WRITE_MULTI_MAX + 1;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, sizeof(msg), NULL, 0),
			 EINVAL);
	msg.count = VFU_WRITE_MULTI_MAX;
	assert_int_equal(raw_call(sock, VFU_REGION_WRITE_MULTI, 0, &msg, sizeof(msg) - 24, NULL, 0),
			 0);
	close(sock);
}

static void
argsz_and_index(void **state)
{
	struct vfu_device_info info = { .argsz = 15 };
	struct vfu_region_info region = { .argsz = 31 };
	struct vfu_irq_info irq = { .argsz = 15 };
	struct vfu_dma_map map = { .argsz = 31, .flags = 3, .size = 4096 };
	struct vfu_dma_unmap unmap = { .argsz = 23, .size = 4096 };
	struct vfu_ism_direct_req direct = { .argsz = 15 };
	int sock = wire_attach(*state, 0, WIRE_CAPS_DIRECT);

	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &info, 16, NULL, 0), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &info, 12, NULL, 0), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_REGION_INFO, &region, 32, NULL, 0),
			 -EINVAL);
	region = (struct vfu_region_info){ .argsz = 32, .index = 9 };
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_REGION_INFO, &region, 32, NULL, 0),
			 -EINVAL);
	region.index = UINT32_MAX;
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_REGION_INFO, &region, 32, NULL, 0),
			 -EINVAL);
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_IRQ_INFO, &irq, 16, NULL, 0), -EINVAL);
	irq = (struct vfu_irq_info){ .argsz = 16, .index = 5 };
	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_IRQ_INFO, &irq, 16, NULL, 0), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_DMA_MAP, &map, 32, NULL, 0), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_DMA_UNMAP, &unmap, 24, NULL, 0), -EINVAL);
	assert_int_equal(wire_call(sock, VFU_ISM_DIRECT, &direct, 16, NULL, 0), -EINVAL);
	direct = (struct vfu_ism_direct_req){ .argsz = 16, .flags = 1 };
	assert_int_equal(wire_call(sock, VFU_ISM_DIRECT, &direct, 16, NULL, 0), -EINVAL);
	direct.flags = 0;
	assert_int_equal(wire_call(sock, VFU_ISM_DIRECT, &direct, 16, NULL, 0), -EIO);
	close(sock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(framing),
		WIRE_TEST(unknown_commands),
		WIRE_TEST(flags),
		WIRE_TEST(body_lengths),
		WIRE_TEST(descriptors),
		WIRE_TEST(too_many_descriptors),
		WIRE_TEST(no_reply),
		WIRE_TEST(in_pieces),
		WIRE_TEST(pipelined),
		WIRE_TEST(slow_clients),
		WIRE_TEST(ranges),
		WIRE_TEST(write_counts),
		WIRE_TEST(write_multi_counts),
		WIRE_TEST(argsz_and_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
