/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GIDs that call. Each one pays for itself: a bucket for its events and one for its lines in the
 * log, and a back-off between its set-ups. A GID cannot be forged, so none can use another's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "link_priv.h"

/*
 * Set-ups of one GID. An initiator that comes and goes (a program that is run again and again)
 * stays below; beyond that the listener makes it wait, ever longer. It calls all the while, so
 * it is served soon after its time has come.
 */
#define QUICK_FREE 16 /* set-ups at once that cost no wait */
#define QUICK_DECAY_NS (250 * BASE_NS_PER_MS) /* one of them is forgotten in this time */
#define QUICK_MAX (QUICK_FREE + 16)
#define WAIT_MIN_NS (50 * BASE_NS_PER_MS)
#define WAIT_MAX_NS BASE_NS_PER_S

static unsigned int
bucket_of(uint64_t gid)
{
	return (unsigned int)((gid * UINT64_C(0x9e3779b97f4a7c15)) >> 56) % LINK_CALLER_BUCKETS;
}

static void
caller_free(struct link *link, struct link_caller *c)
{
	LIST_REMOVE(c, chain);
	TAILQ_REMOVE(&link->ages, c, age);
	link->caller_count--;
	base_count_sub(&link->stats.callers, 1);
	free(c);
}

/* Sessions are fewer than callers: there is always one without. */
static void
forget_oldest(struct link *link)
{
	struct link_caller *c;

	TAILQ_FOREACH(c, &link->ages, age) {
		if (TAILQ_EMPTY(&c->sessions)) {
			caller_free(link, c);
			return;
		}
	}
}

static struct link_caller *
caller_new(struct link *link, uint64_t gid)
{
	struct link_caller *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->gid = gid;
	TAILQ_INIT(&c->sessions);
	rte_spinlock_lock(&link->lock);
	if (link->caller_count == LINK_CALLERS_MAX)
		forget_oldest(link);
	LIST_INSERT_HEAD(&link->callers[bucket_of(gid)], c, chain);
	TAILQ_INSERT_TAIL(&link->ages, c, age);
	link->caller_count++;
	rte_spinlock_unlock(&link->lock);
	base_count(&link->stats.callers, 1);
	return c;
}

struct link_caller *
link_caller_get(struct link *link, uint64_t gid)
{
	struct link_caller *c;

	LIST_FOREACH(c, &link->callers[bucket_of(gid)], chain) {
		if (c->gid == gid)
			break;
	}
	if (c == NULL)
		return caller_new(link, gid);
	if (TAILQ_NEXT(c, age) != NULL) {
		rte_spinlock_lock(&link->lock);
		TAILQ_REMOVE(&link->ages, c, age);
		TAILQ_INSERT_TAIL(&link->ages, c, age);
		rte_spinlock_unlock(&link->lock);
	}
	return c;
}

void
link_callers_free(struct link *link)
{
	while (!TAILQ_EMPTY(&link->ages))
		caller_free(link, TAILQ_FIRST(&link->ages));
}

bool
link_caller_ready(struct link *link, struct link_caller *c)
{
	if (link->now_ns >= c->ready_ns)
		return true;
	base_count(&c->calls_delayed, 1);
	base_count(&link->stats.calls_delayed, 1);
	return false;
}

void
link_caller_begins(struct link *link, struct link_caller *c)
{
	uint64_t forgotten = (link->now_ns - c->quick_ns) / QUICK_DECAY_NS;
	uint64_t wait;

	base_count(&c->calls, 1);
	if (forgotten > 0) {
		c->quick -= (uint32_t)RTE_MIN(forgotten, (uint64_t)c->quick);
		c->quick_ns = link->now_ns;
	}
	c->quick = RTE_MIN(c->quick + 1, (uint32_t)QUICK_MAX);
	if (c->quick <= QUICK_FREE)
		return;
	wait = WAIT_MIN_NS << (c->quick - QUICK_FREE - 1);
	c->ready_ns = link->now_ns + RTE_MIN(wait, WAIT_MAX_NS);
}

bool
link_line_due(struct link_session *s, char more[LINK_MORE_STRLEN])
{
	struct base_bucket *b = s->caller != NULL ? &s->caller->lines : &s->lines;
	unsigned int withheld;

	more[0] = '\0';
	if (!base_line_due(b, s->link->now_ns, &withheld)) {
		base_count(&s->link->stats.lines_withheld, 1);
		return false;
	}
	if (withheld > 0)
		snprintf(more, LINK_MORE_STRLEN, " (%u more)", withheld);
	return true;
}
