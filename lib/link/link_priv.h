/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to lib/link.
 *
 * A session's phases (control thread only):
 *
 *	initiator                                 listener
 *
 *	IDLE  <-----------------------+           FREE <---------------------------+
 *	  | DMB registered, event     |             | event, may_connect           |
 *	  v                           |             v                              |
 *	CALLING --- no / time out --->+           CALLED *                         |
 *	  | HELLO; CONNECT stored     |             | HELLO stored                 |
 *	  v                           |             v                              |
 *	CONNECTING - no / time out -->+           GREETING --- time out --->+      |
 *	  | ACCEPT                    |             | CONNECT               |      |
 *	  v                           |             v                       |      |
 *	UP                            |           PREPARING * --- failed -->+      |
 *	  | lost, closed              |             | ACCEPT stored         |      |
 *	  v                           |             v                       |      |
 *	DYING ---- all detached ----->+           UP                        |      |
 *	                                            | lost, closed          |      |
 *	                                            v                       v      |
 *	                                          DYING --- detached --> RELEASING *
 *
 * What is marked * takes DMBs and windows, or gives them back, which costs system calls for each:
 * link_slice.c does it piece by piece, so that no caller holds up those who are served.
 *
 * Who calls whom, downwards only; what stands in one line does not call each other:
 *
 *	link.c                                        life, events, rounds
 *	link_telemetry.c   link_call.c   link_listen.c
 *	link_session.c                                up, watching, down
 *	link_slice.c   link_block.c   link_mem.c   link_caller.c   link_quota.c
 *	link_phase.c   link_info.c   link_queue.c
 *	link_device.c   link_gate.c   link_token.c   link_ring.h
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

#include "base_bucket.h"
#include "base_counter.h"
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
#define LINK_SERVICES 4 /* whose use of the link is told apart; 0: all others */
#define LINK_CALLERS_MAX 2048 /* GIDs that are remembered; above the highest sessions_max */
#define LINK_CALLER_BUCKETS 256

#define LINK_SIGNAL_NS (100 * BASE_NS_PER_MS) /* a call is repeated after this, then twice ... */
#define LINK_SIGNAL_MAX_NS (800 * BASE_NS_PER_MS) /* as long each time, up to this */
#define LINK_PROBE_NS (250 * BASE_NS_PER_MS) /* CONNECTING: is the listener still there? */
#define LINK_HALF_OPEN_NS (2 * BASE_NS_PER_S) /* HELLO stored, no CONNECT: forget it */
#define LINK_REFUSAL_NS (20 * BASE_NS_PER_MS) /* between two refusals to one GID */
#define LINK_REOPEN_MIN_NS (200 * BASE_NS_PER_MS)
#define LINK_REOPEN_MAX_NS (2 * BASE_NS_PER_S)

/* What zeros in link_conf and link_open_conf stand for. */
#define LINK_SESSIONS_DEFAULT 1024
#define LINK_KEEPALIVE_DEFAULT_MS 1000
#define LINK_DEAD_DEFAULT 4 /* keepalive intervals */
#define LINK_RETRY_MIN_DEFAULT_MS 50
#define LINK_RETRY_MAX_DEFAULT_MS 500
#define LINK_ATTEMPT_DEFAULT_MS 4000
#define LINK_ATTEMPT_MAX_MS 16000 /* the next attempt after one without an answer */
#define LINK_DEAD_PEER 3 /* intervals of the peer's keepalives, at least */
#define LINK_BEAT_ASKED_MS 250 /* a peer cannot make us send keepalives more often */

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

/* As struct link_stats. */
struct link_counts {
	LINK_METRICS(BASE_METRIC_LIVE)
	_Atomic uint64_t errors[LINK_WHY_COUNT];
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

	struct {
		LINK_QUEUE_METRICS(BASE_METRIC_LIVE)
	} stats __rte_cache_aligned;

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
	LINK_CALLED,
	LINK_GREETING,
	LINK_PREPARING,
	LINK_UP,
	LINK_DYING,
	LINK_RELEASING,
};

/* A call that waits for a DYING session of the same GID and service. */
struct link_next_call {
	bool valid;
	struct link_call call;
};

/*
 * What is remembered of a GID that has called. One that has no session is forgotten when its place
 * is needed for another, the one that has been quiet for the longest first.
 */
struct link_caller {
	LIST_ENTRY(link_caller) chain; /* of its bucket */
	TAILQ_ENTRY(link_caller) age; /* of the link; the newest event last */
	TAILQ_HEAD(, link_session) sessions;
	uint64_t gid;
	struct link_share held; /* by its sessions */
	/* What it asked for last and could not have: the next offer is below that. */
	struct link_geo wants; /* queues 0: nothing */
	struct base_bucket events; /* that are looked at */
	struct base_bucket lines; /* of the log */
	/* A refusal of this service was due last; none of any service is before refused_ns. */
	uint8_t refused_service;
	uint64_t refused_ns;
	/* Back-off: set-ups of late, as of quick_ns; the next one is not begun before ready_ns. */
	uint32_t quick;
	uint64_t quick_ns, ready_ns;
	struct {
		LINK_CALLER_METRICS(BASE_METRIC_LIVE)
	};
};

struct link_session {
	TAILQ_ENTRY(link_session) entry;
	TAILQ_ENTRY(link_session) by_caller; /* accepted */
	TAILQ_ENTRY(link_session) slice; /* CALLED, PREPARING, RELEASING */
	struct link_caller *caller; /* accepted; NULL while FREE */
	struct link_share held; /* accepted: of the link's and the caller's quotas */
	uint32_t pieces; /* done in this turn of link_slice.c */
	bool in_slices;
	struct base_bucket lines; /* opened: of the log */
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
	uint32_t backoff_ms, attempt_ms; /* of the next failure, the next attempt */
	uint64_t signal_ns; /* CALLING: from this signal to the next */
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
	uint32_t data_left; /* of data, not unregistered yet */
	uint32_t pieces_taken; /* of link_mem_take_piece() */
	struct link_mem_desc *mine; /* layout of ours; token[] is what we tell */
	struct link_mem_desc *theirs;
	struct rte_pmd_ism_win *ctrl_win;
	uint64_t peer_ctrl; /* claimed token, 0 = none */
	uint32_t peer_claimed; /* tokens claimed: the ring's, then those of theirs->token[] */
	void *queue_mem;

	/* Keepalive. */
	uint64_t beat_sent, beat_seen;
	uint64_t beat_due_ns, heard_ns;
	uint32_t beat_ms; /* how often we send */
	uint64_t silence_ns; /* dead after this long */
	uint64_t traffic_seen; /* descriptors that had come in when it was last looked */
	uint32_t notice_tx, notice_tx_count;
	bool notice_due;
	uint64_t notice_seen;

	uint32_t trouble; /* some queue's fail_why is raised */
	enum link_why why; /* newest */
	char reason[LINK_REASON_MAX];
	uint64_t up_since_ns;
	struct {
		LINK_SESSION_METRICS(BASE_METRIC_LIVE)
	};
	_Atomic uint64_t errors[LINK_WHY_COUNT];

	struct link_queue *queues; /* allocated once, kept: pointers to queues never dangle */
};

struct link_listener {
	struct link_listen_conf conf;
	struct link_geo max; /* normalised */
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
	unsigned int session_count; /* in that list */
	struct link_session *cursor; /* the next to be looked at; NULL: the first */
	uint64_t sweep_ns; /* when all were looked at last */
	unsigned int opened; /* sessions of link_open() */
	struct link_session *accepted; /* conf.sessions_max */
	TAILQ_HEAD(, link_session) free; /* of those, the FREE ones */
	TAILQ_HEAD(, link_session) slices; /* those with pieces to take or give back */
	uint64_t slice_ns; /* none is done before */
	uint64_t served_ns; /* link_shares_thread() */
	LIST_HEAD(, link_caller) callers[LINK_CALLER_BUCKETS];
	TAILQ_HEAD(, link_caller) ages;
	unsigned int caller_count;
	struct link_share held[LINK_SERVICES], keep[LINK_SERVICES];
	struct base_bucket full_lines; /* of the log, for whom there is no room */
	uint64_t *tokens; /* bit set of peers' tokens that some session stores to */
	struct link_counts stats;
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

/* --- link_device.c: what is known of the function --- */
void link_set_lost(struct link *link);
/* What the driver knows of the function has changed. */
void link_refresh_info(struct link *link);
/* Fewer queues, then fewer places, until a ring DMB fits the function. */
void link_fit_rings(const struct link *link, struct link_geo *geo);
/* Why a session cannot have the DMB that was refused with -EMSGSIZE. */
void link_small_words(const struct link *link, char words[LINK_REASON_MAX]);

/* --- link_info.c: reasons and services --- */
/* Is it one that somebody may offer or call (SPEC-link section 3.1)? */
bool link_service_known(unsigned int service);
/* Map a -errno of the driver: -ENODEV marks the link lost. */
enum link_why link_why_from_errno(struct link *link, int err);
enum link_why link_why_from_status(enum link_status status);
enum link_status link_status_from_why(enum link_why why);

/* --- link_phase.c --- */
void link_session_insert(struct link_session *s, enum link_phase phase);
/* Out of the list, and nobody's any more. */
void link_session_remove(struct link_session *s);
/* The only way into another phase. Only what the table of link_phase.c has may follow. */
void link_session_set_phase(struct link_session *s, enum link_phase phase);
void link_session_set_reason(struct link_session *s, enum link_why why, const char *reason);
/* Count why an attempt failed or a session ended. */
void link_session_count(struct link_session *s, enum link_why why);

/* --- link_token.c: which DMBs of peers are stored to, and by whom --- */
/* @return 0; -EEXIST another session, or this one, holds it. */
int link_token_claim(struct link *link, uint64_t token);
void link_token_release(struct link *link, uint64_t token);

/* --- link_caller.c: GIDs that call, and what they may use --- */
/* @return NULL: no memory. */
struct link_caller *link_caller_get(struct link *link, uint64_t gid);
/* May it begin a session now? If not, it is counted; its call comes again. */
bool link_caller_ready(struct link *link, struct link_caller *c);
/* A session is begun: the more there were of late, the longer until the next one. */
void link_caller_begins(struct link *link, struct link_caller *c);
void link_callers_free(struct link *link);
/*
 * Is a line of the log about this session due? @param more  " (N more)", or empty.
 */
#define LINK_MORE_STRLEN 24
bool link_line_due(struct link_session *s, char more[LINK_MORE_STRLEN]);

/* --- link_quota.c: how much memory sessions may have --- */
/* Is there a session left for this service? */
bool link_quota_place(const struct link *link, uint8_t service);
/*
 * Lower *geo to what a session of s's service and caller may take. @return false: nothing is left.
 */
bool link_quota_lower(const struct link_session *s, struct link_geo *geo);
/* May s have that shape, and does it then hold what it takes? @return 0; -ENOSPC. */
int link_quota_agree(struct link_session *s, const struct link_geo *geo);
/* Let s hold `share` instead of what it holds. @return 0; -ENOSPC: unchanged. */
int link_quota_take(struct link_session *s, const struct link_share *share);
void link_quota_give(struct link_session *s);

/* --- link_slice.c: set-up and release of accepted sessions, piece by piece --- */
void link_slice_add(struct link_session *s);
void link_slice_remove(struct link_session *s);
/* Do some of what waits, by one call of `piece` each. @return work done. */
unsigned int link_slices(struct link *link, uint64_t now_ns,
			 void (*piece)(struct link_session *s, uint64_t now_ns));

/* --- link_mem.c: DMBs, windows and queue memory of a session --- */
int link_mem_register_ctrl(struct link_session *s);
/* Ring and data DMBs for s->geo. @return 0; -ENOSPC, -ENOMEM, -EHOSTUNREACH, -ENODEV. */
int link_mem_register(struct link_session *s);
/*
 * link_mem_register() and link_mem_open() in pieces: *s->mine is laid out, then one DMB or one
 * window a call; *s->theirs is set meanwhile. @return as those; 1: there is more.
 */
int link_mem_layout_own(struct link_session *s);
int link_mem_take_piece(struct link_session *s);
/* link_mem_release() in pieces. @return whether there is more. */
bool link_mem_give_piece(struct link_session *s);
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
/* A keepalive, if there is a new one. @return whether it brought a notice. */
bool link_beat_look(struct link_session *s, uint64_t now_ns);

/* --- link_session.c --- */
struct link_session *link_session_find(struct link *link, uint64_t rgid, uint8_t service,
				       bool initiator);
/* How often either sends keepalives, from what the peer has announced. */
void link_session_beats(struct link_session *s, uint32_t peer_ms);
void link_session_up(struct link_session *s, uint64_t now_ns);
/* UP -> DYING: queues BROKEN, peer told (status != 0), owner told. */
void link_session_break(struct link_session *s, enum link_why why, const char *reason,
			enum link_status status);
/* UP -> DYING for a reason found here; a CLOSE that came first tells more, and is reported. */
void link_session_lose(struct link_session *s, enum link_why why, const char *reason,
		       enum link_status status);
/* One round of a session that is UP. @return work done. */
unsigned int link_session_watch(struct link_session *s, uint64_t now_ns);

/* --- link_call.c: initiator --- */
unsigned int link_call_step(struct link_session *s, uint64_t now_ns);
/* Attempt over, or session over: back to IDLE with back-off. */
void link_call_failed(struct link_session *s, enum link_why why, const char *reason);
void link_call_idle(struct link_session *s, bool was_up);
/* Give back everything; s is gone. */
void link_call_free(struct link_session *s);

/* --- link_listen.c: listener --- */
/* A call arrived. @return whether it was one of ours. */
bool link_listen_event(struct link *link, uint64_t gid, uint32_t code, uint64_t info);
unsigned int link_listen_step(struct link_session *s, uint64_t now_ns);
/* Give back everything in slices; then it is FREE, or CALLED by the next call. */
void link_listen_release(struct link_session *s);
/* The same at once, or after the last slice. */
void link_listen_free_now(struct link_session *s);
/* CALLED: store HELLO. */
void link_listen_greet(struct link_session *s);
/* PREPARING: one piece. */
void link_listen_prepare(struct link_session *s, uint64_t now_ns);

/* --- link_telemetry.c --- */
void link_telemetry_add(struct link *link);
void link_telemetry_remove(struct link *link);

#endif
