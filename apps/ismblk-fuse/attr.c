/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attributes. Size and times of a disk's file are those of the image at the server: each GETATTR
 * asks for them, so that a change shows whoever made it, and a mount made anew shows the same.
 * While there is no session the last ones known are told: a look at a folder waits for nobody.
 *
 * A time set by hand (utimensat) is remembered here for as long as the image's own stays as it was
 * then; it is gone with the mount.
 */
#include "ismblk.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_time.h"

#define SET_TIMES                                                                                  \
	(FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |                     \
	 FUSE_SET_ATTR_MTIME_NOW)

/* --- times, in ns since 1970; 0 is "none", so that moment is told 1 ns late --- */

static int64_t
to_ns(const struct timespec *t)
{
	const int64_t max = INT64_MAX / (int64_t)BASE_NS_PER_S - 1;
	int64_t s = t->tv_sec < -max ? -max : t->tv_sec > max ? max : t->tv_sec;
	int64_t ns = s * (int64_t)BASE_NS_PER_S + t->tv_nsec;

	return ns != 0 ? ns : 1;
}

static struct timespec
from_ns(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / (int64_t)BASE_NS_PER_S,
			      .tv_nsec = ns % (int64_t)BASE_NS_PER_S };

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += (long)BASE_NS_PER_S;
	}
	return t;
}

static int64_t
real_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return to_ns(&now);
}

#define GET(t, field) atomic_load_explicit(&(t)->field, memory_order_relaxed)
#define SET(t, field, v) atomic_store_explicit(&(t)->field, (v), memory_order_relaxed)

/*
 * A peer that does not tell the times of its images: then the mount knows of its own writes only.
 */
void
attr_written(const struct blk_disk *disk, struct times *times)
{
	struct blk_times told;

	blk_disk_times(disk, &told);
	if (told.mtime == 0)
		SET(times, written, real_now());
}

/*
 * The image's time of modification. A loss of writes moves it on, by as much as programs see that
 * only look at seconds.
 */
static int64_t
image_mtime(const struct ismblk *app, const struct blk_disk *disk, const struct times *t,
	    const struct blk_times *told)
{
	int64_t ns = (int64_t)told->mtime;

	if (ns == 0)
		ns = GET(t, written);
	if (ns == 0)
		ns = to_ns(&app->start);
	return ns + (int64_t)(blk_disk_losses(disk) * BASE_NS_PER_S);
}

static void
fill_times(const struct ismblk *app, struct stat *st, const struct times *t, int64_t mtime,
	   int64_t ctime)
{
	int64_t atime = GET(t, atime);

	/* Acquire: pairs with the release in set_times(); the time that holds on this base. */
	if (atomic_load_explicit(&t->base, memory_order_acquire) == mtime)
		mtime = GET(t, mtime);
	if (ctime < GET(t, ctime))
		ctime = GET(t, ctime);
	st->st_atim = atime != 0 ? from_ns(atime) : app->start;
	st->st_mtim = from_ns(mtime);
	st->st_ctim = from_ns(ctime);
}

/* @param base  the image's mtime. */
static void
set_times(struct times *t, const struct attr_change *change, int64_t base)
{
	if (change->atime != 0)
		SET(t, atime, change->atime);
	if (change->mtime != 0) {
		SET(t, mtime, change->mtime);
		/* Release: the time before the base that it is for. */
		atomic_store_explicit(&t->base, base, memory_order_release);
	}
	if (change->atime != 0 || change->mtime != 0)
		SET(t, ctime, real_now());
}

/* --- files and folders --- */

static void
fill_common(const struct ismblk *app, struct stat *st, fuse_ino_t ino)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_uid = app->uid;
	st->st_gid = app->gid;
	st->st_blksize = 4096;
}

static struct times *
folder_times(struct ismblk *app, fuse_ino_t ino)
{
	struct peer *peer = tree_folder(app, ino);

	return peer != NULL ? &peer->kept->folder_times : &app->record->root_times;
}

static void
fill_folder(struct ismblk *app, struct stat *st, fuse_ino_t ino)
{
	fill_common(app, st, ino);
	st->st_mode = S_IFDIR | (app->opt.allow_other ? 0555 : 0500);
	st->st_nlink = 2;
	fill_times(app, st, folder_times(app, ino), to_ns(&app->start), to_ns(&app->start));
}

static void
fill_file(struct ismblk *app, struct stat *st, fuse_ino_t ino, const struct blk_disk *disk,
	  const struct blk_times *told)
{
	const struct times *t = attr_times(app, ino);
	mode_t mode = tree_read_only(app, disk) ? 0400 : 0600;
	int64_t mtime = image_mtime(app, disk, t, told);

	if (app->opt.allow_other)
		mode |= mode >> 3 | mode >> 6;
	fill_common(app, st, ino);
	fill_times(app, st, t, mtime, told->ctime != 0 ? (int64_t)told->ctime : mtime);
	st->st_mode = S_IFREG | mode;
	st->st_nlink = 1;
	st->st_size = (off_t)blk_disk_size(disk);
	/*
	 * What the image takes is not known here. One less than all: cp and tar look for holes
	 * in files alone that seem to have some.
	 */
	st->st_blocks = (blkcnt_t)((blk_disk_size(disk) + 511) / 512);
	if (st->st_blocks > 0)
		st->st_blocks--;
}

struct times *
attr_times(struct ismblk *app, fuse_ino_t ino)
{
	return &app->peers[(ino >> 16) - 1].kept->times[ino & 0xffff];
}

double
attr_fill(struct ismblk *app, struct stat *st, fuse_ino_t ino)
{
	struct blk_times told;
	struct blk_disk *disk;
	struct peer *peer;

	disk = tree_disk(app, ino, &peer);
	if (disk == NULL) {
		fill_folder(app, st, ino);
		return ATTR_SECONDS;
	}
	blk_disk_times(disk, &told);
	fill_file(app, st, ino, disk, &told);
	return DISK_ATTR_SECONDS;
}

/* --- asking the server --- */

static void
asked(struct blk_io *io, int err)
{
	struct context *c = io->arg;
	struct ismblk *app = c->worker->app;
	struct blk_times told = io->times;
	struct stat st;

	if (err != 0)
		blk_disk_times(io->disk, &told);
	set_times(attr_times(app, c->ino), &c->change,
		  image_mtime(app, io->disk, attr_times(app, c->ino), &told));
	fill_file(app, &st, c->ino, io->disk, &told);
	fuse_reply_attr(c->req, &st, DISK_ATTR_SECONDS);
	context_put(c);
}

static void
ask(fuse_req_t req, fuse_ino_t ino, struct peer *peer, struct blk_disk *disk,
    const struct attr_change *change)
{
	struct context *c = context_for(worker_self(), req, peer, disk);

	c->ino = ino;
	c->change = *change;
	c->io.op = BLK_IDENTIFY;
	c->io.hasty = true;
	c->io.done = asked;
	if (blk_client_up(peer->client) && blk_disk_present(disk))
		context_submit(c);
	else
		asked(&c->io, -ENOTCONN);
}

void
attr_get(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct attr_change none = { 0 };
	struct ismblk *app = fuse_req_userdata(req);
	struct blk_disk *disk;
	struct peer *peer;
	struct stat st;

	disk = tree_disk(app, ino, &peer);
	if (disk != NULL) {
		ask(req, ino, peer, disk, &none);
	} else if (tree_is_folder(app, ino)) {
		fill_folder(app, &st, ino);
		fuse_reply_attr(req, &st, ATTR_SECONDS);
	} else {
		fuse_reply_err(req, ENOENT);
	}
}

/* --- setting --- */

/*
 * Mode and owner are what they are: to set what is set succeeds, for tools that copy them along.
 * So it is with the size, but for the O_TRUNC of an open: the kernel asks for size 0 then, without
 * an open file, as it does for truncate(2).
 * @return 0 or a positive errno.
 */
static int
may_set(const struct ismblk *app, const struct stat *now, const struct blk_disk *disk,
	const struct stat *attr, int to_set, const struct fuse_file_info *fi)
{
	if ((to_set & FUSE_SET_ATTR_MODE) && ((attr->st_mode ^ now->st_mode) & 07777) != 0)
		return EPERM;
	if (((to_set & FUSE_SET_ATTR_UID) && attr->st_uid != now->st_uid) ||
	    ((to_set & FUSE_SET_ATTR_GID) && attr->st_gid != now->st_gid))
		return EPERM;
	if (!(to_set & FUSE_SET_ATTR_SIZE))
		return 0;
	if (disk == NULL)
		return EISDIR;
	if (tree_read_only(app, disk))
		return EROFS;
	if (attr->st_size == now->st_size)
		return 0;
	if (attr->st_size != 0 || fi != NULL)
		return EINVAL;
	return (blk_disk_flags(disk) & BLK_INFO_WRITE_ZEROES) != 0 ? 0 : EOPNOTSUPP;
}

static struct attr_change
wanted_times(const struct stat *attr, int to_set)
{
	struct attr_change change = { 0 };
	int64_t now = (to_set & SET_TIMES) != 0 ? real_now() : 0;

	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		change.atime = now;
	else if (to_set & FUSE_SET_ATTR_ATIME)
		change.atime = to_ns(&attr->st_atim);
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		change.mtime = now;
	else if (to_set & FUSE_SET_ATTR_MTIME)
		change.mtime = to_ns(&attr->st_mtim);
	return change;
}

void
attr_set(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct ismblk *app = fuse_req_userdata(req);
	struct attr_change change = wanted_times(attr, to_set);
	struct blk_disk *disk;
	struct peer *peer;
	struct stat now;
	int err;

	disk = tree_disk(app, ino, &peer);
	if (disk == NULL && !tree_is_folder(app, ino)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attr_fill(app, &now, ino);
	err = may_set(app, &now, disk, attr, to_set, fi);
	if (err != 0) {
		fuse_reply_err(req, err);
	} else if ((to_set & FUSE_SET_ATTR_SIZE) && attr->st_size != now.st_size) {
		truncate_disk(req, ino, peer, disk);
	} else if (disk != NULL) {
		ask(req, ino, peer, disk, &change);
	} else {
		set_times(folder_times(app, ino), &change, to_ns(&app->start));
		attr_get(req, ino, fi);
	}
}
