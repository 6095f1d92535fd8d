/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "base_time.h"
#include "fabric_closer.h"
#include "fabric_priv.h"

#define IDLE_MS 2000 /* a closing process without work ends after that */
#define STOP_MS 1000
#define END_TRIES 100 /* of 1 ms, for killed closing processes to end */
#define SOCKETS_MAX 65536 /* sockets with higher numbers are not marked */
#define WORD_BITS 32
#define PARENT_GONE SIGUSR2 /* what the kernel tells the keeper with */

/*
 * The ring of one owner. Free-running indices: the fabric writes `queued` with release when fd[] is
 * filled, its closing process acquires it; that one writes `closed` with release, so a place that
 * the fabric sees free is not read any more.
 */
struct closer_ring {
	atomic_uint queued; /* also a futex: the closing process waits for it to change */
	atomic_uint closed;
	atomic_int pid; /* closing process, 0 = none; the keeper's, others only look */
	int fd[FABRIC_CLOSER_FDS];
};

/* Shared by all of them; pages of owners that never closed anything are never touched. */
struct closer_memory {
	atomic_uint wake; /* futex: the keeper waits for it to change */
	atomic_bool stop;
	atomic_uint client[SOCKETS_MAX / WORD_BITS]; /* bits: sockets of clients */
	struct closer_ring ring[FABRIC_CLOSER_OWNERS];
};

struct fabric_closer {
	struct closer_memory *mem;
	pid_t keeper; /* 0: it is gone */
};

/* Linux's fork() with the table of descriptors shared. Nothing of libc runs in the child. */
static pid_t
clone_sharing_files(void)
{
#ifdef __s390x__
	return (pid_t)syscall(SYS_clone, 0, CLONE_FILES | SIGCHLD, NULL, NULL, 0);
#else
	return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, NULL, NULL, 0);
#endif
}

static void
futex_wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Wait until the word is no longer `seen`, a signal comes, or the time is over (NULL: never). */
static long
futex_wait(atomic_uint *word, unsigned int seen, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, FUTEX_WAIT, seen, timeout, NULL, 0);
}

static void
keeper_wake(struct closer_memory *mem)
{
	atomic_fetch_add_explicit(&mem->wake, 1, memory_order_release);
	futex_wake(&mem->wake);
}

/* --- closing process --- */

static void
closing_process(struct closer_ring *ring)
{
	const struct timespec idle = { .tv_sec = IDLE_MS / 1000 };
	unsigned int at = atomic_load_explicit(&ring->closed, memory_order_relaxed), queued;

	for (;;) {
		queued = atomic_load_explicit(&ring->queued, memory_order_acquire);
		if (at == queued && futex_wait(&ring->queued, queued, &idle) < 0 &&
		    errno == ETIMEDOUT)
			_exit(0);
		for (; at != queued; at++) {
			close(ring->fd[at % FABRIC_CLOSER_FDS]);
			atomic_store_explicit(&ring->closed, at + 1, memory_order_release);
		}
	}
}

/* --- keeper --- */

static atomic_uint *keeper_word; /* in the keeper: what its signals change */

/* Count the signal in the futex word, so that one between check and wait is not missed. */
static void
on_keeper_signal(int sig)
{
	atomic_fetch_add_explicit(keeper_word, 1, memory_order_release);
}

/* Block all others: a signal to the fabric's process group is not meant for the keeper. */
static void
keeper_signals(void)
{
	struct sigaction sa = { .sa_handler = on_keeper_signal };
	sigset_t blocked;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGCHLD, &sa, NULL);
	sigaction(PARENT_GONE, &sa, NULL);
	sigfillset(&blocked);
	sigdelset(&blocked, SIGCHLD);
	sigdelset(&blocked, PARENT_GONE);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void
keeper_reap(struct closer_memory *mem)
{
	unsigned int i;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < FABRIC_CLOSER_OWNERS; i++)
			if (atomic_load_explicit(&mem->ring[i].pid, memory_order_relaxed) == pid)
				atomic_store_explicit(&mem->ring[i].pid, 0, memory_order_relaxed);
}

static bool
ring_empty(const struct closer_ring *ring)
{
	return atomic_load_explicit(&ring->queued, memory_order_acquire) ==
	       atomic_load_explicit(&ring->closed, memory_order_acquire);
}

static void
keeper_start_closing(struct closer_memory *mem)
{
	struct closer_ring *ring;
	pid_t pid;

	for (ring = mem->ring; ring < mem->ring + FABRIC_CLOSER_OWNERS; ring++) {
		if (ring_empty(ring) || atomic_load_explicit(&ring->pid, memory_order_relaxed) != 0)
			continue;
		pid = clone_sharing_files();
		if (pid == 0)
			closing_process(ring);
		if (pid > 0)
			atomic_store_explicit(&ring->pid, pid, memory_order_relaxed);
	}
}

/*
 * The fabric is gone. A closing process that hangs keeps the table of descriptors, and with it the
 * connections of all clients: so they are hung up, and the clients see the end.
 */
static void
keeper_end(struct closer_memory *mem)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };
	unsigned int i;
	int fd, pid;

	for (i = 0; i < FABRIC_CLOSER_OWNERS; i++) {
		pid = atomic_load_explicit(&mem->ring[i].pid, memory_order_relaxed);
		if (pid > 0)
			kill(pid, SIGKILL);
	}
	for (fd = 0; fd < SOCKETS_MAX; fd++)
		if (atomic_load(&mem->client[fd / WORD_BITS]) & 1u << fd % WORD_BITS)
			shutdown(fd, SHUT_RDWR);
	/* Those that hang are left to init. */
	for (i = 0; i < END_TRIES && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		nanosleep(&nap, NULL);
	_exit(0);
}

/*
 * The kernel's signal comes when the thread that made us dies. The others of the fabric may live
 * for a moment longer, and our parent is still the same then: so there is a look now and then, too.
 */
static void
keeper(struct closer_memory *mem, pid_t parent, void (*inside)(void))
{
	const struct timespec look = { .tv_nsec = 500 * BASE_NS_PER_MS };
	unsigned int seen;

	prctl(PR_SET_NAME, "ism-fabric-fd");
	keeper_word = &mem->wake;
	keeper_signals();
	prctl(PR_SET_PDEATHSIG, PARENT_GONE);
	if (inside != NULL)
		inside();
	for (;;) {
		seen = atomic_load_explicit(&mem->wake, memory_order_acquire);
		if (atomic_load_explicit(&mem->stop, memory_order_relaxed) || getppid() != parent)
			keeper_end(mem);
		keeper_reap(mem);
		keeper_start_closing(mem);
		futex_wait(&mem->wake, seen, &look);
	}
}

/* --- the fabric's side --- */

int
fabric_closer_start(struct fabric_closer **out, void (*inside)(void))
{
	struct fabric_closer *closer = calloc(1, sizeof(*closer));
	pid_t parent = getpid();
	int ret;

	if (closer == NULL)
		return -ENOMEM;
	closer->mem = mmap(NULL, sizeof(*closer->mem), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (closer->mem == MAP_FAILED) {
		ret = -errno;
		free(closer);
		return ret;
	}
	closer->keeper = clone_sharing_files();
	if (closer->keeper == 0)
		keeper(closer->mem, parent, inside);
	if (closer->keeper < 0) {
		ret = -errno;
		munmap(closer->mem, sizeof(*closer->mem));
		free(closer);
		return ret;
	}
	*out = closer;
	return 0;
}

void
fabric_closer_stop(struct fabric_closer *closer)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };
	unsigned int waited;

	if (closer == NULL)
		return;
	atomic_store_explicit(&closer->mem->stop, true, memory_order_relaxed);
	keeper_wake(closer->mem);
	for (waited = 0; closer->keeper != 0 && waited < STOP_MS; waited++) {
		if (waitpid(closer->keeper, NULL, WNOHANG) != 0)
			closer->keeper = 0;
		else
			nanosleep(&nap, NULL);
	}
	munmap(closer->mem, sizeof(*closer->mem));
	free(closer);
}

static void
client_set(struct closer_memory *mem, int fd, bool on)
{
	if (fd < 0 || fd >= SOCKETS_MAX)
		return;
	if (on)
		atomic_fetch_or(&mem->client[fd / WORD_BITS], 1u << fd % WORD_BITS);
	else
		atomic_fetch_and(&mem->client[fd / WORD_BITS], ~(1u << fd % WORD_BITS));
}

void
fabric_closer_mark(struct fabric_closer *closer, int sock)
{
	if (closer != NULL)
		client_set(closer->mem, sock, true);
}

static bool
keeper_lives(struct fabric_closer *closer)
{
	if (closer->keeper != 0 && waitpid(closer->keeper, NULL, WNOHANG) != 0) {
		closer->keeper = 0;
		FABRIC_LOG(ERR, "the process that closes descriptors has ended: a client can hold "
				"up the fabric now");
	}
	return closer->keeper != 0;
}

void
fabric_closer_put(struct fabric_closer *closer, unsigned int owner, int fd)
{
	struct closer_ring *ring;
	unsigned int at;

	if (closer == NULL || !keeper_lives(closer)) {
		close(fd);
		return;
	}
	client_set(closer->mem, fd, false);
	ring = &closer->mem->ring[owner];
	at = atomic_load_explicit(&ring->queued, memory_order_relaxed);
	ring->fd[at % FABRIC_CLOSER_FDS] = fd;
	atomic_store_explicit(&ring->queued, at + 1, memory_order_release);
	if (atomic_load_explicit(&ring->pid, memory_order_relaxed) != 0)
		futex_wake(&ring->queued);
	else
		keeper_wake(closer->mem);
}

unsigned int
fabric_closer_waiting(const struct fabric_closer *closer, unsigned int owner)
{
	const struct closer_ring *ring;

	if (closer == NULL)
		return 0;
	ring = &closer->mem->ring[owner];
	return atomic_load_explicit(&ring->queued, memory_order_relaxed) -
	       atomic_load_explicit(&ring->closed, memory_order_acquire);
}

unsigned int
fabric_closer_closed(const struct fabric_closer *closer, unsigned int owner)
{
	if (closer == NULL)
		return 0;
	return atomic_load_explicit(&closer->mem->ring[owner].closed, memory_order_acquire);
}
