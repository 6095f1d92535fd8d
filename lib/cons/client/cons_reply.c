/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate for what a server answers (SPEC-cons section 7). Behind it a completion fits its
 * request, positions continue the stream, and texts are safe on a terminal.
 */
#include <errno.h>
#include <string.h>

#include "base_text.h"
#include "cons_client_priv.h"

#define SIGNALS_MAX 127

static int
gate_read(const struct link_cqe *cqe, uint32_t slot_size, uint64_t out_next)
{
	if (cqe->status == CONS_EGONE)
		return cqe->flags == 0 && cqe->payload == 0 && cqe->result == 0 ? 0 : -EPROTO;
	if (cqe->status != CONS_OK)
		return -EPROTO;
	switch (cqe->flags) {
	case CONS_KIND_DATA:
		if (cqe->payload == 0 || cqe->result != (uint32_t)out_next)
			return -EPROTO;
		return out_next + cqe->payload <= CONS_POS_MAX ? 0 : -EPROTO;
	case CONS_KIND_EVENT:
		if (cqe->result != 0)
			return -EPROTO;
		return cqe->payload == sizeof(struct cons_wire_event) ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}

/* An error may do without the record, but for those that it explains. */
static int
gate_attach(const struct link_cqe *cqe)
{
	bool explained = cqe->status == CONS_OK || cqe->status == CONS_EBUSY ||
			 cqe->status == CONS_EIO;

	if (cqe->flags != 0 || cqe->result != 0 || cqe->status >= CONS_STATUS_COUNT)
		return -EPROTO;
	if (cqe->payload == 0 && !explained)
		return 0;
	return cqe->payload == sizeof(struct cons_wire_attached) ? 0 : -EPROTO;
}

/* Input, size, break, end of file, detach: no payload, and few ways to fail. */
static int
gate_plain(const struct link_cqe *cqe)
{
	if (cqe->flags != 0 || cqe->result != 0 || cqe->payload != 0)
		return -EPROTO;
	switch (cqe->status) {
	case CONS_OK:
	case CONS_EPERM:
	case CONS_EGONE:
		return 0;
	default:
		return -EPROTO;
	}
}

int
cons_reply_gate(uint8_t op, const struct link_cqe *cqe, uint32_t slot_size, uint64_t out_next)
{
	if (cqe->payload > slot_size)
		return -EPROTO;
	switch (op) {
	case CONS_LIST:
		return cqe->flags == 0 && cqe->status == CONS_OK ? 0 : -EPROTO;
	case CONS_ATTACH:
		return gate_attach(cqe);
	case CONS_READ:
		return gate_read(cqe, slot_size, out_next);
	default:
		return gate_plain(cqe);
	}
}

static int
take_text(char *dst, const char *src, size_t size)
{
	if (memchr(src, '\0', size) == NULL)
		return -EPROTO;
	base_text_clean(dst, size, src, size);
	return 0;
}

/* A position that the wire can carry. */
static bool
take_pos(uint64_t *dst, rte_be64_t src)
{
	*dst = rte_be_to_cpu_64(src);
	return *dst <= CONS_POS_MAX;
}

/*
 * Where history ends. A server that does not tell it sends as much of it as we asked for, at most;
 * what it has kept for one that comes back was not history when it was said.
 */
static int
take_head(const struct cons_wire_attached *wire, const struct cons_wire_attach *asked,
	  struct cons_attached *a)
{
	a->head = a->out_pos;
	if ((rte_be_to_cpu_32(wire->told) & CONS_TOLD_HEAD) == 0) {
		if (asked->instance == 0)
			a->head += rte_be_to_cpu_32(asked->history);
		return 0;
	}
	return take_pos(&a->head, wire->head) && a->head >= a->out_pos ? 0 : -EPROTO;
}

/* What only a successful answer must have. */
static int
check_attached(const struct cons_wire_attach *asked, uint16_t unit, const struct cons_attached *a)
{
	bool observe = (rte_be_to_cpu_32(asked->flags) & CONS_ATTACH_OBSERVE) != 0;
	bool writer = (a->flags & CONS_ATTACHED_WRITER) != 0;

	if (a->instance == 0 || a->unit == 0 || a->name[0] == '\0' || observe == writer)
		return -EPROTO;
	if (unit != 0 && a->unit != unit)
		return -EPROTO;
	/* Resumed: the stream cannot go back, and what is skipped is told. */
	if (a->instance == rte_be_to_cpu_64(asked->instance) &&
	    a->out_pos != rte_be_to_cpu_64(asked->out_pos) + a->lost)
		return -EPROTO;
	return 0;
}

int
cons_reply_attached(const struct cons_wire_attached *wire, const struct cons_wire_attach *asked,
		    uint16_t unit, uint16_t status, struct cons_attached *out)
{
	memset(out, 0, sizeof(*out));
	if (take_text(out->name, wire->name, sizeof(out->name)) != 0 ||
	    take_text(out->text, wire->text, sizeof(out->text)) != 0)
		return -EPROTO;
	if (!take_pos(&out->out_pos, wire->out_pos) || !take_pos(&out->in_pos, wire->in_pos) ||
	    !take_pos(&out->lost, wire->lost))
		return -EPROTO;
	out->instance = rte_be_to_cpu_64(wire->instance);
	out->writer = rte_be_to_cpu_64(wire->writer);
	out->flags = rte_be_to_cpu_32(wire->flags) &
		     (CONS_ATTACHED_DEVICE | CONS_ATTACHED_WRITER | CONS_ATTACHED_OWNED);
	out->unit = rte_be_to_cpu_16(wire->unit);
	if (status != CONS_OK)
		return 0;
	return take_head(wire, asked, out) == 0 ? check_attached(asked, unit, out) : -EPROTO;
}

static bool
ended_code_valid(uint32_t code)
{
	return code < CONS_ENDED_SIGNAL || code == CONS_ENDED_HANGUP ||
	       (code > CONS_ENDED_SIGNAL && code <= CONS_ENDED_SIGNAL + SIGNALS_MAX);
}

int
cons_reply_event(const struct cons_wire_event *wire, uint64_t out_next, struct cons_event *out)
{
	memset(out, 0, sizeof(*out));
	if (take_text(out->text, wire->text, sizeof(out->text)) != 0 ||
	    !take_pos(&out->out_pos, wire->out_pos))
		return -EPROTO;
	out->type = rte_be_to_cpu_32(wire->type);
	out->code = rte_be_to_cpu_32(wire->code);
	out->value = rte_be_to_cpu_64(wire->value);
	switch (out->type) {
	case CONS_EVENT_CUT:
		/* The position tells the same as the count: neither may lie. */
		return out->value != 0 && out->value <= CONS_POS_MAX &&
				       out->out_pos == out_next + out->value
			       ? 0
			       : -EPROTO;
	case CONS_EVENT_ENDED:
		return ended_code_valid(out->code) ? 0 : -EPROTO;
	case CONS_EVENT_TAKEN:
	case CONS_EVENT_DETACHED:
		return 0;
	default:
		return -EPROTO;
	}
}

int
cons_reply_list(const struct link_cqe *cqe, uint32_t index)
{
	uint32_t n = cqe->payload / (uint32_t)sizeof(struct cons_wire_info);

	if (cqe->payload % sizeof(struct cons_wire_info) != 0)
		return -EPROTO;
	if (cqe->result > CONS_CONSOLES_MAX)
		return -EPROTO;
	/* The list may have become shorter while we asked; but an answer that brings
	 * nothing while there is more would have us ask for ever. */
	if (index >= cqe->result)
		return n == 0 ? 0 : -EPROTO;
	return n != 0 && n <= cqe->result - index ? (int)n : -EPROTO;
}

int
cons_reply_info(const struct cons_wire_info *wire, struct cons_info *out)
{
	memset(out, 0, sizeof(*out));
	if (take_text(out->name, wire->name, sizeof(out->name)) != 0 ||
	    take_text(out->desc, wire->desc, sizeof(out->desc)) != 0 || out->name[0] == '\0')
		return -EPROTO;
	if (!take_pos(&out->out_pos, wire->out_pos))
		return -EPROTO;
	out->instance = rte_be_to_cpu_64(wire->instance);
	out->writer = rte_be_to_cpu_64(wire->writer);
	out->flags = rte_be_to_cpu_32(wire->flags) & (CONS_INFO_DEVICE | CONS_INFO_MAY_WRITE);
	out->age = rte_be_to_cpu_32(wire->age);
	out->writer_age = rte_be_to_cpu_32(wire->writer_age);
	out->observers = rte_be_to_cpu_16(wire->observers);
	out->rows = rte_be_to_cpu_16(wire->rows);
	out->cols = rte_be_to_cpu_16(wire->cols);
	for (size_t i = 0; i < RTE_DIM(out->observer); i++)
		out->observer[i] = rte_be_to_cpu_64(wire->observer[i]);
	return 0;
}
