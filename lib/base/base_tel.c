/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_tel.h"

#if BASE_TEL_BUCKETS > RTE_TEL_MAX_ARRAY_ENTRIES
#error "more buckets than an array takes"
#endif

static const struct base_metrics latency_metrics = BASE_METRICS(BASE_LATENCY_METRICS);

/* The first and the last bucket that hold a value; first > last: none does. */
static void
used(const uint64_t bucket[BASE_HIST_BUCKETS], unsigned int *first, unsigned int *last)
{
	*first = BASE_HIST_BUCKETS;
	*last = 0;
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++) {
		if (bucket[i] == 0)
			continue;
		if (*first == BASE_HIST_BUCKETS)
			*first = i;
		*last = i;
	}
}

static void
fill(struct rte_tel_data *array, uint64_t bucket[BASE_HIST_BUCKETS], unsigned int *first,
     unsigned int last)
{
	unsigned int lowest = *first;

	if (last - lowest >= BASE_TEL_BUCKETS)
		*first = last - BASE_TEL_BUCKETS + 1;
	while (lowest < *first)
		bucket[*first] += bucket[lowest++];
	for (unsigned int i = *first; i <= last; i++)
		base_tel_array_u64(array, bucket[i]);
}

void
base_tel_hist(struct rte_tel_data *d, const struct base_hist *h)
{
	struct rte_tel_data *array = rte_tel_data_alloc();
	uint64_t bucket[BASE_HIST_BUCKETS];
	unsigned int first, last;

	rte_tel_data_start_dict(d);
	if (array == NULL)
		return;
	rte_tel_data_start_array(array, BASE_TEL_U64_VAL);
	/* They may grow meanwhile: one look at each. */
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++)
		bucket[i] = base_count_get(&h->bucket[i]);
	used(bucket, &first, &last);
	if (first <= last)
		fill(array, bucket, &first, last);
	else
		first = 0;
	base_tel_dict_u64(d, "sum_ns", base_count_get(&h->sum));
	base_tel_dict_u64(d, "min_ns", base_count_get(&h->min));
	base_tel_dict_u64(d, "max_ns", base_count_get(&h->max));
	base_tel_dict_u64(d, "first", first);
	if (rte_tel_data_add_dict_container(d, "buckets", array, 0) != 0)
		rte_tel_data_free(array);
}

void
base_tel_latency(struct rte_tel_data *d, const struct base_hist *h)
{
	struct {
		BASE_LATENCY_METRICS(BASE_METRIC_FIELD)
	} shown;
	struct base_hist_summary s;

	base_hist_summary(h, &s);
	shown.min_ns = s.min;
	shown.p50_ns = s.p50;
	shown.p99_ns = s.p99;
	shown.p999_ns = s.p999;
	shown.max_ns = s.max;
	base_tel_metrics(d, &latency_metrics, &shown);
}

void
base_tel_metrics(struct rte_tel_data *d, const struct base_metrics *list, const void *values)
{
	const uint64_t *value = values;

	for (unsigned int i = 0; i < list->count; i++)
		base_tel_dict_u64(d, list->rows[i].name, value[i]);
}

void
base_counters_read(const void *live, void *values, size_t size)
{
	const _Atomic uint64_t *from = live;
	uint64_t *to = values;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] = base_count_get(&from[i]);
}

void
base_counters_clear(void *live, size_t size)
{
	_Atomic uint64_t *at = live;

	for (size_t i = 0; i < size / sizeof(*at); i++)
		base_count_set(&at[i], 0);
}

void
base_metrics_add(const struct base_metrics *list, void *to, const void *from)
{
	const uint64_t *more = from;
	uint64_t *sum = to;

	for (unsigned int i = 0; i < list->count; i++) {
		if (list->rows[i].kind != BASE_METRIC_PEAK)
			sum[i] += more[i];
		else if (more[i] > sum[i])
			sum[i] = more[i];
	}
}

struct rte_tel_data *
base_tel_new(void)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d != NULL)
		rte_tel_data_start_dict(d);
	return d;
}

bool
base_tel_put(struct rte_tel_data *d, const char *name, struct rte_tel_data *sub)
{
	if (sub == NULL)
		return false;
	if (rte_tel_data_add_dict_container(d, name, sub, 0) == 0)
		return true;
	rte_tel_data_free(sub);
	return false;
}
