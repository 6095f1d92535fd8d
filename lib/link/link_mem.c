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
link_mem_register(struct link_session *s)
{
	int ret;

	s->mine = calloc(1, sizeof(*s->mine));
	s->theirs = calloc(1, sizeof(*s->theirs));
	if (s->mine == NULL || s->theirs == NULL)
		return -ENOMEM;
	ret = link_mem_layout(&s->geo, s->link->info.dmb_max, s->mine);
	if (ret != 0)
		return ret;
	s->data = calloc(s->mine->dmb_count, sizeof(s->data[0]));
	if (s->data == NULL)
		return -ENOMEM;
	ret = dmb_register(s, s->mine->ring_len, &s->ring);
	if (ret != 0)
		return ret;
	s->mine->ring_token = s->ring->token;
	for (uint32_t i = 0; i < s->mine->dmb_count; i++) {
		uint32_t len = link_mem_dmb_len(&s->geo, s->mine, i % s->mine->dmbs_per_queue);

		ret = dmb_register(s, len, &s->data[i]);
		if (ret != 0)
			return ret;
		s->mine->token[i] = s->data[i]->token;
	}
	return 0;
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

static int
queue_windows(struct link_session *s, struct link_queue *q)
{
	const struct link_mem_desc *mem = s->theirs;
	int ret = win_open(s, mem->ring_token, mem->ring_len, &q->ring_win);

	if (ret == 0)
		ret = probe(q->ring_win, mem->ring_len);
	for (uint32_t i = 0; ret == 0 && i < mem->dmbs_per_queue; i++) {
		uint32_t len = link_mem_dmb_len(&s->geo, mem, i);

		ret = win_open(s, mem->token[q->index * mem->dmbs_per_queue + i], len,
			       &q->data_win[i]);
		if (ret == 0)
			ret = probe(q->data_win[i], len);
	}
	return ret;
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

int
link_mem_open(struct link_session *s)
{
	int ret = queue_mem_alloc(s);

	if (ret == 0)
		ret = claim_all(s);
	for (unsigned int i = 0; ret == 0 && i < s->geo.queues; i++)
		ret = queue_windows(s, &s->queues[i]);
	for (unsigned int i = 0; ret == 0 && i < s->geo.queues; i++)
		queue_init(s, &s->queues[i]);
	return ret;
}

static void
queue_release(struct link_queue *q)
{
	rte_pmd_ism_win_close(q->ring_win);
	for (uint32_t i = 0; i < q->data_win_count; i++)
		rte_pmd_ism_win_close(q->data_win[i]);
	q->ring_win = NULL;
	q->data_win = NULL;
	q->data_win_count = 0;
	q->slots = NULL;
	q->free_ids = NULL;
	q->free_count = 0;
	q->depth = 0;
}

void
link_mem_release(struct link_session *s)
{
	struct link *link = s->link;

	for (unsigned int i = 0; s->queue_mem != NULL && i < s->geo.queues; i++)
		queue_release(&s->queues[i]);
	free(s->queue_mem);
	s->queue_mem = NULL;
	rte_pmd_ism_win_close(s->ctrl_win);
	s->ctrl_win = NULL;
	if (s->peer_ctrl != 0)
		link_token_release(link, s->peer_ctrl);
	s->peer_ctrl = 0;
	if (s->peer_claimed != 0)
		link_token_release(link, s->theirs->ring_token);
	for (; s->peer_claimed > 1; s->peer_claimed--)
		link_token_release(link, s->theirs->token[s->peer_claimed - 2]);
	s->peer_claimed = 0;
	rte_pmd_ism_dmb_unregister(s->ctrl);
	s->ctrl = NULL;
	rte_pmd_ism_dmb_unregister(s->ring);
	s->ring = NULL;
	for (uint32_t i = 0; s->data != NULL && i < s->mine->dmb_count; i++)
		rte_pmd_ism_dmb_unregister(s->data[i]);
	free(s->data);
	s->data = NULL;
	free(s->mine);
	s->mine = NULL;
	free(s->theirs);
	s->theirs = NULL;
}
