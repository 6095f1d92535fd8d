/* SPDX-License-Identifier: BSD-3-Clause */
/* May we mount there? Asked before anything is touched. */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "run.h"

/* @return whether something is mounted exactly there; type gets what. */
static bool
is_mounted(const char *path, char *type, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	if (f == NULL)
		return false;
	while ((m = getmntent(f)) != NULL) {
		if (strcmp(m->mnt_dir, path) != 0)
			continue;
		snprintf(type, size, "%s", m->mnt_type);
		found = true;
	}
	endmntent(f);
	return found;
}

static int
complain_stat(const char *dir, int err)
{
	switch (err) {
	case ENOENT:
		run_error("mount point %s: there is no such directory", dir);
		break;
	case ENOTCONN:
	case ECONNABORTED:
		run_error("mount point %s: a program that was killed left its mount there; "
			  "'fusermount3 -u %s' removes it, with -z as well while files are open; "
			  "'losetup -d' a loop device on it",
			  dir, dir);
		break;
	default:
		run_error("mount point %s: %s", dir, strerror(err));
		break;
	}
	return RUN_EXIT_MOUNT;
}

static int
check_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		run_error("/dev/fuse: %s%s", strerror(errno),
			  errno == ENOENT || errno == ENODEV ? " ('modprobe fuse' as root?)" : "");
		return RUN_EXIT_MOUNT;
	}
	close(fd);
	return RUN_EXIT_OK;
}

int
mountpoint_check(const char *dir, char real[PATH_MAX])
{
	char type[64];
	struct statfs fs;
	struct stat st;

	if (stat(dir, &st) < 0)
		return complain_stat(dir, errno);
	if (!S_ISDIR(st.st_mode)) {
		run_error("mount point %s: not a directory", dir);
		return RUN_EXIT_MOUNT;
	}
	if (realpath(dir, real) == NULL)
		return complain_stat(dir, errno);
	if (is_mounted(real, type, sizeof(type))) {
		/* stat() may have been answered from the attributes that a dead program gave. */
		if (statfs(real, &fs) < 0 && errno == ENOTCONN)
			return complain_stat(dir, errno);
		run_error("mount point %s is busy: a file system (%s) is mounted there", dir, type);
		return RUN_EXIT_MOUNT;
	}
	if (geteuid() != 0 && access(dir, W_OK) < 0) {
		run_error("mount point %s: %s (an ordinary user must be able to write there)", dir,
			  strerror(errno));
		return RUN_EXIT_MOUNT;
	}
	return check_fuse();
}
