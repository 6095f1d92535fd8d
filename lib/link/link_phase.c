/* SPDX-License-Identifier: BSD-3-Clause */
/* The phase of a session, and why it is in that one. */
#include <string.h>

#include "link_priv.h"

void
link_session_insert(struct link_session *s, enum link_phase phase)
{
	struct link *link = s->link;

	rte_spinlock_lock(&link->lock);
	s->phase = phase;
	TAILQ_INSERT_TAIL(&link->sessions, s, entry);
	link->session_count++;
	rte_spinlock_unlock(&link->lock);
	link_count(&link->stats.sessions, 1);
}

void
link_session_set_phase(struct link_session *s, enum link_phase phase)
{
	rte_spinlock_lock(&s->link->lock);
	s->phase = phase;
	rte_spinlock_unlock(&s->link->lock);
}

void
link_session_remove(struct link_session *s)
{
	struct link *link = s->link;

	rte_spinlock_lock(&link->lock);
	if (link->cursor == s)
		link->cursor = TAILQ_NEXT(s, entry);
	s->phase = LINK_FREE;
	TAILQ_REMOVE(&link->sessions, s, entry);
	link->session_count--;
	if (s->caller != NULL)
		TAILQ_REMOVE(&s->caller->sessions, s, by_caller);
	rte_spinlock_unlock(&link->lock);
	link_count_sub(&link->stats.sessions, 1);
}

void
link_session_count(struct link_session *s, enum link_why why)
{
	link_count(&s->errors[why], 1);
	link_count(&s->link->stats.errors[why], 1);
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
