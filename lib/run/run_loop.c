/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds of polling on each lcore, hot under load and cheap when idle (DESIGN D4).
 *
 *	work ----> hot: next round at once
 *	   idle for 0.3 us:     each empty round also yields the CPU
 *	   idle for hot_us:     each empty round sleeps for an eighth of the time idled so
 *	                        far, up to idle_max_us, or until a wake fd is readable
 *
 * Yielding is what lets a client, a server and the program that reads the file share two
 * CPUs: the peer that must answer gets the CPU that we would burn. Sleeping in proportion
 * bounds the delay that sleeping adds to an eighth of the pause before. Waking costs 20 us of
 * CPU time on one machine and 50 on another, so the longest sleep follows what it costs here.
 */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "base_time.h"
#include "base_watch.h"

#define POLLERS_MAX 256
#define READY_FDS_MAX 16 /* wake fds that are looked at after a nap */
#define SPIN_NS 300 /* what one spins, others wait for: two CPUs have three busy parties */
#define SLEEP_MIN_NS (20 * BASE_NS_PER_US)
#define TIMERSLACK_NS 1000
#define WEIGHED_EVERY 16 /* naps */
#define NAP_COSTS 200 /* a nap is so many times as long as the CPU time that it costs: 0.5 % */
#define STRETCH 2 /* but at most so many times idle_max_us */
#define THRIFTY_US 4000 /* who asks for shorter naps than that has chosen to pay for them */
#define WOKEN_FACTOR 16 /* a worker that is woken for its work may sleep so much longer */

/* run_call(): on the caller's stack, until `done`. */
struct call {
	struct call *next;
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

struct worker {
	struct {
		run_poll_fn poll;
		void *arg;
		const char *name; /* told by the watchdog */
	} pollers[POLLERS_MAX];
	unsigned int count;
	/*
	 * Set by any thread before or during the loop, read by the worker: numbers alone, nothing
	 * behind them, so relaxed.
	 */
	atomic_int wake_plus1; /* epoll of the wake fds; 0: there was none yet */
	atomic_uint wake_count;
	atomic_uint nap_limit_us; /* 0: none */
	/*
	 * Newest first. Callers push with release, the worker takes all with acquire: the struct
	 * behind. CALLS_ENDED after its last round.
	 */
	_Atomic(struct call *) calls;
	struct base_watch watch;
	/* Of the worker's thread alone. */
	unsigned int naps;
	bool weighing; /* since the last nap */
	uint64_t weighed_from_ns; /* CPU time of the thread */
	uint64_t nap_cost_ns; /* CPU time from one nap to the next, mean */
} __rte_cache_aligned;

static struct worker workers[RTE_MAX_LCORE];
static struct call calls_ended;
#define CALLS_ENDED (&calls_ended)
static const struct run_idle_conf *loop_conf;
static __thread int self = -1;

/* Written by signal handlers and any thread; a flag alone, no bytes behind it: relaxed. */
static atomic_int stop_requests;

void
run_stop(void)
{
	atomic_fetch_add_explicit(&stop_requests, 1, memory_order_relaxed);
}

bool
run_stopping(void)
{
	return atomic_load_explicit(&stop_requests, memory_order_relaxed) != 0;
}

void
run_restart(void)
{
	for (unsigned int i = 0; i < RTE_MAX_LCORE; i++)
		atomic_store_explicit(&workers[i].calls, NULL, memory_order_relaxed);
	loop_conf = NULL;
	atomic_store_explicit(&stop_requests, 0, memory_order_relaxed);
}

/* A function alone, no bytes behind it: relaxed. */
static void (*_Atomic hangup)(void);

void
run_hangup_to(void (*fn)(void))
{
	atomic_store_explicit(&hangup, fn, memory_order_relaxed);
}

/* First signal: leave in good order. Second: end now, as the signal would have. */
static void
on_signal(int sig)
{
	static atomic_int seen;
	void (*fn)(void) = atomic_load_explicit(&hangup, memory_order_relaxed);

	if (sig == SIGHUP && fn != NULL) {
		fn();
		return;
	}
	run_stop();
	if (atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed) > 0) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

void
run_signals(void)
{
	struct sigaction sa, was;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	/* nohup(1) had it ignored. */
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

unsigned int
run_workers(void)
{
	return rte_lcore_count();
}

const struct base_watch *
run_worker_watch(unsigned int worker)
{
	return worker < run_workers() ? &workers[worker].watch : NULL;
}

int
run_worker_self(void)
{
	return self;
}

int
run_add_poller_named(unsigned int worker, run_poll_fn poll, void *arg, const char *name)
{
	struct worker *w;

	if (worker >= run_workers())
		return -EINVAL;
	w = &workers[worker];
	if (w->count == POLLERS_MAX)
		return -ENOSPC;
	w->pollers[w->count].poll = poll;
	w->pollers[w->count].arg = arg;
	w->pollers[w->count].name = name;
	w->count++;
	return 0;
}

void
run_remove_poller(unsigned int worker, run_poll_fn poll, void *arg)
{
	struct worker *w = &workers[worker < RTE_MAX_LCORE ? worker : 0];
	unsigned int i = 0;

	while (i < w->count && (w->pollers[i].poll != poll || w->pollers[i].arg != arg))
		i++;
	if (i >= w->count || worker >= RTE_MAX_LCORE)
		return;
	w->count--;
	memmove(&w->pollers[i], &w->pollers[i + 1], (w->count - i) * sizeof(w->pollers[0]));
}

/* --- calls from other threads --- */

/* The worker's thread, or the only one that there is yet. */
static bool
is_own_thread(unsigned int worker)
{
	if (self >= 0)
		return self == (int)worker;
	return loop_conf == NULL && rte_lcore_id() == rte_get_main_lcore();
}

int
run_call(unsigned int worker, void (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg }, *head;
	struct worker *w;

	if (worker >= run_workers())
		return -EINVAL;
	if (is_own_thread(worker)) {
		fn(arg);
		return 0;
	}
	w = &workers[worker];
	sem_init(&call.done, 0, 0);
	head = atomic_load_explicit(&w->calls, memory_order_relaxed);
	do {
		if (head == CALLS_ENDED) {
			sem_destroy(&call.done);
			return -ESHUTDOWN;
		}
		call.next = head;
	} while (!atomic_compare_exchange_weak_explicit(&w->calls, &head, &call,
							memory_order_release,
							memory_order_relaxed));
	while (sem_wait(&call.done) != 0)
		;
	sem_destroy(&call.done);
	return 0;
}

/* In the order in which they came. @param next  NULL, or CALLS_ENDED: take no more. */
static unsigned int
take_calls(struct worker *w, struct call *next)
{
	struct call *call, *first = NULL, *after;
	unsigned int n = 0;

	call = atomic_exchange_explicit(&w->calls, next, memory_order_acquire);
	for (; call != NULL; call = after) {
		after = call->next;
		call->next = first;
		first = call;
	}
	for (; first != NULL; first = after, n++) {
		after = first->next; /* the caller's stack is gone after the post */
		first->fn(first->arg);
		sem_post(&first->done);
	}
	return n;
}

/* The first that wants to be woken makes it; a second one takes that. @return it; -errno. */
static int
wake_epoll(struct worker *w)
{
	int have = atomic_load_explicit(&w->wake_plus1, memory_order_relaxed), fd;

	if (have != 0)
		return have - 1;
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (atomic_compare_exchange_strong_explicit(&w->wake_plus1, &have, fd + 1,
						    memory_order_relaxed, memory_order_relaxed))
		return fd;
	close(fd);
	return have - 1;
}

int
run_add_wake_fd(unsigned int worker, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll;

	if (worker >= RTE_MAX_LCORE || fd < 0)
		return -EINVAL;
	epoll = wake_epoll(&workers[worker]);
	if (epoll < 0)
		return epoll;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return errno == EEXIST ? 0 : -errno;
	atomic_fetch_add_explicit(&workers[worker].wake_count, 1, memory_order_relaxed);
	return 0;
}

void
run_remove_wake_fd(unsigned int worker, int fd)
{
	struct epoll_event event = { 0 }; /* for kernels of before Linux 2.6.9 */
	struct worker *w = &workers[worker < RTE_MAX_LCORE ? worker : 0];
	int epoll = atomic_load_explicit(&w->wake_plus1, memory_order_relaxed) - 1;

	if (worker < RTE_MAX_LCORE && epoll >= 0 &&
	    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event) == 0)
		atomic_fetch_sub_explicit(&w->wake_count, 1, memory_order_relaxed);
}

void
run_limit_nap(unsigned int worker, uint32_t limit_us)
{
	if (worker < RTE_MAX_LCORE)
		atomic_store_explicit(&workers[worker].nap_limit_us, limit_us,
				      memory_order_relaxed);
}

static bool
is_woken_by_fds(const struct worker *w)
{
	return atomic_load_explicit(&w->wake_count, memory_order_relaxed) > 0;
}

/* @return whether one is readable; *more: there may be others that are ready. */
static bool
look_at_some(int epoll, bool *more)
{
	struct epoll_event events[READY_FDS_MAX];
	int n = epoll_wait(epoll, events, READY_FDS_MAX, 0);

	*more = n == READY_FDS_MAX;
	for (int i = 0; i < n; i++) {
		if (events[i].events & EPOLLIN)
			return true;
	}
	return false;
}

/* Is a wake fd readable, or are those that are ready all broken? The kernel tells them in turn. */
static bool
has_readable(const struct worker *w, int epoll)
{
	unsigned int count = atomic_load_explicit(&w->wake_count, memory_order_relaxed);
	bool more = true;

	for (unsigned int seen = 0; more && seen <= count; seen += READY_FDS_MAX) {
		if (look_at_some(epoll, &more))
			return true;
	}
	return false;
}

/* Sleep for ns, or less when a wake fd becomes readable or a signal comes. */
static void
nap(struct worker *w, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / BASE_NS_PER_S),
			       .tv_nsec = (long)(ns % BASE_NS_PER_S) };
	int epoll = atomic_load_explicit(&w->wake_plus1, memory_order_relaxed) - 1;
	struct pollfd pfd = { .fd = epoll, .events = POLLIN };

	base_watch_slept(&w->watch);
	if (is_woken_by_fds(w) && (ppoll(&pfd, 1, &ts, NULL) <= 0 || has_readable(w, epoll)))
		return;
	/* No fd, or only broken ones that would wake us for ever. */
	base_watch_slept(&w->watch);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static uint64_t
thread_cpu_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * BASE_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* A nap is about to begin. Now and then, find what one costs, with the round that follows it. */
static void
weigh_nap(struct worker *w)
{
	uint64_t cost;

	if (w->weighing) {
		cost = thread_cpu_ns() - w->weighed_from_ns;
		w->nap_cost_ns = w->nap_cost_ns == 0 ? cost : (w->nap_cost_ns * 7 + cost) / 8;
		w->weighing = false;
	} else if (++w->naps % WEIGHED_EVERY == 0) {
		w->weighed_from_ns = thread_cpu_ns();
		w->weighing = true;
	}
}

/* idle_max_us, or longer where naps of that length would cost too much. */
static uint64_t
idle_max_ns(const struct worker *w)
{
	uint64_t ns = loop_conf->idle_max_us * BASE_NS_PER_US;

	if (loop_conf->idle_max_us < THRIFTY_US)
		return ns;
	return RTE_MIN(RTE_MAX(ns, w->nap_cost_ns * NAP_COSTS), ns * STRETCH);
}

/*
 * Worker 0 has control work besides what its fds tell of; the others are only waited for, and each
 * look of each of them would cost.
 */
static uint64_t
longest_nap(struct worker *w)
{
	uint64_t ns = idle_max_ns(w);
	uint64_t limit = atomic_load_explicit(&w->nap_limit_us, memory_order_relaxed) *
			 BASE_NS_PER_US;

	if (self > 0 && is_woken_by_fds(w))
		ns *= WOKEN_FACTOR;
	return limit > 0 ? RTE_MIN(ns, limit) : ns;
}

/* One round without work is over; idle is the time since the last work. */
static void
relax(struct worker *w, uint64_t idle)
{
	uint64_t ns;

	rte_pause();
	if (idle < SPIN_NS)
		return;
	if (idle < loop_conf->hot_us * BASE_NS_PER_US) {
		sched_yield();
		return;
	}
	ns = RTE_MAX(idle / 8, (uint64_t)SLEEP_MIN_NS);
	weigh_nap(w);
	nap(w, RTE_MIN(ns, longest_nap(w)));
}

static void
tell_slow(const struct base_watch_slow *slow)
{
	char more[32] = "";

	if (slow->withheld != 0)
		snprintf(more, sizeof(more), " (%u more)", slow->withheld);
	run_note("lcore %d: %s took %llu ms, %s%s", self, slow->part, slow->ns / BASE_NS_PER_MS,
		 slow->waited ? "waiting for something outside" : "of work in one round", more);
}

/* One part of a round. @return the time when it was over. */
static uint64_t
run_part(struct worker *w, unsigned int i, uint64_t now, uint64_t since, unsigned int *work)
{
	struct base_watch_slow slow;
	uint64_t end;

	atomic_store_explicit(&w->watch.part, w->pollers[i].name, memory_order_relaxed);
	atomic_store_explicit(&w->watch.since_ns, since, memory_order_relaxed);
	*work += w->pollers[i].poll(w->pollers[i].arg, now);
	end = base_now_ns();
	if (end - since > BASE_WATCH_SLOW_NS &&
	    base_watch_judge(&w->watch, w->pollers[i].name, since, end, &slow))
		tell_slow(&slow);
	return end;
}

static void
run_worker(struct worker *w)
{
	uint64_t now, at, last = base_now_ns();
	unsigned int i, work;
	uint64_t worked_ns = 0;

	prctl(PR_SET_TIMERSLACK, TIMERSLACK_NS, 0, 0, 0);
	while (!run_stopping()) {
		now = at = base_now_ns();
		base_watch_round(&w->watch, now, worked_ns);
		work = 0;
		for (i = 0; i < w->count; i++)
			at = run_part(w, i, now, at, &work);
		if (atomic_load_explicit(&w->calls, memory_order_relaxed) != NULL)
			work += take_calls(w, NULL);
		atomic_store_explicit(&w->watch.part, NULL, memory_order_relaxed);
		worked_ns = work != 0 ? at - now : 0;
		if (work != 0) {
			last = now;
			w->weighing = false;
		} else {
			relax(w, now - last);
		}
	}
	take_calls(w, CALLS_ENDED);
}

static int
lcore_main(void *arg)
{
	self = (int)(uintptr_t)arg;
	run_worker(&workers[self]);
	self = -1;
	return 0;
}

void
run_loop(const struct run_idle_conf *conf)
{
	const struct timespec moment = { .tv_nsec = 200 * BASE_NS_PER_US };
	unsigned int lcore;
	uintptr_t n = 1;

	loop_conf = conf;
	RTE_LCORE_FOREACH_WORKER(lcore)
		rte_eal_remote_launch(lcore_main, (void *)n++, lcore);
	lcore_main(NULL);
	/* They may be asleep; rte_eal_mp_wait_lcore() alone would spin until they are not. */
	RTE_LCORE_FOREACH_WORKER(lcore) {
		while (rte_eal_get_lcore_state(lcore) == RUNNING)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	}
	rte_eal_mp_wait_lcore();
	loop_conf = NULL;
}
