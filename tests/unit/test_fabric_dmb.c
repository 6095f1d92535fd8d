/* SPDX-License-Identifier: BSD-3-Clause */
/* DMBs: what can be registered, tokens, and how the right to write ends. */
#include "fabric_rig.h"

#define MIB (1u << 20)

static void
what_fits(void **state)
{
	struct rig *rig = *state;
	struct rig_fn *a = &rig->a;
	uint64_t peer = rig->b.gid;

	assert_int_not_equal(rig_reg_dmb(a, 32, RIG_DMB, MIB, peer), 0);
	assert_int_not_equal(rig_reg_dmb(a, 1919, 2 * MIB + 4096, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 32, 2 * MIB, 4096, peer), 0); /* index taken */
	assert_int_equal(rig_reg_dmb(a, 31, 2 * MIB, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 0, 2 * MIB, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 1920, 2 * MIB, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, UINT32_MAX, 2 * MIB, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, 0, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, 4104, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, MIB + 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, UINT32_MAX, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB + 8, 4096, peer), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 3 * MIB - 4096, 8192, peer), 0); /* boundary */
	assert_int_equal(rig_reg_dmb(a, 40, RIG_MEM, 4096, peer), 0); /* no map */
	assert_int_equal(rig_reg_dmb_at(a->fn, 40, 0, 4096, peer, 0), 0);
	assert_int_equal(rig_reg_dmb_at(a->fn, 40, UINT64_MAX - 4095, 4096, peer, 0), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, 4096, 0), 0);
	assert_int_equal(rig_reg_dmb(a, 40, 2 * MIB, 4096, RIG_GID(9)), 0);
	assert_int_not_equal(rig_reg_dmb(a, 40, 2 * MIB, 4096, peer), 0);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
limit_and_tokens(void **state)
{
	struct rig *rig = *state;
	static uint64_t token[2 * ISM_DMB_COUNT];
	struct ism_query_info_rsp info;
	unsigned int i, n = 0;

	for (i = ISM_DMB_IDX_MIN; i <= ISM_DMB_IDX_MAX; i++) {
		token[n++] = rig_reg_dmb(&rig->a, i, RIG_DMB, 4096, rig->b.gid);
		token[n++] = rig_reg_dmb(&rig->b, i, RIG_DMB, 4096, rig->a.gid);
	}
	assert_int_equal(n, 2 * 1888);
	rig_info(rig->a.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_owned), 1888);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_used), 1888);
	/* No index is left. */
	for (i = 0; i < 2048; i++)
		assert_int_equal(rig_reg_dmb(&rig->a, i, RIG_DMB, 4096, rig->b.gid), 0);
	qsort(token, n, sizeof(token[0]), compare);
	for (i = 0; i < n; i++) {
		assert_int_not_equal(token[i], 0);
		assert_int_equal(token[i] & UINT32_MAX, 0);
		assert_true(token[i] < UINT64_C(1) << 48);
		if (i > 0)
			assert_int_not_equal(token[i], token[i - 1]);
	}
}

/* A token comes again only after all others: a stale one stays unknown for long. */
static void
late_reuse(void **state)
{
	struct rig *rig = *state;
	uint64_t first = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid), token;
	uint64_t kept = rig_reg_dmb(&rig->a, 33, RIG_DMB, 4096, rig->b.gid);
	unsigned int n = 2;

	assert_int_equal(rig_unreg_dmb(rig->a.fn, first), 0);
	for (;;) {
		token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
		assert_int_not_equal(token, 0);
		assert_int_not_equal(token, kept);
		assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
		if (token == first)
			break;
		n++;
	}
	assert_int_equal(n, 65535);
}

static void
only_rgid_may_write(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	struct rig_fn c;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);

	rig_fn_init(&c, rig->fab, 2, false);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), 0);
	assert_int_equal(rig_store(c.fn, token, 0, data, 16), -EIO);
	assert_int_equal(rig_store(rig->a.fn, token, 0, data, 16), -EIO); /* not even the owner */
	assert_memory_equal(rig->a.mem + RIG_DMB, data, 16);
	rig_fn_fini(&c);
}

static void
unreg_revokes(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);

	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), -EIO);
	assert_int_equal(*(uint64_t *)(void *)(rig->a.mem + RIG_DMB), 0);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x04, token, 0);
	rig_expect_no_event(&rig->b);
	rig_expect_no_event(&rig->a);
}

static void
collect(void *arg, void *addr, uint64_t len)
{
	struct {
		void *addr;
		uint64_t len;
	} *got = arg;

	got->addr = addr;
	got->len = len;
}

static void
unmap_revokes(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	struct fabric_fn *fn = rig->a.fn;
	struct ism_query_info_rsp info;
	uint64_t token, iova = RIG_IOVA + 2 * RIG_MEM;
	uint8_t *extra = aligned_alloc(4096, 3 * 4096);
	struct {
		void *addr;
		uint64_t len;
	} got = { NULL, 0 };
	unsigned int i;

	/* Three maps, pages in memory the other way round; a DMB over all of them. */
	for (i = 0; i < 3; i++)
		assert_int_equal(fabric_fn_dma_map(fn, iova + i * 4096, 4096,
						   extra + (2 - i) * 4096, -1, 0),
				 0);
	token = rig_reg_dmb_at(fn, 50, iova, 3 * 4096, rig->b.gid, 0);
	assert_int_not_equal(token, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(rig_store(rig->b.fn, token, i * 4096 + 64, data, 16), 0);
	assert_memory_equal(extra + 2 * 4096 + 64, data, 16);

	assert_int_equal(fabric_fn_dma_unmap(fn, iova + 4096, 100, NULL, NULL), -EINVAL);
	assert_int_equal(fabric_fn_dma_unmap(fn, iova + 4 * 4096, 4096, NULL, NULL), -ENOENT);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), 0);
	assert_int_equal(fabric_fn_dma_unmap(fn, iova + 4096, 4096, collect, &got), 0);
	assert_ptr_equal(got.addr, extra + 4096);
	assert_int_equal(got.len, 4096);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), -EIO);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x04, token, 0);
	assert_int_equal(rig_unreg_dmb(fn, token), ISM_RET_ERROR);

	/* SBA and IEQ go with their memory as well. */
	assert_int_equal(fabric_fn_dma_unmap(fn, RIG_IOVA, RIG_MEM, NULL, NULL), 0);
	rig_info(fn, &info);
	assert_int_equal(info.sba, 0);
	assert_int_equal(info.ieq, 0);
	assert_int_equal(info.ieq_len, 0);
	assert_int_equal(rig_signal_ieq(rig->b.fn, rig->a.gid, 0, 1, 1), ISM_RET_ERROR);
	free(extra);
}

static void
detach_revokes(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	uint64_t mine = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	uint64_t theirs = rig_reg_dmb(&rig->b, 32, RIG_DMB, 4096, rig->a.gid);
	struct ism_query_info_rsp info;

	fabric_fn_detach(rig->a.fn);
	assert_int_equal(rig_store(rig->b.fn, mine, 0, data, 16), -EIO);
	assert_int_equal(rig_store(rig->a.fn, theirs, 0, data, 16), -ENODEV);
	/* A new program of the same function starts with nothing. */
	rig_attach(&rig->a);
	rig_info(rig->a.fn, &info);
	assert_int_equal(info.dmbs_owned, 0);
	assert_int_equal(info.dmbs_used, 0);
	assert_int_equal(rig_store(rig->a.fn, theirs, 0, data, 16), -EIO);
	/* Its index is still b's to free. */
	assert_int_equal(rig_reg_dmb(&rig->b, 32, RIG_DMB, 4096, rig->a.gid), 0);
	assert_int_equal(rig_unreg_dmb(rig->b.fn, theirs), 0);
	assert_int_not_equal(rig_reg_dmb(&rig->b, 32, RIG_DMB, 4096, rig->a.gid), 0);
}

static void
reset_keeps_maps(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	struct fabric_fn_stats stats;

	fabric_fn_reset(rig->a.fn);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), -EIO);
	rig_bring_up(&rig->a);
	token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), 0);
	fabric_fn_stats(rig->a.fn, &stats);
	assert_int_equal(stats.resets, 1);
	assert_int_equal(stats.attaches, 1);
	assert_int_equal(stats.dmbs_owned, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(what_fits),	       RIG_TEST(limit_and_tokens), RIG_TEST(late_reuse),
		RIG_TEST(only_rgid_may_write), RIG_TEST(unreg_revokes),	   RIG_TEST(unmap_revokes),
		RIG_TEST(detach_revokes),      RIG_TEST(reset_keeps_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
