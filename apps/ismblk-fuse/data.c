/* SPDX-License-Identifier: BSD-3-Clause */
/* READ and WRITE: from the buffer of the request to the peer, and from the DMB to the kernel. */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The kernel copies from our DMB into the reader's pages: this is where the payload was stored. */
static void
read_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	if (err != 0) {
		fuse_reply_err(c->req, -err);
	} else {
		STAT_ADD(c->worker, payload_out, io->len);
		fuse_reply_iov(c->req, io->iov, (int)io->iov_count);
	}
	context_put(c);
}

/* Behind the end there is nothing; across it, as much as there is. Like a block device. */
void
data_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct file *f = file_of(req, fi);
	struct context *c;
	uint64_t end;

	if (f == NULL)
		return;
	end = blk_disk_size(f->disk);
	if (off < 0 || (uint64_t)off >= end || size == 0) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	c = context_get(worker_self(), req, f);
	c->io.op = BLK_READ;
	/* Only a read past the page cache names its caller. */
	c->cached = fi->lock_owner == 0;
	c->io.off = (uint64_t)off;
	c->io.len = size < end - (uint64_t)off ? size : end - (uint64_t)off;
	c->io.done = read_done;
	context_submit(c);
}

static void
write_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	attr_written(io->disk, c->file->times);
	if (err != 0) {
		fuse_reply_err(c->req, -err);
	} else {
		STAT_ADD(c->worker, payload_in, io->len);
		fuse_reply_write(c->req, io->len);
	}
	context_put(c);
}

/*
 * Keep the buffer that the request was read into until its payload is no longer needed. If the
 * payload is not in it (another libfuse may have moved it), there is nothing for it but a copy,
 * and it is counted.
 */
static const void *
keep_payload(struct worker *w, struct context *c, const char *buf, size_t size)
{
	uint8_t *mem = w->current->mem;

	if ((const uint8_t *)buf < mem ||
	    (const uint8_t *)buf + size > mem + REQUEST_HEAD + REQUEST_MAX) {
		memcpy(mem, buf, size);
		buf = (const char *)mem;
		STAT_ADD(w, copies, 1);
	}
	c->buffer = w->current;
	w->current = NULL;
	return buf;
}

/*
 * O_SYNC and O_DSYNC, of the open file or of this write (RWF_DSYNC). What goes through the page
 * cache the kernel makes stable with an FSYNC of its own; past it, it leaves that to us.
 */
static bool
is_synchronous(const struct file *f, const struct fuse_file_info *fi)
{
	return f->direct && (fi->flags & O_DSYNC) != 0;
}

void
data_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	   struct fuse_file_info *fi)
{
	struct worker *w = worker_self();
	struct file *f = file_of(req, fi);
	struct context *c;
	uint64_t end;

	if (f == NULL)
		return;
	end = blk_disk_size(f->disk);
	if (tree_read_only(w->app, f->disk)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (size == 0) {
		fuse_reply_write(req, 0);
		return;
	}
	if (off < 0 || (uint64_t)off >= end) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	/* Moved by another libfuse: but most of it is not here. */
	if (w->placed && buf != (const char *)w->current->mem + REQUEST_HEAD) {
		fuse_reply_err(req, EIO);
		return;
	}
	c = context_get(w, req, f);
	c->io.op = BLK_WRITE;
	c->io.flags = is_synchronous(f, fi) ? BLK_FLAG_FUA : 0;
	c->io.off = (uint64_t)off;
	c->io.len = size < end - (uint64_t)off ? size : end - (uint64_t)off;
	c->io.data = keep_payload(w, c, buf, size);
	if (w->placed) {
		c->io.home = (void *)(uintptr_t)c->io.data;
		STAT_ADD(w, placed, 1);
	}
	c->io.done = write_done;
	context_submit(c);
}
