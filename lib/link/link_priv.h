/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to lib/link.
 *
 * A session's phases (control thread only):
 *
 *	initiator                                 listener
 *
 *	IDLE  <-----------------------+           FREE <----------------------+
 *	  | DMB registered, event     |             | event, may_connect,      |
 *	  v                           |             v HELLO stored             |
 *	CALLING --- no / time out --->+           GREETING --- time out ------>+
 *	  | HELLO; CONNECT stored     |             | CONNECT; ACCEPT stored   |
 *	  v                           |             v                          |
 *	CONNECTING - no / time out -->+           UP                           |
 *	  | ACCEPT                    |             | lost, closed             |
 *	  v                           |             v                          |
 *	UP                            |           DYING -- all detached ------>+
 *	  | lost, closed              |
 *	  v                           |
 *	DYING ---- all detached ----->+
 *
 * A listener's session that must make room for a newer attempt of the same GID keeps that
 * attempt in `next_call` while it is DYING: the new one is greeted only when no request of
 * the old one is running any more, so that a replayed write can never be overtaken by its
 * first issue.
 */
#ifndef LINK_PRIV_H
#define LINK_PRIV_H

#include <pthread.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_spinlock.h>
#include <rte_tailq.h>

#include "base_log.h"
#include "base_text.h"
#include "base_time.h"
#include "link.h"
#include "link_gate.h"
#include "link_ring.h"
#include "link_wire.h"
#include "rte_pmd_ism.h"

extern int link_logtype;
#define LINK_LOG(level, ...) BASE_LOG(level, link_logtype, "link", __VA_ARGS__)

#define LINK_LISTENERS_MAX 8
#define LINK_REFUSALS 32 /* GIDs whose refusals are rate-limited at once */

#define LINK_SIGNAL_NS (100 * BASE_NS_PER_MS) /* a call is repeated this often */
#define LINK_HALF_OPEN_NS (2 * BASE_NS_PER_S) /* HELLO stored, no CONNECT: forget it */
#define LINK_REFUSAL_NS (20 * BASE_NS_PER_MS) /* between two refusals to one GID */
#define LINK_REOPEN_MIN_NS (200 * BASE_NS_PER_MS)
#define LINK_REOPEN_MAX_NS (2 * BASE_NS_PER_S)

/* What zeros in link_conf and link_open_conf stand for. */
#define LINK_SESSIONS_DEFAULT 64
#define LINK_KEEPALIVE_DEFAULT_MS 1000
#define LINK_DEAD_DEFAULT 4 /* keepalive intervals */
#define LINK_RETRY_MIN_DEFAULT_MS 50
#define LINK_RETRY_MAX_DEFAULT_MS 500
#define LINK_ATTEMPT_DEFAULT_MS 1000
#define LINK_DEAD_PEER 3 /* of the peer's intervals, at least */

enum link_slot_state {
	LINK_SLOT_FREE,
	LINK_SLOT_OWNED, /* initiator: the application's */
	LINK_SLOT_OPEN, /* requested, not answered */
};

/* One request id. 24 bytes, so that a burst touches few cache lines. */
struct link_slot {
	struct rte_pmd_ism_win *win; /* into the peer's DMB that holds the slot */
	uint8_t *rx; /* the slot in our DMB */
	uint32_t off; /* of the slot in win */
	uint8_t state; /* enum link_slot_state */
};

struct link_queue {
	/* Control writes while DOWN; the data thread reads. */
	uint32_t word; /* link_ring.h */
	uint32_t slot_size;
	uint16_t depth; /* 0 while DOWN */
	uint16_t index;
	bool initiator;
	struct link_slot *slots;
	uint16_t *free_ids; /* initiator: a stack */
	struct rte_pmd_ism_win *ring_win;
	uint32_t ring_off; /* of our ring in the peer's ring DMB */
	uint32_t data_win_count;
	struct rte_pmd_ism_win **data_win;
	struct link_session *session;

	/* The data thread's own. */
	struct link_ring_rx rx __rte_cache_aligned;
	struct link_ring_tx tx;
	uint32_t free_count;

	struct link_queue_stats stats __rte_cache_aligned;

	/* Written by any thread that finds a failure, once; taken by control. */
	uint32_t fail_claim;
	uint32_t fail_why; /* enum link_why; link_flag_raise() */
	char fail_what[64];
} __rte_cache_aligned;

enum link_phase {
	LINK_FREE,
	LINK_IDLE,
	LINK_CALLING,
	LINK_CONNECTING,
	LINK_GREETING,
	LINK_UP,
	LINK_DYING,
};

/* A call that waits for a DYING session of the same GID and service. */
struct link_next_call {
	bool valid;
	struct link_call call;
};

struct link_session {
	TAILQ_ENTRY(link_session) entry;
	struct link *link;
	const struct link_session_ops *ops;
	void *arg;
	void *priv;
	bool initiator;
	bool closing; /* closed by its owner: no more callbacks but on_free */
	bool told; /* on_up was called, on_free is owed (accepted sessions) */
	enum link_phase phase;
	uint64_t rgid;
	uint8_t service;
	uint32_t nonce;
	uint64_t call_token; /* accepted: the initiator's control DMB */
	struct link_next_call next_call;

	struct link_open_conf open; /* initiator: what was asked for */
	uint64_t next_ns; /* IDLE: next attempt; CALLING: next signal */
	uint64_t deadline_ns; /* CALLING, CONNECTING, GREETING */
	uint32_t backoff_ms;
	bool garbage; /* something unreadable stands where a block is expected */
	bool goodbye; /* the peer's CLOSE says that it wanted to */

	/* Agreed. */
	uint16_t version;
	uint32_t features;
	struct link_geo geo;
	struct link_geo offered; /* accepted: limits in our HELLO */
	uint32_t offered_features;
	struct link_epoch peer_epoch;

	/* Our DMBs, our windows to the peer's, and the peer's tokens that we hold. */
	struct rte_pmd_ism_dmb *ctrl;
	struct rte_pmd_ism_dmb *ring;
	struct rte_pmd_ism_dmb **data;
	struct link_mem_desc *mine; /* layout of ours; token[] is what we tell */
	struct link_mem_desc *theirs;
	struct rte_pmd_ism_win *ctrl_win;
	uint64_t peer_ctrl; /* claimed token, 0 = none */
	uint32_t peer_claimed; /* tokens claimed: the ring's, then those of theirs->token[] */
	void *queue_mem;

	/* Keepalive. */
	uint64_t beat_sent, beat_seen;
	uint64_t beat_due_ns, heard_ns;
	uint64_t silence_ns; /* dead after this long */
	uint64_t traffic_seen; /* descriptors that had come in when it was last looked */
	uint32_t notice_tx, notice_tx_count;
	bool notice_due;
	uint64_t notice_seen;

	uint32_t trouble; /* some queue's fail_why is raised */
	enum link_why why; /* newest */
	char reason[LINK_REASON_MAX];
	uint64_t ups, up_since_ns, beats_sent, beats_seen, protocol_errors, retries;
	uint64_t errors[LINK_WHY_COUNT];

	struct link_queue *queues; /* allocated once, kept: pointers to queues never dangle */
};

struct link_listener {
	struct link_listen_conf conf;
	struct link_geo max; /* normalised */
};

struct link_refusal {
	uint64_t gid;
	uint64_t last_ns;
};

struct link {
	LIST_ENTRY(link) entry; /* telemetry's list */
	struct link_conf conf;
	struct rte_pmd_ism_info info;
	bool lost;
	uint64_t reopen_ns, reopen_step_ns;
	uint64_t now_ns; /* of the running link_poll() */
	struct link_listener listeners[LINK_LISTENERS_MAX];
	unsigned int listener_count;
	TAILQ_HEAD(, link_session) sessions; /* all that are not FREE */
	unsigned int opened; /* sessions of link_open() */
	struct link_session *accepted; /* conf.sessions_max */
	struct link_refusal refusals[LINK_REFUSALS];
	uint64_t *tokens; /* bit set of peers' tokens that some session stores to */
	struct link_stats stats;
	/*
	 * Control takes it around changes of the list and of texts; telemetry around reading
	 * them.
	 */
	rte_spinlock_t lock;
	uint64_t scratch[LINK_CTRL_SETUP_SIZE / 8]; /* bodies of blocks, in and out */
	union { /* what the gate made of them */
		struct link_connect connect;
		struct link_accept accept;
	} in;
};

/* --- link.c --- */
void link_set_lost(struct link *link);
uint32_t link_random32(void); /* never 0 */

/* --- link_token.c: which DMBs of peers are stored to, and by whom --- */
/* @return 0; -EEXIST another session, or this one, holds it. */
int link_token_claim(struct link *link, uint64_t token);
void link_token_release(struct link *link, uint64_t token);

/* --- link_mem.c: DMBs, windows and queue memory of a session --- */
int link_mem_register_ctrl(struct link_session *s);
/* Ring and data DMBs for s->geo. @return 0; -ENOSPC, -ENOMEM, -EHOSTUNREACH, -ENODEV. */
int link_mem_register(struct link_session *s);
/* @return 0; -EEXIST token in use; -EIO not granted; -ENOMEM; -ENODEV. */
int link_mem_open_ctrl(struct link_session *s, uint64_t token);
/* Windows to s->theirs, each tried with one store, and the queues made ready, but not UP. */
int link_mem_open(struct link_session *s);
/* Is this the token of one of the session's control or ring DMBs, ours or the peer's? */
bool link_mem_has_token(const struct link_session *s, uint64_t token);
/* Layout and tokens of our memory, for CONNECT and ACCEPT. */
void link_mem_tell(const struct link_mem_desc *mem, struct link_wire_mem *wire, rte_be64_t *tokens);
/* LINK_QUEUES_MAX of them, DOWN. @return NULL: no memory. */
struct link_queue *link_queues_alloc(struct link_session *s);
/* Everything of the above back. Idempotent, tolerates a lost function. */
void link_mem_release(struct link_session *s);

/* --- link_block.c: blocks out, and CLOSE, keepalive --- */
/* Store body and header. @return 0; -EIO, -ENODEV. */
int link_block_store(struct rte_pmd_ism_win *win, uint32_t off, enum link_block_type type,
		     uint32_t nonce, const void *body, size_t len);
void link_tell_close(struct link_session *s, enum link_status status, const char *reason);
/* Take a CLOSE that the peer left. @return whether there is one; s->reason is set then. */
bool link_took_close(struct link_session *s);
int link_beat_send(struct link_session *s, uint64_t now_ns);
/* @return whether the peer gave a sign of life. */
bool link_beat_look(struct link_session *s, uint64_t now_ns);

/* --- link_session.c --- */
struct link_session *link_session_find(struct link *link, uint64_t rgid, uint8_t service,
				       bool initiator);
void link_session_insert(struct link_session *s, enum link_phase phase);
void link_session_up(struct link_session *s, uint64_t now_ns);
/* UP -> DYING: queues BROKEN, peer told (status != 0), owner told. */
void link_session_break(struct link_session *s, enum link_why why, const char *reason,
			enum link_status status);
/* UP -> DYING for a reason found here; a CLOSE that came first tells more, and is reported. */
void link_session_lose(struct link_session *s, enum link_why why, const char *reason,
		       enum link_status status);
/* The fabric says that the peer, or a DMB of the session, is gone. UP and GREETING only. */
void link_session_gone(struct link_session *s);
/* One round of any session. @return work done. */
unsigned int link_session_step(struct link_session *s, uint64_t now_ns);
/* Count why an attempt failed or a session ended. */
void link_session_count(struct link_session *s, enum link_why why);
/* Give back everything; accepted: FREE, or greets the next call. */
void link_session_free(struct link_session *s);
void link_session_set_reason(struct link_session *s, enum link_why why, const char *reason);
/* Map a -errno of the driver: -ENODEV marks the link lost. */
enum link_why link_why_from_errno(struct link *link, int err);
enum link_why link_why_from_status(enum link_status status);
enum link_status link_status_from_why(enum link_why why);

/* --- link_call.c: initiator --- */
unsigned int link_call_step(struct link_session *s, uint64_t now_ns);
/* Attempt over, or session over: back to IDLE with back-off. */
void link_call_failed(struct link_session *s, enum link_why why, const char *reason);
void link_call_idle(struct link_session *s, bool was_up);

/* --- link_listen.c: listener --- */
/* A call arrived. @return whether it was one of ours. */
bool link_listen_event(struct link *link, uint64_t gid, uint32_t code, uint64_t info);
unsigned int link_listen_step(struct link_session *s, uint64_t now_ns);
/* Greet `call` with session s, which is FREE. */
void link_listen_greet(struct link_session *s, const struct link_call *call);

/* --- link_telemetry.c --- */
void link_telemetry_add(struct link *link);
void link_telemetry_remove(struct link *link);

#endif
