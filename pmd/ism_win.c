/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: our right to store into a peer's DMB. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ism_addr.h"
#include "ism_fn.h"

#define WIN_LEN_MAX (ISM_ADDR_OFF_MAX + 1)

/* @return 0 (direct or not), -EIO not granted, -ENOMEM, or a fatal error. */
static int
win_direct(struct ism_fn *fn, struct rte_pmd_ism_win *win)
{
	struct ism_direct direct;
	int ret;

	if (!fn->bus_info.direct)
		return 0;
	ret = fn->ops->direct(fn->bus, win->token, &direct);
	if (ret == 0)
		ret = ism_direct_map(win, &direct);
	if (ret == 0 || ret == -EOPNOTSUPP)
		return 0;
	if (ret == -EIO || ret == -ENOMEM || ism_is_fatal(ret))
		return ret;
	/* No descriptor left, here or there, for one: stores need none. */
	ISM_LOG(INFO, "%s: no direct window: %s: using stores", fn->path, strerror(-ret));
	return 0;
}

static void
win_list(struct ism_fn *fn, struct rte_pmd_ism_win *win, bool add)
{
	pthread_mutex_lock(&fn->lock);
	if (add) {
		TAILQ_INSERT_TAIL(&fn->windows, win, next);
		fn->win_count++;
		fn->win_direct += win->mem != NULL;
	} else {
		TAILQ_REMOVE(&fn->windows, win, next);
		fn->win_count--;
		fn->win_direct -= win->mem != NULL;
		ism_win_stats_add(&fn->retired, &win->stats);
	}
	pthread_mutex_unlock(&fn->lock);
}

/* @return 0; -EINVAL, -ENOMEM, -ENODEV. */
static int
win_new(uint16_t dev_id, uint64_t token, uint32_t len, struct rte_pmd_ism_win **out)
{
	struct rte_pmd_ism_win *win;
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret < 0)
		return ret;
	if (len == 0 || len > WIN_LEN_MAX || (token & ISM_TOKEN_LOW_MASK) != 0 ||
	    token >= ISM_BAR_DATA_SIZE)
		return -EINVAL;
	win = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof(*win)));
	if (win == NULL)
		return -ENOMEM;
	*win = (struct rte_pmd_ism_win){
		.fn = fn,
		.token = token,
		.len = len,
		.maxstbl = fn->bus_info.maxstbl,
	};
	*out = win;
	return 0;
}

int
rte_pmd_ism_win_open_stores(uint16_t dev_id, uint64_t token, uint32_t len,
			    struct rte_pmd_ism_win **win)
{
	int ret = win_new(dev_id, token, len, win);

	if (ret == 0)
		win_list((*win)->fn, *win, true);
	return ret;
}

int
rte_pmd_ism_win_open(uint16_t dev_id, uint64_t token, uint32_t len, struct rte_pmd_ism_win **out)
{
	struct rte_pmd_ism_win *win;
	int ret = win_new(dev_id, token, len, &win);

	if (ret < 0)
		return ret;
	ret = win_direct(win->fn, win);
	if (ret < 0) {
		struct ism_fn *fn = win->fn;

		free(win);
		return ism_is_fatal(ret) ? ism_fn_lost(fn, ret) : ret;
	}
	win_list(win->fn, win, true);
	*out = win;
	return 0;
}

void
rte_pmd_ism_win_close(struct rte_pmd_ism_win *win)
{
	if (win == NULL)
		return;
	win_list(win->fn, win, false);
	ism_direct_unmap(win);
	free(win);
}

void
ism_win_free_all(struct ism_fn *fn)
{
	while (!TAILQ_EMPTY(&fn->windows))
		rte_pmd_ism_win_close(TAILQ_FIRST(&fn->windows));
}
