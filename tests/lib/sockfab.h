/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fixture: a fabric behind vfio-user sockets, served by a thread of this process, and rawdevs
 * of the vdev driver on them. What inproc.h is without sockets.
 *
 *	sockfab_start(&sf, 2);
 *	sockfab_probe(&sf, 0, "direct=0", &dev_id);
 *	rte_pmd_ism_open(dev_id);
 *	...
 *	sockfab_stop(&sf);
 */
#ifndef SOCKFAB_H
#define SOCKFAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric.h"

#define SOCKFAB_FN_MAX 4
#define SOCKFAB_PATH_MAX 108

struct sockfab {
	unsigned int functions;
	char dir[32];
	char path[SOCKFAB_FN_MAX][SOCKFAB_PATH_MAX]; /* sockets of "fn0", "fn1" ... */
	uint64_t gid[SOCKFAB_FN_MAX];
	bool probed[SOCKFAB_FN_MAX];
	bool stop; /* atomic */
	bool running;
	int ready; /* of the thread: 0, or -errno */
	pthread_t thread;
	pthread_barrier_t started;
};

/* EAL, a folder, and the serving thread. @return 0 or -errno. */
int sockfab_start(struct sockfab *sf, unsigned int functions);
/* The fabric as a killed process leaves it: no connection, no state. Idempotent. */
void sockfab_kill(struct sockfab *sf);
/* A new one on the same sockets. @return 0 or -errno. */
int sockfab_restart(struct sockfab *sf);
/* Rawdevs that were probed, the thread and the folder go. */
void sockfab_stop(struct sockfab *sf);

/*
 * vdev "raw_ism<i>" on function i.
 * @param more  further devargs ("direct=0"), or NULL.
 * @return 0 or -errno.
 */
int sockfab_probe(struct sockfab *sf, unsigned int i, const char *more, uint16_t *dev_id);
void sockfab_remove(struct sockfab *sf, unsigned int i);

#endif
