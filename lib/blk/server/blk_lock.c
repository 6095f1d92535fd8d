/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base_text.h"
#include "base_time.h"
#include "blk_lock.h"

/* Permissions, by their number. */
#define PERM_READ 0
#define PERM_WRITE 1

#define USES 100
#define DENIES 200

/* A process that was killed has its files until the kernel has ended its ios. */
#define WAIT_NS (3 * BASE_NS_PER_S)
#define STEP_US 20000

static int
lock_byte(int fd, int cmd, off_t byte, short type, struct flock *lock)
{
	*lock = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	return fcntl(fd, cmd, lock) == 0 ? 0 : -errno;
}

/* @return 0; -EBUSY; another -errno: no such locks here. */
static int
take(int fd, off_t byte)
{
	struct flock lock;
	int ret = lock_byte(fd, F_OFD_SETLK, byte, F_RDLCK, &lock);

	return ret == -EAGAIN || ret == -EACCES ? -EBUSY : ret;
}

/* Has somebody else locked it? */
static int
is_free(int fd, off_t byte)
{
	struct flock lock;
	int ret = lock_byte(fd, F_OFD_GETLK, byte, F_WRLCK, &lock);

	if (ret != 0)
		return ret;
	return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

/* First say it, then look: of two that come at once, at most one gets it. */
static int
try_lock(int fd, bool write)
{
	int ret = take(fd, USES + PERM_READ);

	if (ret == 0)
		ret = take(fd, DENIES + PERM_WRITE);
	if (ret == 0 && write)
		ret = take(fd, USES + PERM_WRITE);
	if (ret == 0)
		ret = is_free(fd, DENIES + PERM_READ);
	if (ret == 0)
		ret = is_free(fd, USES + PERM_WRITE);
	if (ret == 0 && write)
		ret = is_free(fd, DENIES + PERM_WRITE);
	return ret;
}

/* --- who has it --- */

/* Is there a line of a lock on that inode in this file of /proc/PID/fdinfo? */
static bool
tells_lock(const char *path, const struct stat *st)
{
	char line[256], inode[64];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return false;
	snprintf(inode, sizeof(inode), "%02x:%02x:%" PRIu64 " ", major(st->st_dev),
		 minor(st->st_dev), (uint64_t)st->st_ino);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, "lock:", 5) == 0 && strstr(line, inode) != NULL;
	fclose(f);
	return found;
}

static bool
process_locks(long pid, const struct stat *st)
{
	char path[320];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fdinfo", pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%ld/fdinfo/%s", pid, e->d_name);
		found = e->d_name[0] != '.' && tells_lock(path, st);
	}
	closedir(dir);
	return found;
}

static void
process_name(long pid, char *who, size_t size)
{
	char path[64], name[32] = "", clean[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (f != NULL) {
		if (fgets(name, sizeof(name), f) == NULL)
			name[0] = '\0';
		fclose(f);
	}
	name[strcspn(name, "\n")] = '\0';
	snprintf(who, size, "process %ld (%s)", pid,
		 base_text_clean(clean, sizeof(clean), name, strlen(name)));
}

/* Locks of open files have no PID: look at everybody's descriptors, as far as we may. */
static void
find_holder(const struct stat *st, char *who, size_t size)
{
	struct dirent *e;
	DIR *dir = opendir("/proc");
	long pid;

	snprintf(who, size, "another process");
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		pid = strtol(e->d_name, NULL, 10);
		if (pid <= 0 || pid == getpid() || !process_locks(pid, st))
			continue;
		process_name(pid, who, size);
		break;
	}
	if (dir != NULL)
		closedir(dir);
}

/* --- loop devices --- */

static bool
sysfs_line(const char *device, const char *attr, char *text, size_t size)
{
	char path[320];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", device, attr);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	ok = fgets(text, (int)size, f) != NULL;
	fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

/* Is this loop device on the image, and in the way? A read-only one is not, if we only read. */
static bool
loop_uses(const char *device, const struct stat *st, bool write)
{
	char file[4096], ro[8] = "";
	struct stat other;

	if (!sysfs_line(device, "loop/backing_file", file, sizeof(file)) || stat(file, &other) != 0)
		return false;
	if (other.st_dev != st->st_dev || other.st_ino != st->st_ino)
		return false;
	return write || !sysfs_line(device, "ro", ro, sizeof(ro)) || ro[0] != '1';
}

static bool
find_loop(const struct stat *st, bool write, char *who, size_t size)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *e;
	bool found = false;

	while (dir != NULL && !found && (e = readdir(dir)) != NULL) {
		found = strncmp(e->d_name, "loop", 4) == 0 && loop_uses(e->d_name, st, write);
		if (found)
			snprintf(who, size, "/dev/%.32s", e->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

int
blk_lock(int fd, const struct stat *st, bool write, char *who, size_t size)
{
	uint64_t end = base_now_ns() + WAIT_NS;
	int ret;

	if (S_ISREG(st->st_mode) && find_loop(st, write, who, size))
		return -EBUSY;
	ret = try_lock(fd, write);
	while (ret == -EBUSY && base_now_ns() < end) {
		usleep(STEP_US);
		ret = try_lock(fd, write);
	}
	if (ret == -EBUSY)
		find_holder(st, who, size);
	return ret == 0 || ret == -EBUSY ? ret : -EOPNOTSUPP;
}
