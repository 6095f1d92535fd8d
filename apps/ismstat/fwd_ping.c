/* SPDX-License-Identifier: BSD-3-Clause */
/* ping: a message there and back. What counts is how long that takes. */
#include "fwd_priv.h"

static uint32_t
slot(uint32_t size, uint32_t burst)
{
	RTE_SET_USED(burst);
	return size;
}

static int
ask(struct fwd_tester *t, struct link_req *req, uint32_t most)
{
	int ret;

	RTE_SET_USED(most);
	req->op = FWD_ECHO;
	req->off = t->seq & FWD_SEQ_MASK;
	req->len = req->payload = t->run.size;
	ret = link_req_payload(t->q, req->id, 0, t->out, req->payload);
	return ret != 0 ? ret : 1;
}

/* Back from where it landed. */
static int
serve(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	RTE_SET_USED(what);
	cqe->payload = cqe->result = req->payload;
	return link_rsp_payload(e->q, req->id, 0, link_slot_payload(e->q, req->id), req->payload);
}

const struct fwd_mode fwd_ping = {
	.name = "ping",
	.help = "messages there and back; round-trip time",
	.id = FWD_MODE_PING,
	.op = FWD_ECHO,
	.size = 64,
	.window = 1,
	.burst = 1,
	.slot = slot,
	.ask = ask,
	.serve = serve,
};
