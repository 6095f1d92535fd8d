/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs that are stopped, break, find nobody, and begin again; settings and complaints. */
#include "probe_rig.h"

static struct probe_rig r;
static char err[256];

static struct probe_client *
asks(void)
{
	return r.c[RIG_ASKS];
}

static const char *const modes[] = { "ping", "stream", "verify", "flood", "io" };

/* Are so many messages of the run that was started answered? */
static bool
answered(uint64_t n)
{
	return asks()->tester.phase == PROBE_PHASE_RUN && probe_rig_counts(&r)->messages >= n;
}

static void
until_messages(uint64_t n)
{
	uint64_t end = base_now_ns() + RIG_SECONDS * BASE_NS_PER_S;

	while (!answered(n) && base_now_ns() < end)
		probe_rig_round(&r);
	assert_true(answered(n));
}

static void
test_stop(void **state)
{
	probe_rig_up(&r, true);
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		const struct probe_tester_counts *c = probe_rig_counts(&r);

		probe_rig_set(&r, "fwd", modes[m]);
		probe_rig_start(&r);
		until_messages(100);
		assert_int_equal(probe_client_stop(asks(), err, sizeof(err)), 0);
		assert_int_equal(probe_rig_state(&r), PROBE_STOPPING);
		probe_rig_until(&r, PROBE_READY);
		assert_string_equal(probe_client_trouble(asks()), "");
		assert_int_equal(c->lost, 0);
		assert_int_equal(c->messages, c->peer_messages);
		assert_int_equal(probe_client_stop(asks(), err, sizeof(err)), -EALREADY);
	}
	probe_rig_down(&r);
}

static void
test_time(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "stream");
	probe_rig_set(&r, "time", "1");
	probe_rig_start(&r);
	probe_rig_until(&r, PROBE_READY);
	assert_string_equal(probe_client_trouble(asks()), "");
	assert_true(probe_rig_counts(&r)->messages > 0);
	assert_true(probe_rig_counts(&r)->end_ns - probe_rig_counts(&r)->begin_ns >=
		    BASE_NS_PER_S * 9 / 10);
	probe_rig_down(&r);
}

static void
test_rate(void **state)
{
	const struct probe_tester_counts *c = probe_rig_counts(&r);
	uint64_t ns;

	probe_rig_up(&r, true);
	c = probe_rig_counts(&r);
	probe_rig_set(&r, "fwd", "stream");
	probe_rig_set(&r, "rate", "2000");
	probe_rig_run(&r, 500);
	ns = c->end_ns - c->begin_ns;
	/* Never faster; how much slower is the machine's business. */
	assert_int_equal(c->messages, 500);
	assert_true(ns >= 240 * BASE_NS_PER_MS);
	probe_rig_down(&r);
}

/* The session breaks under a run: told, and everything works again by itself. */
static void
break_and_return(const char *fault, unsigned int lost)
{
	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2, .direct = fault == NULL });
	probe_rig_open(&r);
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		const struct probe_tester_counts *c = probe_rig_counts(&r);

		probe_rig_set(&r, "fwd", modes[m]);
		probe_rig_set(&r, "count", "0");
		probe_rig_start(&r);
		until_messages(100);
		if (fault != NULL)
			assert_int_equal(inproc_fault(&r.ip, fault), 0);
		else
			inproc_lose(&r.ip, lost);
		probe_rig_until(&r, PROBE_OPENING);
		if (fault == NULL)
			inproc_restore(&r.ip, lost);
		assert_non_null(strstr(probe_client_trouble(asks()), "no session with"));
		probe_rig_until(&r, PROBE_READY);
		assert_non_null(
			strstr(probe_client_trouble(asks()), "the session broke: no session with"));
		assert_int_equal(c->errors_broken, 1);
		assert_int_equal(c->mismatches, 0);
		probe_rig_run(&r, 1000);
		assert_string_equal(probe_client_trouble(asks()), "");
		assert_int_equal(c->messages, 1000);
		assert_int_equal(c->errors_broken, 0);
	}
	probe_rig_down(&r);
}

static void
test_break_store(void **state)
{
	break_and_return("store-fail:fn1:3:7", 0);
}

static void
test_break_answer(void **state)
{
	break_and_return("store-fail:fn0:3:7", 0);
}

static void
test_break_peer(void **state)
{
	break_and_return(NULL, RIG_ANSWERS);
}

static void
test_break_own(void **state)
{
	break_and_return(NULL, RIG_ASKS);
}

/* The peer's data thread hangs while its control goes on. */
static void
test_stuck(void **state)
{
	probe_rig_up(&r, true);
	for (int halted = 0; halted < 2; halted++) {
		probe_rig_set(&r, "fwd", "stream");
		probe_rig_set(&r, "count", "0");
		probe_rig_start(&r);
		until_messages(100);
		r.stalled = true;
		if (halted)
			assert_int_equal(probe_client_stop(asks(), err, sizeof(err)), 0);
		for (unsigned int i = 0; i < 100; i++)
			probe_rig_round(&r);
		assert_int_equal(probe_rig_state(&r), halted ? PROBE_STOPPING : PROBE_RUNNING);
		r.ahead_ns += PROBE_ANSWER_NS;
		probe_rig_until(&r, PROBE_OPENING);
		assert_int_equal(probe_rig_counts(&r)->errors_stuck, 1);
		assert_true(probe_rig_counts(&r)->lost > 0);
		r.stalled = false;
		probe_rig_until(&r, PROBE_READY);
		assert_non_null(strstr(probe_client_trouble(asks()), "has not answered for 5 s"));
		probe_rig_run(&r, 1000);
		assert_string_equal(probe_client_trouble(asks()), "");
	}
	probe_rig_down(&r);
}

/* Nobody listens; then somebody does. */
static void
test_nobody(void **state)
{
	struct base_allow allow = { .count = 1 };

	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2, .direct = true });
	probe_rig_answer(&r, RIG_ANSWERS, NULL);
	assert_int_equal(probe_client_open(asks(), r.ip.gid[RIG_ANSWERS], err, sizeof(err)), 0);
	assert_int_equal(probe_rig_state(&r), PROBE_OPENING);
	while (probe_client_trouble(asks())[0] == '\0')
		probe_rig_round(&r);
	assert_non_null(strstr(probe_client_trouble(asks()), "no session with 0x"));
	assert_int_equal(probe_client_start(asks(), err, sizeof(err)), -ENOTCONN);
	assert_non_null(strstr(err, "no session with 0x"));
	allow.gid[0] = r.ip.gid[RIG_ANSWERS]; /* not the one that asks */
	probe_rig_answer(&r, RIG_ANSWERS, &allow);
	while (strstr(probe_client_trouble(asks()), "not for this GID") == NULL)
		probe_rig_round(&r);
	allow.gid[0] = r.ip.gid[RIG_ASKS];
	probe_rig_answer(&r, RIG_ANSWERS, &allow);
	probe_rig_until(&r, PROBE_READY);
	assert_string_equal(probe_client_trouble(asks()), "");
	probe_rig_run(&r, 10);
	probe_rig_down(&r);
}

/* Closed in each state, and opened again. */
static void
test_close(void **state)
{
	probe_rig_up(&r, true);
	assert_int_equal(probe_client_open(asks(), r.ip.gid[RIG_ANSWERS], err, sizeof(err)),
			 -EBUSY);
	for (unsigned int rounds = 0; rounds < 40; rounds += 3) {
		probe_rig_set(&r, "fwd", "stream");
		/* Every other time the run needs a session of another shape. */
		probe_rig_set(&r, "size", rounds % 2 ? "5000" : "64");
		probe_rig_set(&r, "count", "0");
		probe_rig_start(&r);
		for (unsigned int i = 0; i < rounds; i++)
			probe_rig_round(&r);
		assert_int_equal(probe_client_close(asks(), err, sizeof(err)), 0);
		assert_int_equal(probe_rig_state(&r), PROBE_CLOSED);
		assert_int_equal(probe_client_close(asks(), err, sizeof(err)), -ENOTCONN);
		assert_int_equal(probe_client_start(asks(), err, sizeof(err)), -ENOTCONN);
		for (unsigned int i = 0; i < rounds; i++)
			probe_rig_round(&r);
		probe_rig_open(&r);
		probe_rig_until(&r, PROBE_READY);
	}
	probe_rig_run(&r, 100);
	probe_rig_down(&r);
}

/* Stopped before the session of the right shape was there. */
static void
test_stop_early(void **state)
{
	probe_rig_up(&r, true);
	for (unsigned int rounds = 0; rounds < 20; rounds++) {
		probe_rig_set(&r, "size", rounds % 2 ? "9000" : "64");
		probe_rig_start(&r);
		for (unsigned int i = 0; i < rounds; i++)
			probe_rig_round(&r);
		(void)probe_client_stop(asks(), err, sizeof(err));
		probe_rig_until(&r, PROBE_READY);
	}
	probe_rig_run(&r, 100);
	assert_string_equal(probe_client_trouble(asks()), "");
	probe_rig_down(&r);
}

/* The listener goes while a session of another shape is made. */
static void
test_never_returns(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "size", "9000");
	probe_rig_start(&r);
	probe_rig_answer(&r, RIG_ANSWERS, NULL);
	for (unsigned int i = 0; i < 100; i++)
		probe_rig_round(&r);
	assert_int_equal(probe_rig_state(&r), PROBE_RUNNING);
	r.ahead_ns += PROBE_RETURN_NS + BASE_NS_PER_S;
	probe_rig_until(&r, PROBE_OPENING);
	probe_rig_down(&r);
}

static void
test_settings(void **state)
{
	static const struct {
		const char *name, *value;
		bool ok;
	} cases[] = {
		{ "fwd", "ping", true },
		{ "fwd", "pong", false },
		{ "fwd", "", false },
		{ "size", "auto", true },
		{ "size", "1", true },
		{ "size", "256K", true },
		{ "size", "0", false },
		{ "size", "262145", false },
		{ "size", "-1", false },
		{ "size", "64 ", false },
		{ "burst", "4096", true },
		{ "burst", "4097", false },
		{ "burst", "auto", true },
		{ "window", "256", true },
		{ "window", "257", false },
		{ "window", "0", false },
		{ "time", "0", true },
		{ "time", "86400", true },
		{ "time", "86401", false },
		{ "time", "auto", false },
		{ "rate", "1M", true },
		{ "rate", "x", false },
		{ "count", "18446744073709551616", false },
		{ "seed", "4294967295", true },
		{ "copy", "on", true },
		{ "copy", "off", true },
		{ "copy", "yes", false },
		{ "colour", "blue", false },
		{ "", "1", false },
	};

	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2 });
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		int ret = probe_client_set(asks(), cases[i].name, cases[i].value, err, sizeof(err));

		if ((ret == 0) != cases[i].ok)
			fail_msg("set %s %s: %d", cases[i].name, cases[i].value, ret);
		if (ret != 0)
			assert_true(strstr(err, "expected") != NULL ||
				    strstr(err, "no setting") != NULL);
	}
	/* Names of the table are names of settings, and of modes. */
	for (unsigned int i = 0; i < probe_setting_count; i++) {
		assert_int_equal(probe_client_set(asks(), probe_settings[i].name, "?", err,
						  sizeof(err)),
				 -EINVAL);
		assert_non_null(strstr(err, probe_settings[i].values));
	}
	for (unsigned int i = 0; i < probe_mode_count; i++)
		assert_string_equal(probe_mode_names[i], probe_modes[i]->name);
	assert_null(probe_mode_names[probe_mode_count]);
	probe_rig_down(&r);
}

static void
test_refused_while_running(void **state)
{
	probe_rig_up(&r, true);
	probe_rig_set(&r, "fwd", "ping");
	probe_rig_start(&r);
	assert_int_equal(probe_client_set(asks(), "size", "1", err, sizeof(err)), -EBUSY);
	assert_int_equal(probe_client_start(asks(), err, sizeof(err)), -EBUSY);
	assert_int_equal(probe_client_stop(asks(), err, sizeof(err)), 0);
	probe_rig_until(&r, PROBE_READY);
	assert_int_equal(probe_client_open(r.c[RIG_ANSWERS], r.ip.gid[RIG_ANSWERS], err,
					   sizeof(err)),
			 -EADDRINUSE);
	assert_non_null(strstr(err, "our own GID"));
	probe_rig_down(&r);
}

/* Both ask, both answer, at once. */
static void
test_both_ways(void **state)
{
	probe_rig_ends(&r, &(struct inproc_conf){ .functions = 2, .direct = true });
	probe_rig_answer(&r, RIG_ASKS, &(struct base_allow){ .any = true });
	probe_rig_open(&r);
	assert_int_equal(probe_client_open(r.c[RIG_ANSWERS], r.ip.gid[RIG_ASKS], err, sizeof(err)),
			 0);
	while (probe_client_state(r.c[RIG_ANSWERS]) != PROBE_READY)
		probe_rig_round(&r);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(probe_client_set(r.c[i], "fwd", "verify", err, sizeof(err)), 0);
		assert_int_equal(probe_client_set(r.c[i], "count", "5000", err, sizeof(err)), 0);
		assert_int_equal(probe_client_start(r.c[i], err, sizeof(err)), 0);
	}
	while (probe_client_state(r.c[0]) != PROBE_READY ||
	       probe_client_state(r.c[1]) != PROBE_READY)
		probe_rig_round(&r);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(probe_client_trouble(r.c[i]), "");
		assert_int_equal(r.c[i]->tester.counts.messages, 5000);
		assert_int_equal(r.srv[i]->workers[0].counts.messages, 5000);
	}
	probe_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop),	     cmocka_unit_test(test_time),
		cmocka_unit_test(test_rate),	     cmocka_unit_test(test_break_store),
		cmocka_unit_test(test_break_answer), cmocka_unit_test(test_break_peer),
		cmocka_unit_test(test_break_own),    cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_nobody),	     cmocka_unit_test(test_close),
		cmocka_unit_test(test_stop_early),   cmocka_unit_test(test_never_returns),
		cmocka_unit_test(test_settings),     cmocka_unit_test(test_refused_while_running),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
