/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the link tests (fwd.c, fwd_*.c).
 *
 *	fwd.c            the commands: settings, open and close, start and stop
 *	fwd_control.c    what control does by itself: sessions that come and go, runs that end
 *	fwd_tester.c     the asking end; fwd_testee.c the answering end: data thread
 *	fwd_modes.c      the table of modes; fwd_ping.c, fwd_stream.c ... one mode each, both ends
 *	fwd_gate.c       everything that a peer says is checked there (SPEC-test "Gate")
 *	fwd_telemetry.c  /fwd/stats, /fwd/config
 *
 * Words
 *   tester   the end that asks: link's initiator. At most one.
 *   testee   the end that answers: one for each session that others have with us.
 *   run      from BEGIN to END: one test.
 *   message  what is counted; a request carries one or more.
 *
 * Threads. Control is worker 0; data is worker 1 where there is one, else worker 0 as well. They
 * share, besides queues (link.h):
 *
 *	order     control: run number n shall run; what is in `run` is its description
 *	halt      control: run number n shall end
 *	finished  data: run number n has ended, `end` and the counters say how
 *
 * Control writes `run` only when finished == order, data reads it only when finished != order.
 * Counters have one writer, the data thread, and any reader.
 */
#ifndef FWD_PRIV_H
#define FWD_PRIV_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base_hist.h"
#include "base_text.h"
#include "base_time.h"
#include "fwd_wire.h"
#include "ismstat.h"
#include "link.h"
#include "rte_pmd_ism.h"

#define FWD_TEXT_MAX 192 /* bytes of a line for people */
#define FWD_ANSWER_NS (5 * BASE_NS_PER_S) /* a peer that has not answered for so long is stuck */
#define FWD_RETURN_NS (10 * BASE_NS_PER_S) /* a session that is made anew for a run */

/* --- counters: one writer, any reader; nothing is ordered by them --- */

static inline void
fwd_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void
fwd_put(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline uint64_t
fwd_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* --- runs --- */

struct fwd_mode;

/* What a run is: settings with their defaults filled in. */
struct fwd_run {
	const struct fwd_mode *mode;
	uint32_t size; /* bytes of a message */
	uint32_t burst; /* messages of a request; flood: requests of a store */
	uint32_t window; /* requests open at once */
	bool copy; /* the receiver copies messages out of the slot */
	uint64_t seed;
	uint64_t time_ns; /* 0: until told */
	uint64_t count; /* messages; 0: no limit */
	uint64_t rate; /* messages a second; 0: no limit */
};

/* What the answering end takes from BEGIN, after the gate. */
struct fwd_begin {
	const struct fwd_mode *mode; /* NULL: we do not know it */
	bool copy;
	uint32_t size;
	uint32_t burst;
	uint64_t seed;
};

/* A request that waits for its answer. */
struct fwd_asked {
	uint64_t sent_ns;
	uint64_t off; /* as in the request */
	uint32_t len, payload; /* as in the request */
	uint16_t unit; /* as in the request */
	uint8_t op; /* enum fwd_op */
};

/* How a run ended. */
enum fwd_end {
	FWD_END_DONE, /* in good order */
	FWD_END_BROKEN, /* the session broke */
	FWD_END_REFUSED, /* BEGIN was answered with a status */
	FWD_END_LIED, /* the peer broke the protocol of the service */
	FWD_END_STUCK, /* the peer did not answer in time */
};

struct fwd_tester_counts {
	uint64_t begin_ns, end_ns; /* first request sent; newest answer, or the end */
	uint64_t requests, answers;
	uint64_t messages, bytes; /* answered */
	uint64_t lost; /* messages sent and never answered */
	uint64_t stalls_local, stalls_remote;
	uint64_t polls, polls_empty;
	uint64_t mismatches; /* messages whose contents were wrong, found at either end */
	uint64_t mismatch_seq, mismatch_off; /* the first of them */
	uint64_t err_status, err_protocol, err_broken, err_stuck;
	/* Of the peer's report at the end. */
	uint64_t peer_messages, peer_polls, peer_polls_empty;
};

enum fwd_phase {
	FWD_PHASE_NONE, /* no queue */
	FWD_PHASE_IDLE,
	FWD_PHASE_BEGIN, /* BEGIN is on its way */
	FWD_PHASE_RUN,
	FWD_PHASE_DRAIN, /* nothing new is asked */
	FWD_PHASE_END, /* END is on its way */
};

struct fwd_tester {
	/* Control to data. */
	struct link_queue *fresh; /* attached; partner: the exchange in take_queue() */
	uint32_t order, halt;
	struct fwd_run run;

	/* Data to control; `end` and `text` are covered by `finished`. */
	uint32_t finished __rte_cache_aligned;
	uint32_t phase; /* relaxed: for people, and for control to see that there is a queue */
	enum fwd_end end;
	char text[FWD_TEXT_MAX]; /* what the peer did, if `end` is not enough */

	/* Data's own. */
	struct link_queue *q __rte_cache_aligned;
	uint64_t now;
	uint64_t heard_ns; /* newest answer, or change of phase */
	uint64_t seq; /* of the next message */
	uint64_t messages, bytes, asked_requests; /* sent in this run */
	uint32_t inflight;
	bool waiting; /* the window is full, and no answer was there */
	uint32_t gap, batch; /* requests that go out together, at least and at most */
	uint64_t random; /* io: where, and what */
	struct fwd_asked asked[LINK_DEPTH_MAX];
	struct fwd_tester_counts counts __rte_cache_aligned;
	struct base_hist latency;
	/* What is sent is made here, and what is read goes here. */
	uint8_t out[FWD_SIZE_MAX] __rte_cache_aligned;
	uint8_t in[FWD_SIZE_MAX] __rte_cache_aligned;
};

/* --- the answering end --- */

struct fwd_received {
	uint64_t sessions; /* now */
	uint64_t runs;
	uint64_t requests, messages, bytes, mismatches;
	uint64_t refused; /* BEGIN answered with a status */
	uint64_t lies; /* sessions dropped for what the peer sent */
	uint64_t polls, polls_empty; /* while a run is on */
	uint64_t begin_ns, newest_ns; /* of the newest run */
	uint64_t mode; /* enum fwd_mode_id of the newest run, 0 = none yet */
	uint64_t size;
};

struct fwd_testee {
	LIST_ENTRY(fwd_testee) all; /* control's list */
	TAILQ_ENTRY(fwd_testee) entry; /* data's list */
	struct fwd_testee *next; /* in the inbox */
	struct link_queue *q;
	struct fwd_answerer *owner;
	bool running;
	struct fwd_begin begin;
	uint64_t seq; /* of the next message */
	struct fwd_wire_report report_wire;
	uint64_t requests, messages, bytes, mismatches, polls, polls_empty; /* since BEGIN */
	uint8_t *disk; /* FWD_DISK_SIZE; io */
	uint8_t *sink; /* FWD_SIZE_MAX; copy */
};

struct fwd_answerer {
	struct fwd_testee *inbox; /* control to data; partner: the exchange in take_inbox() */
	TAILQ_HEAD(, fwd_testee) testees; /* data's own */
	uint64_t now;
	struct fwd_received counts __rte_cache_aligned;
};

/* --- modes --- */

struct fwd_mode {
	const char *name, *help;
	uint8_t id; /* enum fwd_mode_id */
	uint8_t op; /* enum fwd_op of its requests; io has two */
	/* What "auto" stands for. */
	uint32_t size;
	uint32_t window;
	uint32_t burst; /* 1: the mode has no bursts */

	/* Bytes of slot that a request needs at most. */
	uint32_t (*slot)(uint32_t size, uint32_t burst);
	/*
	 * Tester: make request `req` (id is set) of at most `most` messages and store its
	 * payload. @return messages in it, or -errno of the link.
	 */
	int (*ask)(struct fwd_tester *t, struct link_req *req, uint32_t most);
	/* Tester, optional: an answer has passed the gate; look at its payload. */
	void (*answered)(struct fwd_tester *t, const struct fwd_asked *asked,
			 const struct link_cqe *cqe);
	/*
	 * Testee: a request has passed the gate. Fill the answer (id is set), store its payload.
	 * @return 0; -EPROTO the payload lies: *what says how; -errno of the link.
	 */
	int (*serve)(struct fwd_testee *e, const struct link_req *req, struct link_cqe *cqe,
		     const char **what);
};

extern const struct fwd_mode fwd_ping, fwd_stream, fwd_verify, fwd_flood, fwd_io;
extern const struct fwd_mode *const fwd_modes[];
extern const unsigned int fwd_mode_count;
/* @return NULL: there is none. */
const struct fwd_mode *fwd_mode_find(const char *name);
const struct fwd_mode *fwd_mode_by_id(uint16_t id);

/* Several messages in out[], their headers with the number of the first; fwd_stream.c. */
uint32_t fwd_messages_count(const struct fwd_tester *t, uint32_t most);
void fwd_messages_head(uint8_t *out, uint32_t size, uint32_t count, uint64_t seq);

/* --- fwd_gate.c --- */

/* All answer NULL, or what is wrong with it: the session ends then. */
/* @param begin  NULL: no run is on. */
const char *fwd_gate_req(const struct link_req *req, const struct fwd_begin *begin, uint64_t seq);
const char *fwd_gate_begin(const struct fwd_wire_begin *wire, uint32_t slot_size,
			   struct fwd_begin *begin);
/* Headers of the messages of one request, where they landed. */
const char *fwd_gate_messages(const void *payload, uint32_t size, uint32_t count, uint64_t seq);
const char *fwd_gate_cqe(const struct link_cqe *cqe, const struct fwd_asked *asked);
const char *fwd_gate_report(const struct fwd_wire_report *wire, const struct fwd_tester *t);

/* --- fwd_tester.c --- */

/* Data thread. @return work done. */
unsigned int fwd_tester_poll(struct fwd_tester *t, uint64_t now_ns);
/* No worker runs any more. */
void fwd_tester_stop(struct fwd_tester *t);
/* A message's contents were wrong. */
void fwd_tester_mismatch(struct fwd_tester *t, uint64_t seq, uint64_t off);

/* --- fwd_testee.c --- */

void fwd_answerer_init(struct fwd_answerer *a);
unsigned int fwd_answerer_poll(struct fwd_answerer *a, uint64_t now_ns);
void fwd_answerer_stop(struct fwd_answerer *a);
/* Control: data takes it from here on. @return 0, -ENOMEM, -ENOTCONN. */
int fwd_testee_give(struct fwd_answerer *a, struct link_queue *q, struct fwd_testee **e);
void fwd_testee_free(struct fwd_testee *e); /* detached */

/* --- fwd.c, fwd_control.c --- */

struct fwd_settings {
	const struct fwd_mode *mode;
	uint32_t size, burst, window; /* 0: the mode's */
	uint64_t time_s, count, rate, seed;
	bool copy;
};

struct fwd {
	LIST_ENTRY(fwd) entry; /* telemetry's list */
	struct link *link;
	uint16_t dev_id;
	unsigned int data_worker;
	bool listen, allow_any;
	uint64_t *allow;
	unsigned int allow_count;

	/* Control's own. */
	struct link_session *session; /* NULL: none, or to be opened again */
	bool open; /* the user wants one */
	uint64_t rgid;
	uint16_t open_depth; /* what the session was opened with */
	uint32_t open_slot;
	uint32_t ended; /* newest run whose end was taken */
	bool pending; /* started; waits for its session */
	uint64_t pending_ns; /* since when; 0: not known yet */
	bool up; /* between on_up and on_down */
	bool reset; /* close and open again */
	LIST_HEAD(, fwd_testee) testees;
	uint64_t stores_before;

	pthread_mutex_t lock; /* what telemetry reads besides counters */
	struct fwd_settings set;
	struct fwd_run shown; /* of the running or newest run */
	bool shown_valid;
	uint64_t stores; /* of the newest run, when it has ended */
	uint64_t retries; /* calls and attempts that the session took more than one of */
	enum fwd_state state;
	char session_trouble[FWD_TEXT_MAX];
	char run_trouble[FWD_TEXT_MAX];

	struct fwd_tester tester;
	struct fwd_answerer answerer;
};

/* fwd_create() without run.h: the caller polls. */
int fwd_new(const struct fwd_conf *conf, struct fwd **f);
unsigned int fwd_poll_control(struct fwd *f, uint64_t now_ns);
unsigned int fwd_poll_data(struct fwd *f, uint64_t now_ns);

extern const struct link_session_ops fwd_tester_ops, fwd_testee_ops;
int fwd_may_connect(void *arg, uint64_t gid, char *reason);
/* What the settings come to. */
void fwd_settings_run(const struct fwd_settings *set, struct fwd_run *run);
uint32_t fwd_run_slot(const struct fwd_run *run);
uint16_t fwd_run_depth(const struct fwd_run *run);
/* @return 0; -EEXIST the session before is not gone yet; -errno of link_open(). */
int fwd_session_open(struct fwd *f, const struct fwd_run *run);
void fwd_session_close(struct fwd *f);
bool fwd_running(const struct fwd *f);
/* Give the run in t->run to the data thread. */
void fwd_run_order(struct fwd *f);
void fwd_run_halt(struct fwd *f);
/* Write one of the two texts. */
void fwd_trouble_set(struct fwd *f, char which[FWD_TEXT_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* fwd_state() reads what this has written. After every change of what the state follows from. */
void fwd_state_publish(struct fwd *f);
/* Stores of our function so far. Any thread. */
uint64_t fwd_stores(const struct fwd *f);

/* --- fwd_telemetry.c --- */
void fwd_telemetry_add(struct fwd *f);
void fwd_telemetry_remove(struct fwd *f);

#endif
