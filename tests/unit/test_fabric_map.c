/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA maps: a guest's memory in 4 KiB pieces, in any order, against a plain bitmap. */
#include "fabric_rig.h"

#include "../../fabric/model/fabric_priv.h"

#define PAGES 8192u
#define BASE UINT64_C(0x100000000)

static struct fabric_maps maps;
static bool mapped[PAGES];
static uint8_t *memory;

static int
setup(void **state)
{
	memset(&maps, 0, sizeof(maps));
	memset(mapped, 0, sizeof(mapped));
	LIST_INIT(&maps.files);
	memory = (uint8_t *)(uintptr_t)0x10000000; /* never touched */
	return 0;
}

static int
teardown(void **state)
{
	fabric_maps_clear(&maps);
	assert_int_equal(maps.count, 0);
	return 0;
}

/* xorshift: the same numbers at every run. */
static uint32_t
rnd(uint32_t below)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static int
add(uint64_t page, uint64_t pages)
{
	struct fabric_map map = {
		.iova = BASE + page * 4096,
		.len = pages * 4096,
		.addr = memory + page * 4096,
	};

	return fabric_maps_add(&maps, &map, -1);
}

static void
check_page(uint32_t page)
{
	const struct fabric_map *map = fabric_maps_find(&maps, BASE + page * UINT64_C(4096) + 5);

	assert_int_equal(map != NULL, mapped[page]);
	if (map != NULL)
		assert_ptr_equal(map->addr + (BASE + page * UINT64_C(4096) - map->iova),
				 memory + page * UINT64_C(4096));
}

static void
count_gone(void *arg, void *addr, uint64_t len)
{
	*(uint64_t *)arg += len / 4096;
}

/* Single pages come and go at random. */
static void
random_pages(void **state)
{
	uint32_t step, page, i;
	uint64_t gone;
	size_t count = 0;

	for (step = 0; step < 200000; step++) {
		page = rnd(PAGES);
		if (mapped[page] && rnd(3) == 0) {
			gone = 0;
			assert_int_equal(fabric_maps_covered(&maps, BASE + page * UINT64_C(4096),
							     4096),
					 1);
			fabric_maps_remove(&maps, BASE + page * UINT64_C(4096), 4096, count_gone,
					   &gone);
			assert_int_equal(gone, 1);
			mapped[page] = false;
			count--;
		} else {
			assert_int_equal(add(page, 1), mapped[page] ? -EEXIST : 0);
			count += !mapped[page];
			mapped[page] = true;
		}
		assert_int_equal(maps.count, count);
		check_page(page);
	}
	for (i = 0; i < PAGES; i++)
		check_page(i);
}

/* Ranges are unmapped at random; what they cover goes, the rest stays. */
static void
random_ranges(void **state)
{
	uint32_t step, first, n, i, covered;
	uint64_t gone;

	for (step = 0; step < 300; step++) {
		for (i = 0; i < 2000; i++) {
			first = rnd(PAGES);
			if (add(first, 1) == 0)
				mapped[first] = true;
		}
		first = rnd(PAGES);
		n = 1 + rnd(PAGES - first);
		covered = 0;
		for (i = first; i < first + n; i++) {
			covered += mapped[i];
			mapped[i] = false;
		}
		gone = 0;
		assert_int_equal(fabric_maps_covered(&maps, BASE + first * UINT64_C(4096),
						     n * UINT64_C(4096)),
				 covered);
		fabric_maps_remove(&maps, BASE + first * UINT64_C(4096), n * UINT64_C(4096),
				   count_gone, &gone);
		assert_int_equal(gone, covered);
		for (i = 0; i < 64; i++)
			check_page(rnd(PAGES));
	}
}

/* 1 GiB of guest memory, as QEMU maps it: ascending, and another time descending. */
static void
many(void **state)
{
	const uint32_t n = 262144;
	uint64_t gone = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(add(i, 1), 0);
	assert_int_equal(maps.count, n);
	assert_non_null(fabric_maps_find(&maps, BASE + 4096 * UINT64_C(131071)));
	assert_null(fabric_maps_find(&maps, BASE + 4096 * (uint64_t)n));
	fabric_maps_remove(&maps, 0, UINT64_MAX, count_gone, &gone);
	assert_int_equal(gone, n);
	assert_int_equal(maps.count, 0);
	for (i = n; i-- > 0;)
		assert_int_equal(add(i, 1), 0);
	for (i = 0; i < n; i++)
		fabric_maps_remove(&maps, BASE + i * UINT64_C(4096), 4096, NULL, NULL);
	assert_int_equal(maps.count, 0);
}

static void
limit(void **state)
{
	uint32_t i;

	for (i = 0; i < FABRIC_MAPS_MAX; i++)
		assert_int_equal(add(i, 1), 0);
	assert_int_equal(add(i, 1), -ENOSPC);
	fabric_maps_remove(&maps, BASE, 4096, NULL, NULL);
	assert_int_equal(add(i, 1), 0);
}

/*
 * Who unmaps all but one of many maps, again and again, keeps few maps, and no more memory than
 * they need.
 */
static void
memory_of_few(void **state)
{
	const uint32_t rounds = 2000, chunk = 128;
	uint64_t page = 0;
	uint32_t r, i;

	for (r = 0; r < rounds; r++) {
		/* Each second page: they do not follow each other. */
		for (i = 0; i < chunk; i++)
			assert_int_equal(add(page + 2 * i, 1), 0);
		for (i = 1; i < chunk; i++)
			fabric_maps_remove(&maps, BASE + (page + 2 * i) * 4096, 4096, NULL, NULL);
		page += 2 * chunk;
	}
	assert_int_equal(maps.count, rounds);
	assert_true(fabric_maps_memory(&maps) < rounds * 512);
	/* The same in descending order, and with what stays in the middle. */
	for (r = 0; r < rounds; r++) {
		for (i = chunk; i-- > 0;)
			assert_int_equal(add(page + 2 * i, 1), 0);
		fabric_maps_remove(&maps, BASE + page * 4096, chunk / 2 * 8192, NULL, NULL);
		fabric_maps_remove(&maps, BASE + (page + chunk + 2) * 4096, chunk / 2 * 8192 - 8192,
				   NULL, NULL);
		page += 2 * chunk;
	}
	assert_int_equal(maps.count, 2 * rounds);
	assert_true(fabric_maps_memory(&maps) < 2 * rounds * 512);
}

/* Neighbours are one run, but each goes alone. */
static void
runs(void **state)
{
	uint64_t gone = 0;
	size_t some;
	uint32_t i;

	for (i = 0; i < 100000; i++)
		assert_int_equal(add(i % 2 == 0 ? i : 100000 - i, 1), 0);
	some = fabric_maps_memory(&maps);
	assert_true(some < 100000 * 2);
	assert_int_equal(add(200000, 8), 0);
	assert_int_equal(add(200008, 8), 0);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 200008 * UINT64_C(4096), 32768), 1);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 200004 * UINT64_C(4096), 32768),
			 -EINVAL);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 200000 * UINT64_C(4096), 4096), -EINVAL);
	fabric_maps_remove(&maps, BASE + 200000 * UINT64_C(4096), 32768, count_gone, &gone);
	assert_int_equal(gone, 8);
	assert_null(fabric_maps_find(&maps, BASE + 200007 * UINT64_C(4096)));
	assert_non_null(fabric_maps_find(&maps, BASE + 200008 * UINT64_C(4096)));
}

/* A limit of memory keeps what is there and takes what costs nothing. */
static void
memory_limit(void **state)
{
	uint32_t i;

	maps.memory_max = 65536;
	for (i = 0; add(2 * i, 1) == 0; i++)
		;
	assert_in_range(i, 500, 2000);
	assert_int_equal(add(1000000, 1), -ENOSPC);
	assert_int_equal(add(1, 1), 0); /* a neighbour */
	fabric_maps_remove(&maps, BASE, UINT64_C(400) * 8192, NULL, NULL);
	assert_int_equal(add(1000000, 1), 0);
	maps.memory_max = 0;
}

static void
refused(void **state)
{
	struct fabric_map map = { .iova = BASE, .len = 4096, .addr = memory };

	assert_int_equal(add(0, 0), -EINVAL);
	map.iova = BASE + 1;
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	map.iova = BASE;
	map.len = 4095;
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	map.len = 4096;
	map.addr = memory + 8;
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	map.addr = memory;
	map.fd_off = 1;
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	map.fd_off = 0;
	map.iova = UINT64_MAX - 4095; /* would end at 2^64 */
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	map.iova = BASE;
	map.len = UINT64_MAX - 4095;
	assert_int_equal(fabric_maps_add(&maps, &map, -1), -EINVAL);
	assert_int_equal(fabric_maps_add(&maps, &(struct fabric_map){ .iova = BASE, .len = 4096 },
					 1000),
			 -EBADF);
	assert_int_equal(maps.count, 0);

	assert_int_equal(add(10, 4), 0);
	assert_int_equal(add(10, 4), -EEXIST);
	assert_int_equal(add(9, 2), -EEXIST);
	assert_int_equal(add(13, 1), -EEXIST);
	assert_int_equal(add(11, 1), -EEXIST);
	assert_int_equal(add(0, 100), -EEXIST);
	assert_int_equal(add(14, 1), 0);
	assert_int_equal(add(9, 1), 0);

	/* A range that cuts a map. */
	assert_int_equal(fabric_maps_covered(&maps, BASE + 11 * 4096, 100 * 4096), -EINVAL);
	assert_int_equal(fabric_maps_covered(&maps, BASE, 11 * 4096), -EINVAL);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 11 * 4096, 4096), -EINVAL);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 10 * 4096, 4 * 4096), 1);
	assert_int_equal(fabric_maps_covered(&maps, BASE, 1000 * 4096), 3);
	assert_int_equal(fabric_maps_covered(&maps, BASE + 1000 * 4096, 4096), 0);
	assert_int_equal(fabric_maps_covered(&maps, BASE, 0), -EINVAL);
	assert_int_equal(fabric_maps_covered(&maps, BASE, UINT64_MAX), -EINVAL);
}

static void
add_file(uint64_t page, uint64_t pages, int fd, uint64_t off)
{
	struct fabric_map map = {
		.iova = BASE + page * 4096,
		.len = pages * 4096,
		.addr = memory + off,
		.fd_off = off,
	};

	assert_int_equal(fabric_maps_add(&maps, &map, fd), 0);
}

/* A DMB over many maps; it is one piece of a file only when each map follows the one before. */
static void
resolve(void **state)
{
	int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC);
	struct fabric_range range;
	uint8_t *pages[8];
	unsigned int i;

	add_file(0, 1, a, 0x5000);
	add_file(1, 2, a, 0x6000);
	add_file(3, 1, a, 0x8000);
	add_file(4, 1, b, 0x9000); /* follows, but in another file */
	add_file(5, 1, b, 0x0000); /* same file, does not follow */
	add_file(7, 1, b, 0x1000);

	assert_int_equal(fabric_maps_resolve(&maps, BASE, 4 * 4096, pages, &range), 0);
	for (i = 0; i < 4; i++)
		assert_ptr_equal(pages[i], memory + 0x5000 + i * 4096);
	assert_non_null(range.file);
	assert_int_equal(range.fd_off, 0x5000);
	assert_int_equal(fabric_maps_resolve(&maps, BASE + 2 * 4096, 8192, pages, &range), 0);
	assert_int_equal(range.fd_off, 0x7000);
	assert_int_equal(fabric_maps_resolve(&maps, BASE, 5 * 4096, pages, &range), 0);
	assert_null(range.file);
	assert_int_equal(fabric_maps_resolve(&maps, BASE + 4 * 4096, 8192, pages, &range), 0);
	assert_null(range.file);
	assert_ptr_equal(pages[1], memory);
	assert_int_equal(fabric_maps_resolve(&maps, BASE, 8 * 4096, pages, &range), -EFAULT);
	assert_int_equal(fabric_maps_resolve(&maps, BASE - 4096, 8192, pages, &range), -EFAULT);
	close(a);
	close(b);
}

/* Files are told apart by what they are, not by descriptor; each keeps one descriptor. */
static void
files(void **state)
{
	int fd = memfd_create("f", MFD_CLOEXEC), other, i;
	struct fabric_file *file;

	for (i = 0; i < 1000; i++) {
		other = dup(fd);
		assert_true(other >= 0);
		add_file((uint64_t)i, 1, other, (uint64_t)i * 4096);
		close(other);
	}
	file = LIST_FIRST(&maps.files);
	assert_null(LIST_NEXT(file, next));
	assert_int_equal(file->refs, 1000);
	other = file->fd;
	assert_true(fcntl(other, F_GETFD) & FD_CLOEXEC);
	fabric_maps_remove(&maps, 0, UINT64_MAX, NULL, NULL);
	assert_true(LIST_EMPTY(&maps.files));
	assert_int_equal(fcntl(other, F_GETFD), -1);
	close(fd);
}

/* Memory that the device cannot write is known, but nothing can be in it. */
static void
read_only(void **state)
{
	struct fabric_map map = { .iova = BASE, .len = 8192 };
	struct fabric_range range;
	uint8_t *page;

	assert_int_equal(fabric_maps_add(&maps, &map, -1), 0);
	assert_int_equal(fabric_maps_resolve(&maps, BASE, 4096, &page, &range), -EFAULT);
}

#define MAP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(random_pages), MAP_TEST(random_ranges), MAP_TEST(many),
		MAP_TEST(limit),	MAP_TEST(refused),	 MAP_TEST(resolve),
		MAP_TEST(files),	MAP_TEST(read_only),	 MAP_TEST(memory_of_few),
		MAP_TEST(runs),		MAP_TEST(memory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
