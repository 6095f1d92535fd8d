/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's memory: our DMBs, our windows to the peer's, and what its queues need. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "link_priv.h"

/* Register a DMB whose token fits the protocol. */
static int
dmb_register(struct link_session *s, uint32_t len, struct rte_pmd_ism_dmb **dmb)
{
	struct link *link = s->link;
	int ret = rte_pmd_ism_dmb_register(link->conf.dev_id, s->rgid, len, link->conf.vlan, dmb);

	if (ret == -EMSGSIZE)
		link_refresh_info(link);
	if (ret != 0) {
		*dmb = NULL;
		return ret;
	}
	if (link_token_ok((*dmb)->token))
		return 0;
	LINK_LOG(ERR, "the device's token 0x%016" PRIx64 " has bits outside 47..24", (*dmb)->token);
	rte_pmd_ism_dmb_unregister(*dmb);
	*dmb = NULL;
	return -ENOSPC;
}

int
link_mem_register_ctrl(struct link_session *s)
{
	return dmb_register(s, LINK_CTRL_SIZE, &s->ctrl);
}

int
link_mem_layout_own(struct link_session *s)
{
	int ret;

	s->pieces_taken = 0;
	s->mine = calloc(1, sizeof(*s->mine));
	s->theirs = calloc(1, sizeof(*s->theirs));
	if (s->mine == NULL || s->theirs == NULL)
		return -ENOMEM;
	ret = link_mem_layout(&s->geo, s->link->info.dmb_max, s->mine);
	if (ret != 0)
		return ret;
	s->data = calloc(s->mine->dmb_count, sizeof(s->data[0]));
	s->data_left = s->mine->dmb_count;
	return s->data != NULL ? 0 : -ENOMEM;
}

/* DMB number n of ours: 0 is the ring's. */
static int
register_one(struct link_session *s, uint32_t n)
{
	uint32_t i = n - 1;
	int ret;

	if (n == 0) {
		ret = dmb_register(s, s->mine->ring_len, &s->ring);
		if (ret == 0)
			s->mine->ring_token = s->ring->token;
		return ret;
	}
	ret = dmb_register(s, link_mem_dmb_len(&s->geo, s->mine, i % s->mine->dmbs_per_queue),
			   &s->data[i]);
	if (ret == 0)
		s->mine->token[i] = s->data[i]->token;
	return ret;
}

int
link_mem_register(struct link_session *s)
{
	int ret = link_mem_layout_own(s);

	for (uint32_t n = 0; ret == 0 && n <= s->mine->dmb_count; n++)
		ret = register_one(s, n);
	return ret;
}

/* Windows answer -EINVAL to what the gate let pass only if the two disagree: as if refused. */
static int
win_open(struct link_session *s, uint64_t token, uint32_t len, struct rte_pmd_ism_win **win)
{
	int ret = rte_pmd_ism_win_open(s->link->conf.dev_id, token, len, win);

	if (ret != 0)
		*win = NULL;
	return ret == -EINVAL ? -EIO : ret;
}

int
link_mem_open_ctrl(struct link_session *s, uint64_t token)
{
	int ret = link_token_claim(s->link, token);

	if (ret != 0)
		return ret;
	s->peer_ctrl = token;
	return win_open(s, token, LINK_CTRL_SIZE, &s->ctrl_win);
}

void
link_mem_tell(const struct link_mem_desc *mem, struct link_wire_mem *wire, rte_be64_t *tokens)
{
	wire->ring_token = rte_cpu_to_be_64(mem->ring_token);
	wire->ring_len = rte_cpu_to_be_32(mem->ring_len);
	wire->dmb_len = rte_cpu_to_be_32(mem->dmb_len);
	wire->dmb_count = rte_cpu_to_be_32(mem->dmb_count);
	wire->reserved = 0;
	for (uint32_t i = 0; i < mem->dmb_count; i++)
		tokens[i] = rte_cpu_to_be_64(mem->token[i]);
}

struct link_queue *
link_queues_alloc(struct link_session *s)
{
	struct link_queue *queues;
	void *mem;

	if (posix_memalign(&mem, RTE_CACHE_LINE_SIZE, LINK_QUEUES_MAX * sizeof(*queues)) != 0)
		return NULL;
	memset(mem, 0, LINK_QUEUES_MAX * sizeof(*queues));
	queues = mem;
	for (unsigned int i = 0; i < LINK_QUEUES_MAX; i++) {
		queues[i].index = (uint16_t)i;
		queues[i].session = s;
	}
	return queues;
}

/* Who goes away takes these two along; the data DMBs need not be searched. */
bool
link_mem_has_token(const struct link_session *s, uint64_t token)
{
	return token != 0 &&
	       (token == s->peer_ctrl || (s->peer_claimed != 0 && token == s->theirs->ring_token) ||
		(s->ctrl != NULL && token == s->ctrl->token) ||
		(s->ring != NULL && token == s->ring->token));
}

/* One zeroed piece of memory for the arrays of all queues. */
static int
queue_mem_alloc(struct link_session *s)
{
	size_t depth = s->geo.depth;
	size_t wins = s->theirs->dmbs_per_queue;
	size_t per_queue = RTE_ALIGN_CEIL(depth * LINK_DESC_SIZE, RTE_CACHE_LINE_SIZE) +
			   RTE_ALIGN_CEIL(depth * sizeof(struct link_slot), RTE_CACHE_LINE_SIZE) +
			   RTE_ALIGN_CEIL(wins * sizeof(void *), RTE_CACHE_LINE_SIZE) +
			   RTE_ALIGN_CEIL(depth * sizeof(uint16_t), RTE_CACHE_LINE_SIZE);
	uint8_t *p;

	if (posix_memalign(&s->queue_mem, RTE_CACHE_LINE_SIZE, per_queue * s->geo.queues) != 0) {
		s->queue_mem = NULL;
		return -ENOMEM;
	}
	memset(s->queue_mem, 0, per_queue * s->geo.queues);
	p = s->queue_mem;
	for (unsigned int i = 0; i < s->geo.queues; i++, p += per_queue) {
		struct link_queue *q = &s->queues[i];
		uint8_t *at = p;

		link_ring_tx_init(&q->tx, (rte_be64_t *)at, s->geo.depth);
		at += RTE_ALIGN_CEIL(depth * LINK_DESC_SIZE, RTE_CACHE_LINE_SIZE);
		q->slots = (struct link_slot *)at;
		at += RTE_ALIGN_CEIL(depth * sizeof(struct link_slot), RTE_CACHE_LINE_SIZE);
		q->data_win = (struct rte_pmd_ism_win **)at;
		q->data_win_count = (uint32_t)wins;
		at += RTE_ALIGN_CEIL(wins * sizeof(void *), RTE_CACHE_LINE_SIZE);
		q->free_ids = (uint16_t *)at;
	}
	return 0;
}

static int
claim_all(struct link_session *s)
{
	int ret = link_token_claim(s->link, s->theirs->ring_token);

	if (ret != 0)
		return ret;
	for (s->peer_claimed = 1; s->peer_claimed <= s->theirs->dmb_count; s->peer_claimed++) {
		ret = link_token_claim(s->link, s->theirs->token[s->peer_claimed - 1]);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/*
 * Is there a DMB of this length for us? Zeros into its last 16 bytes, which hold zeros: harmless
 * even if the DMB is not the peer's (see link_token.c).
 */
static int
probe(struct rte_pmd_ism_win *win, uint32_t len)
{
	static const uint8_t zeros[16];

	return rte_pmd_ism_store(win, len - sizeof(zeros), zeros, sizeof(zeros));
}

/* A window of queue q: number 0 is its ring's. */
static int
window_one(struct link_session *s, struct link_queue *q, uint32_t n)
{
	const struct link_mem_desc *mem = s->theirs;
	struct rte_pmd_ism_win **win = n == 0 ? &q->ring_win : &q->data_win[n - 1];
	uint32_t len = n == 0 ? mem->ring_len : link_mem_dmb_len(&s->geo, mem, n - 1);
	uint64_t token = mem->ring_token;
	int ret;

	if (n > 0)
		token = mem->token[q->index * mem->dmbs_per_queue + n - 1];
	ret = win_open(s, token, len, win);
	return ret == 0 ? probe(*win, len) : ret;
}

static void
queue_init(struct link_session *s, struct link_queue *q)
{
	const struct link_mem_desc *mine = s->mine;

	q->slot_size = s->geo.slot_size;
	q->initiator = s->initiator;
	q->ring_off = q->index * link_ring_stride(s->geo.depth);
	link_ring_rx_init(&q->rx, (const uint8_t *)s->ring->addr + q->ring_off, s->geo.depth);
	for (uint32_t id = 0; id < s->geo.depth; id++) {
		struct link_slot *slot = &q->slots[id];
		uint32_t dmb = q->index * mine->dmbs_per_queue + id / mine->dmb_slots;

		slot->rx = (uint8_t *)s->data[dmb]->addr +
			   (size_t)(id % mine->dmb_slots) * s->geo.slot_size;
		slot->win = q->data_win[id / s->theirs->dmb_slots];
		slot->off = id % s->theirs->dmb_slots * s->geo.slot_size;
		/* The lowest ids on top: few slots in use touch few pages. */
		q->free_ids[id] = (uint16_t)(s->geo.depth - 1 - id);
	}
	q->free_count = s->initiator ? s->geo.depth : 0;
	memset(&q->stats, 0, sizeof(q->stats));
	q->fail_claim = 0;
	q->fail_why = LINK_WHY_NONE;
	q->depth = s->geo.depth;
}

/* What comes before the first window. */
static int
open_begin(struct link_session *s)
{
	int ret = queue_mem_alloc(s);

	return ret == 0 ? claim_all(s) : ret;
}

static void
open_end(struct link_session *s)
{
	for (unsigned int i = 0; i < s->geo.queues; i++)
		queue_init(s, &s->queues[i]);
}

int
link_mem_open(struct link_session *s)
{
	int ret = open_begin(s);

	for (unsigned int i = 0; ret == 0 && i < s->geo.queues; i++)
		for (uint32_t n = 0; ret == 0 && n <= s->theirs->dmbs_per_queue; n++)
			ret = window_one(s, &s->queues[i], n);
	if (ret == 0)
		open_end(s);
	return ret;
}

int
link_mem_take_piece(struct link_session *s)
{
	uint32_t n = s->pieces_taken++, own = s->mine->dmb_count + 1;
	uint32_t windows = s->theirs->dmbs_per_queue + 1;
	int ret = 0;

	if (n < own) {
		ret = register_one(s, n);
		return ret == 0 ? 1 : ret;
	}
	n -= own;
	if (n == 0)
		ret = open_begin(s);
	if (ret == 0)
		ret = window_one(s, &s->queues[n / windows], n % windows);
	if (ret != 0)
		return ret;
	if (n + 1 < windows * s->geo.queues)
		return 1;
	open_end(s);
	return 0;
}

/* Close one window of q. @return false: it had none. */
static bool
queue_close_window(struct link_queue *q)
{
	struct rte_pmd_ism_win **win = &q->ring_win;

	while (q->data_win_count > 0 && q->data_win[q->data_win_count - 1] == NULL)
		q->data_win_count--;
	if (q->data_win_count > 0)
		win = &q->data_win[--q->data_win_count];
	if (*win == NULL)
		return false;
	rte_pmd_ism_win_close(*win);
	*win = NULL;
	return true;
}

static void
queue_release(struct link_queue *q)
{
	q->data_win = NULL;
	q->slots = NULL;
	q->free_ids = NULL;
	q->free_count = 0;
	q->depth = 0;
}

static bool
close_window(struct link_session *s)
{
	if (s->queue_mem == NULL)
		return false;
	for (unsigned int i = 0; i < s->geo.queues; i++) {
		if (queue_close_window(&s->queues[i]))
			return true;
	}
	return false;
}

static bool
unregister(struct rte_pmd_ism_dmb **dmb)
{
	if (*dmb == NULL)
		return false;
	rte_pmd_ism_dmb_unregister(*dmb);
	*dmb = NULL;
	return true;
}

static bool
unregister_data(struct link_session *s)
{
	/* From the end, so that what is left to be searched grows shorter. */
	while (s->data != NULL && s->data_left > 0) {
		if (unregister(&s->data[--s->data_left]))
			return true;
	}
	return false;
}

/* No window is open any more: the peer's DMBs are not ours to keep from others. */
static void
release_tokens(struct link_session *s)
{
	struct link *link = s->link;

	if (s->peer_ctrl != 0)
		link_token_release(link, s->peer_ctrl);
	s->peer_ctrl = 0;
	if (s->peer_claimed != 0)
		link_token_release(link, s->theirs->ring_token);
	for (; s->peer_claimed > 1; s->peer_claimed--)
		link_token_release(link, s->theirs->token[s->peer_claimed - 2]);
	s->peer_claimed = 0;
}

bool
link_mem_give_piece(struct link_session *s)
{
	if (close_window(s))
		return true;
	for (unsigned int i = 0; s->queue_mem != NULL && i < s->geo.queues; i++)
		queue_release(&s->queues[i]);
	free(s->queue_mem);
	s->queue_mem = NULL;
	rte_pmd_ism_win_close(s->ctrl_win);
	s->ctrl_win = NULL;
	release_tokens(s);
	if (unregister(&s->ctrl) || unregister(&s->ring) || unregister_data(s))
		return true;
	free(s->data);
	s->data = NULL;
	free(s->mine);
	s->mine = NULL;
	free(s->theirs);
	s->theirs = NULL;
	return false;
}

void
link_mem_release(struct link_session *s)
{
	while (link_mem_give_piece(s))
		;
}
