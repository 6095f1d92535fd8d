/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings by themselves: descriptors that arrive in pieces, laps, the wrap of indices; CRC32C. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_crc.h"
#include "link_ring.h"

#define DEPTH_MAX 256

static rte_be64_t place[DEPTH_MAX * LINK_DESC_WORDS]; /* what the consumer sees */
static rte_be64_t shadow[DEPTH_MAX * LINK_DESC_WORDS];
static struct link_ring_rx rx;
static struct link_ring_tx tx;

static int
setup(uint32_t depth)
{
	memset(place, 0, sizeof(place));
	memset(shadow, 0, sizeof(shadow));
	link_ring_rx_init(&rx, place, depth);
	link_ring_tx_init(&tx, shadow, depth);
	return 0;
}

static void
fill(uint64_t w[LINK_DESC_WORDS], uint64_t seed)
{
	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++)
		w[i] = (seed * UINT64_C(0x9e3779b97f4a7c15) + i * 0x1234567) & LINK_WORD_MASK;
}

/* Word i of the newest descriptor arrives. */
static void
arrive(unsigned int i)
{
	uint32_t at = ((tx.tail - 1) & tx.mask) * LINK_DESC_WORDS + i;

	place[at] = shadow[at];
}

/* One descriptor through, its words in the order that `perm` says. */
static void
torn(uint64_t seed, const unsigned int perm[LINK_DESC_WORDS])
{
	uint64_t in[LINK_DESC_WORDS], out[LINK_DESC_WORDS];

	fill(in, seed);
	link_ring_tx_put(&tx, in);
	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++) {
		assert_int_equal(link_ring_rx_take(&rx, out), 0);
		arrive(perm[i]);
	}
	assert_int_equal(link_ring_rx_take(&rx, out), 1);
	assert_memory_equal(in, out, sizeof(in));
	link_ring_rx_next(&rx);
	assert_int_equal(link_ring_rx_take(&rx, out), 0);
	tx.sent = tx.tail;
}

static bool
next_permutation(unsigned int p[LINK_DESC_WORDS])
{
	int i = LINK_DESC_WORDS - 2, k = LINK_DESC_WORDS - 1;
	unsigned int t;

	while (i >= 0 && p[i] > p[i + 1])
		i--;
	if (i < 0)
		return false;
	while (p[k] < p[i])
		k--;
	t = p[i], p[i] = p[k], p[k] = t;
	for (int a = i + 1, b = LINK_DESC_WORDS - 1; a < b; a++, b--)
		t = p[a], p[a] = p[b], p[b] = t;
	return true;
}

/* In all 24 orders, over more laps than there are tags. */
static void
every_order_of_words(void **state)
{
	unsigned int perm[LINK_DESC_WORDS] = { 0, 1, 2, 3 };
	unsigned int orders = 0;
	uint64_t seed = 1;

	do {
		setup(2);
		for (unsigned int lap = 0; lap < 600; lap++) {
			torn(seed++, perm);
			torn(seed++, perm);
		}
		orders++;
	} while (next_permutation(perm));
	assert_int_equal(orders, 24);
}

/* Payload bits that look like a tag of the next lap do not matter: tags have their own place. */
static void
all_bits_of_a_word(void **state)
{
	static const uint64_t in[LINK_DESC_WORDS] = { LINK_WORD_MASK, 0, LINK_WORD_MASK, 1 };
	uint64_t out[LINK_DESC_WORDS];

	setup(2);
	for (unsigned int i = 0; i < 1000; i++) {
		link_ring_tx_put(&tx, in);
		for (unsigned int k = 0; k < LINK_DESC_WORDS; k++)
			arrive(k);
		assert_int_equal(link_ring_rx_take(&rx, out), 1);
		assert_memory_equal(in, out, sizeof(in));
		link_ring_rx_next(&rx);
	}
}

static void
tags_go_round(void **state)
{
	uint64_t w[LINK_DESC_WORDS] = { 0 };

	setup(4);
	for (uint64_t n = 0; n < 4 * 700; n++) {
		uint64_t lap = n / 4;

		assert_int_equal(rx.tag, lap % 255 + 1);
		assert_int_equal(rx.stale, lap == 0 ? 0 : (lap - 1) % 255 + 1);
		assert_int_equal(tx.tag, rx.tag);
		link_ring_tx_put(&tx, w);
		link_ring_rx_next(&rx);
	}
}

static void
indices_wrap(void **state)
{
	static const unsigned int order[LINK_DESC_WORDS] = { 3, 2, 1, 0 };

	for (uint32_t depth = 2; depth <= DEPTH_MAX; depth *= 2) {
		setup(depth);
		/*
		 * Three laps before 2^32: a multiple of every depth, so the places go on in
		 * turn.
		 */
		rx.head = tx.tail = tx.sent = 0u - 3 * depth;
		for (uint32_t i = 0; i < 7 * depth; i++)
			torn(i + 1, order);
		assert_int_equal(tx.tail, 4 * depth);
	}
}

static void
a_full_shadow(void **state)
{
	uint64_t w[LINK_DESC_WORDS] = { 0 };

	setup(4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_false(link_ring_tx_full(&tx));
		link_ring_tx_put(&tx, w);
	}
	assert_true(link_ring_tx_full(&tx));
	tx.sent++;
	assert_false(link_ring_tx_full(&tx));
}

/* Tags that are neither the expected one nor what was there before: nobody honest does that. */
static void
tags_of_other_laps(void **state)
{
	uint64_t w[LINK_DESC_WORDS] = { 0 };

	for (unsigned int word = 0; word < LINK_DESC_WORDS; word++) {
		for (unsigned int tag = 0; tag < 256; tag++) {
			setup(2);
			for (unsigned int i = 0; i < 2 * 3; i++) {
				link_ring_tx_put(&tx, w);
				for (unsigned int k = 0; k < LINK_DESC_WORDS; k++)
					arrive(k);
				link_ring_rx_next(&rx);
			}
			link_ring_tx_put(&tx, w);
			for (unsigned int k = 0; k < LINK_DESC_WORDS; k++)
				arrive(k);
			place[word] = rte_cpu_to_be_64((uint64_t)tag << LINK_TAG_SHIFT);
			assert_int_equal(rx.tag, 4);
			assert_int_equal(link_ring_rx_take(&rx, w), tag == 4   ? 1
								    : tag == 3 ? 0
									       : -EPROTO);
			w[0] = w[1] = w[2] = w[3] = 0;
		}
	}
}

static void
ring_strides(void **state)
{
	assert_int_equal(link_ring_stride(2), 4096);
	assert_int_equal(link_ring_stride(128), 4096);
	assert_int_equal(link_ring_stride(256), 8192);
}

static uint32_t
crc_by_bits(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
crc_check(void)
{
	uint8_t data[300];

	assert_int_equal(base_crc32c(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 5);
	for (size_t len = 0; len <= sizeof(data); len++) {
		uint32_t want = crc_by_bits(data, len);

		assert_int_equal(base_crc32c(0, data, len), want);
		assert_int_equal(base_crc32c(base_crc32c(0, data, len / 3), data + len / 3,
					     len - len / 3),
				 want);
	}
}

/* By the processor's instruction, and by tables. */
static void
crc32c(void **state)
{
	crc_check();
	rte_hash_crc_set_alg(CRC32_SW);
	crc_check();
}

static void
state_word(void **state)
{
	uint32_t word = 0;

	link_word_set(&word, LINK_QUEUE_DOWN);
	assert_false(link_word_attach(&word));
	link_word_break(&word);
	assert_int_equal(link_word_load(&word), LINK_QUEUE_DOWN);
	link_word_set(&word, LINK_QUEUE_UP);
	assert_true(link_word_gone(&word));
	assert_true(link_word_attach(&word));
	assert_true(link_word_attach(&word));
	assert_int_equal(link_word_load(&word), LINK_WORD_READY);
	assert_false(link_word_gone(&word));
	link_word_break(&word);
	assert_int_equal(link_word_load(&word), LINK_QUEUE_BROKEN | LINK_WORD_ATTACHED);
	assert_false(link_word_attach(&word));
	link_word_detach(&word);
	link_word_detach(&word);
	assert_int_equal(link_word_load(&word), LINK_QUEUE_BROKEN);
	assert_false(link_word_attach(&word));
	assert_true(link_word_gone(&word));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_words), cmocka_unit_test(all_bits_of_a_word),
		cmocka_unit_test(tags_go_round),	cmocka_unit_test(indices_wrap),
		cmocka_unit_test(a_full_shadow),	cmocka_unit_test(tags_of_other_laps),
		cmocka_unit_test(ring_strides),		cmocka_unit_test(crc32c),
		cmocka_unit_test(state_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
