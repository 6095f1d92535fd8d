/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket of a runtime: local programs ask it for what it has and does (run_rpc.h), and
 * who may is decided by the kernel's word of who they are.
 *
 *	clients ---> control thread: accept, read a line, the gate, quick methods, answer
 *	                 |        ^
 *	                 v        | eventfd
 *	             helper: methods that may wait, one at a time, in the order in which they came
 *
 * A request that may wait is refused when the one before it has not ended for 5 s: some storage
 * hangs. Those that look go on.
 *
 * A client is hostile. It has one request under way; its next one is read when the answer has been
 * taken. What it may use is bounded: connections of one user, time of the thread, bytes of a line.
 * It can hold up nobody else: no lcore and no other client ever waits for it.
 */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "run_metrics.h"
#include "run_rpc.h"

struct run_control;

struct run_control_conf {
	/* NULL: "default", or "PROGRAM-PID" when another runtime has that. */
	const char *name;
	const struct run_method *methods;
	size_t count;
	void *arg; /* of methods */
	/* Gets each ended request for an owner_only method, refused ones too. May be NULL. */
	void (*audit)(void *arg, const struct run_request *r);
	/* Called in a helper, as a method that waits, at each SIGHUP. NULL: SIGHUP ends us. */
	void (*hangup)(void *arg, struct run_request *r);
};

/*
 * Make the socket and start the thread. Where: run_name.h. Before the process gives up root.
 * Members of group "ism", if there is one, may connect besides the owner.
 * @param control  NULL on success: nobody asked for a name, and there is no place for a socket.
 * @return 0; -EINVAL the name; -EADDRINUSE another runtime has it; -ENOMEM; -errno. err has a
 *         line for people.
 */
int run_control_start(const struct run_control_conf *conf, struct run_control **control, char *err,
		      size_t err_size);
/*
 * The same in two steps: take the name, which is ours alone from then on; and begin, or after a
 * failure stop.
 */
int run_control_create(const struct run_control_conf *conf, struct run_control **control, char *err,
		       size_t err_size);
int run_control_begin(struct run_control *control, char *err, size_t err_size);
const char *run_control_name(const struct run_control *control);
/*
 * Close all connections and remove the socket. Waits for a method that is running, 2 s at most. No
 * worker needs to run. Tolerates NULL.
 * @return false: one still runs, in a helper; what it may use must stay as it is.
 */
bool run_control_stop(struct run_control *control);

/* Counted since the start. Any thread. */
struct run_control_stats {
	RUN_CONTROL_METRICS(BASE_METRIC_FIELD)
};
void run_control_stats(const struct run_control *control, struct run_control_stats *stats);

#endif
