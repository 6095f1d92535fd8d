/* SPDX-License-Identifier: BSD-3-Clause */
/* Status words of the block service: every one has an errno of its own, and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "blk.h"

static void
test_round_trip(void **state)
{
	for (uint16_t s = BLK_OK; s < BLK_STATUS_COUNT; s++)
		assert_int_equal(blk_status_from_errno(blk_status_errno(s)), s);
}

static void
test_distinct(void **state)
{
	for (uint16_t a = BLK_OK; a < BLK_STATUS_COUNT; a++)
		for (uint16_t b = a + 1; b < BLK_STATUS_COUNT; b++)
			assert_int_not_equal(blk_status_errno(a), blk_status_errno(b));
}

/* Numbers that a newer or hostile peer may send. */
static void
test_unknown_status(void **state)
{
	assert_int_equal(blk_status_errno(BLK_STATUS_COUNT), EIO);
	assert_int_equal(blk_status_errno(UINT16_MAX), EIO);
}

static void
test_errnos_of_files(void **state)
{
	assert_int_equal(blk_status_from_errno(EDQUOT), BLK_ENOSPC);
	assert_int_equal(blk_status_from_errno(EFBIG), BLK_ENOSPC);
	assert_int_equal(blk_status_from_errno(ENOSYS), BLK_ENOTSUP);
	assert_int_equal(blk_status_from_errno(ENOTTY), BLK_ENOTSUP);
	assert_int_equal(blk_status_from_errno(EPERM), BLK_EACCES);
	assert_int_equal(blk_status_from_errno(ENODEV), BLK_EIO);
	assert_int_equal(blk_status_from_errno(ETIMEDOUT), BLK_EIO);
	assert_int_equal(blk_status_from_errno(-5), BLK_EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_unknown_status),
		cmocka_unit_test(test_errnos_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
