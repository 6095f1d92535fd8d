/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <jansson.h>

#include "fabric_port.h"
#include "fabric_priv.h"
#include "fabric_server.h"

/* Descriptors of the program itself, and a few for libc. */
#define FDS_PROGRAM 48
#define FDS_MAX (1u << 24) /* as if there were no more */
#define UNWATCHED_NS (100 * BASE_NS_PER_MS)
#define FDS_SHARE_MIN 32 /* with fewer a function is of little use */
/* The kernel's default for vm.max_map_count, less what the program itself needs. */
#define MAPPINGS (65530u - 1530u)

struct fabric_server *
fabric_server_create(struct fabric *fab)
{
	struct fabric_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return NULL;
	server->fab = fab;
	server->direct = true;
	server->version_ns = PORT_VERSION_MS * BASE_NS_PER_MS;
	fabric_budget_init(&server->budget);
	fabric_set_slices(fab, true);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* The hashes' seed, which clients must not know. Read now, while a file can be opened. */
	json_object_seed(0);
	server->notify = fabric_notify_create();
	if (server->notify == NULL)
		FABRIC_LOG(WARNING, "clients get no interrupts: no asynchronous I/O: %s",
			   strerror(errno));
	TAILQ_INIT(&server->ports);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->events = calloc(1, sizeof(*server->events));
	if (server->epoll < 0 || server->events == NULL) {
		fabric_server_destroy(server);
		return NULL;
	}
	return server;
}

void
fabric_server_destroy(struct fabric_server *server)
{
	struct port *port;

	if (server == NULL)
		return;
	while ((port = TAILQ_FIRST(&server->ports)) != NULL) {
		TAILQ_REMOVE(&server->ports, port, next);
		fabric_port_free(port);
	}
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fabric_notify_destroy(server->notify);
	fabric_set_slices(server->fab, false);
	free(server->ready);
	free(server->events);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

void
fabric_server_allow_direct(struct fabric_server *server, bool allow)
{
	server->direct = allow;
}

void
fabric_server_set_closer(struct fabric_server *server, struct fabric_closer *closer)
{
	server->closer = closer;
}

void
fabric_server_set_version_ms(struct fabric_server *server, unsigned int ms)
{
	server->version_ns = ms * BASE_NS_PER_MS;
}

void
fabric_budget_init(struct fabric_budget *budget)
{
	*budget = (struct fabric_budget){
		.turn_ns = 50 * BASE_NS_PER_US,
		.round_ns = BASE_NS_PER_MS,
		.messages = 64,
		.accesses = 64,
		.bytes = 262144,
	};
}

void
fabric_server_set_budget(struct fabric_server *server, const struct fabric_budget *budget)
{
	server->budget = *budget;
}

/* Of the descriptors that the process may have, half are shared out (struct vfu_descriptors). */
static void
shares_set(struct fabric_server *server)
{
	struct rlimit limit;
	rlim_t all, share;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	all = RTE_MIN(limit.rlim_cur, (rlim_t)FDS_MAX);
	all = all > FDS_PROGRAM ? all - FDS_PROGRAM : 0;
	share = RTE_MAX(all / 2 / server->port_count, (rlim_t)FDS_SHARE_MIN);
	server->fds.share = (unsigned int)share - PORT_FDS_OWN;
	share *= server->port_count;
	server->fds.beyond_max = all > share ? (unsigned int)(all - share) : 0;
}

int
fabric_server_add(struct fabric_server *server, struct fabric_fn *fn, const char *path, bool quirk)
{
	struct port *port, **ready;
	struct epoll_event *events;
	int ret;

	if (strlen(path) >= VFU_PATH_MAX)
		return -ENAMETOOLONG;
	events = realloc(server->events, (server->port_count + 1) * PORT_FDS * sizeof(*events));
	if (events == NULL)
		return -ENOMEM;
	server->events = events;
	ready = realloc(server->ready, (server->port_count + 1) * sizeof(*ready));
	if (ready == NULL)
		return -ENOMEM;
	server->ready = ready;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return -ENOMEM;
	port->server = server;
	port->fn = fn;
	port->number = server->port_count;
	port->quirk = quirk;
	port->look_ns = UINT64_MAX;
	memcpy(port->path, path, strlen(path) + 1);
	ret = fabric_port_listen(port);
	if (ret < 0) {
		free(port);
		return ret;
	}
	fabric_closer_mark(server->closer, port->sock);
	TAILQ_INSERT_TAIL(&server->ports, port, next);
	server->port_count++;
	server->mappings.share = MAPPINGS / 2 / server->port_count;
	server->mappings.beyond_max = MAPPINGS / 2;
	shares_set(server);
	return 0;
}

/* --- polling --- */

static void
watch(struct fabric_server *server, struct fabric_watch *w, int fd, uint32_t events)
{
	w->ready = 0;
	if (fabric_watch_set(server->epoll, w, fd, events) < 0)
		server->unwatched = true;
}

/* The pollfds of a port: its socket, then its connections. */
static void
port_watch(struct port *port, uint64_t now)
{
	struct fabric_server *server = port->server;
	struct vfu_conn *conn;
	unsigned int i;

	watch(server, &port->watch, port->sock, fabric_port_has_room(port, now) ? EPOLLIN : 0);
	for (i = 0; i < PORT_CONNS; i++) {
		conn = port->conn[i];
		if (conn == NULL)
			continue;
		/* A held connection is not polled, not even for its end. */
		if (conn->held)
			fabric_watch_clear(server->epoll, &conn->watch, conn->sock);
		else
			watch(server, &conn->watch, conn->sock, vfu_conn_events(conn));
	}
}

/* --- serving --- */

/* Is there work that does not wait for its socket? */
static bool
conn_runnable(const struct vfu_conn *conn, uint64_t now)
{
	return conn != NULL && conn->held && conn->wait_ns <= now;
}

static bool
port_runnable(const struct port *port, uint64_t now)
{
	unsigned int n;

	if (port->look_ns <= now)
		return true;
	if (port->gone != NULL)
		return fabric_fn_wait_ns(port->fn) <= now;
	for (n = 0; n < PORT_CONNS; n++)
		if (conn_runnable(port->conn[n], now))
			return true;
	return false;
}

/* When there will be work. UINT64_MAX: only when a socket becomes ready. */
static uint64_t
port_due(const struct port *port, uint64_t now)
{
	uint64_t due = port->look_ns;
	unsigned int n;

	if (port_runnable(port, now))
		return now;
	if (port->gone != NULL)
		due = RTE_MIN(due, fabric_fn_wait_ns(port->fn));
	for (n = 0; n < PORT_CONNS; n++)
		if (port->conn[n] != NULL && port->conn[n]->held)
			due = RTE_MIN(due, port->conn[n]->wait_ns);
	return due;
}

/* Serving one port leaves the connections of the others alone. */
static void
port_serve(struct port *port, uint64_t now, uint64_t turn_ns)
{
	const struct fabric_budget *budget = &port->server->budget;
	const struct vfu_turn turn = {
		.deadline = now + turn_ns,
		.messages = budget->messages,
		.accesses = budget->accesses,
	};
	bool changed = port->watch.ready != 0;
	struct vfu_conn *conn;
	unsigned int n;

	if (port->gone != NULL && fabric_fn_wait_ns(port->fn) <= now)
		changed |= fabric_port_gone_work(port, turn.deadline);
	port->heavy = port->gone != NULL;
	for (n = 0; n < PORT_CONNS; n++) {
		conn = port->conn[n];
		if (conn == NULL || (conn->watch.ready == 0 && !conn_runnable(conn, now)))
			continue;
		changed = true;
		conn->turn = turn;
		fabric_port_serve(port, n);
		conn = port->conn[n];
		port->heavy |= conn != NULL && (conn->held || conn->cut);
	}
	port->fn->stats.turns_cut += port->heavy;
	/* Last: a client that goes and comes again finds its function free. */
	if (port->watch.ready != 0)
		fabric_port_accept(port);
	if (port->look_ns <= now || (changed && fabric_port_unserved(port)))
		fabric_port_review(port, now);
}

static bool
port_ready(const struct port *port, uint64_t now)
{
	unsigned int n;

	if (port->watch.ready != 0)
		return true;
	for (n = 0; n < PORT_CONNS; n++)
		if (port->conn[n] != NULL && port->conn[n]->watch.ready != 0)
			return true;
	return port_runnable(port, now);
}

/* --- the order of serving --- */

/* The light ones first, then by time spent. */
static int
compare_ports(const void *a, const void *b)
{
	const struct port *const *left = a, *const *right = b;

	if ((*left)->heavy != (*right)->heavy)
		return (*left)->heavy ? 1 : -1;
	return ((*left)->spent > (*right)->spent) - ((*left)->spent < (*right)->spent);
}

/*
 * Bound how far the time spent of heavy ports differs: a port that was idle has saved up nothing,
 * and one that was preempted in its turn does not have to make up for all of it.
 */
static void
ready_sort(struct fabric_server *server, unsigned int count)
{
	uint64_t least = UINT64_MAX, most = server->least + 4 * server->budget.turn_ns;
	struct port *port;
	unsigned int i;

	for (i = 0; i < count; i++) {
		port = server->ready[i];
		if (!port->heavy)
			continue;
		port->spent = RTE_MIN(RTE_MAX(port->spent, server->least), most);
		least = RTE_MIN(least, port->spent);
	}
	if (least != UINT64_MAX)
		server->least = least;
	if (count > 1)
		qsort(server->ready, count, sizeof(server->ready[0]), compare_ports);
}

static uint64_t
slow_parts(const struct base_watch *w)
{
	return base_count_get(&w->waited) + base_count_get(&w->busy);
}

/* A turn that took long held the others up: a fault of ours, whatever the client did. */
static void
tell_slow(struct port *port, uint64_t from, uint64_t now)
{
	struct base_watch *w = &port->server->watch;
	uint64_t before = slow_parts(w);
	struct base_watch_slow slow;
	char more[32] = "";
	bool tell;

	tell = base_watch_judge(w, "turn", from, now, &slow);
	port->fn->stats.slow_turns += slow_parts(w) - before;
	if (!tell)
		return;
	if (slow.withheld != 0)
		snprintf(more, sizeof(more), " (%u more)", slow.withheld);
	FABRIC_LOG(WARNING, "%s: a turn took %llu ms, %s%s", fabric_fn_name(port->fn),
		   (unsigned long long)(slow.ns / BASE_NS_PER_MS),
		   slow.waited ? "waiting for something outside" : "of work", more);
}

/* @return the time after it. */
static uint64_t
port_turn(struct port *port, uint64_t now, uint64_t turn_ns)
{
	struct fabric_fn_stats *stats = &port->fn->stats;
	bool heavy = port->heavy;
	uint64_t took;

	port_serve(port, now, turn_ns);
	took = base_now_ns() - now;
	if (took > BASE_WATCH_SLOW_NS)
		tell_slow(port, now, now + took);
	if (heavy)
		port->spent += took;
	stats->turns++;
	stats->longest_turn_us = RTE_MAX(stats->longest_turn_us, took / BASE_NS_PER_US);
	return now + took;
}

#define LOOK_NS 1000 /* that a look at all functions may take for each of them */

/*
 * One round. All that are light get a turn: together they take four rounds' time at most.
 * The heavy ones get theirs while time lasts: with few functions it is cheap to look soon
 * whether a light one has come.
 */
static void
ready_serve(struct fabric_server *server, unsigned int count, uint64_t now)
{
	const struct fabric_budget *budget = &server->budget;
	uint64_t turn_ns = RTE_MIN(budget->turn_ns, 4 * budget->round_ns / RTE_MAX(count, 1u));
	uint64_t look_ns = RTE_MAX(budget->turn_ns, server->port_count * (uint64_t)LOOK_NS), end;
	unsigned int i;

	for (i = 0; i < count && !server->ready[i]->heavy; i++)
		now = port_turn(server->ready[i], now, turn_ns);
	end = now + RTE_MIN(budget->round_ns, look_ns);
	/* At least one heavy port each round, so that none starves. */
	if (i < count)
		now = port_turn(server->ready[i++], now, turn_ns);
	for (; i < count && now < end; i++)
		now = port_turn(server->ready[i], now, turn_ns);
}

/* The caller's time-out, or less: somebody has work before. */
static uint64_t
wait_ns(const struct fabric_server *server, int timeout_ms, uint64_t now)
{
	uint64_t ns = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * BASE_NS_PER_MS, due;
	const struct port *port;

	if (server->unwatched)
		ns = RTE_MIN(ns, UNWATCHED_NS);
	TAILQ_FOREACH(port, &server->ports, next) {
		due = port_due(port, now);
		if (due != UINT64_MAX)
			ns = RTE_MIN(ns, due > now ? due - now : 0);
	}
	return ns;
}

int
fabric_server_poll(struct fabric_server *server, int timeout_ms, const sigset_t *mask)
{
	uint64_t now = base_now_ns();
	unsigned int count = 0;
	struct port *port;
	int ret;

	server->unwatched = false;
	TAILQ_FOREACH(port, &server->ports, next)
		port_watch(port, now);
	ret = fabric_watch_wait(server->epoll, server->events,
				RTE_MAX(server->port_count * PORT_FDS, 1u),
				wait_ns(server, timeout_ms, now), mask);
	if (ret < 0)
		return ret == -EINTR ? 0 : ret;
	now = base_now_ns();
	base_watch_sample(&server->watch, now);
	TAILQ_FOREACH(port, &server->ports, next) {
		if (port_ready(port, now))
			server->ready[count++] = port;
		else
			port->heavy = false;
	}
	ready_sort(server, count);
	ready_serve(server, count, now);
	return 0;
}
