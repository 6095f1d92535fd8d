/* SPDX-License-Identifier: BSD-3-Clause */
/* Latencies in buckets of half an octave: bucket i begins at 2^(i/2) ns. */
#include "blk_client_priv.h"

/* 1000 times the square root of 2, and of the square root of that. */
#define SQRT2_1000 1414
#define MIDDLE_EVEN_1000 1189
#define MIDDLE_ODD_1000 1682

unsigned int
blk_hist_bucket(uint64_t ns)
{
	unsigned int octave, bucket;

	if (ns < 2)
		return 0;
	if (ns >= 1ULL << 40) /* 18 minutes: the last bucket, and no overflow below */
		return BLK_HIST_BUCKETS - 1;
	octave = 63 - (unsigned int)__builtin_clzll(ns);
	bucket = 2 * octave + (ns * 1000 >= (SQRT2_1000 * (1ULL << octave)));
	return bucket < BLK_HIST_BUCKETS ? bucket : BLK_HIST_BUCKETS - 1;
}

uint64_t
blk_hist_value(unsigned int bucket)
{
	uint64_t base = 1ULL << (bucket / 2);

	return base * (bucket % 2 ? MIDDLE_ODD_1000 : MIDDLE_EVEN_1000) / 1000;
}

uint64_t
blk_hist_percentile(const uint64_t hist[BLK_HIST_BUCKETS], unsigned int permille)
{
	uint64_t total = 0, below = 0, limit;
	unsigned int i;

	for (i = 0; i < BLK_HIST_BUCKETS; i++)
		total += hist[i];
	if (total == 0)
		return 0;
	limit = (total * permille + 999) / 1000;
	for (i = 0; i < BLK_HIST_BUCKETS - 1; i++) {
		below += hist[i];
		if (below >= limit)
			break;
	}
	return blk_hist_value(i);
}
