/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A console server that goes on writing into what it has already answered: the slots that its
 * client's output lies in change all the time, between 'a' and 'b'. After PIECES answers it says
 * that the program has ended.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_time.h"
#include "cons.h"
#include "link.h"
#include "rte_pmd_ism.h"
#include "run.h"

#define PIECES 400
#define LIFE_NS (40 * BASE_NS_PER_S)

static struct {
	struct link *link;
	struct link_queue *q;
	uint64_t out_pos, end_ns;
	unsigned int said;
	_Atomic(uint8_t *) slots[LINK_DEPTH_MAX]; /* of the client's memory */
	_Atomic uint32_t slot_size;
	atomic_bool over;
} liar;

/* As fast as it can, and never twice the same. */
static void *
rewrite(void *arg)
{
	for (uint8_t c = 'a'; !atomic_load(&liar.over); c ^= 'a' ^ 'b') {
		for (unsigned int i = 0; i < LINK_DEPTH_MAX; i++) {
			uint8_t *slot = atomic_load(&liar.slots[i]);

			if (slot != NULL)
				memset(slot, c, atomic_load(&liar.slot_size));
		}
	}
	return arg;
}

static void
on_up(void *arg, struct link_session *s)
{
	liar.q = link_session_queue(s, 0);
	if (link_queue_attach(liar.q) != 0)
		exit(1);
	atomic_store(&liar.slot_size, link_queue_slot_size(liar.q));
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	/* The window goes with the queue: no more of it. */
	atomic_store(&liar.over, true);
	run_stop();
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	return 0;
}

static void
answer(uint16_t id, uint8_t flags, uint32_t result, const void *payload, uint32_t len)
{
	const struct link_cqe cqe = { .id = id, .flags = flags, .result = result, .payload = len };

	if (payload != NULL)
		link_rsp_payload(liar.q, id, 0, payload, len);
	link_rsp_post(liar.q, &cqe);
	link_rsp_flush(liar.q);
}

static void
serve_attach(uint16_t id)
{
	struct cons_wire_attached a = { .name = "liar" };

	a.instance = rte_cpu_to_be_64(1);
	a.unit = rte_cpu_to_be_16(1);
	a.flags = rte_cpu_to_be_32(CONS_ATTACHED_WRITER);
	answer(id, 0, 0, &a, sizeof(a));
}

static void
serve_read(uint16_t id)
{
	struct cons_wire_event ended = { .type = rte_cpu_to_be_32(CONS_EVENT_ENDED) };
	uint32_t size = link_queue_slot_size(liar.q);
	uint8_t *slot;

	if (liar.said == PIECES) {
		/* This one is to be understood. */
		atomic_store(&liar.slots[id], NULL);
		usleep(20000);
		answer(id, CONS_KIND_EVENT, 0, &ended, sizeof(ended));
		return;
	}
	slot = link_rsp_place(liar.q, id);
	if (slot == NULL) {
		fprintf(stderr, "no window\n");
		exit(77);
	}
	memset(slot, 'a', size);
	link_rsp_placed(liar.q, id, size);
	answer(id, CONS_KIND_DATA, (uint32_t)liar.out_pos, NULL, size);
	atomic_store(&liar.slots[id], slot);
	liar.out_pos += size;
	liar.said++;
}

static void
serve(const struct link_req *req)
{
	if (req->op == CONS_ATTACH)
		serve_attach(req->id);
	else if (req->op == CONS_READ && liar.said <= PIECES)
		serve_read(req->id);
	else
		answer(req->id, 0, 0, NULL, 0);
}

static unsigned int
poll_link(void *arg, uint64_t now_ns)
{
	struct link_req req[16];
	int n;

	link_poll(liar.link, now_ns);
	if (now_ns > liar.end_ns)
		run_stop();
	n = liar.q != NULL ? link_sqe_poll(liar.q, req, 16) : 0;
	for (int i = 0; i < n; i++)
		serve(&req[i]);
	return n > 0;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

int
main(int argc, char **argv)
{
	const struct run_idle_conf idle = { .hot_us = 200, .idle_max_us = 1000 };
	const struct link_listen_conf listen = { .service = LINK_SERVICE_CONS,
						 .queues_max = 1,
						 .depth_max = 32,
						 .slot_max = 16 * 1024,
						 .may_connect = may_connect,
						 .ops = &ops };
	struct link_conf conf = { .keepalive_ms = 1000 };
	pthread_t thread;

	if (run_args(argc, argv, "hostile_peer_console_rewrites", &argc, &argv) != RUN_EXIT_OK ||
	    run_eal_init() != RUN_EXIT_OK || run_device(NULL, &conf.dev_id) != RUN_EXIT_OK)
		return 1;
	liar.end_ns = base_now_ns() + LIFE_NS;
	if (link_create(&conf, &liar.link) != 0 || link_listen(liar.link, &listen) != 0 ||
	    run_add_poller(0, poll_link, NULL) != 0 ||
	    pthread_create(&thread, NULL, rewrite, NULL) != 0)
		return 1;
	run_ready();
	run_loop(&idle);
	atomic_store(&liar.over, true);
	pthread_join(thread, NULL);
	if (liar.q != NULL)
		link_queue_detach(liar.q);
	link_destroy(liar.link);
	rte_pmd_ism_close(conf.dev_id);
	run_fini();
	printf("%u pieces\n", liar.said);
	return 0;
}
