/* SPDX-License-Identifier: BSD-3-Clause */
/* The server over a link: every operation, errors, what a peer sees, digests, copies. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base_crc.h"
#include "blk_rig.h"

#define KIB 1024u
#define MIB (1024u * KIB)

static uint8_t pattern[RIG_SLOT];

/* One peer, one export "disk" of 4 MiB, unit 1. */
static void
start(struct rig *r, const char *dir, uint32_t features)
{
	char path[64];

	rig_setup(r, 1, 1);
	struct blk_export_conf conf = rig_export_conf(r, "disk", image_create(dir, 4 * MIB, path));
	conf.allow.any = true;
	rig_export(r, conf);
	rig_connect(r, 0, 1, features);
	for (uint32_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + 3);
}

static void
write_read(struct rig *r, uint64_t off, uint32_t len, uint8_t flags)
{
	struct link_req req = {
		.op = BLK_WRITE, .flags = flags, .unit = 1, .off = off, .len = len, .payload = len
	};
	uint8_t is[RIG_SLOT];
	struct link_cqe cqe;

	cqe = rig_call(r, 0, req, pattern);
	assert_int_equal(cqe.status, BLK_OK);
	assert_int_equal(cqe.payload, 0);
	assert_int_equal(cqe.result, 0);
	assert_int_equal(pread(r->image[0], is, len, (off_t)off), len);
	assert_memory_equal(is, pattern, len);
	req = (struct link_req){ .op = BLK_READ, .unit = 1, .off = off, .len = len };
	cqe = rig_call(r, 0, req, NULL);
	assert_int_equal(cqe.status, BLK_OK);
	assert_int_equal(cqe.payload, len);
	assert_memory_equal(rig_payload(r, 0, cqe.id), pattern, len);
}

static void
reads_and_writes(const char *dir)
{
	static const uint32_t lens[] = { 1, 7, 8, 15, 16, 17, 511, 512, 4096, 4097, 65535, 65536 };
	struct rig r;

	start(&r, dir, 0);
	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		write_read(&r, 0, lens[i], 0);
		write_read(&r, 4 * MIB - lens[i], lens[i], i % 4 == 0 ? BLK_FLAG_FUA : 0);
		write_read(&r, 12345 + i * 3, lens[i], 0);
	}
	assert_int_equal(rig_status(&r, 0, (struct link_req){ .op = BLK_FLUSH, .unit = 1 }, NULL),
			 BLK_OK);
	rig_teardown(&r);
}

static void
test_memory(void **state)
{
	if (image_mem_dir() == NULL)
		skip();
	reads_and_writes(image_mem_dir());
}

static void
test_disk(void **state)
{
	reads_and_writes(image_disk_dir());
}

/* All slots at once, in any order. */
static void
test_depth(void **state)
{
	uint16_t id[RIG_DEPTH];
	struct rig r;

	start(&r, image_disk_dir(), 0);
	for (unsigned int i = 0; i < RIG_DEPTH; i++) {
		struct link_req req = {
			.op = BLK_WRITE, .unit = 1, .off = i * 4096u, .len = 4096, .payload = 4096
		};

		id[i] = rig_send(&r, 0, req, pattern + i * 512);
	}
	for (unsigned int i = 0; i < RIG_DEPTH; i++)
		assert_int_equal(rig_take(&r, 0, id[i]).status, BLK_OK);
	for (unsigned int i = 0; i < RIG_DEPTH; i++) {
		struct link_req req = { .op = BLK_READ, .unit = 1, .off = i * 4096u, .len = 4096 };

		id[i] = rig_send(&r, 0, req, NULL);
	}
	for (unsigned int i = 0; i < RIG_DEPTH; i++) {
		assert_int_equal(rig_take(&r, 0, id[i]).status, BLK_OK);
		assert_memory_equal(rig_payload(&r, 0, id[i]), pattern + i * 512, 4096);
	}
	rig_teardown(&r);
}

static void
test_zeros_and_holes(void **state)
{
	struct link_req req = { .op = BLK_WRITE_ZEROES, .unit = 1, .off = 1000, .len = 2 * MIB };
	const uint8_t zeros[4096] = { 0 };
	struct rig r;

	start(&r, image_disk_dir(), 0);
	write_read(&r, 0, RIG_SLOT, 0);
	assert_int_equal(rig_status(&r, 0, req, NULL), BLK_OK);
	req = (struct link_req){ .op = BLK_READ, .unit = 1, .off = 900, .len = 4096 };
	struct link_cqe cqe = rig_call(&r, 0, req, NULL);
	assert_memory_equal(rig_payload(&r, 0, cqe.id), pattern + 900, 100);
	assert_memory_equal((const uint8_t *)rig_payload(&r, 0, cqe.id) + 100, zeros, 3996);

	write_read(&r, 0, RIG_SLOT, 0);
	req = (struct link_req){
		.op = BLK_DISCARD, .flags = BLK_FLAG_FUA, .unit = 1, .len = 4 * MIB
	};
	assert_int_equal(rig_status(&r, 0, req, NULL), BLK_OK);
	rig_teardown(&r);
}

/*
 * What a range consists of, asked for until all of it is told: an answer that takes the
 * server long says less. @return number of extents.
 */
static unsigned int
extents(struct rig *r, uint64_t off, uint32_t len, struct blk_extent *x, unsigned int max)
{
	struct link_req req = { .op = BLK_BLOCK_STATUS, .unit = 1, .off = off, .len = len };
	unsigned int n = 0;

	while (req.len > 0) {
		struct link_cqe cqe = rig_call(r, 0, req, NULL);
		unsigned int more = cqe.payload / sizeof(*x);

		assert_int_equal(cqe.status, BLK_OK);
		assert_true(more >= 1 && n + more <= max);
		memcpy(&x[n], rig_payload(r, 0, cqe.id), more * sizeof(*x));
		for (; more > 0; more--, n++) {
			req.off += rte_be_to_cpu_64(x[n].len);
			req.len -= (uint32_t)rte_be_to_cpu_64(x[n].len);
		}
	}
	return n;
}

static void
test_block_status(void **state)
{
	struct link_req req = { .op = BLK_BLOCK_STATUS, .unit = 1, .len = 4 * MIB };
	struct blk_extent x[4];
	struct link_cqe cqe;
	struct rig r;

	start(&r, image_disk_dir(), 0);
	cqe = rig_call(&r, 0, req, NULL);
	assert_int_equal(cqe.payload, sizeof(x[0]));
	memcpy(x, rig_payload(&r, 0, cqe.id), sizeof(x[0]));
	assert_int_equal(rte_be_to_cpu_64(x[0].len), 4 * MIB);
	assert_int_equal(rte_be_to_cpu_32(x[0].flags), BLK_EXTENT_HOLE | BLK_EXTENT_ZERO);

	write_read(&r, MIB, RIG_SLOT, 0);
	assert_int_equal(extents(&r, 0, 4 * MIB, x, RTE_DIM(x)), 3);
	assert_int_equal(rte_be_to_cpu_64(x[0].len), MIB);
	assert_int_equal(rte_be_to_cpu_64(x[1].len), RIG_SLOT);
	assert_int_equal(rte_be_to_cpu_32(x[1].flags), 0);
	assert_int_equal(rte_be_to_cpu_64(x[2].len), 3 * MIB - RIG_SLOT);

	/* From inside data, cut off at the range's end. */
	req.off = MIB + 4096;
	req.len = 8192;
	cqe = rig_call(&r, 0, req, NULL);
	assert_int_equal(cqe.payload, sizeof(x[0]));
	memcpy(x, rig_payload(&r, 0, cqe.id), sizeof(x[0]));
	assert_int_equal(rte_be_to_cpu_64(x[0].len), 8192);
	assert_int_equal(rte_be_to_cpu_32(x[0].flags), 0);
	rig_teardown(&r);
}

/* More extents than one answer holds: it ends early, where the next one can go on. */
static void
test_many_extents(void **state)
{
	struct link_req req = { .op = BLK_BLOCK_STATUS, .unit = 1, .len = 4 * MIB };
	unsigned int seen = 0;
	struct link_cqe cqe;
	struct rig r;

	start(&r, image_disk_dir(), 0);
	for (unsigned int i = 0; i < 4 * MIB; i += 8 * KIB)
		assert_int_equal(pwrite(r.image[0], pattern, 4096, i), 4096);
	while (req.len > 0) {
		const struct blk_extent *x;
		unsigned int n;

		cqe = rig_call(&r, 0, req, NULL);
		assert_int_equal(cqe.status, BLK_OK);
		n = cqe.payload / sizeof(*x);
		assert_true(n >= 1 && n <= 256);
		x = rig_payload(&r, 0, cqe.id);
		for (unsigned int i = 0; i < n; i++, seen++) {
			uint64_t len = rte_be_to_cpu_64(x[i].len);

			assert_int_equal(len, 4096);
			assert_int_equal(rte_be_to_cpu_32(x[i].flags),
					 req.off % (8 * KIB) == 0
						 ? 0
						 : BLK_EXTENT_HOLE | BLK_EXTENT_ZERO);
			req.off += len;
			req.len -= (uint32_t)len;
		}
	}
	assert_int_equal(seen, 1024);
	rig_teardown(&r);
}

/* Statuses, not protocol errors: the session lives on. */
static void
test_refusals(void **state)
{
	static const struct {
		struct link_req req;
		enum blk_status want;
	} cases[] = {
		{ { .op = BLK_READ, .unit = 1, .off = 4 * MIB, .len = 1 }, BLK_EINVAL },
		{ { .op = BLK_READ, .unit = 1, .off = (1ull << 56) - 1, .len = 4096 }, BLK_EINVAL },
		{ { .op = BLK_READ, .unit = 0, .len = 1 }, BLK_ENOENT },
		{ { .op = BLK_READ, .unit = 2, .len = 1 }, BLK_ENOENT },
		{ { .op = BLK_READ, .unit = 256, .len = 1 }, BLK_ENOENT },
		{ { .op = BLK_READ, .unit = 257, .len = 1 }, BLK_ENOENT },
		{ { .op = BLK_READ, .unit = UINT16_MAX, .len = 1 }, BLK_ENOENT },
		{ { .op = BLK_WRITE, .unit = 1, .off = 4 * MIB - 15, .len = 16, .payload = 16 },
		  BLK_ENOSPC },
		{ { .op = BLK_WRITE, .unit = 1, .len = 64, .payload = 16 }, BLK_EINVAL },
		{ { .op = BLK_WRITE_ZEROES, .unit = 1, .off = 1, .len = 4 * MIB }, BLK_ENOSPC },
		{ { .op = BLK_DISCARD, .unit = 1, .len = UINT32_MAX }, BLK_EINVAL },
		{ { .op = 77, .unit = 1 }, BLK_ENOTSUP },
		{ { .op = 77, .unit = 2 }, BLK_ENOENT },
		{ { .op = BLK_FLUSH, .unit = 1, .flags = 0xff }, BLK_EINVAL },
		{ { .op = BLK_LIST, .unit = 1 }, BLK_EINVAL },
	};
	struct blk_worker_stats stats;
	struct rig r;

	start(&r, image_disk_dir(), 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint16_t got = rig_status(&r, 0, cases[i].req, pattern);

		if (got != cases[i].want)
			fail_msg("case %zu: status %u, expected %d", i, got, cases[i].want);
	}
	blk_worker_stats(blk_server_worker(r.srv, 0), &stats);
	assert_int_equal(stats.refused, RTE_DIM(cases));
	assert_int_equal(r.peer[0].downs, 0);
	write_read(&r, 0, 4096, 0);
	rig_teardown(&r);
}

static void
test_read_only(void **state)
{
	const struct link_req write = { .op = BLK_WRITE, .unit = 1, .len = 16, .payload = 16 };
	const struct link_req zero = { .op = BLK_WRITE_ZEROES, .unit = 1, .len = 16 };
	const struct link_req discard = { .op = BLK_DISCARD, .unit = 1, .len = 16 };
	const struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	uint8_t is[16], zeros[16] = { 0 };
	struct blk_export_conf conf;
	char path[64];
	struct rig r;

	rig_setup(&r, 1, 1);
	conf = rig_export_conf(&r, "disk", image_create(image_disk_dir(), MIB, path));
	conf.allow.any = true;
	conf.read_only = true;
	rig_export(&r, conf);
	rig_connect(&r, 0, 1, 0);
	assert_true((rte_be_to_cpu_32(rig_identify(&r, 0, 1).flags) & BLK_INFO_READ_ONLY) != 0);
	assert_int_equal(rig_status(&r, 0, write, "sixteen bytes..."), BLK_EROFS);
	assert_int_equal(rig_status(&r, 0, zero, NULL), BLK_EROFS);
	assert_int_equal(rig_status(&r, 0, discard, NULL), BLK_EROFS);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	assert_int_equal(pread(r.image[0], is, 16, 0), 16);
	assert_memory_equal(is, zeros, 16);
	rig_teardown(&r);
}

static void
test_digest(void **state)
{
	struct link_req req = { .op = BLK_WRITE, .unit = 1, .len = 4096, .payload = 4096 };
	struct blk_worker_stats stats;
	uint8_t zeros[4096] = { 0 }, is[4096];
	struct link_cqe cqe;
	struct rig r;

	start(&r, image_disk_dir(), LINK_FEATURE_DIGEST);
	req.crc = base_crc32c(0, pattern, 4096) ^ 1;
	assert_int_equal(rig_status(&r, 0, req, pattern), BLK_EDIGEST);
	assert_int_equal(pread(r.image[0], is, 4096, 0), 4096);
	assert_memory_equal(is, zeros, 4096);
	req.crc ^= 1;
	assert_int_equal(rig_status(&r, 0, req, pattern), BLK_OK);
	req = (struct link_req){ .op = BLK_READ, .unit = 1, .off = 5, .len = 4000 };
	cqe = rig_call(&r, 0, req, NULL);
	assert_int_equal(cqe.status, BLK_OK);
	assert_int_equal(cqe.crc, base_crc32c(0, pattern + 5, 4000));
	cqe = rig_call(&r, 0, (struct link_req){ .op = BLK_LIST }, NULL);
	assert_int_equal(cqe.crc, base_crc32c(0, rig_payload(&r, 0, cqe.id), cqe.payload));
	assert_int_equal(rig_status(&r, 0, (struct link_req){ .op = BLK_FLUSH, .unit = 1 }, NULL),
			 BLK_OK);
	blk_worker_stats(blk_server_worker(r.srv, 0), &stats);
	assert_int_equal(stats.digest_errors, 1);
	rig_teardown(&r);
}

/* The kernel tells of a lost write once per file; every session must hear of it once. */
static void
test_flush_errors(void **state)
{
	const struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	struct blk_export_conf conf;
	char path[64];
	struct rig r;

	rig_setup(&r, 2, 1);
	conf = rig_export_conf(&r, "disk", image_create(image_disk_dir(), MIB, path));
	conf.allow.any = true;
	rig_export(&r, conf);
	rig_connect(&r, 0, 1, 0);
	rig_connect(&r, 1, 1, 0);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	atomic_fetch_add(&r.srv->exports[0]->flush_errors, 1);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_EIO);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	assert_int_equal(rig_status(&r, 1, flush, NULL), BLK_EIO);
	assert_int_equal(rig_status(&r, 1, flush, NULL), BLK_OK);
	rig_teardown(&r);
}

static void
test_counters(void **state)
{
	struct blk_export_stats stats;
	const char *name;
	struct rig r;

	start(&r, image_disk_dir(), 0);
	write_read(&r, 0, 5000, 0);
	write_read(&r, 0, 5000, 0);
	assert_int_equal(rig_status(&r, 0, (struct link_req){ .op = BLK_FLUSH, .unit = 1 }, NULL),
			 BLK_OK);
	assert_int_equal(blk_server_exports(r.srv), 1);
	assert_int_equal(blk_server_export_stats(r.srv, 0, &name, &stats), 0);
	assert_string_equal(name, "disk");
	assert_int_equal(stats.ops[BLK_WRITE], 2);
	assert_int_equal(stats.bytes[BLK_WRITE], 10000);
	assert_int_equal(stats.bytes[BLK_READ], 10000);
	assert_int_equal(stats.ops[BLK_FLUSH], 1);
	assert_int_equal(stats.errors[BLK_READ], 0);
	/* The image loses its end: seen at once, not at the next look a second later. */
	assert_int_equal(ftruncate(r.image[0], 4096), 0);
	assert_int_equal(rig_status(&r, 0,
				    (struct link_req){
					    .op = BLK_READ, .unit = 1, .off = 8192, .len = 512 },
				    NULL),
			 BLK_EIO);
	assert_int_equal(blk_server_export_stats(r.srv, 0, &name, &stats), 0);
	assert_int_equal(stats.errors[BLK_READ], 1);
	assert_int_equal(blk_server_export_stats(r.srv, 1, &name, &stats), -ENOENT);
	rig_teardown(&r);
}

/* --- COPY --- */

static struct link_req
copy_req(uint16_t unit, uint64_t off, uint32_t len, uint8_t flags)
{
	return (struct link_req){ .op = BLK_COPY,
				  .flags = flags,
				  .unit = unit,
				  .off = off,
				  .len = len,
				  .payload = sizeof(struct blk_copy) };
}

static uint16_t
copy_range(struct rig *r, uint16_t to, uint64_t off, uint16_t from, uint64_t from_off, uint32_t len)
{
	struct blk_copy source = { .off = rte_cpu_to_be_64(from_off),
				   .unit = rte_cpu_to_be_16(from) };

	return rig_status(r, 0, copy_req(to, off, len, len & 1 ? BLK_FLAG_FUA : 0), &source);
}

static void
compare(struct rig *r, unsigned int to, off_t off, unsigned int from, off_t from_off, uint32_t len)
{
	uint8_t *is = malloc(len), *want = malloc(len);

	assert_true(is != NULL && want != NULL);
	assert_int_equal(pread(r->image[to - 1], is, len, off), len);
	assert_int_equal(pread(r->image[from - 1], want, len, from_off), len);
	assert_memory_equal(is, want, len);
	free(is);
	free(want);
}

/* Between and within images, in memory and on disk, longer and shorter than a buffer. */
static void
test_copy(void **state)
{
	static const uint32_t lens[] = { 1, 4096, 65535, 65536, 65537, MIB, MIB + 12345 };
	const struct blk_copy nowhere = { .unit = rte_cpu_to_be_16(4) };
	struct blk_export_conf conf;
	char path[64];
	struct rig r;

	start(&r, image_disk_dir(), 0);
	conf = rig_export_conf(&r, "memory",
			       image_create(image_mem_dir() != NULL ? image_mem_dir()
								    : image_disk_dir(),
					    4 * MIB, path));
	conf.allow.any = true;
	rig_export(&r, conf);
	for (off_t at = 0; at < 2 * MIB; at += sizeof(pattern)) {
		pattern[at % 97] ^= 0x55;
		assert_int_equal(pwrite(r.image[0], pattern, sizeof(pattern), at), sizeof(pattern));
	}
	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		assert_int_equal(copy_range(&r, 2, 77 * i, 1, 13 * i, lens[i]), BLK_OK);
		compare(&r, 2, (off_t)(77 * i), 1, (off_t)(13 * i), lens[i]);
		assert_int_equal(copy_range(&r, 1, 2 * MIB + i, 1, 5 * i, lens[i]), BLK_OK);
		compare(&r, 1, (off_t)(2 * MIB + i), 1, (off_t)(5 * i), lens[i]);
		assert_int_equal(copy_range(&r, 2, 2 * MIB + i, 2, 5 * i, lens[i]), BLK_OK);
		compare(&r, 2, (off_t)(2 * MIB + i), 2, (off_t)(5 * i), lens[i]);
	}
	assert_int_equal(copy_range(&r, 1, 0, 2, 4 * MIB - 1, 2), BLK_EINVAL);
	assert_int_equal(copy_range(&r, 1, 4 * MIB - 1, 2, 0, 2), BLK_ENOSPC);
	assert_int_equal(copy_range(&r, 1, 0, 1, 4095, 4096), BLK_EINVAL);
	assert_int_equal(copy_range(&r, 3, 0, 1, 0, 4096), BLK_ENOENT);
	assert_int_equal(copy_range(&r, 1, 0, 3, 0, 4096), BLK_ENOENT);
	assert_int_equal(copy_range(&r, 1, 0, 0, 0, 4096), BLK_ENOENT);
	assert_int_equal(rig_status(&r, 0, copy_req(1, 0, 4096, 0), &nowhere), BLK_ENOENT);
	/* The source has lost its end: as much as there is, then an error. */
	assert_int_equal(ftruncate(r.image[1], MIB), 0);
	assert_int_equal(copy_range(&r, 1, 0, 2, MIB - 4096, 8192), BLK_EIO);
	rig_teardown(&r);
}

/*
 * Copies hold buffers for long. One peer asks for as many as it can, another one for as many as may
 * be in work for a session and one less; its read needs a buffer, and is answered before any of
 * them.
 */
static void
test_copies_leave_buffers(void **state)
{
	struct blk_copy from = { .off = rte_cpu_to_be_64(2 * MIB), .unit = rte_cpu_to_be_16(1) };
	struct link_req req = copy_req(1, 0, 2 * MIB, 0);
	static const size_t count[2] = { RIG_DEPTH - 1, 15 };
	uint16_t id[2][RIG_DEPTH - 1];
	struct blk_export_conf conf;
	char path[64];
	struct rig r;

	rig_setup(&r, 2, 1);
	conf = rig_export_conf(&r, "disk", image_create(image_disk_dir(), 4 * MIB, path));
	conf.allow.any = true;
	rig_export(&r, conf);
	req.crc = base_crc32c(0, &from, sizeof(from));
	for (unsigned int p = 0; p < 2; p++) {
		rig_connect(&r, p, 1, LINK_FEATURE_DIGEST);
		for (size_t i = 0; i < count[p]; i++)
			id[p][i] = rig_send(&r, p, req, &from);
		if (p == 0)
			continue;
		assert_int_equal(rig_status(&r, p,
					    (struct link_req){
						    .op = BLK_READ, .unit = 1, .len = 65536 },
					    NULL),
				 BLK_OK);
		for (size_t i = 0; i < count[p]; i++)
			assert_false(r.peer[p].answered[id[p][i]]);
	}
	for (unsigned int p = 0; p < 2; p++)
		for (size_t i = 0; i < count[p]; i++)
			assert_int_equal(rig_take(&r, p, id[p][i]).status, BLK_OK);
	rig_teardown(&r);
}

/* Reading is not writing: a source may be read-only, and not be had by who may not see it. */
static void
test_copy_rights(void **state)
{
	struct blk_export_conf conf;
	char path[64];
	struct rig r;

	start(&r, image_disk_dir(), LINK_FEATURE_DIGEST);
	conf = rig_export_conf(&r, "ro", image_create(image_disk_dir(), MIB, path));
	conf.allow.any = conf.read_only = true;
	rig_export(&r, conf);
	conf = rig_export_conf(&r, "others", image_create(image_disk_dir(), MIB, path));
	conf.allow.count = 1;
	conf.allow.gid[0] = 0x1234;
	rig_export(&r, conf);
	struct blk_copy from = { .unit = rte_cpu_to_be_16(2) };
	struct link_req req = copy_req(1, 0, MIB, 0);

	assert_int_equal(rig_status(&r, 0, req, &from), BLK_EDIGEST);
	req.crc = base_crc32c(0, &from, sizeof(from));
	assert_int_equal(rig_status(&r, 0, req, &from), BLK_OK);
	req.unit = 2;
	assert_int_equal(rig_status(&r, 0, req, &from), BLK_EROFS);
	req.unit = 1;
	from.unit = rte_cpu_to_be_16(3);
	req.crc = base_crc32c(0, &from, sizeof(from));
	assert_int_equal(rig_status(&r, 0, req, &from), BLK_ENOENT);
	rig_teardown(&r);
}

/* --- times --- */

static uint64_t
mtime(struct rig *r)
{
	struct blk_export_info info = rig_identify(r, 0, 1);

	assert_true(info.ctime != 0);
	return rte_be_to_cpu_64(info.mtime);
}

/* What changes the image moves the time that IDENTIFY tells, at once; all else leaves it. */
static void
times_move(struct rig *r)
{
	const struct link_req changes[] = {
		{ .op = BLK_WRITE, .unit = 1, .len = 4096, .payload = 4096 },
		{ .op = BLK_WRITE, .unit = 1, .len = 512, .payload = 512, .flags = BLK_FLAG_FUA },
		{ .op = BLK_WRITE_ZEROES, .unit = 1, .len = 65536 },
		{ .op = BLK_WRITE_ZEROES, .unit = 1, .len = 4096, .flags = BLK_FLAG_NO_HOLE },
		{ .op = BLK_COPY, .unit = 1, .len = 4096, .payload = sizeof(struct blk_copy) },
	};
	const struct blk_copy from = { .off = rte_cpu_to_be_64(65536),
				       .unit = rte_cpu_to_be_16(1) };
	const struct link_req others[] = {
		{ .op = BLK_READ, .unit = 1, .len = 4096 },
		{ .op = BLK_FLUSH, .unit = 1 },
		{ .op = BLK_BLOCK_STATUS, .unit = 1, .len = 4096 },
	};
	uint64_t was = mtime(r), now;

	for (size_t i = 0; i < RTE_DIM(changes); i++) {
		/* Longer than a tick of the clock that files take their times from. */
		rig_pass(r, 20);
		assert_int_equal(rig_status(r, 0, changes[i],
					    changes[i].op == BLK_COPY ? (const void *)&from
								      : pattern),
				 BLK_OK);
		now = mtime(r);
		assert_true(now > was);
		was = now;
	}
	rig_pass(r, 20);
	for (size_t i = 0; i < RTE_DIM(others); i++)
		assert_int_equal(rig_status(r, 0, others[i], NULL), BLK_OK);
	assert_true(mtime(r) == was);
}

static void
test_times(void **state)
{
	struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = -5 } };
	struct stat st;
	struct rig r;

	start(&r, image_disk_dir(), 0);
	times_move(&r);
	assert_int_equal(fstat(r.image[0], &st), 0);
	assert_true(mtime(&r) ==
		    (uint64_t)st.st_mtim.tv_sec * BASE_NS_PER_S + (uint64_t)st.st_mtim.tv_nsec);
	/* Whoever changes it. A time before 1970 is a time. */
	assert_int_equal(futimens(r.image[0], past), 0);
	assert_true(mtime(&r) == 1);
	rig_teardown(&r);
}

/* A device's node says nothing: the server remembers what its peers have changed. */
static void
test_times_device(void **state)
{
	char file[64], path[64];
	int image = image_create(image_disk_dir(), 4 * MIB, file);
	int loop = image_loop(image, false, path);
	struct blk_export_conf conf;
	struct rig r;

	if (loop < 0) {
		print_message("no loop devices\n");
		close(image);
		skip();
	}
	rig_setup(&r, 1, 1);
	conf = (struct blk_export_conf){ .name = "disk", .path = path, .allow.any = true };
	rig_export(&r, conf);
	rig_connect(&r, 0, 1, 0);
	times_move(&r);
	rig_teardown(&r);
	close(loop);
	close(image);
}

/* --- no copies (DESIGN D8) --- */

/*
 * These stand before libc's own in this program: where payload goes to and comes from, and
 * what is copied meanwhile. (The device's own moving of words, be it a direct window or the
 * model, is no memcpy().)
 */
static bool watching;
static const void *wrote_from, *read_to;
static unsigned int copies;

ssize_t
pwritev2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	ssize_t ret;

	if (watching)
		wrote_from = iov[0].iov_base;
	ret = syscall(SYS_pwritev2, fd, iov, n, off, 0, flags);
	if (ret >= 0 || errno != ENOSYS)
		return ret;
	/* What libc makes of that. */
	if (flags == 0)
		return pwritev(fd, iov, n, off);
	errno = EOPNOTSUPP;
	return -1;
}

ssize_t
pread(int fd, void *buf, size_t len, off_t off)
{
	if (watching)
		read_to = buf;
	return syscall(SYS_pread64, fd, buf, len, off);
}

#ifndef __SANITIZE_ADDRESS__
void *
memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	volatile uint8_t *to = dst;
	const volatile uint8_t *from = src;

	if (watching && len >= 512)
		copies++;
	while (len-- > 0)
		*to++ = *from++;
	return dst;
}
#endif

/* One WRITE and one READ of 4 KiB, watched from the request's arrival to its answer's. */
static void
watch_copies(bool direct)
{
	struct link_req req = { .op = BLK_WRITE, .unit = 1, .len = 4096, .payload = 4096 };
	struct blk_export_conf conf;
	struct link_queue *q;
	struct link_cqe cqe;
	char path[64];
	struct rig r;
	uint16_t id;

	wrote_from = read_to = NULL;
	rig_setup_direct(&r, 1, 1, direct);
	conf = rig_export_conf(&r, "disk", image_create(image_mem_dir(), MIB, path));
	conf.allow.any = true;
	rig_export(&r, conf);
	rig_connect(&r, 0, 1, 0);
	q = TAILQ_FIRST(&r.srv->sessions)->queue[0]->link;
	id = rig_send(&r, 0, req, pattern);
	watching = true;
	rig_until(&r, r.peer[0].answered[id]);
	watching = false;
	assert_int_equal(rig_take(&r, 0, id).status, BLK_OK);
	assert_ptr_equal(wrote_from, link_slot_payload(q, id));

	req = (struct link_req){ .op = BLK_READ, .unit = 1, .len = 4096 };
	id = rig_send(&r, 0, req, NULL);
	watching = true;
	rig_until(&r, r.peer[0].answered[id]);
	watching = false;
	cqe = rig_take(&r, 0, id);
	assert_int_equal(cqe.payload, 4096);
	assert_memory_equal(rig_payload(&r, 0, cqe.id), pattern, 4096);
	assert_non_null(read_to);
	rig_teardown(&r);
}

static void
test_no_copies(void **state)
{
	if (image_mem_dir() == NULL)
		skip();
#ifndef __SANITIZE_ADDRESS__
	/* The counter does count. */
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	uint8_t to[512];

	copies = 0;
	watching = true;
	copy(to, pattern, sizeof(to));
	watching = false;
	assert_int_equal(copies, 1);
#endif
	copies = 0;
	watch_copies(false);
	watch_copies(true);
	assert_int_equal(copies, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_zeros_and_holes),
		cmocka_unit_test(test_block_status),
		cmocka_unit_test(test_many_extents),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_flush_errors),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_copies_leave_buffers),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_rights),
		cmocka_unit_test(test_times_device),
		cmocka_unit_test(test_no_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
