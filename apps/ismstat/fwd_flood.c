/* SPDX-License-Identifier: BSD-3-Clause */
/* flood: requests without payload, `burst` of them in a store. What counts is descriptors/s. */
#include "fwd_priv.h"

static uint32_t
slot(uint32_t size, uint32_t burst)
{
	RTE_SET_USED(size);
	RTE_SET_USED(burst);
	return 0;
}

static int
ask(struct fwd_tester *t, struct link_req *req, uint32_t most)
{
	RTE_SET_USED(most);
	req->op = FWD_NOP;
	req->off = t->seq & FWD_SEQ_MASK;
	return 1;
}

static int
serve(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe, const char **what)
{
	RTE_SET_USED(e);
	RTE_SET_USED(req);
	RTE_SET_USED(cqe);
	RTE_SET_USED(what);
	return 0;
}

const struct fwd_mode fwd_flood = {
	.name = "flood",
	.help = "requests without payload; descriptors a second",
	.id = FWD_MODE_FLOOD,
	.op = FWD_NOP,
	.size = 0,
	.window = 128,
	.burst = 32,
	.slot = slot,
	.ask = ask,
	.serve = serve,
};
