/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A terminal device is one reader's: two that read it get a part of the bytes each. There are three
 * ways to say that one has it, and programs know one or two of them each, so all are taken and
 * respected: flock(2) (tio, minicom, systemd, pyserial), TIOCEXCL (screen, tio, pppd: the kernel
 * refuses to open it then, but not to root), and the lock files of UUCP (minicom, cu, pppd).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cons_term.h"

#define LOCK_FOLDER "/var/lock"

/* The lock file of a device that stands in /dev itself; others have no agreed name. */
static bool
lock_file_name(const char *device, char *path, size_t size)
{
	char real[PATH_MAX];
	int n;

	if (realpath(device, real) == NULL || strncmp(real, "/dev/", 5) != 0 ||
	    strchr(real + 5, '/') != NULL)
		return false;
	n = snprintf(path, size, LOCK_FOLDER "/LCK..%s", real + 5);
	return n > 0 && (size_t)n < size;
}

/* @return the process that a lock file names; 0: it cannot be read, or does not say. */
static pid_t
lock_file_owner(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[32] = "";
	long pid;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* @return 0: made; -EEXIST; -errno: there can be none here. */
static int
lock_file_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	char text[16];
	int n, ret = 0;

	if (fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%10d\n", (int)getpid());
	if (write(fd, text, (size_t)n) != n) {
		ret = -EIO;
		unlink(path);
	}
	close(fd);
	return ret;
}

/* One that a process has left that is no more is taken away. @return 0; -EBUSY, *pid has it. */
static int
lock_file_take(struct cons_term *t, const char *device, pid_t *pid)
{
	char path[sizeof(t->lock_file)];

	t->lock_file[0] = '\0';
	if (!lock_file_name(device, path, sizeof(path)))
		return 0;
	for (int i = 0; i < 2; i++) {
		int ret = lock_file_make(path);

		if (ret == 0)
			memcpy(t->lock_file, path, sizeof(path));
		if (ret != -EEXIST)
			return 0;
		*pid = lock_file_owner(path);
		if (*pid == 0 || (*pid != getpid() && (kill(*pid, 0) == 0 || errno != ESRCH)))
			return -EBUSY;
		unlink(path);
	}
	return -EBUSY;
}

int
cons_tty_lock(struct cons_term *t, const char *device, char *err, size_t err_size)
{
	int exclusive = 0;
	pid_t pid = 0;

	if (ioctl(t->fd, TIOCGEXCL, &exclusive) == 0 && exclusive != 0) {
		snprintf(err, err_size, "%s is in use: another program has it exclusively", device);
		return -EBUSY;
	}
	if (flock(t->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		snprintf(err, err_size, "%s is in use: another program has locked it", device);
		return -EBUSY;
	}
	if (lock_file_take(t, device, &pid) != 0) {
		snprintf(err, err_size, "%s is in use: process %d has a lock file", device,
			 (int)pid);
		return -EBUSY;
	}
	(void)ioctl(t->fd, TIOCEXCL);
	return 0;
}

void
cons_tty_unlock(struct cons_term *t)
{
	if (t->lock_file[0] != '\0')
		unlink(t->lock_file);
	t->lock_file[0] = '\0';
	(void)ioctl(t->fd, TIOCNXCL);
	(void)flock(t->fd, LOCK_UN);
}
