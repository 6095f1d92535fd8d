/* SPDX-License-Identifier: BSD-3-Clause */
/* The event queue: order, wrap, overflow, a device that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ism_ieq.h"

static struct ism_ieq ieq;
static uint32_t prev;
static int pos;

static int
setup(void **state)
{
	memset(&ieq, 0, sizeof(ieq));
	prev = 0;
	pos = ISM_IEQ_START;
	return 0;
}

static void
put(uint64_t info)
{
	struct ism_event ev = {
		.type = rte_cpu_to_be_32(ISM_EVENT_SOFTWARE),
		.code = rte_cpu_to_be_32(7),
		.info = rte_cpu_to_be_64(info),
	};

	prev = ism_ieq_put(&ieq, prev, &ev);
}

static void
expect(uint64_t info)
{
	struct ism_event ev = { 0 };

	assert_int_equal(ism_ieq_take(&ieq, &pos, &ev), 1);
	assert_int_equal(rte_be_to_cpu_32(ev.type), ISM_EVENT_SOFTWARE);
	assert_int_equal(rte_be_to_cpu_32(ev.code), 7);
	assert_int_equal(rte_be_to_cpu_64(ev.info), info);
}

static void
expect_none(void)
{
	struct ism_event ev;

	assert_int_equal(ism_ieq_take(&ieq, &pos, &ev), 0);
}

static void
layout(void **state)
{
	put(0x1122334455667788);
	/* Entry 0 is behind the header of 32 bytes; its info behind 24 more. */
	assert_int_equal(((uint8_t *)&ieq)[7], 1); /* idx */
	assert_int_equal(((uint8_t *)&ieq)[32 + 24], 0x11);
	assert_int_equal(((uint8_t *)&ieq)[32 + 31], 0x88);
	assert_int_equal(((uint8_t *)&ieq)[32 + 3], ISM_EVENT_SOFTWARE);
	assert_int_equal(((uint8_t *)&ieq)[32 + 7], 7);
}

static void
order_and_wrap(void **state)
{
	uint64_t n;

	expect_none();
	for (n = 0; n < 100; n++) {
		put(n);
		assert_int_equal(rte_be_to_cpu_64(ieq.hdr.idx), n % 15 + 1);
		expect(n);
		expect_none();
	}
}

static void
batches(void **state)
{
	uint64_t n = 0, m = 0, batch;

	for (batch = 1; batch <= 14; batch++) {
		while (n < m + batch)
			put(n++);
		while (m < n)
			expect(m++);
		expect_none();
	}
}

/* Behind by 15 + k: k are seen, the newest ones; by exactly 15: none. */
static void
overflow(void **state)
{
	uint64_t n;

	put(0);
	expect(0);
	for (n = 1; n <= 15; n++)
		put(n);
	expect_none();
	for (n = 16; n <= 18; n++)
		put(n);
	expect(16);
	expect(17);
	expect(18);
	expect_none();
}

static void
first_lap(void **state)
{
	uint64_t n;

	for (n = 0; n < 15; n++)
		put(n);
	for (n = 0; n < 15; n++)
		expect(n);
	expect_none();
}

static void
lying_index(void **state)
{
	struct ism_event ev;

	put(1);
	ieq.hdr.idx = rte_cpu_to_be_64(16);
	assert_int_equal(ism_ieq_take(&ieq, &pos, &ev), -EPROTO);
	ieq.hdr.idx = UINT64_MAX;
	assert_int_equal(ism_ieq_take(&ieq, &pos, &ev), -EPROTO);
	assert_int_equal(pos, ISM_IEQ_START);
	/* Back to 0 after it was running: there is nothing, and no endless supply. */
	ieq.hdr.idx = rte_cpu_to_be_64(1);
	expect(1);
	ieq.hdr.idx = 0;
	expect_none();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(layout, setup),
		cmocka_unit_test_setup(order_and_wrap, setup),
		cmocka_unit_test_setup(batches, setup),
		cmocka_unit_test_setup(overflow, setup),
		cmocka_unit_test_setup(first_lap, setup),
		cmocka_unit_test_setup(lying_index, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
