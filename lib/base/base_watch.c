/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_watch.h"

#include <sys/resource.h>

static uint64_t
time_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * BASE_NS_PER_S + (uint64_t)tv->tv_usec * BASE_NS_PER_US;
}

/* What this thread has used so far: CPU time, and how often it gave the CPU up. */
static void
thread_usage(uint64_t *cpu_ns, uint64_t *switches)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	*cpu_ns = time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime);
	*switches = (uint64_t)usage.ru_nvcsw;
}

void
base_watch_sample(struct base_watch *w, uint64_t now)
{
	w->base_ns = now;
	w->worked_ns = 0;
	thread_usage(&w->base_cpu_ns, &w->base_switches);
}

/*
 * Three reasons look alike on the clock. A part that computed for half of its time was busy. One
 * that gave up the CPU, more often than the loop slept, waited for something. Else the CPU was
 * taken from it: nobody's fault here.
 */
bool
base_watch_judge(struct base_watch *w, const char *part, uint64_t since, uint64_t now,
		 struct base_watch_slow *slow)
{
	uint64_t cpu, switches;
	bool busy, waited;

	thread_usage(&cpu, &switches);
	cpu -= w->base_cpu_ns;
	busy = cpu >= (now - since) / 2;
	waited = !busy && switches > w->base_switches;
	base_watch_sample(w, now);
	if (!busy && !waited) {
		base_count(&w->preempted, 1);
		return false;
	}
	base_count(busy ? &w->busy : &w->waited, 1);
	if (now - since > base_count_get(&w->longest_ns)) {
		base_count_set(&w->longest_ns, now - since);
		atomic_store_explicit(&w->longest, part, memory_order_relaxed);
	}
	*slow = (struct base_watch_slow){ part, now - since, cpu, waited, 0 };
	return base_line_due(&w->lines, now, &slow->withheld);
}

void
base_watch_read(const struct base_watch *w, uint64_t now, struct base_watch_stats *stats)
{
	const char *longest = atomic_load_explicit(&w->longest, memory_order_relaxed);
	const char *part = atomic_load_explicit(&w->part, memory_order_relaxed);
	uint64_t since = atomic_load_explicit(&w->since_ns, memory_order_relaxed);

#define GET(name, ...) stats->name = base_count_get(&w->name);
	BASE_WATCH_METRICS(GET)
#undef GET
	stats->longest = longest != NULL ? longest : "";
	stats->part = part != NULL ? part : "";
	stats->running_ns = part != NULL && now > since ? now - since : 0;
}
