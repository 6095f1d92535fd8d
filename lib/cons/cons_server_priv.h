/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: consoles, their instances, and the clients that are attached.
 *
 *	console    what the command line offers; there as long as the server is.
 *	instance   one life of it: terminal, scrollback, attached peers. The console points at
 *	           the one that runs. One that has ended lives on until its peers have got the
 *	           rest of its output, while the next one may run already.
 *	peer       one session of a client. Attached to one instance at most.
 *
 *	peer:   DETACHED --ATTACH--> ATTACHED --its event ENDED is sent, DETACH--> DETACHED
 *	                                |   taken over, replaced
 *	                                +----> LEAVING --its event is sent, DETACH--> DETACHED
 *
 *	instance:   RUNNING --program ended--> DRAINING --output read--> OVER --no peers--> freed
 *	               +-----------device hung up--------------------------^
 *
 * All of it belongs to the control thread. The telemetry thread looks at it under `lock`, which
 * the control thread holds whenever it may change anything.
 */
#ifndef CONS_SERVER_PRIV_H
#define CONS_SERVER_PRIV_H

#include <pthread.h>
#include <sys/queue.h>

#include "cons_audit_log.h"
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
 * A writer whose link was lost: it still counts as the writer (SPEC-cons "READ"), and an
 * instance that ends is kept for it.
 */
struct cons_absent {
	uint64_t client; /* 0: nobody */
	uint64_t gid;
	uint64_t out_pos; /* it may have seen no more */
	uint64_t until_ns;
};

enum cons_instance_state {
	CONS_RUNNING,
	CONS_DRAINING,
	CONS_OVER,
};

TAILQ_HEAD(cons_peers, cons_peer);

struct cons_instance {
	TAILQ_ENTRY(cons_instance) entry; /* of the server */
	struct cons_server *srv;
	struct cons_console *console;
	uint64_t id;
	enum cons_instance_state state;
	uint32_t end_code;
	struct cons_term term;
	struct cons_size size;
	uint64_t began_ns;

	/* Output. */
	struct cons_scroll scroll;
	struct cons_peers peers;
	unsigned int observers;
	uint64_t sent_pos; /* nobody has been sent more */
	bool readable; /* not known to be empty */
	bool stalled; /* waits for the writer's credits */
	uint32_t drain_left; /* bytes that a program which has ended may still bring */
	uint64_t window_ns; /* without a writer: bytes of the millisecond that began then */
	uint32_t window_bytes;

	/* Input. */
	struct cons_peer *writer;
	struct cons_absent absent; /* while there is no writer */
	uint64_t writer_ns; /* since when */
	struct cons_input input[CONS_INPUTS];
	uint64_t inputs_used;
	bool writable; /* not known to be full */
	bool eof; /* nothing more will be typed for now */
	int eof_char; /* as seen last; -1: input waits */
	uint64_t eof_seen_ns; /* since when it is that one */
	uint64_t eof_due_ns; /* not before */
	uint64_t eof_look_ns;

	bool child_event; /* ask whether the program has ended */
	uint64_t look_ns; /* when to look without being told */
};

struct cons_console_stats {
	uint64_t started, ended, bytes_in, bytes_out, cut, stalls;
};

struct cons_console {
	char name[CONS_NAME_MAX];
	char desc[CONS_TEXT_MAX];
	enum cons_console_kind kind;
	char *what;
	struct cons_gids allow, observe;
	struct cons_instance *now; /* NULL: nothing runs */
	struct cons_console_stats stats;
};

/* An open WRITE, BREAK or EOF, in the order in which they came. */
struct cons_typed {
	uint16_t id;
	uint8_t op;
	uint32_t done, len; /* bytes of the slot */
};

enum cons_peer_state {
	CONS_PEER_DETACHED,
	CONS_PEER_ATTACHED,
	CONS_PEER_LEAVING,
};

/* Audit lines of refusals are bounded, by GID. */
struct cons_refusals {
	uint64_t gid;
	uint64_t since_ns; /* of the time that began then */
	unsigned int count;
};
#define CONS_REFUSALS 16

struct cons_peer {
	TAILQ_ENTRY(cons_peer) entry; /* of the server */
	TAILQ_ENTRY(cons_peer) attached; /* of the instance */
	struct cons_server *srv;
	struct link_session *session;
	struct link_queue *link;
	uint64_t gid;
	uint32_t slot_size;
	bool broken;
	bool posted; /* answers wait to be flushed */

	enum cons_peer_state state;
	struct cons_instance *instance; /* ATTACHED */
	bool writer;
	uint16_t unit; /* of the newest attachment; 0: there was none */
	uint64_t client;
	uint64_t since_ns;
	uint64_t out_pos; /* next byte to be sent */
	/*
	 * The client has consumed all before this one: an id is used again only after its
	 * completion was. What it has not is kept for a writer, so that a lost link loses nothing.
	 */
	uint64_t seen_pos;
	uint64_t read_end[LINK_DEPTH_MAX]; /* by id: position after what its READ brought */
	struct cons_input *input; /* of a writer */
	uint64_t in_next; /* position after the last byte that came */
	struct cons_wire_event leave; /* LEAVING: to be sent */

	/* Open requests. */
	uint16_t reads[LINK_DEPTH_MAX]; /* a ring: ids of READs */
	unsigned int read_head, read_count;
	struct cons_typed typed[LINK_DEPTH_MAX];
	unsigned int typed_head, typed_count;

	struct cons_refusals refusals;
};

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
	uint64_t now_ns; /* of this round */
	uint64_t typed_ns;
	struct cons_server_stats stats;
	struct cons_refusals refusals[CONS_REFUSALS]; /* of those who get no session */
};

/* --- cons_console.c: consoles and who may use them --- */
bool cons_console_may_write(const struct cons_console *c, uint64_t gid);
bool cons_console_may_observe(const struct cons_console *c, uint64_t gid);
/* @param name  empty: the only one that the GID may see. @return NULL: there is none. */
struct cons_console *cons_console_find(struct cons_server *srv, const char *name, uint64_t gid);
void cons_console_free(struct cons_console *c);

/* --- cons_console_instance.c --- */
/* Start the program or open the device. @return 0; -errno and a reason for people in err. */
int cons_instance_start(struct cons_console *c, struct cons_server *srv,
			const struct cons_attach *attach, char *err, size_t err_size);
/* Input, then what must be done now and then. @return work done. */
unsigned int cons_instance_input(struct cons_instance *inst);
/* One read of the terminal at most. @return bytes. */
unsigned int cons_instance_output(struct cons_instance *inst);
/* No terminal any more; peers get what is left, then ENDED with this code. */
void cons_instance_over(struct cons_instance *inst, uint32_t code);
/* OVER and without peers. */
void cons_instance_free(struct cons_instance *inst);
/* The row of a client, a new one if need be. */
struct cons_input *cons_instance_row(struct cons_instance *inst, uint64_t client, bool make);

/* --- cons_server_request.c --- */
/* Keep the writer's place for a while: where its answers ended it can go on. */
void cons_absent_begin(const struct cons_peer *p);
/* The client said goodbye. */
void cons_absent_forget(struct cons_server *srv, uint64_t client);
/*
 * The client, or its GID, is there again, or another one writes: nobody waits any longer for who
 * was absent. `inst` is what it is attached to now.
 */
void cons_absent_end(struct cons_server *srv, const struct cons_instance *inst,
		     const struct cons_peer *p);
/* GID of the one who writes, absent or not; 0: nobody. */
uint64_t cons_instance_writer(const struct cons_instance *inst);

/* Take what the client asks. @return requests. */
unsigned int cons_peer_take(struct cons_peer *p);
/*
 * The session is gone, or the server ends: no answer goes out.
 * @param come_back  a writer may come back: keep its place for a while.
 */
void cons_peer_drop(struct cons_peer *p, bool come_back);

/* --- cons_server_send.c --- */
/* Answer with what the queue's peer is to know; a queue that does not take it is broken. */
void cons_peer_answer(struct cons_peer *p, uint16_t id, const struct link_cqe *cqe,
		      const void *payload);
void cons_peer_status(struct cons_peer *p, uint16_t id, enum cons_status status);
/* Output and events, as far as READs are open. @return READs answered. */
unsigned int cons_peer_send(struct cons_peer *p);
void cons_peer_flush(struct cons_peer *p);
/* What was typed and not taken gets this answer. */
void cons_peer_end_typed(struct cons_peer *p, enum cons_status status);
/* Not attached any more: answers what is open. */
void cons_peer_detach(struct cons_peer *p);
/* Another client takes its place. The event goes out with the next READ. */
void cons_peer_leave(struct cons_peer *p, enum cons_event_type type, uint64_t value,
		     const char *text);

/* --- cons_audit.c --- */
/* @return 0; -errno: there can be no lines. */
int cons_audit_open(struct cons_server *srv);
void cons_audit_close(struct cons_server *srv);
void cons_audit_attach(const struct cons_peer *p, bool resumed);
void cons_audit_refuse(struct cons_peer *p, const char *name, const char *why);
/* A GID for whom there is no console at all: no session. */
void cons_audit_no_session(struct cons_server *srv, uint64_t gid);
void cons_audit_absent(const struct cons_instance *inst, const char *how);
void cons_audit_take_over(const struct cons_peer *p, const struct cons_peer *from);
void cons_audit_leave(const struct cons_peer *p, const char *how);
void cons_audit_start(const struct cons_instance *inst);
void cons_audit_end(const struct cons_instance *inst);

/* --- cons_server_telemetry.c --- */
void cons_server_telemetry_add(struct cons_server *srv);
void cons_server_telemetry_remove(struct cons_server *srv);

#endif
