/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address of a store on BAR 0 (SPEC-ism section 2.3):
 *
 *	63        48 47                32 31      24 23  22          0
 *	+-----------+--------------------+----------+----+-------------+
 *	|     0     |        token       |   idx    | sf |   offset    |
 *	+-----------+--------------------+----------+----+-------------+
 *
 * token   names the remote DMB; as a 64-bit value its low 24 bits are 0.
 * idx     bit of the DMB's dmbe_mask that sf=1 sets, 0..15.
 * sf      after the data, signal the owner.
 * offset  in the remote DMB, bytes.
 */
#ifndef ISM_ADDR_H
#define ISM_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define ISM_ADDR_OFF_BITS 23
#define ISM_ADDR_OFF_MAX ((UINT32_C(1) << ISM_ADDR_OFF_BITS) - 1)
#define ISM_ADDR_SF (UINT64_C(1) << 23)
#define ISM_ADDR_IDX_SHIFT 24
#define ISM_ADDR_TOKEN_SHIFT 32
#define ISM_TOKEN_LOW_MASK ((UINT64_C(1) << 24) - 1) /* these bits of a token are 0 */
#define ISM_DMBE_COUNT 16 /* bits of one dmbe_mask */

/* Store rules of SPEC-ism section 7. */
#define ISM_PAGE_SIZE 4096u
#define ISM_STORE_ALIGN 8u
#define ISM_STORE_MIN 16u
#define ISM_STORE_MAX 4096u

struct ism_addr {
	uint64_t token;
	uint32_t offset;
	uint8_t idx;
	bool sf;
};

/* @param token low 24 bits 0; @param offset at most ISM_ADDR_OFF_MAX. */
static inline uint64_t
ism_addr_encode(uint64_t token, uint8_t idx, bool sf, uint32_t offset)
{
	return token | (uint64_t)idx << ISM_ADDR_IDX_SHIFT | (sf ? ISM_ADDR_SF : 0) | offset;
}

/* Any BAR 0 offset decodes; whether the parts make sense is the device's business. */
static inline struct ism_addr
ism_addr_decode(uint64_t addr)
{
	return (struct ism_addr){
		.token = addr >> ISM_ADDR_TOKEN_SHIFT << ISM_ADDR_TOKEN_SHIFT,
		.offset = (uint32_t)addr & ISM_ADDR_OFF_MAX,
		.idx = (uint8_t)(addr >> ISM_ADDR_IDX_SHIFT),
		.sf = (addr & ISM_ADDR_SF) != 0,
	};
}

#endif
