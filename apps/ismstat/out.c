/* SPDX-License-Identifier: BSD-3-Clause */
#include "out.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_process.h"
#include "base_thread.h"
#include "base_time.h"
#include "tty.h"

#define RING_BYTES (4u << 20)
#define BUSY_BYTES (64u << 10)
#define STOP_MS 300
#define LOOK_NS (2 * BASE_NS_PER_MS)

/*
 * Free-running indices, masked at access; a 32-bit wrap does no harm as the ring's size divides it.
 * `tail` is written by who prints, with release: the bytes before it are there. `head` is written
 * by the thread, with release: the bytes before it may be overwritten.
 */
static struct {
	atomic_uint head, tail;
	atomic_int error;
	int wake;
	bool open;
	pthread_t thread;
	FILE *stream, *was;
	char bytes[RING_BYTES];
} out;

static unsigned int
waiting(void)
{
	return atomic_load_explicit(&out.tail, memory_order_relaxed) -
	       atomic_load_explicit(&out.head, memory_order_acquire);
}

bool
out_pending(void)
{
	return out.open && waiting() > 0;
}

bool
out_busy(void)
{
	return out.open && waiting() > BUSY_BYTES;
}

int
out_error(void)
{
	return atomic_load_explicit(&out.error, memory_order_relaxed);
}

/* --- the thread --- */

/* @return bytes written; 0: that failed for good. */
static size_t
write_some(const char *from, size_t len)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t n;

	for (;;) {
		n = write(STDOUT_FILENO, from, len);
		if (n >= 0)
			return (size_t)n;
		if (errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (errno != EINTR)
			break;
	}
	atomic_store_explicit(&out.error, errno, memory_order_relaxed);
	return 0;
}

/* What cannot be written is dropped: nobody shall wait for it to go. */
static void
write_waiting(void)
{
	unsigned int head = atomic_load_explicit(&out.head, memory_order_relaxed);
	unsigned int tail = atomic_load_explicit(&out.tail, memory_order_acquire);
	size_t len, n;

	while (head != tail) {
		len = RTE_MIN(tail - head, RING_BYTES - head % RING_BYTES);
		n = out_error() == 0 ? write_some(out.bytes + head % RING_BYTES, len) : 0;
		head += n > 0 ? (unsigned int)n : tail - head;
		atomic_store_explicit(&out.head, head, memory_order_release);
	}
}

static void *
write_out(void *arg)
{
	uint64_t count;

	while (read(out.wake, &count, sizeof(count)) > 0 || errno == EINTR)
		write_waiting();
	return NULL;
}

/* --- the stream --- */

/*
 * Between commands the ring is nearly empty (out_busy()), so what finds no room is one answer of
 * more than 4 MiB that nobody reads: it fails.
 */
static ssize_t
stream_write(void *cookie, const char *buf, size_t size)
{
	unsigned int tail = atomic_load_explicit(&out.tail, memory_order_relaxed);
	const uint64_t one = 1;
	size_t first;

	if (out_error() != 0 || size > RING_BYTES - waiting()) {
		errno = out_error() != 0 ? out_error() : ENOBUFS;
		return 0;
	}
	first = RTE_MIN(size, RING_BYTES - tail % RING_BYTES);
	memcpy(out.bytes + tail % RING_BYTES, buf, first);
	memcpy(out.bytes, buf + first, size - first);
	atomic_store_explicit(&out.tail, tail + (unsigned int)size, memory_order_release);
	if (write(out.wake, &one, sizeof(one)) < 0)
		return 0;
	return (ssize_t)size;
}

int
out_open(void)
{
	static const cookie_io_functions_t io = { .write = stream_write };
	int ret;

	out.wake = eventfd(0, EFD_CLOEXEC);
	if (out.wake < 0)
		return -errno;
	out.stream = fopencookie(NULL, "w", io);
	ret = out.stream != NULL ? base_thread_start(&out.thread, "ism-output", write_out, NULL)
				 : -ENOMEM;
	if (ret < 0) {
		if (out.stream != NULL)
			fclose(out.stream);
		close(out.wake);
		return ret;
	}
	pthread_detach(out.thread); /* it may stand in write(2) when the process ends */
	setvbuf(out.stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
	/* Closed from the start is as a disk that is full. */
	if (base_process_flush() == -EBADF)
		atomic_store_explicit(&out.error, EBADF, memory_order_relaxed);
	out.was = stdout;
	stdout = out.stream;
	out.open = true;
	return 0;
}

/*
 * @return is nothing left, before `ns` are over or, with `patient`, before a signal ends the
 * program?
 */
static bool
wait_written(uint64_t ns, bool patient)
{
	const struct timespec moment = { .tv_nsec = LOOK_NS };
	uint64_t end = base_now_ns() + ns;

	while (waiting() > 0) {
		if (patient && !tty_told_to_end())
			end = base_now_ns() + ns;
		else if (base_now_ns() >= end)
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	}
	return true;
}

bool
out_settle(unsigned int ms)
{
	if (!out.open)
		return true;
	fflush(stdout);
	return wait_written(ms * BASE_NS_PER_MS, false);
}

int
out_close(void)
{
	bool all;

	if (!out.open)
		return out_error();
	fflush(stdout);
	all = wait_written(STOP_MS * BASE_NS_PER_MS, true);
	stdout = out.was;
	fclose(out.stream);
	out.open = false;
	return all ? out_error() : ETIMEDOUT;
}
