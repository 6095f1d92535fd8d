/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of a runtime: a file with one job a line. Applying one is a difference: what is
 * not named any more ends, what is new begins, who may use a job is changed in place, and what did
 * not change is not touched.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run_job_priv.h"

/* The jobs of a file, in its order. */
struct wanted {
	struct run_job *first, **last;
	unsigned int count;
};

static void
wanted_free(struct wanted *w)
{
	struct run_job *job;

	while ((job = w->first) != NULL) {
		w->first = job->next;
		run_job_free(job);
	}
}

/* --- reading --- */

static const struct run_job *
wanted_find(const struct wanted *w, const struct run_job *like)
{
	const struct run_job *job = w->first;

	while (job != NULL && (job->type != like->type || strcmp(job->name, like->name) != 0))
		job = job->next;
	return job;
}

static int
take_line(const struct run_jobs *jobs, struct wanted *w, const char *path, unsigned int number,
	  const char *line, char err[RUN_JOB_ERR])
{
	char why[RUN_JOB_ERR];
	struct run_job *job;
	int ret;

	line += strspn(line, " \t");
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	job = run_job_parse(jobs, line, &ret, why);
	if (job == NULL)
		return run_job_refuse(ret, err, "%s:%u: %.400s", path, number, why);
	if (wanted_find(w, job) != NULL || w->count == RUN_JOBS_MAX) {
		run_job_refuse(-EINVAL, err,
			       w->count == RUN_JOBS_MAX ? "%s:%u: one job too many: %s '%s'"
							: "%s:%u: there is a %s '%s' above already",
			       path, number, job->type->word, job->name);
		run_job_free(job);
		return -EINVAL;
	}
	job->from_file = true;
	*w->last = job;
	w->last = &job->next;
	w->count++;
	return 0;
}

/* White space at the end goes; @return whether the line goes on in the next. */
static bool
trim(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		line[--len] = '\0';
	if (len == 0 || line[len - 1] != '\\')
		return false;
	line[len - 1] = '\0';
	return true;
}

/* Lines that go on are joined. */
static int
read_lines(const struct run_jobs *jobs, FILE *f, const char *path, struct wanted *w,
	   char err[RUN_JOB_ERR])
{
	char *text = malloc(RUN_JOB_SPEC_MAX + 1);
	unsigned int number = 0, first = 1;
	size_t len = 0;
	int ret = 0;

	if (text == NULL)
		return run_job_refuse(-ENOMEM, err, "no memory");
	while (ret == 0 && fgets(text + len, (int)(RUN_JOB_SPEC_MAX + 1 - len), f) != NULL) {
		number++;
		if (strlen(text) == RUN_JOB_SPEC_MAX) {
			ret = run_job_refuse(-EINVAL, err, "%s:%u: a line of more than %d bytes",
					     path, first, RUN_JOB_SPEC_MAX - 1);
			break;
		}
		/* What goes on may be indented. */
		if (len > 0)
			memmove(text + len, text + len + strspn(text + len, " \t"),
				strlen(text + len + strspn(text + len, " \t")) + 1);
		if (trim(text + len)) {
			len = strlen(text);
			continue;
		}
		ret = take_line(jobs, w, path, first, text, err);
		first = number + 1;
		len = 0;
	}
	if (ret == 0 && len > 0)
		ret = take_line(jobs, w, path, first, text, err);
	if (ret == 0 && ferror(f))
		ret = run_job_refuse(-EIO, err, "%s: cannot be read", path);
	free(text);
	return ret;
}

static int
read_file(const struct run_jobs *jobs, const char *path, struct wanted *w, char err[RUN_JOB_ERR])
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int ret;

	if (f == NULL)
		return run_job_refuse(-errno, err, "%s: %s", path, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode))
		ret = read_lines(jobs, f, path, w, err);
	else
		ret = run_job_refuse(-EINVAL, err, "%s: expected a file", path);
	fclose(f);
	return ret;
}

/* --- applying --- */

/* The text of a job without who may: "allow=..." goes; two commas are one that is meant. */
static void
without_allow(const char *spec, char out[RUN_JOB_SPEC_MAX])
{
	while (*spec != '\0') {
		if (spec[0] == ',' && spec[1] == ',') {
			*out++ = *spec++;
			*out++ = *spec++;
		} else if (strncmp(spec, ",allow=", strlen(",allow=")) == 0) {
			spec += 1 + strcspn(spec + 1, ",");
		} else {
			*out++ = *spec++;
		}
	}
	*out = '\0';
}

static bool
same_but_allow(const struct run_job *a, const struct run_job *b)
{
	char x[RUN_JOB_SPEC_MAX], y[RUN_JOB_SPEC_MAX];

	without_allow(a->spec, x);
	without_allow(b->spec, y);
	return strcmp(x, y) == 0;
}

static bool
same_allow(const struct base_allow *a, const struct base_allow *b)
{
	return a->any == b->any && a->count == b->count &&
	       memcmp(a->gid, b->gid, a->count * sizeof(a->gid[0])) == 0;
}

/* What the file no longer has, or has otherwise, ends. */
static void
end_others(struct run_jobs *jobs, const struct wanted *w, struct run_job_changes *changes)
{
	struct run_job *job, *next;
	const struct run_job *want;

	for (job = jobs->first; job != NULL; job = next) {
		next = job->next;
		want = wanted_find(w, job);
		if (want != NULL ? same_but_allow(job, want) : !job->from_file)
			continue;
		changes->ended += want == NULL;
		run_job_end(jobs, job);
	}
}

/* It runs already, as the file wants it but for who may use it. */
static void
adopt(struct run_jobs *jobs, struct run_job *job, struct run_job *want,
      struct run_job_changes *changes)
{
	char *was;

	pthread_mutex_lock(&jobs->lock);
	job->from_file = true;
	was = job->spec;
	job->spec = want->spec;
	want->spec = was;
	pthread_mutex_unlock(&jobs->lock);
	if (job->type->allow == NULL || same_allow(&job->allow, &want->allow))
		changes->kept++;
	else if (run_job_set_allow(jobs, job, &want->allow) == 0)
		changes->changed++;
	else
		changes->failed++;
}

/* @return 0, or the reason of the first that could not begin; its words are in err. */
static int
begin_others(struct run_jobs *jobs, struct wanted *w, struct run_job_changes *changes,
	     char err[RUN_JOB_ERR])
{
	struct run_job *want, *job;
	char why[RUN_JOB_ERR];
	int ret, first = 0;

	while ((want = w->first) != NULL) {
		w->first = want->next;
		want->next = NULL;
		job = run_job_find(jobs, want->type, want->name);
		if (job != NULL) {
			adopt(jobs, job, want, changes);
			run_job_free(want);
			continue;
		}
		ret = run_job_begin(jobs, want, why);
		if (ret == 0) {
			changes->begun++;
			continue;
		}
		run_job_free(want);
		changes->failed++;
		if (first == 0) {
			first = ret;
			snprintf(err, RUN_JOB_ERR, "%s", why);
		}
	}
	return first;
}

int
run_jobs_apply(struct run_jobs *jobs, const char *path, struct run_job_changes *changes,
	       char err[RUN_JOB_ERR])
{
	struct run_job_changes none, *c = changes != NULL ? changes : &none;
	struct wanted w = { .first = NULL };
	int ret;

	memset(c, 0, sizeof(*c));
	w.last = &w.first;
	ret = read_file(jobs, path, &w, err);
	if (ret == 0) {
		pthread_mutex_lock(&jobs->changing);
		end_others(jobs, &w, c);
		ret = begin_others(jobs, &w, c, err);
		pthread_mutex_unlock(&jobs->changing);
	}
	wanted_free(&w);
	return ret;
}

int
run_jobs_check(const struct run_jobs *jobs, const char *name, const char *text,
	       char err[RUN_JOB_ERR])
{
	struct wanted w = { .first = NULL };
	FILE *f;
	int ret;

	if (text[0] == '\0')
		return 0; /* fmemopen() takes no empty one */
	w.last = &w.first;
	f = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	if (f == NULL)
		return run_job_refuse(-errno, err, "%s: %s", name, strerror(errno));
	ret = read_lines(jobs, f, name, &w, err);
	fclose(f);
	wanted_free(&w);
	return ret;
}
