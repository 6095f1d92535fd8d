/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of services: which may be offered and called, and a peer that names any of them. */
#include <errno.h>
#include <stdio.h>

#include <rte_common.h>

#include "link_rig.h"

static struct rig r;

static const struct inproc_conf two = { .functions = 2 };

static int
listen_for(unsigned int service)
{
	struct link_listen_conf conf = {
		.service = (enum link_service)service,
		.queues_max = 1,
		.depth_max = 8,
		.slot_max = 4096,
		.may_connect = rig_may_connect,
		.ops = &rig_ops,
		.arg = &r.end[RIG_LISTENER],
	};

	return link_listen(r.l[RIG_LISTENER], &conf);
}

static int
open_for(unsigned int service, struct link_session **s)
{
	struct link_open_conf conf = rig_open_conf(&r, 1, 8, 4096);

	conf.service = (enum link_service)service;
	return link_open(r.l[RIG_INITIATOR], &conf, s);
}

static const struct {
	unsigned int service;
	int ret;
	const char *name;
} numbers[] = {
	{ 0, -EINVAL, "?" },
	{ 1, 0, "blk" },
	{ 2, 0, "cons" },
	{ 3, 0, "test" },
	{ 4, -EINVAL, "?" },
	{ 127, -EINVAL, "?" },
	{ 128, 0, "128" },
	{ 129, 0, "129" },
	{ 130, 0, "130" },
	{ 199, 0, "199" },
	{ 249, 0, "249" },
	{ 250, 0, "250" },
	{ 255, 0, "255" },
	{ 256, -EINVAL, "?" },
	{ 257, -EINVAL, "?" },
	{ 384, -EINVAL, "?" },
	{ 0x80000001, -EINVAL, "?" },
};

static void
are_known_or_not(void **state)
{
	struct link_session *s;

	rig_links(&r, &two, NULL);
	for (unsigned int i = 0; i < RTE_DIM(numbers); i++) {
		assert_int_equal(listen_for(numbers[i].service), numbers[i].ret);
		link_unlisten(r.l[RIG_LISTENER], (enum link_service)numbers[i].service);
		assert_int_equal(open_for(numbers[i].service, &s), numbers[i].ret);
		if (numbers[i].ret == 0)
			link_session_close(s, "tried");
	}
	rig_down(&r);
}

/* Each private number has the name that it is written with. */
static void
have_names(void **state)
{
	char text[8];

	for (unsigned int i = 0; i < RTE_DIM(numbers); i++)
		assert_string_equal(link_service_str(numbers[i].service), numbers[i].name);
	for (unsigned int n = LINK_SERVICE_PRIVATE_MIN; n <= LINK_SERVICE_PRIVATE_MAX; n++) {
		snprintf(text, sizeof(text), "%u", n);
		assert_string_equal(link_service_str(n), text);
	}
}

/* A number of which only the low byte is somebody's means nobody. */
static void
are_not_cut(void **state)
{
	const struct link_share part = { .sessions = 1 };

	rig_links(&r, &two, NULL);
	assert_int_equal(listen_for(LINK_SERVICE_BLK), 0);
	link_unlisten(r.l[RIG_LISTENER], (enum link_service)(256 + LINK_SERVICE_BLK));
	assert_int_equal(listen_for(LINK_SERVICE_BLK), -EEXIST);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], (enum link_service)(256 + LINK_SERVICE_BLK),
				   &part),
			 -EINVAL);
	rig_down(&r);
}

/* Nothing is kept for a private service, and it takes nothing of what others keep. */
static void
keep_nothing(void **state)
{
	const struct link_share all = { .sessions = 2 };
	struct link_conf conf = { .sessions_max = 2 };

	rig_links(&r, &two, &conf);
	assert_int_equal(listen_for(128), 0);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], (enum link_service)128, &all), -EINVAL);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], (enum link_service)255, &all), -EINVAL);
	assert_int_equal(link_keep(r.l[RIG_LISTENER], LINK_SERVICE_CONS, &all), 0);
	assert_int_equal(open_for(128, &r.opened), 0);
	rig_pass(&r, 30);
	assert_int_equal(rig_info(r.opened).why, LINK_WHY_BUSY);
	rig_down(&r);
}

/* One request and its answer. */
static void
one_request(struct link_queue *asks, struct link_queue *answers)
{
	struct link_req req = { .op = 7, .off = 5 };
	struct link_cqe cqe;
	int id = link_slot_get(asks);

	assert_true(id >= 0);
	req.id = (uint16_t)id;
	assert_int_equal(link_req_post(asks, &req), 0);
	assert_int_equal(link_req_flush(asks), 0);
	assert_int_equal(link_sqe_poll(answers, &req, 1), 1);
	assert_int_equal(req.op, 7);
	cqe = (struct link_cqe){ .id = req.id, .result = 9 };
	assert_int_equal(link_rsp_post(answers, &cqe), 0);
	assert_int_equal(link_rsp_flush(answers), 0);
	assert_int_equal(link_cqe_poll(asks, &cqe, 1), 1);
	assert_int_equal(cqe.result, 9);
	link_slot_put(asks, cqe.id);
}

/* Two private services between two GIDs: each has a session, and what it held comes back. */
static void
private_ones_are_served(void **state)
{
	struct link_session *second;

	rig_links(&r, &two, NULL);
	assert_int_equal(listen_for(LINK_SERVICE_PRIVATE_MIN), 0);
	assert_int_equal(listen_for(LINK_SERVICE_PRIVATE_MAX), 0);
	assert_int_equal(open_for(LINK_SERVICE_PRIVATE_MIN, &r.opened), 0);
	assert_int_equal(open_for(LINK_SERVICE_PRIVATE_MIN, &second), -EEXIST);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 1, 100);
	one_request(link_session_queue(r.opened, 0), rig_queue(&r, RIG_LISTENER, 0));
	assert_int_equal(rig_info(r.end[RIG_LISTENER].s).service, 128);
	assert_int_equal(open_for(LINK_SERVICE_PRIVATE_MAX, &second), 0);
	rig_until(&r, &r.end[RIG_INITIATOR].ups, 2, 100);
	assert_int_equal(rig_info(r.end[RIG_LISTENER].s).service, 255);
	one_request(link_session_queue(second, 0), rig_queue(&r, RIG_LISTENER, 0));
	assert_int_equal(rig_stats(&r, RIG_LISTENER).sessions, 2);
	link_queue_detach(link_session_queue(second, 0));
	link_session_close(second, "done");
	link_queue_detach(link_session_queue(r.opened, 0));
	link_session_close(r.opened, "done");
	r.opened = NULL;
	r.end[RIG_INITIATOR].s = NULL;
	rig_until(&r, &r.end[RIG_LISTENER].frees, 2, 1000);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).held_dmbs, 0);
	rig_down(&r);
}

static void
call(const struct rte_pmd_ism_dmb *dmb, unsigned int service)
{
	assert_int_equal(rte_pmd_ism_signal(r.ip.dev_id[1], r.ip.gid[0],
					    LINK_EVENT_CODE(LINK_EVENT_OP_CALL),
					    link_event_info(dmb->token, (uint8_t)service, 1)),
			 0);
}

/* A peer that goes through all numbers: nothing is kept for it, and it is answered no oftener. */
static void
a_peer_names_any(void **state)
{
	struct rte_pmd_ism_stats before, after;
	struct rte_pmd_ism_dmb *dmb;

	rig_links(&r, &two, NULL);
	assert_int_equal(listen_for(200), 0);
	r.end[RIG_LISTENER].allow = -EACCES;
	assert_int_equal(rte_pmd_ism_dmb_register(r.ip.dev_id[1], r.ip.gid[0], LINK_CTRL_SIZE, 0,
						  &dmb),
			 0);
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &before);
	for (unsigned int n = 0; n < 256; n++) {
		call(dmb, n);
		rig_pass(&r, 10);
	}
	rte_pmd_ism_stats_get(r.ip.dev_id[0], &after);
	assert_int_equal(r.end[RIG_LISTENER].asked, 1);
	assert_int_equal(rig_stats(&r, RIG_LISTENER).events_ignored, 1); /* 0 */
	assert_int_equal(rig_stats(&r, RIG_LISTENER).refused, 255);
	/* 2560 ms at one refusal of two stores every 20 ms. */
	assert_in_range(after.stores - before.stores, 200, 260);
	assert_int_equal(after.dmbs, 0);
	assert_int_equal(after.windows, 0);
	rte_pmd_ism_dmb_unregister(dmb);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_known_or_not),
		cmocka_unit_test(have_names),
		cmocka_unit_test(are_not_cut),
		cmocka_unit_test(keep_nothing),
		cmocka_unit_test(private_ones_are_served),
		cmocka_unit_test(a_peer_names_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
