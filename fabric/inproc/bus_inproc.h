/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a function of a fabric in this process as a rawdev. No socket in between, the same
 * driver above. Not part of the driver's library.
 */
#ifndef BUS_INPROC_H
#define BUS_INPROC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric.h"

struct bus_inproc_conf {
	struct fabric_fn *fn;
	pthread_mutex_t *lock; /* around every call into the fabric */
	uint32_t maxstbl; /* what the driver is told */
	bool direct; /* offer direct windows */
	const bool *gone; /* read under lock: as if the fabric had been killed */
};

/* The conf is copied. @return 0 or -errno; rawdev `name` exists then. */
int bus_inproc_probe(const char *name, const struct bus_inproc_conf *conf);
int bus_inproc_remove(const char *name);

#endif
