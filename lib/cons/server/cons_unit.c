/* SPDX-License-Identifier: BSD-3-Clause */
/* Attachments: answers, open requests, and how an attachment ends. */
#include <errno.h>
#include <stdio.h>

#include "cons_server_priv.h"

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

void
cons_event_fill(struct cons_wire_event *ev, enum cons_event_type type, uint32_t code,
		uint64_t value, uint64_t out_pos, const char *text)
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
	cons_event_fill(&u->leave, type, 0, value, u->out_pos, text);
	cons_unit_end_typed(u, CONS_EPERM);
	unlink_instance(u);
	u->state = CONS_UNIT_LEAVING;
}

static void
drop_unit(struct cons_unit *u, bool come_back)
{
	u->held = false;
	if (u->instance != NULL) {
		if (u->writer && come_back)
			cons_absent_begin(u);
		cons_audit_leave(u, come_back ? "lost its link" : "closed its link");
	} else if (!come_back && u->client != 0) {
		cons_absent_forget(u->peer->srv, u->client);
	}
	cons_unit_detach(u);
}

void
cons_peer_drop(struct cons_peer *p, bool come_back)
{
	p->broken = true;
	for (unsigned int i = 0; i < cons_peer_units(p); i++)
		drop_unit(&p->units[i], come_back);
}
