/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long work. A function can own 1888 DMBs, use 65535 of others and have a million DMA maps. All of
 * them end with it; in one piece, that would stop the fabric for all others. So such work is
 * a task of steps, and each step can stop anywhere and go on later (fabric_fn_work()). The
 * function's owner waits for the end of it; nobody else does.
 *
 * What others do in between is seen: a DMB that ends takes itself out of the way (use_end() in
 * fabric_dmb.c), and one that is registered for the function now follows its new rules already.
 */
#include <string.h>

#include "fabric_priv.h"

typedef bool (*step_fn)(struct fabric_fn *fn, struct fabric_slice *slice);

/* The next of the function's own DMBs from work.idx on, or NULL: there is none. */
static struct fabric_dmb *
own_next(struct fabric_fn *fn)
{
	struct fabric_work *work = &fn->work;

	if (work->idx < ISM_DMB_IDX_MIN)
		work->idx = ISM_DMB_IDX_MIN;
	while (work->idx < ISM_NR_DMBS)
		if (fn->dmb[work->idx++] != NULL)
			return fn->dmb[work->idx - 1];
	return NULL;
}

/* The next of those that it uses, or NULL. */
static struct fabric_dmb *
use_next(struct fabric_fn *fn)
{
	struct fabric_work *work = &fn->work;
	struct fabric_dmb *dmb;

	if (!work->begun)
		work->use = LIST_FIRST(&fn->uses);
	work->begun = true;
	dmb = work->use;
	if (dmb != NULL)
		work->use = LIST_NEXT(dmb, use);
	return dmb;
}

/* --- VLAN --- */

static bool
vlan_lost(const struct fabric_dmb *dmb)
{
	return dmb->usable &&
	       (dmb->user == NULL || !fabric_vlan_ok(dmb->owner, dmb->user, dmb->vlan));
}

static bool
own_vlan(struct fabric_fn *fn, struct fabric_slice *slice)
{
	struct fabric_dmb *dmb;

	while ((dmb = own_next(fn)) != NULL) {
		if (vlan_lost(dmb))
			fabric_dmb_revoke(dmb, ISM_EVENT_DMB_OWNER_VLAN, false);
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

static bool
use_vlan(struct fabric_fn *fn, struct fabric_slice *slice)
{
	struct fabric_dmb *dmb;

	while ((dmb = use_next(fn)) != NULL) {
		if (vlan_lost(dmb))
			fabric_dmb_revoke(dmb, ISM_EVENT_DMB_USER_VLAN, true);
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

/* --- the end of a function --- */

static void
peer_note(struct fabric_fn *fn, const struct fabric_fn *peer)
{
	if (peer != NULL && peer != fn)
		fn->work.peers[peer->index / 64] |= UINT64_C(1) << peer->index % 64;
}

static bool
own_revoke(struct fabric_fn *fn, struct fabric_slice *slice)
{
	bool error = fn->work.task == FABRIC_TASK_FAIL;
	struct fabric_dmb *dmb;

	while ((dmb = own_next(fn)) != NULL) {
		peer_note(fn, dmb->user);
		fabric_dmb_revoke(dmb, error ? ISM_EVENT_DMB_OWNER_ERROR : ISM_EVENT_DMB_UNREG,
				  false);
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

static bool
use_revoke(struct fabric_fn *fn, struct fabric_slice *slice)
{
	bool error = fn->work.task == FABRIC_TASK_FAIL;
	struct fabric_dmb *dmb;

	while ((dmb = use_next(fn)) != NULL) {
		peer_note(fn, dmb->owner);
		fabric_dmb_revoke(dmb,
				  error ? ISM_EVENT_DMB_USER_ERROR : ISM_EVENT_DMB_USER_DISABLED,
				  true);
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

/*
 * The device event comes last: an event queue that overflows keeps the newest. It is never lost:
 * over the rate, the task waits with it.
 */
static bool
peers_tell(struct fabric_fn *fn, struct fabric_slice *slice)
{
	bool error = fn->work.task == FABRIC_TASK_FAIL;
	struct fabric_work *work = &fn->work;
	struct fabric_fn *peer;

	while (work->idx < FABRIC_FNS_MAX) {
		peer = fn->fab->fn[work->idx];
		if (peer != NULL && (work->peers[work->idx / 64] >> work->idx % 64 & 1) != 0) {
			if (slice->deadline != UINT64_MAX && fabric_event_must_wait(fn, peer))
				return false;
			fabric_event_due(fn, peer);
			fabric_event(peer, ISM_EVENT_DEVICE,
				     error ? ISM_EVENT_OWNER_ERROR : ISM_EVENT_GID_DISABLED,
				     fn->gid, 0, true);
		}
		work->idx++;
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

static bool
own_free(struct fabric_fn *fn, struct fabric_slice *slice)
{
	struct fabric_dmb *dmb;

	while ((dmb = own_next(fn)) != NULL) {
		fabric_dmb_del(dmb);
		if (fabric_slice_over(slice))
			return false;
	}
	fabric_fn_clear(fn);
	return true;
}

static bool
maps_free(struct fabric_fn *fn, struct fabric_slice *slice)
{
	return fabric_maps_clear_some(&fn->maps, slice);
}

static bool
reset_end(struct fabric_fn *fn, struct fabric_slice *slice)
{
	fn->state = FABRIC_ATTACHED;
	fn->stats.resets++;
	return true;
}

/* --- unmap --- */

static bool
range_dmbs_free(struct fabric_fn *fn, struct fabric_slice *slice)
{
	const struct fabric_work *work = &fn->work;
	struct fabric_dmb *dmb;

	while (fn->stats.dmbs_owned > 0 && (dmb = own_next(fn)) != NULL) {
		if (dmb->iova <= work->iova + (work->len - 1) &&
		    work->iova <= dmb->iova + (dmb->len - 1))
			fabric_dmb_del(dmb);
		if (fabric_slice_over(slice))
			return false;
	}
	return true;
}

static bool
range_maps_free(struct fabric_fn *fn, struct fabric_slice *slice)
{
	const struct fabric_work *work = &fn->work;

	return fabric_maps_remove_some(&fn->maps, work->iova, work->len, work->gone, work->arg,
				       slice);
}

/* --- tasks --- */

#define STEPS_MAX 6

static const step_fn tasks[][STEPS_MAX + 1] = {
	[FABRIC_TASK_VLAN] = { own_vlan, use_vlan },
	[FABRIC_TASK_UNMAP] = { range_dmbs_free, range_maps_free },
	[FABRIC_TASK_FAIL] = { own_revoke, use_revoke, peers_tell },
	[FABRIC_TASK_RESET] = { own_revoke, use_revoke, peers_tell, own_free, reset_end },
	[FABRIC_TASK_DETACH] = { own_revoke, use_revoke, peers_tell, own_free, maps_free },
};

static void
step_begin(struct fabric_work *work, unsigned int step)
{
	work->step = step;
	work->begun = false;
	work->idx = 0;
	work->use = NULL;
}

/* @return true: the task is done. */
static bool
work_go_on(struct fabric_fn *fn, struct fabric_slice *slice)
{
	struct fabric_work *work = &fn->work;

	if (work->task == FABRIC_NO_TASK)
		return true;
	while (tasks[work->task][work->step] != NULL) {
		if (!tasks[work->task][work->step](fn, slice))
			return false;
		step_begin(work, work->step + 1);
	}
	work->task = FABRIC_NO_TASK;
	return true;
}

void
fabric_work_begin(struct fabric_fn *fn, enum fabric_task task)
{
	struct fabric_slice endless = { .deadline = UINT64_MAX };
	struct fabric_work *work = &fn->work;

	/* What a reset has done of its own, it need not do again, but events would be. */
	if (work->task != FABRIC_TASK_RESET || task != FABRIC_TASK_DETACH) {
		memset(work->peers, 0, sizeof(work->peers));
		step_begin(work, 0);
	}
	work->task = task;
	if (!fn->fab->slices)
		work_go_on(fn, &endless);
}

bool
fabric_fn_busy(const struct fabric_fn *fn)
{
	return fn->work.task != FABRIC_NO_TASK;
}

bool
fabric_fn_work(struct fabric_fn *fn, uint64_t deadline)
{
	struct fabric_slice slice = { .deadline = deadline };

	return work_go_on(fn, &slice);
}
