/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose is an instance? That of the GID that writes to it first. Somebody may have given a password
 * there: what he has opened with it is not for the next one who attaches. So another GID
 * gets a fresh instance once he has left, or none, unless the console is shared.
 *
 *	                      leaves, or its link is lost          keep passes, or another
 *	                                 |                         GID wants to write
 *	nobody's --GID writes--> OWNED --+--> LEFT (left_ns) -----------------------------> hung up
 *	                           ^               |
 *	                           +-- comes back -+
 *
 * A device cannot be made fresh: what is logged in at its far end stays. It belongs to
 * whoever writes, and to the next one when he has left.
 */
#include <stdio.h>
#include <string.h>

#include "base_time.h"
#include "cons_server_priv.h"

#define LEFT_NS (30 * BASE_NS_PER_S) /* to come back, where several GIDs may write */
#define HANGUP_NS (10 * BASE_NS_PER_S) /* to end after SIGHUP */
#define REAP_NS (10 * BASE_NS_PER_MS)

uint64_t
cons_owner_keep_ns(const struct cons_console_conf *conf)
{
	bool several = conf->allow.any || conf->allow.count > 1;

	if (conf->keep_given)
		return conf->keep_s == CONS_KEEP_FOREVER ? UINT64_MAX
							 : conf->keep_s * BASE_NS_PER_S;
	return several && !conf->share && conf->kind == CONS_CONSOLE_EXEC ? LEFT_NS : UINT64_MAX;
}

void
cons_owner_takes(struct cons_instance *inst, uint64_t gid)
{
	inst->left_ns = 0;
	inst->owner = inst->console->share ? 0 : gid;
}

/* Has the writer, and not come back in time? He may have left later than this round began. */
static bool
has_left(const struct cons_instance *inst)
{
	uint64_t now = inst->srv->now_ns;

	return inst->left_ns != 0 && inst->writer == NULL && now >= inst->left_ns &&
	       now - inst->left_ns >= inst->console->keep_ns;
}

enum cons_claim
cons_owner_claim(const struct cons_instance *inst, uint64_t gid, const struct cons_attach *in)
{
	const struct cons_console *c = inst->console;
	const struct cons_unit *w = inst->writer;

	if ((in->flags & CONS_ATTACH_OBSERVE) != 0)
		return CONS_CLAIM_GOOD;
	/* The number of a client is its secret: it may have another function now. */
	if (w != NULL ? w->client == in->client : inst->absent.client == in->client)
		return CONS_CLAIM_GOOD;
	if (inst->owner == 0 || inst->owner == gid)
		return w != NULL && (in->flags & CONS_ATTACH_TAKE_OVER) == 0 ? CONS_CLAIM_BUSY
									     : CONS_CLAIM_GOOD;
	if (w != NULL || inst->absent.client != 0)
		return CONS_CLAIM_OWNED;
	if (c->kind == CONS_CONSOLE_TTY)
		return CONS_CLAIM_GOOD;
	return c->keep_given && !has_left(inst) ? CONS_CLAIM_OWNED : CONS_CLAIM_ANEW;
}

void
cons_owner_hang_up(struct cons_instance *inst, const char *why)
{
	snprintf(inst->end_text, sizeof(inst->end_text), "%s", why);
	base_count(&inst->console->stats.hung_up, 1);
	base_count(&inst->srv->stats.hung_up, 1);
	inst->absent.client = 0;
	inst->kill_ns = inst->srv->now_ns + HANGUP_NS;
	cons_instance_over(inst, CONS_ENDED_HANGUP);
}

/* Programs that were hung up, and have some time to end. @return whether it has ended. */
static bool
reap(struct cons_instance *inst)
{
	uint64_t now = inst->srv->now_ns;

	if (inst->term.pid == 0)
		return true;
	if (now < inst->look_ns)
		return false;
	inst->look_ns = now + REAP_NS;
	return cons_pty_reap(&inst->term, now >= inst->kill_ns);
}

void
cons_owner_tick(struct cons_instance *inst)
{
	uint64_t now = inst->srv->now_ns;
	bool ended = inst->state == CONS_OVER && reap(inst);

	if (inst->absent.client != 0 && now >= inst->absent.until_ns) {
		if (inst->state != CONS_OVER)
			cons_audit_absent(inst, "did not come back");
		inst->absent.client = 0;
	}
	if (inst->absent.client != 0)
		return;
	if (inst->state == CONS_RUNNING && has_left(inst))
		cons_owner_hang_up(inst, "its writer has left");
	if (inst->state == CONS_OVER && TAILQ_EMPTY(&inst->units) && ended)
		cons_instance_free(inst);
}
