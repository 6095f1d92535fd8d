/* SPDX-License-Identifier: BSD-3-Clause */
/* Open files: open, fsync, fallocate, lseek, copy_file_range. */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fuse.h>

#include "run.h"

#ifndef FOPEN_PARALLEL_DIRECT_WRITES /* Linux 6.2 */
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif

#define COPY_MAX (16u << 20) /* bytes that one call copies: who is killed ends soon */
#define SEEK_PIECE (1ULL << 31) /* bytes that one BLOCK_STATUS asks about */
#define FSYNC_ROUNDS 1000 /* then the kernel's cache is not waited for */
#define SEEK_ROUNDS 256 /* then the rest counts as data, which is always true enough */

#define UNIQUE_RESENT (1ULL << 63) /* FUSE_UNIQUE_RESEND: marks a request that was sent again */

/*
 * All of FILES_MAX, at the places of their kept halves; the kernel gives memory for those that are
 * used. What it knows of a file (fh) is place + 1 and, above, the place's serial.
 */
struct files {
	pthread_mutex_t lock; /* opens and closes of all workers */
	SLIST_HEAD(, file) unused;
	struct record *record;
	struct file file[FILES_MAX];
};

/* --- the table --- */

static uint64_t
handle_of(const struct file *f)
{
	const struct files *files = f->peer->app->files;

	return (uint64_t)f->kept->serial << 32 | (uint64_t)(f - files->file + 1);
}

static uint32_t
state_of(const struct kept_file *kept)
{
	return atomic_load_explicit(&kept->state, memory_order_relaxed);
}

static void
set_state(struct kept_file *kept, enum file_state state)
{
	/* Release: a process after this one sees the rest of an entry that is not free. */
	atomic_store_explicit(&kept->state, state, memory_order_release);
}

/* What follows from the kept half. @return false: it is of no disk of ours. */
static bool
dress(struct ismblk *app, struct file *f)
{
	f->disk = tree_disk(app, f->kept->ino, &f->peer);
	if (f->disk == NULL)
		return false;
	f->times = attr_times(app, f->kept->ino);
	f->reads = &f->peer->reads[f->kept->ino & 0xffff];
	f->dsync = f->kept->dsync != 0;
	f->direct = f->kept->direct != 0;
	return true;
}

/* An fsync that was about to say EIO was not answered: it comes again. */
static void
restore_owed(struct kept_file *kept)
{
	uint64_t owed = atomic_load_explicit(&kept->owed, memory_order_relaxed);

	if (owed == 0)
		return;
	atomic_store_explicit(&kept->losses, owed - 1, memory_order_relaxed);
	atomic_store_explicit(&kept->owed, 0, memory_order_relaxed);
}

int
file_init(struct ismblk *app)
{
	struct record *record = app->record;
	struct files *files = mmap(NULL, sizeof(*files), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (files == MAP_FAILED)
		return -ENOMEM;
	pthread_mutex_init(&files->lock, NULL);
	SLIST_INIT(&files->unused);
	files->record = record;
	app->files = files;
	for (uint32_t i = 0; i < record->files_used; i++) {
		struct file *f = &files->file[i];

		f->kept = &record->files[i];
		restore_owed(f->kept);
		if (state_of(f->kept) != FILE_FREE && dress(app, f))
			continue;
		f->kept->serial++;
		set_state(f->kept, FILE_FREE);
		SLIST_INSERT_HEAD(&files->unused, f, entry);
	}
	return 0;
}

void
file_fini(struct ismblk *app)
{
	if (app->files == NULL)
		return;
	pthread_mutex_destroy(&app->files->lock);
	munmap(app->files, sizeof(*app->files));
	app->files = NULL;
}

/* @return NULL: too many are open. */
static struct file *
take_place(struct files *files)
{
	struct record *record = files->record;
	struct file *f;

	pthread_mutex_lock(&files->lock);
	f = SLIST_FIRST(&files->unused);
	if (f != NULL) {
		SLIST_REMOVE_HEAD(&files->unused, entry);
	} else if (record->files_used < FILES_MAX) {
		f = &files->file[record->files_used];
		f->kept = &record->files[record->files_used++];
	}
	pthread_mutex_unlock(&files->lock);
	return f;
}

void
file_free(struct file *f)
{
	struct files *files = f->peer->app->files;

	/* First: if we die in between, the place is lost, but never two files in one. */
	f->kept->serial++;
	set_state(f->kept, FILE_FREE);
	f->disk = NULL;
	pthread_mutex_lock(&files->lock);
	SLIST_INSERT_HEAD(&files->unused, f, entry);
	pthread_mutex_unlock(&files->lock);
}

static struct file *
find(struct files *files, uint64_t handle)
{
	uint64_t place = (handle & UINT32_MAX) - 1;
	struct file *f;

	if (place >= FILES_MAX)
		return NULL;
	f = &files->file[place];
	return f->disk != NULL && f->kept->serial == handle >> 32 ? f : NULL;
}

static struct files *
files_of(fuse_req_t req)
{
	const struct ismblk *app = fuse_req_userdata(req);

	return app->files;
}

struct file *
file_of(fuse_req_t req, const struct fuse_file_info *fi)
{
	struct file *f = find(files_of(req), fi->fh);

	if (f == NULL)
		fuse_reply_err(req, EBADF);
	return f;
}

/* --- open, release --- */

/*
 * libfuse 3.14 cannot say FOPEN_PARALLEL_DIRECT_WRITES, so the answer is made here; later ones
 * would send the same bytes.
 */
static int
reply_open(fuse_req_t req, const struct file *f)
{
	const struct fuse_open_out out = {
		.fh = handle_of(f),
		.open_flags = f->direct ? FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES : 0,
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

/* The request that is being processed. */
static uint64_t
unique_of_request(void)
{
	const struct fuse_in_header *in =
		(const struct fuse_in_header *)worker_self()->current->mem;

	return in->unique;
}

/* An OPEN that comes again: an earlier process may have made the file, and may have said so. */
static struct file *
find_opening(struct files *files, uint64_t unique)
{
	const struct record *record = files->record;
	struct file *found = NULL;

	pthread_mutex_lock(&files->lock);
	for (uint32_t i = 0; i < record->files_used && found == NULL; i++) {
		if (state_of(&record->files[i]) == FILE_OPENING &&
		    record->files[i].unique == unique && files->file[i].disk != NULL)
			found = &files->file[i];
	}
	pthread_mutex_unlock(&files->lock);
	return found;
}

static struct file *
make_file(struct ismblk *app, fuse_ino_t ino, const struct fuse_file_info *fi, uint64_t unique,
	  const struct blk_disk *disk)
{
	struct file *f = take_place(app->files);

	if (f == NULL)
		return NULL;
	f->kept->ino = ino;
	f->kept->unique = unique;
	f->kept->dsync = (fi->flags & O_DSYNC) != 0;
	f->kept->direct = app->opt.cache == CACHE_NONE || (fi->flags & O_DIRECT) != 0;
	atomic_store_explicit(&f->kept->losses, blk_disk_losses_known(disk), memory_order_relaxed);
	atomic_store_explicit(&f->kept->owed, 0, memory_order_relaxed);
	dress(app, f);
	set_state(f->kept, FILE_OPENING);
	return f;
}

void
file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct ismblk *app = fuse_req_userdata(req);
	uint64_t unique = unique_of_request();
	struct blk_disk *disk;
	struct file *f = NULL;
	struct peer *peer;

	disk = tree_disk(app, ino, &peer);
	if (disk == NULL || !blk_disk_present(disk)) {
		fuse_reply_err(req, disk == NULL ? EISDIR : ENXIO);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_RDONLY && tree_read_only(app, disk)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if ((unique & UNIQUE_RESENT) != 0)
		f = find_opening(app->files, unique & ~UNIQUE_RESENT);
	if (f == NULL)
		f = make_file(app, ino, fi, unique & ~UNIQUE_RESENT, disk);
	if (f == NULL)
		fuse_reply_err(req, ENFILE);
	else
		hold_open(worker_self(), req, f);
}

void
file_opened(fuse_req_t req, struct file *f)
{
	/* The open was interrupted: there will be no release. */
	if (reply_open(req, f) == -ENOENT)
		file_free(f);
	else
		set_state(f->kept, FILE_OPEN);
}

void
file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct file *f = find(files_of(req), fi->fh);

	/* One that comes again may have been freed by an earlier process. */
	if (f != NULL)
		file_free(f);
	fuse_reply_err(req, 0);
}

/* --- fsync --- */

/*
 * Is there a loss that this file must be told of? Until forget_owed(), after the answer, the next
 * process would tell it if this one died. Of two calls at once, one is told.
 */
static bool
tell_losses(struct file *f, bool *owes)
{
	uint64_t none = 0;
	uint64_t was = atomic_load_explicit(&f->kept->losses, memory_order_relaxed);
	bool told;

	/* Release: before the count that it is about. */
	*owes = atomic_compare_exchange_strong_explicit(&f->kept->owed, &none, was + 1,
							memory_order_release, memory_order_relaxed);
	told = blk_disk_losses_tell(f->disk, &f->kept->losses);
	if (!told && *owes) {
		atomic_store_explicit(&f->kept->owed, 0, memory_order_relaxed);
		*owes = false;
	}
	return told;
}

static void
forget_owed(struct file *f, bool owes)
{
	if (owes)
		atomic_store_explicit(&f->kept->owed, 0, memory_order_release);
}

/*
 * Who is told of a loss reads again: not what the kernel has in its cache from before. Ask the
 * server for anything as long as that takes.
 */
static void
fsync_end(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	if (c->err != 0 && err == 0 && cache_stale(c->peer, io->disk, c->ino) &&
	    ++c->rounds < FSYNC_ROUNDS) {
		io->op = BLK_IDENTIFY;
		io->hasty = true;
		io->done = fsync_end;
		context_submit(c);
		return;
	}
	fuse_reply_err(c->req, -c->err);
	forget_owed(c->file, c->owes);
	context_put(c);
}

static void
fsync_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	/* The FLUSH of a server that has forgotten what it should flush proves nothing. */
	if (tell_losses(c->file, &c->owes) && err == 0)
		err = -EIO;
	c->err = err;
	fsync_end(io, 0);
}

void
file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct file *f = file_of(req, fi);
	struct context *c;
	bool owes;

	if (f == NULL)
		return;
	if ((blk_disk_flags(f->disk) & BLK_INFO_FLUSH) == 0) {
		fuse_reply_err(req, tell_losses(f, &owes) ? EIO : 0);
		forget_owed(f, owes);
		return;
	}
	c = context_get(worker_self(), req, f);
	c->ino = ino;
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

	attr_written(io->disk, c->file->times);
	fuse_reply_err(c->req, -err);
	context_put(c);
}

void
file_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
	       struct fuse_file_info *fi)
{
	struct file *f = file_of(req, fi);
	struct ismblk *app = fuse_req_userdata(req);
	uint64_t bytes = (uint64_t)len;
	struct context *c;
	uint8_t flags;
	int err;

	if (f == NULL)
		return;
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
	struct file *f = file_of(req, fi);
	struct context *c;
	uint64_t size;

	if (f == NULL)
		return;
	size = blk_disk_size(f->disk);
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

/* --- copy_file_range --- */

/*
 * Not here. The kernel copies through its page cache then, which files that bypass it must not:
 * with another error the caller reads and writes itself, as all that use this call do.
 */
static int
copy_otherwise(const struct file *in, const struct file *out)
{
	return in->direct || out->direct ? EINVAL : EOPNOTSUPP;
}

static void
copy_done(struct blk_io *io, int err)
{
	struct context *c = io->arg;

	attr_written(io->disk, c->file->times);
	if (err == 0)
		fuse_reply_write(c->req, io->len);
	else if (err == -EOPNOTSUPP)
		fuse_reply_err(c->req, EINVAL);
	else
		fuse_reply_err(c->req, -err);
	context_put(c);
}

/* @return 0 *len is clipped; or a positive errno. */
static int
copy_range(const struct ismblk *app, const struct file *in, uint64_t from, const struct file *out,
	   uint64_t to, uint64_t *len)
{
	uint64_t size_in = blk_disk_size(in->disk), size_out = blk_disk_size(out->disk);

	if (tree_read_only(app, out->disk))
		return EROFS;
	if (in->peer != out->peer || !(blk_disk_flags(out->disk) & BLK_INFO_COPY))
		return copy_otherwise(in, out);
	if (*len > COPY_MAX)
		*len = COPY_MAX;
	if (from >= size_in)
		*len = 0;
	else if (*len > size_in - from)
		*len = size_in - from;
	if (*len != 0 && to >= size_out)
		return ENOSPC;
	if (*len > size_out - to)
		*len = size_out - to;
	if (in->disk == out->disk && from < to + *len && to < from + *len)
		return EINVAL;
	return 0;
}

void
file_copy(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in,
	  fuse_ino_t ino_out, off_t off_out, struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct file *in = file_of(req, fi_in), *out;
	uint64_t bytes = len;
	struct context *c;
	int err;

	out = in != NULL ? file_of(req, fi_out) : NULL;
	if (out == NULL)
		return;
	if (off_in < 0 || off_out < 0 || flags != 0)
		err = EINVAL;
	else
		err = copy_range(fuse_req_userdata(req), in, (uint64_t)off_in, out,
				 (uint64_t)off_out, &bytes);
	if (err != 0) {
		fuse_reply_err(req, err);
		return;
	}
	if (bytes == 0) {
		fuse_reply_write(req, 0);
		return;
	}
	c = context_get(worker_self(), req, out);
	c->io.op = BLK_COPY;
	c->io.flags = out->dsync ? BLK_FLAG_FUA : 0;
	c->io.from = in->disk;
	c->io.from_off = (uint64_t)off_in;
	c->io.off = (uint64_t)off_out;
	c->io.len = bytes;
	c->io.done = copy_done;
	context_submit(c);
}
