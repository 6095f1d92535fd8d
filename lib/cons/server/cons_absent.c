/* SPDX-License-Identifier: BSD-3-Clause */
/* Writers whose link was lost: each keeps its place for a while. */
#include <string.h>

#include <rte_common.h>

#include "base_time.h"
#include "cons_server_priv.h"

#define ABSENT_NS (30 * BASE_NS_PER_S) /* a writer's place is kept for so long */

uint64_t
cons_instance_writer(const struct cons_instance *inst)
{
	if (inst->writer != NULL)
		return inst->writer->peer->gid;
	return inst->absent.client != 0 ? inst->absent.gid : 0;
}

void
cons_absent_begin(const struct cons_unit *u)
{
	const struct cons_peer *p = u->peer;

	u->instance->absent = (struct cons_absent){
		.client = u->client,
		.gid = p->gid,
		.epoch = p->epoch,
		.out_pos = u->seen_pos,
		.until_ns = p->srv->now_ns + RTE_MIN(ABSENT_NS, u->instance->console->keep_ns),
	};
}

void
cons_absent_forget(struct cons_server *srv, uint64_t client)
{
	struct cons_instance *inst;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		if (inst->absent.client == client)
			inst->absent.client = 0;
	}
}

/*
 * A session of version 1 has one client: who comes with another one has given up the last. In
 * version 2 each client of a process comes back for itself; another process has none of them.
 */
static bool
has_given_up(const struct cons_absent *absent, const struct cons_peer *p)
{
	return absent->gid == p->gid &&
	       (!p->version2 || memcmp(&absent->epoch, &p->epoch, sizeof(p->epoch)) != 0);
}

void
cons_absent_end(struct cons_server *srv, const struct cons_instance *inst,
		const struct cons_unit *u)
{
	struct cons_instance *i;

	cons_absent_forget(srv, u->client);
	TAILQ_FOREACH(i, &srv->instances, entry) {
		bool replaced = u->writer && i->console == inst->console;

		if (i->absent.client == 0 || (!replaced && !has_given_up(&i->absent, u->peer)))
			continue;
		if (i->state != CONS_OVER)
			cons_audit_absent(i, "is not waited for any more");
		i->absent.client = 0;
	}
}
