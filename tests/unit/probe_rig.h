/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a link test on two functions of one fabric in this process, driven in turns by one
 * thread: srv[0] answers, c[1] asks. The clock is the real one, as the tester's is.
 */
#ifndef PROBE_RIG_H
#define PROBE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_log.h>

#include "emulated.h"
#include "inproc.h"
#include "probe_client_priv.h"
#include "probe_server_priv.h"
#include "rte_pmd_ism.h"

#define RIG_ANSWERS 0
#define RIG_ASKS 1
#define RIG_ROUND_MAX (64u << 10) /* of a shared worker */
#define RIG_SECONDS (emulated() ? 100u : 20u) /* what a busy machine may take for anything */

struct probe_rig {
	struct inproc ip;
	struct link *l[2];
	struct probe_server *srv[2]; /* NULL: does not answer */
	struct probe_client *c[2];
	bool shared; /* others need the data threads of both ends */
	uint64_t ahead_ns; /* the clock that is told to all but the tester's own looks */
	bool stalled; /* the answering end's data thread does nothing */
	bool control_stalled; /* the asking end's control does nothing */
};

/* A round of the data thread of that side. */
static inline void
probe_rig_data(struct probe_rig *r, unsigned int i, uint64_t now)
{
	probe_client_poll_data(r->c[i], now);
	if (r->srv[i] != NULL)
		probe_worker_poll(probe_server_worker(r->srv[i], 0), now);
}

static inline void
probe_rig_round(struct probe_rig *r)
{
	uint64_t now = base_now_ns() + r->ahead_ns;

	for (unsigned int i = 0; i < 2; i++) {
		if (i == RIG_ASKS && r->control_stalled)
			continue;
		link_poll(r->l[i], now);
		probe_client_poll(r->c[i], now);
	}
	if (!r->stalled)
		probe_rig_data(r, RIG_ANSWERS, now);
	probe_rig_data(r, RIG_ASKS, now);
}

static inline enum probe_state
probe_rig_state(const struct probe_rig *r)
{
	return probe_client_state(r->c[RIG_ASKS]);
}

static inline void
probe_rig_until(struct probe_rig *r, enum probe_state state)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	while (probe_rig_state(r) != state && base_now_ns() < end)
		probe_rig_round(r);
	if (probe_rig_state(r) != state)
		fail_msg("state %d, not %d: %s", probe_rig_state(r), state,
			 probe_client_trouble(r->c[RIG_ASKS]));
}

static inline void
probe_rig_set(struct probe_rig *r, const char *name, const char *value)
{
	char err[256] = "";

	if (probe_client_set(r->c[RIG_ASKS], name, value, err, sizeof(err)) != 0)
		fail_msg("set %s %s: %s", name, value, err);
}

static inline void
probe_rig_set_number(struct probe_rig *r, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	probe_rig_set(r, name, text);
}

/* From now on that side answers those; nobody any more with NULL. */
static inline void
probe_rig_answer(struct probe_rig *r, unsigned int i, const struct base_allow *allow)
{
	struct probe_server_conf conf = { .link = r->l[i], .workers = 1 };

	probe_server_destroy(r->srv[i]);
	r->srv[i] = NULL;
	if (allow == NULL)
		return;
	conf.allow = *allow;
	conf.round_max = r->shared ? RIG_ROUND_MAX : 0;
	assert_int_equal(probe_server_create(&conf, &r->srv[i]), 0);
}

/* Both ends, no session. */
static inline void
probe_rig_ends(struct probe_rig *r, const struct inproc_conf *ip_conf)
{
	bool shared = r->shared;

	memset(r, 0, sizeof(*r));
	r->shared = shared;
	assert_int_equal(inproc_setup(&r->ip, ip_conf), 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_CRIT);
	for (unsigned int i = 0; i < 2; i++) {
		struct link_conf link_conf = { .dev_id = r->ip.dev_id[i], .keepalive_ms = 500 };
		struct probe_client_conf conf = { .shared = shared };

		/* On a machine that stands still for a while, nobody shall be taken for dead. */
		link_conf.dead_ms = 60000;
		assert_int_equal(link_create(&link_conf, &r->l[i]), 0);
		conf.link = r->l[i];
		assert_int_equal(probe_client_create(&conf, &r->c[i]), 0);
	}
	probe_rig_answer(r, RIG_ANSWERS, &(struct base_allow){ .any = true });
}

static inline void
probe_rig_open(struct probe_rig *r)
{
	char err[256];

	assert_int_equal(probe_client_open(r->c[RIG_ASKS], r->ip.gid[RIG_ANSWERS], err,
					   sizeof(err)),
			 0);
	probe_rig_until(r, PROBE_READY);
}

static inline void
probe_rig_up(struct probe_rig *r, bool direct)
{
	probe_rig_ends(r, &(struct inproc_conf){ .functions = 2, .direct = direct });
	probe_rig_open(r);
}

static inline void
probe_rig_start(struct probe_rig *r)
{
	char err[256];

	if (probe_client_start(r->c[RIG_ASKS], err, sizeof(err)) != 0)
		fail_msg("start: %s", err);
	assert_int_equal(probe_rig_state(r), PROBE_RUNNING);
}

/* One run of `count` messages to its end. */
static inline void
probe_rig_run(struct probe_rig *r, uint64_t count)
{
	probe_rig_set_number(r, "count", count);
	probe_rig_start(r);
	probe_rig_until(r, PROBE_READY);
}

static inline const struct probe_tester_counts *
probe_rig_counts(const struct probe_rig *r)
{
	return &r->c[RIG_ASKS]->tester.counts;
}

static inline const struct probe_testee_counts *
probe_rig_received(const struct probe_rig *r)
{
	return &r->srv[RIG_ANSWERS]->workers[0].counts;
}

static inline void
probe_rig_down(struct probe_rig *r)
{
	struct rte_pmd_ism_stats st;

	for (unsigned int i = 0; i < 2; i++) {
		probe_client_destroy(r->c[i]);
		probe_server_destroy(r->srv[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		link_destroy(r->l[i]);
		if (rte_pmd_ism_stats_get(r->ip.dev_id[i], &st) != 0)
			continue;
		assert_int_equal(st.dmbs, 0);
		assert_int_equal(st.windows, 0);
	}
	inproc_teardown(&r->ip);
}

#endif
