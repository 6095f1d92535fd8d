/* SPDX-License-Identifier: BSD-3-Clause */
/* Open files: open, fsync, fallocate, lseek. */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fuse.h>

#include "run.h"

#ifndef FOPEN_PARALLEL_DIRECT_WRITES /* Linux 6.2 */
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif

#define SEEK_PIECE (1ULL << 31) /* bytes that one BLOCK_STATUS asks about */
#define SEEK_ROUNDS 256 /* then the rest counts as data, which is always true enough */

/* Opens and closes of all workers. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, file) files = LIST_HEAD_INITIALIZER(files);

/* --- open, release --- */

/*
 * libfuse 3.14 cannot say FOPEN_PARALLEL_DIRECT_WRITES, so the answer is made here; later ones
 * would send the same bytes.
 */
static int
reply_open(fuse_req_t req, const struct file *f)
{
	const struct fuse_open_out out = {
		.fh = (uintptr_t)f,
		.open_flags = f->direct ? FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES : 0,
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void
free_file(struct file *f)
{
	pthread_mutex_lock(&files_lock);
	LIST_REMOVE(f, entry);
	pthread_mutex_unlock(&files_lock);
	free(f);
}

void
file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct ismblk *app = fuse_req_userdata(req);
	struct blk_disk *disk;
	struct peer *peer;
	struct file *f;

	disk = tree_disk(app, ino, &peer);
	if (disk == NULL || !blk_disk_present(disk)) {
		fuse_reply_err(req, disk == NULL ? EISDIR : ENXIO);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_RDONLY && tree_read_only(app, disk)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	f->disk = disk;
	f->peer = peer;
	f->direct = app->opt.cache == CACHE_NONE || (fi->flags & O_DIRECT) != 0;
	atomic_init(&f->losses, blk_disk_losses_known(disk));
	pthread_mutex_lock(&files_lock);
	LIST_INSERT_HEAD(&files, f, entry);
	pthread_mutex_unlock(&files_lock);
	/* The open was interrupted: there will be no release. */
	if (reply_open(req, f) == -ENOENT)
		free_file(f);
}

void
file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	free_file(file_of(fi));
	fuse_reply_err(req, 0);
}

void
file_free_all(void)
{
	while (!LIST_EMPTY(&files))
		free_file(LIST_FIRST(&files));
}

/* --- fsync --- */

static void
fsync_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	/* The FLUSH of a server that has forgotten what it should flush proves nothing. */
	if (blk_disk_losses_tell(c->file->disk, &c->file->losses) && err == 0)
		err = -EIO;
	fuse_reply_err(c->req, -err);
	context_put(c);
}

void
file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct file *f = file_of(fi);
	struct context *c;

	if ((blk_disk_flags(f->disk) & BLK_INFO_FLUSH) == 0) {
		fuse_reply_err(req, blk_disk_losses_tell(f->disk, &f->losses) ? EIO : 0);
		return;
	}
	c = context_get(worker_self(), req, f);
	c->io.op = BLK_FLUSH;
	c->io.done = fsync_done;
	context_submit(c);
}

/* --- fallocate --- */

int
file_range(int mode, uint64_t size, uint64_t off, uint64_t *len, uint8_t *flags)
{
	bool beyond = off > size || *len > size - off;

	*flags = 0;
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		/* As Linux's block devices: zeros, without writing them one by one. */
		*flags = BLK_FLAG_FAST_ONLY;
	else if ((mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE)
		*flags = BLK_FLAG_NO_HOLE;
	else if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0)
		return EOPNOTSUPP;
	/* A disk does not grow. */
	if (beyond && !(mode & FALLOC_FL_KEEP_SIZE))
		return ENOSPC;
	if (off >= size)
		*len = 0;
	else if (beyond)
		*len = size - off;
	/* A range of a disk is always allocated. */
	if ((mode & ~FALLOC_FL_KEEP_SIZE) == 0)
		*len = 0;
	return 0;
}

static void
range_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	fuse_reply_err(c->req, -err);
	context_put(c);
}

void
file_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
	       struct fuse_file_info *fi)
{
	struct file *f = file_of(fi);
	struct ismblk *app = fuse_req_userdata(req);
	uint64_t bytes = (uint64_t)len;
	struct context *c;
	uint8_t flags;
	int err;

	if (off < 0 || len <= 0)
		err = EINVAL;
	else if (tree_read_only(app, f->disk))
		err = EROFS;
	else
		err = file_range(mode, blk_disk_size(f->disk), (uint64_t)off, &bytes, &flags);
	if (err == 0 && bytes != 0 && !(blk_disk_flags(f->disk) & BLK_INFO_WRITE_ZEROES))
		err = EOPNOTSUPP;
	if (err != 0 || bytes == 0) {
		fuse_reply_err(req, err);
		return;
	}
	c = context_get(worker_self(), req, f);
	c->io.op = BLK_WRITE_ZEROES;
	c->io.flags = flags;
	c->io.off = (uint64_t)off;
	c->io.len = bytes;
	c->io.done = range_done;
	context_submit(c);
}

/* --- lseek --- */

static void seek_done(struct blk_io *io, int err);

/* Ask about what begins at pos. */
static void
seek_ask(struct context *c, uint64_t pos)
{
	c->io.op = BLK_BLOCK_STATUS;
	c->io.off = pos;
	c->io.len = c->size - pos < SEEK_PIECE ? c->size - pos : SEEK_PIECE;
	c->io.done = seek_done;
	context_submit(c);
}

static void
seek_end(struct context *c, int err, uint64_t pos)
{
	if (err != 0)
		fuse_reply_err(c->req, err);
	else
		fuse_reply_lseek(c->req, (off_t)pos);
	context_put(c);
}

static void
seek_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;
	uint64_t pos = io->off;
	int found = 0;
	unsigned int i;

	for (i = 0; err == 0 && found == 0 && i < io->iov_count; i++)
		found = blk_extents_seek(io->iov[i].iov_base, io->iov[i].iov_len, c->hole, &pos,
					 c->size);
	if (err != 0)
		seek_end(c, -err, 0);
	else if (found < 0)
		seek_end(c, EIO, 0);
	else if (found > 0)
		seek_end(c, 0, pos);
	else if (pos >= c->size)
		/* All data up to the end, which counts as a hole; or all hole. */
		seek_end(c, c->hole ? 0 : ENXIO, c->size);
	else if (++c->rounds >= SEEK_ROUNDS)
		seek_end(c, 0, c->hole ? c->size : pos);
	else
		seek_ask(c, pos);
}

void
file_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct file *f = file_of(fi);
	uint64_t size = blk_disk_size(f->disk);
	struct context *c;

	if (whence != SEEK_DATA && whence != SEEK_HOLE) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (off < 0 || (uint64_t)off >= size) {
		fuse_reply_err(req, ENXIO);
		return;
	}
	if (!(blk_disk_flags(f->disk) & BLK_INFO_EXTENTS)) {
		fuse_reply_lseek(req, whence == SEEK_DATA ? off : (off_t)size);
		return;
	}
	c = context_get(worker_self(), req, f);
	c->hole = whence == SEEK_HOLE;
	c->size = size;
	seek_ask(c, (uint64_t)off);
}
