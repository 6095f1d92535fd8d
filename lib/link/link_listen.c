/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener's side of setting a session up (SPEC-link sections 3 and 4.8). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>

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
	    conf->ops->on_down == NULL || !link_service_known(conf->service))
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

/* --- a session begins, and ends --- */

/* Session s, which is FREE, is for `call` of c. */
static void
begin(struct link_session *s, struct link_caller *c, const struct link_call *call)
{
	struct link *link = s->link;
	struct link_queue *queues = s->queues;

	memset(s, 0, sizeof(*s));
	s->link = link;
	s->queues = queues;
	s->rgid = c->gid;
	s->service = call->service;
	s->nonce = call->nonce;
	s->call_token = call->token;
	s->caller = c;
	TAILQ_INSERT_TAIL(&c->sessions, s, by_caller);
	link_caller_begins(link, c);
	link_session_insert(s, LINK_CALLED);
	link_slice_add(s);
}

/* Its place is free, or the next call's of the same GID. */
void
link_listen_free_now(struct link_session *s)
{
	struct link *link = s->link;
	struct link_caller *caller = s->caller;
	struct link_next_call next = s->next_call;

	link_slice_remove(s);
	link_mem_release(s);
	link_quota_give(s);
	link_session_remove(s);
	if (s->told && s->ops->on_free != NULL)
		s->ops->on_free(s->arg, s);
	s->told = false;
	s->caller = NULL;
	if (next.valid && !link->lost)
		begin(s, caller, &next.call);
	else
		TAILQ_INSERT_HEAD(&link->free, s, entry);
}

void
link_listen_release(struct link_session *s)
{
	link_session_set_phase(s, LINK_RELEASING);
	link_slice_add(s);
}

void
link_unlisten(struct link *link, enum link_service service)
{
	struct link_listener *l;
	struct link_session *s, *next;

	if (!link_service_known(service))
		return;
	l = listener_find(link, (uint8_t)service);
	if (l == NULL)
		return;
	*l = link->listeners[--link->listener_count];
	RTE_TAILQ_FOREACH_SAFE(s, &link->sessions, entry, next) {
		if (s->initiator || s->service != (uint8_t)service)
			continue;
		link_session_close(s, "service ended");
		for (unsigned int i = 0; s->queues != NULL && i < s->geo.queues; i++)
			link_word_set(&s->queues[i].word, LINK_QUEUE_DOWN);
		s->told = false;
		s->next_call.valid = false;
		link_listen_free_now(s);
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

/* Was this GID refused that service just now? Then nothing more is spent on it. */
static bool
refused_lately(const struct link *link, const struct link_caller *c, uint8_t service)
{
	return c->refused_service == service && link->now_ns < c->refused_ns;
}

/* Say no, and keep nothing: not even its DMB is mapped. */
static void
refuse(struct link *link, struct link_caller *c, const struct link_call *call,
       enum link_status status, const char *reason)
{
	struct rte_pmd_ism_win *win;
	char text[BASE_GID_STRLEN];

	base_count(&link->stats.refused, 1);
	base_count(&c->refused, 1);
	/* Whatever the service: a GID that names one after the other is not answered oftener. */
	if (link->now_ns < c->refused_ns)
		return;
	c->refused_service = call->service;
	c->refused_ns = link->now_ns + LINK_REFUSAL_NS;
	if (link_token_claim(link, call->token) != 0)
		return;
	LINK_LOG(INFO, "refused %s, service %u: %s", base_gid_str(c->gid, text), call->service,
		 reason);
	if (rte_pmd_ism_win_open_stores(link->conf.dev_id, call->token, LINK_CTRL_SIZE, &win) ==
	    0) {
		(void)store_hello(link, win, call, NULL, status, reason);
		rte_pmd_ism_win_close(win);
	}
	link_token_release(link, call->token);
}

/* It may have a session, but there is none: people should know. */
static void
refuse_full(struct link *link, struct link_caller *c, const struct link_call *call,
	    enum link_status status, const char *reason)
{
	char text[BASE_GID_STRLEN], others[48] = "";
	unsigned int more;

	if (!refused_lately(link, c, call->service)) {
		base_count(&link->stats.refused_full, 1);
		if (base_line_due(&link->full_lines, link->now_ns, &more)) {
			if (more > 0)
				snprintf(others, sizeof(others), " (%u more were told so)", more);
			LINK_LOG(WARNING, "no session for %s, service %s: %s%s",
				 base_gid_str(c->gid, text), link_service_str(call->service),
				 reason, others);
		}
	}
	refuse(link, c, call, status, reason);
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

static void
small_hello(struct link_session *s, const struct link_call *call)
{
	char words[LINK_REASON_MAX];

	link_small_words(s->link, words);
	(void)store_hello(s->link, s->ctrl_win, call, s, LINK_STATUS_MEMORY, words);
}

static struct link_geo
geo_min(const struct link_geo *a, const struct link_geo *b)
{
	return (struct link_geo){
		.queues = RTE_MIN(a->queues, b->queues),
		.depth = RTE_MIN(a->depth, b->depth),
		.slot_size = RTE_MIN(a->slot_size, b->slot_size),
	};
}

/* What our HELLO offers. @return whether there is memory for a session at all. */
static bool
offer(struct link_session *s, const struct link_listener *l)
{
	static const struct link_share small = { 1, 1, LINK_CTRL_SIZE };
	const struct link_geo *wants = &s->caller->wants;
	struct link *link = s->link;
	struct link_geo geo;

	s->offered = l->max;
	s->offered.slot_size = RTE_MIN(s->offered.slot_size,
				       RTE_ALIGN_FLOOR(link->info.dmb_max, LINK_RING_ALIGN));
	link_fit_rings(link, &s->offered);
	s->offered_features = l->conf.features;
	geo = wants->queues != 0 ? *wants : s->offered;
	if (!link_quota_lower(s, &geo) || link_quota_take(s, &small) != 0)
		return false;
	if (wants->queues != 0)
		s->offered = geo_min(&s->offered, &geo);
	return true;
}

static const char nothing_left[] = "no DMB or memory is left for a session";

/* Our control DMB and a window to the peer's. */
static int
greet(struct link_session *s, const struct link_call *call)
{
	int ret = link_mem_open_ctrl(s, call->token);

	if (ret == 0)
		ret = link_mem_register_ctrl(s);
	if (ret == 0)
		return store_hello(s->link, s->ctrl_win, call, s, LINK_STATUS_OK, NULL);
	if (s->ctrl_win != NULL && ret == -EMSGSIZE)
		small_hello(s, call);
	else if (s->ctrl_win != NULL && (ret == -ENOSPC || ret == -ENOMEM))
		(void)store_hello(s->link, s->ctrl_win, call, s, LINK_STATUS_MEMORY, nothing_left);
	return ret;
}

void
link_listen_greet(struct link_session *s)
{
	struct link *link = s->link;
	struct link_listener *l = listener_find(link, s->service);
	struct link_call call = { .token = s->call_token,
				  .nonce = s->nonce,
				  .service = s->service };
	int ret = -ENODEV;

	if (l != NULL && !link->lost) {
		s->ops = l->conf.ops;
		s->arg = l->conf.arg;
		s->deadline_ns = link->now_ns + LINK_HALF_OPEN_NS;
		ret = offer(s, l) ? 0 : -ENOSPC;
		if (ret != 0)
			refuse_full(link, s->caller, &call, LINK_STATUS_MEMORY, nothing_left);
		else
			ret = greet(s, &call);
		(void)link_why_from_errno(link, ret);
	}
	if (ret == 0)
		link_session_set_phase(s, LINK_GREETING);
	else
		link_listen_release(s);
}

/* The same GID calls again, for a session that we have. */
static void
call_again(struct link_session *s, const struct link_call *call)
{
	if (s->nonce == call->nonce && s->call_token == call->token) {
		/* HELLO may be lost; an event of an attempt that has got further is old. */
		if (s->phase == LINK_GREETING)
			(void)store_hello(s->link, s->ctrl_win, call, s, LINK_STATUS_OK, NULL);
		return;
	}
	if (!link_caller_ready(s->link, s->caller))
		return;
	if (s->phase == LINK_CALLED) {
		s->nonce = call->nonce;
		s->call_token = call->token;
		return;
	}
	s->next_call = (struct link_next_call){ .valid = true, .call = *call };
	if (s->phase == LINK_GREETING || s->phase == LINK_PREPARING)
		link_listen_release(s);
	else if (s->phase == LINK_UP)
		link_session_lose(s, LINK_WHY_CLOSED, "the peer came anew", LINK_STATUS_REPLACED);
}

static void
first_call(struct link *link, struct link_caller *c, const struct link_call *call)
{
	struct link_session *s = TAILQ_FIRST(&link->free);

	if (s == NULL || !link_quota_place(link, call->service)) {
		refuse_full(link, c, call, LINK_STATUS_BUSY, "all sessions are in use");
		return;
	}
	if (!link_caller_ready(link, c))
		return;
	TAILQ_REMOVE(&link->free, s, entry);
	begin(s, c, call);
}

/* A call of a GID that has not sent too many events. */
static void
take_call(struct link *link, struct link_caller *c, const struct link_call *call)
{
	char reason[LINK_REASON_MAX] = "";
	struct link_listener *l = listener_find(link, call->service);
	struct link_session *s;

	if (l == NULL) {
		refuse(link, c, call, LINK_STATUS_NO_SERVICE, "no such service here");
		return;
	}
	if (refused_lately(link, c, call->service)) {
		base_count(&link->stats.refused, 1);
		base_count(&c->refused, 1);
		return;
	}
	if (l->conf.may_connect(l->conf.arg, c->gid, reason) != 0) {
		reason[sizeof(reason) - 1] = '\0';
		refuse(link, c, call, LINK_STATUS_REFUSED,
		       reason[0] != '\0' ? reason : "this GID is not allowed");
		return;
	}
	TAILQ_FOREACH(s, &c->sessions, by_caller) {
		if (s->service == call->service)
			break;
	}
	if (s != NULL)
		call_again(s, call);
	else
		first_call(link, c, call);
}

bool
link_listen_event(struct link *link, uint64_t gid, uint32_t code, uint64_t info)
{
	/* An initiator calls every 100 ms; the queue of the device holds 14 events. */
	static const struct base_rate rate = { .per_s = 200, .burst = 20 };
	struct link_caller *c = link_caller_get(link, gid);
	struct link_call call;

	if (c == NULL)
		return false;
	if (!base_bucket_take(&c->events, &rate, link->now_ns, 1)) {
		base_count(&c->events_over, 1);
		base_count(&link->stats.events_over, 1);
		return true;
	}
	if (link_gate_call(code, info, &call) != 0)
		return false;
	take_call(link, c, &call);
	return true;
}

/* --- a call becomes a session --- */

static void
greeting_over(struct link_session *s, enum link_status status, const char *reason)
{
	int ret = status != LINK_STATUS_OK ? store_accept(s, status, reason) : -EIO;
	char gid[BASE_GID_STRLEN], more[LINK_MORE_STRLEN];

	/* One that cannot be told is gone: then its DMBs were, too, and nobody lied. */
	if (ret == 0 && link_line_due(s, more))
		LINK_LOG(INFO, "no session with %s: %s%s", base_gid_str(s->rgid, gid), reason,
			 more);
	if (ret == 0 && status == LINK_STATUS_MALFORMED)
		base_count(&s->link->stats.protocol_errors, 1);
	link_listen_release(s);
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
	char words[LINK_REASON_MAX];

	if (err == -EMSGSIZE) {
		link_small_words(s->link, words);
		greeting_over(s, LINK_STATUS_MEMORY, words);
	} else if (why == LINK_WHY_MEMORY) {
		base_count(&s->link->stats.refused_full, 1);
		greeting_over(s, LINK_STATUS_MEMORY, "not enough DMBs or memory for the session");
	} else if (err == -EEXIST)
		greeting_over(s, LINK_STATUS_BUSY, "a DMB is in use by another session");
	else if (why == LINK_WHY_STORE)
		greeting_over(s, LINK_STATUS_MALFORMED, "a DMB cannot be stored to");
	else
		greeting_over(s, LINK_STATUS_OK, NULL);
}

/* Agreed: memory for what was asked for, and no more, is taken from now on. */
static int
prepare(struct link_session *s, const struct link_connect *in)
{
	int ret = link_quota_agree(s, &s->geo);

	s->caller->wants = ret == 0 ? (struct link_geo){ 0 } : s->geo;
	if (ret == 0)
		ret = queues_alloc(s);
	if (ret == 0)
		ret = link_mem_layout_own(s);
	if (ret == 0)
		*s->theirs = in->mem;
	return ret;
}

static void
got_connect(struct link_session *s, size_t len)
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
	link_session_beats(s, in->keepalive_ms);
	ret = prepare(s, in);
	if (ret != 0) {
		connect_failed(s, ret);
		return;
	}
	link_session_set_phase(s, LINK_PREPARING);
	link_slice_add(s);
}

void
link_listen_prepare(struct link_session *s, uint64_t now_ns)
{
	int ret = s->link->lost ? -ENODEV : link_mem_take_piece(s);

	if (ret == 1)
		return;
	if (ret == 0)
		ret = store_accept(s, LINK_STATUS_OK, NULL);
	link_slice_remove(s);
	if (ret == 0)
		link_session_up(s, now_ns);
	else
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
		got_connect(s, (size_t)len);
		return 1;
	}
	if (now_ns >= s->deadline_ns || link_took_close(s))
		greeting_over(s, LINK_STATUS_OK, NULL);
	return 0;
}
