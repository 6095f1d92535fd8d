/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VFIO backend against a kernel made up from SPEC-ism sections 8 and 10 (vfio_rig.h), in
 * front of the software fabric. It shows that the backend does what is written there;
 * whether that is right, only silicon and QEMU say.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <rte_rawdev.h>

#include "bus_vfio.h"
#include "inproc.h"
#include "ism_buses.h"
#include "ism_split.h"
#include "vfio_rig.h"

#define DMB_LEN (16 * 4096u)

static struct inproc ip; /* function 0 is the peer, 1 is behind VFIO */
static uint16_t dev;

static int
setup_with(uint16_t maxstbl, bool qemu)
{
	struct vfio_bus *bus = calloc(1, sizeof(*bus));
	int ret;

	memset(&rig, 0, sizeof(rig));
	rig.container = rig.group = rig.device = rig.event = -1;
	ret = inproc_setup(&ip, &(struct inproc_conf){
					.functions = 2, .maxstbl = maxstbl, .closed = true });
	if (ret < 0 || bus == NULL)
		return -1;
	rig.fn = ip.fn[1];
	rig.maxstbl = maxstbl;
	rig.qemu = qemu;
	rig.driver = "ism_vfio_pci";
	*bus = (struct vfio_bus){
		.name = RIG_NAME,
		.container = -1,
		.group = -1,
		.device = -1,
		.event = -1,
	};
	ret = ism_rawdev_create(RIG_NAME, RIG_NAME, &ism_vfio_ops, bus, NULL, 0);
	dev = (uint16_t)rte_rawdev_get_dev_id(RIG_NAME);
	return ret < 0 ? ret : rte_pmd_ism_open(ip.dev_id[0]);
}

static int
setup(void **state)
{
	(void)state;
	return setup_with(4096, false);
}

static int
setup_128(void **state)
{
	(void)state;
	return setup_with(128, false);
}

static int
setup_qemu(void **state)
{
	(void)state;
	return setup_with(128, true);
}

static int
teardown(void **state)
{
	(void)state;
	ism_rawdev_destroy(RIG_NAME);
	inproc_teardown(&ip);
	if (rig.event >= 0)
		syscall(SYS_close, rig.event);
	return 0;
}

static unsigned int
open_files(void)
{
	unsigned int n = 0;
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static struct rte_pmd_ism_stats
stats(void)
{
	struct rte_pmd_ism_stats s;

	assert_int_equal(rte_pmd_ism_stats_get(dev, &s), 0);
	return s;
}

/* Stores from behind VFIO into the peer's DMB. */
static void
check_stores(void)
{
	static const uint32_t shape[][2] = {
		{ 0, 16 }, { 8, 136 }, { 4080, 32 }, { 16, 8160 }, { 4096, 4096 }, { 0, DMB_LEN },
	};
	static uint8_t want[DMB_LEN];
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	unsigned int i, k, stores;

	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev, dmb->token, DMB_LEN, &win), 0);
	for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		memset(dmb->addr, 0, DMB_LEN);
		memset(want, 0, DMB_LEN);
		for (k = 0; k < shape[i][1]; k++)
			want[shape[i][0] + k] = (uint8_t)rand();
		rig.longest = 0;
		stores = rig.stores;
		assert_int_equal(rte_pmd_ism_store(win, shape[i][0], want + shape[i][0],
						   shape[i][1]),
				 0);
		assert_memory_equal(dmb->addr, want, DMB_LEN);
		assert_int_equal(rig.stores - stores,
				 ism_split_count(shape[i][0], shape[i][1], rig.maxstbl));
		assert_in_range(rig.longest, 16, rig.maxstbl);
	}
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);
}

/* --- what works --- */

static void
test_life(void **state)
{
	unsigned int files = open_files();
	struct rte_pmd_ism_info info;
	struct rte_pmd_ism_dmb *dmb;

	(void)state;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_pmd_ism_info_get(dev, &info), 0);
	assert_int_equal(info.gid, ip.gid[1]);
	assert_int_equal(info.maxstbl, rig.maxstbl);
	assert_int_equal(info.direct, 0);
	assert_string_equal(info.path, RIG_NAME);
	assert_int_equal(rig.resets, 1);
	assert_int_equal(rig.config[4] & 6, 6); /* memory, bus master */
	assert_int_equal(rte_rawdev_selftest(dev), 0);
	check_stores();
	assert_int_equal(rte_pmd_ism_dmb_register(dev, ip.gid[0], 1 << 20, 0, &dmb), 0);
	assert_int_equal(rig.maps, 2);
	assert_false(rig.bad_map);
	rte_pmd_ism_close(dev);
	assert_int_equal(rig.maps, 0);
	syscall(SYS_close, rig.event);
	rig.event = -1;
	assert_int_equal(open_files(), files);
}

/* One system call carries many stores. */
static void
test_syscalls(void **state)
{
	static const uint8_t src[DMB_LEN];
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;

	(void)state;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev, dmb->token, DMB_LEN, &win), 0);
	rig.store_calls = 0;
	assert_int_equal(rte_pmd_ism_store(win, 0, src, DMB_LEN), 0);
	assert_int_equal(rig.store_calls, 1);
	assert_int_equal(rte_pmd_ism_store(win, 0, src, 64), 0);
	assert_int_equal(rig.store_calls, 2);
	assert_int_equal(stats().store_syscalls, 2);
	assert_int_equal(stats().stores, 17);

	/* The 5th of 16 fails twice: all is there all the same. */
	assert_int_equal(inproc_fault(&ip, "store-fail:fn1:5:2"), 0);
	memset(dmb->addr, 0x11, DMB_LEN);
	assert_int_equal(rte_pmd_ism_store(win, 0, src, DMB_LEN), 0);
	assert_memory_equal(dmb->addr, src, DMB_LEN);
	assert_true(stats().store_retries > 0);

	/* It fails for good: the errno comes out, and nothing behind it is stored. */
	memset(dmb->addr, 0x11, DMB_LEN);
	assert_int_equal(inproc_fault(&ip, "store-fail:fn1:5:8"), 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, src, DMB_LEN), -EIO);
	assert_int_equal(((uint8_t *)dmb->addr)[4 * 4096 - 1], 0);
	assert_int_equal(((uint8_t *)dmb->addr)[4 * 4096], 0x11);
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(rte_pmd_ism_store(win, 0, src, 64), -EIO);
}

static void
test_no_caps(void **state)
{
	struct rte_pmd_ism_info info;

	(void)state;
	rig.no_zpci_caps = true;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_pmd_ism_info_get(dev, &info), 0);
	assert_int_equal(info.maxstbl, rig.maxstbl); /* by trying */
	assert_int_equal(rte_rawdev_selftest(dev), 0);
	assert_false(rig.bad_map);
	rte_pmd_ism_close(dev);
	rig.no_zpci_caps = false;
	rig.no_iova_cap = true;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_rawdev_selftest(dev), 0);
	assert_false(rig.bad_map);
}

/* --- what does not --- */

/* The function cannot be opened, and nothing is left open. */
static void
check_fails(int expected)
{
	unsigned int files = open_files();

	assert_int_equal(rte_pmd_ism_open(dev), expected);
	if (rig.event >= 0)
		syscall(SYS_close, rig.event);
	rig.event = -1;
	assert_int_equal(open_files(), files);
	assert_int_equal(rig.maps, 0);
}

static void
test_claim_fails(void **state)
{
	static const int group_errors[] = { ENOENT, EACCES, EPERM, EBUSY };
	unsigned int i;

	(void)state;
	rig.container_error = ENOENT;
	check_fails(-ENODEV);
	rig.container_error = 0;
	rig.no_type1 = true;
	check_fails(-ENODEV);
	rig.no_type1 = false;
	for (i = 0; i < 4; i++) {
		rig.group_error = group_errors[i];
		check_fails(-ENODEV);
	}
	rig.group_error = 0;
	rig.not_viable = true;
	check_fails(-ENODEV);
	rig.not_viable = false;
	rig.device_error = ENODEV;
	check_fails(-ENODEV);
	rig.device_error = 0;
	rig.driver = NULL;
	check_fails(-ENODEV);
	rig.driver = "ism_vfio_pci";
	assert_int_equal(rte_pmd_ism_open(dev), 0);
}

static void
test_wrong_device(void **state)
{
	(void)state;
	rig.small_bar = true;
	check_fails(-EPROTO);
	rig.small_bar = false;
	rig.mmap_only = true;
	check_fails(-EPROTO);
	rig.mmap_only = false;
	rig.maxstbl = 16;
	check_fails(-EPROTO);
	rig.maxstbl = 4096;
	rig.no_reset = true;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_rawdev_reset(dev), -ENOTSUP);
	assert_int_equal(rte_rawdev_selftest(dev), 0);
}

static void
test_locked_memory(void **state)
{
	struct rte_pmd_ism_dmb *dmb;

	(void)state;
	rig.map_error = ENOMEM;
	check_fails(-ENOMEM);
	rig.map_error = 0;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	rig.map_error = ENOMEM;
	assert_int_equal(rte_pmd_ism_dmb_register(dev, ip.gid[0], 4096, 0, &dmb), -ENOMEM);
	rig.map_error = ENOSPC;
	assert_int_equal(rte_pmd_ism_dmb_register(dev, ip.gid[0], 4096, 0, &dmb), -ENOSPC);
	rig.map_error = 0;
	assert_int_equal(rte_pmd_ism_dmb_register(dev, ip.gid[0], 4096, 0, &dmb), 0);
}

/* The kernel asks for the device; config space reads as ones. */
static void
test_gone(void **state)
{
	struct rte_pmd_ism_event ev;
	unsigned int i;
	int ret = 0;

	(void)state;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_pmd_ism_events(dev, &ev, 1), 0);
	assert_int_equal(eventfd_write(rig.event, 1), 0);
	for (i = 0; i < 1000 && ret >= 0; i++) {
		usleep(1000);
		ret = rte_pmd_ism_events(dev, &ev, 1);
	}
	assert_int_equal(ret, -ENODEV);
	assert_int_equal(rte_pmd_ism_reopen(dev), 0);
	assert_int_equal(rte_rawdev_selftest(dev), 0);
	memset(rig.config, 0xff, sizeof(rig.config));
	for (i = 0, ret = 0; i < 1000 && ret >= 0; i++) {
		usleep(1000);
		ret = rte_pmd_ism_events(dev, &ev, 1);
	}
	assert_int_equal(ret, -ENODEV);
}

/* A kernel that does one segment a call, or none: as many calls as segments, or an error. */
static void
test_segments(void **state)
{
	static const uint8_t src[DMB_LEN];
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;

	(void)state;
	assert_int_equal(rte_pmd_ism_open(dev), 0);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev, dmb->token, DMB_LEN, &win), 0);
	rig.by_segment = true;
	rig.store_calls = 0;
	assert_int_equal(rte_pmd_ism_store(win, 0, src, 5 * 4096), 0);
	assert_int_equal(rig.store_calls, 5);
	rig.stuck = true;
	rig.store_calls = 0;
	/* Each segment is tried once more by itself: those stores are not stuck. */
	assert_int_equal(rte_pmd_ism_store(win, 0, src, 5 * 4096), 0);
	assert_int_equal(rig.store_calls, 1 + 5);
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);
}

int
main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_life, setup),	     T(test_life, setup_128),
		T(test_life, setup_qemu),    T(test_syscalls, setup),
		T(test_no_caps, setup),	     T(test_no_caps, setup_128),
		T(test_no_caps, setup_qemu), T(test_claim_fails, setup),
		T(test_wrong_device, setup), T(test_locked_memory, setup),
		T(test_gone, setup),	     T(test_segments, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
