/* SPDX-License-Identifier: BSD-3-Clause */
/* The slots of the one queue, each terminal's part of them, and requests. */
#include <errno.h>

#include "cons_client_priv.h"

#define SLOTS_MIN 8 /* of a terminal: fewer would leave nothing for a size beside input */

void
cons_queue_share(struct cons_client *c, uint16_t depth)
{
	unsigned int most = RTE_MAX(depth / SLOTS_MIN, 1u), part = depth;

	/* In version 1 the one that is attached has all of them. */
	c->usable = c->conf.terminals;
	if (c->version2) {
		c->usable = RTE_MIN(c->usable, most);
		part = depth / RTE_MAX(c->usable, 1u);
	}
	c->credits = (uint16_t)RTE_MIN(c->conf.credits, part / 2);
	c->others = (uint16_t)(part - c->credits);
}

/* READs have their credits, and leave the other slots to the others; the last is DETACH's. */
static bool
has_slot(const struct cons_terminal *t, uint8_t op)
{
	const struct cons_client *c = t->client;
	unsigned int kept = op != CONS_DETACH && c->others > 1;

	return op == CONS_READ || t->others_open + kept < c->others;
}

int
cons_queue_post(struct cons_terminal *t, struct link_req *req, const void *payload, uint32_t len)
{
	struct cons_client *c = t->client;
	int id, ret = 0;

	if (!has_slot(t, req->op))
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
	c->request[req->id] = (struct cons_request){ .op = req->op, .terminal = t };
	c->posted = true;
	if (req->op == CONS_READ)
		t->reads_open++;
	else
		t->others_open++;
	return 0;
}

unsigned int
cons_queue_credits(struct cons_terminal *t)
{
	struct link_req req = { .op = CONS_READ, .unit = t->unit };
	unsigned int n = 0;

	while (t->reads_open + t->reads_held < t->client->credits &&
	       cons_queue_post(t, &req, NULL, 0) == 0)
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
