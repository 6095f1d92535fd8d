/* SPDX-License-Identifier: BSD-3-Clause */
/* The store function, through the API: small and large maxstbl, with and without direct windows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "inproc.h"
#include "ism_split.h"

#define DMB_LEN (4 * 4096u)

struct fixture {
	struct inproc ip;
	struct inproc_conf conf;
	struct rte_pmd_ism_dmb *dmb; /* of function 0, for function 1 */
	struct rte_pmd_ism_win *win; /* of function 1 */
	uint8_t src[DMB_LEN + 8];
	uint8_t want[DMB_LEN];
};

static struct fixture fx;

static int
setup(uint32_t maxstbl, bool direct)
{
	unsigned int i;

	memset(&fx, 0, sizeof(fx));
	fx.conf = (struct inproc_conf){ .functions = 2, .maxstbl = maxstbl, .direct = direct };
	for (i = 0; i < sizeof(fx.src); i++)
		fx.src[i] = (uint8_t)rand();
	return inproc_setup(&fx.ip, &fx.conf) ||
	       rte_pmd_ism_dmb_register(fx.ip.dev_id[0], fx.ip.gid[1], DMB_LEN, 0, &fx.dmb) ||
	       rte_pmd_ism_win_open(fx.ip.dev_id[1], fx.dmb->token, DMB_LEN, &fx.win);
}

static int
setup_4096(void **state)
{
	(void)state;
	return setup(4096, false);
}

static int
setup_128(void **state)
{
	(void)state;
	return setup(128, false);
}

static int
setup_direct(void **state)
{
	(void)state;
	return setup(4096, true);
}

static int
teardown(void **state)
{
	(void)state;
	inproc_teardown(&fx.ip);
	return 0;
}

static struct rte_pmd_ism_stats
stats(unsigned int i)
{
	struct rte_pmd_ism_stats s;

	assert_int_equal(rte_pmd_ism_stats_get(fx.ip.dev_id[i], &s), 0);
	return s;
}

/* One store from src + skew; the whole DMB is compared. */
static void
check_store(uint32_t off, uint32_t len, uint32_t skew)
{
	struct rte_pmd_ism_stats before = stats(1), after;

	memset(fx.dmb->addr, 0xee, DMB_LEN);
	memset(fx.want, 0xee, DMB_LEN);
	memcpy(fx.want + off, fx.src + skew, len);
	assert_int_equal(rte_pmd_ism_store(fx.win, off, fx.src + skew, len), 0);
	assert_memory_equal(fx.dmb->addr, fx.want, DMB_LEN);
	after = stats(1);
	assert_int_equal(after.stores - before.stores, ism_split_count(off, len, fx.conf.maxstbl));
	assert_int_equal(after.store_bytes - before.store_bytes, len);
	assert_int_equal(after.store_calls - before.store_calls, 1);
}

static void
test_shapes(void **state)
{
	static const uint32_t offs[] = { 0, 8, 64, 120, 4080, 4096, 4112, 8176, 12288 };
	static const uint32_t lens[] = {
		16,   24,   32,	  64,	72,   120,  128,  136,	144,   264,
		4080, 4088, 4096, 4104, 4112, 8176, 8192, 8208, 12288, DMB_LEN,
	};
	unsigned int i, k, tried = 0;

	(void)state;
	for (i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
			if (!ism_split_ok(offs[i], lens[k], DMB_LEN))
				continue;
			check_store(offs[i], lens[k], k % 8);
			tried++;
		}
	}
	assert_true(tried > 100);
}

static void
test_counters_agree_with_device(void **state)
{
	struct fabric_fn_stats dev;

	(void)state;
	test_shapes(state);
	fabric_fn_stats(fx.ip.fn[1], &dev);
	assert_int_equal(stats(1).stores, dev.stores);
	assert_int_equal(stats(1).store_bytes, dev.store_bytes);
	assert_int_equal(dev.store_errors, 0);
}

static void
test_direct_bypasses_device(void **state)
{
	struct fabric_fn_stats dev;

	(void)state;
	assert_int_equal(stats(1).windows_direct, 1);
	test_shapes(state);
	fabric_fn_stats(fx.ip.fn[1], &dev);
	assert_int_equal(dev.stores, 0);
	assert_int_equal(dev.directs, 1);
	assert_int_equal(stats(1).store_syscalls, 0);
}

static void
test_rules(void **state)
{
	struct rte_pmd_ism_stats before = stats(1), after;

	(void)state;
	memset(fx.dmb->addr, 0, DMB_LEN);
	assert_int_equal(rte_pmd_ism_store(fx.win, 4, fx.src, 16), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 8), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 20), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, DMB_LEN - 8, fx.src, 16), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, 4088, fx.src, 32), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, 4080, fx.src, 24), -EINVAL);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 0), -EINVAL);
	after = stats(1);
	assert_int_equal(after.err_inval - before.err_inval, 7);
	assert_int_equal(after.stores, before.stores);
	assert_memory_equal(fx.dmb->addr, fx.want, DMB_LEN);
}

/* The peer's word for the length is not believed. */
static void
test_peer_lied(void **state)
{
	struct rte_pmd_ism_win *win;

	(void)state;
	assert_int_equal(rte_pmd_ism_win_open(fx.ip.dev_id[1], fx.dmb->token, 2 * DMB_LEN, &win),
			 0);
	assert_int_equal(rte_pmd_ism_store(win, DMB_LEN - 16, fx.src, 16), 0);
	assert_int_equal(rte_pmd_ism_store(win, DMB_LEN, fx.src, 16), -EIO);
	assert_int_equal(rte_pmd_ism_store(win, DMB_LEN - 4096, fx.src, 8192), -EIO);
	assert_int_equal(stats(1).err_access, 2);
	rte_pmd_ism_win_close(win);
}

static void
test_revoked(void **state)
{
	(void)state;
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 4096), 0);
	rte_pmd_ism_dmb_unregister(fx.dmb);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 4096), -EIO);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 16), -EIO);
	assert_int_equal(stats(1).err_access, 2);
	assert_int_equal(stats(1).err_lost, 0);
}

/* The peer's function goes away: the same as if it had unregistered. */
static void
test_peer_gone(void **state)
{
	(void)state;
	inproc_lose(&fx.ip, 0);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, 64), -EIO);
}

static void
test_bad_token(void **state)
{
	struct rte_pmd_ism_win *win;
	int ret;

	(void)state;
	ret = rte_pmd_ism_win_open(fx.ip.dev_id[1], UINT64_C(0x7777) << 32, DMB_LEN, &win);
	if (fx.conf.direct) {
		assert_int_equal(ret, -EIO);
		return;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, fx.src, 64), -EIO);
	rte_pmd_ism_win_close(win);
}

/* A DMB for somebody else: its token is no use. */
static void
test_not_for_us(void **state)
{
	struct rte_pmd_ism_win *win;
	int ret;

	(void)state;
	ret = rte_pmd_ism_win_open(fx.ip.dev_id[0], fx.dmb->token, DMB_LEN, &win);
	if (ret == 0)
		ret = rte_pmd_ism_store(win, 0, fx.src, 64);
	assert_int_equal(ret, -EIO);
	assert_memory_equal(fx.dmb->addr, fx.want, DMB_LEN);
}

static void
test_window_arguments(void **state)
{
	const uint64_t token = fx.dmb->token;
	const uint16_t dev = fx.ip.dev_id[1];
	struct rte_pmd_ism_win *win;

	(void)state;
	assert_int_equal(rte_pmd_ism_win_open(dev, token, 0, &win), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_open(dev, token, (8u << 20) + 1, &win), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_open(dev, token | 1, 4096, &win), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_open(dev, token | 1 << 23, 4096, &win), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_open(dev, token | 1ull << 48, 4096, &win), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_open(UINT16_MAX, token, 4096, &win), -ENODEV);
	assert_int_equal(rte_pmd_ism_win_open(63, token, 4096, &win), -ENODEV);
	rte_pmd_ism_win_close(NULL);
	assert_int_equal(stats(1).windows, 1);
}

/* A PCISTB that is refused is tried again; the others are not lost with it. */
static void
test_refused_now_and_then(void **state)
{
	unsigned int i;

	(void)state;
	memset(fx.dmb->addr, 0, DMB_LEN);
	assert_int_equal(inproc_fault(&fx.ip, "store-fail:fn1:20:5"), 0);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, DMB_LEN), 0);
	assert_memory_equal(fx.dmb->addr, fx.src, DMB_LEN);
	assert_int_equal(stats(1).store_retries, 5);
	assert_int_equal(stats(1).err_access, 0);
	assert_int_equal(inproc_fault(&fx.ip, "store-fail:fn1:5%"), 0);
	for (i = 0; i < 50; i++) {
		memset(fx.dmb->addr, 0, DMB_LEN);
		assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, DMB_LEN), 0);
		assert_memory_equal(fx.dmb->addr, fx.src, DMB_LEN);
	}
}

/* The 20th PCISTB of a long store fails: those before are there, those behind not. */
static void
test_fails_midway(void **state)
{
	uint8_t none[DMB_LEN - 19 * 128] = { 0 };

	(void)state;
	memset(fx.dmb->addr, 0, DMB_LEN);
	assert_int_equal(inproc_fault(&fx.ip, "store-fail:fn1:20:7"), 0);
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, DMB_LEN), -EIO);
	assert_memory_equal(fx.dmb->addr, fx.src, 19 * 128);
	assert_memory_equal((uint8_t *)fx.dmb->addr + 19 * 128, none, sizeof(none));
	assert_int_equal(rte_pmd_ism_store(fx.win, 0, fx.src, DMB_LEN), 0);
}

/* What counts stores cannot be bypassed: such a window is an ordinary one. */
static void
test_direct_refused(void **state)
{
	struct rte_pmd_ism_win *win;

	(void)state;
	assert_int_equal(inproc_fault(&fx.ip, "store-fail:fn1:2:20"), 0);
	assert_int_equal(rte_pmd_ism_win_open(fx.ip.dev_id[1], fx.dmb->token, DMB_LEN, &win), 0);
	assert_int_equal(stats(1).windows, 2);
	assert_int_equal(stats(1).windows_direct, 1);
	assert_int_equal(rte_pmd_ism_store(win, 0, fx.src, 64), 0);
	assert_int_equal(rte_pmd_ism_store(win, 0, fx.src, 64), -EIO);
	rte_pmd_ism_win_close(win);
	assert_int_equal(stats(1).windows, 1);
	assert_int_equal(stats(1).err_access, 1); /* of a window that is closed */
}

/* Data that somebody else puts into the peer's DMB counts as the stores that it saves. */
static void
test_placed(void **state)
{
	uint8_t *mem = rte_pmd_ism_win_mem(fx.win, 4096, 8000);

	(void)state;
	assert_non_null(mem);
	memcpy(mem, fx.src, 8000);
	assert_memory_equal((uint8_t *)fx.dmb->addr + 4096, fx.src, 8000);
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, 4096, 8000), 0);
	assert_int_equal(stats(1).stores, 2);
	assert_int_equal(stats(1).store_bytes, 8000);
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, 0, 1), 0);
	assert_int_equal(stats(1).stores, 3);
	assert_int_equal(stats(1).store_calls, 2);
	assert_int_equal(stats(1).store_syscalls, 0);
	assert_non_null(rte_pmd_ism_win_mem(fx.win, 0, DMB_LEN));
	assert_null(rte_pmd_ism_win_mem(fx.win, 0, DMB_LEN + 1));
	assert_null(rte_pmd_ism_win_mem(fx.win, UINT32_MAX, 8));
	assert_null(rte_pmd_ism_win_mem(fx.win, 0, 0));
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, DMB_LEN, 1), -EINVAL);
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, UINT32_MAX, UINT32_MAX), -EINVAL);
	rte_pmd_ism_dmb_unregister(fx.dmb);
	assert_null(rte_pmd_ism_win_mem(fx.win, 4096, 8000));
	mem[0] = 1; /* not ours to fault on */
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, 4096, 8000), -EIO);
	assert_int_equal(stats(1).err_access, 1);
	inproc_lose(&fx.ip, 1);
	assert_int_equal(rte_pmd_ism_signal(fx.ip.dev_id[1], fx.ip.gid[0], 1, 1), -ENODEV);
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, 4096, 8000), -ENODEV);
	assert_null(rte_pmd_ism_win_mem(fx.win, 4096, 8000));
}

/* Where a store is a trip to the device there is nothing to place data in. */
static void
test_not_placed(void **state)
{
	(void)state;
	assert_null(rte_pmd_ism_win_mem(fx.win, 0, 4096));
	assert_int_equal(rte_pmd_ism_win_placed(fx.win, 0, 4096), -EINVAL);
	assert_int_equal(stats(1).stores, 0);
}

int
main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, setup_##how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_shapes, 4096),
		T(test_shapes, 128),
		T(test_shapes, direct),
		T(test_counters_agree_with_device, 4096),
		T(test_counters_agree_with_device, 128),
		T(test_direct_bypasses_device, direct),
		T(test_rules, 4096),
		T(test_rules, direct),
		T(test_peer_lied, 4096),
		T(test_peer_lied, direct),
		T(test_revoked, 4096),
		T(test_revoked, direct),
		T(test_peer_gone, 4096),
		T(test_peer_gone, direct),
		T(test_bad_token, 4096),
		T(test_bad_token, direct),
		T(test_not_for_us, 4096),
		T(test_not_for_us, direct),
		T(test_window_arguments, 4096),
		T(test_refused_now_and_then, 128),
		T(test_fails_midway, 128),
		T(test_direct_refused, direct),
		T(test_placed, direct),
		T(test_not_placed, 4096),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
