/* SPDX-License-Identifier: BSD-3-Clause */
/* A console that shows itself ends; one that is only busy does not. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cons_rig.h"

static struct {
	char dir[32], fifo[64];
	int fd;
	size_t done[RIG_PEERS_MAX];
} way;

/* A console whose program shows what comes by a fifo: the way back of what its clients are sent. */
static void
start(struct rig *r, unsigned int peers)
{
	char command[128];

	memset(&way, 0, sizeof(way));
	snprintf(way.dir, sizeof(way.dir), "/tmp/cons-XXXXXX");
	assert_non_null(mkdtemp(way.dir));
	snprintf(way.fifo, sizeof(way.fifo), "%s/way", way.dir);
	assert_int_equal(mkfifo(way.fifo, 0600), 0);
	way.fd = open(way.fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(way.fd >= 0);
	snprintf(command, sizeof(command), "stty raw -echo; echo seed; exec cat %s", way.fifo);
	rig_setup(r, peers, 0);
	rig_console_conf(r, &(struct cons_console_conf){ .name = "c",
							 .kind = CONS_CONSOLE_EXEC,
							 .what = command,
							 .allow.any = true });
	for (unsigned int i = 0; i < peers; i++)
		rig_connect(r, i);
}

static void
finish(struct rig *r)
{
	rig_teardown(r);
	close(way.fd);
	unlink(way.fifo);
	rmdir(way.dir);
}

/* What that client has seen since goes back. */
static void
feed_back(struct rig *r, unsigned int peer)
{
	struct rig_peer *p = &r->peer[peer];
	size_t *done = &way.done[peer];
	ssize_t n;

	if (p->seen_len < *done)
		*done = 0;
	/* As any client: who cannot write does not read. */
	if (p->event_count == 0)
		p->credits_max = p->seen_len - *done < 32768 ? 8 : 0;
	if (p->seen_len == *done)
		return;
	n = write(way.fd, p->seen + *done, RTE_MIN(p->seen_len - *done, (size_t)4096));
	if (n > 0)
		*done += (size_t)n;
}

/* @return whether the loop was found within that time. */
static bool
loops(struct rig *r, unsigned int first, unsigned int last, uint64_t ns)
{
	uint64_t end = base_now_ns() + ns;

	while (base_now_ns() < end && r->srv->stats.loops == 0) {
		for (unsigned int i = first; i <= last; i++)
			feed_back(r, i);
		rig_round(r);
	}
	return r->srv->stats.loops != 0;
}

static void
assert_detached(struct rig *r, unsigned int peer)
{
	const struct cons_wire_event *ev = rig_event(r, peer, CONS_EVENT_DETACHED);

	assert_string_equal(ev->text, "the console shows itself");
	rig_audited(r, "the console shows itself");
}

static void
test_observer(void **state)
{
	struct rig r;

	start(&r, 1);
	rig_attach(&r, 0, "c", 1, CONS_ATTACH_OBSERVE);
	assert_true(loops(&r, 0, 0, 20 * BASE_NS_PER_S));
	assert_detached(&r, 0);
	finish(&r);
}

/* Somebody writes there as well, and others look on: they stay. */
static void
test_among_others(void **state)
{
	struct rig r;

	start(&r, 3);
	rig_attach(&r, 0, "c", 1, 0);
	rig_attach(&r, 1, "c", 2, CONS_ATTACH_OBSERVE);
	rig_attach(&r, 2, "c", 3, CONS_ATTACH_OBSERVE);
	assert_true(loops(&r, 2, 2, 20 * BASE_NS_PER_S));
	assert_detached(&r, 2);
	assert_int_equal(r.peer[0].event_count, 0);
	assert_int_equal(r.peer[1].event_count, 0);
	finish(&r);
}

/* The writer itself sits in the console: by --take-over. */
static void
test_writer(void **state)
{
	struct rig r;

	start(&r, 1);
	rig_attach(&r, 0, "c", 1, 0);
	assert_true(loops(&r, 0, 0, 20 * BASE_NS_PER_S));
	assert_detached(&r, 0);
	finish(&r);
}

/* What goes round is a few bytes. */
static void
test_few_bytes(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, CONS_ATTACH_OBSERVE);
	struct rig r;

	start(&r, 1);
	rec.history = rte_cpu_to_be_32(6);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_true(loops(&r, 0, 0, 20 * BASE_NS_PER_S));
	assert_detached(&r, 0);
	finish(&r);
}

/* --- what is none --- */

static void
assert_none(const char *command, uint32_t flags, uint64_t ns)
{
	uint64_t bytes;
	struct rig r;

	rig_setup(&r, 1, 0);
	rig_console_conf(&r, &(struct cons_console_conf){ .name = "c",
							  .kind = CONS_CONSOLE_EXEC,
							  .what = command,
							  .allow.any = true });
	rig_connect(&r, 0);
	rig_attach(&r, 0, "c", 1, flags);
	rig_pass(&r, (unsigned int)(ns / BASE_NS_PER_MS));
	bytes = r.peer[0].bytes;
	rig_until(&r, r.peer[0].bytes > bytes);
	assert_int_equal(r.srv->stats.loops, 0);
	assert_int_equal(r.srv->consoles[0]->stats.cut, 0);
	rig_teardown(&r);
}

static void
test_busy(void **state)
{
	assert_none("while :; do echo tick; sleep 0.01; done", CONS_ATTACH_OBSERVE,
		    10 * BASE_NS_PER_S);
}

static void
test_flood(void **state)
{
	assert_none("exec yes", 0, 6 * BASE_NS_PER_S);
}

/* It pauses now and then, and may do so in a trial. */
static void
test_bursts(void **state)
{
	assert_none("while :; do for i in $(seq 60); do echo $i; sleep 0.05; done; sleep 0.4; done",
		    CONS_ATTACH_OBSERVE, 12 * BASE_NS_PER_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_observer), cmocka_unit_test(test_among_others),
		cmocka_unit_test(test_writer),	 cmocka_unit_test(test_few_bytes),
		cmocka_unit_test(test_busy),	 cmocka_unit_test(test_flood),
		cmocka_unit_test(test_bursts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
