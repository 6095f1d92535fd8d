/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one place where the TEST service looks at what a peer says (SPEC-test section 5): descriptors
 * were copied once by lib/link, records are copied by the caller, headers of messages are loaded
 * once each.
 */
#include <rte_branch_prediction.h>

#include "base_shared.h"
#include "probe_gate.h"

static const char *
gate_none(const struct link_req *req)
{
	if ((req->off | req->unit | req->len | req->payload) != 0)
		return "test request: field that is not 0";
	return NULL;
}

static const char *
gate_echo(const struct link_req *req, const struct probe_begin *begin, uint64_t seq)
{
	if (unlikely(req->off != (seq & PROBE_SEQ_MASK) || req->unit != 0))
		return "test request: sequence number";
	if (unlikely(req->len != begin->size || req->payload != req->len))
		return "test request: length";
	return NULL;
}

static const char *
gate_messages(const struct link_req *req, const struct probe_begin *begin, uint64_t seq)
{
	if (unlikely(req->off != (seq & PROBE_SEQ_MASK)))
		return "test request: sequence number";
	if (unlikely(req->unit == 0 || req->unit > begin->burst))
		return "test request: number of messages";
	/* Cannot overflow: BEGIN's gate has seen that burst messages fit into a slot. */
	if (unlikely(req->len != req->unit * begin->size ||
		     req->payload != probe_packed_len(begin->size, req->unit)))
		return "test request: length";
	return NULL;
}

static const char *
gate_io(const struct link_req *req, const struct probe_begin *begin)
{
	uint32_t payload = req->op == PROBE_WRITE ? req->len : 0;

	if (unlikely(req->unit != 0 || req->len != begin->size || req->payload != payload))
		return "test request: length";
	if (unlikely(req->off > PROBE_DISK_SIZE - req->len))
		return "test request: outside the memory";
	return NULL;
}

const char *
probe_gate_req(const struct link_req *req, const struct probe_begin *begin, uint64_t seq)
{
	uint8_t op = req->op == PROBE_WRITE ? (uint8_t)PROBE_READ : req->op;

	if (unlikely((req->flags | req->crc) != 0))
		return "test request: flags";
	if (req->op == PROBE_BEGIN) {
		if (begin != NULL)
			return "test request: BEGIN in a run";
		if ((req->off | req->unit | req->len) != 0 ||
		    req->payload != sizeof(struct probe_wire_begin))
			return "test request: BEGIN";
		return NULL;
	}
	if (unlikely(begin == NULL))
		return "test request: outside a run";
	if (req->op == PROBE_END)
		return gate_none(req);
	if (unlikely(op != begin->mode->op))
		return "test request: operation of another mode";
	switch (op) {
	case PROBE_ECHO:
		return gate_echo(req, begin, seq);
	case PROBE_READ:
		return gate_io(req, begin);
	case PROBE_NOP:
		if (unlikely(req->off != (seq & PROBE_SEQ_MASK)))
			return "test request: sequence number";
		return (req->unit | req->len | req->payload) == 0 ? NULL : "test request: length";
	default:
		return gate_messages(req, begin, seq);
	}
}

const char *
probe_gate_begin(const struct probe_wire_begin *wire, uint32_t slot_size, struct probe_begin *begin)
{
	uint16_t flags = rte_be_to_cpu_16(wire->flags);

	begin->mode = probe_mode_by_id(rte_be_to_cpu_16(wire->mode));
	begin->copy = (flags & PROBE_BEGIN_COPY) != 0;
	begin->size = rte_be_to_cpu_32(wire->size);
	begin->burst = rte_be_to_cpu_16(wire->burst);
	begin->seed = rte_be_to_cpu_64(wire->seed);
	/* Of a mode that we do not know nothing else is known. */
	if (begin->mode == NULL)
		return NULL;
	if ((flags & ~PROBE_BEGIN_FLAGS) != 0 || wire->reserved != 0 || wire->reserved2 != 0)
		return "BEGIN: reserved bits";
	if (rte_be_to_cpu_16(wire->window) == 0 ||
	    rte_be_to_cpu_16(wire->window) > PROBE_WINDOW_MAX)
		return "BEGIN: window";
	if (begin->burst == 0 || begin->burst > PROBE_BURST_MAX)
		return "BEGIN: burst";
	if (begin->mode->op == PROBE_NOP ? begin->size != 0
					 : begin->size == 0 || begin->size > slot_size)
		return "BEGIN: size";
	/* 64 bits: burst and size are whatever the peer says. */
	if (begin->burst > 1 && begin->mode->op != PROBE_NOP &&
	    (uint64_t)begin->burst * probe_stride(begin->size) > slot_size)
		return "BEGIN: more than a slot holds";
	return NULL;
}

const char *
probe_gate_messages(const void *payload, uint32_t size, uint32_t count, uint64_t seq)
{
	const uint8_t *p = payload;
	uint32_t stride = probe_stride(size);

	if (count == 1)
		return NULL;
	/* The peer may change a header after it was looked at; nothing depends on it then. */
	for (uint32_t i = 0; i < count; i++, p += stride) {
		uint64_t head = atomic_load_explicit(base_shared((const uint64_t *)p),
						     memory_order_relaxed);

		if (unlikely(head != probe_message_head(size, seq + i)))
			return "test request: header of a message";
	}
	return NULL;
}

/* The result of a request that went well. */
static uint32_t
result_of(const struct probe_asked *asked)
{
	switch (asked->op) {
	case PROBE_MESSAGES:
	case PROBE_VERIFY:
		return asked->unit;
	case PROBE_ECHO:
	case PROBE_READ:
	case PROBE_WRITE:
		return asked->len;
	default:
		return 0;
	}
}

/* Bytes of payload that come back. */
static uint32_t
payload_of(const struct probe_asked *asked)
{
	switch (asked->op) {
	case PROBE_ECHO:
	case PROBE_VERIFY:
		return asked->payload;
	case PROBE_READ:
		return asked->len;
	case PROBE_END:
		return sizeof(struct probe_wire_report);
	default:
		return 0;
	}
}

const char *
probe_gate_cqe(const struct link_cqe *cqe, const struct probe_asked *asked)
{
	if (unlikely((cqe->flags | cqe->crc) != 0))
		return "test answer: flags";
	if (asked->op == PROBE_BEGIN) {
		if (cqe->status > PROBE_NO_MEMORY || (cqe->result | cqe->payload) != 0)
			return "test answer: BEGIN";
		return NULL;
	}
	if (unlikely(cqe->payload != payload_of(asked)))
		return "test answer: length";
	if (unlikely(cqe->status == PROBE_MISMATCH && asked->op == PROBE_VERIFY))
		return cqe->result < asked->payload ? NULL : "test answer: place of a mismatch";
	if (unlikely(cqe->status != PROBE_OK))
		return "test answer: status";
	if (unlikely(cqe->result != result_of(asked)))
		return "test answer: count";
	return NULL;
}

const char *
probe_gate_report(const struct probe_wire_report *wire, const struct probe_sent *sent)
{
	if (rte_be_to_cpu_64(wire->requests) != sent->requests ||
	    rte_be_to_cpu_64(wire->messages) != sent->messages ||
	    rte_be_to_cpu_64(wire->bytes) != sent->bytes)
		return "test report: not what was sent";
	if (rte_be_to_cpu_64(wire->mismatches) > sent->messages ||
	    rte_be_to_cpu_64(wire->polls_empty) > rte_be_to_cpu_64(wire->polls))
		return "test report: impossible";
	return NULL;
}
