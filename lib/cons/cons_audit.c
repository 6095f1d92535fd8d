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

#define LINE_MAX_BYTES 256
#define REFUSALS_A_SECOND 5 /* of one client */

static void __attribute__((format(printf, 2, 3)))
tell(const struct cons_server *srv, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	base_text_clean(line, sizeof(line), raw, sizeof(raw));
	if (srv->conf.audit != NULL)
		srv->conf.audit(srv->conf.audit_arg, line);
	else
		syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line);
}

void
cons_audit_open(void)
{
	openlog(NULL, LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

static const char *
role(const struct cons_peer *p)
{
	return p->writer ? "write" : "observe";
}

void
cons_audit_attach(const struct cons_peer *p, bool resumed)
{
	char gid[BASE_GID_STRLEN];

	tell(p->srv, "console '%s': %s %s to %s", p->instance->console->name,
	     base_gid_str(p->gid, gid), resumed ? "returned" : "attached", role(p));
}

void
cons_audit_refuse(struct cons_peer *p, const char *name, const char *why)
{
	uint64_t now = p->srv->now_ns;
	char gid[BASE_GID_STRLEN];

	if (now - p->refusal_ns >= BASE_NS_PER_S) {
		if (p->refusals > REFUSALS_A_SECOND)
			tell(p->srv, "%s: %u more refusals", base_gid_str(p->gid, gid),
			     p->refusals - REFUSALS_A_SECOND);
		p->refusal_ns = now;
		p->refusals = 0;
	}
	if (p->refusals++ < REFUSALS_A_SECOND)
		tell(p->srv, "console '%s': %s refused: %s", name, base_gid_str(p->gid, gid), why);
}

void
cons_audit_take_over(const struct cons_peer *p, const struct cons_peer *from)
{
	char gid[BASE_GID_STRLEN], was[BASE_GID_STRLEN];

	tell(p->srv, "console '%s': %s took over from %s", from->instance->console->name,
	     base_gid_str(p->gid, gid), base_gid_str(from->gid, was));
}

void
cons_audit_leave(const struct cons_peer *p, const char *how)
{
	char gid[BASE_GID_STRLEN];

	tell(p->srv, "console '%s': %s %s (%s, %llu s)", p->instance->console->name,
	     base_gid_str(p->gid, gid), how, role(p),
	     (p->srv->now_ns - p->since_ns) / BASE_NS_PER_S);
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
		tell(inst->srv, "console '%s': hung up", name);
	else if (inst->end_code >= CONS_ENDED_SIGNAL)
		tell(inst->srv, "console '%s': program killed by signal %u", name,
		     inst->end_code - CONS_ENDED_SIGNAL);
	else
		tell(inst->srv, "console '%s': program ended with status %u", name, inst->end_code);
}
