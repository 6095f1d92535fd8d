/* SPDX-License-Identifier: BSD-3-Clause */
/* What takes long is done in slices; tokens are shared; counts are right at any time. */
#include "fabric_rig.h"

#include "../../fabric/model/fabric_priv.h"

#define MANY 1000u

static const uint64_t data[2] = { 1, 2 };

/* n DMBs of `rf` for rgid, one page each. @return the token of the last. */
static uint64_t
own_many(struct rig_fn *rf, uint64_t rgid, unsigned int first, unsigned int n)
{
	uint64_t token = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		token = rig_reg_dmb(rf, first + i, RIG_DMB, 4096, rgid);
		assert_int_not_equal(token, 0);
	}
	return token;
}

static uint64_t
used(struct fabric_fn *fn)
{
	struct ism_query_info_rsp info;
	struct fabric_fn_stats st;

	rig_info(fn, &info);
	fabric_fn_stats(fn, &st);
	assert_int_equal(rte_be_to_cpu_32(info.dmbs_used), st.dmbs_used);
	return st.dmbs_used;
}

static uint64_t
owned(struct fabric_fn *fn)
{
	struct fabric_fn_stats st;

	fabric_fn_stats(fn, &st);
	return st.dmbs_owned;
}

/* A slice that ends as early as one can. */
static bool
slice(struct fabric_fn *fn)
{
	return fabric_fn_work(fn, 0);
}

static void
finish(struct fabric_fn *fn)
{
	unsigned int slices = 1;

	while (!slice(fn))
		assert_true(++slices < 10000);
	assert_false(fabric_fn_busy(fn));
}

/* A reset, while others go on. */
static void
sliced_reset(void **state)
{
	struct rig *rig = *state;
	uint64_t own = own_many(&rig->a, rig->b.gid, 32, MANY);
	uint64_t use = own_many(&rig->b, rig->a.gid, 32, MANY);
	unsigned int slices = 0;

	fabric_set_slices(rig->fab, true);
	fabric_fn_reset(rig->a.fn);
	assert_true(fabric_fn_busy(rig->a.fn));
	while (!slice(rig->a.fn)) {
		slices++;
		/* At once, and all the time. */
		assert_int_equal(rig_store(rig->b.fn, own, 0, data, 16), -EIO);
		assert_int_equal(rig_store(rig->a.fn, use, 0, data, 16), -EAGAIN);
		assert_int_equal(fabric_fn_attach(rig->a.fn), -EAGAIN);
		assert_int_equal(rig_query_rgid(rig->b.fn, rig->a.gid, 0), ISM_RET_ERROR);
		assert_int_equal(fabric_fn_dma_map(rig->a.fn, 0x1000, 4096, NULL, -1, 0), -EAGAIN);
	}
	assert_in_range(slices, 100, 1000);
	assert_int_equal(used(rig->b.fn), 0);
	assert_int_equal(owned(rig->a.fn), 0);
	assert_int_equal(owned(rig->b.fn), MANY);
	rig_bring_up(&rig->a);
	assert_int_equal(used(rig->a.fn), 0);
	assert_int_equal(rig_store(rig->a.fn, use, 0, data, 16), -EIO);
	own = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
	assert_int_equal(rig_store(rig->b.fn, own, 0, data, 16), 0);
}

/* The client goes while its reset is being worked off: all of it goes, once. */
static void
detach_amid_reset(void **state)
{
	struct rig *rig = *state;
	struct fabric_fn_stats st;

	own_many(&rig->a, rig->b.gid, 32, MANY);
	fabric_set_slices(rig->fab, true);
	fabric_fn_reset(rig->a.fn);
	assert_false(slice(rig->a.fn));
	fabric_fn_detach(rig->a.fn);
	fabric_fn_detach(rig->a.fn);
	finish(rig->a.fn);
	fabric_fn_stats(rig->b.fn, &st);
	assert_int_equal(st.events, MANY + 1);
	assert_int_equal(owned(rig->a.fn), 0);
	fabric_fn_stats(rig->a.fn, &st);
	assert_int_equal(st.resets, 0);
	assert_int_equal(fabric_fn_dma_map(rig->a.fn, 0x1000, 4096, NULL, -1, 0), -ENODEV);
	/* Nothing of it is left: memory can be mapped where it was. */
	rig_attach(&rig->a);
}

/* The owner of what is being revoked takes it away, also the very next one. */
static void
owner_unregisters_amid(void **state)
{
	struct rig *rig = *state;
	static uint64_t token[MANY];
	struct rig_fn c;
	unsigned int i;

	rig_fn_init(&c, rig->fab, 2, false);
	for (i = 0; i < MANY; i++)
		token[i] = rig_reg_dmb(&rig->b, 32 + i, RIG_DMB, 4096, rig->a.gid);
	assert_int_equal(used(rig->a.fn), MANY);
	fabric_set_slices(rig->fab, true);
	fabric_fn_detach(rig->a.fn);
	/* The newest is looked at first. */
	for (i = MANY; i-- > 0;) {
		assert_int_equal(rig_unreg_dmb(rig->b.fn, token[i]), 0);
		if (i % 2 == 0)
			slice(rig->a.fn);
	}
	fabric_fn_detach(rig->b.fn);
	finish(rig->b.fn);
	finish(rig->a.fn);
	assert_int_equal(owned(rig->b.fn), 0);
	rig_attach(&rig->b);
	assert_int_not_equal(rig_reg_dmb(&c, 32, RIG_DMB, 4096, rig->b.gid), 0);
	finish(rig->b.fn);
	rig_fn_fini(&c);
}

/* A VLAN rule is worked off before its command's owner goes on. */
static void
sliced_vlan(void **state)
{
	struct rig *rig = *state;
	uint64_t token = own_many(&rig->b, rig->a.gid, 32, MANY);
	struct ism_req_hdr req;

	fabric_set_slices(rig->fab, true);
	ism_req_hdr_set(&req, ISM_CMD_SET_VLAN, sizeof(req));
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 0, &req, 8), 0);
	assert_true(fabric_fn_busy(rig->a.fn));
	assert_int_equal(fabric_fn_load(rig->a.fn, FABRIC_BAR_CMD, 0, &req, 8), -EAGAIN);
	finish(rig->a.fn);
	assert_int_equal(rig_store(rig->a.fn, token, 0, data, 16), -EIO);
	assert_int_equal(used(rig->a.fn), 0);
	/* Again: nothing to do. */
	assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 0, &req, 8), 0);
	assert_false(fabric_fn_busy(rig->a.fn));
}

static void
count_gone(void *arg, void *addr, uint64_t len)
{
	*(uint64_t *)arg += len / 4096;
}

/* Many maps go: what lies in them is revoked first, and what was given is given back, once. */
static void
sliced_unmap(void **state)
{
	const uint64_t pages = 100000, base = RIG_IOVA + RIG_MEM;
	struct rig *rig = *state;
	uint64_t i, gone = 0, token = own_many(&rig->a, rig->b.gid, 32, MANY);

	for (i = 0; i < pages; i++)
		assert_int_equal(fabric_fn_dma_map(rig->a.fn, base + i * 8192, 4096, rig->a.mem, -1,
						   0),
				 0);
	fabric_set_slices(rig->fab, true);
	assert_int_equal(fabric_fn_dma_unmap(rig->a.fn, base + 1, 1 << 30, NULL, NULL), -EINVAL);
	assert_int_equal(fabric_fn_dma_unmap(rig->a.fn, base + 4096, 4096, NULL, NULL), -ENOENT);
	assert_int_equal(fabric_fn_dma_unmap(rig->a.fn, 0, UINT64_MAX, count_gone, &gone), 0);
	assert_true(fabric_fn_busy(rig->a.fn));
	finish(rig->a.fn);
	assert_int_equal(gone, pages + RIG_MEM / 4096);
	assert_int_equal(owned(rig->a.fn), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), -EIO);
	assert_int_equal(fabric_fn_dma_unmap(rig->a.fn, 0, UINT64_MAX, NULL, NULL), -ENOENT);
}

#define SHARE (65535 / 2 / 102) /* of 102 functions */

/* Functions that register all they can leave enough for each other and for the next. */
static void
fair_tokens(void **state)
{
	const unsigned int greedy = 100;
	struct rig *rig = *state;
	struct fabric_fn *fn[100];
	unsigned int i, idx;
	char name[16];

	for (i = 0; i < greedy; i++) {
		struct fabric_fn_conf conf = { .name = name, .gid = 0x7700 + i };

		snprintf(name, sizeof(name), "greedy%u", i);
		assert_int_equal(fabric_fn_add(rig->fab, &conf, &fn[i]), 0);
	}
	for (i = 0; i < greedy; i++) {
		assert_int_equal(fabric_fn_attach(fn[i]), 0);
		assert_int_equal(fabric_fn_dma_map(fn[i], RIG_IOVA, 4096, rig->a.mem, -1, 0), 0);
		for (idx = ISM_DMB_IDX_MIN; idx <= ISM_DMB_IDX_MAX; idx++)
			if (rig_reg_dmb_at(fn[i], idx, RIG_IOVA, 4096, rig->b.gid, 0) == 0)
				break;
		assert_true(owned(fn[i]) >= SHARE);
	}
	own_many(&rig->a, rig->b.gid, 32, SHARE);
	for (i = 0; i < greedy; i++)
		fabric_fn_remove(fn[i]);
	own_many(&rig->a, rig->b.gid, 700, ISM_DMB_IDX_MAX - 699);
	assert_int_equal(used(rig->b.fn), owned(rig->a.fn));
}

static uint64_t
events(struct fabric_fn *fn)
{
	struct fabric_fn_stats st;

	fabric_fn_stats(fn, &st);
	return st.events;
}

/* The store that would run the command, by hand. @return as fabric_fn_store(). */
static int
try_signal(struct rig_fn *from, uint64_t rgid)
{
	struct ism_signal_ieq_req req = { .rgid = rte_cpu_to_be_64(rgid) };

	ism_req_hdr_set(&req.hdr, ISM_CMD_SIGNAL_IEQ, sizeof(req));
	assert_int_equal(fabric_fn_store(from->fn, FABRIC_BAR_CMD, 8, (uint8_t *)&req + 8,
					 sizeof(req) - 8),
			 0);
	return fabric_fn_store(from->fn, FABRIC_BAR_CMD, 0, &req, 8);
}

/* Who sends more events than the rate waits; others send theirs. */
static void
event_rate(void **state)
{
	const struct fabric_limits limits = { .events = { .per_s = 50, .burst = 10 } };
	struct rig *rig = *state;
	struct fabric_fn_stats st;
	unsigned int i;
	struct rig_fn c;

	rig_fn_init(&c, rig->fab, 2, false);
	fabric_set_limits(rig->fab, &limits);
	for (i = 0; try_signal(&rig->a, rig->b.gid) == 0; i++)
		assert_true(i < 1000);
	assert_in_range(i, 10, 100);
	assert_in_range(fabric_fn_wait_ns(rig->a.fn), base_now_ns() - 1000000000u,
			base_now_ns() + 20000000u);
	assert_int_equal(events(rig->b.fn), i);
	fabric_fn_stats(rig->a.fn, &st);
	assert_int_equal(st.events_held, 1);
	/* It may still do anything else, and others are not concerned. */
	assert_int_equal(try_signal(&rig->a, c.gid), 0);
	assert_int_equal(try_signal(&c, rig->b.gid), 0);
	/* Nothing was lost: the same store later succeeds. */
	while (base_now_ns() < fabric_fn_wait_ns(rig->a.fn))
		usleep(1000);
	assert_int_equal(try_signal(&rig->a, rig->b.gid), 0);
	assert_int_equal(events(rig->b.fn), i + 2);
	rig_fn_fini(&c);
}

/* Events that are no signals: DMBs that come and go, and resets without end. */
static void
other_events(void **state)
{
	const struct fabric_limits limits = { .events = { .per_s = 50, .burst = 10 } };
	struct ism_unreg_dmb_req req;
	struct rig *rig = *state;
	uint64_t token, before, end;
	unsigned int i;

	fabric_set_limits(rig->fab, &limits);
	fabric_set_slices(rig->fab, true);
	for (i = 0; i < 1000; i++) {
		token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid);
		assert_int_not_equal(token, 0);
		req.token = rte_cpu_to_be_64(token);
		ism_req_hdr_set(&req.hdr, ISM_CMD_UNREG_DMB, sizeof(req));
		assert_int_equal(fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 8, &req.token, 8), 0);
		if (fabric_fn_store(rig->a.fn, FABRIC_BAR_CMD, 0, &req, 8) == -EAGAIN)
			break;
	}
	assert_in_range(i, 5, 100);
	/* Still there. */
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), 0);

	before = events(rig->b.fn);
	end = base_now_ns() + 300000000u;
	while (base_now_ns() < end) {
		fabric_fn_reset(rig->a.fn);
		while (!slice(rig->a.fn))
			;
		rig_bring_up(&rig->a);
		assert_int_not_equal(rig_reg_dmb(&rig->a, 32, RIG_DMB, 4096, rig->b.gid), 0);
	}
	assert_in_range(events(rig->b.fn) - before, 5, 200);
}

/* Limits of DMBs and of memory. */
static void
quotas(void **state)
{
	struct fabric_limits limits = { .dmbs = 5 };
	struct rig *rig = *state;
	struct fabric_fn_stats st;
	unsigned int i;

	fabric_set_limits(rig->fab, &limits);
	own_many(&rig->a, rig->b.gid, 32, 5);
	assert_int_equal(rig_reg_dmb(&rig->a, 40, RIG_DMB, 4096, rig->b.gid), 0);
	own_many(&rig->b, rig->a.gid, 32, 5);
	fabric_fn_stats(rig->a.fn, &st);
	assert_int_equal(st.refused, 1);
	assert_int_equal(st.maps, 1);
	assert_in_range(st.memory, 500, 50000);
	limits = (struct fabric_limits){ .memory = 100000 };
	fabric_set_limits(rig->fab, &limits);
	for (i = 40; rig_reg_dmb(&rig->a, i, RIG_DMB, 1 << 20, rig->b.gid) != 0; i++)
		;
	assert_in_range(i, 60, 90);
	fabric_fn_stats(rig->a.fn, &st);
	assert_true(st.memory <= limits.memory);
	for (i = 1; fabric_fn_dma_map(rig->b.fn, i * UINT64_C(8192), 4096, NULL, -1, 0) == 0; i++)
		;
	assert_in_range(i, 200, 5000);
	fabric_fn_stats(rig->b.fn, &st);
	assert_true(st.memory <= limits.memory + 20000);
	assert_true(st.refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(sliced_reset),
		RIG_TEST(detach_amid_reset),
		RIG_TEST(owner_unregisters_amid),
		RIG_TEST(sliced_vlan),
		RIG_TEST(sliced_unmap),
		RIG_TEST(fair_tokens),
		RIG_TEST(event_rate),
		RIG_TEST(other_events),
		RIG_TEST(quotas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
