/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session: requests in, answers out. The peer is hostile: what it sends passes probe_gate.c, or
 * its session ends.
 */
#include <string.h>

#include "probe_gate.h"
#include "probe_server_priv.h"

/* Count anew. */
static void
begin_counts(struct probe_testee *e)
{
	e->seq = 0;
	e->requests = e->messages = e->bytes = e->mismatches = 0;
	e->polls = e->polls_empty = 0;
}

static bool
has_memory(const struct probe_testee *e)
{
	return (e->begin.mode->op != PROBE_READ && !e->begin.copy) || e->disk != NULL;
}

static int
serve_begin(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe,
	    const char **what)
{
	struct probe_testee_counts *counts = &e->worker->counts;
	struct probe_wire_begin wire;

	memcpy(&wire, link_slot_payload(e->q, req->id), sizeof(wire));
	*what = probe_gate_begin(&wire, link_queue_slot_size(e->q), &e->begin);
	if (*what != NULL)
		return -EPROTO;
	begin_counts(e);
	if (e->begin.mode == NULL)
		cqe->status = PROBE_NO_MODE;
	else if (!has_memory(e))
		cqe->status = PROBE_NO_MEMORY;
	if (cqe->status != PROBE_OK) {
		base_count(&counts->refused, 1);
		return 0;
	}
	e->running = true;
	base_count(&counts->runs, 1);
	base_count_set(&counts->begin_ns, e->worker->now);
	base_count_set(&counts->newest_ns, e->worker->now);
	base_count_set(&counts->mode, e->begin.mode->id);
	base_count_set(&counts->size, e->begin.size);
	return 0;
}

static int
serve_end(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe)
{
	struct probe_wire_report *wire = &e->report_wire;

	wire->requests = rte_cpu_to_be_64(e->requests);
	wire->messages = rte_cpu_to_be_64(e->messages);
	wire->bytes = rte_cpu_to_be_64(e->bytes);
	wire->mismatches = rte_cpu_to_be_64(e->mismatches);
	wire->polls = rte_cpu_to_be_64(e->polls);
	wire->polls_empty = rte_cpu_to_be_64(e->polls_empty);
	e->running = false;
	cqe->payload = sizeof(*wire);
	return link_rsp_payload(e->q, req->id, 0, wire, sizeof(*wire));
}

/* A request of the run. */
static int
serve_data(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe,
	   const char **what)
{
	uint32_t messages = RTE_MAX(req->unit, 1u);
	int ret = probe_testee_answer(e, req, cqe, what);

	if (unlikely(ret != 0))
		return ret;
	e->seq += messages;
	e->requests++;
	e->messages += messages;
	e->bytes += req->len;
	return 0;
}

/* @return 0; -EPROTO: *what; -errno of the link. */
static int
serve(struct probe_testee *e, const struct link_req *req, const char **what)
{
	struct link_cqe cqe = { .id = req->id };
	int ret;

	*what = probe_gate_req(req, e->running ? &e->begin : NULL, e->seq);
	if (unlikely(*what != NULL))
		return -EPROTO;
	if (unlikely(req->op == PROBE_BEGIN))
		ret = serve_begin(e, req, &cqe, what);
	else if (unlikely(req->op == PROBE_END))
		ret = serve_end(e, req, &cqe);
	else
		ret = serve_data(e, req, &cqe, what);
	return ret != 0 ? ret : link_rsp_post(e->q, &cqe);
}

/* What one look brought is counted at once, for all of its requests. */
static void
count(struct probe_testee *e, unsigned int n, uint64_t messages, uint64_t bytes)
{
	struct probe_testee_counts *counts = &e->worker->counts;

	base_count(&counts->requests, n);
	if (e->messages == messages)
		return;
	base_count(&counts->messages, e->messages - messages);
	base_count(&counts->bytes, e->bytes - bytes);
	base_count_set(&counts->newest_ns, e->worker->now);
}

/* @return requests that are there now, -errno. */
static int
fetch(struct probe_testee *e)
{
	int n = link_sqe_poll(e->q, e->reqs, PROBE_BURST);

	e->polls++;
	if (n <= 0) {
		e->polls_empty++;
		return n;
	}
	e->first = 0;
	e->count = (unsigned int)n;
	return n;
}

/* Of those that were fetched, as many as are paid for. @return as serve(). */
static int
serve_fetched(struct probe_testee *e, const char **what)
{
	uint64_t messages = e->messages, bytes = e->bytes;
	unsigned int n = 0;
	int ret = 0;

	while (ret == 0 && e->first < e->count && e->credit > 0) {
		const struct link_req *req = &e->reqs[e->first++];

		if (unlikely(req->op == PROBE_BEGIN))
			messages = bytes = 0;
		e->credit -= probe_testee_cost(req);
		ret = serve(e, req, what);
		n++;
	}
	/* serve_begin() has counted from 0 again. */
	count(e, n, messages, bytes);
	return ret;
}

int
probe_testee_serve(struct probe_testee *e)
{
	const char *what = NULL;
	unsigned int first;
	int ret;

	if (e->first == e->count) {
		ret = fetch(e);
		if (ret <= 0)
			return ret;
	}
	first = e->first;
	ret = serve_fetched(e, &what);
	if (unlikely(ret == -EPROTO || ret == -EINVAL)) {
		base_count(&e->worker->counts.errors_protocol, 1);
		link_queue_protocol_error(e->q, what != NULL ? what : "test: answer refused");
		return -ENOTCONN;
	}
	if (ret == 0)
		ret = link_rsp_flush(e->q);
	return ret != 0 ? ret : (int)(e->first - first);
}
