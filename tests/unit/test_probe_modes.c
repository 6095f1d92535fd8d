/* SPDX-License-Identifier: BSD-3-Clause */
/* Every mode over every size, window and burst where something changes: all arrives, once. */
#include "probe_rig.h"

static struct probe_rig r;

static const uint32_t sizes[] = { 1,	7,    8,    15,	  16,	 63,	 64,
				  1500, 4095, 4096, 4097, 65536, 262136, 262144 };

/* What must hold after any run in good order. */
static void
check_run(uint64_t messages, uint64_t bytes)
{
	const struct probe_tester_counts *c = probe_rig_counts(&r);

	assert_string_equal(probe_client_trouble(r.c[RIG_ASKS]), "");
	assert_int_equal(c->messages, messages);
	assert_int_equal(c->bytes, bytes);
	assert_int_equal(c->peer_messages, messages);
	assert_int_equal(c->lost, 0);
	assert_int_equal(c->mismatches, 0);
	assert_int_equal(c->errors_protocol + c->errors_status + c->errors_broken + c->errors_stuck,
			 0);
	/* BEGIN and END are answers, but no requests of the run. */
	assert_int_equal(c->answers, c->requests + 2);
	assert_int_equal(r.c[RIG_ASKS]->tester.latency.count, c->requests);
	assert_true(c->end_ns >= c->begin_ns);
}

/* @return what the answering end has received in this run. */
static void
run(uint64_t count, uint32_t size)
{
	const struct probe_testee_counts *got = probe_rig_received(&r);
	uint64_t messages = got->messages, bytes = got->bytes, runs = got->runs;

	probe_rig_run(&r, count);
	check_run(count, count * size);
	assert_int_equal(got->messages - messages, count);
	assert_int_equal(got->bytes - bytes, count * size);
	assert_int_equal(got->runs - runs, 1);
	assert_int_equal(got->errors_protocol, 0);
}

static void
mode_sizes(const char *mode, bool direct)
{
	probe_rig_up(&r, direct);
	probe_rig_set(&r, "fwd", mode);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		probe_rig_set_number(&r, "size", sizes[i]);
		run(300, sizes[i]);
	}
	probe_rig_down(&r);
}

static void
test_ping(void **state)
{
	mode_sizes("ping", true);
	mode_sizes("ping", false);
}

static void
test_stream(void **state)
{
	mode_sizes("stream", true);
	mode_sizes("stream", false);
}

static void
test_verify(void **state)
{
	mode_sizes("verify", true);
	mode_sizes("verify", false);
}

static void
test_io(void **state)
{
	mode_sizes("io", true);
	mode_sizes("io", false);
}

static void
test_flood(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "flood");
	probe_rig_set(&r, "size", "64"); /* means nothing to it */
	run(10000, 0);
	/* Batches: far fewer stores than descriptors, on either side. */
	assert_true(r.c[RIG_ASKS]->stores < 10000 / 16);
	probe_rig_down(&r);
}

/* Windows and bursts, and counts that no burst divides. */
static void
test_shapes(void **state)
{
	static const uint32_t shapes[] = { 1, 2, 3, 7, 32, 256 };
	static const char *const modes[] = { "ping", "stream", "verify", "flood", "io" };

	probe_rig_up(&r, true);
	for (size_t m = 0; m < RTE_DIM(modes); m++)
		for (size_t w = 0; w < RTE_DIM(shapes); w++)
			for (size_t b = 0; b < RTE_DIM(shapes); b++) {
				probe_rig_set(&r, "fwd", modes[m]);
				probe_rig_set_number(&r, "size", 40 + b);
				probe_rig_set_number(&r, "window", shapes[w]);
				probe_rig_set_number(&r, "burst", shapes[b]);
				run(1031, strcmp(modes[m], "flood") == 0 ? 0 : 40 + (uint32_t)b);
			}
	probe_rig_down(&r);
}

/* Of more messages than a slot has room for, as many as it has. */
static void
test_burst_limit(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "stream");
	probe_rig_set(&r, "size", "100000");
	probe_rig_set(&r, "burst", "4096");
	run(100, 100000);
	assert_int_equal(probe_rig_counts(&r)->requests, 50);
	probe_rig_set(&r, "size", "1");
	run(10000, 1);
	assert_int_equal(probe_rig_counts(&r)->requests, 3);
	probe_rig_down(&r);
}

/* Many messages in one store of payload and one of descriptors. */
static void
test_stores(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "stream");
	probe_rig_set(&r, "size", "64");
	probe_rig_set(&r, "burst", "32");
	probe_rig_set(&r, "window", "1");
	run(3200, 64);
	/* 100 requests of two stores; BEGIN and END, and a keepalive. */
	assert_true(r.c[RIG_ASKS]->stores >= 200 && r.c[RIG_ASKS]->stores <= 210);
	probe_rig_down(&r);
}

static void
test_copy(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "stream");
	probe_rig_set(&r, "copy", "on");
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		const struct probe_testee *e;

		probe_rig_set_number(&r, "size", sizes[i]);
		run(100, sizes[i]);
		e = LIST_FIRST(&r.srv[RIG_ANSWERS]->testees);
		assert_non_null(e);
		assert_true(e->begin.copy);
		/* The newest message is there, as the tester makes them. */
		if (e->begin.burst == 1)
			assert_memory_equal(e->sink, r.c[RIG_ASKS]->tester.out, sizes[i]);
	}
	probe_rig_down(&r);
}

/* The disk of io keeps what was written where it was written. */
static void
test_io_places(void **state)
{
	const struct probe_testee *e;
	unsigned int written = 0;

	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "io");
	run(500, 4096);
	e = LIST_FIRST(&r.srv[RIG_ANSWERS]->testees);
	assert_non_null(e);
	for (uint32_t at = 0; at < PROBE_DISK_SIZE; at += 4096) {
		if (e->disk[at] == 0)
			continue;
		assert_memory_equal(e->disk + at, r.c[RIG_ASKS]->tester.out, 4096);
		written++;
	}
	/* 3 of 10 are writes; places repeat seldom. */
	assert_true(written > 50 && written < 250);
	probe_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping),	    cmocka_unit_test(test_stream),
		cmocka_unit_test(test_verify),	    cmocka_unit_test(test_io),
		cmocka_unit_test(test_flood),	    cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_burst_limit), cmocka_unit_test(test_stores),
		cmocka_unit_test(test_copy),	    cmocka_unit_test(test_io_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
