/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The asking end of link tests (docs/SPEC-test.md): one for each peer that is tested. It finds out
 * how fast the link to that peer is, and whether what is stored arrives.
 *
 * Threads: the link's control thread for everything but where said, and one data thread, which may
 * be the same, for probe_client_poll_data().
 */
#ifndef PROBE_CLIENT_H
#define PROBE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link.h"
#include "probe_metrics.h"
#include "probe_modes.h"

struct probe_client;

struct probe_client_conf {
	struct link *link;
	unsigned int data_worker; /* told by telemetry: who calls probe_client_poll_data() */
	/*
	 * Others are served by the data thread: a round asks for one batch at most and takes few
	 * answers, and never waits for one. Else it goes on while there is something to do.
	 */
	bool shared;
	/*
	 * A test begins, or has ended: in between the data thread should not sleep for long, for
	 * its sleep would be measured. Optional.
	 */
	void (*measures)(void *arg, bool on);
	void *arg;
};

/* Adds telemetry /fwd/... (probe_telemetry.h). @return 0; -ENOMEM. */
int probe_client_create(const struct probe_client_conf *conf, struct probe_client **c);
/* Nobody polls any more; the link must still be there. Ends the session. Tolerates NULL. */
void probe_client_destroy(struct probe_client *c);

/* One round of control: a session that comes or goes, tests that end. @return work done. */
unsigned int probe_client_poll(struct probe_client *c, uint64_t now_ns);
/* Data thread: one round of asking. @return work done. */
unsigned int probe_client_poll_data(struct probe_client *c, uint64_t now_ns);

/* --- what it is told to do: each returns 0, or -errno with a line for people in err --- */

/* What may be set, for help and completion. */
struct probe_setting {
	const char *name, *values, *help;
};
extern const struct probe_setting probe_settings[];
extern const unsigned int probe_setting_count;
/*
 * ("fwd", "ping"), ("size", "4096"), ("burst", "32") ...
 * @return 0; -EINVAL no such setting or value; -EBUSY a test runs.
 */
int probe_client_set(struct probe_client *c, const char *name, const char *value, char *err,
		     size_t err_size);
/*
 * Open a session with that GID. It comes, and comes back, by itself: probe_client_state().
 * @return 0; -EBUSY one is open; -EADDRINUSE our own GID; -errno of link_open(), but for -EEXIST:
 *         then the one before is waited for, or that of another client with the same peer.
 */
int probe_client_open(struct probe_client *c, uint64_t gid, char *err, size_t err_size);
/* Ends the test as well, if one runs. @return 0; -ENOTCONN none is open. */
int probe_client_close(struct probe_client *c, char *err, size_t err_size);
/* Begin the test that is set. @return 0; -ENOTCONN there is no session; -EBUSY a test runs. */
int probe_client_start(struct probe_client *c, char *err, size_t err_size);
/*
 * Let what is under way end (bounded), then stop. Returns at once.
 * @return 0; -EALREADY no test runs.
 */
int probe_client_stop(struct probe_client *c, char *err, size_t err_size);

/* --- what has come of it --- */

enum probe_state {
	PROBE_CLOSED, /* no link open */
	PROBE_OPENING, /* the session is not (any more) up */
	PROBE_READY, /* up, no test runs */
	PROBE_RUNNING,
	PROBE_STOPPING,
};
/* Any thread. */
enum probe_state probe_client_state(const struct probe_client *c);
/* Why a test ended or a session is not there; "" if all is well. Good until the next call. */
const char *probe_client_trouble(const struct probe_client *c);

/* Of the running or newest test. */
struct probe_client_stats {
	uint64_t begin_ns, end_ns; /* first request sent; newest answer, or the end */
	uint64_t mismatch_seq, mismatch_off; /* the first of `mismatches` */
	PROBE_TEST_METRICS(BASE_METRIC_FIELD)
};
/* Each number by itself is right. Any thread. */
void probe_client_stats(const struct probe_client *c, struct probe_client_stats *stats);

#endif
