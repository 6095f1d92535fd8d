/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_priv.h"
#include "fabric_server.h"
#include "vfu_conn.h"

#define BACKLOG 16
#define EXTRA_MAX 4 /* clients of one function that wait for their EBUSY */
#define CONNS_MAX (1 + EXTRA_MAX)
#define PORT_FDS (1 + CONNS_MAX)
#define CONNECT_MS 1000

struct port {
	TAILQ_ENTRY(port) next;
	struct fabric_fn *fn;
	char path[VFU_PATH_MAX];
	bool quirk;
	bool told; /* a client was turned away while this one is here; logged once */
	uint64_t broken; /* clients that broke the protocol */
	int sock;
	dev_t dev; /* of the socket's file: it is ours to remove */
	ino_t ino;
	struct vfu_conn *conn; /* NULL: nobody */
	struct vfu_conn *extra[EXTRA_MAX];
};

struct fabric_server {
	struct fabric *fab;
	TAILQ_HEAD(, port) ports;
	unsigned int port_count;
	bool direct;
	int spare_fd; /* given up to accept, and close, when there is no descriptor left */
	uint64_t starved; /* times that it was */
	struct pollfd *pfd;
};

struct fabric_server *
fabric_server_create(struct fabric *fab)
{
	struct fabric_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return NULL;
	server->fab = fab;
	server->direct = true;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	TAILQ_INIT(&server->ports);
	return server;
}

static void
port_free(struct port *port)
{
	struct stat st;
	unsigned int i;

	vfu_conn_close(port->conn);
	for (i = 0; i < EXTRA_MAX; i++)
		vfu_conn_close(port->extra[i]);
	close(port->sock);
	/* Somebody may have put another one in its place. */
	if (lstat(port->path, &st) == 0 && st.st_dev == port->dev && st.st_ino == port->ino)
		unlink(port->path);
	free(port);
}

void
fabric_server_destroy(struct fabric_server *server)
{
	struct port *port;

	if (server == NULL)
		return;
	while ((port = TAILQ_FIRST(&server->ports)) != NULL) {
		TAILQ_REMOVE(&server->ports, port, next);
		port_free(port);
	}
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	free(server->pfd);
	free(server);
}

void
fabric_server_allow_direct(struct fabric_server *server, bool allow)
{
	server->direct = allow;
}

/* --- listening --- */

/* Make way for a new socket. @return 0, or why not. */
static int
path_clear(const char *path)
{
	struct stat st;
	int sock;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	sock = vfu_sock_connect(path, CONNECT_MS);
	if (sock >= 0)
		close(sock);
	if (sock != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
port_listen(struct port *port)
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

int
fabric_server_add(struct fabric_server *server, struct fabric_fn *fn, const char *path, bool quirk)
{
	struct pollfd *pfd;
	struct port *port;
	int ret = -ENOMEM;

	if (strlen(path) >= VFU_PATH_MAX)
		return -ENAMETOOLONG;
	pfd = realloc(server->pfd, (server->port_count + 1) * PORT_FDS * sizeof(*pfd));
	if (pfd == NULL)
		return -ENOMEM;
	server->pfd = pfd;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return -ENOMEM;
	port->fn = fn;
	port->quirk = quirk;
	memcpy(port->path, path, strlen(path) + 1);
	ret = port_listen(port);
	if (ret < 0) {
		free(port);
		return ret;
	}
	TAILQ_INSERT_TAIL(&server->ports, port, next);
	server->port_count++;
	return 0;
}

/* --- clients --- */

static void
port_turn_away(struct port *port, int sock)
{
	unsigned int i;

	if (!port->told) {
		FABRIC_LOG(NOTICE, "%s: has a client already, others are turned away",
			   fabric_fn_name(port->fn));
		port->told = true;
	}
	for (i = 0; i < EXTRA_MAX && port->extra[i] != NULL; i++)
		;
	if (i == EXTRA_MAX) {
		close(sock);
		return;
	}
	port->extra[i] = vfu_conn_open(sock, NULL, false, false);
}

/* No descriptor left: take the client off the queue all the same, or poll() would never rest. */
static void
accept_starved(struct fabric_server *server, struct port *port)
{
	int sock;

	if (fabric_log_due(&server->starved))
		FABRIC_LOG(WARNING, "%s: no descriptor left for a client",
			   fabric_fn_name(port->fn));
	close(server->spare_fd);
	sock = accept4(port->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock >= 0)
		close(sock);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
port_accept(struct fabric_server *server, struct port *port)
{
	int sock = accept4(port->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock < 0) {
		if (errno == EMFILE || errno == ENFILE)
			accept_starved(server, port);
		return;
	}
	if (port->conn != NULL) {
		port_turn_away(port, sock);
		return;
	}
	port->conn = vfu_conn_open(sock, port->fn, port->quirk, server->direct);
	port->told = false;
}

static void
conn_serve(struct port *port, struct vfu_conn **slot, short revents)
{
	const char *name = fabric_fn_name(port->fn);
	int ret;

	if (revents == 0)
		return;
	ret = vfu_conn_ready(*slot);
	if (ret == 0)
		return;
	if (ret == -ECONNRESET || ret == -EPIPE)
		FABRIC_LOG(INFO, "%s: its client went", name);
	else if (fabric_log_due(&port->broken))
		FABRIC_LOG(NOTICE, "%s: closing its client, which broke the protocol: %s", name,
			   strerror(-ret));
	vfu_conn_close(*slot);
	*slot = NULL;
}

/* --- polling --- */

/* Connection n of a port: its client, then those that wait for their EBUSY. */
static struct vfu_conn **
port_conn(struct port *port, unsigned int n)
{
	return n == 0 ? &port->conn : &port->extra[n - 1];
}

/*
 * What to poll of a port: its socket, then the connections that are there, in order.
 * Nothing else: ppoll() counts empty places against the limit of descriptors.
 * @return how many.
 */
static nfds_t
port_watch(struct port *port, struct pollfd *pfd)
{
	const struct vfu_conn *conn;
	nfds_t count = 1;
	unsigned int i;

	pfd[0] = (struct pollfd){ .fd = port->sock, .events = POLLIN };
	for (i = 0; i < CONNS_MAX; i++) {
		conn = *port_conn(port, i);
		if (conn == NULL)
			continue;
		pfd[count++] = (struct pollfd){
			.fd = conn->sock,
			.events = vfu_conn_events(conn),
		};
	}
	return count;
}

/* Walks as port_watch() did: serving one port leaves the connections of the others alone. */
static nfds_t
port_serve(struct fabric_server *server, struct port *port, const struct pollfd *pfd)
{
	nfds_t count = 1;
	unsigned int i;

	for (i = 0; i < CONNS_MAX; i++)
		if (*port_conn(port, i) != NULL)
			conn_serve(port, port_conn(port, i), pfd[count++].revents);
	/* Last: a client that goes and comes again finds its function free. */
	if (pfd[0].revents != 0)
		port_accept(server, port);
	return count;
}

int
fabric_server_poll(struct fabric_server *server, int timeout_ms, const sigset_t *mask)
{
	struct timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	struct pollfd *pfd = server->pfd;
	struct port *port;
	int ret;

	TAILQ_FOREACH(port, &server->ports, next)
		pfd += port_watch(port, pfd);
	ret = ppoll(server->pfd, (nfds_t)(pfd - server->pfd), timeout_ms < 0 ? NULL : &ts, mask);
	if (ret < 0)
		return errno == EINTR ? 0 : -errno;
	pfd = server->pfd;
	TAILQ_FOREACH(port, &server->ports, next)
		pfd += port_serve(server, port, pfd);
	return 0;
}
