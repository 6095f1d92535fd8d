/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: requests of its queues in, answers out. Control hands queues over (blk_server_priv.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base_crc.h"
#include "base_time.h"
#include "blk_log.h"
#include "blk_server_priv.h"

#define BURST 32 /* requests taken from a queue in one round */

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
	blk_count(&bq->worker->stats.flushes, 1);
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

	blk_count(&c->ops[i], 1);
	if (status == BLK_OK)
		blk_count(&c->bytes[i], job->io.len);
	else
		blk_count(&c->errors[i], 1);
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

	atomic_store_explicit(&party->flush_known[job->io.exp->unit - 1], job->told,
			      memory_order_relaxed);
	job->told = 0;
}

static void
job_done(struct blk_eio *io, enum blk_status status)
{
	struct blk_job *job = (struct blk_job *)io;
	bool payload = io->op == BLK_READ && status == BLK_OK;

	job->queue->busy--;
	if (io->op == BLK_FLUSH)
		status = flush_status(job, status);
	count_job(job, status);
	answer(job, status, io->data, payload ? io->len : 0, 0);
}

/* --- requests --- */

static void
refuse(struct blk_job *job, enum blk_status status)
{
	blk_count(&job->queue->worker->stats.refused, 1);
	answer(job, status, NULL, 0, 0);
}

/* LIST, IDENTIFY, BLOCK_STATUS: no payload but what we make. */
static void
serve_now(struct blk_job *job, const struct link_req *req)
{
	struct blk_queue *bq = job->queue;
	struct blk_worker *w = bq->worker;
	uint32_t size = RTE_MIN(bq->slot_size, (uint32_t)BLK_SCRATCH);
	uint32_t len, result = 0;

	switch (req->op) {
	case BLK_LIST:
		len = blk_answer_list(w->srv, bq->session, req->off, w->scratch, size, &result);
		break;
	case BLK_IDENTIFY:
		len = blk_answer_identify(w->srv, req->unit, w->scratch);
		break;
	default:
		len = blk_answer_extents(job->io.exp, req->off, req->len, w->scratch, size);
		break;
	}
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
	*exp = bq->worker->srv->exports[req->unit - 1];
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
		blk_count(&bq->worker->stats.digest_errors, 1);
		status = BLK_EDIGEST;
	}
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
		blk_count(&bq->worker->counts[exp->unit - 1].started, 1);
	}
	if (req->op == BLK_LIST || req->op == BLK_IDENTIFY || req->op == BLK_BLOCK_STATUS) {
		serve_now(job, req);
		return;
	}
	find_data(job, req);
	job->io.done = job_done;
	bq->busy++;
	blk_engine_start(bq->worker->engine, &job->io);
}

static unsigned int
take_requests(struct blk_queue *bq)
{
	struct link_req reqs[BURST];
	int n = link_sqe_poll(bq->link, reqs, BURST);

	if (n <= 0) {
		bq->broken = n < 0;
		return 0;
	}
	blk_count(&bq->worker->stats.requests, (unsigned int)n);
	for (int i = 0; i < n; i++)
		serve(bq, &reqs[i]);
	return (unsigned int)n;
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
		TAILQ_INSERT_TAIL(&w->queues, bq, entry);
		blk_count(&w->stats.queues, 1);
	}
}

/* After this the queue may be gone any moment: control frees it once it is detached. */
static void
drop(struct blk_worker *w, struct blk_queue *bq)
{
	TAILQ_REMOVE(&w->queues, bq, entry);
	blk_count(&w->stats.queues, (uint64_t)-1);
	link_queue_detach(bq->link);
}

unsigned int
blk_worker_poll(struct blk_worker *w, uint64_t now_ns)
{
	struct blk_queue *bq, *next;
	unsigned int work = 0;

	w->now_ns = now_ns;
	take_inbox(w);
	for (bq = TAILQ_FIRST(&w->queues); bq != NULL; bq = next) {
		next = TAILQ_NEXT(bq, entry);
		if (likely(!bq->broken))
			work += take_requests(bq);
		else if (bq->busy == 0)
			drop(w, bq);
	}
	work += blk_engine_poll(w->engine);
	work += flush_dirty(w);
	return work;
}

unsigned int
blk_worker_inflight(const struct blk_worker *w)
{
	return blk_engine_inflight(w->engine);
}

int
blk_worker_wake_fd(const struct blk_worker *w)
{
	return blk_engine_fd(w->engine);
}

int
blk_worker_drain(struct blk_worker *w, uint64_t timeout_ns)
{
	struct blk_queue *bq;
	int ret;

	take_inbox(w);
	ret = blk_engine_drain(w->engine, timeout_ns);
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
#define GET(field) stats->field = atomic_load_explicit(&w->stats.field, memory_order_relaxed)
	GET(requests);
	GET(refused);
	GET(digest_errors);
	GET(flushes);
	GET(queues);
#undef GET
}

/* --- life --- */

int
blk_worker_init(struct blk_worker *w, struct blk_server *srv)
{
	struct blk_engine_conf conf = { .buffer_size = srv->conf.slot_max };
	int ret;

	w->srv = srv;
	TAILQ_INIT(&w->queues);
	w->scratch = aligned_alloc(BLK_SCRATCH, BLK_SCRATCH);
	w->counts = calloc(BLK_EXPORTS_MAX, sizeof(*w->counts));
	if (w->scratch == NULL || w->counts == NULL) {
		ret = -ENOMEM;
		goto free_scratch;
	}
	ret = blk_engine_create(&conf, &w->engine);
	if (ret == 0)
		return 0;
free_scratch:
	free(w->scratch);
	free(w->counts);
	w->scratch = NULL;
	w->counts = NULL;
	return ret;
}

void
blk_worker_fini(struct blk_worker *w)
{
	blk_engine_destroy(w->engine);
	free(w->scratch);
	free(w->counts);
}
