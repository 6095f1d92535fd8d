/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: the newest bytes of a console's output, by their positions.
 *
 * Byte p of the output lies at p % size until size more have come. A terminal is read straight
 * into the ring and peers are sent straight from it. One thread.
 */
#ifndef CONS_SCROLL_H
#define CONS_SCROLL_H

#include <stddef.h>
#include <stdint.h>

struct cons_scroll {
	uint8_t *data;
	uint32_t size;
	uint64_t head; /* position of the byte that comes next */
};

/* @return 0, -ENOMEM. */
int cons_scroll_init(struct cons_scroll *s, uint32_t size);
/* Tolerates one that was never made. */
void cons_scroll_fini(struct cons_scroll *s);

/* Position of the oldest byte that is there; head if there is none. */
static inline uint64_t
cons_scroll_tail(const struct cons_scroll *s)
{
	return s->head > s->size ? s->head - s->size : 0;
}

/* Where the next bytes go: *len bytes in one piece, at least 1. The oldest ones lie there. */
uint8_t *cons_scroll_space(const struct cons_scroll *s, uint32_t *len);
/* The first len bytes of cons_scroll_space() have been written. */
void cons_scroll_added(struct cons_scroll *s, uint32_t len);

/* @param pos  tail .. head - 1. @return *len bytes in one piece, at least 1. */
const uint8_t *cons_scroll_at(const struct cons_scroll *s, uint64_t pos, uint32_t *len);

/*
 * Where somebody begins who wants at most `history` bytes: so far before head, or at tail, and
 * then at the start of a line if one begins in the next CONS_SCROLL_LINE bytes.
 */
#define CONS_SCROLL_LINE 4096
uint64_t cons_scroll_begin(const struct cons_scroll *s, uint64_t history);

#endif
