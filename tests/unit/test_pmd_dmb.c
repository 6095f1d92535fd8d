/* SPDX-License-Identifier: BSD-3-Clause */
/* DMBs: limits, life, memory, DMA addresses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "inproc.h"
#include "ism_fn.h"

static struct inproc ip;
static struct rte_pmd_ism_dmb *dmbs[ISM_DMB_COUNT];

static int
setup(void **state)
{
	(void)state;
	return inproc_setup(&ip, &(struct inproc_conf){ .functions = 2 });
}

static int
setup_direct(void **state)
{
	(void)state;
	return inproc_setup(&ip, &(struct inproc_conf){ .functions = 2, .direct = true });
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

static int
reg(uint64_t rgid, uint32_t len, struct rte_pmd_ism_dmb **dmb)
{
	return rte_pmd_ism_dmb_register(ip.dev_id[0], rgid, len, 0, dmb);
}

static void
test_lengths(void **state)
{
	struct rte_pmd_ism_info info;
	struct rte_pmd_ism_dmb *dmb;

	(void)state;
	assert_int_equal(rte_pmd_ism_info_get(ip.dev_id[0], &info), 0);
	assert_int_equal(info.dmb_max, 1u << 20);
	assert_int_equal(info.dmb_count_max, 1888);
	assert_int_equal(reg(ip.gid[1], 0, &dmb), -EINVAL);
	assert_int_equal(reg(ip.gid[1], info.dmb_max + 1, &dmb), -EINVAL);
	assert_int_equal(reg(ip.gid[1], UINT32_MAX, &dmb), -EINVAL);
	assert_int_equal(reg(ip.gid[1], 1, &dmb), 0);
	assert_int_equal(dmb->len, 4096);
	assert_int_equal(dmb->rgid, ip.gid[1]);
	assert_int_equal((uintptr_t)dmb->addr % 4096, 0);
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(reg(ip.gid[1], info.dmb_max, &dmb), 0);
	assert_int_equal(dmb->len, info.dmb_max);
	assert_int_equal(stats(0).dmbs, 1);
	assert_int_equal(stats(0).dmb_bytes, info.dmb_max);
	rte_pmd_ism_dmb_unregister(dmb);
	rte_pmd_ism_dmb_unregister(NULL);
	assert_int_equal(stats(0).dmbs, 0);
	assert_int_equal(stats(0).dmb_bytes, 0);
}

/* QUERY_INFO's max_len is a hint: the limit is what REG_DMB takes. */
static void
test_limits_are_tried(void **state)
{
	static const struct {
		uint32_t told, real;
	} table[] = {
		{ 4096, 1 << 20 }, /* it says less than it does */
		{ 4096, 64 << 10 },	{ 4096, 4096 },		 { 1, 16 << 10 },
		{ 32 << 10, 32 << 10 }, { UINT32_MAX, 1 << 20 },
	};
	struct rte_pmd_ism_info info;
	struct rte_pmd_ism_dmb *dmb;
	struct inproc other;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(table); i++) {
		const struct inproc_conf conf = { .functions = 2,
						  .max_len = table[i].told,
						  .dmb_max = table[i].real };
		int want = table[i].real == 1 << 20 ? 0 : -EMSGSIZE;

		assert_int_equal(inproc_setup(&other, &conf), 0);
		assert_int_equal(rte_pmd_ism_dmb_register(other.dev_id[0], other.gid[1], 1 << 20, 0,
							  &dmb),
				 want);
		if (want == 0)
			rte_pmd_ism_dmb_unregister(dmb);
		assert_int_equal(rte_pmd_ism_info_get(other.dev_id[0], &info), 0);
		assert_int_equal(info.dmb_max, table[i].real);
		assert_int_equal(rte_pmd_ism_dmb_register(other.dev_id[0], other.gid[1],
							  info.dmb_max, 0, &dmb),
				 0);
		rte_pmd_ism_dmb_unregister(dmb);
		/* Nobody is there: that says nothing of lengths. */
		assert_int_equal(rte_pmd_ism_dmb_register(other.dev_id[0], 0x4711, info.dmb_max, 0,
							  &dmb),
				 -EHOSTUNREACH);
		inproc_teardown(&other);
	}
}

/* As many as there are indexes, each its own; one more fails; one freed makes room. */
static void
test_count(void **state)
{
	struct rte_pmd_ism_dmb *more;
	bool seen[ISM_NR_DMBS] = { false };
	unsigned int i;

	(void)state;
	for (i = 0; i < ISM_DMB_COUNT; i++) {
		assert_int_equal(reg(ip.gid[1], 4096, &dmbs[i]), 0);
		assert_in_range(dmbs[i]->idx, ISM_DMB_IDX_MIN, ISM_DMB_IDX_MAX);
		assert_false(seen[dmbs[i]->idx]);
		seen[dmbs[i]->idx] = true;
	}
	assert_int_equal(stats(0).dmbs, ISM_DMB_COUNT);
	assert_int_equal(reg(ip.gid[1], 4096, &more), -ENOSPC);
	rte_pmd_ism_dmb_unregister(dmbs[1000]);
	assert_int_equal(reg(ip.gid[1], 4096, &more), 0);
	assert_int_equal(reg(ip.gid[1], 4096, &dmbs[1000]), -ENOSPC);
	assert_int_equal(stats(0).dmb_bytes, (uint64_t)ISM_DMB_COUNT * 4096);
}

static void
test_refused(void **state)
{
	struct rte_pmd_ism_dmb *dmb = NULL;

	(void)state;
	assert_int_equal(reg(0x99, 4096, &dmb), -EHOSTUNREACH);
	assert_int_equal(rte_pmd_ism_dmb_register(63, ip.gid[1], 4096, 0, &dmb), -ENODEV);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 4095, &dmb),
			 -EINVAL);
	assert_null(dmb);
	/* Nothing is left of them. */
	assert_int_equal(stats(0).dmbs, 0);
	assert_int_equal(ism_fn_get(ip.dev_id[0])->iova.count, 1);
}

/* Out of descriptors: one line, -ENOMEM, and everything undone. */
static void
test_no_memory(void **state)
{
	struct rlimit old, none = { .rlim_cur = 3 };
	struct rte_pmd_ism_dmb *dmb = NULL;
	int ret;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ret = reg(ip.gid[1], 4096, &dmb);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(ret, -ENOMEM);
	assert_int_equal(stats(0).dmbs, 0);
	assert_int_equal(reg(ip.gid[1], 4096, &dmb), 0);
	assert_int_equal(dmb->idx, ISM_DMB_IDX_MIN);
}

/* A full DMA window: -ENOMEM each time, one line, and everything undone. */
static void
test_window_full(void **state)
{
	struct ism_fn *fn = ism_fn_get(ip.dev_id[0]);
	struct rte_pmd_ism_dmb *dmb = NULL;
	char *text = NULL, *line;
	size_t size;
	FILE *log;

	(void)state;
	fn->iova.last = fn->iova.first + sizeof(struct ism_ctl_mem) + 4096 - 1;
	log = open_memstream(&text, &size);
	assert_non_null(log);
	rte_openlog_stream(log);
	assert_int_equal(reg(ip.gid[1], 8192, &dmb), -ENOMEM);
	assert_int_equal(reg(ip.gid[1], 8192, &dmb), -ENOMEM);
	rte_openlog_stream(NULL);
	fclose(log);
	line = strstr(text, "no room in the DMA window");
	assert_non_null(line);
	assert_non_null(strstr(line, "for 8192 bytes more: boot with s390_iommu_aperture="));
	assert_null(strstr(line + 1, "no room"));
	free(text);
	assert_int_equal(stats(0).dmbs, 0);
	assert_int_equal(reg(ip.gid[1], 4096, &dmb), 0);
}

/*
 * libc's, under both of its file-offset models: older kernels answer EINTR when a signal comes
 * while they look for the pages of a file in memory.
 */
static unsigned int interruptions;

static int
interrupted_fallocate(int fd, int mode, off_t off, off_t len)
{
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

#define FALLOCATE(name, symbol)                                                                    \
	int name(int fd, int mode, off_t off, off_t len) __asm__(symbol);                          \
	int name(int fd, int mode, off_t off, off_t len)                                           \
	{                                                                                          \
		return interrupted_fallocate(fd, mode, off, len);                                  \
	}
FALLOCATE(fallocate_32, "fallocate")
FALLOCATE(fallocate_64, "fallocate64")

/* Signals are no lack of memory. */
static void
test_signals(void **state)
{
	struct rte_pmd_ism_dmb *dmb;

	(void)state;
	interruptions = 3;
	assert_int_equal(reg(ip.gid[1], 1 << 20, &dmb), 0);
	assert_int_equal(interruptions, 0);
	rte_pmd_ism_dmb_unregister(dmb);
}

static void
test_vlan(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_stats before;

	(void)state;
	/* A VLAN that the peer is not in. */
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 7, &dmb),
			 -EHOSTUNREACH);
	assert_int_equal(ism_cmd_add_vlan(ism_fn_get(ip.dev_id[1]), 7), 0);
	before = stats(0);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 7, &dmb), 0);
	rte_pmd_ism_dmb_unregister(dmb);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 4096, 7, &dmb), 0);
	/* The VLAN was added once, before: REG, UNREG, REG. */
	assert_int_equal(stats(0).commands - before.commands, 3);
}

/* A store that comes late, through a window that is still mapped, meets nobody's memory. */
static void
test_memory_is_not_reused(void **state)
{
	struct rte_pmd_ism_win *win;
	struct rte_pmd_ism_dmb *old, *new;
	uint8_t zero[4096] = { 0 };

	(void)state;
	assert_int_equal(reg(ip.gid[1], 4096, &old), 0);
	assert_int_equal(rte_pmd_ism_win_open(ip.dev_id[1], old->token, 4096, &win), 0);
	assert_non_null(win->mem);
	memset(old->addr, 0x77, 4096);
	rte_pmd_ism_dmb_unregister(old);
	assert_int_equal(reg(ip.gid[1], 4096, &new), 0);
	assert_memory_equal(new->addr, zero, 4096);
	memset(win->mem, 0x66, 4096); /* what a peer that ignores the grant word can do */
	assert_memory_equal(new->addr, zero, 4096);
	rte_pmd_ism_win_close(win);
}

/* Whoever closes without freeing leaves nothing in the fabric. */
static void
test_close_frees(void **state)
{
	struct fabric_fn_stats dev;
	struct rte_pmd_ism_win *win;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(reg(ip.gid[1], 4096, &dmbs[i]), 0);
	assert_int_equal(rte_pmd_ism_win_open(ip.dev_id[1], dmbs[0]->token, 4096, &win), 0);
	rte_pmd_ism_close(ip.dev_id[1]);
	rte_pmd_ism_close(ip.dev_id[0]);
	rte_pmd_ism_close(ip.dev_id[0]);
	fabric_fn_stats(ip.fn[0], &dev);
	assert_int_equal(dev.dmbs_owned, 0);
	assert_int_equal(stats(0).dmbs, 0);
	assert_int_equal(stats(1).windows, 0);
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[0]), 0);
	assert_int_equal(rte_pmd_ism_open(ip.dev_id[0]), -EBUSY);
}

/* --- DMA addresses --- */

static void
test_iova(void **state)
{
	static struct ism_iova iova;
	const uint64_t base = UINT64_C(1) << 32, mib = 1 << 20;
	uint64_t a, b, c, d;

	(void)state;
	ism_iova_init(&iova, base, base + 3 * mib - 1);
	assert_int_equal(ism_iova_alloc(&iova, 8192, &a), 0);
	assert_int_equal(a, base);
	/* Would cross: starts at the boundary. */
	assert_int_equal(ism_iova_alloc(&iova, mib, &b), 0);
	assert_int_equal(b, base + mib);
	/* The gap before it is still good. */
	assert_int_equal(ism_iova_alloc(&iova, mib - 8192, &c), 0);
	assert_int_equal(c, base + 8192);
	assert_int_equal(ism_iova_alloc(&iova, mib, &d), 0);
	assert_int_equal(d, base + 2 * mib);
	assert_int_equal(ism_iova_alloc(&iova, 4096, &d), -ENOMEM);
	ism_iova_free(&iova, b);
	assert_int_equal(ism_iova_alloc(&iova, mib, &b), 0);
	assert_int_equal(b, base + mib);
	ism_iova_free(&iova, a);
	ism_iova_free(&iova, c);
	assert_int_equal(ism_iova_alloc(&iova, mib, &a), 0);
	assert_int_equal(a, base);
}

/* Windows at the ends of the address space: 0 is never given out, and no sum wraps. */
static void
test_iova_extremes(void **state)
{
	static struct ism_iova iova;
	uint64_t a, last = 0;
	unsigned int n;

	(void)state;
	ism_iova_init(&iova, 0, UINT64_MAX);
	for (n = 0; ism_iova_alloc(&iova, 1 << 20, &a) == 0; n++) {
		assert_true(a > last);
		last = a;
	}
	assert_int_equal(n, ISM_IOVA_RANGES);
	ism_iova_init(&iova, UINT64_MAX - 4095, UINT64_MAX);
	assert_int_equal(ism_iova_alloc(&iova, 4096, &a), -ENOMEM);
	ism_iova_init(&iova, 4096, 4095);
	assert_int_equal(ism_iova_alloc(&iova, 4096, &a), -ENOMEM);
	/* A window that begins in the middle of a MiB. */
	ism_iova_init(&iova, 0xff000, 0x2fffff);
	assert_int_equal(ism_iova_alloc(&iova, 8192, &a), 0);
	assert_int_equal(a, 0x100000);
	assert_int_equal(ism_iova_alloc(&iova, 4096, &a), 0);
	assert_int_equal(a, 0xff000);
}

int
main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)
	const struct CMUnitTest tests[] = {
		T(test_lengths, setup),
		cmocka_unit_test(test_limits_are_tried),
		T(test_count, setup),
		T(test_refused, setup),
		T(test_no_memory, setup),
		T(test_window_full, setup),
		T(test_signals, setup),
		T(test_vlan, setup),
		T(test_memory_is_not_reused, setup_direct),
		T(test_close_frees, setup),
		cmocka_unit_test(test_iova),
		cmocka_unit_test(test_iova_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
