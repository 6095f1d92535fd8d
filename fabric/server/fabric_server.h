/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user in front of a fabric: one UNIX socket per function, one client per socket at a time.
 * A client that comes while another one has the function is told EBUSY. When a client goes, its
 * function is detached and the next client may come. A connection has a few seconds for its VERSION
 * and one request: then it loses the function, at once if another one wants it.
 *
 * One thread runs the server and is the only one to touch its fabric. No client can hold it
 * up: nothing is read from a client whose reply is not taken yet, and half a message waits
 * without cost. A program that serves others calls fabric_guard_install() first, and starts a
 * closer (fabric_closer.h): without one, closing a descriptor that a client gave may wait for it.
 *
 * Descriptors are shared out (struct vfu_descriptors): half of what RLIMIT_NOFILE allows, when the
 * last function was added, belongs to all functions evenly; of the other half each may have half of
 * what the others leave. A client that brings more is told EMFILE.
 */
#ifndef FABRIC_SERVER_H
#define FABRIC_SERVER_H

#include <signal.h>
#include <stdbool.h>

#include "fabric.h"

struct fabric_server;
struct fabric_closer;

/* @return NULL: no memory. The fabric stays the caller's and must live longer. */
struct fabric_server *fabric_server_create(struct fabric *fab);
/* Close every connection and remove the sockets. Tolerates NULL. */
void fabric_server_destroy(struct fabric_server *server);

/*
 * Listen for the clients of fn. A socket that nobody listens on any more is replaced.
 * @param quirk  clients that do not name ism_direct in VERSION are QEMU (SPEC-ism section 10).
 * @return 0; -EADDRINUSE somebody listens there; -EEXIST the path is there and no socket;
 *         -ENAMETOOLONG above 107 bytes; -ENOMEM; other -errno of bind().
 */
int fabric_server_add(struct fabric_server *server, struct fabric_fn *fn, const char *path,
		      bool quirk);

/* Offer direct windows to clients that ask for them; default true. For clients to come. */
void fabric_server_allow_direct(struct fabric_server *server, bool allow);

/* Let others close what clients gave. Before the first function is added; stays the caller's. */
void fabric_server_set_closer(struct fabric_server *server, struct fabric_closer *closer);

/* How long a connection may take for VERSION, and then for its first request; default 3000. */
void fabric_server_set_version_ms(struct fabric_server *server, unsigned int ms);

/*
 * What clients may use before others get their turn. Who uses more than these in one turn goes
 * on in a later round; nothing is refused but memory.
 *
 * Each round serves first those who asked for so little that their last turn sufficed: a message at
 * a time, as drivers and guests do. They wait for each other's turns, which become
 * shorter when there are many, and for the rest of a round. Then come those who always want more,
 * the one that has used the least time first, until the round is over.
 */
struct fabric_budget {
	uint64_t turn_ns; /* of one function in one round */
	uint64_t round_ns; /* for those who always want more, at most */
	unsigned int messages, accesses; /* in a turn; accesses to regions: stores and commands */
	size_t bytes; /* read from a client in a turn; 0: any */
	uint64_t mapped; /* of a client's memory; 0: 256 GiB */
};
void fabric_budget_init(struct fabric_budget *budget); /* the defaults */
/* For clients to come. The server keeps a copy. */
void fabric_server_set_budget(struct fabric_server *server, const struct fabric_budget *budget);

/*
 * Wait for clients and serve them, one round.
 * @param timeout_ms  longest wait; -1 = without end.
 * @param mask  signals blocked while waiting; NULL = as they are.
 * @return 0 also when a signal came; -errno of epoll_pwait().
 */
int fabric_server_poll(struct fabric_server *server, int timeout_ms, const sigset_t *mask);

#endif
