/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the engine: buffers that READs read into, taken at set-up.
 *
 * An export whose disk hangs may hold buffers for ever. So no export gets more than half of
 * them, and the last one goes only to those who give it back at once.
 */
#ifndef BLK_POOL_H
#define BLK_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "blk.h"

struct blk_pool {
	uint8_t *mem; /* count * size */
	uint32_t size;
	unsigned int count, free, share;
	uint16_t *stack; /* of free ones; last in, first out: the warmest first */
	uint16_t held[BLK_EXPORTS_MAX]; /* by unit - 1 */
};

/* @param count  2 or more. @return 0; -ENOMEM: blk_pool_close() all the same. */
int blk_pool_open(struct blk_pool *pool, unsigned int count, uint32_t size);
void blk_pool_close(struct blk_pool *pool);
/*
 * @param brief  it comes back before anyone else can ask. @return NULL: none for this export now.
 */
void *blk_pool_get(struct blk_pool *pool, uint16_t unit, bool brief);
void blk_pool_put(struct blk_pool *pool, uint16_t unit, void *buffer);

#endif
