/* SPDX-License-Identifier: BSD-3-Clause */
/* What a link and its sessions say of themselves: reasons, services, counters. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base_tel.h"
#include "link_priv.h"

static const char *const why_text[] = {
	[LINK_WHY_NONE] = "no reason",
	[LINK_WHY_UNREACHABLE] = "peer unreachable",
	[LINK_WHY_TIMEOUT] = "no answer",
	[LINK_WHY_REFUSED] = "refused",
	[LINK_WHY_NO_SERVICE] = "no such service",
	[LINK_WHY_VERSION] = "no common version or feature",
	[LINK_WHY_BUSY] = "peer busy",
	[LINK_WHY_CLOSED] = "closed by the peer",
	[LINK_WHY_SILENT] = "no keepalive",
	[LINK_WHY_REVOKED] = "peer gone",
	[LINK_WHY_STORE] = "stores refused",
	[LINK_WHY_PROTOCOL] = "protocol error",
	[LINK_WHY_DEVICE] = "device lost",
	[LINK_WHY_MEMORY] = "not enough DMBs or memory",
	[LINK_WHY_LOCAL] = "closed",
};

static const char *const why_name[] = {
	[LINK_WHY_NONE] = "none",
	[LINK_WHY_UNREACHABLE] = "unreachable",
	[LINK_WHY_TIMEOUT] = "timeout",
	[LINK_WHY_REFUSED] = "refused",
	[LINK_WHY_NO_SERVICE] = "no_service",
	[LINK_WHY_VERSION] = "version",
	[LINK_WHY_BUSY] = "busy",
	[LINK_WHY_CLOSED] = "closed",
	[LINK_WHY_SILENT] = "silent",
	[LINK_WHY_REVOKED] = "revoked",
	[LINK_WHY_STORE] = "store",
	[LINK_WHY_PROTOCOL] = "protocol",
	[LINK_WHY_DEVICE] = "device",
	[LINK_WHY_MEMORY] = "memory",
	[LINK_WHY_LOCAL] = "local",
};
static_assert(RTE_DIM(why_text) == LINK_WHY_COUNT && RTE_DIM(why_name) == LINK_WHY_COUNT,
	      "every reason has its words");

const char *
link_why_name(enum link_why why)
{
	return (size_t)why < RTE_DIM(why_name) ? why_name[why] : "unknown";
}

const char *
link_why_str(enum link_why why)
{
	return (size_t)why < RTE_DIM(why_text) ? why_text[why] : "unknown";
}

enum link_why
link_why_from_errno(struct link *link, int err)
{
	switch (err) {
	case -ENODEV:
		link_set_lost(link);
		return LINK_WHY_DEVICE;
	case -EHOSTUNREACH:
		return LINK_WHY_UNREACHABLE;
	case -ENOSPC:
	case -ENOMEM:
	case -EMSGSIZE:
		return LINK_WHY_MEMORY;
	case -EEXIST:
		return LINK_WHY_PROTOCOL;
	default:
		return LINK_WHY_STORE;
	}
}

enum link_why
link_why_from_status(enum link_status status)
{
	switch (status) {
	case LINK_STATUS_REFUSED:
		return LINK_WHY_REFUSED;
	case LINK_STATUS_NO_SERVICE:
		return LINK_WHY_NO_SERVICE;
	case LINK_STATUS_VERSION:
		return LINK_WHY_VERSION;
	case LINK_STATUS_BUSY:
	case LINK_STATUS_MEMORY:
		return LINK_WHY_BUSY;
	default:
		return LINK_WHY_CLOSED;
	}
}

enum link_status
link_status_from_why(enum link_why why)
{
	switch (why) {
	case LINK_WHY_SILENT:
		return LINK_STATUS_SILENT;
	case LINK_WHY_PROTOCOL:
		return LINK_STATUS_PROTOCOL;
	case LINK_WHY_VERSION:
		return LINK_STATUS_VERSION;
	case LINK_WHY_MEMORY:
		return LINK_STATUS_MEMORY;
	case LINK_WHY_LOCAL:
		return LINK_STATUS_CLOSED;
	default:
		return LINK_STATUS_BROKEN;
	}
}

bool
link_service_known(unsigned int service)
{
	return (service >= LINK_SERVICE_BLK && service <= LINK_SERVICE_TEST) ||
	       (service >= LINK_SERVICE_PRIVATE_MIN && service <= LINK_SERVICE_PRIVATE_MAX);
}

/* Private services are named by number, so that labels of metrics tell them apart. */
#define NUMBER(n) [n] = #n
#define TEN(n)                                                                                     \
	NUMBER(n##0), NUMBER(n##1), NUMBER(n##2), NUMBER(n##3), NUMBER(n##4), NUMBER(n##5),        \
		NUMBER(n##6), NUMBER(n##7), NUMBER(n##8), NUMBER(n##9)

static const char *const service_text[] = {
	[LINK_SERVICE_BLK] = "blk",
	[LINK_SERVICE_CONS] = "cons",
	[LINK_SERVICE_TEST] = "test",
	NUMBER(128),
	NUMBER(129),
	TEN(13),
	TEN(14),
	TEN(15),
	TEN(16),
	TEN(17),
	TEN(18),
	TEN(19),
	TEN(20),
	TEN(21),
	TEN(22),
	TEN(23),
	TEN(24),
	NUMBER(250),
	NUMBER(251),
	NUMBER(252),
	NUMBER(253),
	NUMBER(254),
	NUMBER(255),
};

const char *
link_service_str(unsigned int service)
{
	return link_service_known(service) ? service_text[service] : "?";
}

void
link_session_info(const struct link_session *s, struct link_session_info *info)
{
	memset(info, 0, sizeof(*info));
	info->rgid = s->rgid;
	info->service = (enum link_service)s->service;
	info->initiator = s->initiator;
	info->up = s->phase == LINK_UP;
	info->why = s->why;
	memcpy(info->reason, s->reason, sizeof(info->reason));
	info->goodbye = s->goodbye;
	info->version = s->version;
	info->features = s->features;
	info->queues = s->geo.queues;
	info->depth = s->geo.depth;
	info->slot_size = s->geo.slot_size;
	info->peer_epoch = s->peer_epoch;
	info->up_since_ns = s->up_since_ns;
#define GET(name, ...) info->name = base_count_get(&s->name);
	LINK_SESSION_METRICS(GET)
#undef GET
	for (unsigned int i = 0; i < LINK_WHY_COUNT; i++)
		info->errors[i] = base_count_get(&s->errors[i]);
}

void
link_stats(const struct link *link, struct link_stats *stats)
{
	static_assert(sizeof(*stats) == sizeof(link->stats), "the same numbers");
	base_counters_read(&link->stats, stats, sizeof(*stats));
}
