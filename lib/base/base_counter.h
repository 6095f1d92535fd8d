/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A counter is an _Atomic uint64_t that some thread writes and any thread reads. Relaxed
 * throughout: a counter orders nothing, and each is right by itself.
 *
 * Most counters have one writer: a load and a store, as cheap as those of a plain integer. Those
 * that several threads write take base_count_shared(), a locked addition. Never `counter++`: of
 * an _Atomic that is a locked addition with a full barrier.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Structs of counters are read as arrays of numbers (base_counters_read()). */
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "nothing beside the number");

/* Any thread. */
static inline uint64_t
base_count_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* The one writer: of a gauge, or to begin anew. */
static inline void
base_count_set(_Atomic uint64_t *c, uint64_t value)
{
	atomic_store_explicit(c, value, memory_order_relaxed);
}

/* The one writer. */
static inline void
base_count(_Atomic uint64_t *c, uint64_t n)
{
	base_count_set(c, base_count_get(c) + n);
}

/* The one writer of a gauge. */
static inline void
base_count_sub(_Atomic uint64_t *c, uint64_t n)
{
	base_count_set(c, base_count_get(c) - n);
}

/* The one writer of a peak. */
static inline void
base_count_max(_Atomic uint64_t *c, uint64_t value)
{
	if (value > base_count_get(c))
		base_count_set(c, value);
}

/* One of several writers, all of which use this. */
static inline void
base_count_shared(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

#endif
