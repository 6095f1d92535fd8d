/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a store of many bytes becomes PCISTBs (SPEC-ism section 7). Pure functions.
 *
 * A piece lies in one 4 KiB page of the DMB and has 16 to maxstbl bytes, a multiple of 8.
 * In a page, as many full pieces as fit; where 8 bytes would be left over, the piece before
 * gives up 8 of its own. That never costs a piece more than the fewest possible.
 *
 * Two ranges cannot be expressed at all, because they have only 8 bytes in their first or last
 * page: those are refused.
 */
#ifndef ISM_SPLIT_H
#define ISM_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "ism_addr.h"

/* May [off, off + len) of a DMB of `limit` bytes be stored? */
static inline bool
ism_split_ok(uint32_t off, uint32_t len, uint32_t limit)
{
	uint32_t end = off + len;

	return ((off | len) & (ISM_STORE_ALIGN - 1)) == 0 && len >= ISM_STORE_MIN && len <= limit &&
	       off <= limit - len && off % ISM_PAGE_SIZE <= ISM_PAGE_SIZE - ISM_STORE_MIN &&
	       end % ISM_PAGE_SIZE != ISM_STORE_ALIGN;
}

/*
 * Bytes of the first piece of [off, off + len).
 * @param maxstbl  ISM_MAXSTBL_MIN..ISM_MAXSTBL_MAX, a multiple of 8.
 */
static inline uint32_t
ism_split_next(uint32_t off, uint32_t len, uint32_t maxstbl)
{
	uint32_t room = ISM_PAGE_SIZE - off % ISM_PAGE_SIZE;
	uint32_t n = len < room ? len : room;

	if (n <= maxstbl)
		return n;
	return n - maxstbl < ISM_STORE_MIN ? maxstbl - ISM_STORE_ALIGN : maxstbl;
}

/* How many pieces there are. */
static inline uint32_t
ism_split_count(uint32_t off, uint32_t len, uint32_t maxstbl)
{
	uint32_t n, count = 0;

	for (; len > 0; count++, off += n, len -= n)
		n = ism_split_next(off, len, maxstbl);
	return count;
}

#endif
