/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A console client on one function, and on another a server written by hand on the raw link: it
 * has one console, says what the test makes it say, keeps what it is sent, and can be restarted.
 * It speaks version 1, or 2 if ccrig_version2 is set. Everything runs on the test's thread.
 */
#ifndef CONS_CLIENT_RIG_H
#define CONS_CLIENT_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_log.h>

#include "base_time.h"
#include "cons_client.h"
#include "inproc.h"

#define CCRIG_INPUT (1u << 20)
#define CCRIG_SEEN 4096
#define CCRIG_UNIT 7 /* told in version 1 */

static bool ccrig_version2;

struct ccrig_conf {
	struct cons_client_conf client;
	struct cons_terminal_conf terminal;
};

struct ccrig {
	struct inproc ip;
	struct link *l[2]; /* 0 serves, 1 asks */
	struct cons_client *c;
	struct cons_terminal *t;

	/* The server. */
	struct link_session *s;
	struct link_queue *q;
	uint16_t depth_max;
	uint32_t slot_max;
	int allow;
	uint16_t reads[LINK_DEPTH_MAX]; /* open, oldest first */
	unsigned int read_count;
	struct link_req held[LINK_DEPTH_MAX]; /* WRITEs not answered */
	unsigned int held_count;
	struct link_req seen[CCRIG_SEEN]; /* all but READ, in order of arrival */
	unsigned int seen_count;
	bool hold; /* leave WRITEs unanswered and their bytes untaken */
	bool hold_attach;
	bool hold_resize;
	uint16_t refuse_write; /* status of WRITEs */
	/* What ATTACH is answered. */
	uint16_t status;
	struct cons_wire_attached attached; /* out_pos, in_pos are filled in when auto_pos */
	bool auto_pos;
	bool keep_unit; /* tell the unit that is there */
	uint16_t unit; /* what was told */
	uint32_t attached_len;
	struct cons_wire_attach attach; /* the newest that came */
	unsigned int attaches;
	struct cons_wire_size size; /* the newest RESIZE */
	uint64_t out_pos; /* of the next byte that is said */
	uint8_t input[CCRIG_INPUT]; /* what the console has taken */
	uint64_t in_pos;
	/* LIST. */
	struct cons_wire_info infos[CONS_CONSOLES_MAX + 1];
	unsigned int info_count, per_list;
	uint32_t list_result; /* 0: info_count */

	/* What came out of the client: items but DATA, and the bytes. */
	struct cons_item items[64];
	unsigned int item_count;
	uint8_t output[CCRIG_INPUT];
	unsigned int output_len;
	bool deaf; /* consume nothing */
};

/* --- the server --- */

static inline void
ccrig_up(void *arg, struct link_session *s)
{
	struct ccrig *r = arg;

	r->s = s;
	r->q = link_session_queue(s, 0);
	assert_int_equal(link_queue_attach(r->q), 0);
	r->read_count = r->held_count = 0;
}

static inline void
ccrig_gone(struct ccrig *r)
{
	if (r->q != NULL)
		link_queue_detach(r->q);
	r->s = NULL;
	r->q = NULL;
	r->read_count = r->held_count = 0;
}

static inline void
ccrig_down(void *arg, struct link_session *s, enum link_why why)
{
	ccrig_gone(arg);
}

static inline int
ccrig_may_connect(void *arg, uint64_t gid, char *reason)
{
	return ((struct ccrig *)arg)->allow;
}

static const struct link_session_ops ccrig_ops = {
	.on_up = ccrig_up,
	.on_down = ccrig_down,
};

static inline void
ccrig_server_start(struct ccrig *r)
{
	const struct link_conf lc = { .dev_id = r->ip.dev_id[0], .keepalive_ms = 50 };
	const struct link_listen_conf conf = {
		.service = LINK_SERVICE_CONS,
		.queues_max = 1,
		.depth_max = r->depth_max,
		.slot_max = r->slot_max,
		.features = ccrig_version2 ? CONS_FEATURE_UNITS : 0,
		.may_connect = ccrig_may_connect,
		.ops = &ccrig_ops,
		.arg = r,
	};

	assert_int_equal(link_create(&lc, &r->l[0]), 0);
	assert_int_equal(link_listen(r->l[0], &conf), 0);
}

/* As a process that ends: nothing that is open is answered. */
static inline void
ccrig_server_stop(struct ccrig *r)
{
	ccrig_gone(r);
	link_destroy(r->l[0]);
	r->l[0] = NULL;
}

static inline void
ccrig_answer(struct ccrig *r, uint16_t id, uint8_t flags, uint16_t status, uint32_t result,
	     const void *payload, uint32_t len)
{
	const struct link_cqe cqe = {
		.id = id,
		.flags = flags,
		.status = status,
		.result = result,
		.payload = len,
	};

	link_rsp_payload(r->q, id, 0, payload, len);
	link_rsp_post(r->q, &cqe);
	link_rsp_flush(r->q);
}

static inline uint16_t
ccrig_take_read(struct ccrig *r)
{
	uint16_t id = r->reads[0];

	assert_true(r->read_count > 0);
	memmove(r->reads, r->reads + 1, --r->read_count * sizeof(r->reads[0]));
	return id;
}

/* One answer with output. */
static inline void
ccrig_say(struct ccrig *r, const void *data, uint32_t len)
{
	ccrig_answer(r, ccrig_take_read(r), CONS_KIND_DATA, CONS_OK, (uint32_t)r->out_pos, data,
		     len);
	r->out_pos += len;
}

static inline void
ccrig_event(struct ccrig *r, uint32_t type, uint32_t code, uint64_t value, const char *text)
{
	struct cons_wire_event ev = {
		.type = rte_cpu_to_be_32(type),
		.code = rte_cpu_to_be_32(code),
		.value = rte_cpu_to_be_64(value),
	};

	if (type == CONS_EVENT_CUT)
		r->out_pos += value;
	ev.out_pos = rte_cpu_to_be_64(r->out_pos);
	snprintf(ev.text, sizeof(ev.text), "%s", text);
	ccrig_answer(r, ccrig_take_read(r), CONS_KIND_EVENT, CONS_OK, 0, &ev, sizeof(ev));
}

static inline void
ccrig_gone_reads(struct ccrig *r)
{
	while (r->read_count > 0)
		ccrig_answer(r, ccrig_take_read(r), 0, CONS_EGONE, 0, NULL, 0);
}

static inline void
ccrig_attach(struct ccrig *r, const struct link_req *req)
{
	struct cons_wire_attached *a = &r->attached;

	assert_int_equal(req->payload, sizeof(r->attach));
	memcpy(&r->attach, link_slot_payload(r->q, req->id), sizeof(r->attach));
	r->attaches++;
	assert_int_equal(req->unit != 0, ccrig_version2);
	if (r->hold_attach)
		return;
	if (ccrig_version2 && !r->keep_unit)
		a->unit = rte_cpu_to_be_16(req->unit);
	r->unit = rte_be_to_cpu_16(a->unit);
	if (r->auto_pos) {
		uint32_t observe = rte_be_to_cpu_32(r->attach.flags) & CONS_ATTACH_OBSERVE;

		if (r->attach.instance != 0 && r->attach.instance == a->instance)
			r->out_pos = rte_be_to_cpu_64(r->attach.out_pos);
		a->out_pos = rte_cpu_to_be_64(r->out_pos);
		a->in_pos = rte_cpu_to_be_64(r->in_pos);
		a->flags = rte_cpu_to_be_32(observe ? 0 : CONS_ATTACHED_WRITER);
	}
	ccrig_answer(r, req->id, 0, r->status, 0, a, r->attached_len);
}

static inline void
ccrig_list(struct ccrig *r, const struct link_req *req)
{
	unsigned int n = r->per_list != 0 ? r->per_list : link_queue_slot_size(r->q) / 256;

	if (req->off >= r->info_count)
		n = 0;
	else
		n = RTE_MIN(n, r->info_count - (unsigned int)req->off);
	ccrig_answer(r, req->id, 0, CONS_OK, r->list_result != 0 ? r->list_result : r->info_count,
		     &r->infos[n != 0 ? req->off : 0], n * 256);
}

/* Take the bytes of a WRITE and answer it. */
static inline void
ccrig_accept(struct ccrig *r, const struct link_req *req)
{
	assert_int_equal(req->off, r->in_pos);
	assert_int_equal(req->len, req->payload);
	assert_true(r->in_pos + req->len <= CCRIG_INPUT);
	memcpy(r->input + r->in_pos, link_slot_payload(r->q, req->id), req->len);
	r->in_pos += req->len;
	ccrig_answer(r, req->id, 0, CONS_OK, 0, NULL, 0);
}

static inline void
ccrig_accept_held(struct ccrig *r)
{
	for (unsigned int i = 0; i < r->held_count; i++)
		ccrig_accept(r, &r->held[i]);
	r->held_count = 0;
}

static inline void
ccrig_serve(struct ccrig *r, const struct link_req *req)
{
	if (req->op == CONS_READ) {
		assert_int_equal(req->unit, r->unit);
		r->reads[r->read_count++] = req->id;
		return;
	}
	assert_true(r->seen_count < CCRIG_SEEN);
	r->seen[r->seen_count++] = *req;
	switch (req->op) {
	case CONS_LIST:
		ccrig_list(r, req);
		return;
	case CONS_ATTACH:
		ccrig_attach(r, req);
		return;
	case CONS_WRITE:
		if (r->refuse_write != 0)
			ccrig_answer(r, req->id, 0, r->refuse_write, 0, NULL, 0);
		else if (r->hold)
			r->held[r->held_count++] = *req;
		else
			ccrig_accept(r, req);
		return;
	case CONS_RESIZE:
		memcpy(&r->size, link_slot_payload(r->q, req->id), sizeof(r->size));
		if (r->hold_resize)
			return;
		break;
	case CONS_DETACH:
		ccrig_gone_reads(r);
		break;
	default:
		break;
	}
	ccrig_answer(r, req->id, 0, CONS_OK, 0, NULL, 0);
}

static inline void
ccrig_server_round(struct ccrig *r)
{
	struct link_req req[64];
	int n;

	if (r->l[0] == NULL)
		return;
	link_poll(r->l[0], base_now_ns());
	n = r->q != NULL ? link_sqe_poll(r->q, req, 64) : 0;
	for (int i = 0; i < n; i++)
		ccrig_serve(r, &req[i]);
}

/* --- the client --- */

static inline void
ccrig_consume(struct ccrig *r)
{
	struct cons_item item;

	while (!r->deaf && cons_terminal_next(r->t, &item)) {
		if (item.kind == CONS_ITEM_DATA) {
			assert_true(r->output_len + item.len <= sizeof(r->output));
			memcpy(r->output + r->output_len, item.data, item.len);
			r->output_len += item.len;
		} else {
			assert_true(r->item_count < RTE_DIM(r->items));
			r->items[r->item_count++] = item;
		}
		cons_terminal_consume(r->t, item.len);
	}
}

static inline void
ccrig_round(struct ccrig *r)
{
	ccrig_server_round(r);
	link_poll(r->l[1], base_now_ns());
	ccrig_consume(r);
	cons_client_poll(r->c, base_now_ns());
}

static inline void
ccrig_rounds(struct ccrig *r, unsigned int n)
{
	while (n-- > 0)
		ccrig_round(r);
}

/* Rounds until *counter has reached n; fails the test after some seconds. */
static inline void
ccrig_until(struct ccrig *r, const unsigned int *counter, unsigned int n)
{
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;

	while (*counter < n) {
		ccrig_round(r);
		if (base_now_ns() > end)
			fail_msg("still %u of %u after 20 s", *counter, n);
	}
}

/* The next item that is no output is of this kind. @return it. */
static inline const struct cons_item *
ccrig_item(struct ccrig *r, enum cons_item_kind kind)
{
	ccrig_until(r, &r->item_count, 1);
	r->items[RTE_DIM(r->items) - 1] = r->items[0];
	memmove(r->items, r->items + 1, --r->item_count * sizeof(r->items[0]));
	assert_int_equal(r->items[RTE_DIM(r->items) - 1].kind, kind);
	return &r->items[RTE_DIM(r->items) - 1];
}

/* Which console of LIST. */
static inline void
ccrig_info(struct ccrig *r, unsigned int i, const char *name)
{
	struct cons_wire_info *info = &r->infos[i];

	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "%s", name);
	snprintf(info->desc, sizeof(info->desc), "about %.32s", name);
	info->instance = rte_cpu_to_be_64(100 + i);
	info->flags = rte_cpu_to_be_32(CONS_INFO_MAY_WRITE);
	if (i >= r->info_count)
		r->info_count = i + 1;
}

/* Functions and links; no server, no client. */
static inline void
ccrig_init(struct ccrig *r)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(inproc_setup(&r->ip, &(struct inproc_conf){ .functions = 2 }), 0);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_ERR);
	r->depth_max = LINK_DEPTH_MAX;
	r->slot_max = 64 * 1024;
	r->auto_pos = true;
	r->attached_len = sizeof(r->attached);
	snprintf(r->attached.name, sizeof(r->attached.name), "sh");
	r->attached.instance = rte_cpu_to_be_64(0x1111);
	r->attached.unit = rte_cpu_to_be_16(CCRIG_UNIT);
	assert_int_equal(link_create(&(struct link_conf){ .dev_id = r->ip.dev_id[1],
							  .keepalive_ms = 50 },
				     &r->l[1]),
			 0);
}

static inline void
ccrig_client(struct ccrig *r, const struct ccrig_conf *conf)
{
	struct ccrig_conf full = conf != NULL ? *conf : (struct ccrig_conf){ 0 };

	full.client.link = r->l[1];
	full.client.rgid = r->ip.gid[0];
	assert_int_equal(cons_client_create(&full.client, &r->c), 0);
	assert_int_equal(cons_client_attach(r->c, &full.terminal, &r->t), 0);
}

/* All of it, attached, all credits open. */
static inline struct ccrig *
ccrig_new(const struct ccrig_conf *conf)
{
	struct ccrig *r = malloc(sizeof(*r));

	assert_non_null(r);
	ccrig_init(r);
	ccrig_server_start(r);
	ccrig_client(r, conf);
	ccrig_item(r, CONS_ITEM_ATTACHED);
	ccrig_until(r, &r->read_count,
		    conf != NULL && conf->client.credits != 0 ? conf->client.credits : 16);
	return r;
}

static inline void
ccrig_free(struct ccrig *r)
{
	cons_client_destroy(r->c);
	if (r->l[0] != NULL)
		ccrig_server_stop(r);
	link_destroy(r->l[1]);
	inproc_teardown(&r->ip);
	free(r);
}

#endif
