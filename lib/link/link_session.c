/* SPDX-License-Identifier: BSD-3-Clause */
/* What both ends of a session have in common: up, watching, down, release. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "link_priv.h"

struct link_session *
link_session_find(struct link *link, uint64_t rgid, uint8_t service, bool initiator)
{
	struct link_session *s;

	TAILQ_FOREACH(s, &link->sessions, entry) {
		if (s->rgid == rgid && s->service == service && s->initiator == initiator &&
		    !(initiator && s->closing))
			return s;
	}
	return NULL;
}

/* Descriptors that the peer has sent us, in this session and those before. */
static uint64_t
descriptors_in(const struct link_session *s)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < s->geo.queues; i++)
		sum += base_count_get(s->initiator ? &s->queues[i].stats.completions
						   : &s->queues[i].stats.requests);
	return sum;
}

/* SPEC-link section 6: the shorter of both, but not too short for the sender. */
static uint32_t
beat_interval(uint32_t sender_ms, uint32_t receiver_ms)
{
	return RTE_MIN(sender_ms, RTE_MAX(receiver_ms, (uint32_t)LINK_BEAT_ASKED_MS));
}

void
link_session_beats(struct link_session *s, uint32_t peer_ms)
{
	const struct link_conf *conf = &s->link->conf;
	uint32_t theirs_ms = beat_interval(peer_ms, conf->keepalive_ms);

	s->beat_ms = beat_interval(conf->keepalive_ms, peer_ms);
	s->silence_ns = RTE_MAX(conf->dead_ms, LINK_DEAD_PEER * theirs_ms) * BASE_NS_PER_MS;
}

void
link_session_up(struct link_session *s, uint64_t now_ns)
{
	struct link *link = s->link;
	char gid[BASE_GID_STRLEN], more[LINK_MORE_STRLEN];

	link_session_set_reason(s, LINK_WHY_NONE, NULL);
	link_session_set_phase(s, LINK_UP);
	s->garbage = s->goodbye = false;
	s->beat_sent = s->beat_seen = s->notice_seen = 0;
	s->beat_due_ns = s->heard_ns = now_ns;
	s->traffic_seen = descriptors_in(s);
	link_flag_take(&s->trouble);
	base_count(&s->ups, 1);
	base_count(&link->stats.ups, 1);
	for (unsigned int i = 0; i < s->geo.queues; i++)
		link_word_set(&s->queues[i].word, LINK_QUEUE_UP);
	if (link_line_due(s, more))
		LINK_LOG(NOTICE,
			 "session up: %s %s, service %s, %u queue(s) of %u slots of %u KiB%s",
			 s->initiator ? "to" : "from", base_gid_str(s->rgid, gid),
			 link_service_str(s->service), s->geo.queues, s->geo.depth,
			 s->geo.slot_size / 1024, more);
	s->told = true;
	s->ops->on_up(s->arg, s);
}

void
link_session_break(struct link_session *s, enum link_why why, const char *reason,
		   enum link_status status)
{
	struct link *link = s->link;
	char gid[BASE_GID_STRLEN], more[LINK_MORE_STRLEN];

	for (unsigned int i = 0; i < s->geo.queues; i++)
		link_word_break(&s->queues[i].word);
	if (status != LINK_STATUS_OK)
		link_tell_close(s, status, reason);
	if (reason != s->reason)
		link_session_set_reason(s, why, reason);
	link_session_set_phase(s, LINK_DYING);
	base_count(&link->stats.downs, 1);
	link_session_count(s, why);
	if (why == LINK_WHY_PROTOCOL) {
		base_count(&s->protocol_errors, 1);
		base_count(&link->stats.protocol_errors, 1);
	}
	if (link_line_due(s, more))
		LINK_LOG(NOTICE, "session down: %s %s, service %s: %s%s%s%s",
			 s->initiator ? "to" : "from", base_gid_str(s->rgid, gid),
			 link_service_str(s->service), link_why_str(why),
			 s->reason[0] != '\0' ? ": " : "", s->reason, more);
	if (!s->closing)
		s->ops->on_down(s->arg, s, why);
}

void
link_session_lose(struct link_session *s, enum link_why why, const char *reason,
		  enum link_status status)
{
	if (link_took_close(s))
		link_session_break(s, LINK_WHY_CLOSED, s->reason, LINK_STATUS_OK);
	else
		link_session_break(s, why, reason, status);
}

static void
lose(struct link_session *s, enum link_why why, const char *reason)
{
	link_session_lose(s, why, reason, link_status_from_why(why));
}

/* A data thread found trouble: the first queue that has some speaks for all. */
static void
take_trouble(struct link_session *s)
{
	for (unsigned int i = 0; i < s->geo.queues; i++) {
		struct link_queue *q = &s->queues[i];
		enum link_why why = (enum link_why)link_flag_take(&q->fail_why);

		if (why == LINK_WHY_NONE)
			continue;
		if (why == LINK_WHY_DEVICE)
			link_set_lost(s->link);
		lose(s, why, q->fail_what);
		return;
	}
}

/*
 * A peer whose stores are slow (behind an emulator: seconds for a batch of answers) may be late
 * with its keepalive while descriptors keep coming: those are signs of life, too. Looked for
 * only when a keepalive is late, as the counters are in the data threads' cache lines.
 */
static void
hear_traffic(struct link_session *s, uint64_t now_ns)
{
	uint64_t in;

	if (now_ns < s->heard_ns + s->silence_ns / LINK_DEAD_PEER)
		return;
	in = descriptors_in(s);
	if (in != s->traffic_seen)
		s->heard_ns = now_ns;
	s->traffic_seen = in;
}

/*
 * Keepalives are no work: nothing follows them, and a server that polled hot after each one would
 * never be idle with many clients.
 */
unsigned int
link_session_watch(struct link_session *s, uint64_t now_ns)
{
	unsigned int work = 0;
	int ret = 0;

	if (unlikely(s->link->lost)) {
		link_session_break(s, LINK_WHY_DEVICE, NULL, LINK_STATUS_OK);
		return 1;
	}
	if (unlikely(link_flag_take(&s->trouble) != 0))
		take_trouble(s);
	else if (unlikely(link_took_close(s)))
		link_session_break(s, LINK_WHY_CLOSED, s->reason, LINK_STATUS_OK);
	if (s->phase != LINK_UP)
		return 1;
	work += link_beat_look(s, now_ns);
	hear_traffic(s, now_ns);
	if (s->phase == LINK_UP && (s->notice_due || now_ns >= s->beat_due_ns)) {
		work += s->notice_due;
		ret = link_beat_send(s, now_ns);
	}
	if (s->phase == LINK_UP && ret != 0)
		lose(s, link_why_from_errno(s->link, ret), "of a keepalive");
	else if (s->phase == LINK_UP && now_ns > s->heard_ns + s->silence_ns)
		lose(s, LINK_WHY_SILENT, NULL);
	return work;
}

void
link_session_close(struct link_session *s, const char *reason)
{
	bool up = s->phase == LINK_UP;

	if (s->closing)
		return;
	s->closing = true;
	if (up) {
		link_session_break(s, LINK_WHY_LOCAL, reason, LINK_STATUS_CLOSED);
		return;
	}
	if (s->phase == LINK_RELEASING)
		return;
	if (s->phase != LINK_DYING)
		link_tell_close(s, LINK_STATUS_CLOSED, reason);
	link_slice_remove(s);
	link_session_set_phase(s, LINK_DYING);
}

void
link_session_set_notice(struct link_session *s, uint32_t notice)
{
	if (notice == s->notice_tx)
		return;
	s->notice_tx = notice;
	s->notice_tx_count++;
	s->notice_due = true;
}

struct link_queue *
link_session_queue(struct link_session *s, unsigned int i)
{
	return i < s->geo.queues ? &s->queues[i] : NULL;
}

void
link_session_set_priv(struct link_session *s, void *priv)
{
	s->priv = priv;
}

void *
link_session_priv(const struct link_session *s)
{
	return s->priv;
}
