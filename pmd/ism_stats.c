/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: one list for the API, the xstats and telemetry (rte_pmd_ism_metrics.h). */
#include <errno.h>

#include "ism_fn.h"

const struct base_metrics ism_metrics = BASE_METRICS(ISM_METRICS);

void
ism_win_stats_add(struct ism_win_stats *sum, const struct ism_win_stats *stats)
{
#define ADD(name, ...) base_count(&sum->name, base_count_get(&stats->name));
	ISM_WIN_METRICS(ADD)
#undef ADD
}

void
rte_pmd_ism_win_stats(const struct rte_pmd_ism_win *win, uint64_t *stores, uint64_t *bytes)
{
	*stores = base_count_get(&win->stats.stores);
	*bytes = base_count_get(&win->stats.store_bytes);
}

static void
add_stores(struct rte_pmd_ism_stats *sum, const struct ism_win_stats *stats)
{
#define ADD(name, ...) sum->name += base_count_get(&stats->name);
	ISM_WIN_METRICS(ADD)
#undef ADD
}

void
ism_stats_sum(struct ism_fn *fn, struct rte_pmd_ism_stats *stats)
{
	const struct rte_pmd_ism_win *win;

	pthread_mutex_lock(&fn->lock);
	*stats = (struct rte_pmd_ism_stats){
		.err_lost = base_count_get(&fn->stats.err_lost),
		.dmbs = fn->dmb_count,
		.dmb_bytes = fn->dmb_bytes,
		.windows = fn->win_count,
		.windows_direct = fn->win_direct,
	};
	add_stores(stats, &fn->retired);
	TAILQ_FOREACH(win, &fn->windows, next)
		add_stores(stats, &win->stats);
#define GET(name, ...) stats->name = base_count_get(&fn->stats.name);
	ISM_COMMAND_METRICS(GET)
	ISM_POLL_METRICS(GET)
#undef GET
	pthread_mutex_unlock(&fn->lock);
}

int
rte_pmd_ism_stats_get(uint16_t dev_id, struct rte_pmd_ism_stats *stats)
{
	struct ism_fn *fn = ism_fn_get(dev_id);

	if (fn == NULL)
		return -ENODEV;
	ism_stats_sum(fn, stats);
	return 0;
}
