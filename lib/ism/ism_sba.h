/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SBA, the signal bit area: one page of the owner's memory in which the device
 * sets bits (SPEC-ism section 4). Big-endian; bit 0 of a word or mask is its most
 * significant one, so bit n of the whole bit field is in byte n / 8.
 *
 * Two parties that share nothing but the page use it: the device sets, the owner
 * clears, both with atomic read-modify-write of one naturally aligned word, so neither
 * loses a bit of the other. Order:
 *
 *	device                          owner
 *	1 store data (release)          1 take the summary bit (acquire)
 *	2 OR dmbe_mask                  2 take a DMB bit
 *	3 OR DMB bit                    3 take its dmbe_mask
 *	4 OR summary bit                4 look at the data
 *
 * The device's OR of each step is a release, the owner's take of the same bit is its
 * acquire partner. The owner clears before it looks: a signal that comes while it
 * looks sets the bit anew and is found in the next round; the other order would
 * lose it. Several signals of one DMB become one bit.
 */
#ifndef ISM_SBA_H
#define ISM_SBA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_shared.h"
#include "ism_cmd.h"

#define ISM_NR_DMBS 1920u
#define ISM_DMB_IDX_MIN 32u /* the first word stays unused */
#define ISM_DMB_IDX_MAX (ISM_NR_DMBS - 1)
#define ISM_DMB_COUNT (ISM_NR_DMBS - ISM_DMB_IDX_MIN) /* 1888 usable */
#define ISM_SBA_WORDS (ISM_NR_DMBS / 32)

#define ISM_SBA_SUMMARY UINT32_C(0x80000000)
#define ISM_SBA_EVENT UINT32_C(0x40000000)

struct ism_sba {
	rte_be32_t flags; /* ISM_SBA_SUMMARY, ISM_SBA_EVENT */
	rte_be32_t dmb_bits[ISM_SBA_WORDS];
	rte_be32_t reserved[3];
	rte_be16_t dmbe_mask[ISM_NR_DMBS];
};
ISM_WIRE_SIZE(ism_sba, 4096);
static_assert(offsetof(struct ism_sba, dmb_bits) == 4, "ism_sba.dmb_bits");
static_assert(offsetof(struct ism_sba, dmbe_mask) == 256, "ism_sba.dmbe_mask");

static inline rte_be32_t
ism_sba_dmb_bit(uint32_t idx)
{
	return rte_cpu_to_be_32(UINT32_C(0x80000000) >> (idx & 31));
}

/* --- device --- */

/*
 * Signal DMB `idx` (below ISM_NR_DMBS), bit `dmbe` (below ISM_DMBE_COUNT) of its mask.
 * The data must have been stored by this thread before.
 */
static inline void
ism_sba_signal(struct ism_sba *sba, uint32_t idx, uint8_t dmbe)
{
	rte_be16_t mask = rte_cpu_to_be_16((uint16_t)(0x8000u >> dmbe));

	atomic_fetch_or_explicit(base_shared(&sba->dmbe_mask[idx]), mask, memory_order_release);
	atomic_fetch_or_explicit(base_shared(&sba->dmb_bits[idx / 32]), ism_sba_dmb_bit(idx),
				 memory_order_release);
	atomic_fetch_or_explicit(base_shared(&sba->flags), rte_cpu_to_be_32(ISM_SBA_SUMMARY),
				 memory_order_release);
}

/* Say that the event queue has something new. Entry and queue index were stored before. */
static inline void
ism_sba_event(struct ism_sba *sba)
{
	atomic_fetch_or_explicit(base_shared(&sba->flags),
				 rte_cpu_to_be_32(ISM_SBA_SUMMARY | ISM_SBA_EVENT),
				 memory_order_release);
}

/* --- owner --- */

/* Is anything set? A load only: for polling. */
static inline bool
ism_sba_pending(const struct ism_sba *sba)
{
	return atomic_load_explicit(base_shared(&sba->flags), memory_order_relaxed) != 0;
}

/* Clear the summary bit. @return it was set. */
static inline bool
ism_sba_take_summary(struct ism_sba *sba)
{
	rte_be32_t bit = rte_cpu_to_be_32(ISM_SBA_SUMMARY);

	return (atomic_fetch_and_explicit(base_shared(&sba->flags), ~bit, memory_order_acquire) &
		bit) != 0;
}

/* Clear the event bit. @return it was set. */
static inline bool
ism_sba_take_event(struct ism_sba *sba)
{
	rte_be32_t bit = rte_cpu_to_be_32(ISM_SBA_EVENT);

	return (atomic_fetch_and_explicit(base_shared(&sba->flags), ~bit, memory_order_acquire) &
		bit) != 0;
}

/*
 * Find the first DMB at or above `from` whose bit is set, and clear the bit.
 * @return its index, or ISM_NR_DMBS when there is none.
 */
static inline uint32_t
ism_sba_take_dmb(struct ism_sba *sba, uint32_t from)
{
	uint32_t idx = from < ISM_DMB_IDX_MIN ? ISM_DMB_IDX_MIN : from;
	uint32_t word;

	while (idx < ISM_NR_DMBS) {
		word = rte_be_to_cpu_32(atomic_load_explicit(base_shared(&sba->dmb_bits[idx / 32]),
							     memory_order_relaxed));
		word &= UINT32_MAX >> (idx & 31);
		if (word == 0) {
			idx = (idx / 32 + 1) * 32;
			continue;
		}
		idx = idx / 32 * 32 + (uint32_t)__builtin_clz(word);
		atomic_fetch_and_explicit(base_shared(&sba->dmb_bits[idx / 32]),
					  ~ism_sba_dmb_bit(idx), memory_order_acquire);
		return idx;
	}
	return ISM_NR_DMBS;
}

/* Take and clear the mask of DMB `idx`; bit n of the device is 0x8000 >> n here. */
static inline uint16_t
ism_sba_take_mask(struct ism_sba *sba, uint32_t idx)
{
	return rte_be_to_cpu_16(atomic_exchange_explicit(base_shared(&sba->dmbe_mask[idx]), 0,
							 memory_order_acquire));
}

#endif
