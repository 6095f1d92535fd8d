/* SPDX-License-Identifier: BSD-3-Clause */
/* What link tests count (base_metric.h): telemetry /fwd/stats. */
#ifndef PROBE_METRICS_H
#define PROBE_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* Of the running or newest test of ours. Its data thread writes; each test begins anew. */
#define PROBE_TEST_METRICS(X) \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests of the test.") \
	X(answers, COUNTER, COUNT, NULL, NULL, "Requests answered.") \
	X(messages, COUNTER, COUNT, NULL, NULL, "Messages answered.") \
	X(bytes, COUNTER, BYTES, "data", NULL, "Bytes of them.") \
	X(stalls_local, COUNTER, COUNT, NULL, "credit stalls, local", \
	  "Times that nothing could be sent: our window was full.") \
	X(stalls_remote, COUNTER, COUNT, NULL, "credit stalls, remote", \
	  "Times that nothing could be sent: the peer had not answered yet.") \
	X(polls, COUNTER, COUNT, NULL, NULL, "Rounds polled.") \
	X(polls_empty, COUNTER, COUNT, NULL, "empty polls", "Rounds polled that found nothing.") \
	X(lost, COUNTER, COUNT, NULL, "messages lost", "Messages sent and never answered.") \
	X(mismatches, COUNTER, COUNT, NULL, "wrong contents", \
	  "Messages with wrong contents, found at either end.") \
	X(errors_status, COUNTER, COUNT, NULL, NULL, "Tests that the peer refused.") \
	X(errors_protocol, COUNTER, COUNT, NULL, NULL, \
	  "Tests that ended because the peer broke the protocol.") \
	X(errors_broken, COUNTER, COUNT, NULL, NULL, \
	  "Tests that ended because the session broke.") \
	X(errors_stuck, COUNTER, COUNT, NULL, NULL, \
	  "Tests that ended because the peer did not answer.") \
	X(peer_messages, COUNTER, COUNT, NULL, NULL, "Messages as the peer counted them.") \
	X(peer_polls, COUNTER, COUNT, NULL, NULL, "Rounds that the peer polled.") \
	X(peer_polls_empty, COUNTER, COUNT, NULL, "peer's empty polls", \
	  "Rounds of the peer that found nothing.")
#define PROBE_RUN_METRICS(X) \
	X(run, GAUGE, PLAIN, NULL, "number of the test", "Number of the test.") \
	X(elapsed_ms, GAUGE, MS, NULL, NULL, "How long the test runs or ran.") \
	X(stores, COUNTER, COUNT, NULL, NULL, "Stores of the test.") \
	X(messages_per_second, GAUGE, COUNT, "", "messages/s", "Messages a second, on average.") \
	X(bytes_per_second, GAUGE, BYTES, "", "bytes/s", "Bytes a second, on average.")
#define PROBE_TEST_SHOWN(X) \
	PROBE_RUN_METRICS(X) \
	PROBE_TEST_METRICS(X)

/* Of tests of others with us. Each worker writes its own. */
#define PROBE_ANSWER_METRICS(X) \
	X(sessions, GAUGE, COUNT, NULL, NULL, "Sessions of those who test with us.") \
	X(runs, COUNTER, COUNT, NULL, NULL, "Tests begun.") \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests taken.") \
	X(messages, COUNTER, COUNT, NULL, NULL, "Messages taken.") \
	X(bytes, COUNTER, BYTES, "data", NULL, "Bytes of them.") \
	X(mismatches, COUNTER, COUNT, NULL, "wrong contents", "Messages with wrong contents.") \
	X(refused, COUNTER, COUNT, NULL, NULL, "Tests refused.") \
	X(errors_protocol, COUNTER, COUNT, NULL, NULL, \
	  "Sessions ended because the peer broke the protocol.") \
	X(polls, COUNTER, COUNT, NULL, NULL, "Rounds polled during tests.") \
	X(polls_empty, COUNTER, COUNT, NULL, "empty polls", "Of those, without anything.") \
	X(shares_used, COUNTER, COUNT, NULL, NULL, \
	  "Turns that ended because all that a session may take was taken.")
#define PROBE_NEWEST_METRICS(X) \
	X(calls_refused, COUNTER, COUNT, NULL, NULL, \
	  "Sessions refused: a GID that is not allowed, or no place.") \
	X(size, GAUGE, BYTES, "message_size", NULL, "Bytes of a message of the newest test.") \
	X(run_ms, GAUGE, MS, NULL, NULL, "How long the newest test runs or ran.")
/* "received" */
#define PROBE_ANSWER_SHOWN(X) \
	PROBE_ANSWER_METRICS(X) \
	PROBE_NEWEST_METRICS(X)
/* clang-format on */

#endif
