/* SPDX-License-Identifier: BSD-3-Clause */
/* The transcript of dpdk-ismcons: both files, the refusal to overwrite, a disk that is full. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_time.h"
#include "cons_transcript.h"

static char dir[64], path[96], timing[112], failed[PATH_MAX];

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/transcript.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(timing, sizeof(timing), "%s.timing", path);
	return 0;
}

static int
teardown(void **state)
{
	unlink(path);
	unlink(timing);
	return rmdir(dir);
}

static void
content(const char *name, char *buf, size_t size)
{
	FILE *f = fopen(name, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
}

static void
touch(const char *name)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs("mine", f);
	fclose(f);
}

static void
pieces(void **state)
{
	struct cons_transcript *t;
	const char *body;
	char buf[512];
	struct stat st;

	assert_int_equal(cons_transcript_open(&t, path, "xterm\n", 24, 80, failed, sizeof(failed)),
			 0);
	assert_int_equal(cons_transcript_add(t, "hello", 5, 7 * BASE_NS_PER_S), 0);
	assert_int_equal(cons_transcript_add(t, "", 0, 8 * BASE_NS_PER_S), 0);
	assert_int_equal(cons_transcript_add(t, "\r\n", 2, 8 * BASE_NS_PER_S + 250000000), 0);
	/* A clock that stands still, or goes back, is no gap. */
	assert_int_equal(cons_transcript_add(t, "x", 1, 8 * BASE_NS_PER_S), 0);
	/* Readable while it grows. */
	content(timing, buf, sizeof(buf));
	assert_string_equal(buf, "0.000000 5\n1.250000 2\n0.000000 1\n");
	assert_int_equal(cons_transcript_close(t), 0);
	content(path, buf, sizeof(buf));
	assert_memory_equal(buf, "Script started on 2", 19);
	assert_non_null(strstr(buf, "TERM=\"xterm?\" COLUMNS=\"80\" LINES=\"24\""));
	body = strchr(buf, '\n');
	assert_non_null(body);
	assert_string_equal(body + 1, "hello\r\nx");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
without_terminal(void **state)
{
	struct cons_transcript *t;
	char buf[512];

	assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)), 0);
	assert_int_equal(cons_transcript_close(t), 0);
	content(path, buf, sizeof(buf));
	assert_null(strstr(buf, "TERM="));
	assert_null(strstr(buf, "LINES="));
	content(timing, buf, sizeof(buf));
	assert_string_equal(buf, "");
	assert_int_equal(cons_transcript_close(NULL), 0);
}

static void
never_overwrites(void **state)
{
	struct cons_transcript *t;
	char buf[64];

	touch(path);
	assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)),
			 -EEXIST);
	assert_string_equal(failed, path);
	content(path, buf, sizeof(buf));
	assert_string_equal(buf, "mine");
	assert_int_equal(access(timing, F_OK), -1);
	unlink(path);
	/* The second one: the first goes again. */
	touch(timing);
	assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)),
			 -EEXIST);
	assert_string_equal(failed, timing);
	assert_int_equal(access(path, F_OK), -1);
	content(timing, buf, sizeof(buf));
	assert_string_equal(buf, "mine");
	unlink(timing);
	/* Not through a link, though it lead nowhere. */
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)),
			 -EEXIST);
}

static void
discarded(void **state)
{
	struct cons_transcript *t;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)),
				 0);
		cons_transcript_discard(t);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(timing, F_OK), -1);
	}
	cons_transcript_discard(NULL);
}

static void
bad_paths(void **state)
{
	struct cons_transcript *t;
	char name[PATH_MAX];

	assert_int_equal(cons_transcript_open(&t, "/nonexistent/x", NULL, 0, 0, failed,
					      sizeof(failed)),
			 -ENOENT);
	assert_string_equal(failed, "/nonexistent/x");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(cons_transcript_open(&t, name, NULL, 0, 0, failed, sizeof(failed)),
			 -ENAMETOOLONG);
}

/* A limit on the size of files stands for a disk that is full. */
static void
full_disk(void **state)
{
	const struct rlimit small = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };
	static const char noise[8192];
	struct cons_transcript *t;
	struct rlimit before;

	assert_int_equal(cons_transcript_open(&t, path, NULL, 0, 0, failed, sizeof(failed)), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(cons_transcript_add(t, noise, 1000, 1), 0);
	assert_int_equal(cons_transcript_add(t, noise, sizeof(noise), 2), -EFBIG);
	cons_transcript_close(t);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(without_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(never_overwrites, setup, teardown),
		cmocka_unit_test_setup_teardown(discarded, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
