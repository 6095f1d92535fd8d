/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: one table for the API, the xstats and telemetry. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ism_fn.h"

#define STAT(field)                                                                                \
	{                                                                                          \
#field, offsetof(struct rte_pmd_ism_stats, field)                                  \
	}

const struct ism_stat_name ism_stat_names[] = {
	STAT(stores),	      STAT(store_bytes),    STAT(store_calls), STAT(store_syscalls),
	STAT(store_retries),  STAT(err_access),	    STAT(err_inval),   STAT(err_lost),
	STAT(commands),	      STAT(command_errors), STAT(events),      STAT(events_lost),
	STAT(signals),	      STAT(dmbs),	    STAT(dmb_bytes),   STAT(windows),
	STAT(windows_direct), STAT(polls),	    STAT(polls_empty), STAT(reopens),
};
const unsigned int ism_stat_count = RTE_DIM(ism_stat_names);
static_assert(sizeof(struct rte_pmd_ism_stats) == RTE_DIM(ism_stat_names) * sizeof(uint64_t),
	      "every counter has a name");

static uint64_t
get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void
ism_win_stats_add(struct ism_win_stats *sum, const struct ism_win_stats *stats)
{
	sum->stores += get(&stats->stores);
	sum->store_bytes += get(&stats->store_bytes);
	sum->store_calls += get(&stats->store_calls);
	sum->store_syscalls += get(&stats->store_syscalls);
	sum->store_retries += get(&stats->store_retries);
	sum->err_access += get(&stats->err_access);
	sum->err_inval += get(&stats->err_inval);
	sum->err_lost += get(&stats->err_lost);
}

void
rte_pmd_ism_win_stats(const struct rte_pmd_ism_win *win, uint64_t *stores, uint64_t *bytes)
{
	*stores = get(&win->stats.stores);
	*bytes = get(&win->stats.store_bytes);
}

void
ism_stats_sum(struct ism_fn *fn, struct rte_pmd_ism_stats *stats)
{
	const struct rte_pmd_ism_win *win;
	struct ism_win_stats sum;

	pthread_mutex_lock(&fn->lock);
	sum = fn->retired;
	TAILQ_FOREACH(win, &fn->windows, next)
		ism_win_stats_add(&sum, &win->stats);
	*stats = (struct rte_pmd_ism_stats){
		.stores = sum.stores,
		.store_bytes = sum.store_bytes,
		.store_calls = sum.store_calls,
		.store_syscalls = sum.store_syscalls,
		.store_retries = sum.store_retries,
		.err_access = sum.err_access,
		.err_inval = sum.err_inval,
		.err_lost = sum.err_lost + get(&fn->stats.err_lost),
		.commands = get(&fn->stats.commands),
		.command_errors = get(&fn->stats.command_errors),
		.events = get(&fn->stats.events),
		.events_lost = get(&fn->stats.events_lost),
		.signals = get(&fn->stats.signals),
		.dmbs = fn->dmb_count,
		.dmb_bytes = fn->dmb_bytes,
		.windows = fn->win_count,
		.windows_direct = fn->win_direct,
		.polls = get(&fn->stats.polls),
		.polls_empty = get(&fn->stats.polls_empty),
		.reopens = get(&fn->stats.reopens),
	};
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
