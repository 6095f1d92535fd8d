/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients are sent: output straight from the scrollback, and events. */
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "cons_server_priv.h"

#define SEND_BYTES (32u << 10) /* of output to one session in one round */
#define SEND_READS 16

static void
send_event(struct cons_unit *u, const struct cons_wire_event *ev)
{
	struct link_cqe cqe = { .flags = CONS_KIND_EVENT, .payload = sizeof(*ev) };

	cons_peer_answer(u->peer, cons_open_take(u->peer, &u->reads), &cqe, ev);
}

/* The observer was too slow for the scrollback. */
static void
send_cut(struct cons_unit *u, uint64_t tail)
{
	struct cons_wire_event ev;

	cons_event_fill(&ev, CONS_EVENT_CUT, 0, tail - u->out_pos, tail, "");
	base_count(&u->instance->console->stats.cut, tail - u->out_pos);
	u->out_pos = tail;
	send_event(u, &ev);
}

static void
send_ended(struct cons_unit *u)
{
	struct cons_wire_event ev;

	cons_event_fill(&ev, CONS_EVENT_ENDED, u->instance->end_code, 0, u->out_pos,
			u->instance->end_text);
	send_event(u, &ev);
	cons_audit_leave(u, "was told the end");
	/* If the link breaks before it has heard, it asks again. */
	if (u->writer)
		cons_absent_begin(u);
	cons_unit_detach(u);
}

/* @return bytes. */
static uint32_t
send_data(struct cons_unit *u)
{
	struct cons_instance *inst = u->instance;
	struct link_cqe cqe = { .flags = CONS_KIND_DATA, .result = (uint32_t)u->out_pos };
	uint32_t len;
	const uint8_t *from = cons_scroll_at(&inst->scroll, u->out_pos, &len);
	uint16_t id = cons_open_take(u->peer, &u->reads);

	cqe.payload = RTE_MIN(len, u->peer->slot_size);
	cons_peer_answer(u->peer, id, &cqe, from);
	u->out_pos += cqe.payload;
	u->peer->slots[id].reader = u;
	u->peer->slots[id].read_end = u->out_pos;
	inst->sent_pos = RTE_MAX(inst->sent_pos, u->out_pos);
	base_count(&inst->srv->stats.bytes_out, cqe.payload);
	return cqe.payload;
}

/* What a session may still be sent in this round. */
struct budget {
	unsigned int reads;
	uint32_t bytes;
};

/* @return whether a READ was answered. */
static bool
send_one(struct cons_unit *u, struct budget *left)
{
	const struct cons_instance *inst = u->instance;
	uint32_t sent = 0;

	if (u->state == CONS_UNIT_LEAVING) {
		send_event(u, &u->leave);
		cons_unit_detach(u);
		left->reads--;
		return true;
	}
	if (inst == NULL)
		return false; /* it has READs only while it is attached */
	if (u->out_pos < cons_scroll_tail(&inst->scroll)) {
		send_cut(u, cons_scroll_tail(&inst->scroll));
	} else if (u->out_pos < inst->scroll.head) {
		sent = send_data(u);
	} else if (inst->state == CONS_OVER) {
		send_ended(u);
	} else {
		return false;
	}
	left->reads--;
	left->bytes -= RTE_MIN(left->bytes, sent);
	return true;
}

static void
send_unit(struct cons_unit *u, struct budget *left)
{
	if (u->instance != NULL && cons_loop_withholds(u->instance))
		return;
	while (u->reads.count > 0 && left->reads > 0 && left->bytes > 0) {
		if (!send_one(u, left))
			return;
	}
}

unsigned int
cons_peer_send(struct cons_peer *p)
{
	struct budget left = { .reads = SEND_READS, .bytes = SEND_BYTES };
	unsigned int units = cons_peer_units(p), at = p->next_unit % units;

	for (unsigned int i = 0; i < units && left.reads > 0 && left.bytes > 0; i++) {
		send_unit(&p->units[at], &left);
		at = (at + 1) % units;
	}
	/* Where the round has ended; without an end to it, it does not matter. */
	p->next_unit = at;
	return SEND_READS - left.reads;
}
