/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All words that two parties of a link share, and the only atomics of lib/link.
 *
 * Three pairs of parties:
 *   peer -> us          words of our DMBs; the peer's stores are the partner.
 *   control <-> data    a queue's state word, a queue's failure, a session's trouble flag.
 *   data -> anybody     counters: relaxed, nothing is ordered by them.
 *
 * Rings. A ring has `depth` places, a power of two. Indices run freely in 32 bits and are
 * masked at access; they wrap at 2^32, which is a multiple of every depth. Lap n (n = 0, 1,
 * ...) writes the tag n % 255 + 1 into each of the four words of a place; what a place held
 * before has the tag of lap n - 1, or 0 in lap 0. So a consumer knows that a descriptor is
 * whole when all four tags are the expected one, in whatever order the words came, and the
 * producer needs no second store to publish. The producer cannot lap the consumer: it never
 * has more requests open than the ring has places (a hostile one can, and harms its own ring
 * only).
 */
#ifndef LINK_RING_H
#define LINK_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "base_shared.h"
#include "link.h"
#include "link_wire.h"

/* --- words of our DMBs --- */

/*
 * Partner: the peer's store (a release for what it stored before; SPEC-ism section 7.6).
 * Acquire, because what is read next (payload, block body) was stored before this word.
 */
static inline uint64_t
link_dmb_load(const void *p)
{
	return rte_be_to_cpu_64(
		atomic_load_explicit(base_shared((const rte_be64_t *)p), memory_order_acquire));
}

/* Copy foreign memory once, word by word. Both 8-byte aligned, len a multiple of 8. */
static inline void
link_dmb_copy(void *dst, const void *src, size_t len)
{
	uint64_t *d = dst;
	const uint64_t *s = src;

	/* Partner: the peer's store; relaxed, as a checksum over the copy says if it is whole. */
	for (size_t i = 0; i < len / sizeof(*d); i++)
		d[i] = atomic_load_explicit(base_shared(&s[i]), memory_order_relaxed);
}

/* --- rings --- */

static inline uint8_t
link_tag_next(uint8_t tag)
{
	return tag == LINK_TAG_COUNT ? 1 : (uint8_t)(tag + 1);
}

#define LINK_RING_AHEAD 4 /* places: two cache lines */

/* The ring that we consume: in our DMB, written by the peer. */
struct link_ring_rx {
	const rte_be64_t *words;
	uint32_t mask;
	uint32_t head; /* next place to look at */
	uint8_t tag; /* expected there */
	uint8_t stale; /* what is there until then */
};

static inline void
link_ring_rx_init(struct link_ring_rx *rx, const void *words, uint32_t depth)
{
	*rx = (struct link_ring_rx){ .words = words, .mask = depth - 1, .tag = 1 };
}

/* Leave the place that was just taken. */
static inline void
link_ring_rx_next(struct link_ring_rx *rx)
{
	if ((++rx->head & rx->mask) == 0) {
		rx->stale = rx->tag;
		rx->tag = link_tag_next(rx->tag);
	}
}

/*
 * Copy the next descriptor if all of it is there; the caller calls link_ring_rx_next() for it.
 * An empty ring costs one load. Partner: the producer's flush. Each word is loaded once, with
 * acquire, so that payload stored before the descriptor is visible.
 * @param w  tags removed.
 * @return 1; 0 nothing (whole) yet; -EPROTO a tag that no honest producer can have put there.
 */
static inline int
link_ring_rx_take(const struct link_ring_rx *rx, uint64_t w[LINK_DESC_WORDS])
{
	const rte_be64_t *place = rx->words + (size_t)(rx->head & rx->mask) * LINK_DESC_WORDS;

	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++) {
		uint64_t word = link_dmb_load(&place[i]);
		uint8_t tag = (uint8_t)(word >> LINK_TAG_SHIFT);

		if (tag != rx->tag)
			return likely(tag == rx->stale) ? 0 : -EPROTO;
		w[i] = word & LINK_WORD_MASK;
	}
	/* Where one is, more are: the line after the next is on its way before it is looked at. */
	__builtin_prefetch(rx->words +
			   (size_t)((rx->head + LINK_RING_AHEAD) & rx->mask) * LINK_DESC_WORDS);
	return 1;
}

/* The ring that we produce: a shadow in our own memory, copied to the peer's DMB by flushes. */
struct link_ring_tx {
	rte_be64_t *shadow;
	uint32_t mask;
	uint32_t tail; /* next place to fill */
	uint32_t sent; /* places before this one have been stored */
	uint8_t tag;
};

static inline void
link_ring_tx_init(struct link_ring_tx *tx, rte_be64_t *shadow, uint32_t depth)
{
	*tx = (struct link_ring_tx){ .shadow = shadow, .mask = depth - 1, .tag = 1 };
}

/* All places hold descriptors that were not flushed: only a hostile peer gets us here. */
static inline bool
link_ring_tx_full(const struct link_ring_tx *tx)
{
	return tx->tail - tx->sent > tx->mask;
}

/* Fill the next place. Only this thread reads the shadow: no atomics. */
static inline void
link_ring_tx_put(struct link_ring_tx *tx, const uint64_t w[LINK_DESC_WORDS])
{
	rte_be64_t *place = tx->shadow + (size_t)(tx->tail & tx->mask) * LINK_DESC_WORDS;
	uint64_t tag = (uint64_t)tx->tag << LINK_TAG_SHIFT;

	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++)
		place[i] = rte_cpu_to_be_64(tag | w[i]);
	if ((++tx->tail & tx->mask) == 0)
		tx->tag = link_tag_next(tx->tag);
}

/* --- a queue's state word ---
 *
 * Bits 0..7 enum link_queue_state, bit 8 "attached". Control: DOWN -> UP, UP -> BROKEN (any
 * time), BROKEN without "attached" -> DOWN. Data: sets "attached" while UP, clears it any
 * time, UP -> BROKEN when a store of its own failed.
 */
#define LINK_WORD_ATTACHED (1u << 8)
#define LINK_WORD_READY (LINK_QUEUE_UP | LINK_WORD_ATTACHED)

/*
 * Partner: link_word_set(UP) of control: rings, slots and windows that control wrote before are
 * visible.
 */
static inline uint32_t
link_word_load(const uint32_t *word)
{
	return atomic_load_explicit(base_shared(word), memory_order_acquire);
}

/* Control, only when nobody is attached. Partner: link_word_load(), link_word_attach(). */
static inline void
link_word_set(uint32_t *word, enum link_queue_state state)
{
	atomic_store_explicit(base_shared(word), (uint32_t)state, memory_order_release);
}

/* @return whether the queue was UP, and is attached now. Partner: link_word_set(UP). */
static inline bool
link_word_attach(uint32_t *word)
{
	uint32_t up = LINK_QUEUE_UP;

	return atomic_compare_exchange_strong_explicit(base_shared(word), &up, LINK_WORD_READY,
						       memory_order_acq_rel,
						       memory_order_acquire) ||
	       up == LINK_WORD_READY;
}

/*
 * Partner: link_word_gone() of control, which frees what the data thread used: release, so that
 * its last accesses come before.
 */
static inline void
link_word_detach(uint32_t *word)
{
	atomic_fetch_and_explicit(base_shared(word), ~LINK_WORD_ATTACHED, memory_order_release);
}

/*
 * UP -> BROKEN, keeping "attached"; any other state stays. Partner: link_word_load(). A compare
 * and exchange, because control and the data thread may both break it, and the data thread may
 * attach or detach meanwhile.
 */
static inline void
link_word_break(uint32_t *word)
{
	uint32_t old = atomic_load_explicit(base_shared(word), memory_order_relaxed);

	while ((old & 0xff) == LINK_QUEUE_UP &&
	       !atomic_compare_exchange_weak_explicit(base_shared(word), &old,
						      (old & ~0xffu) | LINK_QUEUE_BROKEN,
						      memory_order_acq_rel, memory_order_relaxed))
		;
}

/* Control: has the data thread let go? Partner: link_word_detach(). */
static inline bool
link_word_gone(const uint32_t *word)
{
	return (atomic_load_explicit(base_shared(word), memory_order_acquire) &
		LINK_WORD_ATTACHED) == 0;
}

/* --- failures that a data thread reports to control --- */

/* Any thread. @return whether the caller is the first. Nothing is published by it: relaxed. */
static inline bool
link_flag_claim(uint32_t *flag)
{
	return atomic_exchange_explicit(base_shared(flag), 1, memory_order_relaxed) == 0;
}

/* Partner: link_flag_take(). Covers what the data thread wrote about the failure. */
static inline void
link_flag_raise(uint32_t *flag, uint32_t value)
{
	atomic_store_explicit(base_shared(flag), value, memory_order_release);
}

/* Partner: link_flag_raise(). A plain load when nothing is raised, which is nearly always. */
static inline uint32_t
link_flag_take(uint32_t *flag)
{
	if (likely(atomic_load_explicit(base_shared(flag), memory_order_relaxed) == 0))
		return 0;
	return atomic_exchange_explicit(base_shared(flag), 0, memory_order_acquire);
}

#endif
