/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verify: as stream, but each byte follows from seed, number of the message and place in it
 * (SPEC-test "Contents"). Checked where it lands, sent back, and checked again.
 */
#include <string.h>

#include "fwd_priv.h"

/* Word i of message seq. */
static inline uint64_t
pattern(uint64_t seed, uint64_t seq, uint32_t i)
{
	uint64_t x = seed ^ (seq * UINT64_C(0x9e3779b97f4a7c15));

	x += (i + UINT64_C(1)) * UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 31;
	x *= UINT64_C(0x94d049bb133111eb);
	return rte_cpu_to_be_64(x ^ x >> 29);
}

static void
make(uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq)
{
	uint32_t i = 0;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word), i++) {
		word = pattern(seed, seq, i);
		memcpy(p, &word, sizeof(word));
	}
	word = pattern(seed, seq, i);
	memcpy(p, &word, size);
}

/* @return the place of the first wrong byte, or `size`. */
static uint32_t
check(const uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq)
{
	for (uint32_t off = 0; off < size; off += sizeof(uint64_t)) {
		uint32_t n = RTE_MIN(size - off, (uint32_t)sizeof(uint64_t));
		uint64_t want = pattern(seed, seq, off / (uint32_t)sizeof(want)), got = want;

		memcpy(&got, p + off, n);
		for (uint32_t i = 0; got != want && i < n; i++)
			if (((const uint8_t *)&got)[i] != ((const uint8_t *)&want)[i])
				return off + i;
	}
	return size;
}

/* Where message i of `count` begins in the payload. */
static uint32_t
place(uint32_t size, uint32_t count, uint32_t i)
{
	if (count == 1)
		return 0;
	return i * fwd_stride(size) + (uint32_t)sizeof(struct fwd_wire_message);
}

static int
ask(struct fwd_tester *t, struct link_req *req, uint32_t most)
{
	uint32_t count = fwd_messages_count(t, most);
	int ret;

	req->op = FWD_VERIFY;
	req->unit = (uint16_t)count;
	req->off = t->seq & FWD_SEQ_MASK;
	req->len = count * t->run.size;
	req->payload = fwd_packed_len(t->run.size, count);
	fwd_messages_head(t->out, t->run.size, count, t->seq);
	for (uint32_t i = 0; i < count; i++)
		make(t->out + place(t->run.size, count, i), t->run.size, t->run.seed, req->off + i);
	ret = link_req_payload(t->q, req->id, 0, t->out, req->payload);
	return ret != 0 ? ret : (int)count;
}

/* Did the header of message i come back as it was sent? */
static bool
head_ok(const uint8_t *payload, uint32_t size, const struct fwd_asked *asked, uint32_t i)
{
	uint64_t head = fwd_message_head(size, asked->off + i);

	return asked->unit == 1 || memcmp(payload + i * fwd_stride(size), &head, sizeof(head)) == 0;
}

static void
answered(struct fwd_tester *t, const struct fwd_asked *asked, const struct link_cqe *cqe)
{
	const uint8_t *p = link_slot_rx(t->q, cqe->id);
	uint64_t before = t->counts.mismatches;
	uint32_t size = t->run.size;

	for (uint32_t i = 0; i < asked->unit; i++) {
		uint32_t off = check(p + place(size, asked->unit, i), size, t->run.seed,
				     asked->off + i);

		if (off < size || !head_ok(p, size, asked, i))
			fwd_tester_mismatch(t, asked->off + i, off % size);
	}
	/* The other end saw a mismatch that did not come back with its answer. */
	if (cqe->status == FWD_MISMATCH && t->counts.mismatches == before)
		fwd_tester_mismatch(t, asked->off, cqe->result);
}

static int
serve(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	const uint8_t *payload = link_slot_payload(e->q, req->id);
	uint32_t size = e->begin.size;

	*what = fwd_gate_messages(payload, size, req->unit, req->off);
	if (*what != NULL)
		return -EPROTO;
	cqe->result = req->unit;
	cqe->payload = req->payload;
	for (uint32_t i = 0; i < req->unit; i++) {
		uint32_t at = place(size, req->unit, i);
		uint32_t off = check(payload + at, size, e->begin.seed, req->off + i);

		if (off == size)
			continue;
		fwd_count(&e->mismatches, 1);
		fwd_count(&e->owner->counts.mismatches, 1);
		if (cqe->status == FWD_OK)
			cqe->result = at + off;
		cqe->status = FWD_MISMATCH;
	}
	return link_rsp_payload(e->q, req->id, 0, payload, req->payload);
}

const struct fwd_mode fwd_verify = {
	.name = "verify",
	.help = "as stream, each byte checked there, sent back and checked here",
	.id = FWD_MODE_VERIFY,
	.op = FWD_VERIFY,
	.size = 64,
	.window = 16,
	.burst = 32,
	.slot = fwd_packed_len,
	.ask = ask,
	.answered = answered,
	.serve = serve,
};
