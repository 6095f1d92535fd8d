/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream: messages one way, `burst` of them in one slot. One store of payload carries many small
 * messages; the receiver walks them and checks each (SPEC-test "Packed messages").
 */
#include <string.h>

#include "fwd_priv.h"

uint32_t
fwd_messages_count(const struct fwd_tester *t, uint32_t most)
{
	return RTE_MIN(t->run.burst, most);
}

void
fwd_messages_head(uint8_t *out, uint32_t size, uint32_t count, uint64_t seq)
{
	uint32_t stride = fwd_stride(size);

	if (count == 1)
		return;
	for (uint32_t i = 0; i < count; i++, out += stride) {
		uint64_t word = fwd_message_head(size, seq + i);

		memcpy(out, &word, sizeof(word));
	}
}

static int
ask(struct fwd_tester *t, struct link_req *req, uint32_t most)
{
	uint32_t count = fwd_messages_count(t, most);
	int ret;

	req->op = FWD_MESSAGES;
	req->unit = (uint16_t)count;
	req->off = t->seq & FWD_SEQ_MASK;
	req->len = count * t->run.size;
	req->payload = fwd_packed_len(t->run.size, count);
	fwd_messages_head(t->out, t->run.size, count, t->seq);
	ret = link_req_payload(t->q, req->id, 0, t->out, req->payload);
	return ret != 0 ? ret : (int)count;
}

/* What a receiver does that wants the messages for itself. */
static void
copy_out(struct fwd_testee *e, const uint8_t *payload, uint32_t count)
{
	uint32_t size = e->begin.size, stride = fwd_stride(size);

	if (count == 1) {
		memcpy(e->sink, payload, size);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		memcpy(e->sink + i * stride, payload + i * stride + sizeof(struct fwd_wire_message),
		       size);
}

static int
serve(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	const uint8_t *payload = link_slot_payload(e->q, req->id);

	*what = fwd_gate_messages(payload, e->begin.size, req->unit, req->off);
	if (*what != NULL)
		return -EPROTO;
	if (e->begin.copy)
		copy_out(e, payload, req->unit);
	cqe->result = req->unit;
	return 0;
}

const struct fwd_mode fwd_stream = {
	.name = "stream",
	.help = "messages one way, many in a slot; messages and bytes a second",
	.id = FWD_MODE_STREAM,
	.op = FWD_MESSAGES,
	.size = 64,
	.window = 16,
	.burst = 32,
	.slot = fwd_packed_len,
	.ask = ask,
	.serve = serve,
};
