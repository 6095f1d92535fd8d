/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: how control and workers share sessions.
 *
 *	control                                 worker (one data thread each)
 *	on_up: make session and queues,
 *	       attach, put into inbox ------->  take out of the inbox, serve
 *	on_down: nothing                        queue BROKEN: take no more requests, wait until
 *	                                        the kernel has done with all ios of the queue,
 *	on_free: free both            <-------  forget the queue, detach it (the last touch)
 *
 * A write that the kernel still holds must not land after newer ones of the same peer: it
 * keeps its queue attached, and lib/link greets that peer anew only after all queues of its
 * old session are detached.
 */
#ifndef BLK_SERVER_PRIV_H
#define BLK_SERVER_PRIV_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "blk_engine.h"
#include "blk_export.h"
#include "blk_server.h"
#include "link.h"

/*
 * Answers are published in batches, for a store is what costs: but not so late that the client has
 * nothing to do meanwhile.
 */
#define BLK_FLUSH_OPS 16
#define BLK_FLUSH_BYTES (256u << 10)

#define BLK_UNIT_WORDS (BLK_EXPORTS_MAX / 64)

/*
 * One process of one GID, beyond its sessions. An error that it was told of in the last session may
 * not have reached it: then it must be told again in the next one, for it sends its FLUSH again.
 */
struct blk_party {
	TAILQ_ENTRY(blk_party)
	entry; /* of the server, newest last; all but flush_known is control's */
	uint64_t gid;
	struct link_epoch epoch;
	bool connected;
	/* flush_errors of each export that it has surely been told of. Workers. */
	_Atomic uint32_t flush_known[BLK_EXPORTS_MAX];
};
#define BLK_PARTIES_MAX 256 /* then those that have been away for the longest are forgotten */

struct blk_session {
	TAILQ_ENTRY(blk_session) entry; /* of the server; control's */
	struct blk_server *srv;
	struct link_session *link;
	uint64_t gid;
	struct blk_party *party;
	unsigned int queues;
	struct blk_queue *queue[LINK_QUEUES_MAX];
	/*
	 * Exports that this GID may use, by unit - 1. Control sets bits with release, workers
	 * read them with acquire: the export behind the bit.
	 */
	_Atomic uint64_t granted[BLK_UNIT_WORDS];
	/* flush_errors of each export that this session has been told of. Workers. */
	_Atomic uint32_t flush_seen[BLK_EXPORTS_MAX];
};

/* One request in work. */
struct blk_job {
	struct blk_eio io; /* first: its done() casts back */
	struct blk_queue *queue;
	uint16_t id; /* slot */
	uint16_t unit; /* of an export that counts it; 0 = none */
	uint64_t start_ns;
	uint32_t told; /* not 0: the answer was an error of that number in flush_errors */
	bool placed; /* a READ goes straight into the peer's slot */
};

/* One queue of a session, at the worker that serves it. */
struct blk_queue {
	TAILQ_ENTRY(blk_queue) entry; /* of the worker */
	struct blk_queue *next; /* inbox; dirty list */
	struct blk_worker *worker;
	struct blk_session *session;
	struct link_queue *link;
	uint32_t slot_size;
	bool digest; /* CRC32C of payloads was agreed */
	bool broken;
	bool dirty; /* answers posted and not flushed; on the worker's dirty list */
	unsigned int posted; /* since the last flush */
	struct {
		uint64_t start_ns;
		uint16_t unit;
	} answered[BLK_FLUSH_OPS]; /* those that were posted */
	uint32_t posted_bytes;
	unsigned int busy; /* requests in the engine */
	struct blk_job jobs[]; /* by slot */
};

/* Of one worker and export; one writer, relaxed. */
struct blk_counts {
	_Atomic uint64_t ops[BLK_OP_COUNT], bytes[BLK_OP_COUNT], errors[BLK_OP_COUNT];
	_Atomic uint64_t started;
	struct base_hist latency;
};

struct blk_worker_stats {
	uint64_t requests, refused, digest_errors, flushes, queues;
};

struct blk_worker {
	struct blk_server *srv;
	struct blk_engine *engine;
	TAILQ_HEAD(, blk_queue) queues;
	struct blk_queue *dirty;
	uint64_t now_ns; /* of the running round */
	uint8_t *scratch; /* answers that are made, not read: BLK_SCRATCH bytes */
	struct blk_counts *counts; /* BLK_EXPORTS_MAX */
	struct {
		_Atomic uint64_t requests, refused, digest_errors, flushes, queues;
	} stats;
	/* Control pushes with release, the worker takes all with acquire: the queues behind it. */
	_Atomic(struct blk_queue *) inbox;
} __rte_cache_aligned;

struct blk_server {
	struct blk_server_conf conf;
	struct blk_export *exports[BLK_EXPORTS_MAX]; /* by unit - 1 */
	/* Release by control after the export before it; acquire by all others. */
	_Atomic uint32_t exports_count;
	struct blk_worker *workers;
	TAILQ_HEAD(, blk_session) sessions; /* control's */
	TAILQ_HEAD(blk_party_list, blk_party) parties; /* control's */
	unsigned int party_count;
	unsigned int next_worker;
	uint64_t check_ns, stale_ns; /* when to look at sizes again */
	uint32_t generations; /* sum over exports, as last announced */
	uint32_t notice;
};

#define BLK_SCRATCH 4096 /* 16 records of LIST, 256 extents */

/* One writer per counter. */
static inline void
blk_count(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t was = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, was + n, memory_order_relaxed);
}

static inline bool
blk_session_granted(const struct blk_session *s, uint32_t unit)
{
	uint32_t i = unit - 1;

	return i < BLK_EXPORTS_MAX &&
	       (atomic_load_explicit(&s->granted[i / 64], memory_order_acquire) >> i % 64 & 1) != 0;
}

/* --- blk_worker.c --- */
int blk_worker_init(struct blk_worker *w, struct blk_server *srv);
void blk_worker_fini(struct blk_worker *w);
/* Control: hand an attached queue over. */
void blk_worker_give(struct blk_worker *w, struct blk_queue *bq);
/*
 * Control, in the worker's stead: end all ios, answer them, detach all queues. @return 0,
 * -ETIMEDOUT.
 */
int blk_worker_drain(struct blk_worker *w, uint64_t timeout_ns);
void blk_worker_stats(const struct blk_worker *w, struct blk_worker_stats *stats);

/* --- blk_answer.c: what is answered from what the server knows; @return bytes put into buf --- */
uint32_t blk_answer_identify(const struct blk_server *srv, uint16_t unit, void *buf);
/* @param count  how many exports the session may see. */
uint32_t blk_answer_list(const struct blk_server *srv, const struct blk_session *s, uint64_t index,
			 void *buf, uint32_t size, uint32_t *count);
/* At least one extent, contiguous from off, none beyond off + len. */
uint32_t blk_answer_extents(const struct blk_export *exp, uint64_t off, uint32_t len, void *buf,
			    uint32_t size);

/* --- blk_server_telemetry.c --- */
void blk_server_telemetry_add(struct blk_server *srv);
void blk_server_telemetry_remove(struct blk_server *srv);

#endif
