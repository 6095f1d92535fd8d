/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images for tests of the block server: temporary files in memory and on disk, loop devices.
 * Each is gone when the test process is, however it ends.
 */
#ifndef TEST_BLK_IMAGES_H
#define TEST_BLK_IMAGES_H

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A folder in memory, or NULL where there is none. */
static inline const char *
image_mem_dir(void)
{
	struct statfs fs;

	return statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC ? "/dev/shm" : NULL;
}

/* A folder on a disk: where the tests were built. */
static inline const char *
image_disk_dir(void)
{
	const char *dir = getenv("ISM_BUILD_DIR");

	return dir != NULL ? dir : ".";
}

/*
 * An open file of `size` bytes without a name; path reaches it as long as the fd is open. -1
 * on failure.
 */
static inline int
image_create(const char *dir, uint64_t size, char path[64])
{
	char name[512];
	int fd;

	snprintf(name, sizeof(name), "%s/blk-test-XXXXXX", dir);
	fd = mkstemp(name);
	if (fd < 0)
		return -1;
	unlink(name);
	if (ftruncate(fd, (off_t)size) != 0) {
		close(fd);
		return -1;
	}
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/*
 * A loop device on an image; the kernel detaches it with its last close. The returned fd must
 * stay open while the path is used. -1: no loop devices here (not root, or none free).
 */
static inline int
image_loop(int image, bool read_only, char path[64])
{
	struct loop_config conf = {
		.fd = (uint32_t)image,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) },
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = -1, writable = 0;

	if (control < 0)
		return -1;
	/* Another program may take the free one first. */
	for (int try = 0; try < 20 && fd < 0; try++) {
		snprintf(path, 64, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
		fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &conf) != 0) {
			close(fd);
			fd = -1;
		}
	}
	close(control);
	/* What somebody did to the device before sticks to it. */
	if (fd >= 0 && !read_only && ioctl(fd, BLKROSET, &writable) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif
