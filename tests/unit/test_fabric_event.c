/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: who is told what, in which order; the queue that overflows. */
#include "fabric_rig.h"

static void
software(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 0x42, 0x1122334455667788), 0);
	assert_int_equal(rig->b.irqs, 0);
	assert_true(ism_sba_take_event(rig->b.sba));
	assert_true(ism_sba_take_summary(rig->b.sba));
	/* The sender's GID is the fabric's word. */
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 0x42, rig->a.gid, 0x1122334455667788);
	rig_expect_no_event(&rig->b);
	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 1, 0x43, 0), 0);
	assert_int_equal(rig->b.irqs, 1);
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 0x43, rig->a.gid, 0);
	/* To oneself. */
	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->a.gid, 0, 1, 2), 0);
	rig_expect_event(&rig->a, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 2);
	assert_int_equal(rig_signal_ieq(rig->a.fn, RIG_GID(9), 0, 1, 2), ISM_RET_ERROR);
}

static void
overflow_and_wrap(void **state)
{
	struct rig *rig = *state;
	uint64_t i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, i), 0);
		rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, i);
	}
	for (i = 0; i < 17; i++)
		assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, i), 0);
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 15);
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 16);
	rig_expect_no_event(&rig->b);
	/* An owner who writes into its own queue moves nothing on the device. */
	rig->b.ieq->hdr.idx = UINT64_MAX;
	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, 17), 0);
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 17);
}

/* Registering the queue anew starts it anew. */
static void
new_queue(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, 1), 0);
	assert_int_equal(rig_simple(rig->b.fn, ISM_CMD_UNREG_IEQ), 0);
	memset(rig->b.ieq, 0, sizeof(*rig->b.ieq));
	rig->b.ieq_pos = ISM_IEQ_START;
	assert_int_equal(rig_reg_ieq(rig->b.fn, RIG_IOVA + RIG_PAGE, 512), 0);
	assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, 1, 2), 0);
	rig_expect_event(&rig->b, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 2);
	rig_expect_no_event(&rig->b);
}

static void
owner_goes(void **state)
{
	struct rig *rig = *state;
	uint64_t one = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	uint64_t two = rig_reg_dmb(&rig->a, 33, RIG_DMB, 4096, rig->b.gid);

	fabric_fn_detach(rig->a.fn);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x04, one, 0);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x04, two, 0);
	rig_expect_event(&rig->b, ISM_EVENT_DEVICE, 0x07, rig->a.gid, 0);
	rig_expect_no_event(&rig->b);
	assert_int_equal(rig->b.irqs, 3);
}

static void
user_goes(void **state)
{
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);

	fabric_fn_remove(rig->b.fn);
	rig_expect_event(&rig->a, ISM_EVENT_BUFFER, 0x08, token, 0);
	rig_expect_event(&rig->a, ISM_EVENT_DEVICE, 0x07, rig->b.gid, 0);
	rig_expect_no_event(&rig->a);
	/* The owner still owns it; told already, nobody is told again. */
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
	rig_expect_no_event(&rig->a);
	rig_fn_init(&rig->b, rig->fab, 1, false); /* for the teardown */
}

static void
strangers_hear_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_fn c;

	rig_fn_init(&c, rig->fab, 2, false);
	assert_int_not_equal(rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid), 0);
	assert_int_equal(rig_signal_ieq(rig->a.fn, c.gid, 0, 1, 2), 0);
	rig_expect_event(&c, ISM_EVENT_SOFTWARE, 1, rig->a.gid, 2);
	fabric_fn_reset(rig->a.fn);
	rig_expect_no_event(&c);
	rig_fn_fini(&c);
}

/* The GID event is the last one, so it survives a queue that overflows. */
static void
many_dmbs_go(void **state)
{
	struct rig *rig = *state;
	struct ism_event ev;
	uint32_t i, last_type = 99;

	for (i = 0; i < 100; i++)
		assert_int_not_equal(rig_reg_dmb(&rig->a, 32 + i, RIG_DMB, 4096, rig->b.gid), 0);
	fabric_fn_detach(rig->a.fn);
	while (ism_ieq_take(rig->b.ieq, &rig->b.ieq_pos, &ev) == 1)
		last_type = rte_be_to_cpu_32(ev.type);
	assert_int_equal(last_type, ISM_EVENT_DEVICE);
}

static void
error_state(void **state)
{
	static const uint64_t data[2] = { 1, 2 };
	struct rig *rig = *state;
	uint64_t own = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	uint64_t used = rig_reg_dmb(&rig->b, 32, RIG_DMB, 4096, rig->a.gid);
	char err[128];
	uint64_t word;

	assert_int_equal(fabric_fault(rig->fab, "kill:fn0:2", err, sizeof(err)), 0);
	assert_int_equal(rig_store(rig->a.fn, used, 0, data, 16), 0);
	assert_int_equal(rig_store(rig->a.fn, used, 0, data, 16), -EIO);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x02, own, 0);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x03, used, 0);
	rig_expect_event(&rig->b, ISM_EVENT_DEVICE, 0x01, rig->a.gid, 0);
	rig_expect_no_event(&rig->b);
	assert_int_equal(fabric_fn_load(rig->a.fn, FABRIC_BAR_CMD, 0, &word, 8), -EIO);
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 8, &word, 8), -EIO);
	assert_int_equal(fabric_fn_attach(rig->a.fn), -EBUSY);
	assert_int_equal(rig_query_rgid(rig->b.fn, rig->a.gid, 0), ISM_RET_ERROR);
	assert_int_equal(rig_store(rig->b.fn, own, 0, data, 16), -EIO);
	/* A reset brings it back, empty. */
	fabric_fn_reset(rig->a.fn);
	rig_bring_up(&rig->a);
	assert_int_equal(rig_query_rgid(rig->b.fn, rig->a.gid, 0), 0);
	assert_int_not_equal(rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid), 0);
	rig_expect_no_event(&rig->a);
}

static void
no_queue(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_stats st;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);

	assert_int_equal(rig_simple(rig->b.fn, ISM_CMD_UNREG_IEQ), 0);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
	fabric_fn_stats(rig->b.fn, &st);
	assert_int_equal(st.events, 0);
	assert_int_equal(st.events_lost, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(software),	RIG_TEST(overflow_and_wrap),
		RIG_TEST(new_queue),	RIG_TEST(owner_goes),
		RIG_TEST(user_goes),	RIG_TEST(strangers_hear_nothing),
		RIG_TEST(many_dmbs_go), RIG_TEST(error_state),
		RIG_TEST(no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
