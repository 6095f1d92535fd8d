/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of exports, control's side: they come, change and go while sessions use them.
 *
 * An export that goes is taken from all sessions first. A worker may have looked before that: so it
 * stays until each worker has begun two more rounds, and until what was in work has ended. The
 * helper closes it, for close() may wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_text.h"
#include "base_time.h"
#include "blk_log.h"
#include "blk_server_priv.h"

#define CHECK_NS BASE_NS_PER_S /* look at every image's size */

/* Hand to the helper: close the export in place i. */
struct closing {
	struct base_job job; /* first: its work() casts back */
	struct blk_server *srv;
	struct blk_export *exp;
};

static enum blk_place_state
state_of(const struct blk_server *srv, uint32_t i)
{
	return atomic_load_explicit(&srv->places[i].state, memory_order_acquire);
}

static void
set_state(struct blk_server *srv, uint32_t i, enum blk_place_state state)
{
	atomic_store_explicit(&srv->places[i].state, (uint8_t)state, memory_order_release);
}

unsigned int
blk_server_exports(const struct blk_server *srv)
{
	return atomic_load_explicit(&srv->exports_count, memory_order_relaxed);
}

struct blk_export *
blk_export_at(const struct blk_server *srv, uint32_t i)
{
	if (state_of(srv, i) != BLK_PLACE_SERVED)
		return NULL;
	return atomic_load_explicit(&srv->exports[i], memory_order_relaxed);
}

bool
blk_export_allows(const struct blk_export *exp, uint64_t gid)
{
	return exp != NULL && base_allow_has(&exp->allow, gid);
}

static struct blk_export *
find(const struct blk_server *srv, const char *name)
{
	for (uint32_t i = 0; i < blk_server_exports(srv); i++) {
		struct blk_export *exp = blk_export_at(srv, i);

		if (exp != NULL && strcmp(exp->name, name) == 0)
			return exp;
	}
	return NULL;
}

/* --- who sees what --- */

static void
grant(struct blk_session *s, const struct blk_export *exp)
{
	unsigned int i = exp->unit - 1u;

	if (blk_session_granted(s, exp->unit) || !blk_export_allows(exp, s->gid))
		return;
	atomic_store_explicit(&s->flush_seen[i],
			      atomic_load_explicit(&s->party->flush_known[i], memory_order_relaxed),
			      memory_order_relaxed);
	atomic_fetch_or_explicit(&s->granted[i / 64], 1ull << i % 64, memory_order_release);
}

static void
withdraw(struct blk_session *s, const struct blk_export *exp)
{
	unsigned int i = exp->unit - 1u;

	atomic_fetch_and_explicit(&s->granted[i / 64], ~(1ull << i % 64), memory_order_relaxed);
}

static bool
has_any(const struct blk_session *s)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < BLK_UNIT_WORDS; i++)
		bits |= atomic_load_explicit(&s->granted[i], memory_order_relaxed);
	return bits != 0;
}

void
blk_exports_grant(struct blk_session *s)
{
	for (uint32_t i = 0; i < blk_server_exports(s->srv); i++) {
		const struct blk_export *exp = blk_export_at(s->srv, i);

		if (exp != NULL)
			grant(s, exp);
	}
}

/* Clients ask for the list again. */
static void
tell_clients(struct blk_server *srv)
{
	struct blk_session *s;

	srv->notice++;
	TAILQ_FOREACH(s, &srv->sessions, entry) {
		if (!s->closed)
			link_session_set_notice(s->link, srv->notice);
	}
}

static void
end_session(struct blk_session *s)
{
	char gid[BASE_GID_STRLEN];

	BLK_LOG(NOTICE, "session of %s ends: no export is allowed to it any more",
		base_gid_str(s->gid, gid));
	s->closed = true;
	link_session_close(s->link, "no export is allowed to this GID any more");
}

int
blk_server_allow(struct blk_server *srv, const char *name, const struct base_allow *allow)
{
	struct blk_export *exp = find(srv, name);
	struct blk_session *s, *next;

	if (exp == NULL)
		return -ENOENT;
	exp->allow = *allow;
	for (s = TAILQ_FIRST(&srv->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry); /* a session that is closed may be freed at once */
		if (blk_export_allows(exp, s->gid))
			grant(s, exp);
		else
			withdraw(s, exp);
		if (!s->closed && !has_any(s))
			end_session(s);
	}
	tell_clients(srv);
	return 0;
}

/* --- they come --- */

/* Does a session know this unit by what it stood for before? */
static bool
is_known(const struct blk_server *srv, uint32_t i)
{
	const struct blk_session *s;

	TAILQ_FOREACH(s, &srv->sessions, entry) {
		if (s->number <= srv->places[i].session)
			return true;
	}
	return false;
}

/* @return a free place, or BLK_EXPORTS_MAX. */
static uint32_t
free_place(const struct blk_server *srv)
{
	uint32_t i;

	for (i = 0; i < blk_server_exports(srv); i++) {
		if (state_of(srv, i) == BLK_PLACE_FREE && !is_known(srv, i))
			return i;
	}
	return i;
}

static int
check_new(const struct blk_server *srv, const char *name, const char *path, char *err,
	  size_t err_size)
{
	const struct blk_export *other = find(srv, name);

	if (other != NULL) {
		snprintf(err, err_size, "export '%s': this name is given twice, to %s and %s", name,
			 other->path, path);
		return -EEXIST;
	}
	if (free_place(srv) == BLK_EXPORTS_MAX) {
		snprintf(err, err_size, "export '%s': one too many, expected at most %d", name,
			 BLK_EXPORTS_MAX);
		return -ENOSPC;
	}
	return 0;
}

int
blk_server_match(const struct blk_server *srv, struct blk_export *exp, char *err, size_t err_size)
{
	int ret = check_new(srv, exp->name, exp->path, err, err_size);

	for (uint32_t i = 0; i < blk_server_exports(srv) && ret == 0; i++) {
		const struct blk_export *same = blk_export_at(srv, i);

		if (same == NULL || same->dev != exp->dev || same->ino != exp->ino)
			continue;
		exp->lock_fd = fcntl(same->lock_fd >= 0 ? same->lock_fd : same->fd, F_DUPFD_CLOEXEC,
				     3);
		if (exp->lock_fd >= 0)
			break;
		ret = -errno;
		snprintf(err, err_size, "export '%s': %s: %s", exp->name, exp->path,
			 strerror(errno));
	}
	return ret;
}

static int
tell_workers(struct blk_server *srv, const struct blk_export *exp)
{
	int ret = 0;

	for (unsigned int i = 0; i < srv->conf.workers && ret == 0; i++)
		ret = blk_engine_add(srv->workers[i].engine, exp);
	for (unsigned int i = 0; i < srv->conf.workers && ret != 0; i++)
		blk_engine_remove(srv->workers[i].engine, exp->unit);
	return ret;
}

/*
 * No worker counts there: nobody has been granted the unit yet, and nobody knows its old meaning.
 */
static void
begin_counting(struct blk_server *srv, uint32_t i)
{
	struct blk_party *p;

	for (unsigned int w = 0; w < srv->conf.workers; w++)
		memset(&srv->workers[w].counts[i], 0, sizeof(srv->workers[w].counts[i]));
	TAILQ_FOREACH(p, &srv->parties, entry)
		atomic_store_explicit(&p->flush_known[i], 0, memory_order_relaxed);
}

int
blk_server_publish(struct blk_server *srv, struct blk_export *exp, char *err, size_t err_size)
{
	uint32_t i = free_place(srv);
	int ret = check_new(srv, exp->name, exp->path, err, err_size);
	struct blk_session *s;

	if (ret != 0)
		return ret;
	exp->unit = (uint16_t)(i + 1);
	ret = tell_workers(srv, exp);
	if (ret != 0) {
		snprintf(err, err_size, "export '%s': io_uring does not take %s: %s", exp->name,
			 exp->path, strerror(-ret));
		return ret;
	}
	begin_counting(srv, i);
	atomic_store_explicit(&srv->exports[i], exp, memory_order_release);
	set_state(srv, i, BLK_PLACE_SERVED);
	if (i == blk_server_exports(srv))
		atomic_store_explicit(&srv->exports_count, i + 1, memory_order_release);
	TAILQ_FOREACH(s, &srv->sessions, entry)
		grant(s, exp);
	tell_clients(srv);
	return 0;
}

int
blk_server_export(struct blk_server *srv, const struct blk_export_conf *conf, char *err,
		  size_t err_size)
{
	struct blk_export *exp;
	int ret = check_new(srv, conf->name, conf->path, err, err_size);

	if (ret != 0)
		return ret;
	ret = blk_export_open(conf, &exp, err, err_size);
	if (ret != 0)
		return ret;
	ret = blk_server_match(srv, exp, err, err_size);
	if (ret == 0)
		ret = blk_export_lock(exp, conf, err, err_size);
	if (ret == 0)
		ret = blk_server_publish(srv, exp, err, err_size);
	if (ret != 0)
		blk_export_close(exp);
	return ret;
}

/* --- they go --- */

int
blk_server_remove(struct blk_server *srv, const char *name)
{
	struct blk_export *exp = find(srv, name);
	struct blk_place *place;
	struct blk_session *s;
	uint64_t *rounds;

	if (exp == NULL)
		return -ENOENT;
	rounds = calloc(srv->conf.workers, sizeof(*rounds));
	if (rounds == NULL)
		return -ENOMEM;
	place = &srv->places[exp->unit - 1];
	place->session = srv->session_number;
	place->rounds = rounds;
	set_state(srv, exp->unit - 1u, BLK_PLACE_LEAVING);
	TAILQ_FOREACH(s, &srv->sessions, entry)
		withdraw(s, exp);
	/* Before the rounds are read: who begins one after this sees the bits cleared. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int w = 0; w < srv->conf.workers; w++)
		rounds[w] = atomic_load_explicit(&srv->workers[w].round, memory_order_relaxed) + 2;
	tell_clients(srv);
	return 0;
}

unsigned int
blk_server_removing(const struct blk_server *srv)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < blk_server_exports(srv); i++)
		n += state_of(srv, i) == BLK_PLACE_LEAVING || state_of(srv, i) == BLK_PLACE_CLOSING;
	return n;
}

static void
close_export(struct base_job *job)
{
	struct closing *c = (struct closing *)job;
	uint32_t i = c->exp->unit - 1u;

	for (unsigned int w = 0; w < c->srv->conf.workers; w++)
		blk_engine_remove(c->srv->workers[w].engine, c->exp->unit);
	blk_server_telemetry_pass();
	blk_export_close(c->exp);
	set_state(c->srv, i, BLK_PLACE_FREE);
}

/* COPYs in work that read from it. */
static uint64_t
sources(const struct blk_server *srv, uint32_t i)
{
	uint64_t n = 0;

	for (unsigned int w = 0; w < srv->conf.workers; w++)
		n += atomic_load_explicit(&srv->workers[w].counts[i].copied_from,
					  memory_order_relaxed);
	return n;
}

/* No worker can find it any more, and none works for it. */
static bool
has_left(const struct blk_server *srv, uint32_t i)
{
	struct blk_export_stats stats;
	struct base_hist latency;

	for (unsigned int w = 0; w < srv->conf.workers; w++) {
		if (atomic_load_explicit(&srv->workers[w].round, memory_order_acquire) <
		    srv->places[i].rounds[w])
			return false;
	}
	blk_exports_count(srv, i, &stats, &latency);
	return stats.inflight == 0 && sources(srv, i) == 0;
}

/* @return whether it is with the helper now; else it is tried again. */
static bool
let_close(struct blk_server *srv, uint32_t i)
{
	struct blk_export *exp = atomic_load_explicit(&srv->exports[i], memory_order_relaxed);
	struct closing *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	*c = (struct closing){ .job = { .work = close_export, .release = true },
			       .srv = srv,
			       .exp = exp };
	atomic_store_explicit(&srv->exports[i], NULL, memory_order_relaxed);
	set_state(srv, i, BLK_PLACE_CLOSING);
	if (base_helper_submit(&c->job) == 0)
		return true;
	set_state(srv, i, BLK_PLACE_LEAVING);
	atomic_store_explicit(&srv->exports[i], exp, memory_order_relaxed);
	free(c);
	return false;
}

static unsigned int
poll_leaving(struct blk_server *srv, uint32_t i)
{
	uint64_t *rounds = srv->places[i].rounds;

	if (!has_left(srv, i) || !let_close(srv, i))
		return 0;
	free(rounds);
	srv->places[i].rounds = NULL;
	return 1;
}

/* --- rounds --- */

static bool
is_stale(const struct blk_server *srv, uint64_t now_ns)
{
	bool stale = now_ns >= srv->check_ns;

	for (uint32_t i = 0; i < blk_server_exports(srv) && !stale; i++) {
		const struct blk_export *exp = blk_export_at(srv, i);

		stale = exp != NULL && atomic_load_explicit(&exp->stale, memory_order_relaxed);
	}
	return stale;
}

static void
refresh(struct blk_export *exp)
{
	uint64_t was = atomic_load_explicit(&exp->size, memory_order_relaxed);

	if (blk_export_refresh(exp))
		BLK_LOG(NOTICE, "export '%s' has %llu bytes now, had %llu", exp->name,
			(unsigned long long)exp->size, (unsigned long long)was);
}

unsigned int
blk_exports_poll(struct blk_server *srv, uint64_t now_ns)
{
	bool stale = is_stale(srv, now_ns);
	uint32_t generations = 0;
	unsigned int work = 0;

	if (stale)
		srv->check_ns = now_ns + CHECK_NS;
	for (uint32_t i = 0; i < blk_server_exports(srv); i++) {
		struct blk_export *exp = blk_export_at(srv, i);

		if (exp != NULL && stale)
			refresh(exp);
		if (exp != NULL)
			generations += atomic_load_explicit(&exp->generation, memory_order_relaxed);
		else if (state_of(srv, i) == BLK_PLACE_LEAVING)
			work += poll_leaving(srv, i);
	}
	if (generations == srv->generations)
		return work;
	srv->generations = generations;
	tell_clients(srv);
	return work + 1;
}

/* --- the end --- */

bool
blk_exports_settle(const struct blk_server *srv, uint64_t end_ns)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };

	for (uint32_t i = 0; i < blk_server_exports(srv); i++) {
		while (state_of(srv, i) == BLK_PLACE_CLOSING) {
			if (base_now_ns() > end_ns)
				return false;
			nanosleep(&nap, NULL);
		}
	}
	return true;
}

void
blk_exports_close(struct blk_server *srv)
{
	for (uint32_t i = 0; i < blk_server_exports(srv); i++) {
		blk_export_close(atomic_load_explicit(&srv->exports[i], memory_order_relaxed));
		free(srv->places[i].rounds);
	}
}

/* --- for people --- */

int
blk_server_export_state(const struct blk_server *srv, unsigned int i,
			struct blk_export_state *state)
{
	const struct blk_export *exp;

	exp = i < blk_server_exports(srv) ? blk_export_at(srv, i) : NULL;
	if (exp == NULL)
		return -ENOENT;
	memcpy(state->name, exp->name, sizeof(state->name));
	state->backing = blk_backing_str(exp->backing);
	state->size = atomic_load_explicit(&exp->size, memory_order_relaxed);
	state->flags = atomic_load_explicit(&exp->flags, memory_order_relaxed);
	return 0;
}

static void
add_counts(struct blk_export_stats *stats, struct base_hist *latency, const struct blk_counts *c)
{
	uint64_t ended = 0, started;

	for (unsigned int op = 0; op < BLK_OP_COUNT; op++) {
		stats->ops[op] += base_count_get(&c->ops[op]);
		stats->bytes[op] += base_count_get(&c->bytes[op]);
		stats->errors[op] += base_count_get(&c->errors[op]);
		ended += base_count_get(&c->ops[op]);
	}
	started = base_count_get(&c->started);
	stats->inflight += started > ended ? started - ended : 0;
	base_hist_merge(latency, &c->latency);
}

void
blk_exports_count(const struct blk_server *srv, uint32_t i, struct blk_export_stats *stats,
		  struct base_hist *latency)
{
	memset(stats, 0, sizeof(*stats));
	memset(latency, 0, sizeof(*latency));
	for (unsigned int w = 0; w < srv->conf.workers; w++)
		add_counts(stats, latency, &srv->workers[w].counts[i]);
	base_hist_summary(latency, &stats->latency);
}

int
blk_server_export_stats(const struct blk_server *srv, unsigned int i, const char **name,
			struct blk_export_stats *stats)
{
	const struct blk_export *exp;
	struct base_hist latency;

	exp = i < blk_server_exports(srv) ? blk_export_at(srv, i) : NULL;
	if (exp == NULL)
		return -ENOENT;
	blk_exports_count(srv, i, stats, &latency);
	*name = exp->name;
	return 0;
}
