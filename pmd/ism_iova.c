/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "ism_addr.h"
#include "ism_iova.h"

/* Nothing above, so that no sum here can wrap; and not 0, which says "none" to the device. */
#define IOVA_TOP (UINT64_MAX >> 2)

void
ism_iova_init(struct ism_iova *iova, uint64_t first, uint64_t last)
{
	iova->first = RTE_MAX(first, (uint64_t)ISM_PAGE_SIZE);
	iova->last = RTE_MIN(last, IOVA_TOP);
	iova->count = 0;
}

/* The lowest place at or above `at` where len bytes cross no boundary. */
static uint64_t
place(uint64_t at, uint64_t len)
{
	if ((at ^ (at + len - 1)) & ~(ISM_IOVA_BOUNDARY - 1))
		at = (at | (ISM_IOVA_BOUNDARY - 1)) + 1;
	return at;
}

int
ism_iova_alloc(struct ism_iova *iova, uint64_t len, uint64_t *addr)
{
	uint64_t at = place(iova->first, len);
	unsigned int i;

	if (iova->count == ISM_IOVA_RANGES)
		return -ENOMEM;
	for (i = 0; i < iova->count; i++) {
		if (at + len <= iova->range[i].start)
			break;
		at = place(iova->range[i].start + iova->range[i].len, len);
	}
	if (at > iova->last || len - 1 > iova->last - at)
		return -ENOMEM;
	memmove(&iova->range[i + 1], &iova->range[i], (iova->count - i) * sizeof(iova->range[0]));
	iova->range[i] = (struct ism_iova_range){ .start = at, .len = len };
	iova->count++;
	*addr = at;
	return 0;
}

void
ism_iova_free(struct ism_iova *iova, uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < iova->count && iova->range[i].start != addr; i++)
		;
	assert(i < iova->count);
	iova->count--;
	memmove(&iova->range[i], &iova->range[i + 1], (iova->count - i) * sizeof(iova->range[0]));
}
