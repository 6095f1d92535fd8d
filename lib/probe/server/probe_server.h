/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answering end of link tests (docs/SPEC-test.md): whoever is allowed may find out how fast the
 * link to us is, and whether what is stored arrives.
 *
 * Threads: the link's control thread for everything but probe_worker_poll(), which belongs to one
 * data thread per worker (worker 0's may be the control thread). Control has nothing to do by
 * itself: link_poll() is enough.
 */
#ifndef PROBE_SERVER_H
#define PROBE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_allow.h"
#include "link.h"
#include "probe_metrics.h"

struct probe_server;
struct probe_worker;

/*
 * Read what a person types: allow=LIST[,allow=LIST...].
 * @return 0; -EINVAL, -ENOSPC, -ENOMEM: err_size bytes of err hold a line for people.
 */
int probe_allow_parse(const char *arg, struct base_allow *allow, char *err, size_t err_size);

struct probe_server_conf {
	struct link *link;
	struct base_allow allow;
	unsigned int workers; /* data threads; sessions are dealt out over them */
	/* Offered per session; 0: what the link can have. */
	uint16_t depth_max;
	uint32_t slot_max;
	unsigned int sessions_max; /* at once; 0: as many as the link has */
	/*
	 * What the sessions of a worker may take of one of its rounds together, in bytes that are
	 * stored or looked at; a request costs a page besides. They take turns. One that costs more
	 * is paid for by rounds without any. 0: the thread is theirs: a round goes on, and waits
	 * for the next request, while a test runs.
	 */
	uint32_t round_max;
};

/*
 * Listens for tests and adds telemetry /fwd/...
 * @return 0; -EINVAL no workers, or sizes that link_listen() refuses; -ENOMEM; -EEXIST the link has
 *         this service.
 */
int probe_server_create(const struct probe_server_conf *conf, struct probe_server **srv);
/*
 * Closes all sessions of the service. Every worker must have stopped polling; the link must still
 * be there. Tolerates NULL.
 */
void probe_server_destroy(struct probe_server *srv);

/*
 * Change who may test us. Who may no longer loses the session. Control thread.
 */
void probe_server_allow(struct probe_server *srv, const struct base_allow *allow);

/* i below conf.workers. As good as the server. */
struct probe_worker *probe_server_worker(struct probe_server *srv, unsigned int i);
/* One round: requests of all sessions dealt to this worker, and answers. @return work done. */
unsigned int probe_worker_poll(struct probe_worker *w, uint64_t now_ns);

struct probe_server_stats {
	PROBE_ANSWER_METRICS(BASE_METRIC_FIELD)
	uint64_t calls_refused; /* of GIDs that are not allowed, or for want of a place */
	/* Of the newest run. */
	uint64_t begin_ns, newest_ns;
	uint64_t mode; /* enum probe_mode_id; 0 = none yet */
	uint64_t size;
};
/* Sums over all workers; each number by itself is right. Any thread. */
void probe_server_stats(const struct probe_server *srv, struct probe_server_stats *stats);

#endif
