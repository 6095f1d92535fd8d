/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of the live view. Keys are those of telemetry; whatever is missing shows as "-" or 0. */
#include "top.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MB 1e6

double
top_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

const char *
top_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

double
top_rate(const json_t *now, const json_t *before, const char *key, double seconds)
{
	double newer = top_number(now, key), older = top_number(before, key);

	if (before == NULL || seconds <= 0 || newer < older)
		return -1;
	return (newer - older) / seconds;
}

/* Both known, or neither. */
static double
plus(double a, double b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static double
per_mb(double rate)
{
	return rate < 0 ? -1 : rate / MB;
}

static json_t *
members(const json_t *object)
{
	return (json_t *)(uintptr_t)object;
}

/* --- sessions --- */

/* The same session in the answer before: its number may have been another's then. */
static const json_t *
same_session(const json_t *sessions, const char *number, const json_t *session)
{
	static const char *const keys[] = { "gid", "rgid", "service_name", "role" };
	const json_t *old = json_object_get(sessions, number);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(top_string(old, keys[i]), top_string(session, keys[i])) != 0)
			return NULL;
	}
	return top_number(old, "ups") == top_number(session, "ups") ? old : NULL;
}

struct sums {
	double ops, bytes, stores; /* a second */
	double depth, slots, stalls, bad;
	bool known; /* some queue was there before */
};

static bool
is_queue_of(const char *queue, const char *session)
{
	size_t len = strlen(session);

	return strncmp(queue, session, len) == 0 && queue[len] == '/';
}

/* Over the queues of one session. `old` NULL: no rates. */
static struct sums
sum_queues(const struct top_picture *p, const json_t *queues, const json_t *old, const char *number)
{
	struct sums s = { .known = false };
	const json_t *before;
	const char *name;
	json_t *q;

	json_object_foreach(members(queues), name, q)
	{
		if (!is_queue_of(name, number))
			continue;
		before = json_object_get(old, name);
		s.depth += top_number(q, "inflight");
		s.slots += top_number(q, "depth");
		s.stalls += top_number(q, "no_slot") + top_number(q, "peer_full");
		s.bad += top_number(q, "bad");
		if (before == NULL)
			continue;
		s.known = true;
		s.ops += top_rate(q, before, "completions", p->seconds);
		s.bytes += top_rate(q, before, "payload_tx", p->seconds) +
			   top_rate(q, before, "payload_rx", p->seconds);
		s.stores += top_rate(q, before, "stores", p->seconds);
	}
	if (!s.known)
		s.ops = s.bytes = s.stores = -1;
	return s;
}

/* The worst queue of the client of that peer, if the session is one's. */
static double
client_latency(const struct top_picture *p, const json_t *session, const char *key)
{
	const json_t *client = json_object_get(json_object_get(p->now, "blk_client"),
					       top_string(session, "rgid"));
	double worst = 0;
	const char *name;
	json_t *q;

	if (strcmp(top_string(session, "service_name"), "blk") != 0 ||
	    strcmp(top_string(session, "role"), "initiator") != 0)
		return 0;
	json_object_foreach(members(json_object_get(client, "queue")), name, q)
	{
		if (top_number(q, key) > worst)
			worst = top_number(q, key);
	}
	return worst;
}

static double
sum_errors(const json_t *session)
{
	double sum = 0;
	const char *reason;
	json_t *n;

	json_object_foreach(members(json_object_get(session, "errors")), reason, n)
	{
		/* That we closed it is none. */
		if (strcmp(reason, "local") != 0)
			sum += json_number_value(n);
	}
	return sum;
}

static void
queue_row(const struct top_picture *p, const char *name, const json_t *q, const json_t *before,
	  FILE *out)
{
	double polls = top_rate(q, before, "polls", p->seconds);
	double empty = top_rate(q, before, "polls_empty", p->seconds);
	char ops[TOP_CELL], mb[TOP_CELL], share[TOP_CELL] = "-";

	if (polls > 0 && empty >= 0)
		snprintf(share, sizeof(share), "%.1f %%", 100 * empty / polls);
	fprintf(out, "  queue %-6s %5s ops/s %5s MB/s  empty polls %-7s depth %.0f (max %.0f)/%.0f",
		name, top_si(top_rate(q, before, "completions", p->seconds), ops),
		top_si(per_mb(plus(top_rate(q, before, "payload_tx", p->seconds),
				   top_rate(q, before, "payload_rx", p->seconds))),
		       mb),
		share, top_number(q, "inflight"), top_number(q, "inflight_max"),
		top_number(q, "depth"));
	fprintf(out, "  stalls local %.0f remote %.0f\n", top_number(q, "no_slot"),
		top_number(q, "peer_full"));
}

static void
session_row(const struct top_picture *p, const json_t *session, const struct sums *s, FILE *out)
{
	char ops[TOP_CELL], mb[TOP_CELL], stores[TOP_CELL], each[TOP_CELL], depth[TOP_CELL],
		p50[TOP_CELL], p99[TOP_CELL], stalls[TOP_CELL], retries[TOP_CELL], errors[TOP_CELL];
	const char *peer = top_string(session, "rgid");
	bool up = strcmp(top_string(session, "state"), "up") == 0;

	fprintf(out, "%-16.16s %-4.4s %2s %5s %5s %5s %4s %4s %4s %4s %5s %4s %4s\n",
		strncmp(peer, "0x", 2) == 0 ? peer + 2 : peer, top_string(session, "service_name"),
		up ? "up" : "dn", top_si(s->ops, ops), top_si(per_mb(s->bytes), mb),
		top_si(s->stores, stores), top_ratio(s->stores, s->ops, each),
		top_short(s->depth, depth), top_time(client_latency(p, session, "p50_ns"), p50),
		top_time(client_latency(p, session, "p99_ns"), p99), top_short(s->stalls, stalls),
		top_short(top_number(session, "retries"), retries),
		top_short(sum_errors(session) + s->bad, errors));
	if (!up)
		fprintf(out, "  down: %s%s%s\n", top_string(session, "why"),
			top_string(session, "reason")[0] != '\0' ? ": " : "",
			top_string(session, "reason"));
}

void
top_rows_sessions(const struct top_picture *p, FILE *out)
{
	const json_t *link = json_object_get(p->now, "link_xstats");
	const json_t *was = json_object_get(p->before, "link_xstats");
	const json_t *queues = json_object_get(link, "queues"), *before;
	const char *number, *name;
	json_t *session, *q;
	struct sums s;

	if (link == NULL)
		return;
	fprintf(out, "\n%-16s %-4s %2s %5s %5s %5s %4s %4s %4s %4s %5s %4s %4s\n", "PEER", "SERV",
		"UP", "OPS/s", "MB/s", "STO/s", "S/OP", "DEEP", "P50", "P99", "STALL", "RTRY",
		"ERR");
	json_object_foreach(members(json_object_get(link, "sessions")), number, session)
	{
		before = same_session(json_object_get(was, "sessions"), number, session) != NULL
				 ? json_object_get(was, "queues")
				 : NULL;
		s = sum_queues(p, queues, before, number);
		session_row(p, session, &s, out);
		json_object_foreach(members(queues), name, q)
		{
			if (is_queue_of(name, number))
				queue_row(p, name, q, json_object_get(before, name), out);
		}
	}
	if (json_object_size(json_object_get(link, "sessions")) == 0)
		fputs("no sessions\n", out);
}

/* --- disks: exports of a server, disks of a client --- */

/* {"read": {"ops": 1}} of an export, {"read_ops": 1} of a disk. */
static double
disk_rate(const struct top_picture *p, const json_t *now, const json_t *before, const char *op,
	  const char *what)
{
	char flat[64];

	if (json_is_object(json_object_get(now, op)))
		return top_rate(json_object_get(now, op), json_object_get(before, op), what,
				p->seconds);
	snprintf(flat, sizeof(flat), "%s_%s", op, what);
	return top_rate(now, before, flat, p->seconds);
}

static double
disk_errors(const json_t *disk)
{
	static const char *const ops[] = { "read",	   "write",	   "flush", "discard",
					   "write_zeroes", "block_status", "copy" };
	double sum = top_number(disk, "flush_errors");
	char flat[64];

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (json_is_object(json_object_get(disk, ops[i]))) {
			sum += top_number(json_object_get(disk, ops[i]), "errors");
			continue;
		}
		snprintf(flat, sizeof(flat), "%s_errors", ops[i]);
		/* Of an export `flush_errors` is something else, and counted above. */
		if (strcmp(ops[i], "flush") != 0)
			sum += top_number(disk, flat);
	}
	return sum;
}

static void
disk_row(const struct top_picture *p, const char *kind, const json_t *d, const json_t *before,
	 FILE *out)
{
	char r[TOP_CELL], w[TOP_CELL], rmb[TOP_CELL], wmb[TOP_CELL], depth[TOP_CELL], p50[TOP_CELL],
		p99[TOP_CELL], p999[TOP_CELL], max[TOP_CELL], errors[TOP_CELL];

	if (before != NULL && strcmp(top_string(before, "name"), top_string(d, "name")) != 0)
		before = NULL;
	fprintf(out, "%-6s %-16.16s %5s %5s %5s %5s %4s %4s %4s %5s %4s %4s\n", kind,
		top_string(d, "name"), top_si(disk_rate(p, d, before, "read", "ops"), r),
		top_si(disk_rate(p, d, before, "write", "ops"), w),
		top_si(per_mb(disk_rate(p, d, before, "read", "bytes")), rmb),
		top_si(per_mb(disk_rate(p, d, before, "write", "bytes")), wmb),
		top_short(top_number(d, "inflight"), depth), top_time(top_number(d, "p50_ns"), p50),
		top_time(top_number(d, "p99_ns"), p99), top_time(top_number(d, "p999_ns"), p999),
		top_time(top_number(d, "max_ns"), max), top_short(disk_errors(d), errors));
}

static void
disk_head(FILE *out)
{
	fprintf(out, "\n%-6s %-16s %5s %5s %5s %5s %4s %4s %4s %5s %4s %4s\n", "DISK", "NAME",
		"RD/s", "WR/s", "RMB/s", "WMB/s", "DEEP", "P50", "P99", "P99.9", "MAX", "ERR");
}

void
top_rows_disks(const struct top_picture *p, FILE *out)
{
	const json_t *exports = json_object_get(p->now, "blk_exports");
	const json_t *was = json_object_get(p->before, "blk_exports");
	const json_t *clients = json_object_get(p->now, "blk_client"), *old;
	const char *name, *peer;
	json_t *d, *client;

	if (json_object_size(exports) == 0 && json_object_size(clients) == 0)
		return;
	disk_head(out);
	json_object_foreach(members(exports), name, d)
	{
		disk_row(p, "export", d, json_object_get(was, name), out);
	}
	json_object_foreach(members(clients), peer, client)
	{
		old = json_object_get(json_object_get(json_object_get(p->before, "blk_client"),
						      peer),
				      "disk");
		json_object_foreach(members(json_object_get(client, "disk")), name, d)
		{
			disk_row(p, "disk", d, json_object_get(old, name), out);
		}
	}
}

/* --- consoles --- */

static void
console_row(const struct top_picture *p, const json_t *c, const json_t *before, FILE *out)
{
	char sent[TOP_CELL], got[TOP_CELL], stalls[TOP_CELL], cut[TOP_CELL];

	if (before != NULL && strcmp(top_string(before, "name"), top_string(c, "name")) != 0)
		before = NULL;
	fprintf(out, "%-16.16s %-8.8s %-18.18s %4.0f %5s %5s %5s %5s\n", top_string(c, "name"),
		top_string(c, "state"), top_string(c, "writer"), top_number(c, "observers"),
		top_si(top_rate(c, before, "bytes_out", p->seconds), sent),
		top_si(top_rate(c, before, "bytes_in", p->seconds), got),
		top_short(top_number(c, "stalls"), stalls), top_short(top_number(c, "cut"), cut));
}

/* An attachment to a console, as dpdk-ismcons has one. */
static void
attachment_row(const struct top_picture *p, const json_t *c, const json_t *before, FILE *out)
{
	char sent[TOP_CELL], got[TOP_CELL];

	fprintf(out, "%-16.16s %-8.8s at %-18.18s %s: %s B/s out, %s B/s in, credits %.0f\n",
		top_string(c, "console"), top_string(c, "state"), top_string(c, "peer"),
		top_string(c, "role"), top_si(top_rate(c, before, "bytes_in", p->seconds), got),
		top_si(top_rate(c, before, "bytes_out", p->seconds), sent),
		top_number(c, "credits"));
}

void
top_rows_consoles(const struct top_picture *p, FILE *out)
{
	const json_t *list = json_object_get(p->now, "cons_consoles");
	const json_t *old = json_object_get(p->before, "cons_consoles");
	const json_t *client = json_object_get(p->now, "cons_client");
	const char *name;
	json_t *c;

	if (json_object_size(list) > 0)
		fprintf(out, "\n%-16s %-8s %-18s %4s %5s %5s %5s %5s\n", "CONSOLE", "STATE",
			"WRITER", "OBS", "OUT/s", "IN/s", "STALL", "CUT");
	json_object_foreach(members(list), name, c)
	{
		console_row(p, c, json_object_get(old, name), out);
	}
	if (json_object_size(client) > 0) {
		fputs("\nCONSOLE\n", out);
		attachment_row(p, client, json_object_get(p->before, "cons_client"), out);
	}
}

/* --- link tests --- */

/* What others test with us. */
static void
answers_row(const struct top_picture *p, const json_t *t, const json_t *was, FILE *out)
{
	const json_t *now = json_object_get(t, "received"),
		     *before = json_object_get(was, "received");
	char n[TOP_CELL], mb[TOP_CELL], sessions[TOP_CELL];

	if (top_number(now, "sessions") <= 0)
		return;
	fprintf(out, "\nTESTS of others (%s), newest %s: %s messages/s %s MB/s\n",
		top_si(top_number(now, "sessions"), sessions), top_string(now, "mode"),
		top_si(top_rate(now, before, "messages", p->seconds), n),
		top_si(per_mb(top_rate(now, before, "bytes", p->seconds)), mb));
}

void
top_rows_test(const struct top_picture *p, FILE *out)
{
	const json_t *t = json_object_get(p->now, "fwd_stats");
	const json_t *was = json_object_get(p->before, "fwd_stats");
	const json_t *latency = json_object_get(t, "latency_ns");
	char n[TOP_CELL], mb[TOP_CELL], p50[TOP_CELL], p99[TOP_CELL], p999[TOP_CELL], max[TOP_CELL];

	answers_row(p, t, was, out);
	/* A program that only answers. */
	if (json_object_size(t) == 0 ||
	    (strcmp(top_string(t, "state"), "closed") == 0 && top_string(t, "mode")[0] == '\0'))
		return;
	fprintf(out, "\nTEST %s, %s: %s messages/s %s MB/s, p50 %s p99 %s p99.9 %s max %s\n",
		top_string(t, "mode"), top_string(t, "state"),
		top_si(top_rate(t, was, "messages", p->seconds), n),
		top_si(per_mb(top_rate(t, was, "bytes", p->seconds)), mb),
		top_time(top_number(latency, "p50"), p50),
		top_time(top_number(latency, "p99"), p99),
		top_time(top_number(latency, "p999"), p999),
		top_time(top_number(latency, "max"), max));
}
