/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two processes on two CPUs can do at all, and by a UNIX socket: the figures that `tools/bench
 * link` puts next to dpdk-ismstat's.
 *
 *	linkfloor line SECONDS          a cache line there and back: ns
 *	linkfloor ring SECONDS BYTES    memcpy into a shared ring of 64 slots: messages a second
 *	linkfloor ping SECONDS BYTES    a message there and back by a UNIX socket: ns
 *	linkfloor stream SECONDS BYTES  messages one way by a UNIX socket: messages a second
 *
 * Prints one number: of times the median, of rates the mean. The parent runs on the first CPU that
 * it may use, the child on the second.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE 64
#define SLOTS 64u
#define BYTES_MAX (256u << 10)
#define BLOCK 1000u /* round trips of a line that are timed together */
#define SAMPLES_MAX 2000000u

/* Each word in a pair of lines of its own: processors fetch lines by twos. */
struct shared {
	uint64_t there __attribute__((aligned(2 * LINE)));
	uint64_t back __attribute__((aligned(2 * LINE)));
	uint64_t stop __attribute__((aligned(2 * LINE)));
	uint8_t slots[SLOTS][BYTES_MAX] __attribute__((aligned(4096)));
};

static struct shared *shared;
static uint32_t *samples; /* ns */
static size_t sample_count;
static uint8_t buf[BYTES_MAX];

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "linkfloor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
sample(uint64_t ns)
{
	if (sample_count < SAMPLES_MAX)
		samples[sample_count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
median(void)
{
	if (sample_count == 0)
		return 0;
	qsort(samples, sample_count, sizeof(samples[0]), ascending);
	return samples[sample_count / 2];
}

/* The n-th CPU that we may use, if there are so many. */
static void
pin(int n)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all) != 0)
		die("sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) != 0)
			die("sched_setaffinity");
		return;
	}
}

static uint64_t
get(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void
put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Wait for another value than `old`. @return it, or `old` when the parent is done. */
static uint64_t
wait_other(const uint64_t *word, uint64_t old)
{
	uint64_t value;

	while ((value = get(word)) == old)
		if (get(&shared->stop) != 0)
			break;
	return value;
}

/* --- a cache line --- */

static void
line_child(void)
{
	for (uint64_t seen = 0; get(&shared->stop) == 0;) {
		uint64_t value = wait_other(&shared->there, seen);

		if (value != seen)
			put(&shared->there, seen = value + 1);
	}
}

/* One word that both write in turns: odd values are the parent's. */
static double
line_parent(uint64_t end)
{
	uint64_t value = 0, begin;

	while ((begin = now_ns()) < end) {
		for (unsigned int i = 0; i < BLOCK; i++) {
			put(&shared->there, value + 1);
			while (get(&shared->there) != value + 2)
				;
			value += 2;
		}
		sample((now_ns() - begin) / BLOCK);
	}
	return median();
}

/* --- a ring --- */

/* Sees each message, and reads as much of it as dpdk-ismstat's receiver: its first word. */
static void
ring_child(void)
{
	uint64_t head = 0, sum = 0;

	while (get(&shared->stop) == 0) {
		uint64_t there = wait_other(&shared->there, head);

		for (; head != there; head++)
			sum += *(volatile uint64_t *)shared->slots[head % SLOTS];
		put(&shared->back, head);
	}
	put(&shared->back, UINT64_MAX - (sum & 1));
}

static double
ring_parent(uint64_t end, size_t bytes)
{
	uint64_t begin = now_ns(), sent = 0;

	do {
		for (unsigned int i = 0; i < 256; i++) {
			while (sent - get(&shared->back) >= SLOTS)
				;
			memcpy(shared->slots[sent % SLOTS], buf, bytes);
			put(&shared->there, ++sent);
		}
	} while (now_ns() < end);
	return (double)sent * 1e9 / (double)(now_ns() - begin);
}

/* --- a UNIX socket --- */

/* Exactly `bytes`. @return whether they came, or went. */
static bool
take(int fd, size_t bytes)
{
	return recv(fd, buf, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

static bool
give(int fd, size_t bytes)
{
	ssize_t n;

	for (size_t done = 0; done < bytes; done += (size_t)n) {
		n = send(fd, buf + done, bytes - done, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static void
socket_child(int fd, size_t bytes, bool echo)
{
	/* A stream is read as it comes: whoever wants messages a second buffers them. */
	if (!echo)
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
	else
		while (take(fd, bytes) && give(fd, bytes))
			;
}

static double
ping_parent(int fd, uint64_t end, size_t bytes)
{
	uint64_t begin = now_ns(), next;

	for (; begin < end; begin = next) {
		if (!give(fd, bytes) || !take(fd, bytes))
			die("socket");
		next = now_ns();
		sample(next - begin);
	}
	return median();
}

static double
stream_parent(int fd, uint64_t end, size_t bytes)
{
	uint64_t begin = now_ns(), sent = 0;

	for (; now_ns() < end; sent++)
		if (!give(fd, bytes))
			die("socket");
	return (double)sent * 1e9 / (double)(now_ns() - begin);
}

/* --- */

static void
child(const char *what, int fd, size_t bytes)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	if (strcmp(what, "line") == 0)
		line_child();
	else if (strcmp(what, "ring") == 0)
		ring_child();
	else
		socket_child(fd, bytes, strcmp(what, "ping") == 0);
	_exit(0);
}

static double
parent(const char *what, int fd, uint64_t end, size_t bytes)
{
	pin(0);
	if (strcmp(what, "line") == 0)
		return line_parent(end);
	if (strcmp(what, "ring") == 0)
		return ring_parent(end, bytes);
	if (strcmp(what, "ping") == 0)
		return ping_parent(fd, end, bytes);
	return stream_parent(fd, end, bytes);
}

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: linkfloor line|ring|ping|stream SECONDS [BYTES]\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	size_t bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 8;
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 0, result;
	int fd[2];
	pid_t pid;

	if (argc < 3 || argc > 4 || seconds <= 0 || seconds > 60 || bytes == 0 ||
	    bytes > BYTES_MAX || strstr(" line ring ping stream ", argv[1]) == NULL)
		usage();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	samples = malloc(SAMPLES_MAX * sizeof(samples[0]));
	if (shared == MAP_FAILED || samples == NULL)
		die("memory");
	memset(buf, 1, sizeof(buf));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(fd[0]);
		child(argv[1], fd[1], bytes);
	}
	close(fd[1]);
	result = parent(argv[1], fd[0], now_ns() + (uint64_t)(seconds * 1e9), bytes);
	put(&shared->stop, 1);
	close(fd[0]);
	waitpid(pid, NULL, 0);
	printf("%.1f\n", result);
	return 0;
}
