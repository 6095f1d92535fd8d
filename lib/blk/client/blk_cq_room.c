/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room for a WRITE's payload in the peer's slots: taken before it is known what will lie there,
 * used by the submission that follows. A payload that has no session any more is copied back from
 * the slots, which stay mapped until the queue is detached, so that it can be sent again.
 */
#include "blk_client_priv.h"

#include <string.h>

/* Could a WRITE that long go out at once? */
static bool
may_place(const struct blk_cq *cq, uint32_t len)
{
	const struct blk_client *c = cq->client;

	/* With a digest the payload must be what it was computed of: not in the peer's hands. */
	return cq->attached && TAILQ_EMPTY(&cq->waiting) &&
	       link_slots_free(cq->q) >= (len + cq->slot_size - 1) / cq->slot_size &&
	       atomic_load_explicit(&c->ready, memory_order_acquire) &&
	       !atomic_load_explicit(&c->digest, memory_order_relaxed);
}

/* One slot more, for `len` bytes of payload of which the first `skip` stay elsewhere. */
static bool
add_place(struct blk_cq *cq, uint32_t skip, uint32_t len, struct iovec *iov)
{
	int id = link_slot_get(cq->q);
	uint8_t *mem;

	if (id < 0)
		return false;
	mem = link_req_place(cq->q, (uint16_t)id);
	if (mem == NULL) {
		link_slot_put(cq->q, (uint16_t)id);
		return false;
	}
	if (!cq->warm_room[id])
		blk_cq_warm_up(mem, cq->slot_size, true);
	cq->warm_room[id] = true;
	cq->room[cq->room_end].id = (uint16_t)id;
	cq->room[cq->room_end].mem = mem;
	cq->room_end++;
	iov->iov_base = mem + skip;
	iov->iov_len = len - skip;
	return true;
}

unsigned int
blk_cq_room(struct blk_cq *cq, uint32_t len, struct iovec *iov)
{
	uint32_t pos, n, skip = BLK_ROOM_HEAD;
	unsigned int places = 0;

	blk_cq_room_drop(cq);
	if (len <= BLK_ROOM_HEAD || len > BLK_IO_MAX || !may_place(cq, len))
		return 0;
	for (pos = 0; pos < len; pos += n, skip = 0) {
		n = RTE_MIN(len - pos, cq->slot_size);
		if (!add_place(cq, skip, n, &iov[places])) {
			blk_cq_room_drop(cq);
			return 0;
		}
		places += n > skip; /* the first slot may be all head */
	}
	return places;
}

void
blk_cq_room_drop(struct blk_cq *cq)
{
	/* The last one got goes back first: slots are reused in the same order. */
	while (cq->room_end > cq->room_first)
		link_slot_put(cq->q, cq->room[--cq->room_end].id);
	cq->room_first = cq->room_end = 0;
}

uint16_t
blk_cq_room_take(struct blk_cq *cq, const uint8_t **mem)
{
	unsigned int i = cq->room_first++;

	*mem = cq->room[i].mem;
	return cq->room[i].id;
}

int
blk_cq_room_send(struct blk_cq *cq, const struct blk_slot *slot)
{
	const struct link_req *req = &slot->req;
	uint32_t head = 0;
	int ret = 0;

	if (req->off == slot->io->off) {
		head = RTE_MIN(req->payload, (uint32_t)BLK_ROOM_HEAD);
		ret = link_req_payload(cq->q, req->id, 0, slot->io->data, head);
	}
	return ret != 0 ? ret : link_req_placed(cq->q, req->id, head, req->payload - head);
}

/* What was placed of the piece at pos. */
static uint64_t
fetch(const struct blk_cq *cq, const struct blk_io *io, uint64_t pos, const uint8_t *mem)
{
	uint64_t n = RTE_MIN(io->len - pos, (uint64_t)cq->slot_size);
	uint32_t head = pos == 0 ? BLK_ROOM_HEAD : 0;

	if (n > head)
		memcpy((uint8_t *)io->home + pos + head, mem + head, n - head);
	return n;
}

void
blk_cq_room_home(struct blk_cq *cq, struct blk_io *io)
{
	uint64_t pos = 0;
	uint16_t id;

	if (io->home == NULL)
		return;
	for (id = io->p.first; id != BLK_NO_SLOT && pos < io->len; id = cq->slots[id].next)
		pos += fetch(cq, io, pos, cq->slots[id].placed);
	for (; pos < io->len; cq->room_first++)
		pos += fetch(cq, io, pos, cq->room[cq->room_first].mem);
	io->home = NULL;
}
