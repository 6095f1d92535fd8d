/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: consoles, their instances, and the clients that are attached.
 *
 *	console    what is offered. One that is offered no longer is invisible, and freed when
 *	           its last instance is.
 *	instance   one life of it: terminal, scrollback, attached units. The console points at
 *	           the one that runs. One that has ended lives on until its units have got the
 *	           rest of its output, while the next one may run already.
 *	peer       one session. It has CONS_UNITS_MAX units; a session of version 1 uses the first.
 *	unit       one attachment of a session, to one instance at most.
 *
 *	unit:   DETACHED --ATTACH--> ATTACHED --its event ENDED is sent, DETACH--> DETACHED
 *	                                |   taken over, replaced
 *	                                +----> LEAVING --its event is sent, DETACH--> DETACHED
 *
 *	instance:   RUNNING --program ended--> DRAINING --output read--> OVER --no units--> freed
 *	               +-----device hung up, writer has left---------------^     no program
 *
 * An open READ, WRITE, BREAK or EOF is in one queue of its unit. The queues of all units of a
 * session are chained through the session's slots: a unit takes no memory of its own for them, and
 * cannot take more slots than its client gives it.
 *
 * All of it belongs to the control thread. The telemetry thread looks at it under `lock`, which
 * the control thread holds whenever it may change anything.
 */
#ifndef CONS_SERVER_PRIV_H
#define CONS_SERVER_PRIV_H

#include <pthread.h>
#include <sys/queue.h>

#include "base_bucket.h"
#include "base_counter.h"
#include "cons_audit_log.h"
#include "cons_line.h"
#include "cons_log.h"
#include "cons_scroll.h"
#include "cons_server.h"
#include "cons_term.h"

#define CONS_INPUTS 16 /* clients of an instance whose input positions are known */

/* One row a client: how much of what it typed the instance has taken. */
struct cons_input {
	uint64_t client; /* 0: free */
	uint64_t pos;
	uint64_t used; /* counts up with each attachment */
};

/*
 * A writer whose link was lost: it still counts as the writer (SPEC-cons section 5), and an
 * instance that ends is kept for it.
 */
struct cons_absent {
	uint64_t client; /* 0: nobody */
	uint64_t gid;
	struct link_epoch epoch; /* the process that it was */
	uint64_t out_pos; /* it may have seen no more */
	uint64_t until_ns;
};

/* Does a client show this console to itself? All times 0: not known. */
struct cons_loop {
	uint64_t output_ns; /* when some came last */
	uint64_t busy_ns; /* since when it comes without a pause */
	uint64_t next_ns; /* no trial before */
	uint64_t wait_ns; /* between the last two trials */
	uint64_t trial_ns; /* when this one began; 0: none is made */
	uint64_t released_ns; /* when the last one ended */
	uint32_t left; /* bytes that may still come in this one and say nothing */
	bool full; /* somebody lags behind so far that he misses some of it anyway */
	unsigned int hits; /* trials in a row in which output stopped */
};

enum cons_instance_state {
	CONS_RUNNING,
	CONS_DRAINING,
	CONS_OVER,
};

TAILQ_HEAD(cons_units, cons_unit);

struct cons_instance {
	TAILQ_ENTRY(cons_instance) entry; /* of the server */
	struct cons_server *srv;
	struct cons_console *console;
	uint64_t id;
	enum cons_instance_state state;
	uint32_t end_code;
	char end_text[CONS_TEXT_MAX]; /* for people; may be empty */
	uint64_t kill_ns; /* hung up: when a program that has not ended is killed */
	struct cons_term term;
	struct cons_size size;
	uint64_t began_ns;

	/* Output. */
	struct cons_scroll scroll;
	struct cons_units units;
	unsigned int observers;
	uint64_t sent_pos; /* nobody has been sent more */
	struct cons_loop loop;
	bool readable; /* not known to be empty */
	bool stalled; /* waits for the writer's credits */
	uint32_t drain_left; /* bytes that a program which has ended may still bring */
	uint64_t window_ns; /* without a writer: bytes of the millisecond that began then */
	uint32_t window_bytes;

	/* Input. */
	uint64_t typed_ns; /* when some was typed last */
	struct cons_unit *writer;
	struct cons_absent absent; /* while there is no writer */
	uint64_t
		owner; /* GID that it belongs to; 0: nobody has written, or the console is shared */
	uint64_t left_ns; /* since when there is no writer; 0: there is, or was none */
	uint64_t writer_ns; /* since when */
	struct cons_input input[CONS_INPUTS];
	uint64_t inputs_used;
	bool writable; /* not known to be full */
	struct cons_line line; /* that is being typed */
	uint64_t push_ns; /* it is full: when it is given to its reader; 0: it is not */
	bool eof; /* nothing more will be typed for now */
	int eof_char; /* as seen last; -1: input waits */
	uint64_t eof_seen_ns; /* since when it is that one */
	uint64_t eof_due_ns; /* not before */
	uint64_t eof_look_ns;

	bool child_event; /* ask whether the program has ended */
	uint64_t look_ns; /* when to look without being told */
};

struct cons_console_stats {
	CONS_CONSOLE_METRICS(BASE_METRIC_FIELD)
};

struct cons_console {
	char name[CONS_NAME_MAX];
	char desc[CONS_TEXT_MAX];
	enum cons_console_kind kind;
	char *what;
	uint32_t tty; /* number of a device */
	struct base_allow allow, observe;
	bool gone; /* offered no longer */
	bool share, keep_given;
	uint64_t keep_ns; /* that an instance without its writer is kept */
	struct cons_instance *now; /* NULL: nothing runs */
	struct base_bucket starts[2]; /* of observers, of writers */
	struct {
		CONS_CONSOLE_METRICS(BASE_METRIC_LIVE)
	} stats;
};

enum cons_unit_state {
	CONS_UNIT_DETACHED,
	CONS_UNIT_ATTACHED,
	CONS_UNIT_LEAVING,
};

/* What is known of a request id of a session. */
struct cons_slot {
	/* Its request is open: of the unit's queue. */
	uint16_t next; /* id of the one behind it */
	uint8_t op;
	uint32_t done, len; /* WRITE: bytes of the slot */
	/* Its newest READ: whom it has brought something, up to which position. */
	struct cons_unit *reader; /* NULL: nobody who is still there */
	uint64_t read_end;
};

/* Open requests of a unit, oldest first. */
struct cons_open {
	uint16_t head, tail; /* ids */
	unsigned int count;
};

/* Audit lines of refusals are bounded, by GID. */
struct cons_refusals {
	uint64_t gid;
	uint64_t since_ns; /* of the time that began then */
	unsigned int count;
};
#define CONS_REFUSALS 16

struct cons_unit {
	TAILQ_ENTRY(cons_unit) attached; /* of the instance */
	struct cons_peer *peer;
	uint16_t number; /* version 1: of the newest attachment; 0: there was none */
	enum cons_unit_state state;
	struct cons_instance *instance; /* ATTACHED */
	bool writer;
	uint64_t client;
	uint64_t since_ns;
	uint64_t out_pos; /* next byte to be sent */
	/*
	 * The client has consumed all before this one: an id is used again only after its
	 * completion was. What it has not is kept for a writer, so that a lost link loses nothing.
	 */
	uint64_t seen_pos;
	struct cons_input *input; /* of a writer */
	uint64_t in_next; /* position after the last byte that came */
	struct cons_wire_event leave; /* LEAVING: to be sent */
	/* DETACHED: an ATTACH that waits until its console may be started. */
	bool held;
	uint16_t held_id;
	struct cons_attach held_in;
	struct cons_open reads;
	struct cons_open typed; /* WRITE, BREAK, EOF */
};

struct cons_peer {
	TAILQ_ENTRY(cons_peer) entry; /* of the server */
	struct cons_server *srv;
	struct link_session *session;
	struct link_queue *link;
	uint64_t gid;
	struct link_epoch epoch; /* the process that it is */
	uint32_t slot_size;
	bool closed; /* by us; `session` is dead then */
	bool version2; /* several units, chosen by the client */
	bool broken;
	bool posted; /* answers wait to be flushed */
	unsigned int next_unit; /* index: is sent output first */
	struct cons_unit units[CONS_UNITS_MAX];
	struct cons_slot slots[LINK_DEPTH_MAX];
	struct cons_refusals refusals;
};

/* Of the units that a session may use. */
static inline unsigned int
cons_peer_units(const struct cons_peer *p)
{
	return p->version2 ? CONS_UNITS_MAX : 1;
}

TAILQ_HEAD(cons_peers, cons_peer);

struct cons_server {
	struct cons_server_conf conf;
	struct cons_audit_log *log; /* NULL: conf.audit gets the lines */
	pthread_mutex_t lock;
	struct cons_console *consoles[CONS_CONSOLES_MAX];
	unsigned int count;
	TAILQ_HEAD(, cons_instance) instances;
	struct cons_peers peers;
	int epoll;
	uint64_t epoll_ns; /* when to ask again */
	uint64_t reap_ns; /* the same, for orphans */
	uint64_t now_ns; /* of this round */
	uint64_t typed_ns;
	struct {
		CONS_SERVER_METRICS(BASE_METRIC_LIVE)
	} stats;
	struct cons_refusals refusals[CONS_REFUSALS]; /* of those who get no session */
};

/* --- cons_console.c: consoles and who may use them --- */
bool cons_console_may_write(const struct cons_console *c, uint64_t gid);
bool cons_console_may_observe(const struct cons_console *c, uint64_t gid);
/* @param name  empty: the only one that the GID may see. @return NULL: there is none. */
struct cons_console *cons_console_find(struct cons_server *srv, const char *name, uint64_t gid);
void cons_console_free(struct cons_console *c);
/* Free those that are gone and without instances. */
void cons_console_sweep(struct cons_server *srv);

/* --- cons_absent.c --- */
/* Keep the writer's place for a while: where its answers ended it can go on. */
void cons_absent_begin(const struct cons_unit *u);
/* The client said goodbye. */
void cons_absent_forget(struct cons_server *srv, uint64_t client);
/*
 * The client is there again, or another one writes, or its GID has come with a session in which
 * the client cannot return: nobody waits any longer for who was absent. `inst` is what it is
 * attached to now.
 */
void cons_absent_end(struct cons_server *srv, const struct cons_instance *inst,
		     const struct cons_unit *u);
/* GID of the one who writes, absent or not; 0: nobody. */
uint64_t cons_instance_writer(const struct cons_instance *inst);

/* --- cons_console_instance.c --- */
/* Start the program or open the device. @return 0; -errno and a reason for people in err. */
int cons_instance_start(struct cons_console *c, struct cons_server *srv,
			const struct cons_attach *attach, char *err, size_t err_size);
/* Input, then what must be done now and then. @return work done. */
unsigned int cons_instance_input(struct cons_instance *inst);
/* One read of the terminal at most. @return bytes. */
unsigned int cons_instance_output(struct cons_instance *inst);
/* Nobody writes: output that the last writer has stopped goes on. */
void cons_instance_release(struct cons_instance *inst);
/* No terminal any more; units get what is left, then ENDED with this code. */
void cons_instance_over(struct cons_instance *inst, uint32_t code);
/* OVER and without units. */
void cons_instance_free(struct cons_instance *inst);
/* The row of a client, a new one if need be. */
struct cons_input *cons_instance_row(struct cons_instance *inst, uint64_t client, bool make);

/* --- cons_owner.c: whose is an instance --- */
enum cons_claim {
	CONS_CLAIM_GOOD, /* may attach as it asks to */
	CONS_CLAIM_BUSY, /* somebody writes: TAKE_OVER would do */
	CONS_CLAIM_OWNED, /* another GID's */
	CONS_CLAIM_ANEW, /* another GID's, which has left: hang it up and start a fresh one */
};
/* May it attach to this one? Changes nothing. */
enum cons_claim cons_owner_claim(const struct cons_instance *inst, uint64_t gid,
				 const struct cons_attach *in);
/* This GID writes now. */
void cons_owner_takes(struct cons_instance *inst, uint64_t gid);
/* As when a terminal hangs up: observers are told, the program gets SIGHUP, later SIGKILL. */
void cons_owner_hang_up(struct cons_instance *inst, const char *why);
/* Those that nobody comes back to, or needs any more: the instance may be gone afterwards. */
void cons_owner_tick(struct cons_instance *inst);
/* How long an instance of such a console is kept; UINT64_MAX: for ever. */
uint64_t cons_owner_keep_ns(const struct cons_console_conf *conf);

/* --- cons_loop.c: consoles that show themselves --- */
/* So much output came. */
void cons_loop_output(struct cons_instance *inst, uint32_t bytes);
/* Each round while it runs: begins and ends trials; detaches a client that is in a loop. */
void cons_loop_tick(struct cons_instance *inst);
/* Is nothing to be sent for a moment? */
static inline bool
cons_loop_withholds(const struct cons_instance *inst)
{
	return inst->loop.trial_ns != 0 && inst->state == CONS_RUNNING;
}

/* --- cons_server_request.c --- */
/* Take what the client asks, and what it has asked and had to wait. @return requests. */
unsigned int cons_peer_take(struct cons_peer *p);

/* --- cons_server_send.c --- */
/*
 * Output and events, as far as READs are open. The units take turns: one that takes all that a
 * round allows comes last in the next one.
 * @return READs answered.
 */
unsigned int cons_peer_send(struct cons_peer *p);

/* --- cons_unit.c: below instances and sending --- */
/*
 * The session is gone, or the server ends: no answer goes out.
 * @param come_back  a writer may come back: keep its place for a while.
 */
void cons_peer_drop(struct cons_peer *p, bool come_back);
void cons_event_fill(struct cons_wire_event *ev, enum cons_event_type type, uint32_t code,
		     uint64_t value, uint64_t out_pos, const char *text);
/* Answer with what the queue's peer is to know; a queue that does not take it is broken. */
void cons_peer_answer(struct cons_peer *p, uint16_t id, const struct link_cqe *cqe,
		      const void *payload);
void cons_peer_status(struct cons_peer *p, uint16_t id, enum cons_status status);
void cons_peer_flush(struct cons_peer *p);
/* This request is the newest of the queue. */
void cons_open_add(struct cons_peer *p, struct cons_open *q, uint16_t id);
/* @return the oldest one's id, which is in the queue no more; there is one. */
uint16_t cons_open_take(const struct cons_peer *p, struct cons_open *q);
/* What was typed and not taken gets this answer. */
void cons_unit_end_typed(struct cons_unit *u, enum cons_status status);
/* Not attached any more: answers what is open. */
void cons_unit_detach(struct cons_unit *u);
/* Another client takes its place. The event goes out with the next READ. */
void cons_unit_leave(struct cons_unit *u, enum cons_event_type type, uint64_t value,
		     const char *text);

/* --- cons_audit.c --- */
/* @return 0; -errno: there can be no lines. */
int cons_audit_open(struct cons_server *srv);
void cons_audit_close(struct cons_server *srv);
void cons_audit_attach(const struct cons_unit *u, bool resumed);
void cons_audit_refuse(struct cons_peer *p, const char *name, const char *why);
/* A GID for whom there is no console at all: no session. */
void cons_audit_no_session(struct cons_server *srv, uint64_t gid);
void cons_audit_absent(const struct cons_instance *inst, const char *how);
void cons_audit_take_over(const struct cons_unit *u, const struct cons_unit *from);
void cons_audit_leave(const struct cons_unit *u, const char *how);
void cons_audit_start(const struct cons_instance *inst);
void cons_audit_end(const struct cons_instance *inst);

/* --- cons_server_telemetry.c --- */
void cons_server_telemetry_add(struct cons_server *srv);
void cons_server_telemetry_remove(struct cons_server *srv);

#endif
