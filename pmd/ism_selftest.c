/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_rawdev_selftest(): does the whole path work? The function must be open. Where the fabric lets
 * a function write to itself, a DMB is stored into and read back; where not (that
 * is the fabric's right), only the commands are tried and the log says so.
 */
#include <errno.h>
#include <string.h>

#include "base_time.h"
#include "ism_fn.h"

#define TEST_LEN (2 * ISM_PAGE_SIZE)
#define TEST_EVENT 0x7e57u
#define TEST_WAIT_NS (100 * BASE_NS_PER_MS)

#define FAIL(fn, fmt, ...) ISM_LOG(ERR, "%s: selftest: " fmt, (fn)->path, ##__VA_ARGS__)

static void
pattern(uint8_t *buf, uint32_t len, uint8_t seed)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + i / 256 + seed);
}

/* One store of len bytes at off; everything else in the DMB stays zero. */
static int
test_store(struct ism_fn *fn, struct rte_pmd_ism_win *win, struct rte_pmd_ism_dmb *dmb,
	   uint32_t off, uint32_t len)
{
	uint8_t want[TEST_LEN] = { 0 };
	int ret;

	memset(dmb->addr, 0, TEST_LEN);
	pattern(want + off, len, (uint8_t)off);
	ret = rte_pmd_ism_store(win, off, want + off, len);
	if (ret < 0) {
		FAIL(fn, "store of %u bytes at %u: %s", len, off, strerror(-ret));
		return ret;
	}
	if (memcmp(dmb->addr, want, TEST_LEN) != 0) {
		FAIL(fn, "store of %u bytes at %u: wrong bytes arrived", len, off);
		return -EIO;
	}
	return 0;
}

static int
test_stores(struct ism_fn *fn, struct rte_pmd_ism_dmb *dmb)
{
	static const uint32_t shape[][2] = {
		{ 0, 16 }, { 8, 24 }, { 4080, 32 }, { 0, 4096 }, { 16, 8160 }, { 0, TEST_LEN },
	};
	struct rte_pmd_ism_win *win;
	unsigned int i;
	int ret;

	ret = rte_pmd_ism_win_open(fn->dev_id, dmb->token, TEST_LEN, &win);
	if (ret < 0)
		return ret;
	for (i = 0; i < RTE_DIM(shape) && ret == 0; i++)
		ret = test_store(fn, win, dmb, shape[i][0], shape[i][1]);
	rte_pmd_ism_win_close(win);
	return ret;
}

/* A software event to ourselves. Events may be lost: that is said, and no failure. */
static int
test_event(struct ism_fn *fn)
{
	uint64_t give_up = base_now_ns() + TEST_WAIT_NS;
	struct rte_pmd_ism_event ev;
	int ret;

	ret = rte_pmd_ism_signal(fn->dev_id, fn->gid, TEST_EVENT, ~fn->gid);
	if (ret < 0) {
		FAIL(fn, "signal: %s", strerror(-ret));
		return ret;
	}
	while (base_now_ns() < give_up) {
		ret = rte_pmd_ism_events(fn->dev_id, &ev, 1);
		if (ret < 0)
			return ret;
		if (ret == 1 && ev.type == RTE_PMD_ISM_EVENT_SOFTWARE && ev.code == TEST_EVENT &&
		    ev.tok == fn->gid && ev.info == ~fn->gid)
			return 0;
	}
	ISM_LOG(WARNING, "%s: selftest: our own event did not arrive", fn->path);
	return 0;
}

static int
test_loop(struct ism_fn *fn, struct rte_pmd_ism_dmb *dmb)
{
	int ret;

	ret = test_stores(fn, dmb);
	return ret < 0 ? ret : test_event(fn);
}

static int
test_commands(struct ism_fn *fn)
{
	struct ism_query_info_rsp info;
	uint64_t gid;
	int ret;

	ret = ism_cmd_read_gid(fn, &gid);
	if (ret == 0)
		ret = ism_cmd_query_info(fn, &info);
	if (ism_is_fatal(ret))
		return ism_fn_lost(fn, ret);
	if (ret < 0)
		return ret;
	if (gid != fn->gid || rte_be_to_cpu_64(info.my_gid) != gid) {
		FAIL(fn, "the GID is no longer 0x%llx", (unsigned long long)fn->gid);
		return -EIO;
	}
	/* Derived from source, never seen on hardware: worth a line, not a failure. */
	if (rte_be_to_cpu_32(info.dmbs_owned) != fn->dmb_count)
		ISM_LOG(WARNING, "%s: selftest: QUERY_INFO says %u DMBs, expected %u", fn->path,
			rte_be_to_cpu_32(info.dmbs_owned), fn->dmb_count);
	return 0;
}

int
ism_selftest(uint16_t dev_id)
{
	struct rte_pmd_ism_dmb *dmb;
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret == 0)
		ret = test_commands(fn);
	if (ret < 0)
		return ret;
	ret = rte_pmd_ism_dmb_register(dev_id, fn->gid, TEST_LEN, 0, &dmb);
	if (ret == -EHOSTUNREACH) {
		ISM_LOG(NOTICE,
			"%s: selftest: commands work; stores not tried: the fabric refuses "
			"a DMB for our own GID",
			fn->path);
		return 0;
	}
	if (ret < 0)
		return ret;
	ret = test_loop(fn, dmb);
	rte_pmd_ism_dmb_unregister(dmb);
	if (ret == 0)
		ISM_LOG(NOTICE, "%s: selftest: commands, stores and events work", fn->path);
	return ret;
}
