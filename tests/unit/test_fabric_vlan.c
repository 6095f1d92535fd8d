/* SPDX-License-Identifier: BSD-3-Clause */
/* VLANs: ids come and go, and with them the right to talk. */
#include "fabric_rig.h"

static uint16_t
add(struct rig_fn *rf, uint64_t id)
{
	return rig_vlan(rf->fn, ISM_CMD_ADD_VLAN_ID, id);
}

static uint16_t
del(struct rig_fn *rf, uint64_t id)
{
	return rig_vlan(rf->fn, ISM_CMD_DEL_VLAN_ID, id);
}

static void
ids(void **state)
{
	struct rig *rig = *state;
	struct ism_query_info_rsp info;
	uint64_t id;

	assert_int_equal(add(&rig->a, 0), ISM_RET_ERROR);
	assert_int_equal(add(&rig->a, 4095), ISM_RET_ERROR);
	assert_int_equal(add(&rig->a, 65537), ISM_RET_ERROR);
	assert_int_equal(add(&rig->a, UINT64_MAX), ISM_RET_ERROR);
	assert_int_equal(del(&rig->a, 5), ISM_RET_ERROR);
	for (id = 1; id <= 64; id++)
		assert_int_equal(add(&rig->a, id), 0);
	assert_int_equal(add(&rig->a, 64), 0); /* has it */
	assert_int_equal(add(&rig->a, 65), ISM_RET_ERROR);
	rig_info(rig->a.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.vlan_nr_ids), 64);
	assert_int_equal(rte_be_to_cpu_16(info.vlan_id[63]), 64);
	assert_int_equal(del(&rig->a, 1), 0);
	assert_int_equal(del(&rig->a, 1), ISM_RET_ERROR);
	assert_int_equal(add(&rig->a, 65), 0);
	rig_info(rig->a.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.vlan_nr_ids), 64);
	assert_int_equal(rte_be_to_cpu_16(info.vlan_id[0]), 2);
	assert_int_equal(rte_be_to_cpu_16(info.vlan_id[63]), 65);
}

/* "ISMv2 capable" is asked for by adding this id; it is no VLAN. */
static void
ismv2(void **state)
{
	struct rig *rig = *state;
	struct ism_query_info_rsp info;

	assert_int_equal(add(&rig->a, 0x1fff), 0);
	rig_info(rig->a.fn, &info);
	assert_int_equal(info.vlan_nr_ids, 0);
	assert_int_equal(del(&rig->a, 0x1fff), 0);

	/* SMC-Dv2 asks for its peers with it, and means that there is no VLAN. */
	assert_int_equal(rig_query_rgid(rig->a.fn, rig->b.gid, 0x1fff), 0);
	assert_int_equal(rig_query_rgid(rig->a.fn, rig->b.gid, 0x1ffe), ISM_RET_ERROR);
	assert_int_equal(rig_query_rgid(rig->a.fn, RIG_GID(9), 0x1fff), ISM_RET_ERROR);
	assert_int_not_equal(rig_reg_dmb_at(rig->a.fn, 32, RIG_IOVA + RIG_DMB, 4096, rig->b.gid,
					    0x1fff),
			     0);
	assert_int_equal(rig_simple(rig->b.fn, ISM_CMD_SET_VLAN), 0);
	assert_int_equal(rig_query_rgid(rig->a.fn, rig->b.gid, 0x1fff), ISM_RET_ERROR);
}

static void
both_need_it(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn *a = rig->a.fn;
	uint64_t iova = RIG_IOVA + RIG_DMB;

	assert_int_equal(rig_query_rgid(a, rig->b.gid, 7), ISM_RET_ERROR);
	assert_int_equal(add(&rig->a, 7), 0);
	assert_int_equal(rig_query_rgid(a, rig->b.gid, 7), ISM_RET_ERROR);
	assert_int_equal(rig_reg_dmb_at(a, 32, iova, 4096, rig->b.gid, 7), 0);
	assert_int_equal(add(&rig->b, 7), 0);
	assert_int_equal(rig_query_rgid(a, rig->b.gid, 7), 0);
	assert_int_not_equal(rig_reg_dmb_at(a, 32, iova, 4096, rig->b.gid, 7), 0);
	assert_int_equal(rig_query_rgid(a, rig->b.gid, 8), ISM_RET_ERROR);
	assert_int_equal(rig_query_rgid(a, rig->b.gid, 4095), ISM_RET_ERROR);
	/* Without a VLAN they can still talk. */
	assert_int_equal(rig_query_rgid(a, rig->b.gid, 0), 0);
}

static void
required(void **state)
{
	struct rig *rig = *state;
	struct ism_query_info_rsp info;

	assert_int_equal(rig_simple(rig->b.fn, ISM_CMD_SET_VLAN), 0);
	rig_info(rig->b.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.vlan_required), 1);
	assert_int_equal(rig_query_rgid(rig->a.fn, rig->b.gid, 0), ISM_RET_ERROR);
	assert_int_equal(rig_query_rgid(rig->b.fn, rig->a.gid, 0), ISM_RET_ERROR);
	assert_int_equal(rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid), 0);
	assert_int_equal(rig_simple(rig->b.fn, ISM_CMD_RESET_VLAN), 0);
	assert_int_equal(rig_query_rgid(rig->a.fn, rig->b.gid, 0), 0);
}

/* Taking a VLAN away ends what was built on it; the other side is told. */
static void
taken_away(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	uint64_t on_vlan, plain;

	assert_int_equal(add(&rig->a, 7), 0);
	assert_int_equal(add(&rig->b, 7), 0);
	on_vlan = rig_reg_dmb_at(rig->a.fn, 32, RIG_IOVA + RIG_DMB, 4096, rig->b.gid, 7);
	plain = rig_reg_dmb(&rig->a, 33, RIG_DMB + 4096, 4096, rig->b.gid);

	assert_int_equal(del(&rig->a, 7), 0); /* the owner */
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x05, on_vlan, 0);
	rig_expect_no_event(&rig->b);
	assert_int_equal(rig_store(rig->b.fn, on_vlan, 0, data, 16), -EIO);
	assert_int_equal(rig_store(rig->b.fn, plain, 0, data, 16), 0);
	/* It does not come back. */
	assert_int_equal(add(&rig->a, 7), 0);
	assert_int_equal(rig_store(rig->b.fn, on_vlan, 0, data, 16), -EIO);

	assert_int_equal(rig_unreg_dmb(rig->a.fn, on_vlan), 0);
	on_vlan = rig_reg_dmb_at(rig->a.fn, 32, RIG_IOVA + RIG_DMB, 4096, rig->b.gid, 7);
	assert_int_equal(del(&rig->b, 7), 0); /* the user */
	rig_expect_event(&rig->a, ISM_EVENT_BUFFER, 0x06, on_vlan, 0);
	assert_int_equal(rig_store(rig->b.fn, on_vlan, 0, data, 16), -EIO);

	assert_int_equal(rig_simple(rig->a.fn, ISM_CMD_SET_VLAN), 0);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x05, plain, 0);
	assert_int_equal(rig_store(rig->b.fn, plain, 0, data, 16), -EIO);
}

static void
configured(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_conf conf = {
		.name = "conf",
		.vlans = { 9, 10, 9 },
		.vlan_count = 3,
	};
	struct ism_query_info_rsp info;
	struct fabric_fn *fn;
	int round;

	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), 0);
	for (round = 0; round < 2; round++) {
		assert_int_equal(fabric_fn_attach(fn), 0);
		rig_info(fn, &info);
		assert_int_equal(rte_be_to_cpu_32(info.vlan_nr_ids), 2);
		assert_int_equal(rig_vlan(fn, ISM_CMD_DEL_VLAN_ID, 9), 0);
		fabric_fn_detach(fn);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(ids),	    RIG_TEST(ismv2),	  RIG_TEST(both_need_it),
		RIG_TEST(required), RIG_TEST(taken_away), RIG_TEST(configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
