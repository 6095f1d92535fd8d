/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Histogram of times in nanoseconds, log-linear: each octave has 16 buckets of equal width, so a
 * value that comes out is at most 1/16 above one that went in. No memory, no lock.
 *
 * Threads: one writes (base_hist_add(), base_hist_clear()), any may read meanwhile. A reader
 * may see a moment between two of its counters.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#include "base_counter.h"
#include "base_metric.h"

#define BASE_HIST_SUB_SHIFT 4 /* 16 buckets an octave */
#define BASE_HIST_SUB (1u << BASE_HIST_SUB_SHIFT)
#define BASE_HIST_BITS 40 /* values of 2^40 ns (18 minutes) and more share the last bucket */
#define BASE_HIST_BUCKETS ((BASE_HIST_BITS - BASE_HIST_SUB_SHIFT + 1) * BASE_HIST_SUB)

struct base_hist {
	_Atomic uint64_t count;
	_Atomic uint64_t sum; /* ns */
	_Atomic uint64_t min, max; /* ns, exact; 0 when count is 0 */
	_Atomic uint64_t bucket[BASE_HIST_BUCKETS];
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

/* `times` values of `ns` each. */
static inline void
base_hist_add(struct base_hist *h, uint64_t ns, uint64_t times)
{
	if (base_count_get(&h->count) == 0 || ns < base_count_get(&h->min))
		base_count_set(&h->min, ns);
	base_count_max(&h->max, ns);
	base_count(&h->bucket[base_hist_bucket(ns)], times);
	base_count(&h->sum, ns * times);
	base_count(&h->count, times);
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
/* clang-format off */
/* As telemetry tells it (base_tel_latency()); OpenMetrics has the whole histogram. */
#define BASE_LATENCY_METRICS(X) \
	X(min_ns, GAUGE, NS, "", NULL, "The shortest so far.") \
	X(p50_ns, GAUGE, NS, "", NULL, "The median.") \
	X(p99_ns, GAUGE, NS, "", NULL, "What 99 % do not exceed.") \
	X(p999_ns, GAUGE, NS, "", NULL, "What 99.9 % do not exceed.") \
	X(max_ns, PEAK, NS, "", NULL, "The longest so far.")
/* clang-format on */
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
