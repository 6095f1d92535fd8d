/* SPDX-License-Identifier: BSD-3-Clause */
/* Monotonic time in nanoseconds. All `now` arguments in this project are this. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>
#include <time.h>

#define BASE_NS_PER_US 1000ULL
#define BASE_NS_PER_MS 1000000ULL
#define BASE_NS_PER_S 1000000000ULL

/* CLOCK_MONOTONIC in ns. No system call (vDSO). Any thread. */
static inline uint64_t
base_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * BASE_NS_PER_S + (uint64_t)ts.tv_nsec;
}

#endif
