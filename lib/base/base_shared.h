/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words in memory that somebody else writes: the device, a peer, the fabric, another process.
 * They have the types of the wire (rte_be64_t, ...), which are not _Atomic. This is the one place
 * where they become so: each access names its order, and reads or writes the word once.
 *
 *	idx = atomic_load_explicit(base_shared(&ieq->hdr.idx), memory_order_acquire);
 */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

/* @param p  aligned, of an integer of 1, 2, 4 or 8 bytes: those are free of locks everywhere. */
#define base_shared(p) ((_Atomic __typeof__(*(p)) *)(uintptr_t)(p))

_Static_assert(sizeof(_Atomic uint8_t) == 1 && sizeof(_Atomic uint16_t) == 2 &&
		       sizeof(_Atomic uint32_t) == 4 && sizeof(_Atomic uint64_t) == 8,
	       "an _Atomic is the word itself");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "no lock beside the words");

#endif
