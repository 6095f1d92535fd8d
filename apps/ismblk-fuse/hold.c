/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OPEN is answered when every READ into the page cache of that disk that came before it is. The
 * kernel drops what it has cached when an open is answered, and waits for pages that are being
 * read; nothing, not even a kill -9, ends that wait but the answer of the READ. So it must be us
 * who waits: an OPEN that is held can be given up when its process is killed.
 *
 * A disk's READs are counted in two places by turns, as SRCU does. The turn changes when the
 * place that comes next is empty: all that was counted there is answered.
 *
 *	turn n:    READs are counted in place n % 2
 *	n + 1:     those of before turn n are answered
 *	n + 2:     those of turn n are
 *
 * So an OPEN that came in turn n waits for turn n + 2, or for n + 1 and an empty place n % 2.
 */
#include "ismblk.h"

#include <errno.h>
#include <stdlib.h>

static bool
is_empty(struct reads *r, unsigned int turn)
{
	/* Partner: reads_end(): what was read is with the kernel. */
	return atomic_load_explicit(&r->open[turn % 2], memory_order_acquire) == 0;
}

/* Go on to the next turn if its place is empty. @return the turn that it is. */
static unsigned int
next_turn(struct reads *r)
{
	unsigned int turn = atomic_load_explicit(&r->turn, memory_order_relaxed);

	if (is_empty(r, turn + 1) &&
	    atomic_compare_exchange_strong_explicit(&r->turn, &turn, turn + 1, memory_order_relaxed,
						    memory_order_relaxed))
		return turn + 1;
	return turn;
}

static bool
may_answer(struct reads *r, unsigned int came)
{
	unsigned int turns;

	if (is_empty(r, 0) && is_empty(r, 1))
		return true;
	turns = next_turn(r) - came;
	return turns >= 2 || (turns == 1 && is_empty(r, came));
}

void
reads_begin(struct context *c)
{
	struct reads *r = c->file->reads;

	c->reads = r;
	c->turn = atomic_load_explicit(&r->turn, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->open[c->turn % 2], 1, memory_order_relaxed);
}

void
reads_end(struct context *c)
{
	/* Partner: is_empty(). */
	atomic_fetch_sub_explicit(&c->reads->open[c->turn % 2], 1, memory_order_release);
	c->reads = NULL;
}

static void
answer(struct context *c)
{
	file_opened(c->req, c->file);
	context_put(c);
}

void
hold_open(struct worker *w, fuse_req_t req, struct file *f)
{
	struct context *c;

	if (is_empty(f->reads, 0) && is_empty(f->reads, 1)) {
		file_opened(req, f);
		return;
	}
	c = context_get(w, req, f);
	c->held = true;
	c->turn = atomic_load_explicit(&f->reads->turn, memory_order_relaxed);
	w->held++;
	STAT_ADD(w, held, 1);
}

unsigned int
hold_step(struct worker *w)
{
	struct context *c, *next;
	unsigned int n = 0;

	for (c = TAILQ_FIRST(&w->active); c != NULL && w->held != 0; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (!c->held || !may_answer(c->file->reads, c->turn))
			continue;
		answer(c);
		n++;
	}
	return n;
}
