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

#include "base_counter.h"
#include "base_helper.h"
#include "blk_engine.h"
#include "blk_export.h"
#include "blk_server.h"
#include "blk_server_metrics.h"
#include "link.h"

/*
 * Answers are published in batches, for a store is what costs: but not so late that the client has
 * nothing to do meanwhile.
 */
#define BLK_FLUSH_OPS 16
#define BLK_FLUSH_BYTES (256u << 10)

#define BLK_BURST 32 /* requests taken from a queue in one round */

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

/*
 * What one session may use of one worker. While several want something, each gets so much in a
 * round, and what it takes beyond is missing in the next ones (deficit round robin). What waits
 * for storage is bounded always, so that there is room for the others'.
 */
struct blk_share {
	uint64_t round; /* of the worker, in which it got its credit last */
	int64_t credit; /* bytes and what stands for them; below 0: taken in advance */
	unsigned int inflight; /* requests in the engine, or with the helper */
	unsigned int heavy; /* of those, such as make storage write, zero or search */
	unsigned int extents; /* of those, searches */
} __rte_cache_aligned;

struct blk_session {
	TAILQ_ENTRY(blk_session) entry; /* of the server; control's */
	struct blk_share *shares; /* one a worker, the worker's */
	struct blk_server *srv;
	struct link_session *link;
	uint64_t gid;
	bool closed; /* by us; `link` is dead then */
	unsigned int number; /* counts sessions */
	struct blk_party *party;
	unsigned int queues;
	struct blk_queue *queue[LINK_QUEUES_MAX];
	/*
	 * Exports that this GID may use, by unit - 1. Control sets bits with release, and clears
	 * them; workers read them with acquire: the export behind the bit.
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
	bool heavy; /* counted as such */
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
	unsigned int busy; /* requests in the engine, or with the helper */
	struct blk_share *share;
	uint64_t wanted; /* round in which it had a request last */
	/* Taken from the ring, and served when it is the session's turn: first .. count - 1. */
	struct link_req reqs[BLK_BURST];
	unsigned int first, count;
	struct blk_job jobs[]; /* by slot */
};

/* Of one worker and export; one writer, relaxed. */
struct blk_counts {
	BLK_OP_METRICS(BLK_OP_LIVE)
	_Atomic uint64_t started;
	_Atomic uint64_t copied_from; /* COPYs in work that read from it; they count elsewhere */
	struct base_hist latency;
};

struct blk_worker_stats {
	BLK_WORKER_METRICS(BASE_METRIC_FIELD)
};

/* A BLOCK_STATUS on its way: the helper searches, for lseek() may take long or wait. */
struct blk_search {
	struct base_job work; /* first: the helper's pointer casts back */
	struct blk_job *job; /* NULL: free */
	const struct blk_export *exp;
	uint64_t off;
	uint32_t len, size;
	uint32_t bytes; /* of the answer */
	uint8_t *answer; /* BLK_SCRATCH bytes */
};
#define BLK_SEARCHES 4 /* of one worker at once */

struct blk_worker {
	struct blk_server *srv;
	struct blk_engine *engine;
	TAILQ_HEAD(, blk_queue) queues;
	struct blk_queue *dirty;
	uint64_t now_ns; /* of the running round */
	uint8_t *scratch; /* answers that are made, not read: BLK_SCRATCH bytes */
	/*
	 * Counts rounds. Release, at the start of one: who acquires it sees what the rounds before
	 * did, and that they are over.
	 */
	_Atomic uint64_t round;
	unsigned int queue_count;
	bool hot; /* the round before had work */
	const struct blk_share *last_share; /* that was served */
	uint64_t contended_ns; /* until then several sessions share the worker */
	unsigned int inflight_max; /* of one session */
	struct blk_search searches[BLK_SEARCHES];
	unsigned int searching;
	struct blk_counts *counts; /* BLK_EXPORTS_MAX */
	struct {
		BLK_WORKER_METRICS(BASE_METRIC_LIVE)
	} stats;
	/* Control pushes with release, the worker takes all with acquire: the queues behind it. */
	_Atomic(struct blk_queue *) inbox;
} __rte_cache_aligned;

/*
 * Where an export stands, as control sees it.
 *
 *	FREE ---> SERVED ---> LEAVING ----------------> CLOSING ---------> FREE
 *	    publish     remove     no worker knows it,       the helper has
 *	                           no request is in work     closed it
 *
 * It is used again when no session is left that knew the unit by its old meaning.
 */
enum blk_place_state {
	BLK_PLACE_FREE,
	BLK_PLACE_SERVED,
	BLK_PLACE_LEAVING,
	BLK_PLACE_CLOSING,
};

struct blk_place {
	/* The helper writes FREE with release, when it has done; all else is control's. */
	_Atomic uint8_t state;
	unsigned int session; /* the newest session when it was removed */
	uint64_t *rounds; /* LEAVING: of each worker, from which on it no longer knows the unit */
};

struct blk_server {
	struct blk_server_conf conf;
	/*
	 * By unit - 1; NULL: none. Control writes with release before it grants the unit; who has
	 * seen the grant, or holds telemetry's lock, reads.
	 */
	_Atomic(struct blk_export *) exports[BLK_EXPORTS_MAX];
	struct blk_place places[BLK_EXPORTS_MAX];
	_Atomic uint32_t exports_count; /* places that were ever used; control's */
	struct blk_worker *workers;
	TAILQ_HEAD(, blk_session) sessions; /* control's */
	TAILQ_HEAD(blk_party_list, blk_party) parties; /* control's */
	unsigned int party_count;
	unsigned int next_worker;
	unsigned int session_number; /* of the newest */
	uint64_t look_ns, check_ns; /* when to look at exports, and at sizes, again */
	uint32_t generations; /* sum over exports, as last announced */
	uint32_t notice;
};

#define BLK_SCRATCH 4096 /* 16 records of LIST, 256 extents */

static inline bool
blk_session_granted(const struct blk_session *s, uint32_t unit)
{
	uint32_t i = unit - 1;

	return i < BLK_EXPORTS_MAX &&
	       (atomic_load_explicit(&s->granted[i / 64], memory_order_acquire) >> i % 64 & 1) != 0;
}

/* The export behind a unit that was granted. Workers. */
static inline struct blk_export *
blk_export_of(const struct blk_server *srv, uint32_t unit)
{
	return atomic_load_explicit(&srv->exports[unit - 1], memory_order_relaxed);
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

/* --- blk_exports.c; control --- */

/* The export in place i, or NULL: none, or one that is leaving. */
struct blk_export *blk_export_at(const struct blk_server *srv, uint32_t i);
/* May this GID see and use it? NULL: no. */
bool blk_export_allows(const struct blk_export *exp, uint64_t gid);
/* A new session gets all exports that its GID may use. */
void blk_exports_grant(struct blk_session *s);
/* Look at sizes, and at exports that leave. @return work done. */
unsigned int blk_exports_poll(struct blk_server *srv, uint64_t now_ns);
/* No worker runs any more: @return whether the helper has done with all, before that time. */
bool blk_exports_settle(const struct blk_server *srv, uint64_t end_ns);
void blk_exports_close(struct blk_server *srv);
/* Counters of all workers together, of place i. */
void blk_exports_count(const struct blk_server *srv, uint32_t i, struct blk_export_stats *stats,
		       struct base_hist *latency);

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
/* Return when no telemetry client reads what it found before. May wait for one: not control. */
void blk_server_telemetry_pass(void);

#endif
