/* SPDX-License-Identifier: BSD-3-Clause */
/* BAR 0: the rules of SPEC-ism section 7, bounds, signals, counters. */
#include "fabric_rig.h"

#define DMB_LEN 16384u
#define IDX 77u

static uint64_t token;
static uint8_t data[4096 + 16];

static int
setup(void **state)
{
	struct rig *rig;
	unsigned int i;

	rig_setup(state);
	rig = *state;
	token = rig_reg_dmb(&rig->a, IDX, RIG_DMB, DMB_LEN, rig->b.gid);
	assert_int_not_equal(token, 0);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 1);
	return 0;
}

static int
store(struct rig *rig, uint32_t off, size_t len)
{
	return rig_store(rig->b.fn, token, off, data, len);
}

static void
shape(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(store(rig, 0, 16), 0);
	assert_int_equal(store(rig, 0, 24), 0);
	assert_int_equal(store(rig, 0, 4096), 0);
	assert_int_equal(store(rig, 4080, 16), 0);
	assert_int_equal(store(rig, 0, 8), -EINVAL);
	assert_int_equal(store(rig, 0, 0), -EINVAL); /* and no signal */
	assert_int_equal(store(rig, 0, 20), -EINVAL);
	assert_int_equal(store(rig, 4, 16), -EINVAL);
	assert_int_equal(store(rig, 0, 4104), -EINVAL);
	assert_int_equal(store(rig, 4088, 16), -EINVAL); /* crosses a page */
	assert_int_equal(store(rig, 8, 4096), -EINVAL);
}

static void
bounds(void **state)
{
	struct rig *rig = *state;
	uint8_t *end = rig->a.mem + RIG_DMB + DMB_LEN;

	memset(end, 0xee, 64);
	assert_int_equal(store(rig, DMB_LEN - 16, 16), 0);
	assert_int_equal(store(rig, DMB_LEN, 16), -EIO);
	assert_int_equal(store(rig, ISM_ADDR_OFF_MAX - 15, 16), -EIO);
	assert_int_equal(end[0], 0xee);
	assert_int_equal(rig_store(rig->b.fn, token + (UINT64_C(1) << 32), 0, data, 16), -EIO);
	assert_int_equal(rig_store(rig->b.fn, 0, 0, data, 16), -EIO);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA, FABRIC_BAR0_SIZE + token, data,
					 16),
			 -EINVAL);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA, UINT64_MAX - 15, data, 16),
			 -EINVAL);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 16, false, 0), data, 16),
			 -EIO);
}

static void
lands_where_it_should(void **state)
{
	struct rig *rig = *state;
	uint8_t *dmb = rig->a.mem + RIG_DMB, *expected = calloc(1, DMB_LEN);
	uint32_t off, len;

	assert_non_null(expected);
	for (off = 0, len = 16; off + len <= DMB_LEN; off += 536, len += 40) {
		if (off % 4096 + len > 4096)
			continue;
		assert_int_equal(rig_store(rig->b.fn, token, off, data + off % 7, len), 0);
		memcpy(expected + off, data + off % 7, len);
		assert_memory_equal(dmb, expected, DMB_LEN);
	}
	free(expected);
}

static void
signals(void **state)
{
	struct rig *rig = *state;
	struct ism_sba *sba = rig->a.sba;
	unsigned int irqs = rig->a.irqs;

	assert_int_equal(store(rig, 0, 16), 0);
	assert_false(ism_sba_pending(sba));
	assert_int_equal(rig->a.irqs, irqs);

	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 3, true, 64), data, 16),
			 0);
	assert_int_equal(rig->a.irqs, irqs + 1);
	assert_true(ism_sba_take_summary(sba));
	assert_int_equal(ism_sba_take_dmb(sba, 0), IDX);
	assert_int_equal(ism_sba_take_mask(sba, IDX), 0x1000);
	assert_int_equal(ism_sba_take_dmb(sba, 0), ISM_NR_DMBS);
	assert_memory_equal(rig->a.mem + RIG_DMB + 64, data, 16);

	/* A pure signal; two of them become one. */
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 0, true, 0), NULL, 0),
			 0);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 15, true, 0), NULL, 0),
			 0);
	assert_int_equal(ism_sba_take_dmb(sba, 0), IDX);
	assert_int_equal(ism_sba_take_mask(sba, IDX), 0x8001);

	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 16, true, 0), data, 16),
			 -EIO);
	assert_int_equal(ism_sba_take_dmb(sba, 0), ISM_NR_DMBS);

	/* Without an SBA data still lands. */
	assert_int_equal(rig_simple(rig->a.fn, ISM_CMD_UNREG_SBA), 0);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 0, true, 128), data, 16),
			 0);
	assert_memory_equal(rig->a.mem + RIG_DMB + 128, data, 16);
	assert_int_equal(ism_sba_take_dmb(sba, 0), ISM_NR_DMBS);
}

static void
quirk_reverses_words(void **state)
{
	static const uint8_t expected[8] = { 8, 7, 6, 5, 4, 3, 2, 1 };
	static const uint8_t piece[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct rig *rig = *state;

	assert_int_equal(rig_store(rig->b.fn, token, 8, piece, 8), -EINVAL);
	fabric_fn_set_quirk(rig->b.fn, true);
	assert_int_equal(rig_store(rig->b.fn, token, 8, piece, 8), 0);
	assert_memory_equal(rig->a.mem + RIG_DMB + 8, expected, 8);
}

/* Plain PCI stores, which only QEMU hands on: part of a word, and nothing beside it. */
static void
quirk_takes_parts(void **state)
{
	static const uint8_t piece[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t expected[8] = { 1, 0xee, 2, 1, 4, 3, 2, 1 };
	struct rig *rig = *state;
	uint8_t *dst = rig->a.mem + RIG_DMB;
	size_t len;

	for (len = 1; len < 8; len++)
		assert_int_equal(rig_store(rig->b.fn, token, 0, piece, len), -EINVAL);
	fabric_fn_set_quirk(rig->b.fn, true);
	memset(dst, 0xee, 16);
	assert_int_equal(rig_store(rig->b.fn, token, 0, piece, 1), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 2, piece, 2), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 4, piece, 4), 0);
	assert_memory_equal(dst, expected, 8);
	assert_int_equal(dst[8], 0xee);
	assert_int_equal(rig_store(rig->b.fn, token, DMB_LEN - 1, piece, 1), 0);
	assert_int_equal(rig->a.mem[RIG_DMB + DMB_LEN - 1], 1);

	assert_int_equal(rig_store(rig->b.fn, token, 0, piece, 3), -EINVAL);
	assert_int_equal(rig_store(rig->b.fn, token, 2, piece, 4), -EINVAL);
	assert_int_equal(rig_store(rig->b.fn, token, 1, piece, 2), -EINVAL);
	assert_int_equal(rig_store(rig->b.fn, token, 4, piece, 8), -EINVAL);
	assert_int_equal(rig_store(rig->b.fn, token, DMB_LEN, piece, 1), -EIO);
	assert_memory_equal(dst, expected, 8);
}

static void
short_maxstbl(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_conf conf = { .name = "short", .gid = RIG_GID(5), .maxstbl = 128 };
	struct fabric_fn *fn;
	uint64_t tok;

	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), 0);
	assert_int_equal(fabric_fn_attach(fn), 0);
	tok = rig_reg_dmb(&rig->a, IDX + 1, RIG_DMB, 4096, RIG_GID(5));
	assert_int_equal(rig_store(fn, tok, 0, data, 128), 0);
	assert_int_equal(rig_store(fn, tok, 0, data, 136), -EINVAL);
}

static void
counters(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_stats st;

	assert_int_equal(store(rig, 0, 16), 0);
	assert_int_equal(store(rig, 0, 4096), 0);
	assert_int_equal(store(rig, DMB_LEN, 16), -EIO);
	assert_int_equal(store(rig, 0, 17), -EINVAL);
	fabric_fn_stats(rig->b.fn, &st);
	assert_int_equal(st.stores, 2);
	assert_int_equal(st.store_bytes, 4112);
	assert_int_equal(st.store_errors, 2);
	assert_int_equal(st.dmbs_used, 1);
	fabric_fn_stats(rig->a.fn, &st);
	assert_int_equal(st.stores, 0);
	assert_int_equal(st.dmbs_owned, 1);
}

/* A program may register a DMB for itself. */
static void
own_gid(void **state)
{
	struct rig *rig = *state;
	uint64_t tok = rig_reg_dmb(&rig->a, 500, RIG_DMB + DMB_LEN, 4096, rig->a.gid);

	assert_int_not_equal(tok, 0);
	assert_int_equal(rig_store(rig->a.fn, tok, 0, data, 16), 0);
	assert_memory_equal(rig->a.mem + RIG_DMB + DMB_LEN, data, 16);
	fabric_fn_detach(rig->a.fn);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(shape),
		STORE_TEST(bounds),
		STORE_TEST(lands_where_it_should),
		STORE_TEST(signals),
		STORE_TEST(quirk_reverses_words),
		STORE_TEST(quirk_takes_parts),
		STORE_TEST(short_maxstbl),
		STORE_TEST(counters),
		STORE_TEST(own_gid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
