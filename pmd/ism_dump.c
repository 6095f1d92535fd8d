/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_rawdev_dump(): the state of a function for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ism_fn.h"

static void
dump_head(const struct ism_fn *fn, FILE *f)
{
	fprintf(f, "ISM function %s via %s: %s\n", fn->path, fn->ops->name,
		!fn->open	  ? "closed"
		: ism_is_lost(fn) ? "lost"
				  : "open");
	if (!fn->open)
		return;
	fprintf(f,
		"  gid 0x%016" PRIx64 " version %" PRIu32 " maxstbl %" PRIu32 " dmb_max %" PRIu32
		" direct %d vlan_required %d\n",
		fn->info.gid, fn->version, fn->info.maxstbl, fn->info.dmb_max, fn->info.direct,
		fn->info.vlan_required);
	fprintf(f, "  DMA window 0x%" PRIx64 "..0x%" PRIx64 ", event queue position %d\n",
		fn->bus_info.iova_first, fn->bus_info.iova_last, fn->ieq_pos);
}

static void
dump_lists(const struct ism_fn *fn, FILE *f)
{
	const struct rte_pmd_ism_win *win;
	const struct ism_dmb *dmb;

	TAILQ_FOREACH(dmb, &fn->dmbs, next)
		fprintf(f,
			"  dmb %" PRIu32 ": token 0x%012" PRIx64 " len %" PRIu32 " iova 0x%" PRIx64
			" for 0x%016" PRIx64 "\n",
			dmb->pub.idx, dmb->pub.token, dmb->pub.len, dmb->iova, dmb->pub.rgid);
	TAILQ_FOREACH(win, &fn->windows, next)
		fprintf(f, "  window: token 0x%012" PRIx64 " len %" PRIu32 "%s\n", win->token,
			win->len, win->mem != NULL ? " direct" : "");
}

int
ism_dump(struct rte_rawdev *dev, FILE *f)
{
	struct ism_fn *fn = dev->dev_private;
	struct rte_pmd_ism_stats stats;
	unsigned int i;

	if (f == NULL)
		return -EINVAL;
	pthread_mutex_lock(&fn->lock);
	dump_head(fn, f);
	dump_lists(fn, f);
	pthread_mutex_unlock(&fn->lock);
	ism_stats_sum(fn, &stats);
	for (i = 0; i < ism_metrics.count; i++)
		fprintf(f, "  %s %" PRIu64 "\n", ism_metrics.rows[i].name,
			((const uint64_t *)&stats)[i]);
	return 0;
}
