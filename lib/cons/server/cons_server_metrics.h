/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server of consoles counts (base_metric.h). Control writes. */
#ifndef CONS_SERVER_METRICS_H
#define CONS_SERVER_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* /cons/stats */
#define CONS_SERVER_METRICS(X) \
	X(attaches, COUNTER, COUNT, NULL, NULL, "Clients that attached.") \
	X(refusals, COUNTER, COUNT, NULL, NULL, "Attachments refused.") \
	X(take_overs, COUNTER, COUNT, NULL, NULL, "Consoles taken over.") \
	X(protocol_errors, COUNTER, COUNT, NULL, NULL, "Requests answered EINVAL.") \
	X(bytes_in, COUNTER, BYTES, "input", NULL, "Input taken by consoles.") \
	X(bytes_out, COUNTER, BYTES, "output", NULL, "Output sent to clients.") \
	X(started, COUNTER, COUNT, NULL, NULL, "Programs started.") \
	X(ended, COUNTER, COUNT, NULL, NULL, "Programs that ended.") \
	X(loops, COUNTER, COUNT, NULL, "loops broken", \
	  "Clients detached that showed a console to itself.") \
	X(orphans, COUNTER, COUNT, NULL, NULL, "Orphans of programs reaped.") \
	X(long_lines, COUNTER, COUNT, NULL, "lines typed in pieces", \
	  "Lines typed in pieces: longer than a terminal holds.") \
	X(hung_up, COUNTER, COUNT, NULL, NULL, "Programs hung up: their writer had left.") \
	X(starts_held, COUNTER, COUNT, NULL, "starts held up", \
	  "Starts that had to wait, as too many came before.")

/* /cons/consoles */
#define CONS_CONSOLE_METRICS(X) \
	X(bytes_out, COUNTER, BYTES, "output", NULL, "Output of the program.") \
	X(bytes_in, COUNTER, BYTES, "input", NULL, "Input to the program.") \
	X(cut, COUNTER, BYTES, NULL, "bytes cut", \
	  "Output that a client could not be given any more.") \
	X(stalls, COUNTER, COUNT, NULL, NULL, "Times that the program had to wait.") \
	X(started, COUNTER, COUNT, NULL, NULL, "Programs started.") \
	X(ended, COUNTER, COUNT, NULL, NULL, "Programs that ended.") \
	X(hung_up, COUNTER, COUNT, NULL, NULL, "Programs hung up: their writer had left.") \
	X(starts_held, COUNTER, COUNT, NULL, "starts held up", "Starts that had to wait.") \
	X(long_lines, COUNTER, COUNT, NULL, "lines typed in pieces", "Lines typed in pieces.")
#define CONS_INSTANCE_METRICS(X) \
	X(observers, GAUGE, COUNT, NULL, NULL, "Observers attached.") \
	X(age, GAUGE, S, NULL, NULL, "How long the program on it runs.") \
	X(out_pos, GAUGE, PLAIN, "", NULL, \
	  "Position of output; it begins anew with each program.") \
	X(scrollback, GAUGE, BYTES, NULL, NULL, "Output that is kept.")
#define CONS_CONSOLE_SHOWN(X) \
	CONS_INSTANCE_METRICS(X) \
	CONS_CONSOLE_METRICS(X)

/* /cons/clients */
#define CONS_ATTACHMENT_SHOWN(X) \
	X(version, GAUGE, PLAIN, "", NULL, "Version of the protocol.") \
	X(unit, GAUGE, PLAIN, "", NULL, "Number among the session's attachments.") \
	X(out_pos, GAUGE, PLAIN, "", NULL, "Position up to which it has the output.") \
	X(lag, GAUGE, BYTES, "", NULL, "Output that it has not got yet.") \
	X(in_pos, GAUGE, PLAIN, "", NULL, "Position of its input.") \
	X(credits, GAUGE, COUNT, "", NULL, "Reads of it that are open.") \
	X(typing, GAUGE, COUNT, "", NULL, "Writes of it that are open.")
/* clang-format on */

#endif
