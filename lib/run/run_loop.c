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
 * bounds the delay that sleeping adds to an eighth of the pause before.
 */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "base_time.h"

#define POLLERS_MAX 64
#define WAKE_FDS_MAX 4
#define SPIN_NS 300 /* what one spins, others wait for: two CPUs have three busy parties */
#define SLEEP_MIN_NS (20 * BASE_NS_PER_US)
#define TIMERSLACK_NS 1000
#define WOKEN_FACTOR 16 /* a worker that is woken for its work may sleep so much longer */

struct worker {
	struct {
		run_poll_fn poll;
		void *arg;
	} pollers[POLLERS_MAX];
	unsigned int count;
	/*
	 * Set by any thread before or during the loop, read by the worker: numbers alone, nothing
	 * behind them, so relaxed.
	 */
	atomic_int wake_fd_plus1[WAKE_FDS_MAX];
	atomic_uint nap_limit_us; /* 0: none */
} __rte_cache_aligned;

static struct worker workers[RTE_MAX_LCORE];
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
	atomic_store_explicit(&stop_requests, 0, memory_order_relaxed);
}

/* First signal: leave in good order. Second: end now, as the signal would have. */
static void
on_signal(int sig)
{
	static atomic_int seen;

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

int
run_worker_self(void)
{
	return self;
}

int
run_add_poller(unsigned int worker, run_poll_fn poll, void *arg)
{
	struct worker *w;

	if (worker >= run_workers())
		return -EINVAL;
	w = &workers[worker];
	if (w->count == POLLERS_MAX)
		return -ENOSPC;
	w->pollers[w->count].poll = poll;
	w->pollers[w->count].arg = arg;
	w->count++;
	return 0;
}

int
run_add_wake_fd(unsigned int worker, int fd)
{
	if (worker >= RTE_MAX_LCORE || fd < 0)
		return -EINVAL;
	for (unsigned int i = 0; i < WAKE_FDS_MAX; i++) {
		int none = 0;

		if (atomic_compare_exchange_strong_explicit(&workers[worker].wake_fd_plus1[i],
							    &none, fd + 1, memory_order_relaxed,
							    memory_order_relaxed))
			return 0;
	}
	return -ENOSPC;
}

void
run_remove_wake_fd(unsigned int worker, int fd)
{
	for (unsigned int i = 0; worker < RTE_MAX_LCORE && i < WAKE_FDS_MAX; i++) {
		int this = fd + 1;

		atomic_compare_exchange_strong_explicit(&workers[worker].wake_fd_plus1[i], &this, 0,
							memory_order_relaxed, memory_order_relaxed);
	}
}

void
run_limit_nap(unsigned int worker, uint32_t limit_us)
{
	if (worker < RTE_MAX_LCORE)
		atomic_store_explicit(&workers[worker].nap_limit_us, limit_us,
				      memory_order_relaxed);
}

/* @return how many wake fds there are. */
static unsigned int
wake_fds(struct worker *w, struct pollfd *pfd)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < WAKE_FDS_MAX; i++) {
		int fd = atomic_load_explicit(&w->wake_fd_plus1[i], memory_order_relaxed) - 1;

		if (fd >= 0) {
			pfd[n].fd = fd;
			pfd[n++].events = POLLIN;
		}
	}
	return n;
}

/* Sleep for ns, or less when a wake fd becomes readable or a signal comes. */
static void
nap(struct worker *w, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / BASE_NS_PER_S),
			       .tv_nsec = (long)(ns % BASE_NS_PER_S) };
	struct pollfd pfd[WAKE_FDS_MAX];
	unsigned int n = wake_fds(w, pfd);

	if (n > 0 && ppoll(pfd, n, &ts, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (pfd[i].revents & POLLIN)
			return;
	}
	/* No fd, or only broken ones that would wake us for ever. */
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/*
 * Worker 0 has control work besides what its fds tell of; the others are only waited for, and each
 * look of each of them would cost.
 */
static uint64_t
longest_nap(struct worker *w)
{
	uint64_t ns = loop_conf->idle_max_us * BASE_NS_PER_US;
	uint64_t limit = atomic_load_explicit(&w->nap_limit_us, memory_order_relaxed) *
			 BASE_NS_PER_US;
	struct pollfd pfd[WAKE_FDS_MAX];

	if (self > 0 && wake_fds(w, pfd) > 0)
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
	nap(w, RTE_MIN(ns, longest_nap(w)));
}

static void
run_worker(struct worker *w)
{
	uint64_t now, last = base_now_ns();
	unsigned int i, work;

	prctl(PR_SET_TIMERSLACK, TIMERSLACK_NS, 0, 0, 0);
	while (!run_stopping()) {
		now = base_now_ns();
		work = 0;
		for (i = 0; i < w->count; i++)
			work += w->pollers[i].poll(w->pollers[i].arg, now);
		if (work != 0)
			last = now;
		else
			relax(w, now - last);
	}
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
}
