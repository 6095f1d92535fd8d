/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_hist.h"

void
base_hist_clear(struct base_hist *h)
{
	base_hist_put(&h->count, 0);
	base_hist_put(&h->sum, 0);
	base_hist_put(&h->min, 0);
	base_hist_put(&h->max, 0);
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		base_hist_put(&h->bucket[i], 0);
}

void
base_hist_merge(struct base_hist *to, const struct base_hist *from)
{
	uint64_t count = base_hist_get(&from->count), min = base_hist_get(&from->min);
	uint64_t max = base_hist_get(&from->max);

	if (count == 0)
		return;
	if (to->count == 0 || min < to->min)
		base_hist_put(&to->min, min);
	if (max > to->max)
		base_hist_put(&to->max, max);
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		base_hist_put(&to->bucket[i], to->bucket[i] + base_hist_get(&from->bucket[i]));
	base_hist_put(&to->sum, to->sum + base_hist_get(&from->sum));
	base_hist_put(&to->count, to->count + count);
}

/* The buckets are the truth: `count` may be a moment ahead of or behind them. */
static uint64_t
total(const struct base_hist *h)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		n += base_hist_get(&h->bucket[i]);
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
		below += base_hist_get(&h->bucket[i]);
		if (below >= want)
			break;
	}
	min = base_hist_get(&h->min);
	max = base_hist_get(&h->max);
	/* The last bucket has no upper end of its own. */
	value = i == BASE_HIST_BUCKETS - 1 ? max : base_hist_limit(i);
	if (value > max)
		value = max;
	return value < min ? min : value;
}

void
base_hist_summary(const struct base_hist *h, struct base_hist_summary *s)
{
	uint64_t count = base_hist_get(&h->count);

	*s = (struct base_hist_summary){ .count = count };
	if (count == 0)
		return;
	s->mean = base_hist_get(&h->sum) / count;
	s->min = base_hist_get(&h->min);
	s->p50 = base_hist_percentile(h, 500);
	s->p99 = base_hist_percentile(h, 990);
	s->p999 = base_hist_percentile(h, 999);
	s->max = base_hist_get(&h->max);
}
