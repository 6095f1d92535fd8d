/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program counts of itself (base_metric.h); of its lcores base_watch.h does. */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include "base_metric.h"

/* clang-format off */
/* /run/process */
#define RUN_PROCESS_METRICS(X) \
	X(lines_dropped, COUNTER, COUNT, NULL, NULL, "Lines that nobody read.") \
	X(helper_jobs, COUNTER, COUNT, NULL, "jobs of helpers", \
	  "Work that was handed to helpers and is done.") \
	X(helper_refused, COUNTER, COUNT, NULL, "jobs refused", "Work that no helper could take.") \
	X(helper_threads, GAUGE, COUNT, NULL, "helpers now", "Helpers.") \
	X(helper_busy, GAUGE, COUNT, NULL, "helpers in a job now", "Helpers at work.")

/* /run/control: the control socket, where there is one. Several threads write. */
#define RUN_CONTROL_METRICS(X) \
	X(connections, COUNTER, COUNT, NULL, NULL, "Connections accepted.") \
	X(requests, COUNTER, COUNT, NULL, NULL, "Requests answered, however they ended.") \
	X(refused, COUNTER, COUNT, NULL, NULL, "Connections and requests that were refused.") \
	X(failed, COUNTER, COUNT, NULL, NULL, "Requests that failed.")
/* clang-format on */

#endif
