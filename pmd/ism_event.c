/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event queue's consumer. SPEC-ism section 5 has the device's side, ism_ieq.h the layout.
 *
 * The device never looks whether we are done with an entry, and a hostile peer can make it write at
 * any time. `tok` of an event is an identity, so an event half old and half new must never come
 * out. And the index alone does not tell 15 new events from none. Therefore:
 *
 *  - We mark an entry that we have taken by tok = 0; no event has that.
 *  - `w` is the entry that the device writes next, or is writing now: it is never taken.
 *    So 14 events fit; the 15th costs the oldest.
 *  - While nothing was lost, the entry behind w is one that we marked. If it is not marked,
 *    the device went round: all but w are new, the oldest of them is the one behind w.
 *  - Queue and index are read twice, index again in between. An entry other than w that is written
 *    while we read either differs between the two, or the index does.
 */
#include <errno.h>
#include <string.h>

#include "base_shared.h"
#include "base_time.h"
#include "ism_fn.h"

#define IEQ_TRIES 4u /* to read the queue in peace, before the next poll */

/* One look at the queue, big-endian as it is. */
struct ieq_view {
	uint64_t idx;
	struct ism_event entry[ISM_IEQ_ENTRIES];
};

static uint64_t
ieq_idx(const struct ism_ieq *ieq)
{
	/* Partner: the device's release store in ism_ieq_put(); it covers the entries below. */
	return rte_be_to_cpu_64(
		atomic_load_explicit(base_shared(&ieq->hdr.idx), memory_order_acquire));
}

static void
ieq_look(const struct ism_ieq *ieq, struct ieq_view *view)
{
	const struct ism_event *from;
	unsigned int i;

	view->idx = ieq_idx(ieq);
	for (i = 0; i < ISM_IEQ_ENTRIES; i++) {
		from = &ieq->entry[i];
		view->entry[i] = (struct ism_event){
			.type = atomic_load_explicit(base_shared(&from->type),
						     memory_order_relaxed),
			.code = atomic_load_explicit(base_shared(&from->code),
						     memory_order_relaxed),
			.tok = atomic_load_explicit(base_shared(&from->tok), memory_order_relaxed),
			.time = atomic_load_explicit(base_shared(&from->time),
						     memory_order_relaxed),
			.info = atomic_load_explicit(base_shared(&from->info),
						     memory_order_relaxed),
		};
	}
	/* The loads above are done before the index is read again. */
	atomic_thread_fence(memory_order_acquire);
}

/* @return 0; -EAGAIN the device kept writing; -EPROTO its index is nonsense. */
static int
ieq_read(const struct ism_ieq *ieq, struct ieq_view *view)
{
	struct ieq_view again;
	unsigned int try;

	for (try = 0; try < IEQ_TRIES; try++) {
		ieq_look(ieq, view);
		if (view->idx > ISM_IEQ_ENTRIES)
			return -EPROTO;
		if (ieq_idx(ieq) != view->idx)
			continue;
		ieq_look(ieq, &again);
		again.entry[view->idx % ISM_IEQ_ENTRIES] = view->entry[view->idx % ISM_IEQ_ENTRIES];
		if (ieq_idx(ieq) == view->idx && memcmp(view, &again, sizeof(again)) == 0)
			return 0;
	}
	return -EAGAIN;
}

/* The entry behind the one taken last. */
static unsigned int
ieq_next(const struct ism_fn *fn)
{
	return (unsigned int)(fn->ieq_pos + 1) % ISM_IEQ_ENTRIES;
}

/* Two loads for the usual case. */
static bool
ieq_idle(const struct ism_fn *fn)
{
	const struct ism_ieq *ieq = &fn->ctl->ieq;
	unsigned int next = ieq_next(fn);

	return ieq_idx(ieq) % ISM_IEQ_ENTRIES == next &&
	       atomic_load_explicit(base_shared(&ieq->entry[next].tok), memory_order_relaxed) == 0;
}

/*
 * Where the device went round, start at the oldest entry that is whole.
 * @return how many entries from ieq_next() on are new.
 */
static unsigned int
ieq_pending(struct ism_fn *fn, const struct ieq_view *view)
{
	unsigned int w = (unsigned int)(view->idx % ISM_IEQ_ENTRIES);
	unsigned int pending = (w + ISM_IEQ_ENTRIES - ieq_next(fn)) % ISM_IEQ_ENTRIES;

	if (pending == ISM_IEQ_ENTRIES - 1 || view->entry[(w + 1) % ISM_IEQ_ENTRIES].tok == 0)
		return pending;
	/* At least these were overwritten, and the one at w counts as lost too. */
	base_count(&fn->stats.events_lost, pending + 1);
	fn->ieq_pos = (int)w;
	return ISM_IEQ_ENTRIES - 1;
}

/* Mark entry k as taken, unless the device has written it anew since we looked. */
static void
ieq_mark(struct ism_fn *fn, unsigned int k, rte_be64_t tok)
{
	/* Nothing is published by the mark: only we ourselves look for it. */
	atomic_compare_exchange_strong_explicit(base_shared(&fn->ctl->ieq.entry[k].tok), &tok, 0,
						memory_order_relaxed, memory_order_relaxed);
}

static void
event_to_cpu(struct rte_pmd_ism_event *ev, const struct ism_event *be)
{
	ev->type = rte_be_to_cpu_32(be->type);
	ev->code = rte_be_to_cpu_32(be->code);
	ev->tok = rte_be_to_cpu_64(be->tok);
	ev->time = rte_be_to_cpu_64(be->time);
	ev->info = rte_be_to_cpu_64(be->info);
}

/* @return how many were taken, or -errno of ieq_read(). */
static int
ieq_take(struct ism_fn *fn, struct rte_pmd_ism_event *ev, unsigned int n)
{
	unsigned int k, pending, taken = 0;
	struct ieq_view view;
	int ret;

	ret = ieq_read(&fn->ctl->ieq, &view);
	if (ret < 0)
		return ret;
	for (pending = ieq_pending(fn, &view); pending > 0 && taken < n; pending--) {
		k = ieq_next(fn);
		fn->ieq_pos = (int)k;
		if (view.entry[k].tok == 0) {
			base_count(&fn->stats.events_lost, 1);
			continue;
		}
		event_to_cpu(&ev[taken++], &view.entry[k]);
		ieq_mark(fn, k, view.entry[k].tok);
	}
	return (int)taken;
}

/*
 * Is the function still there? Now and then only: it may cost a system call. After a store was
 * refused, the command area tells a bad token from a function in error state.
 */
static int
health(struct ism_fn *fn)
{
	uint64_t now = base_now_ns();

	if (now < fn->health_ns)
		return 0;
	fn->health_ns = now + fn->ops->health_ms * BASE_NS_PER_MS;
	if (atomic_exchange_explicit(&fn->suspect, false, memory_order_relaxed))
		return ism_cmd_ping(fn);
	return fn->ops->health(fn->bus);
}

/* Clear before looking, so that an event that comes meanwhile sets the bits anew. */
static void
sba_clear(struct ism_sba *sba)
{
	if (!ism_sba_pending(sba))
		return;
	ism_sba_take_summary(sba);
	ism_sba_take_event(sba);
}

int
rte_pmd_ism_events(uint16_t dev_id, struct rte_pmd_ism_event *ev, unsigned int n)
{
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret < 0)
		return ret;
	ret = health(fn);
	if (ret == 0)
		ret = ism_record_step(fn);
	if (ret < 0)
		return ism_fn_lost(fn, ret);
	base_count(&fn->stats.polls, 1);
	sba_clear(&fn->ctl->sba);
	ret = ieq_idle(fn) ? 0 : ieq_take(fn, ev, n);
	if (ret == -EPROTO)
		return ism_fn_lost(fn, ret);
	if (ret <= 0) {
		base_count(&fn->stats.polls_empty, 1);
		return 0;
	}
	base_count(&fn->stats.events, (uint64_t)ret);
	ism_record_events(fn, ev, (unsigned int)ret);
	return ret;
}
