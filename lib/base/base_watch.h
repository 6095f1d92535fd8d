/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A watchdog over a loop that must not stand still: it tells which part of a round took more
 * than 50 ms, and why. One clock_gettime() a part, and one getrusage() in 10 ms of work.
 *
 *	each round:	base_watch_round(w, now, worked_ns);
 *	each part:	w->part = "name"; ...; now = base_watch_part(w, now);
 *	each sleep:	base_watch_slept(w);
 *
 * Threads: one writes, any may read (base_watch_read()).
 */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_bucket.h"
#include "base_counter.h"
#include "base_metric.h"
#include "base_time.h"

#define BASE_WATCH_SLOW_NS (50 * BASE_NS_PER_MS)

/* clang-format off */
/* /run/loop, by lcore */
#define BASE_WATCH_METRICS(X) \
	X(waited, COUNTER, COUNT, "waits", "waits above 50 ms", \
	  "Parts of rounds that waited for more than 50 ms: a fault.") \
	X(busy, COUNTER, COUNT, NULL, "work above 50 ms", \
	  "Parts of rounds that worked for more than 50 ms.") \
	X(preempted, COUNTER, COUNT, NULL, "above 50 ms without the CPU", \
	  "Parts of rounds above 50 ms in which others had the CPU.") \
	X(longest_ns, PEAK, NS, NULL, "longest", "The longest that waited or worked.")
#define BASE_WATCH_SHOWN(X) \
	BASE_WATCH_METRICS(X) \
	X(running_ns, GAUGE, NS, NULL, "for", "How long the present part runs.")
/* clang-format on */

struct base_watch {
	/* Relaxed: each is read alone. */
	_Atomic(const char *) part; /* what runs, a string that is never freed; NULL: it sleeps */
	atomic_ullong since_ns; /* when that part began */
	BASE_WATCH_METRICS(BASE_METRIC_LIVE)
	_Atomic(const char *) longest; /* its name; NULL: none */
	/*
	 * The writer's alone: what getrusage() said, at most 10 ms of work before the part began.
	 */
	uint64_t base_ns, base_cpu_ns;
	uint64_t base_switches; /* voluntary ones; a sleep since then is one as well */
	uint64_t worked_ns; /* since then */
	struct base_bucket lines;
};

/* The writer, at the start of a round. */
void base_watch_sample(struct base_watch *w, uint64_t now);

/* @param worked_ns  how long the last round took if it had work; 0: it had none. */
static inline void
base_watch_round(struct base_watch *w, uint64_t now, uint64_t worked_ns)
{
	w->worked_ns += worked_ns;
	if (w->worked_ns > 10 * BASE_NS_PER_MS || now - w->base_ns > 500 * BASE_NS_PER_MS)
		base_watch_sample(w, now);
}

/* The writer has slept, or is about to. */
static inline void
base_watch_slept(struct base_watch *w)
{
	w->base_switches++;
}

/* What a part of more than 50 ms was. */
struct base_watch_slow {
	const char *part;
	uint64_t ns; /* that it took */
	uint64_t cpu_ns; /* of which it computed; up to 10 ms of what came before may be in it */
	bool waited; /* it waited for something; false: it was busy */
	unsigned int withheld; /* such reports that were not given since the last one */
};

/*
 * Judge a part that took more than 50 ms.
 * @return true: report *slow, now. False: the machine was busy, or there were enough reports.
 */
bool base_watch_judge(struct base_watch *w, const char *part, uint64_t since, uint64_t now,
		      struct base_watch_slow *slow);

struct base_watch_stats {
	BASE_WATCH_SHOWN(BASE_METRIC_FIELD)
	const char *longest; /* "" when there is none */
	const char *part; /* "" while it sleeps */
};
/* Any thread. */
void base_watch_read(const struct base_watch *w, uint64_t now, struct base_watch_stats *stats);

#endif
