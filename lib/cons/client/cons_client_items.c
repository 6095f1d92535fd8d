/* SPDX-License-Identifier: BSD-3-Clause */
/* What a terminal says, until its user has taken it. */
#include <assert.h>
#include <string.h>

#include "cons_client_priv.h"

static struct cons_queued *
item_at(struct cons_terminal *t, unsigned int k)
{
	return &t->items[(t->items_head + k) % CONS_ITEMS_MAX];
}

static struct cons_queued *
item_add(struct cons_terminal *t, enum cons_item_kind kind)
{
	struct cons_queued *i;

	/* At most one item a credit, and news only while there are few: cons_items_news(). */
	assert(t->items_count < CONS_ITEMS_MAX);
	i = item_at(t, t->items_count++);
	memset(i, 0, sizeof(*i));
	i->item.kind = kind;
	i->id = i->copy = CONS_NO_SLOT;
	t->woken = true;
	return i;
}

struct cons_item *
cons_items_add(struct cons_terminal *t, enum cons_item_kind kind)
{
	return &item_add(t, kind)->item;
}

struct cons_queued *
cons_items_add_read(struct cons_terminal *t, enum cons_item_kind kind, uint16_t id)
{
	struct cons_queued *i = item_add(t, kind);

	/* The credit is held until the item is consumed: no peer can make more items. */
	t->reads_held++;
	i->held = true;
	i->id = id;
	return i;
}

void
cons_items_move(struct cons_terminal *t, uint64_t out_pos)
{
	struct cons_queued *i = item_at(t, t->items_count - 1);

	i->moves = true;
	i->out_pos = out_pos;
	t->out_next = out_pos;
}

bool
cons_terminal_next(struct cons_terminal *t, struct cons_item *item)
{
	if (t->items_count == 0) {
		memset(item, 0, sizeof(*item));
		return false;
	}
	*item = item_at(t, 0)->item;
	if (item->kind == CONS_ITEM_DATA) {
		item->data += t->consumed;
		item->len -= t->consumed;
		item->history -= RTE_MIN(item->history, t->consumed);
	}
	return true;
}

/* The slot or copy behind an item is credit again. */
static void
item_release(struct cons_terminal *t, const struct cons_queued *i)
{
	if (i->copy != CONS_NO_SLOT)
		t->copies_free[t->copies_count++] = i->copy;
	if (i->id != CONS_NO_SLOT)
		link_slot_put(t->client->q, i->id);
	if (i->held)
		t->reads_held--;
}

static void
remove_first(struct cons_terminal *t)
{
	item_release(t, item_at(t, 0));
	t->consumed = 0;
	t->items_head = (t->items_head + 1) % CONS_ITEMS_MAX;
	t->items_count--;
}

void
cons_terminal_consume(struct cons_terminal *t, uint32_t bytes)
{
	const struct cons_queued *i = item_at(t, 0);

	if (t->items_count == 0)
		return;
	if (i->item.kind == CONS_ITEM_DATA) {
		bytes = RTE_MIN(bytes, i->item.len - t->consumed);
		t->consumed += bytes;
		t->out_seen += bytes;
		CONS_COUNT(t, bytes_out, bytes);
		if (t->consumed < i->item.len)
			return;
	}
	if (i->moves)
		t->out_seen = i->out_pos;
	remove_first(t);
}

void
cons_items_drop(struct cons_terminal *t)
{
	while (t->items_count > 0)
		remove_first(t);
}

void
cons_items_keep(struct cons_terminal *t)
{
	for (unsigned int k = 0; k < t->items_count; k++) {
		struct cons_queued *i = item_at(t, k);
		uint8_t *to;

		if (i->id == CONS_NO_SLOT)
			continue;
		i->id = CONS_NO_SLOT;
		if (i->item.kind != CONS_ITEM_DATA)
			continue;
		/* There is one: as many as credits, and each copy holds one. */
		i->copy = t->copies_free[--t->copies_count];
		to = t->copies + (size_t)i->copy * t->client->conf.slot_size;
		memcpy(to, i->item.data, i->item.len);
		i->item.data = to;
	}
}
