/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions between two GIDs, and request/response queues over DMBs.
 *
 * Words
 *   link       everything of one function: its sessions, its listeners. One control thread.
 *   session    one initiator and one listener that agreed on a service. Made from a GID alone
 *              (DESIGN D5, SPEC-link section 3).
 *   queue      one request ring (in the listener's DMB), one completion ring (in the
 *              initiator's DMB) and `depth` slots. Owned by one data thread on each side.
 *   slot       request id 0..depth-1. Slot i has `slot_size` bytes in the listener's DMBs (payload
 *              of request i lands there) and as many in the initiator's (payload of its response).
 *              Where a payload lies follows from the id: no address ever crosses the link.
 *
 * Who calls what: link_poll() and all session calls belong to ONE control thread. Queue
 * calls of one queue belong to one data thread (which may be the same). Between the two
 * there is one word, the queue's state:
 *
 *             control               data thread            control
 *      DOWN ----------> UP (use it) ----------> (BROKEN) ------------> DOWN
 *            session up       any time: control      data called
 *                             sets BROKEN            link_queue_detach()
 *
 * Calls on a queue that is not attached answer -ENOTCONN. on_up may attach and hand the
 * queue over to its data thread: then the session cannot end unseen in between. A data
 * thread that has called link_queue_attach() must look at link_queue_state() (or at
 * -ENOTCONN from a call) and call link_queue_detach() soon after BROKEN: only then are the
 * DMBs unregistered and, on the initiator's side, is the session made anew. A queue nobody
 * has attached is not waited for.
 *
 * A listener detaches only when nothing that the queue's requests started is running any more: the
 * link answers a new call of the same peer only after that, so that a request which the peer
 * sends again in its next session can never be overtaken by its first issue.
 *
 * The peer is hostile (DESIGN D9): what comes out of link_sqe_poll() and link_cqe_poll() has
 * passed the gate of link_gate.c (ids, states, lengths); payload in slots has not and may
 * change at any time.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link_metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

struct link;
struct link_session;
struct link_queue;

#define LINK_QUEUES_MAX 16 /* of one session */
#define LINK_DEPTH_MAX 256 /* slots of one queue; a power of two */
#define LINK_SLOT_MAX (256 * 1024) /* bytes of one slot; a multiple of 4 KiB */
#define LINK_RETRY_MAX_MS (3600 * 1000)
#define LINK_REASON_MAX 96 /* bytes of text in a refusal or close, NUL included */

enum link_service {
	LINK_SERVICE_BLK = 1,
	LINK_SERVICE_CONS = 2,
	LINK_SERVICE_TEST = 3, /* link tests of dpdk-ismstat, and unit tests */
	/* 128 to 255: whoever runs both sides chooses one (SPEC-link section 3.1). */
	LINK_SERVICE_PRIVATE_MIN = 128,
	LINK_SERVICE_PRIVATE_MAX = 255,
};

#define LINK_FEATURE_DIGEST (1u << 0) /* CRC32C of payloads in descriptors */

/* Why a session is not up. */
enum link_why {
	LINK_WHY_NONE = 0,
	LINK_WHY_UNREACHABLE, /* the fabric does not know the GID, or refuses */
	LINK_WHY_TIMEOUT, /* nobody answers: no listener there (yet) */
	LINK_WHY_REFUSED, /* the listener does not allow our GID */
	LINK_WHY_NO_SERVICE, /* it has no such service */
	LINK_WHY_VERSION, /* no common version or a required feature is missing */
	LINK_WHY_BUSY, /* its session limit is reached */
	LINK_WHY_CLOSED, /* it closed the session in good order */
	LINK_WHY_SILENT, /* keepalive ran out */
	LINK_WHY_REVOKED, /* an event said that the peer, or a DMB of the session, is gone */
	LINK_WHY_STORE, /* a store was refused, again and again */
	LINK_WHY_PROTOCOL, /* it broke the protocol */
	LINK_WHY_DEVICE, /* our own function was lost */
	LINK_WHY_MEMORY, /* not enough DMBs or memory on our side */
	LINK_WHY_LOCAL, /* we closed it */
};
#define LINK_WHY_COUNT (LINK_WHY_LOCAL + 1)
/* For people. Static texts, for any value; so are those of the next two. Any thread. */
const char *link_why_str(enum link_why why);
/* One word, for programs: "no_service". */
const char *link_why_name(enum link_why why);
/* "blk", "cons", "test"; the number of a private service: "128"; else "?". */
const char *link_service_str(unsigned int service);

/* One process of one boot of one system: what HELLO tells of each side (DESIGN D11). */
struct link_epoch {
	uint8_t boot[16]; /* the system's boot id */
	uint64_t process; /* random, one per process start; see link_epoch() */
};

struct link_conf {
	uint16_t dev_id; /* an open function of the PMD */
	uint16_t vlan; /* 0 = none */
	uint32_t keepalive_ms; /* a store per interval and session; 0 = 1000 */
	uint32_t dead_ms; /* no keepalive seen for this long: dead; 0 = 4 * keepalive_ms */
	/*
	 * What sessions of listeners may take together, and those of one GID: sessions, bytes of
	 * DMBs of ours, and how many DMBs. Who cannot have what it asks for is offered less, down
	 * to one queue; then it is refused. 0: sessions 1024, bytes and DMBs unbounded.
	 */
	uint32_t sessions_max;
	uint64_t memory_max, caller_memory_max;
	uint32_t caller_dmbs_max;
	struct link_epoch epoch; /* all zero: read from the system */
};

/* A part of what a function can give to sessions. */
struct link_share {
	uint32_t sessions;
	uint32_t dmbs;
	uint64_t bytes;
};

/*
 * The function must have been opened (rte_pmd_ism_open()) and stays the caller's, but its events
 * are the link's from now on.
 * @return 0; -ENODEV there is no open function dev_id; -ENOMEM; -EINVAL keepalive_ms not 10..60000,
 *         dead_ms below twice that, sessions_max above 1024, or vlan above 4094.
 */
int link_create(const struct link_conf *conf, struct link **link);
/*
 * Keep a part of the function for one service: sessions of other services never take it. Private
 * services cannot have that: they share what is left. Before the first session. Control thread.
 * @return 0; -EINVAL no such service, or a private one.
 */
int link_keep(struct link *link, enum link_service service, const struct link_share *part);
/*
 * Closes all sessions (telling the peers), waits for no one: every queue must be detached. No
 * callback runs. Not from a callback. Tolerates NULL.
 */
void link_destroy(struct link *link);

/* The function that it was made for. Any thread. */
uint16_t link_dev_id(const struct link *link);
/* link_conf.epoch, or what zeros stand for: a process that goes on for this one gives it again. */
const struct link_epoch *link_epoch(const struct link *link);
/* link_conf.dead_ms, or what 0 stands for. Any thread. */
uint32_t link_dead_ms(const struct link *link);

/*
 * One round of control: events, rendezvous, keepalive, teardown, reconnection, and reopening
 * the function when it was lost (every 200 ms at first, then up to 2 s apart). Cheap when
 * nothing is due: call it from each round of the control loop. Callbacks run inside.
 * @return how much was done.
 */
unsigned int link_poll(struct link *link, uint64_t now_ns);
/*
 * The control thread has served somebody in this round: for the next 10 ms the set-ups of others
 * leave it as much time as they take. Without that they take all of it.
 */
void link_shares_thread(struct link *link, uint64_t now_ns);

/* What a session looks like, for people and for the layer above. */
struct link_session_info {
	uint64_t rgid;
	enum link_service service;
	bool initiator;
	bool up;
	enum link_why why; /* if not up: the newest reason */
	char reason[LINK_REASON_MAX]; /* the peer's own words, cleaned; may be empty */
	bool goodbye; /* not up: the peer ended its newest session because it wanted to */
	uint16_t version;
	uint32_t features; /* agreed */
	uint16_t queues;
	uint16_t depth;
	uint32_t slot_size;
	struct link_epoch peer_epoch;
	uint64_t up_since_ns;
	LINK_SESSION_METRICS(BASE_METRIC_FIELD)
	uint64_t errors
		[LINK_WHY_COUNT]; /* attempts that failed and sessions that ended, by reason */
};
/* Control thread. */
void link_session_info(const struct link_session *s, struct link_session_info *info);
/* Counted over all of a link's sessions, dead ones included. */
struct link_stats {
	LINK_METRICS(BASE_METRIC_FIELD)
	uint64_t errors[LINK_WHY_COUNT];
};
/* Any thread, as long as the link is there; each counter by itself is right. */
void link_stats(const struct link *link, struct link_stats *stats);
/* Calls fn for each session that exists; fn may close sessions. Control thread. */
void link_session_each(struct link *link, void (*fn)(void *arg, struct link_session *s), void *arg);

/*
 * End all sessions with that GID that are up, as if they were lost: on_down is called. Those that
 * we opened are opened again; the peer of an accepted one may call again. Control thread.
 * @return how many.
 */
unsigned int link_drop(struct link *link, uint64_t gid, const char *reason);

/*
 * The application's word to the peer, carried by the keepalive store: changes go out at
 * the next link_poll(). The peer's on_notice gets the newest value (values in between may be lost).
 * Control thread, in any phase: what is set while the session is down goes out when it is up.
 */
void link_session_set_notice(struct link_session *s, uint32_t notice);

struct link_session_ops {
	/* Queues are UP; sizes may differ from what was asked for (the listener may lower them). */
	void (*on_up)(void *arg, struct link_session *s);
	/* Queues are BROKEN. An accepted session is freed after all its queues are detached and
	 * this has returned; an opened one is tried again for ever. */
	void (*on_down)(void *arg, struct link_session *s, enum link_why why);
	/* optional */
	void (*on_notice)(void *arg, struct link_session *s, uint32_t notice);
	/*
	 * Accepted sessions only: all queues are detached, forget the session now: its
	 * memory serves the next one. Optional.
	 */
	void (*on_free)(void *arg, struct link_session *s);
};

/* --- initiator --- */
struct link_open_conf {
	uint64_t rgid;
	enum link_service service;
	uint16_t queues; /* 1..LINK_QUEUES_MAX */
	uint16_t depth; /* power of two, 2..LINK_DEPTH_MAX */
	uint32_t slot_size; /* multiple of 4096, at most LINK_SLOT_MAX */
	uint32_t features; /* wanted */
	uint32_t required; /* subset of features */
	/*
	 * Back-off between attempts, and after sessions that were up for less than retry_max_ms;
	 * 0 = 50 / 500, at most LINK_RETRY_MAX_MS.
	 */
	uint32_t retry_min_ms, retry_max_ms;
	uint32_t
		attempt_ms; /* one is given up after this, the next after twice as long; 0 = 4000 */
	const struct link_session_ops *ops;
	void *arg;
};
/*
 * Returns at once; link_poll() does the work, for ever, until link_session_close().
 * @return 0; -EINVAL a field is outside its limits, or there is no such service; -ENOMEM; -EEXIST
 *         a session to that GID and service exists; -EADDRINUSE rgid is our own.
 */
int link_open(struct link *link, const struct link_open_conf *conf, struct link_session **s);
/*
 * Tell the peer and go down; freed once all queues are detached. The pointer is dead after,
 * and no callback runs any more, but on_free of an accepted session that was up. May be
 * called in callbacks.
 */
void link_session_close(struct link_session *s, const char *reason);

/* --- listener --- */
struct link_listen_conf {
	enum link_service service;
	uint16_t queues_max, depth_max;
	uint32_t slot_max;
	uint32_t features; /* offered */
	/*
	 * May this GID have a session? Called before anything is spent on it.
	 * @return 0, or -EACCES; reason (LINK_REASON_MAX bytes) may be filled for the peer to read.
	 */
	int (*may_connect)(void *arg, uint64_t gid, char *reason);
	const struct link_session_ops *ops;
	void *arg;
};
/*
 * `conf` is copied; what `ops` and `arg` point at stays the caller's. Control thread.
 * @return 0; -EEXIST that service is listened for; -EINVAL a field is outside its limits, or there
 *         is no such service; -ENOMEM more than 8 services are listened for.
 */
int link_listen(struct link *link, const struct link_listen_conf *conf);

/*
 * Stop listening: sessions of that service are closed (peers are told). No callback runs
 * from here or later. Every queue of them must be detached. Not from a callback.
 */
void link_unlisten(struct link *link, enum link_service service);

/* --- queues --- */

/*
 * A request at the initiator, and at the listener; between the two calls of flush any number may
 * be posted. An id that link_cqe_poll() gave back is used again after link_slot_put() only.
 *
 *	link_slot_get()                      link_sqe_poll()
 *	link_req_payload()  if it has any    link_slot_payload()  if it has any
 *	link_req_post()                      link_rsp_payload()  if the answer has any
 *	link_req_flush()                     link_rsp_post()
 *	link_cqe_poll()                      link_rsp_flush()
 *	link_slot_rx()  if there is payload
 *	link_slot_put()
 */
enum link_queue_state {
	LINK_QUEUE_DOWN,
	LINK_QUEUE_UP,
	LINK_QUEUE_BROKEN
};

/* @return queue i of those agreed on, as good as the session; NULL beyond. Control thread. */
struct link_queue *link_session_queue(struct link_session *s, unsigned int i);
/* Free word for the session's owner; NULL until it is set. Control thread. */
void link_session_set_priv(struct link_session *s, void *priv);
void *link_session_priv(const struct link_session *s);
/* These two never change. Any thread. */
struct link_session *link_queue_session(const struct link_queue *q);
unsigned int link_queue_index(const struct link_queue *q);
/* Fixed while UP. */
uint16_t link_queue_depth(const struct link_queue *q);
uint32_t link_queue_slot_size(const struct link_queue *q);

/* Any thread. Acquire: what control wrote before UP is visible. */
enum link_queue_state link_queue_state(const struct link_queue *q);
/* From now on control waits for link_queue_detach(). Any thread; again does nothing.
 * @return 0, -ENOTCONN when not UP. */
int link_queue_attach(struct link_queue *q);
/* Slots, payload and rings of the queue must not be touched after this. Again does nothing. */
void link_queue_detach(struct link_queue *q);

struct link_req {
	uint8_t op; /* meaning is the service's; 0 is reserved */
	uint8_t flags;
	uint16_t id; /* slot */
	uint16_t unit; /* which export, console, ... */
	uint32_t len; /* bytes; what it counts is the service's (payload, range, ...) */
	uint64_t off; /* below 2^56 */
	uint32_t payload; /* bytes of request payload in the slot, 0..slot_size */
	uint32_t crc; /* of the payload, if LINK_FEATURE_DIGEST; else 0 */
};

struct link_cqe {
	uint16_t id;
	uint8_t flags;
	uint16_t status; /* 0 = success; meaning is the service's */
	uint32_t result; /* meaning is the service's */
	uint32_t payload; /* bytes of response payload in the slot, 0..slot_size */
	uint32_t crc;
};

/* Counters of one queue; written by its data thread, read by anyone (relaxed). */
struct link_queue_stats {
	LINK_QUEUE_METRICS(BASE_METRIC_FIELD)
};
void link_queue_stats(const struct link_queue *q, struct link_queue_stats *stats);

/* Initiator. */

/*
 * A slot for a request; of an attached queue only.
 * @return its id, or -EAGAIN: all are in use (counted: no_slot).
 */
int link_slot_get(struct link_queue *q);
/*
 * Give a slot back whose request was never posted, or whose response has been used. Not
 * needed after BROKEN: the next session starts with all slots free.
 */
void link_slot_put(struct link_queue *q, uint16_t id);
unsigned int link_slots_free(const struct link_queue *q);
/* Where the response's payload lies: slot_size bytes of our DMB. The peer may still write there. */
void *link_slot_rx(const struct link_queue *q, uint16_t id);
/*
 * Store request payload straight from `src` into the peer's slot. A length that is not what a store
 * needs (multiples of 8, at least 16 in each page) is handled by storing up to 15 bytes more, which
 * are zeros from a small buffer for the tail (a tail copy of less than 24 bytes is the only copy).
 * `src` may change or go after this. A length of 0 stores nothing.
 * @param off  offset in the slot, multiple of 8, not the last 8 bytes of a 4 KiB page.
 * @return 0; -EINVAL outside the slot, or such an offset; -ENOTCONN.
 */
int link_req_payload(struct link_queue *q, uint16_t id, uint32_t off, const void *src,
		     uint32_t len);
/*
 * The listener's slot itself, slot_size bytes, where the device lets us place data without a store
 * (rte_pmd_ism_win_mem()): a read(2) can put a payload straight there. The slot must be ours: got,
 * not posted. The memory is the peer's, and what is placed there is the peer's at once; it stays
 * readable until the queue is detached, whatever becomes of the session.
 * @return NULL: there is no such thing, use link_req_payload().
 */
void *link_req_place(struct link_queue *q, uint16_t id);
/*
 * `len` bytes have been placed at `off` of the slot.
 * @return 0; -EINVAL outside the slot; -ENOTCONN.
 */
int link_req_placed(struct link_queue *q, uint16_t id, uint32_t off, uint32_t len);
/* Put the descriptor into the ring's shadow; the peer sees it after link_req_flush(). Never blocks:
 * there are as many ring places as slots. @return 0; -ENOTCONN; -EINVAL a field is out of range. */
int link_req_post(struct link_queue *q, const struct link_req *req);
/* Publish what was posted: one store (two when the ring wraps). @return 0; -ENOTCONN. */
int link_req_flush(struct link_queue *q);
/* @return completions taken (slots stay ours until link_slot_put()); -ENOTCONN; never blocks. */
int link_cqe_poll(struct link_queue *q, struct link_cqe *cqe, unsigned int n);

/* Listener. */

/* @return requests taken, gated and copied; -ENOTCONN. */
int link_sqe_poll(struct link_queue *q, struct link_req *req, unsigned int n);
/* Where request payload lies: slot_size bytes of our DMB; hostile and changing. */
void *link_slot_payload(const struct link_queue *q, uint16_t id);
/* As link_req_payload(), into the initiator's slot. */
int link_rsp_payload(struct link_queue *q, uint16_t id, uint32_t off, const void *src,
		     uint32_t len);
/*
 * The initiator's slot itself, slot_size bytes, where the device lets us place data without a
 * store (rte_pmd_ism_win_mem()): a READ can go from the file straight there. Valid until the
 * queue is detached.
 * @return NULL: there is no such thing, use link_rsp_payload().
 */
void *link_rsp_place(struct link_queue *q, uint16_t id);
/* `len` bytes have been placed at the start of the slot. @return as link_rsp_payload(). */
int link_rsp_placed(struct link_queue *q, uint16_t id, uint32_t len);
/* As link_req_post(). @return 0; -EINVAL no request with that id is open, or the payload is longer
 * than a slot; -ENOTCONN. */
int link_rsp_post(struct link_queue *q, const struct link_cqe *cqe);
/* As link_req_flush(). */
int link_rsp_flush(struct link_queue *q);
/* The service found that the peer broke its protocol: drop the session (counted, logged once). */
void link_queue_protocol_error(struct link_queue *q, const char *what);

#ifdef __cplusplus
}
#endif

#endif
