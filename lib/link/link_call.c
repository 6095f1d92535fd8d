/* SPDX-License-Identifier: BSD-3-Clause */
/* The initiator's side of setting a session up (SPEC-link sections 3 and 4.8). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

#include "link_priv.h"

/*
 * Back to IDLE. The next attempt comes at once after a session that was up for longer than any
 * back-off; else with back-off: a peer that lets us come up and go down again costs no more than
 * one that refuses.
 */
void
link_call_idle(struct link_session *s, bool was_up)
{
	uint64_t now_ns = s->link->now_ns;
	bool lasted = was_up && now_ns - s->up_since_ns >= s->open.retry_max_ms * BASE_NS_PER_MS;

	link_mem_release(s);
	link_session_set_phase(s, LINK_IDLE);
	s->next_ns = now_ns;
	if (was_up)
		s->attempt_ms = s->open.attempt_ms;
	if (lasted) {
		s->backoff_ms = s->open.retry_min_ms;
		return;
	}
	s->next_ns += s->backoff_ms * BASE_NS_PER_MS;
	s->backoff_ms = RTE_MIN(s->backoff_ms * 2, s->open.retry_max_ms);
}

void
link_call_failed(struct link_session *s, enum link_why why, const char *reason)
{
	char gid[BASE_GID_STRLEN];

	if (why != s->why && why != LINK_WHY_NONE)
		LINK_LOG(INFO, "no session to %s: %s%s%s", base_gid_str(s->rgid, gid),
			 link_why_str(why), reason != NULL && reason[0] != '\0' ? ": " : "",
			 reason != NULL ? reason : "");
	if (why == LINK_WHY_PROTOCOL) {
		base_count(&s->protocol_errors, 1);
		base_count(&s->link->stats.protocol_errors, 1);
	}
	base_count(&s->retries, 1);
	link_session_count(s, why);
	link_session_set_reason(s, why, reason);
	/* Whoever made half a session for us can forget it. */
	link_tell_close(s, link_status_from_why(why), link_why_str(why));
	link_call_idle(s, false);
}

static void
failed_errno(struct link_session *s, int err)
{
	char words[LINK_REASON_MAX];
	const char *reason = NULL;

	if (err == -EEXIST)
		reason = "a DMB is in use by another session";
	if (err == -EMSGSIZE) {
		link_small_words(s->link, words);
		reason = words;
	}
	link_call_failed(s, link_why_from_errno(s->link, err), reason);
}

/* Never 0. */
static uint32_t
random32(void)
{
	uint32_t n = (uint32_t)rte_rand();

	return n != 0 ? n : 1;
}

void
link_call_free(struct link_session *s)
{
	link_mem_release(s);
	link_session_remove(s);
	s->link->opened--;
	free(s->queues);
	free(s);
}

static int
signal_call(struct link_session *s, uint64_t now_ns)
{
	s->next_ns = now_ns + s->signal_ns;
	s->signal_ns = RTE_MIN(2 * s->signal_ns, (uint64_t)LINK_SIGNAL_MAX_NS);
	return rte_pmd_ism_signal(s->link->conf.dev_id, s->rgid,
				  LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
				  link_event_info(s->ctrl->token, s->service, s->nonce));
}

static void
start(struct link_session *s, uint64_t now_ns)
{
	int ret;

	s->nonce = random32();
	s->garbage = false;
	s->signal_ns = LINK_SIGNAL_NS;
	ret = link_mem_register_ctrl(s);
	if (ret == 0)
		ret = signal_call(s, now_ns);
	if (ret != 0) {
		failed_errno(s, ret);
		return;
	}
	link_session_set_phase(s, LINK_CALLING);
	s->deadline_ns = now_ns + s->attempt_ms * BASE_NS_PER_MS;
}

/*
 * A listener with many calls may have been about to answer. What it did for us is lost now, so the
 * next attempt waits longer: else many initiators that start together never come up.
 */
static void
timed_out(struct link_session *s)
{
	s->attempt_ms = RTE_MIN(2 * s->attempt_ms,
				RTE_MAX(s->open.attempt_ms, (uint32_t)LINK_ATTEMPT_MAX_MS));
	if (link_took_close(s))
		link_call_failed(s, LINK_WHY_CLOSED, s->reason);
	else if (s->garbage)
		link_call_failed(s, LINK_WHY_PROTOCOL, "unreadable answer");
	else
		link_call_failed(s, LINK_WHY_TIMEOUT, NULL);
}

/* Look for a block. @return bytes in link->scratch, or 0; then the attempt may be over. */
static int
await_block(struct link_session *s, uint32_t off, uint32_t size, enum link_block_type type,
	    uint64_t now_ns)
{
	int len = link_gate_block((const uint8_t *)s->ctrl->addr + off, size, type, s->nonce,
				  s->link->scratch);

	if (len > 0)
		return len;
	s->garbage |= len < 0;
	if (now_ns >= s->deadline_ns)
		timed_out(s);
	return 0;
}

static uint32_t
slot_size_fit(const struct link *link, uint32_t want, uint32_t max)
{
	uint32_t size = RTE_MIN(want, max);

	return RTE_ALIGN_FLOOR(RTE_MIN(size, link->info.dmb_max), LINK_RING_ALIGN);
}

/* @return whether we can talk; if not, why and reason are set. */
static bool
negotiate(struct link_session *s, const struct link_hello *hello, enum link_why *why,
	  const char **reason)
{
	struct link *link = s->link;

	*reason = hello->reason;
	if (hello->status != LINK_STATUS_OK) {
		*why = link_why_from_status(hello->status);
		return false;
	}
	*why = LINK_WHY_VERSION;
	*reason = "no common protocol version";
	if (hello->version_min > LINK_VERSION_MAX || hello->version_max < LINK_VERSION_MIN)
		return false;
	*reason = "the peer lacks a required feature";
	if ((s->open.required & ~hello->features) != 0)
		return false;
	rte_spinlock_lock(&link->lock);
	s->version = RTE_MIN(hello->version_max, LINK_VERSION_MAX);
	s->features = s->open.features & hello->features;
	s->peer_epoch = hello->epoch;
	s->geo.queues = RTE_MIN(s->open.queues, hello->max.queues);
	s->geo.depth = RTE_MIN(s->open.depth, hello->max.depth);
	s->geo.slot_size = slot_size_fit(link, s->open.slot_size, hello->max.slot_size);
	link_fit_rings(link, &s->geo);
	rte_spinlock_unlock(&link->lock);
	link_session_beats(s, hello->keepalive_ms);
	return true;
}

static int
store_connect(struct link_session *s)
{
	struct link *link = s->link;
	struct link_wire_connect *wire = (struct link_wire_connect *)link->scratch;

	memset(wire, 0, sizeof(*wire));
	wire->version = rte_cpu_to_be_16(s->version);
	wire->service = rte_cpu_to_be_16(s->service);
	wire->features = rte_cpu_to_be_32(s->features);
	wire->keepalive_ms = rte_cpu_to_be_32(link->conf.keepalive_ms);
	wire->slot_size = rte_cpu_to_be_32(s->geo.slot_size);
	wire->queues = rte_cpu_to_be_16(s->geo.queues);
	wire->depth = rte_cpu_to_be_16(s->geo.depth);
	memcpy(wire->boot, link->conf.epoch.boot, sizeof(wire->boot));
	wire->process = rte_cpu_to_be_64(link->conf.epoch.process);
	link_mem_tell(s->mine, &wire->mem, wire->token);
	return link_block_store(s->ctrl_win, LINK_CTRL_SETUP, LINK_BLOCK_CONNECT, s->nonce, wire,
				sizeof(*wire) + s->mine->dmb_count * sizeof(rte_be64_t));
}

static void
got_hello(struct link_session *s, size_t len, uint64_t now_ns)
{
	struct link_hello hello;
	enum link_why why;
	const char *what;
	int ret;

	if (link_gate_hello(s->link->scratch, len, s->service, &hello, &what) != 0) {
		link_call_failed(s, LINK_WHY_PROTOCOL, what);
		return;
	}
	if (hello.status == LINK_STATUS_OK) {
		ret = link_mem_open_ctrl(s, hello.ctrl_token);
		if (ret != 0) {
			failed_errno(s, ret);
			return;
		}
	}
	if (!negotiate(s, &hello, &why, &what)) {
		link_call_failed(s, why, what);
		return;
	}
	ret = link_mem_register(s);
	if (ret == 0)
		ret = store_connect(s);
	if (ret != 0) {
		failed_errno(s, ret);
		return;
	}
	link_session_set_phase(s, LINK_CONNECTING);
	s->garbage = false;
	s->deadline_ns = now_ns + s->attempt_ms * BASE_NS_PER_MS;
	s->next_ns = now_ns + LINK_PROBE_NS;
}

static void
got_accept(struct link_session *s, size_t len, uint64_t now_ns)
{
	struct link_accept *in = &s->link->in.accept;
	const char *what;
	int ret;

	if (link_gate_accept(s->link->scratch, len, &s->geo, in, &what) != 0) {
		link_call_failed(s, LINK_WHY_PROTOCOL, what);
		return;
	}
	if (in->status != LINK_STATUS_OK) {
		link_call_failed(s, link_why_from_status(in->status), in->reason);
		return;
	}
	*s->theirs = in->mem;
	ret = link_mem_open(s);
	if (ret != 0) {
		failed_errno(s, ret);
		return;
	}
	link_session_up(s, now_ns);
}

static unsigned int
calling_step(struct link_session *s, uint64_t now_ns)
{
	int len = await_block(s, LINK_CTRL_HELLO, LINK_CTRL_HELLO_SIZE, LINK_BLOCK_HELLO, now_ns);
	int ret;

	if (len > 0) {
		got_hello(s, (size_t)len, now_ns);
		return 1;
	}
	if (s->phase != LINK_CALLING || now_ns < s->next_ns)
		return 0;
	base_count(&s->link->stats.hello_retries, 1);
	base_count(&s->retries, 1);
	ret = signal_call(s, now_ns);
	if (ret != 0)
		failed_errno(s, ret);
	return 1;
}

/* A listener that ended since it said HELLO never answers: its control DMB is gone with it. */
static void
probe(struct link_session *s, uint64_t now_ns)
{
	int ret = link_beat_send(s, now_ns);

	s->next_ns = now_ns + LINK_PROBE_NS;
	if (ret != 0)
		failed_errno(s, ret);
}

static unsigned int
connecting_step(struct link_session *s, uint64_t now_ns)
{
	int len = await_block(s, LINK_CTRL_SETUP, LINK_CTRL_SETUP_SIZE, LINK_BLOCK_ACCEPT, now_ns);

	if (len > 0)
		got_accept(s, (size_t)len, now_ns);
	else if (s->phase == LINK_CONNECTING && link_took_close(s))
		link_call_failed(s, LINK_WHY_CLOSED, s->reason);
	else if (s->phase == LINK_CONNECTING && now_ns >= s->next_ns)
		probe(s, now_ns);
	return len > 0;
}

unsigned int
link_call_step(struct link_session *s, uint64_t now_ns)
{
	if (unlikely(s->link->lost)) {
		if (s->phase != LINK_IDLE || s->why != LINK_WHY_DEVICE)
			link_call_failed(s, LINK_WHY_DEVICE, NULL);
		return 0;
	}
	if (s->phase == LINK_CALLING)
		return calling_step(s, now_ns);
	if (s->phase == LINK_CONNECTING)
		return connecting_step(s, now_ns);
	if (now_ns < s->next_ns)
		return 0;
	start(s, now_ns);
	return 1;
}
