/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the answering end.
 *
 *	probe_server.c         life; sessions that come and go: control thread
 *	probe_worker.c         rounds, and shares of them: data thread
 *	probe_testee.c         requests of one session, and answers to them
 *	probe_testee_modes.c   what each mode does with a request
 *	probe_server_telemetry.c   what /fwd/... tells of this end
 */
#ifndef PROBE_SERVER_PRIV_H
#define PROBE_SERVER_PRIV_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base_counter.h"
#include "link.h"
#include "probe_modes.h"
#include "probe_server.h"
#include "probe_telemetry.h"
#include "probe_wire.h"

#define PROBE_BURST 8u /* requests taken in one look, answered in one store */

/* One session that somebody has with us. */
struct probe_testee {
	LIST_ENTRY(probe_testee) all; /* control's list */
	uint64_t gid;
	struct link_queue *q;
	struct probe_worker *worker;
	uint8_t *disk; /* PROBE_DISK_SIZE, zeros at first; io. NULL: no memory */
	uint8_t *sink; /* PROBE_SIZE_MAX behind it; copy */

	/* The data thread's own, from probe_worker_give() to link_queue_detach(). */
	struct probe_testee *next; /* in the inbox */
	TAILQ_ENTRY(probe_testee) entry;
	bool running;
	struct probe_begin begin;
	uint64_t seq; /* of the next message */
	struct probe_wire_report report_wire;
	uint64_t requests, messages, bytes, mismatches, polls, polls_empty; /* since BEGIN */
	int64_t credit; /* bytes that it may take in this turn; below 0: owed */
	struct link_req reqs[PROBE_BURST]; /* taken from the ring ... */
	unsigned int first, count; /* ... of these, the ones that wait for a share */
};

/* As struct probe_server_stats, without calls_refused. */
struct probe_testee_counts {
	PROBE_ANSWER_METRICS(BASE_METRIC_LIVE)
	_Atomic uint64_t begin_ns, newest_ns, mode, size;
};

struct probe_worker {
	_Atomic(struct probe_testee *)
		inbox; /* control to data; partner: the exchange in take_inbox() */
	uint32_t round_max;

	/* The data thread's own. */
	TAILQ_HEAD(, probe_testee) testees;
	unsigned int count; /* of those */
	int64_t credit; /* the same of all of them in this round */
	bool owing; /* one of them had to wait in this round */
	uint64_t now;
	struct probe_testee_counts counts __rte_cache_aligned;
};

struct probe_server {
	struct link *link;
	struct base_allow allow;
	unsigned int sessions_max;
	unsigned int session_count, dealt;
	_Atomic uint64_t calls_refused; /* control's */
	LIST_HEAD(, probe_testee) testees;
	struct probe_telemetry telemetry;
	unsigned int worker_count;
	struct probe_worker workers[];
};

/* --- probe_worker.c --- */

void probe_worker_init(struct probe_worker *w, uint32_t round_max);
/* Control: e->q is attached, the data thread has it from here on. */
void probe_worker_give(struct probe_worker *w, struct probe_testee *e);
/* The data thread does not run any more: detach all. */
void probe_worker_stop(struct probe_worker *w);

/* --- probe_testee.c --- */

/*
 * Answer requests: one burst at most, and no more once e->credit is used up.
 * @return how many; -errno: the session is over.
 */
int probe_testee_serve(struct probe_testee *e);

/* --- probe_testee_modes.c --- */

/*
 * A request of the run that has passed the gate: fill the answer (id is set), store its payload.
 * @return 0; -EPROTO the payload lies: *what says how; -errno of the link.
 */
int probe_testee_answer(struct probe_testee *e, const struct link_req *req, struct link_cqe *cqe,
			const char **what);
/* What it costs, in bytes that are stored or looked at. */
int64_t probe_testee_cost(const struct link_req *req);

/* --- probe_server_telemetry.c --- */

void probe_server_telemetry(struct probe_server *srv);

#endif
