/* SPDX-License-Identifier: BSD-3-Clause */
/* What a terminal counts (base_metric.h): telemetry /cons/client. */
#ifndef CONS_CLIENT_METRICS_H
#define CONS_CLIENT_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* Control writes. */
#define CONS_TERMINAL_METRICS(X) \
	X(bytes_in, COUNTER, BYTES, "sent", NULL, "Input that the console has taken.") \
	X(bytes_out, COUNTER, BYTES, "received", NULL, "Output consumed.") \
	X(reads, COUNTER, COUNT, NULL, NULL, "Reads answered.") \
	X(writes, COUNTER, COUNT, NULL, NULL, "Writes answered.") \
	X(reconnects, COUNTER, COUNT, NULL, NULL, "Times attached again.") \
	X(cut_bytes, COUNTER, BYTES, NULL, "bytes cut", "Output that the server had to cut.") \
	X(dropped_bytes, COUNTER, BYTES, NULL, "bytes dropped", \
	  "Input that could not be delivered.")
#define CONS_ATTACHED_METRICS(X) \
	X(terminal, GAUGE, PLAIN, "", NULL, "Number among the terminals.") \
	X(device, GAUGE, FLAG, "", NULL, "1: the console is a device.") \
	X(up, GAUGE, FLAG, NULL, NULL, "1: the session is up.") \
	X(output_position, GAUGE, PLAIN, "", NULL, "Position of the output consumed.") \
	X(input_position, GAUGE, PLAIN, "", NULL, "Position of the input taken.") \
	X(unacknowledged, GAUGE, BYTES, NULL, NULL, "Input that the console has not taken yet.") \
	X(credits, GAUGE, COUNT, NULL, NULL, "Reads that are open.")
#define CONS_TERMINAL_SHOWN(X) \
	CONS_ATTACHED_METRICS(X) \
	CONS_TERMINAL_METRICS(X)
/* clang-format on */

#endif
