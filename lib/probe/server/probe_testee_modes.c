/* SPDX-License-Identifier: BSD-3-Clause */
/* What the answering end does with a request of each mode (SPEC-test section 2). */
#include <string.h>

#include "probe_contents.h"
#include "probe_gate.h"
#include "probe_server_priv.h"

#define COST_REQUEST 4096
#define COST_VERIFY 4 /* times its bytes: computing what they should be takes longer than a store */

/* ping: back from where it landed. */
static int
echo(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe)
{
	cqe->payload = cqe->result = req->payload;
	return link_rsp_payload(e->q, req->id, 0, link_slot_payload(e->q, req->id), req->payload);
}

/* What a receiver does that wants the messages for itself. */
static void
copy_out(struct probe_testee *e, const uint8_t *payload, uint32_t count)
{
	uint32_t size = e->begin.size, stride = probe_stride(size);

	if (count == 1) {
		memcpy(e->sink, payload, size);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		memcpy(e->sink + i * stride,
		       payload + i * stride + sizeof(struct probe_wire_message), size);
}

/* stream: one store of payload carries many small messages; each header is looked at. */
static int
messages(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe,
	 const char **what)
{
	const uint8_t *payload = link_slot_payload(e->q, req->id);

	*what = probe_gate_messages(payload, e->begin.size, req->unit, req->off);
	if (*what != NULL)
		return -EPROTO;
	if (e->begin.copy)
		copy_out(e, payload, req->unit);
	cqe->result = req->unit;
	return 0;
}

/* verify: each byte is checked where it landed, and goes back from there. */
static int
verify(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	const uint8_t *payload = link_slot_payload(e->q, req->id);
	uint32_t size = e->begin.size;

	*what = probe_gate_messages(payload, size, req->unit, req->off);
	if (*what != NULL)
		return -EPROTO;
	cqe->result = req->unit;
	cqe->payload = req->payload;
	for (uint32_t i = 0; i < req->unit; i++) {
		uint32_t at = probe_message_place(size, req->unit, i);
		uint32_t off = probe_contents_check(payload + at, size, e->begin.seed,
						    req->off + i);

		if (off == size)
			continue;
		e->mismatches++;
		base_count(&e->worker->counts.mismatches, 1);
		if (cqe->status == PROBE_OK)
			cqe->result = at + off;
		cqe->status = PROBE_MISMATCH;
	}
	return link_rsp_payload(e->q, req->id, 0, payload, req->payload);
}

/* io: what a disk does, without a disk. */
static int
disk_read(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe)
{
	cqe->payload = cqe->result = req->len;
	return link_rsp_payload(e->q, req->id, 0, e->disk + req->off, req->len);
}

static int
disk_write(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe)
{
	memcpy(e->disk + req->off, link_slot_payload(e->q, req->id), req->len);
	cqe->result = req->len;
	return 0;
}

int
probe_testee_answer(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe,
		    const char **what)
{
	switch (req->op) {
	case PROBE_ECHO:
		return echo(e, req, cqe);
	case PROBE_MESSAGES:
		return messages(e, req, cqe, what);
	case PROBE_VERIFY:
		return verify(e, req, cqe, what);
	case PROBE_READ:
		return disk_read(e, req, cqe);
	case PROBE_WRITE:
		return disk_write(e, req, cqe);
	default: /* flood: the answer is all */
		return 0;
	}
}

int64_t
probe_testee_cost(const struct link_req *req)
{
	switch (req->op) {
	case PROBE_ECHO:
		return COST_REQUEST + 2 * (int64_t)req->payload;
	case PROBE_VERIFY:
		return COST_REQUEST + COST_VERIFY * (int64_t)req->payload;
	case PROBE_READ:
		return COST_REQUEST + (int64_t)req->len;
	default:
		return COST_REQUEST + (int64_t)req->payload;
	}
}
