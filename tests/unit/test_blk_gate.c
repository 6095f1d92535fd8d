/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate for requests of a peer, as a table: one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <rte_common.h>

#include "blk.h"
#include "link.h"

#define SLOT 65536u
#define SIZE (1ull << 30)
#define RW                                                                                         \
	(BLK_INFO_FLUSH | BLK_INFO_FUA | BLK_INFO_DISCARD | BLK_INFO_WRITE_ZEROES |                \
	 BLK_INFO_FAST_ZERO | BLK_INFO_EXTENTS | BLK_INFO_COPY)
#define RO (BLK_INFO_READ_ONLY | BLK_INFO_FLUSH | BLK_INFO_EXTENTS)
#define OFF_MAX ((1ull << 56) - 1)

struct gate_case {
	const char *what;
	uint8_t op, flags;
	uint64_t off;
	uint32_t len, payload;
	uint64_t size;
	uint32_t info;
	enum blk_status want;
};

#define READ(o, l) BLK_READ, 0, o, l, 0, SIZE, RW
#define WRITE(o, l) BLK_WRITE, 0, o, l, l, SIZE, RW
#define ZERO(o, l) BLK_WRITE_ZEROES, 0, o, l, 0, SIZE, RW
#define DISCARD(o, l) BLK_DISCARD, 0, o, l, 0, SIZE, RW
#define COPY(o, l) BLK_COPY, 0, o, l, 16, SIZE, RW
#define STATUS(o, l) BLK_BLOCK_STATUS, 0, o, l, 0, SIZE, RW

static const struct gate_case cases[] = {
	{ "op 0", 0, 0, 0, 0, 0, SIZE, RW, BLK_ENOTSUP },
	{ "op one past the last", BLK_OP_COUNT, 0, 0, 0, 0, SIZE, RW, BLK_ENOTSUP },
	{ "op 255", 255, 0, 0, 0, 0, SIZE, RW, BLK_ENOTSUP },

	{ "read first byte", READ(0, 1), BLK_OK },
	{ "read last byte", READ(SIZE - 1, 1), BLK_OK },
	{ "read a slot", READ(4096, SLOT), BLK_OK },
	{ "read unaligned", READ(13, 511), BLK_OK },
	{ "read nothing", READ(0, 0), BLK_EINVAL },
	{ "read more than a slot", READ(0, SLOT + 1), BLK_EINVAL },
	{ "read one past the end", READ(SIZE - 1, 2), BLK_EINVAL },
	{ "read at the end", READ(SIZE, 1), BLK_EINVAL },
	{ "read behind the end", READ(SIZE + 1, 1), BLK_EINVAL },
	{ "read far behind", READ(UINT64_MAX, 1), BLK_EINVAL },
	{ "read, sum wraps to 0", READ(UINT64_MAX - 4095, 4096), BLK_EINVAL },
	{ "read, sum wraps into the disk", READ(UINT64_MAX - 1, 4096), BLK_EINVAL },
	{ "read with payload", BLK_READ, 0, 0, 4096, 4096, SIZE, RW, BLK_EINVAL },
	{ "read with fua", BLK_READ, BLK_FLAG_FUA, 0, 1, 0, SIZE, RW, BLK_EINVAL },
	{ "read with unknown flag", BLK_READ, 0x80, 0, 1, 0, SIZE, RW, BLK_EINVAL },
	{ "read from read-only", BLK_READ, 0, 0, 1, 0, SIZE, RO, BLK_OK },
	{ "read from empty", BLK_READ, 0, 0, 1, 0, 0, RW, BLK_EINVAL },

	{ "write", WRITE(0, 4096), BLK_OK },
	{ "write last byte", WRITE(SIZE - 1, 1), BLK_OK },
	{ "write nothing", WRITE(0, 0), BLK_EINVAL },
	{ "write more than a slot", WRITE(0, SLOT + 1), BLK_EINVAL },
	{ "write past the end", WRITE(SIZE - 1, 2), BLK_ENOSPC },
	{ "write at the end", WRITE(SIZE, 1), BLK_ENOSPC },
	{ "write, sum wraps", WRITE(UINT64_MAX, 4096), BLK_ENOSPC },
	{ "write at the last offset of a link", WRITE(OFF_MAX, 1), BLK_ENOSPC },
	{ "write with less payload", BLK_WRITE, 0, 0, 4096, 4095, SIZE, RW, BLK_EINVAL },
	{ "write with more payload", BLK_WRITE, 0, 0, 4096, 4097, SIZE, RW, BLK_EINVAL },
	{ "write without payload", BLK_WRITE, 0, 0, 4096, 0, SIZE, RW, BLK_EINVAL },
	{ "write fua", BLK_WRITE, BLK_FLAG_FUA, 0, 1, 1, SIZE, RW, BLK_OK },
	{ "write fua unsupported", BLK_WRITE, BLK_FLAG_FUA, 0, 1, 1, SIZE, RW & ~BLK_INFO_FUA,
	  BLK_ENOTSUP },
	{ "write no-hole", BLK_WRITE, BLK_FLAG_NO_HOLE, 0, 1, 1, SIZE, RW, BLK_EINVAL },
	{ "write to read-only", BLK_WRITE, 0, 0, 1, 1, SIZE, RO, BLK_EROFS },
	{ "write past the end of read-only", BLK_WRITE, 0, SIZE, 1, 1, SIZE, RO, BLK_EROFS },
	{ "malformed write to read-only", BLK_WRITE, 0, 0, 0, 0, SIZE, RO, BLK_EINVAL },

	{ "flush", BLK_FLUSH, 0, 0, 0, 0, SIZE, RW, BLK_OK },
	{ "flush read-only", BLK_FLUSH, 0, 0, 0, 0, SIZE, RO, BLK_OK },
	{ "flush with off", BLK_FLUSH, 0, 1, 0, 0, SIZE, RW, BLK_EINVAL },
	{ "flush with len", BLK_FLUSH, 0, 0, 1, 0, SIZE, RW, BLK_EINVAL },
	{ "flush with fua", BLK_FLUSH, BLK_FLAG_FUA, 0, 0, 0, SIZE, RW, BLK_EINVAL },
	{ "flush with payload", BLK_FLUSH, 0, 0, 0, 8, SIZE, RW, BLK_EINVAL },
	{ "flush unsupported", BLK_FLUSH, 0, 0, 0, 0, SIZE, RW & ~BLK_INFO_FLUSH, BLK_ENOTSUP },

	{ "discard all", DISCARD(0, SIZE), BLK_OK },
	{ "discard fua", BLK_DISCARD, BLK_FLAG_FUA, 0, 1, 0, SIZE, RW, BLK_OK },
	{ "discard nothing", DISCARD(0, 0), BLK_EINVAL },
	{ "discard past the end", DISCARD(1, SIZE), BLK_EINVAL },
	{ "discard 4 GiB - 1 of 1 GiB", DISCARD(0, UINT32_MAX), BLK_EINVAL },
	{ "discard, sum wraps", DISCARD(UINT64_MAX - UINT32_MAX, UINT32_MAX), BLK_EINVAL },
	{ "discard no-hole", BLK_DISCARD, BLK_FLAG_NO_HOLE, 0, 1, 0, SIZE, RW, BLK_EINVAL },
	{ "discard with payload", BLK_DISCARD, 0, 0, 16, 16, SIZE, RW, BLK_EINVAL },
	{ "discard unsupported", BLK_DISCARD, 0, 0, 1, 0, SIZE, RW & ~BLK_INFO_DISCARD,
	  BLK_ENOTSUP },
	{ "discard read-only", BLK_DISCARD, 0, 0, 1, 0, SIZE, RO, BLK_EROFS },
	{ "discard 4 GiB - 1 of 1 PiB", BLK_DISCARD, 0, (1ull << 50) - UINT32_MAX, UINT32_MAX, 0,
	  1ull << 50, RW, BLK_OK },

	{ "zero all", ZERO(0, SIZE), BLK_OK },
	{ "zero all flags", BLK_WRITE_ZEROES, 7, 0, SIZE, 0, SIZE, RW, BLK_OK },
	{ "zero unknown flag", BLK_WRITE_ZEROES, 8, 0, SIZE, 0, SIZE, RW, BLK_EINVAL },
	{ "zero nothing", ZERO(0, 0), BLK_EINVAL },
	{ "zero past the end", ZERO(1, SIZE), BLK_ENOSPC },
	{ "zero, sum wraps", ZERO(UINT64_MAX - 15, 16), BLK_ENOSPC },
	{ "zero read-only", BLK_WRITE_ZEROES, 0, 0, 1, 0, SIZE, RO, BLK_EROFS },
	{ "zero unsupported", BLK_WRITE_ZEROES, 0, 0, 1, 0, SIZE, RW & ~BLK_INFO_WRITE_ZEROES,
	  BLK_ENOTSUP },

	{ "status all", STATUS(0, SIZE), BLK_OK },
	{ "status read-only", BLK_BLOCK_STATUS, 0, 0, 1, 0, SIZE, RO, BLK_OK },
	{ "status where nothing is known", BLK_BLOCK_STATUS, 0, 0, 1, 0, SIZE, 0, BLK_OK },
	{ "status nothing", STATUS(0, 0), BLK_EINVAL },
	{ "status past the end", STATUS(SIZE - 1, 2), BLK_EINVAL },
	{ "status with flag", BLK_BLOCK_STATUS, 1, 0, 1, 0, SIZE, RW, BLK_EINVAL },

	{ "identify", BLK_IDENTIFY, 0, 0, 0, 0, SIZE, 0, BLK_OK },
	{ "identify with off", BLK_IDENTIFY, 0, 1, 0, 0, SIZE, RW, BLK_EINVAL },
	{ "identify with payload", BLK_IDENTIFY, 0, 0, 0, 16, SIZE, RW, BLK_EINVAL },
	{ "copy", COPY(0, BLK_COPY_MAX), BLK_OK },
	{ "copy too much", COPY(0, BLK_COPY_MAX + 1), BLK_EINVAL },
	{ "copy with fua", BLK_COPY, BLK_FLAG_FUA, 0, 1, 16, SIZE, RW, BLK_OK },
	{ "copy with another flag", BLK_COPY, BLK_FLAG_NO_HOLE, 0, 1, 16, SIZE, RW, BLK_EINVAL },
	{ "copy nothing", COPY(0, 0), BLK_EINVAL },
	{ "copy without a source", BLK_COPY, 0, 0, 16, 0, SIZE, RW, BLK_EINVAL },
	{ "copy with more payload", BLK_COPY, 0, 0, 24, 24, SIZE, RW, BLK_EINVAL },
	{ "copy behind the end", COPY(SIZE - 1, 2), BLK_ENOSPC },
	{ "copy, sum wraps", COPY(UINT64_MAX, 2), BLK_ENOSPC },
	{ "copy to read-only", BLK_COPY, 0, 0, 1, 16, SIZE, RO | BLK_INFO_COPY, BLK_EROFS },
	{ "copy where there is none", BLK_COPY, 0, 0, 1, 16, SIZE, RW & ~BLK_INFO_COPY,
	  BLK_ENOTSUP },

	{ "list", BLK_LIST, 0, 0, 0, 0, 0, 0, BLK_OK },
	{ "list from far behind", BLK_LIST, 0, UINT64_MAX, 0, 0, 0, 0, BLK_OK },
	{ "list with len", BLK_LIST, 0, 0, 1, 0, 0, 0, BLK_EINVAL },
	{ "list with flags", BLK_LIST, 1, 0, 0, 0, 0, 0, BLK_EINVAL },
};

static void
test_table(void **state)
{
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		const struct gate_case *c = &cases[i];
		struct link_req req = {
			.op = c->op,
			.flags = c->flags,
			.off = c->off,
			.len = c->len,
			.payload = c->payload,
		};
		enum blk_status got = blk_gate(&req, c->size, c->info, SLOT);

		if (got != c->want)
			fail_msg("%s: status %d, expected %d", c->what, got, c->want);
	}
}

/* The slot bound is the session's, not a constant. */
static void
test_slot_size(void **state)
{
	struct link_req req = { .op = BLK_READ, .len = 8192 };

	assert_int_equal(blk_gate(&req, SIZE, RW, 8192), BLK_OK);
	assert_int_equal(blk_gate(&req, SIZE, RW, 4096), BLK_EINVAL);
	req.op = BLK_WRITE;
	req.payload = 8192;
	assert_int_equal(blk_gate(&req, SIZE, RW, 8192), BLK_OK);
	assert_int_equal(blk_gate(&req, SIZE, RW, 4096), BLK_EINVAL);
}

/* LIST is about no unit; whether a unit exists is not the gate's to know. */
static void
test_units(void **state)
{
	struct link_req req = { .op = BLK_LIST, .unit = 1 };

	assert_int_equal(blk_gate(&req, SIZE, RW, SLOT), BLK_EINVAL);
	req.op = BLK_IDENTIFY;
	req.unit = UINT16_MAX;
	assert_int_equal(blk_gate(&req, SIZE, RW, SLOT), BLK_OK);
}

/* The other half of a COPY: where the bytes come from. */
static void
test_copy_source(void **state)
{
	static const struct {
		const char *what;
		uint64_t to, from;
		uint32_t len;
		uint16_t reserved;
		bool same;
		enum blk_status want;
	} sources[] = {
		{ "another image", 0, 0, 4096, 0, false, BLK_OK },
		{ "its end", 0, SIZE - 1, 1, 0, false, BLK_OK },
		{ "one past its end", 0, SIZE - 1, 2, 0, false, BLK_EINVAL },
		{ "behind its end", 0, SIZE + 1, 1, 0, false, BLK_EINVAL },
		{ "far behind, sum wraps", 0, UINT64_MAX, 2, 0, false, BLK_EINVAL },
		{ "with a reserved word", 0, 0, 1, 1, false, BLK_EINVAL },
		{ "right before", 4096, 0, 4096, 0, true, BLK_OK },
		{ "right behind", 0, 4096, 4096, 0, true, BLK_OK },
		{ "itself", 4096, 4096, 1, 0, true, BLK_EINVAL },
		{ "overlap before", 4095, 0, 4096, 0, true, BLK_EINVAL },
		{ "overlap behind", 0, 4095, 4096, 0, true, BLK_EINVAL },
		{ "the same place of another", 0, 0, 4096, 0, false, BLK_OK },
	};

	for (size_t i = 0; i < RTE_DIM(sources); i++) {
		struct link_req req = { .op = BLK_COPY,
					.off = sources[i].to,
					.len = sources[i].len };
		struct blk_copy from = { .off = rte_cpu_to_be_64(sources[i].from) };
		enum blk_status got;

		from.reserved[i % 3] = sources[i].reserved;
		got = blk_gate_copy(&req, &from, SIZE, sources[i].same);
		if (got != sources[i].want)
			fail_msg("%s: status %d, expected %d", sources[i].what, got,
				 sources[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_slot_size),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_copy_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
