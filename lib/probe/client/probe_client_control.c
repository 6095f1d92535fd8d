/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What control does by itself: the session that comes and goes, runs that end.
 *
 * The tester's session is opened for what a run needs (depth and size of slots follow from window,
 * burst and size). When a run needs another shape, or when a peer is stuck, the session is closed
 * and opened again; the link needs until the data thread has let go of it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "base_time.h"
#include "probe_client_priv.h"
#include "rte_pmd_ism.h"

/* --- texts and state --- */

void
probe_client_trouble_set(struct probe_client *c, char which[PROBE_TEXT_MAX], const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&c->lock);
	va_start(ap, fmt);
	vsnprintf(which, PROBE_TEXT_MAX, fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&c->lock);
}

/* Partner: the release in the tester's finish(): its `end`, `text` and counters are final. */
static bool
run_over(const struct probe_client *c)
{
	return atomic_load_explicit(&c->tester.finished, memory_order_acquire) ==
	       probe_tester_order(&c->tester);
}

bool
probe_client_running(const struct probe_client *c)
{
	return c->pending || c->ended != probe_tester_order(&c->tester);
}

static enum probe_state
state_now(const struct probe_client *c)
{
	if (!c->open)
		return PROBE_CLOSED;
	if (probe_client_running(c))
		return atomic_load_explicit(&c->tester.halt, memory_order_relaxed) ==
					       probe_tester_order(&c->tester) &&
				       !c->pending
			       ? PROBE_STOPPING
			       : PROBE_RUNNING;
	return c->up ? PROBE_READY : PROBE_OPENING;
}

void
probe_client_state_publish(struct probe_client *c)
{
	atomic_store_explicit(&c->state, state_now(c), memory_order_relaxed);
}

uint64_t
probe_client_stores(const struct probe_client *c)
{
	struct rte_pmd_ism_stats st;

	return rte_pmd_ism_stats_get(c->dev_id, &st) == 0 ? st.stores : 0;
}

/* --- runs --- */

void
probe_client_measures(struct probe_client *c, bool on)
{
	if (c->measuring == on)
		return;
	c->measuring = on;
	if (c->conf.measures != NULL)
		c->conf.measures(c->conf.arg, on);
}

static void
run_order(struct probe_client *c)
{
	struct probe_tester *t = &c->tester;

	c->pending = false;
	c->stores_before = probe_client_stores(c);
	probe_client_trouble_set(c, c->run_trouble, "%s", "");
	pthread_mutex_lock(&c->lock);
	t->run = c->shown;
	c->shown_valid = true;
	pthread_mutex_unlock(&c->lock);
	/* Partner: the acquire in the tester's ordered(). */
	atomic_store_explicit(&t->order, probe_tester_order(t) + 1, memory_order_release);
}

void
probe_client_run_halt(struct probe_client *c)
{
	atomic_store_explicit(&c->tester.halt, probe_tester_order(&c->tester),
			      memory_order_relaxed);
}

static void
tell_end(struct probe_client *c)
{
	const struct probe_tester *t = &c->tester;
	char text[PROBE_TEXT_MAX / 2];

	base_text_clean(text, sizeof(text), t->text, sizeof(t->text));
	switch (t->end) {
	case PROBE_END_DONE:
		if (base_count_get(&t->counts.mismatches) != 0)
			probe_client_trouble_set(c, c->run_trouble,
						 "%" PRIu64
						 " messages differ; the first: number %" PRIu64
						 ", byte %" PRIu64,
						 base_count_get(&t->counts.mismatches),
						 base_count_get(&t->counts.mismatch_seq),
						 base_count_get(&t->counts.mismatch_off));
		break;
	case PROBE_END_BROKEN:
		if (!c->open) {
			probe_client_trouble_set(c, c->run_trouble, "the link was closed");
			break;
		}
		probe_client_trouble_set(c, c->run_trouble, "the session broke%s%s",
					 c->session_trouble[0] != '\0' ? ": " : "",
					 c->session_trouble);
		break;
	case PROBE_END_REFUSED:
		probe_client_trouble_set(c, c->run_trouble, "the peer refuses: %s", text);
		break;
	case PROBE_END_LIED:
		probe_client_trouble_set(c, c->run_trouble, "the peer broke the protocol: %s",
					 text);
		break;
	case PROBE_END_STUCK:
		probe_client_trouble_set(c, c->run_trouble, "the peer has not answered for %llu s",
					 PROBE_ANSWER_NS / BASE_NS_PER_S);
		break;
	}
}

/* @return work done. */
static unsigned int
take_end(struct probe_client *c)
{
	struct probe_tester *t = &c->tester;

	if (c->ended == probe_tester_order(t) || !run_over(c))
		return 0;
	/* The data thread sees a broken queue before the link tells why. */
	if (t->end == PROBE_END_BROKEN && c->up)
		return 0;
	tell_end(c);
	if (t->end == PROBE_END_STUCK && c->open)
		probe_client_session_close(c);
	pthread_mutex_lock(&c->lock);
	c->stores = probe_client_stores(c) - c->stores_before;
	c->ended = probe_tester_order(t);
	pthread_mutex_unlock(&c->lock);
	probe_client_measures(c, false);
	return 1;
}

/* --- the tester's session --- */

static void
tester_up(void *arg, struct link_session *s)
{
	struct probe_client *c = arg;
	struct link_queue *q = link_session_queue(s, 0);

	/* Why the session before ended belongs to the run that ended with it. */
	take_end(c);
	probe_client_trouble_set(c, c->session_trouble, "%s", "");
	c->up = true;
	if (link_queue_attach(q) != 0)
		return;
	/* Partner: the exchange in take_queue(). */
	q = atomic_exchange_explicit(&c->tester.fresh, q, memory_order_release);
	/* One of a session that has ended, and that the data thread never saw. */
	if (q != NULL)
		link_queue_detach(q);
}

static void
tell_why(struct probe_client *c, const struct link_session_info *info)
{
	char gid[BASE_GID_STRLEN], text[PROBE_TEXT_MAX];

	snprintf(text, sizeof(text), "no session with %s: %s%s%s", base_gid_str(info->rgid, gid),
		 link_why_str(info->why), info->reason[0] != '\0' ? ": " : "", info->reason);
	if (strcmp(text, c->session_trouble) != 0)
		probe_client_trouble_set(c, c->session_trouble, "%s", text);
}

static void
tester_down(void *arg, struct link_session *s, enum link_why why)
{
	struct link_session_info info;

	link_session_info(s, &info);
	info.why = why;
	((struct probe_client *)arg)->up = false;
	tell_why(arg, &info);
}

static const struct link_session_ops tester_ops = {
	.on_up = tester_up,
	.on_down = tester_down,
};

int
probe_client_session_open(struct probe_client *c, const struct probe_run *run)
{
	struct link_open_conf conf = {
		.rgid = probe_client_rgid(c),
		.service = LINK_SERVICE_TEST,
		.queues = 1,
		.depth = probe_run_depth(run),
		.slot_size = probe_run_slot(run),
		.ops = &tester_ops,
		.arg = c,
	};
	int ret = link_open(c->conf.link, &conf, &c->session);

	if (ret != 0) {
		c->session = NULL;
		return ret;
	}
	c->open_depth = conf.depth;
	c->open_slot = conf.slot_size;
	c->reset = false;
	return 0;
}

void
probe_client_session_close(struct probe_client *c)
{
	if (c->session != NULL)
		link_session_close(c->session, "");
	c->session = NULL;
	c->up = false;
	c->reset = true;
}

/* The session that was closed may take a while to go: try until it is gone. */
static void
reopen(struct probe_client *c)
{
	struct probe_run run;
	int ret;

	if (!c->reset || !c->open)
		return;
	if (c->pending)
		run = c->shown;
	else
		probe_settings_run(&c->set, &run);
	ret = probe_client_session_open(c, &run);
	if (ret != 0 && ret != -EEXIST)
		probe_client_trouble_set(c, c->session_trouble,
					 "the session cannot be opened again: %s", strerror(-ret));
}

/* A listener may have lowered what was asked for. @return whether the run fits. */
static bool
fits(struct probe_client *c)
{
	struct link_session_info info;

	link_session_info(c->session, &info);
	if (info.slot_size >= probe_run_slot(&c->shown) && info.depth >= c->shown.window)
		return true;
	probe_client_trouble_set(c, c->run_trouble,
				 "the peer has %" PRIu16 " slots of %" PRIu32
				 " bytes, the test needs %" PRIu32 " of %" PRIu32,
				 info.depth, info.slot_size, c->shown.window,
				 probe_run_slot(&c->shown));
	return false;
}

/* A run waits for its session. */
static void
begin_pending(struct probe_client *c, uint64_t now_ns)
{
	if (!c->pending)
		return;
	if (c->pending_ns == 0)
		c->pending_ns = now_ns;
	if (c->up) {
		if (fits(c))
			run_order(c);
		c->pending = false;
	} else if (now_ns - c->pending_ns > PROBE_RETURN_NS) {
		c->pending = false;
		probe_client_trouble_set(c, c->run_trouble,
					 "the session did not come back within %llu s",
					 PROBE_RETURN_NS / BASE_NS_PER_S);
	}
	if (!c->pending && c->ended == probe_tester_order(&c->tester))
		probe_client_measures(c, false);
}

/* While it is not up: why not, for people who wait. */
static void
watch_session(struct probe_client *c)
{
	struct link_session_info info;

	if (c->session == NULL || c->up)
		return;
	link_session_info(c->session, &info);
	pthread_mutex_lock(&c->lock);
	c->retries = info.retries;
	pthread_mutex_unlock(&c->lock);
	if (!info.up && info.why != LINK_WHY_NONE && info.why != LINK_WHY_LOCAL)
		tell_why(c, &info);
}

/* --- rounds --- */

unsigned int
probe_client_poll(struct probe_client *c, uint64_t now_ns)
{
	unsigned int work;

	if (!c->open && c->ended == probe_tester_order(&c->tester))
		return 0;
	watch_session(c);
	work = take_end(c);
	reopen(c);
	begin_pending(c, now_ns);
	probe_client_state_publish(c);
	return work;
}

unsigned int
probe_client_poll_data(struct probe_client *c, uint64_t now_ns)
{
	return probe_tester_poll(&c->tester, now_ns);
}
