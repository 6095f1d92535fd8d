/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the client side of lib/cons. Calls go down, in this order:
 *
 *	cons_client.c          life of the client, its session and its terminals; rounds
 *	cons_client_take.c     completions
 *	cons_client_attach.c   LIST and ATTACH, and what is answered to them
 *	cons_client_input.c    what is typed
 *	cons_client_queue.c    slots of the session, requests
 *	cons_client_items.c    what a terminal says
 *	cons_reply.c           the gate for what a server answers
 *
 * What the terminal's user sees:
 *
 *	          session up            answered            DETACH
 *	DOWN ------------------> ASKING ---------> ATTACHED ------> LEAVING
 *	 ^                         |  |               |  |             |
 *	 +------ session down -----+--)---------------+  | ENDED,      | answered, or
 *	                              | refused, listed, | TAKEN, ...  | session down
 *	                              | leave            |             |
 *	                              +------------------+-------------+-----> OVER
 *
 * What the server has of it, whatever the user has been told:
 *
 *	NOTHING --ATTACH--> ASKED --OK--> ATTACHED --DETACH--> GOING --answered--> NOTHING
 *	   ^                  |   |           |                  ^
 *	   +--- refused ------+   +-----------)---- DETACH ------+  (version 2)
 *	   +------------- ENDED, TAKEN, ... --+
 *
 * A terminal that is over, or that its user has detached, sends DETACH if the server has something
 * of it. One that its user has detached (`closing`) is freed when the server has nothing of it and
 * no request of it is open.
 *
 * A slot of the queue is one of: free, a READ (open, or its answer waits in `items`), or another
 * request. Each terminal may use `credits` slots for READs and `others` for other requests; all
 * terminals together never more than there are: each one always finds its own.
 */
#ifndef CONS_CLIENT_PRIV_H
#define CONS_CLIENT_PRIV_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "base_counter.h"
#include "base_log.h"
#include "cons_client.h"
#include "cons_client_metrics.h"

extern int cons_client_logtype;
#define CONS_CLIENT_LOG(level, ...) BASE_LOG(level, cons_client_logtype, "cons", __VA_ARGS__)

/* --- cons_reply.c: the gate for what a server answers --- */

/* An attached record, checked and in host order. */
struct cons_attached {
	char name[CONS_NAME_MAX];
	char text[CONS_TEXT_MAX];
	uint64_t instance, out_pos, in_pos, lost, writer;
	uint64_t head; /* out_pos or later */
	uint32_t flags;
	uint16_t unit;
};

/* An event record, checked and in host order. */
struct cons_event {
	uint32_t type, code;
	uint64_t value, out_pos;
	char text[CONS_TEXT_MAX];
};

/*
 * Does this completion fit the request? Kind, status, payload length and, for output, the position.
 * Looks at nothing but its arguments.
 * @param out_next  position of the next byte of output.
 * @return 0; -EPROTO the peer breaks the protocol.
 */
int cons_reply_gate(uint8_t op, const struct link_cqe *cqe, uint32_t slot_size, uint64_t out_next);
/*
 * The records' gates get a copy that nobody else changes.
 * @param asked  the request that was answered, as it was sent.
 * @param unit  that it named; 0: version 1, the server chooses.
 * @return 0; -EPROTO.
 */
int cons_reply_attached(const struct cons_wire_attached *wire, const struct cons_wire_attach *asked,
			uint16_t unit, uint16_t status, struct cons_attached *out);
int cons_reply_event(const struct cons_wire_event *wire, uint64_t out_next, struct cons_event *out);
/* A LIST's answer: `index` was asked, result is told. @return how many records; -EPROTO. */
int cons_reply_list(const struct link_cqe *cqe, uint32_t index);
int cons_reply_info(const struct cons_wire_info *wire, struct cons_info *out);

/* --- the client and its terminals --- */

#define CONS_REAP_BURST 32
#define CONS_NEWS_MAX 16 /* items that no slot stands behind */
#define CONS_ITEMS_MAX (LINK_DEPTH_MAX + CONS_NEWS_MAX) /* both together */
#define CONS_NO_SLOT UINT16_MAX
#define CONS_BREAKS_MAX 16 /* that wait; a person who sends more means no more by it */

struct cons_queued {
	struct cons_item item;
	bool held; /* a credit stands behind it */
	bool moves; /* out_pos counts */
	uint16_t id; /* the slot that DATA lies in; CONS_NO_SLOT: nowhere, or in a copy */
	uint16_t copy; /* which; CONS_NO_SLOT: none */
	uint64_t out_pos; /* position of the next byte behind this item */
};

/* A WRITE that was sent: they are answered in order, or nearly. */
struct cons_sent {
	uint64_t end; /* position behind its bytes */
	uint16_t id;
	bool done;
};

struct cons_terminal_counters {
	CONS_TERMINAL_METRICS(BASE_METRIC_LIVE)
};

enum cons_at_server {
	CONS_NOTHING,
	CONS_ASKED,
	CONS_ATTACHED,
	CONS_GOING,
};

struct cons_terminal {
	TAILQ_ENTRY(cons_terminal) entry; /* telemetry's list */
	struct cons_client *client;
	struct cons_terminal_conf conf;
	unsigned int place; /* in client->terminal */
	enum cons_terminal_state state;
	enum cons_at_server at_server;
	bool closing; /* its user has forgotten it */
	bool woken; /* its user is to be told of something */

	/* Of this session. */
	uint16_t reads_open, others_open;

	/* The attachment. */
	struct cons_wire_attach asked; /* the newest ATTACH as sent */
	char name[CONS_NAME_MAX];
	uint64_t number; /* the client's, as SPEC-cons has it */
	uint64_t instance; /* 0: never attached */
	uint64_t writer_gid;
	uint16_t unit;
	bool writer, device;
	uint64_t out_next; /* position of the next byte that comes */
	uint64_t out_seen; /* position of the next byte to be consumed */
	uint64_t head; /* output before this position was said before we attached */

	/*
	 * Input: in_acked <= in_sent <= in_end, at most CONS_INPUT_MAX apart; the byte of position
	 * p lies at p % CONS_INPUT_MAX.
	 */
	uint64_t in_acked, in_sent, in_end;
	uint8_t *input;
	struct cons_sent sent[LINK_DEPTH_MAX]; /* FIFO of open WRITEs */
	unsigned int sent_head, sent_count;
	bool eof_wanted, eof_sent;
	/* Breaks to be sent, each behind the bytes before this input position; oldest first. */
	uint64_t break_at[CONS_BREAKS_MAX];
	unsigned int breaks;
	bool resize_wanted, resize_open;
	bool leave_wanted;

	/* What cons_terminal_next() shows. */
	struct cons_queued items[CONS_ITEMS_MAX];
	unsigned int items_head, items_count;
	uint32_t consumed; /* bytes of the head */
	uint16_t reads_held; /* items that hold a credit, at most conf.credits, whatever session */
	/*
	 * When a session goes, its memory goes: output that waits is copied here, one buffer of
	 * slot_size bytes for each credit.
	 */
	uint8_t *copies;
	uint16_t copies_free[LINK_DEPTH_MAX];
	uint16_t copies_count;

	/* LIST. */
	struct cons_info infos[CONS_CONSOLES_MAX];
	unsigned int info_count;
	bool listing; /* before a refusal is told, the list is fetched */
	struct cons_item refusal;

	struct cons_terminal_counters counters;
	/* Copies for telemetry; under its lock. */
	struct cons_terminal_info shown;
	struct link_session_info shown_session;
};

/* Whose request an id is. */
struct cons_request {
	uint8_t op; /* 0: none is open */
	struct cons_terminal *terminal;
};

struct cons_client {
	struct cons_client_conf conf;
	struct link_session *session;
	struct cons_terminal *terminal[CONS_UNITS_MAX]; /* NULL: free */
	uint64_t shown_due_ns;

	/* The session. */
	struct link_queue *q; /* attached to it */
	bool session_up; /* between on_up and on_down */
	bool version2;
	uint32_t slot_size;
	unsigned int usable; /* places that have slots */
	uint16_t credits, others; /* slots of each of them */
	bool posted; /* descriptors to publish */
	struct cons_request request[LINK_DEPTH_MAX]; /* by id */
};

/* --- cons_client_items.c: what a terminal says --- */
/*
 * Add an item that no credit stands behind. A session makes at most three of them in its life, and
 * asks for nothing while cons_items_news() says that many wait.
 */
struct cons_item *cons_items_add(struct cons_terminal *t, enum cons_item_kind kind);
/* Add an item that the answer in slot `id` has brought: it holds the slot, and its credit. */
struct cons_queued *cons_items_add_read(struct cons_terminal *t, enum cons_item_kind kind,
					uint16_t id);
/* The stream goes on at out_pos once the newest item is consumed. */
void cons_items_move(struct cons_terminal *t, uint64_t out_pos);
/* How many items wait that no credit stands behind. */
static inline unsigned int
cons_items_news(const struct cons_terminal *t)
{
	return t->items_count - t->reads_held;
}
/* The session's memory is about to go: copy what waits in it. */
void cons_items_keep(struct cons_terminal *t);
/* Nobody will consume what waits. */
void cons_items_drop(struct cons_terminal *t);
/* No item follows the one just made. */
static inline void
cons_terminal_over(struct cons_terminal *t)
{
	t->state = CONS_TERMINAL_OVER;
	t->writer = false;
}

/* --- cons_client_queue.c: slots and requests --- */
/* A session is up: share its slots. */
void cons_queue_share(struct cons_client *c, uint16_t depth);
/* Post one request. @return 0; -EAGAIN no slot; -ENOTCONN. */
int cons_queue_post(struct cons_terminal *t, struct link_req *req, const void *payload,
		    uint32_t len);
/* Open READs until all credits are open. @return how many. */
unsigned int cons_queue_credits(struct cons_terminal *t);
/* Publish what was posted. */
void cons_queue_flush(struct cons_client *c);

/* --- cons_client_input.c --- */
/* Send what was typed and asked for, as far as slots go. @return how many requests. */
unsigned int cons_input_send(struct cons_terminal *t);
/* @return whether DETACH was posted. */
bool cons_input_detach(struct cons_terminal *t);
/* The WRITE of this slot was answered: its bytes were taken, or will not be. */
void cons_input_answered(struct cons_terminal *t, uint16_t id, bool taken);
/* The instance has taken all below in_pos: go on there. @return false: it cannot be. */
bool cons_input_resume(struct cons_terminal *t, uint64_t in_pos);
/* Drop all that was not taken, and count from in_pos. @return how many bytes. */
uint64_t cons_input_restart(struct cons_terminal *t, uint64_t in_pos);

/* --- cons_client_attach.c --- */
/* Ask for what the terminal is for, if it can be asked for now. */
void cons_attach_ask(struct cons_terminal *t);
/* Answers of LIST and ATTACH, in slot `id`. @return 0; -EPROTO. */
int cons_attach_listed(struct cons_terminal *t, const struct link_cqe *cqe);
int cons_attach_answered(struct cons_terminal *t, const struct link_cqe *cqe);

/* --- cons_client_take.c --- */
/* Take completions. @return how many. */
unsigned int cons_take(struct cons_client *c);

/* --- cons_client_telemetry.c --- */
void cons_client_telemetry_add(struct cons_terminal *t);
void cons_client_telemetry_remove(struct cons_terminal *t);
/* Refresh what telemetry shows. Control thread. */
void cons_client_telemetry_refresh(struct cons_terminal *t);

#define CONS_COUNT(t, field, n) base_count(&(t)->counters.field, (n))

#endif
