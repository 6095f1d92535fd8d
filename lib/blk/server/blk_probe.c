/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image is, what it can do, and its name for life. Nothing here changes the image. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_time.h"
#include "blk_export.h"

#define PAGE 4096u
#define SYSFS_TEXT_MAX 256

/* File systems that linux/magic.h does not name, or not everywhere. */
#define MAGIC_CEPH 0x00c36400
#define MAGIC_CIFS 0xff534d42
#define MAGIC_GFS2 0x01161970
#define MAGIC_GPFS 0x47504653
#define MAGIC_LUSTRE 0x0bd00bd0
#define MAGIC_OCFS2 0x7461636f
#define MAGIC_SMB2 0xfe534d42
#define MAGIC_VBOXSF 0x786f4256

static enum blk_backing
backing_of_fs(int fd)
{
	static const uint32_t remote[] = {
		NFS_SUPER_MAGIC,  MAGIC_CIFS,	SMB_SUPER_MAGIC,  MAGIC_SMB2,
		AFS_SUPER_MAGIC,  AFS_FS_MAGIC, CODA_SUPER_MAGIC, V9FS_MAGIC,
		FUSE_SUPER_MAGIC, MAGIC_CEPH,	MAGIC_GFS2,	  MAGIC_OCFS2,
		MAGIC_LUSTRE,	  MAGIC_GPFS,	MAGIC_VBOXSF,
	};
	struct statfs fs;
	uint32_t type;

	/* Not known: take it for the slowest kind. */
	if (fstatfs(fd, &fs) != 0)
		return BLK_BACKING_REMOTE;
	type = (uint32_t)fs.f_type;
	if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
		return BLK_BACKING_MEMORY;
	for (size_t i = 0; i < RTE_DIM(remote); i++)
		if (type == remote[i])
			return BLK_BACKING_REMOTE;
	return BLK_BACKING_LOCAL;
}

const char *
blk_backing_str(enum blk_backing backing)
{
	switch (backing) {
	case BLK_BACKING_MEMORY:
		return "file in memory";
	case BLK_BACKING_LOCAL:
		return "file";
	case BLK_BACKING_REMOTE:
		return "remote file";
	case BLK_BACKING_DEVICE:
		return "block device";
	}
	return "?";
}

int
blk_probe_size(int fd, uint64_t *size)
{
	struct statx stx;

	/* DONT_SYNC: a server of files that is gone must not stop the control loop. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE | STATX_TYPE, &stx) != 0)
		return -errno;
	if (!S_ISBLK(stx.stx_mode)) {
		*size = stx.stx_size;
		return 0;
	}
	return ioctl(fd, BLKGETSIZE64, size) == 0 ? 0 : -errno;
}

static uint64_t
time_ns(const struct statx_timestamp *t)
{
	/* Before 1970, or behind 2554: as near as it can be said. */
	if (t->tv_sec < 0)
		return 1;
	if ((uint64_t)t->tv_sec >= INT64_MAX / BASE_NS_PER_S)
		return INT64_MAX;
	return (uint64_t)t->tv_sec * BASE_NS_PER_S + t->tv_nsec;
}

void
blk_probe_times(const struct blk_export *exp, uint64_t *mtime, uint64_t *ctime)
{
	uint64_t changed = atomic_load_explicit(&exp->changed, memory_order_relaxed);
	struct statx stx;

	*mtime = *ctime = 0;
	/* DONT_SYNC: as in blk_probe_size(). */
	if (statx(exp->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MTIME | STATX_CTIME,
		  &stx) == 0) {
		*mtime = time_ns(&stx.stx_mtime);
		*ctime = time_ns(&stx.stx_ctime);
	}
	*mtime = RTE_MAX(*mtime, changed);
	*ctime = RTE_MAX(*ctime, changed);
}

/*
 * One attribute of the disk below a device number, or of the disk that holds the partition.
 * @return bytes of text, 0 when there is no such attribute.
 */
static size_t
sysfs_text(dev_t dev, const char *attr, char text[SYSFS_TEXT_MAX])
{
	static const char *const parents[] = { "", "../" };
	char path[SYSFS_TEXT_MAX];
	ssize_t n;
	int fd;

	for (size_t i = 0; i < RTE_DIM(parents); i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s%s", major(dev), minor(dev),
			 parents[i], attr);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, text, SYSFS_TEXT_MAX - 1);
		close(fd);
		if (n > 0) {
			text[n] = '\0';
			return (size_t)n;
		}
	}
	return 0;
}

static bool
sysfs_nonzero(dev_t dev, const char *attr)
{
	char text[SYSFS_TEXT_MAX];

	return sysfs_text(dev, attr, text) > 0 && strtoull(text, NULL, 10) != 0;
}

/* FNV-1a of 128 bits: a name, not a secret. */
struct id_hash {
	unsigned __int128 state;
};

static void
id_hash_init(struct id_hash *h)
{
	h->state = (unsigned __int128)0x6c62272e07bb0142ull << 64 | 0x62b821756295c58dull;
}

static void
id_hash_add(struct id_hash *h, const void *data, size_t len)
{
	const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h->state = (h->state ^ p[i]) * prime;
}

static void
id_hash_end(const struct id_hash *h, uint8_t id[16])
{
	for (int i = 0; i < 16; i++)
		id[i] = (uint8_t)(h->state >> (120 - 8 * i));
}

/*
 * A file: its file system's own id, its inode, and when the inode was born (inodes are used again).
 */
static void
id_add_file(struct id_hash *h, int fd, const struct stat *st)
{
	static const fsid_t none;
	struct statx stx;
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && memcmp(&fs.f_fsid, &none, sizeof(none)) != 0)
		id_hash_add(h, &fs.f_fsid, sizeof(fs.f_fsid));
	else
		id_hash_add(h, &st->st_dev, sizeof(st->st_dev));
	id_hash_add(h, &st->st_ino, sizeof(st->st_ino));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) == 0 &&
	    (stx.stx_mask & STATX_BTIME) != 0) {
		id_hash_add(h, &stx.stx_btime.tv_sec, sizeof(stx.stx_btime.tv_sec));
		id_hash_add(h, &stx.stx_btime.tv_nsec, sizeof(stx.stx_btime.tv_nsec));
	}
}

/* A device: what it says of itself; its number only when it says nothing. */
static void
id_add_device(struct id_hash *h, dev_t dev)
{
	static const char *const attrs[] = {
		"wwid", "device/wwid", "device/serial", "dm/uuid", "loop/backing_file",
	};
	char text[SYSFS_TEXT_MAX];
	bool known = false;
	size_t n;

	for (size_t i = 0; i < RTE_DIM(attrs); i++) {
		n = sysfs_text(dev, attrs[i], text);
		id_hash_add(h, text, n);
		known |= n > 0;
	}
	n = sysfs_text(dev, "partition", text);
	id_hash_add(h, text, n);
	if (!known)
		id_hash_add(h, &dev, sizeof(dev));
}

static void
probe_device(struct blk_export *exp, const struct stat *st, bool writable)
{
	uint32_t flags = BLK_INFO_FLUSH | BLK_INFO_FUA;
	unsigned int physical = PAGE;
	int sector = 512;

	if (ioctl(exp->fd, BLKSSZGET, &sector) == 0 && sector > 0)
		exp->align = (uint32_t)sector;
	else
		exp->align = PAGE;
	if (ioctl(exp->fd, BLKPBSZGET, &physical) != 0)
		physical = PAGE;
	exp->block_pref = RTE_MAX(physical, PAGE);
	if (writable) {
		flags |= BLK_INFO_WRITE_ZEROES | BLK_INFO_COPY;
		if (sysfs_nonzero(st->st_rdev, "queue/discard_max_bytes"))
			flags |= BLK_INFO_DISCARD;
		if (sysfs_nonzero(st->st_rdev, "queue/write_zeroes_max_bytes"))
			flags |= BLK_INFO_FAST_ZERO;
	}
	if (sysfs_nonzero(st->st_rdev, "queue/rotational"))
		flags |= BLK_INFO_ROTATIONAL;
	exp->backing = BLK_BACKING_DEVICE;
	exp->flags = flags;
}

static void
probe_file(struct blk_export *exp, const struct stat *st, bool writable)
{
	uint32_t flags = BLK_INFO_FLUSH | BLK_INFO_FUA;

	exp->backing = backing_of_fs(exp->fd);
	exp->align = 1;
	exp->block_pref = RTE_MIN(RTE_MAX((uint32_t)st->st_blksize, PAGE), 1u << 20);
	if (exp->backing != BLK_BACKING_REMOTE)
		flags |= BLK_INFO_EXTENTS;
	/*
	 * Whether the file system can punch holes is known after the first try only (trying it
	 * now would change the image's time stamp); should it not, blk_steps.c takes the flags
	 * back.
	 */
	if (writable)
		flags |= BLK_INFO_WRITE_ZEROES | BLK_INFO_DISCARD | BLK_INFO_FAST_ZERO |
			 BLK_INFO_COPY;
	if (sysfs_nonzero(st->st_dev, "queue/rotational"))
		flags |= BLK_INFO_ROTATIONAL;
	exp->flags = flags;
}

void
blk_probe(struct blk_export *exp, const struct stat *st, bool writable)
{
	struct id_hash h;

	id_hash_init(&h);
	if (S_ISBLK(st->st_mode)) {
		probe_device(exp, st, writable);
		id_add_device(&h, st->st_rdev);
	} else {
		probe_file(exp, st, writable);
		id_add_file(&h, exp->fd, st);
	}
	id_hash_end(&h, exp->id);
}
