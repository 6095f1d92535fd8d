/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One log topic per component, on top of rte_log. A component registers its
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

#include <rte_log.h>

#define BASE_LOG(level, type, topic, fmt, ...)                                                     \
	rte_log(RTE_LOG_##level, type, topic ": " fmt "\n", ##__VA_ARGS__)

#endif
