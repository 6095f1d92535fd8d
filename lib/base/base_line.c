/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_ring.h>

#include "base_counter.h"
#include "base_thread.h"
#include "base_time.h"

#define STOP_MS 300
#define LOOK_NS (2 * BASE_NS_PER_MS) /* base_line_drain() looks so often */

struct line {
	int fd;
	uint32_t len;
	char text[BASE_LINE_MAX];
};

/*
 * A lane for standard output, one for all else: who reads one of them may not read the other.
 * Each has two rings of pointers to its lines: those that are free, those that wait. Their
 * enqueue and dequeue are of the relaxed-tail kind: a thread that is preempted in the middle
 * holds up nobody (rte_ring.h, RTS). rte_ring orders the bytes of a line with its pointer.
 */
struct lane {
	struct rte_ring *unused, *waiting;
	int wake; /* eventfd: something waits, or the end is near */
	pthread_t thread;
	/* Counts alone, nothing behind them; `written` orders nothing but itself. */
	atomic_ullong queued, written;
	struct line lines[BASE_LINES];
};

static struct lane lanes[2];
#define LANES (sizeof(lanes) / sizeof(lanes[0]))

static const char *program_name;
static bool made; /* the lanes have their rings */

static struct lane *
lane_of(int fd)
{
	return &lanes[fd == STDOUT_FILENO ? 0 : 1];
}

/* Flags and counts alone, nothing behind them: relaxed. */
static atomic_bool running, ending;
static _Atomic uint64_t dropped;
/* How many of them have been reported. Owned by the thread that writes stderr, while it runs. */
static uint64_t told;

/* Write all of it. The descriptor may be non-blocking: any process that shares it can set that. */
static bool
write_all(int fd, const char *text, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* @return bytes of `to`: at most BASE_LINE_MAX, the last one a newline. */
static uint32_t
copy_line(char *to, const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > BASE_LINE_MAX - 1)
		len = BASE_LINE_MAX - 1;
	memcpy(to, text, len);
	to[len] = '\n';
	return (uint32_t)len + 1;
}

static void
put_directly(int fd, const char *text, size_t len)
{
	char line[BASE_LINE_MAX];

	if (!write_all(fd, line, copy_line(line, text, len)))
		base_count_shared(&dropped, 1);
}

static void
wake(struct lane *lane)
{
	const uint64_t one = 1;

	/* It can only fail because the thread has been woken 2^64 times and has not looked. */
	if (write(lane->wake, &one, sizeof(one)) < 0)
		return;
}

void
base_line_put(int fd, const char *text, size_t len)
{
	struct lane *lane = lane_of(fd);
	struct line *line;
	void *obj;

	if (!atomic_load_explicit(&running, memory_order_acquire)) {
		put_directly(fd, text, len);
		return;
	}
	if (rte_ring_dequeue(lane->unused, &obj) != 0) {
		base_count_shared(&dropped, 1);
		return;
	}
	line = obj;
	line->fd = fd;
	line->len = copy_line(line->text, text, len);
	atomic_fetch_add_explicit(&lane->queued, 1, memory_order_relaxed);
	rte_ring_enqueue(lane->waiting, line); /* as large as there are lines */
	wake(lane);
}

uint64_t
base_line_dropped(void)
{
	return base_count_get(&dropped);
}

/* --- the thread --- */

static void
tell_dropped(void)
{
	uint64_t now = base_line_dropped();
	char text[128];
	int len;

	if (now == told)
		return;
	len = snprintf(text, sizeof(text), "%s: %llu lines dropped: nobody read them\n",
		       program_name, (unsigned long long)(now - told));
	if (write_all(STDERR_FILENO, text, (size_t)len))
		told = now;
}

static void
write_line(struct lane *lane, const struct line *line)
{
	if (!write_all(line->fd, line->text, line->len))
		base_count_shared(&dropped, 1);
	atomic_fetch_add_explicit(&lane->written, 1, memory_order_release);
}

static void *
write_lines(void *arg)
{
	struct lane *lane = arg;
	uint64_t count;
	void *obj;

	while (read(lane->wake, &count, sizeof(count)) > 0 || errno == EINTR) {
		while (rte_ring_dequeue(lane->waiting, &obj) == 0) {
			write_line(lane, obj);
			rte_ring_enqueue(lane->unused, obj);
			if (lane == lane_of(STDERR_FILENO))
				tell_dropped();
		}
		if (atomic_load_explicit(&ending, memory_order_acquire))
			break;
	}
	return NULL;
}

/* --- start and stop --- */

/* The thread stays with the parent. */
static void
in_child(void)
{
	atomic_store_explicit(&running, false, memory_order_relaxed);
}

static struct rte_ring *
ring_make(const char *name)
{
	/* A ring of n has room for n - 1. */
	const unsigned int size = 2 * BASE_LINES;
	ssize_t bytes = rte_ring_get_memsize(size);
	struct rte_ring *ring = NULL;

	if (bytes > 0)
		ring = aligned_alloc(RTE_CACHE_LINE_SIZE,
				     RTE_ALIGN_CEIL((size_t)bytes, RTE_CACHE_LINE_SIZE));
	if (ring != NULL &&
	    rte_ring_init(ring, name, size, RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ) != 0) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

static int
lane_make(struct lane *lane)
{
	lane->wake = eventfd(0, EFD_CLOEXEC);
	lane->unused = ring_make("lines_unused");
	lane->waiting = ring_make("lines_waiting");
	if (lane->wake < 0 || lane->unused == NULL || lane->waiting == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < BASE_LINES; i++)
		rte_ring_enqueue(lane->unused, &lane->lines[i]);
	return 0;
}

/* Once a process. A failure half way leaks what was made before it. */
static int
lanes_make(void)
{
	int ret = 0;

	if (made)
		return 0;
	for (size_t i = 0; i < LANES && ret == 0; i++)
		ret = lane_make(&lanes[i]);
	if (ret < 0)
		return ret;
	pthread_atfork(NULL, NULL, in_child);
	atexit(base_line_stop);
	made = true;
	return 0;
}

static void
lane_end(struct lane *lane)
{
	wake(lane);
	pthread_join(lane->thread, NULL);
}

int
base_line_start(const char *program)
{
	int ret;

	if (atomic_load_explicit(&running, memory_order_relaxed))
		return -EALREADY;
	ret = lanes_make();
	if (ret < 0)
		return ret;
	program_name = program;
	atomic_store_explicit(&ending, false, memory_order_relaxed);
	/* Set here, because lines may be dropped before the thread runs. */
	told = base_line_dropped();
	for (size_t i = 0; i < LANES; i++) {
		ret = base_thread_start(&lanes[i].thread, "ism-lines", write_lines, &lanes[i]);
		if (ret == 0)
			continue;
		atomic_store_explicit(&ending, true, memory_order_release);
		while (i-- > 0)
			lane_end(&lanes[i]);
		return ret;
	}
	atomic_store_explicit(&running, true, memory_order_release);
	return 0;
}

/* @return has all been written that was queued when this was called, until `end`? */
static bool
lane_drain(struct lane *lane, uint64_t end)
{
	const struct timespec moment = { .tv_nsec = LOOK_NS };
	const unsigned long long all = atomic_load_explicit(&lane->queued, memory_order_relaxed);

	while (atomic_load_explicit(&lane->written, memory_order_acquire) < all) {
		if (base_now_ns() >= end)
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	}
	return true;
}

int
base_line_drain(unsigned int ms)
{
	const uint64_t end = base_now_ns() + ms * BASE_NS_PER_MS;
	bool all = true;

	if (!atomic_load_explicit(&running, memory_order_relaxed))
		return 0;
	for (size_t i = 0; i < LANES; i++)
		all = lane_drain(&lanes[i], end) && all;
	return all ? 0 : -ETIMEDOUT;
}

void
base_line_stop(void)
{
	const uint64_t end = base_now_ns() + STOP_MS * BASE_NS_PER_MS;

	if (!atomic_load_explicit(&running, memory_order_relaxed))
		return;
	for (size_t i = 0; i < LANES; i++) {
		if (lane_drain(&lanes[i], end)) {
			atomic_store_explicit(&ending, true, memory_order_release);
			lane_end(&lanes[i]);
		} else {
			/* The thread hangs in write(2); the end of the process ends it. */
			pthread_detach(lanes[i].thread);
		}
	}
	atomic_store_explicit(&running, false, memory_order_relaxed);
}
