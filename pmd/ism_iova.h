/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA addresses of the memory that the device sees, out of the window that the bus allows.
 * No range crosses a multiple of 1 MiB (SPEC-ism section 3.25). First fit; for the control path.
 */
#ifndef ISM_IOVA_H
#define ISM_IOVA_H

#include <stdint.h>

#include "ism_sba.h"

#define ISM_IOVA_BOUNDARY (UINT64_C(1) << 20)
#define ISM_IOVA_RANGES (ISM_DMB_COUNT + 1) /* every DMB, and the device's own pages */

struct ism_iova_range {
	uint64_t start;
	uint64_t len;
};

struct ism_iova {
	uint64_t first; /* of the window */
	uint64_t last; /* last byte of the window */
	unsigned int count;
	struct ism_iova_range range[ISM_IOVA_RANGES]; /* in use, ascending */
};

/* @param first, last  inclusive; first 4 KiB aligned. */
void ism_iova_init(struct ism_iova *iova, uint64_t first, uint64_t last);
/*
 * @param len  a multiple of 4 KiB, at most 1 MiB.
 * @return 0, or -ENOMEM: the window or the table is full.
 */
int ism_iova_alloc(struct ism_iova *iova, uint64_t len, uint64_t *addr);
/* addr: as it was given out. */
void ism_iova_free(struct ism_iova *iova, uint64_t addr);

#endif
