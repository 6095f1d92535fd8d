/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The phase of a session, and why it is in that one. link_priv.h has the drawing; the table below
 * is the same in code. Nothing else assigns a phase.
 */
#include <assert.h>
#include <string.h>

#include "link_priv.h"

#define TO(phase) (1u << LINK_##phase)

/*
 * What may follow a phase. A session that is DYING may be closed again; IDLE follows IDLE when an
 * attempt cannot even begin. DYING and RELEASING end at once, in FREE, when the link goes.
 */
static const uint16_t may_follow[] = {
	[LINK_FREE] = TO(IDLE) | TO(CALLED),
	[LINK_IDLE] = TO(IDLE) | TO(CALLING) | TO(DYING),
	[LINK_CALLING] = TO(IDLE) | TO(CONNECTING) | TO(DYING),
	[LINK_CONNECTING] = TO(IDLE) | TO(UP) | TO(DYING),
	[LINK_CALLED] = TO(GREETING) | TO(RELEASING) | TO(DYING),
	[LINK_GREETING] = TO(PREPARING) | TO(RELEASING) | TO(DYING),
	[LINK_PREPARING] = TO(UP) | TO(RELEASING) | TO(DYING),
	[LINK_UP] = TO(DYING),
	[LINK_DYING] = TO(IDLE) | TO(DYING) | TO(RELEASING) | TO(FREE),
	[LINK_RELEASING] = TO(FREE),
};
static_assert(RTE_DIM(may_follow) == LINK_RELEASING + 1, "every phase has its row");

/* The link's lock is held. */
static void
enter(struct link_session *s, enum link_phase phase)
{
	assert((may_follow[s->phase] & 1u << phase) != 0);
	s->phase = phase;
	if (phase == LINK_UP)
		s->up_since_ns = s->link->now_ns;
}

void
link_session_insert(struct link_session *s, enum link_phase phase)
{
	struct link *link = s->link;

	rte_spinlock_lock(&link->lock);
	enter(s, phase);
	TAILQ_INSERT_TAIL(&link->sessions, s, entry);
	link->session_count++;
	rte_spinlock_unlock(&link->lock);
	base_count(&link->stats.sessions, 1);
}

void
link_session_set_phase(struct link_session *s, enum link_phase phase)
{
	rte_spinlock_lock(&s->link->lock);
	enter(s, phase);
	rte_spinlock_unlock(&s->link->lock);
}

void
link_session_remove(struct link_session *s)
{
	struct link *link = s->link;

	rte_spinlock_lock(&link->lock);
	if (link->cursor == s)
		link->cursor = TAILQ_NEXT(s, entry);
	enter(s, LINK_FREE);
	TAILQ_REMOVE(&link->sessions, s, entry);
	link->session_count--;
	if (s->caller != NULL)
		TAILQ_REMOVE(&s->caller->sessions, s, by_caller);
	rte_spinlock_unlock(&link->lock);
	base_count_sub(&link->stats.sessions, 1);
}

void
link_session_count(struct link_session *s, enum link_why why)
{
	base_count(&s->errors[why], 1);
	base_count(&s->link->stats.errors[why], 1);
}

void
link_session_set_reason(struct link_session *s, enum link_why why, const char *reason)
{
	rte_spinlock_lock(&s->link->lock);
	s->why = why;
	/* All of these texts are our own or have been cleaned at the gate. */
	base_text_clean(s->reason, sizeof(s->reason), reason != NULL ? reason : "",
			reason != NULL ? strlen(reason) : 0);
	rte_spinlock_unlock(&s->link->lock);
}
