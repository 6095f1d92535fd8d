/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Histogram of times in nanoseconds, log-linear: each octave has 16 buckets of equal width, so a
 * value that comes out is at most 1/16 above one that went in. No memory, no lock.
 *
 * Threads: one writes (base_hist_add(), base_hist_clear()), any may read meanwhile. Counters are
 * relaxed: nothing is ordered by them, a reader may see a moment between two of them.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define BASE_HIST_SUB_SHIFT 4 /* 16 buckets an octave */
#define BASE_HIST_SUB (1u << BASE_HIST_SUB_SHIFT)
#define BASE_HIST_BITS 40 /* values of 2^40 ns (18 minutes) and more share the last bucket */
#define BASE_HIST_BUCKETS ((BASE_HIST_BITS - BASE_HIST_SUB_SHIFT + 1) * BASE_HIST_SUB)

struct base_hist {
	uint64_t count;
	uint64_t sum; /* ns */
	uint64_t min, max; /* ns, exact; 0 when count is 0 */
	uint64_t bucket[BASE_HIST_BUCKETS];
};

/*
 * Values below 16 have a bucket each; above, the 4 bits behind the leading one choose.
 * @return 0..BASE_HIST_BUCKETS-1.
 */
static inline unsigned int
base_hist_bucket(uint64_t ns)
{
	unsigned int octave;

	if (ns < BASE_HIST_SUB)
		return (unsigned int)ns;
	if (ns >> BASE_HIST_BITS != 0)
		return BASE_HIST_BUCKETS - 1;
	octave = 63 - (unsigned int)__builtin_clzll(ns) - BASE_HIST_SUB_SHIFT;
	return octave * BASE_HIST_SUB + (unsigned int)(ns >> octave);
}

/* The largest value that falls into a bucket. */
static inline uint64_t
base_hist_limit(unsigned int bucket)
{
	unsigned int octave = bucket / BASE_HIST_SUB;

	if (octave == 0)
		return bucket;
	octave--;
	return ((uint64_t)(bucket % BASE_HIST_SUB + BASE_HIST_SUB + 1) << octave) - 1;
}

/* The one writer. */
static inline void
base_hist_put(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

/* Any thread. */
static inline uint64_t
base_hist_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* `times` values of `ns` each. */
static inline void
base_hist_add(struct base_hist *h, uint64_t ns, uint64_t times)
{
	uint64_t *bucket = &h->bucket[base_hist_bucket(ns)];

	if (h->count == 0 || ns < h->min)
		base_hist_put(&h->min, ns);
	if (ns > h->max)
		base_hist_put(&h->max, ns);
	base_hist_put(bucket, *bucket + times);
	base_hist_put(&h->sum, h->sum + ns * times);
	base_hist_put(&h->count, h->count + times);
}

/* The writer. */
void base_hist_clear(struct base_hist *h);

/* Add what `from` holds to `to`, of which the caller is the writer. */
void base_hist_merge(struct base_hist *to, const struct base_hist *from);

/* What people ask of a histogram; all in ns, all 0 when there are no values. */
struct base_hist_summary {
	uint64_t count;
	uint64_t mean;
	uint64_t min, p50, p99, p999, max;
};
/* Any thread. Percentiles lie between min and max, and ascend. */
void base_hist_summary(const struct base_hist *h, struct base_hist_summary *s);

/*
 * The value that `permille` of 1000 values do not exceed: the upper end of its bucket, so at most
 * 1/16 too large. Any thread.
 * @param permille  0..1000.
 * @return 0 when there are no values.
 */
uint64_t base_hist_percentile(const struct base_hist *h, unsigned int permille);

#endif
