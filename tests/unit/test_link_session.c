/* SPDX-License-Identifier: BSD-3-Clause */
/* How sessions come, go and come back: rendezvous, negotiation, refusal, close, restart. */
#include <errno.h>
#include <stdlib.h>

#include "link_rig.h"

static struct rig r;

static const struct inproc_conf two = { .functions = 2 };
static const struct inproc_conf three = { .functions = 3 };

static void
open_default(void)
{
	struct link_open_conf open = rig_open_conf(&r, 1, 8, 4096);

	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
}

static void
listen_default(void)
{
	assert_int_equal(rig_listen(&r, 16, 256, LINK_SLOT_MAX, LINK_FEATURE_DIGEST), 0);
}

static void
comes_up(void **state)
{
	struct link_session_info a, b;
	const uint8_t none[16] = { 0 };

	rig_up(&r, &two, 3, 64, 65536);
	a = rig_info(r.end[RIG_LISTENER].s);
	b = rig_info(r.opened);
	assert_true(a.rgid == r.ip.gid[RIG_INITIATOR] && b.rgid == r.ip.gid[RIG_LISTENER]);
	assert_true(!a.initiator && b.initiator && a.up && b.up);
	assert_int_equal(a.service, LINK_SERVICE_TEST);
	assert_int_equal(b.queues, 3);
	assert_int_equal(b.depth, 64);
	assert_int_equal(b.slot_size, 65536);
	assert_int_equal(a.queues, b.queues);
	assert_int_equal(a.depth, b.depth);
	assert_int_equal(a.slot_size, b.slot_size);
	assert_int_equal(a.version, 1);
	assert_int_equal(b.version, 1);
	assert_int_equal(a.ups, 1);
	assert_memory_equal(a.peer_epoch.boot, b.peer_epoch.boot, 16);
	assert_memory_not_equal(a.peer_epoch.boot, none, 16);
	assert_true(a.peer_epoch.process != b.peer_epoch.process);
	assert_null(link_session_queue(r.opened, 3));
	rig_down(&r);
}

/* The listener may offer less than what is asked for. */
static void
geometry_is_lowered(void **state)
{
	struct link_open_conf open;
	struct link_session_info a, b;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 2, 100, 10000, 0), 0);
	open = rig_open_conf(&r, 4, 128, 65536);
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 100);
	a = rig_info(r.end[RIG_LISTENER].s);
	b = rig_info(r.opened);
	assert_int_equal(b.queues, 2);
	assert_int_equal(b.depth, 64);
	assert_int_equal(b.slot_size, 8192);
	assert_int_equal(a.queues, 2);
	assert_int_equal(a.depth, 64);
	assert_int_equal(a.slot_size, 8192);
	rig_down(&r);
}

static void
features_are_agreed(void **state)
{
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0x5), 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.features = 0x6;
	open.required = 0x4;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 100);
	assert_int_equal(rig_info(r.opened).features, 0x4);
	assert_int_equal(rig_info(r.end[RIG_LISTENER].s).features, 0x4);
	rig_down(&r);
}

static void
required_feature_missing(void **state)
{
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0x1), 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.features = 0x3;
	open.required = 0x2;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 300);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 0);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_VERSION);
	assert_non_null(strstr(rig_info(r.opened).reason, "feature"));
	/* The listener was told, and keeps no half-open session. */
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	rig_down(&r);
}

static void
refused_with_its_reason(void **state)
{
	rig_links(&r, &two, NULL);
	listen_default();
	r.end[RIG_LISTENER].allow = -EACCES;
	r.end[RIG_LISTENER].refusal = "not on the list\x1b[31m\n";
	open_default();
	rig_pass(&r, 30);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_REFUSED);
	assert_string_equal(rig_info(r.opened).reason, "not on the list?[31m?");
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).refused, 1);
	/* Once it is allowed, the next attempt gets through. */
	r.end[RIG_LISTENER].allow = 0;
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 200);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_NONE);
	assert_string_equal(rig_info(r.opened).reason, "");
	rig_down(&r);
}

/* 50 ms, 100 ms, 200 ms, 400 ms, then 500 ms between attempts: 23 in ten seconds. */
static void
attempts_back_off(void **state)
{
	rig_links(&r, &two, NULL);
	listen_default();
	r.end[RIG_LISTENER].allow = -EACCES;
	open_default();
	rig_pass(&r, 10000);
	assert_in_range(r.end[RIG_LISTENER].asked, 22, 24);
	rig_down(&r);
}

/* A failed attempt is told to the listener in its DMB: no event is needed for it to forget. */
static void
failed_attempt_is_told(void **state)
{
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.features = 1;
	open.required = 1;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	r.now += BASE_NS_PER_MS;
	link_poll(r.l[RIG_INITIATOR], r.now);
	link_poll(r.l[RIG_LISTENER], r.now);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	assert_int_equal(inproc_fault(&r.ip, "event-lose:fn0:1"), 0);
	rig_pass(&r, 3);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_VERSION);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	rig_down(&r);
}

static void
refused_without_a_reason(void **state)
{
	rig_links(&r, &two, NULL);
	listen_default();
	r.end[RIG_LISTENER].allow = -EACCES;
	open_default();
	rig_pass(&r, 30);
	assert_string_equal(rig_info(r.opened).reason, "this GID is not allowed");
	rig_down(&r);
}

/* A GID that keeps calling is answered now and then, and nothing is kept for it. */
static void
refusals_are_limited(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_stats before, after;

	rig_links(&r, &two, NULL);
	listen_default();
	r.end[RIG_LISTENER].allow = -EACCES;
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], LINK_CTRL_SIZE, 0,
						  &dmb),
			 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &before);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0],
						    LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
						    link_event_info(dmb->token, LINK_SERVICE_TEST,
								    i + 1)),
				 0);
		if (i % 10 == 9)
			rig_pass(&r, 1);
	}
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &after);
	/* All are counted; what follows a refusal too closely is not even looked at. */
	assert_in_range(r.end[RIG_LISTENER].asked, 5, 7);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).refused +
				 rig_stats(&r, RIG_LISTENER).events_over,
			 1000);
	assert_in_range(rig_stats(&r, RIG_LISTENER).refused, 20, 60);
	/* 100 ms at one refusal (of two stores) every 20 ms. */
	assert_in_range(after.stores - before.stores, 8, 14);
	assert_int_equal(after.dmbs, 0);
	assert_int_equal(after.windows, 0);
	rte_pmd_ism_dmb_unregister(dmb);
	rig_down(&r);
}

static void
no_such_service(void **state)
{
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	listen_default();
	open = rig_open_conf(&r, 1, 8, 4096);
	open.service = LINK_SERVICE_CONS;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 30);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_NO_SERVICE);
	rig_down(&r);
}

static void
all_sessions_in_use(void **state)
{
	struct link_conf conf = { .sessions_max = 1 };
	struct link_session *s;
	struct link_open_conf open;
	struct rig_end end3 = { 0 };
	struct link *l3;

	rig_links(&r, &three, &conf);
	listen_default();
	open_default();
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 100);
	conf.dev_id = r.ip.dev_id[2];
	assert_int_equal(link_create(&conf, &l3), 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.arg = &end3;
	assert_int_equal(link_open(l3, &open, &s), 0);
	for (unsigned int i = 0; i < 30; i++) {
		rig_pass(&r, 1);
		link_poll(l3, r.now);
	}
	assert_int_equal(rig_info(s).why, LINK_WHY_BUSY);
	assert_int_equal(end3.ups, 0);
	assert_true(rig_info(r.opened).up);
	link_destroy(l3);
	rig_down(&r);
}

static void
bad_arguments(void **state)
{
	struct link_open_conf good, open;
	struct link_session *s;
	struct link *l;

	rig_links(&r, &two, NULL);
	listen_default();
	assert_int_equal(rig_listen(&r, 1, 8, 4096, 0), -EEXIST);
	assert_int_equal(link_create(&(struct link_conf){ .dev_id = 4711 }, &l), -ENODEV);
	assert_int_equal(link_create(&(struct link_conf){ .dev_id = r.ip.dev_id[0],
							  .keepalive_ms = 1000,
							  .dead_ms = 1000 },
				     &l),
			 -EINVAL);
	good = rig_open_conf(&r, 1, 8, 4096);
	open = good;
	open.queues = 0;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open.queues = LINK_QUEUES_MAX + 1;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.depth = 1;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open.depth = 12;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open.depth = 512;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.slot_size = 5000;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.required = 1;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.retry_max_ms = LINK_RETRY_MAX_MS + 1;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.retry_min_ms = LINK_RETRY_MAX_MS + 1;
	assert_int_equal(link_open(r.l[1], &open, &s), -EINVAL);
	open = good;
	open.rgid = r.ip.gid[1];
	assert_int_equal(link_open(r.l[1], &open, &s), -EADDRINUSE);
	assert_int_equal(link_open(r.l[1], &good, &s), 0);
	assert_int_equal(link_open(r.l[1], &good, &s), -EEXIST);
	rig_down(&r);
}

static void
unknown_gid(void **state)
{
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.rgid = 0xdead;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_pass(&r, 2);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_UNREACHABLE);
	rig_down(&r);
}

/* Nobody listens at first; the call is repeated, and answered when somebody does. */
static void
nobody_answers_at_first(void **state)
{
	struct link *listener;

	rig_links(&r, &two, NULL);
	listen_default();
	open_default();
	listener = r.l[RIG_LISTENER];
	r.l[RIG_LISTENER] = NULL;
	rig_pass(&r, 950);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).hello_retries, 3);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_NONE);
	rig_pass(&r, 100);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_TIMEOUT);
	r.l[RIG_LISTENER] = listener;
	/* Stale calls are in the event queue: they lead nowhere and do no harm. */
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 3000);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 0);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	rig_down(&r);
}

/* An answer that comes too late for one attempt may come in time for the next. */
static void
attempts_become_longer(void **state)
{
	struct link *listener;

	rig_links(&r, &two, NULL);
	listen_default();
	open_default();
	listener = r.l[RIG_LISTENER];
	r.l[RIG_LISTENER] = NULL;
	rig_pass(&r, 2900); /* 1000 ms, a pause of 50, and most of 2000 */
	assert_int_equal(rig_info(r.opened).errors[LINK_WHY_TIMEOUT], 1);
	rig_pass(&r, 300);
	assert_int_equal(rig_info(r.opened).errors[LINK_WHY_TIMEOUT], 2);
	rig_pass(&r, 4 * 1000 + 8 * 1000 + 2 * 16 * 1000);
	assert_int_equal(rig_info(r.opened).errors[LINK_WHY_TIMEOUT], 5);
	r.l[RIG_LISTENER] = listener;
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 1000);
	rig_down(&r);
}

/* Keepalives go both ways for ever, and leave both ends idle. */
static void
keepalives_are_no_work(void **state)
{
	uint64_t sent[2], until;
	unsigned int i, work = 0;

	rig_up(&r, &two, 1, 8, 4096);
	rig_pass(&r, 100);
	for (i = 0; i < 2; i++)
		sent[i] = rig_stats(&r, i).keepalives_sent;
	for (until = r.now + 3 * BASE_NS_PER_S; r.now < until; r.now += BASE_NS_PER_MS) {
		for (i = 0; i < 2; i++)
			work += link_poll(r.l[i], r.now);
	}
	assert_int_equal(work, 0);
	for (i = 0; i < 2; i++)
		assert_in_range(rig_stats(&r, i).keepalives_sent - sent[i], 2, 4);
	rig_down(&r);
}

static void
lost_events_are_repeated(void **state)
{
	rig_links(&r, &two, NULL);
	assert_int_equal(inproc_fault(&r.ip, "event-lose:fn0:1"), 0);
	listen_default();
	open_default();
	rig_pass(&r, 250);
	assert_int_equal(r.end[RIG_LISTENER].asked, 0);
	assert_int_equal(inproc_fault(&r.ip, "event-lose:fn0:1000000"), 0);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 120);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).hello_retries, 2);
	rig_down(&r);
}

static void
garbage_events_are_ignored(void **state)
{
	static const uint32_t code[] = { 0, 0x80, 0x83, 0x49530102, 0x49530201, 0xffffffff };

	rig_links(&r, &two, NULL);
	listen_default();
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0], code[i],
						    UINT64_C(0x0102030405060708)),
				 0);
		rig_pass(&r, 1);
	}
	/* Ours, but with token, nonce or service 0. */
	rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0], LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
			   link_event_info(0, 3, 1));
	rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0], LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
			   link_event_info(UINT64_C(1) << 40, 3, 0));
	rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0], LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
			   link_event_info(UINT64_C(1) << 40, 0, 1));
	rig_pass(&r, 1);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).events_ignored, 9);
	assert_int_equal(r.end[RIG_LISTENER].asked, 0);
	rig_down(&r);
}

static void
closed_by_the_initiator(void **state)
{
	rig_up(&r, &two, 1, 8, 4096);
	link_session_set_priv(r.opened, &r);
	assert_ptr_equal(link_session_priv(r.opened), &r);
	link_queue_detach(rig_queue(&r, RIG_INITIATOR, 0));
	link_session_close(r.opened, "good \x07 night");
	r.end[RIG_INITIATOR].s = NULL;
	rig_until(&r, &r.end[RIG_LISTENER].frees, 1, 100);
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	assert_int_equal(r.end[RIG_LISTENER].why, LINK_WHY_CLOSED);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 0);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).sessions, 0);
	/* And again, to the same peer. */
	open_default();
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 100);
	rig_down(&r);
}

static void
closed_by_the_listener(void **state)
{
	rig_up(&r, &two, 1, 8, 4096);
	link_queue_detach(rig_queue(&r, RIG_LISTENER, 0));
	link_session_close(r.end[RIG_LISTENER].s, "enough");
	rig_until(&r, &r.end[RIG_LISTENER].frees, 1, 30);
	assert_int_equal(r.end[RIG_LISTENER].downs, 0);
	assert_int_equal(r.end[RIG_LISTENER].frees, 1);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	assert_int_equal(r.end[RIG_INITIATOR].why, LINK_WHY_CLOSED);
	assert_string_equal(rig_info(r.opened).reason, "enough");
	/* It comes back by itself. */
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 100);
	assert_int_equal(rig_info(r.opened).ups, 2);
	rig_down(&r);
}

static void
close_before_it_was_up(void **state)
{
	rig_links(&r, &two, NULL);
	open_default();
	link_session_close(r.opened, "changed my mind");
	rig_pass(&r, 1);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).sessions, 0);
	listen_default();
	open_default();
	r.now += BASE_NS_PER_MS;
	link_poll(r.l[RIG_INITIATOR], r.now); /* called */
	link_poll(r.l[RIG_LISTENER], r.now); /* HELLO */
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	link_poll(r.l[RIG_INITIATOR], r.now); /* CONNECT */
	link_session_close(r.opened, "changed my mind again");
	rig_pass(&r, 3);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).sessions, 0);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	rig_down(&r);
}

static void
close_at_once(void *arg, struct link_session *s)
{
	rig_on_up(arg, s);
	link_queue_detach(link_session_queue(s, 0));
	link_session_close(s, "at once");
}

static void
close_as_well(void *arg, struct link_session *s, enum link_why why)
{
	rig_on_down(arg, s, why);
	link_session_close(s, "as well");
}

/* Callbacks may close the session that they are called for: when it comes up... */
static void
closed_when_it_came_up(void **state)
{
	static const struct link_session_ops ups = { .on_up = close_at_once,
						     .on_down = rig_on_down,
						     .on_free = rig_on_free };

	rig_links(&r, &two, NULL);
	assert_int_equal(link_listen(r.l[RIG_LISTENER],
				     &(struct link_listen_conf){
					     .service = LINK_SERVICE_TEST,
					     .queues_max = 1,
					     .depth_max = 8,
					     .slot_max = 4096,
					     .may_connect = rig_may_connect,
					     .ops = &ups,
					     .arg = &r.end[RIG_LISTENER],
				     }),
			 0);
	open_default();
	rig_pass(&r, 3000);
	/* The other one does not come back at once each time, but as after failed attempts. */
	assert_in_range(r.end[RIG_LISTENER].ups, 2, 10);
	assert_int_equal(r.end[RIG_LISTENER].downs, 0);
	assert_int_equal(r.end[RIG_LISTENER].ups, r.end[RIG_LISTENER].frees);
	assert_int_equal(r.end[RIG_INITIATOR].ups, r.end[RIG_INITIATOR].downs);
	rig_down(&r);
}

/* ...and when it goes down: then there is no next attempt. */
static void
closed_when_it_went_down(void **state)
{
	static const struct link_session_ops downs = { .on_up = rig_on_up,
						       .on_down = close_as_well };
	struct link_open_conf open;

	rig_links(&r, &two, NULL);
	listen_default();
	open = rig_open_conf(&r, 1, 8, 4096);
	open.ops = &downs;
	assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 100);
	link_queue_detach(rig_queue(&r, RIG_LISTENER, 0));
	link_session_close(r.end[RIG_LISTENER].s, "enough");
	rig_pass(&r, 3000);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	assert_int_equal(r.end[RIG_INITIATOR].ups, 1);
	assert_int_equal(rig_stats(&r, RIG_INITIATOR).sessions, 0);
	r.end[RIG_INITIATOR].s = NULL;
	rig_down(&r);
}

static void
half_open_sessions_time_out(void **state)
{
	struct link *initiator;

	rig_links(&r, &two, NULL);
	listen_default();
	open_default();
	r.now += BASE_NS_PER_MS;
	link_poll(r.l[RIG_INITIATOR], r.now);
	initiator = r.l[RIG_INITIATOR];
	r.l[RIG_INITIATOR] = NULL;
	rig_pass(&r, 1);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	rig_pass(&r, 1990);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	rig_pass(&r, 20);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	assert_int_equal(r.end[RIG_LISTENER].ups, 0);
	r.l[RIG_INITIATOR] = initiator;
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 1500);
	rig_down(&r);
}

static void
unlisten_closes(void **state)
{
	rig_up(&r, &two, 1, 8, 4096);
	link_queue_detach(rig_queue(&r, RIG_LISTENER, 0));
	link_unlisten(r.l[RIG_LISTENER], LINK_SERVICE_TEST);
	r.end[RIG_LISTENER].s = NULL;
	assert_int_equal(r.end[RIG_LISTENER].downs + r.end[RIG_LISTENER].frees, 0);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 0);
	rig_pass(&r, 2);
	assert_int_equal(r.end[RIG_INITIATOR].downs, 1);
	rig_pass(&r, 50);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_NO_SERVICE);
	listen_default();
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 2100);
	rig_down(&r);
}

static void
notices_travel(void **state)
{
	uint64_t sent;

	rig_up(&r, &two, 1, 8, 4096);
	link_session_set_notice(r.end[RIG_LISTENER].s, 7);
	rig_pass(&r, 1);
	assert_int_equal(r.end[RIG_INITIATOR].notices, 1);
	assert_int_equal(r.end[RIG_INITIATOR].notice, 7);
	link_session_set_notice(r.end[RIG_LISTENER].s, 7); /* no change */
	rig_pass(&r, 5);
	assert_int_equal(r.end[RIG_INITIATOR].notices, 1);
	link_session_set_notice(r.end[RIG_LISTENER].s, 8);
	link_session_set_notice(r.end[RIG_LISTENER].s, 0xffffffff);
	link_session_set_notice(r.opened, 1);
	rig_pass(&r, 2);
	assert_int_equal(r.end[RIG_INITIATOR].notices, 2);
	assert_int_equal(r.end[RIG_INITIATOR].notice, 0xffffffff);
	assert_int_equal(r.end[RIG_LISTENER].notice, 1);
	/* Each change cost one store, not one in every round from now on. */
	sent = rig_info(r.opened).keepalives_sent;
	rig_pass(&r, 500);
	assert_in_range(rig_info(r.opened).keepalives_sent, sent, sent + 1);
	rig_down(&r);
}

/*
 * The client is killed and starts again while its old session still looks alive: the new one takes
 * its place at once, but not before the last request of the old one has ended.
 */
static void
restarted_client_takes_over(void **state)
{
	struct link_conf conf = { 0 };
	struct link_session *old, *fresh;
	struct link_open_conf open;
	struct rig_end end = { .attach = true };
	struct link *again;
	struct link_queue *busy;

	rig_up(&r, &two, 1, 8, 4096);
	old = r.end[RIG_LISTENER].s;
	busy = rig_queue(&r, RIG_LISTENER, 0);
	r.end[RIG_LISTENER].attach = false; /* its data thread is slow to let go */
	conf.dev_id = r.ip.dev_id[RIG_INITIATOR];
	assert_int_equal(link_create(&conf, &again), 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.arg = &end;
	assert_int_equal(link_open(again, &open, &fresh), 0);
	for (unsigned int i = 0; i < 50; i++) {
		r.now += BASE_NS_PER_MS;
		link_poll(again, r.now);
		link_poll(r.l[RIG_LISTENER], r.now);
	}
	assert_int_equal(r.end[RIG_LISTENER].downs, 1);
	assert_int_equal(r.end[RIG_LISTENER].frees, 0);
	assert_ptr_equal(r.end[RIG_LISTENER].s, old);
	assert_int_equal(link_queue_state(busy), LINK_QUEUE_BROKEN);
	assert_int_equal(end.ups, 0);
	link_queue_detach(busy);
	for (unsigned int i = 0; i < 5; i++) {
		r.now += BASE_NS_PER_MS;
		link_poll(r.l[RIG_LISTENER], r.now);
		link_poll(again, r.now);
	}
	assert_int_equal(end.ups, 1);
	assert_int_equal(r.end[RIG_LISTENER].frees, 1);
	assert_int_equal(r.end[RIG_LISTENER].ups, 2);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 1);
	link_queue_detach(link_session_queue(fresh, 0));
	link_destroy(again);
	rig_down(&r);
}

static void
count_session(void *arg, struct link_session *s)
{
	(*(unsigned int *)arg)++;
}

/* Two services, and both directions, between the same two GIDs. */
static void
sessions_side_by_side(void **state)
{
	struct rig_end back_l = { .attach = true }, back_i = { .attach = true };
	struct link_open_conf open;
	struct link_session *s;
	unsigned int count = 0;

	rig_up(&r, &two, 1, 8, 4096);
	assert_int_equal(link_listen(r.l[RIG_INITIATOR],
				     &(struct link_listen_conf){
					     .service = LINK_SERVICE_TEST,
					     .queues_max = 1,
					     .depth_max = 8,
					     .slot_max = 4096,
					     .may_connect = rig_may_connect,
					     .ops = &rig_ops,
					     .arg = &back_l,
				     }),
			 0);
	open = rig_open_conf(&r, 1, 8, 4096);
	open.rgid = r.ip.gid[RIG_INITIATOR];
	open.arg = &back_i;
	assert_int_equal(link_open(r.l[RIG_LISTENER], &open, &s), 0);
	rig_until(&r, &back_i.ups, 1, 100);
	link_session_each(r.l[RIG_LISTENER], count_session, &count);
	assert_int_equal(count, 2);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 2);
	assert_int_equal(r.end[RIG_LISTENER].downs + r.end[RIG_INITIATOR].downs, 0);
	link_queue_detach(link_session_queue(s, 0));
	link_queue_detach(link_session_queue(back_l.s, 0));
	rig_down(&r);
}

/* Nothing is left behind, however often a session comes and goes. */
static void
thousand_times(void **state)
{
	struct rte_pmd_ism_stats st[2], now;

	rig_up(&r, &two, 2, 8, 4096);
	for (unsigned int i = 0; i < 2; i++)
		rte_pmd_ism_stats_get(r.ip.dev_id[i], &st[i]);
	for (unsigned int n = 0; n < 1000; n++) {
		unsigned int end = n & 1;
		struct link_session *s = r.end[end].s;

		link_queue_detach(link_session_queue(s, 0));
		link_queue_detach(link_session_queue(s, 1));
		link_session_close(s, "once more");
		r.end[end].s = NULL;
		if (end == RIG_INITIATOR) {
			struct link_open_conf open = rig_open_conf(&r, 2, 8, 4096);

			assert_int_equal(link_open(r.l[RIG_INITIATOR], &open, &r.opened), 0);
		}
		/* Who comes and goes so fast is made to wait. */
		rig_until(&r, &r.end[RIG_INITIATOR].ups, n + 2, 3000);
		assert_int_equal(r.end[RIG_LISTENER].ups, n + 2);
	}
	rig_until(&r, &r.end[RIG_LISTENER].frees, 1000, 100);
	rig_pass(&r, 2);
	for (unsigned int i = 0; i < 2; i++) {
		rte_pmd_ism_stats_get(r.ip.dev_id[i], &now);
		assert_int_equal(now.dmbs, st[i].dmbs);
		assert_int_equal(now.dmb_bytes, st[i].dmb_bytes);
		assert_int_equal(now.windows, st[i].windows);
	}
	assert_int_equal(r.end[RIG_LISTENER].frees, 1000);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_up),
		cmocka_unit_test(geometry_is_lowered),
		cmocka_unit_test(features_are_agreed),
		cmocka_unit_test(required_feature_missing),
		cmocka_unit_test(refused_with_its_reason),
		cmocka_unit_test(refused_without_a_reason),
		cmocka_unit_test(attempts_back_off),
		cmocka_unit_test(failed_attempt_is_told),
		cmocka_unit_test(refusals_are_limited),
		cmocka_unit_test(no_such_service),
		cmocka_unit_test(all_sessions_in_use),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(unknown_gid),
		cmocka_unit_test(nobody_answers_at_first),
		cmocka_unit_test(attempts_become_longer),
		cmocka_unit_test(keepalives_are_no_work),
		cmocka_unit_test(lost_events_are_repeated),
		cmocka_unit_test(garbage_events_are_ignored),
		cmocka_unit_test(closed_by_the_initiator),
		cmocka_unit_test(closed_by_the_listener),
		cmocka_unit_test(close_before_it_was_up),
		cmocka_unit_test(closed_when_it_came_up),
		cmocka_unit_test(closed_when_it_went_down),
		cmocka_unit_test(half_open_sessions_time_out),
		cmocka_unit_test(unlisten_closes),
		cmocka_unit_test(notices_travel),
		cmocka_unit_test(restarted_client_takes_over),
		cmocka_unit_test(sessions_side_by_side),
		cmocka_unit_test(thousand_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
