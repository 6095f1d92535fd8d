/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side of a client: its session, and the LIST that must be complete before ios run.
 *
 *	            session up               LIST complete
 *	down ----------------------> listing -------------> ready --+
 *	 ^                             |  ^                   |     | notice, unknown unit:
 *	 +------- session down --------+  |                   |     | list again, stay ready
 *	 +------- session down -----------)-------------------+     |
 *	                                  +-------------------------+
 */
#include "blk_client_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_log.h>

#include "base_text.h"
#include "base_time.h"

#define DEFAULT_DEPTH 64
#define DEFAULT_SLOT (64 * 1024)
#define INFO_NS (100 * BASE_NS_PER_MS)
#define LIST_RETRY_NS (200 * BASE_NS_PER_MS) /* after a LIST that the peer refused */

RTE_LOG_REGISTER(blk_client_logtype, lib.ism.blk.client, NOTICE);

#define SET(c, field, v) atomic_store_explicit(&(c)->field, (v), memory_order_relaxed)

/* --- session callbacks, inside link_poll() --- */

/* Another boot of the peer's system? Then its page cache is another one too. */
static void
compare_epoch(struct blk_client *c, const struct link_epoch *epoch)
{
	struct blk_kept *kept = c->kept;

	if (kept->seen_epoch && memcmp(kept->epoch.boot, epoch->boot, sizeof(epoch->boot)) != 0)
		blk_disk_rebooted(c);
	kept->epoch = *epoch;
	kept->seen_epoch = true;
}

static void
on_up(void *arg, struct link_session *s)
{
	struct blk_client *c = arg;
	struct link_session_info info;
	unsigned int i;

	link_session_info(s, &info);
	for (i = 0; i < info.queues && i < c->conf.queues; i++)
		atomic_store_explicit(&c->cqs[i].given, link_session_queue(s, i),
				      memory_order_release);
	compare_epoch(c, &info.peer_epoch);
	SET(c, queues_up, info.queues);
	SET(c, digest, (info.features & LINK_FEATURE_DIGEST) != 0);
	SET(c, io_max, RTE_MIN((uint32_t)info.depth * info.slot_size, (uint32_t)BLK_IO_MAX));
	if (info.queues < c->conf.queues)
		BLK_CLIENT_LOG(WARNING, "the peer grants %u of %u queues", info.queues,
			       c->conf.queues);
	c->session_up = true;
	c->list = BLK_LIST_START;
	c->info_due_ns = 0;
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct blk_client *c = arg;
	struct link_session_info info;

	c->session_up = false;
	c->list = BLK_LIST_NONE;
	c->info_due_ns = 0;
	if (atomic_load_explicit(&c->down_since_ns, memory_order_relaxed) == 0)
		SET(c, down_since_ns, base_now_ns());
	/*
	 * Queues are BROKEN already, and UP again only after this: a data thread that uses the next
	 * session has acquired its UP and so sees ready = false until we set it again.
	 */
	SET(c, ready, false);
	if (!c->told_up)
		return;
	c->told_up = false;
	link_session_info(s, &info);
	if (c->conf.on_down != NULL)
		c->conf.on_down(c->conf.arg, c, why, info.reason);
}

/* Some export changed. Which one, LIST tells. */
static void
on_notice(void *arg, struct link_session *s, uint32_t notice)
{
	struct blk_client *c = arg;

	c->relist = true;
}

static const struct link_session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_notice = on_notice,
};

/* --- LIST --- */

static void
ask(struct blk_client *c, uint64_t index)
{
	c->admin.index = index;
	c->list = BLK_LIST_WAIT;
	/* Acquired by queue 0's thread: index is there, and the answer's place is its own now. */
	atomic_store_explicit(&c->admin.state, BLK_ADMIN_ASKED, memory_order_release);
}

static void
list_complete(struct blk_client *c)
{
	bool was_ready = atomic_load_explicit(&c->ready, memory_order_relaxed);

	c->list = BLK_LIST_NONE;
	blk_disk_sweep(c);
	if (c->bad_exports != 0)
		BLK_CLIENT_LOG(WARNING,
			       "%" PRIu64 " exports of the peer left out (name, size or number)",
			       c->bad_exports);
	c->bad_exports = 0;
	if (was_ready)
		return;
	SET(c, down_since_ns, 0);
	/* Acquired by data threads: disks, units and queues_up of this session. */
	atomic_store_explicit(&c->ready, true, memory_order_release);
	c->told_up = true;
	if (c->conf.on_up != NULL)
		c->conf.on_up(c->conf.arg, c);
}

/* One answer is here: take its records, ask for more or be done. */
static void
list_answered(struct blk_client *c, uint64_t now_ns)
{
	struct blk_admin *admin = &c->admin;
	struct blk_disk_info info;
	unsigned int i;

	if (admin->err != 0) {
		/* Refused, or the session broke; then on_up() starts afresh. */
		BLK_CLIENT_LOG(WARNING, "LIST: %s", strerror(-admin->err));
		c->list = BLK_LIST_NONE;
		c->relist = true;
		c->list_due_ns = now_ns + LIST_RETRY_NS;
		return;
	}
	for (i = 0; i < admin->count && c->listed < BLK_EXPORTS_MAX; i++, c->listed++) {
		if (blk_reply_info(&admin->infos[i], &info))
			blk_disk_take(c, &info);
		else
			c->bad_exports++;
	}
	if (admin->count == 0 || c->listed == BLK_EXPORTS_MAX)
		list_complete(c);
	else
		ask(c, c->listed);
}

/* @return work done. */
static unsigned int
list_step(struct blk_client *c, uint64_t now_ns)
{
	switch (atomic_load_explicit(&c->admin.state, memory_order_acquire)) {
	case BLK_ADMIN_DONE:
		SET(c, admin.state, BLK_ADMIN_IDLE);
		/* An answer of a session before this one is nobody's. */
		if (c->list == BLK_LIST_WAIT)
			list_answered(c, now_ns);
		return 1;
	case BLK_ADMIN_IDLE:
		break;
	default:
		return 0;
	}
	if (!c->session_up)
		return 0;
	if (atomic_exchange_explicit(&c->want_list, false, memory_order_relaxed))
		c->relist = true;
	if (c->list == BLK_LIST_NONE && c->relist && now_ns >= c->list_due_ns)
		c->list = BLK_LIST_START;
	if (c->list != BLK_LIST_START)
		return 0;
	c->relist = false;
	c->listed = 0;
	blk_disk_unmark(c);
	ask(c, 0);
	return 1;
}

unsigned int
blk_client_poll(struct blk_client *c, uint64_t now_ns)
{
	if (now_ns >= c->info_due_ns) {
		c->info_due_ns = now_ns + INFO_NS;
		blk_telemetry_refresh(c);
	}
	return list_step(c, now_ns);
}

/* --- life --- */

static int
normalise(struct blk_client_conf *conf)
{
	uint32_t depth;

	if (conf->link == NULL || conf->rgid == 0)
		return -EINVAL;
	conf->queues = conf->queues != 0 ? conf->queues : 1;
	conf->slot_size = conf->slot_size != 0 ? conf->slot_size : DEFAULT_SLOT;
	depth = conf->depth != 0 ? conf->depth : DEFAULT_DEPTH;
	if (conf->queues > LINK_QUEUES_MAX || depth > LINK_DEPTH_MAX ||
	    conf->slot_size > LINK_SLOT_MAX || conf->slot_size % 4096 != 0)
		return -EINVAL;
	conf->depth = (uint16_t)rte_align32pow2(RTE_MAX(depth, BLK_IO_MAX / conf->slot_size));
	return 0;
}

static void
free_client(struct blk_client *c)
{
	for (uint16_t i = 0; i < c->conf.queues; i++)
		blk_cq_fini(&c->cqs[i]);
	if (c->own_kept)
		free(c->kept);
	free(c);
}

/* @return 0; -ENOMEM. */
static int
take_kept(struct blk_client *c)
{
	c->kept = c->conf.kept;
	c->own_kept = c->kept == NULL;
	if (c->own_kept)
		c->kept = calloc(1, sizeof(*c->kept));
	if (c->kept == NULL)
		return -ENOMEM;
	blk_disk_restore(c);
	return 0;
}

int
blk_client_create(const struct blk_client_conf *conf, struct blk_client **client)
{
	struct link_open_conf open = { .service = LINK_SERVICE_BLK, .ops = &session_ops };
	struct blk_client_conf full = *conf;
	struct blk_client *c;
	void *mem;
	size_t size;
	uint16_t i;
	int ret;

	ret = normalise(&full);
	if (ret != 0)
		return ret;
	size = sizeof(*c) + full.queues * sizeof(c->cqs[0]);
	if (posix_memalign(&mem, RTE_CACHE_LINE_SIZE, size) != 0)
		return -ENOMEM;
	memset(mem, 0, size);
	c = mem;
	c->conf = full;
	SET(c, down_since_ns, base_now_ns());
	if (full.fast_io_fail_ms != 0)
		c->silent_ns = (full.fast_io_fail_ms + (uint64_t)link_dead_ms(full.link)) *
			       BASE_NS_PER_MS;
	open.rgid = full.rgid;
	open.queues = full.queues;
	open.depth = full.depth;
	open.slot_size = full.slot_size;
	open.features = full.digest ? LINK_FEATURE_DIGEST : 0;
	open.required = open.features;
	open.arg = c;
	ret = take_kept(c);
	for (i = 0; i < full.queues && ret == 0; i++)
		ret = blk_cq_init(&c->cqs[i], c, i);
	if (ret == 0)
		ret = link_open(full.link, &open, &c->session);
	if (ret != 0) {
		free_client(c);
		return ret;
	}
	blk_telemetry_add(c);
	*client = c;
	return 0;
}

void
blk_client_destroy(struct blk_client *c)
{
	uint16_t i;

	if (c == NULL)
		return;
	blk_telemetry_remove(c);
	link_session_close(c->session, "client ends");
	for (i = 0; i < c->conf.queues; i++)
		blk_cq_detach(&c->cqs[i]);
	free_client(c);
}

bool
blk_client_up(const struct blk_client *c)
{
	return atomic_load_explicit(&c->ready, memory_order_relaxed);
}

uint32_t
blk_client_io_max(const struct blk_client *c)
{
	return atomic_load_explicit(&c->io_max, memory_order_relaxed);
}

void
blk_client_session_info(const struct blk_client *c, struct link_session_info *info)
{
	link_session_info(c->session, info);
}

struct blk_cq *
blk_client_queue(struct blk_client *c, unsigned int i)
{
	return i < c->conf.queues ? &c->cqs[i] : NULL;
}
