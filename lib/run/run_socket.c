/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run_priv.h"

#define GROUP "ism"
#define OWN_NAME "pid-"
#define BACKLOG 64

/* The folder: ours, or made now; nobody else may write into it. @return 0, -errno. */
static int
check_dir(const char *dir, char *err, size_t err_size)
{
	int fd;

	if (mkdir(dir, geteuid() == 0 ? 0755 : 0700) < 0 && errno != EEXIST) {
		snprintf(err, err_size, "cannot make %s: %s", dir, strerror(errno));
		return -errno;
	}
	fd = run_open_own(AT_FDCWD, dir);
	if (fd < 0) {
		snprintf(err, err_size, "%s is not a folder that only we may write into: %s", dir,
			 strerror(-fd));
		return fd;
	}
	close(fd);
	return 0;
}

/* Who holds the lock has the name; the kernel gives it back when a process ends. */
static int
lock_name(struct run_socket *s, const char *dir, const char *name)
{
	char path[PATH_MAX + RUN_NAME_MAX + 8];
	int ret;

	snprintf(path, sizeof(path), "%s/%s.lock", dir, name);
	s->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return -errno;
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0) {
		snprintf(s->name, sizeof(s->name), "%s", name);
		return 0;
	}
	ret = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	close(s->lock);
	s->lock = -1;
	return ret;
}

static int
choose_name(struct run_socket *s, const char *dir, const char *wanted, char *err, size_t err_size)
{
	char name[RUN_NAME_MAX];
	int ret;

	if (wanted != NULL) {
		ret = lock_name(s, dir, wanted);
		if (ret == -EADDRINUSE)
			snprintf(err, err_size, "a runtime '%s' is running already", wanted);
		else if (ret != 0)
			snprintf(err, err_size, "%s/%s.lock: %s", dir, wanted, strerror(-ret));
		return ret;
	}
	ret = lock_name(s, dir, RUN_NAME_DEFAULT);
	if (ret == -EADDRINUSE) {
		snprintf(name, sizeof(name), OWN_NAME "%ld", (long)getpid());
		ret = lock_name(s, dir, name);
	}
	if (ret != 0)
		snprintf(err, err_size, "%s: %s", dir, strerror(-ret));
	return ret;
}

/* Members of the group may connect, if root runs us and there is such a group. */
static void
open_for_group(const char *path)
{
	const struct group *gr = geteuid() == 0 ? getgrnam(GROUP) : NULL;

	if (gr != NULL && chown(path, (uid_t)-1, gr->gr_gid) == 0)
		(void)chmod(path, 0660);
}

static int
listen_at(struct run_socket *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret;

	memcpy(sa.sun_path, s->path, sizeof(sa.sun_path));
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	unlink(s->path); /* of one that was killed: the lock is ours */
	mask = umask(0177);
	ret = bind(s->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(mask);
	if (ret != 0)
		return ret;
	open_for_group(s->path);
	return listen(s->listener, BACKLOG) < 0 ? -errno : 0;
}

int
run_socket_open(struct run_socket *s, const char *dir, const char *name, char *err, size_t err_size)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->lock = s->listener = -1;
	ret = check_dir(dir, err, err_size);
	if (ret == 0)
		ret = choose_name(s, dir, name, err, err_size);
	if (ret != 0)
		return ret;
	ret = run_name_socket(dir, s->name, s->path);
	if (ret != 0)
		snprintf(err, err_size, "cannot listen on %s/%s.sock: %s", dir, s->name,
			 strerror(-ret));
	return ret;
}

int
run_socket_listen(struct run_socket *s, char *err, size_t err_size)
{
	int ret = listen_at(s);

	if (ret != 0)
		snprintf(err, err_size, "cannot listen on %s: %s", s->path, strerror(-ret));
	return ret;
}

void
run_socket_shut(struct run_socket *s)
{
	if (s->listener < 0)
		return;
	close(s->listener);
	unlink(s->path);
	s->listener = -1;
}

/* A name with a PID in it is nobody's after us: its lock file would lie there for ever. */
static void
remove_lock(const struct run_socket *s)
{
	char path[PATH_MAX + RUN_NAME_MAX + 8], dir[PATH_MAX];

	if (strncmp(s->name, OWN_NAME, strlen(OWN_NAME)) != 0 || run_name_dir(dir) != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s.lock", dir, s->name);
	unlink(path);
}

void
run_socket_close(struct run_socket *s)
{
	run_socket_shut(s);
	if (s->lock >= 0)
		remove_lock(s);
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}
