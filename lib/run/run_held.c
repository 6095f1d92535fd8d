/* SPDX-License-Identifier: BSD-3-Clause */
/* The process that a holder has started: its side of run_holder.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"
#include "run_holder.h"
#include "run_holder_wire.h"
#include "run_priv.h"

/* What this process holds for the one that has started it. */
static struct {
	pid_t holder; /* 0: there is none */
	struct run_held line;
	int fds[RUN_HOLDER_FDS];
	unsigned int count;
} held = { .line.sock = -1 };

/* A flag alone, no bytes behind it: relaxed. Set by a signal handler. */
static atomic_bool leaving;

long
run_known_pid(void)
{
	return held.holder != 0 ? (long)held.holder : (long)getpid();
}

/* The next number of *text, which moves on. @return -1: there is none. */
static int
next_number(const char **text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(*text, &end, 10);
	if (end == *text || errno != 0 || n < 0 || n > INT32_MAX)
		return -1;
	*text = end;
	return (int)n;
}

static bool
is_open(int fd)
{
	return fd > STDERR_FILENO && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* Anybody can set the variable: it must name our parent and a socket to it. */
static bool
is_ours(pid_t holder, int sock)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return holder == getppid() && is_open(sock) &&
	       getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == holder;
}

bool
run_held_start(void)
{
	const char *text = getenv(RUN_HOLDER_ENV);
	pid_t holder;
	int fd;

	if (text == NULL)
		return false;
	holder = next_number(&text);
	held.line.sock = next_number(&text);
	if (!is_ours(holder, held.line.sock))
		return false;
	while (held.count < RUN_HOLDER_FDS && (fd = next_number(&text)) >= 0 && is_open(fd))
		held.fds[held.count++] = fd;
	held.holder = holder;
	unsetenv(RUN_HOLDER_ENV);
	/* Again: an exec that gains capabilities clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != holder)
		_exit(RUN_EXIT_FAIL);
	return true;
}

struct run_held *
run_held_self(void)
{
	return &held.line;
}

unsigned int
run_held_taken(int fds[RUN_HOLDER_FDS])
{
	memcpy(fds, held.fds, held.count * sizeof(fds[0]));
	return held.count;
}

/* --- signals --- */

static void
on_stop(int sig)
{
	run_stop();
}

static void
on_leave(int sig)
{
	atomic_store_explicit(&leaving, true, memory_order_relaxed);
	run_stop();
}

void
run_held_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop }, was;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = on_leave;
	sigaction(SIGUSR2, &sa, NULL);
}

bool
run_held_leaving(void)
{
	return atomic_load_explicit(&leaving, memory_order_relaxed);
}

/* --- messages --- */

/* A handful of messages in a life: there is room. */
static int
say(const struct run_held *h, uint32_t kind, const int *fds, unsigned int count)
{
	const struct run_holder_packet packet = { .kind = kind };

	return run_holder_send(h->sock, &packet, RUN_HOLDER_HEAD, fds, count);
}

int
run_held_give(struct run_held *h, const int *fds, unsigned int count)
{
	return say(h, RUN_HOLDER_GIVE, fds, count);
}

int
run_held_allow_next(struct run_held *h)
{
	return say(h, RUN_HOLDER_ALLOW_NEXT, NULL, 0);
}

int
run_held_ready(struct run_held *h)
{
	return say(h, RUN_HOLDER_READY, NULL, 0);
}

void
run_held_refuse(struct run_held *h)
{
	(void)say(h, RUN_HOLDER_REFUSE, NULL, 0);
}

void
run_held_bye(struct run_held *h)
{
	(void)say(h, RUN_HOLDER_BYE, NULL, 0);
}

int
run_held_write(struct run_held *h, uint32_t id, const void *bytes, size_t len)
{
	struct run_holder_packet packet = { .kind = RUN_HOLDER_WRITE, .id = id };

	if (len > RUN_HOLDER_WRITE_MAX)
		return -EINVAL;
	memcpy(packet.bytes, bytes, len);
	return run_holder_send(h->sock, &packet, RUN_HOLDER_HEAD + len, NULL, 0);
}

int
run_held_wrote(struct run_held *h, uint32_t *id)
{
	struct run_holder_packet packet = { 0 };
	ssize_t n = recv(h->sock, &packet, sizeof(packet), MSG_DONTWAIT);

	*id = packet.id;
	if (n != (ssize_t)RUN_HOLDER_HEAD)
		return 0;
	return packet.kind == RUN_HOLDER_WROTE ? 1 : -EAGAIN;
}
