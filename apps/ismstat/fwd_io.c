/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io: what a disk does, without a disk. Reads and writes of `size` bytes at random places of
 * memory that the other end has for this session, 7 of 10 of them reads.
 */
#include <string.h>

#include "fwd_priv.h"

#define READS_OF_10 7

static uint32_t
slot(uint32_t size, uint32_t burst)
{
	RTE_SET_USED(burst);
	return size;
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

static int
ask(struct fwd_tester *t, struct link_req *req, uint32_t most)
{
	uint64_t random = random_next(&t->random);
	uint32_t places = FWD_DISK_SIZE / t->run.size;
	int ret;

	RTE_SET_USED(most);
	req->len = t->run.size;
	req->off = (random >> 32) % places * t->run.size;
	req->op = random % 10 < READS_OF_10 ? FWD_READ : FWD_WRITE;
	if (req->op == FWD_READ)
		return 1;
	req->payload = req->len;
	ret = link_req_payload(t->q, req->id, 0, t->out, req->payload);
	return ret != 0 ? ret : 1;
}

/* As a reader does who wants the data in memory of its own. */
static void
answered(struct fwd_tester *t, const struct fwd_asked *asked, const struct link_cqe *cqe)
{
	if (asked->op == FWD_READ)
		memcpy(t->in, link_slot_rx(t->q, cqe->id), cqe->payload);
}

static int
serve(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	uint8_t *at = e->disk + req->off;

	RTE_SET_USED(what);
	cqe->result = req->len;
	if (req->op == FWD_WRITE) {
		memcpy(at, link_slot_payload(e->q, req->id), req->len);
		return 0;
	}
	cqe->payload = req->len;
	return link_rsp_payload(e->q, req->id, 0, at, req->len);
}

const struct fwd_mode fwd_io = {
	.name = "io",
	.help = "reads and writes (7 to 3) as of a disk; operations a second, latency",
	.id = FWD_MODE_IO,
	.op = FWD_READ,
	.size = 4096,
	.window = 32,
	.burst = 1,
	.slot = slot,
	.ask = ask,
	.answered = answered,
	.serve = serve,
};
