/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener's side of setting a session up (SPEC-link "Rendezvous", "Set-up"). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "link_priv.h"

static struct link_listener *
listener_find(struct link *link, uint8_t service)
{
	for (unsigned int i = 0; i < link->listener_count; i++) {
		if (link->listeners[i].conf.service == service)
			return &link->listeners[i];
	}
	return NULL;
}

int
link_listen(struct link *link, const struct link_listen_conf *conf)
{
	struct link_listener *l;

	if (conf->may_connect == NULL || conf->ops == NULL || conf->ops->on_up == NULL ||
	    conf->ops->on_down == NULL || conf->service == 0 || (int)conf->service > UINT8_MAX)
		return -EINVAL;
	if (conf->queues_max == 0 || conf->depth_max < 2 || conf->slot_max < 4096)
		return -EINVAL;
	if (listener_find(link, (uint8_t)conf->service) != NULL)
		return -EEXIST;
	if (link->listener_count == LINK_LISTENERS_MAX)
		return -ENOMEM;
	l = &link->listeners[link->listener_count++];
	l->conf = *conf;
	l->max.queues = RTE_MIN(conf->queues_max, LINK_QUEUES_MAX);
	l->max.depth = (uint16_t)rte_align32prevpow2(RTE_MIN(conf->depth_max, LINK_DEPTH_MAX));
	l->max.slot_size = RTE_ALIGN_FLOOR(RTE_MIN(conf->slot_max, LINK_SLOT_MAX), 4096);
	return 0;
}

void
link_unlisten(struct link *link, enum link_service service)
{
	struct link_listener *l = listener_find(link, (uint8_t)service);
	struct link_session *s, *next;

	if (l == NULL)
		return;
	*l = link->listeners[--link->listener_count];
	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next) {
		if (s->initiator || s->service != (uint8_t)service)
			continue;
		link_session_close(s, "service ended");
		for (unsigned int i = 0; i < s->geo.queues; i++)
			link_word_set(&s->queues[i].word, LINK_QUEUE_DOWN);
		s->told = false;
		s->next_call.valid = false;
		link_session_free(s);
	}
}

/* --- answers --- */

static int
store_hello(struct link *link, struct rte_pmd_ism_win *win, const struct link_call *call,
	    const struct link_session *s, enum link_status status, const char *reason)
{
	struct link_wire_hello wire = {
		.version_min = rte_cpu_to_be_16(LINK_VERSION_MIN),
		.version_max = rte_cpu_to_be_16(LINK_VERSION_MAX),
		.status = rte_cpu_to_be_16(status),
		.service = rte_cpu_to_be_16(call->service),
	};

	if (reason != NULL)
		memcpy(wire.reason, reason, strnlen(reason, sizeof(wire.reason) - 1));
	if (status == LINK_STATUS_OK) {
		wire.features = rte_cpu_to_be_32(s->offered_features);
		wire.keepalive_ms = rte_cpu_to_be_32(link->conf.keepalive_ms);
		memcpy(wire.boot, link->conf.epoch.boot, sizeof(wire.boot));
		wire.process = rte_cpu_to_be_64(link->conf.epoch.process);
		wire.ctrl_token = rte_cpu_to_be_64(s->ctrl->token);
		wire.queues_max = rte_cpu_to_be_16(s->offered.queues);
		wire.depth_max = rte_cpu_to_be_16(s->offered.depth);
		wire.slot_max = rte_cpu_to_be_32(s->offered.slot_size);
	}
	return link_block_store(win, LINK_CTRL_HELLO, LINK_BLOCK_HELLO, call->nonce, &wire,
				sizeof(wire));
}

/* One refusal per GID and LINK_REFUSAL_NS; two GIDs in one place only share the limit's memory. */
static bool
refusal_due(struct link *link, uint64_t gid)
{
	struct link_refusal *r = &link->refusals[(gid ^ gid >> 32) % LINK_REFUSALS];

	if (r->gid == gid && link->now_ns - r->last_ns < LINK_REFUSAL_NS)
		return false;
	r->gid = gid;
	r->last_ns = link->now_ns;
	return true;
}

/* Say no, and keep nothing. */
static void
refuse(struct link *link, uint64_t gid, const struct link_call *call, enum link_status status,
       const char *reason)
{
	struct rte_pmd_ism_win *win;
	char text[BASE_GID_STRLEN];

	link_count(&link->stats.refused, 1);
	if (!refusal_due(link, gid) || link_token_claim(link, call->token) != 0)
		return;
	LINK_LOG(INFO, "refused %s, service %u: %s", base_gid_str(gid, text), call->service,
		 reason);
	if (rte_pmd_ism_win_open(link->conf.dev_id, call->token, LINK_CTRL_SIZE, &win) == 0) {
		(void)store_hello(link, win, call, NULL, status, reason);
		rte_pmd_ism_win_close(win);
	}
	link_token_release(link, call->token);
}

static int
store_accept(struct link_session *s, enum link_status status, const char *reason)
{
	struct link_wire_accept *wire = (struct link_wire_accept *)s->link->scratch;
	size_t len = sizeof(*wire);

	memset(wire, 0, sizeof(*wire));
	wire->status = rte_cpu_to_be_16(status);
	if (reason != NULL)
		memcpy(wire->reason, reason, strnlen(reason, sizeof(wire->reason) - 1));
	if (status == LINK_STATUS_OK) {
		link_mem_tell(s->mine, &wire->mem, wire->token);
		len += s->mine->dmb_count * sizeof(rte_be64_t);
	}
	return link_block_store(s->ctrl_win, LINK_CTRL_SETUP, LINK_BLOCK_ACCEPT, s->nonce, wire,
				len);
}

/* --- a call arrives --- */

/* @return a session of the table that is FREE, its queues' memory kept; NULL. */
static struct link_session *
session_take(struct link *link)
{
	for (uint32_t i = 0; i < link->conf.sessions_max; i++) {
		struct link_session *s = &link->accepted[i];

		if (s->phase == LINK_FREE)
			return s;
	}
	return NULL;
}

void
link_listen_greet(struct link_session *s, const struct link_call *call)
{
	struct link *link = s->link;
	struct link_listener *l = listener_find(link, call->service);
	struct link_queue *queues = s->queues;
	uint64_t gid = s->rgid;
	int ret;

	if (l == NULL)
		return;
	memset(s, 0, sizeof(*s));
	s->link = link;
	s->queues = queues;
	s->rgid = gid;
	s->service = call->service;
	s->nonce = call->nonce;
	s->call_token = call->token;
	s->ops = l->conf.ops;
	s->arg = l->conf.arg;
	s->offered = l->max;
	s->offered.slot_size = RTE_MIN(s->offered.slot_size,
				       RTE_ALIGN_FLOOR(link->info.dmb_max, LINK_RING_ALIGN));
	s->offered_features = l->conf.features;
	s->deadline_ns = link->now_ns + LINK_HALF_OPEN_NS;
	ret = link_mem_open_ctrl(s, call->token);
	if (ret == 0)
		ret = link_mem_register_ctrl(s);
	if (ret == 0)
		ret = store_hello(link, s->ctrl_win, call, s, LINK_STATUS_OK, NULL);
	else if (ret == -ENOSPC || ret == -ENOMEM)
		(void)store_hello(link, s->ctrl_win, call, s, LINK_STATUS_MEMORY,
				  "no DMB left for the session");
	if (ret == 0) {
		link_session_insert(s, LINK_GREETING);
		return;
	}
	(void)link_why_from_errno(link, ret);
	link_mem_release(s);
}

/* The same GID calls again, for a session that we have. */
static void
call_again(struct link_session *s, const struct link_call *call)
{
	if (s->phase == LINK_GREETING && s->nonce == call->nonce && s->call_token == call->token) {
		(void)store_hello(s->link, s->ctrl_win, call, s, LINK_STATUS_OK, NULL);
		return;
	}
	/* An event of an attempt that has got further already. */
	if (s->phase == LINK_UP && s->nonce == call->nonce && s->call_token == call->token)
		return;
	s->next_call = (struct link_next_call){ .valid = true, .call = *call };
	if (s->phase == LINK_GREETING)
		link_session_free(s);
	else if (s->phase == LINK_UP)
		link_session_lose(s, LINK_WHY_CLOSED, "the peer came anew", LINK_STATUS_REPLACED);
}

bool
link_listen_event(struct link *link, uint64_t gid, uint32_t code, uint64_t info)
{
	char reason[LINK_REASON_MAX] = "";
	struct link_listener *l;
	struct link_session *s;
	struct link_call call;

	if (link_gate_call(code, info, &call) != 0)
		return false;
	l = listener_find(link, call.service);
	if (l == NULL) {
		refuse(link, gid, &call, LINK_STATUS_NO_SERVICE, "no such service here");
		return true;
	}
	if (l->conf.may_connect(l->conf.arg, gid, reason) != 0) {
		reason[sizeof(reason) - 1] = '\0';
		refuse(link, gid, &call, LINK_STATUS_REFUSED,
		       reason[0] != '\0' ? reason : "this GID is not allowed");
		return true;
	}
	s = link_session_find(link, gid, call.service, false);
	if (s != NULL) {
		call_again(s, &call);
		return true;
	}
	s = session_take(link);
	if (s == NULL) {
		refuse(link, gid, &call, LINK_STATUS_BUSY, "all sessions are in use");
		return true;
	}
	s->rgid = gid;
	link_listen_greet(s, &call);
	return true;
}

/* --- a call becomes a session --- */

static void
greeting_over(struct link_session *s, enum link_status status, const char *reason)
{
	int ret = status != LINK_STATUS_OK ? store_accept(s, status, reason) : -EIO;
	char gid[BASE_GID_STRLEN];

	/* One that cannot be told is gone: then its DMBs were, too, and nobody lied. */
	if (ret == 0)
		LINK_LOG(INFO, "no session with %s: %s", base_gid_str(s->rgid, gid), reason);
	if (ret == 0 && status == LINK_STATUS_MALFORMED)
		link_count(&s->link->stats.protocol_errors, 1);
	link_session_free(s);
}

static int
queues_alloc(struct link_session *s)
{
	if (s->queues == NULL)
		s->queues = link_queues_alloc(s);
	return s->queues != NULL ? 0 : -ENOMEM;
}

/* What CONNECT asked for cannot be had. */
static void
connect_failed(struct link_session *s, int err)
{
	enum link_why why = link_why_from_errno(s->link, err);

	if (why == LINK_WHY_MEMORY)
		greeting_over(s, LINK_STATUS_MEMORY, "not enough DMBs or memory for the session");
	else if (err == -EEXIST)
		greeting_over(s, LINK_STATUS_BUSY, "a DMB is in use by another session");
	else if (why == LINK_WHY_REVOKED)
		greeting_over(s, LINK_STATUS_MALFORMED, "a DMB cannot be stored to");
	else
		greeting_over(s, LINK_STATUS_OK, NULL);
}

static void
got_connect(struct link_session *s, size_t len, uint64_t now_ns)
{
	struct link *link = s->link;
	struct link_connect *in = &link->in.connect;
	enum link_status status;
	const char *what;
	int ret;

	status = link_gate_connect(link->scratch, len, s->service, &s->offered, s->offered_features,
				   in, &what);
	if (status != LINK_STATUS_OK) {
		greeting_over(s, status, what);
		return;
	}
	rte_spinlock_lock(&link->lock);
	s->version = in->version;
	s->features = in->features;
	s->geo = in->geo;
	s->peer_epoch = in->epoch;
	rte_spinlock_unlock(&link->lock);
	s->silence_ns = RTE_MAX(link->conf.dead_ms, LINK_DEAD_PEER * in->keepalive_ms) *
			BASE_NS_PER_MS;
	ret = queues_alloc(s);
	if (ret == 0)
		ret = link_mem_register(s);
	if (ret == 0) {
		*s->theirs = in->mem;
		ret = link_mem_open(s);
	}
	if (ret == 0)
		ret = store_accept(s, LINK_STATUS_OK, NULL);
	if (ret == 0) {
		link_session_up(s, now_ns);
		return;
	}
	connect_failed(s, ret);
}

unsigned int
link_listen_step(struct link_session *s, uint64_t now_ns)
{
	int len;

	if (s->link->lost) {
		greeting_over(s, LINK_STATUS_OK, NULL);
		return 1;
	}
	len = link_gate_block((const uint8_t *)s->ctrl->addr + LINK_CTRL_SETUP,
			      LINK_CTRL_SETUP_SIZE, LINK_BLOCK_CONNECT, s->nonce, s->link->scratch);
	if (len > 0) {
		got_connect(s, (size_t)len, now_ns);
		return 1;
	}
	if (now_ns >= s->deadline_ns || link_took_close(s))
		greeting_over(s, LINK_STATUS_OK, NULL);
	return 0;
}
