/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who else may have an image that is exported. Open files of one process lock against each other.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "blk_images.h"
#include "blk_lock.h"

static char path[64];
static int image;

/* With a name, for sysfs tells it of a loop device's file. */
static int
setup(void **state)
{
	snprintf(path, sizeof(path), "/var/tmp/blk-lock-%d", (int)getpid());
	image = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return image < 0 || ftruncate(image, 1 << 20) != 0;
}

static int
teardown(void **state)
{
	close(image);
	return unlink(path);
}

/* Another open file of the image. */
static int
opened(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int
lock(int fd, bool write, char who[96])
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	who[0] = '\0';
	return blk_lock(fd, &st, write, who, 96);
}

static int
lock_bytes(int fd, short type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, F_OFD_SETLK, &l);
}

static void
one_writes(void **state)
{
	int a = opened(), b = opened();
	char who[96];

	assert_int_equal(lock(a, true, who), 0);
	/* Its own open file may be asked again: an image that is exported twice. */
	assert_int_equal(lock(a, true, who), 0);
	assert_int_equal(lock(a, false, who), 0);
	assert_int_equal(lock(b, true, who), -EBUSY);
	assert_true(who[0] != '\0');
	assert_int_equal(lock(b, false, who), -EBUSY);
	close(b);
	close(a);
	b = opened();
	assert_int_equal(lock(b, true, who), 0);
	close(b);
}

static void
many_read(void **state)
{
	int a = opened(), b = opened(), c = opened();
	char who[96];

	assert_int_equal(lock(a, false, who), 0);
	assert_int_equal(lock(b, false, who), 0);
	assert_int_equal(lock(c, true, who), -EBUSY);
	close(a);
	close(b);
	close(c);
}

/* What QEMU does with an image that it writes, and what a program does that locks all of it. */
static void
others(void **state)
{
	int a = opened(), b = opened();
	char who[96];

	assert_int_equal(lock_bytes(a, F_RDLCK, 101, 1), 0);
	assert_int_equal(lock(b, false, who), -EBUSY);
	close(b);
	assert_int_equal(lock_bytes(a, F_UNLCK, 101, 1), 0);
	/* It reads, and lets nobody write. */
	assert_int_equal(lock_bytes(a, F_RDLCK, 100, 1), 0);
	assert_int_equal(lock_bytes(a, F_RDLCK, 201, 1), 0);
	b = opened();
	assert_int_equal(lock(b, false, who), 0);
	assert_int_equal(lock(b, true, who), -EBUSY);
	close(b);
	assert_int_equal(lock_bytes(a, F_WRLCK, 0, 0), 0);
	b = opened();
	assert_int_equal(lock(b, false, who), -EBUSY);
	close(b);
	/* And what QEMU looks for, it finds. */
	assert_int_equal(lock_bytes(a, F_UNLCK, 0, 0), 0);
	b = opened();
	assert_int_equal(lock(b, true, who), 0);
	assert_int_equal(lock_bytes(a, F_WRLCK, 101, 1), -1);
	assert_int_equal(lock_bytes(a, F_WRLCK, 201, 1), -1);
	close(b);
	close(a);
}

static void
holder_is_named(void **state)
{
	char who[96], want[32];
	int ready[2], fd;
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fd = open(path, O_RDWR);
		byte = lock(fd, true, who) == 0 ? 1 : 0;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	fd = opened();
	assert_int_equal(lock(fd, true, who), -EBUSY);
	snprintf(want, sizeof(want), "process %d (", (int)pid);
	assert_non_null(strstr(who, want));
	/* Who was killed is gone soon enough. */
	kill(pid, SIGKILL);
	assert_int_equal(lock(fd, true, who), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void
loop_device(void **state)
{
	char device[64], who[96];
	int loop = image_loop(image, false, device), fd;

	if (loop < 0)
		skip();
	fd = opened();
	assert_int_equal(lock(fd, true, who), -EBUSY);
	assert_string_equal(who, device);
	assert_int_equal(lock(fd, false, who), -EBUSY);
	close(loop);
	loop = image_loop(image, true, device);
	if (loop >= 0)
		assert_int_equal(lock(fd, false, who), 0);
	close(loop);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_writes),  cmocka_unit_test(many_read),
		cmocka_unit_test(others),      cmocka_unit_test(holder_is_named),
		cmocka_unit_test(loop_device),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
