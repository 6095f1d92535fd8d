/* SPDX-License-Identifier: BSD-3-Clause */
/* stdin, stdout and stderr without blocking, and without changing what others share with us. */
#include "ismcons.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base_time.h"

/* What a terminal that poll(2) calls writable surely takes. */
#define CAREFUL_BYTES 256

/* The master side of a pseudo-terminal cannot be opened again: that would make another one. */
static bool
is_master(const struct stat *st)
{
	return major(st->st_rdev) == 5 && minor(st->st_rdev) == 2;
}

static bool
may_block(int fd, const struct stat *st)
{
	return S_ISFIFO(st->st_mode) || (S_ISCHR(st->st_mode) && isatty(fd));
}

void
chan_open(struct chan *ch, int fd, bool write)
{
	int flags = (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[32];
	struct stat st;
	int own;

	ch->fd = fd;
	ch->kind = CHAN_CLOSED;
	if (fstat(fd, &st) != 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		ch->kind = CHAN_SOCKET;
		return;
	}
	ch->kind = may_block(fd, &st) ? CHAN_CAREFUL : CHAN_PLAIN;
	if (ch->kind == CHAN_PLAIN || is_master(&st))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags);
	/* Somebody else's terminal (after su), no /proc: go on with what we have. */
	if (own < 0)
		return;
	ch->fd = own;
	ch->kind = CHAN_NONBLOCK;
}

void
chan_close(struct chan *ch)
{
	if (ch->kind == CHAN_NONBLOCK)
		close(ch->fd);
	ch->kind = CHAN_CLOSED;
}

static bool
ready(const struct chan *ch, short events)
{
	struct pollfd pfd = { .fd = ch->fd, .events = events };

	return poll(&pfd, 1, 0) > 0;
}

/* A signal in between is no error, and the next round comes soon. */
static ssize_t
result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t
chan_read(const struct chan *ch, void *buf, size_t len)
{
	switch (ch->kind) {
	case CHAN_CLOSED:
		return 0;
	case CHAN_SOCKET:
		return result(recv(ch->fd, buf, len, MSG_DONTWAIT));
	case CHAN_CAREFUL:
		if (!ready(ch, POLLIN))
			return -EAGAIN;
		break;
	default:
		break;
	}
	return result(read(ch->fd, buf, len));
}

ssize_t
chan_write(const struct chan *ch, const void *buf, size_t len)
{
	ssize_t n;

	switch (ch->kind) {
	case CHAN_CLOSED:
		return -EBADF;
	case CHAN_SOCKET:
		return result(send(ch->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	case CHAN_CAREFUL:
		if (!ready(ch, POLLOUT))
			return -EAGAIN;
		len = len < CAREFUL_BYTES ? len : CAREFUL_BYTES;
		break;
	default:
		break;
	}
	n = result(write(ch->fd, buf, len));
	/* A terminal that takes nothing says so by 0. */
	return n == 0 ? -EAGAIN : n;
}

void
chan_wait(const struct chan *ch, uint64_t ns)
{
	const struct timespec ts = { .tv_sec = (time_t)(ns / BASE_NS_PER_S),
				     .tv_nsec = (long)(ns % BASE_NS_PER_S) };
	struct pollfd pfd = { .fd = ch->fd, .events = POLLOUT };

	/* In vain, or a signal came: whoever writes next finds out. */
	(void)ppoll(&pfd, 1, &ts, NULL);
}
