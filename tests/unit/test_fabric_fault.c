/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults on demand: each kind, and texts that are none. */
#include "fabric_rig.h"

#include <time.h>

static const uint64_t data[2] = { 1, 2 };
static uint64_t token;
static char err[256];

static int
setup(void **state)
{
	struct rig *rig;

	rig_setup(state);
	rig = *state;
	token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	return 0;
}

static int
arm(struct rig *rig, const char *spec)
{
	return fabric_fault(rig->fab, spec, err, sizeof(err));
}

static int
store(struct rig *rig)
{
	return rig_store(rig->b.fn, token, 0, data, 16);
}

static void
store_fail(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(arm(rig, "store-fail:fn1:3"), 0);
	assert_int_equal(store(rig), 0);
	assert_int_equal(store(rig), 0);
	assert_int_equal(store(rig), -EIO);
	assert_int_equal(store(rig), 0);
	/* Counted from when it was armed. */
	assert_int_equal(arm(rig, "store-fail:fn1:1:2"), 0);
	assert_int_equal(store(rig), -EIO);
	assert_int_equal(store(rig), -EIO);
	assert_int_equal(store(rig), 0);
	/* Of that function alone. */
	assert_int_equal(arm(rig, "store-fail:fn0:1"), 0);
	assert_int_equal(store(rig), 0);
}

static void
store_delay(void **state)
{
	struct rig *rig = *state;
	struct timespec from, to;

	assert_int_equal(arm(rig, "store-delay:fn1:20000"), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(store(rig), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec >=
		    20000000);
}

static void
event_lose(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_stats st;
	uint64_t i;

	assert_int_equal(arm(rig, "event-lose:fn1:3"), 0);
	for (i = 1; i <= 6; i++)
		assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, i), 0);
	for (i = 1; i <= 6; i++)
		if (i % 3 != 0)
			rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, i);
	rig_expect_no_event(&rig->b);
	fabric_fn_stats(rig->b.fn, &st);
	assert_int_equal(st.events, 4);
	assert_int_equal(st.events_lost, 2);
}

static void
kill_function(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(arm(rig, "kill:fn1:2"), 0);
	assert_int_equal(store(rig), 0);
	assert_int_equal(store(rig), -EIO);
	assert_int_equal(store(rig), -EIO);
	/* Once: after a reset the function works. */
	fabric_fn_reset(rig->b.fn);
	rig_bring_up(&rig->b);
	token = rig_reg_dmb(&rig->a, 33, RIG_DMB, 4096, rig->b.gid);
	assert_int_equal(store(rig), 0);
}

/* How many of n stores fail. */
static unsigned int
failures(struct rig *rig, unsigned int n)
{
	unsigned int failed = 0;

	while (n-- > 0)
		failed += store(rig) == -EIO;
	return failed;
}

static void
store_fail_rate(void **state)
{
	struct rig *rig = *state;
	unsigned int failed;

	assert_int_equal(arm(rig, "store-fail:fn1:1%"), 0);
	failed = failures(rig, 100000);
	assert_in_range(failed, 800, 1200);
	/* Without end, and in no even steps. */
	assert_in_range(failures(rig, 100000), 800, 1200);
	assert_int_equal(arm(rig, "store-fail:fn1:0.01%"), 0);
	assert_in_range(failures(rig, 100000), 1, 40);
	assert_int_equal(arm(rig, "store-fail:fn1:100%:3"), 0);
	assert_int_equal(failures(rig, 10), 3);
	assert_int_equal(arm(rig, "store-fail:fn1:50%:2"), 0);
	assert_int_equal(failures(rig, 1000), 2);
	/* A number replaces a rate, and the other way round. */
	assert_int_equal(arm(rig, "store-fail:fn1:100%"), 0);
	assert_int_equal(arm(rig, "store-fail:fn1:2"), 0);
	assert_int_equal(store(rig), 0);
	assert_int_equal(failures(rig, 10), 1);
	assert_int_equal(failures(rig, 10), 0);
}

static void
other_rates(void **state)
{
	struct rig *rig = *state;
	struct timespec from, to;
	struct fabric_fn_stats st;
	unsigned int i;

	assert_int_equal(arm(rig, "event-lose:fn1:25%"), 0);
	for (i = 0; i < 4000; i++)
		assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, i), 0);
	fabric_fn_stats(rig->b.fn, &st);
	assert_in_range(st.events_lost, 800, 1200);
	assert_int_equal(st.events + st.events_lost, 4000);

	/* 1000 stores of 1 ms would take a second; 1 % of them take 10 ms. */
	assert_int_equal(arm(rig, "store-delay:fn1:1000:1%"), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(failures(rig, 1000), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_in_range((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec,
			2000000, 500000000);

	/* Again and again. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(arm(rig, "kill:fn1:20%"), 0);
		assert_in_range(failures(rig, 200), 100, 200);
		assert_int_equal(store(rig), -EIO);
		fabric_fn_reset(rig->b.fn);
		rig_bring_up(&rig->b);
		token = rig_reg_dmb(&rig->a, 33 + i, RIG_DMB, 4096, rig->b.gid);
		assert_int_not_equal(token, 0);
	}
}

static void
bad_text(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"::",
		"kill",
		"kill:fn1",
		"kill:fn1:",
		"kill:fn1:0",
		"kill:fn1:x",
		"kill:fn1:1:1",
		"kill:fn1:-1",
		"bla:fn1:1",
		"store-fail:fn1:1:0",
		"store-fail:fn1:1:2:3",
		"store-fail:fn1:0",
		"store-delay:fn1:1000001",
		"store-delay:fn1:1:1",
		"event-lose:fn1:0",
		"kill:fn1:99999999999999999999",
		"store-fail:fn1:0%",
		"store-fail:fn1:101%",
		"store-fail:fn1:100.0001%",
		"store-fail:fn1:0.00001%",
		"store-fail:fn1:%",
		"store-fail:fn1:.%",
		"store-fail:fn1:1.%",
		"store-fail:fn1:.5%",
		"store-fail:fn1:1.1.1%",
		"store-fail:fn1:1%%",
		"store-fail:fn1:1%x",
		"store-fail:fn1:-1%",
		"store-fail:fn1:1%:0",
		"store-fail:fn1:1%:1%",
		"store-delay:fn1:1%",
		"store-delay:fn1:1:0%",
		"kill:fn1:1%:1",
		"event-lose:fn1:1%:1",
		"event-lose:fn1:99999999999999999999999999%",
	};
	struct rig *rig = *state;
	char longest[300];
	unsigned int i;

	for (i = 0; i < RTE_DIM(bad); i++) {
		err[0] = '\0';
		assert_int_equal(arm(rig, bad[i]), -EINVAL);
		assert_int_not_equal(err[0], '\0');
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(arm(rig, longest), -EINVAL);
	assert_int_equal(arm(rig, "kill:nobody:1"), -ENOENT);
	assert_non_null(strstr(err, "nobody"));
	assert_int_equal(store(rig), 0);
}

#define FAULT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FAULT_TEST(store_fail),	   FAULT_TEST(store_delay),	FAULT_TEST(event_lose),
		FAULT_TEST(kill_function), FAULT_TEST(store_fail_rate), FAULT_TEST(other_rates),
		FAULT_TEST(bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
