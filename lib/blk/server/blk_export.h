/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: one exported image.
 *
 * Workers read it from any thread: what can change while they do is atomic and stands in the last
 * group. It is closed when no worker and no telemetry client can know it any more (blk_exports.c).
 */
#ifndef BLK_EXPORT_H
#define BLK_EXPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base_helper.h"
#include "blk.h"
#include "blk_server.h"

/*
 * What lies below decides whether a system call on it may wait, and so how it is driven
 * (blk_engine.h).
 */
enum blk_backing {
	BLK_BACKING_MEMORY, /* tmpfs, ramfs: no device, no call waits for one */
	BLK_BACKING_LOCAL, /* a file of a file system on a local disk */
	BLK_BACKING_REMOTE, /* a file behind a network or FUSE: any call may wait for ever */
	BLK_BACKING_DEVICE, /* a block device */
};
const char *blk_backing_str(enum blk_backing backing);

struct blk_export {
	/* Fixed once open. */
	char name[BLK_NAME_MAX];
	char desc[BLK_DESC_MAX];
	char *path;
	int fd;
	/*
	 * The same image opened once more, for writes with FUA; or -1. The kernel tells of a write
	 * that was lost once for each open file. So what such a write is told of, be it that itself
	 * failed or that others were lost, the next fdatasync() of fd is told of if it concerns
	 * others.
	 */
	int fua_fd;
	/* The lock, where an export of the same file had it first: that one may go. Or -1. */
	int lock_fd;
	uint16_t unit; /* 1.., its number on the wire; set by the server */
	enum blk_backing backing;
	uint32_t align; /* fallocate and discard take multiples of this; 1 for files */
	uint32_t block_pref;
	uint8_t id[16];
	dev_t dev; /* of the file; with ino: is it the same as another export's? */
	ino_t ino;

	/* Control's; telemetry reads it under its lock. */
	struct base_allow allow;

	struct base_job look; /* BLK_BACKING_REMOTE: asks the far side; control's */

	/*
	 * Written by the control thread (blk_export_refresh) or, where said so, by workers.
	 * All relaxed: each word stands for itself, and a worker that acts on an old size is
	 * told by the kernel.
	 */
	_Atomic uint64_t size;
	/* BLK_INFO_*; workers take back what the file turns out not to have. */
	_Atomic uint32_t flags;
	_Atomic uint32_t generation; /* changes of size and flags; also by workers */
	_Atomic uint32_t flush_errors; /* fdatasync() that failed; by workers */
	_Atomic uint64_t changed; /* a device: when a worker changed it last, ns since 1970 */
	_Atomic bool no_zero_range; /* the file system has no ZERO_RANGE; by workers */
	_Atomic bool stale; /* a worker met an end that is not where size says */
};

/*
 * Look at the size again; if it changed, count the generation. Of a file behind a network what this
 * kernel knows of it; the helper is made to ask the far side meanwhile, for the next look.
 * @return true when it changed.
 */
bool blk_export_refresh(struct blk_export *exp);

/* A worker has changed the image. For devices, whose node does not tell when. */
void blk_export_changed(struct blk_export *exp);

/* What IDENTIFY and LIST answer. @param block_max  bytes that one READ or WRITE may carry. */
void blk_export_info(const struct blk_export *exp, uint32_t block_max,
		     struct blk_export_info *info);

/* --- blk_probe.c: finding out what a file is --- */

/* Bytes of an open file or device. @return 0 or -errno. */
int blk_probe_size(int fd, uint64_t *size);
/*
 * When the image was modified and changed last, in ns since 1970; 0: not known. Asks nobody but
 * this kernel. Any thread.
 */
void blk_probe_times(const struct blk_export *exp, uint64_t *mtime, uint64_t *ctime);
/*
 * Fill backing, align, block_pref, id and the flags but READ_ONLY of an export whose fd and
 * size are set.
 */
void blk_probe(struct blk_export *exp, const struct stat *st, bool writable);

#endif
