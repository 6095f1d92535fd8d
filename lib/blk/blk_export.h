/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: one exported image.
 *
 * Opened by the control thread and then never closed before the server is. Workers read it from any
 * thread: what can change while they do is atomic and stands in the second group.
 */
#ifndef BLK_EXPORT_H
#define BLK_EXPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

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
	uint16_t unit; /* 1.., its number on the wire; set by the server */
	enum blk_backing backing;
	uint32_t align; /* fallocate and discard take multiples of this; 1 for files */
	uint32_t block_pref;
	bool allow_any;
	unsigned int allow_count;
	uint64_t allow[BLK_ALLOW_MAX];
	uint8_t id[16];

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
	_Atomic bool no_zero_range; /* the file system has no ZERO_RANGE; by workers */
	_Atomic bool stale; /* a worker met an end that is not where size says */
};

/*
 * Open and check an image; blk_server_export() tells the errors.
 * @param exp  on success the new export; the caller closes it.
 */
int blk_export_open(const struct blk_export_conf *conf, struct blk_export **exp, char *err,
		    size_t err_size);
/* No worker may know it any more. Tolerates NULL. */
void blk_export_close(struct blk_export *exp);

/* May this GID see and use it? */
bool blk_export_allows(const struct blk_export *exp, uint64_t gid);

/* Look at the size again; if it changed, count the generation. @return true when it changed. */
bool blk_export_refresh(struct blk_export *exp);

/* What IDENTIFY and LIST answer. @param block_max  bytes that one READ or WRITE may carry. */
void blk_export_info(const struct blk_export *exp, uint32_t block_max,
		     struct blk_export_info *info);

/* --- blk_probe.c: finding out what a file is --- */

/* Bytes of an open file or device. @return 0 or -errno. */
int blk_probe_size(int fd, uint64_t *size);
/*
 * Fill backing, align, block_pref, id and the flags but READ_ONLY of an export whose fd and
 * size are set.
 */
void blk_probe(struct blk_export *exp, const struct stat *st, bool writable);

#endif
