/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mount: made, found again, ended. While we serve, anybody with the right may unmount it
 * lazily, move it, or mount something over it: the path says nothing about whose mount is there.
 * So what is unmounted is told by its device number, which is ours as long as the connection of
 * /dev/fuse lives, and by the number of the mount: a bind mount of it has another one.
 *
 * libfuse is given the descriptor (the path "/dev/fd/N"), and so leaves mounting and unmounting
 * to us.
 */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_time.h"
#include "run.h"

#ifndef STATX_MNT_ID /* glibc of before Linux 5.8 */
#define STATX_MNT_ID 0
#define MNT_ID(stx) 0
#else
#define MNT_ID(stx) ((stx)->stx_mask & STATX_MNT_ID ? (stx)->stx_mnt_id : 0)
#endif

#define SUBTYPE "dpdk-ismblk"
#define FUSERMOUNT "fusermount3"
#define FUSERMOUNT_MS 20000 /* it asks nobody but the kernel */

extern char **environ;

/* --- fusermount3, for ordinary users --- */

/* A child that may be waited for: bounded. @return its exit status, or -1. */
static int
wait_child(pid_t pid)
{
	uint64_t deadline = base_now_ns() + FUSERMOUNT_MS * BASE_NS_PER_MS;
	const struct timespec nap = { .tv_nsec = 1000000 };
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (base_now_ns() > deadline) {
			kill(pid, SIGKILL);
			return -1;
		}
		nanosleep(&nap, NULL);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Run fusermount3.
 * @param comm_fd  its end of the socket that it sends the descriptor to, or -1.
 * @param words_fd  gets what it says.
 * @return 0 and *pid; -errno.
 */
static int
spawn_fusermount(char *const argv[], int comm_fd, int words_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char comm[32];
	char **env;
	size_t n = 0;
	int ret;

	while (environ[n] != NULL)
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (env == NULL)
		return -ENOMEM;
	snprintf(comm, sizeof(comm), "_FUSE_COMMFD=3");
	env[0] = comm;
	memcpy(&env[1], environ, n * sizeof(*env));
	posix_spawn_file_actions_init(&actions);
	ret = posix_spawn_file_actions_adddup2(&actions, words_fd, STDERR_FILENO);
	if (ret == 0 && comm_fd >= 0)
		ret = posix_spawn_file_actions_adddup2(&actions, comm_fd, 3);
	if (ret == 0)
		ret = posix_spawnp(pid, FUSERMOUNT, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return -ret;
}

/* What came over the socket within the time. @return a descriptor; -errno. */
static int
receive_fd(int sock)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	const struct cmsghdr *cmsg;
	int fd;

	if (poll(&pfd, 1, FUSERMOUNT_MS) <= 0)
		return -ETIMEDOUT;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -EPERM;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS || cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EPERM;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* The first line that fusermount3 said, without its name. */
static void
read_words(int fd, char *words, size_t size)
{
	static const char name[] = FUSERMOUNT ": ";
	ssize_t n = read(fd, words, size - 1);

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
	if (strncmp(words, name, strlen(name)) == 0)
		memmove(words, words + strlen(name), strlen(words + strlen(name)) + 1);
}

/* @return the descriptor; -errno, and words may say more. */
static int
mount_by_fusermount(const char *dir, const char *options, char *words, size_t size)
{
	char program[] = FUSERMOUNT, dash_o[] = "-o", dashes[] = "--";
	char *argv[] = {
		program, dash_o, (char *)(uintptr_t)options, dashes, (char *)(uintptr_t)dir, NULL
	};
	int comm[2], text[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, comm) < 0)
		return -errno;
	if (pipe2(text, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(comm[0]);
		close(comm[1]);
		return -ENFILE;
	}
	fd = spawn_fusermount(argv, comm[0], text[1], &pid);
	close(comm[0]);
	close(text[1]);
	if (fd == 0) {
		fd = receive_fd(comm[1]);
		if (wait_child(pid) != 0 && fd >= 0) {
			close(fd);
			fd = -EPERM;
		}
		read_words(text[0], words, size);
	} else {
		snprintf(words, size, FUSERMOUNT ": %s", strerror(-fd));
	}
	close(comm[1]);
	close(text[0]);
	return fd;
}

static void
unmount_by_fusermount(const char *dir)
{
	char program[] = FUSERMOUNT, flags[] = "-uqz", dashes[] = "--";
	char *argv[] = { program, flags, dashes, (char *)(uintptr_t)dir, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid;

	if (spawn_fusermount(argv, -1, null, &pid) != 0 || wait_child(pid) != 0)
		run_error("mount point %s: cannot unmount: 'fusermount3 -u %s' does", dir, dir);
	if (null >= 0)
		close(null);
}

/* --- whose mount? --- */

/*
 * The mount that `fd`, opened with O_PATH, is in. Asks no file system: the one in question may be
 * our own, which nobody serves just now.
 */
static bool
identify(int fd, struct mount_id *id)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
		return false;
	*id = (struct mount_id){ .major = stx.stx_dev_major,
				 .minor = stx.stx_dev_minor,
				 .mnt = MNT_ID(&stx) };
	return true;
}

static bool
is_same(const struct mount_id *a, const struct mount_id *b)
{
	return a->major == b->major && a->minor == b->minor && a->mnt == b->mnt;
}

/* @return a descriptor that says where, and keeps the mount; -1. */
static int
open_place(const char *dir)
{
	return open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The kernel writes white space and backslashes of a path as three octal digits. */
static void
decode(char *path)
{
	char *to = path;
	unsigned int c;

	for (; *path != '\0'; path++, to++) {
		*to = *path;
		if (path[0] == '\\' && sscanf(path + 1, "%3o", &c) == 1) {
			*to = (char)c;
			path += 3;
		}
	}
	*to = '\0';
}

/* Where a mount is, and what is on it. */
struct place {
	char dir[PATH_MAX];
	bool found;
	bool carries; /* something else is mounted over it, or inside */
};

static void
find_place(const struct mount_id *id, struct place *place)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX], dir[PATH_MAX];
	struct mount_id m;
	unsigned long long mnt, parent;

	memset(place, 0, sizeof(*place));
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%llu %llu %u:%u %*s %4095s", &mnt, &parent, &m.major, &m.minor,
			   dir) != 5)
			continue;
		m.mnt = id->mnt != 0 ? mnt : 0;
		if (is_same(&m, id)) {
			place->found = true;
			decode(dir);
			memcpy(place->dir, dir, sizeof(dir));
		}
		place->carries |= id->mnt != 0 && parent == id->mnt;
	}
	if (f != NULL)
		fclose(f);
}

/* Unmounted, or aborted by hand: then the device number may be somebody else's by now. */
bool
mount_is_over(int fuse_fd)
{
	struct pollfd pfd = { .fd = fuse_fd };

	return poll(&pfd, 1, 0) != 0;
}

/* --- life --- */

/* @return the descriptor of /dev/fuse; -errno, and words may say more. */
static int
mount_as_root(const struct options *opt, const char *dir, uint32_t request_max, const char *source)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | (opt->read_only ? MS_RDONLY : 0);
	char data[160];
	int fd, err;

	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=%o,user_id=%u,group_id=%u,default_permissions,max_read=%u%s", fd,
		 S_IFDIR, getuid(), getgid(), request_max, opt->allow_other ? ",allow_other" : "");
	if (mount(source, dir, "fuse." SUBTYPE, flags, data) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int
mount_make(const struct options *opt, uint32_t request_max, struct mounted *where)
{
	char source[64], options[256], words[256] = "", gid[BASE_GID_STRLEN];
	int fd = -EPERM, at;

	snprintf(source, sizeof(source), "ism:%s",
		 opt->peer_count == 1 ? base_gid_str(opt->peers[0], gid) : "peers");
	if (geteuid() == 0)
		fd = mount_as_root(opt, where->dir, request_max, source);
	if (fd == -EPERM) {
		snprintf(options, sizeof(options),
			 "%s,nosuid,nodev,default_permissions,max_read=%u,fsname=%s,subtype=%s%s",
			 opt->read_only ? "ro" : "rw", request_max, source, SUBTYPE,
			 opt->allow_other ? ",allow_other" : "");
		fd = mount_by_fusermount(where->dir, options, words, sizeof(words));
	}
	if (fd < 0) {
		run_error("cannot mount on %s: %s", where->dir,
			  words[0] != '\0' ? words : strerror(-fd));
		return -1;
	}
	at = open_place(where->dir);
	where->known = at >= 0 && identify(at, &where->id);
	if (at >= 0)
		close(at);
	return fd;
}

/*
 * Take hold of our mount, wherever it is now. While it is held it cannot go away, so that the
 * device number stays ours when the connection is closed.
 * @return a descriptor of its root; -1 there is nothing to unmount, and a line says why.
 */
static int
take_hold(const struct mounted *where, int fuse_fd, struct place *place)
{
	struct mount_id now;
	int fd;

	find_place(&where->id, place);
	if (!place->found) {
		run_note("mount point %s: our mount is there no more; nothing is unmounted",
			 where->dir);
		return -1;
	}
	fd = place->carries ? -1 : open_place(place->dir);
	if (fd >= 0 && identify(fd, &now) && is_same(&now, &where->id) && !mount_is_over(fuse_fd))
		return fd;
	if (fd >= 0)
		close(fd);
	run_note("mount point %s: something else is mounted on our mount; nothing is unmounted; "
		 "afterwards 'fusermount3 -u %s' removes ours",
		 place->dir, place->dir);
	return -1;
}

/*
 * A thread that has /dev/fuse open waits for answers: it is let go. Where there is no such file,
 * root may force the unmounting.
 */
static void
abort_connection(const struct mounted *where, const char *held)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", where->id.minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) == 1) {
		close(fd);
		return;
	}
	if (umount2(held, MNT_FORCE) < 0 && errno == EPERM)
		run_error("%s: the mount hangs until somebody writes 1 there", path);
	if (fd >= 0)
		close(fd);
}

void
mount_end(const struct mounted *where, const int *fds, unsigned int count, bool stuck)
{
	static struct place place;
	char held[64];
	int fd = -1;

	if (where != NULL && where->known && !mount_is_over(fds[0]))
		fd = take_hold(where, fds[0], &place);
	snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
	if (fd >= 0 && stuck)
		abort_connection(where, held);
	/* Before the mount can end: what the kernel still has to write would wait for us. */
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	if (fd < 0)
		return;
	if (umount2(held, MNT_DETACH) == 0) {
		close(fd);
		return;
	}
	close(fd);
	unmount_by_fusermount(place.dir);
}
