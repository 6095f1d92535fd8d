/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of the function's DMBs and of our memory sessions may have. Memory of a session is what
 * its initiator asks for, so whoever asks for much would leave nothing to others. Therefore a
 * session gets at most a quarter of what is left, and never more than one GID may have: the first
 * ones get what they want, and some is always left for one more. Who asks for more is refused, and
 * its next call is offered what it can have.
 */
#include <errno.h>
#include <stdlib.h>

#include "link_priv.h"

/* This much is never cut into quarters: a session of one queue as most programs want it. */
#define SMALL_DMBS 8u
#define SMALL_BYTES (UINT64_C(8) << 20)

/* Sizes below which an offer does not go. */
#define DEPTH_MIN 16u
#define SLOT_MIN 4096u

/* The row of held[] and keep[]; all private services share row 0. */
static unsigned int
service_of(unsigned int service)
{
	return service < LINK_SERVICES ? service : 0;
}

int
link_keep(struct link *link, enum link_service service, const struct link_share *part)
{
	if (service_of(service) == 0)
		return -EINVAL;
	link->keep[service] = *part;
	return 0;
}

/* What a session of that shape takes of ours. @return 0, -ENOSPC, -ENOMEM. */
static int
cost_of(const struct link *link, const struct link_geo *geo, struct link_share *cost)
{
	struct link_mem_desc *mem = malloc(sizeof(*mem));
	int ret = mem != NULL ? link_mem_layout(geo, link->info.dmb_max, mem) : -ENOMEM;

	if (ret == 0) {
		cost->sessions = 1;
		cost->dmbs = mem->dmb_count + 2;
		cost->bytes = LINK_CTRL_SIZE + mem->ring_len +
			      (uint64_t)geo->queues * geo->depth * geo->slot_size;
	}
	free(mem);
	return ret;
}

#define LEFT(all, used) ((all) > (used) ? (all) - (used) : 0)

/* What a service may still take of the function: not what is kept for others. */
static struct link_share
left_of_function(const struct link *link, unsigned int service)
{
	struct link_share left = {
		.sessions = link->conf.sessions_max,
		.dmbs = link->info.dmb_count_max,
		.bytes = link->conf.memory_max != 0 ? link->conf.memory_max : UINT64_MAX,
	};

	for (unsigned int i = 0; i < LINK_SERVICES; i++) {
		const struct link_share *held = &link->held[i];
		struct link_share keep = { 0 };

		if (i != service)
			keep = link->keep[i];
		left.sessions = LEFT(left.sessions, RTE_MAX(held->sessions, keep.sessions));
		left.dmbs = LEFT(left.dmbs, RTE_MAX(held->dmbs, keep.dmbs));
		left.bytes = LEFT(left.bytes, RTE_MAX(held->bytes, keep.bytes));
	}
	return left;
}

/* The same, and what its GID may still take. */
static struct link_share
left_of(const struct link_session *s)
{
	const struct link_conf *conf = &s->link->conf;
	const struct link_share *held = &s->caller->held;
	struct link_share left = left_of_function(s->link, service_of(s->service));

	if (conf->caller_dmbs_max != 0)
		left.dmbs = RTE_MIN(left.dmbs, LEFT(conf->caller_dmbs_max, held->dmbs));
	if (conf->caller_memory_max != 0)
		left.bytes = RTE_MIN(left.bytes, LEFT(conf->caller_memory_max, held->bytes));
	return left;
}

bool
link_quota_place(const struct link *link, uint8_t service)
{
	return left_of_function(link, service_of(service)).sessions > 0;
}

/* One step down. @return false: it cannot be less. */
static bool
geo_lower(struct link_geo *geo)
{
	if (geo->queues > 1)
		geo->queues /= 2;
	else if (geo->depth > DEPTH_MIN)
		geo->depth /= 2;
	else if (geo->slot_size > SLOT_MIN)
		geo->slot_size = RTE_ALIGN_CEIL(geo->slot_size / 2, SLOT_MIN);
	else
		return false;
	return true;
}

/* May s have that shape? */
static bool
fits(const struct link_session *s, const struct link_geo *geo, struct link_share *cost)
{
	struct link_share left = left_of(s);
	uint32_t dmbs = RTE_MAX(left.dmbs / 4, RTE_MIN(left.dmbs, SMALL_DMBS));
	uint64_t bytes = RTE_MAX(left.bytes / 4, RTE_MIN(left.bytes, SMALL_BYTES));

	return cost_of(s->link, geo, cost) == 0 && cost->dmbs <= dmbs && cost->bytes <= bytes;
}

bool
link_quota_lower(const struct link_session *s, struct link_geo *geo)
{
	struct link_share cost;

	while (!fits(s, geo, &cost)) {
		if (!geo_lower(geo))
			return false;
	}
	return true;
}

static void
share_change(struct link_share *share, const struct link_share *minus,
	     const struct link_share *plus)
{
	share->sessions += plus->sessions - minus->sessions;
	share->dmbs += plus->dmbs - minus->dmbs;
	share->bytes += plus->bytes - minus->bytes;
}

static void
hold(struct link_session *s, const struct link_share *share)
{
	struct link *link = s->link;

	share_change(&link->held[service_of(s->service)], &s->held, share);
	share_change(&s->caller->held, &s->held, share);
	base_count(&link->stats.held_dmbs, (uint64_t)share->dmbs - s->held.dmbs);
	base_count(&link->stats.held_bytes, share->bytes - s->held.bytes);
	s->held = *share;
}

int
link_quota_take(struct link_session *s, const struct link_share *share)
{
	struct link_share left = left_of(s);

	if (share->sessions > left.sessions + s->held.sessions ||
	    share->dmbs > left.dmbs + s->held.dmbs ||
	    (share->bytes > s->held.bytes && share->bytes - s->held.bytes > left.bytes))
		return -ENOSPC;
	hold(s, share);
	return 0;
}

int
link_quota_agree(struct link_session *s, const struct link_geo *geo)
{
	struct link_share cost;

	if (!fits(s, geo, &cost))
		return -ENOSPC;
	return link_quota_take(s, &cost);
}

void
link_quota_give(struct link_session *s)
{
	static const struct link_share none;

	hold(s, &none);
}
