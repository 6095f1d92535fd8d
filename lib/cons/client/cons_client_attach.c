/* SPDX-License-Identifier: BSD-3-Clause */
/* LIST and ATTACH, and what is answered to them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cons_client_priv.h"

static int
ask_list(struct cons_terminal *t)
{
	struct link_req req = { .op = CONS_LIST, .off = t->info_count };

	return cons_queue_post(t, &req, NULL, 0);
}

static int
ask_attach(struct cons_terminal *t)
{
	struct link_req req = { .op = CONS_ATTACH };
	struct cons_wire_attach *w = &t->asked;
	const struct cons_size *size = &t->conf.size;
	uint32_t flags = t->conf.observe ? CONS_ATTACH_OBSERVE : 0;
	int ret;

	/* Only the first time: two that take over from each other would do it for ever. */
	if (t->conf.take_over && t->instance == 0)
		flags |= CONS_ATTACH_TAKE_OVER;
	w->client = rte_cpu_to_be_64(t->number);
	w->instance = rte_cpu_to_be_64(t->instance);
	w->out_pos = rte_cpu_to_be_64(t->instance != 0 ? t->out_next : 0);
	w->flags = rte_cpu_to_be_32(flags);
	w->history = rte_cpu_to_be_32(t->conf.history);
	w->size.rows = rte_cpu_to_be_16(size->rows);
	w->size.cols = rte_cpu_to_be_16(size->cols);
	w->size.xpixel = rte_cpu_to_be_16(size->xpixel);
	w->size.ypixel = rte_cpu_to_be_16(size->ypixel);
	t->resize_wanted = false;
	if (t->client->version2)
		req.unit = t->unit = (uint16_t)(t->place + 1);
	ret = cons_queue_post(t, &req, w, sizeof(*w));
	if (ret == 0)
		t->at_server = CONS_ASKED;
	return ret;
}

/* The session, as it is, is not for this one. */
static void
no_room(struct cons_terminal *t, const char *text)
{
	struct cons_item *item = cons_items_add(t, CONS_ITEM_REFUSED);

	item->status = CONS_ENOMEM;
	snprintf(item->text, sizeof(item->text), "%s", text);
	cons_terminal_over(t);
}

/* Which terminal has what a peer of version 1 has for us. @return NULL: none. */
static const struct cons_terminal *
only_one(const struct cons_client *c)
{
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		if (c->terminal[i] != NULL && c->terminal[i]->at_server != CONS_NOTHING)
			return c->terminal[i];
	}
	return NULL;
}

/* Its user does not wait for any answer but that of DETACH. */
static bool
is_going(const struct cons_terminal *t)
{
	return t->closing || t->state == CONS_TERMINAL_LEAVING || t->state == CONS_TERMINAL_OVER;
}

void
cons_attach_ask(struct cons_terminal *t)
{
	bool list = t->conf.list || t->listing;
	const struct cons_terminal *other;
	int ret;

	if (t->place >= t->client->usable) {
		no_room(t, "the session has no slots for so many terminals");
		return;
	}
	other = list || t->client->version2 ? NULL : only_one(t->client);
	if (other != NULL) {
		if (!is_going(other))
			no_room(t, "the peer's server serves one terminal of a system at a time");
		return;
	}
	ret = list ? ask_list(t) : ask_attach(t);
	if (ret == 0)
		t->state = CONS_TERMINAL_ASKING;
}

static void
list_complete(struct cons_terminal *t)
{
	struct cons_item *item = cons_items_add(t, CONS_ITEM_LISTED);

	if (t->listing)
		*item = t->refusal;
	cons_terminal_over(t);
}

int
cons_attach_listed(struct cons_terminal *t, const struct link_cqe *cqe)
{
	const uint8_t *at = link_slot_rx(t->client->q, cqe->id);
	int n = cons_reply_list(cqe, t->info_count);
	struct cons_wire_info wire;

	if (n < 0)
		return n;
	if (is_going(t))
		return 0;
	for (int i = 0; i < n; i++, at += sizeof(wire)) {
		memcpy(&wire, at, sizeof(wire));
		if (cons_reply_info(&wire, &t->infos[t->info_count + (unsigned int)i]) != 0)
			return -EPROTO;
	}
	t->info_count += (unsigned int)n;
	if (t->info_count < cqe->result)
		return ask_list(t) == -EAGAIN ? -EPROTO : 0;
	list_complete(t);
	return 0;
}

static void
refused(struct cons_terminal *t, uint16_t status, const struct cons_attached *a)
{
	struct cons_item *item = &t->refusal;

	memset(item, 0, sizeof(*item));
	item->kind = CONS_ITEM_REFUSED;
	item->status = status;
	item->value = a->writer;
	item->code = a->flags;
	memcpy(item->text, a->text, sizeof(item->text));
	if (status == CONS_ENOENT) {
		/* What there is instead says more. */
		t->listing = true;
		t->info_count = 0;
		if (ask_list(t) == 0)
			return;
	}
	*cons_items_add(t, CONS_ITEM_REFUSED) = *item;
	cons_terminal_over(t);
}

/* The same attachment as before, to the same instance. @return false: the peer lies. */
static bool
resumed(struct cons_terminal *t, const struct cons_attached *a)
{
	struct cons_item *item;

	if (t->conf.observe || cons_input_resume(t, a->in_pos)) {
		cons_items_add(t, CONS_ITEM_AGAIN);
		return true;
	}
	if (a->in_pos > t->in_sent)
		return false;
	/* The server remembers only so many clients, and which bytes it took is not known. */
	item = cons_items_add(t, CONS_ITEM_DROPPED);
	item->value = cons_input_restart(t, a->in_pos);
	return true;
}

/* An instance that has not seen us. @return false: the peer lies. */
static bool
started(struct cons_terminal *t, const struct cons_attached *a)
{
	struct cons_item *item;

	if (t->instance == 0) {
		/* What was typed before is for this one; nobody can have sent any of it. */
		if (a->in_pos != 0)
			return false;
		cons_items_add(t, CONS_ITEM_ATTACHED);
		return true;
	}
	item = cons_items_add(t, CONS_ITEM_RESTARTED);
	item->value = cons_input_restart(t, a->in_pos);
	return true;
}

static void
begin(struct cons_terminal *t, const struct cons_attached *a)
{
	struct cons_item *item;

	memcpy(t->name, a->name, sizeof(t->name));
	t->instance = a->instance;
	t->writer_gid = a->writer;
	t->writer = (a->flags & CONS_ATTACHED_WRITER) != 0;
	t->device = (a->flags & CONS_ATTACHED_DEVICE) != 0;
	cons_items_move(t, a->out_pos);
	t->head = a->head;
	t->eof_sent = false;
	t->state = CONS_TERMINAL_ATTACHED;
	if (a->lost == 0)
		return;
	item = cons_items_add(t, CONS_ITEM_CUT);
	item->value = a->lost;
	CONS_COUNT(t, cut_bytes, a->lost);
}

/* @return 0; -EPROTO. */
static int
accepted(struct cons_terminal *t, const struct cons_attached *a)
{
	if (t->instance != 0)
		CONS_COUNT(t, reconnects, 1);
	if (!(a->instance != t->instance ? started(t, a) : resumed(t, a)))
		return -EPROTO;
	begin(t, a);
	return 0;
}

int
cons_attach_answered(struct cons_terminal *t, const struct link_cqe *cqe)
{
	struct cons_wire_attached wire = { 0 };
	bool good = cqe->status == CONS_OK;
	uint16_t unit = t->client->version2 ? t->unit : 0;
	struct cons_attached a;

	if (cqe->payload != 0)
		memcpy(&wire, link_slot_rx(t->client->q, cqe->id), sizeof(wire));
	if (cons_reply_attached(&wire, &t->asked, unit, cqe->status, &a) != 0)
		return -EPROTO;
	if (t->at_server == CONS_ASKED)
		t->at_server = good ? CONS_ATTACHED : CONS_NOTHING;
	if (good)
		t->unit = a.unit;
	if (is_going(t))
		return 0;
	if (good)
		return accepted(t, &a);
	refused(t, cqe->status, &a);
	return 0;
}
