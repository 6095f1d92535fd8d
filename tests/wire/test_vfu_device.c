/* SPDX-License-Identifier: BSD-3-Clause */
/* The device as PCI sees it: regions, interrupts, configuration space. */
#include "vfu_rig.h"

#include <linux/pci_regs.h>

#include <rte_byteorder.h>

static void
info(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct vfu_device_info dev = { .argsz = 64 };

	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &dev, sizeof(dev), &dev, sizeof(dev)),
			 sizeof(dev));
	assert_int_equal(dev.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(dev.num_regions, 9);
	assert_int_equal(dev.num_irqs, 5);
	close(sock);
}

static void
regions(void **state)
{
	static const uint64_t size[9] = { UINT64_C(1) << 48, 0, 4096, 0, 4096, 0, 0, 256, 0 };
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct vfu_region_info reg;
	uint32_t i;

	for (i = 0; i < 9; i++) {
		reg = (struct vfu_region_info){ .argsz = sizeof(reg), .index = i };
		assert_int_equal(wire_call(sock, VFU_DEVICE_GET_REGION_INFO, &reg, sizeof(reg),
					   &reg, sizeof(reg)),
				 sizeof(reg));
		assert_int_equal(reg.size, size[i]);
		assert_int_equal(reg.index, i);
		assert_int_equal(reg.flags, size[i] == 0 ? 0
							 : VFIO_REGION_INFO_FLAG_READ |
								   VFIO_REGION_INFO_FLAG_WRITE);
	}
	close(sock);
}

static void
irqs(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	struct vfu_irq_info irq;
	uint32_t i;

	for (i = 0; i < 5; i++) {
		irq = (struct vfu_irq_info){ .argsz = sizeof(irq), .index = i };
		assert_int_equal(wire_call(sock, VFU_DEVICE_GET_IRQ_INFO, &irq, sizeof(irq), &irq,
					   sizeof(irq)),
				 sizeof(irq));
		assert_int_equal(irq.count, i == 1 || i == 2);
	}
	close(sock);
}

/* @return 0 or -errno. */
static int
set_irqs(int sock, uint32_t index, uint32_t flags, uint32_t start, uint32_t count, int fd,
	 int boolean)
{
	struct {
		struct vfu_irq_set set;
		uint8_t data[1];
	} msg = {
		.set = {
			.argsz = sizeof(msg.set),
			.flags = flags,
			.index = index,
			.start = start,
			.count = count,
		},
		.data = { (uint8_t)boolean },
	};

	return wire_call_fds(sock, VFU_DEVICE_SET_IRQS, &msg,
			     sizeof(msg.set) + (boolean >= 0 ? 1 : 0), &fd, fd >= 0 ? 1 : 0, NULL,
			     0, NULL);
}

#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define NONE (VFIO_IRQ_SET_DATA_NONE | TRIGGER)
#define BOOL (VFIO_IRQ_SET_DATA_BOOL | TRIGGER)
#define EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | TRIGGER)

static void
need_interrupts(void)
{
	if (emulated()) {
		print_message("skipped: qemu-user has no asynchronous I/O, so no interrupts\n");
		skip();
	}
}

static void
interrupts(void **state)
{
	int sock, msi, msix;

	need_interrupts();
	sock = wire_attach(*state, 0, WIRE_CAPS);
	msi = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	msix = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 1, msi, -1), 0);
	assert_int_equal(set_irqs(sock, 2, EVENTFD, 0, 1, msix, -1), 0);
	assert_int_equal(set_irqs(sock, 1, NONE, 0, 1, -1, -1), 0);
	assert_int_equal(wire_fired(msi), 1);
	assert_int_equal(wire_fired(msix), 0);
	assert_int_equal(set_irqs(sock, 2, BOOL, 0, 1, -1, 1), 0);
	assert_int_equal(wire_fired(msix), 1);
	assert_int_equal(set_irqs(sock, 2, BOOL, 0, 1, -1, 0), 0);
	assert_int_equal(wire_fired(msix), 0);
	/* Taken away: one by "no descriptor", one by "none at all". */
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 1, -1, -1), 0);
	assert_int_equal(set_irqs(sock, 1, NONE, 0, 1, -1, -1), 0);
	assert_int_equal(wire_fired(msi), 0);
	assert_int_equal(set_irqs(sock, 2, NONE, 0, 0, -1, -1), 0);
	assert_int_equal(set_irqs(sock, 2, NONE, 0, 1, -1, -1), 0);
	assert_int_equal(wire_fired(msix), 0);
	close(msi);
	close(msix);
	close(sock);
}

static void
bad_interrupts(void **state)
{
	uint64_t full = UINT64_MAX - 1;
	int sock, fd, pipes[2];
	uint32_t i;

	need_interrupts();
	sock = wire_attach(*state, 0, WIRE_CAPS);
	fd = eventfd(0, EFD_CLOEXEC);
	for (i = 0; i < 7; i++)
		if (i != 1 && i != 2)
			assert_int_equal(set_irqs(sock, i, EVENTFD, 0, 1, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 1, 1, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 2, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 0, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, UINT32_MAX, 2, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, NONE, 0, 1, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, BOOL, 0, 1, -1, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, TRIGGER, 0, 1, -1, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD | VFIO_IRQ_SET_DATA_BOOL, 0, 1, -1, 0), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, EVENTFD | 1u << 20, 0, 1, fd, -1), -EINVAL);
	assert_int_equal(set_irqs(sock, 1, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 1,
				  -1, -1),
			 -ENOTSUP);
	/* Writing to anything else could block. */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 1, pipes[1], -1), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	/* An eventfd that is full, and would block, does not. */
	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(set_irqs(sock, 1, EVENTFD, 0, 1, fd, -1), 0);
	assert_int_equal(set_irqs(sock, 1, NONE, 0, 1, -1, -1), 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(set_irqs(sock, 1, NONE, 0, 1, -1, -1), 0);
	close(fd);
	close(sock);
}

/* --- configuration space --- */

static uint32_t
config32(int sock, uint32_t off)
{
	uint32_t value;

	assert_int_equal(wire_read(sock, VFU_REGION_CONFIG, off, &value, 4), 0);
	return rte_le_to_cpu_32(value);
}

static void
config_write(int sock, uint32_t off, uint32_t value, uint32_t len)
{
	rte_le32_t le = rte_cpu_to_le_32(value); /* its first bytes are the lowest */

	assert_int_equal(wire_write(sock, VFU_REGION_CONFIG, off, &le, len), 0);
}

static void
config_identity(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	uint8_t all[256], byte;
	uint32_t i;

	assert_int_equal(config32(sock, PCI_VENDOR_ID), 0x04ed1014);
	assert_int_equal(config32(sock, PCI_COMMAND), 0x00100000);
	assert_int_equal(config32(sock, PCI_CLASS_REVISION), 0);
	assert_int_equal(config32(sock, PCI_CAPABILITY_LIST) & 0xff, 0x40);
	assert_int_equal(config32(sock, 0x40), 0x00805005);
	assert_int_equal(config32(sock, 0x50), 0x00000011);
	assert_int_equal(config32(sock, 0x54), 4);
	assert_int_equal(config32(sock, 0x58), 0x804);
	/* Any access size shows the same bytes. */
	assert_int_equal(wire_read(sock, VFU_REGION_CONFIG, 0, all, sizeof(all)), 0);
	for (i = 0; i < sizeof(all); i++) {
		assert_int_equal(wire_read(sock, VFU_REGION_CONFIG, i, &byte, 1), 0);
		assert_int_equal(byte, all[i]);
	}
	close(sock);
}

static void
bar_sizing(void **state)
{
	static const uint32_t sized[6] = { 0x0000000c, 0xffff0000, 0xfffff004,
					   0xffffffff, 0xfffff000, 0 };
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	uint32_t i;

	for (i = 0; i < 6; i++) {
		config_write(sock, PCI_BASE_ADDRESS_0 + i * 4, UINT32_MAX, 4);
		assert_int_equal(config32(sock, PCI_BASE_ADDRESS_0 + i * 4), sized[i]);
		config_write(sock, PCI_BASE_ADDRESS_0 + i * 4, 0, 4);
	}
	config_write(sock, PCI_ROM_ADDRESS, UINT32_MAX, 4);
	assert_int_equal(config32(sock, PCI_ROM_ADDRESS), 0);
	close(sock);
}

static void
config_masks(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	uint32_t i, before;

	/* Nothing but what a driver may change. */
	for (i = 0; i < 256; i += 4) {
		if ((i >= PCI_BASE_ADDRESS_0 && i < PCI_CARDBUS_CIS) || i == PCI_COMMAND ||
		    i == PCI_CACHE_LINE_SIZE || i == PCI_INTERRUPT_LINE || (i >= 0x40 && i <= 0x50))
			continue;
		before = config32(sock, i);
		config_write(sock, i, ~before, 4);
		assert_int_equal(config32(sock, i), before);
	}
	config_write(sock, PCI_COMMAND, UINT32_MAX, 4);
	assert_int_equal(config32(sock, PCI_COMMAND), 0x00100406);
	config_write(sock, 0x42, 0xffff, 2);
	assert_int_equal(config32(sock, 0x40), 0x00815005);
	config_write(sock, 0x44, UINT32_MAX, 4);
	config_write(sock, 0x48, UINT32_MAX, 4);
	config_write(sock, 0x4c, UINT32_MAX, 4);
	assert_int_equal(config32(sock, 0x44), 0xfffffffc);
	assert_int_equal(config32(sock, 0x48), 0xffffffff);
	assert_int_equal(config32(sock, 0x4c), 0x0000ffff);
	config_write(sock, 0x52, 0xffff, 2);
	assert_int_equal(config32(sock, 0x50), 0xc0000011);
	/* A reset makes it as it was. */
	assert_int_equal(wire_call(sock, VFU_DEVICE_RESET, NULL, 0, NULL, 0), 0);
	assert_int_equal(config32(sock, PCI_COMMAND), 0x00100000);
	assert_int_equal(config32(sock, 0x40), 0x00805005);
	assert_int_equal(config32(sock, 0x50), 0x00000011);
	close(sock);
}

static void
msix_table(void **state)
{
	uint8_t table[16], got[4096], ones[4096];
	int sock = wire_attach(*state, 0, WIRE_CAPS);
	unsigned int i;

	assert_int_equal(wire_read(sock, 4, 0, got, 16), 0);
	assert_int_equal(got[12], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	for (i = 0; i < 16; i++)
		table[i] = (uint8_t)(i + 1);
	assert_int_equal(wire_write(sock, 4, 0, table, 16), 0);
	assert_int_equal(wire_read(sock, 4, 0, got, 16), 0);
	assert_memory_equal(got, table, 16);
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(wire_write(sock, 4, 0, ones, 4096), 0);
	assert_int_equal(wire_read(sock, 4, 0, got, 4080), 0);
	assert_memory_equal(got, ones, 16);
	for (i = 16; i < 4080; i++)
		assert_int_equal(got[i], 0);
	close(sock);
}

/* --- a foreign judge --- */

/* Write the configuration space as `lspci -x` prints it. */
static void
dump(int sock, const char *path)
{
	FILE *file = fopen(path, "w");
	uint8_t all[256];
	unsigned int i;

	assert_non_null(file);
	assert_int_equal(wire_read(sock, VFU_REGION_CONFIG, 0, all, sizeof(all)), 0);
	fprintf(file, "00:00.0 ISM\n");
	for (i = 0; i < sizeof(all); i++) {
		if (i % 16 == 0)
			fprintf(file, "%02x:", i);
		fprintf(file, " %02x%s", all[i], i % 16 == 15 ? "\n" : "");
	}
	fclose(file);
}

static void
lspci(void **state)
{
	static const char *const expected[] = {
		"00:00.0 0000: 1014:04ed",
		"Control: I/O- Mem+ BusMaster+",
		"Status: Cap+",
		"Region 0: Memory at 2000000000000 (64-bit, prefetchable)",
		"Region 2: Memory at f0001000 (64-bit, non-prefetchable)",
		"Region 4: Memory at f0002000 (32-bit, non-prefetchable)",
		"Capabilities: [40] MSI: Enable+ Count=1/1 Maskable- 64bit+",
		"Address: 00000000fee00000  Data: 0041",
		"Capabilities: [50] MSI-X: Enable- Count=1 Masked-",
		"Vector table: BAR=4 offset=00000000",
		"PBA: BAR=4 offset=00000800",
	};
	struct wire *wire = *state;
	char path[128], command[256], text[8192];
	int sock;
	unsigned int i;
	size_t len;
	FILE *pipe;

	if (system("command -v lspci >/dev/null 2>&1") != 0) {
		print_message("skipped: no lspci (Debian: pciutils)\n");
		skip();
	}
	sock = wire_attach(wire, 0, WIRE_CAPS);
	config_write(sock, PCI_BASE_ADDRESS_1, 0x00020000, 4);
	config_write(sock, PCI_BASE_ADDRESS_2, 0xf0001000, 4);
	config_write(sock, PCI_BASE_ADDRESS_4, 0xf0002000, 4);
	config_write(sock, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	config_write(sock, 0x44, 0xfee00000, 4);
	config_write(sock, 0x4c, 0x41, 2);
	config_write(sock, 0x42, PCI_MSI_FLAGS_ENABLE, 2);
	snprintf(path, sizeof(path), "%s/config", wire->dir);
	dump(sock, path);
	snprintf(command, sizeof(command), "lspci -n -vv -F %s 2>&1", path);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	len = fread(text, 1, sizeof(text) - 1, pipe);
	text[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (strstr(text, expected[i]) == NULL)
			fail_msg("lspci does not say \"%s\":\n%s", expected[i], text);
	assert_null(strstr(text, "unknown"));
	assert_null(strstr(text, "!!!"));
	close(sock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(info),       WIRE_TEST(regions),	  WIRE_TEST(irqs),
		WIRE_TEST(interrupts), WIRE_TEST(bad_interrupts), WIRE_TEST(config_identity),
		WIRE_TEST(bar_sizing), WIRE_TEST(config_masks),	  WIRE_TEST(msix_table),
		WIRE_TEST(lspci),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
