/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of a peer's disks. A disk, once seen, keeps its place as long as the client: sessions,
 * units and images behind it may change, and it may be absent for a while.
 */
#include "blk_client_priv.h"

#include <string.h>

#include "base_text.h"

#define GET(d, field) atomic_load_explicit(&(d)->field, memory_order_relaxed)
#define SET(d, field, v) atomic_store_explicit(&(d)->field, (v), memory_order_relaxed)

unsigned int
blk_client_disks(const struct blk_client *c)
{
	return atomic_load_explicit(&c->disk_count, memory_order_acquire);
}

struct blk_disk *
blk_client_disk(const struct blk_client *c, unsigned int i)
{
	if (i >= blk_client_disks(c))
		return NULL;
	return (struct blk_disk *)(uintptr_t)&c->disks[i];
}

struct blk_disk *
blk_client_disk_by_name(const struct blk_client *c, const char *name)
{
	unsigned int i, n = blk_client_disks(c);

	for (i = 0; i < n; i++) {
		if (strcmp(c->disks[i].name, name) == 0)
			return blk_client_disk(c, i);
	}
	return NULL;
}

const char *
blk_disk_name(const struct blk_disk *d)
{
	return d->name;
}

const char *
blk_disk_desc(const struct blk_disk *d)
{
	return d->desc;
}

uint64_t
blk_disk_size(const struct blk_disk *d)
{
	return GET(d, size);
}

uint32_t
blk_disk_flags(const struct blk_disk *d)
{
	return GET(d, flags);
}

void
blk_disk_times(const struct blk_disk *d, struct blk_times *times)
{
	times->mtime = GET(d, mtime);
	times->ctime = GET(d, ctime);
}

void
blk_disk_block_sizes(const struct blk_disk *d, uint32_t *min, uint32_t *pref, uint32_t *max)
{
	*min = GET(d, block_min);
	*pref = GET(d, block_pref);
	*max = GET(d, block_max);
}

bool
blk_disk_present(const struct blk_disk *d)
{
	return GET(d, present);
}

uint64_t
blk_disk_losses(const struct blk_disk *d)
{
	return GET(d->kept, losses);
}

uint64_t
blk_disk_losses_known(const struct blk_disk *d)
{
	return GET(d->kept, losses_told);
}

bool
blk_disk_losses_tell(struct blk_disk *d, _Atomic uint64_t *known)
{
	uint64_t now = GET(d->kept, losses), told = GET(d->kept, losses_told);

	while (told < now &&
	       !atomic_compare_exchange_weak_explicit(&d->kept->losses_told, &told, now,
						      memory_order_relaxed, memory_order_relaxed))
		;
	return atomic_exchange_explicit(known, now, memory_order_relaxed) != now;
}

void
blk_disk_unmark(struct blk_client *c)
{
	unsigned int i, n = blk_client_disks(c);

	for (i = 0; i < n; i++)
		c->disks[i].listed = false;
}

static void
changed(struct blk_client *c, struct blk_disk *d)
{
	if (c->conf.on_change != NULL)
		c->conf.on_change(c->conf.arg, c, d);
}

static void
count_loss(struct blk_disk *d, uint64_t done)
{
	atomic_fetch_add_explicit(&d->kept->losses, 1, memory_order_relaxed);
	SET(d->kept, flushed, done);
}

/*
 * The server says so to one FLUSH, and then no more. That the export is not there, or not ours,
 * is no loss: what we wrote is where it was.
 */
void
blk_disk_flush_failed(struct blk_disk *d, uint16_t status)
{
	if (status == BLK_ENOENT || status == BLK_EACCES || status == BLK_ENOTSUP)
		return;
	BLK_CLIENT_LOG(WARNING, "%s: a flush failed at the peer (%s); writes may be lost", d->name,
		       strerror(blk_status_errno(status)));
	atomic_fetch_add_explicit(&d->kept->losses, 1, memory_order_relaxed);
}

/*
 * The peer runs another boot of its system: answered writes that were not flushed died with its
 * page cache. (A process that ends leaves its writes there, so its restart alone loses
 * nothing.)
 */
void
blk_disk_rebooted(struct blk_client *c)
{
	unsigned int i, n = blk_client_disks(c);

	for (i = 0; i < n; i++) {
		struct blk_disk *d = &c->disks[i];
		uint64_t done = atomic_load_explicit(&d->kept->writes_done, memory_order_acquire);

		if (done == GET(d->kept, flushed))
			continue;
		BLK_CLIENT_LOG(WARNING, "%s: the peer was rebooted; unflushed writes may be lost",
			       d->name);
		count_loss(d, done);
	}
}

/* Another image never had our writes, flushed or not. @return true: it is another one. */
static bool
check_image(struct blk_disk *d, const uint8_t id[16])
{
	if (memcmp(d->kept->id, id, sizeof(d->kept->id)) == 0)
		return false;
	BLK_CLIENT_LOG(WARNING, "%s: the image behind this name is another one now", d->name);
	count_loss(d, atomic_load_explicit(&d->kept->writes_done, memory_order_acquire));
	return true;
}

/* For a process after this one. The image last: before it, a loss has been counted. */
static void
keep(const struct blk_disk *d, const struct blk_disk_info *info)
{
	struct blk_kept_disk *k = d->kept;

	memcpy(k->name, d->name, sizeof(k->name));
	memcpy(k->desc, d->desc, sizeof(k->desc));
	k->size = info->size;
	k->flags = info->flags;
	k->block_min = info->block_min;
	k->block_pref = info->block_pref;
	k->block_max = info->block_max;
	SET(k, mtime, info->mtime);
	SET(k, ctime, info->ctime);
	k->present = true;
	memcpy(k->id, info->id, sizeof(k->id));
}

static void
fill(struct blk_disk *d, const struct blk_disk_info *info)
{
	SET(d, size, info->size);
	SET(d, flags, info->flags);
	SET(d, unit, info->unit);
	SET(d, block_min, info->block_min);
	SET(d, block_pref, info->block_pref);
	SET(d, block_max, info->block_max);
	SET(d, mtime, info->mtime);
	SET(d, ctime, info->ctime);
	SET(d, present, true);
	d->listed = true;
	keep(d, info);
}

/* The record is copied first: the peer may still write there. */
void
blk_disk_identified(struct blk_client *c, struct blk_io *io, const void *record)
{
	struct blk_disk *d = io->disk;
	struct blk_export_info raw;
	struct blk_disk_info info;

	memcpy(&raw, record, sizeof(raw));
	io->times = (struct blk_times){ 0 };
	if (!blk_reply_info(&raw, &info))
		return;
	io->times.mtime = info.mtime;
	io->times.ctime = info.ctime;
	SET(d, mtime, info.mtime);
	SET(d, ctime, info.ctime);
	SET(d->kept, mtime, info.mtime);
	SET(d->kept, ctime, info.ctime);
	if (info.size != GET(d, size) || info.flags != GET(d, flags))
		SET(c, want_list, true);
}

static void
add(struct blk_client *c, const struct blk_disk_info *info)
{
	unsigned int n = blk_client_disks(c);
	struct blk_disk *d;

	if (n == BLK_EXPORTS_MAX) {
		c->bad_exports++;
		return;
	}
	d = &c->disks[n];
	memcpy(d->name, info->name, sizeof(d->name));
	memcpy(d->desc, info->desc, sizeof(d->desc));
	d->kept = &c->kept->disks[n];
	fill(d, info);
	atomic_store_explicit(&c->kept->count, n + 1, memory_order_release);
	atomic_store_explicit(&c->disk_count, n + 1, memory_order_release);
	changed(c, d);
}

void
blk_disk_take(struct blk_client *c, const struct blk_disk_info *info)
{
	struct blk_disk *d = blk_client_disk_by_name(c, info->name);
	bool differs;

	if (d == NULL) {
		add(c, info);
		return;
	}
	if (d->listed) {
		c->bad_exports++;
		return;
	}
	differs = check_image(d, info->id);
	differs |= !GET(d, present) || GET(d, size) != info->size || GET(d, flags) != info->flags;
	fill(d, info);
	if (differs)
		changed(c, d);
}

void
blk_disk_sweep(struct blk_client *c)
{
	unsigned int i, n = blk_client_disks(c);

	for (i = 0; i < n; i++) {
		struct blk_disk *d = &c->disks[i];

		if (d->listed || !GET(d, present))
			continue;
		SET(d, present, false);
		d->kept->present = false;
		BLK_CLIENT_LOG(WARNING, "%s: the peer no longer exports it", d->name);
		changed(c, d);
	}
}

/* --- what an earlier process has left --- */

static bool
is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

bool
blk_kept_is_sane(const struct blk_kept *kept)
{
	uint32_t i, n = GET(kept, count);

	if (n > BLK_EXPORTS_MAX)
		return false;
	for (i = 0; i < n; i++) {
		const struct blk_kept_disk *k = &kept->disks[i];

		if (k->name[0] == '\0' || !is_text(k->name, sizeof(k->name)) ||
		    !is_text(k->desc, sizeof(k->desc)) || GET(k, losses) < GET(k, losses_told) ||
		    GET(k, writes_done) < GET(k, flushed))
			return false;
	}
	return true;
}

void
blk_disk_restore(struct blk_client *c)
{
	uint32_t i, n = GET(c->kept, count);

	for (i = 0; i < n; i++) {
		struct blk_disk *d = &c->disks[i];
		struct blk_kept_disk *k = &c->kept->disks[i];

		d->kept = k;
		memcpy(d->name, k->name, sizeof(d->name));
		memcpy(d->desc, k->desc, sizeof(d->desc));
		SET(d, size, k->size);
		SET(d, flags, k->flags);
		SET(d, block_min, k->block_min);
		SET(d, block_pref, k->block_pref);
		SET(d, block_max, k->block_max);
		SET(d, mtime, GET(k, mtime));
		SET(d, ctime, GET(k, ctime));
		SET(d, present, k->present != 0);
	}
	atomic_store_explicit(&c->disk_count, n, memory_order_release);
}
