/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of an io whose answer has not come: by a limit that the user has set, or because nobody
 * waits for it any more. What was sent may still be answered, and still take effect: see "orphan"
 * in blk_client.h.
 */
#include "blk_client_priv.h"

#include <errno.h>

#define HASTY_NS BASE_NS_PER_S /* how long an answer to a hasty io may take */

/* --- orphans --- */

void
blk_cq_orphan_gone(struct blk_slot *slot)
{
	if (slot->orphan && blk_op_changes(slot->req.op))
		atomic_fetch_sub_explicit(&slot->disk->orphans, 1, memory_order_relaxed);
	slot->orphan = false;
}

void
blk_cq_orphan(struct blk_cq *cq, struct blk_io *io)
{
	uint16_t id = io->p.first, next;

	TAILQ_REMOVE(&cq->started, io, p.entry);
	for (; id != BLK_NO_SLOT; id = next) {
		struct blk_slot *slot = &cq->slots[id];

		next = slot->next;
		if (slot->answered) {
			blk_cq_put_slot(cq, id);
			continue;
		}
		slot->io = NULL;
		slot->orphan = true;
		if (blk_op_changes(slot->req.op))
			atomic_fetch_add_explicit(&slot->disk->orphans, 1, memory_order_relaxed);
		base_count(&cq->stats.orphans, 1);
	}
}

static void
give_up(struct blk_cq *cq, struct blk_io *io, int err, uint64_t now_ns)
{
	if (io->p.started)
		blk_cq_orphan(cq, io);
	else
		TAILQ_REMOVE(&cq->waiting, io, p.entry);
	blk_cq_end(cq, io, err, now_ns);
}

void
blk_cq_cancel(struct blk_cq *cq, struct blk_io *io, int err)
{
	base_count(&cq->stats.cancels, 1);
	give_up(cq, io, err, base_now_ns());
}

/* --- limits --- */

static bool
is_transfer(const struct blk_io *io)
{
	return io->op == BLK_READ || (io->op == BLK_WRITE && !(io->flags & BLK_FLAG_FUA));
}

/*
 * With fast_io_fail_ms: is there a peer that serves this io? A FLUSH may take its time while the
 * peer answers others; a READ or WRITE may not.
 */
static bool
is_unserved(const struct blk_cq *cq, const struct blk_io *io, uint64_t now_ns)
{
	uint64_t limit = cq->client->silent_ns;
	struct blk_cq_disk *cd = blk_cq_disk(cq, io);

	if (limit == 0 || now_ns < io->p.queued_ns + limit)
		return false;
	if (io->p.replayed)
		return true;
	if (!io->p.started)
		return cd->stalled;
	if (now_ns < io->p.sent_ns + limit)
		return false;
	if (now_ns >= cd->heard_ns + limit)
		cd->stalled = true;
	return cd->stalled || is_transfer(io);
}

static bool
is_over(const struct blk_cq *cq, const struct blk_io *io, uint64_t now_ns)
{
	uint64_t timeout = cq->client->conf.io_timeout_ms * BASE_NS_PER_MS;

	if (io->hasty && now_ns >= io->p.queued_ns + HASTY_NS)
		return true;
	return (timeout != 0 && now_ns >= io->p.queued_ns + timeout) || is_unserved(cq, io, now_ns);
}

static unsigned int
end_those_over(struct blk_cq *cq, struct blk_io_list *list, uint64_t now_ns)
{
	struct blk_io *io, *next;
	unsigned int n = 0;

	/* done() may submit: that goes to the end of the waiting. */
	for (io = TAILQ_FIRST(list); io != NULL; io = next) {
		next = TAILQ_NEXT(io, p.entry);
		if (!is_over(cq, io, now_ns))
			continue;
		base_count(&cq->stats.timeouts, 1);
		give_up(cq, io, -EIO, now_ns);
		n++;
	}
	return n;
}

unsigned int
blk_cq_limit(struct blk_cq *cq, uint64_t now_ns)
{
	const struct blk_client *c = cq->client;

	cq->limit_due_ns = now_ns + BLK_LIMIT_NS;
	if (c->silent_ns == 0 && c->conf.io_timeout_ms == 0 && cq->hasty == 0)
		return 0;
	return end_those_over(cq, &cq->started, now_ns) + end_those_over(cq, &cq->waiting, now_ns);
}
