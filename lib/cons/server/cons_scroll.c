/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "cons_scroll.h"

int
cons_scroll_init(struct cons_scroll *s, uint32_t size)
{
	s->data = malloc(size);
	s->size = size;
	s->head = 0;
	return s->data != NULL ? 0 : -ENOMEM;
}

void
cons_scroll_fini(struct cons_scroll *s)
{
	free(s->data);
	s->data = NULL;
}

uint8_t *
cons_scroll_space(const struct cons_scroll *s, uint32_t *len)
{
	uint32_t at = (uint32_t)(s->head % s->size);

	*len = s->size - at;
	return s->data + at;
}

void
cons_scroll_added(struct cons_scroll *s, uint32_t len)
{
	s->head += len;
}

const uint8_t *
cons_scroll_at(const struct cons_scroll *s, uint64_t pos, uint32_t *len)
{
	uint32_t at = (uint32_t)(pos % s->size);

	*len = (uint32_t)RTE_MIN(s->head - pos, (uint64_t)(s->size - at));
	return s->data + at;
}

static uint8_t
byte_at(const struct cons_scroll *s, uint64_t pos)
{
	return s->data[pos % s->size];
}

uint64_t
cons_scroll_begin(const struct cons_scroll *s, uint64_t history)
{
	uint64_t tail = cons_scroll_tail(s);
	uint64_t begin = history < s->head - tail ? s->head - history : tail;
	uint64_t last = RTE_MIN(begin + CONS_SCROLL_LINE, s->head);

	/* A line starts behind the end of another, if that can still be seen. */
	if (begin == 0 || (begin > tail && byte_at(s, begin - 1) == '\n'))
		return begin;
	for (uint64_t pos = begin + 1; pos < last; pos++) {
		if (byte_at(s, pos - 1) == '\n')
			return pos;
	}
	return begin;
}
