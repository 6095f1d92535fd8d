/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate for answers of a server, extents, and latency buckets: pure functions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "blk_client_priv.h"

static void
gate(void **state)
{
	static const struct {
		uint8_t op;
		uint32_t len;
		uint16_t status;
		uint32_t payload;
		int ret;
	} table[] = {
		{ BLK_READ, 4096, BLK_OK, 4096, 0 },
		{ BLK_READ, 4096, BLK_OK, 4095, -EPROTO },
		{ BLK_READ, 4096, BLK_OK, 0, -EPROTO },
		{ BLK_READ, 4096, BLK_EIO, 0, 0 },
		{ BLK_READ, 4096, BLK_EIO, 4096, -EPROTO },
		{ BLK_READ, 65536, BLK_OK, 65536, 0 },
		{ BLK_READ, 65537, BLK_OK, 65537, -EPROTO }, /* longer than the slot */
		{ BLK_WRITE, 4096, BLK_OK, 0, 0 },
		{ BLK_WRITE, 4096, BLK_OK, 16, -EPROTO },
		{ BLK_FLUSH, 0, BLK_OK, 0, 0 },
		{ BLK_FLUSH, 0, BLK_OK, 1, -EPROTO },
		{ BLK_DISCARD, 512, BLK_ENOTSUP, 0, 0 },
		{ BLK_WRITE_ZEROES, 512, BLK_OK, 8, -EPROTO },
		{ BLK_BLOCK_STATUS, 512, BLK_OK, 16, 0 },
		{ BLK_BLOCK_STATUS, 512, BLK_OK, 65536, 0 },
		{ BLK_BLOCK_STATUS, 512, BLK_OK, 0, -EPROTO },
		{ BLK_BLOCK_STATUS, 512, BLK_OK, 24, -EPROTO },
		{ BLK_LIST, 0, BLK_OK, 0, 0 },
		{ BLK_LIST, 0, BLK_OK, 512, 0 },
		{ BLK_LIST, 0, BLK_OK, 255, -EPROTO },
		{ BLK_IDENTIFY, 0, BLK_OK, 256, 0 },
		{ BLK_IDENTIFY, 0, BLK_OK, 512, -EPROTO },
		{ BLK_READ, 4096, 0xffff, 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct link_req req = { .op = table[i].op, .len = table[i].len };
		const struct link_cqe cqe = { .status = table[i].status,
					      .payload = table[i].payload };

		if (blk_reply_gate(&req, &cqe, 65536) != table[i].ret)
			fail_msg("row %zu", i);
	}
}

static struct blk_export_info
raw_info(const char *name)
{
	struct blk_export_info raw = { 0 };

	memcpy(raw.name, name, strlen(name));
	raw.size = rte_cpu_to_be_64(1 << 20);
	return raw;
}

static void
names(void **state)
{
	static const struct {
		const char *raw, *name; /* NULL: refused */
	} table[] = {
		{ "disk", "disk" },
		{ "a b", "a b" },
		{ "", NULL },
		{ ".", "?" },
		{ "..", "??" },
		{ "...", "..." },
		{ ".hidden", ".hidden" },
		{ "a/b", "a?b" },
		{ "/", "?" },
		{ "\001\177\200", "???" },
		{ "x\ny", "x?y" },
	};
	struct blk_export_info raw;
	struct blk_disk_info info;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		raw = raw_info(table[i].raw);
		assert_int_equal(blk_reply_info(&raw, &info), table[i].name != NULL);
		if (table[i].name != NULL)
			assert_string_equal(info.name, table[i].name);
	}
	/* Not terminated. */
	memset(raw.name, 'x', sizeof(raw.name));
	assert_false(blk_reply_info(&raw, &info));
	raw.name[sizeof(raw.name) - 1] = '\0';
	assert_true(blk_reply_info(&raw, &info));
	assert_int_equal(strlen(info.name), BLK_NAME_MAX - 1);
	/* A description needs no terminator. */
	memset(raw.desc, 0xff, sizeof(raw.desc));
	assert_true(blk_reply_info(&raw, &info));
	assert_int_equal(strlen(info.desc), BLK_DESC_MAX - 1);
}

static void
numbers(void **state)
{
	struct blk_export_info raw = raw_info("d");
	struct blk_disk_info info;

	raw.size = rte_cpu_to_be_64(BLK_OFF_MAX);
	raw.flags = rte_cpu_to_be_32(UINT32_MAX);
	raw.unit = rte_cpu_to_be_16(0x1234);
	raw.block_min = rte_cpu_to_be_32(512);
	raw.block_pref = rte_cpu_to_be_32(65536);
	raw.block_max = rte_cpu_to_be_32(1 << 20);
	raw.generation = rte_cpu_to_be_32(7);
	raw.mtime = rte_cpu_to_be_64(1234567890123456789);
	raw.ctime = UINT64_MAX;
	assert_true(blk_reply_info(&raw, &info));
	assert_true(info.size == BLK_OFF_MAX);
	assert_int_equal(info.flags, 0x1ff); /* what we know */
	assert_int_equal(info.unit, 0x1234);
	assert_int_equal(info.block_min, 512);
	assert_int_equal(info.block_pref, 65536);
	assert_int_equal(info.block_max, 1 << 20);
	assert_int_equal(info.generation, 7);
	assert_true(info.mtime == 1234567890123456789);
	assert_true(info.ctime == INT64_MAX / 2); /* as far as can be counted on from */
	raw.size = rte_cpu_to_be_64(BLK_OFF_MAX + 1);
	assert_false(blk_reply_info(&raw, &info));
	raw.size = 0;
	raw.block_min = rte_cpu_to_be_32(1u << 31);
	assert_true(blk_reply_info(&raw, &info));
	assert_int_equal(info.block_min, 1);
	raw.block_min = rte_cpu_to_be_32(513);
	raw.block_pref = 0;
	raw.block_max = 0;
	assert_true(blk_reply_info(&raw, &info));
	assert_int_equal(info.block_min, 1);
	assert_int_equal(info.block_pref, 4096);
	assert_int_equal(info.block_max, BLK_IO_MAX);
}

static struct blk_extent
extent(uint64_t len, uint32_t flags)
{
	return (struct blk_extent){ .len = rte_cpu_to_be_64(len),
				    .flags = rte_cpu_to_be_32(flags) };
}

static void
extents(void **state)
{
	const uint32_t hole = BLK_EXTENT_HOLE | BLK_EXTENT_ZERO;
	const struct blk_extent e[] = { extent(4096, 0), extent(100, BLK_EXTENT_HOLE),
					extent(8192, hole), extent(1 << 20, 0) };
	const struct blk_extent endless = extent(UINT64_MAX, 0), empty = extent(0, 0);
	uint64_t pos = 1000;

	assert_int_equal(blk_extents_seek(e, sizeof(e), false, &pos, 1 << 30), 1);
	assert_int_equal(pos, 1000);
	/* Not allocated is not the same as reading zeros. */
	assert_int_equal(blk_extents_seek(e, sizeof(e), true, &pos, 1 << 30), 1);
	assert_int_equal(pos, 1000 + 4096 + 100);
	assert_int_equal(blk_extents_seek(&e[2], 2 * sizeof(e[0]), false, &pos, 1 << 30), 1);
	assert_int_equal(pos, 1000 + 4096 + 100 + 8192);
	/* Not in here: where to go on. */
	pos = 0;
	assert_int_equal(blk_extents_seek(e, sizeof(e[0]), true, &pos, 1 << 30), 0);
	assert_int_equal(pos, 4096);
	/* Longer than the disk: up to its end, without wrapping. */
	pos = 5;
	assert_int_equal(blk_extents_seek(&endless, sizeof(endless), true, &pos, 4096), 0);
	assert_int_equal(pos, 4096);
	/* The end is reached: what follows does not count. */
	assert_int_equal(blk_extents_seek(e, sizeof(e), true, &pos, 4096), 0);
	pos = 0;
	assert_int_equal(blk_extents_seek(&empty, sizeof(empty), true, &pos, 4096), -EPROTO);
	/* A piece of a record is none. */
	assert_int_equal(blk_extents_seek(e, 15, false, &pos, 4096), 0);
	assert_int_equal(pos, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate),
		cmocka_unit_test(names),
		cmocka_unit_test(numbers),
		cmocka_unit_test(extents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
