/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A block client on one function, and on another a server written by hand on the raw link: it
 * keeps one image in memory, answers when and how the test says, and can be restarted as
 * another process or another boot. Everything runs on the test's thread.
 */
#ifndef BLK_CLIENT_RIG_H
#define BLK_CLIENT_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_log.h>

#include "base_crc.h"
#include "base_time.h"
#include "blk_client.h"
#include "inproc.h"

#define CRIG_IMAGE (4u << 20)
#define CRIG_PENDING 8192
#define CRIG_QUEUES 4

struct crig;

/* A request that the server holds. */
struct crig_req {
	struct link_queue *q;
	struct link_req req;
};

struct crig {
	struct inproc ip;
	struct link *l[2]; /* 0 serves, 1 asks */
	struct blk_client *c;
	unsigned int queues; /* that the client asked for */

	/* The server. */
	struct link_session *s;
	uint16_t queues_max, depth_max;
	uint32_t slot_max, features;
	uint8_t boot; /* of its epoch */
	uint8_t *image;
	struct blk_export_info exports[BLK_EXPORTS_MAX + 8]; /* host's choice, wire order */
	unsigned int export_count;
	unsigned int per_list; /* records in one answer; 0 = as many as fit */
	bool hold; /* leave requests unanswered */
	bool (*holds)(const struct link_req *req); /* leave those unanswered; NULL = none */
	bool backwards; /* answer the newest first */
	/* Alters an answer just before it goes out. */
	void (*twist)(struct crig *r, const struct link_req *req, struct link_cqe *cqe);
	struct crig_req pending[CRIG_PENDING];
	unsigned int pending_count;
	struct link_req seen[CRIG_PENDING]; /* all requests but LIST, in order of arrival */
	unsigned int seen_count;
	struct blk_extent extents[64];
	unsigned int extent_count;
	unsigned int lists;

	/* What the client's callbacks saw. */
	unsigned int ups, downs, changes;
	enum link_why why;
};

static inline void
crig_export(struct crig *r, unsigned int i, const char *name, uint64_t size, uint32_t flags)
{
	struct blk_export_info *e = &r->exports[i];

	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->desc, sizeof(e->desc), "about %.32s", name);
	e->size = rte_cpu_to_be_64(size);
	e->flags = rte_cpu_to_be_32(flags);
	e->unit = rte_cpu_to_be_16((uint16_t)(100 + i));
	e->block_min = rte_cpu_to_be_32(512);
	e->block_pref = rte_cpu_to_be_32(4096);
	e->block_max = rte_cpu_to_be_32(1 << 20);
	memset(e->id, 0x10 + (int)i, sizeof(e->id));
	if (i >= r->export_count)
		r->export_count = i + 1;
}

/* --- the server --- */

static inline void
crig_server_up(void *arg, struct link_session *s)
{
	struct crig *r = arg;
	struct link_session_info info;

	r->s = s;
	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		assert_int_equal(link_queue_attach(link_session_queue(s, i)), 0);
}

static inline void
crig_server_down(void *arg, struct link_session *s, enum link_why why)
{
	struct crig *r = arg;
	struct link_session_info info;

	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		link_queue_detach(link_session_queue(s, i));
	r->s = NULL;
	r->pending_count = 0;
}

static inline int
crig_may_connect(void *arg, uint64_t gid, char *reason)
{
	return 0;
}

static const struct link_session_ops crig_server_ops = {
	.on_up = crig_server_up,
	.on_down = crig_server_down,
};

static inline void
crig_server_start(struct crig *r)
{
	struct link_conf lc = { .dev_id = r->ip.dev_id[0], .keepalive_ms = 50 };
	const struct link_listen_conf conf = {
		.service = LINK_SERVICE_BLK,
		.queues_max = r->queues_max,
		.depth_max = r->depth_max,
		.slot_max = r->slot_max,
		.features = r->features,
		.may_connect = crig_may_connect,
		.ops = &crig_server_ops,
		.arg = r,
	};

	memset(lc.epoch.boot, r->boot, sizeof(lc.epoch.boot));
	lc.epoch.process = base_now_ns();
	assert_int_equal(link_create(&lc, &r->l[0]), 0);
	assert_int_equal(link_listen(r->l[0], &conf), 0);
}

/* As a process that ends: nothing pending is answered. */
static inline void
crig_server_stop(struct crig *r)
{
	struct link_session *s = r->s;
	struct link_session_info info;

	if (s != NULL) {
		link_session_info(s, &info);
		for (unsigned int i = 0; i < info.queues; i++)
			link_queue_detach(link_session_queue(s, i));
	}
	link_destroy(r->l[0]);
	r->l[0] = NULL;
	r->s = NULL;
	r->pending_count = 0;
}

static inline void
crig_payload(struct crig *r, struct link_queue *q, struct link_cqe *cqe, const void *src,
	     uint32_t len)
{
	cqe->payload = len;
	if (r->features & LINK_FEATURE_DIGEST)
		cqe->crc = base_crc32c(0, src, len);
	link_rsp_payload(q, cqe->id, 0, src, len);
}

static inline void
crig_answer_list(struct crig *r, struct link_queue *q, const struct link_req *req,
		 struct link_cqe *cqe)
{
	unsigned int n = r->per_list != 0 ? r->per_list : link_queue_slot_size(q) / 256;

	r->lists++;
	if (req->off >= r->export_count)
		n = 0;
	else if (n > r->export_count - req->off)
		n = r->export_count - (unsigned int)req->off;
	crig_payload(r, q, cqe, &r->exports[n != 0 ? req->off : 0], n * 256);
}

static inline void
crig_execute(struct crig *r, struct link_queue *q, const struct link_req *req, struct link_cqe *cqe)
{
	bool digest = (r->features & LINK_FEATURE_DIGEST) != 0;
	bool inside = req->off <= CRIG_IMAGE && req->len <= CRIG_IMAGE - req->off;

	switch (req->op) {
	case BLK_READ:
		assert_true(inside);
		crig_payload(r, q, cqe, r->image + req->off, req->len);
		break;
	case BLK_WRITE:
		assert_true(inside);
		assert_int_equal(req->payload, req->len);
		if (digest)
			assert_int_equal(req->crc,
					 base_crc32c(0, link_slot_payload(q, req->id), req->len));
		memcpy(r->image + req->off, link_slot_payload(q, req->id), req->len);
		break;
	case BLK_COPY: {
		struct blk_copy from;

		memcpy(&from, link_slot_payload(q, req->id), sizeof(from));
		assert_int_equal(req->payload, sizeof(from));
		assert_int_equal(rte_be_to_cpu_16(from.unit), 100);
		memcpy(r->image + req->off, r->image + rte_be_to_cpu_64(from.off), req->len);
		break;
	}
	case BLK_IDENTIFY:
		crig_payload(r, q, cqe, &r->exports[req->unit - 100], 256);
		break;
	case BLK_WRITE_ZEROES:
		if (inside)
			memset(r->image + req->off, 0, req->len);
		break;
	case BLK_BLOCK_STATUS:
		crig_payload(r, q, cqe, r->extents,
			     r->extent_count * (uint32_t)sizeof(r->extents[0]));
		break;
	default:
		break;
	}
}

static inline void
crig_answer(struct crig *r, const struct crig_req *p)
{
	struct link_cqe cqe = { .id = p->req.id };

	if (p->req.op == BLK_LIST)
		crig_answer_list(r, p->q, &p->req, &cqe);
	else
		crig_execute(r, p->q, &p->req, &cqe);
	if (r->twist != NULL)
		r->twist(r, &p->req, &cqe);
	link_rsp_post(p->q, &cqe);
	link_rsp_flush(p->q);
}

static inline void
crig_server_take(struct crig *r, struct link_queue *q)
{
	struct link_req req[64];
	int i, n;

	n = link_sqe_poll(q, req, 64);
	for (i = 0; i < n; i++) {
		assert_true(r->pending_count < CRIG_PENDING);
		r->pending[r->pending_count++] = (struct crig_req){ .q = q, .req = req[i] };
		if (req[i].op == BLK_LIST)
			continue;
		assert_true(r->seen_count < CRIG_PENDING);
		r->seen[r->seen_count++] = req[i];
	}
}

static inline void
crig_server_round(struct crig *r)
{
	struct link_session_info info;
	unsigned int i, kept = 0;

	if (r->l[0] == NULL)
		return;
	link_poll(r->l[0], base_now_ns());
	if (r->s == NULL)
		return;
	link_session_info(r->s, &info);
	for (i = 0; i < info.queues; i++)
		crig_server_take(r, link_session_queue(r->s, i));
	for (i = 0; i < r->pending_count; i++) {
		const struct crig_req *p = &r->pending[r->backwards ? r->pending_count - 1 - i : i];

		if (p->req.op == BLK_LIST || (!r->hold && (r->holds == NULL || !r->holds(&p->req))))
			crig_answer(r, p);
		else
			r->pending[kept++] = *p;
	}
	r->pending_count = kept;
}

/* --- the client --- */

static inline void
crig_on_up(void *arg, struct blk_client *c)
{
	((struct crig *)arg)->ups++;
}

static inline void
crig_on_down(void *arg, struct blk_client *c, enum link_why why, const char *reason)
{
	((struct crig *)arg)->downs++;
	((struct crig *)arg)->why = why;
}

static inline void
crig_on_change(void *arg, struct blk_client *c, struct blk_disk *disk)
{
	((struct crig *)arg)->changes++;
}

/* One round of everybody. */
static inline void
crig_round(struct crig *r)
{
	uint64_t now = base_now_ns();
	unsigned int i;

	crig_server_round(r);
	link_poll(r->l[1], now);
	blk_client_poll(r->c, now);
	for (i = 0; i < r->queues; i++)
		blk_cq_poll(blk_client_queue(r->c, i), now);
}

/* Rounds until *counter has reached n; fails the test after some seconds. */
static inline void
crig_until(struct crig *r, const unsigned int *counter, unsigned int n)
{
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;

	while (*counter < n) {
		crig_round(r);
		if (base_now_ns() > end)
			fail_msg("still %u of %u after 20 s", *counter, n);
	}
	assert_int_equal(*counter, n);
}

static inline void
crig_rounds(struct crig *r, unsigned int n)
{
	while (n-- > 0)
		crig_round(r);
}

/* Functions, links and image; no export yet, nothing runs. */
static inline void
crig_init_direct(struct crig *r, bool direct)
{
	const struct inproc_conf conf = { .functions = 2, .direct = direct };
	uint32_t i;

	memset(r, 0, sizeof(*r));
	assert_int_equal(inproc_setup(&r->ip, &conf), 0);
	r->queues_max = CRIG_QUEUES;
	r->depth_max = LINK_DEPTH_MAX;
	r->slot_max = 64 * 1024;
	r->boot = 1;
	r->image = malloc(CRIG_IMAGE);
	assert_non_null(r->image);
	for (i = 0; i < CRIG_IMAGE; i++)
		r->image[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(link_create(&(struct link_conf){ .dev_id = r->ip.dev_id[1],
							  .keepalive_ms = 50 },
				     &r->l[1]),
			 0);
}

static inline void
crig_init(struct crig *r)
{
	crig_init_direct(r, false);
}

#define CRIG_FLAGS                                                                                 \
	(BLK_INFO_FLUSH | BLK_INFO_FUA | BLK_INFO_DISCARD | BLK_INFO_WRITE_ZEROES |                \
	 BLK_INFO_EXTENTS)

static inline void
crig_client_start(struct crig *r, const struct blk_client_conf *conf)
{
	struct blk_client_conf full = conf != NULL ? *conf : (struct blk_client_conf){ 0 };

	full.link = r->l[1];
	full.rgid = r->ip.gid[0];
	full.on_up = crig_on_up;
	full.on_down = crig_on_down;
	full.on_change = crig_on_change;
	full.arg = r;
	r->queues = full.queues != 0 ? full.queues : 1;
	assert_int_equal(blk_client_create(&full, &r->c), 0);
}

/* All of it, with one export "disk", up and listed. */
static inline void
crig_up(struct crig *r, const struct blk_client_conf *conf)
{
	crig_init(r);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_WARNING);
	crig_export(r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	if (conf != NULL && conf->digest)
		r->features = LINK_FEATURE_DIGEST;
	crig_server_start(r);
	crig_client_start(r, conf);
	crig_until(r, &r->ups, 1);
}

static inline void
crig_down(struct crig *r)
{
	unsigned int i;

	for (i = 0; i < r->queues; i++)
		assert_int_equal(blk_cq_inflight(blk_client_queue(r->c, i)), 0);
	blk_client_destroy(r->c);
	if (r->l[0] != NULL)
		crig_server_stop(r);
	link_destroy(r->l[1]);
	inproc_teardown(&r->ip);
	free(r->image);
}

/* --- ios --- */

struct crig_io {
	struct blk_io io;
	unsigned int done; /* how often it has ended */
	int err;
	unsigned int order; /* when, among all */
	unsigned int iov_count;
	uint8_t *got; /* payload of a READ or BLOCK_STATUS, copied in done() */
	size_t got_len;
};

static unsigned int crig_order;

static inline void
crig_io_done(struct blk_io *io, int err)
{
	struct crig_io *x = io->arg;
	unsigned int i;

	x->done++;
	x->err = err;
	x->order = crig_order++;
	x->iov_count = io->iov_count;
	x->got_len = 0;
	for (i = 0; i < io->iov_count; i++) {
		if (x->got != NULL)
			memcpy(x->got + x->got_len, io->iov[i].iov_base, io->iov[i].iov_len);
		x->got_len += io->iov[i].iov_len;
	}
}

static inline int
crig_submit(struct crig *r, unsigned int queue, struct crig_io *x, uint8_t op, uint64_t off,
	    uint64_t len, void *data)
{
	memset(x, 0, sizeof(*x));
	x->io.op = op;
	x->io.disk = blk_client_disk(r->c, 0);
	x->io.off = off;
	x->io.len = len;
	x->io.done = crig_io_done;
	x->io.arg = x;
	if (op == BLK_WRITE)
		x->io.data = data;
	else
		x->got = data;
	return blk_cq_submit(blk_client_queue(r->c, queue), &x->io);
}

/* Submit, wait, and give back the io's result. */
static inline int
crig_do(struct crig *r, struct crig_io *x, uint8_t op, uint64_t off, uint64_t len, void *data)
{
	assert_int_equal(crig_submit(r, 0, x, op, off, len, data), 0);
	crig_until(r, &x->done, 1);
	return x->err;
}

static inline struct blk_disk *
crig_disk(struct crig *r)
{
	return blk_client_disk(r->c, 0);
}

/* The server goes away and comes back; the client is up again after. */
static inline void
crig_restart(struct crig *r)
{
	unsigned int ups = r->ups, downs = r->downs;

	crig_server_stop(r);
	crig_until(r, &r->downs, downs + 1);
	assert_false(blk_client_up(r->c));
	crig_server_start(r);
	crig_until(r, &r->ups, ups + 1);
	assert_true(blk_client_up(r->c));
}

#endif
