/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening images: each refusal with its errno and a line that helps, and what is told of a
 * good one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_common.h>

#include "blk_export.h"
#include "blk_images.h"

#define MIB (1u << 20)
#define NOBODY 65534

static char err[256];

static int
try_export(struct blk_export_conf conf, struct blk_export **exp)
{
	int ret;

	err[0] = '\0';
	*exp = NULL;
	ret = blk_export_open(&conf, exp, err, sizeof(err));
	assert_true((ret == 0) == (*exp != NULL));
	/* A refusal is one line, and only a refusal is. */
	assert_true((ret == 0) == (err[0] == '\0'));
	assert_null(strchr(err, '\n'));
	return ret;
}

static void
refused(struct blk_export_conf conf, int want, const char *word)
{
	struct blk_export *exp;
	int ret = try_export(conf, &exp);

	if (ret != want || strstr(err, word) == NULL)
		fail_msg("%s: %d (%s), expected %d (...%s...)", conf.path, ret, err, want, word);
}

static void
test_names(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a/b",
		"tab\there",
		"umlaut-\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123",
	};
	static const char *const good[] = {
		"a",
		"...",
		"disk 0",
		"012345678901234567890123456789012345678901234567890123456789012",
	};
	char path[64];
	int fd = image_create(image_disk_dir(), MIB, path);
	struct blk_export *exp;

	assert_true(fd >= 0);
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		refused((struct blk_export_conf){ .name = bad[i], .path = path }, -EINVAL, "name");
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		assert_int_equal(try_export((struct blk_export_conf){ .name = good[i],
								      .path = path },
					    &exp),
				 0);
		assert_string_equal(exp->name, good[i]);
		blk_export_close(exp);
	}
	close(fd);
}

static void
test_what_is_no_image(void **state)
{
	char path[64], fifo[512];
	int fd = image_create(image_disk_dir(), 0, path);

	assert_true(fd >= 0);
	refused((struct blk_export_conf){ .name = "d", .path = "/nonexistent/x" }, -ENOENT,
		"/nonexistent/x");
	refused((struct blk_export_conf){ .name = "d", .path = "" }, -ENOENT, "No such file");
	refused((struct blk_export_conf){ .name = "d", .path = "/" }, -EISDIR, "directory");
	refused((struct blk_export_conf){ .name = "d", .path = "/", .read_only = true }, -EISDIR,
		"directory");
	refused((struct blk_export_conf){ .name = "d", .path = "/dev/null" }, -ENOTBLK, "neither");
	refused((struct blk_export_conf){ .name = "d", .path = path }, -ENODATA, "size 0");
	close(fd);

	/* Opening a FIFO would wait for its other end. */
	snprintf(fifo, sizeof(fifo), "%s/blk-test-fifo-%d", image_disk_dir(), getpid());
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused((struct blk_export_conf){ .name = "d", .path = fifo, .read_only = true }, -ENOTBLK,
		"neither");
	unlink(fifo);
}

static void
test_too_many_allowed(void **state)
{
	struct blk_export_conf conf = { .name = "d", .path = "/", .allow.count = 65 };

	refused(conf, -EINVAL, "at most 64");
}

static void
test_permissions(void **state)
{
	char name[] = "/tmp/blk-test-XXXXXX";
	int fd = mkstemp(name);
	bool root = geteuid() == 0;
	struct blk_export *exp = NULL;
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, MIB), 0);
	assert_int_equal(fchmod(fd, 0444), 0);
	if (root)
		assert_int_equal(seteuid(NOBODY), 0);
	refused((struct blk_export_conf){ .name = "d", .path = name }, -EACCES, "',ro'");
	ret = try_export((struct blk_export_conf){ .name = "d", .path = name, .read_only = true },
			 &exp);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(ret, 0);
	assert_true((exp->flags & BLK_INFO_READ_ONLY) != 0);
	assert_int_equal(exp->flags & (BLK_INFO_DISCARD | BLK_INFO_WRITE_ZEROES), 0);
	blk_export_close(exp);
	if (root) {
		assert_int_equal(fchmod(fd, 0), 0);
		assert_int_equal(seteuid(NOBODY), 0);
		refused((struct blk_export_conf){ .name = "d", .path = name, .read_only = true },
			-EACCES, "reading");
		assert_int_equal(seteuid(0), 0);
	}
	unlink(name);
	close(fd);
}

static void
test_allow_lists(void **state)
{
	char path[64];
	int fd = image_create(image_disk_dir(), MIB, path);
	struct blk_export_conf conf = { .name = "d", .path = path };
	struct blk_export *exp;

	assert_true(fd >= 0);
	assert_int_equal(try_export(conf, &exp), 0);
	assert_false(base_allow_has(&exp->allow, 1));
	assert_false(base_allow_has(&exp->allow, 0));
	blk_export_close(exp);

	conf.allow.gid[0] = 0x10;
	conf.allow.gid[1] = UINT64_MAX;
	conf.allow.count = 2;
	assert_int_equal(try_export(conf, &exp), 0);
	assert_true(base_allow_has(&exp->allow, 0x10));
	assert_true(base_allow_has(&exp->allow, UINT64_MAX));
	assert_false(base_allow_has(&exp->allow, 0x11));
	assert_false(base_allow_has(&exp->allow, 0));
	blk_export_close(exp);

	conf.allow.any = true;
	conf.allow.count = 0;
	assert_int_equal(try_export(conf, &exp), 0);
	assert_true(base_allow_has(&exp->allow, 0x11));
	blk_export_close(exp);
	close(fd);
}

static void
test_info(void **state)
{
	char path[64];
	int fd = image_create(image_disk_dir(), 3 * MIB + 17, path);
	struct blk_export_conf conf = { .name = "disk", .path = path, .desc = "what\nis it" };
	struct blk_export_info info;
	struct blk_export *exp;
	uint32_t flags;

	assert_true(fd >= 0);
	assert_int_equal(try_export(conf, &exp), 0);
	exp->unit = 7;
	memset(&info, 0xff, sizeof(info));
	blk_export_info(exp, 65536, &info);
	assert_string_equal(info.name, "disk");
	assert_string_equal(info.desc, "what?is it");
	assert_int_equal(rte_be_to_cpu_64(info.size), 3 * MIB + 17);
	assert_int_equal(rte_be_to_cpu_16(info.unit), 7);
	assert_int_equal(rte_be_to_cpu_32(info.block_min), 1);
	assert_true(rte_be_to_cpu_32(info.block_pref) >= 4096);
	assert_int_equal(rte_be_to_cpu_32(info.block_max), 65536);
	assert_int_equal(info.reserved, 0);
	for (size_t i = 0; i < sizeof(info.pad); i++)
		assert_int_equal(info.pad[i], 0);
	flags = rte_be_to_cpu_32(info.flags);
	assert_int_equal(flags & BLK_INFO_READ_ONLY, 0);
	assert_int_equal(flags & (BLK_INFO_FLUSH | BLK_INFO_FUA | BLK_INFO_WRITE_ZEROES),
			 BLK_INFO_FLUSH | BLK_INFO_FUA | BLK_INFO_WRITE_ZEROES);
	blk_export_close(exp);
	close(fd);
}

/* Probing must leave the image as it was: not a byte allocated, no new time stamp. */
static void
test_probe_changes_nothing(void **state)
{
	char path[64];
	int fd = image_create(image_disk_dir(), MIB + 100, path);
	struct stat before, after;
	struct blk_export *exp;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &before), 0);
	usleep(20000);
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d", .path = path }, &exp),
			 0);
	blk_export_close(exp);
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_blocks, after.st_blocks);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	close(fd);
}

static void
test_ids(void **state)
{
	char path[2][64];
	int fd[2];
	uint8_t id[16];
	struct blk_export *exp;

	for (int i = 0; i < 2; i++) {
		fd[i] = image_create(image_disk_dir(), MIB, path[i]);
		assert_true(fd[i] >= 0);
	}
	assert_int_equal(try_export((struct blk_export_conf){ .name = "a", .path = path[0] }, &exp),
			 0);
	memcpy(id, exp->id, sizeof(id));
	blk_export_close(exp);
	/* Another name, size and mode: the same image. */
	assert_int_equal(ftruncate(fd[0], 2 * MIB), 0);
	assert_int_equal(try_export((struct blk_export_conf){ .name = "b",
							      .path = path[0],
							      .read_only = true },
				    &exp),
			 0);
	assert_memory_equal(id, exp->id, sizeof(id));
	blk_export_close(exp);
	assert_int_equal(try_export((struct blk_export_conf){ .name = "a", .path = path[1] }, &exp),
			 0);
	assert_memory_not_equal(id, exp->id, sizeof(id));
	blk_export_close(exp);
	close(fd[0]);
	close(fd[1]);
}

static void
test_resize(void **state)
{
	char path[64];
	int fd = image_create(image_disk_dir(), MIB, path);
	struct blk_export *exp;

	assert_true(fd >= 0);
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d", .path = path }, &exp),
			 0);
	assert_false(blk_export_refresh(exp));
	assert_int_equal(ftruncate(fd, 2 * MIB), 0);
	assert_true(blk_export_refresh(exp));
	assert_int_equal(exp->size, 2 * MIB);
	assert_int_equal(exp->generation, 1);
	assert_false(blk_export_refresh(exp));
	assert_int_equal(ftruncate(fd, 0), 0);
	exp->stale = true;
	assert_true(blk_export_refresh(exp));
	assert_int_equal(exp->size, 0);
	assert_int_equal(exp->generation, 2);
	assert_false(exp->stale);
	blk_export_close(exp);
	close(fd);
}

static void
test_backing(void **state)
{
	char path[64];
	struct blk_export *exp;
	int fd;

	if (image_mem_dir() == NULL)
		skip();
	fd = image_create(image_mem_dir(), MIB, path);
	assert_true(fd >= 0);
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d", .path = path }, &exp),
			 0);
	assert_int_equal(exp->backing, BLK_BACKING_MEMORY);
	assert_true((exp->flags & BLK_INFO_DISCARD) != 0);
	blk_export_close(exp);
	close(fd);
}

static void
test_block_device(void **state)
{
	char file[64], dev[64];
	int image = image_create(image_disk_dir(), 4 * MIB, file);
	int loop = image_loop(image, false, dev);
	struct blk_export *exp;
	int held;

	close(image);
	if (loop < 0)
		skip();
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d", .path = dev }, &exp), 0);
	assert_int_equal(exp->backing, BLK_BACKING_DEVICE);
	assert_int_equal(exp->size, 4 * MIB);
	assert_int_equal(exp->align, 512);
	blk_export_close(exp);

	/* Held as a mount holds it. */
	held = open(dev, O_RDWR | O_EXCL);
	assert_true(held >= 0);
	refused((struct blk_export_conf){ .name = "d", .path = dev }, -EBUSY, "in use");
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d",
							      .path = dev,
							      .read_only = true },
				    &exp),
			 0);
	blk_export_close(exp);
	close(held);
	close(loop);
}

static void
test_read_only_device(void **state)
{
	char file[64], dev[64];
	int image = image_create(image_disk_dir(), MIB, file);
	int loop = image_loop(image, true, dev);
	struct blk_export *exp;
	int ret;

	close(image);
	if (loop < 0)
		skip();
	ret = try_export((struct blk_export_conf){ .name = "d", .path = dev }, &exp);
	assert_true(ret == -EROFS || ret == -EACCES);
	assert_non_null(strstr(err, "',ro'"));
	assert_int_equal(try_export((struct blk_export_conf){ .name = "d",
							      .path = dev,
							      .read_only = true },
				    &exp),
			 0);
	blk_export_close(exp);
	close(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_what_is_no_image),
		cmocka_unit_test(test_too_many_allowed),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_allow_lists),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_probe_changes_nothing),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_backing),
		cmocka_unit_test(test_block_device),
		cmocka_unit_test(test_read_only_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
