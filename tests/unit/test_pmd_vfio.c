/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VFIO backend where there is no such hardware: how it says so, and that its stores and loads
 * go where they should, with a file in the place of the device.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "bus_vfio.h"
#include "ism_buses.h"

static const struct ism_ops *const ops = &ism_vfio_ops;
static struct vfio_bus bus;

static void
closed_bus(void)
{
	bus = (struct vfio_bus){
		.name = "ffff:ff:1f.7", .container = -1, .group = -1, .device = -1, .event = -1
	};
}

/* The device is a sparse file; its regions lie anywhere. */
static int
setup(void **state)
{
	(void)state;
	closed_bus();
	bus.device = memfd_create("device", MFD_CLOEXEC);
	bus.data = (struct vfio_region){ .off = 1 << 30, .size = 1ull << 48 };
	bus.cmd = (struct vfio_region){ .off = 1 << 20, .size = 4096 };
	bus.config = (struct vfio_region){ .off = 1 << 16, .size = 256 };
	return bus.device < 0;
}

static int
teardown(void **state)
{
	(void)state;
	ops->close(&bus);
	return 0;
}

static void
test_no_device(void **state)
{
	struct ism_bus_info info;
	char driver[32] = "x";

	(void)state;
	closed_bus();
	vfio_bound_driver(bus.name, driver, sizeof(driver));
	assert_string_equal(driver, "");
	assert_false(vfio_driver_ok(bus.name, ""));
	assert_false(vfio_driver_ok(bus.name, "ism"));
	assert_false(vfio_driver_ok(bus.name, "vfio-pci"));
	assert_true(vfio_driver_ok(bus.name, "ism_vfio_pci"));
	assert_int_equal(ops->open(&bus, &info), -ENODEV);
	assert_true(bus.told);
	assert_int_equal(ops->open(&bus, &info), -ENODEV);
	assert_int_equal(bus.container, -1);
	assert_int_equal(bus.group, -1);
	assert_int_equal(bus.device, -1);
}

static void
test_closed(void **state)
{
	uint64_t word = 0;
	struct iovec iov = { .iov_base = &word, .iov_len = sizeof(word) };

	(void)state;
	closed_bus();
	assert_int_equal(ops->load(&bus, 0, &word), -ENODEV);
	assert_int_equal(ops->store(&bus, 0, 0, &word, 8), -ENODEV);
	assert_int_equal(ops->storev(&bus, 0, &iov, 1), -ENODEV);
	assert_int_equal(ops->dma_map(&bus, 0, &word, 4096, -1), -ENODEV);
	assert_int_equal(ops->dma_unmap(&bus, 0, 4096), -ENODEV);
	assert_int_equal(ops->reset(&bus), -ENODEV);
	assert_int_equal(ops->health(&bus), -ENODEV);
	assert_int_equal(ops->direct(&bus, 0, NULL), -EOPNOTSUPP);
	ops->close(&bus);
	ops->close(&bus);
}

static void
test_store_and_load(void **state)
{
	uint8_t src[64], got[64];
	uint64_t word;

	(void)state;
	memset(src, 0x5c, sizeof(src));
	assert_int_equal(ops->store(&bus, ISM_BAR_DATA, 0x5000, src, 64), 1);
	assert_int_equal(pread(bus.device, got, 64, (1 << 30) + 0x5000), 64);
	assert_memory_equal(src, got, 64);
	assert_int_equal(ops->store(&bus, ISM_BAR_CMD, 8, src, 16), 1);
	assert_int_equal(ops->load(&bus, 16, &word), 0);
	assert_memory_equal(&word, src, 8);
	/* Behind the end of the file: a short load. */
	assert_int_equal(ops->load(&bus, 1ull << 40, &word), -EIO);
}

static void
test_storev(void **state)
{
	uint8_t src[96], got[96];
	struct iovec iov[3] = {
		{ .iov_base = src, .iov_len = 16 },
		{ .iov_base = src + 16, .iov_len = 64 },
		{ .iov_base = src + 80, .iov_len = 16 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)(i + 1);
	assert_int_equal(ops->storev(&bus, 0x7000, iov, 3), 1);
	assert_int_equal(pread(bus.device, got, 96, (1 << 30) + 0x7000), 96);
	assert_memory_equal(src, got, 96);
}

/* The device's end in the middle of a store, and at the edge of one. */
static void
test_storev_short(void **state)
{
	struct rlimit old, small;
	uint8_t src[64] = { 0 };
	struct iovec iov[2] = {
		{ .iov_base = src, .iov_len = 32 },
		{ .iov_base = src + 32, .iov_len = 32 },
	};
	int in_store, between;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = (1 << 30) + 0x1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	in_store = ops->storev(&bus, 0x1000 - 40, iov, 2);
	between = ops->storev(&bus, 0x1000 - 32, iov, 2);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(in_store, -EIO);
	assert_int_equal(between, -EIO);
}

static void
test_errors(void **state)
{
	(void)state;
	assert_int_equal(vfio_store_error(EIO), -EIO);
	assert_int_equal(vfio_store_error(ENXIO), -EINVAL);
	assert_int_equal(vfio_store_error(EINVAL), -EINVAL);
	assert_int_equal(vfio_store_error(ENOMEM), -EIO);
	assert_int_equal(vfio_store_error(ENODEV), -ENODEV);
}

static void
test_health(void **state)
{
	static const uint8_t ism[4] = { 0x14, 0x10, 0xed, 0x04 };
	static const uint8_t gone[4] = { 0xff, 0xff, 0xff, 0xff };

	(void)state;
	assert_int_equal(ops->health(&bus), -ENODEV); /* no config space yet */
	assert_int_equal(pwrite(bus.device, ism, 4, 1 << 16), 4);
	assert_int_equal(ops->health(&bus), 0);
	bus.event = eventfd(0, EFD_NONBLOCK);
	assert_true(bus.event >= 0);
	assert_int_equal(ops->health(&bus), 0);
	assert_int_equal(eventfd_write(bus.event, 1), 0);
	assert_int_equal(ops->health(&bus), -ENODEV);
	assert_int_equal(ops->health(&bus), 0); /* once: reopening comes in between */
	assert_int_equal(pwrite(bus.device, gone, 4, 1 << 16), 4);
	assert_int_equal(ops->health(&bus), -ENODEV);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_device),
		cmocka_unit_test(test_closed),
		T(test_store_and_load),
		T(test_storev),
		T(test_storev_short),
		T(test_errors),
		T(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
