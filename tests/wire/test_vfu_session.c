/* SPDX-License-Identifier: BSD-3-Clause */
/* Two programs on one fabric, over sockets: all that ISM is for, and how it ends. */
#include "vfu_ism.h"

#include <sys/un.h>

#include <rte_log.h>

#define OFF 0x10000u /* of a DMB in a client's memory */

static void
data_and_signals(void **state)
{
	struct wire *wire = *state;
	struct wire_fn a, b;
	static const uint64_t data[4] = { 11, 12, 13, 14 };
	int msi = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct {
		struct vfu_irq_set set;
	} irq = { .set = { .argsz = 20,
			   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			   .index = VFIO_PCI_MSI_IRQ_INDEX,
			   .count = 1 } };
	uint64_t token;

	wire_fn_start(&a, wire, 0, WIRE_CAPS);
	wire_fn_start(&b, wire, 1, WIRE_CAPS);
	assert_int_equal(wire_call_fds(a.sock, VFU_DEVICE_SET_IRQS, &irq, sizeof(irq), &msi, 1,
				       NULL, 0, NULL),
			 emulated() ? -ENOTSUP : 0); /* qemu-user has no asynchronous I/O */
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	assert_int_not_equal(token, 0);
	assert_int_equal(wire_write(b.sock, 0, ism_addr_encode(token, 2, true, 64), data, 32), 0);
	/* The reply came: the data is there, the bits are set, the interrupt is raised. */
	assert_memory_equal(a.mem + OFF + 64, data, 32);
	assert_true(ism_sba_take_summary(a.sba));
	assert_int_equal(ism_sba_take_dmb(a.sba, 0), 40);
	assert_int_equal(ism_sba_take_mask(a.sba, 40), 0x2000);
	assert_int_equal(wire_fired(msi), emulated() ? 0 : 1);
	/* A pure signal. */
	assert_int_equal(wire_write(b.sock, 0, ism_addr_encode(token, 0, true, 0), NULL, 0), 0);
	assert_int_equal(ism_sba_take_dmb(a.sba, 0), 40);
	/* The owner cannot write through its own token, nor anyone through another one. */
	assert_int_equal(wire_write(a.sock, 0, token, data, 16), -EIO);
	assert_int_equal(wire_write(b.sock, 0, token + 65536, data, 16), -EIO);
	assert_int_equal(wire_write(b.sock, 0, token + 8, data, 8), -EINVAL);
	close(msi);
	wire_fn_stop(&a);
	wire_expect_event(&b, ISM_EVENT_BUFFER, 0x04, token);
	wire_expect_event(&b, ISM_EVENT_DEVICE, 0x07, WIRE_GID(0));
	assert_int_equal(wire_write(b.sock, 0, token, data, 16), -EIO);
	wire_fn_stop(&b);
}

static void
reset_and_return(void **state)
{
	struct wire *wire = *state;
	struct wire_fn a, b;
	static const uint64_t data[2] = { 1, 2 };
	uint64_t token, info = 0;
	struct ism_simple_req req;

	wire_fn_start(&a, wire, 0, WIRE_CAPS);
	wire_fn_start(&b, wire, 1, WIRE_CAPS);
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	assert_int_equal(wire_call(a.sock, VFU_DEVICE_RESET, NULL, 0, NULL, 0), 0);
	assert_int_equal(wire_write(b.sock, 0, token, data, 16), -EIO);
	wire_expect_event(&b, ISM_EVENT_BUFFER, 0x04, token);
	wire_expect_event(&b, ISM_EVENT_DEVICE, 0x07, WIRE_GID(0));
	/* Same memory, new token. */
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	assert_int_equal(wire_write(b.sock, 0, token, data, 16), 0);
	/* A client that is killed and comes again has its GID, and nothing else. */
	wire_fn_stop(&a);
	wire_fn_start(&a, wire, 0, WIRE_CAPS);
	assert_int_equal(wire_command(a.sock, ISM_CMD_READ_GID, &req, sizeof(req), &info), 0);
	assert_int_equal(rte_be_to_cpu_64(info), WIRE_GID(0));
	assert_int_equal(wire_write(b.sock, 0, token, data, 16), -EIO);
	wire_fn_stop(&a);
	wire_fn_stop(&b);
}

static int
ask_direct(int sock, uint64_t token, struct vfu_ism_direct_rsp *rsp, struct vfu_fds *fds)
{
	struct vfu_ism_direct_req req = { .argsz = sizeof(req), .token = token };

	return wire_call_fds(sock, VFU_ISM_DIRECT, &req, sizeof(req), NULL, 0, rsp, sizeof(*rsp),
			     fds);
}

static void
direct_window(void **state)
{
	struct wire *wire = *state;
	struct wire_fn a, b;
	struct vfu_ism_direct_rsp rsp;
	struct vfu_fds fds = { .count = 0 }, none = { .count = 0 };
	int fd = wire_memfd(65536, F_SEAL_SHRINK);
	uint8_t *owner = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0), *window;
	const uint64_t *grant;
	struct rlimit limit;
	unsigned int spare;
	uint64_t token;
	int ret;

	assert_true(owner != MAP_FAILED);
	wire_fn_start(&a, wire, 0, WIRE_CAPS_DIRECT);
	wire_fn_start(&b, wire, 1, WIRE_CAPS_DIRECT);
	assert_int_equal(wire_dma_map(a.sock, WIRE_IOVA * 2, 65536, fd, 0), 0);
	close(fd);
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA * 2, 65536, WIRE_GID(1));
	assert_int_equal(ask_direct(a.sock, token, &rsp, &fds), -EIO);
	assert_int_equal(ask_direct(b.sock, token, &rsp, &fds), sizeof(rsp));
	assert_int_equal(rsp.argsz, sizeof(rsp));
	assert_int_equal(rsp.len, 65536);
	assert_int_equal(rsp.mem_off, 0);
	assert_int_equal(fds.count, 2);
	window = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fds.fd[0], 0);
	assert_true(window != MAP_FAILED);
	grant = mmap(NULL, 524288, PROT_READ, MAP_SHARED, fds.fd[1], 0);
	assert_true(grant != MAP_FAILED);
	assert_int_equal(grant[rsp.grant_off / 8], rsp.generation);
	window[100] = 0x5a;
	assert_int_equal(owner[100], 0x5a);
	vfu_fds_close(&fds);

	/* A fabric that has no descriptors left for a window says so, and goes on. */
	for (spare = 0; spare < 2; spare++) {
		/* With this answer those of the one before are closed on the other side, too. */
		assert_int_equal(ask_direct(a.sock, token, &rsp, &none), -EIO);
		limit = wire_limit_fds(spare);
		ret = ask_direct(b.sock, token, &rsp, &none);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_int_equal(ret, -EMFILE);
	}

	/* The owner dies: the grant is gone, the memory is still safe to touch. */
	wire_fn_stop(&a);
	wire_expect_event(&b, ISM_EVENT_BUFFER, 0x04, token);
	assert_int_equal(grant[rsp.grant_off / 8], 0);
	window[100] = 1;
	assert_int_equal(ask_direct(b.sock, token, &rsp, &fds), -EIO);
	munmap(window, 65536);
	munmap((void *)(uintptr_t)grant, 524288);
	munmap(owner, 65536);
	wire_fn_stop(&b);
}

static void
direct_not_allowed(void **state)
{
	struct wire *wire = *state;
	struct vfu_ism_direct_rsp rsp;
	struct vfu_fds fds;
	struct wire_fn a, b;
	uint64_t token;

	wire_fn_start(&a, wire, 0, WIRE_CAPS_DIRECT);
	wire_fn_start(&b, wire, 1, WIRE_CAPS_DIRECT);
	/* A part of a file that could shrink. */
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	assert_int_equal(ask_direct(b.sock, token, &rsp, &fds), -EOPNOTSUPP);
	assert_int_equal(ask_direct(b.sock, 1, &rsp, &fds), -EIO);
	wire_fn_stop(&a);
	wire_fn_stop(&b);
}

/* QEMU and our driver on one fabric with the quirk: only what comes through QEMU is reversed. */
static int
quirk_setup(void **state)
{
	*state = wire_start(true);
	return 0;
}

static void
quirk_per_client(void **state)
{
	static const uint8_t piece[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	static const uint8_t reversed[8] = { 8, 7, 6, 5, 4, 3, 2, 1 };
	struct wire *wire = *state;
	struct wire_fn a;
	uint64_t token, hdr;
	struct ism_simple_req req;
	struct ism_rsp_hdr rsp;
	int qemu;

	wire_fn_start(&a, wire, 0, "{\"capabilities\":{\"ism_direct\":false}}");
	qemu = wire_attach(wire, 1, WIRE_CAPS);
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	assert_int_not_equal(token, 0);
	assert_int_equal(wire_write(qemu, 0, token + 8, piece, 8), 0);
	assert_memory_equal(a.mem + OFF + 8, reversed, 8);
	/* A command: header, reversed, and it runs when the header is loaded. */
	ism_req_hdr_set(&req.hdr, ISM_CMD_READ_GID, sizeof(req));
	memcpy(&hdr, &req, sizeof(hdr));
	hdr = __builtin_bswap64(hdr);
	assert_int_equal(wire_write(qemu, 2, 0, &hdr, 8), 0);
	assert_int_equal(wire_read(qemu, 2, 0, &rsp, sizeof(rsp)), 0);
	assert_int_equal(rsp.ret, ISM_RET_OK);
	assert_int_equal(wire_read(qemu, 2, 8, &hdr, 8), 0);
	assert_int_equal(rte_be_to_cpu_64(hdr), WIRE_GID(1));
	close(qemu);
	wire_fn_stop(&a);
}

static void
write_multi(void **state)
{
	struct {
		uint64_t count;
		struct vfu_write_one one[2];
	} msg = { .count = 2 };
	struct wire *wire = *state;
	struct wire_fn a;
	uint64_t token, count = 0;
	int qemu;

	wire_fn_start(&a, wire, 0, WIRE_CAPS_DIRECT);
	qemu = wire_attach(wire, 1, WIRE_CAPS);
	token = wire_reg_dmb(a.sock, 40, WIRE_IOVA + OFF, 65536, WIRE_GID(1));
	msg.one[0] = (struct vfu_write_one){ token, 0, 8, { 1 } };
	msg.one[1] = (struct vfu_write_one){ token + 8, 0, 8, { 2 } };
	assert_int_equal(wire_call(qemu, VFU_REGION_WRITE_MULTI, &msg, sizeof(msg), &count, 8), 8);
	assert_int_equal(count, 2);
	assert_int_equal(a.mem[OFF + 7], 1);
	assert_int_equal(a.mem[OFF + 15], 2);
	/* One that is refused ends the row. */
	msg.one[0].offset = token + 65536;
	msg.one[1].data[0] = 3;
	assert_int_equal(wire_call(qemu, VFU_REGION_WRITE_MULTI, &msg, sizeof(msg), &count, 8),
			 -EIO);
	assert_int_equal(a.mem[OFF + 15], 2);
	close(qemu);
	wire_fn_stop(&a);
}

/* Clients that come when no descriptor is left are sent away, and do not fill the log. */
static void
starved(void **state)
{
	struct wire *wire = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = 20 };
	unsigned int i, lines = 0;
	struct rlimit limit;
	int sock[20], ret = 0;
	char *text = NULL;
	size_t size = 0;
	FILE *log = open_memstream(&text, &size);
	uint8_t byte;

	assert_non_null(log);
	memcpy(sun.sun_path, wire->path[0], strlen(wire->path[0]) + 1);
	for (i = 0; i < 20; i++) {
		sock[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_true(sock[i] >= 0);
		assert_int_equal(setsockopt(sock[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	}
	rte_openlog_stream(log);
	limit = wire_limit_fds(0);
	for (i = 0; i < 20 && ret == 0; i++) {
		ret = connect(sock[i], (struct sockaddr *)&sun, sizeof(sun));
		if (ret == 0)
			ret = (int)recv(sock[i], &byte, 1, 0);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rte_openlog_stream(NULL);
	assert_int_equal(ret, 0);
	fclose(log);
	for (i = 0; i < size; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 5); /* the 1st, 2nd, 4th, 8th and 16th */
	free(text);
	for (i = 0; i < 20; i++)
		close(sock[i]);
	close(wire_attach(wire, 0, WIRE_CAPS));
}

#define QUIRK_TEST(f) cmocka_unit_test_setup_teardown(f, quirk_setup, wire_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(data_and_signals),  WIRE_TEST(reset_and_return),
		WIRE_TEST(direct_window),     WIRE_TEST(direct_not_allowed),
		QUIRK_TEST(quirk_per_client), QUIRK_TEST(write_multi),
		WIRE_TEST(starved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
