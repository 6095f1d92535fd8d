/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a link test on two functions of one fabric in this process, driven in turns by one
 * thread: f[0] answers, f[1] asks. The clock is the real one, as the tester's is.
 */
#ifndef FWD_RIG_H
#define FWD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_log.h>

#include "fwd_priv.h"
#include "emulated.h"
#include "inproc.h"

#define RIG_ANSWERS 0
#define RIG_ASKS 1
#define RIG_SECONDS (emulated() ? 100u : 20u) /* what a busy machine may take for anything */

struct fwd_rig {
	struct inproc ip;
	struct link *l[2];
	struct fwd *f[2];
	uint64_t ahead_ns; /* the clock that is told to all but the tester's own looks */
	bool stalled; /* the answering end's data thread does nothing */
	bool control_stalled; /* the asking end's control does nothing */
};

static inline void
fwd_rig_round(struct fwd_rig *r)
{
	uint64_t now = base_now_ns() + r->ahead_ns;

	for (unsigned int i = 0; i < 2; i++) {
		if (i == RIG_ASKS && r->control_stalled)
			continue;
		link_poll(r->l[i], now);
		fwd_poll_control(r->f[i], now);
	}
	if (!r->stalled)
		fwd_poll_data(r->f[RIG_ANSWERS], now);
	fwd_poll_data(r->f[RIG_ASKS], now);
}

static inline enum fwd_state
fwd_rig_state(const struct fwd_rig *r)
{
	return fwd_state(r->f[RIG_ASKS]);
}

static inline void
fwd_rig_until(struct fwd_rig *r, enum fwd_state state)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	while (fwd_rig_state(r) != state && base_now_ns() < end)
		fwd_rig_round(r);
	if (fwd_rig_state(r) != state)
		fail_msg("state %d, not %d: %s", fwd_rig_state(r), state,
			 fwd_trouble(r->f[RIG_ASKS]));
}

static inline void
fwd_rig_set(struct fwd_rig *r, const char *name, const char *value)
{
	char err[256] = "";

	if (fwd_set(r->f[RIG_ASKS], name, value, err, sizeof(err)) != 0)
		fail_msg("set %s %s: %s", name, value, err);
}

static inline void
fwd_rig_set_number(struct fwd_rig *r, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	fwd_rig_set(r, name, text);
}

/* Both ends, no session. */
static inline void
fwd_rig_ends(struct fwd_rig *r, const struct inproc_conf *ip_conf)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(inproc_setup(&r->ip, ip_conf), 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_CRIT);
	for (unsigned int i = 0; i < 2; i++) {
		struct link_conf link_conf = { .dev_id = r->ip.dev_id[i], .keepalive_ms = 500 };
		struct fwd_conf conf = { .listen = i == RIG_ANSWERS, .allow_any = true };

		/* On a machine that stands still for a while, nobody shall be taken for dead. */
		link_conf.dead_ms = 60000;
		assert_int_equal(link_create(&link_conf, &r->l[i]), 0);
		conf.link = r->l[i];
		assert_int_equal(fwd_new(&conf, &r->f[i]), 0);
	}
}

static inline void
fwd_rig_open(struct fwd_rig *r)
{
	char err[256];

	assert_int_equal(fwd_open(r->f[RIG_ASKS], r->ip.gid[RIG_ANSWERS], err, sizeof(err)), 0);
	fwd_rig_until(r, FWD_READY);
}

static inline void
fwd_rig_up(struct fwd_rig *r, bool direct)
{
	fwd_rig_ends(r, &(struct inproc_conf){ .functions = 2, .direct = direct });
	fwd_rig_open(r);
}

static inline void
fwd_rig_start(struct fwd_rig *r)
{
	char err[256];

	if (fwd_start(r->f[RIG_ASKS], err, sizeof(err)) != 0)
		fail_msg("start: %s", err);
	assert_int_equal(fwd_rig_state(r), FWD_RUNNING);
}

/* One run of `count` messages to its end. */
static inline void
fwd_rig_run(struct fwd_rig *r, uint64_t count)
{
	fwd_rig_set_number(r, "count", count);
	fwd_rig_start(r);
	fwd_rig_until(r, FWD_READY);
}

static inline const struct fwd_tester_counts *
fwd_rig_counts(const struct fwd_rig *r)
{
	return &r->f[RIG_ASKS]->tester.counts;
}

static inline const struct fwd_received *
fwd_rig_received(const struct fwd_rig *r)
{
	return &r->f[RIG_ANSWERS]->answerer.counts;
}

static inline void
fwd_rig_down(struct fwd_rig *r)
{
	struct rte_pmd_ism_stats st;

	for (unsigned int i = 0; i < 2; i++)
		fwd_destroy(r->f[i]);
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
