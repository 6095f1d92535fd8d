/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_text.h"
#include "base_time.h"

struct cons_transcript {
	FILE *data, *timing;
	char *data_path, *timing_path;
	uint64_t last_ns; /* of the piece before; 0: there is none */
};

static int
make(FILE **f, const char *path, char *failed, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int ret;

	if (fd >= 0)
		*f = fdopen(fd, "w");
	if (fd >= 0 && *f != NULL)
		return 0;
	ret = -errno;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	snprintf(failed, size, "%s", path);
	return ret;
}

static void
heading(FILE *f, const char *term, unsigned int rows, unsigned int cols)
{
	time_t now = time(NULL);
	char when[64] = "", clean[64];
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S%z", &tm);
	fprintf(f, "Script started on %s [", when);
	if (term != NULL)
		fprintf(f, "TERM=\"%s\" ",
			base_text_clean(clean, sizeof(clean), term, strlen(term)));
	if (rows != 0)
		fprintf(f, "COLUMNS=\"%u\" LINES=\"%u\" ", cols, rows);
	fprintf(f, "COMMAND=\"dpdk-ismcons\"]\n");
}

static void
transcript_free(struct cons_transcript *t)
{
	free(t->data_path);
	free(t->timing_path);
	free(t);
}

int
cons_transcript_open(struct cons_transcript **out, const char *path, const char *term,
		     unsigned int rows, unsigned int cols, char *failed, size_t size)
{
	struct cons_transcript *t;
	char timing[PATH_MAX];
	int ret;

	snprintf(failed, size, "%s", path);
	if ((size_t)snprintf(timing, sizeof(timing), "%s.timing", path) >= sizeof(timing))
		return -ENAMETOOLONG;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->data_path = strdup(path);
	t->timing_path = strdup(timing);
	ret = -ENOMEM;
	if (t->data_path == NULL || t->timing_path == NULL)
		goto free_transcript;
	ret = make(&t->data, path, failed, size);
	if (ret != 0)
		goto free_transcript;
	ret = make(&t->timing, timing, failed, size);
	if (ret != 0)
		goto remove_data;
	heading(t->data, term, rows, cols);
	*out = t;
	return 0;

remove_data:
	fclose(t->data);
	unlink(path);
free_transcript:
	transcript_free(t);
	return ret;
}

int
cons_transcript_add(struct cons_transcript *t, const void *data, size_t len, uint64_t now_ns)
{
	uint64_t gap = t->last_ns != 0 && now_ns > t->last_ns ? now_ns - t->last_ns : 0;

	if (len == 0)
		return 0;
	t->last_ns = now_ns;
	/* Bytes first: a line of timing never tells of bytes that are not there. */
	errno = 0;
	if (fwrite(data, 1, len, t->data) == len && fflush(t->data) == 0 &&
	    fprintf(t->timing, "%.6f %zu\n", (double)gap / (double)BASE_NS_PER_S, len) > 0 &&
	    fflush(t->timing) == 0)
		return 0;
	return errno != 0 ? -errno : -EIO;
}

static int
finish(FILE *f)
{
	errno = 0;
	return fclose(f) == 0 ? 0 : -errno;
}

int
cons_transcript_close(struct cons_transcript *t)
{
	int ret, ret2;

	if (t == NULL)
		return 0;
	ret = finish(t->data);
	ret2 = finish(t->timing);
	transcript_free(t);
	return ret != 0 ? ret : ret2;
}

void
cons_transcript_discard(struct cons_transcript *t)
{
	if (t == NULL)
		return;
	unlink(t->data_path);
	unlink(t->timing_path);
	(void)cons_transcript_close(t);
}
