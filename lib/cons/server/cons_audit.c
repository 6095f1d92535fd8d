/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who had which console when: lines for the audit log. Names come from the command line or have
 * passed the gate; all else is numbers, so a line is always clean. The only place that
 * calls syslog(3).
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "base_text.h"
#include "base_time.h"
#include "cons_server_priv.h"

#define REFUSALS_NS BASE_NS_PER_S /* of one client: in so long ... */
#define REFUSALS_MAX 5 /* ... so many lines */
#define NO_SESSION_NS (60 * BASE_NS_PER_S)

static void __attribute__((format(printf, 2, 3)))
tell(const struct cons_server *srv, const char *fmt, ...)
{
	char raw[CONS_AUDIT_LINE], line[CONS_AUDIT_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	base_text_clean(line, sizeof(line), raw, sizeof(raw));
	if (srv->conf.audit != NULL)
		srv->conf.audit(srv->conf.audit_arg, line);
	else
		cons_audit_log_add(srv->log, line);
}

static void
put(const char *line)
{
	syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line);
}

int
cons_audit_open(struct cons_server *srv)
{
	if (srv->conf.audit != NULL)
		return 0;
	/* Libraries may use syslog, too: what has no facility of its own is not for this log. */
	openlog(NULL, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	return cons_audit_log_start(&srv->log, put);
}

void
cons_audit_close(struct cons_server *srv)
{
	cons_audit_log_stop(srv->log);
	srv->log = NULL;
}

static const char *
role(const struct cons_unit *u)
{
	return u->writer ? "write" : "observe";
}

void
cons_audit_attach(const struct cons_unit *u, bool resumed)
{
	char gid[BASE_GID_STRLEN];

	tell(u->peer->srv, "console '%s': %s %s to %s", u->instance->console->name,
	     base_gid_str(u->peer->gid, gid), resumed ? "returned" : "attached", role(u));
}

/* @return whether a line is to be written; tells now and then what was left out. */
static bool
refusal_due(const struct cons_server *srv, struct cons_refusals *r, uint64_t now_ns)
{
	char gid[BASE_GID_STRLEN];

	if (now_ns - r->since_ns >= REFUSALS_NS) {
		if (r->count > REFUSALS_MAX)
			tell(srv, "%s: %u more refusals", base_gid_str(r->gid, gid),
			     r->count - REFUSALS_MAX);
		r->since_ns = now_ns;
		r->count = 0;
	}
	return r->count++ < REFUSALS_MAX;
}

void
cons_audit_refuse(struct cons_peer *p, const char *name, const char *why)
{
	char gid[BASE_GID_STRLEN];

	p->refusals.gid = p->gid;
	if (refusal_due(p->srv, &p->refusals, p->srv->now_ns))
		tell(p->srv, "console '%s': %s refused: %s", name, base_gid_str(p->gid, gid), why);
}

/* A client that is refused calls again and again: two GIDs in one place only share its memory. */
void
cons_audit_no_session(struct cons_server *srv, uint64_t gid)
{
	struct cons_refusals *r = &srv->refusals[(gid ^ gid >> 32) % CONS_REFUSALS];
	uint64_t now_ns = base_now_ns();
	char text[BASE_GID_STRLEN];

	if (r->gid == gid && now_ns - r->since_ns < NO_SESSION_NS)
		return;
	r->gid = gid;
	r->since_ns = now_ns;
	tell(srv, "%s refused: no console is allowed to this GID", base_gid_str(gid, text));
}

void
cons_audit_take_over(const struct cons_unit *u, const struct cons_unit *from)
{
	char gid[BASE_GID_STRLEN], was[BASE_GID_STRLEN];

	tell(u->peer->srv, "console '%s': %s took over from %s", from->instance->console->name,
	     base_gid_str(u->peer->gid, gid), base_gid_str(from->peer->gid, was));
}

void
cons_audit_leave(const struct cons_unit *u, const char *how)
{
	const struct cons_server *srv = u->peer->srv;
	char gid[BASE_GID_STRLEN];

	tell(srv, "console '%s': %s %s (%s, %llu s)", u->instance->console->name,
	     base_gid_str(u->peer->gid, gid), how, role(u),
	     (srv->now_ns - u->since_ns) / BASE_NS_PER_S);
}

void
cons_audit_absent(const struct cons_instance *inst, const char *how)
{
	char gid[BASE_GID_STRLEN];

	tell(inst->srv, "console '%s': %s %s", inst->console->name,
	     base_gid_str(inst->absent.gid, gid), how);
}

void
cons_audit_start(const struct cons_instance *inst)
{
	if (inst->term.pid != 0)
		tell(inst->srv, "console '%s': program started, process %d", inst->console->name,
		     (int)inst->term.pid);
	else
		tell(inst->srv, "console '%s': device opened", inst->console->name);
}

void
cons_audit_end(const struct cons_instance *inst)
{
	const char *name = inst->console->name;

	if (inst->end_code >= CONS_ENDED_HANGUP)
		tell(inst->srv, "console '%s': hung up%s%s", name,
		     inst->end_text[0] != '\0' ? ": " : "", inst->end_text);
	else if (inst->end_code >= CONS_ENDED_SIGNAL)
		tell(inst->srv, "console '%s': program killed by signal %u", name,
		     inst->end_code - CONS_ENDED_SIGNAL);
	else
		tell(inst->srv, "console '%s': program ended with status %u", name, inst->end_code);
}
