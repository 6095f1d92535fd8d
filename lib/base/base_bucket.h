/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets: what one source (a peer, a client, a user) may use of something that others
 * use as well. A bucket belongs to one source and one thread. No memory, no lock, no system call.
 */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base_time.h"

/* Tokens that come back each second, and how many a full bucket holds. Neither is 0. */
struct base_rate {
	uint64_t per_s;
	uint64_t burst;
};

/* All zero: a full bucket. */
struct base_bucket {
	uint64_t full_ns; /* when it is full again; the past: it is full */
	unsigned int withheld; /* base_line_due(): lines since the last one */
};

/* How long `n` tokens take to come back. n < 2^34. */
static inline uint64_t
base_rate_ns(const struct base_rate *rate, uint64_t n)
{
	return n * BASE_NS_PER_S / rate->per_s;
}

/*
 * Take n tokens, all or none.
 * @param now  base_now_ns().
 * @return false: it does not hold as many now, nor ever if n is above rate->burst.
 */
static inline bool
base_bucket_take(struct base_bucket *b, const struct base_rate *rate, uint64_t now, uint64_t n)
{
	uint64_t from = b->full_ns > now ? b->full_ns : now;
	uint64_t full = from + base_rate_ns(rate, n);

	if (full - now > base_rate_ns(rate, rate->burst))
		return false;
	b->full_ns = full;
	return true;
}

/* @return how many ns from now on it will hold n tokens (at most the burst); 0: it does. */
static inline uint64_t
base_bucket_wait(const struct base_bucket *b, const struct base_rate *rate, uint64_t now,
		 uint64_t n)
{
	uint64_t lacks = b->full_ns > now ? b->full_ns - now : 0;
	uint64_t need = lacks + base_rate_ns(rate, n);
	uint64_t holds = base_rate_ns(rate, rate->burst);

	return need > holds ? need - holds : 0;
}

/*
 * The same for lines of a log: ten at once, then one in five seconds.
 * @param withheld  when the line is due: how many were not since the last one that was; add
 *                  " (N more)" to the line unless it is 0. Not NULL.
 * @return true: write the line.
 */
static inline bool
base_line_due(struct base_bucket *b, uint64_t now, unsigned int *withheld)
{
	/* A token is 1/10 of a line. */
	static const struct base_rate rate = { .per_s = 2, .burst = 100 };

	*withheld = 0;
	if (!base_bucket_take(b, &rate, now, 10)) {
		b->withheld++;
		return false;
	}
	*withheld = b->withheld;
	b->withheld = 0;
	return true;
}

#endif
