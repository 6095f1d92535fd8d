/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: requests of its queues in, answers out. Control hands queues over (blk_server_priv.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base_crc.h"
#include "base_tel.h"
#include "base_time.h"
#include "blk_log.h"
#include "blk_server_priv.h"

/*
 * What a session may take in a round while others want something, in bytes. An operation costs a
 * page besides its bytes; one that makes storage write, zero or search costs as much as many.
 */
#define QUANTUM (64 << 10)
#define COST_OP 4096
#define COST_MADE (4 * COST_OP) /* LIST, IDENTIFY */
#define COST_HEAVY (32 << 10)
#define CONTENDED_NS (2 * BASE_NS_PER_MS) /* several sessions within this time share it */
#define HEAVY_MAX 16 /* such operations of one session at once */
#define SEARCHES_MAX 1 /* and of those, searches */
#define MANY_QUEUES 16
#define QUIET_ROUNDS 1000

/* Its own thread's. */
static uint64_t
round_of(const struct blk_worker *w)
{
	return atomic_load_explicit(&w->round, memory_order_relaxed);
}

/* --- answers --- */

static void
break_queue(struct blk_queue *bq, int ret)
{
	/* -EINVAL would be a bug of ours; the peer gets rid of it by a new session. */
	if (ret == -EINVAL)
		link_queue_protocol_error(bq->link, "answer that the link refused");
	bq->broken = true;
}

/* What was just published: one look at the clock for the batch. */
static void
count_latencies(struct blk_queue *bq, unsigned int posted)
{
	uint64_t now = base_now_ns(), start;

	for (unsigned int i = 0; i < posted; i++) {
		if (bq->answered[i].unit == 0)
			continue;
		start = bq->answered[i].start_ns;
		base_hist_add(&bq->worker->counts[bq->answered[i].unit - 1].latency,
			      now > start ? now - start : 0, 1);
	}
}

static void
flush(struct blk_queue *bq)
{
	unsigned int posted = bq->posted;
	int ret;

	bq->posted = 0;
	bq->posted_bytes = 0;
	if (bq->broken)
		return;
	ret = link_rsp_flush(bq->link);
	if (ret == 0)
		count_latencies(bq, posted);
	else
		break_queue(bq, ret);
	base_count(&bq->worker->stats.flushes, 1);
}

static void
mark_dirty(struct blk_queue *bq)
{
	if (bq->dirty)
		return;
	bq->dirty = true;
	bq->next = bq->worker->dirty;
	bq->worker->dirty = bq;
}

static unsigned int
flush_dirty(struct blk_worker *w)
{
	unsigned int work = 0;
	struct blk_queue *bq;

	while ((bq = w->dirty) != NULL) {
		w->dirty = bq->next;
		bq->dirty = false;
		if (bq->posted > 0) {
			flush(bq);
			work++;
		}
	}
	return work;
}

/* The answer to one request: payload first, straight from where it is, then the descriptor. */
static void
answer(struct blk_job *job, enum blk_status status, const void *payload, uint32_t len,
       uint32_t result)
{
	struct blk_queue *bq = job->queue;
	struct link_cqe cqe = {
		.id = job->id,
		.status = status,
		.result = result,
		.payload = len,
	};
	int ret = 0;

	if (bq->broken)
		return;
	if (len > 0) {
		if (job->placed)
			ret = link_rsp_placed(bq->link, job->id, len);
		else
			ret = link_rsp_payload(bq->link, job->id, 0, payload, len);
		if (bq->digest)
			cqe.crc = base_crc32c(0, payload, len);
	}
	if (ret == 0)
		ret = link_rsp_post(bq->link, &cqe);
	if (ret != 0) {
		break_queue(bq, ret);
		return;
	}
	bq->answered[bq->posted].start_ns = job->start_ns;
	bq->answered[bq->posted].unit = job->unit;
	bq->posted++;
	bq->posted_bytes += len;
	if (bq->posted >= BLK_FLUSH_OPS || bq->posted_bytes >= BLK_FLUSH_BYTES)
		flush(bq);
	else
		mark_dirty(bq);
}

static void
count_job(struct blk_job *job, enum blk_status status)
{
	struct blk_counts *c = &job->queue->worker->counts[job->io.exp->unit - 1];
	uint8_t i = job->io.op;

	base_count(&c->ops[i], 1);
	if (status == BLK_OK)
		base_count(&c->bytes[i], job->io.len);
	else
		base_count(&c->errors[i], 1);
}

/*
 * The kernel told one flush of a lost write. Every session hears of it, by its own next flush:
 * its writes may have been the ones.
 */
static enum blk_status
flush_status(struct blk_job *job, enum blk_status status)
{
	_Atomic uint32_t *seen = &job->queue->session->flush_seen[job->io.exp->unit - 1];
	uint32_t errors = atomic_load_explicit(&job->io.exp->flush_errors, memory_order_relaxed);

	if (atomic_exchange_explicit(seen, errors, memory_order_relaxed) == errors)
		return status;
	job->told = errors;
	return status == BLK_OK ? BLK_EIO : status;
}

/* A new request in the slot: the answer before it, which told of lost writes, has been read. */
static void
confirm_told(struct blk_job *job)
{
	struct blk_party *party = job->queue->session->party;

	/* Not job->io.exp: that export may be gone. */
	atomic_store_explicit(&party->flush_known[job->unit - 1], job->told, memory_order_relaxed);
	job->told = 0;
}

/* --- shares --- */

static bool
is_heavy(const struct link_req *req)
{
	switch (req->op) {
	case BLK_FLUSH:
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
	case BLK_BLOCK_STATUS:
	case BLK_COPY:
		return true;
	default:
		return (req->flags & BLK_FLAG_FUA) != 0;
	}
}

static int64_t
cost_of(const struct link_req *req)
{
	if (req->op == BLK_LIST || req->op == BLK_IDENTIFY)
		return COST_MADE;
	if (req->op == BLK_READ || req->op == BLK_WRITE)
		return COST_OP + req->len + (is_heavy(req) ? COST_HEAVY : 0);
	return COST_HEAVY;
}

static void
share_begin(struct blk_worker *w, struct blk_share *share)
{
	uint64_t round = round_of(w);

	if (share->round == round)
		return;
	share->round = round;
	share->credit = RTE_MIN(share->credit + QUANTUM, (int64_t)QUANTUM);
}

/* May this request be served now? If not, it is the first one in the next round. */
static bool
share_allows(struct blk_worker *w, const struct blk_share *share, const struct link_req *req)
{
	if (share->inflight >= w->inflight_max) {
		base_count(&w->stats.waits_inflight, 1);
		return false;
	}
	if (is_heavy(req) && (share->heavy >= HEAVY_MAX ||
			      (req->op == BLK_BLOCK_STATUS &&
			       (share->extents >= SEARCHES_MAX || w->searching == BLK_SEARCHES)))) {
		base_count(&w->stats.waits_heavy, 1);
		return false;
	}
	if (w->now_ns < w->contended_ns && share->credit <= 0) {
		base_count(&w->stats.shares_used, 1);
		return false;
	}
	return true;
}

static void
share_take(struct blk_worker *w, struct blk_share *share, const struct link_req *req)
{
	if (w->last_share != share) {
		if (w->last_share != NULL)
			w->contended_ns = w->now_ns + CONTENDED_NS;
		w->last_share = share;
	}
	/* While it is alone it owes nothing. */
	if (w->now_ns < w->contended_ns)
		share->credit -= cost_of(req);
}

static void
job_begins(struct blk_job *job, const struct link_req *req)
{
	struct blk_share *share = job->queue->share;

	job->heavy = is_heavy(req);
	job->queue->busy++;
	share->inflight++;
	share->heavy += job->heavy;
}

/* A COPY holds its source, too: so many more or less do. */
static void
count_source(const struct blk_job *job, uint64_t n)
{
	if (job->io.op == BLK_COPY)
		base_count(&job->queue->worker->counts[job->io.from->unit - 1].copied_from, n);
}

static void
job_ends(struct blk_job *job)
{
	struct blk_share *share = job->queue->share;

	count_source(job, (uint64_t)-1);
	job->queue->busy--;
	share->inflight--;
	share->heavy -= job->heavy;
}

static void
job_done(struct blk_eio *io, enum blk_status status)
{
	struct blk_job *job = (struct blk_job *)io;
	bool payload = io->op == BLK_READ && status == BLK_OK;

	job_ends(job);
	if (io->op == BLK_FLUSH)
		status = flush_status(job, status);
	else if (io->op != BLK_READ)
		blk_export_changed(io->exp);
	count_job(job, status);
	answer(job, status, io->data, payload ? io->len : 0, 0);
}

/* --- requests --- */

static void
refuse(struct blk_job *job, enum blk_status status)
{
	base_count(&job->queue->worker->stats.refused, 1);
	answer(job, status, NULL, 0, 0);
}

/* --- BLOCK_STATUS --- */

static void
search(struct base_job *work)
{
	struct blk_search *s = (struct blk_search *)work;

	s->bytes = blk_answer_extents(s->exp, s->off, s->len, s->answer, s->size);
}

static void
search_end(struct blk_worker *w, struct blk_search *s)
{
	struct blk_job *job = s->job;

	s->job = NULL;
	w->searching--;
	job->queue->share->extents--;
	job_ends(job);
	count_job(job, BLK_OK);
	answer(job, BLK_OK, s->answer, s->bytes, 0);
}

/* There is a free one: share_allows() looked. Without a helper it is done here and now. */
static void
search_begin(struct blk_worker *w, struct blk_job *job, const struct link_req *req)
{
	struct blk_search *s = w->searches;

	while (s->job != NULL)
		s++;
	job_begins(job, req);
	job->queue->share->extents++;
	w->searching++;
	base_count(&w->stats.searches, 1);
	s->job = job;
	s->exp = job->io.exp;
	s->off = req->off;
	s->len = req->len;
	s->size = RTE_MIN(job->queue->slot_size, (uint32_t)BLK_SCRATCH);
	s->work.work = search;
	if (base_helper_submit(&s->work) == 0)
		return;
	search(&s->work);
	search_end(w, s);
}

static unsigned int
searches_poll(struct blk_worker *w)
{
	unsigned int work = 0;

	for (unsigned int i = 0; w->searching > 0 && i < BLK_SEARCHES; i++) {
		struct blk_search *s = &w->searches[i];

		if (s->job == NULL || !base_job_done(&s->work))
			continue;
		search_end(w, s);
		work++;
	}
	return work;
}

/* LIST, IDENTIFY: no payload but what we make. */
static void
serve_now(struct blk_job *job, const struct link_req *req)
{
	struct blk_queue *bq = job->queue;
	struct blk_worker *w = bq->worker;
	uint32_t size = RTE_MIN(bq->slot_size, (uint32_t)BLK_SCRATCH);
	uint32_t len, result = 0;

	if (req->op == BLK_LIST)
		len = blk_answer_list(w->srv, bq->session, req->off, w->scratch, size, &result);
	else
		len = blk_answer_identify(w->srv, req->unit, w->scratch);
	if (req->op != BLK_LIST)
		count_job(job, BLK_OK);
	answer(job, BLK_OK, w->scratch, len, result);
}

/*
 * Everything that the descriptor says, checked against what this session may do. Behind this the
 * request is as good as ours.
 */
static enum blk_status
check(const struct blk_queue *bq, const struct link_req *req, struct blk_export **exp)
{
	*exp = NULL;
	if (req->op == BLK_LIST)
		return blk_gate(req, 0, 0, bq->slot_size);
	if (!blk_session_granted(bq->session, req->unit))
		return BLK_ENOENT;
	*exp = blk_export_of(bq->worker->srv, req->unit);
	return blk_gate(req, atomic_load_explicit(&(*exp)->size, memory_order_relaxed),
			atomic_load_explicit(&(*exp)->flags, memory_order_relaxed), bq->slot_size);
}

/*
 * Finds what went wrong on the way, not what is meant ill: the peer may change its payload
 * right after. It only hurts its own data.
 */
static bool
digest_ok(const struct blk_queue *bq, const struct link_req *req)
{
	if (!bq->digest || req->payload == 0)
		return true;
	return base_crc32c(0, link_slot_payload(bq->link, req->id), req->payload) == req->crc;
}

/*
 * WRITE: the payload where it landed. READ: the peer's slot, so that the file's data needs no
 * store after it; NULL where the device has no such thing. With a digest the data must be what
 * it was computed of, so it is not in the peer's hands before.
 */
static void
find_data(struct blk_job *job, const struct link_req *req)
{
	struct blk_queue *bq = job->queue;

	job->io.data = NULL;
	if (req->op == BLK_WRITE)
		job->io.data = link_slot_payload(bq->link, req->id);
	else if (req->op == BLK_READ && !bq->digest)
		job->io.data = link_rsp_place(bq->link, req->id);
	job->placed = req->op == BLK_READ && job->io.data != NULL;
}

/* Where a COPY's bytes come from: read once, for the peer may write there at any time. */
static enum blk_status
check_source(struct blk_job *job, const struct link_req *req, const struct blk_export *to)
{
	const struct blk_queue *bq = job->queue;
	struct blk_copy from;
	uint16_t unit;

	memcpy(&from, link_slot_payload(bq->link, req->id), sizeof(from));
	unit = rte_be_to_cpu_16(from.unit);
	if (!blk_session_granted(bq->session, unit))
		return BLK_ENOENT;
	job->io.from = blk_export_of(bq->worker->srv, unit);
	job->io.from_off = rte_be_to_cpu_64(from.off);
	return blk_gate_copy(req, &from,
			     atomic_load_explicit(&job->io.from->size, memory_order_relaxed),
			     memcmp(job->io.from->id, to->id, sizeof(to->id)) == 0);
}

static void
serve(struct blk_queue *bq, const struct link_req *req)
{
	struct blk_job *job = &bq->jobs[req->id];
	struct blk_export *exp;
	enum blk_status status = check(bq, req, &exp);

	if (unlikely(job->told != 0))
		confirm_told(job);
	job->placed = false;
	job->unit = 0;
	if (status == BLK_OK && !digest_ok(bq, req)) {
		base_count(&bq->worker->stats.digest_errors, 1);
		status = BLK_EDIGEST;
	}
	if (status == BLK_OK && req->op == BLK_COPY)
		status = check_source(job, req, exp);
	if (status != BLK_OK) {
		refuse(job, status);
		return;
	}
	job->io.exp = exp;
	job->io.op = req->op;
	job->io.flags = req->flags;
	job->io.off = req->off;
	job->io.len = req->len;
	if (req->op != BLK_LIST) {
		job->unit = exp->unit;
		job->start_ns = bq->worker->now_ns;
		base_count(&bq->worker->counts[exp->unit - 1].started, 1);
	}
	if (req->op == BLK_LIST || req->op == BLK_IDENTIFY) {
		serve_now(job, req);
		return;
	}
	if (req->op == BLK_BLOCK_STATUS) {
		search_begin(bq->worker, job, req);
		return;
	}
	find_data(job, req);
	job->io.done = job_done;
	count_source(job, 1);
	job_begins(job, req);
	blk_engine_start(bq->worker->engine, &job->io);
}

/*
 * With many queues, those that have been empty for long are looked at in one of eight rounds, as
 * long as others keep the worker busy: a look costs all who are served.
 */
static bool
is_passed_over(const struct blk_worker *w, const struct blk_queue *bq)
{
	return w->hot && w->queue_count > MANY_QUEUES && round_of(w) - bq->wanted > QUIET_ROUNDS &&
	       (round_of(w) & 7) != (link_queue_index(bq->link) + bq->session->number) % 8;
}

/* More requests from the ring. @return whether there are some. */
static bool
fetch(struct blk_queue *bq)
{
	int n = link_sqe_poll(bq->link, bq->reqs, BLK_BURST);

	bq->broken = n < 0;
	bq->first = 0;
	bq->count = n > 0 ? (unsigned int)n : 0;
	return n > 0;
}

static unsigned int
take_requests(struct blk_queue *bq)
{
	struct blk_worker *w = bq->worker;
	struct blk_share *share = bq->share;
	unsigned int work = 0;

	if (bq->first == bq->count && (is_passed_over(w, bq) || !fetch(bq)))
		return 0;
	bq->wanted = round_of(w);
	share_begin(w, share);
	while (bq->first < bq->count && share_allows(w, share, &bq->reqs[bq->first])) {
		share_take(w, share, &bq->reqs[bq->first]);
		serve(bq, &bq->reqs[bq->first++]);
		work++;
	}
	base_count(&w->stats.requests, work);
	return work;
}

/* --- queues come and go --- */

void
blk_worker_give(struct blk_worker *w, struct blk_queue *bq)
{
	struct blk_queue *head = atomic_load_explicit(&w->inbox, memory_order_relaxed);

	/* Release: what control wrote into bq; pairs with the exchange in take_inbox(). */
	do {
		bq->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&w->inbox, &head, bq, memory_order_release,
							memory_order_relaxed));
}

static void
take_inbox(struct blk_worker *w)
{
	struct blk_queue *bq, *next;

	if (likely(atomic_load_explicit(&w->inbox, memory_order_relaxed) == NULL))
		return;
	/* Acquire: pairs with the release in blk_worker_give(). */
	bq = atomic_exchange_explicit(&w->inbox, NULL, memory_order_acquire);
	for (; bq != NULL; bq = next) {
		next = bq->next;
		bq->next = NULL;
		bq->wanted = round_of(w);
		w->queue_count++;
		TAILQ_INSERT_TAIL(&w->queues, bq, entry);
		base_count(&w->stats.queues, 1);
	}
}

/* After this the queue may be gone any moment: control frees it once it is detached. */
static void
drop(struct blk_worker *w, struct blk_queue *bq)
{
	TAILQ_REMOVE(&w->queues, bq, entry);
	w->queue_count--;
	if (w->last_share == bq->share)
		w->last_share = NULL;
	base_count_sub(&w->stats.queues, 1);
	link_queue_detach(bq->link);
}

unsigned int
blk_worker_poll(struct blk_worker *w, uint64_t now_ns)
{
	struct blk_queue *bq, *next;
	unsigned int work = 0;

	w->now_ns = now_ns;
	atomic_store_explicit(&w->round, round_of(w) + 1, memory_order_release);
	take_inbox(w);
	for (bq = TAILQ_FIRST(&w->queues); bq != NULL; bq = next) {
		next = TAILQ_NEXT(bq, entry);
		if (likely(!bq->broken))
			work += take_requests(bq);
		else if (bq->busy == 0)
			drop(w, bq);
	}
	work += blk_engine_poll(w->engine);
	work += searches_poll(w);
	work += flush_dirty(w);
	w->hot = work > 0;
	return work;
}

unsigned int
blk_worker_inflight(const struct blk_worker *w)
{
	return blk_engine_inflight(w->engine) + w->searching;
}

int
blk_worker_wake_fd(const struct blk_worker *w)
{
	return blk_engine_fd(w->engine);
}

int
blk_worker_drain(struct blk_worker *w, uint64_t timeout_ns)
{
	uint64_t end = base_now_ns() + timeout_ns;
	struct blk_queue *bq;
	int ret;

	take_inbox(w);
	ret = blk_engine_drain(w->engine, timeout_ns);
	while (ret == 0 && w->searching > 0) {
		if (searches_poll(w) > 0)
			continue;
		ret = base_now_ns() > end ? -ETIMEDOUT : 0;
		usleep(50);
	}
	flush_dirty(w);
	if (ret != 0)
		return ret;
	while ((bq = TAILQ_FIRST(&w->queues)) != NULL)
		drop(w, bq);
	return 0;
}

void
blk_worker_stats(const struct blk_worker *w, struct blk_worker_stats *stats)
{
	base_counters_read(&w->stats, stats, sizeof(*stats));
}

/* --- life --- */

int
blk_worker_init(struct blk_worker *w, struct blk_server *srv)
{
	struct blk_engine_conf conf = { .buffer_size = srv->conf.slot_max };
	uint8_t *answers;
	int ret;

	w->srv = srv;
	w->inflight_max = srv->conf.inflight_max;
	TAILQ_INIT(&w->queues);
	w->scratch = aligned_alloc(BLK_SCRATCH, BLK_SCRATCH);
	w->counts = calloc(BLK_EXPORTS_MAX, sizeof(*w->counts));
	answers = malloc((size_t)BLK_SEARCHES * BLK_SCRATCH);
	for (unsigned int i = 0; answers != NULL && i < BLK_SEARCHES; i++)
		w->searches[i].answer = answers + (size_t)i * BLK_SCRATCH;
	if (w->scratch == NULL || w->counts == NULL || answers == NULL) {
		ret = -ENOMEM;
		goto free_scratch;
	}
	ret = blk_engine_create(&conf, &w->engine);
	if (ret == 0)
		return 0;
free_scratch:
	free(answers);
	free(w->scratch);
	free(w->counts);
	w->searches[0].answer = NULL;
	w->scratch = NULL;
	w->counts = NULL;
	return ret;
}

void
blk_worker_fini(struct blk_worker *w)
{
	blk_engine_destroy(w->engine);
	free(w->searches[0].answer);
	free(w->scratch);
	free(w->counts);
}
