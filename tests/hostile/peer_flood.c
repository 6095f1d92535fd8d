/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer that wants more than its share of a server:
 *
 *	peer_flood SOCKET GID MODE SECONDS
 *
 *	calls    calls with a new, empty DMB of the largest size each time, and keeps them all
 *	events   sends events as fast as it can: calls, and others
 *	churn    begins sessions and drops them, as fast as it can
 *	status   BLOCK_STATUS of the whole first export, all slots of all queues, for ever
 *	fua      the same with small writes that must be stable
 *	flush    the same with FLUSH
 *	zero     the same with WRITE_ZEROES of the whole first export
 *
 * Prints one line: what it sent, and for `calls` how many bytes of its empty DMBs have got pages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_eal.h>

#include "base_text.h"
#include "base_time.h"
#include "blk.h"
#include "link.h"
#include "link_wire.h"
#include "rte_pmd_ism.h"

#define DMBS_MAX 256
#define QUEUES 4
#define DEPTH 64
#define SLOT 4096

struct me {
	uint16_t dev_id;
	uint64_t gid; /* the server's */
	uint64_t end_ns;
	uint64_t sent, answered, ups;
	struct link *link;
	struct link_session *session; /* NULL: down */
};

static void
die(const char *what)
{
	fprintf(stderr, "peer_flood: %s\n", what);
	exit(1);
}

static void
device_open(struct me *me, const char *socket)
{
	char vdev[200], log[] = "--log-level=lib.eal:error", name[] = "peer_flood";
	char huge[] = "--no-huge", pci[] = "--no-pci", tel[] = "--no-telemetry", mib[] = "64";
	char mem[] = "-m", shconf[] = "--no-shconf", lcores[] = "--lcores=0@(0-1)";
	char *argv[] = { name, huge, pci, tel, mem, mib, shconf, lcores, log, vdev, NULL };

	snprintf(vdev, sizeof(vdev), "--vdev=raw_ism0,socket=%s", socket);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		die("no EAL");
	if (rte_pmd_ism_list(&me->dev_id, 1) != 1 || rte_pmd_ism_open(me->dev_id) != 0)
		die("no function");
}

static bool
over(const struct me *me)
{
	return base_now_ns() >= me->end_ns;
}

/* --- raw events --- */

static void
call(struct me *me, uint64_t token, uint32_t nonce)
{
	(void)rte_pmd_ism_signal(me->dev_id, me->gid, LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
				 link_event_info(token, LINK_SERVICE_BLK, nonce));
	me->sent++;
}

/* Bytes of the DMB that have pages. */
static uint64_t
resident(const struct rte_pmd_ism_dmb *dmb)
{
	static unsigned char map[(8u << 20) / 4096];
	uint64_t n = 0;

	if (mincore(dmb->addr, dmb->len, map) != 0)
		die("mincore");
	for (uint32_t i = 0; i < dmb->len / 4096; i++)
		n += map[i] & 1;
	return n * 4096;
}

static void
run_calls(struct me *me)
{
	const struct timespec pause = { .tv_nsec = 30000000 };
	static struct rte_pmd_ism_dmb *dmb[DMBS_MAX];
	struct rte_pmd_ism_info info;
	unsigned int n = 0;
	uint64_t bytes = 0;

	rte_pmd_ism_info_get(me->dev_id, &info);
	for (; n < DMBS_MAX && !over(me); n++) {
		if (rte_pmd_ism_dmb_register(me->dev_id, me->gid, info.dmb_max, 0, &dmb[n]) != 0)
			break;
		/* Its pages go: whoever touches them next pays for them. */
		if (madvise(dmb[n]->addr, dmb[n]->len, MADV_REMOVE) != 0)
			die("MADV_REMOVE");
		call(me, dmb[n]->token, n + 1);
		nanosleep(&pause, NULL);
	}
	for (unsigned int i = 0; i < n; i++)
		bytes += resident(dmb[i]);
	printf("calls=%" PRIu64 " resident=%" PRIu64 "\n", me->sent, bytes);
}

static void
run_events(struct me *me)
{
	struct rte_pmd_ism_dmb *dmb;

	if (rte_pmd_ism_dmb_register(me->dev_id, me->gid, LINK_CTRL_SIZE, 0, &dmb) != 0)
		die("no DMB");
	for (uint32_t i = 1; !over(me); i++) {
		call(me, dmb->token, i);
		(void)rte_pmd_ism_signal(me->dev_id, me->gid, 0x12345678, i);
	}
	printf("events=%" PRIu64 "\n", 2 * me->sent);
}

/* --- sessions --- */

static void
on_up(void *arg, struct link_session *s)
{
	struct me *me = arg;
	struct link_session_info info;

	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		(void)link_queue_attach(link_session_queue(s, i));
	me->session = s;
	me->ups++;
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct me *me = arg;
	struct link_session_info info;

	link_session_info(s, &info);
	for (unsigned int i = 0; i < info.queues; i++)
		link_queue_detach(link_session_queue(s, i));
	me->session = NULL;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

static struct link_session *
session_open(struct me *me)
{
	const struct link_open_conf conf = {
		.rgid = me->gid,
		.service = LINK_SERVICE_BLK,
		.queues = QUEUES,
		.depth = DEPTH,
		.slot_size = SLOT,
		.retry_min_ms = 1,
		.retry_max_ms = 1,
		.ops = &ops,
		.arg = me,
	};
	struct link_session *s;

	if (link_open(me->link, &conf, &s) != 0)
		die("link_open");
	return s;
}

static void
link_make(struct me *me)
{
	const struct link_conf conf = { .dev_id = me->dev_id };

	if (link_create(&conf, &me->link) != 0)
		die("no link");
}

static void
run_churn(struct me *me)
{
	struct link_session *s;

	link_make(me);
	while (!over(me)) {
		s = session_open(me);
		while (me->session == NULL && !over(me))
			link_poll(me->link, base_now_ns());
		if (me->session != NULL)
			on_down(me, s, LINK_WHY_LOCAL);
		link_session_close(s, "again");
		link_poll(me->link, base_now_ns());
	}
	printf("sessions=%" PRIu64 "\n", me->ups);
}

/* --- requests --- */

static struct link_req
request(const char *mode, uint64_t n)
{
	struct link_req req = { .unit = 1 };

	if (strcmp(mode, "status") == 0) {
		req.op = BLK_BLOCK_STATUS;
		req.len = 32u << 20;
	} else if (strcmp(mode, "fua") == 0) {
		req.op = BLK_WRITE;
		req.flags = BLK_FLAG_FUA;
		req.off = (16u << 20) + n % 1024 * 4096;
		req.len = req.payload = 4096;
	} else if (strcmp(mode, "flush") == 0) {
		req.op = BLK_FLUSH;
	} else if (strcmp(mode, "zero") == 0) {
		req.op = BLK_WRITE_ZEROES;
		req.flags = BLK_FLAG_NO_HOLE;
		req.off = 16u << 20;
		req.len = 16u << 20;
	} else {
		die("no such mode");
	}
	return req;
}

static void
queue_fill(struct me *me, struct link_queue *q, const char *mode)
{
	static uint8_t page[4096];
	struct link_cqe cqe[DEPTH];
	struct link_req req;
	int n = link_cqe_poll(q, cqe, DEPTH), id;

	for (int i = 0; i < n; i++)
		link_slot_put(q, cqe[i].id);
	me->answered += n > 0 ? (uint64_t)n : 0;
	while ((id = link_slot_get(q)) >= 0) {
		req = request(mode, me->sent);
		req.id = (uint16_t)id;
		if (req.payload > 0 && link_req_payload(q, req.id, 0, page, req.payload) != 0)
			break;
		if (link_req_post(q, &req) != 0)
			break;
		me->sent++;
	}
	(void)link_req_flush(q);
}

static void
run_requests(struct me *me, const char *mode)
{
	link_make(me);
	(void)session_open(me);
	while (!over(me)) {
		link_poll(me->link, base_now_ns());
		for (unsigned int i = 0; me->session != NULL && i < QUEUES; i++) {
			struct link_queue *q = link_session_queue(me->session, i);

			if (q != NULL)
				queue_fill(me, q, mode);
		}
	}
	printf("requests=%" PRIu64 " answered=%" PRIu64 "\n", me->sent, me->answered);
}

int
main(int argc, char **argv)
{
	struct me me = { 0 };
	const char *mode;

	if (argc != 5 || base_gid_parse(argv[2], &me.gid) != 0)
		die("expected SOCKET GID MODE SECONDS");
	mode = argv[3];
	device_open(&me, argv[1]);
	printf("ready\n");
	fflush(stdout);
	me.end_ns = base_now_ns() + strtoull(argv[4], NULL, 10) * BASE_NS_PER_S;
	if (strcmp(mode, "calls") == 0)
		run_calls(&me);
	else if (strcmp(mode, "events") == 0)
		run_events(&me);
	else if (strcmp(mode, "churn") == 0)
		run_churn(&me);
	else
		run_requests(&me, mode);
	fflush(stdout);
	/* The function goes with the process, as a killed peer's would. */
	_Exit(0);
}
