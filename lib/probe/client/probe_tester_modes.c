/* SPDX-License-Identifier: BSD-3-Clause */
/* What the asking end does in each mode (SPEC-test section 2). */
#include <string.h>

#include "probe_client_priv.h"
#include "probe_contents.h"

#define READS_OF_10 7

static int
store(struct probe_tester *t, struct link_req *req, int messages)
{
	int ret = link_req_payload(t->q, req->id, 0, t->out, req->payload);

	return ret != 0 ? ret : messages;
}

/* --- asking --- */

/* ping: a message there and back. What counts is how long that takes. */
static int
ask_echo(struct probe_tester *t, struct link_req *req)
{
	req->off = t->seq & PROBE_SEQ_MASK;
	req->len = req->payload = t->run.size;
	return store(t, req, 1);
}

/* stream: messages one way, `burst` of them in one slot. Verify: contents that both ends know. */
static int
ask_messages(struct probe_tester *t, struct link_req *req, uint32_t most)
{
	uint32_t count = RTE_MIN(t->run.burst, most), size = t->run.size;

	req->unit = (uint16_t)count;
	req->off = t->seq & PROBE_SEQ_MASK;
	req->len = count * size;
	req->payload = probe_packed_len(size, count);
	probe_messages_head(t->out, size, count, t->seq);
	for (uint32_t i = 0; req->op == PROBE_VERIFY && i < count; i++)
		probe_contents_make(t->out + probe_message_place(size, count, i), size, t->run.seed,
				    req->off + i);
	return store(t, req, (int)count);
}

/* flood: requests without payload, `burst` of them in a store. What counts is descriptors/s. */
static int
ask_nothing(struct probe_tester *t, struct link_req *req)
{
	req->off = t->seq & PROBE_SEQ_MASK;
	return 1;
}

/* xorshift64: random enough for places. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

/* io: reads and writes at random places of memory that the other end has for this session. */
static int
ask_disk(struct probe_tester *t, struct link_req *req)
{
	uint64_t random = random_next(&t->random);
	uint32_t places = PROBE_DISK_SIZE / t->run.size;

	req->len = t->run.size;
	req->off = (random >> 32) % places * t->run.size;
	req->op = random % 10 < READS_OF_10 ? PROBE_READ : PROBE_WRITE;
	if (req->op == PROBE_READ)
		return 1;
	req->payload = req->len;
	return store(t, req, 1);
}

int
probe_tester_ask(struct probe_tester *t, struct link_req *req, uint32_t most)
{
	req->op = t->run.mode->op;
	switch (req->op) {
	case PROBE_ECHO:
		return ask_echo(t, req);
	case PROBE_NOP:
		return ask_nothing(t, req);
	case PROBE_READ:
		return ask_disk(t, req);
	default:
		return ask_messages(t, req, most);
	}
}

/* --- answers --- */

static void
mismatch(struct probe_tester *t, uint64_t seq, uint64_t off)
{
	if (base_count_get(&t->counts.mismatches) == 0) {
		base_count_set(&t->counts.mismatch_seq, seq);
		base_count_set(&t->counts.mismatch_off, off);
	}
	base_count(&t->counts.mismatches, 1);
}

/* Did the header of message i come back as it was sent? */
static bool
head_ok(const uint8_t *payload, uint32_t size, const struct probe_asked *asked, uint32_t i)
{
	uint64_t head = probe_message_head(size, asked->off + i);

	return asked->unit == 1 ||
	       memcmp(payload + i * probe_stride(size), &head, sizeof(head)) == 0;
}

static void
check_messages(struct probe_tester *t, const struct probe_asked *asked, const struct link_cqe *cqe)
{
	const uint8_t *p = link_slot_rx(t->q, cqe->id);
	uint64_t before = base_count_get(&t->counts.mismatches);
	uint32_t size = t->run.size;

	for (uint32_t i = 0; i < asked->unit; i++) {
		uint32_t off = probe_contents_check(p + probe_message_place(size, asked->unit, i),
						    size, t->run.seed, asked->off + i);

		if (off < size || !head_ok(p, size, asked, i))
			mismatch(t, asked->off + i, off % size);
	}
	/* The other end saw a mismatch that did not come back with its answer. */
	if (cqe->status == PROBE_MISMATCH && base_count_get(&t->counts.mismatches) == before)
		mismatch(t, asked->off, cqe->result);
}

void
probe_tester_answered(struct probe_tester *t, const struct probe_asked *asked,
		      const struct link_cqe *cqe)
{
	/* As a reader does who wants the data in memory of its own. */
	if (asked->op == PROBE_READ)
		memcpy(t->in, link_slot_rx(t->q, cqe->id), cqe->payload);
	else if (asked->op == PROBE_VERIFY)
		check_messages(t, asked, cqe);
}
