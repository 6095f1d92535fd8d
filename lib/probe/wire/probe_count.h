/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of link tests: one writer, any reader; nothing is ordered by them. */
#ifndef PROBE_COUNT_H
#define PROBE_COUNT_H

#include <stdint.h>

static inline void
probe_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void
probe_put(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline uint64_t
probe_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
