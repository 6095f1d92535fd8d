/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may have which console: writers, observers, take-over, refusals, resuming. */
#include "cons_rig.h"

#define REPEAT "stty -echo; echo ready; exec cat"

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

static void
start(struct rig *r, unsigned int peers, const char *console)
{
	rig_setup(r, peers, 0);
	rig_console(r, console);
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

/* --- observers --- */

static void
test_observers(void **state)
{
	struct rig r;

	start(&r, 4, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 1, 0);
	for (unsigned int i = 1; i < 4; i++) {
		attach_ready(&r, i, "c", i + 1, CONS_ATTACH_OBSERVE);
		assert_int_equal(rte_be_to_cpu_32(r.peer[i].attached.flags), 0);
		assert_int_equal(rte_be_to_cpu_64(r.peer[i].attached.writer), r.ip.gid[1]);
	}
	assert_int_equal(rig_type_at(&r, 0, 0, "for all\n"), CONS_OK);
	for (unsigned int i = 0; i < 4; i++)
		rig_expect(&r, i, "for all\r\n");
	/* They cannot do anything but look. */
	for (uint8_t op = CONS_WRITE; op <= CONS_EOF; op++) {
		struct link_req req = rig_op(&r, 1, op);
		struct cons_wire_size size = { rte_cpu_to_be_16(9), rte_cpu_to_be_16(9) };

		req.payload = op == CONS_WRITE || op == CONS_RESIZE ? sizeof(size) : 0;
		req.len = op == CONS_WRITE ? req.payload : 0;
		assert_int_equal(rig_status(&r, 1, req, &size), CONS_EPERM);
	}
	assert_int_equal(r.srv->consoles[0]->now->size.rows, 24);
	/* One goes, the others stay. */
	assert_int_equal(detach(&r, 2), CONS_OK);
	assert_int_equal(rig_type_at(&r, 0, 8, "more\n"), CONS_OK);
	rig_expect(&r, 1, "more\r\n");
	rig_expect(&r, 3, "more\r\n");
	assert_null(strstr(r.peer[2].seen, "more"));
	/* The writer goes, somebody who looked may become it. */
	assert_int_equal(detach(&r, 0), CONS_OK);
	assert_int_equal(attach_status(&r, 3, "c", 4, 0), CONS_EINVAL); /* is attached */
	assert_int_equal(detach(&r, 3), CONS_OK);
	attach_ready(&r, 3, "c", 4, 0);
	assert_int_equal(rig_type_at(&r, 3, 0, "mine\n"), CONS_OK);
	rig_expect(&r, 1, "mine\r\n");
	rig_teardown(&r);
}

/* --- who may --- */

static void
test_permissions(void **state)
{
	char arg[256];
	struct rig r;

	rig_setup(&r, 3, 0);
	rig_console(&r, "nobody=exec:" REPEAT);
	snprintf(arg, sizeof(arg), "c=exec:" REPEAT ",allow=%lx,observe=%lx", r.ip.gid[1],
		 r.ip.gid[2]);
	rig_console(&r, arg);
	snprintf(arg, sizeof(arg), "d=exec:" REPEAT ",observe=%lx", r.ip.gid[1]);
	rig_console(&r, arg);
	rig_connect(&r, 0);
	rig_connect(&r, 1);
	assert_int_equal(attach_status(&r, 0, "nobody", 1, 0), CONS_ENOENT);
	assert_int_equal(attach_status(&r, 0, "nowhere", 1, 0), CONS_ENOENT);
	assert_int_equal(attach_status(&r, 0, "", 1, 0), CONS_ENOENT); /* which of two? */
	assert_int_equal(attach_status(&r, 0, "d", 1, 0), CONS_EACCES);
	assert_int_equal(attach_status(&r, 0, "d", 1, CONS_ATTACH_TAKE_OVER), CONS_EACCES);
	assert_int_equal(attach_status(&r, 1, "c", 2, 0), CONS_EACCES);
	assert_int_equal(attach_status(&r, 1, "d", 2, CONS_ATTACH_OBSERVE), CONS_ENOENT);
	attach_ready(&r, 1, "", 2, CONS_ATTACH_OBSERVE); /* the only one */
	attach_ready(&r, 0, "c", 1, 0);
	assert_int_equal(r.srv->stats.refusals, 7);
	assert_int_equal(r.srv->stats.attaches, 2);
	rig_audited(&r, "refused: no such console");
	rig_audited(&r, "console 'd': 0x1500000000000002 refused: this GID may only observe");

	/* Whom no console is for gets no session. */
	struct link_open_conf conf = { .rgid = r.ip.gid[0],
				       .service = LINK_SERVICE_CONS,
				       .queues = 1,
				       .depth = 2,
				       .slot_size = 4096,
				       .ops = &rig_peer_ops,
				       .arg = &r.peer[2] };
	struct link_session_info info = { 0 };

	assert_int_equal(link_open(r.peer[2].link, &conf, &r.peer[2].session), 0);
	for (uint64_t end = base_now_ns() + RIG_WAIT_NS;
	     info.why != LINK_WHY_REFUSED && base_now_ns() < end;
	     link_session_info(r.peer[2].session, &info))
		rig_round(&r);
	assert_int_equal(info.why, LINK_WHY_REFUSED);
	assert_string_equal(info.reason, "no console is allowed to this GID");
	link_session_close(r.peer[2].session, "test");
	r.peer[2].session = NULL;
	rig_teardown(&r);
}

/* Audit lines of one client are bounded. */
static void
test_refusal_flood(void **state)
{
	unsigned int lines = 0;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(attach_status(&r, 0, "x", 1, 0), CONS_ENOENT);
	for (const char *s = r.audit; (s = strstr(s, "refused: no such")) != NULL; s++)
		lines++;
	assert_in_range(lines, 5, 50);
	assert_int_equal(r.srv->stats.refusals, 100);
	rig_pass(&r, 1100);
	assert_int_equal(attach_status(&r, 0, "x", 1, 0), CONS_ENOENT);
	rig_audited(&r, "more refusals");
	rig_teardown(&r);
}

/* --- one writer --- */

static void
test_busy_and_take_over(void **state)
{
	const struct cons_wire_event *ev;
	struct link_req req;
	struct rig r;

	start(&r, 3, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 1, 0);
	assert_int_equal(attach_status(&r, 1, "c", 2, 0), CONS_EBUSY);
	assert_int_equal(rte_be_to_cpu_64(r.peer[1].attached.writer), r.ip.gid[1]);
	assert_string_equal(r.peer[1].attached.name, "c");
	assert_memory_equal(r.peer[1].attached.text, "written by another client for ", 30);
	attach_ready(&r, 2, "c", 3, CONS_ATTACH_OBSERVE);

	attach_ready(&r, 1, "c", 2, CONS_ATTACH_TAKE_OVER);
	assert_int_equal(rte_be_to_cpu_64(r.peer[1].attached.writer), r.ip.gid[2]);
	ev = rig_event(&r, 0, CONS_EVENT_TAKEN);
	assert_int_equal(rte_be_to_cpu_64(ev->value), r.ip.gid[2]);
	assert_true(strlen(ev->text) > 0);
	assert_int_equal(r.peer[0].event_count, 1);
	/* READs that were open came back; later requests do, too. */
	rig_until(&r, r.peer[0].gone >= 7);
	req = rig_op(&r, 0, CONS_WRITE);
	req.len = req.payload = 1;
	assert_int_equal(rig_status(&r, 0, req, "x"), CONS_EGONE);
	assert_int_equal(rig_type_at(&r, 1, 0, "new\n"), CONS_OK);
	rig_expect(&r, 1, "new\r\n");
	rig_expect(&r, 2, "new\r\n");
	assert_null(strstr(r.peer[0].seen, "new"));
	assert_int_equal(r.srv->stats.take_overs, 1);
	rig_audited(&r, "0x1500000000000003 took over from 0x1500000000000002");
	/* And back. */
	attach_ready(&r, 0, "c", 1, CONS_ATTACH_TAKE_OVER);
	rig_event(&r, 1, CONS_EVENT_TAKEN);
	rig_teardown(&r);
}

/* The one who is taken over has no READ open, and input under way. */
static void
test_taken_without_credits(void **state)
{
	static char much[RIG_SLOT];
	struct link_req req;
	uint16_t id[24];
	struct rig r;

	start(&r, 2, "c=exec:stty -icanon -echo; echo ready; sleep 60,allow=any,share");
	attach_ready(&r, 0, "c", 1, 0);
	r.peer[0].credits_max = 0;
	memset(much, 'x', sizeof(much));
	for (unsigned int i = 0; i < 24; i++) {
		req = rig_op(&r, 0, CONS_WRITE);
		req.off = i * sizeof(much);
		req.len = req.payload = sizeof(much);
		id[i] = rig_send(&r, 0, req, much);
	}
	rig_until(&r, r.srv->consoles[0]->now->writer->typed.count > 0 &&
			      !r.srv->consoles[0]->now->writable);
	attach_ready(&r, 1, "c", 2, CONS_ATTACH_TAKE_OVER);
	assert_int_equal(rig_take(&r, 0, id[23]).status, CONS_EPERM);
	/* The READs that were open brought the event; if none had been, it would wait. */
	rig_event(&r, 0, CONS_EVENT_TAKEN);
	assert_int_equal(attach_status(&r, 0, "c", 1, 0), CONS_EBUSY);
	rig_teardown(&r);
}

/* LEAVING: the event waits for a READ, and the client may DETACH instead of asking for it. */
static void
test_leaving(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct link_req attach = { .op = CONS_ATTACH, .payload = sizeof(rec) }, req;
	struct rig r;

	start(&r, 2, "c=exec:" REPEAT ",allow=any,share");
	for (unsigned int i = 0; i < 2; i++) {
		struct link_cqe cqe = rig_call(&r, 0, attach, &rec);

		assert_int_equal(cqe.status, CONS_OK);
		memcpy(&r.peer[0].attached, rig_payload(&r, 0, cqe.id), sizeof(r.peer[0].attached));
		r.peer[0].unit = rte_be_to_cpu_16(r.peer[0].attached.unit);
		r.peer[0].out_pos = rte_be_to_cpu_64(r.peer[0].attached.out_pos);
		attach_ready(&r, 1, "c", 2, CONS_ATTACH_TAKE_OVER);
		rig_pass(&r, 5);
		assert_int_equal(r.peer[0].event_count, 0);
		req = rig_op(&r, 0, CONS_WRITE);
		req.len = req.payload = 1;
		assert_int_equal(rig_status(&r, 0, req, "x"), CONS_EPERM);
		/* It is attached until it has been told. */
		assert_int_equal(rig_status(&r, 0, attach, &rec), CONS_EINVAL);
		if (i == 0) {
			assert_int_equal(detach(&r, 0), CONS_OK);
			assert_int_equal(detach(&r, 1), CONS_OK);
		} else {
			r.peer[0].credits_max = 2;
			rig_event(&r, 0, CONS_EVENT_TAKEN);
		}
	}
	assert_int_equal(rig_status(&r, 0, req, "x"), CONS_EGONE);
	rig_teardown(&r);
}

/* The same client comes over another function: it needs no take-over, and is told. */
static void
test_replaces_itself(void **state)
{
	struct rig r;

	start(&r, 3, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 7, 0);
	attach_ready(&r, 2, "c", 9, CONS_ATTACH_OBSERVE);
	attach_ready(&r, 1, "c", 7, 0);
	rig_event(&r, 0, CONS_EVENT_DETACHED);
	assert_int_equal(r.srv->stats.take_overs, 0);
	assert_int_equal(rig_type_at(&r, 1, 0, "me\n"), CONS_OK);
	rig_expect(&r, 2, "me\r\n");
	assert_int_equal(r.peer[2].event_count, 0);
	rig_audited(&r, "replaced by itself");
	rig_teardown(&r);
}

/* --- resuming --- */

/* What was not known to be taken is sent again: only the new part counts. */
static void
type_again(struct rig *r)
{
	assert_int_equal(rig_type_at(r, 0, 4, "two\nthree\n"), CONS_OK);
	rig_expect(r, 0, "three\r\n");
	assert_string_equal(r->peer[0].seen, "two\r\nthree\r\n");
	assert_int_equal(rig_type_at(r, 0, 0, "one\ntwo\n"), CONS_OK);
	assert_int_equal(rig_type_at(r, 0, 15, "gap\n"), CONS_EINVAL);
	assert_int_equal(rig_type_at(r, 0, 14, "end\n"), CONS_OK);
	rig_expect(r, 0, "end\r\n");
}

static void
test_resume_after_lost_link(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 5, 0);
	uint64_t instance, pos;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 5, 0);
	instance = r.peer[0].attached.instance;
	assert_int_equal(rig_type_at(&r, 0, 0, "one\n"), CONS_OK);
	rig_expect(&r, 0, "one\r\n");
	pos = r.peer[0].out_pos;
	assert_int_equal(pos, strlen("ready\r\none\r\n"));
	/* The link goes; what is written meanwhile is not lost, and nothing comes twice. */
	assert_int_equal(rig_type_at(&r, 0, 4, "two\n"), CONS_OK);
	rig_lose(&r, 0);
	rig_until(&r, r.srv->consoles[0]->now->scroll.head == pos + 5);
	assert_null(r.srv->consoles[0]->now->writer);
	rig_return(&r, 0);
	rec.instance = instance;
	rec.out_pos = rte_cpu_to_be_64(pos);
	rec.history = 0;
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(r.peer[0].attached.instance, instance);
	assert_int_equal(r.peer[0].attached.lost, 0);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.out_pos), pos);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.in_pos), 8);
	rig_expect(&r, 0, "two\r\n");
	assert_string_equal(r.peer[0].seen, "two\r\n");
	type_again(&r);
	rig_audited(&r, "lost its link");
	rig_audited(&r, "returned to write");
	rig_teardown(&r);
}

/* --- a writer whose link is lost --- */

static struct cons_instance *
now(struct rig *r)
{
	return r->srv->consoles[0]->now;
}

static struct cons_wire_attach
resume_record(const struct rig_peer *p, uint64_t client)
{
	struct cons_wire_attach rec = rig_attach_record("c", client, 0);

	rec.instance = p->attached.instance;
	rec.out_pos = rte_cpu_to_be_64(p->out_pos);
	rec.history = 0;
	return rec;
}

/* Its console waits for it, and nothing is cut. */
static void
test_absent_writer(void **state)
{
	struct cons_wire_attach rec;
	uint64_t lost_at;
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; echo up; read x; seq 200000; exit 5,allow=any");
	rig_attach(&r, 0, "c", 5, 0);
	rig_expect(&r, 0, "up\r\n");
	assert_int_equal(rig_type_at(&r, 0, 0, "\n"), CONS_OK);
	rig_until(&r, r.peer[0].bytes > 100000);
	rec = resume_record(&r.peer[0], 5);
	lost_at = r.peer[0].out_pos;
	rig_lose(&r, 0);
	rig_audited(&r, "lost its link");
	assert_int_equal(cons_instance_writer(now(&r)), r.ip.gid[1]);
	/* No further than what is read ahead, of what it may have seen. */
	rig_until(&r, now(&r)->stalled);
	rig_pass(&r, 200);
	assert_true(now(&r)->scroll.head - lost_at <= 128u << 10);
	rig_return(&r, 0);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(r.peer[0].attached.lost, 0);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.out_pos), lost_at);
	assert_int_equal(rig_ended(&r, 0), 5);
	/* "up", then 1288895 bytes, and a carriage return each line. */
	assert_int_equal(r.peer[0].out_pos, 4 + 1288895 + 200000);
	assert_int_equal(r.srv->consoles[0]->stats.cut, 0);
	rig_teardown(&r);
}

/* The program ends meanwhile: its end is kept, for that client alone. */
static void
test_absent_at_the_end(void **state)
{
	struct cons_wire_attach rec;
	struct rig r;

	start(&r, 1, "c=exec:stty -echo; echo up; read x; echo last words; exit 6,allow=any");
	rig_attach(&r, 0, "c", 5, 0);
	rig_expect(&r, 0, "up\r\n");
	rec = resume_record(&r.peer[0], 5);
	r.peer[0].credits_max = 0;
	assert_int_equal(rig_type_at(&r, 0, 0, "\n"), CONS_OK);
	rig_lose(&r, 0);
	rig_until(&r, now(&r) == NULL);
	rig_pass(&r, 50);
	rig_return(&r, 0);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(r.peer[0].attached.instance, rec.instance);
	assert_int_equal(rig_ended(&r, 0), 6);
	assert_string_equal(r.peer[0].seen, "last words\r\n");
	/* It was told; lost again before it heard, it is told again. */
	rec.out_pos = rte_cpu_to_be_64(r.peer[0].out_pos);
	rig_lose(&r, 0);
	rig_return(&r, 0);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 6);
	assert_int_equal(r.srv->stats.started, 1);
	/* Anew, it gets a new one, and the old one is gone. */
	rig_attach(&r, 0, "c", 5, 0);
	assert_int_not_equal(r.peer[0].attached.instance, rec.instance);
	rig_round(&r);
	assert_ptr_equal(TAILQ_FIRST(&r.srv->instances), now(&r));
	assert_null(TAILQ_NEXT(now(&r), entry));
	rig_teardown(&r);
}

/* Nobody is kept out by one who is not there. */
static void
test_absent_makes_way(void **state)
{
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 5, 0);
	rig_lose(&r, 0);
	assert_int_equal(now(&r)->absent.client, 5);
	rig_return(&r, 0);
	/* Its GID with another client number: that process is gone. */
	attach_ready(&r, 0, "c", 6, 0);
	assert_int_equal(now(&r)->absent.client, 0);
	rig_audited(&r, "is not waited for any more");
	/* One that says goodbye is not waited for, one that detached neither. */
	rig_disconnect(&r, 0);
	assert_int_equal(now(&r)->absent.client, 0);
	rig_audited(&r, "closed its link");
	rig_connect(&r, 0);
	attach_ready(&r, 0, "c", 6, 0);
	assert_int_equal(detach(&r, 0), CONS_OK);
	rig_lose(&r, 0);
	assert_int_equal(now(&r)->absent.client, 0);
	rig_return(&r, 0);
	/* Nor is an observer. */
	attach_ready(&r, 0, "c", 6, CONS_ATTACH_OBSERVE);
	rig_lose(&r, 0);
	assert_int_equal(now(&r)->absent.client, 0);
	rig_return(&r, 0);
	/* After its time the program goes on. */
	attach_ready(&r, 0, "c", 6, 0);
	rig_lose(&r, 0);
	now(&r)->absent.until_ns = base_now_ns();
	rig_until(&r, now(&r)->absent.client == 0);
	rig_audited(&r, "did not come back");
	rig_return(&r, 0);
	rig_teardown(&r);
}

static void
test_absent_and_another(void **state)
{
	struct rig r;

	start(&r, 2, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 5, 0);
	inproc_lose(&r.ip, 1);
	rig_until(&r, now(&r)->absent.client == 5);
	/* An observer changes nothing; a writer needs no take-over. */
	attach_ready(&r, 1, "c", 7, CONS_ATTACH_OBSERVE);
	assert_int_equal(rte_be_to_cpu_64(r.peer[1].attached.writer), r.ip.gid[1]);
	assert_int_equal(now(&r)->absent.client, 5);
	assert_int_equal(detach(&r, 1), CONS_OK);
	attach_ready(&r, 1, "c", 7, 0);
	assert_int_equal(now(&r)->absent.client, 0);
	assert_int_equal(r.srv->stats.take_overs, 0);
	r.peer[0].unit = 0;
	r.peer[0].credits_max = 0;
	rig_return(&r, 0);
	assert_int_equal(attach_status(&r, 0, "c", 5, 0), CONS_EBUSY);
	rig_teardown(&r);
}

static void
test_resume_wrong(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 5, 0);
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	attach_ready(&r, 0, "c", 5, 0);
	rec.instance = r.peer[0].attached.instance;
	assert_int_equal(detach(&r, 0), CONS_OK);
	/* More than there ever was. */
	rec.out_pos = rte_cpu_to_be_64(8);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_EINVAL);
	rec.out_pos = rte_cpu_to_be_64(7);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(detach(&r, 0), CONS_OK);
	/* Another instance: all there is, from its start, whatever history says. */
	rec.instance ^= 1;
	rec.out_pos = rte_cpu_to_be_64(1000);
	rec.history = 0;
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(r.peer[0].attached.out_pos, 0);
	assert_int_equal(r.peer[0].attached.lost, 0);
	rig_expect(&r, 0, "ready\r\n");
	rig_teardown(&r);
}

/* The positions of 16 clients are known, the oldest is forgotten. */
static void
test_sixteen_clients(void **state)
{
	uint64_t total = 0;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	for (uint64_t client = 1; client <= CONS_INPUTS + 1; client++) {
		attach_ready(&r, 0, "c", client, 0);
		assert_int_equal(r.peer[0].attached.in_pos, 0);
		assert_int_equal(rig_type_at(&r, 0, 0, "abc\n"), CONS_OK);
		total += 4;
		assert_int_equal(detach(&r, 0), CONS_OK);
	}
	for (uint64_t client = CONS_INPUTS + 1; client >= 2; client--) {
		attach_ready(&r, 0, "c", client, 0);
		assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.in_pos), 4);
		assert_int_equal(detach(&r, 0), CONS_OK);
	}
	attach_ready(&r, 0, "c", 1, 0);
	assert_int_equal(r.peer[0].attached.in_pos, 0);
	assert_int_equal(r.srv->stats.bytes_in, total);
	rig_teardown(&r);
}

/* --- lists --- */

static unsigned int
list(struct rig *r, unsigned int peer, uint64_t index, struct cons_wire_info *info, uint32_t *all)
{
	struct link_cqe cqe = rig_call(r, peer, (struct link_req){ .op = CONS_LIST, .off = index },
				       NULL);

	assert_int_equal(cqe.status, CONS_OK);
	assert_int_equal(cqe.payload % sizeof(*info), 0);
	memcpy(info, rig_payload(r, peer, cqe.id), cqe.payload);
	*all = cqe.result;
	return cqe.payload / (unsigned int)sizeof(*info);
}

static void
test_list(void **state)
{
	struct cons_wire_info info[16];
	struct rig r;
	uint32_t all;

	start(&r, 3, "c=exec:" REPEAT ",allow=any,desc=the one");
	rig_console(&r, "d=exec:" REPEAT ",observe=any");
	rig_console(&r, "e=exec:" REPEAT);
	assert_int_equal(list(&r, 0, 0, info, &all), 2);
	assert_int_equal(all, 2);
	assert_string_equal(info[0].name, "c");
	assert_string_equal(info[0].desc, "the one");
	assert_int_equal(rte_be_to_cpu_32(info[0].flags), CONS_INFO_MAY_WRITE);
	assert_int_equal(info[0].instance, 0);
	assert_int_equal(info[0].writer, 0);
	assert_string_equal(info[1].name, "d");
	assert_int_equal(info[1].flags, 0);

	attach_ready(&r, 0, "c", 1, 0);
	attach_ready(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	rig_pass(&r, 1100);
	assert_int_equal(list(&r, 2, 0, info, &all), 2);
	assert_int_equal(info[0].instance, r.peer[0].attached.instance);
	assert_int_equal(rte_be_to_cpu_64(info[0].writer), r.ip.gid[1]);
	assert_int_equal(rte_be_to_cpu_16(info[0].observers), 1);
	assert_int_equal(rte_be_to_cpu_64(info[0].observer[0]), r.ip.gid[2]);
	assert_int_equal(info[0].observer[1], 0);
	assert_int_equal(rte_be_to_cpu_64(info[0].out_pos), 7);
	assert_int_equal(rte_be_to_cpu_16(info[0].rows), 24);
	assert_int_equal(rte_be_to_cpu_16(info[0].cols), 80);
	assert_in_range(rte_be_to_cpu_32(info[0].age), 1, 20);
	assert_in_range(rte_be_to_cpu_32(info[0].writer_age), 1, 20);
	assert_int_equal(list(&r, 2, 1, info, &all), 1);
	assert_string_equal(info[0].name, "d");
	assert_int_equal(list(&r, 2, 2, info, &all), 0);
	assert_int_equal(list(&r, 2, UINT64_C(0xffffffffffffff), info, &all), 0);
	assert_int_equal(all, 2);

	/* More than fit one answer. */
	for (unsigned int i = 0; i < 30; i++) {
		char arg[64];

		snprintf(arg, sizeof(arg), "n%u=exec:" REPEAT ",allow=any,share", i);
		rig_console(&r, arg);
	}
	assert_int_equal(list(&r, 2, 0, info, &all), RIG_SLOT / sizeof(info[0]));
	assert_int_equal(all, 32);
	assert_int_equal(list(&r, 2, 16, info, &all), 16);
	assert_string_equal(info[15].name, "n29");
	rig_teardown(&r);
}

/* --- what breaks the protocol --- */

static void
test_protocol_errors(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct link_req req = { .op = CONS_ATTACH, .payload = sizeof(rec) };
	uint64_t errors;
	struct rig r;

	start(&r, 1, "c=exec:" REPEAT ",allow=any,share");
	/* Before an attachment, no unit is good. */
	for (uint8_t op = CONS_READ; op < CONS_OP_COUNT; op++) {
		struct link_req early = { .op = op, .unit = 1 };

		if (op == CONS_WRITE || op == CONS_RESIZE)
			early.payload = early.len = 8;
		if (op == CONS_RESIZE)
			early.len = 0;
		assert_int_equal(rig_status(&r, 0, early, &rec), CONS_EINVAL);
	}
	rec.client = 0;
	assert_int_equal(rig_status(&r, 0, req, &rec), CONS_EINVAL);
	rec.client = 1;
	req.payload--;
	assert_int_equal(rig_status(&r, 0, req, &rec), CONS_EINVAL);
	errors = r.srv->stats.protocol_errors;
	assert_int_equal(errors, 8);
	/* The session lives on. */
	attach_ready(&r, 0, "c", 1, 0);
	req = rig_op(&r, 0, CONS_DETACH);
	req.unit++;
	assert_int_equal(rig_status(&r, 0, req, NULL), CONS_EINVAL);
	assert_int_equal(detach(&r, 0), CONS_OK);
	assert_int_equal(detach(&r, 0), CONS_EGONE);
	assert_int_equal(r.peer[0].downs, 0);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_observers),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_refusal_flood),
		cmocka_unit_test(test_busy_and_take_over),
		cmocka_unit_test(test_taken_without_credits),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_replaces_itself),
		cmocka_unit_test(test_resume_after_lost_link),
		cmocka_unit_test(test_absent_writer),
		cmocka_unit_test(test_absent_at_the_end),
		cmocka_unit_test(test_absent_makes_way),
		cmocka_unit_test(test_absent_and_another),
		cmocka_unit_test(test_resume_wrong),
		cmocka_unit_test(test_sixteen_clients),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_protocol_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
