/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and completions of the one queue, and the items that come of them. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cons_client_priv.h"

/* --- requests --- */

int
cons_queue_post(struct cons_client *c, struct link_req *req, const void *payload, uint32_t len)
{
	bool read = req->op == CONS_READ;
	int id, ret = 0;

	/* READs have their credits, and leave the other slots to the others. */
	if (!read && c->others_open >= c->depth - c->credits)
		return -EAGAIN;
	id = link_slot_get(c->q);
	if (id < 0)
		return id;
	req->id = (uint16_t)id;
	req->payload = len;
	if (len != 0)
		ret = link_req_payload(c->q, req->id, 0, payload, len);
	if (ret == 0)
		ret = link_req_post(c->q, req);
	if (ret != 0) {
		link_slot_put(c->q, req->id);
		return ret;
	}
	c->op[req->id] = req->op;
	c->posted = true;
	if (read)
		c->reads_open++;
	else
		c->others_open++;
	return 0;
}

unsigned int
cons_queue_credits(struct cons_client *c)
{
	struct link_req req = { .op = CONS_READ, .unit = c->unit };
	unsigned int n = 0;

	while (c->reads_open + c->reads_held < c->credits && cons_queue_post(c, &req, NULL, 0) == 0)
		n++;
	return n;
}

void
cons_queue_flush(struct cons_client *c)
{
	if (!c->posted)
		return;
	c->posted = false;
	/* A broken queue shows in its state. */
	(void)link_req_flush(c->q);
}

/* --- items --- */

static struct cons_queued *
item_add(struct cons_client *c, enum cons_item_kind kind)
{
	struct cons_queued *i;

	/* At most one item a credit, and news only while there are few: cons_queue_news(). */
	assert(c->items_count < CONS_ITEMS_MAX);
	i = &c->items[(c->items_head + c->items_count++) % CONS_ITEMS_MAX];
	memset(i, 0, sizeof(*i));
	i->item.kind = kind;
	i->id = i->copy = CONS_NO_SLOT;
	return i;
}

struct cons_item *
cons_queue_item(struct cons_client *c, enum cons_item_kind kind)
{
	return &item_add(c, kind)->item;
}

void
cons_queue_moves(struct cons_client *c, uint64_t out_pos)
{
	struct cons_queued *i = &c->items[(c->items_head + c->items_count - 1) % CONS_ITEMS_MAX];

	i->moves = true;
	i->out_pos = out_pos;
	c->out_next = out_pos;
}

bool
cons_client_next(struct cons_client *c, struct cons_item *item)
{
	if (c->items_count == 0) {
		memset(item, 0, sizeof(*item));
		return false;
	}
	*item = c->items[c->items_head].item;
	if (item->kind == CONS_ITEM_DATA) {
		item->data += c->consumed;
		item->len -= c->consumed;
	}
	return true;
}

/* The slot or copy behind an item is credit again. */
static void
item_release(struct cons_client *c, const struct cons_queued *i)
{
	if (i->copy != CONS_NO_SLOT)
		c->copies_free[c->copies_count++] = i->copy;
	if (i->id != CONS_NO_SLOT)
		link_slot_put(c->q, i->id);
	if (i->held)
		c->reads_held--;
}

void
cons_client_consume(struct cons_client *c, uint32_t bytes)
{
	struct cons_queued *i = &c->items[c->items_head];

	if (c->items_count == 0)
		return;
	if (i->item.kind == CONS_ITEM_DATA) {
		bytes = RTE_MIN(bytes, i->item.len - c->consumed);
		c->consumed += bytes;
		c->out_seen += bytes;
		CONS_COUNT(c, bytes_out, bytes);
		if (c->consumed < i->item.len)
			return;
	}
	if (i->moves)
		c->out_seen = i->out_pos;
	c->consumed = 0;
	item_release(c, i);
	c->items_head = (c->items_head + 1) % CONS_ITEMS_MAX;
	c->items_count--;
}

void
cons_queue_keep(struct cons_client *c)
{
	for (unsigned int k = 0; k < c->items_count; k++) {
		struct cons_queued *i = &c->items[(c->items_head + k) % CONS_ITEMS_MAX];
		uint8_t *to;

		if (i->id == CONS_NO_SLOT)
			continue;
		i->id = CONS_NO_SLOT;
		if (i->item.kind != CONS_ITEM_DATA)
			continue;
		/* There is one: as many as credits, and each copy holds one. */
		i->copy = c->copies_free[--c->copies_count];
		to = c->copies + (size_t)i->copy * c->conf.slot_size;
		memcpy(to, i->item.data, i->item.len);
		i->item.data = to;
	}
}

/* --- completions --- */

static void
take_data(struct cons_client *c, const struct link_cqe *cqe)
{
	struct cons_queued *i = item_add(c, CONS_ITEM_DATA);

	i->id = cqe->id;
	i->held = true;
	i->item.data = link_slot_rx(c->q, cqe->id);
	i->item.len = cqe->payload;
	c->out_next += cqe->payload;
	CONS_COUNT(c, reads, 1);
}

static int
take_event(struct cons_client *c, const struct link_cqe *cqe)
{
	static const enum cons_item_kind kinds[] = {
		[CONS_EVENT_CUT] = CONS_ITEM_CUT,
		[CONS_EVENT_ENDED] = CONS_ITEM_ENDED,
		[CONS_EVENT_TAKEN] = CONS_ITEM_TAKEN,
		[CONS_EVENT_DETACHED] = CONS_ITEM_DETACHED,
	};
	struct cons_wire_event wire;
	struct cons_event ev;
	struct cons_queued *i;

	memcpy(&wire, link_slot_rx(c->q, cqe->id), sizeof(wire));
	if (cons_reply_event(&wire, c->out_next, &ev) != 0)
		return -EPROTO;
	i = item_add(c, kinds[ev.type]);
	i->id = cqe->id;
	i->held = true;
	i->item.value = ev.value;
	i->item.code = ev.code;
	memcpy(i->item.text, ev.text, sizeof(i->item.text));
	if (ev.type == CONS_EVENT_CUT) {
		i->moves = true;
		c->out_next = i->out_pos = ev.out_pos;
		CONS_COUNT(c, cut_bytes, ev.value);
	} else {
		cons_client_over(c);
	}
	return 0;
}

static int
take_read(struct cons_client *c, const struct link_cqe *cqe)
{
	c->reads_open--;
	if (cqe->status == CONS_EGONE) {
		link_slot_put(c->q, cqe->id);
		return c->state == CONS_CLIENT_ATTACHED ? -EPROTO : 0;
	}
	if (c->state == CONS_CLIENT_OVER)
		return -EPROTO;
	/* The credit is held until the item is consumed: no peer can make more items. */
	c->reads_held++;
	if (cqe->flags == CONS_KIND_EVENT)
		return take_event(c, cqe);
	take_data(c, cqe);
	return 0;
}

static void
take_left(struct cons_client *c)
{
	if (c->state == CONS_CLIENT_OVER)
		return;
	cons_queue_item(c, CONS_ITEM_LEFT);
	cons_client_over(c);
}

static int
take_other(struct cons_client *c, uint8_t op, const struct link_cqe *cqe)
{
	c->others_open--;
	/* Ours again; what lies in it stays until the next request. */
	link_slot_put(c->q, cqe->id);
	switch (op) {
	case CONS_LIST:
		return cons_client_listed(c, cqe);
	case CONS_ATTACH:
		return cons_client_attached(c, cqe);
	case CONS_WRITE:
		cons_input_answered(c, cqe->id, cqe->status == CONS_OK);
		break;
	case CONS_RESIZE:
		c->resize_open = false;
		break;
	case CONS_DETACH:
		take_left(c);
		break;
	default:
		break;
	}
	return 0;
}

static int
take(struct cons_client *c, const struct link_cqe *cqe)
{
	uint8_t op = c->op[cqe->id];

	c->op[cqe->id] = 0;
	if (cons_reply_gate(op, cqe, c->slot_size, c->out_next) != 0)
		return -EPROTO;
	return op == CONS_READ ? take_read(c, cqe) : take_other(c, op, cqe);
}

unsigned int
cons_queue_reap(struct cons_client *c)
{
	struct link_cqe cqe[CONS_REAP_BURST];
	unsigned int work = 0;
	int n;

	do {
		n = link_cqe_poll(c->q, cqe, CONS_REAP_BURST);
		for (int i = 0; i < n; i++) {
			if (take(c, &cqe[i]) == 0)
				continue;
			/* The link logs it, and breaks the session at its next round. */
			link_queue_protocol_error(c->q, "console: answer outside the protocol");
			return work;
		}
		work += n > 0 ? (unsigned int)n : 0;
	} while (n == CONS_REAP_BURST);
	return work;
}
