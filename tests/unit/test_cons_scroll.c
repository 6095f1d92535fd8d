/* SPDX-License-Identifier: BSD-3-Clause */
/* The scrollback: what is kept, where it lies, where somebody begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "cons_scroll.h"

static void
add(struct cons_scroll *s, const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		uint32_t room, n;
		uint8_t *to = cons_scroll_space(s, &room);

		assert_true(room >= 1 && room <= s->size);
		n = RTE_MIN(room, len);
		memcpy(to, from, n);
		cons_scroll_added(s, n);
		from += n;
		len -= n;
	}
}

static uint8_t
pattern(uint64_t pos)
{
	return (uint8_t)(pos * 7 + pos / 251);
}

/* Whatever the sizes and the steps: byte p is the one that came as p-th. */
static void
test_keeps_newest(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 7, 100, 4096 };

	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct cons_scroll s;
		uint64_t pos = 0;

		assert_int_equal(cons_scroll_init(&s, sizes[i]), 0);
		assert_int_equal(cons_scroll_tail(&s), 0);
		srand(1);
		while (pos < 3 * sizes[i] + 50) {
			uint32_t room, n;
			uint8_t *to = cons_scroll_space(&s, &room);

			n = 1 + (uint32_t)rand() % room;
			for (uint32_t k = 0; k < n; k++)
				to[k] = pattern(pos++);
			cons_scroll_added(&s, n);
			assert_int_equal(s.head, pos);
			assert_int_equal(cons_scroll_tail(&s), pos > sizes[i] ? pos - sizes[i] : 0);
			for (uint64_t at = cons_scroll_tail(&s); at < pos;) {
				const uint8_t *from = cons_scroll_at(&s, at, &n);

				assert_true(n >= 1 && n <= pos - at);
				while (n-- > 0)
					assert_int_equal(*from++, pattern(at++));
			}
		}
		cons_scroll_fini(&s);
	}
}

static void
test_begin_all(void **state)
{
	struct cons_scroll s;

	assert_int_equal(cons_scroll_init(&s, 64), 0);
	assert_int_equal(cons_scroll_begin(&s, 0), 0);
	assert_int_equal(cons_scroll_begin(&s, UINT64_MAX), 0);
	add(&s, "one\ntwo\nthree", 13);
	assert_int_equal(cons_scroll_begin(&s, UINT64_MAX), 0);
	assert_int_equal(cons_scroll_begin(&s, 13), 0);
	assert_int_equal(cons_scroll_begin(&s, 0), 13);
	cons_scroll_fini(&s);
}

static void
test_begin_at_line(void **state)
{
	struct cons_scroll s;

	assert_int_equal(cons_scroll_init(&s, 64), 0);
	add(&s, "one\ntwo\nthree", 13);
	assert_int_equal(cons_scroll_begin(&s, 12), 4); /* "ne..." */
	assert_int_equal(cons_scroll_begin(&s, 9), 4); /* a line begins there */
	assert_int_equal(cons_scroll_begin(&s, 8), 8); /* "wo..." */
	assert_int_equal(cons_scroll_begin(&s, 5), 8);
	assert_int_equal(cons_scroll_begin(&s, 3), 10); /* no line begins behind it */
	/* One that begins at the very end has nothing to show. */
	add(&s, "\n", 1);
	assert_int_equal(cons_scroll_begin(&s, 3), 11);
	cons_scroll_fini(&s);
}

/* What stood before the oldest byte cannot be seen: it may be the rest of a line. */
static void
test_begin_at_tail(void **state)
{
	struct cons_scroll s;

	assert_int_equal(cons_scroll_init(&s, 8), 0);
	add(&s, "0123\n56\n89", 10); /* kept: "23\n56\n89" */
	assert_int_equal(cons_scroll_tail(&s), 2);
	assert_int_equal(cons_scroll_begin(&s, 100), 5);
	assert_int_equal(cons_scroll_begin(&s, 8), 5);
	cons_scroll_fini(&s);
}

/* A long line is not searched for ever. */
static void
test_begin_long_line(void **state)
{
	static char line[3 * CONS_SCROLL_LINE];
	struct cons_scroll s;

	memset(line, 'x', sizeof(line));
	line[2 * CONS_SCROLL_LINE] = '\n';
	assert_int_equal(cons_scroll_init(&s, sizeof(line)), 0);
	add(&s, line, sizeof(line));
	assert_int_equal(cons_scroll_begin(&s, sizeof(line) - 1), 1);
	assert_int_equal(cons_scroll_begin(&s, sizeof(line) - CONS_SCROLL_LINE - 1),
			 CONS_SCROLL_LINE + 1);
	assert_int_equal(cons_scroll_begin(&s, sizeof(line) - CONS_SCROLL_LINE - 2),
			 2 * CONS_SCROLL_LINE + 1);
	cons_scroll_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_newest),	cmocka_unit_test(test_begin_all),
		cmocka_unit_test(test_begin_at_line),	cmocka_unit_test(test_begin_at_tail),
		cmocka_unit_test(test_begin_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
