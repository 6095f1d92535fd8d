/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the device writes into the owner's memory besides data: signal bits and events. The owner
 * polls both at the same time from another process; ism_sba.h and ism_ieq.h say which atomics of
 * this side pair with which of that side. The owner can write both pages, so nothing in them is
 * trusted: the position in the event queue is kept here.
 */
#include <errno.h>
#include <time.h>

#include "fabric_guard.h"
#include "fabric_priv.h"

struct event_write {
	struct fabric_fn *fn;
	struct ism_event ev;
};

struct signal_write {
	struct ism_sba *sba;
	uint32_t idx;
	uint8_t dmbe;
};

static void
event_body(void *arg)
{
	struct event_write *wr = arg;
	struct fabric_fn *fn = wr->fn;

	fn->ieq_prev = ism_ieq_put(fn->ieq, fn->ieq_prev, &wr->ev);
	if (fn->sba != NULL)
		ism_sba_event(fn->sba);
}

static void
signal_body(void *arg)
{
	struct signal_write *wr = arg;

	ism_sba_signal(wr->sba, wr->idx, wr->dmbe);
}

static uint64_t
event_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int
fabric_event(struct fabric_fn *fn, enum ism_event_type type, uint32_t code, uint64_t tok,
	     uint64_t info, bool irq)
{
	struct event_write wr = {
		.fn = fn,
		.ev = {
			.type = rte_cpu_to_be_32((uint32_t)type),
			.code = rte_cpu_to_be_32(code),
			.tok = rte_cpu_to_be_64(tok),
			.time = rte_cpu_to_be_64(event_time()),
			.info = rte_cpu_to_be_64(info),
		},
	};

	if (fn->ieq == NULL || fn->state != FABRIC_ATTACHED) {
		fn->stats.events_lost++;
		return -EIO;
	}
	/* A lost event looks like a delivered one to its sender. */
	if (fabric_fault_event_lost(fn)) {
		fn->stats.events_lost++;
		return 0;
	}
	if (fabric_guarded(event_body, &wr) < 0) {
		if (fabric_log_due(&fn->vanished))
			FABRIC_LOG(
				ERR,
				"%s: its event queue or SBA page has vanished, no events any more",
				fn->name);
		fn->ieq = NULL;
		fn->sba = NULL;
		fn->stats.events_lost++;
		return -EIO;
	}
	fn->stats.events++;
	if (irq && fn->irq != NULL)
		fn->irq(fn->irq_arg);
	return 0;
}

bool
fabric_event_due(struct fabric_fn *from, struct fabric_fn *fn)
{
	const struct base_rate *rate = &fn->fab->limits.events;

	if (rate->per_s == 0 || from == fn ||
	    base_bucket_take(&fn->event_from[from->index], rate, base_now_ns(), 1))
		return true;
	from->stats.events_held++;
	return false;
}

bool
fabric_event_must_wait(struct fabric_fn *from, const struct fabric_fn *fn)
{
	const struct base_rate *rate = &fn->fab->limits.events;
	uint64_t now, wait;

	if (rate->per_s == 0 || from == fn)
		return false;
	now = base_now_ns();
	wait = base_bucket_wait(&fn->event_from[from->index], rate, now, 1);
	if (wait == 0)
		return false;
	from->wait_ns = now + wait;
	from->stats.events_held++;
	return true;
}

void
fabric_signal(struct fabric_fn *fn, uint32_t idx, uint8_t dmbe)
{
	struct signal_write wr = { .sba = fn->sba, .idx = idx, .dmbe = dmbe };

	if (fn->sba == NULL)
		return;
	if (fabric_guarded(signal_body, &wr) < 0) {
		if (fabric_log_due(&fn->vanished))
			FABRIC_LOG(ERR, "%s: its SBA page has vanished, no signals any more",
				   fn->name);
		fn->sba = NULL;
		return;
	}
	if (fn->irq != NULL)
		fn->irq(fn->irq_arg);
}
