/* SPDX-License-Identifier: BSD-3-Clause */
/* Completions: each goes to the terminal whose request it answers. */
#include <errno.h>
#include <string.h>

#include "cons_client_priv.h"

static void
take_data(struct cons_terminal *t, const struct link_cqe *cqe)
{
	struct cons_item *item = &cons_items_add_read(t, CONS_ITEM_DATA, cqe->id)->item;

	item->data = link_slot_rx(t->client->q, cqe->id);
	item->len = cqe->payload;
	if (t->head > t->out_next) {
		item->history = (uint32_t)RTE_MIN(t->head - t->out_next, (uint64_t)cqe->payload);
		item->border = t->head - t->out_next == item->history;
	}
	t->out_next += cqe->payload;
	CONS_COUNT(t, reads, 1);
}

static void
take_event(struct cons_terminal *t, const struct cons_event *ev, uint16_t id)
{
	static const enum cons_item_kind kinds[] = {
		[CONS_EVENT_CUT] = CONS_ITEM_CUT,
		[CONS_EVENT_ENDED] = CONS_ITEM_ENDED,
		[CONS_EVENT_TAKEN] = CONS_ITEM_TAKEN,
		[CONS_EVENT_DETACHED] = CONS_ITEM_DETACHED,
	};
	struct cons_item *item = &cons_items_add_read(t, kinds[ev->type], id)->item;

	item->value = ev->value;
	item->code = ev->code;
	memcpy(item->text, ev->text, sizeof(item->text));
	if (ev->type == CONS_EVENT_CUT) {
		cons_items_move(t, ev->out_pos);
		CONS_COUNT(t, cut_bytes, ev->value);
	} else {
		cons_terminal_over(t);
	}
}

/* Of a terminal that its user has forgotten: only the positions go on. */
static void
skip(struct cons_terminal *t, const struct link_cqe *cqe, const struct cons_event *ev)
{
	if (ev == NULL)
		t->out_next += cqe->payload;
	else if (ev->type == CONS_EVENT_CUT)
		t->out_next = ev->out_pos;
	link_slot_put(t->client->q, cqe->id);
}

/* Output or an event. */
static int
take_said(struct cons_terminal *t, const struct link_cqe *cqe)
{
	struct cons_wire_event wire;
	struct cons_event ev;
	bool event = cqe->flags == CONS_KIND_EVENT;

	if (event) {
		memcpy(&wire, link_slot_rx(t->client->q, cqe->id), sizeof(wire));
		if (cons_reply_event(&wire, t->out_next, &ev) != 0)
			return -EPROTO;
	}
	if (t->closing)
		skip(t, cqe, event ? &ev : NULL);
	else if (event)
		take_event(t, &ev, cqe->id);
	else
		take_data(t, cqe);
	/* A DETACH that is under way will be answered all the same. */
	if (event && ev.type != CONS_EVENT_CUT && t->at_server == CONS_ATTACHED)
		t->at_server = CONS_NOTHING;
	return 0;
}

static int
take_read(struct cons_terminal *t, const struct link_cqe *cqe)
{
	t->reads_open--;
	if (cqe->status == CONS_EGONE) {
		link_slot_put(t->client->q, cqe->id);
		return t->at_server == CONS_ATTACHED ? -EPROTO : 0;
	}
	if (t->at_server == CONS_NOTHING || (t->state == CONS_TERMINAL_OVER && !t->closing))
		return -EPROTO;
	return take_said(t, cqe);
}

static void
take_left(struct cons_terminal *t)
{
	t->at_server = CONS_NOTHING;
	if (t->state != CONS_TERMINAL_LEAVING)
		return;
	cons_items_add(t, CONS_ITEM_LEFT);
	cons_terminal_over(t);
}

static int
take_other(struct cons_terminal *t, uint8_t op, const struct link_cqe *cqe)
{
	t->others_open--;
	/* Ours again; what lies in it stays until the next request. */
	link_slot_put(t->client->q, cqe->id);
	switch (op) {
	case CONS_LIST:
		return cons_attach_listed(t, cqe);
	case CONS_ATTACH:
		return cons_attach_answered(t, cqe);
	case CONS_WRITE:
		cons_input_answered(t, cqe->id, cqe->status == CONS_OK);
		break;
	case CONS_RESIZE:
		t->resize_open = false;
		break;
	case CONS_DETACH:
		take_left(t);
		break;
	default:
		break;
	}
	return 0;
}

static int
take(struct cons_client *c, const struct link_cqe *cqe)
{
	const struct cons_request request = c->request[cqe->id];
	struct cons_terminal *t = request.terminal;

	/* The link's gate lets only ids pass that are open: this one has a terminal. */
	c->request[cqe->id].op = 0;
	if (cons_reply_gate(request.op, cqe, c->slot_size, t->out_next) != 0)
		return -EPROTO;
	return request.op == CONS_READ ? take_read(t, cqe) : take_other(t, request.op, cqe);
}

unsigned int
cons_take(struct cons_client *c)
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
