/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate for direct windows: what a hostile fabric or peer could hand us. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "ism_fn.h"

#define LEN 8192u

static struct ism_fn fn = { .path = "test" };

/* A memfd of len bytes, none of which has a page, with these seals. */
static int
sparse_file(off_t len, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
fill_page(int fd, off_t at)
{
	uint64_t word = 0;

	assert_int_equal(pwrite(fd, &word, sizeof(word), at), sizeof(word));
}

/* A memfd whose owner has taken all of its pages. */
static int
file(off_t len, int seals)
{
	int fd = sparse_file(len, 0);

	for (off_t at = 0; at < len; at += 4096)
		fill_page(fd, at);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* A window that would do. The grant page has its word at 4096 + 8. */
static struct ism_direct
good(void)
{
	struct ism_direct d = {
		.mem_fd = file(LEN, F_SEAL_SHRINK),
		.len = LEN,
		.grant_fd = file(2 * 4096, F_SEAL_SHRINK),
		.grant_off = 4096 + 8,
		.generation = 77,
	};
	uint64_t word = 77;

	assert_int_equal(pwrite(d.grant_fd, &word, sizeof(word), 4096 + 8), sizeof(word));
	return d;
}

/* It must be refused, and both descriptors closed. */
static void
check_refused(const struct ism_direct *d)
{
	struct rte_pmd_ism_win win = { .fn = &fn, .len = 2 * LEN };

	assert_int_equal(ism_direct_map(&win, d), -EOPNOTSUPP);
	assert_null(win.mem);
	assert_null(win.map[0]);
	assert_null(win.map[1]);
	if (d->mem_fd >= 0)
		assert_int_equal(fcntl(d->mem_fd, F_GETFD), -1);
	if (d->grant_fd >= 0)
		assert_int_equal(fcntl(d->grant_fd, F_GETFD), -1);
}

static void
test_good(void **state)
{
	struct rte_pmd_ism_win win = { .fn = &fn, .len = LEN };
	struct ism_direct d = good();
	int mem = dup(d.mem_fd);
	char byte = 0;

	(void)state;
	assert_int_equal(ism_direct_map(&win, &d), 0);
	assert_int_equal(*win.grant, 77);
	assert_int_equal(win.generation, 77);
	assert_int_equal(win.mem_len, LEN);
	win.mem[LEN - 1] = 9;
	assert_int_equal(pread(mem, &byte, 1, LEN - 1), 1);
	assert_int_equal(byte, 9);
	assert_int_equal(fcntl(d.mem_fd, F_GETFD), -1);
	ism_direct_unmap(&win);
	assert_null(win.mem);
	ism_direct_unmap(&win);
	close(mem);
}

static void
test_seals(void **state)
{
	struct ism_direct d = good();

	(void)state;
	close(d.mem_fd);
	d.mem_fd = file(LEN, F_SEAL_GROW);
	check_refused(&d);
	d = good();
	close(d.grant_fd);
	d.grant_fd = file(8192, 0);
	check_refused(&d);
}

static void
test_ranges(void **state)
{
	struct ism_direct d;

	(void)state;
	d = good();
	d.len = LEN + 1;
	check_refused(&d);
	d = good();
	d.mem_off = 4096;
	check_refused(&d);
	d = good();
	d.mem_off = UINT64_MAX - 4095;
	check_refused(&d);
	d = good();
	d.mem_off = 8;
	d.len = 16;
	check_refused(&d);
	d = good();
	d.len = 0;
	check_refused(&d);
	d = good();
	d.grant_off = 8192;
	check_refused(&d);
	d = good();
	d.grant_off = UINT32_MAX - 7;
	check_refused(&d);
	d = good();
	d.grant_off = 12;
	check_refused(&d);
	d = good();
	d.generation = 0;
	check_refused(&d);
}

/* An ordinary file can be truncated, and so can one on a tmpfs; a pipe is no file at all. */
static void
test_other_files(void **state)
{
	char path[] = "/tmp/ism-direct-XXXXXX";
	struct ism_direct d = good();
	int fd[2];

	(void)state;
	close(d.mem_fd);
	d.mem_fd = mkstemp(path);
	assert_true(d.mem_fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(d.mem_fd, LEN), 0);
	check_refused(&d);
	d = good();
	close(d.mem_fd);
	assert_int_equal(pipe(fd), 0);
	d.mem_fd = fd[0];
	check_refused(&d);
	close(fd[1]);
	d = good();
	close(d.grant_fd);
	d.grant_fd = -1;
	check_refused(&d);
	d = good();
	close(d.mem_fd);
	d.mem_fd = -1;
	check_refused(&d);
}

/* Huge pages may be missing when they are touched. */
static void
test_huge_pages(void **state)
{
	struct ism_direct d = good();
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	(void)state;
	if (fd < 0 || ftruncate(fd, 2 << 20) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		close(fd);
		fd = -1; /* no such files here: refused for being none */
	}
	close(d.mem_fd);
	d.mem_fd = fd;
	check_refused(&d);
}

/* May be read, not written: the mapping fails, the window is not opened. */
static void
test_read_only(void **state)
{
	struct rte_pmd_ism_win win = { .fn = &fn, .len = LEN };
	struct ism_direct d = good();

	(void)state;
	close(d.mem_fd);
	d.mem_fd = file(LEN, F_SEAL_SHRINK | F_SEAL_WRITE);
	assert_int_equal(ism_direct_map(&win, &d), -ENOMEM);
	assert_null(win.map[0]);
	assert_int_equal(fcntl(d.grant_fd, F_GETFD), -1);
}

/* What has no pages would get them from us, and keep them as long as its owner likes. */
static void
test_pages(void **state)
{
	struct ism_direct d = good();

	(void)state;
	close(d.mem_fd);
	d.mem_fd = sparse_file(LEN, F_SEAL_SHRINK);
	check_refused(&d);
	d = good();
	close(d.mem_fd);
	d.mem_fd = sparse_file(LEN, F_SEAL_SHRINK);
	fill_page(d.mem_fd, 0);
	check_refused(&d);
	d = good();
	assert_int_equal(fallocate(d.mem_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
			 0);
	check_refused(&d);
}

/* A DMB that is longer than its owner told is refused before it is mapped. */
static void
test_longer_than_told(void **state)
{
	static const uint32_t told[] = { 1, 16, 4096 };
	struct rte_pmd_ism_win win = { .fn = &fn };
	struct ism_direct d;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(told); i++) {
		d = good();
		win.len = told[i];
		assert_int_equal(ism_direct_map(&win, &d), -EIO);
		assert_null(win.map[0]);
		assert_int_equal(fcntl(d.mem_fd, F_GETFD), -1);
		assert_int_equal(fcntl(d.grant_fd, F_GETFD), -1);
	}
	/* Whole pages are registered, so this is as told. */
	d = good();
	win.len = LEN - 4000;
	assert_int_equal(ism_direct_map(&win, &d), 0);
	ism_direct_unmap(&win);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	   cmocka_unit_test(test_seals),
		cmocka_unit_test(test_ranges),	   cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_huge_pages), cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_pages),	   cmocka_unit_test(test_longer_than_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
