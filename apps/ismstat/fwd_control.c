/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What control does by itself: sessions of both ends that come and go, runs that end.
 *
 * The tester's session is opened for what a run needs (depth and size of slots follow from window,
 * burst and size). When a run needs another shape, or when a peer is stuck, the session is closed
 * and opened again; the link needs until the data thread has let go of it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd_priv.h"
#include "run.h"

/* --- texts and state --- */

void
fwd_trouble_set(struct fwd *f, char which[FWD_TEXT_MAX], const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&f->lock);
	va_start(ap, fmt);
	vsnprintf(which, FWD_TEXT_MAX, fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&f->lock);
}

/* Partner: the release in the tester's finish(): its `end`, `text` and counters are final. */
static bool
run_over(const struct fwd *f)
{
	return __atomic_load_n(&f->tester.finished, __ATOMIC_ACQUIRE) == f->tester.order;
}

bool
fwd_running(const struct fwd *f)
{
	return f->pending || f->ended != f->tester.order;
}

static enum fwd_state
state_now(const struct fwd *f)
{
	if (!f->open)
		return FWD_CLOSED;
	if (fwd_running(f))
		return f->tester.halt == f->tester.order && !f->pending ? FWD_STOPPING
									: FWD_RUNNING;
	return f->up ? FWD_READY : FWD_OPENING;
}

void
fwd_state_publish(struct fwd *f)
{
	__atomic_store_n(&f->state, state_now(f), __ATOMIC_RELAXED);
}

uint64_t
fwd_stores(const struct fwd *f)
{
	struct rte_pmd_ism_stats st;

	return rte_pmd_ism_stats_get(f->dev_id, &st) == 0 ? st.stores : 0;
}

/* --- runs --- */

void
fwd_run_order(struct fwd *f)
{
	struct fwd_tester *t = &f->tester;

	f->pending = false;
	f->stores_before = fwd_stores(f);
	fwd_trouble_set(f, f->run_trouble, "%s", "");
	pthread_mutex_lock(&f->lock);
	t->run = f->shown;
	f->shown_valid = true;
	pthread_mutex_unlock(&f->lock);
	/* Partner: the acquire in the tester's ordered(). */
	__atomic_store_n(&t->order, t->order + 1, __ATOMIC_RELEASE);
}

void
fwd_run_halt(struct fwd *f)
{
	__atomic_store_n(&f->tester.halt, f->tester.order, __ATOMIC_RELAXED);
}

static void
tell_end(struct fwd *f)
{
	const struct fwd_tester *t = &f->tester;
	char text[FWD_TEXT_MAX / 2];

	base_text_clean(text, sizeof(text), t->text, sizeof(t->text));
	switch (t->end) {
	case FWD_END_DONE:
		if (t->counts.mismatches != 0)
			fwd_trouble_set(f, f->run_trouble,
					"%" PRIu64 " messages differ; the first: number %" PRIu64
					", byte %" PRIu64,
					t->counts.mismatches, t->counts.mismatch_seq,
					t->counts.mismatch_off);
		break;
	case FWD_END_BROKEN:
		if (!f->open) {
			fwd_trouble_set(f, f->run_trouble, "the link was closed");
			break;
		}
		fwd_trouble_set(f, f->run_trouble, "the session broke%s%s",
				f->session_trouble[0] != '\0' ? ": " : "", f->session_trouble);
		break;
	case FWD_END_REFUSED:
		fwd_trouble_set(f, f->run_trouble, "the peer refuses: %s", text);
		break;
	case FWD_END_LIED:
		fwd_trouble_set(f, f->run_trouble, "the peer broke the protocol: %s", text);
		break;
	case FWD_END_STUCK:
		fwd_trouble_set(f, f->run_trouble, "the peer has not answered for %llu s",
				FWD_ANSWER_NS / BASE_NS_PER_S);
		break;
	}
}

/* @return work done. */
static unsigned int
take_end(struct fwd *f)
{
	struct fwd_tester *t = &f->tester;

	if (f->ended == t->order || !run_over(f))
		return 0;
	/* The data thread sees a broken queue before the link tells why. */
	if (t->end == FWD_END_BROKEN && f->up)
		return 0;
	tell_end(f);
	if (t->end == FWD_END_STUCK && f->open)
		fwd_session_close(f);
	pthread_mutex_lock(&f->lock);
	f->stores = fwd_stores(f) - f->stores_before;
	f->ended = t->order;
	pthread_mutex_unlock(&f->lock);
	run_limit_nap(f->data_worker, 0);
	return 1;
}

/* --- the tester's session --- */

static void
tester_up(void *arg, struct link_session *s)
{
	struct fwd *f = arg;
	struct link_queue *q = link_session_queue(s, 0);

	/* Why the session before ended belongs to the run that ended with it. */
	take_end(f);
	fwd_trouble_set(f, f->session_trouble, "%s", "");
	f->up = true;
	if (link_queue_attach(q) != 0)
		return;
	/* Partner: the exchange in take_queue(). */
	q = __atomic_exchange_n(&f->tester.fresh, q, __ATOMIC_RELEASE);
	/* One of a session that has ended, and that the data thread never saw. */
	if (q != NULL)
		link_queue_detach(q);
}

static void
tell_why(struct fwd *f, const struct link_session_info *info)
{
	char gid[BASE_GID_STRLEN], text[FWD_TEXT_MAX];

	snprintf(text, sizeof(text), "no session with %s: %s%s%s", base_gid_str(info->rgid, gid),
		 link_why_str(info->why), info->reason[0] != '\0' ? ": " : "", info->reason);
	if (strcmp(text, f->session_trouble) != 0)
		fwd_trouble_set(f, f->session_trouble, "%s", text);
}

static void
tester_down(void *arg, struct link_session *s, enum link_why why)
{
	struct link_session_info info;

	link_session_info(s, &info);
	info.why = why;
	((struct fwd *)arg)->up = false;
	tell_why(arg, &info);
}

const struct link_session_ops fwd_tester_ops = {
	.on_up = tester_up,
	.on_down = tester_down,
};

int
fwd_session_open(struct fwd *f, const struct fwd_run *run)
{
	struct link_open_conf conf = {
		.rgid = f->rgid,
		.service = LINK_SERVICE_TEST,
		.queues = 1,
		.depth = fwd_run_depth(run),
		.slot_size = fwd_run_slot(run),
		.ops = &fwd_tester_ops,
		.arg = f,
	};
	int ret = link_open(f->link, &conf, &f->session);

	if (ret != 0) {
		f->session = NULL;
		return ret;
	}
	f->open_depth = conf.depth;
	f->open_slot = conf.slot_size;
	f->reset = false;
	return 0;
}

void
fwd_session_close(struct fwd *f)
{
	if (f->session != NULL)
		link_session_close(f->session, "");
	f->session = NULL;
	f->up = false;
	f->reset = true;
}

/* The session that was closed may take a while to go: try until it is gone. */
static void
reopen(struct fwd *f)
{
	struct fwd_run run;
	int ret;

	if (!f->reset || !f->open)
		return;
	if (f->pending)
		run = f->shown;
	else
		fwd_settings_run(&f->set, &run);
	ret = fwd_session_open(f, &run);
	if (ret != 0 && ret != -EEXIST)
		fwd_trouble_set(f, f->session_trouble, "the session cannot be opened again: %s",
				strerror(-ret));
}

/* A listener may have lowered what was asked for. @return whether the run fits. */
static bool
fits(struct fwd *f)
{
	struct link_session_info info;

	link_session_info(f->session, &info);
	if (info.slot_size >= fwd_run_slot(&f->shown) && info.depth >= f->shown.window)
		return true;
	fwd_trouble_set(f, f->run_trouble,
			"the peer has %" PRIu16 " slots of %" PRIu32
			" bytes, the test needs %" PRIu32 " of %" PRIu32,
			info.depth, info.slot_size, f->shown.window, fwd_run_slot(&f->shown));
	return false;
}

/* A run waits for its session. */
static void
begin_pending(struct fwd *f, uint64_t now_ns)
{
	if (!f->pending)
		return;
	if (f->pending_ns == 0)
		f->pending_ns = now_ns;
	if (f->up) {
		if (fits(f))
			fwd_run_order(f);
		f->pending = false;
	} else if (now_ns - f->pending_ns > FWD_RETURN_NS) {
		f->pending = false;
		fwd_trouble_set(f, f->run_trouble, "the session did not come back within %llu s",
				FWD_RETURN_NS / BASE_NS_PER_S);
	}
	if (!f->pending && f->ended == f->tester.order)
		run_limit_nap(f->data_worker, 0);
}

/* While it is not up: why not, for people who wait. */
static void
watch_session(struct fwd *f)
{
	struct link_session_info info;

	if (f->session == NULL || f->up)
		return;
	link_session_info(f->session, &info);
	pthread_mutex_lock(&f->lock);
	f->retries = info.retries;
	pthread_mutex_unlock(&f->lock);
	if (!info.up && info.why != LINK_WHY_NONE && info.why != LINK_WHY_LOCAL)
		tell_why(f, &info);
}

/* --- sessions of others --- */

int
fwd_may_connect(void *arg, uint64_t gid, char *reason)
{
	const struct fwd *f = arg;

	for (unsigned int i = 0; i < f->allow_count; i++)
		if (f->allow[i] == gid)
			return 0;
	if (f->allow_any)
		return 0;
	snprintf(reason, LINK_REASON_MAX, "link tests are not for this GID");
	return -EACCES;
}

static void
testee_up(void *arg, struct link_session *s)
{
	struct fwd *f = arg;
	struct fwd_testee *e = NULL;
	int ret = fwd_testee_give(&f->answerer, link_session_queue(s, 0), &e);

	link_session_set_priv(s, e);
	if (e != NULL)
		LIST_INSERT_HEAD(&f->testees, e, all);
	else if (ret == -ENOMEM)
		link_session_close(s, "out of memory");
}

static void
testee_down(void *arg, struct link_session *s, enum link_why why)
{
	/* The data thread sees it. */
	RTE_SET_USED(arg);
	RTE_SET_USED(s);
	RTE_SET_USED(why);
}

static void
testee_free(void *arg, struct link_session *s)
{
	struct fwd_testee *e = link_session_priv(s);

	RTE_SET_USED(arg);
	link_session_set_priv(s, NULL);
	if (e == NULL)
		return;
	LIST_REMOVE(e, all);
	fwd_testee_free(e);
}

const struct link_session_ops fwd_testee_ops = {
	.on_up = testee_up,
	.on_down = testee_down,
	.on_free = testee_free,
};

/* --- rounds --- */

unsigned int
fwd_poll_control(struct fwd *f, uint64_t now_ns)
{
	unsigned int work;

	if (!f->open && f->ended == f->tester.order)
		return 0;
	watch_session(f);
	work = take_end(f);
	reopen(f);
	begin_pending(f, now_ns);
	fwd_state_publish(f);
	return work;
}

unsigned int
fwd_poll_data(struct fwd *f, uint64_t now_ns)
{
	return fwd_tester_poll(&f->tester, now_ns) + fwd_answerer_poll(&f->answerer, now_ns);
}
