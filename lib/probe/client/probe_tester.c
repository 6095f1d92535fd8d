/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The asking end of a run.
 *
 *	           order          BEGIN answered        time, count, halt
 *	IDLE ----------> BEGIN ------------------> RUN ------------------> DRAIN
 *	  ^                                                                  | all answered
 *	  |                        END answered                              v
 *	  +---------------------------------------------------------------- END
 *
 * From everywhere: the session breaks, the peer lies or does not answer: the run is over.
 */
#include <stdio.h>
#include <string.h>

#include "base_time.h"
#include "base_tel.h"
#include "probe_client_priv.h"
#include "probe_gate.h"

#define ALONE_LOOKS 64u /* of one poll, while there is something to do */
#define ALONE_SPINS 400u /* empty looks in a row that a poll takes: an answer is on its way */
#define CQES 64u /* answers taken in one look */
#define SHARED_BYTES (64u << 10) /* of answers taken in a round of a thread that others need */
#define BATCHES 4u /* of a window */
#define BATCH_BYTES (32u << 10) /* payload that waits for its descriptor at most */

/* --- shared words --- */

/* Partner: the release in run_order(): t->run is there. */
static uint32_t
ordered(const struct probe_tester *t)
{
	return atomic_load_explicit(&t->order, memory_order_acquire);
}

/* A number alone: relaxed. */
static bool
halted(const struct probe_tester *t)
{
	return atomic_load_explicit(&t->halt, memory_order_relaxed) == probe_tester_order(t);
}

static void
set_phase(struct probe_tester *t, enum probe_phase phase)
{
	atomic_store_explicit(&t->phase, (uint32_t)phase, memory_order_relaxed);
	t->heard_ns = t->now;
}

/* These two are the data thread's own: relaxed. */
static enum probe_phase
phase_now(const struct probe_tester *t)
{
	return (enum probe_phase)atomic_load_explicit(&t->phase, memory_order_relaxed);
}

static uint32_t
finished(const struct probe_tester *t)
{
	return atomic_load_explicit(&t->finished, memory_order_relaxed);
}

/* The run is over; the counters are final. */
static void
finish(struct probe_tester *t, enum probe_end end, const char *text)
{
	t->end = end;
	snprintf(t->text, sizeof(t->text), "%s", text);
	for (unsigned int i = 0; end != PROBE_END_DONE && i < RTE_DIM(t->asked); i++) {
		if (t->asked[i].op >= PROBE_ECHO)
			base_count(&t->counts.lost, RTE_MAX(t->asked[i].unit, 1u));
		t->asked[i].op = 0;
	}
	if (end == PROBE_END_LIED)
		base_count(&t->counts.errors_protocol, 1);
	else if (end == PROBE_END_STUCK)
		base_count(&t->counts.errors_stuck, 1);
	else if (end == PROBE_END_BROKEN)
		base_count(&t->counts.errors_broken, 1);
	t->inflight = 0;
	set_phase(t, t->q != NULL ? PROBE_PHASE_IDLE : PROBE_PHASE_NONE);
	/* Partner: the acquire in run_over(). */
	atomic_store_explicit(&t->finished, probe_tester_order(t), memory_order_release);
}

/* --- requests --- */

/* A slot with the memory of what is asked in it. @return NULL: none is free. */
static struct probe_asked *
asked_new(struct probe_tester *t, struct link_req *req)
{
	int id = link_slot_get(t->q);

	if (unlikely(id < 0))
		return NULL;
	*req = (struct link_req){ .id = (uint16_t)id };
	return &t->asked[id];
}

static int
asked_post(struct probe_tester *t, struct probe_asked *asked, const struct link_req *req)
{
	asked->sent_ns = t->now;
	asked->off = req->off;
	asked->len = req->len;
	asked->payload = req->payload;
	asked->unit = req->unit;
	asked->op = req->op;
	t->inflight++;
	return link_req_post(t->q, req);
}

/* BEGIN and END. */
static int
ask_control(struct probe_tester *t, uint8_t op, const void *payload, uint32_t len)
{
	struct link_req req;
	struct probe_asked *asked = asked_new(t, &req);
	int ret = 0;

	if (asked == NULL)
		return -ENOTCONN;
	req.op = op;
	req.payload = len;
	if (len > 0)
		ret = link_req_payload(t->q, req.id, 0, payload, len);
	if (ret == 0)
		ret = asked_post(t, asked, &req);
	return ret != 0 ? ret : link_req_flush(t->q);
}

/* How many answers a round may take: where others need the thread, no more than so many bytes. */
static unsigned int
answers_of_round(const struct probe_tester *t)
{
	uint32_t bytes = t->run.mode->slot(t->run.size, t->run.burst);

	if (!t->shared || bytes == 0)
		return CQES;
	return RTE_MAX(RTE_MIN(SHARED_BYTES / bytes, CQES), 1u);
}

static int
begin(struct probe_tester *t)
{
	const struct probe_run *run = &t->run;
	struct probe_wire_begin wire = {
		.mode = rte_cpu_to_be_16(run->mode->id),
		.flags = rte_cpu_to_be_16(run->copy ? PROBE_BEGIN_COPY : 0),
		.size = rte_cpu_to_be_32(run->size),
		.burst = rte_cpu_to_be_16((uint16_t)run->burst),
		.window = rte_cpu_to_be_16((uint16_t)run->window),
		.seed = rte_cpu_to_be_64(run->seed),
	};

	base_counters_clear(&t->counts, sizeof(t->counts));
	base_hist_clear(&t->latency);
	memset(t->asked, 0, sizeof(t->asked));
	/* Bytes that tell where they come from, for whoever looks at the memory. */
	for (uint32_t i = 0; i < sizeof(t->out); i++)
		t->out[i] = (uint8_t)(i * 7 + 1);
	t->seq = t->messages = t->bytes = t->asked_requests = 0;
	t->inflight = 0;
	t->waiting = false;
	t->random = (run->seed ^ UINT64_C(0x9e3779b97f4a7c15)) | 1;
	t->gap = run->mode->op == PROBE_NOP ? RTE_MIN(run->burst, run->window) : 1;
	t->batch = RTE_MAX(RTE_MAX(run->window / BATCHES, 1u), t->gap);
	t->taken = answers_of_round(t);
	set_phase(t, PROBE_PHASE_BEGIN);
	return ask_control(t, PROBE_BEGIN, &wire, sizeof(wire));
}

/* How many messages may be sent now. */
static uint64_t
allowance(const struct probe_tester *t)
{
	uint64_t most = UINT64_MAX, elapsed;

	if (t->run.count != 0)
		most = t->run.count - t->messages;
	if (t->run.rate != 0) {
		elapsed = (t->now - base_count_get(&t->counts.begin_ns)) / BASE_NS_PER_US;
		/* The first one at once. */
		elapsed = (elapsed / 1000000 * t->run.rate) +
			  elapsed % 1000000 * t->run.rate / 1000000 + 1;
		most = RTE_MIN(most, elapsed > t->messages ? elapsed - t->messages : 0);
	}
	return most;
}

/* @return messages sent; -errno of the link. */
static int
ask_one(struct probe_tester *t, uint64_t most, uint32_t *bytes)
{
	struct link_req req;
	struct probe_asked *asked = asked_new(t, &req);
	int n, ret;

	if (unlikely(asked == NULL))
		return 0;
	n = probe_tester_ask(t, &req, (uint32_t)RTE_MIN(most, (uint64_t)PROBE_BURST_MAX));
	ret = n < 0 ? n : asked_post(t, asked, &req);
	if (unlikely(ret != 0))
		return ret;
	t->seq += (uint32_t)n;
	t->messages += (uint32_t)n;
	t->bytes += req.len;
	t->asked_requests++;
	*bytes += req.payload;
	return n;
}

/*
 * Ask for a part of the window, in one batch: with all of it at once, either end would wait while
 * the other one works. @return requests sent, -errno of the link.
 */
static int
ask_more(struct probe_tester *t)
{
	uint64_t most = allowance(t);
	uint32_t bytes = 0, sent = 0;
	int ret;

	if (t->run.window - t->inflight < t->gap && t->inflight != 0)
		return 0;
	while (sent < t->batch && bytes < BATCH_BYTES && t->inflight < t->run.window && most > 0) {
		ret = ask_one(t, most, &bytes);
		if (unlikely(ret < 0))
			return ret;
		if (unlikely(ret == 0))
			break;
		most -= (uint32_t)ret;
		sent++;
	}
	base_count(&t->counts.requests, sent);
	ret = link_req_flush(t->q);
	return ret != 0 ? ret : (int)sent;
}

/* --- answers --- */

/* @return what is wrong with it. */
static const char *
take_report(struct probe_tester *t, uint16_t id)
{
	const struct probe_sent sent = { t->asked_requests, t->messages, t->bytes };
	struct probe_wire_report wire;
	const char *what;

	memcpy(&wire, link_slot_rx(t->q, id), sizeof(wire));
	what = probe_gate_report(&wire, &sent);
	if (what != NULL)
		return what;
	base_count_set(&t->counts.peer_messages, rte_be_to_cpu_64(wire.messages));
	base_count_set(&t->counts.peer_polls, rte_be_to_cpu_64(wire.polls));
	base_count_set(&t->counts.peer_polls_empty, rte_be_to_cpu_64(wire.polls_empty));
	return NULL;
}

/* BEGIN or END was answered. @return what is wrong with it. */
static const char *
control_answered(struct probe_tester *t, const struct probe_asked *asked,
		 const struct link_cqe *cqe)
{
	const char *what;

	if (asked->op == PROBE_END) {
		what = take_report(t, cqe->id);
		if (what == NULL)
			finish(t, PROBE_END_DONE, "");
		return what;
	}
	if (cqe->status != PROBE_OK) {
		base_count(&t->counts.errors_status, 1);
		finish(t, PROBE_END_REFUSED,
		       cqe->status == PROBE_NO_MODE ? "it does not know this mode"
						    : "it has no memory for this mode");
		return NULL;
	}
	base_count_set(&t->counts.begin_ns, t->now);
	base_count_set(&t->counts.end_ns, t->now);
	set_phase(t, PROBE_PHASE_RUN);
	return NULL;
}

/* @return what is wrong with it. */
static const char *
answered(struct probe_tester *t, const struct link_cqe *cqe, uint64_t *messages, uint64_t *bytes)
{
	struct probe_asked *at = &t->asked[cqe->id], asked = *at;
	const char *what = probe_gate_cqe(cqe, &asked);

	if (unlikely(what != NULL))
		return what;
	t->inflight--;
	at->op = 0;
	if (likely(asked.op >= PROBE_ECHO)) {
		probe_tester_answered(t, &asked, cqe);
		*messages += RTE_MAX(asked.unit, 1u);
		*bytes += asked.len;
		base_hist_add(&t->latency, t->now - asked.sent_ns, 1);
	} else {
		what = control_answered(t, &asked, cqe);
	}
	link_slot_put(t->q, cqe->id);
	return what;
}

/* @return answers taken; -errno: the run is over, and so is the session. */
static int
take_answers(struct probe_tester *t)
{
	uint64_t messages = 0, bytes = 0;
	struct link_cqe cqe[CQES];
	const char *what = NULL;
	int n = link_cqe_poll(t->q, cqe, t->taken);

	base_count(&t->counts.polls, 1);
	if (n <= 0) {
		base_count(&t->counts.polls_empty, 1);
		return n;
	}
	t->now = t->heard_ns = base_now_ns();
	for (int i = 0; i < n && what == NULL; i++)
		what = answered(t, &cqe[i], &messages, &bytes);
	base_count(&t->counts.answers, (unsigned int)n);
	if (likely(messages != 0)) {
		base_count(&t->counts.messages, messages);
		base_count(&t->counts.bytes, bytes);
		base_count_set(&t->counts.end_ns, t->now);
	}
	if (unlikely(what != NULL)) {
		link_queue_protocol_error(t->q, what);
		finish(t, PROBE_END_LIED, what);
		return -ENOTCONN;
	}
	return n;
}

/* --- rounds --- */

static bool
run_over(const struct probe_tester *t)
{
	return halted(t) || (t->run.count != 0 && t->messages >= t->run.count) ||
	       (t->run.time_ns != 0 &&
		t->now - base_count_get(&t->counts.begin_ns) >= t->run.time_ns);
}

/* The window is full: were answers there already, or are they waited for? Counted once a wait. */
static void
count_stall(struct probe_tester *t, int answers)
{
	if (!t->waiting)
		base_count(answers > 0 ? &t->counts.stalls_local : &t->counts.stalls_remote, 1);
	t->waiting = answers == 0;
}

/* @return requests and answers, -errno. */
static int
round_run(struct probe_tester *t)
{
	bool full;
	int sent, n = 0;

	if (unlikely(run_over(t))) {
		set_phase(t, PROBE_PHASE_DRAIN);
		return 1;
	}
	sent = ask_more(t);
	if (unlikely(sent < 0))
		return sent;
	/* Answers can wait while there is much room to ask: a look costs a cache line. */
	full = t->inflight >= t->run.window;
	if (sent == 0 || t->inflight > t->run.window / 2) {
		n = take_answers(t);
		if (full)
			count_stall(t, n);
	}
	return n < 0 ? n : sent + n;
}

static int
round_drain(struct probe_tester *t)
{
	if (t->inflight == 0) {
		set_phase(t, PROBE_PHASE_END);
		return ask_control(t, PROBE_END, NULL, 0) != 0 ? -ENOTCONN : 1;
	}
	return take_answers(t);
}

/* @return work done, 0: nothing yet; -errno: the session is over. */
static int
round_of(struct probe_tester *t)
{
	switch (phase_now(t)) {
	case PROBE_PHASE_RUN:
		return round_run(t);
	case PROBE_PHASE_DRAIN:
		return round_drain(t);
	case PROBE_PHASE_BEGIN:
	case PROBE_PHASE_END:
		return take_answers(t);
	default:
		break;
	}
	/* A run may have been ordered for a newer queue, which waits until this one is dropped. */
	if (link_queue_state(t->q) != LINK_QUEUE_UP)
		return -ENOTCONN;
	return ordered(t) == finished(t) ? 0 : begin(t) != 0 ? -ENOTCONN : 1;
}

/* The peer's control lives, or the session would be over; its data does not. */
static bool
is_stuck(const struct probe_tester *t)
{
	return phase_now(t) >= PROBE_PHASE_BEGIN && t->inflight > 0 &&
	       t->now > t->heard_ns + PROBE_ANSWER_NS;
}

static void
take_queue(struct probe_tester *t)
{
	if (likely(atomic_load_explicit(&t->fresh, memory_order_relaxed) == NULL))
		return;
	/* Partner: the release in probe_client_control.c's on_up(). */
	t->q = atomic_exchange_explicit(&t->fresh, NULL, memory_order_acquire);
	set_phase(t, PROBE_PHASE_IDLE);
}

/* The session is over. */
static void
drop_queue(struct probe_tester *t)
{
	struct link_queue *q = t->q;

	t->q = NULL;
	if (phase_now(t) >= PROBE_PHASE_BEGIN)
		finish(t, PROBE_END_BROKEN, "");
	set_phase(t, PROBE_PHASE_NONE);
	link_queue_detach(q);
}

void
probe_tester_init(struct probe_tester *t, bool shared)
{
	t->shared = shared;
	t->looks = shared ? 1 : ALONE_LOOKS;
	t->spins = shared ? 0 : ALONE_SPINS;
	t->taken = CQES;
}

unsigned int
probe_tester_poll(struct probe_tester *t, uint64_t now_ns)
{
	unsigned int work = 0, spins = 0;
	int n = 0;

	t->now = now_ns;
	if (t->q == NULL)
		take_queue(t);
	if (t->q == NULL) {
		/* The session broke before the run began. */
		if (ordered(t) != finished(t))
			finish(t, PROBE_END_BROKEN, "");
		return 0;
	}
	for (unsigned int i = 0; i < t->looks; i++) {
		n = round_of(t);
		while (n == 0 && t->inflight > 0 && spins++ < t->spins)
			n = round_of(t);
		if (n <= 0)
			break;
		spins = 0;
		work += (unsigned int)n;
	}
	if (n == 0 && is_stuck(t))
		finish(t, PROBE_END_STUCK, "");
	if (n < 0)
		drop_queue(t);
	return work;
}

void
probe_tester_stop(struct probe_tester *t)
{
	if (t->q != NULL)
		drop_queue(t);
	take_queue(t);
	if (t->q != NULL)
		drop_queue(t);
}
