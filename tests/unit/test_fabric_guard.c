/* SPDX-License-Identifier: BSD-3-Clause */
/* An owner who truncates its file hurts itself, not the fabric. */
#include "fabric_rig.h"

#include <signal.h>
#include <sys/wait.h>

#include "fabric_guard.h"

static const uint64_t data[2] = { 1, 2 };

/* In each test: cmocka puts handlers of its own in front of every one. */
static void
guard(void)
{
	assert_int_equal(fabric_guard_install(), 0);
}

static void
dmb_vanishes(void **state)
{
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 8192, rig->b.gid);

	guard();
	assert_int_equal(rig_store(rig->b.fn, token, 4096, data, 16), 0);
	assert_int_equal(ftruncate(rig->a.fd, RIG_DMB + 4096), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 4096, data, 16), -EIO);
	rig_expect_event(&rig->b, ISM_EVENT_BUFFER, 0x02, token, 0);
	/* It is over, even if the memory comes back. */
	assert_int_equal(ftruncate(rig->a.fd, RIG_MEM), 0);
	assert_int_equal(rig_store(rig->b.fn, token, 0, data, 16), -EIO);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, token), 0);
}

static void
queues_vanish(void **state)
{
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 8192, rig->b.gid);
	struct fabric_fn_stats st;

	guard();
	/* The page of the event queue goes: events are lost, data still lands. */
	assert_int_equal(ftruncate(rig->a.fd, RIG_PAGE), 0);
	assert_int_equal(rig_signal_ieq(rig->b.fn, rig->a.gid, 0, 1, 1), ISM_RET_ERROR);
	fabric_fn_stats(rig->a.fn, &st);
	assert_int_equal(st.events, 0);
	assert_int_equal(st.events_lost, 1);
	assert_int_equal(ftruncate(rig->a.fd, 0), 0);
	assert_int_equal(ftruncate(rig->a.fd, RIG_MEM), 0);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 0, true, 0), data, 16),
			 0);
	assert_memory_equal(rig->a.mem + RIG_DMB, data, 16);
}

static void
sba_vanishes(void **state)
{
	struct rig *rig = *state;
	uint64_t token;
	void *dmb = aligned_alloc(4096, 4096);

	guard();
	assert_non_null(dmb);
	assert_int_equal(fabric_fn_dma_map(rig->a.fn, RIG_IOVA + RIG_MEM, 4096, dmb, -1, 0), 0);
	token = rig_reg_dmb_at(rig->a.fn, 32, RIG_IOVA + RIG_MEM, 4096, rig->b.gid, 0);
	assert_int_equal(ftruncate(rig->a.fd, 0), 0);
	/* Twice: the first time it faults, then there is none. */
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 0, true, 0), data, 16),
			 0);
	assert_int_equal(fabric_fn_store(rig->b.fn, FABRIC_BAR_DATA,
					 ism_addr_encode(token, 0, true, 0), data, 16),
			 0);
	assert_memory_equal(dmb, data, 16);
	fabric_fn_detach(rig->a.fn);
	free(dmb);
}

/* A fault that is not ours must still end the process: it is a bug, not to be hidden. */
static void
others_still_die(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t pid;

	guard();
	assert_int_equal(ftruncate(rig->a.fd, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(10);
		*(volatile uint8_t *)rig->a.mem = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* With a sanitizer's own handler it ends with an exit code of its choice. */
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGBUS : WEXITSTATUS(status) != 0);
	assert_int_equal(ftruncate(rig->a.fd, RIG_MEM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(dmb_vanishes),
		RIG_TEST(queues_vanish),
		RIG_TEST(sba_vanishes),
		RIG_TEST(others_still_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
