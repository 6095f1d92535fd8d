/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "blk_pool.h"

int
blk_pool_open(struct blk_pool *pool, unsigned int count, uint32_t size)
{
	void *mem = mmap(NULL, (size_t)count * size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	pool->size = size;
	pool->count = pool->free = count;
	pool->share = RTE_MAX(1u, (count - 1) / 2);
	pool->mem = mem != MAP_FAILED ? mem : NULL;
	pool->stack = calloc(count, sizeof(*pool->stack));
	if (pool->mem == NULL || pool->stack == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		pool->stack[i] = (uint16_t)(count - 1 - i);
	return 0;
}

void
blk_pool_close(struct blk_pool *pool)
{
	if (pool->mem != NULL)
		munmap(pool->mem, (size_t)pool->count * pool->size);
	free(pool->stack);
}

void *
blk_pool_get(struct blk_pool *pool, uint16_t unit, bool brief)
{
	uint16_t *held = &pool->held[unit - 1];

	if (pool->free == 0 || (!brief && (pool->free == 1 || *held == pool->share)))
		return NULL;
	(*held)++;
	return pool->mem + (size_t)pool->stack[--pool->free] * pool->size;
}

void
blk_pool_put(struct blk_pool *pool, uint16_t unit, void *buffer)
{
	size_t at = (size_t)((uint8_t *)buffer - pool->mem);

	pool->held[unit - 1]--;
	pool->stack[pool->free++] = (uint16_t)(at / pool->size);
}
