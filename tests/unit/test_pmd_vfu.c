/* SPDX-License-Identifier: BSD-3-Clause */
/* The vdev over sockets, against the fabric's own server. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include <rte_bus_vdev.h>
#include <rte_rawdev.h>

#include "base_time.h"
#include "ism_fn.h"
#include "ism_split.h"
#include "rte_pmd_ism.h"
#include "sockfab.h"

#define DMB_LEN (16 * 4096u)
#define WAIT_NS (20 * BASE_NS_PER_S) /* for what comes by itself, on a machine under load */
#define SOON_NS (500 * BASE_NS_PER_MS) /* less than any time-out of the driver */

static struct sockfab sf;
static uint16_t dev[2];

static int
setup_with(const char *args)
{
	unsigned int i;
	int ret;

	ret = sockfab_start(&sf, 2);
	for (i = 0; i < 2 && ret == 0; i++) {
		ret = sockfab_probe(&sf, i, args, &dev[i]);
		if (ret == 0)
			ret = rte_pmd_ism_open(dev[i]);
	}
	return ret;
}

static int
setup(void **state)
{
	(void)state;
	return setup_with(NULL);
}

static int
setup_stores(void **state)
{
	(void)state;
	return setup_with("direct=0");
}

static int
setup_small(void **state)
{
	(void)state;
	return setup_with("direct=0,maxstbl=128");
}

static int
setup_empty(void **state)
{
	(void)state;
	return sockfab_start(&sf, 2);
}

static int
teardown(void **state)
{
	(void)state;
	sockfab_stop(&sf);
	return 0;
}

static struct rte_pmd_ism_stats
stats(unsigned int i)
{
	struct rte_pmd_ism_stats s;

	assert_int_equal(rte_pmd_ism_stats_get(dev[i], &s), 0);
	return s;
}

static void
check_info(uint32_t maxstbl, bool direct)
{
	struct rte_pmd_ism_info info;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(rte_pmd_ism_info_get(dev[i], &info), 0);
		assert_int_equal(info.gid, sf.gid[i]);
		assert_int_equal(info.maxstbl, maxstbl);
		assert_int_equal(info.direct, direct);
		assert_string_equal(info.path, sf.path[i]);
	}
}

/* Stores of many shapes arrive; @return PCISTBs that they took. */
static uint64_t
check_stores(uint32_t maxstbl)
{
	static const uint32_t shape[][2] = {
		{ 0, 16 }, { 8, 72 }, { 4080, 32 }, { 4096, 4096 }, { 64, 8192 }, { 0, DMB_LEN },
	};
	static uint8_t src[DMB_LEN], want[DMB_LEN];
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	uint64_t stores = 0;
	unsigned int i, k;

	assert_int_equal(rte_pmd_ism_dmb_register(dev[0], sf.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev[1], dmb->token, DMB_LEN, &win), 0);
	for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		for (k = 0; k < DMB_LEN; k++)
			src[k] = (uint8_t)rand();
		memset(dmb->addr, 0, DMB_LEN);
		memset(want, 0, DMB_LEN);
		memcpy(want + shape[i][0], src, shape[i][1]);
		assert_int_equal(rte_pmd_ism_store(win, shape[i][0], src, shape[i][1]), 0);
		assert_memory_equal(dmb->addr, want, DMB_LEN);
		stores += ism_split_count(shape[i][0], shape[i][1], maxstbl);
	}
	assert_int_equal(stats(1).stores, stores);
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(rte_pmd_ism_store(win, 0, src, 4096), -EIO);
	rte_pmd_ism_win_close(win);
	return stores;
}

static void
test_stores(void **state)
{
	uint64_t stores;

	(void)state;
	check_info(4096, false);
	assert_int_equal(stats(1).store_syscalls, 0);
	stores = check_stores(4096);
	assert_int_equal(stats(1).store_syscalls, 2 * stores);
}

static void
test_small_stores(void **state)
{
	(void)state;
	check_info(128, false);
	check_stores(128);
}

static void
test_direct(void **state)
{
	(void)state;
	check_info(4096, true);
	check_stores(4096);
	assert_int_equal(stats(1).store_syscalls, 0);
	assert_int_equal(stats(1).windows_direct, 0);
}

/* The lowest descriptor that is free: as a limit it leaves none. */
static rlim_t
next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

/*
 * A direct window needs two descriptors for a moment, on both sides. Where they are missing stores
 * go the ordinary way, and nobody loses its function.
 */
static void
test_direct_without_descriptors(void **state)
{
	static const uint8_t data[64] = { 1, 2, 3 };
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	struct rlimit old, low;
	rlim_t next;
	unsigned int spare;
	int ret;

	(void)state;
	assert_int_equal(rte_pmd_ism_dmb_register(dev[0], sf.gid[1], 4096, 0, &dmb), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	next = next_descriptor();
	for (spare = 0; spare <= 5; spare++) {
		/* The fabric, in this process too, may still have those of the last window. */
		low.rlim_cur = spare < 5 ? next + spare : old.rlim_cur;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		ret = rte_pmd_ism_win_open(dev[1], dmb->token, 4096, &win);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_int_equal(ret, 0);
		assert_int_equal(stats(1).windows_direct, spare == 5 ? 1 : win->mem != NULL);
		assert_true(spare > 1 || win->mem == NULL);
		assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), 0);
		assert_memory_equal(dmb->addr, data, sizeof(data));
		rte_pmd_ism_win_close(win);
	}
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(stats(0).err_lost + stats(1).err_lost, 0);
}

static void
test_events_and_selftest(void **state)
{
	struct rte_pmd_ism_event ev[4];
	uint64_t give_up = base_now_ns() + WAIT_NS;
	int n = 0;

	(void)state;
	assert_int_equal(rte_pmd_ism_signal(dev[0], sf.gid[1], 5, 6), 0);
	while (n == 0 && base_now_ns() < give_up)
		n = rte_pmd_ism_events(dev[1], ev, 4);
	assert_int_equal(n, 1);
	assert_int_equal(ev[0].tok, sf.gid[0]);
	assert_int_equal(ev[0].code, 5);
	assert_int_equal(ev[0].info, 6);
	assert_int_equal(rte_rawdev_selftest(dev[0]), 0);
	assert_int_equal(rte_rawdev_selftest(dev[1]), 0);
}

/* Without a fabric it fails, and at once: in one of three tries, as others may hold us up. */
static void
fails_soon(int (*open)(uint16_t), uint16_t id)
{
	uint64_t start, least = UINT64_MAX;

	for (unsigned int i = 0; i < 3; i++) {
		start = base_now_ns();
		assert_int_equal(open(id), -ENODEV);
		least = RTE_MIN(least, base_now_ns() - start);
	}
	assert_true(least < SOON_NS);
}

/* The fabric dies: noticed by polling alone; and it comes back. */
static void
test_fabric_killed(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	struct rte_pmd_ism_event ev;
	uint8_t data[64] = { 1 };
	uint64_t start;
	int ret = 0;

	(void)state;
	assert_int_equal(rte_pmd_ism_dmb_register(dev[0], sf.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev[1], dmb->token, DMB_LEN, &win), 0);
	sockfab_kill(&sf);
	start = base_now_ns();
	while (ret >= 0 && base_now_ns() - start < WAIT_NS)
		ret = rte_pmd_ism_events(dev[1], &ev, 1);
	assert_int_equal(ret, -ENODEV);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), -ENODEV);
	assert_int_equal(rte_pmd_ism_signal(dev[0], sf.gid[1], 1, 1), -ENODEV);
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);
	fails_soon(rte_pmd_ism_reopen, dev[0]);

	assert_int_equal(sockfab_restart(&sf), 0);
	assert_int_equal(rte_pmd_ism_reopen(dev[0]), 0);
	assert_int_equal(rte_pmd_ism_reopen(dev[1]), 0);
	assert_int_equal(rte_rawdev_selftest(dev[0]), 0);
	assert_int_equal(rte_rawdev_selftest(dev[1]), 0);
}

static void
test_peer_closes(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	uint8_t data[64] = { 1 };

	(void)state;
	assert_int_equal(rte_pmd_ism_dmb_register(dev[0], sf.gid[1], DMB_LEN, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(dev[1], dmb->token, DMB_LEN, &win), 0);
	rte_pmd_ism_close(dev[0]);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), -EIO);
	assert_int_equal(rte_pmd_ism_open(dev[0]), 0);
	assert_int_equal(rte_pmd_ism_query_rgid(dev[1], sf.gid[0], 0), 0);
}

static void
test_reset(void **state)
{
	struct rte_pmd_ism_event ev;

	(void)state;
	assert_int_equal(rte_rawdev_reset(dev[0]), 0);
	assert_int_equal(rte_pmd_ism_events(dev[0], &ev, 1), -ENODEV);
	assert_int_equal(rte_pmd_ism_reopen(dev[0]), 0);
	assert_int_equal(rte_rawdev_selftest(dev[0]), 0);
}

/* A function has one owner. */
static void
test_two_clients(void **state)
{
	char args[256];
	uint16_t id;

	(void)state;
	snprintf(args, sizeof(args), "socket=%s", sf.path[0]);
	assert_int_equal(rte_vdev_init("raw_ism9", args), 0);
	id = (uint16_t)rte_rawdev_get_dev_id("raw_ism9");
	assert_int_equal(rte_pmd_ism_open(id), -ENODEV);
	rte_pmd_ism_close(dev[0]);
	assert_int_equal(rte_pmd_ism_open(id), 0);
	assert_int_equal(rte_vdev_uninit("raw_ism9"), 0);
	assert_int_equal(rte_pmd_ism_open(dev[0]), 0);
}

static void
test_list(void **state)
{
	uint16_t ids[4] = { 0 };

	(void)state;
	assert_int_equal(rte_pmd_ism_list(ids, 1), 2);
	assert_int_equal(rte_pmd_ism_list(ids, 4), 2);
	assert_int_equal(ids[0], dev[0]);
	assert_int_equal(ids[1], dev[1]);
	sockfab_remove(&sf, 0);
	assert_int_equal(rte_pmd_ism_list(ids, 4), 1);
	assert_int_equal(ids[0], dev[1]);
}

static void
test_devargs(void **state)
{
	static const char *const bad[] = {
		"",
		"socket=",
		"direct=1",
		"socket=/tmp/a,socket=/tmp/b",
		"socket=/tmp/a,direct=2",
		"socket=/tmp/a,direct=",
		"socket=/tmp/a,maxstbl=16",
		"socket=/tmp/a,maxstbl=8192",
		"socket=/tmp/a,colour=red",
	};
	char args[256] = "socket=/tmp/";
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(rte_vdev_init("raw_ism7", bad[i]) < 0);
	memset(args + strlen(args), 'a', 120);
	assert_true(rte_vdev_init("raw_ism7", args) < 0);
	assert_int_equal(rte_pmd_ism_list(NULL, 0), 0);
}

static void
test_no_socket(void **state)
{
	(void)state;
	sockfab_kill(&sf);
	assert_int_equal(sockfab_probe(&sf, 0, NULL, &dev[0]), 0);
	fails_soon(rte_pmd_ism_open, dev[0]);
}

int
main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_stores, setup_stores),
		T(test_small_stores, setup_small),
		T(test_direct, setup),
		T(test_direct_without_descriptors, setup),
		T(test_events_and_selftest, setup),
		T(test_fabric_killed, setup),
		T(test_fabric_killed, setup_stores),
		T(test_peer_closes, setup),
		T(test_peer_closes, setup_stores),
		T(test_reset, setup),
		T(test_two_clients, setup),
		T(test_list, setup),
		T(test_devargs, setup_empty),
		T(test_no_socket, setup_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
