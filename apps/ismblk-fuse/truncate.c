/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * O_TRUNC. Who opens a file so takes it for empty, and many programs (cp, tar, zstd) then write no
 * zeros, for those would be there: on a disk whose content had stayed, old bytes would stand in
 * each hole. So the whole disk reads as zeros before the open ends; where that cannot be had, the
 * open fails.
 *
 * It is done in pieces, so that others get in between, and who is killed meanwhile ends soon.
 */
#include "ismblk.h"

#include <errno.h>
#include <stdio.h>

#include "base_time.h"
#include "run.h"

#define PIECE (256ULL << 20)

static void piece_done(struct blk_io *io, int err);

static void
next_piece(struct context *c)
{
	c->io.op = BLK_WRITE_ZEROES;
	c->io.len = c->size - c->io.off < PIECE ? c->size - c->io.off : PIECE;
	c->io.done = piece_done;
	context_submit(c);
}

/* Somebody may have to be told why all is gone. */
static void
tell(struct worker *w, const struct peer *peer, const struct blk_disk *disk)
{
	char more[32] = "";
	unsigned int n;

	if (!base_line_due(&w->lines, base_now_ns(), &n))
		return;
	if (n > 0)
		snprintf(more, sizeof(more), " (%u more)", n);
	run_note("peer %s: disk %s was opened with O_TRUNC and reads as zeros now%s", peer->name,
		 blk_disk_name(disk), more);
}

/*
 * Programs that have the file open may have read some of it into the kernel's cache. The kernel
 * drops that, in the truncating process, when it is told of another size than the one it knows; it
 * asks for the right one before anybody uses it, and one byte more than there is harms nobody
 * until then.
 */
static void
emptied(struct context *c)
{
	struct stat st;

	STAT_ADD(c->worker, emptied, 1);
	tell(c->worker, c->peer, c->io.disk);
	attr_fill(c->worker->app, &st, c->ino);
	st.st_size++;
	fuse_reply_attr(c->req, &st, DISK_ATTR_SECONDS);
	context_put(c);
}

static void
piece_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	attr_written(io->disk, attr_times(c->worker->app, c->ino));
	io->off += io->len;
	if (err != 0) {
		fuse_reply_err(c->req, -err);
		context_put(c);
	} else if (io->off < c->size) {
		next_piece(c);
	} else {
		emptied(c);
	}
}

void
truncate_disk(fuse_req_t req, fuse_ino_t ino, struct peer *peer, struct blk_disk *disk)
{
	struct context *c = context_for(worker_self(), req, peer, disk);

	c->ino = ino;
	c->size = blk_disk_size(disk);
	next_piece(c);
}
