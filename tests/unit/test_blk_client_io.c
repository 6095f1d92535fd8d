/* SPDX-License-Identifier: BSD-3-Clause */
/* ios of a block client: every operation, splitting, order, stores, errors. */
#include "blk_client_rig.h"
#include "rte_pmd_ism.h"

static struct crig r;

static uint8_t *
random_bytes(size_t len)
{
	uint8_t *p = malloc(len);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < len; i++)
		p[i] = (uint8_t)rand();
	return p;
}

static void
disk_is_described(void **state)
{
	uint32_t min, pref, max;
	struct blk_disk *d;

	crig_up(&r, NULL);
	assert_int_equal(blk_client_disks(r.c), 1);
	d = blk_client_disk(r.c, 0);
	assert_ptr_equal(blk_client_disk_by_name(r.c, "disk"), d);
	assert_null(blk_client_disk_by_name(r.c, "dis"));
	assert_null(blk_client_disk(r.c, 1));
	assert_string_equal(blk_disk_name(d), "disk");
	assert_string_equal(blk_disk_desc(d), "about disk");
	assert_int_equal(blk_disk_size(d), CRIG_IMAGE);
	assert_int_equal(blk_disk_flags(d), CRIG_FLAGS);
	blk_disk_block_sizes(d, &min, &pref, &max);
	assert_int_equal(min, 512);
	assert_int_equal(pref, 4096);
	assert_int_equal(max, 1 << 20);
	assert_true(blk_disk_present(d));
	assert_int_equal(blk_disk_losses(d), 0);
	assert_int_equal(blk_client_io_max(r.c), BLK_IO_MAX);
	crig_down(&r);
}

/* Lengths around every border: of stores, slots, and the largest io. */
static const uint32_t lengths[] = { 1,	   7,	  8,	  15,	   16,
				    17,	   511,	  4096,	  4097,	   65535,
				    65536, 65537, 131071, 1 << 20, (1 << 20) - 1,
				    69632, 70001, 524288, 65544,   1048569,
				    200000 };

static void
reads_and_writes(void **state, const struct blk_client_conf *conf)
{
	uint8_t *data, *back = malloc(BLK_IO_MAX);
	struct crig_io x;
	size_t i;

	crig_up(&r, conf);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t off = i % 2 ? 12345 + i : 65536;
		uint32_t slot = conf != NULL && conf->slot_size ? conf->slot_size : 65536;

		data = random_bytes(lengths[i]);
		assert_int_equal(crig_do(&r, &x, BLK_WRITE, off, lengths[i], data), 0);
		assert_int_equal(x.iov_count, 0);
		assert_memory_equal(r.image + off, data, lengths[i]);
		assert_int_equal(crig_do(&r, &x, BLK_READ, off, lengths[i], back), 0);
		assert_int_equal(x.got_len, lengths[i]);
		assert_int_equal(x.iov_count, (lengths[i] + slot - 1) / slot);
		assert_memory_equal(back, data, lengths[i]);
		free(data);
	}
	free(back);
	crig_down(&r);
}

static void
reads_and_writes_64k(void **state)
{
	reads_and_writes(state, NULL);
}

static void
reads_and_writes_4k(void **state)
{
	reads_and_writes(state, &(struct blk_client_conf){ .slot_size = 4096, .depth = 2 });
}

static void
reads_and_writes_digest(void **state)
{
	reads_and_writes(state, &(struct blk_client_conf){ .digest = true });
}

/* A write across the last byte's page leaves its neighbours alone. */
static void
neighbours_stay(void **state)
{
	uint8_t before = 0, after = 0, data[100];
	struct crig_io x;

	crig_up(&r, NULL);
	memset(data, 0xee, sizeof(data));
	before = r.image[999];
	after = r.image[1100];
	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 1000, 100, data), 0);
	assert_int_equal(r.image[999], before);
	assert_int_equal(r.image[1100], after);
	crig_down(&r);
}

static void
other_operations(void **state)
{
	struct blk_extent back[2];
	struct crig_io x;

	crig_up(&r, NULL);
	assert_int_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(crig_do(&r, &x, BLK_WRITE_ZEROES, 4096, 8192, NULL), 0);
	assert_int_equal(r.image[4096], 0);
	assert_int_equal(r.image[12287], 0);
	assert_int_equal(crig_do(&r, &x, BLK_DISCARD, 0, 100, NULL), 0);
	r.extents[0].len = rte_cpu_to_be_64(4096);
	r.extents[1].len = rte_cpu_to_be_64(8192);
	r.extents[1].flags = rte_cpu_to_be_32(BLK_EXTENT_HOLE | BLK_EXTENT_ZERO);
	r.extent_count = 2;
	assert_int_equal(crig_do(&r, &x, BLK_BLOCK_STATUS, 0, CRIG_IMAGE, back), 0);
	assert_int_equal(x.got_len, sizeof(back));
	assert_memory_equal(back, r.extents, sizeof(back));
	assert_int_equal(r.seen_count, 4);
	assert_int_equal(r.seen[0].op, BLK_FLUSH);
	assert_int_equal(r.seen[1].op, BLK_WRITE_ZEROES);
	assert_int_equal(r.seen[1].off, 4096);
	assert_int_equal(r.seen[1].len, 8192);
	assert_int_equal(r.seen[1].unit, 100);
	assert_int_equal(r.seen[3].len, CRIG_IMAGE);
	crig_down(&r);
}

static void
flags_travel(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	memset(&x, 0, sizeof(x));
	x.io = (struct blk_io){ .op = BLK_WRITE_ZEROES,
				.flags = BLK_FLAG_FUA | BLK_FLAG_NO_HOLE,
				.disk = blk_client_disk(r.c, 0),
				.len = 512,
				.done = crig_io_done,
				.arg = &x };
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &x.io), 0);
	crig_until(&r, &x.done, 1);
	assert_int_equal(r.seen[0].flags, BLK_FLAG_FUA | BLK_FLAG_NO_HOLE);
	crig_down(&r);
}

/* More than one request can name: pieces, one after the other, in one slot. */
static void
long_ranges_are_split(void **state)
{
	const uint64_t total = (9ULL << 30) + 4096;
	uint64_t sum = 0;
	struct crig_io x;
	unsigned int i;

	crig_up(&r, NULL);
	crig_export(&r, 0, "disk", 1ULL << 40, CRIG_FLAGS);
	assert_int_equal(crig_do(&r, &x, BLK_WRITE_ZEROES, CRIG_IMAGE, total, NULL), 0);
	assert_true(r.seen_count > 1);
	for (i = 0; i < r.seen_count; i++) {
		assert_int_equal(r.seen[i].off, CRIG_IMAGE + sum);
		sum += r.seen[i].len;
	}
	assert_true(sum == total);
	/* BLOCK_STATUS only tells of the beginning: its answer says how far it reaches. */
	r.seen_count = 0;
	r.extent_count = 1;
	r.extents[0].len = rte_cpu_to_be_64(1);
	assert_int_equal(crig_do(&r, &x, BLK_BLOCK_STATUS, 0, total, NULL), 0);
	assert_int_equal(r.seen_count, 1);
	crig_down(&r);
}

static void
refuses_nonsense(void **state)
{
	uint8_t byte = 0;
	struct crig_io x;

	crig_up(&r, NULL);
	assert_int_equal(crig_submit(&r, 0, &x, 0, 0, 1, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_LIST, 0, 0, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_OP_COUNT, 0, 0, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, 0, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, 0, BLK_IO_MAX + 1, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, CRIG_IMAGE, 1, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_WRITE, CRIG_IMAGE - 1, 2, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_READ, UINT64_MAX, 2, &byte), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_FLUSH, 1, 0, NULL), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_DISCARD, 0, 0, NULL), -EINVAL);
	assert_int_equal(crig_submit(&r, 0, &x, BLK_DISCARD, UINT64_MAX, 2, NULL), -EINVAL);
	assert_int_equal(x.done, 0);
	crig_down(&r);
}

/* More ios than slots: they wait in order, all end, none twice; answers come in reverse. */
static void
many_at_once(void **state, bool backwards)
{
	enum {
		N = 300
	};
	static struct crig_io x[N];
	struct blk_cq_stats st;
	uint8_t *data = random_bytes(BLK_IO_MAX);
	unsigned int i, max_order = 0;

	crig_up(&r, &(struct blk_client_conf){ .depth = 16 });
	r.backwards = backwards;
	for (i = 0; i < N; i++) {
		uint64_t len = i % 7 == 3 ? BLK_IO_MAX : 1 + (i * 7919) % 200000;

		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_WRITE, i * 1000 % 4096, len, data),
				 0);
	}
	assert_int_equal(blk_cq_inflight(blk_client_queue(r.c, 0)), N);
	for (i = 0; i < N; i++) {
		crig_until(&r, &x[i].done, 1);
		assert_int_equal(x[i].err, 0);
		/* An io of all 16 slots lets none pass it. */
		if (x[i].io.len == BLK_IO_MAX) {
			assert_true(x[i].order > max_order || i == 0);
		}
		if (x[i].order > max_order)
			max_order = x[i].order;
	}
	blk_cq_stats(blk_client_queue(r.c, 0), &st);
	assert_int_equal(st.ops[BLK_WRITE], N);
	assert_int_equal(st.errors[BLK_WRITE], 0);
	assert_true(st.waits > 0);
	free(data);
	crig_down(&r);
}

static void
many_in_order(void **state)
{
	many_at_once(state, false);
}

static void
many_backwards(void **state)
{
	many_at_once(state, true);
}

/* READ data must be the io's own, whatever order answers come in. */
static void
many_reads_backwards(void **state)
{
	enum {
		N = 64
	};
	static struct crig_io x[N];
	unsigned int i;

	crig_up(&r, NULL);
	r.backwards = true;
	for (i = 0; i < N; i++)
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_READ, i * 4096, 4096, malloc(4096)),
				 0);
	for (i = 0; i < N; i++) {
		crig_until(&r, &x[i].done, 1);
		assert_memory_equal(x[i].got, r.image + i * 4096, 4096);
		free(x[i].got);
	}
	crig_down(&r);
}

static uint64_t
stores_of(unsigned int end)
{
	struct rte_pmd_ism_stats st;

	assert_int_equal(rte_pmd_ism_stats_get(r.ip.dev_id[end], &st), 0);
	return st.stores;
}

/*
 * The client's share of the budget of DESIGN D7: a write 2 stores, a read 1, a flush 1; batches
 * share one.
 */
static void
stores_are_few(void **state)
{
	static struct crig_io x[32];
	uint8_t *data = random_bytes(4096);
	uint64_t before;
	unsigned int i;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	before = stores_of(1);
	assert_int_equal(crig_submit(&r, 0, &x[0], BLK_WRITE, 0, 4096, data), 0);
	blk_cq_flush(blk_client_queue(r.c, 0));
	assert_int_equal(stores_of(1) - before, 2);
	before = stores_of(1);
	assert_int_equal(crig_submit(&r, 0, &x[1], BLK_READ, 0, 4096, NULL), 0);
	assert_int_equal(crig_submit(&r, 0, &x[2], BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(stores_of(1) - before, 0);
	blk_cq_flush(blk_client_queue(r.c, 0));
	assert_int_equal(stores_of(1) - before, 1);
	for (i = 0; i < 3; i++)
		crig_until(&r, &x[i].done, 1);
	before = stores_of(1);
	for (i = 0; i < 32; i++)
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_READ, i * 4096, 4096, NULL), 0);
	blk_cq_flush(blk_client_queue(r.c, 0));
	assert_true(stores_of(1) - before <= 2);
	for (i = 0; i < 32; i++)
		crig_until(&r, &x[i].done, 1);
	free(data);
	crig_down(&r);
}

/* --- errors --- */

static uint16_t answer_status;

static void
twist_status(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_LIST)
		return;
	cqe->status = answer_status;
	cqe->payload = 0;
}

static void
statuses_become_errnos(void **state)
{
	static const struct {
		uint16_t status;
		int err;
	} table[] = {
		{ BLK_EIO, -EIO },
		{ BLK_EINVAL, -EINVAL },
		{ BLK_ENOSPC, -ENOSPC },
		{ BLK_EROFS, -EROFS },
		{ BLK_ENOTSUP, -EOPNOTSUPP },
		{ BLK_ENOENT, -EIO },
		{ BLK_EACCES, -EIO },
		{ BLK_EDIGEST, -EIO },
		{ BLK_ENOMEM, -ENOMEM },
		{ BLK_STATUS_COUNT, -EIO },
		{ 0xffff, -EIO },
	};
	struct blk_cq_stats st;
	struct crig_io x;
	size_t i;

	crig_up(&r, NULL);
	r.twist = twist_status;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		answer_status = table[i].status;
		assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 200000, NULL), table[i].err);
		assert_int_equal(x.iov_count, 0);
	}
	blk_cq_stats(blk_client_queue(r.c, 0), &st);
	assert_int_equal(st.errors[BLK_READ], i);
	assert_int_equal(st.ops[BLK_READ], 0);
	r.twist = NULL;
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 200000, NULL), 0);
	crig_down(&r);
}

/* One chunk of many fails: the io fails, once, after all its chunks are back. */
static void
twist_third(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_WRITE && req->off == 2 * 65536)
		cqe->status = BLK_ENOSPC;
}

static void
one_chunk_fails(void **state)
{
	uint8_t *data = random_bytes(BLK_IO_MAX);
	struct crig_io x;

	crig_up(&r, NULL);
	r.twist = twist_third;
	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 0, BLK_IO_MAX, data), -ENOSPC);
	assert_int_equal(r.seen_count, 16);
	assert_int_equal(r.pending_count, 0);
	/* And all slots are free again, in the same session. */
	r.twist = NULL;
	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 0, BLK_IO_MAX, data), 0);
	assert_int_equal(r.downs, 0);
	free(data);
	crig_down(&r);
}

/* An unknown unit makes the client ask what there is. */
static void
unknown_unit_lists_again(void **state)
{
	struct crig_io x;
	unsigned int lists;

	crig_up(&r, NULL);
	lists = r.lists;
	r.twist = twist_status;
	answer_status = BLK_ENOENT;
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), -EIO);
	r.twist = NULL;
	crig_until(&r, &r.lists, lists + 2); /* the records, and none behind them */
	crig_down(&r);
}

/* --- digests --- */

static unsigned int spoiled;

static void
twist_digest(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_READ && spoiled > 0) {
		spoiled--;
		cqe->crc ^= 1;
	} else if (req->op == BLK_WRITE && spoiled > 0) {
		spoiled--;
		cqe->status = BLK_EDIGEST;
	}
}

static void
digest_errors_are_repeated(void **state)
{
	struct blk_cq_stats st;
	uint8_t *data = random_bytes(4096);
	struct crig_io x;

	crig_up(&r, &(struct blk_client_conf){ .digest = true });
	r.twist = twist_digest;
	spoiled = 1;
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4096, NULL), 0);
	spoiled = 2;
	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 0, 4096, data), 0);
	blk_cq_stats(blk_client_queue(r.c, 0), &st);
	assert_int_equal(st.digest_errors, 3);
	spoiled = 3;
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4096, NULL), -EIO);
	assert_int_equal(spoiled, 0);
	free(data);
	crig_down(&r);
}

/* --- giving up --- */

static void
abort_ends_all(void **state)
{
	static struct crig_io x[40];
	uint8_t *data = random_bytes(BLK_IO_MAX);
	unsigned int i;

	crig_up(&r, &(struct blk_client_conf){ .depth = 16 });
	r.hold = true;
	for (i = 0; i < 40; i++)
		assert_int_equal(crig_submit(&r, 0, &x[i], BLK_WRITE, 0, 100000, data), 0);
	crig_rounds(&r, 5);
	assert_true(r.pending_count > 0);
	blk_cq_abort(blk_client_queue(r.c, 0), -ESHUTDOWN);
	for (i = 0; i < 40; i++) {
		assert_int_equal(x[i].done, 1);
		assert_int_equal(x[i].err, -ESHUTDOWN);
	}
	/* Late answers hurt nobody, and their slots serve again. */
	r.hold = false;
	crig_rounds(&r, 5);
	for (i = 0; i < 16; i++)
		assert_int_equal(crig_do(&r, &x[i], BLK_WRITE, 0, BLK_IO_MAX, data), 0);
	for (i = 16; i < 40; i++)
		assert_int_equal(x[i].done, 1);
	free(data);
	crig_down(&r);
}

/*
 * What waits is never sent; what was sent ends as well, and its slots serve again when the answer
 * is here.
 */
static void
cancel_ends_ios(void **state)
{
	struct crig_io a, b, c;
	struct blk_cq_stats st;
	uint8_t *data = random_bytes(BLK_IO_MAX);
	struct blk_cq *cq;

	crig_up(&r, &(struct blk_client_conf){ .depth = 16 });
	cq = blk_client_queue(r.c, 0);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &a, BLK_WRITE, 0, BLK_IO_MAX, data), 0);
	assert_int_equal(crig_submit(&r, 0, &b, BLK_WRITE, 0, BLK_IO_MAX, data), 0);
	crig_rounds(&r, 3);
	blk_cq_cancel(cq, &a.io, -EINTR);
	blk_cq_cancel(cq, &b.io, -EINTR);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.err, -EINTR);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.err, -EINTR);
	/* No slot is free, so this one waits. */
	assert_int_equal(crig_submit(&r, 0, &c, BLK_READ, 0, BLK_IO_MAX, NULL), 0);
	crig_rounds(&r, 3);
	assert_int_equal(r.seen_count, 16);
	r.hold = false;
	crig_until(&r, &c.done, 1);
	assert_int_equal(c.err, 0);
	assert_int_equal(r.seen_count, 32);
	assert_int_equal(a.done, 1);
	blk_cq_stats(cq, &st);
	assert_int_equal(st.cancels, 2);
	assert_int_equal(st.orphans, 16);
	assert_int_equal(st.late_answers, 16);
	free(data);
	crig_down(&r);
}

/* done() may submit the next io. */
static struct crig_io chain;
static unsigned int chain_left;

static void
chain_done(struct blk_io *io, int err)
{
	assert_int_equal(err, 0);
	chain.done++;
	if (chain_left-- > 0)
		assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), io), 0);
}

static void
done_may_submit(void **state)
{
	crig_up(&r, &(struct blk_client_conf){ .depth = 2, .slot_size = 65536 });
	memset(&chain, 0, sizeof(chain));
	chain_left = 50;
	chain.io = (struct blk_io){ .op = BLK_READ,
				    .disk = blk_client_disk(r.c, 0),
				    .len = BLK_IO_MAX,
				    .done = chain_done };
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &chain.io), 0);
	crig_until(&r, &chain.done, 51);
	crig_down(&r);
}

static void
queues_are_apart(void **state)
{
	static struct crig_io x[4];
	unsigned int i;

	crig_up(&r, &(struct blk_client_conf){ .queues = 4 });
	r.hold = true;
	for (i = 0; i < 4; i++)
		assert_int_equal(crig_submit(&r, i, &x[i], BLK_READ, i * 512, 512, NULL), 0);
	crig_rounds(&r, 3);
	for (i = 0; i < 4; i++)
		assert_int_equal(blk_cq_inflight(blk_client_queue(r.c, i)), 1);
	r.hold = false;
	for (i = 0; i < 4; i++)
		crig_until(&r, &x[i].done, 1);
	assert_null(blk_client_queue(r.c, 4));
	crig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_is_described),
		cmocka_unit_test(reads_and_writes_64k),
		cmocka_unit_test(reads_and_writes_4k),
		cmocka_unit_test(reads_and_writes_digest),
		cmocka_unit_test(neighbours_stay),
		cmocka_unit_test(other_operations),
		cmocka_unit_test(flags_travel),
		cmocka_unit_test(long_ranges_are_split),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(many_in_order),
		cmocka_unit_test(many_backwards),
		cmocka_unit_test(many_reads_backwards),
		cmocka_unit_test(stores_are_few),
		cmocka_unit_test(statuses_become_errnos),
		cmocka_unit_test(one_chunk_fails),
		cmocka_unit_test(unknown_unit_lists_again),
		cmocka_unit_test(digest_errors_are_repeated),
		cmocka_unit_test(abort_ends_all),
		cmocka_unit_test(cancel_ends_ios),
		cmocka_unit_test(done_may_submit),
		cmocka_unit_test(queues_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
