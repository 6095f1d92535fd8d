/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A console that shows itself: a client runs in it, or behind it, and writes what it is sent to the
 * console's own terminal. That is output again, and is sent again, for ever and as fast as the
 * machine can.
 *
 * Nobody can tell such a client by what it says: it may have come through su, ssh, a second
 * console. But its output comes because it was sent something, and other output does not. So when
 * output has come without a pause for a while, and nobody typed, nothing is sent for a moment:
 *
 *	output goes on          it does not hang on what we send. The next trial comes much later.
 *	it stops, and begins    HITS times in a row: that is a loop. The client that came last
 *	again with what is sent is detached; if it was another one, it starts over.
 *
 * Nothing is lost by a trial: it ends before an observer would fall behind the scrollback, if he is
 * not about to do so anyway.
 */
#include <rte_common.h>

#include "base_time.h"
#include "cons_server_priv.h"

#define PAUSE_NS (100 * BASE_NS_PER_MS) /* output with longer pauses is no loop */
#define BUSY_NS (3 * BASE_NS_PER_S)
#define AGAIN_NS (500 * BASE_NS_PER_MS) /* between trials that agree */
#define RESUME_NS (200 * BASE_NS_PER_MS) /* a loop begins again in so long */
#define DRY_NS (300 * BASE_NS_PER_MS)
#define TRIAL_NS (700 * BASE_NS_PER_MS)
#define TYPED_NS (2 * BASE_NS_PER_S)
#define WAIT_MAX_NS (600 * BASE_NS_PER_S)
#define HITS 3
#define BUFFERS (512u << 10) /* what may be on its way in terminals and pipes */

void
cons_loop_output(struct cons_instance *inst, uint32_t bytes)
{
	struct cons_loop *l = &inst->loop;
	uint64_t now = inst->srv->now_ns;

	if (now - l->output_ns > PAUSE_NS)
		l->busy_ns = now;
	l->output_ns = now;
	l->left -= RTE_MIN(l->left, bytes);
}

/* What clients hold and have not shown yet is no sign of anything. */
static uint32_t
in_flight(const struct cons_instance *inst)
{
	uint64_t bytes = BUFFERS;
	const struct cons_unit *u;

	TAILQ_FOREACH(u, &inst->units, attached)
		bytes += u->out_pos - u->seen_pos;
	return (uint32_t)RTE_MIN(bytes, (uint64_t)UINT32_MAX);
}

/* What may still be read before somebody who is sent nothing would miss some of it. */
static bool
has_room(const struct cons_instance *inst)
{
	const struct cons_scroll *s = &inst->scroll;
	const struct cons_unit *u;

	TAILQ_FOREACH(u, &inst->units, attached) {
		if (s->head - u->out_pos >= s->size / 4 * 3)
			return false;
	}
	return true;
}

static bool
is_due(const struct cons_instance *inst)
{
	const struct cons_loop *l = &inst->loop;
	uint64_t now = inst->srv->now_ns;

	if (now < l->next_ns || TAILQ_EMPTY(&inst->units) || now - inst->typed_ns < TYPED_NS)
		return false;
	if (now - l->output_ns > PAUSE_NS)
		return false;
	return now - l->busy_ns >= (l->hits > 0 ? AGAIN_NS : BUSY_NS);
}

/* It has ended with that: the next one soon, or later and later. */
static void
end_trial(struct cons_instance *inst, bool dry)
{
	struct cons_loop *l = &inst->loop;
	uint64_t now = inst->srv->now_ns;

	l->trial_ns = 0;
	l->released_ns = now;
	if (dry) {
		l->hits++;
		l->wait_ns = 0;
		l->next_ns = now + AGAIN_NS;
		return;
	}
	l->hits = 0;
	l->wait_ns = RTE_MIN(RTE_MAX(l->wait_ns * 2, BUSY_NS), WAIT_MAX_NS);
	l->next_ns = now + l->wait_ns;
}

static void
run_trial(struct cons_instance *inst)
{
	struct cons_loop *l = &inst->loop;
	uint64_t now = inst->srv->now_ns;

	if (now - RTE_MAX(l->trial_ns, l->output_ns) >= DRY_NS && !inst->stalled)
		end_trial(inst, true);
	else if (l->left == 0 || now - l->trial_ns >= TRIAL_NS || (!l->full && !has_room(inst)))
		end_trial(inst, false);
}

/* The client that came last, a writer only if there is no other. */
static void
break_loop(struct cons_instance *inst)
{
	struct cons_unit *u, *last = inst->writer;

	TAILQ_FOREACH(u, &inst->units, attached) {
		if (!u->writer)
			last = u;
	}
	inst->loop = (struct cons_loop){ 0 };
	if (last == NULL)
		return;
	base_count(&inst->srv->stats.loops, 1);
	cons_audit_leave(last, "detached: the console shows itself");
	cons_unit_leave(last, CONS_EVENT_DETACHED, 0, "the console shows itself");
}

void
cons_loop_tick(struct cons_instance *inst)
{
	struct cons_loop *l = &inst->loop;
	uint64_t now = inst->srv->now_ns;

	if (l->trial_ns != 0) {
		run_trial(inst);
		return;
	}
	/* What did not begin again because of us did not end because of us. */
	if (l->hits > 0 && now - l->released_ns > RESUME_NS &&
	    l->busy_ns - l->released_ns > RESUME_NS)
		l->hits = 0;
	if (l->hits == HITS) {
		break_loop(inst);
	} else if (is_due(inst)) {
		l->trial_ns = now;
		l->left = in_flight(inst);
		l->full = !has_room(inst);
	}
}
