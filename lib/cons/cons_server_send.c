/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients are sent: output straight from the scrollback, events, answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "cons_server_priv.h"

#define SEND_BYTES (32u << 10) /* of output to one client in one round */
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

/* --- the end of an attachment --- */

void
cons_peer_end_typed(struct cons_peer *p, enum cons_status status)
{
	for (; p->typed_count > 0; p->typed_count--) {
		cons_peer_status(p, p->typed[p->typed_head].id, status);
		p->typed_head = (p->typed_head + 1) % LINK_DEPTH_MAX;
	}
}

static uint16_t
take_read(struct cons_peer *p)
{
	uint16_t id = p->reads[p->read_head];

	p->read_head = (p->read_head + 1) % LINK_DEPTH_MAX;
	p->read_count--;
	return id;
}

/* Out of the instance's list; the attachment itself goes on if it has to say goodbye. */
static void
unlink_instance(struct cons_peer *p)
{
	struct cons_instance *inst = p->instance;

	if (inst == NULL)
		return;
	TAILQ_REMOVE(&inst->peers, p, attached);
	if (p->writer)
		inst->writer = NULL;
	else
		inst->observers--;
	p->instance = NULL;
	p->input = NULL;
}

void
cons_peer_detach(struct cons_peer *p)
{
	cons_peer_end_typed(p, CONS_EGONE);
	while (p->read_count > 0)
		cons_peer_status(p, take_read(p), CONS_EGONE);
	unlink_instance(p);
	p->state = CONS_PEER_DETACHED;
	p->writer = false;
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
cons_peer_leave(struct cons_peer *p, enum cons_event_type type, uint64_t value, const char *text)
{
	fill_event(&p->leave, type, 0, value, p->out_pos, text);
	cons_peer_end_typed(p, CONS_EPERM);
	unlink_instance(p);
	p->state = CONS_PEER_LEAVING;
}

/* --- READs --- */

static void
send_event(struct cons_peer *p, const struct cons_wire_event *ev)
{
	struct link_cqe cqe = { .flags = CONS_KIND_EVENT, .payload = sizeof(*ev) };

	cons_peer_answer(p, take_read(p), &cqe, ev);
}

/* The observer was too slow for the scrollback. */
static void
send_cut(struct cons_peer *p, uint64_t tail)
{
	struct cons_wire_event ev;

	fill_event(&ev, CONS_EVENT_CUT, 0, tail - p->out_pos, tail, "");
	p->instance->console->stats.cut += tail - p->out_pos;
	p->out_pos = tail;
	send_event(p, &ev);
}

static void
send_ended(struct cons_peer *p)
{
	struct cons_wire_event ev;

	fill_event(&ev, CONS_EVENT_ENDED, p->instance->end_code, 0, p->out_pos, "");
	send_event(p, &ev);
	cons_audit_leave(p, "was told the end");
	/* If the link breaks before it has heard, it asks again. */
	if (p->writer)
		cons_absent_begin(p);
	cons_peer_detach(p);
}

/* @return bytes. */
static uint32_t
send_data(struct cons_peer *p)
{
	struct cons_instance *inst = p->instance;
	struct link_cqe cqe = { .flags = CONS_KIND_DATA, .result = (uint32_t)p->out_pos };
	uint32_t len;
	const uint8_t *from = cons_scroll_at(&inst->scroll, p->out_pos, &len);
	uint16_t id = take_read(p);

	cqe.payload = RTE_MIN(len, p->slot_size);
	cons_peer_answer(p, id, &cqe, from);
	p->out_pos += cqe.payload;
	p->read_end[id] = p->out_pos;
	inst->sent_pos = RTE_MAX(inst->sent_pos, p->out_pos);
	p->srv->stats.bytes_out += cqe.payload;
	return cqe.payload;
}

unsigned int
cons_peer_send(struct cons_peer *p)
{
	unsigned int work = 0;
	uint32_t bytes = 0;

	for (; p->read_count > 0 && work < SEND_READS && bytes < SEND_BYTES; work++) {
		const struct cons_instance *inst = p->instance;

		if (p->state == CONS_PEER_LEAVING) {
			send_event(p, &p->leave);
			cons_peer_detach(p);
		} else if (p->out_pos < cons_scroll_tail(&inst->scroll)) {
			send_cut(p, cons_scroll_tail(&inst->scroll));
		} else if (p->out_pos < inst->scroll.head) {
			bytes += send_data(p);
		} else if (inst->state == CONS_OVER) {
			send_ended(p);
		} else {
			break;
		}
	}
	return work;
}
