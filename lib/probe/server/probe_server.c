/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of the answering end, and who may have a session with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "probe_server_priv.h"

/* --- who may --- */

/* Is there a place for that GID? One that it has had goes when its new session comes. */
static bool
has_place(const struct probe_server *srv, uint64_t gid)
{
	const struct probe_testee *e;

	if (srv->sessions_max == 0 || srv->session_count < srv->sessions_max)
		return true;
	LIST_FOREACH(e, &srv->testees, all) {
		if (e->gid == gid)
			return true;
	}
	return false;
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	struct probe_server *srv = arg;

	if (!base_allow_has(&srv->allow, gid))
		snprintf(reason, LINK_REASON_MAX, "link tests are not for this GID");
	else if (!has_place(srv, gid))
		snprintf(reason, LINK_REASON_MAX, "all %u places for link tests are in use",
			 srv->sessions_max);
	else
		return 0;
	base_count(&srv->calls_refused, 1);
	return -EACCES;
}

/* --- sessions --- */

/*
 * What io and copy write to, got at set-up for both: a data thread gets no memory. Pages come into
 * being when they are touched. Without it those modes are refused.
 */
#define MEMORY_SIZE (PROBE_DISK_SIZE + PROBE_SIZE_MAX)

static void
memory_get(struct probe_testee *e)
{
	void *p = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		return;
	e->disk = p;
	e->sink = e->disk + PROBE_DISK_SIZE;
}

static void
testee_free(struct probe_server *srv, struct probe_testee *e)
{
	LIST_REMOVE(e, all);
	srv->session_count--;
	if (e->disk != NULL)
		munmap(e->disk, MEMORY_SIZE);
	free(e);
}

/* @return 0; -ENOMEM; -ENOSPC others have come first; -ENOTCONN it is over already. */
static int
testee_new(struct probe_server *srv, struct link_session *s)
{
	struct link_session_info info;
	struct probe_testee *e;
	int ret;

	link_session_info(s, &info);
	if (!has_place(srv, info.rgid))
		return -ENOSPC;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->gid = info.rgid;
	e->q = link_session_queue(s, 0);
	e->worker = &srv->workers[srv->dealt++ % srv->worker_count];
	ret = link_queue_attach(e->q);
	if (ret != 0) {
		free(e);
		return ret;
	}
	memory_get(e);
	LIST_INSERT_HEAD(&srv->testees, e, all);
	srv->session_count++;
	link_session_set_priv(s, e);
	probe_worker_give(e->worker, e);
	return 0;
}

static void
on_up(void *arg, struct link_session *s)
{
	int ret;

	link_session_set_priv(s, NULL);
	ret = testee_new(arg, s);
	if (ret == -ENOMEM)
		link_session_close(s, "out of memory");
	else if (ret == -ENOSPC)
		link_session_close(s, "all places for link tests are in use");
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	/* The data thread sees it. */
	RTE_SET_USED(arg);
	RTE_SET_USED(s);
	RTE_SET_USED(why);
}

static void
on_free(void *arg, struct link_session *s)
{
	struct probe_testee *e = link_session_priv(s);

	link_session_set_priv(s, NULL);
	if (e != NULL)
		testee_free(arg, e);
}

static const struct link_session_ops ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_free = on_free,
};

/* --- life --- */

static int
listen_start(struct probe_server *srv, const struct probe_server_conf *conf)
{
	const struct link_listen_conf listen = {
		.service = LINK_SERVICE_TEST,
		.queues_max = 1,
		.depth_max = conf->depth_max != 0 ? conf->depth_max : LINK_DEPTH_MAX,
		.slot_max = conf->slot_max != 0 ? conf->slot_max : LINK_SLOT_MAX,
		.may_connect = may_connect,
		.ops = &ops,
		.arg = srv,
	};

	return link_listen(srv->link, &listen);
}

int
probe_server_create(const struct probe_server_conf *conf, struct probe_server **out)
{
	struct probe_server *srv;
	size_t size = sizeof(*srv) + conf->workers * sizeof(srv->workers[0]);
	int ret;

	if (conf->workers == 0)
		return -EINVAL;
	srv = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
	if (srv == NULL)
		return -ENOMEM;
	memset(srv, 0, size);
	srv->link = conf->link;
	srv->allow = conf->allow;
	srv->sessions_max = conf->sessions_max;
	srv->worker_count = conf->workers;
	LIST_INIT(&srv->testees);
	for (unsigned int i = 0; i < conf->workers; i++)
		probe_worker_init(&srv->workers[i], conf->round_max);
	ret = listen_start(srv, conf);
	if (ret != 0) {
		free(srv);
		return ret;
	}
	probe_server_telemetry(srv);
	*out = srv;
	return 0;
}

void
probe_server_destroy(struct probe_server *srv)
{
	struct probe_testee *e;

	if (srv == NULL)
		return;
	probe_telemetry_remove(&srv->telemetry);
	for (unsigned int i = 0; i < srv->worker_count; i++)
		probe_worker_stop(&srv->workers[i]);
	link_unlisten(srv->link, LINK_SERVICE_TEST);
	while ((e = LIST_FIRST(&srv->testees)) != NULL)
		testee_free(srv, e);
	free(srv);
}

static void
close_forbidden(void *arg, struct link_session *s)
{
	const struct probe_server *srv = arg;
	struct link_session_info info;

	link_session_info(s, &info);
	if (info.service == LINK_SERVICE_TEST && !info.initiator && info.up &&
	    !base_allow_has(&srv->allow, info.rgid))
		link_session_close(s, "link tests are not for this GID any more");
}

void
probe_server_allow(struct probe_server *srv, const struct base_allow *allow)
{
	srv->allow = *allow;
	link_session_each(srv->link, close_forbidden, srv);
}

struct probe_worker *
probe_server_worker(struct probe_server *srv, unsigned int i)
{
	return &srv->workers[i];
}

static void
add_worker(struct probe_server_stats *sum, const struct probe_testee_counts *counts)
{
#define ADD(name, ...) sum->name += base_count_get(&counts->name);
	PROBE_ANSWER_METRICS(ADD)
#undef ADD
	if (base_count_get(&counts->begin_ns) < sum->begin_ns || base_count_get(&counts->mode) == 0)
		return;
	sum->begin_ns = base_count_get(&counts->begin_ns);
	sum->newest_ns = base_count_get(&counts->newest_ns);
	sum->mode = base_count_get(&counts->mode);
	sum->size = base_count_get(&counts->size);
}

void
probe_server_stats(const struct probe_server *srv, struct probe_server_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	for (unsigned int i = 0; i < srv->worker_count; i++)
		add_worker(stats, &srv->workers[i].counts);
	stats->calls_refused = base_count_get(&srv->calls_refused);
}
