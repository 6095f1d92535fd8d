/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of the function below a link. */
#include <stdio.h>

#include "link_priv.h"

void
link_set_lost(struct link *link)
{
	if (link->lost)
		return;
	link->lost = true;
	link->reopen_step_ns = LINK_REOPEN_MIN_NS;
	link->reopen_ns = link->now_ns + link->reopen_step_ns;
	base_count(&link->stats.device_losses, 1);
	LINK_LOG(WARNING, "function %s is lost", link->info.path);
}

void
link_refresh_info(struct link *link)
{
	struct rte_pmd_ism_info info;

	if (rte_pmd_ism_info_get(link->conf.dev_id, &info) != 0)
		return;
	rte_spinlock_lock(&link->lock);
	link->info = info;
	rte_spinlock_unlock(&link->lock);
}

void
link_fit_rings(const struct link *link, struct link_geo *geo)
{
	uint32_t max = link->info.dmb_max;

	while (geo->queues > 1 && geo->queues * link_ring_stride(geo->depth) > max)
		geo->queues--;
	while (geo->depth > 2 && link_ring_stride(geo->depth) > max)
		geo->depth /= 2;
}

void
link_small_words(const struct link *link, char words[LINK_REASON_MAX])
{
	if (link->info.dmb_max < LINK_CTRL_SIZE)
		snprintf(words, LINK_REASON_MAX,
			 "the function takes DMBs of %u bytes at most, a session needs %u",
			 link->info.dmb_max, LINK_CTRL_SIZE);
	else
		snprintf(words, LINK_REASON_MAX,
			 "the function takes DMBs of %u bytes at most: smaller next time",
			 link->info.dmb_max);
}
