/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients are sent: output straight from the scrollback, events, answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "cons_server_priv.h"

#define SEND_BYTES (32u << 10) /* of output to one session in one round */
#define SEND_READS 16

/* --- answers --- */

static void
break_peer(struct cons_peer *p, int ret)
{
	/* -EINVAL would be a bug of ours; the client gets rid of it by a new session. */
	if (ret == -EINVAL)
		link_queue_protocol_error(p->link, "answer that the link refused");
	p->broken = true;
}

void
cons_peer_answer(struct cons_peer *p, uint16_t id, const struct link_cqe *cqe, const void *payload)
{
	struct link_cqe out = *cqe;
	int ret = 0;

	if (p->broken)
		return;
	out.id = id;
	if (out.payload > 0)
		ret = link_rsp_payload(p->link, id, 0, payload, out.payload);
	if (ret == 0)
		ret = link_rsp_post(p->link, &out);
	if (ret != 0)
		break_peer(p, ret);
	p->posted = true;
}

void
cons_peer_status(struct cons_peer *p, uint16_t id, enum cons_status status)
{
	struct link_cqe cqe = { .status = status };

	cons_peer_answer(p, id, &cqe, NULL);
}

void
cons_peer_flush(struct cons_peer *p)
{
	int ret;

	if (!p->posted || p->broken)
		return;
	p->posted = false;
	ret = link_rsp_flush(p->link);
	if (ret != 0)
		break_peer(p, ret);
}

/* --- open requests --- */

void
cons_open_add(struct cons_peer *p, struct cons_open *q, uint16_t id)
{
	if (q->count++ == 0)
		q->head = id;
	else
		p->slots[q->tail].next = id;
	q->tail = id;
}

uint16_t
cons_open_take(const struct cons_peer *p, struct cons_open *q)
{
	uint16_t id = q->head;

	q->head = p->slots[id].next;
	q->count--;
	return id;
}

/* --- the end of an attachment --- */

void
cons_unit_end_typed(struct cons_unit *u, enum cons_status status)
{
	while (u->typed.count > 0)
		cons_peer_status(u->peer, cons_open_take(u->peer, &u->typed), status);
}

/* Out of the instance's list; the attachment itself goes on if it has to say goodbye. */
static void
unlink_instance(struct cons_unit *u)
{
	struct cons_instance *inst = u->instance;

	if (inst == NULL)
		return;
	TAILQ_REMOVE(&inst->units, u, attached);
	if (u->writer) {
		inst->writer = NULL;
		inst->left_ns = inst->srv->now_ns;
	} else {
		inst->observers--;
	}
	u->instance = NULL;
	u->input = NULL;
}

void
cons_unit_detach(struct cons_unit *u)
{
	cons_unit_end_typed(u, CONS_EGONE);
	while (u->reads.count > 0)
		cons_peer_status(u->peer, cons_open_take(u->peer, &u->reads), CONS_EGONE);
	unlink_instance(u);
	u->state = CONS_UNIT_DETACHED;
	u->writer = false;
}

static void
fill_event(struct cons_wire_event *ev, enum cons_event_type type, uint32_t code, uint64_t value,
	   uint64_t out_pos, const char *text)
{
	*ev = (struct cons_wire_event){
		.type = rte_cpu_to_be_32(type),
		.code = rte_cpu_to_be_32(code),
		.value = rte_cpu_to_be_64(value),
		.out_pos = rte_cpu_to_be_64(out_pos),
	};
	snprintf(ev->text, sizeof(ev->text), "%s", text);
}

void
cons_unit_leave(struct cons_unit *u, enum cons_event_type type, uint64_t value, const char *text)
{
	fill_event(&u->leave, type, 0, value, u->out_pos, text);
	cons_unit_end_typed(u, CONS_EPERM);
	unlink_instance(u);
	u->state = CONS_UNIT_LEAVING;
}

/* --- READs --- */

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

	fill_event(&ev, CONS_EVENT_CUT, 0, tail - u->out_pos, tail, "");
	base_count(&u->instance->console->stats.cut, tail - u->out_pos);
	u->out_pos = tail;
	send_event(u, &ev);
}

static void
send_ended(struct cons_unit *u)
{
	struct cons_wire_event ev;

	fill_event(&ev, CONS_EVENT_ENDED, u->instance->end_code, 0, u->out_pos,
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
