/* SPDX-License-Identifier: BSD-3-Clause */
/* The servers behind the mount: sessions, waiting for them, control rounds, the way out. */
#include "ismblk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_random.h>

#include "base_time.h"
#include "run.h"

#define CONTROL_NS (50 * BASE_NS_PER_US) /* between two rounds of control on a busy lcore */
/*
 * While nobody is served, rounds are half as far apart as the last thing that happened is ago: many
 * who wait for one server leave it the CPUs.
 */
#define WAIT_MIN_NS (50 * BASE_NS_PER_US)
#define WAIT_MAX_NS (40 * BASE_NS_PER_MS)
#define DRAIN_NS (2 * BASE_NS_PER_S)

bool
peers_selected(const struct ismblk *app, const struct blk_disk *disk)
{
	unsigned int i;

	for (i = 0; i < app->opt.export_count; i++) {
		if (strcmp(app->opt.exports[i], blk_disk_name(disk)) == 0)
			return true;
	}
	return app->opt.export_count == 0;
}

/* --- what clients tell, on the control thread (lib/link logs sessions) --- */

/*
 * Attributes only (offset -1): that waits for nobody. The kernel drops pages itself when it then
 * sees another size; for all else there is cache.c.
 */
void
peer_changed(struct peer *p, struct blk_disk *disk)
{
	if (!peers_selected(p->app, disk))
		return;
	if (!blk_disk_present(disk)) {
		run_note("peer %s: disk %s is gone", p->name, blk_disk_name(disk));
		return;
	}
	run_note("peer %s: disk %s, size %" PRIu64 "%s", p->name, blk_disk_name(disk),
		 blk_disk_size(disk), tree_read_only(p->app, disk) ? ", read-only" : "");
	if (p->app->session != NULL && p->app->announced)
		fuse_lowlevel_notify_inval_inode(p->app->session, tree_ino(p, disk), -1, 0);
}

/* --- start --- */

/* Where the client keeps what must outlive it; NULL: with --list, or there is no place for it. */
static struct blk_kept *
find_kept(struct ismblk *app, struct peer *p, uint64_t gid)
{
	struct record *r = app->record;

	p->home = r != NULL ? r->peers[app->peer_count].home : 0;
	if (app->find_kept != NULL)
		return app->find_kept(app, gid, &p->home);
	return r != NULL ? &r->peers[app->peer_count].kept : NULL;
}

static int
open_peer(struct ismblk *app, uint64_t gid)
{
	struct peer *p = &app->peers[app->peer_count];
	struct record_peer *kept = app->record != NULL ? &app->record->peers[app->peer_count]
						       : NULL;
	const struct blk_client_conf conf = {
		.link = app->link,
		.rgid = gid,
		.queues = (uint16_t)app->queues,
		.depth = (uint16_t)app->opt.depth,
		.slot_size = (uint32_t)app->opt.slot_size,
		.digest = app->opt.digest,
		.fast_io_fail_ms = (uint32_t)app->opt.fast_io_fail_ms,
		.io_timeout_ms = (uint32_t)app->opt.io_timeout_ms,
		.kept = find_kept(app, p, gid),
	};
	const char *differs;
	int ret;

	p->app = app;
	p->gid = gid;
	p->index = app->peer_count;
	p->kept = kept;
	base_gid_str(gid, p->name);
	if (app->find_kept != NULL && conf.kept == NULL) {
		ismblk_error(app, "peer %s: this runtime %s", p->name,
			     p->home != 0 ? "does not remember the mount" : "has no place for it");
		return RUN_EXIT_FAIL;
	}
	p->reads = calloc(BLK_EXPORTS_MAX, sizeof(*p->reads));
	if (p->reads == NULL) {
		ismblk_error(app, "no memory for peer %s", p->name);
		return RUN_EXIT_FAIL;
	}
	ret = share_take(app->shares, p, &conf, &differs);
	if (ret != 0)
		free(p->reads);
	/* It was made for a client that there is none of. */
	if (ret != 0 && ret != -EEXIST && app->drop_kept != NULL && !app->taken)
		app->drop_kept(app, gid);
	if (ret == -EEXIST) {
		ismblk_error(
			app,
			"peer %s is mounted with another %s already: its mounts share a session",
			p->name, differs);
		return RUN_EXIT_USAGE;
	}
	if (ret == -EADDRINUSE) {
		ismblk_error(app, "--peer %s is our own GID: expected the server's", p->name);
		return RUN_EXIT_PEER;
	}
	if (ret != 0) {
		ismblk_error(app, "peer %s: cannot open a session: %s", p->name, strerror(-ret));
		return RUN_EXIT_FAIL;
	}
	app->peer_count++;
	return RUN_EXIT_OK;
}

/* So often a peer may say that it has no room: what it offers next may be less, and be had. */
#define BUSY_TRIES 3

/* Is there any point in waiting on? A peer may still be starting; a refusal will not change. */
static bool
is_final(const struct link_session_info *info)
{
	enum link_why why = info->why;

	if (why == LINK_WHY_BUSY)
		return info->errors[LINK_WHY_BUSY] >= BUSY_TRIES;
	return why == LINK_WHY_REFUSED || why == LINK_WHY_NO_SERVICE || why == LINK_WHY_VERSION;
}

static int
complain(struct ismblk *app, const struct peer *p, const struct link_session_info *info)
{
	const char *colon = info->reason[0] != '\0' ? ": " : "";

	switch (info->why) {
	case LINK_WHY_UNREACHABLE:
		ismblk_error(app, "peer %s is unreachable: no such GID on our fabric", p->name);
		break;
	case LINK_WHY_REFUSED:
		ismblk_error(app, "peer %s does not allow us%s%s", p->name, colon, info->reason);
		break;
	case LINK_WHY_NO_SERVICE:
		ismblk_error(app, "peer %s exports no disks%s%s", p->name, colon, info->reason);
		break;
	case LINK_WHY_NONE:
	case LINK_WHY_TIMEOUT:
		ismblk_error(app,
			     "peer %s does not answer within %" PRIu64 " ms (is dpdk-ismd running "
			     "there?)",
			     p->name, app->opt.connect_timeout_ms);
		break;
	default:
		ismblk_error(app, "peer %s: no session: %s%s%s", p->name, link_why_str(info->why),
			     colon, info->reason);
		break;
	}
	return RUN_EXIT_PEER;
}

/* Not all for the same time, or those that start together stay together. */
static void
idle_a_moment(uint64_t idle_ns)
{
	uint64_t ns = RTE_MIN(RTE_MAX(idle_ns / 2, WAIT_MIN_NS), WAIT_MAX_NS);
	const struct timespec ts = { .tv_nsec = (long)(ns - rte_rand_max(ns / 4)) };

	nanosleep(&ts, NULL);
}

/* One round while no worker runs: control and all queues. */
static void
round_alone(struct ismblk *app)
{
	uint64_t now = base_now_ns();
	unsigned int i, work;

	app->control_ns = 0;
	work = link_poll(app->link, now) + peers_control(app, now);
	for (i = 0; i < app->queues; i++)
		work += peers_poll_queues(app, i, now);
	if (work > 0 || app->work_ns == 0)
		app->work_ns = now;
	else
		idle_a_moment(now - app->work_ns);
}

/* @return -1: not yet; RUN_EXIT_OK; or what to end with. */
static int
peer_there(struct ismblk *app, const struct peer *p, uint64_t deadline)
{
	struct link_session_info info;

	if (blk_client_up(p->client))
		return RUN_EXIT_OK;
	blk_client_session_info(p->client, &info);
	if (!info.up && (is_final(&info) || base_now_ns() > deadline))
		return complain(app, p, &info);
	if (base_now_ns() <= deadline)
		return -1;
	ismblk_error(app, "peer %s does not tell its exports within %" PRIu64 " ms", p->name,
		     app->opt.connect_timeout_ms);
	return RUN_EXIT_PEER;
}

int
peers_there(struct ismblk *app, uint64_t deadline)
{
	int ret = RUN_EXIT_OK;

	for (unsigned int i = 0; i < app->peer_count && ret == RUN_EXIT_OK; i++)
		ret = peer_there(app, &app->peers[i], deadline);
	return ret;
}

int
peers_open(struct ismblk *app)
{
	unsigned int i;
	int ret = RUN_EXIT_OK;

	for (i = 0; i < app->opt.peer_count && ret == RUN_EXIT_OK; i++)
		ret = open_peer(app, app->opt.peers[i]);
	return ret;
}

int
peers_connect(struct ismblk *app)
{
	uint64_t deadline = base_now_ns() + app->opt.connect_timeout_ms * BASE_NS_PER_MS;
	int ret = peers_open(app);

	while (ret == RUN_EXIT_OK && (ret = peers_there(app, deadline)) < 0) {
		round_alone(app);
		ret = RUN_EXIT_OK;
		if (!run_stopping())
			continue;
		run_error("ended by a signal before all peers were there");
		ret = RUN_EXIT_FAIL;
	}
	return ret;
}

int
peers_check_exports(struct ismblk *app)
{
	unsigned int i, k;

	for (i = 0; i < app->opt.export_count; i++) {
		bool found = false;

		for (k = 0; k < app->peer_count && !found; k++)
			found = blk_client_disk_by_name(app->peers[k].client,
							app->opt.exports[i]) != NULL;
		if (found)
			continue;
		ismblk_error(app,
			     "--export %s: %s no export of that name for us (--list shows all)",
			     app->opt.exports[i],
			     app->peer_count == 1 ? "the peer has" : "the peers have");
		return RUN_EXIT_EXPORT;
	}
	return RUN_EXIT_OK;
}

/* --- rounds --- */

unsigned int
peers_control(struct ismblk *app, uint64_t now_ns)
{
	unsigned int i, work;

	if (now_ns < app->control_ns)
		return 0;
	app->control_ns = now_ns + CONTROL_NS;
	work = cache_poll(app, now_ns);
	for (i = 0; i < app->peer_count; i++)
		work += blk_client_poll(app->peers[i].client, now_ns);
	return work;
}

unsigned int
peers_poll_queues(struct ismblk *app, unsigned int queue, uint64_t now_ns)
{
	unsigned int i, work = 0;

	for (i = 0; i < app->peer_count; i++)
		work += blk_cq_poll(blk_client_queue(app->peers[i].client, queue), now_ns);
	return work;
}

/* --- the way out --- */

/* ios in flight whose peer is there to answer them. */
static unsigned int
answerable(const struct ismblk *app)
{
	unsigned int i, q, n = 0;

	for (i = 0; i < app->peer_count; i++) {
		if (!blk_client_up(app->peers[i].client))
			continue;
		for (q = 0; q < app->queues; q++)
			n += blk_cq_inflight(blk_client_queue(app->peers[i].client, q));
	}
	return n;
}

void
peers_drain(struct ismblk *app)
{
	uint64_t deadline = base_now_ns() + DRAIN_NS;

	while (answerable(app) != 0 && base_now_ns() < deadline)
		round_alone(app);
	peers_fail(app);
}

void
peers_fail(struct ismblk *app)
{
	unsigned int i, q;

	for (i = 0; i < app->peer_count; i++) {
		for (q = 0; q < app->queues; q++)
			blk_cq_abort(blk_client_queue(app->peers[i].client, q), -EIO);
	}
}

void
peers_close(struct ismblk *app)
{
	while (app->peer_count > 0) {
		struct peer *p = &app->peers[--app->peer_count];

		if (share_drop(app->shares, p) && app->drop_kept != NULL)
			app->drop_kept(app, p->gid);
		free(p->reads);
	}
}
