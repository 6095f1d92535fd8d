/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Closing what clients gave us. close() may wait for somebody else: a FUSE daemon that is asked to
 * flush, a TCP socket that lingers, an epoll set whose owner holds its lock; and closing a
 * client's UNIX socket closes the descriptors in its queue too. A process that waits so cannot even
 * be killed, and a thread of ours that does holds the whole process back from ending. So other
 * processes do it, which share our table of descriptors and nothing else:
 *
 *	fabric --- ring of each owner, in shared memory ---> closing process of that owner: close()
 *	   |                                                        |
 *	   +--- keeper: starts a closing process for an owner whose ring is not empty,
 *	        and hangs up the clients when the fabric has ended
 *
 * An owner is a function. A descriptor that does not close holds up those of the same
 * function. The fabric counts them against it, and ends whatever becomes of them.
 */
#ifndef FABRIC_CLOSER_H
#define FABRIC_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

struct fabric_closer;

#define FABRIC_CLOSER_OWNERS 256
/* Of one owner. Who has 256 waiting must not be given more: a message brings up to 253. */
#define FABRIC_CLOSER_FDS 1024

/*
 * Start the keeper. Before the process has threads.
 * @param inside  runs in the keeper first: give up what it does not need; NULL: nothing.
 * @return 0; -errno: there is none.
 */
int fabric_closer_start(struct fabric_closer **closer, void (*inside)(void));

/* End the keeper and forget what is still open. Waits 1 s at most. Tolerates NULL. */
void fabric_closer_stop(struct fabric_closer *closer);

/*
 * Close fd for that owner, some time. Never waits. Without a closer, or when the keeper was
 * killed, it is closed here and now.
 * @param owner  0 .. FABRIC_CLOSER_OWNERS - 1.
 */
void fabric_closer_put(struct fabric_closer *closer, unsigned int owner, int fd);

/*
 * Hang up this socket, a client's or one that listens, when the fabric ends without doing it: a
 * closing process that hangs keeps it open. Until it is put.
 */
void fabric_closer_mark(struct fabric_closer *closer, int sock);

/* Descriptors of that owner that are not closed yet. NULL: 0. */
unsigned int fabric_closer_waiting(const struct fabric_closer *closer, unsigned int owner);

/* How many of that owner have been closed so far; wraps. NULL: 0. */
unsigned int fabric_closer_closed(const struct fabric_closer *closer, unsigned int owner);

#endif
