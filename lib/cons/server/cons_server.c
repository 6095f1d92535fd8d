/* SPDX-License-Identifier: BSD-3-Clause */
/* The server: life, sessions, rounds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_text.h"
#include "base_tel.h"
#include "base_time.h"
#include "cons_server_priv.h"

#define DEPTH_DEFAULT LINK_DEPTH_MAX
#define SLOT_DEFAULT (16u << 10)
#define EVENTS 64
#define EPOLL_NS (20 * BASE_NS_PER_US) /* between two looks at the terminals */
/*
 * What one round may move of output: some ten microseconds. Block requests of the same thread wait
 * no longer, whatever the consoles write.
 */
#define ROUND_READ (64u << 10)
#define ROUND_SEND (64u << 10)
#define HANGUP_NS (2 * BASE_NS_PER_S) /* what programs have to end in good order */
#define KILL_NS (5 * BASE_NS_PER_S)
#define ORPHANS_NS (250 * BASE_NS_PER_MS) /* between two looks for them */
#define ORPHANS_ROUND 64

RTE_LOG_REGISTER(cons_server_logtype, lib.ism.cons_server, NOTICE);

/* --- sessions --- */

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	struct cons_server *srv = arg;

	for (unsigned int i = 0; i < srv->count; i++) {
		if (cons_console_may_observe(srv->consoles[i], gid))
			return 0;
	}
	cons_audit_no_session(srv, gid);
	snprintf(reason, LINK_REASON_MAX, "no console is allowed to this GID");
	return -EACCES;
}

static struct cons_peer *
peer_create(struct cons_server *srv, struct link_session *session)
{
	struct cons_peer *p = calloc(1, sizeof(*p));
	struct link_session_info info;

	if (p == NULL)
		return NULL;
	link_session_info(session, &info);
	p->srv = srv;
	p->session = session;
	p->link = link_session_queue(session, 0);
	p->gid = info.rgid;
	p->epoch = info.peer_epoch;
	p->slot_size = info.slot_size;
	p->version2 = (info.features & CONS_FEATURE_UNITS) != 0;
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		p->units[i].peer = p;
		p->units[i].number = p->version2 ? (uint16_t)(i + 1) : 0;
	}
	TAILQ_INSERT_TAIL(&srv->peers, p, entry);
	return p;
}

static void
on_up(void *arg, struct link_session *session)
{
	struct cons_server *srv = arg;
	struct cons_peer *p;

	pthread_mutex_lock(&srv->lock);
	p = peer_create(srv, session);
	link_session_set_priv(session, p);
	if (p != NULL && link_queue_attach(p->link) != 0)
		p->broken = true;
	pthread_mutex_unlock(&srv->lock);
	if (p != NULL)
		return;
	CONS_LOG(ERR, "no memory for a session");
	link_session_close(session, "no memory for the session");
}

/* Requests run in this thread only: none is half done now. */
static void
on_down(void *arg, struct link_session *session, enum link_why why)
{
	struct cons_peer *p = link_session_priv(session);
	struct cons_server *srv = arg;
	struct link_session_info info;

	if (p == NULL)
		return;
	link_session_info(session, &info);
	pthread_mutex_lock(&srv->lock);
	srv->now_ns = base_now_ns();
	cons_peer_drop(p, !info.goodbye);
	link_queue_detach(p->link);
	pthread_mutex_unlock(&srv->lock);
}

static void
peer_free(struct cons_peer *p)
{
	TAILQ_REMOVE(&p->srv->peers, p, entry);
	free(p);
}

static void
on_free(void *arg, struct link_session *session)
{
	struct cons_peer *p = link_session_priv(session);
	struct cons_server *srv = arg;

	if (p == NULL)
		return;
	pthread_mutex_lock(&srv->lock);
	peer_free(p);
	pthread_mutex_unlock(&srv->lock);
}

static const struct link_session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_free = on_free,
};

/* --- life --- */

static void
conf_defaults(struct cons_server_conf *conf)
{
	if (conf->scrollback == 0)
		conf->scrollback = CONS_SCROLLBACK_DEFAULT;
	if (conf->depth_max == 0)
		conf->depth_max = DEPTH_DEFAULT;
	if (conf->slot_max == 0)
		conf->slot_max = SLOT_DEFAULT;
}

static int
listen_on(struct cons_server *srv)
{
	struct link_listen_conf conf = {
		.service = LINK_SERVICE_CONS,
		.queues_max = 1,
		.depth_max = srv->conf.depth_max,
		.slot_max = srv->conf.slot_max,
		.features = CONS_FEATURE_UNITS,
		.may_connect = may_connect,
		.ops = &session_ops,
		.arg = srv,
	};

	return link_listen(srv->conf.link, &conf);
}

int
cons_server_create(const struct cons_server_conf *conf, struct cons_server **out)
{
	struct cons_server *srv = calloc(1, sizeof(*srv));
	int ret;

	if (srv == NULL)
		return -ENOMEM;
	srv->conf = *conf;
	conf_defaults(&srv->conf);
	TAILQ_INIT(&srv->instances);
	TAILQ_INIT(&srv->peers);
	pthread_mutex_init(&srv->lock, NULL);
	ret = -EINVAL;
	if (srv->conf.scrollback < CONS_SCROLLBACK_MIN ||
	    srv->conf.scrollback > CONS_SCROLLBACK_MAX)
		goto free_srv;
	srv->epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = -errno;
	if (srv->epoll < 0)
		goto free_srv;
	ret = cons_audit_open(srv);
	if (ret != 0)
		goto close_epoll;
	ret = listen_on(srv);
	if (ret != 0)
		goto close_audit;
	cons_server_telemetry_add(srv);
	*out = srv;
	return 0;
close_audit:
	cons_audit_close(srv);
close_epoll:
	close(srv->epoll);
free_srv:
	pthread_mutex_destroy(&srv->lock);
	free(srv);
	return ret;
}

static void
end_sessions(struct cons_server *srv)
{
	struct cons_peer *p;

	TAILQ_FOREACH(p, &srv->peers, entry) {
		cons_peer_drop(p, false);
		link_queue_detach(p->link);
	}
	link_unlisten(srv->conf.link, LINK_SERVICE_CONS);
	while ((p = TAILQ_FIRST(&srv->peers)) != NULL)
		peer_free(p);
}

/* @return whether no program is left. */
static bool
reap_all(struct cons_server *srv, uint64_t timeout_ns, bool kill_them)
{
	const struct timespec moment = { .tv_nsec = 2 * BASE_NS_PER_MS };
	uint64_t end = base_now_ns() + timeout_ns;
	struct cons_instance *inst;
	bool left;

	for (;;) {
		left = false;
		TAILQ_FOREACH(inst, &srv->instances, entry)
			left |= !cons_pty_reap(&inst->term, kill_them);
		if (!left || base_now_ns() > end)
			return !left;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	}
}

static void
end_instances(struct cons_server *srv)
{
	struct cons_instance *inst;

	TAILQ_FOREACH(inst, &srv->instances, entry)
		inst->term.ops->close(&inst->term);
	if (!reap_all(srv, HANGUP_NS, false) && !reap_all(srv, KILL_NS, true))
		CONS_LOG(ERR, "a program does not end, not even by SIGKILL: it is left");
	while ((inst = TAILQ_FIRST(&srv->instances)) != NULL)
		cons_instance_free(inst);
}

void
cons_server_destroy(struct cons_server *srv)
{
	if (srv == NULL)
		return;
	cons_server_telemetry_remove(srv);
	end_sessions(srv);
	end_instances(srv);
	cons_audit_close(srv);
	for (unsigned int i = 0; i < srv->count; i++)
		cons_console_free(srv->consoles[i]);
	close(srv->epoll);
	pthread_mutex_destroy(&srv->lock);
	free(srv);
}

/* --- rounds --- */

/* What became readable, writable, or ended since the last look. */
static void
look_at_terminals(struct cons_server *srv)
{
	struct epoll_event events[EVENTS];
	struct cons_instance *inst;
	int n;

	if (srv->now_ns < srv->epoll_ns || TAILQ_EMPTY(&srv->instances))
		return;
	srv->epoll_ns = srv->now_ns + EPOLL_NS;
	n = epoll_wait(srv->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		inst = (struct cons_instance *)(uintptr_t)(events[i].data.u64 & ~UINT64_C(1));
		if ((events[i].data.u64 & 1) != 0)
			inst->child_event = true;
		else
			inst->readable = inst->writable = true;
	}
}

static unsigned int
take_input(struct cons_server *srv)
{
	struct cons_instance *inst;
	struct cons_peer *p;
	unsigned int work = 0;

	TAILQ_FOREACH(p, &srv->peers, entry)
		work += cons_peer_take(p);
	look_at_terminals(srv);
	TAILQ_FOREACH(inst, &srv->instances, entry)
		work += cons_instance_input(inst);
	return work;
}

/* One read each; when that is too much for one round, the next begins where this one ended. */
static unsigned int
read_output(struct cons_server *srv)
{
	struct cons_instance *inst, *first;
	unsigned int bytes = 0;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		bytes += cons_instance_output(inst);
		if (bytes >= ROUND_READ)
			break;
	}
	if (inst == NULL || TAILQ_NEXT(inst, entry) == NULL)
		return bytes;
	do {
		first = TAILQ_FIRST(&srv->instances);
		TAILQ_REMOVE(&srv->instances, first, entry);
		TAILQ_INSERT_TAIL(&srv->instances, first, entry);
	} while (first != inst);
	return bytes;
}

static unsigned int
send_output(struct cons_server *srv)
{
	uint64_t limit = base_count_get(&srv->stats.bytes_out) + ROUND_SEND;
	struct cons_peer *p, *first;
	unsigned int work = 0;

	TAILQ_FOREACH(p, &srv->peers, entry) {
		work += cons_peer_send(p);
		if (base_count_get(&srv->stats.bytes_out) >= limit)
			break;
	}
	if (p == NULL || TAILQ_NEXT(p, entry) == NULL)
		return work;
	do {
		first = TAILQ_FIRST(&srv->peers);
		TAILQ_REMOVE(&srv->peers, first, entry);
		TAILQ_INSERT_TAIL(&srv->peers, first, entry);
	} while (first != p);
	return work;
}

/* Instances that nobody needs any more, writers that did not come back. */
static void
clean_up(struct cons_server *srv)
{
	struct cons_instance *inst, *next;

	for (inst = TAILQ_FIRST(&srv->instances); inst != NULL; inst = next) {
		next = TAILQ_NEXT(inst, entry);
		cons_owner_tick(inst);
	}
	cons_console_sweep(srv);
}

/* --- children that are nobody's --- */

/* The program of a console? Its own look takes its status then. */
static bool
is_program(struct cons_server *srv, pid_t pid)
{
	struct cons_instance *inst;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		if (inst->term.pid != pid)
			continue;
		inst->child_event = true;
		return true;
	}
	return false;
}

/* A child that has ended is looked at without being reaped, as it may be a console's. */
static void
reap_orphans(struct cons_server *srv)
{
	unsigned int n;

	if (!srv->conf.reap_orphans || srv->now_ns < srv->reap_ns)
		return;
	for (n = 0; n < ORPHANS_ROUND; n++) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
		    is_program(srv, info.si_pid))
			break;
		if (waitpid(info.si_pid, NULL, WNOHANG) == info.si_pid)
			base_count(&srv->stats.orphans, 1);
	}
	srv->reap_ns = n < ORPHANS_ROUND ? srv->now_ns + ORPHANS_NS : 0;
}

unsigned int
cons_server_poll(struct cons_server *srv, uint64_t now_ns)
{
	unsigned int work;
	struct cons_peer *p;

	pthread_mutex_lock(&srv->lock);
	srv->now_ns = now_ns;
	reap_orphans(srv);
	work = take_input(srv);
	work += read_output(srv);
	work += send_output(srv);
	TAILQ_FOREACH(p, &srv->peers, entry)
		cons_peer_flush(p);
	clean_up(srv);
	pthread_mutex_unlock(&srv->lock);
	return work;
}

int
cons_server_wake_fd(const struct cons_server *srv)
{
	return srv->epoll;
}

uint64_t
cons_server_typed_ns(const struct cons_server *srv)
{
	return srv->typed_ns;
}

void
cons_server_stats(struct cons_server *srv, struct cons_server_stats *stats)
{
	base_counters_read(&srv->stats, stats, sizeof(*stats));
}
