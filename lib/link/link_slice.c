/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Set-up and release of accepted sessions. Each DMB and each window costs system calls, an answer
 * of the device and memory that is zeroed: 50 to 300 us. A session of 64 MiB has 130 of them, and
 * its initiator decides when they are due. So control does them one by one, a few in a
 * round, and leaves as much time to those who are served, if any are, as it took itself.
 */
#include "link_priv.h"

#define ROUND_NS (150 * BASE_NS_PER_US) /* then no further piece is begun */
#define REST_MAX_NS BASE_NS_PER_MS
#define SHARED_NS (10 * BASE_NS_PER_MS) /* after a request that this thread served */
#define TURN 32 /* pieces of one session, then it is the next one's turn */

void
link_slice_add(struct link_session *s)
{
	s->pieces = 0;
	if (s->in_slices)
		return;
	s->in_slices = true;
	TAILQ_INSERT_TAIL(&s->link->slices, s, slice);
}

void
link_slice_remove(struct link_session *s)
{
	if (!s->in_slices)
		return;
	s->in_slices = false;
	TAILQ_REMOVE(&s->link->slices, s, slice);
}

/* Sessions take turns, so that a large one does not hold up small ones for long. */
static void
next_turn(struct link *link)
{
	struct link_session *s = TAILQ_FIRST(&link->slices);

	if (s == NULL || s->pieces < TURN)
		return;
	s->pieces = 0;
	TAILQ_REMOVE(&link->slices, s, slice);
	TAILQ_INSERT_TAIL(&link->slices, s, slice);
}

void
link_shares_thread(struct link *link, uint64_t now_ns)
{
	link->served_ns = now_ns;
}

unsigned int
link_slices(struct link *link, uint64_t now_ns,
	    void (*piece)(struct link_session *s, uint64_t now_ns))
{
	struct link_session *s;
	uint64_t start, at, end;
	unsigned int n = 0;

	if (likely(TAILQ_EMPTY(&link->slices)) || (now_ns < link->slice_ns && !link->lost))
		return 0;
	start = at = base_now_ns();
	while (!TAILQ_EMPTY(&link->slices) && at - start < ROUND_NS) {
		s = TAILQ_FIRST(&link->slices);
		s->pieces++;
		piece(s, now_ns);
		next_turn(link);
		end = base_now_ns();
		base_count_max(&link->stats.slice_max_ns, end - at);
		at = end;
		n++;
	}
	base_count(&link->stats.slices, n);
	/* The rest is on the caller's clock: it counts from the round's begin. */
	link->slice_ns = now_ns;
	if (link->served_ns != 0 && now_ns < link->served_ns + SHARED_NS)
		link->slice_ns += 2 * RTE_MIN(at - start, REST_MAX_NS);
	return n;
}
