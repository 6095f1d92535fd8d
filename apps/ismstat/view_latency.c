/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Latencies of a span of time. Percentiles cannot be subtracted, histograms can: what a program has
 * counted until now, less what it had counted before.
 */
#include <string.h>

#include "base_tel.h"
#include "view.h"

/* What base_tel_hist() tells, from a program that may be another one than it says. */
bool
view_histogram(const json_t *answer, struct base_hist *h)
{
	const json_t *buckets = json_object_get(answer, "buckets"), *item;
	json_int_t first = json_integer_value(json_object_get(answer, "first"));
	size_t i;

	memset(h, 0, sizeof(*h));
	base_count_set(&h->sum, (uint64_t)json_integer_value(json_object_get(answer, "sum_ns")));
	base_count_set(&h->min, (uint64_t)json_integer_value(json_object_get(answer, "min_ns")));
	base_count_set(&h->max, (uint64_t)json_integer_value(json_object_get(answer, "max_ns")));
	if (!json_is_array(buckets) || first < 0 || first >= BASE_HIST_BUCKETS ||
	    json_array_size(buckets) > (size_t)(BASE_HIST_BUCKETS - first))
		return false;
	json_array_foreach(buckets, i, item)
	{
		if (json_integer_value(item) < 0)
			return false;
		base_count_set(&h->bucket[(size_t)first + i], (uint64_t)json_integer_value(item));
		base_count(&h->count, (uint64_t)json_integer_value(item));
	}
	return true;
}

/* The lowest ones are told as one now, and perhaps were not then. */
static void
fold(struct base_hist *before, const struct base_hist *now)
{
	unsigned int first = 0;

	while (first < BASE_HIST_BUCKETS - 1 && base_count_get(&now->bucket[first]) == 0)
		first++;
	for (unsigned int i = 0; i < first; i++) {
		base_count(&before->bucket[first], base_count_get(&before->bucket[i]));
		base_count_set(&before->bucket[i], 0);
	}
}

/* Take what was there before. @return false: it began anew meanwhile. */
static bool
take_away(struct base_hist *now, const struct base_hist *before)
{
	uint64_t max = 0, min = 0, n, was, count = 0;

	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++) {
		n = base_count_get(&now->bucket[i]);
		was = base_count_get(&before->bucket[i]);
		if (n < was)
			return false;
		base_count_set(&now->bucket[i], n - was);
		if (n == was)
			continue;
		if (count == 0 && i > 0)
			min = base_hist_limit(i - 1) + 1;
		max = i < BASE_HIST_BUCKETS - 1 ? base_hist_limit(i) : base_count_get(&now->max);
		count += n - was;
	}
	base_count_set(&now->count, count);
	n = base_count_get(&now->sum);
	was = base_count_get(&before->sum);
	base_count_set(&now->sum, n > was ? n - was : 0);
	/* As near as a bucket tells, and never beyond what there ever was. */
	base_count_max(&now->min, min);
	if (max < base_count_get(&now->max))
		base_count_set(&now->max, max);
	return true;
}

static void
put(json_t *object, const char *key, uint64_t n)
{
	json_t *item = json_object_get(object, key);

	if (json_is_integer(item))
		json_integer_set(item, (json_int_t)n);
}

/* Disks have their percentiles among other figures, tests in an object of their own. */
static void
put_all(json_t *object, const struct base_hist_summary *s)
{
	put(object, "min_ns", s->min);
	put(object, "p50_ns", s->p50);
	put(object, "p99_ns", s->p99);
	put(object, "p999_ns", s->p999);
	put(object, "max_ns", s->max);
	if (json_object_get(object, "p50") == NULL)
		return;
	put(object, "count", s->count);
	put(object, "mean", s->mean);
	put(object, "min", s->min);
	put(object, "p50", s->p50);
	put(object, "p99", s->p99);
	put(object, "p999", s->p999);
	put(object, "max", s->max);
}

static void
since(json_t *object, const json_t *now, const json_t *before)
{
	struct base_hist h, old;
	struct base_hist_summary s;

	if (view_other_run(now, before) || !view_histogram(now, &h) ||
	    !view_histogram(before, &old))
		return;
	if (json_array_size(json_object_get(now, "buckets")) == BASE_TEL_BUCKETS)
		fold(&old, &h);
	if (!take_away(&h, &old))
		return;
	base_hist_summary(&h, &s);
	put_all(object, &s);
}

void
view_latency_since(json_t *value, const json_t *before)
{
	const char *key;
	json_t *item;

	json_object_foreach(value, key, item)
	{
		const json_t *was = json_object_get(before, key);

		if (!json_is_object(item) || !json_is_object(was))
			continue;
		if (strcmp(key, VIEW_HISTOGRAM) == 0)
			since(value, item, was);
		else
			view_latency_since(item, was);
	}
}

void
view_latency_strip(json_t *value)
{
	const char *key;
	json_t *item;

	json_object_del(value, VIEW_HISTOGRAM);
	json_object_foreach(value, key, item)
	{
		view_latency_strip(item);
	}
}
