/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function's socket and those who connected to it. Private to fabric/.
 *
 * Who connects has PORT_VERSION_MS for a whole VERSION and one request after it. The
 * function belongs to the first who agreed on a version. Others are told EBUSY, but not before that
 * one has sent a request: if it does not within PORT_GRACE_MS, it loses the function to the next.
 */
#ifndef FABRIC_PORT_H
#define FABRIC_PORT_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base_watch.h"
#include "fabric.h"
#include "fabric_server.h"
#include "fabric_watch.h"
#include "vfu_conn.h"

#define PORT_CONNS 8 /* the client, and those who want to be it */
#define PORT_FDS (1 + PORT_CONNS) /* that are watched */
/*
 * Descriptors of one function that are not files of its memory: connections, interrupts, a reply.
 */
#define PORT_FDS_OWN (PORT_FDS + 2 + 2 + 3)
#define PORT_VERSION_MS 3000
#define PORT_GRACE_MS 500 /* below the time for which clients wait for their VERSION */
#define PORT_YOUNG_MS 100 /* a connection is not closed for a newer one before that */

struct fabric_server;

struct port {
	TAILQ_ENTRY(port) next;
	struct fabric_server *server;
	struct fabric_fn *fn;
	char path[VFU_PATH_MAX];
	unsigned int number; /* for the closer */
	bool quirk;
	unsigned int fds_beyond; /* of its share of descriptors */
	bool told; /* a client was turned away while this one is here; logged once */
	int sock;
	struct fabric_watch watch; /* of sock */
	dev_t dev; /* of the socket's file: it is ours to remove */
	ino_t ino;
	struct vfu_conn *conn[PORT_CONNS]; /* NULL: nobody */
	struct vfu_conn *gone; /* the last client, while what it had is being let go of */
	bool heavy; /* its last turn was cut, and it has had work ever since */
	uint64_t spent; /* ns of the fabric's time while it was heavy, on a scale of the server's */
	uint64_t look_ns; /* when time runs out for one of them; UINT64_MAX: for none */
	uint64_t stuck_ns; /* since when no descriptor was closed though some wait, 0 = not so */
	unsigned int stuck_at; /* how many had been closed then */
};

struct fabric_server {
	struct fabric *fab;
	TAILQ_HEAD(, port) ports;
	unsigned int port_count;
	bool direct;
	struct vfu_descriptors fds;
	uint64_t version_ns; /* PORT_VERSION_MS, or what the user said */
	struct fabric_notify *notify;
	struct fabric_closer *closer; /* the caller's */
	int spare_fd; /* given up to accept, and close, when there is no descriptor left */
	uint64_t starved; /* times that it was */
	struct base_watch watch;
	struct fabric_budget budget;
	uint64_t least; /* what the heavy port spent that has spent least of those with work */
	struct vfu_mappings mappings;
	int epoll;
	bool unwatched; /* a socket that the kernel did not take; tried again soon */
	struct epoll_event *events; /* room for all sockets */
	struct port **ready; /* room for all ports */
};

/* @return 0 with port->sock, or as fabric_server_add(). */
int fabric_port_listen(struct port *port);
/* Close all of it, remove the socket, free. */
void fabric_port_free(struct port *port);
/* Take the next client in; fabric_port_has_room() was true. */
void fabric_port_accept(struct port *port);
/* Events came for connection n. */
void fabric_port_serve(struct port *port, unsigned int n);
/* Go on with what the last client left. @return true: nothing is left. */
bool fabric_port_gone_work(struct port *port, uint64_t deadline);
/*
 * What time does to connections: those that were silent for too long are closed, those parked are
 * answered. Sets look_ns. Needed at look_ns, and when something has happened to a connection
 * while one is not served.
 */
void fabric_port_review(struct port *port, uint64_t now);
/* Is somebody there who is not served yet? */
bool fabric_port_unserved(const struct port *port);
/* Shall it be polled for new clients? May bring look_ns forward. */
bool fabric_port_has_room(struct port *port, uint64_t now);

#endif
