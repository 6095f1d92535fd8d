/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the asking end.
 *
 *	probe_client.c           life, and what it is told to do
 *	probe_client_control.c   what control does by itself
 *	probe_settings.c         what is set, and what "auto" comes to
 *	probe_tester.c           runs: data thread; probe_tester_modes.c what each mode asks
 *	probe_client_telemetry.c what /fwd/... tells of this end
 *
 * Control and data share, besides queues (link.h):
 *
 *	order     control: run number n shall run; what is in `run` is its description
 *	halt      control: run number n shall end
 *	finished  data: run number n has ended, `end` and the counters say how
 *
 * Control writes `run` only when finished == order, data reads it only when finished != order.
 * Counters have one writer, the data thread, and any reader.
 */
#ifndef PROBE_CLIENT_PRIV_H
#define PROBE_CLIENT_PRIV_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base_counter.h"
#include "base_hist.h"
#include "base_time.h"
#include "link.h"
#include "probe_client.h"
#include "probe_modes.h"
#include "probe_telemetry.h"
#include "probe_wire.h"

#define PROBE_TEXT_MAX 192 /* bytes of a line for people */
#define PROBE_ANSWER_NS (5 * BASE_NS_PER_S) /* a peer that has not answered for so long is stuck */
#define PROBE_RETURN_NS (10 * BASE_NS_PER_S) /* a session that is made anew for a run */

/* --- runs --- */

/* What a run is: settings with their defaults filled in. */
struct probe_run {
	const struct probe_mode *mode;
	uint32_t size; /* bytes of a message */
	uint32_t burst; /* messages of a request; flood: requests of a store */
	uint32_t window; /* requests open at once */
	bool copy; /* the receiver copies messages out of the slot */
	uint64_t seed;
	uint64_t time_ns; /* 0: until told */
	uint64_t count; /* messages; 0: no limit */
	uint64_t rate; /* messages a second; 0: no limit */
};

/* How a run ended. */
enum probe_end {
	PROBE_END_DONE, /* in good order */
	PROBE_END_BROKEN, /* the session broke */
	PROBE_END_REFUSED, /* BEGIN was answered with a status */
	PROBE_END_LIED, /* the peer broke the protocol of the service */
	PROBE_END_STUCK, /* the peer did not answer in time */
};

enum probe_phase {
	PROBE_PHASE_NONE, /* no queue */
	PROBE_PHASE_IDLE,
	PROBE_PHASE_BEGIN, /* BEGIN is on its way */
	PROBE_PHASE_RUN,
	PROBE_PHASE_DRAIN, /* nothing new is asked */
	PROBE_PHASE_END, /* END is on its way */
};

/* As struct probe_client_stats. */
struct probe_tester_counts {
	_Atomic uint64_t begin_ns, end_ns;
	_Atomic uint64_t mismatch_seq, mismatch_off;
	PROBE_TEST_METRICS(BASE_METRIC_LIVE)
};

struct probe_tester {
	/* Control to data. */
	_Atomic(struct link_queue *) fresh; /* attached; partner: the exchange in take_queue() */
	_Atomic uint32_t order, halt;
	struct probe_run run;
	bool shared; /* as in probe_client_conf; so are the limits of a round */
	unsigned int looks, spins;

	/* Data to control; `end` and `text` are covered by `finished`. */
	_Atomic uint32_t finished __rte_cache_aligned;
	_Atomic uint32_t
		phase; /* relaxed: for people, and for control to see that there is a queue */
	enum probe_end end;
	char text[PROBE_TEXT_MAX]; /* what the peer did, if `end` is not enough */

	/* Data's own. */
	struct link_queue *q __rte_cache_aligned;
	uint64_t now;
	uint64_t heard_ns; /* newest answer, or change of phase */
	uint64_t seq; /* of the next message */
	uint64_t messages, bytes, asked_requests; /* sent in this run */
	uint32_t inflight;
	bool waiting; /* the window is full, and no answer was there */
	uint32_t gap, batch; /* requests that go out together, at least and at most */
	uint32_t taken; /* answers taken in one look at most */
	uint64_t random; /* io: where, and what */
	struct probe_asked asked[LINK_DEPTH_MAX];
	struct probe_tester_counts counts __rte_cache_aligned;
	struct base_hist latency;
	/* What is sent is made here, and what is read goes here. */
	uint8_t out[PROBE_SIZE_MAX] __rte_cache_aligned;
	uint8_t in[PROBE_SIZE_MAX] __rte_cache_aligned;
};

/* The newest run that was ordered. Control, telemetry. */
static inline uint32_t
probe_tester_order(const struct probe_tester *t)
{
	return atomic_load_explicit(&t->order, memory_order_relaxed);
}

/* --- settings --- */

struct probe_settings {
	const struct probe_mode *mode;
	uint32_t size, burst, window; /* 0: the mode's */
	uint64_t time_s, count, rate, seed;
	bool copy;
};

/* --- the client --- */

struct probe_client {
	struct probe_client_conf conf;
	uint16_t dev_id;
	struct probe_telemetry telemetry;

	/* Control's own. */
	struct link_session *session; /* NULL: none, or to be opened again */
	bool open; /* the user wants one */
	_Atomic uint64_t rgid;
	uint16_t open_depth; /* what the session was opened with */
	uint32_t open_slot;
	uint32_t ended; /* newest run whose end was taken */
	bool pending; /* started; waits for its session */
	bool measuring; /* what conf.measures was told last */
	uint64_t pending_ns; /* since when; 0: not known yet */
	bool up; /* between on_up and on_down */
	bool reset; /* close and open again */
	uint64_t stores_before;

	pthread_mutex_t lock; /* what telemetry reads besides counters */
	struct probe_settings set;
	struct probe_run shown; /* of the running or newest run */
	bool shown_valid;
	uint64_t stores; /* of the newest run, when it has ended */
	uint64_t retries; /* calls and attempts that the session took more than one of */
	_Atomic(enum probe_state) state;
	char session_trouble[PROBE_TEXT_MAX];
	char run_trouble[PROBE_TEXT_MAX];

	struct probe_tester tester;
};

/* The peer of the open link, or of the last one. */
static inline uint64_t
probe_client_rgid(const struct probe_client *c)
{
	return atomic_load_explicit(&c->rgid, memory_order_relaxed);
}

/* --- probe_settings.c --- */

/* @return 0; -EINVAL and a line for people in err. */
int probe_settings_set(struct probe_settings *set, const char *name, const char *value, char *err,
		       size_t err_size);
/* What the settings come to. */
void probe_settings_run(const struct probe_settings *set, struct probe_run *run);
/* What a run needs of its session. */
uint32_t probe_run_slot(const struct probe_run *run);
uint16_t probe_run_depth(const struct probe_run *run);

/* --- probe_tester_modes.c --- */

/*
 * Make request `req` (id is set) of at most `most` messages and store its payload.
 * @return messages in it, or -errno of the link.
 */
int probe_tester_ask(struct probe_tester *t, struct link_req *req, uint32_t most);
/* An answer has passed the gate; look at its payload. */
void probe_tester_answered(struct probe_tester *t, const struct probe_asked *asked,
			   const struct link_cqe *cqe);

/* --- probe_tester.c --- */

void probe_tester_init(struct probe_tester *t, bool shared);
/* Data thread. @return work done. */
unsigned int probe_tester_poll(struct probe_tester *t, uint64_t now_ns);
/* No worker runs any more. */
void probe_tester_stop(struct probe_tester *t);

/* --- probe_client_control.c --- */

/* @return 0; -EEXIST the session before is not gone yet; -errno of link_open(). */
int probe_client_session_open(struct probe_client *c, const struct probe_run *run);
void probe_client_session_close(struct probe_client *c);
bool probe_client_running(const struct probe_client *c);
void probe_client_run_halt(struct probe_client *c);
/* Tell conf.measures, if it does not know. */
void probe_client_measures(struct probe_client *c, bool on);
/* Write one of the two texts. */
void probe_client_trouble_set(struct probe_client *c, char which[PROBE_TEXT_MAX], const char *fmt,
			      ...) __attribute__((format(printf, 3, 4)));
/*
 * probe_client_state() reads what this has written. After every change of what the state follows
 * from.
 */
void probe_client_state_publish(struct probe_client *c);
/* Stores of our function so far. Any thread. */
uint64_t probe_client_stores(const struct probe_client *c);

/* --- probe_client_telemetry.c --- */

void probe_client_telemetry(struct probe_client *c);

#endif
