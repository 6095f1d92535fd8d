/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/ism: layouts, store addresses, GIDs. The numbers are SPEC-ism's, written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_gid.h"
#include "ism_sba.h"

static void
header_bytes(void **state)
{
	static const uint8_t expected[8] = { 0, 0, 0, 0x0a, 0, 0, 0, 40 };
	struct ism_req_hdr hdr;

	memset(&hdr, 0xff, sizeof(hdr));
	ism_req_hdr_set(&hdr, ISM_CMD_REG_DMB, 40);
	assert_memory_equal(&hdr, expected, sizeof(expected));
}

static void
offsets(void **state)
{
	assert_int_equal(offsetof(struct ism_reg_dmb_req, dmb), 8);
	assert_int_equal(offsetof(struct ism_reg_dmb_req, len), 16);
	assert_int_equal(offsetof(struct ism_reg_dmb_req, sba_idx), 20);
	assert_int_equal(offsetof(struct ism_reg_dmb_req, vlan_valid), 24);
	assert_int_equal(offsetof(struct ism_reg_dmb_req, vlan_id), 28);
	assert_int_equal(offsetof(struct ism_reg_dmb_req, rgid), 32);
	assert_int_equal(offsetof(struct ism_signal_ieq_req, trigger_irq), 16);
	assert_int_equal(offsetof(struct ism_signal_ieq_req, event_code), 20);
	assert_int_equal(offsetof(struct ism_signal_ieq_req, info), 24);
	assert_int_equal(offsetof(struct ism_query_info_rsp, max_len), 12);
	assert_int_equal(offsetof(struct ism_query_info_rsp, ism_state), 16);
	assert_int_equal(offsetof(struct ism_query_info_rsp, my_gid), 24);
	assert_int_equal(offsetof(struct ism_query_info_rsp, dmbs_owned), 56);
	assert_int_equal(offsetof(struct ism_query_info_rsp, vlan_id), 72);
}

static void
request_lengths(void **state)
{
	static const struct {
		uint32_t cmd;
		uint16_t len;
	} rows[] = {
		{ 0x00, 0 },	   { 0x01, 16 }, { 0x02, 24 }, { 0x03, 8 }, { 0x04, 16 },
		{ 0x05, 16 },	   { 0x06, 8 },	 { 0x07, 8 },  { 0x08, 8 }, { 0x09, 24 },
		{ 0x0a, 40 },	   { 0x0b, 16 }, { 0x0c, 0 },  { 0x0d, 0 }, { 0x0e, 32 },
		{ 0x0f, 0 },	   { 0x10, 0 },	 { 0x11, 8 },  { 0x12, 8 }, { 0x13, 0 },
		{ UINT32_MAX, 0 },
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(rows); i++)
		assert_int_equal(ism_req_len(rows[i].cmd), rows[i].len);
}

static void
address(void **state)
{
	struct ism_addr addr;

	assert_int_equal(ism_addr_encode(UINT64_C(0x1234) << 32, 5, true, 0x7ffff8),
			 UINT64_C(0x123405fffff8));
	assert_int_equal(ism_addr_encode(UINT64_C(0x1234) << 32, 0, false, 0),
			 UINT64_C(0x123400000000));
	addr = ism_addr_decode(UINT64_C(0xfffe0fffffff));
	assert_int_equal(addr.token, UINT64_C(0xfffe00000000));
	assert_int_equal(addr.idx, 0x0f);
	assert_true(addr.sf);
	assert_int_equal(addr.offset, 0x7fffff);
	addr = ism_addr_decode(UINT64_C(0x0001ff000010));
	assert_int_equal(addr.token, UINT64_C(0x000100000000));
	assert_int_equal(addr.idx, 0xff);
	assert_false(addr.sf);
	assert_int_equal(addr.offset, 0x10);
}

/* Anyone may write such a GID into a script: it must never change. */
static void
gid_of_name(void **state)
{
	/* FNV-1a of "a" is af63dc4c8601ec8c, and x ^ x >> 32 of that: */
	assert_int_equal(ism_gid_from_name("a"), UINT64_C(0xaf63dc4c296230c0));
	assert_int_not_equal(ism_gid_from_name(""), 0);
	assert_int_not_equal(ism_gid_from_name("a"), ism_gid_from_name("b"));
	assert_int_equal(ism_gid_from_name("host-1"), ism_gid_from_name("host-1"));
}

/* --- SBA --- */

static void
sba_signal_bits(void **state)
{
	union {
		struct ism_sba sba;
		uint8_t byte[4096];
	} u = { .byte = { 0 } };

	ism_sba_signal(&u.sba, 32, 0);
	ism_sba_signal(&u.sba, 35, 15);
	ism_sba_signal(&u.sba, 1919, 1);
	assert_int_equal(u.byte[0], 0x80); /* summary */
	assert_int_equal(u.byte[4 + 32 / 8], 0x90); /* bits 32 and 35 */
	assert_int_equal(u.byte[4 + 1919 / 8], 0x01);
	assert_int_equal(u.byte[256 + 2 * 32], 0x80);
	assert_int_equal(u.byte[256 + 2 * 35 + 1], 0x01);
	assert_int_equal(u.byte[256 + 2 * 1919], 0x40);
	ism_sba_event(&u.sba);
	assert_int_equal(u.byte[0], 0xc0);
}

static void
sba_take(void **state)
{
	static struct ism_sba sba;
	uint32_t idx, from = 0;

	assert_int_equal(ISM_DMB_COUNT, 1888);
	assert_false(ism_sba_pending(&sba));
	assert_int_equal(ism_sba_take_dmb(&sba, 0), ISM_NR_DMBS);
	for (idx = ISM_DMB_IDX_MIN; idx <= ISM_DMB_IDX_MAX; idx++)
		ism_sba_signal(&sba, idx, idx % 16);
	assert_true(ism_sba_pending(&sba));
	assert_true(ism_sba_take_summary(&sba));
	assert_false(ism_sba_take_summary(&sba));
	for (idx = ISM_DMB_IDX_MIN; idx <= ISM_DMB_IDX_MAX; idx++) {
		assert_int_equal(ism_sba_take_dmb(&sba, from), idx);
		assert_int_equal(ism_sba_take_mask(&sba, idx), 0x8000 >> idx % 16);
		assert_int_equal(ism_sba_take_mask(&sba, idx), 0);
		from = idx + 1;
	}
	assert_int_equal(ism_sba_take_dmb(&sba, from), ISM_NR_DMBS);
	assert_int_equal(ism_sba_take_dmb(&sba, 0), ISM_NR_DMBS);
	/* A bit below `from` stays for the next round. */
	ism_sba_signal(&sba, 100, 0);
	assert_int_equal(ism_sba_take_dmb(&sba, 101), ISM_NR_DMBS);
	assert_int_equal(ism_sba_take_dmb(&sba, 100), 100);
	ism_sba_event(&sba);
	assert_true(ism_sba_take_event(&sba));
	assert_false(ism_sba_take_event(&sba));
	assert_true(ism_sba_take_summary(&sba));
	assert_false(ism_sba_pending(&sba));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_bytes),	   cmocka_unit_test(offsets),
		cmocka_unit_test(request_lengths), cmocka_unit_test(address),
		cmocka_unit_test(gid_of_name),	   cmocka_unit_test(sba_signal_bits),
		cmocka_unit_test(sba_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
