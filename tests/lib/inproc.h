/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In-process fixture: a fabric with a few functions, EAL, and an opened rawdev on each
 * function. No socket, no other process, no hugepages, no rights.
 *
 *	struct inproc ip;
 *	assert_int_equal(inproc_setup(&ip, &(struct inproc_conf){ .functions = 2 }), 0);
 *	rte_pmd_ism_signal(ip.dev_id[0], ip.gid[1], 0x40, 7);
 *	inproc_teardown(&ip);
 *
 * Everything runs in the thread that calls the driver: after a call returns, its effect on the
 * other function is there. Several threads may use the devices (one lock around the fabric).
 */
#ifndef INPROC_H
#define INPROC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric.h"
#include "rte_pmd_ism.h"

#define INPROC_FN_MAX 8

struct inproc_conf {
	unsigned int functions; /* 1..INPROC_FN_MAX */
	uint32_t maxstbl; /* what the driver finds, and the fabric enforces; 0 = 4096 */
	uint32_t dmb_max, max_len; /* as in fabric_fn_conf */
	bool direct; /* direct windows (DESIGN D14) on both sides */
	bool closed; /* leave the rawdevs probed, not opened */
};

struct inproc {
	unsigned int functions;
	struct fabric *fabric; /* call fabric_*() on it between inproc_lock() and inproc_unlock() */
	struct fabric_fn *fn[INPROC_FN_MAX]; /* named "fn0", "fn1" ... */
	uint16_t dev_id[INPROC_FN_MAX];
	uint64_t gid[INPROC_FN_MAX];
	pthread_mutex_t lock;
	bool gone[INPROC_FN_MAX]; /* inproc_lose(); under lock */
};

/*
 * rte_eal_init() once per process: no hugepages, no PCI, no telemetry, one lcore that
 * floats over all CPUs. `extra` (may be NULL) is a NULL-terminated list of EAL options that
 * replaces --no-telemetry and --no-shconf; only the first call counts.
 * @return 0 or -errno. inproc_setup() calls it.
 */
int inproc_eal_init(const char *const *extra);

/* @return 0 or -errno; on error nothing is left behind. */
int inproc_setup(struct inproc *ip, const struct inproc_conf *conf);

/* Closes the rawdevs (frees DMBs and windows that a test left) and the fabric. */
void inproc_teardown(struct inproc *ip);

void inproc_lock(struct inproc *ip);
void inproc_unlock(struct inproc *ip);

/* fabric_fault(): "store-fail:fn0:3" and so on. @return 0 or -errno. */
int inproc_fault(struct inproc *ip, const char *spec);

/*
 * Take function `i` away as a killed fabric does: the driver's calls on it answer -ENODEV
 * from now on, its DMBs are revoked, peers get their events. rte_pmd_ism_reopen() works
 * again after inproc_restore(), and answers -ENODEV before.
 */
void inproc_lose(struct inproc *ip, unsigned int i);
void inproc_restore(struct inproc *ip, unsigned int i);

#endif
