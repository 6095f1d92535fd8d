/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024

/* A function alone, no bytes behind it: relaxed. */
static void (*_Atomic log_sink)(uint32_t level, const char *line);

void
base_log_sink(void (*sink)(uint32_t level, const char *line))
{
	atomic_store_explicit(&log_sink, sink, memory_order_relaxed);
}

void
base_log(uint32_t level, uint32_t type, const char *fmt, ...)
{
	void (*sink)(uint32_t, const char *) = atomic_load_explicit(&log_sink,
								    memory_order_relaxed);
	char line[LINE_MAX_BYTES];
	va_list ap;
	int len;

	if (sink != NULL && !rte_log_can_log(type, level))
		return;
	va_start(ap, fmt);
	if (sink == NULL) {
		rte_vlog(level, type, fmt, ap);
	} else {
		len = vsnprintf(line, sizeof(line), fmt, ap);
		if (len > 0 && len < (int)sizeof(line) && line[len - 1] == '\n')
			line[len - 1] = '\0';
		sink(level, line);
	}
	va_end(ap);
}
