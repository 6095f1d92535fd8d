/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An owner that polls while the device writes: no signal is lost, no word is torn, and what was
 * stored first is seen first.
 */
#include "fabric_rig.h"

#include <pthread.h>

#define ROUNDS 100000u
#define DMBS 64u

static unsigned int done; /* atomic: the device has finished */

/* --- signals --- */

struct counts {
	struct ism_sba *sba;
	uint64_t written[DMBS]; /* atomic: by the device, before the signal */
	uint64_t seen[DMBS]; /* atomic: by the owner, after it took the signal */
};

static void
look(struct counts *c)
{
	uint32_t idx = 0;

	while ((idx = ism_sba_take_dmb(c->sba, idx)) < ISM_NR_DMBS) {
		ism_sba_take_mask(c->sba, idx);
		__atomic_store_n(&c->seen[idx - 32],
				 __atomic_load_n(&c->written[idx - 32], __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	}
}

static void *
owner(void *arg)
{
	struct counts *c = arg;
	bool last;

	do {
		last = __atomic_load_n(&done, __ATOMIC_ACQUIRE) != 0;
		if (ism_sba_take_summary(c->sba))
			look(c);
	} while (!last);
	return NULL;
}

/* @return the owner has seen what was written last, within about a second. */
static bool
comes(struct counts *c, uint32_t i)
{
	unsigned int tries;

	for (tries = 0; tries < 20000; tries++) {
		if (__atomic_load_n(&c->seen[i], __ATOMIC_ACQUIRE) == c->written[i])
			return true;
		if (tries > 1000)
			usleep(1);
	}
	return false;
}

/* Each signal alone must arrive: there is none behind it that would make up for it. */
static void
no_signal_is_lost(void **state)
{
	static struct counts c;
	pthread_t thread;
	uint32_t i;

	c.sba = aligned_alloc(4096, 4096);
	assert_non_null(c.sba);
	memset(c.sba, 0, 4096);
	done = 0;
	assert_int_equal(pthread_create(&thread, NULL, owner, &c), 0);
	for (i = 0; i < ROUNDS; i++) {
		__atomic_fetch_add(&c.written[i * 7 % DMBS], 1, __ATOMIC_RELEASE);
		ism_sba_signal(c.sba, 32 + i * 7 % DMBS, i % 16);
		if (i % 4 == 0 && !comes(&c, i * 7 % DMBS))
			break;
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(i, ROUNDS);
	for (i = 0; i < DMBS; i++)
		assert_int_equal(c.seen[i], c.written[i]);
	assert_false(ism_sba_pending(c.sba));
	free(c.sba);
}

/* --- data --- */

struct watch {
	const uint64_t *data; /* 64 words, stored first */
	const uint64_t *flag; /* 2 words, stored second */
	unsigned int torn, early, seen;
};

static bool
whole(uint64_t word)
{
	return (uint32_t)word == (uint32_t)(word >> 32);
}

static void *
watcher(void *arg)
{
	struct watch *w = arg;
	uint64_t flag, word, last = 0;
	unsigned int i;

	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0) {
		flag = __atomic_load_n(w->flag, __ATOMIC_ACQUIRE);
		w->torn += !whole(flag);
		for (i = 0; i < 64; i++) {
			word = __atomic_load_n(&w->data[i], __ATOMIC_RELAXED);
			w->torn += !whole(word);
			w->early += (uint32_t)word < (uint32_t)flag;
		}
		w->seen += flag != last;
		last = flag;
	}
	return NULL;
}

static void
words_are_whole_and_in_order(void **state)
{
	struct rig *rig = *state;
	uint64_t token = rig_reg_dmb(&rig->a, 32, RIG_DMB, 8192, rig->b.gid), words[64];
	struct watch w = {
		.data = (const uint64_t *)(const void *)(rig->a.mem + RIG_DMB),
		.flag = (const uint64_t *)(const void *)(rig->a.mem + RIG_DMB + 4096),
	};
	pthread_t thread;
	uint64_t n;
	int i;

	done = 0;
	assert_int_equal(pthread_create(&thread, NULL, watcher, &w), 0);
	for (n = 1; n <= ROUNDS; n++) {
		for (i = 0; i < 64; i++)
			words[i] = n << 32 | n;
		assert_int_equal(rig_store(rig->b.fn, token, 0, words, sizeof(words)), 0);
		assert_int_equal(rig_store(rig->b.fn, token, 4096, words, 16), 0);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(w.torn, 0);
	assert_int_equal(w.early, 0);
	if (w.seen == 0)
		print_message("the two threads never ran at the same time\n");
}

/* --- events --- */

struct queue {
	struct rig_fn *rf;
	uint64_t got, bad;
};

static void *
reader(void *arg)
{
	struct queue *q = arg;
	struct ism_event ev;
	uint64_t last = 0, info;
	bool finished;

	do {
		finished = __atomic_load_n(&done, __ATOMIC_ACQUIRE) != 0;
		while (ism_ieq_take(q->rf->ieq, &q->rf->ieq_pos, &ev) == 1) {
			info = rte_be_to_cpu_64(ev.info);
			q->bad += rte_be_to_cpu_32(ev.code) != (uint32_t)info || info <= last;
			last = info;
			__atomic_fetch_add(&q->got, 1, __ATOMIC_RELAXED);
		}
	} while (!finished);
	return NULL;
}

/* A reader that keeps up gets every event, whole and in order. */
static void
events_in_order(void **state)
{
	struct rig *rig = *state;
	struct queue q = { .rf = &rig->b };
	struct ism_sba *sba = rig->b.sba;
	unsigned int tries;
	pthread_t thread;
	uint64_t n;

	done = 0;
	assert_int_equal(pthread_create(&thread, NULL, reader, &q), 0);
	for (n = 1; n <= 5000; n++) {
		assert_int_equal(rig_signal_ieq(rig->a.fn, rig->b.gid, 0, (uint32_t)n, n), 0);
		/* At most 14 in the queue: every now and then wait for the reader. */
		for (tries = 0;
		     n % 14 == 0 && tries < 10000 && __atomic_load_n(&q.got, __ATOMIC_RELAXED) < n;
		     tries++)
			usleep(100);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(q.got, 5000);
	assert_int_equal(q.bad, 0);
	assert_true(ism_sba_take_event(sba));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_signal_is_lost),
		RIG_TEST(words_are_whole_and_in_order),
		RIG_TEST(events_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
