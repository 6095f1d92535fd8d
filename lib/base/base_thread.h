/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads beside those that serve: they may wait for others, and get no signals. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/*
 * Start a thread that runs on any CPU of the process's cgroup (whoever starts it may poll on a CPU
 * of its own), with all signals blocked.
 * @param name  at most 15 bytes; shown by top and gdb.
 * @return 0; -errno of pthread_create().
 */
int base_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

#endif
