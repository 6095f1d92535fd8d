/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: rounds over the sessions that were dealt to it.
 *
 * Where the thread is theirs alone (round_max 0), a round goes on while there is something to do,
 * and waits a while for the next request of a run: that is what a test of the link alone wants.
 * Else others are served by the same thread. Then all sessions together have a credit of bytes in
 * each round, and so has each session in each of its turns. Who has used more than it had, by one
 * large request say, is served again when rounds, or turns, have paid for it (DESIGN D21).
 */
#include "probe_server_priv.h"

#define ALONE_LOOKS 64u /* bursts of one session in one round, while there is something to do */
#define ALONE_SPINS 200u /* empty looks in a row that a round takes while a run is on */

/* --- sessions come and go --- */

void
probe_worker_give(struct probe_worker *w, struct probe_testee *e)
{
	struct probe_testee *head = atomic_load_explicit(&w->inbox, memory_order_relaxed);

	/* Release: what was written into e; partner: the exchange in take_inbox(). */
	do {
		e->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&w->inbox, &head, e, memory_order_release,
							memory_order_relaxed));
}

static void
take_inbox(struct probe_worker *w)
{
	struct probe_testee *e, *next;

	if (likely(atomic_load_explicit(&w->inbox, memory_order_relaxed) == NULL))
		return;
	/* Acquire: partner is the release in probe_worker_give(). */
	e = atomic_exchange_explicit(&w->inbox, NULL, memory_order_acquire);
	for (; e != NULL; e = next) {
		next = e->next;
		TAILQ_INSERT_TAIL(&w->testees, e, entry);
		w->count++;
		base_count(&w->counts.sessions, 1);
	}
}

/* After this it may be gone any moment: control frees it once it is detached. */
static void
drop(struct probe_worker *w, struct probe_testee *e)
{
	TAILQ_REMOVE(&w->testees, e, entry);
	w->count--;
	base_count_sub(&w->counts.sessions, 1);
	link_queue_detach(e->q);
}

/* --- rounds --- */

/* Bursts of one session, as long as there is something to do. @return as probe_testee_serve(). */
static int
serve_alone(struct probe_testee *e, unsigned int *work)
{
	unsigned int spins = 0;
	int n = 0;

	e->credit = INT64_MAX;
	for (unsigned int i = 0; i < ALONE_LOOKS; i++) {
		n = probe_testee_serve(e);
		while (n == 0 && e->running && spins++ < ALONE_SPINS)
			n = probe_testee_serve(e);
		if (n <= 0)
			break;
		spins = 0;
		*work += (unsigned int)n;
	}
	return n;
}

/* One session's turn. @return as probe_testee_serve(). */
static int
serve_share(struct probe_worker *w, struct probe_testee *e, unsigned int *work)
{
	int64_t most = w->round_max, before, withheld;
	int n = 0;

	before = RTE_MIN(e->credit + most, most);
	withheld = before > w->credit ? before - w->credit : 0;
	e->credit = before - withheld;
	w->owing |= before <= 0;
	while (e->credit > 0) {
		n = probe_testee_serve(e);
		if (n <= 0)
			break;
		*work += (unsigned int)n;
	}
	if (n >= 0 && e->credit <= 0)
		base_count(&w->counts.shares_used, 1);
	e->credit += withheld;
	w->credit -= before - e->credit;
	return n;
}

/* @return requests answered. */
static unsigned int
serve_one(struct probe_worker *w, struct probe_testee *e)
{
	uint64_t polls = e->polls, empty = e->polls_empty;
	bool was_running = e->running;
	unsigned int work = 0;
	int n;

	if (w->round_max == 0)
		n = serve_alone(e, &work);
	else
		n = serve_share(w, e, &work);
	if (was_running && e->polls >= polls) {
		base_count(&w->counts.polls, e->polls - polls);
		base_count(&w->counts.polls_empty, e->polls_empty - empty);
	}
	if (n < 0)
		drop(w, e);
	return work;
}

/* Every session once, or until all of the round is taken. @return requests answered. */
static unsigned int
pass(struct probe_worker *w)
{
	struct probe_testee *e;
	unsigned int work = 0;

	w->owing = false;
	for (unsigned int n = w->count; n > 0 && (w->credit > 0 || w->round_max == 0); n--) {
		/* Whoever is left out of this round is the first one of the next. */
		e = TAILQ_FIRST(&w->testees);
		TAILQ_REMOVE(&w->testees, e, entry);
		TAILQ_INSERT_TAIL(&w->testees, e, entry);
		work += serve_one(w, e);
	}
	return work;
}

/* Nobody else wants the round: who has taken more than its turn owes nothing. */
static void
forgive(struct probe_worker *w)
{
	struct probe_testee *e;

	TAILQ_FOREACH(e, &w->testees, entry)
		e->credit = RTE_MAX(e->credit, 0);
}

unsigned int
probe_worker_poll(struct probe_worker *w, uint64_t now_ns)
{
	unsigned int work;

	w->now = now_ns;
	take_inbox(w);
	w->credit = RTE_MIN(w->credit + w->round_max, (int64_t)w->round_max);
	work = pass(w);
	if (work > 0 || !w->owing)
		return work;
	forgive(w);
	return pass(w);
}

/* --- life --- */

void
probe_worker_init(struct probe_worker *w, uint32_t round_max)
{
	TAILQ_INIT(&w->testees);
	w->round_max = round_max;
}

void
probe_worker_stop(struct probe_worker *w)
{
	struct probe_testee *e;

	take_inbox(w);
	while ((e = TAILQ_FIRST(&w->testees)) != NULL)
		drop(w, e);
}
