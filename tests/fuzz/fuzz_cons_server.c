/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile clients against a whole server: a script of requests, bytes of the far end of a line,
 * hang-ups, lost links and time. The console is a device whose far end is the script's, so that no
 * program has to be started. The first client speaks version 1, the second version 2 with several
 * units. What each unit sees must fit together: each READ is answered once, output comes in order,
 * counts hold.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_time.h"
#include "cons_server_priv.h"
#include "inproc.h"
#include "link.h"

#define DEPTH 16
#define SLOT 4096
#define CLIENTS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inproc ip;
static uint64_t now;
static struct link *link_server;
static struct cons_server *srv;
static int far_end, held;
static int other_far, other_held; /* the line of "w" */

struct unit {
	uint16_t number; /* in requests */
	uint64_t out_pos, in_pos, instance;
	bool attached;
};

static struct client {
	struct link *link;
	struct link_session *session;
	bool up, version2;
	uint8_t op[DEPTH]; /* of open requests */
	uint16_t of[DEPTH]; /* their units */
	struct unit units[CONS_UNITS_MAX + 1]; /* version 1 has the first one only */
} clients[CLIENTS];

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_up(void *arg, struct link_session *s)
{
	struct client *c = arg;

	c->up = true;
	memset(c->op, 0, sizeof(c->op));
	for (uint16_t i = 0; i <= CONS_UNITS_MAX; i++) {
		c->units[i].attached = false;
		c->units[i].number = i;
	}
	must(link_queue_attach(link_session_queue(s, 0)) == 0);
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct client *c = arg;

	/* Whatever a client asks, it is answered: a session is never ended for it. */
	must(why != LINK_WHY_PROTOCOL && why != LINK_WHY_CLOSED);
	c->up = false;
	link_queue_detach(link_session_queue(s, 0));
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

static void
quiet(void *arg, const char *line)
{
	for (const char *s = line; *s != '\0'; s++)
		must(*s >= ' ' && *s <= '~');
}

static struct link_queue *
queue(const struct client *c)
{
	return link_session_queue(c->session, 0);
}

/* --- what comes back --- */

static void
take_event(struct unit *u, const void *payload)
{
	struct cons_wire_event ev;
	uint32_t type;

	memcpy(&ev, payload, sizeof(ev));
	type = rte_be_to_cpu_32(ev.type);
	must(type >= CONS_EVENT_CUT && type <= CONS_EVENT_DETACHED);
	must(memchr(ev.text, '\0', sizeof(ev.text)) != NULL);
	if (type != CONS_EVENT_CUT) {
		u->attached = false;
		return;
	}
	must(rte_be_to_cpu_64(ev.value) > 0);
	u->out_pos += rte_be_to_cpu_64(ev.value);
	must(u->out_pos == rte_be_to_cpu_64(ev.out_pos));
}

static void
take_read(const struct client *c, struct unit *u, const struct link_cqe *cqe)
{
	if (cqe->status != CONS_OK) {
		must(cqe->payload == 0);
		must(cqe->status == CONS_EGONE || cqe->status == CONS_EINVAL);
	} else if (cqe->flags == CONS_KIND_EVENT) {
		must(u->attached && cqe->payload == sizeof(struct cons_wire_event));
		take_event(u, link_slot_rx(queue(c), cqe->id));
	} else {
		must(u->attached && cqe->flags == CONS_KIND_DATA && cqe->payload > 0);
		must(cqe->result == (uint32_t)u->out_pos);
		u->out_pos += cqe->payload;
	}
}

static void
take_attached(const struct client *c, struct unit *u, const struct link_cqe *cqe)
{
	struct cons_wire_attached rec;

	must(cqe->status != CONS_EGONE || c->version2); /* taken back by DETACH */
	if (cqe->status == CONS_EINVAL || cqe->status == CONS_ENOENT ||
	    cqe->status == CONS_EACCES || cqe->status == CONS_EGONE) {
		must(cqe->payload == 0);
		return;
	}
	must(cqe->payload == sizeof(rec));
	memcpy(&rec, link_slot_rx(queue(c), cqe->id), sizeof(rec));
	must(strcmp(rec.name, "t") == 0 || strcmp(rec.name, "w") == 0);
	if (cqe->status != CONS_OK) {
		must(cqe->status == CONS_EBUSY || cqe->status == CONS_EIO);
		must(rec.text[0] != '\0');
		return;
	}
	must(!u->attached && rec.unit != 0);
	must(!c->version2 || rte_be_to_cpu_16(rec.unit) == u->number);
	u->attached = true;
	u->number = rte_be_to_cpu_16(rec.unit);
	u->out_pos = rte_be_to_cpu_64(rec.out_pos);
	u->in_pos = rte_be_to_cpu_64(rec.in_pos);
	u->instance = rte_be_to_cpu_64(rec.instance);
}

static void
take(struct client *c)
{
	struct link_cqe cqe[DEPTH];
	int n = c->up ? link_cqe_poll(queue(c), cqe, DEPTH) : 0;

	for (int i = 0; i < n; i++) {
		struct unit *u = &c->units[c->of[cqe[i].id]];

		must(cqe[i].status < CONS_STATUS_COUNT);
		if (c->op[cqe[i].id] == CONS_READ)
			take_read(c, u, &cqe[i]);
		else if (c->op[cqe[i].id] == CONS_ATTACH)
			take_attached(c, u, &cqe[i]);
		else if (c->op[cqe[i].id] == CONS_DETACH && cqe[i].status == CONS_OK)
			u->attached = false;
		c->op[cqe[i].id] = 0;
		link_slot_put(queue(c), cqe[i].id);
	}
}

/* Each open request is in one queue, and the queues are as long as they say. */
static void
check_open(const struct cons_peer *p)
{
	bool seen[LINK_DEPTH_MAX] = { false };

	for (unsigned int i = 0; i < cons_peer_units(p); i++) {
		const struct cons_open *queues[] = { &p->units[i].reads, &p->units[i].typed };

		for (unsigned int k = 0; k < 2; k++) {
			uint16_t id = queues[k]->head;

			for (unsigned int n = 0; n < queues[k]->count; n++) {
				must(id < DEPTH && !seen[id]);
				seen[id] = true;
				must(n + 1 < queues[k]->count || id == queues[k]->tail);
				id = p->slots[id].next;
			}
		}
	}
}

static void
check(void)
{
	const struct cons_instance *inst;
	const struct cons_peer *p;
	const struct cons_unit *u;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		unsigned int observers = 0, writers = 0;

		TAILQ_FOREACH(u, &inst->units, attached) {
			must(u->instance == inst && u->state == CONS_UNIT_ATTACHED);
			must(u->out_pos <= inst->scroll.head);
			writers += u->writer;
			observers += !u->writer;
		}
		must(writers == (inst->writer != NULL) && observers == inst->observers);
		if (inst->writer != NULL)
			must(inst->writer->out_pos >= cons_scroll_tail(&inst->scroll));
	}
	TAILQ_FOREACH(p, &srv->peers, entry)
		check_open(p);
}

static void
pass(unsigned int ms)
{
	now += ms * BASE_NS_PER_MS + 30000;
	link_poll(link_server, now);
	cons_server_poll(srv, now);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		link_poll(clients[i].link, now);
		take(&clients[i]);
	}
	check();
}

/* --- set-up --- */

/* LeakSanitizer looks after each input; what is made once, for all inputs, is not for it. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static void
setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (__lsan_disable != NULL)
		__lsan_disable();
	must(inproc_setup(&ip, &(struct inproc_conf){ .functions = CLIENTS + 1 }) == 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_CRIT);
	now = base_now_ns();
	if (__lsan_enable != NULL)
		__lsan_enable();
}

static void
open_line(int *end, int *here, char *path, size_t size)
{
	*end = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	must(*end >= 0 && grantpt(*end) == 0 && unlockpt(*end) == 0);
	must(ptsname_r(*end, path, size) == 0);
	*here = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	must(*here >= 0);
}

static void
hang_up(void)
{
	if (held >= 0)
		close(held);
	if (far_end >= 0)
		close(far_end);
	held = far_end = -1;
}

static void
add_console(const char *name, const char *path, bool any)
{
	struct cons_console_conf conf = {
		.name = name,
		.kind = CONS_CONSOLE_TTY,
		.what = path,
		.allow = { .any = any, .count = 1, .gid = { ip.gid[1] } },
		.observe = { .any = true },
	};
	char err[256];

	must(cons_server_console(srv, &conf, err, sizeof(err)) == 0);
}

static void
connect_client(struct client *c)
{
	struct link_open_conf conf = {
		.rgid = ip.gid[0],
		.service = LINK_SERVICE_CONS,
		.queues = 1,
		.depth = DEPTH,
		.slot_size = SLOT,
		.features = c->version2 ? CONS_FEATURE_UNITS : 0,
		.ops = &ops,
		.arg = c,
	};

	if (c->session == NULL)
		must(link_open(c->link, &conf, &c->session) == 0);
	for (unsigned int i = 0; i < 1000 && !c->up; i++)
		pass(1);
	must(c->up);
}

static void
disconnect_client(struct client *c)
{
	if (c->session == NULL)
		return;
	if (c->up)
		link_queue_detach(queue(c));
	link_session_close(c->session, "fuzz");
	c->session = NULL;
	c->up = false;
}

static void
begin(void)
{
	struct link_conf lc = { .keepalive_ms = 60000 };
	char path[64];

	lc.dev_id = ip.dev_id[0];
	must(link_create(&lc, &link_server) == 0);
	must(cons_server_create(&(struct cons_server_conf){ .link = link_server,
							    .scrollback = CONS_SCROLLBACK_MIN,
							    .audit = quiet },
				&srv) == 0);
	open_line(&far_end, &held, path, sizeof(path));
	add_console("t", path, true);
	open_line(&other_far, &other_held, path, sizeof(path));
	add_console("w", path, false);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		lc.dev_id = ip.dev_id[i + 1];
		memset(&clients[i], 0, sizeof(clients[i]));
		clients[i].version2 = i == 1;
		must(link_create(&lc, &clients[i].link) == 0);
	}
	for (unsigned int i = 0; i < CLIENTS; i++)
		connect_client(&clients[i]);
}

static void
end(void)
{
	struct rte_pmd_ism_stats st;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		disconnect_client(&clients[i]);
		link_destroy(clients[i].link);
	}
	cons_server_destroy(srv);
	link_destroy(link_server);
	hang_up();
	close(other_held);
	close(other_far);
	must(rte_pmd_ism_stats_get(ip.dev_id[0], &st) == 0);
	must(st.dmbs == 0 && st.windows == 0);
}

/* --- the script --- */

struct script {
	const uint8_t *at;
	size_t left;
};

static uint8_t
byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->at++;
}

static void
bytes(struct script *s, void *dst, size_t len)
{
	size_t n = len < s->left ? len : s->left;

	memset(dst, 0, len);
	memcpy(dst, s->at, n);
	s->at += n;
	s->left -= n;
}

static void
post(struct client *c, struct link_req *req, const void *payload)
{
	int id = c->up ? link_slot_get(queue(c)) : -1;

	if (id < 0)
		return;
	req->id = (uint16_t)id;
	if (req->payload > 0)
		must(link_req_payload(queue(c), req->id, 0, payload, req->payload) == 0);
	must(link_req_post(queue(c), req) == 0);
	must(link_req_flush(queue(c)) == 0);
	c->op[id] = req->op;
	c->of[id] = c->version2 && req->unit <= CONS_UNITS_MAX ? req->unit : 0;
}

/* Whatever a descriptor can say. */
static void
any_request(struct client *c, struct script *s)
{
	static uint8_t payload[SLOT];
	struct link_req req;

	bytes(s, &req, sizeof(req));
	req.op = req.op != 0 ? req.op : 1;
	req.off &= UINT64_C(0xffffffffffffff);
	req.payload %= SLOT + 1;
	req.crc = 0;
	bytes(s, payload, s->left < 32 ? s->left : 32);
	post(c, &req, payload);
}

/* One of three units, in version 2. */
static struct unit *
choose_unit(struct client *c, struct script *s)
{
	return &c->units[c->version2 ? 1 + byte(s) % 3 : 0];
}

/* One that is right but for what the script says. */
static void
attach(struct client *c, struct script *s)
{
	struct link_req req = { .op = CONS_ATTACH, .payload = sizeof(struct cons_wire_attach) };
	struct cons_wire_attach rec = { .history = rte_cpu_to_be_32(1000) };
	const struct unit *u = choose_unit(c, s);
	uint8_t how = byte(s);

	req.unit = c->version2 ? u->number : 0;
	rec.name[0] = how & 1 ? 't' : 'w';
	rec.client = rte_cpu_to_be_64(1 + (how >> 1 & 1));
	rec.flags = rte_cpu_to_be_32(how >> 2 & 3);
	if (how & 16)
		rec.instance = rte_cpu_to_be_64(u->instance);
	if (how & 32)
		rec.out_pos = rte_cpu_to_be_64(u->out_pos);
	if (how & 64)
		rec.size = (struct cons_wire_size){ rte_cpu_to_be_16(byte(s)),
						    rte_cpu_to_be_16(byte(s)), 0, 0 };
	if (how & 128) {
		uint8_t at = byte(s);

		((uint8_t *)&rec)[at % sizeof(rec)] ^= byte(s);
	}
	post(c, &req, &rec);
}

static void
operate(struct client *c, struct script *s)
{
	static const char text[SLOT] = "typed";
	struct unit *u = choose_unit(c, s);
	struct link_req req = { .unit = u->number };
	struct cons_wire_size size = { rte_cpu_to_be_16(byte(s)), rte_cpu_to_be_16(9), 0, 0 };
	uint8_t how = byte(s);

	req.op = (uint8_t)(CONS_READ + how % 6);
	if (req.op == CONS_WRITE) {
		req.len = req.payload = 1 + (how >> 3) * 130u % SLOT;
		req.off = u->in_pos - (how & 1 ? u->in_pos % 7 : 0);
		u->in_pos = req.off + req.len;
	}
	if (req.op == CONS_EOF)
		req.off = u->in_pos;
	if (req.op == CONS_RESIZE)
		req.payload = sizeof(size);
	post(c, &req, req.op == CONS_RESIZE ? (const void *)&size : text);
}

/* The far end of the line writes, or reads what was typed. */
static void
far_side(struct script *s)
{
	static char buf[4096];
	uint8_t how = byte(s);

	if (far_end < 0)
		return;
	if (how & 1)
		must(write(far_end, buf, 1 + how * 16u) != 0);
	else
		must(read(far_end, buf, sizeof(buf)) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = { .at = data, .left = size };

	setup();
	begin();
	for (unsigned int step = 0; s.left > 0 && step < 200; step++) {
		uint8_t what = byte(&s);
		struct client *c = &clients[what >> 4 & 1];

		switch (what % 16) {
		case 0:
		case 1:
			any_request(c, &s);
			break;
		case 2:
		case 3:
			attach(c, &s);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
			operate(c, &s);
			break;
		case 8:
		case 9:
			far_side(&s);
			break;
		case 10:
			pass(byte(&s));
			break;
		case 11:
			disconnect_client(c);
			break;
		case 12:
			connect_client(c);
			break;
		case 13:
			if ((what & 0xe0) == 0xe0)
				hang_up();
			break;
		default:
			pass(0);
		}
	}
	end();
	return 0;
}
