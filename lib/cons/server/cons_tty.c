/* SPDX-License-Identifier: BSD-3-Clause */
/* An existing terminal device: raw while it is open, as it was when it is closed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_helper.h"
#include "base_time.h"
#include "cons.h"
#include "cons_term.h"

#define CTRL_D 4
#define BREAK_NS (300 * BASE_NS_PER_MS) /* as tcsendbreak(3), which would wait for it */

/* @return the open terminal, -errno. */
static int
open_device(const char *path, char *err, size_t err_size)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int ret = -errno;

	if (fd < 0) {
		snprintf(err, err_size, ret == -EBUSY ? "%s is in use: %s" : "%s: %s", path,
			 strerror(-ret));
		return ret;
	}
	if (isatty(fd))
		return fd;
	close(fd);
	snprintf(err, err_size, "%s is not a terminal", path);
	return -ENOTTY;
}

static int
check(const char *what, char *err, size_t err_size)
{
	struct stat st;
	int fd;

	/* Opening it for the check may already do something (a tape winds): terminals only. */
	if (stat(what, &st) == 0 && !S_ISCHR(st.st_mode)) {
		snprintf(err, err_size, "%s is not a terminal", what);
		return -ENOTTY;
	}
	fd = open_device(what, err, err_size);
	/* Who has it now may give it back before somebody attaches. */
	if (fd < 0)
		return fd == -EBUSY ? 0 : fd;
	close(fd);
	return 0;
}

/* The device tells itself: /dev/console and /dev/tty stand for others. */
int
cons_tty_number(const char *device, uint32_t *number)
{
	int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	unsigned int dev;
	struct stat st;
	int ret = 0;

	if (fd >= 0 && ioctl(fd, TIOCGDEV, &dev) == 0)
		*number = dev;
	else if (stat(device, &st) == 0)
		*number = (uint32_t)st.st_rdev;
	else
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* TERM is the business of whatever is at the other end of the line. */
static int
tty_open(struct cons_term *t, const char *what, const char *term, const struct cons_size *size,
	 char *err, size_t err_size)
{
	struct termios raw;
	int ret = open_device(what, err, err_size);

	if (ret < 0)
		return ret;
	t->fd = ret;
	ret = cons_tty_lock(t, what, err, err_size);
	if (ret != 0)
		goto close_only;
	if (tcgetattr(t->fd, &t->saved) != 0)
		goto close_fd;
	raw = t->saved;
	cfmakeraw(&raw);
	raw.c_cflag |= CREAD | CLOCAL;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(t->fd, TCSANOW, &raw) != 0)
		goto close_fd;
	cons_term_set_size(t, size);
	return 0;
close_fd:
	ret = -errno;
	snprintf(err, err_size, "%s: %s", what, strerror(-ret));
	cons_tty_unlock(t);
close_only:
	close(t->fd);
	t->fd = -1;
	return ret;
}

/* A device ends by hanging up, which its reader sees. */
static bool
tty_ended(struct cons_term *t, uint32_t *code)
{
	return false;
}

static void
tty_resize(struct cons_term *t, const struct cons_size *size)
{
	cons_term_set_size(t, size);
}

static void
end_break(struct cons_term *t)
{
	if (t->break_until_ns != 0)
		(void)ioctl(t->fd, TIOCCBRK);
	t->break_until_ns = 0;
}

static bool
tty_break(struct cons_term *t, uint64_t now_ns)
{
	if (ioctl(t->fd, TIOCSBRK) == 0)
		t->break_until_ns = now_ns + BREAK_NS;
	return false;
}

static void
tty_tick(struct cons_term *t, uint64_t now_ns)
{
	if (t->break_until_ns != 0 && now_ns >= t->break_until_ns)
		end_break(t);
}

/*
 * Nobody can tell from here what the other end reads: it gets one end of file, when all
 * that was typed has left.
 */
static int
tty_eof_char(struct cons_term *t)
{
	int queued = 0;

	return ioctl(t->fd, TIOCOUTQ, &queued) == 0 && queued > 0 ? -1 : CTRL_D;
}

static void
tty_release(struct cons_term *t)
{
	cons_term_restart(t->fd);
}

static void
tty_close(struct cons_term *t)
{
	if (t->fd < 0)
		return;
	end_break(t);
	/* What the line does not take any more would keep close() waiting. */
	(void)tcflush(t->fd, TCOFLUSH);
	(void)tcsetattr(t->fd, TCSANOW, &t->saved);
	cons_tty_unlock(t);
	if (base_helper_close(t->fd) != 0)
		close(t->fd);
	t->fd = -1;
}

/* What a console that is a device does. */
const struct cons_term_ops cons_tty_ops = {
	.check = check,
	.open = tty_open,
	.ended = tty_ended,
	.resize = tty_resize,
	.line_break = tty_break,
	.eof_char = tty_eof_char,
	.eof_once = true,
	.release = tty_release,
	.tick = tty_tick,
	.close = tty_close,
};
