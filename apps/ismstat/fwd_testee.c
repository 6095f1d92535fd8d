/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answering end: for each session that others have with us, requests in, answers out. The
 * peer is hostile: what it sends passes fwd_gate.c, or its session ends.
 */
#include <stdlib.h>
#include <string.h>

#include "fwd_priv.h"

#define BURST 8u /* requests taken in one round, answered in one store */
#define ROUNDS 64u /* of one poll, while there is something to do */
#define SPINS 200u /* empty looks in a row that a poll takes while a run is on */

/* --- answers --- */

/* Count anew. */
static void
begin_counts(struct fwd_testee *e)
{
	e->seq = 0;
	e->requests = e->messages = e->bytes = e->mismatches = 0;
	e->polls = e->polls_empty = 0;
}

/* Memory that the mode needs. Kept until the session ends, so a peer can ask for it once. */
static bool
mode_memory(struct fwd_testee *e)
{
	if (e->begin.mode->op == FWD_READ && e->disk == NULL)
		e->disk = calloc(1, FWD_DISK_SIZE);
	if (e->begin.copy && e->sink == NULL)
		e->sink = calloc(1, FWD_SIZE_MAX);
	return (e->begin.mode->op != FWD_READ || e->disk != NULL) &&
	       (!e->begin.copy || e->sink != NULL);
}

static int
serve_begin(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe,
	    const char **what)
{
	struct fwd_received *counts = &e->owner->counts;
	struct fwd_wire_begin wire;

	memcpy(&wire, link_slot_payload(e->q, req->id), sizeof(wire));
	*what = fwd_gate_begin(&wire, link_queue_slot_size(e->q), &e->begin);
	if (*what != NULL)
		return -EPROTO;
	begin_counts(e);
	if (e->begin.mode == NULL)
		cqe->status = FWD_NO_MODE;
	else if (!mode_memory(e))
		cqe->status = FWD_NO_MEMORY;
	if (cqe->status != FWD_OK) {
		fwd_count(&counts->refused, 1);
		return 0;
	}
	e->running = true;
	fwd_count(&counts->runs, 1);
	fwd_put(&counts->begin_ns, e->owner->now);
	fwd_put(&counts->newest_ns, e->owner->now);
	fwd_put(&counts->mode, e->begin.mode->id);
	fwd_put(&counts->size, e->begin.size);
	return 0;
}

static int
serve_end(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe)
{
	struct fwd_wire_report *wire = &e->report_wire;

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
serve_data(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe,
	   const char **what)
{
	uint32_t messages = RTE_MAX(req->unit, 1u);
	int ret = e->begin.mode->serve(e, req, cqe, what);

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
serve(struct fwd_testee *e, const struct link_req *req, const char **what)
{
	struct link_cqe cqe = { .id = req->id };
	int ret;

	*what = fwd_gate_req(req, e->running ? &e->begin : NULL, e->seq);
	if (unlikely(*what != NULL))
		return -EPROTO;
	if (unlikely(req->op == FWD_BEGIN))
		ret = serve_begin(e, req, &cqe, what);
	else if (unlikely(req->op == FWD_END))
		ret = serve_end(e, req, &cqe);
	else
		ret = serve_data(e, req, &cqe, what);
	return ret != 0 ? ret : link_rsp_post(e->q, &cqe);
}

/* What one look brought is counted at once, for all of its requests. */
static void
count(struct fwd_testee *e, unsigned int n, uint64_t messages, uint64_t bytes)
{
	struct fwd_received *counts = &e->owner->counts;

	fwd_count(&counts->requests, n);
	if (e->messages == messages)
		return;
	fwd_count(&counts->messages, e->messages - messages);
	fwd_count(&counts->bytes, e->bytes - bytes);
	fwd_put(&counts->newest_ns, e->owner->now);
}

/* @return requests answered, -errno: the session is over. */
static int
round_of(struct fwd_testee *e)
{
	uint64_t messages = e->messages, bytes = e->bytes;
	struct link_req req[BURST];
	const char *what = NULL;
	int n = link_sqe_poll(e->q, req, BURST), ret = 0;

	e->polls++;
	if (n <= 0) {
		e->polls_empty++;
		return n;
	}
	for (int i = 0; i < n && ret == 0; i++) {
		if (unlikely(req[i].op == FWD_BEGIN))
			messages = bytes = 0;
		ret = serve(e, &req[i], &what);
	}
	/* serve_begin() has counted from 0 again. */
	count(e, (unsigned int)n, messages, bytes);
	if (unlikely(ret == -EPROTO || ret == -EINVAL)) {
		fwd_count(&e->owner->counts.lies, 1);
		link_queue_protocol_error(e->q, what != NULL ? what : "test: answer refused");
		return -ENOTCONN;
	}
	if (ret == 0)
		ret = link_rsp_flush(e->q);
	return ret != 0 ? ret : n;
}

/* --- sessions come and go --- */

int
fwd_testee_give(struct fwd_answerer *a, struct link_queue *q, struct fwd_testee **out)
{
	struct fwd_testee *e = calloc(1, sizeof(*e));
	struct fwd_testee *head = __atomic_load_n(&a->inbox, __ATOMIC_RELAXED);
	int ret;

	if (e == NULL)
		return -ENOMEM;
	e->q = q;
	e->owner = a;
	ret = link_queue_attach(q);
	if (ret != 0) {
		free(e);
		return ret;
	}
	*out = e;
	/* Release: what was written into e; partner: the exchange in take_inbox(). */
	do {
		e->next = head;
	} while (!__atomic_compare_exchange_n(&a->inbox, &head, e, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	return 0;
}

void
fwd_testee_free(struct fwd_testee *e)
{
	if (e == NULL)
		return;
	free(e->disk);
	free(e->sink);
	free(e);
}

static void
take_inbox(struct fwd_answerer *a)
{
	struct fwd_testee *e, *next;

	if (likely(__atomic_load_n(&a->inbox, __ATOMIC_RELAXED) == NULL))
		return;
	/* Acquire: partner is the release in fwd_testee_give(). */
	e = __atomic_exchange_n(&a->inbox, NULL, __ATOMIC_ACQUIRE);
	for (; e != NULL; e = next) {
		next = e->next;
		TAILQ_INSERT_TAIL(&a->testees, e, entry);
		fwd_count(&a->counts.sessions, 1);
	}
}

/* After this it may be gone any moment: control frees it once it is detached. */
static void
drop(struct fwd_answerer *a, struct fwd_testee *e)
{
	TAILQ_REMOVE(&a->testees, e, entry);
	fwd_put(&a->counts.sessions, a->counts.sessions - 1);
	link_queue_detach(e->q);
}

/* Rounds of one session, as long as there is something to do. */
static unsigned int
testee_poll(struct fwd_answerer *a, struct fwd_testee *e)
{
	uint64_t polls = e->polls, empty = e->polls_empty;
	unsigned int work = 0, spins = 0;
	bool was_running = e->running;
	int n = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		n = round_of(e);
		while (n == 0 && e->running && spins++ < SPINS)
			n = round_of(e);
		if (n <= 0)
			break;
		spins = 0;
		work += (unsigned int)n;
	}
	if (was_running && e->polls >= polls) {
		fwd_count(&a->counts.polls, e->polls - polls);
		fwd_count(&a->counts.polls_empty, e->polls_empty - empty);
	}
	if (n < 0)
		drop(a, e);
	return work;
}

unsigned int
fwd_answerer_poll(struct fwd_answerer *a, uint64_t now_ns)
{
	struct fwd_testee *e, *next;
	unsigned int work = 0;

	a->now = now_ns;
	take_inbox(a);
	for (e = TAILQ_FIRST(&a->testees); e != NULL; e = next) {
		next = TAILQ_NEXT(e, entry);
		work += testee_poll(a, e);
	}
	return work;
}

void
fwd_answerer_init(struct fwd_answerer *a)
{
	TAILQ_INIT(&a->testees);
}

void
fwd_answerer_stop(struct fwd_answerer *a)
{
	struct fwd_testee *e;

	take_inbox(a);
	while ((e = TAILQ_FIRST(&a->testees)) != NULL)
		drop(a, e);
}
