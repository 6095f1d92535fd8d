/* SPDX-License-Identifier: BSD-3-Clause */
/* How stores are split (SPEC-ism section 7), against a reference that tries everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ism_ops.h"
#include "ism_split.h"

#define WORDS (ISM_PAGE_SIZE / 8)
#define NEVER 0xffffu

/* fewest[w]: pieces of 2..maxstbl/8 words that make w words; NEVER = impossible. */
static uint16_t fewest[WORDS + 1];

static void
reference(uint32_t maxstbl)
{
	uint32_t w, piece;

	fewest[0] = 0;
	for (w = 1; w <= WORDS; w++) {
		fewest[w] = NEVER;
		for (piece = 2; piece <= maxstbl / 8 && piece <= w; piece++)
			if (fewest[w - piece] != NEVER && fewest[w - piece] + 1 < fewest[w])
				fewest[w] = (uint16_t)(fewest[w - piece] + 1);
	}
}

/* The sum over the pages that [off, off+len) touches, or NEVER. */
static uint32_t
reference_count(uint32_t off, uint32_t len)
{
	uint32_t n, count = 0;

	for (; len > 0; off += n, len -= n) {
		n = ISM_PAGE_SIZE - off % ISM_PAGE_SIZE;
		n = n < len ? n : len;
		if (fewest[n / 8] == NEVER)
			return NEVER;
		count += fewest[n / 8];
	}
	return count;
}

/* Every piece obeys the rules, and together they are the range. */
static void
check_pieces(uint32_t off, uint32_t len, uint32_t maxstbl)
{
	uint32_t n, count = 0, at = off, left = len;

	for (; left > 0; at += n, left -= n, count++) {
		n = ism_split_next(at, left, maxstbl);
		if (n < 16 || n > maxstbl || n % 8 != 0 || n > left || at % 4096 + n > 4096)
			fail_msg("piece %u at %u of [%u, +%u), maxstbl %u", n, at, off, len,
				 maxstbl);
	}
	if (count != reference_count(off, len) || count != ism_split_count(off, len, maxstbl))
		fail_msg("[%u, +%u), maxstbl %u: %u pieces, fewest are %u", off, len, maxstbl,
			 count, reference_count(off, len));
}

/* All ranges in a DMB of `limit` bytes whose offset is below `off_end`. */
static uint32_t
check_all(uint32_t maxstbl, uint32_t limit, uint32_t off_end, uint32_t off_step)
{
	uint32_t off, len, possible = 0;
	bool ok;

	reference(maxstbl);
	for (off = 0; off < off_end; off += off_step) {
		for (len = 8; off + len <= limit; len += 8) {
			ok = ism_split_ok(off, len, limit);
			if (ok != (reference_count(off, len) != NEVER))
				fail_msg("[%u, +%u): ok says %d", off, len, ok);
			if (!ok)
				continue;
			possible++;
			check_pieces(off, len, maxstbl);
		}
	}
	return possible;
}

static void
test_maxstbl_4096(void **state)
{
	(void)state;
	assert_true(check_all(4096, 3 * 4096, 4096 + 64, 8) > 100000);
}

static void
test_maxstbl_128(void **state)
{
	(void)state;
	assert_true(check_all(128, 2 * 4096 + 64, 4096 + 64, 8) > 100000);
}

static void
test_maxstbl_odd(void **state)
{
	static const uint32_t sizes[] = { ISM_MAXSTBL_MIN, 40, 136, 1024, 4088 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_true(check_all(sizes[i], 2 * 4096, 4096, 56) > 1000);
}

static void
test_refused(void **state)
{
	static const uint32_t bad[][2] = {
		{ 0, 0 },
		{ 0, 8 },
		{ 1, 16 },
		{ 4, 16 },
		{ 0, 17 },
		{ 0, 20 },
		{ 4088, 16 },
		{ 4088, 4104 },
		{ 4080, 24 },
		{ 8192 - 8, 16 },
		{ 8192, 16 },
		{ 8184, 8 },
		{ 0, 8200 },
		{ UINT32_MAX - 7, 16 },
		{ 16, UINT32_MAX - 7 },
		{ 0, UINT32_MAX - 7 },
		{ 1u << 31, 1u << 31 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ism_split_ok(bad[i][0], bad[i][1], 8192))
			fail_msg("[%u, +%u) is accepted", bad[i][0], bad[i][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maxstbl_4096),
		cmocka_unit_test(test_maxstbl_128),
		cmocka_unit_test(test_maxstbl_odd),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
