/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client queue: ios in, descriptors out, parking and replay. Runs on the queue's data thread;
 * nothing here allocates or blocks. blk_cq_answer.c is the way back.
 */
#include "blk_client_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base_crc.h"
#include "base_tel.h"
#include "base_time.h"

/* One DISCARD, WRITE_ZEROES or BLOCK_STATUS request: a round number below 2^32. */
#define RANGE_MAX (2ULL << 30)

#define PAGE 4096
#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

int
blk_cq_init(struct blk_cq *cq, struct blk_client *c, uint16_t index)
{
	cq->client = c;
	cq->index = index;
	TAILQ_INIT(&cq->waiting);
	TAILQ_INIT(&cq->started);
	cq->disks = calloc(BLK_EXPORTS_MAX, sizeof(*cq->disks));
	return cq->disks != NULL ? 0 : -ENOMEM;
}

void
blk_cq_fini(struct blk_cq *cq)
{
	free(cq->disks);
	cq->disks = NULL;
}

static bool
is_ready(const struct blk_cq *cq)
{
	return atomic_load_explicit(&cq->client->ready, memory_order_acquire);
}

bool
blk_cq_usable(const struct blk_cq *cq)
{
	return !is_ready(cq) ||
	       cq->index < atomic_load_explicit(&cq->client->queues_up, memory_order_relaxed);
}

unsigned int
blk_cq_inflight(const struct blk_cq *cq)
{
	return cq->inflight;
}

/* --- the session comes and goes --- */

static void
attach(struct blk_cq *cq)
{
	if (link_queue_attach(cq->q) != 0)
		return;
	cq->attached = true;
	cq->depth = link_queue_depth(cq->q);
	cq->slot_size = link_queue_slot_size(cq->q);
	cq->posted = false;
	cq->unflushed = 0;
	memset(cq->warm, 0, sizeof(cq->warm));
	memset(cq->warm_room, 0, sizeof(cq->warm_room));
}

void
blk_cq_warm_up(const uint8_t *mem, size_t len, bool write)
{
	uint8_t *page = (uint8_t *)((uintptr_t)mem & ~(uintptr_t)(PAGE - 1));

	(void)madvise(page, (size_t)(mem - page) + len,
		      write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

/* Control waits for an answer that will not come. */
static void
fail_admin(struct blk_cq *cq)
{
	struct blk_admin *admin = &cq->client->admin;

	if (cq->index != 0 ||
	    atomic_load_explicit(&admin->state, memory_order_relaxed) != BLK_ADMIN_SENT)
		return;
	admin->err = -ENOTCONN;
	atomic_store_explicit(&admin->state, BLK_ADMIN_DONE, memory_order_release);
}

/*
 * The session is gone, and with it every slot. What was sent and not answered waits again, before
 * what was never sent and in the order in which it was sent.
 */
void
blk_cq_detach(struct blk_cq *cq)
{
	struct blk_io *io;

	if (!cq->attached)
		return;
	blk_cq_room_drop(cq);
	TAILQ_FOREACH(io, &cq->started, p.entry)
		blk_cq_room_home(cq, io);
	link_queue_detach(cq->q);
	cq->attached = false;
	TAILQ_FOREACH(io, &cq->started, p.entry) {
		io->p.pos = 0;
		io->p.err = 0;
		io->p.started = false;
		io->p.replayed = true;
		base_count(&cq->stats.replays, 1);
	}
	TAILQ_CONCAT(&cq->started, &cq->waiting, p.entry);
	TAILQ_CONCAT(&cq->waiting, &cq->started, p.entry);
	/* The listener answers our next call after all that runs of this session has ended. */
	for (unsigned int i = 0; i < cq->depth; i++)
		blk_cq_orphan_gone(&cq->slots[i]);
	for (unsigned int i = 0; i < blk_client_disks(cq->client); i++)
		cq->disks[i].stalled = false;
	memset(cq->slots, 0, sizeof(cq->slots));
	fail_admin(cq);
}

static unsigned int
follow_session(struct blk_cq *cq)
{
	bool before = cq->attached;

	if (cq->q == NULL)
		cq->q = atomic_load_explicit(&cq->given, memory_order_acquire);
	if (cq->q == NULL)
		return 0;
	switch (link_queue_state(cq->q)) {
	case LINK_QUEUE_UP:
		if (!cq->attached)
			attach(cq);
		break;
	case LINK_QUEUE_BROKEN:
		blk_cq_detach(cq);
		break;
	case LINK_QUEUE_DOWN:
		break;
	}
	return before != cq->attached;
}

/* --- ios out --- */

void
blk_cq_piece(const struct blk_cq *cq, struct blk_io *io, struct link_req *req)
{
	uint64_t left = io->len - io->p.pos;
	uint64_t max = io->op == BLK_COPY ? BLK_COPY_MAX : RANGE_MAX;

	if (io->op == BLK_READ || io->op == BLK_WRITE)
		max = cq->slot_size;

	req->off = io->off + io->p.pos;
	req->len = (uint32_t)RTE_MIN(left, max);
	req->payload = io->op == BLK_WRITE  ? req->len
		       : io->op == BLK_COPY ? sizeof(struct blk_copy)
					    : 0;
	io->p.pos += req->len;
}

/* What goes with the request: its piece of the io's data, or the record made here. */
static const void *
payload_of(const struct blk_slot *slot, struct blk_copy *record)
{
	const struct blk_io *io = slot->io;
	uint64_t pos = slot->req.off - io->off;

	if (io->op != BLK_COPY)
		return (const char *)io->data + pos;
	*record = (struct blk_copy){
		.off = rte_cpu_to_be_64(io->from_off + pos),
		.unit = rte_cpu_to_be_16(
			(uint16_t)atomic_load_explicit(&io->from->unit, memory_order_relaxed)),
	};
	return record;
}

int
blk_cq_send(struct blk_cq *cq, uint16_t id)
{
	struct blk_slot *slot = &cq->slots[id];
	struct blk_copy record;
	int ret;

	if (slot->req.payload != 0) {
		const void *src = payload_of(slot, &record);

		if (atomic_load_explicit(&cq->client->digest, memory_order_relaxed))
			slot->req.crc = base_crc32c(0, src, slot->req.payload);
		if (slot->placed != NULL)
			ret = blk_cq_room_send(cq, slot);
		else
			ret = link_req_payload(cq->q, id, 0, src, slot->req.payload);
		if (ret != 0)
			return ret;
		cq->unflushed += slot->req.payload;
	}
	ret = link_req_post(cq->q, &slot->req);
	if (ret != 0)
		return ret;
	cq->posted = true;
	/* The peer works on the first chunks while the others are being stored. */
	if (cq->unflushed >= BLK_FLUSH_BYTES)
		blk_cq_flush(cq);
	return 0;
}

/* Take a slot for the io's next piece, at the end of its chain. */
static int
start_chunk(struct blk_cq *cq, struct blk_io *io, uint16_t *tail)
{
	const uint8_t *placed = NULL;
	struct blk_slot *slot;
	int id;

	id = io->home != NULL ? blk_cq_room_take(cq, &placed) : link_slot_get(cq->q);
	if (id < 0)
		return id;
	slot = &cq->slots[id];
	memset(slot, 0, sizeof(*slot));
	slot->busy = true;
	slot->io = io;
	slot->disk = io->disk;
	slot->placed = placed;
	slot->next = BLK_NO_SLOT;
	slot->req.op = io->op;
	slot->req.flags = io->flags;
	slot->req.id = (uint16_t)id;
	slot->req.unit = (uint16_t)atomic_load_explicit(&io->disk->unit, memory_order_relaxed);
	blk_cq_piece(cq, io, &slot->req);
	*tail = (uint16_t)id;
	return blk_cq_send(cq, (uint16_t)id);
}

/*
 * How many slots the io needs at once: all that its payload fills, so that none waits for another.
 */
static unsigned int
chunks_of(const struct blk_cq *cq, const struct blk_io *io)
{
	if (io->op != BLK_READ && io->op != BLK_WRITE)
		return 1;
	return (unsigned int)((io->len + cq->slot_size - 1) / cq->slot_size);
}

/*
 * May an io start that the queue has slots for?
 * @return 0; -EBUSY others may; -EIO.
 */
static int
may_start(const struct blk_cq *cq, const struct blk_io *io)
{
	const struct blk_disk *d = io->disk;

	if (!atomic_load_explicit(&d->present, memory_order_relaxed))
		return -EIO;
	if (unlikely(blk_cq_disk(cq, io)->stalled))
		return -EIO;
	if (unlikely(atomic_load_explicit(&d->orphans, memory_order_relaxed) != 0) &&
	    blk_op_changes(io->op))
		return -EBUSY;
	return 0;
}

/*
 * Send an io of the waiting list; it moves to the started list.
 * @return 0; -EAGAIN not now; -EBUSY not now, but others may; -EIO it never can; -ENOTCONN the
 *         session broke.
 */
static int
start_io(struct blk_cq *cq, struct blk_io *io, uint64_t now_ns)
{
	unsigned int i, chunks;
	uint16_t *tail = &io->p.first;
	int ret = may_start(cq, io);

	if (ret != 0)
		return ret;
	if (!cq->attached)
		return blk_cq_usable(cq) ? -EAGAIN : -EIO;
	chunks = chunks_of(cq, io);
	if (chunks > cq->depth) {
		if (!cq->told_long)
			BLK_CLIENT_LOG(ERR,
				       "io of %" PRIu64 " bytes needs %u slots, the peer gave %u",
				       io->len, chunks, cq->depth);
		cq->told_long = true;
		return -EIO;
	}
	if (io->home == NULL && link_slots_free(cq->q) < chunks) {
		base_count(&cq->stats.waits, io->p.waited ? 0 : 1);
		io->p.waited = true;
		return -EAGAIN;
	}
	TAILQ_REMOVE(&cq->waiting, io, p.entry);
	TAILQ_INSERT_TAIL(&cq->started, io, p.entry);
	io->p.started = true;
	io->p.sent_ns = now_ns;
	io->p.first = BLK_NO_SLOT;
	io->p.chunks_left = (uint16_t)chunks;
	io->p.flush_mark = atomic_load_explicit(&io->disk->kept->writes_done, memory_order_acquire);
	for (i = 0; i < chunks && ret == 0; i++) {
		ret = start_chunk(cq, io, tail);
		if (*tail != BLK_NO_SLOT)
			tail = &cq->slots[*tail].next;
	}
	/*
	 * If it broke half way, the io stays among the started: the detach that follows replays it.
	 */
	return ret == 0 ? 0 : -ENOTCONN;
}

static unsigned int
end_waiting(struct blk_cq *cq, int err)
{
	struct blk_io_list list = TAILQ_HEAD_INITIALIZER(list);
	uint64_t now = base_now_ns();
	unsigned int n = 0;
	struct blk_io *io;

	/* done() may submit: what it adds is not ours to end now. */
	TAILQ_CONCAT(&list, &cq->waiting, p.entry);
	while ((io = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, io, p.entry);
		blk_cq_end(cq, io, err, now);
		n++;
	}
	return n;
}

/* Those that would rather fail than wait for the session. */
static unsigned int
end_hasty(struct blk_cq *cq)
{
	uint64_t now = base_now_ns();
	struct blk_io *io, *next;
	unsigned int n = 0;

	for (io = TAILQ_FIRST(&cq->waiting); io != NULL; io = next) {
		next = TAILQ_NEXT(io, p.entry);
		if (!io->hasty)
			continue;
		TAILQ_REMOVE(&cq->waiting, io, p.entry);
		blk_cq_end(cq, io, -ENOTCONN, now);
		n++;
	}
	return n;
}

/* Has the session been away for longer than the user wants ios to wait? */
static bool
waited_enough(const struct blk_cq *cq, uint64_t now_ns)
{
	const struct blk_client *c = cq->client;
	uint64_t since = atomic_load_explicit(&c->down_since_ns, memory_order_relaxed);

	return c->conf.fast_io_fail_ms != 0 && since != 0 && now_ns > since &&
	       now_ns - since >= c->conf.fast_io_fail_ms * BASE_NS_PER_MS;
}

static unsigned int
start_waiting(struct blk_cq *cq, uint64_t now_ns)
{
	struct blk_io *io, *next;
	unsigned int work = 0;

	if (TAILQ_EMPTY(&cq->waiting))
		return 0;
	if (!is_ready(cq)) {
		work = cq->hasty > 0 ? end_hasty(cq) : 0;
		return work + (waited_enough(cq, now_ns) ? end_waiting(cq, -EIO) : 0);
	}
	for (io = TAILQ_FIRST(&cq->waiting); io != NULL; io = next) {
		int ret;

		next = TAILQ_NEXT(io, p.entry); /* it moves to another list */
		ret = start_io(cq, io, now_ns);
		if (ret == -EAGAIN || ret == -ENOTCONN)
			break;
		if (ret == -EIO) {
			TAILQ_REMOVE(&cq->waiting, io, p.entry);
			blk_cq_end(cq, io, ret, base_now_ns());
		}
		work += ret != -EBUSY;
	}
	return work;
}

/* Control asked for a LIST: send it as soon as there is a slot. */
static unsigned int
send_admin(struct blk_cq *cq)
{
	struct blk_admin *admin = &cq->client->admin;
	struct blk_slot *slot;
	int id;

	if (cq->index != 0 ||
	    atomic_load_explicit(&admin->state, memory_order_acquire) != BLK_ADMIN_ASKED)
		return 0;
	id = link_slot_get(cq->q);
	if (id < 0)
		return 0;
	slot = &cq->slots[id];
	memset(slot, 0, sizeof(*slot));
	slot->busy = slot->admin = true;
	slot->next = BLK_NO_SLOT;
	slot->req.op = BLK_LIST;
	slot->req.id = (uint16_t)id;
	slot->req.off = admin->index;
	atomic_store_explicit(&admin->state, BLK_ADMIN_SENT, memory_order_relaxed);
	blk_cq_send(cq, (uint16_t)id); /* a failure shows as BROKEN next round */
	return 1;
}

static bool
io_is_valid(const struct blk_io *io)
{
	uint64_t size;

	switch (io->op) {
	case BLK_READ:
	case BLK_WRITE:
		size = blk_disk_size(io->disk);
		return io->len >= 1 && io->len <= BLK_IO_MAX && io->off <= size &&
		       io->len <= size - io->off;
	case BLK_FLUSH:
	case BLK_IDENTIFY:
		return io->off == 0 && io->len == 0;
	case BLK_COPY:
		if (io->from == NULL || io->from_off >= BLK_OFF_MAX ||
		    io->len > BLK_OFF_MAX - io->from_off)
			return false;
		/* fallthrough */
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
	case BLK_BLOCK_STATUS:
		return io->len >= 1 && io->off < BLK_OFF_MAX && io->len <= BLK_OFF_MAX - io->off;
	default:
		return false;
	}
}

int
blk_cq_submit(struct blk_cq *cq, struct blk_io *io)
{
	if (!io_is_valid(io))
		return -EINVAL;
	io->p.queued_ns = base_now_ns();
	io->p.pos = 0;
	io->p.err = 0;
	io->p.started = false;
	io->p.waited = io->p.replayed = false;
	io->p.first = BLK_NO_SLOT;
	cq->inflight++;
	cq->hasty += io->hasty;
	base_count(&blk_cq_disk(cq, io)->started, 1);
	TAILQ_INSERT_TAIL(&cq->waiting, io, p.entry);
	/* The usual case goes out at once; whatever is in the way is blk_cq_poll()'s matter. */
	if (TAILQ_FIRST(&cq->waiting) == io && cq->attached && is_ready(cq))
		start_io(cq, io, io->p.queued_ns);
	/* A room does not wait, nor does one whose slots are partly sent. */
	if (io->home != NULL) {
		if (!io->p.started || io->p.pos < io->len)
			blk_cq_room_home(cq, io);
		blk_cq_room_drop(cq);
	}
	return 0;
}

void
blk_cq_flush(struct blk_cq *cq)
{
	if (!cq->posted)
		return;
	cq->posted = false;
	cq->unflushed = 0;
	link_req_flush(cq->q); /* a failure shows as BROKEN next round */
}

unsigned int
blk_cq_poll(struct blk_cq *cq, uint64_t now_ns)
{
	unsigned int work = follow_session(cq);

	if (cq->attached) {
		work += blk_cq_reap(cq);
		work += send_admin(cq);
	}
	if (unlikely(now_ns >= cq->limit_due_ns))
		work += blk_cq_limit(cq, now_ns);
	work += start_waiting(cq, now_ns);
	blk_cq_flush(cq);
	return work;
}

void
blk_cq_abort(struct blk_cq *cq, int err)
{
	uint64_t now = base_now_ns();
	struct blk_io *io;
	unsigned int i;

	/* Answers that still come find nobody; their slots are put back then. */
	for (i = 0; i < LINK_DEPTH_MAX; i++)
		cq->slots[i].io = NULL;
	while ((io = TAILQ_FIRST(&cq->started)) != NULL) {
		TAILQ_REMOVE(&cq->started, io, p.entry);
		blk_cq_end(cq, io, err, now);
	}
	end_waiting(cq, err);
}

void
blk_cq_stats(const struct blk_cq *cq, struct blk_cq_stats *stats)
{
	static_assert(sizeof(*stats) == sizeof(cq->stats), "the same numbers");
	base_counters_read(&cq->stats, stats, sizeof(*stats));
}

void
blk_cq_latency(const struct blk_cq *cq, struct base_hist *sum)
{
	unsigned int i, n = blk_client_disks(cq->client);

	for (i = 0; i < n; i++)
		base_hist_merge(sum, &cq->disks[i].latency);
}

uint64_t
blk_disk_latency(const struct blk_client *c, const struct blk_disk *d, struct base_hist *sum)
{
	uint64_t started = 0, ended = 0;
	const struct blk_cq_disk *cd;
	unsigned int i;

	for (i = 0; i < c->conf.queues; i++) {
		cd = &c->cqs[i].disks[d - c->disks];
		base_hist_merge(sum, &cd->latency);
		ended += base_count_get(&cd->ended);
		started += base_count_get(&cd->started);
	}
	/* Each a moment of its own. */
	return started > ended ? started - ended : 0;
}
