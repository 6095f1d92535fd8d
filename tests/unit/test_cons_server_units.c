/* SPDX-License-Identifier: BSD-3-Clause */
/* Version 2: several attachments in one session, and what a hostile peer makes of units. */
#include "cons_rig.h"

#define REPEAT "stty -echo; echo ready; exec cat"
#define KIB 1024u

/* Units of peer 0, which speaks version 2. */
static unsigned int first, second, third;

static void
start(struct rig *r, unsigned int peers, const char *one, const char *two)
{
	rig_setup(r, peers, 64 * KIB);
	rig_console(r, one);
	if (two != NULL)
		rig_console(r, two);
	r->peer[0].version2 = true;
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
	first = 0;
	second = rig_guest(r, 0, 2);
	third = rig_guest(r, 0, CONS_UNITS_MAX);
}

static void
attach_ready(struct rig *r, unsigned int peer, const char *name, uint64_t client, uint32_t flags)
{
	rig_attach(r, peer, name, client, flags);
	rig_expect(r, peer, "ready\r\n");
}

static uint16_t
attach_status(struct rig *r, unsigned int peer, const char *name, uint64_t client, uint32_t flags)
{
	struct cons_wire_attach rec = rig_attach_record(name, client, flags);

	return rig_attach_as(r, peer, &rec);
}

static uint16_t
detach(struct rig *r, unsigned int peer)
{
	r->peer[peer].credits_max = 0;
	return rig_status(r, peer, rig_op(r, peer, CONS_DETACH), NULL);
}

static const struct cons_instance *
now(const struct rig *r, unsigned int console)
{
	assert_non_null(r->srv->consoles[console]->now);
	return r->srv->consoles[console]->now;
}

/* --- who has what --- */

/* Two consoles: what is typed at one is not seen at the other; one goes, the other stays. */
static void
test_two_consoles(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", "d=exec:" REPEAT ",allow=any");
	attach_ready(&r, first, "c", 1, 0);
	attach_ready(&r, second, "d", 2, 0);
	assert_int_equal(rig_type_at(&r, first, 0, "for c\n"), CONS_OK);
	assert_int_equal(rig_type_at(&r, second, 0, "to d\n"), CONS_OK);
	rig_expect(&r, first, "for c\r\n");
	rig_expect(&r, second, "to d\r\n");
	assert_null(strstr(r.peer[first].seen, "to d"));
	assert_null(strstr(r.peer[second].seen, "for c"));
	assert_int_equal(detach(&r, first), CONS_OK);
	assert_true(r.peer[first].gone > 0);
	assert_int_equal(r.peer[first].credits, 0);
	assert_int_equal(rig_type_at(&r, first, 6, "x"), CONS_EGONE);
	assert_int_equal(rig_type_at(&r, second, 5, "still\n"), CONS_OK);
	rig_expect(&r, second, "still\r\n");
	assert_int_equal(r.peer[second].gone, 0);
	/* The unit can be used again, for the other console. */
	attach_ready(&r, first, "d", 3, CONS_ATTACH_OBSERVE);
	rig_expect(&r, first, "still\r\n");
	/* The program of one ends: the other unit is told nothing of it. */
	attach_ready(&r, third, "c", 4, 0);
	assert_int_equal(rig_status(&r, third,
				    (struct link_req){ .op = CONS_EOF, .unit = r.peer[third].unit },
				    NULL),
			 CONS_OK);
	assert_int_equal(rig_ended(&r, third), 0);
	assert_int_equal(rig_type_at(&r, second, 11, "and on\n"), CONS_OK);
	rig_expect(&r, second, "and on\r\n");
	assert_int_equal(r.peer[second].event_count, 0);
	assert_int_equal(r.srv->stats.protocol_errors, 0);
	rig_teardown(&r);
}

/* One console: a writer and two observers of one session; each has its role and its end. */
static void
test_same_console(void **state)
{
	struct cons_wire_info info;
	struct link_cqe cqe;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", NULL);
	attach_ready(&r, first, "c", 1, 0);
	attach_ready(&r, second, "c", 2, CONS_ATTACH_OBSERVE);
	attach_ready(&r, third, "c", 3, CONS_ATTACH_OBSERVE);
	assert_int_equal(now(&r, 0)->observers, 2);
	assert_int_equal(rig_type_at(&r, first, 0, "for all\n"), CONS_OK);
	rig_expect(&r, first, "for all\r\n");
	rig_expect(&r, second, "for all\r\n");
	rig_expect(&r, third, "for all\r\n");
	assert_int_equal(rig_type_at(&r, second, 0, "x"), CONS_EPERM);
	cqe = rig_call(&r, first, (struct link_req){ .op = CONS_LIST }, NULL);
	memcpy(&info, rig_payload(&r, first, cqe.id), sizeof(info));
	assert_int_equal(rte_be_to_cpu_16(info.observers), 2);
	/* A second writer of the session is another client: refused, or takes over. */
	assert_int_equal(detach(&r, second), CONS_OK);
	assert_int_equal(attach_status(&r, second, "c", 2, 0), CONS_EBUSY);
	attach_ready(&r, second, "c", 2, CONS_ATTACH_TAKE_OVER);
	assert_int_equal(rte_be_to_cpu_64(rig_event(&r, first, CONS_EVENT_TAKEN)->value),
			 r.ip.gid[1]);
	rig_audited(&r, "took over from");
	assert_int_equal(rig_type_at(&r, second, 0, "mine\n"), CONS_OK);
	rig_expect(&r, third, "mine\r\n");
	assert_null(strstr(r.peer[first].seen, "mine"));
	/* The same number is the same client, in whatever unit. */
	r.peer[first].credits_max = 0;
	rig_until(&r, r.peer[first].credits == 0);
	attach_ready(&r, first, "c", 3, CONS_ATTACH_OBSERVE);
	rig_event(&r, third, CONS_EVENT_DETACHED);
	assert_int_equal(now(&r, 0)->observers, 1);
	rig_teardown(&r);
}

/* A unit is used again: nothing of its last attachment counts for the next one. */
static void
test_unit_again(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; seq -f %08.0f 0 99999; exit 5,allow=any",
	      "d=exec:stty -echo; seq -f %08.0f 0 29999; sleep 1000,allow=any");
	rig_attach(&r, first, "c", 1, 0);
	assert_int_equal(rig_ended(&r, first), 5);
	assert_int_equal(r.peer[first].out_pos, 1000000);
	rig_attach(&r, first, "d", 2, 0);
	rig_until(&r, r.peer[first].out_pos == 300000);
	/* Its client has heard of the end: nothing is kept for it. */
	rig_until(&r, TAILQ_NEXT(TAILQ_FIRST(&r.srv->instances), entry) == NULL);
	assert_ptr_equal(TAILQ_FIRST(&r.srv->instances), r.srv->consoles[1]->now);
	assert_null(strstr(r.audit, "did not come back"));
	rig_teardown(&r);
}

/* What READs have brought to the last attachment says nothing of what this one has seen. */
static void
test_stale_reads(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; seq -f %08.0f 0 99999,allow=any",
	      "d=exec:stty -echo; seq -f %08.0f 0 29999,allow=any");
	rig_attach(&r, first, "c", 1, 0);
	rig_until(&r, r.peer[first].out_pos > 500000);
	r.peer[first].credits_max = 0;
	rig_until(&r, r.peer[first].credits == 0);
	assert_int_equal(detach(&r, first), CONS_OK);
	rig_attach(&r, first, "d", 2, 0);
	assert_int_equal(rig_ended(&r, first), 0);
	assert_int_equal(r.peer[first].out_pos, 300000);
	rig_teardown(&r);
}

/* --- fairness --- */

/* A writer that gives no credits stops its own program, and no other unit of its session. */
static void
test_one_never_reads(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("deaf", 1, 0);
	struct rig r;

	start(&r, 1, "deaf=exec:stty -echo; seq 0 999999,allow=any",
	      "c=exec:stty -echo; seq -f %08.0f 0 99999,allow=any");
	assert_int_equal(rig_attach_as(&r, first, &rec), CONS_OK);
	r.peer[first].credits_max = 0;
	rig_until(&r, now(&r, 0)->stalled);
	rig_attach(&r, second, "c", 2, 0);
	assert_int_equal(rig_ended(&r, second), 0);
	assert_int_equal(r.peer[second].out_pos, 1000000);
	assert_int_equal(r.srv->consoles[1]->stats.cut, 0);
	assert_true(now(&r, 0)->stalled);
	assert_int_equal(r.srv->consoles[0]->stats.cut, 0);
	assert_int_equal(r.peer[first].bytes, 0);
	rig_teardown(&r);
}

/* Output without end in one unit: the other one's keys are answered all the same. */
static void
test_one_floods(void **state)
{
	char text[32];
	uint64_t off = 0;
	struct rig r;

	start(&r, 1, "loud=exec:stty -echo; exec yes loud,allow=any",
	      "c=exec:" REPEAT ",allow=any");
	rig_attach(&r, first, "loud", 1, 0);
	attach_ready(&r, second, "c", 2, 0);
	for (unsigned int i = 0; i < 50; i++) {
		uint64_t was = r.peer[first].bytes;

		snprintf(text, sizeof(text), "line %u\n", i);
		assert_int_equal(rig_type_at(&r, second, off, text), CONS_OK);
		off += strlen(text);
		snprintf(text, sizeof(text), "line %u\r\n", i);
		rig_expect(&r, second, text);
		rig_until(&r, r.peer[first].bytes > was);
	}
	rig_teardown(&r);
}

/* Two are sent what was said before, more than a round allows: they take turns. */
static void
test_turns(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; seq -f %08.0f 0 9999; sleep 1000,allow=any", NULL);
	rig_attach(&r, third, "c", 1, 0);
	r.peer[third].credits_max = 2; /* the slots are for the others */
	rig_until(&r, r.peer[third].out_pos == 100000);
	rig_attach(&r, first, "c", 2, CONS_ATTACH_OBSERVE);
	r.peer[first].credits_max = 0;
	rig_attach(&r, second, "c", 3, CONS_ATTACH_OBSERVE);
	assert_int_equal(r.peer[first].bytes + r.peer[second].bytes, 0);
	/* The first one has more credits than a round's worth, always. */
	r.peer[first].credits_max = 18;
	r.peer[second].credits_max = 8;
	rig_until(&r, r.peer[first].out_pos == 100000 || r.peer[second].out_pos == 100000);
	assert_true(r.peer[first].bytes > 20 * KIB);
	assert_true(r.peer[second].bytes > 20 * KIB);
	rig_until(&r, r.peer[first].out_pos == 100000 && r.peer[second].out_pos == 100000);
	rig_teardown(&r);
}

/* WRITEs that no terminal takes fill their own unit's part of the slots; the other types on. */
static void
test_one_is_full(void **state)
{
	static const char text[RIG_SLOT];
	uint16_t ids[20];
	struct rig r;

	start(&r, 1, "full=exec:stty -echo; echo ready; stty raw; exec sleep 1000,allow=any",
	      "c=exec:" REPEAT ",allow=any");
	attach_ready(&r, first, "full", 1, 0);
	attach_ready(&r, second, "c", 2, 0);
	r.peer[first].credits_max = 0;
	for (unsigned int i = 0; i < 12; i++) {
		struct link_req req = rig_op(&r, first, CONS_WRITE);

		req.off = i * RIG_SLOT;
		req.len = req.payload = RIG_SLOT;
		ids[i] = rig_send(&r, first, req, text);
		rig_round(&r);
	}
	rig_pass(&r, 50);
	assert_false(r.peer[first].answered[ids[11]]);
	assert_int_equal(rig_type_at(&r, second, 0, "typed\n"), CONS_OK);
	rig_expect(&r, second, "typed\r\n");
	/* Its end is not held up by what it has typed, nor is the other one's by it. */
	assert_int_equal(detach(&r, first), CONS_OK);
	assert_true(r.peer[first].answered[ids[11]]);
	assert_int_equal(r.peer[first].cqe[ids[11]].status, CONS_EGONE);
	assert_int_equal(rig_type_at(&r, second, 6, "on\n"), CONS_OK);
	rig_expect(&r, second, "on\r\n");
	rig_teardown(&r);
}

/*
 * One unit sends whatever comes to its mind, as fast as it can: the other one, which its client
 * leaves a few slots, and another system's, are served.
 */
static void
flood(struct rig *r, unsigned int n)
{
	static const uint8_t ops[] = { CONS_READ, CONS_WRITE, CONS_ATTACH, CONS_EOF, CONS_LIST };
	struct rig_peer *p = &r->peer[first];

	for (unsigned int id = 0; id < RIG_DEPTH; id++) {
		if (r->peer[0].owner[id] == p && p->answered[id] && !p->is_read[id]) {
			p->answered[id] = false;
			link_slot_put(rig_queue(p), (uint16_t)id);
		}
	}
	while (link_slots_free(rig_queue(p)) > 14) {
		struct link_req req = { .op = ops[n++ % RTE_DIM(ops)], .unit = 1 };

		req.off = n % 7;
		req.len = req.op == CONS_WRITE ? 8 : 0;
		req.payload = req.len;
		rig_post(p, req, "whatever");
	}
}

static void
test_flood(void **state)
{
	uint64_t off = 0;
	char text[32];
	struct rig r;

	start(&r, 2, "c=exec:" REPEAT ",allow=any", "d=exec:" REPEAT ",allow=any");
	attach_ready(&r, second, "c", 2, 0);
	attach_ready(&r, 1, "d", 3, 0);
	for (unsigned int i = 0; i < 200; i++) {
		flood(&r, i);
		snprintf(text, sizeof(text), "line %u\n", i);
		assert_int_equal(rig_type_at(&r, second, off, text), CONS_OK);
		assert_int_equal(rig_type_at(&r, 1, off, text), CONS_OK);
		off += strlen(text);
		snprintf(text, sizeof(text), "line %u\r\n", i);
		rig_expect(&r, second, text);
		rig_expect(&r, 1, text);
	}
	assert_true(r.srv->stats.protocol_errors > 200);
	assert_int_equal(r.peer[second].gone + r.peer[1].gone, 0);
	rig_teardown(&r);
}

/* All units want the program that ends at once: it is started no more often than for one. */
static void
test_starts_are_bounded(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	uint64_t end;
	struct rig r;

	start(&r, 1, "c=exec:exit 0,allow=any", NULL);
	end = base_now_ns() + 2 * BASE_NS_PER_S;
	for (unsigned int n = 0; base_now_ns() < end; rig_round(&r)) {
		struct link_req req = { .op = CONS_ATTACH, .payload = sizeof(rec) };
		struct rig_peer *p = &r.peer[first];

		for (unsigned int id = 0; id < RIG_DEPTH; id++) {
			if (!p->answered[id])
				continue;
			p->answered[id] = false;
			link_slot_put(rig_queue(p), (uint16_t)id);
		}
		while (link_slots_free(rig_queue(p)) > 0) {
			req.unit = (uint16_t)(1 + n++ % CONS_UNITS_MAX);
			req.op = n % 2 != 0 ? CONS_ATTACH : CONS_DETACH;
			req.payload = n % 2 != 0 ? sizeof(rec) : 0;
			rec.client = rte_cpu_to_be_64(n);
			rig_post(p, req, &rec);
		}
	}
	assert_true(r.srv->stats.started >= 10);
	assert_true(r.srv->stats.started <= 13);
	rig_teardown(&r);
}

/* --- the session is lost --- */

static struct cons_wire_attach
resume(const struct rig *r, unsigned int peer, const char *name, uint64_t client)
{
	const struct rig_peer *p = &r->peer[peer];
	struct cons_wire_attach rec = rig_attach_record(name, client, 0);

	rec.instance = p->attached.instance;
	rec.out_pos = rte_cpu_to_be_64(p->out_pos);
	return rec;
}

/*
 * Both writers keep their places, and the return of one does not give up the other's: it goes on
 * where it was, without a byte lost or doubled, though its program has ended meanwhile.
 */
static void
test_both_resume(void **state)
{
	struct cons_wire_attach rec[2];
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; head -c 300000 /dev/zero | tr '\\0' x; exec cat,allow=any",
	      "d=exec:stty -echo; echo ready; read x; echo \"$x\"; exit 3,allow=any");
	rig_attach(&r, first, "c", 1, 0);
	attach_ready(&r, second, "d", 2, 0);
	assert_int_equal(rig_type_at(&r, second, 0, "bye\n"), CONS_OK);
	rig_until(&r, r.peer[first].out_pos > 50000);
	rec[0] = resume(&r, first, "c", 1);
	rec[1] = resume(&r, second, "d", 2);
	rig_lose(&r, 0);
	rig_return(&r, 0);
	rec[0].out_pos = rte_cpu_to_be_64(r.peer[first].out_pos);
	rec[1].out_pos = rte_cpu_to_be_64(r.peer[second].out_pos);
	assert_int_equal(rig_attach_as(&r, first, &rec[0]), CONS_OK);
	assert_int_equal(r.peer[first].attached.instance, rec[0].instance);
	assert_int_equal(r.peer[first].attached.lost, 0);
	assert_null(strstr(r.audit, "is not waited for any more"));
	rig_until(&r, r.srv->stats.ended == 1);
	rig_pass(&r, 50);
	assert_int_equal(rig_attach_as(&r, second, &rec[1]), CONS_OK);
	assert_int_equal(r.peer[second].attached.instance, rec[1].instance);
	assert_int_equal(r.peer[second].attached.lost, 0);
	assert_int_equal(rte_be_to_cpu_64(r.peer[second].attached.in_pos), 4);
	assert_int_equal(rig_ended(&r, second), 3);
	assert_int_equal(r.peer[second].out_pos, strlen("ready\r\nbye\r\n"));
	rig_until(&r, r.peer[first].out_pos == 300000);
	assert_int_equal(rig_type_at(&r, first, 0, "ok\n"), CONS_OK);
	rig_expect(&r, first, "ok\r\n");
	assert_int_equal(r.srv->consoles[0]->stats.cut, 0);
	rig_teardown(&r);
}

/* A peer that comes in good order gives up its places. */
static void
test_goodbye(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", "d=exec:" REPEAT ",allow=any");
	attach_ready(&r, first, "c", 1, 0);
	attach_ready(&r, second, "d", 2, 0);
	rig_disconnect(&r, 0);
	assert_int_equal(now(&r, 0)->absent.client, 0);
	assert_int_equal(now(&r, 1)->absent.client, 0);
	assert_null(now(&r, 0)->writer);
	assert_null(now(&r, 1)->writer);
	rig_audited(&r, "closed its link");
	rig_teardown(&r);
}

/* Another process of the same GID has none of the clients: they are not waited for. */
static void
test_other_process(void **state)
{
	struct link_conf lc = { .keepalive_ms = 100, .epoch = { .process = 77 } };
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", "d=exec:" REPEAT ",allow=any");
	attach_ready(&r, first, "c", 1, 0);
	attach_ready(&r, second, "d", 2, 0);
	rig_lose(&r, 0);
	assert_int_equal(now(&r, 0)->absent.client, 1);
	assert_int_equal(now(&r, 1)->absent.client, 2);
	link_destroy(r.peer[0].link);
	r.peer[0].session = NULL;
	r.peer[0].ups = r.peer[0].downs = 0;
	inproc_restore(&r.ip, 1);
	lc.dev_id = r.ip.dev_id[1];
	memset(lc.epoch.boot, 1, sizeof(lc.epoch.boot));
	assert_int_equal(link_create(&lc, &r.peer[0].link), 0);
	rig_connect(&r, 0);
	attach_ready(&r, first, "c", 3, CONS_ATTACH_OBSERVE);
	assert_int_equal(now(&r, 0)->absent.client, 0);
	assert_int_equal(now(&r, 1)->absent.client, 0);
	rig_audited(&r, "console 'd': 0x1500000000000002 is not waited for any more");
	rig_teardown(&r);
}

/* --- what none would do --- */

static void
test_bad_units(void **state)
{
	static const uint16_t bad[] = { 0, CONS_UNITS_MAX + 1, 256, UINT16_MAX };
	struct cons_wire_attach rec = rig_attach_record("c", 9, 0);
	unsigned int refused = 0;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", NULL);
	attach_ready(&r, first, "c", 1, 0);
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct link_req req = { .op = CONS_ATTACH, .unit = bad[i], .payload = sizeof(rec) };

		assert_int_equal(rig_status(&r, first, req, &rec), CONS_EINVAL);
		req = (struct link_req){ .op = CONS_READ, .unit = bad[i] };
		assert_int_equal(rig_status(&r, first, req, NULL), CONS_EINVAL);
		req.op = CONS_DETACH;
		assert_int_equal(rig_status(&r, first, req, NULL), CONS_EINVAL);
		refused += 3;
	}
	/* Attached already. */
	assert_int_equal(attach_status(&r, first, "c", 1, 0), CONS_EINVAL);
	assert_int_equal(attach_status(&r, first, "c", 7, CONS_ATTACH_OBSERVE), CONS_EINVAL);
	r.peer[first].unit = 1;
	/* Never attached. */
	for (uint8_t op = CONS_READ; op < CONS_OP_COUNT; op++) {
		struct cons_wire_size size = { rte_cpu_to_be_16(9), rte_cpu_to_be_16(9) };
		struct link_req req = { .op = op, .unit = 5 };

		if (op == CONS_WRITE || op == CONS_RESIZE)
			req.payload = sizeof(size);
		req.len = op == CONS_WRITE ? req.payload : 0;
		assert_int_equal(rig_status(&r, first, req, &size), CONS_EGONE);
	}
	assert_int_equal(r.srv->stats.protocol_errors, refused + 2);
	/* The session goes on. */
	assert_int_equal(rig_type_at(&r, first, 0, "alive\n"), CONS_OK);
	r.peer[first].credits_max = 8;
	rig_expect(&r, first, "alive\r\n");
	rig_teardown(&r);
}

/* As many as there are units, all at one console, and a slot for none of them to lose. */
static void
test_all_units(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any", NULL);
	for (uint16_t unit = 1; unit <= CONS_UNITS_MAX; unit++) {
		struct link_req req = { .op = CONS_ATTACH, .unit = unit, .payload = sizeof(rec) };

		rec.client = rte_cpu_to_be_64(unit);
		rec.flags = rte_cpu_to_be_32(unit > 1 ? CONS_ATTACH_OBSERVE : 0);
		assert_int_equal(rig_status(&r, first, req, &rec), CONS_OK);
	}
	assert_int_equal(now(&r, 0)->observers, CONS_UNITS_MAX - 1);
	rig_lose(&r, 0);
	assert_int_equal(now(&r, 0)->observers, 0);
	assert_int_equal(now(&r, 0)->absent.client, 1);
	rig_teardown(&r);
}

/* --- an ATTACH that waits --- */

/* Its console was started too often: DETACH takes it back, and another unit does not wait. */
static void
test_held_is_taken_back(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct link_req req = { .op = CONS_ATTACH, .unit = 2, .payload = sizeof(rec) };
	uint16_t id = 0;
	struct rig r;

	start(&r, 1, "c=exec:exit 0,allow=any", "d=exec:" REPEAT ",allow=any");
	while (r.srv->stats.starts_held == 0) {
		id = rig_send(&r, second, req, &rec);
		rig_until(&r, r.peer[second].answered[id] || r.srv->stats.starts_held > 0);
		if (!r.peer[second].answered[id])
			break;
		link_slot_put(rig_queue(&r.peer[second]), id);
		r.peer[second].unit = 2;
		assert_int_equal(rig_status(&r, second, rig_op(&r, second, CONS_DETACH), NULL),
				 CONS_OK);
		rig_until(&r, r.srv->consoles[0]->now == NULL);
	}
	attach_ready(&r, first, "d", 2, 0);
	assert_int_equal(rig_type_at(&r, first, 0, "typed\n"), CONS_OK);
	rig_expect(&r, first, "typed\r\n");
	assert_false(r.peer[second].answered[id]);
	assert_int_equal(rig_status(&r, second, rig_op(&r, second, CONS_DETACH), NULL), CONS_OK);
	assert_true(r.peer[second].answered[id]);
	assert_int_equal(r.peer[second].cqe[id].status, CONS_EGONE);
	/* It is not started later. */
	rig_pass(&r, 1300);
	assert_null(r.srv->consoles[0]->now);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_consoles),
		cmocka_unit_test(test_same_console),
		cmocka_unit_test(test_one_never_reads),
		cmocka_unit_test(test_one_floods),
		cmocka_unit_test(test_one_is_full),
		cmocka_unit_test(test_both_resume),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_bad_units),
		cmocka_unit_test(test_all_units),
		cmocka_unit_test(test_held_is_taken_back),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_unit_again),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_stale_reads),
		cmocka_unit_test(test_starts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
