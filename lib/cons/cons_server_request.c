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
	const struct cons_peer *p;
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
	TAILQ_FOREACH(p, &inst->peers, attached) {
		if (!p->writer && n < RTE_DIM(info->observer))
			info->observer[n++] = rte_cpu_to_be_64(p->gid);
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
	struct cons_wire_attached wire;
};

static struct attached
refuse(struct cons_peer *p, const char *name, enum cons_status status)
{
	struct attached out = { .status = status };

	p->srv->stats.refusals++;
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
	out.wire.writer = rte_cpu_to_be_64(inst->writer->gid);
	return out;
}

static struct attached
refuse_start(struct cons_peer *p, const struct cons_console *c, const char *why)
{
	struct attached out = { .status = CONS_EIO };

	p->srv->stats.refusals++;
	cons_audit_refuse(p, c->name, why);
	memcpy(out.wire.name, c->name, sizeof(out.wire.name));
	snprintf(out.wire.text, sizeof(out.wire.text), "%s", why);
	return out;
}

/* The same client, attached over another function, makes way for itself. */
static void
replace_self(struct cons_instance *inst, const struct cons_peer *p, uint64_t client)
{
	struct cons_peer *old, *next;

	for (old = TAILQ_FIRST(&inst->peers); old != NULL; old = next) {
		next = TAILQ_NEXT(old, attached);
		if (old->client != client || old == p)
			continue;
		cons_audit_leave(old, "replaced by itself");
		cons_peer_leave(old, CONS_EVENT_DETACHED, 0, "attached anew from elsewhere");
	}
}

/* @return whether somebody else writes who is not to be disturbed. */
static bool
is_busy(const struct cons_instance *inst, const struct cons_attach *in)
{
	const struct cons_peer *old = inst->writer;

	return old != NULL && old->client != in->client &&
	       (in->flags & (CONS_ATTACH_OBSERVE | CONS_ATTACH_TAKE_OVER)) == 0;
}

static void
make_way(struct cons_peer *p, struct cons_instance *inst, const struct cons_attach *in)
{
	struct cons_peer *old;

	replace_self(inst, p, in->client);
	old = inst->writer;
	if ((in->flags & CONS_ATTACH_OBSERVE) != 0 || old == NULL)
		return;
	p->srv->stats.take_overs++;
	cons_audit_take_over(p, old);
	cons_peer_leave(old, CONS_EVENT_TAKEN, p->gid, "taken over by another client");
}

/* Where this attachment begins. @return bytes that it misses. */
static uint64_t
begin_at(struct cons_peer *p, const struct cons_instance *inst, const struct cons_attach *in)
{
	const struct cons_scroll *s = &inst->scroll;
	uint64_t tail = cons_scroll_tail(s);

	if (in->instance == inst->id) {
		p->out_pos = RTE_MAX(in->out_pos, tail);
		return p->out_pos - in->out_pos;
	}
	p->out_pos = cons_scroll_begin(s, in->instance != 0 ? s->size : in->history);
	return tail > inst->sent_pos ? tail - inst->sent_pos : 0;
}

static void
become(struct cons_peer *p, struct cons_instance *inst, const struct cons_attach *in)
{
	bool writer = (in->flags & CONS_ATTACH_OBSERVE) == 0;
	struct cons_input *row = cons_instance_row(inst, in->client, writer);

	p->state = CONS_PEER_ATTACHED;
	p->instance = inst;
	p->writer = writer;
	p->client = in->client;
	p->since_ns = p->srv->now_ns;
	p->unit = p->unit == UINT16_MAX ? 1 : (uint16_t)(p->unit + 1);
	p->in_next = row != NULL ? row->pos : 0;
	p->seen_pos = p->out_pos;
	memset(p->read_end, 0, sizeof(p->read_end));
	cons_absent_end(p->srv, inst, p);
	TAILQ_INSERT_TAIL(&inst->peers, p, attached);
	if (!writer) {
		inst->observers++;
		return;
	}
	p->input = row;
	inst->writer = p;
	inst->writer_ns = p->srv->now_ns;
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
attach_to(struct cons_peer *p, struct cons_instance *inst, const struct cons_attach *in, bool fresh)
{
	const struct cons_console *c = inst->console;
	struct attached out = { 0 };
	uint64_t lost = begin_at(p, inst, in);
	uint32_t flags = c->kind == CONS_CONSOLE_TTY ? CONS_ATTACHED_DEVICE : 0;

	become(p, inst, in);
	if (p->writer && !fresh)
		redraw(inst, in);
	if (p->writer)
		flags |= CONS_ATTACHED_WRITER;
	inst->console->stats.cut += lost;
	p->srv->stats.attaches++;
	cons_audit_attach(p, in->instance == inst->id);
	memcpy(out.wire.name, c->name, sizeof(out.wire.name));
	out.wire.instance = rte_cpu_to_be_64(inst->id);
	out.wire.out_pos = rte_cpu_to_be_64(p->out_pos);
	out.wire.in_pos = rte_cpu_to_be_64(p->in_next);
	out.wire.lost = rte_cpu_to_be_64(lost);
	out.wire.writer = rte_cpu_to_be_64(cons_instance_writer(inst));
	out.wire.flags = rte_cpu_to_be_32(flags);
	out.wire.unit = rte_cpu_to_be_16(p->unit);
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

static struct attached
attach(struct cons_peer *p, const struct cons_attach *in)
{
	struct cons_console *c = cons_console_find(p->srv, in->name, p->gid);
	struct cons_instance *inst;
	char why[CONS_TEXT_MAX];

	if (c == NULL)
		return refuse(p, in->name, CONS_ENOENT);
	if ((in->flags & CONS_ATTACH_OBSERVE) == 0 && !cons_console_may_write(c, p->gid))
		return refuse(p, c->name, CONS_EACCES);
	inst = find_instance(p->srv, c, in);
	if (inst == NULL) {
		if (cons_instance_start(c, p->srv, in, why, sizeof(why)) != 0)
			return refuse_start(p, c, why);
		return attach_to(p, c->now, in, true);
	}
	if (inst->id == in->instance && in->out_pos > inst->scroll.head)
		return (struct attached){ .status = CONS_EINVAL };
	if (is_busy(inst, in))
		return refuse_busy(p, inst);
	make_way(p, inst, in);
	return attach_to(p, inst, in, false);
}

static void
refuse_request(struct cons_peer *p, const struct link_req *req)
{
	p->srv->stats.protocol_errors++;
	cons_peer_status(p, req->id, CONS_EINVAL);
}

static void
serve_attach(struct cons_peer *p, const struct link_req *req)
{
	struct attached out = { .status = CONS_EINVAL };
	struct cons_wire_attach wire;
	struct link_cqe cqe = { 0 };
	struct cons_attach in;

	memcpy(&wire, link_slot_payload(p->link, req->id), sizeof(wire));
	if (p->state == CONS_PEER_DETACHED && cons_gate_attach(&wire, &in) == CONS_OK)
		out = attach(p, &in);
	if (out.status == CONS_EINVAL) {
		refuse_request(p, req);
		return;
	}
	cqe.status = out.status;
	if (out.wire.name[0] != '\0')
		cqe.payload = sizeof(out.wire);
	cons_peer_answer(p, req->id, &cqe, &out.wire);
}

/* --- what the writer does --- */

/* In the row of what is typed. */
static void
type_later(struct cons_peer *p, const struct link_req *req, uint32_t done)
{
	unsigned int at = (p->typed_head + p->typed_count) % LINK_DEPTH_MAX;

	p->typed[at] =
		(struct cons_typed){ .id = req->id, .op = req->op, .done = done, .len = req->len };
	p->typed_count++;
}

/* Bytes that the instance has already are skipped. */
static bool
serve_write(struct cons_peer *p, const struct link_req *req)
{
	uint64_t had = p->in_next - RTE_MIN(p->in_next, req->off);

	if (req->off > p->in_next)
		return false;
	p->in_next = RTE_MAX(p->in_next, req->off + req->len);
	type_later(p, req, (uint32_t)RTE_MIN(had, (uint64_t)req->len));
	return true;
}

static bool
serve_eof(struct cons_peer *p, const struct link_req *req)
{
	if (req->off != p->in_next)
		return false;
	type_later(p, req, 0);
	return true;
}

static bool
serve_resize(struct cons_peer *p, const struct link_req *req)
{
	struct cons_instance *inst = p->instance;
	struct cons_wire_size wire;
	struct cons_attach in;

	memcpy(&wire, link_slot_payload(p->link, req->id), sizeof(wire));
	if (cons_gate_size(&wire, &in) != CONS_OK)
		return false;
	inst->size = (struct cons_size){ in.rows, in.cols, in.xpixel, in.ypixel };
	inst->term.ops->resize(&inst->term, &inst->size);
	cons_peer_status(p, req->id, CONS_OK);
	return true;
}

/* @return what keeps this client from typing now. */
static enum cons_status
may_type(const struct cons_peer *p)
{
	if (p->state == CONS_PEER_LEAVING || !p->writer)
		return CONS_EPERM;
	return p->instance->state == CONS_RUNNING ? CONS_OK : CONS_EGONE;
}

static void
serve_typed(struct cons_peer *p, const struct link_req *req)
{
	enum cons_status status = may_type(p);
	bool good = true;

	if (status != CONS_OK) {
		cons_peer_status(p, req->id, status);
		return;
	}
	switch (req->op) {
	case CONS_WRITE:
		good = serve_write(p, req);
		break;
	case CONS_RESIZE:
		good = serve_resize(p, req);
		break;
	case CONS_EOF:
		good = serve_eof(p, req);
		break;
	default:
		type_later(p, req, 0);
		break;
	}
	if (!good)
		refuse_request(p, req);
}

/* --- requests --- */

static void
serve_read(struct cons_peer *p, const struct link_req *req)
{
	p->reads[(p->read_head + p->read_count) % LINK_DEPTH_MAX] = req->id;
	p->read_count++;
}

/* What was typed ahead of it may have come in the same round: the terminal gets it first. */
static void
serve_detach(struct cons_peer *p, const struct link_req *req)
{
	if (p->writer && p->typed_count > 0)
		(void)cons_instance_input(p->instance);
	if (p->instance != NULL)
		cons_audit_leave(p, "detached");
	cons_peer_detach(p);
	cons_peer_status(p, req->id, CONS_OK);
}

/* Requests that name an attachment. */
static void
serve_unit(struct cons_peer *p, const struct link_req *req)
{
	if (req->unit != p->unit)
		refuse_request(p, req);
	else if (p->state == CONS_PEER_DETACHED)
		cons_peer_status(p, req->id, CONS_EGONE);
	else if (req->op == CONS_READ)
		serve_read(p, req);
	else if (req->op == CONS_DETACH)
		serve_detach(p, req);
	else
		serve_typed(p, req);
}

static void
serve(struct cons_peer *p, const struct link_req *req)
{
	if (cons_gate(req, p->slot_size) != CONS_OK)
		refuse_request(p, req);
	else if (req->op == CONS_LIST)
		serve_list(p, req);
	else if (req->op == CONS_ATTACH)
		serve_attach(p, req);
	else
		serve_unit(p, req);
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
		p->seen_pos = RTE_MAX(p->seen_pos, p->read_end[reqs[i].id]);
		serve(p, &reqs[i]);
	}
	return n > 0 ? (unsigned int)n : 0;
}

void
cons_peer_drop(struct cons_peer *p, bool come_back)
{
	p->broken = true;
	if (p->instance != NULL) {
		if (p->writer && come_back)
			cons_absent_begin(p);
		cons_audit_leave(p, come_back ? "lost its link" : "closed its link");
	} else if (!come_back && p->client != 0) {
		cons_absent_forget(p->srv, p->client);
	}
	cons_peer_detach(p);
}
