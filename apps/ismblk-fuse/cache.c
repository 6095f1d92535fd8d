/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel keeps of a disk's content. When writes were lost, or another image is behind the
 * name, its pages are not what the disk holds: it is told to forget them. (Not by another time of
 * modification: FUSE_AUTO_INVAL_DATA would drop the pages of whoever writes, at each write.)
 *
 * The call waits for pages that are being read or written, that is for ourselves, and nothing ends
 * that wait: a process in it could not even die. So the holder makes it (run_holder.h).
 */
#include "ismblk.h"

#include <linux/fuse.h>
#include <time.h>

#include "base_time.h"
#include "run_holder.h"

#define LOOK_NS BASE_NS_PER_MS
#define ASKED_MAX 8 /* disks at once: each may hang while its peer is away */
#define SETTLE_NS (2 * BASE_NS_PER_S)

/* @return 0; -errno: not now. */
static int
forget_pages(struct ismblk *app, fuse_ino_t ino, uint32_t id)
{
	const struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_inode_out what;
	} notice = { .head = { .len = sizeof(notice), .error = FUSE_NOTIFY_INVAL_INODE },
		     .what = { .ino = ino } };

	return run_held_write(&app->held, id, &notice, sizeof(notice));
}

bool
cache_stale(const struct peer *p, const struct blk_disk *disk, fuse_ino_t ino)
{
	return atomic_load_explicit(&p->kept->forgotten[ino & 0xffff], memory_order_relaxed) !=
	       blk_disk_losses(disk);
}

/* What the holder was asked for, by number: that of a cache among all. */
static struct cache *
cache_of(struct ismblk *app, uint32_t id)
{
	return &app->peers[id / BLK_EXPORTS_MAX].cache[id % BLK_EXPORTS_MAX];
}

static void
take_answers(struct ismblk *app)
{
	uint32_t id;
	int ret;

	/* As many as can be there: a holder may say more. */
	for (unsigned int i = 0; i < 2 * ASKED_MAX && app->caches_asked > 0; i++) {
		ret = run_held_wrote(&app->held, &id);
		if (ret == 0)
			break;

		struct cache *k = id < PEERS_MAX * BLK_EXPORTS_MAX ? cache_of(app, id) : NULL;

		if (k == NULL || !k->under_way)
			continue;
		k->under_way = false;
		app->caches_asked--;
		if (ret < 0)
			continue;
		atomic_store_explicit(&app->peers[id / BLK_EXPORTS_MAX]
					       .kept->forgotten[id % BLK_EXPORTS_MAX],
				      k->asked, memory_order_relaxed);
	}
}

/* @return work done. */
static unsigned int
look(struct peer *p, unsigned int i)
{
	struct blk_disk *disk = blk_client_disk(p->client, i);
	struct cache *k = &p->cache[i];
	uint64_t losses = blk_disk_losses(disk);

	if (k->under_way || p->app->caches_asked == ASKED_MAX ||
	    atomic_load_explicit(&p->kept->forgotten[i], memory_order_relaxed) == losses)
		return 0;
	k->asked = losses;
	k->under_way = forget_pages(p->app, tree_ino(p, disk), p->index * BLK_EXPORTS_MAX + i) == 0;
	p->app->caches_asked += k->under_way;
	return 1;
}

unsigned int
cache_poll(struct ismblk *app, uint64_t now_ns)
{
	unsigned int i, k, work = 0;

	if (!app->announced || now_ns < app->cache_ns)
		return 0;
	app->cache_ns = now_ns + LOOK_NS;
	take_answers(app);
	for (i = 0; i < app->peer_count; i++) {
		for (k = 0; k < blk_client_disks(app->peers[i].client); k++)
			work += look(&app->peers[i], k);
	}
	return work;
}

/*
 * A thread inside the kernel would hold /dev/fuse open, and with it the mount, and wait for pages
 * whose requests nobody answers. So fail whatever comes until it is out.
 */
void
cache_settle(struct ismblk *app)
{
	const struct timespec pause = { .tv_nsec = BASE_NS_PER_MS };
	uint64_t now = base_now_ns(), deadline = now + SETTLE_NS;
	unsigned int i;

	for (; app->caches_asked > 0 && now < deadline; now = base_now_ns()) {
		for (i = 0; app->workers != NULL && i < app->queues; i++)
			device_poll(&app->workers[i], now);
		peers_fail(app);
		take_answers(app);
		nanosleep(&pause, NULL);
	}
}
