/* SPDX-License-Identifier: BSD-3-Clause */
/* A client queue's way back: answers are judged, chunks become ios, ios go home. */
#include "blk_client_priv.h"

#include <errno.h>
#include <string.h>

#include "base_crc.h"
#include "base_time.h"

/* --- the end of an io --- */

/* What a volatile cache of the peer may hold now, or no longer. */
static void
account_cache(struct blk_io *io)
{
	struct blk_kept_disk *d = io->disk->kept;
	uint64_t flushed;

	switch (io->op) {
	case BLK_WRITE:
	case BLK_WRITE_ZEROES:
	case BLK_DISCARD:
	case BLK_COPY:
		if (!(io->flags & BLK_FLAG_FUA))
			atomic_fetch_add_explicit(&d->writes_done, 1, memory_order_release);
		break;
	case BLK_FLUSH:
		flushed = atomic_load_explicit(&d->flushed, memory_order_relaxed);
		while (flushed < io->p.flush_mark &&
		       !atomic_compare_exchange_weak_explicit(&d->flushed, &flushed,
							      io->p.flush_mark,
							      memory_order_relaxed,
							      memory_order_relaxed))
			;
		break;
	default:
		break;
	}
}

static void
account(struct blk_cq *cq, const struct blk_io *io, int err, uint64_t now_ns)
{
	struct blk_disk_counters *dc = &io->disk->counters;
	uint64_t ns = now_ns > io->p.queued_ns ? now_ns - io->p.queued_ns : 0;

	if (err != 0) {
		base_count(&cq->stats.errors[io->op], 1);
		base_count_shared(&dc->errors[io->op], 1);
		return;
	}
	base_count(&cq->stats.ops[io->op], 1);
	base_count(&cq->stats.bytes[io->op], io->len);
	base_count(&cq->stats.lat_ns_sum[io->op], ns);
	base_hist_add(&blk_cq_disk(cq, io)->latency, ns, 1);
	base_count_shared(&dc->ops[io->op], 1);
	base_count_shared(&dc->bytes[io->op], io->len);
}

void
blk_cq_end(struct blk_cq *cq, struct blk_io *io, int err, uint64_t now_ns)
{
	if (err == 0)
		account_cache(io);
	else
		io->iov_count = 0;
	account(cq, io, err, now_ns);
	base_count(&blk_cq_disk(cq, io)->ended, 1);
	cq->inflight--;
	cq->hasty -= io->hasty;
	io->done(io, err);
}

void
blk_cq_put_slot(struct blk_cq *cq, uint16_t id)
{
	cq->slots[id].busy = false;
	cq->slots[id].io = NULL;
	link_slot_put(cq->q, id);
}

/* The io's payload, chunk after chunk, where it lies in our DMB. */
static void
gather(struct blk_cq *cq, struct blk_io *io)
{
	uint32_t len;
	uint16_t id;

	io->iov = cq->iov;
	io->iov_count = 0;
	for (id = io->p.first; id != BLK_NO_SLOT; id = cq->slots[id].next) {
		len = cq->slots[id].payload;
		if (len == 0)
			continue;
		cq->iov[io->iov_count].iov_base = link_slot_rx(cq->q, id);
		cq->iov[io->iov_count].iov_len = len;
		if (len > cq->warm[id]) {
			blk_cq_warm_up(cq->iov[io->iov_count].iov_base, len, false);
			cq->warm[id] = len;
		}
		io->iov_count++;
	}
}

/* All chunks are answered. The slots stay ours until done() has used what lies in them. */
static void
finish(struct blk_cq *cq, struct blk_io *io, uint64_t now_ns)
{
	uint16_t id = io->p.first, next;

	TAILQ_REMOVE(&cq->started, io, p.entry);
	gather(cq, io);
	blk_cq_end(cq, io, io->p.err, now_ns);
	for (; id != BLK_NO_SLOT; id = next) {
		next = cq->slots[id].next;
		blk_cq_put_slot(cq, id);
	}
}

/* --- one answer --- */

/* Does the payload match its CRC32C, if there is one? The server's own complaint counts too. */
static bool
digest_fits(struct blk_cq *cq, const struct link_cqe *cqe)
{
	if (cqe->status == BLK_EDIGEST)
		return false;
	if (!atomic_load_explicit(&cq->client->digest, memory_order_relaxed) || cqe->payload == 0)
		return true;
	return base_crc32c(0, link_slot_rx(cq->q, cqe->id), cqe->payload) == cqe->crc;
}

static int
status_to_err(struct blk_cq *cq, uint16_t status)
{
	switch (status) {
	case BLK_OK:
		return 0;
	case BLK_ENOENT:
	case BLK_EACCES:
		/* The export went away under us: find out, and be a disk that failed. */
		atomic_store_explicit(&cq->client->want_list, true, memory_order_relaxed);
		return -EIO;
	default:
		return -blk_status_errno(status);
	}
}

/* DISCARD, WRITE_ZEROES and COPY of more than one request can name go on in the same slot. */
static bool
goes_on(const struct blk_io *io)
{
	return io->p.err == 0 &&
	       (io->op == BLK_DISCARD || io->op == BLK_WRITE_ZEROES || io->op == BLK_COPY) &&
	       io->p.pos < io->len;
}

static void
io_answered(struct blk_cq *cq, struct blk_slot *slot, int err, uint32_t payload, uint64_t now_ns)
{
	struct blk_io *io = slot->io;

	slot->payload = payload;
	slot->answered = true;
	if (err != 0 && io->p.err == 0)
		io->p.err = err;
	if (io->op == BLK_IDENTIFY && err == 0)
		blk_disk_identified(cq->client, io, link_slot_rx(cq->q, slot->req.id));
	if (goes_on(io)) {
		slot->answered = false;
		blk_cq_piece(cq, io, &slot->req);
		blk_cq_send(cq, slot->req.id); /* a failure shows as BROKEN next round */
		return;
	}
	if (--io->p.chunks_left == 0)
		finish(cq, io, now_ns);
}

/* LIST: what is read as a structure is copied first (the peer may still write there). */
static void
admin_answered(struct blk_cq *cq, const struct link_cqe *cqe, int err)
{
	struct blk_admin *admin = &cq->client->admin;
	uint32_t len = RTE_MIN(cqe->payload, (uint32_t)sizeof(admin->infos));

	admin->err = err;
	admin->count = err == 0 ? len / (uint32_t)sizeof(admin->infos[0]) : 0;
	memcpy(admin->infos, link_slot_rx(cq->q, cqe->id), admin->count * sizeof(admin->infos[0]));
	blk_cq_put_slot(cq, cqe->id);
	atomic_store_explicit(&admin->state, BLK_ADMIN_DONE, memory_order_release);
}

/* @return 0 or -errno for the io. */
static int
judge_status(struct blk_cq *cq, const struct blk_slot *slot, uint16_t status)
{
	/* That of an orphan, too: the server says it once. */
	if (slot->disk != NULL && slot->req.op == BLK_FLUSH && status != BLK_OK)
		blk_disk_flush_failed(slot->disk, status);
	return status_to_err(cq, status);
}

/* Any answer shows that the peer works on the disk. */
static void
hear_disk(struct blk_cq *cq, const struct blk_disk *disk, uint64_t now_ns)
{
	struct blk_cq_disk *cd = &cq->disks[disk - cq->client->disks];

	cd->heard_ns = now_ns;
	cd->stalled = false;
}

static void
take_answer(struct blk_cq *cq, const struct link_cqe *cqe, uint64_t now_ns)
{
	struct blk_slot *slot = &cq->slots[cqe->id];
	int err;

	if (!slot->busy || blk_reply_gate(&slot->req, cqe, cq->slot_size) != 0) {
		link_queue_protocol_error(cq->q, "block answer does not fit its request");
		return;
	}
	if (slot->disk != NULL)
		hear_disk(cq, slot->disk, now_ns);
	err = judge_status(cq, slot, cqe->status);
	if (slot->io == NULL && !slot->admin) {
		base_count(&cq->stats.late_answers, slot->orphan);
		blk_cq_orphan_gone(slot);
		blk_cq_put_slot(cq, cqe->id);
		return;
	}
	if (!digest_fits(cq, cqe)) {
		base_count(&cq->stats.digest_errors, 1);
		if (++slot->tries < BLK_DIGEST_TRIES) {
			blk_cq_send(cq, cqe->id);
			return;
		}
		err = -EIO;
	}
	if (slot->admin)
		admin_answered(cq, cqe, err);
	else
		io_answered(cq, slot, err, cqe->payload, now_ns);
}

unsigned int
blk_cq_reap(struct blk_cq *cq)
{
	struct link_cqe cqe[BLK_REAP_BURST];
	unsigned int total = 0;
	uint64_t now;
	int i, n;

	do {
		n = link_cqe_poll(cq->q, cqe, BLK_REAP_BURST);
		if (n <= 0)
			break;
		now = base_now_ns();
		for (i = 0; i < n; i++)
			take_answer(cq, &cqe[i], now);
		total += (unsigned int)n;
	} while (n == BLK_REAP_BURST && total < LINK_DEPTH_MAX);
	return total;
}
