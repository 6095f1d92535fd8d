/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_port.h"
#include "fabric_priv.h"

#define BACKLOG 16
#define CONNECT_MS 1000
#define CLEAR_TRIES 150 /* three seconds: a process with much memory takes long to end */
#define STUCK_NS (2 * BASE_NS_PER_S) /* no descriptor was closed for that long */

#define PORT_LOG(port, level, ...) FABRIC_FN_LOG((port)->fn, level, __VA_ARGS__)

/* --- listening --- */

/*
 * Does somebody listen there? Not one that has died: what is left of it (fabric_closer.h) may keep
 * its socket a moment longer.
 */
static bool
path_served(const char *path)
{
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);
	int sock = vfu_sock_connect(path, CONNECT_MS);

	if (sock < 0)
		return sock != -ECONNREFUSED;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		cred.pid = 0;
	close(sock);
	return cred.pid <= 0 || kill(cred.pid, 0) == 0 || errno != ESRCH;
}

/* Make way for a new socket. @return 0, or why not. */
static int
path_clear(const char *path)
{
	const struct timespec nap = { .tv_nsec = 20 * BASE_NS_PER_MS };
	unsigned int tries;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* One that was killed and not waited for yet looks alive. */
	for (tries = 0; path_served(path); tries++) {
		if (tries == CLEAR_TRIES)
			return -EADDRINUSE;
		nanosleep(&nap, NULL);
	}
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int
fabric_port_listen(struct port *port)
{
	struct stat st;
	int ret;

	ret = path_clear(port->path);
	if (ret < 0)
		return ret;
	port->sock = vfu_sock_listen(port->path, BACKLOG);
	if (port->sock < 0)
		return port->sock;
	if (lstat(port->path, &st) < 0) {
		ret = -errno;
		close(port->sock);
		return ret;
	}
	port->dev = st.st_dev;
	port->ino = st.st_ino;
	return 0;
}

void
fabric_port_free(struct port *port)
{
	struct stat st;
	unsigned int i;

	for (i = 0; i < PORT_CONNS; i++)
		vfu_conn_close(port->conn[i]);
	fabric_port_gone_work(port, UINT64_MAX);
	fabric_watch_clear(port->server->epoll, &port->watch, port->sock);
	/* Nobody shall take us for alive because a descriptor does not close. */
	shutdown(port->sock, SHUT_RDWR);
	fabric_closer_put(port->server->closer, port->number, port->sock);
	/* Somebody may have put another one in its place. */
	if (lstat(port->path, &st) == 0 && st.st_dev == port->dev && st.st_ino == port->ino)
		unlink(port->path);
	free(port);
}

/* --- who gets the function --- */

/* Who has the function, or NULL. */
static struct vfu_conn *
port_holder(const struct port *port)
{
	unsigned int i;

	for (i = 0; i < PORT_CONNS; i++)
		if (port->conn[i] != NULL && port->conn[i]->negotiated)
			return port->conn[i];
	return NULL;
}

/* Descriptors that its clients gave have not been closed for a while: no more of them. */
static bool
port_stuck(struct port *port, uint64_t now)
{
	struct fabric_closer *closer = port->server->closer;
	unsigned int closed = fabric_closer_closed(closer, port->number);

	if (fabric_closer_waiting(closer, port->number) == 0) {
		port->stuck_ns = 0;
		return false;
	}
	if (port->stuck_ns == 0 || closed != port->stuck_at) {
		port->stuck_ns = now;
		port->stuck_at = closed;
	}
	return now - port->stuck_ns > STUCK_NS;
}

static int
port_refuse(struct port *port)
{
	if (!port->told)
		PORT_LOG(port, NOTICE, "has a client already, others are turned away");
	port->told = true;
	return -EBUSY;
}

static int
port_claim(void *arg, const struct vfu_conn *conn)
{
	struct port *port = arg;
	const struct vfu_conn *holder = port_holder(port);

	if (port_stuck(port, base_now_ns())) {
		PORT_LOG(port, WARNING,
			 "descriptors that its last clients gave do not close: nobody gets it");
		return -EBUSY;
	}
	if (port->gone != NULL)
		return -EAGAIN;
	if (holder != NULL)
		return holder->served ? port_refuse(port) : -EAGAIN;
	port->told = false;
	return 0;
}

/* --- clients --- */

/*
 * A million maps and gigabytes of memory may go with a client: in slices, if it had the function.
 */
static void
conn_close(struct port *port, unsigned int n)
{
	struct vfu_conn *conn = port->conn[n];

	port->conn[n] = NULL;
	if (conn->negotiated) {
		vfu_conn_leave(conn);
		port->gone = conn;
	} else {
		vfu_conn_close(conn);
	}
	port_stuck(port, base_now_ns()); /* the clock starts */
}

bool
fabric_port_gone_work(struct port *port, uint64_t deadline)
{
	if (port->gone == NULL)
		return true;
	if (!vfu_conn_left(port->gone, deadline))
		return false;
	port->gone = NULL;
	/* What still waits to be closed is counted when the next client comes. */
	vfu_descriptors_count(&port->server->fds, 0, &port->fds_beyond);
	return true;
}

/* Log why a connection is over. That a client has closed it is information, no warning. */
static void
conn_tell(struct port *port, int err)
{
	if (err == -EDQUOT)
		PORT_LOG(port, WARNING, "closing its client, whose descriptors do not close");
	else if (err == -ECONNRESET || err == -EPIPE)
		FABRIC_LOG(INFO, "%s: its client went", fabric_fn_name(port->fn));
	else
		PORT_LOG(port, NOTICE, "closing its client, which broke the protocol: %s",
			 strerror(-err));
}

void
fabric_port_serve(struct port *port, unsigned int n)
{
	struct vfu_conn *conn = port->conn[n];
	int ret;

	ret = vfu_conn_ready(conn);
	if (ret < 0) {
		conn_tell(port, ret);
		conn_close(port, n);
	}
}

/* The oldest of those that have not said VERSION. @return its place, or PORT_CONNS. */
static unsigned int
oldest_silent(const struct port *port)
{
	unsigned int i, oldest = PORT_CONNS;

	for (i = 0; i < PORT_CONNS; i++) {
		if (port->conn[i] == NULL || port->conn[i]->negotiated || port->conn[i]->parked)
			continue;
		if (oldest == PORT_CONNS || port->conn[i]->since_ns < port->conn[oldest]->since_ns)
			oldest = i;
	}
	return oldest;
}

static unsigned int
free_place(const struct port *port)
{
	unsigned int i;

	for (i = 0; i < PORT_CONNS && port->conn[i] != NULL; i++)
		;
	return i;
}

bool
fabric_port_has_room(struct port *port, uint64_t now)
{
	unsigned int oldest;
	uint64_t due;

	if (fabric_closer_waiting(port->server->closer, port->number) > VFU_WAITING_MAX) {
		port->look_ns = RTE_MIN(port->look_ns, now + PORT_GRACE_MS * BASE_NS_PER_MS);
		return false;
	}
	if (free_place(port) < PORT_CONNS)
		return true;
	oldest = oldest_silent(port);
	if (oldest == PORT_CONNS)
		return false;
	due = port->conn[oldest]->since_ns + PORT_YOUNG_MS * BASE_NS_PER_MS;
	if (now >= due)
		return true;
	port->look_ns = RTE_MIN(port->look_ns, due);
	return false;
}

static void
conn_add(struct port *port, unsigned int n, int sock)
{
	const struct vfu_conn_conf conf = {
		.fn = port->fn,
		.quirk = port->quirk,
		.may_direct = port->server->direct,
		.notify = port->server->notify,
		.closer = port->server->closer,
		.owner = port->number,
		.fds = &port->server->fds,
		.fds_beyond = &port->fds_beyond,
		.epoll = port->server->epoll,
		.claim = port_claim,
		.claim_arg = port,
		.mappings = &port->server->mappings,
		.mapped_max = port->server->budget.mapped,
		.bytes = port->server->budget.bytes,
	};
	int on = 1;

	/* Else the kernel skips, and closes, what came out of band: descriptors too. */
	if (setsockopt(sock, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0)
		FABRIC_LOG(DEBUG, "SO_OOBINLINE: %s", strerror(errno));
	fabric_closer_mark(port->server->closer, sock);
	port->conn[n] = vfu_conn_open(sock, &conf);
	if (port->conn[n] != NULL)
		port->conn[n]->since_ns = base_now_ns();
}

/* No descriptor left: accept and close all the same, or poll() would return at once for ever. */
static void
accept_starved(struct port *port)
{
	struct fabric_server *server = port->server;
	int sock;

	if (fabric_log_due(&server->starved))
		FABRIC_LOG(WARNING, "%s: no descriptor left for a client",
			   fabric_fn_name(port->fn));
	close(server->spare_fd);
	sock = accept4(port->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock >= 0)
		fabric_closer_put(server->closer, port->number, sock);
	server->spare_fd = fcntl(port->sock, F_DUPFD_CLOEXEC, 0);
}

void
fabric_port_accept(struct port *port)
{
	unsigned int n;
	int sock;

	n = free_place(port);
	if (n == PORT_CONNS)
		n = oldest_silent(port);
	if (n == PORT_CONNS)
		return;
	sock = accept4(port->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock < 0) {
		if (errno == EMFILE || errno == ENFILE)
			accept_starved(port);
		return;
	}
	if (port->conn[n] != NULL) {
		PORT_LOG(port, NOTICE, "closing a connection without VERSION for a newer one");
		conn_close(port, n);
	}
	conn_add(port, n, sock);
}

/* --- time --- */

bool
fabric_port_unserved(const struct port *port)
{
	unsigned int i;

	for (i = 0; i < PORT_CONNS; i++)
		if (port->conn[i] != NULL && !port->conn[i]->served)
			return true;
	return false;
}

/* When the time of a connection is over that is not served, UINT64_MAX: never. */
static uint64_t
conn_due(const struct port *port, const struct vfu_conn *conn, bool wanted)
{
	uint64_t grace = PORT_GRACE_MS * BASE_NS_PER_MS;

	if (conn->served || conn->parked)
		return UINT64_MAX;
	if (!conn->negotiated)
		return conn->since_ns + port->server->version_ns;
	return conn->version_ns + (wanted ? grace : port->server->version_ns);
}

/* Close those whose time is over. */
static void
conns_expire(struct port *port, uint64_t now, bool wanted)
{
	struct vfu_conn *conn;
	unsigned int i;

	for (i = 0; i < PORT_CONNS; i++) {
		conn = port->conn[i];
		if (conn == NULL || conn_due(port, conn, wanted) > now)
			continue;
		if (conn->negotiated)
			PORT_LOG(port, NOTICE,
				 "taken from its client, which has asked nothing since VERSION");
		else
			PORT_LOG(port, NOTICE,
				 "closing a connection that has sent no whole VERSION");
		conn_close(port, i);
	}
}

/* The one that waits longest for the function. @return its place, or PORT_CONNS. */
static unsigned int
oldest_parked(const struct port *port)
{
	unsigned int i, oldest = PORT_CONNS;

	for (i = 0; i < PORT_CONNS; i++)
		if (port->conn[i] != NULL && port->conn[i]->parked &&
		    (oldest == PORT_CONNS ||
		     port->conn[i]->since_ns < port->conn[oldest]->since_ns))
			oldest = i;
	return oldest;
}

/* It is known who has the function: answer those who wait for it. */
static void
parked_answer(struct port *port)
{
	const struct vfu_conn *holder;
	unsigned int n;

	while ((n = oldest_parked(port)) < PORT_CONNS) {
		holder = port_holder(port);
		if (port->gone != NULL || (holder != NULL && !holder->served))
			return;
		port->conn[n]->parked = false;
		fabric_port_serve(port, n);
	}
}

void
fabric_port_review(struct port *port, uint64_t now)
{
	bool wanted = oldest_parked(port) < PORT_CONNS;
	unsigned int i;

	conns_expire(port, now, wanted);
	parked_answer(port);
	wanted = oldest_parked(port) < PORT_CONNS;
	port->look_ns = UINT64_MAX;
	for (i = 0; i < PORT_CONNS; i++)
		if (port->conn[i] != NULL)
			port->look_ns = RTE_MIN(port->look_ns,
						conn_due(port, port->conn[i], wanted));
}
