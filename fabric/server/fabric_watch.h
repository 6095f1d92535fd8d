/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of many sockets have something to do: epoll, so that a round costs what is ready and not
 * what there is. Private to fabric/; one thread.
 */
#ifndef FABRIC_WATCH_H
#define FABRIC_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* One socket; zeroed: not watched. Must not be freed or moved while it is. */
struct fabric_watch {
	uint32_t events; /* EPOLL* that are waited for */
	bool on; /* the kernel knows it */
	uint32_t ready; /* of the last fabric_watch_wait(): EPOLL*, also ERR and HUP; 0: nothing */
};

/*
 * Wait for these events of fd from now on; with 0 for its end alone.
 * @return 0; -ENOMEM or -ENOSPC: not watched, or as before.
 */
int fabric_watch_set(int epoll, struct fabric_watch *w, int fd, uint32_t events);
/* Not even for its end. Before fd is closed or given away. Tolerates one that is not watched. */
void fabric_watch_clear(int epoll, struct fabric_watch *w, int fd);
/*
 * Set `ready` of those that are; that of others stays.
 * @param events  room, of count at least 1.
 * @param ns  longest wait. Kernels before 5.11 take it in milliseconds, rounded up.
 * @param mask  signals blocked while waiting; NULL = as they are.
 * @return 0; -errno, -EINTR for a signal.
 */
int fabric_watch_wait(int epoll, struct epoll_event *events, unsigned int count, uint64_t ns,
		      const sigset_t *mask);

#endif
