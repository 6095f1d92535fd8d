/* SPDX-License-Identifier: BSD-3-Clause */
/* A function goes away, and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <rte_rawdev.h>

#include "inproc.h"

static struct inproc ip;
static struct rte_pmd_ism_dmb *dmb; /* of function 0, for 1 */
static struct rte_pmd_ism_win *win; /* of function 1 */
static const uint8_t data[64] = { 1, 2, 3 };

static int
setup_with(bool direct)
{
	return inproc_setup(&ip, &(struct inproc_conf){ .functions = 2, .direct = direct }) ||
	       rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 0, &dmb) ||
	       rte_pmd_ism_win_open(ip.dev_id[1], dmb->token, 4096, &win);
}

static int
setup(void **state)
{
	(void)state;
	return setup_with(false);
}

static int
setup_direct(void **state)
{
	(void)state;
	return setup_with(true);
}

static int
teardown(void **state)
{
	(void)state;
	inproc_teardown(&ip);
	return 0;
}

static struct rte_pmd_ism_stats
stats(unsigned int i)
{
	struct rte_pmd_ism_stats s;

	assert_int_equal(rte_pmd_ism_stats_get(ip.dev_id[i], &s), 0);
	return s;
}

/* Every call on function 1 says so. */
static void
check_lost(void)
{
	uint16_t dev = ip.dev_id[1];
	struct rte_pmd_ism_dmb *other_dmb;
	struct rte_pmd_ism_win *other_win;
	struct rte_pmd_ism_event ev;

	assert_int_equal(rte_pmd_ism_events(dev, &ev, 1), -ENODEV);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), -ENODEV);
	assert_int_equal(rte_pmd_ism_dmb_register(dev, ip.gid[0], 4096, 0, &other_dmb), -ENODEV);
	assert_int_equal(rte_pmd_ism_win_open(dev, dmb->token, 4096, &other_win), -ENODEV);
	assert_int_equal(rte_pmd_ism_signal(dev, ip.gid[0], 1, 1), -ENODEV);
	assert_int_equal(rte_pmd_ism_query_rgid(dev, ip.gid[0], 0), -ENODEV);
	assert_int_equal(rte_rawdev_selftest(dev), -ENODEV);
	assert_true(stats(1).err_lost >= 6);
}

/* The function works again. */
static void
check_back(void)
{
	struct rte_pmd_ism_dmb *mine;
	struct rte_pmd_ism_info info;

	assert_int_equal(rte_pmd_ism_info_get(ip.dev_id[1], &info), 0);
	assert_int_equal(info.gid, ip.gid[1]);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[1], ip.gid[0], 4096, 0, &mine), 0);
	rte_pmd_ism_dmb_unregister(mine);
	assert_int_equal(rte_rawdev_selftest(ip.dev_id[1]), 0);
}

static void
test_lose_and_reopen(void **state)
{
	struct rte_pmd_ism_dmb *mine;
	struct rte_pmd_ism_info info;

	(void)state;
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[1], ip.gid[0], 4096, 0, &mine), 0);
	memset(mine->addr, 0x42, 4096);
	inproc_lose(&ip, 1);
	check_lost();
	/* Memory stays, and what was known of the function. */
	assert_int_equal(((uint8_t *)mine->addr)[4095], 0x42);
	assert_int_equal(rte_pmd_ism_info_get(ip.dev_id[1], &info), 0);

	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), -EBUSY);
	rte_pmd_ism_win_close(win);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), -EBUSY);
	rte_pmd_ism_dmb_unregister(mine);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), -ENODEV);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), -ENODEV);
	inproc_restore(&ip, 1);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), 0);
	check_back();
	assert_int_equal(stats(1).reopens, 1);
	assert_int_equal(stats(1).dmbs, 0);
}

/* Reopening a function that is well is allowed. */
static void
test_reopen_unasked(void **state)
{
	(void)state;
	rte_pmd_ism_win_close(win);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), 0);
	check_back();
}

static void
test_close_lost(void **state)
{
	struct rte_pmd_ism_info info;

	(void)state;
	inproc_lose(&ip, 1);
	rte_pmd_ism_close(ip.dev_id[1]);
	assert_int_equal(rte_pmd_ism_info_get(ip.dev_id[1], &info), -ENODEV);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), -ENODEV);
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[1]), -ENODEV);
	inproc_restore(&ip, 1);
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[1]), 0);
	check_back();
}

/* Error state: the store is refused, and the next look at the function tells why. */
static void
test_error_state(void **state)
{
	struct rte_pmd_ism_event ev;

	(void)state;
	assert_int_equal(inproc_fault(&ip, "kill:fn1:3"), 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), -EIO);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], &ev, 1), -ENODEV);
	check_lost();
	rte_pmd_ism_win_close(win);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), 0);
	check_back();
}

/* A store that was refused for its token does not cost the function. */
static void
test_suspicion_is_cleared(void **state)
{
	struct rte_pmd_ism_event ev[16];

	(void)state;
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(rte_pmd_ism_store(win, 0, data, sizeof(data)), -EIO);
	assert_true(rte_pmd_ism_events(ip.dev_id[1], ev, 16) >= 0);
	assert_int_equal(rte_pmd_ism_events(ip.dev_id[1], ev, 16), 0);
	rte_pmd_ism_win_close(win);
	check_back();
}

static void
test_rawdev_reset(void **state)
{
	(void)state;
	assert_int_equal(rte_rawdev_reset(ip.dev_id[1]), 0);
	check_lost();
	rte_pmd_ism_win_close(win);
	assert_int_equal(rte_pmd_ism_reopen(ip.dev_id[1]), 0);
	check_back();
	rte_pmd_ism_close(ip.dev_id[1]);
	assert_int_equal(rte_rawdev_reset(ip.dev_id[1]), -ENODEV);
}

/* No way to talk, and a device that refuses every command of the start. */
static void
test_reset_of_lost(void **state)
{
	(void)state;
	inproc_lose(&ip, 1);
	assert_int_equal(rte_rawdev_reset(ip.dev_id[1]), -ENODEV);
	check_lost();
}

int
main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_lose_and_reopen, setup),	     T(test_lose_and_reopen, setup_direct),
		T(test_reopen_unasked, setup),	     T(test_close_lost, setup),
		T(test_close_lost, setup_direct),    T(test_error_state, setup),
		T(test_suspicion_is_cleared, setup), T(test_suspicion_is_cleared, setup_direct),
		T(test_rawdev_reset, setup),	     T(test_reset_of_lost, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
