/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A system that may use a console, and wants what another one has opened there: it attaches again
 * and again, to write and by take-over, and shows all that it is sent. With "observe" it only looks
 * on, and each attachment may start the console's program once more.
 *
 *	hostile_peer_console_thief EAL-OPTIONS -- GID CONSOLE take|observe SECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_text.h"
#include "base_time.h"
#include "cons.h"
#include "link.h"
#include "rte_pmd_ism.h"
#include "run.h"

#define DEPTH 32
#define READS 8
#define STAY_NS (200 * BASE_NS_PER_MS)

static struct {
	struct link *link;
	struct link_session *session;
	struct link_queue *q;
	const char *console;
	bool observe;
	uint8_t op[DEPTH];
	bool asked, attached;
	uint16_t unit;
	uint64_t since_ns, now_ns, end_ns;
	unsigned int attaches, refusals;
} thief;

static void
on_up(void *arg, struct link_session *s)
{
	thief.q = link_session_queue(s, 0);
	if (link_queue_attach(thief.q) != 0)
		exit(1);
	thief.asked = thief.attached = false;
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	link_queue_detach(thief.q);
	thief.q = NULL;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

static void
post(struct link_req req, const void *payload, uint32_t len)
{
	int id = link_slot_get(thief.q);

	if (id < 0)
		return;
	req.id = (uint16_t)id;
	req.payload = len;
	thief.op[id] = req.op;
	if (len > 0)
		link_req_payload(thief.q, req.id, 0, payload, len);
	link_req_post(thief.q, &req);
	link_req_flush(thief.q);
}

static void
ask(void)
{
	struct cons_wire_attach rec = { .client = rte_cpu_to_be_64(0x7e1ef),
					.history = rte_cpu_to_be_32(UINT32_MAX) };

	snprintf(rec.name, sizeof(rec.name), "%s", thief.console);
	rec.flags = rte_cpu_to_be_32(thief.observe ? CONS_ATTACH_OBSERVE : CONS_ATTACH_TAKE_OVER);
	thief.asked = true;
	post((struct link_req){ .op = CONS_ATTACH }, &rec, sizeof(rec));
}

static void
take_attach(const struct link_cqe *cqe)
{
	const struct cons_wire_attached *a = link_slot_rx(thief.q, cqe->id);

	thief.asked = false;
	if (cqe->status != CONS_OK) {
		thief.refusals++;
		return;
	}
	thief.attaches++;
	thief.attached = true;
	thief.since_ns = thief.now_ns;
	thief.unit = rte_be_to_cpu_16(a->unit);
	for (int i = 0; i < READS; i++)
		post((struct link_req){ .op = CONS_READ, .unit = thief.unit }, NULL, 0);
}

static void
take_read(const struct link_cqe *cqe)
{
	if (cqe->status != CONS_OK)
		return;
	if (cqe->flags == CONS_KIND_EVENT) {
		thief.attached = false;
		return;
	}
	fwrite(link_slot_rx(thief.q, cqe->id), 1, cqe->payload, stdout);
	post((struct link_req){ .op = CONS_READ, .unit = thief.unit }, NULL, 0);
}

static unsigned int
poll_link(void *arg, uint64_t now_ns)
{
	struct link_cqe cqe[16];
	int n;

	thief.now_ns = now_ns;
	link_poll(thief.link, now_ns);
	if (now_ns > thief.end_ns)
		run_stop();
	if (thief.q == NULL)
		return 0;
	n = link_cqe_poll(thief.q, cqe, RTE_DIM(cqe));
	for (int i = 0; i < n; i++) {
		if (thief.op[cqe[i].id] == CONS_ATTACH)
			take_attach(&cqe[i]);
		else if (thief.op[cqe[i].id] == CONS_READ)
			take_read(&cqe[i]);
		link_slot_put(thief.q, cqe[i].id);
	}
	if (thief.attached && !thief.observe && now_ns - thief.since_ns > STAY_NS) {
		thief.attached = false;
		post((struct link_req){ .op = CONS_DETACH, .unit = thief.unit }, NULL, 0);
	}
	if (!thief.attached && !thief.asked)
		ask();
	return 1;
}

int
main(int argc, char **argv)
{
	const struct run_idle_conf idle = { .hot_us = 200, .idle_max_us = 1000 };
	struct link_open_conf open = { .service = LINK_SERVICE_CONS,
				       .queues = 1,
				       .depth = DEPTH,
				       .slot_size = 16 * 1024,
				       .ops = &ops };
	struct link_conf conf = { .keepalive_ms = 1000 };

	if (run_args(argc, argv, "hostile_peer_console_thief", &argc, &argv) != RUN_EXIT_OK ||
	    argc != 5 || base_gid_parse(argv[1], &open.rgid) != 0)
		return 2;
	thief.console = argv[2];
	thief.observe = strcmp(argv[3], "observe") == 0;
	if (run_eal_init() != RUN_EXIT_OK || run_device(NULL, &conf.dev_id) != RUN_EXIT_OK)
		return 1;
	thief.end_ns = base_now_ns() + strtoull(argv[4], NULL, 10) * BASE_NS_PER_S;
	if (link_create(&conf, &thief.link) != 0 ||
	    link_open(thief.link, &open, &thief.session) != 0 ||
	    run_add_poller(0, poll_link, NULL) != 0)
		return 1;
	run_loop(&idle);
	if (thief.q != NULL)
		link_queue_detach(thief.q);
	link_session_close(thief.session, "thief ends");
	link_destroy(thief.link);
	rte_pmd_ism_close(conf.dev_id);
	run_fini();
	printf("\nattached %u refused %u\n", thief.attaches, thief.refusals);
	return 0;
}
