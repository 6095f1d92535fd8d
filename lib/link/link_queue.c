/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path: one thread per queue, no system call but the stores, no memory, no lock
 * (SPEC-link sections 5 and 5.3).
 *
 * Stores of a 4 KiB read: descriptor (initiator), payload, completion (listener). Of a
 * write: payload, descriptor (initiator), completion. Descriptors of a batch go out in one
 * store.
 */
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "base_tel.h"
#include "link_priv.h"

#define TAIL_COPY_MAX 24 /* bytes; shorter payloads, and ends of longer ones, are copied */

/*
 * The queue is broken from here on; control learns why and takes the session down. Only the first
 * failure counts: the claim keeps `fail_what` from being written twice.
 */
static int
fail(struct link_queue *q, enum link_why why, const char *what)
{
	link_word_break(&q->word);
	if (link_flag_claim(&q->fail_claim)) {
		base_text_clean(q->fail_what, sizeof(q->fail_what), what, strlen(what));
		link_flag_raise(&q->fail_why, (uint32_t)why);
		link_flag_raise(&q->session->trouble, 1);
	}
	return -ENOTCONN;
}

static int
fail_protocol(struct link_queue *q, const char *what)
{
	base_count(&q->stats.bad, 1);
	return fail(q, LINK_WHY_PROTOCOL, what);
}

static int
fail_store(struct link_queue *q, int err, const char *what)
{
	if (err == -ENODEV)
		return fail(q, LINK_WHY_DEVICE, "");
	return fail(q, LINK_WHY_STORE, what);
}

static inline bool
ready(const struct link_queue *q)
{
	return likely(link_word_load(&q->word) == LINK_WORD_READY);
}

struct link_session *
link_queue_session(const struct link_queue *q)
{
	return q->session;
}

unsigned int
link_queue_index(const struct link_queue *q)
{
	return q->index;
}

uint16_t
link_queue_depth(const struct link_queue *q)
{
	return q->depth;
}

uint32_t
link_queue_slot_size(const struct link_queue *q)
{
	return q->slot_size;
}

enum link_queue_state
link_queue_state(const struct link_queue *q)
{
	return (enum link_queue_state)(link_word_load(&q->word) & 0xff);
}

int
link_queue_attach(struct link_queue *q)
{
	return link_word_attach(&q->word) ? 0 : -ENOTCONN;
}

void
link_queue_detach(struct link_queue *q)
{
	link_word_detach(&q->word);
}

void
link_queue_stats(const struct link_queue *q, struct link_queue_stats *stats)
{
	base_counters_read(&q->stats, stats, sizeof(*stats));
}

void
link_queue_protocol_error(struct link_queue *q, const char *what)
{
	(void)fail_protocol(q, what);
}

/* --- both sides --- */

/*
 * How many bytes at the end of [off, off + len) have to go through a small buffer, so that
 * what is stored has multiples of 8 and at least 16 bytes in each page. Together with the
 * zeros that fill the buffer up, the last store may cover up to 15 bytes more than asked
 * for, never beyond its page.
 */
static uint32_t
tail_bytes(uint32_t off, uint32_t len)
{
	uint32_t end = off + len;
	uint32_t rest = len % RTE_PMD_ISM_STORE_ALIGN;
	uint32_t in_page = RTE_MIN(len, (end - 1) % RTE_PMD_ISM_PAGE + 1);

	if (likely(rest == 0 && in_page >= RTE_PMD_ISM_STORE_MIN))
		return 0;
	/* The 8 bytes before an odd end come along: the shortest store has 16. */
	return in_page < TAIL_COPY_MAX ? in_page : RTE_PMD_ISM_STORE_ALIGN + rest;
}

static int
payload_store(const struct link_slot *slot, uint32_t off, const uint8_t *src, uint32_t len)
{
	uint8_t buf[TAIL_COPY_MAX] __rte_aligned(8) = { 0 };
	uint32_t tail = tail_bytes(off, len);
	uint32_t head = len - tail;
	int ret = 0;

	if (likely(head != 0))
		ret = rte_pmd_ism_store(slot->win, slot->off + off, src, head);
	if (likely(tail == 0) || ret != 0)
		return ret;
	memcpy(buf, src + head, tail);
	tail = RTE_ALIGN_CEIL(tail, RTE_PMD_ISM_STORE_ALIGN);
	tail = RTE_MAX(tail, (uint32_t)RTE_PMD_ISM_STORE_MIN);
	return rte_pmd_ism_store(slot->win, slot->off + off + head, buf, tail);
}

static int
payload(struct link_queue *q, uint16_t id, enum link_slot_state state, uint32_t off,
	const void *src, uint32_t len)
{
	int ret;

	if (!ready(q))
		return -ENOTCONN;
	if (unlikely(id >= q->depth || q->slots[id].state != state ||
		     off % RTE_PMD_ISM_STORE_ALIGN != 0 || (uint64_t)off + len > q->slot_size))
		return -EINVAL;
	if (unlikely(len == 0))
		return 0;
	if (unlikely(off % RTE_PMD_ISM_PAGE > RTE_PMD_ISM_PAGE - RTE_PMD_ISM_STORE_MIN))
		return -EINVAL;
	ret = payload_store(&q->slots[id], off, src, len);
	if (unlikely(ret != 0))
		return fail_store(q, ret, "into a slot");
	base_count(&q->stats.payload_tx, len);
	return 0;
}

static void *
place(struct link_queue *q, uint16_t id, enum link_slot_state state)
{
	if (!ready(q) || unlikely(id >= q->depth || q->slots[id].state != state))
		return NULL;
	return rte_pmd_ism_win_mem(q->slots[id].win, q->slots[id].off, q->slot_size);
}

static int
placed(struct link_queue *q, uint16_t id, enum link_slot_state state, uint32_t off, uint32_t len)
{
	int ret;

	if (!ready(q))
		return -ENOTCONN;
	if (unlikely(id >= q->depth || q->slots[id].state != state ||
		     (uint64_t)off + len > q->slot_size))
		return -EINVAL;
	if (unlikely(len == 0))
		return 0;
	ret = rte_pmd_ism_win_placed(q->slots[id].win, q->slots[id].off + off, len);
	if (unlikely(ret != 0))
		return fail_store(q, ret, "into a slot");
	base_count(&q->stats.payload_tx, len);
	return 0;
}

/* One store, or two when the batch goes round the ring's end. */
static int
flush(struct link_queue *q)
{
	struct link_ring_tx *tx = &q->tx;

	if (!ready(q))
		return -ENOTCONN;
	while (tx->sent != tx->tail) {
		uint32_t at = tx->sent & tx->mask;
		uint32_t n = RTE_MIN(tx->tail - tx->sent, tx->mask + 1 - at);
		int ret = rte_pmd_ism_store(q->ring_win, q->ring_off + at * LINK_DESC_SIZE,
					    tx->shadow + (size_t)at * LINK_DESC_WORDS,
					    n * LINK_DESC_SIZE);

		if (unlikely(ret != 0))
			return fail_store(q, ret, "into a ring");
		tx->sent += n;
		base_count(&q->stats.flushes, 1);
		base_count(&q->stats.descriptors, n);
	}
	return 0;
}

/* @return how many are open now. */
static inline uint64_t
count_inflight(struct link_queue *q, uint64_t n)
{
	uint64_t open = base_count_get(&q->stats.inflight) + n;

	base_count_set(&q->stats.inflight, open);
	base_count_max(&q->stats.inflight_max, open);
	return open;
}

/* --- initiator --- */

int
link_slot_get(struct link_queue *q)
{
	uint16_t id;

	if (unlikely(q->free_count == 0)) {
		base_count(&q->stats.no_slot, 1);
		return -EAGAIN;
	}
	id = q->free_ids[--q->free_count];
	q->slots[id].state = LINK_SLOT_OWNED;
	return id;
}

void
link_slot_put(struct link_queue *q, uint16_t id)
{
	if (unlikely(id >= q->depth || q->slots[id].state != LINK_SLOT_OWNED))
		return;
	q->slots[id].state = LINK_SLOT_FREE;
	q->free_ids[q->free_count++] = id;
}

unsigned int
link_slots_free(const struct link_queue *q)
{
	return q->free_count;
}

void *
link_slot_rx(const struct link_queue *q, uint16_t id)
{
	return likely(id < q->depth) ? q->slots[id].rx : NULL;
}

int
link_req_payload(struct link_queue *q, uint16_t id, uint32_t off, const void *src, uint32_t len)
{
	return payload(q, id, LINK_SLOT_OWNED, off, src, len);
}

void *
link_req_place(struct link_queue *q, uint16_t id)
{
	return place(q, id, LINK_SLOT_OWNED);
}

int
link_req_placed(struct link_queue *q, uint16_t id, uint32_t off, uint32_t len)
{
	return placed(q, id, LINK_SLOT_OWNED, off, len);
}

int
link_req_post(struct link_queue *q, const struct link_req *req)
{
	uint64_t w[LINK_DESC_WORDS];

	if (!ready(q))
		return -ENOTCONN;
	if (unlikely(req->id >= q->depth || q->slots[req->id].state != LINK_SLOT_OWNED ||
		     req->op == 0 || req->off > LINK_WORD_MASK || req->payload > q->slot_size))
		return -EINVAL;
	if (unlikely(link_ring_tx_full(&q->tx)))
		return fail_protocol(q, "completion of a request that was not sent");
	w[0] = (uint64_t)req->op << 48 | (uint64_t)req->flags << 40 | (uint64_t)req->id << 24 |
	       (uint64_t)req->unit << 8;
	w[1] = req->off;
	w[2] = (uint64_t)req->payload << 32 | req->len;
	w[3] = req->crc;
	link_ring_tx_put(&q->tx, w);
	q->slots[req->id].state = LINK_SLOT_OPEN;
	base_count(&q->stats.requests, 1);
	count_inflight(q, 1);
	return 0;
}

int
link_req_flush(struct link_queue *q)
{
	return flush(q);
}

int
link_cqe_poll(struct link_queue *q, struct link_cqe *cqe, unsigned int n)
{
	uint64_t w[LINK_DESC_WORDS];
	unsigned int done = 0;

	if (!ready(q))
		return -ENOTCONN;
	base_count(&q->stats.polls, 1);
	for (; done < n; done++) {
		int ret = link_ring_rx_take(&q->rx, w);
		const char *what;

		if (ret == 0)
			break;
		what = ret < 0 ? "completion: tag of another lap"
			       : link_gate_cqe(w, q->depth, q->slot_size, &cqe[done]);
		if (likely(what == NULL) && q->slots[cqe[done].id].state != LINK_SLOT_OPEN)
			what = "completion: id is not open";
		if (unlikely(what != NULL)) {
			ret = fail_protocol(q, what);
			if (done == 0)
				return ret;
			break;
		}
		link_ring_rx_next(&q->rx);
		q->slots[cqe[done].id].state = LINK_SLOT_OWNED;
		base_count(&q->stats.payload_rx, cqe[done].payload);
	}
	if (done == 0) {
		base_count(&q->stats.polls_empty, 1);
		return 0;
	}
	base_count(&q->stats.completions, done);
	base_count_sub(&q->stats.inflight, done);
	return (int)done;
}

/* --- listener --- */

int
link_sqe_poll(struct link_queue *q, struct link_req *req, unsigned int n)
{
	uint64_t w[LINK_DESC_WORDS];
	unsigned int done = 0;

	if (!ready(q))
		return -ENOTCONN;
	base_count(&q->stats.polls, 1);
	for (; done < n; done++) {
		int ret = link_ring_rx_take(&q->rx, w);
		const char *what;

		if (ret == 0)
			break;
		what = ret < 0 ? "request: tag of another lap"
			       : link_gate_req(w, q->depth, q->slot_size, &req[done]);
		if (likely(what == NULL) && q->slots[req[done].id].state == LINK_SLOT_OPEN)
			what = "request: id is open already";
		if (unlikely(what != NULL)) {
			ret = fail_protocol(q, what);
			if (done == 0)
				return ret;
			break;
		}
		link_ring_rx_next(&q->rx);
		q->slots[req[done].id].state = LINK_SLOT_OPEN;
		base_count(&q->stats.payload_rx, req[done].payload);
	}
	if (done == 0) {
		base_count(&q->stats.polls_empty, 1);
		return 0;
	}
	base_count(&q->stats.requests, done);
	if (count_inflight(q, done) == q->depth)
		base_count(&q->stats.peer_full, 1);
	return (int)done;
}

void *
link_slot_payload(const struct link_queue *q, uint16_t id)
{
	return link_slot_rx(q, id);
}

int
link_rsp_payload(struct link_queue *q, uint16_t id, uint32_t off, const void *src, uint32_t len)
{
	return payload(q, id, LINK_SLOT_OPEN, off, src, len);
}

void *
link_rsp_place(struct link_queue *q, uint16_t id)
{
	return place(q, id, LINK_SLOT_OPEN);
}

int
link_rsp_placed(struct link_queue *q, uint16_t id, uint32_t len)
{
	return placed(q, id, LINK_SLOT_OPEN, 0, len);
}

int
link_rsp_post(struct link_queue *q, const struct link_cqe *cqe)
{
	uint64_t w[LINK_DESC_WORDS];

	if (!ready(q))
		return -ENOTCONN;
	if (unlikely(cqe->id >= q->depth || q->slots[cqe->id].state != LINK_SLOT_OPEN ||
		     cqe->payload > q->slot_size))
		return -EINVAL;
	if (unlikely(link_ring_tx_full(&q->tx)))
		return fail_protocol(q, "request with an id that was not answered");
	w[0] = (uint64_t)cqe->id << 40 | (uint64_t)cqe->flags << 32 | (uint64_t)cqe->status << 16;
	w[1] = (uint64_t)cqe->payload << 32 | cqe->result;
	w[2] = cqe->crc;
	w[3] = 0;
	link_ring_tx_put(&q->tx, w);
	q->slots[cqe->id].state = LINK_SLOT_FREE;
	base_count(&q->stats.completions, 1);
	base_count_sub(&q->stats.inflight, 1);
	return 0;
}

int
link_rsp_flush(struct link_queue *q)
{
	return flush(q);
}
