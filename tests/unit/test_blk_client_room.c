/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rooms: a WRITE's payload that its owner puts into the peer's slots itself, and what becomes of it
 * when the session does not live to answer.
 */
#include "blk_client_rig.h"

#define SLOT 65536u
#define ROOMS 4 /* of BLK_IO_MAX bytes in 64 slots */

static struct crig r;
static uint8_t want[BLK_IO_MAX];

/* A WRITE whose payload may be in a room. */
struct write {
	struct crig_io x;
	struct iovec iov[BLK_IO_CHUNKS_MAX];
	uint8_t *data;
};

static struct blk_cq *
cq(void)
{
	return blk_client_queue(r.c, 0);
}

static void
up(bool direct, const struct blk_client_conf *conf)
{
	crig_init_direct(&r, direct);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_WARNING);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	if (conf != NULL && conf->digest)
		r.features = LINK_FEATURE_DIGEST;
	crig_server_start(&r);
	crig_client_start(&r, conf);
	crig_until(&r, &r.ups, 1);
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)(i * 2246822519u >> 11);
}

/* As a readv(2) would: the head to us, all else to its places. @return as blk_cq_room(). */
static unsigned int
fill(struct write *w, uint32_t room, uint32_t len)
{
	unsigned int i, n = blk_cq_room(cq(), room, w->iov);
	size_t pos = BLK_ROOM_HEAD, piece, total = BLK_ROOM_HEAD;

	w->data = calloc(1, BLK_IO_MAX);
	assert_non_null(w->data);
	memcpy(w->data, want, n > 0 ? BLK_ROOM_HEAD : len);
	for (i = 0; i < n; i++) {
		assert_int_not_equal(w->iov[i].iov_len, 0);
		total += w->iov[i].iov_len;
		piece = RTE_MIN(w->iov[i].iov_len, len > pos ? len - pos : 0);
		memcpy(w->iov[i].iov_base, want + pos, piece);
		pos += piece;
	}
	if (n > 0)
		assert_int_equal(total, room);
	return n;
}

static int
submit(struct write *w, uint64_t off, uint32_t len)
{
	memset(&w->x, 0, sizeof(w->x));
	w->x.io = (struct blk_io){ .op = BLK_WRITE,
				   .disk = blk_client_disk(r.c, 0),
				   .off = off,
				   .len = len,
				   .data = w->data,
				   .home = w->data,
				   .done = crig_io_done,
				   .arg = &w->x };
	return blk_cq_submit(cq(), &w->x.io);
}

/* The io has ended well and its payload is where it belongs. */
static void
finish(struct write *w)
{
	crig_until(&r, &w->x.done, 1);
	assert_int_equal(w->x.err, 0);
	assert_memory_equal(r.image + w->x.io.off, want, w->x.io.len);
	free(w->data);
}

/* All slots are free: as many rooms as fit can be had. */
static void
all_free(void)
{
	static struct write w[ROOMS + 1];
	unsigned int i;

	for (i = 0; i < ROOMS; i++) {
		assert_int_equal(fill(&w[i], BLK_IO_MAX, BLK_IO_MAX), BLK_IO_MAX / SLOT);
		assert_int_equal(submit(&w[i], i * 512, BLK_IO_MAX), 0);
	}
	assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX, w[ROOMS].iov), 0);
	for (i = 0; i < ROOMS; i++) {
		crig_until(&r, &w[i].x.done, 1);
		free(w[i].data);
	}
	crig_down(&r);
}

/* --- while the session lives --- */

static uint64_t
stores(void)
{
	struct rte_pmd_ism_stats st;

	assert_int_equal(rte_pmd_ism_stats_get(r.ip.dev_id[1], &st), 0);
	return st.stores;
}

/* Lengths with and without ends of their own, down to one that is all head. */
static void
payload_arrives(void **state)
{
	static const uint32_t len[] = { BLK_IO_MAX, 200000, 2 * SLOT,		SLOT + 1,
					SLOT,	    70001,  BLK_ROOM_HEAD + 8,	BLK_ROOM_HEAD + 1,
					4096,	    511,    BLK_ROOM_HEAD + 100 };
	static struct write w;
	struct crig_io plain;
	uint64_t before, placed;

	up(true, &(struct blk_client_conf){ .depth = 64 });
	for (size_t i = 0; i < RTE_DIM(len); i++) {
		before = stores();
		assert_int_equal(fill(&w, BLK_IO_MAX, len[i]), BLK_IO_MAX / SLOT);
		assert_int_equal(submit(&w, 512 * i, len[i]), 0);
		blk_cq_flush(cq());
		placed = stores() - before;
		finish(&w);
		/* Stores that a copy would have made are counted; an end of its own makes one. */
		before = stores();
		assert_int_equal(crig_submit(&r, 0, &plain, BLK_WRITE, 0, len[i], want), 0);
		blk_cq_flush(cq());
		assert_in_range(stores() - before, placed, placed + 1);
		crig_until(&r, &plain.done, 1);
	}
	all_free();
}

/* A slot that is no longer than the head. */
static void
small_slots(void **state)
{
	static struct write w;

	up(true, &(struct blk_client_conf){ .slot_size = BLK_ROOM_HEAD });
	assert_int_equal(fill(&w, BLK_IO_MAX, BLK_IO_MAX), BLK_IO_MAX / BLK_ROOM_HEAD - 1);
	assert_int_equal(submit(&w, 0, BLK_IO_MAX), 0);
	finish(&w);
	crig_down(&r);
}

/* Nothing came, or nothing that fits. */
static void
room_is_given_back(void **state)
{
	static struct write w;

	up(true, &(struct blk_client_conf){ .depth = 64 });
	blk_cq_room_drop(cq());
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX, w.iov), BLK_IO_MAX / SLOT);
		if (i % 2 == 0)
			blk_cq_room_drop(cq());
	}
	assert_int_equal(fill(&w, BLK_IO_MAX, 4096), BLK_IO_MAX / SLOT);
	assert_int_equal(submit(&w, CRIG_IMAGE, 4096), -EINVAL);
	blk_cq_room_drop(cq());
	free(w.data);
	all_free();
}

/* What a short WRITE leaves of a long room is free for others at once. */
static void
rest_of_a_room_is_free(void **state)
{
	static struct write w;
	struct blk_cq_stats st;
	struct crig_io x[4];

	up(true, &(struct blk_client_conf){ .depth = 64 });
	r.hold = true;
	assert_int_equal(fill(&w, BLK_IO_MAX, SLOT + 1), BLK_IO_MAX / SLOT);
	assert_int_equal(submit(&w, 0, SLOT + 1), 0);
	for (unsigned int i = 0; i < 4; i++) /* 62 slots together */
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_READ, 0,
					     i < 3 ? BLK_IO_MAX : 14 * SLOT, NULL),
				 0);
	blk_cq_stats(cq(), &st);
	assert_int_equal(st.waits, 0);
	r.hold = false;
	for (unsigned int i = 0; i < 4; i++)
		crig_until(&r, &x[i].done, 1);
	finish(&w);
	crig_down(&r);
}

static void
no_room(void **state)
{
	static struct write w;
	struct crig_io x[5];
	unsigned int i;

	up(false, NULL);
	assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX, w.iov), 0); /* no direct window */
	crig_down(&r);
	up(true, &(struct blk_client_conf){ .digest = true });
	assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX, w.iov), 0);
	crig_down(&r);
	up(true, &(struct blk_client_conf){ .depth = 64 });
	assert_int_equal(blk_cq_room(cq(), BLK_ROOM_HEAD, w.iov), 0); /* nothing to place */
	assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX + 1, w.iov), 0);
	r.hold = true;
	for (i = 0; i < RTE_DIM(x); i++) { /* the last one waits for slots */
		assert_int_equal(blk_cq_room(cq(), 4097, w.iov), i < 4 ? 1 : 0);
		blk_cq_room_drop(cq());
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_READ, 0, BLK_IO_MAX, NULL), 0);
	}
	assert_int_equal(blk_cq_room(cq(), 4097, w.iov), 0);
	r.hold = false;
	for (i = 0; i < RTE_DIM(x); i++)
		crig_until(&r, &x[i].done, 1);
	crig_server_stop(&r);
	crig_until(&r, &r.downs, 1);
	assert_int_equal(blk_cq_room(cq(), BLK_IO_MAX, w.iov), 0);
	crig_server_start(&r);
	crig_until(&r, &r.ups, 2);
	all_free();
}

/* --- when it does not --- */

/* The server was killed with the payload in its memory: it is sent again, all of it. */
static void
placed_payload_is_replayed(void **state)
{
	static struct write w[ROOMS];
	struct blk_cq_stats st;
	unsigned int i;

	up(true, &(struct blk_client_conf){ .depth = 64 });
	r.hold = true;
	for (i = 0; i < ROOMS; i++) {
		fill(&w[i], BLK_IO_MAX, BLK_IO_MAX - 1000 * i);
		assert_int_equal(submit(&w[i], i * BLK_IO_MAX, BLK_IO_MAX - 1000 * i), 0);
	}
	crig_rounds(&r, 5);
	assert_int_equal(r.pending_count, 64);
	for (i = 0; i < 20; i++) /* the first is answered, the second in part */
		crig_answer(&r, &r.pending[i]);
	crig_until(&r, &w[0].x.done, 1);
	memset(r.image, 0, CRIG_IMAGE);
	memcpy(r.image, want, BLK_IO_MAX);
	r.hold = false;
	crig_server_stop(&r);
	crig_until(&r, &r.downs, 1);
	for (i = 1; i < ROOMS; i++)
		assert_null(w[i].x.io.home);
	crig_server_start(&r);
	for (i = 0; i < ROOMS; i++)
		finish(&w[i]);
	blk_cq_stats(cq(), &st);
	assert_int_equal(st.replays, ROOMS - 1);
	all_free();
}

/* It was killed before the io was submitted: noticed, or by the first store. */
static void
room_of_a_dead_session(void **state)
{
	static struct write w;
	unsigned int downs;

	for (unsigned int noticed = 0; noticed < 2; noticed++) {
		up(true, &(struct blk_client_conf){ .depth = 64 });
		assert_int_equal(fill(&w, BLK_IO_MAX, 300000), BLK_IO_MAX / SLOT);
		downs = r.downs;
		crig_server_stop(&r);
		while (noticed == 1 && r.downs == downs)
			link_poll(r.l[1], base_now_ns());
		assert_int_equal(submit(&w, 4096, 300000), 0);
		assert_null(w.x.io.home);
		assert_memory_equal(w.data, want, 300000);
		crig_server_start(&r);
		finish(&w);
		all_free();
	}
}

/* Nobody wants it any more: the slots go when the answer comes. */
static void
abort_with_placed_payload(void **state)
{
	static struct write w;

	up(true, &(struct blk_client_conf){ .depth = 64 });
	r.hold = true;
	fill(&w, BLK_IO_MAX, BLK_IO_MAX);
	assert_int_equal(submit(&w, 0, BLK_IO_MAX), 0);
	crig_rounds(&r, 3);
	blk_cq_abort(cq(), -EIO);
	assert_int_equal(w.x.done, 1);
	assert_int_equal(w.x.err, -EIO);
	free(w.data);
	r.hold = false;
	crig_rounds(&r, 10);
	all_free();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_arrives),
		cmocka_unit_test(small_slots),
		cmocka_unit_test(room_is_given_back),
		cmocka_unit_test(rest_of_a_room_is_free),
		cmocka_unit_test(no_room),
		cmocka_unit_test(placed_payload_is_replayed),
		cmocka_unit_test(room_of_a_dead_session),
		cmocka_unit_test(abort_with_placed_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
