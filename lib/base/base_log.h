/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One log topic per component, with the levels of rte_log. A component registers its
 * topic once, in one .c file, and logs with the macro of its own:
 *
 *	RTE_LOG_REGISTER(link_logtype, lib.ism.link, NOTICE);
 *	#define LINK_LOG(level, ...) BASE_LOG(level, link_logtype, "link", __VA_ARGS__)
 *
 * A line is logged once, at the place that failed, with the offending and the
 * expected value; the newline is added here. Works before rte_eal_init() too
 * (the line then goes to stderr).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include <rte_log.h>

#define BASE_LOG(level, type, topic, fmt, ...)                                                     \
	base_log(RTE_LOG_##level, (uint32_t)(type), topic ": " fmt "\n", ##__VA_ARGS__)

/*
 * Log one line: by the sink if there is one, else by rte_log(). With a sink no stdio stream is
 * used, so no lock is taken that another thread may hold. Any thread.
 * @param level  RTE_LOG_EMERG .. RTE_LOG_DEBUG, held against the level of `type`.
 */
void base_log(uint32_t level, uint32_t type, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Where lines go from now on; the program sets it once it has a line writer (base_line.h).
 * @param sink  gets the line without a newline; any thread may call it, so it must not wait.
 *              NULL: rte_log() again.
 */
void base_log_sink(void (*sink)(uint32_t level, const char *line));

#endif
