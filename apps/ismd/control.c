/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be asked over the control socket. Each method is a few lines: the gate has been passed
 * (run_rpc.h), and the work is done by jobs and the link.
 */
#include "ismd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_bucket.h"
#include "base_helper.h"
#include "base_peers.h"
#include "base_text.h"
#include "base_time.h"
#include "rte_pmd_ism.h"
#include "run_control.h"

#define SESSIONS_MAX 2048 /* of listeners, and those that we opened */
#define AUDIT_MAX 1024 /* bytes of a line */

static void
fail(struct run_request *r, int ret, const char *err)
{
	run_rpc_fail(r, ret == -EINVAL ? RUN_RPC_PARAMS : RUN_RPC_FAILED, -ret, "%s", err);
}

/* --- jobs --- */

static void
do_list(void *arg, struct run_request *r)
{
	struct ismd *d = arg;

	r->result = run_jobs_show(d->jobs);
}

static void
do_add(void *arg, struct run_request *r)
{
	const char *job = run_rpc_text(r, "job", true);
	struct ismd *d = arg;
	char err[RUN_JOB_ERR];
	int ret;

	if (job == NULL)
		return;
	ret = run_job_add(d->jobs, job, false, err);
	if (ret != 0)
		fail(r, ret, err);
}

static void
do_remove(void *arg, struct run_request *r)
{
	const char *job = run_rpc_text(r, "job", true);
	struct ismd *d = arg;
	char err[RUN_JOB_ERR];
	int ret;

	if (job == NULL)
		return;
	ret = run_job_remove(d->jobs, job, err);
	if (ret != 0)
		fail(r, ret, err);
}

static void
change_allow(struct ismd *d, struct run_request *r, bool yes)
{
	const char *job = run_rpc_text(r, "job", true);
	const char *gids = job != NULL ? run_rpc_text(r, "gids", true) : NULL;
	char err[RUN_JOB_ERR];
	int ret;

	if (gids == NULL)
		return;
	ret = run_job_allow(d->jobs, job, gids, yes, err);
	if (ret != 0)
		fail(r, ret, err);
}

static void
do_allow(void *arg, struct run_request *r)
{
	change_allow(arg, r, true);
}

static void
do_deny(void *arg, struct run_request *r)
{
	change_allow(arg, r, false);
}

static void
do_reload(void *arg, struct run_request *r)
{
	struct run_job_changes changes;
	struct ismd *d = arg;
	char err[RUN_JOB_ERR];
	int ret;

	ret = base_peers_load(d->opt.peers, err, sizeof(err));
	if (ret == 0 && d->opt.config == NULL) {
		ret = -ENOENT;
		snprintf(err, sizeof(err), "this runtime has no configuration file: --config");
	} else if (ret == 0) {
		ret = run_jobs_apply(d->jobs, d->opt.config, &changes, err);
	}
	if (ret != 0) {
		run_error("configuration: %s", err);
		fail(r, ret, err);
		return;
	}
	run_note("configuration %s: %u begun, %u changed, %u ended, %u as they were", d->opt.config,
		 changes.begun, changes.changed, changes.ended, changes.kept);
	r->result = json_pack("{s:i,s:i,s:i,s:i}", "begun", changes.begun, "changed",
			      changes.changed, "ended", changes.ended, "kept", changes.kept);
}

static void
do_check(void *arg, struct run_request *r)
{
	const char *text = run_rpc_text(r, "text", true);
	const char *name = text != NULL ? run_rpc_text(r, "name", true) : NULL;
	const struct ismd *d = arg;
	char err[RUN_JOB_ERR];
	int ret;

	if (name == NULL)
		return;
	ret = run_jobs_check(d->jobs, name, text, err);
	if (ret != 0)
		fail(r, ret, err);
}

/* --- the link --- */

struct sessions {
	struct ismd *d;
	unsigned int count;
	struct link_session_info info[SESSIONS_MAX];
};

static void
take_session(void *arg, struct link_session *session)
{
	struct sessions *s = arg;

	if (s->count < SESSIONS_MAX)
		link_session_info(session, &s->info[s->count++]);
}

static void
take_sessions(void *arg)
{
	struct sessions *s = arg;

	link_session_each(s->d->link, take_session, s);
}

static json_t *
show_session(const struct link_session_info *info)
{
	char gid[BASE_GID_STRLEN];
	const char *name = base_peer_name(info->rgid);
	json_t *object =
		json_pack("{s:s,s:s,s:s,s:b,s:i,s:i,s:I}", "gid", base_gid_str(info->rgid, gid),
			  "service", link_service_str(info->service), "direction",
			  info->initiator ? "to" : "from", "up", info->up, "queues", info->queues,
			  "depth", info->depth, "slot_size", (json_int_t)info->slot_size);

	if (name != NULL)
		json_object_set_new(object, "peer", json_string(name));
	if (!info->up)
		json_object_set_new(object, "why", json_string(link_why_str(info->why)));
	return object;
}

static void
do_sessions(void *arg, struct run_request *r)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		fail(r, -ENOMEM, "no memory");
		return;
	}
	s->d = arg;
	if (run_call(0, take_sessions, s) == 0)
		r->result = json_array();
	for (unsigned int i = 0; i < s->count; i++)
		json_array_append_new(r->result, show_session(&s->info[i]));
	free(s);
}

struct drop {
	struct ismd *d;
	uint64_t gid;
	unsigned int count;
};

static void
drop_gid(void *arg)
{
	struct drop *drop = arg;

	drop->count = link_drop(drop->d->link, drop->gid, "dropped by the administrator");
}

static void
do_drop(void *arg, struct run_request *r)
{
	const char *peer = run_rpc_text(r, "peer", true);
	struct drop drop = { .d = arg };

	if (peer == NULL)
		return;
	if (base_peer_parse(peer, &drop.gid) != 0)
		run_rpc_fail(r, RUN_RPC_PARAMS, 0, "params.peer: expected %s",
			     base_peer_expected());
	else if (run_call(0, drop_gid, &drop) == 0)
		r->result = json_pack("{s:i}", "dropped", drop.count);
}

static void
do_peers(void *arg, struct run_request *r)
{
	const struct base_peer *peers;
	size_t n = base_peers_all(&peers);
	char gid[BASE_GID_STRLEN];

	r->result = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(r->result, json_pack("{s:s,s:s}", "name", peers[i].name,
							   "gid", base_gid_str(peers[i].gid, gid)));
}

/* --- the runtime --- */

static void
do_info(void *arg, struct run_request *r)
{
	struct rte_pmd_ism_info info;
	struct run_control_stats stats;
	struct ismd *d = arg;
	char gid[BASE_GID_STRLEN];

	if (rte_pmd_ism_info_get(d->dev_id, &info) != 0) {
		fail(r, -ENODEV, "the function does not answer");
		return;
	}
	run_control_stats(d->control, &stats);
	r->result = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:I,s:I,s:I}", "name",
			      run_control_name(d->control), "version", ISM_VERSION, "gid",
			      base_gid_str(info.gid, gid), "function", info.path, "lcores",
			      run_workers(), "jobs", run_jobs_count(d->jobs, NULL), "requests",
			      (json_int_t)stats.requests, "refused", (json_int_t)stats.refused,
			      "failed", (json_int_t)stats.failed);
	if (r->result != NULL)
		json_object_set_new(r->result, "pid", json_integer(getpid()));
	if (d->opt.config != NULL && r->result != NULL)
		json_object_set_new(r->result, "config", json_string(d->opt.config));
}

static void
do_mount(void *arg, struct run_request *r)
{
	mount_ask(arg, r);
}

static void
do_stop(void *arg, struct run_request *r)
{
	run_stop();
}

/* --- who did what --- */

struct audit {
	struct base_job job; /* first: its work() casts back */
	char line[AUDIT_MAX];
};

static void
write_audit(struct base_job *job)
{
	syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", ((struct audit *)job)->line);
}

/* What was asked: the texts of its parameters, as far as there is room. */
static void
describe(const struct run_request *r, char *text, size_t size)
{
	static const char *const names[] = { "job", "gids", "peer" };
	char clean[512];
	size_t len = (size_t)snprintf(text, size, "%s", r->method->name);

	for (size_t i = 0; i < RTE_DIM(names) && len < size; i++) {
		const char *value = json_string_value(json_object_get(r->params, names[i]));

		if (value == NULL)
			continue;
		base_text_clean(clean, sizeof(clean), value, strlen(value));
		len += (size_t)snprintf(text + len, size - len, " %s", clean);
	}
}

/*
 * syslog() may wait, so the helper calls it. A line that finds no room is lost; the helper counts
 * it. Others than the owner are refused, and do not fill the log with that.
 */
static void
audit(void *arg, const struct run_request *r)
{
	static struct base_bucket refusals; /* of the control thread, which calls this */
	unsigned int withheld = 0;
	char what[640], more[32] = "";
	struct audit *a;

	if (!r->caller.owner && !base_line_due(&refusals, base_now_ns(), &withheld))
		return;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return;
	if (withheld > 0)
		snprintf(more, sizeof(more), " (%u more)", withheld);
	describe(r, what, sizeof(what));
	snprintf(a->line, sizeof(a->line), "dpdk-ismd: %s by uid %u, pid %ld: %.256s%s", what,
		 (unsigned int)r->caller.uid, (long)r->caller.pid, r->code == 0 ? "done" : r->error,
		 more);
	a->job.work = write_audit;
	a->job.release = true;
	if (base_helper_submit(&a->job) != 0)
		free(a);
}

/* --- life --- */

static const struct run_method methods[] = {
	{ "list", false, false, do_list },   { "add", true, true, do_add },
	{ "remove", true, true, do_remove }, { "allow", true, true, do_allow },
	{ "deny", true, true, do_deny },     { "reload", true, true, do_reload },
	{ "check", false, false, do_check }, { "sessions", false, false, do_sessions },
	{ "drop", true, false, do_drop },    { "peers", false, false, do_peers },
	{ "mount", false, true, do_mount },  { "info", false, false, do_info },
	{ "stop", true, false, do_stop },
};

/*
 * If nobody asked for it, serving goes on, whatever is wrong with the folder; control_start()
 * tells, when all else is in order.
 */
static int
complain(struct ismd *d, int ret, const char *err)
{
	if (d->opt.name == NULL) {
		snprintf(d->no_control, sizeof(d->no_control), "%s", err);
		return RUN_EXIT_OK;
	}
	run_error("%s", err);
	return ret == -EINVAL ? RUN_EXIT_USAGE : RUN_EXIT_FAIL;
}

int
control_claim(struct ismd *d)
{
	const struct run_control_conf conf = {
		.name = d->opt.name,
		.methods = methods,
		.count = RTE_DIM(methods),
		.arg = d,
		.audit = audit,
		.hangup = d->opt.config != NULL ? do_reload : NULL,
	};
	char err[256];
	int ret = run_control_create(&conf, &d->control, err, sizeof(err));

	return ret == 0 ? RUN_EXIT_OK : complain(d, ret, err);
}

int
control_start(struct ismd *d)
{
	char err[256];
	int ret = d->control != NULL ? run_control_begin(d->control, err, sizeof(err)) : 0;

	if (ret != 0) {
		(void)run_control_stop(d->control);
		d->control = NULL;
		ret = complain(d, ret, err);
	}
	if (d->control != NULL)
		run_note("runtime '%s'", run_control_name(d->control));
	else if (ret == RUN_EXIT_OK && d->no_control[0] != '\0')
		run_note("no control socket: %s", d->no_control);
	return ret;
}

void
control_stop(struct ismd *d)
{
	d->hangs = !run_control_stop(d->control);
	d->control = NULL;
}
