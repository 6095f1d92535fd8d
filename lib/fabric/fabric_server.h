/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user in front of a fabric: one UNIX socket per function, one client per socket at a time.
 * A client that comes while another one has the function is told EBUSY. When a client goes, its
 * function is detached and the next client may come.
 *
 * One thread runs the server and is the only one to touch its fabric. No client can hold it
 * up: nothing is read from a client whose reply is not taken yet, and half a message waits
 * without cost. A program that serves others calls fabric_guard_install() first.
 */
#ifndef FABRIC_SERVER_H
#define FABRIC_SERVER_H

#include <signal.h>
#include <stdbool.h>

#include "fabric.h"

struct fabric_server;

/* @return NULL: no memory. The fabric stays the caller's and must live longer. */
struct fabric_server *fabric_server_create(struct fabric *fab);
/* Close every connection and remove the sockets. Tolerates NULL. */
void fabric_server_destroy(struct fabric_server *server);

/*
 * Listen for the clients of fn. A socket that nobody listens on any more is replaced.
 * @param quirk  clients that do not name ism_direct in VERSION are QEMU (HARDWARE.md section 4).
 * @return 0; -EADDRINUSE somebody listens there; -EEXIST the path is there and no socket;
 *         -ENAMETOOLONG above 107 bytes; -ENOMEM; other -errno of bind().
 */
int fabric_server_add(struct fabric_server *server, struct fabric_fn *fn, const char *path,
		      bool quirk);

/* Offer direct windows to clients that ask for them; default true. For clients to come. */
void fabric_server_allow_direct(struct fabric_server *server, bool allow);

/*
 * Wait for clients and serve them, one round.
 * @param timeout_ms  longest wait; -1 = without end.
 * @param mask  signals blocked while waiting (ppoll); NULL = as they are.
 * @return 0 also when a signal came; -errno of ppoll() or -ENOMEM.
 */
int fabric_server_poll(struct fabric_server *server, int timeout_ms, const sigset_t *mask);

#endif
