/* SPDX-License-Identifier: BSD-3-Clause */
/* A link: creation, the control round, events, loss and return of the function. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_random.h>

#include "base_tel.h"
#include "link_priv.h"

#define EVENTS_BURST 16
#define EVENTS_ROUNDS 4
#define SESSIONS_MAX 1024
#define STEPS_MIN 16 /* sessions looked at in a round at least */
#define SWEEP_NS (2 * BASE_NS_PER_MS) /* and all of them this often */
#define OPEN_MAX 256 /* sessions opened by us */

RTE_LOG_REGISTER(link_logtype, lib.ism.link, NOTICE);

/* The boot id as the kernel prints it: 32 hex digits with dashes. Left 0 where there is none. */
static void
boot_id_read(uint8_t boot[16])
{
	char text[64] = "";
	unsigned int digits = 0;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f == NULL)
		return;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	for (const char *p = text; *p != '\0' && digits < 32; p++) {
		unsigned int nibble;

		if (sscanf(p, "%1x", &nibble) != 1 || *p == '-' || *p == ' ' || *p == '\n')
			continue;
		boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | nibble);
		digits++;
	}
}

static void
epoch_default(struct link_epoch *epoch)
{
	static const struct link_epoch none;

	if (memcmp(epoch, &none, sizeof(none)) != 0)
		return;
	boot_id_read(epoch->boot);
	if (getrandom(&epoch->process, sizeof(epoch->process), 0) != sizeof(epoch->process))
		epoch->process = rte_rand();
}

static int
conf_check(struct link_conf *conf)
{
	if (conf->keepalive_ms == 0)
		conf->keepalive_ms = LINK_KEEPALIVE_DEFAULT_MS;
	if (conf->dead_ms == 0)
		conf->dead_ms = LINK_DEAD_DEFAULT * conf->keepalive_ms;
	if (conf->sessions_max == 0)
		conf->sessions_max = LINK_SESSIONS_DEFAULT;
	if (conf->keepalive_ms < 10 || conf->keepalive_ms > 60000 ||
	    conf->dead_ms < 2 * conf->keepalive_ms || conf->sessions_max > SESSIONS_MAX ||
	    conf->vlan > 4094)
		return -EINVAL;
	epoch_default(&conf->epoch);
	return 0;
}

int
link_create(const struct link_conf *conf, struct link **out)
{
	struct link *link = calloc(1, sizeof(*link));
	int ret = -ENOMEM;

	if (link == NULL)
		return -ENOMEM;
	link->conf = *conf;
	TAILQ_INIT(&link->sessions);
	TAILQ_INIT(&link->free);
	TAILQ_INIT(&link->slices);
	TAILQ_INIT(&link->ages);
	rte_spinlock_init(&link->lock);
	ret = conf_check(&link->conf);
	if (ret != 0)
		goto free_link;
	ret = rte_pmd_ism_info_get(conf->dev_id, &link->info);
	if (ret != 0)
		goto free_link;
	ret = -ENOMEM;
	link->accepted = calloc(link->conf.sessions_max, sizeof(link->accepted[0]));
	/* 2 MiB of bits; only the pages that hold tokens in use ever become memory. */
	link->tokens = calloc((1u << LINK_TOKEN_BITS) / 64, sizeof(link->tokens[0]));
	if (link->accepted == NULL || link->tokens == NULL)
		goto free_tables;
	for (uint32_t i = link->conf.sessions_max; i > 0; i--) {
		link->accepted[i - 1].link = link;
		TAILQ_INSERT_HEAD(&link->free, &link->accepted[i - 1], entry);
	}
	link_telemetry_add(link);
	*out = link;
	return 0;

free_tables:
	free(link->tokens);
	free(link->accepted);
free_link:
	free(link);
	return ret;
}

static void
free_now(struct link_session *s)
{
	if (s->initiator)
		link_call_free(s);
	else
		link_listen_free_now(s);
}

void
link_destroy(struct link *link)
{
	struct link_session *s, *next;

	if (link == NULL)
		return;
	link_telemetry_remove(link);
	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next) {
		link_session_close(s, "the program is leaving");
		s->told = false; /* no callback from here */
		s->next_call.valid = false;
		free_now(s);
	}
	link_callers_free(link);
	for (uint32_t i = 0; i < link->conf.sessions_max; i++)
		free(link->accepted[i].queues);
	free(link->accepted);
	free(link->tokens);
	free(link);
}

uint16_t
link_dev_id(const struct link *link)
{
	return link->conf.dev_id;
}

const struct link_epoch *
link_epoch(const struct link *link)
{
	return &link->conf.epoch;
}

uint32_t
link_dead_ms(const struct link *link)
{
	return link->conf.dead_ms;
}

static int
open_check(const struct link *link, const struct link_open_conf *conf)
{
	if (conf->rgid == 0 || conf->ops == NULL || conf->ops->on_up == NULL ||
	    conf->ops->on_down == NULL || !link_service_known(conf->service))
		return -EINVAL;
	if (conf->queues == 0 || conf->queues > LINK_QUEUES_MAX || conf->depth < 2 ||
	    conf->depth > LINK_DEPTH_MAX || !rte_is_power_of_2(conf->depth))
		return -EINVAL;
	if (conf->slot_size == 0 || conf->slot_size % LINK_RING_ALIGN != 0 ||
	    conf->slot_size > LINK_SLOT_MAX || (conf->required & ~conf->features) != 0)
		return -EINVAL;
	if (conf->retry_min_ms > LINK_RETRY_MAX_MS || conf->retry_max_ms > LINK_RETRY_MAX_MS)
		return -EINVAL;
	if (conf->rgid == link->info.gid)
		return -EADDRINUSE;
	return 0;
}

int
link_open(struct link *link, const struct link_open_conf *conf, struct link_session **out)
{
	struct link_session *s;
	int ret = open_check(link, conf);

	if (ret != 0)
		return ret;
	if (link_session_find(link, conf->rgid, (uint8_t)conf->service, true) != NULL)
		return -EEXIST;
	if (link->opened >= OPEN_MAX)
		return -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->queues = link_queues_alloc(s);
	if (s->queues == NULL) {
		free(s);
		return -ENOMEM;
	}
	s->link = link;
	s->ops = conf->ops;
	s->arg = conf->arg;
	s->initiator = true;
	s->rgid = conf->rgid;
	s->service = (uint8_t)conf->service;
	s->open = *conf;
	if (s->open.retry_min_ms == 0)
		s->open.retry_min_ms = LINK_RETRY_MIN_DEFAULT_MS;
	if (s->open.retry_max_ms == 0)
		s->open.retry_max_ms = LINK_RETRY_MAX_DEFAULT_MS;
	s->open.retry_max_ms = RTE_MAX(s->open.retry_max_ms, s->open.retry_min_ms);
	if (s->open.attempt_ms == 0)
		s->open.attempt_ms = LINK_ATTEMPT_DEFAULT_MS;
	s->backoff_ms = s->open.retry_min_ms;
	s->attempt_ms = s->open.attempt_ms;
	link->opened++;
	link_session_insert(s, LINK_IDLE);
	*out = s;
	return 0;
}

static bool
all_released(const struct link *link)
{
	const struct link_session *s;

	TAILQ_FOREACH(s, &link->sessions, entry) {
		if (s->phase != LINK_IDLE)
			return false;
	}
	return true;
}

/* Bring the function back, once nothing of before is left. */
static unsigned int
reopen(struct link *link)
{
	struct rte_pmd_ism_info info;
	int ret;

	if (link->now_ns < link->reopen_ns || !all_released(link))
		return 0;
	ret = rte_pmd_ism_reopen(link->conf.dev_id);
	if (ret == 0)
		ret = rte_pmd_ism_info_get(link->conf.dev_id, &info);
	if (ret != 0) {
		link->reopen_step_ns = RTE_MIN(link->reopen_step_ns * 2, LINK_REOPEN_MAX_NS);
		link->reopen_ns = link->now_ns + link->reopen_step_ns;
		return 1;
	}
	rte_spinlock_lock(&link->lock);
	link->info = info; /* its GID may be another one */
	rte_spinlock_unlock(&link->lock);
	link->lost = false;
	LINK_LOG(WARNING, "function %s is back", link->info.path);
	return 1;
}

/* The fabric says that the peer, or a DMB of the session, is gone. UP, GREETING, PREPARING. */
static void
gone(struct link_session *s)
{
	if (s->phase == LINK_UP)
		link_session_lose(s, LINK_WHY_REVOKED, NULL,
				  link_status_from_why(LINK_WHY_REVOKED));
	else
		link_listen_release(s);
}

/* A DMB that a session uses, or a peer, is gone: no need to wait for a store to fail. */
static void
gone_event(struct link *link, const struct rte_pmd_ism_event *ev)
{
	bool device = ev->type == RTE_PMD_ISM_EVENT_DEVICE;
	struct link_session *s, *next;

	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next) {
		bool hit = s->phase == LINK_UP || s->phase == LINK_GREETING ||
			   s->phase == LINK_PREPARING;

		if (device)
			hit = hit && s->rgid == ev->tok;
		else
			hit = hit && link_mem_has_token(s, ev->tok);
		if (hit)
			gone(s);
	}
}

static unsigned int
events(struct link *link)
{
	struct rte_pmd_ism_event ev[EVENTS_BURST];
	unsigned int work = 0;
	int n = EVENTS_BURST;

	for (unsigned int round = 0; round < EVENTS_ROUNDS && n == EVENTS_BURST; round++) {
		n = rte_pmd_ism_events(link->conf.dev_id, ev, EVENTS_BURST);
		if (n < 0) {
			link_set_lost(link);
			return work;
		}
		for (int i = 0; i < n; i++) {
			if (ev[i].type != RTE_PMD_ISM_EVENT_SOFTWARE)
				gone_event(link, &ev[i]);
			else if (!link_listen_event(link, ev[i].tok, ev[i].code, ev[i].info))
				base_count(&link->stats.events_ignored, 1);
		}
		work += (unsigned int)n;
	}
	return work;
}

/* --- rounds: what each phase does --- */

static unsigned int
dying_step(struct link_session *s)
{
	for (unsigned int i = 0; i < s->geo.queues; i++) {
		if (!link_word_gone(&s->queues[i].word))
			return 0;
	}
	for (unsigned int i = 0; i < s->geo.queues; i++)
		link_word_set(&s->queues[i].word, LINK_QUEUE_DOWN);
	if (!s->initiator)
		link_listen_release(s);
	else if (s->closing)
		link_call_free(s);
	else
		link_call_idle(s, true);
	return 1;
}

static unsigned int
step(struct link_session *s, uint64_t now_ns)
{
	switch (s->phase) {
	case LINK_UP:
		return link_session_watch(s, now_ns);
	case LINK_DYING:
		return dying_step(s);
	case LINK_IDLE:
	case LINK_CALLING:
	case LINK_CONNECTING:
		return link_call_step(s, now_ns);
	case LINK_GREETING:
		return link_listen_step(s, now_ns);
	case LINK_CALLED: /* link_slice.c has them */
	case LINK_PREPARING:
	case LINK_RELEASING:
	case LINK_FREE:
		break;
	}
	return 0;
}

/* What has its turn here is in another phase afterwards, or has one piece less to do. */
static void
piece(struct link_session *s, uint64_t now_ns)
{
	switch (s->phase) {
	case LINK_CALLED:
		link_slice_remove(s);
		link_listen_greet(s);
		break;
	case LINK_PREPARING:
		link_listen_prepare(s, now_ns);
		break;
	case LINK_RELEASING:
		if (!link_mem_give_piece(s))
			link_listen_free_now(s);
		break;
	default:
		assert(false);
		link_slice_remove(s);
		break;
	}
}

/*
 * Time in which nobody called link_poll() (the process was stopped, the machine suspended) is no
 * silence of the peers.
 */
static void
forgive_gap(struct link *link, uint64_t now_ns)
{
	uint64_t gap = now_ns - link->now_ns;
	struct link_session *s;

	if (link->now_ns == 0 || now_ns < link->now_ns ||
	    gap < link->conf.dead_ms * BASE_NS_PER_MS / 2)
		return;
	TAILQ_FOREACH(s, &link->sessions, entry)
		s->heard_ns += gap;
}

/*
 * Every session is looked at in each round, but for rounds that follow each other closely: then it
 * is a few a round, for what they wait for (a block, a keepalive) is not urgent.
 */
static unsigned int
sessions_step(struct link *link, uint64_t now_ns)
{
	unsigned int n = link->session_count, work = 0;
	struct link_session *s;

	if (n > STEPS_MIN && now_ns - link->sweep_ns < SWEEP_NS)
		n = STEPS_MIN;
	else
		link->sweep_ns = now_ns;
	for (; n > 0; n--) {
		s = link->cursor != NULL ? link->cursor : TAILQ_FIRST(&link->sessions);
		if (s == NULL)
			break;
		link->cursor = TAILQ_NEXT(s, entry);
		work += step(s, now_ns);
	}
	return work;
}

unsigned int
link_poll(struct link *link, uint64_t now_ns)
{
	unsigned int work = 0;

	forgive_gap(link, now_ns);
	link->now_ns = now_ns;
	if (likely(!link->lost))
		work += events(link);
	work += sessions_step(link, now_ns);
	work += link_slices(link, now_ns, piece);
	if (unlikely(link->lost))
		work += reopen(link);
	return work;
}

void
link_session_each(struct link *link, void (*fn)(void *arg, struct link_session *s), void *arg)
{
	struct link_session *s, *next;

	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next)
		fn(arg, s);
}

unsigned int
link_drop(struct link *link, uint64_t gid, const char *reason)
{
	struct link_session *s, *next;
	unsigned int n = 0;

	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next) {
		if (s->rgid != gid || s->phase != LINK_UP || s->closing)
			continue;
		link_session_break(s, LINK_WHY_LOCAL, reason, LINK_STATUS_CLOSED);
		n++;
	}
	return n;
}
