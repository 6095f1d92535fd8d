/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hist.h"

void
base_hist_clear(struct base_hist *h)
{
	base_count_set(&h->count, 0);
	base_count_set(&h->sum, 0);
	base_count_set(&h->min, 0);
	base_count_set(&h->max, 0);
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		base_count_set(&h->bucket[i], 0);
}

void
base_hist_merge(struct base_hist *to, const struct base_hist *from)
{
	uint64_t count = base_count_get(&from->count), min = base_count_get(&from->min);
	uint64_t max = base_count_get(&from->max);

	if (count == 0)
		return;
	if (base_count_get(&to->count) == 0 || min < base_count_get(&to->min))
		base_count_set(&to->min, min);
	base_count_max(&to->max, max);
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		base_count(&to->bucket[i], base_count_get(&from->bucket[i]));
	base_count(&to->sum, base_count_get(&from->sum));
	base_count(&to->count, count);
}

/* The buckets are the truth: `count` may be a moment ahead of or behind them. */
static uint64_t
total(const struct base_hist *h)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		n += base_count_get(&h->bucket[i]);
	return n;
}

/* The smallest whole number of values that is at least permille/1000 of n, without overflow. */
static uint64_t
rank(uint64_t n, unsigned int permille)
{
	uint64_t whole = n / 1000 * permille + (n % 1000 * permille + 999) / 1000;

	return whole == 0 ? 1 : whole;
}

uint64_t
base_hist_percentile(const struct base_hist *h, unsigned int permille)
{
	uint64_t n = total(h), below = 0, want = rank(n, permille), min, max, value;
	unsigned int i;

	if (n == 0)
		return 0;
	for (i = 0; i < BASE_HIST_BUCKETS - 1; i++) {
		below += base_count_get(&h->bucket[i]);
		if (below >= want)
			break;
	}
	min = base_count_get(&h->min);
	max = base_count_get(&h->max);
	/* The last bucket has no upper end of its own. */
	value = i == BASE_HIST_BUCKETS - 1 ? max : base_hist_limit(i);
	if (value > max)
		value = max;
	return value < min ? min : value;
}

void
base_hist_summary(const struct base_hist *h, struct base_hist_summary *s)
{
	uint64_t count = base_count_get(&h->count);

	*s = (struct base_hist_summary){ .count = count };
	if (count == 0)
		return;
	s->mean = base_count_get(&h->sum) / count;
	s->min = base_count_get(&h->min);
	s->p50 = base_hist_percentile(h, 500);
	s->p99 = base_hist_percentile(h, 990);
	s->p999 = base_hist_percentile(h, 999);
	s->max = base_count_get(&h->max);
}
