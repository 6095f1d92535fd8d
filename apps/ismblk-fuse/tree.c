/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names. Nothing is stored: numbers follow from the places in the tables, which stay when one
 * process goes on for another (record.c).
 *
 *	1                            the root
 *	2 + peer                     a peer's folder (several peers)
 *	(peer + 1) << 16 | disk      a disk's file
 *
 * With one peer the root is its folder.
 */
#include "ismblk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define INO_PEER 2

static struct ismblk *
app_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static fuse_ino_t
file_ino(const struct peer *peer, unsigned int i)
{
	return (fuse_ino_t)(peer->index + 1) << 16 | i;
}

fuse_ino_t
tree_ino(const struct peer *peer, const struct blk_disk *disk)
{
	unsigned int i = 0;

	while (blk_client_disk(peer->client, i) != disk)
		i++;
	return file_ino(peer, i);
}

struct blk_disk *
tree_disk(struct ismblk *app, fuse_ino_t ino, struct peer **peer)
{
	uint64_t p = ino >> 16;

	if (p == 0 || p > app->peer_count)
		return NULL;
	*peer = &app->peers[p - 1];
	return blk_client_disk((*peer)->client, ino & 0xffff);
}

struct peer *
tree_folder(struct ismblk *app, fuse_ino_t ino)
{
	if (ino == FUSE_ROOT_ID)
		return app->peer_count == 1 ? &app->peers[0] : NULL;
	if (app->peer_count > 1 && ino - INO_PEER < app->peer_count)
		return &app->peers[ino - INO_PEER];
	return NULL;
}

bool
tree_is_folder(struct ismblk *app, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID || tree_folder(app, ino) != NULL;
}

bool
tree_read_only(const struct ismblk *app, const struct blk_disk *disk)
{
	return app->opt.read_only || (blk_disk_flags(disk) & BLK_INFO_READ_ONLY) != 0;
}

static bool
is_visible(const struct ismblk *app, const struct blk_disk *disk)
{
	return blk_disk_present(disk) && peers_selected(app, disk);
}

void
tree_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct ismblk *app = app_of(req);
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096, .f_namemax = BLK_NAME_MAX - 1 };
	unsigned int i, k;

	for (i = 0; i < app->peer_count; i++) {
		for (k = 0; k < blk_client_disks(app->peers[i].client); k++) {
			const struct blk_disk *d = blk_client_disk(app->peers[i].client, k);

			if (!is_visible(app, d))
				continue;
			st.f_blocks += (blk_disk_size(d) + 4095) / 4096;
			st.f_files++;
		}
	}
	fuse_reply_statfs(req, &st);
}

/* --- names --- */

/*
 * The i-th name in a folder, from 0. Places never change, so an index is a good position for
 * readdir.
 * @return 0; -ENOENT nothing (visible) at that place; -ERANGE behind the last.
 */
static int
entry_at(struct ismblk *app, fuse_ino_t ino, unsigned int i, const char **name, fuse_ino_t *child)
{
	struct peer *peer = tree_folder(app, ino);
	struct blk_disk *disk;

	if (peer == NULL) {
		if (i >= app->peer_count)
			return -ERANGE;
		*name = app->peers[i].name;
		*child = INO_PEER + i;
		return 0;
	}
	disk = blk_client_disk(peer->client, i);
	if (disk == NULL)
		return -ERANGE;
	if (!is_visible(app, disk))
		return -ENOENT;
	*name = blk_disk_name(disk);
	*child = file_ino(peer, i);
	return 0;
}

void
tree_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct ismblk *app = app_of(req);
	struct fuse_entry_param e = { .entry_timeout = ATTR_SECONDS };
	const char *have;
	unsigned int i;
	int ret;

	if (!tree_is_folder(app, parent)) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	for (i = 0; (ret = entry_at(app, parent, i, &have, &e.ino)) != -ERANGE; i++) {
		if (ret == 0 && strcmp(have, name) == 0) {
			e.attr_timeout = attr_fill(app, &e.attr, e.ino);
			fuse_reply_entry(req, &e);
			return;
		}
	}
	fuse_reply_err(req, ENOENT);
}

struct listing {
	fuse_req_t req;
	struct ismblk *app;
	bool plus;
	char *buf;
	size_t size, used;
};

/* @return false when the buffer is full. */
static bool
list_add(struct listing *l, const char *name, fuse_ino_t ino, off_t next)
{
	struct fuse_entry_param e = { .ino = ino, .entry_timeout = ATTR_SECONDS };
	char *at = l->buf + l->used;
	size_t room = l->size - l->used, need;

	e.attr_timeout = attr_fill(l->app, &e.attr, ino);
	/* "." and ".." carry no look-up: number 0 says so. */
	if (name[0] == '.' && (name[1] == '\0' || strcmp(name, "..") == 0))
		e.ino = 0;
	need = l->plus ? fuse_add_direntry_plus(l->req, at, room, name, &e, next)
		       : fuse_add_direntry(l->req, at, room, name, &e.attr, next);
	if (need > room)
		return false;
	l->used += need;
	return true;
}

/* Positions: 0 ".", 1 "..", 2 + i the i-th name. */
static void
list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct listing l = { .req = req, .app = app_of(req), .plus = plus, .size = size };
	char page[4096];
	const char *name;
	fuse_ino_t child;
	bool room = true;
	int ret;

	if (!tree_is_folder(l.app, ino)) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	l.buf = page;
	if (l.size > sizeof(page))
		l.size = sizeof(page);
	if (off == 0) {
		room = list_add(&l, ".", ino, 1);
		off = 1;
	}
	if (off == 1 && room) {
		room = list_add(&l, "..", FUSE_ROOT_ID, 2);
		off = 2;
	}
	for (; room && off >= 2; off++) {
		ret = entry_at(l.app, ino, (unsigned int)(off - 2), &name, &child);
		if (ret == -ERANGE)
			break;
		if (ret == 0)
			room = list_add(&l, name, child, off + 1);
	}
	fuse_reply_buf(req, page, l.used);
}

void
tree_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, false);
}

void
tree_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, true);
}

/* --- what cannot be done: the peer says which disks there are --- */

void
tree_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	fuse_reply_err(req, EPERM);
}

void
tree_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fuse_reply_err(req, EPERM);
}

void
tree_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, EPERM);
}

void
tree_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	    const char *newname, unsigned int flags)
{
	fuse_reply_err(req, EPERM);
}
