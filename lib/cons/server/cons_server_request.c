/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients ask: the gate, then state, then the answer or a place in a queue. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "base_time.h"
#include "cons_server_priv.h"

#define BURST 32 /* requests taken from a client in one round */
#define LIST_MAX 16 /* records of one answer */
/*
 * Programs that end at once shall not keep the machine busy with starting them: so many starts of
 * a console at once, then one a second, as init does. Observers start fewer, of their own share:
 * they cannot use up what the writers have.
 */
static const struct base_rate start_rate[] = {
	{ .per_s = 1, .burst = 3 }, /* observers */
	{ .per_s = 1, .burst = 10 }, /* writers */
};

/* --- LIST --- */

static uint32_t
seconds(const struct cons_server *srv, uint64_t since_ns)
{
	return (uint32_t)((srv->now_ns - since_ns) / BASE_NS_PER_S);
}

static void
fill_running(struct cons_wire_info *info, const struct cons_instance *inst)
{
	const struct cons_server *srv = inst->srv;
	const struct cons_unit *u;
	unsigned int n = 0;

	info->instance = rte_cpu_to_be_64(inst->id);
	info->out_pos = rte_cpu_to_be_64(inst->scroll.head);
	info->age = rte_cpu_to_be_32(seconds(srv, inst->began_ns));
	info->rows = rte_cpu_to_be_16(inst->size.rows);
	info->cols = rte_cpu_to_be_16(inst->size.cols);
	info->observers = rte_cpu_to_be_16((uint16_t)inst->observers);
	info->writer = rte_cpu_to_be_64(cons_instance_writer(inst));
	if (info->writer != 0)
		info->writer_age = rte_cpu_to_be_32(seconds(srv, inst->writer_ns));
	TAILQ_FOREACH(u, &inst->units, attached) {
		if (!u->writer && n < RTE_DIM(info->observer))
			info->observer[n++] = rte_cpu_to_be_64(u->peer->gid);
	}
}

static void
fill_info(struct cons_wire_info *info, const struct cons_console *c, uint64_t gid)
{
	uint32_t flags = c->kind == CONS_CONSOLE_TTY ? CONS_INFO_DEVICE : 0;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, c->name, sizeof(info->name));
	memcpy(info->desc, c->desc, sizeof(info->desc));
	if (cons_console_may_write(c, gid))
		flags |= CONS_INFO_MAY_WRITE;
	info->flags = rte_cpu_to_be_32(flags);
	if (c->now != NULL)
		fill_running(info, c->now);
}

static void
serve_list(struct cons_peer *p, const struct link_req *req)
{
	struct cons_wire_info info[LIST_MAX];
	unsigned int max = RTE_MIN(p->slot_size / (uint32_t)sizeof(info[0]), (uint32_t)LIST_MAX);
	struct link_cqe cqe = { 0 };
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->srv->count; i++) {
		const struct cons_console *c = p->srv->consoles[i];

		if (!cons_console_may_observe(c, p->gid))
			continue;
		if (cqe.result++ >= req->off && n < max)
			fill_info(&info[n++], c, p->gid);
	}
	cqe.payload = (uint32_t)(n * sizeof(info[0]));
	cons_peer_answer(p, req->id, &cqe, info);
}

/* --- ATTACH --- */

/* What ATTACH is answered with. */
struct attached {
	enum cons_status status;
	bool later; /* no answer yet: ask again */
	struct cons_wire_attached wire;
};

static struct attached
refuse(struct cons_peer *p, const char *name, enum cons_status status)
{
	struct attached out = { .status = status };

	base_count(&p->srv->stats.refusals, 1);
	cons_audit_refuse(p, name, cons_status_str((uint16_t)status));
	return out;
}

static struct attached
refuse_busy(struct cons_peer *p, const struct cons_instance *inst)
{
	const struct cons_console *c = inst->console;
	struct attached out = refuse(p, c->name, CONS_EBUSY);

	memcpy(out.wire.name, c->name, sizeof(out.wire.name));
	snprintf(out.wire.text, sizeof(out.wire.text), "written by another client for %u s",
		 seconds(p->srv, inst->writer_ns));
	out.wire.instance = rte_cpu_to_be_64(inst->id);
	out.wire.writer = rte_cpu_to_be_64(cons_instance_writer(inst));
	return out;
}

/* To take over is of no use either. */
static struct attached
refuse_owned(struct cons_peer *p, const struct cons_instance *inst)
{
	struct attached out = refuse_busy(p, inst);

	if (inst->writer == NULL)
		snprintf(out.wire.text, sizeof(out.wire.text),
			 "not shared, and kept for its writer who left %u s ago",
			 seconds(p->srv, inst->left_ns));
	else
		snprintf(out.wire.text, sizeof(out.wire.text),
			 "not shared, and written by another system for %u s",
			 seconds(p->srv, inst->writer_ns));
	out.wire.writer = rte_cpu_to_be_64(inst->owner);
	out.wire.flags = rte_cpu_to_be_32(CONS_ATTACHED_OWNED);
	return out;
}

static struct attached
refuse_start(struct cons_peer *p, const struct cons_console *c, const char *why)
{
	struct attached out = { .status = CONS_EIO };

	base_count(&p->srv->stats.refusals, 1);
	cons_audit_refuse(p, c->name, why);
	memcpy(out.wire.name, c->name, sizeof(out.wire.name));
	snprintf(out.wire.text, sizeof(out.wire.text), "%s", why);
	return out;
}

/* The same client, attached over another function or unit, makes way for itself. */
static void
replace_self(struct cons_instance *inst, const struct cons_unit *u, uint64_t client)
{
	struct cons_unit *old, *next;

	for (old = TAILQ_FIRST(&inst->units); old != NULL; old = next) {
		next = TAILQ_NEXT(old, attached);
		if (old->client != client || old == u)
			continue;
		cons_audit_leave(old, "replaced by itself");
		cons_unit_leave(old, CONS_EVENT_DETACHED, 0, "attached anew from elsewhere");
	}
}

static void
make_way(struct cons_unit *u, struct cons_instance *inst, const struct cons_attach *in)
{
	struct cons_unit *old;

	replace_self(inst, u, in->client);
	old = inst->writer;
	if ((in->flags & CONS_ATTACH_OBSERVE) != 0 || old == NULL)
		return;
	base_count(&inst->srv->stats.take_overs, 1);
	cons_audit_take_over(u, old);
	cons_unit_leave(old, CONS_EVENT_TAKEN, u->peer->gid, "taken over by another client");
}

/* Where this attachment begins. @return bytes that it misses. */
static uint64_t
begin_at(struct cons_unit *u, const struct cons_instance *inst, const struct cons_attach *in)
{
	const struct cons_scroll *s = &inst->scroll;
	uint64_t tail = cons_scroll_tail(s);

	if (in->instance == inst->id) {
		u->out_pos = RTE_MAX(in->out_pos, tail);
		return u->out_pos - in->out_pos;
	}
	u->out_pos = cons_scroll_begin(s, in->instance != 0 ? s->size : in->history);
	return tail > inst->sent_pos ? tail - inst->sent_pos : 0;
}

/* What READs have brought to an attachment before says nothing of this one. */
static void
forget_reads(struct cons_unit *u)
{
	struct cons_peer *p = u->peer;

	for (unsigned int i = 0; i < RTE_DIM(p->slots); i++) {
		if (p->slots[i].reader == u)
			p->slots[i].reader = NULL;
	}
	u->seen_pos = u->out_pos;
}

static void
become(struct cons_unit *u, struct cons_instance *inst, const struct cons_attach *in)
{
	bool writer = (in->flags & CONS_ATTACH_OBSERVE) == 0;
	struct cons_input *row = cons_instance_row(inst, in->client, writer);

	u->state = CONS_UNIT_ATTACHED;
	u->instance = inst;
	u->writer = writer;
	/* Who uses a unit again has heard how its last attachment ended. */
	if (u->client != 0)
		cons_absent_forget(inst->srv, u->client);
	u->client = in->client;
	u->since_ns = inst->srv->now_ns;
	if (!u->peer->version2)
		u->number = u->number == UINT16_MAX ? 1 : (uint16_t)(u->number + 1);
	u->in_next = row != NULL ? row->pos : 0;
	forget_reads(u);
	cons_absent_end(inst->srv, inst, u);
	if (writer && in->instance != inst->id)
		cons_instance_release(inst); /* of whoever wrote before */
	TAILQ_INSERT_TAIL(&inst->units, u, attached);
	if (!writer) {
		inst->observers++;
		return;
	}
	u->input = row;
	inst->writer = u;
	inst->writer_ns = inst->srv->now_ns;
	cons_owner_takes(inst, u->peer->gid);
	/* An end of input was the last writer's word; the same one keeps to it. */
	if (in->instance != inst->id)
		inst->eof = false;
}

/* The writer's size, and a full-screen program draws again. */
static void
redraw(struct cons_instance *inst, const struct cons_attach *in)
{
	if (in->rows != 0)
		inst->size = (struct cons_size){ in->rows, in->cols, in->xpixel, in->ypixel };
	if (inst->state == CONS_RUNNING)
		inst->term.ops->resize(&inst->term, &inst->size);
}

static struct attached
attach_to(struct cons_unit *u, struct cons_instance *inst, const struct cons_attach *in, bool fresh)
{
	const struct cons_console *c = inst->console;
	struct attached out = { 0 };
	uint64_t lost = begin_at(u, inst, in);
	uint32_t flags = c->kind == CONS_CONSOLE_TTY ? CONS_ATTACHED_DEVICE : 0;

	become(u, inst, in);
	if (u->writer && !fresh)
		redraw(inst, in);
	if (u->writer)
		flags |= CONS_ATTACHED_WRITER;
	base_count(&inst->console->stats.cut, lost);
	base_count(&inst->srv->stats.attaches, 1);
	cons_audit_attach(u, in->instance == inst->id);
	memcpy(out.wire.name, c->name, sizeof(out.wire.name));
	out.wire.instance = rte_cpu_to_be_64(inst->id);
	out.wire.out_pos = rte_cpu_to_be_64(u->out_pos);
	out.wire.in_pos = rte_cpu_to_be_64(u->in_next);
	out.wire.lost = rte_cpu_to_be_64(lost);
	out.wire.writer = rte_cpu_to_be_64(cons_instance_writer(inst));
	out.wire.flags = rte_cpu_to_be_32(flags);
	out.wire.unit = rte_cpu_to_be_16(u->number);
	out.wire.head = rte_cpu_to_be_64(inst->scroll.head);
	out.wire.told = rte_cpu_to_be_32(CONS_TOLD_HEAD);
	return out;
}

/* What the client's ATTACH is for: what was kept for it, else what runs. @return NULL: neither. */
static struct cons_instance *
find_instance(struct cons_server *srv, const struct cons_console *c, const struct cons_attach *in)
{
	struct cons_instance *inst;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		if (inst->console == c && inst->id == in->instance &&
		    inst->absent.client == in->client)
			return inst;
	}
	return c->now;
}

/* A new instance, when its turn has come. */
static struct attached
start_anew(struct cons_unit *u, struct cons_console *c, const struct cons_attach *in)
{
	unsigned int writes = (in->flags & CONS_ATTACH_OBSERVE) == 0;
	struct cons_server *srv = u->peer->srv;
	char why[CONS_TEXT_MAX];

	if (!base_bucket_take(&c->starts[writes], &start_rate[writes], srv->now_ns, 1)) {
		if (!u->held) {
			base_count(&c->stats.starts_held, 1);
			base_count(&srv->stats.starts_held, 1);
		}
		return (struct attached){ .later = true };
	}
	if (cons_instance_start(c, srv, in, why, sizeof(why)) != 0)
		return refuse_start(u->peer, c, why);
	return attach_to(u, c->now, in, true);
}

static struct attached
attach(struct cons_unit *u, const struct cons_attach *in)
{
	struct cons_peer *p = u->peer;
	struct cons_console *c = cons_console_find(p->srv, in->name, p->gid);
	struct cons_instance *inst;

	if (c == NULL)
		return refuse(p, in->name, CONS_ENOENT);
	if ((in->flags & CONS_ATTACH_OBSERVE) == 0 && !cons_console_may_write(c, p->gid))
		return refuse(p, c->name, CONS_EACCES);
	inst = find_instance(p->srv, c, in);
	if (inst == NULL)
		return start_anew(u, c, in);
	if (inst->id == in->instance && in->out_pos > inst->scroll.head)
		return (struct attached){ .status = CONS_EINVAL };
	switch (cons_owner_claim(inst, p->gid, in)) {
	case CONS_CLAIM_BUSY:
		return refuse_busy(p, inst);
	case CONS_CLAIM_OWNED:
		return refuse_owned(p, inst);
	case CONS_CLAIM_ANEW:
		cons_owner_hang_up(inst, "its writer has left, and another system writes");
		return start_anew(u, c, in);
	default:
		make_way(u, inst, in);
		return attach_to(u, inst, in, false);
	}
}

static void
refuse_request(struct cons_peer *p, const struct link_req *req)
{
	base_count(&p->srv->stats.protocol_errors, 1);
	cons_peer_status(p, req->id, CONS_EINVAL);
}

/* The ATTACH that is held: answer it, or go on holding it. */
static void
try_attach(struct cons_unit *u)
{
	struct attached out = attach(u, &u->held_in);
	struct link_cqe cqe = { .status = out.status };

	u->held = out.later;
	if (out.later)
		return;
	if (out.status == CONS_EINVAL)
		base_count(&u->peer->srv->stats.protocol_errors, 1);
	if (out.wire.name[0] != '\0')
		cqe.payload = sizeof(out.wire);
	cons_peer_answer(u->peer, u->held_id, &cqe, &out.wire);
}

static void
serve_attach(struct cons_unit *u, const struct link_req *req)
{
	struct cons_wire_attach wire;
	struct cons_peer *p = u->peer;

	memcpy(&wire, link_slot_payload(p->link, req->id), sizeof(wire));
	if (u->state != CONS_UNIT_DETACHED || u->held ||
	    cons_gate_attach(&wire, &u->held_in) != CONS_OK) {
		refuse_request(p, req);
		return;
	}
	u->held_id = req->id;
	try_attach(u);
}

/* --- what the writer does --- */

/* In the row of what is typed. */
static void
type_later(struct cons_unit *u, const struct link_req *req, uint32_t done)
{
	struct cons_slot *slot = &u->peer->slots[req->id];

	slot->op = req->op;
	slot->done = done;
	slot->len = req->len;
	cons_open_add(u->peer, &u->typed, req->id);
}

/* Bytes that the instance has already are skipped. */
static bool
serve_write(struct cons_unit *u, const struct link_req *req)
{
	uint64_t had = u->in_next - RTE_MIN(u->in_next, req->off);

	if (req->off > u->in_next)
		return false;
	u->in_next = RTE_MAX(u->in_next, req->off + req->len);
	type_later(u, req, (uint32_t)RTE_MIN(had, (uint64_t)req->len));
	return true;
}

static bool
serve_eof(struct cons_unit *u, const struct link_req *req)
{
	if (req->off != u->in_next)
		return false;
	type_later(u, req, 0);
	return true;
}

static bool
serve_resize(struct cons_unit *u, const struct link_req *req)
{
	struct cons_instance *inst = u->instance;
	struct cons_wire_size wire;
	struct cons_attach in;

	memcpy(&wire, link_slot_payload(u->peer->link, req->id), sizeof(wire));
	if (cons_gate_size(&wire, &in) != CONS_OK)
		return false;
	inst->size = (struct cons_size){ in.rows, in.cols, in.xpixel, in.ypixel };
	inst->term.ops->resize(&inst->term, &inst->size);
	cons_peer_status(u->peer, req->id, CONS_OK);
	return true;
}

/* @return what keeps this client from typing now. */
static enum cons_status
may_type(const struct cons_unit *u)
{
	if (u->state == CONS_UNIT_LEAVING || !u->writer)
		return CONS_EPERM;
	return u->instance->state == CONS_RUNNING ? CONS_OK : CONS_EGONE;
}

static void
serve_typed(struct cons_unit *u, const struct link_req *req)
{
	enum cons_status status = may_type(u);
	bool good = true;

	if (status != CONS_OK) {
		cons_peer_status(u->peer, req->id, status);
		return;
	}
	switch (req->op) {
	case CONS_WRITE:
		good = serve_write(u, req);
		break;
	case CONS_RESIZE:
		good = serve_resize(u, req);
		break;
	case CONS_EOF:
		good = serve_eof(u, req);
		break;
	default:
		type_later(u, req, 0);
		break;
	}
	if (!good)
		refuse_request(u->peer, req);
}

/* --- requests --- */

/* What was typed ahead of it may have come in the same round: the terminal gets it first. */
static void
serve_detach(struct cons_unit *u, const struct link_req *req)
{
	if (u->writer && u->typed.count > 0)
		(void)cons_instance_input(u->instance);
	if (u->instance != NULL)
		cons_audit_leave(u, "detached");
	cons_unit_detach(u);
	cons_peer_status(u->peer, req->id, CONS_OK);
}

/* A unit without an attachment; version 2 can take an ATTACH back that is not answered yet. */
static void
serve_detached(struct cons_unit *u, const struct link_req *req)
{
	enum cons_status status = CONS_EGONE;

	if (u->peer->version2 && u->held && req->op == CONS_DETACH) {
		u->held = false;
		cons_peer_status(u->peer, u->held_id, CONS_EGONE);
		status = CONS_OK;
	}
	cons_peer_status(u->peer, req->id, status);
}

/* Requests that name an attachment. */
static void
serve_unit(struct cons_unit *u, const struct link_req *req)
{
	if (u->state == CONS_UNIT_DETACHED)
		serve_detached(u, req);
	else if (req->op == CONS_READ)
		cons_open_add(u->peer, &u->reads, req->id);
	else if (req->op == CONS_DETACH)
		serve_detach(u, req);
	else
		serve_typed(u, req);
}

/* Version 1 has one unit, whose number is told. @return NULL: there is no such unit. */
static struct cons_unit *
find_unit(struct cons_peer *p, const struct link_req *req)
{
	if (p->version2)
		return &p->units[req->unit - 1]; /* the gate has seen it */
	return req->op == CONS_ATTACH || req->unit == p->units[0].number ? &p->units[0] : NULL;
}

static void
serve(struct cons_peer *p, const struct link_req *req)
{
	struct cons_unit *u;

	if (cons_gate(req, p->slot_size, p->version2) != CONS_OK) {
		refuse_request(p, req);
		return;
	}
	if (req->op == CONS_LIST) {
		serve_list(p, req);
		return;
	}
	u = find_unit(p, req);
	if (u == NULL)
		refuse_request(p, req);
	else if (req->op == CONS_ATTACH)
		serve_attach(u, req);
	else
		serve_unit(u, req);
}

/* The client uses the id again: it has what the id's READ has brought. */
static void
see_slot(struct cons_peer *p, uint16_t id)
{
	struct cons_slot *slot = &p->slots[id];

	if (slot->reader != NULL)
		slot->reader->seen_pos = RTE_MAX(slot->reader->seen_pos, slot->read_end);
	slot->reader = NULL;
}

unsigned int
cons_peer_take(struct cons_peer *p)
{
	struct link_req reqs[BURST];
	int n;

	if (p->broken)
		return 0;
	n = link_sqe_poll(p->link, reqs, BURST);
	if (n < 0)
		p->broken = true;
	for (int i = 0; i < n; i++) {
		see_slot(p, reqs[i].id);
		serve(p, &reqs[i]);
	}
	for (unsigned int i = 0; i < cons_peer_units(p) && !p->broken; i++) {
		if (p->units[i].held)
			try_attach(&p->units[i]);
	}
	return n > 0 ? (unsigned int)n : 0;
}
