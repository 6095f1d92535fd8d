/* SPDX-License-Identifier: BSD-3-Clause */
/* The command area and every command of SPEC-ism section 3. */
#include "fabric_rig.h"
#include "ism_gid.h"

/* What a load of 8 bytes at 0 shows. */
static struct ism_rsp_hdr
area_hdr(struct fabric_fn *fn)
{
	struct ism_rsp_hdr hdr;

	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, &hdr, sizeof(hdr)), 0);
	return hdr;
}

static void
assert_idle(struct fabric_fn *fn)
{
	struct ism_rsp_hdr hdr = area_hdr(fn);

	assert_int_equal(hdr.cmd, 0);
	assert_int_equal(rte_be_to_cpu_16(hdr.ret), ISM_RET_ERROR);
	assert_int_equal(rte_be_to_cpu_16(hdr.len), 8);
}

static void
idle_area(void **state)
{
	struct rig *rig = *state;
	uint64_t body = 1;

	fabric_fn_reset(rig->a.fn);
	assert_idle(rig->a.fn);
	assert_int_equal(rig_simple(rig->a.fn, ISM_CMD_SET_VLAN), 0);
	/* A body alone starts nothing, and hides the old response. */
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 8, &body, 8), 0);
	assert_idle(rig->a.fn);
}

static void
area_bounds(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn *fn = rig->a.fn;
	uint8_t buf[FABRIC_BAR2_SIZE + 8] = { 0 };

	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 8, buf, FABRIC_BAR2_SIZE - 8), 0);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 0, buf, FABRIC_BAR2_SIZE), 0);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 8, buf, FABRIC_BAR2_SIZE), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 0, buf, FABRIC_BAR2_SIZE + 8),
			 -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, FABRIC_BAR2_SIZE, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, UINT64_MAX - 7, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 8, buf, 0), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 8, buf, 4), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 4, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_store(fn, 1, 0, buf, 8), -EINVAL);

	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, FABRIC_BAR2_SIZE - 8, buf, 8), 0);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 200, buf, 8), 0);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, buf, 1), 0);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, FABRIC_BAR2_SIZE, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, UINT64_MAX - 7, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 4, buf, 8), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, buf, 16), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, buf, 3), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, buf, 0), -EINVAL);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_DATA, 0, buf, 8), -EINVAL);
}

/* A request of that command and length, sent in one store. @return ret. */
static uint16_t
send_raw(struct fabric_fn *fn, uint32_t cmd, uint16_t len)
{
	uint8_t buf[64] = { 0 };
	struct ism_req_hdr hdr = {
		.cmd = rte_cpu_to_be_32(cmd),
		.len = rte_cpu_to_be_16(len),
	};

	memcpy(buf, &hdr, sizeof(hdr));
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 0, buf, sizeof(buf)), 0);
	assert_int_equal(rte_be_to_cpu_32(area_hdr(fn).cmd), cmd);
	return rte_be_to_cpu_16(area_hdr(fn).ret);
}

static void
unknown_and_short(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_stats before, after;
	uint32_t cmd;

	fabric_fn_stats(rig->a.fn, &before);
	for (cmd = 0; cmd < 64; cmd++) {
		if (ism_req_len(cmd) == 0)
			assert_int_equal(send_raw(rig->a.fn, cmd, 64), ISM_RET_ERROR);
		else
			assert_int_equal(send_raw(rig->a.fn, cmd, ism_req_len(cmd) - 1),
					 ISM_RET_ERROR);
	}
	assert_int_equal(send_raw(rig->a.fn, UINT32_MAX, 64), ISM_RET_ERROR);
	assert_int_equal(send_raw(rig->a.fn, ISM_CMD_READ_GID, 0), ISM_RET_ERROR);
	assert_int_equal(send_raw(rig->a.fn, ISM_CMD_READ_GID, 4097), ISM_RET_ERROR);
	/* Linux pads its requests to 16 bytes. */
	assert_int_equal(send_raw(rig->a.fn, ISM_CMD_READ_GID, 16), 0);
	fabric_fn_stats(rig->a.fn, &after);
	assert_int_equal(after.commands - before.commands, 64 + 4);
	assert_int_equal(after.command_errors - before.command_errors, 64 + 3);
}

static void
gid(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_conf conf = { .name = "by-name" };
	struct ism_simple_req req;
	struct ism_read_gid_rsp rsp;
	struct fabric_fn *fn;

	assert_int_equal(rig_cmd(rig->a.fn, ISM_CMD_READ_GID, &req, sizeof(req), &rsp, sizeof(rsp)),
			 0);
	assert_int_equal(rte_be_to_cpu_64(rsp.gid), RIG_GID(0));
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), 0);
	assert_int_equal(fabric_fn_gid(fn), ism_gid_from_name("by-name"));
}

static void
sba(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn *fn = rig->a.fn;

	assert_int_equal(rig_reg_sba(fn, RIG_IOVA + 3 * RIG_PAGE), ISM_RET_ERROR); /* has one */
	assert_int_equal(rig_simple(fn, ISM_CMD_UNREG_SBA), 0);
	assert_int_equal(rig_simple(fn, ISM_CMD_UNREG_SBA), ISM_RET_ERROR);
	assert_int_equal(rig_reg_sba(fn, 0), ISM_RET_ERROR);
	assert_int_equal(rig_reg_sba(fn, RIG_IOVA + 8), ISM_RET_ERROR); /* alignment */
	assert_int_equal(rig_reg_sba(fn, RIG_IOVA + RIG_MEM), ISM_RET_ERROR); /* no map */
	assert_int_equal(rig_reg_sba(fn, UINT64_MAX - 4095), ISM_RET_ERROR);
	assert_int_equal(rig_reg_sba(fn, RIG_IOVA + 3 * RIG_PAGE), 0);
}

static void
ieq(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn *fn = rig->a.fn;
	uint64_t iova = RIG_IOVA + 3 * RIG_PAGE;

	assert_int_equal(rig_reg_ieq(fn, iova, 512), ISM_RET_ERROR); /* has one */
	assert_int_equal(rig_simple(fn, ISM_CMD_UNREG_IEQ), 0);
	assert_int_equal(rig_simple(fn, ISM_CMD_UNREG_IEQ), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, 0, 512), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, iova + 512, 512), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, iova, 511), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, iova, 4097), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, iova, UINT64_MAX), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, RIG_IOVA + RIG_MEM, 512), ISM_RET_ERROR);
	assert_int_equal(rig_reg_ieq(fn, iova, 4096), 0);
	/* Unregistered: nobody can signal it. */
	assert_int_equal(rig_simple(fn, ISM_CMD_UNREG_IEQ), 0);
	assert_int_equal(rig_signal_ieq(rig->b.fn, RIG_GID(0), 0, 1, 2), ISM_RET_ERROR);
}

static void
query_info(void **state)
{
	struct rig *rig = *state;
	struct ism_query_info_rsp info;
	uint64_t token;

	assert_int_equal(rig_vlan(rig->a.fn, ISM_CMD_ADD_VLAN_ID, 7), 0);
	assert_int_equal(rig_vlan(rig->a.fn, ISM_CMD_ADD_VLAN_ID, 4094), 0);
	token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 8192, RIG_GID(1));
	assert_int_not_equal(token, 0);
	assert_int_not_equal(rig_reg_dmb(&rig->a, 33, RIG_DMB, 8192, RIG_GID(1)), 0);
	assert_int_not_equal(rig_reg_dmb(&rig->b, 32, RIG_DMB, 8192, RIG_GID(0)), 0);

	rig_info(rig->a.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.version), 1);
	assert_int_equal(rte_be_to_cpu_32(info.max_len), 1 << 20);
	assert_int_equal(rte_be_to_cpu_64(info.ism_state), 1);
	assert_int_equal(rte_be_to_cpu_64(info.my_gid), RIG_GID(0));
	assert_int_equal(rte_be_to_cpu_64(info.sba), RIG_IOVA);
	assert_int_equal(rte_be_to_cpu_64(info.ieq), RIG_IOVA + RIG_PAGE);
	assert_int_equal(rte_be_to_cpu_32(info.ieq_len), 512);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_owned), 2);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_used), 1);
	assert_int_equal(rte_be_to_cpu_32(info.vlan_required), 0);
	assert_int_equal(rte_be_to_cpu_32(info.vlan_nr_ids), 2);
	assert_int_equal(rte_be_to_cpu_16(info.vlan_id[0]), 7);
	assert_int_equal(rte_be_to_cpu_16(info.vlan_id[1]), 4094);
	assert_int_equal(info.vlan_id[2], 0);

	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
	rig_info(rig->b.fn, &info);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_owned), 1);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_used), 1);
}

static void
query_rgid(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_query_rgid(rig->a.fn, RIG_GID(1), 0), 0);
	assert_int_equal(rig_query_rgid(rig->a.fn, RIG_GID(7), 0), ISM_RET_ERROR);
	assert_int_equal(rig_query_rgid(rig->a.fn, 0, 0), ISM_RET_ERROR);
	fabric_fn_detach(rig->b.fn);
	assert_int_equal(rig_query_rgid(rig->a.fn, RIG_GID(1), 0), ISM_RET_ERROR);
	assert_int_equal(rig_signal_ieq(rig->a.fn, RIG_GID(1), 0, 1, 2), ISM_RET_ERROR);
	assert_int_equal(rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, RIG_GID(1)), 0);
}

static void
unreg_dmb_of_others(void **state)
{
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, RIG_GID(1));

	assert_int_equal(rig_unreg_dmb(rig->b.fn, token), ISM_RET_ERROR);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token | 1), ISM_RET_ERROR);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token + (UINT64_C(1) << 48)), ISM_RET_ERROR);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, 0), ISM_RET_ERROR);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), ISM_RET_ERROR);
}

/* The body of one command must not become that of the next. */
static void
no_leftovers(void **state)
{
	struct rig *rig = *state;
	struct ism_vlan_req req = { .vlan_id = rte_cpu_to_be_64(5) };
	struct ism_simple_rsp rsp;

	assert_int_equal(rig_cmd(rig->a.fn, ISM_CMD_ADD_VLAN_ID, &req, sizeof(req), &rsp,
				 sizeof(rsp)),
			 0);
	ism_req_hdr_set(&req.hdr, ISM_CMD_DEL_VLAN_ID, sizeof(req));
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 0, &req.hdr, 8), 0);
	assert_int_equal(rte_be_to_cpu_16(area_hdr(rig->a.fn).ret), ISM_RET_ERROR);
}

/* SPEC-ism sections 10.5, 10.7: pieces of 8 reversed bytes, run at the first load of offset 0. */
static void
quirk_pcistb(void **state)
{
	struct rig *rig = *state;
	struct rig_fn c;
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(RIG_IOVA + RIG_DMB),
		.len = rte_cpu_to_be_32(4096),
		.sba_idx = rte_cpu_to_be_32(40),
		.rgid = rte_cpu_to_be_64(RIG_GID(1)),
	};
	uint64_t word[sizeof(req) / 8], token;
	struct fabric_fn_stats stats;
	unsigned int i;

	rig_fn_init(&c, rig->fab, 2, true);
	ism_req_hdr_set(&req.hdr, ISM_CMD_REG_DMB, sizeof(req));
	memcpy(word, &req, sizeof(req));
	for (i = 0; i < RTE_DIM(word); i++)
		word[i] = __builtin_bswap64(word[i]);
	for (i = 2; i < RTE_DIM(word); i++)
		assert_int_equal(fabric_fn_store(c.fn, FABRIC_BAR_CMD, i * 8, &word[i], 8), 0);
	assert_int_equal(fabric_fn_store(c.fn, FABRIC_BAR_CMD, 0, &word[0], 8), 0);
	fabric_fn_stats(c.fn, &stats);
	assert_int_equal(stats.commands, 2); /* SBA and IEQ of the set-up */
	assert_int_equal(fabric_fn_store(c.fn, FABRIC_BAR_CMD, 8, &word[1], 8), 0);
	assert_int_equal(area_hdr(c.fn).ret, 0);
	fabric_fn_stats(c.fn, &stats);
	assert_int_equal(stats.commands, 3);
	/* Loads are not reversed. */
	assert_int_equal(fabric_fn_load(c.fn, FABRIC_BAR_CMD, 8, &token, 8), 0);
	assert_int_equal(rig_store(rig->b.fn, rte_be_to_cpu_64(token), 0, word, 16), 0);
	/* The command ran once. */
	assert_int_equal(area_hdr(c.fn).ret, 0);
	fabric_fn_stats(c.fn, &stats);
	assert_int_equal(stats.commands, 3);
	rig_fn_fini(&c);
}

static void
not_attached(void **state)
{
	struct rig *rig = *state;
	uint64_t word = 0;

	fabric_fn_detach(rig->a.fn);
	assert_int_equal(fabric_fn_load(rig->a.fn, FABRIC_BAR_CMD, 0, &word, 8), -ENODEV);
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 8, &word, 8), -ENODEV);
	assert_int_equal(fabric_fn_dma_map(rig->a.fn, RIG_IOVA, RIG_MEM, rig->a.mem, -1, 0),
			 -ENODEV);
	fabric_fn_reset(rig->a.fn);
	assert_int_equal(fabric_fn_load(rig->a.fn, FABRIC_BAR_CMD, 0, &word, 8), -ENODEV);
	assert_int_equal(fabric_fn_attach(rig->a.fn), 0);
	assert_int_equal(fabric_fn_attach(rig->a.fn), -EBUSY);
	assert_idle(rig->a.fn);
}

static void
bad_conf(void **state)
{
	static const char *const bad[] = { "",	  "a b",  "a.b",
					   "a/b", "\xff", "a2345678901234567890123456789012" };
	struct rig *rig = *state;
	struct fabric_fn_conf conf = { .name = NULL };
	struct fabric_fn *fn = NULL;
	unsigned int i;

	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	for (i = 0; i < RTE_DIM(bad); i++) {
		conf.name = bad[i];
		assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	}
	conf.name = "a234567890123456789012345678901"; /* 31 */
	conf.maxstbl = 8;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.maxstbl = 4104;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.maxstbl = 20;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.maxstbl = 128;
	conf.vlan_count = 1;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.vlans[0] = 4095;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.vlan_count = FABRIC_VLANS_MAX + 1;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EINVAL);
	conf.vlan_count = 0;
	conf.gid = RIG_GID(1);
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EEXIST);
	conf.gid = 0;
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), 0);
	assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn), -EEXIST);
	assert_ptr_equal(fabric_fn_by_name(rig->fab, conf.name), fn);
	assert_string_equal(fabric_fn_name(fn), conf.name);
	fabric_fn_remove(fn);
	assert_null(fabric_fn_by_name(rig->fab, conf.name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(idle_area),	RIG_TEST(area_bounds),	RIG_TEST(unknown_and_short),
		RIG_TEST(gid),		RIG_TEST(sba),		RIG_TEST(ieq),
		RIG_TEST(query_info),	RIG_TEST(query_rgid),	RIG_TEST(unreg_dmb_of_others),
		RIG_TEST(no_leftovers), RIG_TEST(quirk_pcistb), RIG_TEST(not_attached),
		RIG_TEST(bad_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
