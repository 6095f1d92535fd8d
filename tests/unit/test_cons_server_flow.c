/* SPDX-License-Identifier: BSD-3-Clause */
/* How much goes where: credits, what is read ahead, what is cut, and that the count is exact. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "cons_rig.h"

#define KIB 1024u

/* Numbered lines of ten bytes with CR and NL: what is seen tells where it was written. */
#define LINES(n) "stty -echo; seq -f %08.0f 0 " #n

static struct cons_instance *
now(struct rig *r)
{
	assert_non_null(r->srv->consoles[0]->now);
	return r->srv->consoles[0]->now;
}

static void
start(struct rig *r, unsigned int peers, uint32_t scrollback, const char *command)
{
	rig_setup(r, peers, scrollback);
	rig_console_conf(r, &(struct cons_console_conf){ .name = "c",
							 .kind = CONS_CONSOLE_EXEC,
							 .what = command,
							 .allow.any = true });
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

static void
detach(struct rig *r, unsigned int peer)
{
	r->peer[peer].credits_max = 0;
	assert_int_equal(rig_status(r, peer, rig_op(r, peer, CONS_DETACH), NULL), CONS_OK);
}

/* Attach, and send no READ. */
static void
attach_quiet(struct rig *r, unsigned int peer, const struct cons_wire_attach *rec)
{
	assert_int_equal(rig_attach_as(r, peer, rec), CONS_OK);
	r->peer[peer].credits_max = 0;
}

/* `text` begins with that line. */
static void
assert_line(const char *text, uint64_t line)
{
	char want[16];

	snprintf(want, sizeof(want), "%08lu\r\n", line);
	assert_memory_equal(text, want, 10);
}

/* A writer without credits: 128 KiB are read ahead, then the program waits. */
static void
test_writer_slows(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	uint64_t head;
	struct rig r;
	int waiting = 0;

	start(&r, 1, 0, LINES(99999));
	attach_quiet(&r, 0, &rec);
	rig_until(&r, now(&r)->scroll.head == 128 * KIB);
	rig_pass(&r, 300);
	assert_int_equal(now(&r)->scroll.head, 128 * KIB);
	assert_true(now(&r)->stalled);
	assert_int_equal(r.srv->consoles[0]->stats.stalls, 1);
	assert_int_equal(ioctl(now(&r)->term.fd, FIONREAD, &waiting), 0);
	assert_true(waiting > 0);
	/* A few credits: as much more. */
	head = now(&r)->scroll.head;
	for (int i = 0; i < 2; i++)
		rig_send(&r, 0, rig_op(&r, 0, CONS_READ), NULL);
	rig_until(&r, now(&r)->scroll.head == head + 2 * RIG_SLOT);
	rig_pass(&r, 20);
	assert_int_equal(now(&r)->scroll.head, head + 2 * RIG_SLOT);
	r.peer[0].out_pos += 2 * RIG_SLOT;
	/* All of them: every byte comes, in order, and nothing was cut. */
	r.peer[0].credits_max = 8;
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(r.peer[0].out_pos, 1000000);
	assert_int_equal(r.peer[0].event_count, 1);
	assert_int_equal(r.srv->consoles[0]->stats.cut, 0);
	assert_int_equal(r.srv->consoles[0]->stats.bytes_out, 1000000);
	rig_teardown(&r);
}

/*
 * A program whose last output fills exactly what may be read ahead, and that ends then: its end is
 * told all the same, though the terminal has nothing more to tell.
 */
static void
test_full_at_the_end(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, 1, 0, "stty -opost -echo; head -c 131072 /dev/zero; exit 9");
	attach_quiet(&r, 0, &rec);
	rig_until(&r, now(&r)->scroll.head == 128 * KIB && now(&r)->state == CONS_DRAINING);
	rig_pass(&r, 100);
	assert_int_equal(now(&r)->state, CONS_DRAINING);
	r.peer[0].credits_max = 8;
	assert_int_equal(rig_ended(&r, 0), 9);
	assert_int_equal(r.peer[0].out_pos, 128 * KIB);
	assert_null(r.srv->consoles[0]->now);
	rig_teardown(&r);
}

/* With a small scrollback it is half of that. */
static void
test_small_scrollback(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, 1, CONS_SCROLLBACK_MIN, LINES(9999));
	attach_quiet(&r, 0, &rec);
	rig_until(&r, now(&r)->scroll.head == CONS_SCROLLBACK_MIN / 2);
	rig_pass(&r, 50);
	assert_int_equal(now(&r)->scroll.head, CONS_SCROLLBACK_MIN / 2);
	r.peer[0].credits_max = 8;
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(r.peer[0].bytes, 100000);
	rig_teardown(&r);
}

/* Without a writer the program runs on; who comes then is told what nobody has seen. */
static void
test_lost_while_detached(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	uint64_t seen, lost;
	struct rig r;

	start(&r, 1, 64 * KIB, LINES(99999) "; exec sleep 60");
	attach_quiet(&r, 0, &rec);
	rig_send(&r, 0, rig_op(&r, 0, CONS_READ), NULL);
	rig_until(&r, now(&r)->sent_pos > 0);
	seen = now(&r)->sent_pos;
	detach(&r, 0);
	rig_until(&r, now(&r)->scroll.head == 1000000);
	assert_int_equal(r.srv->consoles[0]->stats.stalls <= 1, 1);

	rec.history = 0;
	attach_quiet(&r, 0, &rec);
	lost = 1000000 - 64 * KIB - seen;
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.lost), lost);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.out_pos), 1000000);
	assert_int_equal(r.srv->consoles[0]->stats.cut, lost);
	detach(&r, 0);

	/* History: so much at most, from the start of a line. */
	rec.history = rte_cpu_to_be_32(1005);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.out_pos), 999000);
	rig_expect(&r, 0, "00099999\r\n");
	assert_line(r.peer[0].seen, 99900);
	assert_int_equal(r.peer[0].seen_len, 1000);
	detach(&r, 0);

	/* All of it: from the first whole line that is left. */
	rec.history = rte_cpu_to_be_32(UINT32_MAX);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(r.peer[0].attached.lost, 0); /* the end has been seen by now */
	rig_until(&r, r.peer[0].out_pos == 1000000);
	assert_line(r.peer[0].seen, (1000000 - 64 * KIB + 9) / 10);
	detach(&r, 0);

	/* A resumed one gets what is left, and the exact number of the rest. */
	rec.instance = rte_cpu_to_be_64(now(&r)->id);
	rec.out_pos = rte_cpu_to_be_64(seen);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.lost), lost);
	assert_int_equal(rte_be_to_cpu_64(r.peer[0].attached.out_pos), 1000000 - 64 * KIB);
	rig_until(&r, r.peer[0].out_pos == 1000000);
	assert_int_equal(r.peer[0].seen_len, 64 * KIB);
	rig_teardown(&r);
}

/* An observer that does not keep up is cut, by an exact number, and does not hold anybody up. */
static void
test_observer_behind(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 2, CONS_ATTACH_OBSERVE);
	const struct cons_wire_event *ev;
	uint64_t was, value;
	struct rig r;

	start(&r, 2, 32 * KIB, "stty -echo; read x; seq -f %08.0f 0 49999; exec sleep 60");
	rig_attach(&r, 0, "c", 1, 0);
	attach_quiet(&r, 1, &rec);
	was = r.peer[1].out_pos;
	assert_int_equal(rig_type_at(&r, 0, 0, "\n"), CONS_OK);
	rig_until(&r, r.peer[0].out_pos >= 500000);
	assert_int_equal(r.peer[0].event_count, 0);
	r.peer[1].credits_max = 1;
	rig_until(&r, r.peer[1].out_pos == r.peer[0].out_pos);
	assert_int_equal(r.peer[1].event_count, 1);
	ev = &r.peer[1].events[0];
	assert_int_equal(rte_be_to_cpu_32(ev->type), CONS_EVENT_CUT);
	value = rte_be_to_cpu_64(ev->value);
	assert_int_equal(was + value, rte_be_to_cpu_64(ev->out_pos));
	assert_int_equal(value + r.peer[1].bytes, r.peer[1].out_pos - was);
	assert_int_equal(r.peer[1].bytes, 32 * KIB);
	assert_int_equal(r.srv->consoles[0]->stats.cut, value);
	rig_teardown(&r);
}

/* A flood that nobody takes: bounded work in each millisecond, and the thread is free. */
static void
test_detached_flood(void **state)
{
	uint64_t begin, from, was, ns;
	struct rig r;

	start(&r, 1, 0, "exec yes");
	rig_attach(&r, 0, "c", 1, CONS_ATTACH_OBSERVE);
	detach(&r, 0);
	from = now(&r)->scroll.head;
	begin = base_now_ns();
	do {
		ns = base_now_ns();
		was = now(&r)->scroll.head;
		cons_server_poll(r.srv, ns);
		/* One read a round. */
		assert_true(now(&r)->scroll.head - was <= 16 * KIB);
		ns -= begin;
		assert_true(now(&r)->scroll.head - from <= (ns / BASE_NS_PER_MS + 2) * 64 * KIB);
	} while (ns < 300 * BASE_NS_PER_MS || now(&r)->scroll.head == from);
	rig_teardown(&r);
}

/* Ctrl-C reaches a program that floods a writer who takes nothing. */
static void
test_interrupt_in_flood(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, 1, 0, "trap 'exit 33' INT; yes; exit 1");
	attach_quiet(&r, 0, &rec);
	rig_until(&r, now(&r)->stalled);
	assert_int_equal(rig_type_at(&r, 0, 0, "\003"), CONS_OK);
	rig_until(&r, now(&r)->state == CONS_DRAINING);
	r.peer[0].credits_max = 8;
	assert_int_equal(rig_ended(&r, 0), 33);
	rig_teardown(&r);
}

/*
 * Input that the program does not read waits in its slots, and goes on when it does. What arrived
 * is compared where it arrived: with what the same formula makes there.
 */
static void
test_input_waits(void **state)
{
	char dir[] = "/tmp/cons-XXXXXX", path[64], command[512];
	static char much[RIG_SLOT];
	struct link_req req;
	uint16_t id[24];
	struct rig r;
	int fd;

	assert_non_null(mkdtemp(dir));
	/* The terminal holds some 64 KiB: 96 KiB do not fit. */
	snprintf(command, sizeof(command),
		 "stty raw -echo; echo up; cd %s; until test -e go; do sleep 0.05; done; "
		 "head -c 98304 >in; yes abcdefg | tr -d '\\n' | head -c 98304 | cmp - in && "
		 "echo same; rm in go; exec sleep 60",
		 dir);
	start(&r, 1, 0, command);
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "up\n");
	r.peer[0].credits_max = 1;
	req = rig_op(&r, 0, CONS_WRITE);
	req.len = req.payload = RIG_SLOT;
	for (unsigned int i = 0; i < RTE_DIM(id); i++, req.off += RIG_SLOT) {
		for (unsigned int k = 0; k < RIG_SLOT; k++)
			much[k] = "abcdefg"[(req.off + k) % 7];
		rig_until(&r, link_slots_free(rig_queue(&r.peer[0])) > 0);
		id[i] = rig_send(&r, 0, req, much);
	}
	rig_until(&r, !now(&r)->writable);
	rig_pass(&r, 20);
	assert_false(r.peer[0].answered[id[23]]);
	snprintf(path, sizeof(path), "%s/go", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	for (unsigned int i = 0; i < RTE_DIM(id); i++)
		assert_int_equal(rig_take(&r, 0, id[i]).status, CONS_OK);
	rig_expect(&r, 0, "same\n");
	assert_int_equal(r.srv->stats.bytes_in, 98304);
	rig_until(&r, rmdir(dir) == 0);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer_slows),
		cmocka_unit_test(test_full_at_the_end),
		cmocka_unit_test(test_small_scrollback),
		cmocka_unit_test(test_lost_while_detached),
		cmocka_unit_test(test_observer_behind),
		cmocka_unit_test(test_detached_flood),
		cmocka_unit_test(test_interrupt_in_flood),
		cmocka_unit_test(test_input_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
