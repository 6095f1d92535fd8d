/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_job.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "run.h"
#include "run_job_priv.h"

int
run_job_refuse(int ret, char err[RUN_JOB_ERR], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, RUN_JOB_ERR, fmt, ap);
	va_end(ap);
	return ret;
}

struct run_jobs *
run_jobs_create(const struct run_job_type *const *types, unsigned int count, void *ctx)
{
	struct run_jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return NULL;
	jobs->types = types;
	jobs->type_count = count;
	jobs->ctx = ctx;
	pthread_mutex_init(&jobs->changing, NULL);
	pthread_mutex_init(&jobs->lock, NULL);
	return jobs;
}

void
run_job_free(struct run_job *job)
{
	if (job == NULL)
		return;
	job->type->forget(job->conf);
	free(job->spec);
	free(job);
}

void
run_jobs_destroy(struct run_jobs *jobs)
{
	struct run_job *job, *next;

	if (jobs == NULL)
		return;
	for (job = jobs->first; job != NULL; job = next) {
		next = job->next;
		run_job_free(job);
	}
	pthread_mutex_destroy(&jobs->lock);
	pthread_mutex_destroy(&jobs->changing);
	free(jobs);
}

/* --- words --- */

/* "TYPE REST": @return the type, and *rest; NULL: err says what is expected. */
static const struct run_job_type *
split(const struct run_jobs *jobs, const char *text, const char **rest, char err[RUN_JOB_ERR])
{
	size_t len, at = 0;

	text += strspn(text, " \t");
	len = strcspn(text, " \t");
	*rest = text + len + strspn(text + len, " \t");
	for (unsigned int i = 0; i < jobs->type_count; i++)
		if (strlen(jobs->types[i]->word) == len &&
		    memcmp(jobs->types[i]->word, text, len) == 0)
			return jobs->types[i];
	at = (size_t)snprintf(err, RUN_JOB_ERR, "'%.*s' is no kind of job; there is",
			      (int)(len < 32 ? len : 32), text);
	for (unsigned int i = 0; i < jobs->type_count && at < RUN_JOB_ERR; i++)
		at += (size_t)snprintf(err + at, RUN_JOB_ERR - at, "%s %s", i > 0 ? "," : "",
				       jobs->types[i]->word);
	return NULL;
}

struct run_job *
run_job_parse(const struct run_jobs *jobs, const char *text, int *ret, char err[RUN_JOB_ERR])
{
	const struct run_job_type *type = NULL;
	struct run_job *job;
	const char *spec;

	*ret = -EINVAL;
	if (strlen(text) >= RUN_JOB_SPEC_MAX)
		run_job_refuse(-EINVAL, err, "a job of more than %d bytes", RUN_JOB_SPEC_MAX - 1);
	else
		type = split(jobs, text, &spec, err);
	if (type == NULL)
		return NULL;
	job = calloc(1, sizeof(*job));
	if (job == NULL) {
		*ret = run_job_refuse(-ENOMEM, err, "no memory");
		return NULL;
	}
	job->type = type;
	job->spec = strdup(spec);
	*ret = job->spec != NULL ? type->parse(job, err)
				 : run_job_refuse(-ENOMEM, err, "no memory");
	if (*ret == 0)
		return job;
	run_job_free(job);
	return NULL;
}

struct run_job *
run_job_find(const struct run_jobs *jobs, const struct run_job_type *type, const char *name)
{
	struct run_job *job = jobs->first;

	while (job != NULL && (job->type != type || strcmp(job->name, name) != 0))
		job = job->next;
	return job;
}

/* "TYPE NAME" of a job that is there. */
static int
find_named(const struct run_jobs *jobs, const char *text, struct run_job **job,
	   char err[RUN_JOB_ERR])
{
	const char *name;
	const struct run_job_type *type = split(jobs, text, &name, err);

	if (type == NULL)
		return -EINVAL;
	*job = run_job_find(jobs, type, name);
	if (*job == NULL)
		return run_job_refuse(-ENOENT, err, "there is no %s '%.64s'", type->word, name);
	return 0;
}

/* --- they come and go --- */

static unsigned int
count_jobs(const struct run_jobs *jobs, const struct run_job_type *type)
{
	unsigned int n = 0;

	for (const struct run_job *job = jobs->first; job != NULL; job = job->next)
		n += type == NULL || job->type == type;
	return n;
}

/* At the end of the table. */
static void
enter(struct run_jobs *jobs, struct run_job *job)
{
	struct run_job **last = &jobs->first;

	pthread_mutex_lock(&jobs->lock);
	while (*last != NULL)
		last = &(*last)->next;
	*last = job;
	pthread_mutex_unlock(&jobs->lock);
}

static void
leave(struct run_jobs *jobs, struct run_job *job)
{
	struct run_job **at = &jobs->first;

	pthread_mutex_lock(&jobs->lock);
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	pthread_mutex_unlock(&jobs->lock);
}

static void
set_state(struct run_jobs *jobs, struct run_job *job, enum run_job_state state)
{
	pthread_mutex_lock(&jobs->lock);
	job->state = state;
	pthread_mutex_unlock(&jobs->lock);
}

int
run_job_begin(struct run_jobs *jobs, struct run_job *job, char err[RUN_JOB_ERR])
{
	int ret;

	if (run_job_find(jobs, job->type, job->name) != NULL)
		return run_job_refuse(-EEXIST, err, "%s '%s': this name is given twice",
				      job->type->word, job->name);
	if (count_jobs(jobs, NULL) == RUN_JOBS_MAX)
		return run_job_refuse(-ENOSPC, err, "more than %d jobs", RUN_JOBS_MAX);
	enter(jobs, job);
	ret = job->type->start(jobs->ctx, job, err);
	if (ret != 0) {
		leave(jobs, job);
		return ret;
	}
	set_state(jobs, job, RUN_JOB_RUNNING);
	if (jobs->telling && job->type->tell != NULL)
		job->type->tell(jobs->ctx, job);
	return 0;
}

void
run_job_end(struct run_jobs *jobs, struct run_job *job)
{
	set_state(jobs, job, RUN_JOB_ENDING);
	job->type->stop(jobs->ctx, job);
	leave(jobs, job);
	run_job_free(job);
}

void
run_jobs_tell(struct run_jobs *jobs)
{
	pthread_mutex_lock(&jobs->changing);
	for (struct run_job *job = jobs->first; job != NULL; job = job->next)
		if (job->type->tell != NULL)
			job->type->tell(jobs->ctx, job);
	jobs->telling = true;
	pthread_mutex_unlock(&jobs->changing);
}

int
run_job_check(const struct run_jobs *jobs, const char *text, char err[RUN_JOB_ERR])
{
	int ret;

	run_job_free(run_job_parse(jobs, text, &ret, err));
	return ret;
}

int
run_job_add(struct run_jobs *jobs, const char *text, bool from_file, char err[RUN_JOB_ERR])
{
	int ret;
	struct run_job *job = run_job_parse(jobs, text, &ret, err);

	if (job == NULL)
		return ret;
	job->from_file = from_file;
	pthread_mutex_lock(&jobs->changing);
	ret = run_job_begin(jobs, job, err);
	pthread_mutex_unlock(&jobs->changing);
	if (ret != 0)
		run_job_free(job);
	return ret;
}

int
run_job_enter(struct run_jobs *jobs, const struct run_job_type *type, const char *name,
	      const char *spec, void *conf, char err[RUN_JOB_ERR])
{
	struct run_job *job = calloc(1, sizeof(*job));
	int ret;

	if (job == NULL) {
		type->forget(conf);
		return run_job_refuse(-ENOMEM, err, "no memory");
	}
	job->type = type;
	job->conf = conf;
	job->spec = strdup(spec);
	snprintf(job->name, sizeof(job->name), "%s", name);
	pthread_mutex_lock(&jobs->changing);
	ret = job->spec != NULL ? run_job_begin(jobs, job, err)
				: run_job_refuse(-ENOMEM, err, "no memory");
	pthread_mutex_unlock(&jobs->changing);
	if (ret != 0)
		run_job_free(job);
	return ret;
}

void
run_jobs_end(struct run_jobs *jobs, const struct run_job_type *type)
{
	struct run_job *job, *next;

	pthread_mutex_lock(&jobs->changing);
	for (job = jobs->first; job != NULL; job = next) {
		next = job->next;
		if (job->type == type)
			run_job_end(jobs, job);
	}
	pthread_mutex_unlock(&jobs->changing);
}

int
run_job_remove(struct run_jobs *jobs, const char *text, char err[RUN_JOB_ERR])
{
	struct run_job *job;
	int ret;

	pthread_mutex_lock(&jobs->changing);
	ret = find_named(jobs, text, &job, err);
	if (ret == 0)
		run_job_end(jobs, job);
	pthread_mutex_unlock(&jobs->changing);
	return ret;
}

/* --- who may --- */

/* To deny 'any' is to deny all. */
static void
deny(struct base_allow *allow, const struct base_allow *gids)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < allow->count && !gids->any; i++)
		if (!base_allow_has(gids, allow->gid[i]))
			allow->gid[kept++] = allow->gid[i];
	allow->count = kept;
	allow->any = false;
}

static bool
is_listed(const struct base_allow *allow, uint64_t gid)
{
	unsigned int i = 0;

	while (i < allow->count && allow->gid[i] != gid)
		i++;
	return i < allow->count;
}

static int
add_allowed(struct base_allow *allow, const struct base_allow *gids)
{
	allow->any |= gids->any;
	for (unsigned int i = 0; i < gids->count; i++) {
		if (is_listed(allow, gids->gid[i]))
			continue;
		if (allow->count == BASE_ALLOW_MAX)
			return -ENOSPC;
		allow->gid[allow->count++] = gids->gid[i];
	}
	return 0;
}

int
run_job_set_allow(struct run_jobs *jobs, struct run_job *job, const struct base_allow *allow)
{
	struct base_allow was = job->allow;
	int ret;

	pthread_mutex_lock(&jobs->lock);
	job->allow = *allow;
	pthread_mutex_unlock(&jobs->lock);
	ret = job->type->allow(jobs->ctx, job);
	if (ret == 0)
		return 0;
	pthread_mutex_lock(&jobs->lock);
	job->allow = was;
	pthread_mutex_unlock(&jobs->lock);
	return ret;
}

static int
change_allow(struct run_jobs *jobs, struct run_job *job, const struct base_allow *gids, bool yes,
	     char err[RUN_JOB_ERR])
{
	struct base_allow allow = job->allow;
	int ret;

	if (job->type->allow == NULL)
		return run_job_refuse(-EOPNOTSUPP, err, "a %s has no list of who may use it",
				      job->type->word);
	if (yes && add_allowed(&allow, gids) != 0)
		return run_job_refuse(-ENOSPC, err, "more than %d GIDs for one job",
				      BASE_ALLOW_MAX);
	if (!yes && allow.any && !gids->any)
		return run_job_refuse(-EINVAL, err,
				      "all may use this %s: deny 'any', then allow some",
				      job->type->word);
	if (!yes)
		deny(&allow, gids);
	ret = run_job_set_allow(jobs, job, &allow);
	if (ret != 0)
		return run_job_refuse(ret, err, "%s '%s': %s", job->type->word, job->name,
				      strerror(-ret));
	return 0;
}

int
run_job_allow(struct run_jobs *jobs, const char *text, const char *gids, bool yes,
	      char err[RUN_JOB_ERR])
{
	struct base_allow list = { 0 };
	char *words = strdup(gids);
	struct run_job *job;
	const char *bad;
	int ret;

	if (words == NULL)
		return run_job_refuse(-ENOMEM, err, "no memory");
	ret = base_allow_parse(&list, words, &bad);
	if (ret == -EINVAL)
		run_job_refuse(ret, err, "'%.64s': expected 'any', or %s", bad,
			       base_peer_expected());
	else if (ret != 0)
		run_job_refuse(ret, err, "more than %d GIDs", BASE_ALLOW_MAX);
	free(words);
	if (ret != 0)
		return ret;
	pthread_mutex_lock(&jobs->changing);
	ret = find_named(jobs, text, &job, err);
	if (ret == 0)
		ret = change_allow(jobs, job, &list, yes, err);
	pthread_mutex_unlock(&jobs->changing);
	return ret;
}

/* --- what there is --- */

unsigned int
run_jobs_count(struct run_jobs *jobs, const struct run_job_type *type)
{
	unsigned int n;

	pthread_mutex_lock(&jobs->lock);
	n = count_jobs(jobs, type);
	pthread_mutex_unlock(&jobs->lock);
	return n;
}

static json_t *
show_allow(const struct base_allow *allow)
{
	json_t *list = json_array();
	char gid[BASE_GID_STRLEN];

	if (allow->any)
		json_array_append_new(list, json_string("any"));
	for (unsigned int i = 0; i < allow->count; i++)
		json_array_append_new(list, json_string(base_gid_str(allow->gid[i], gid)));
	return list;
}

static json_t *
show_job(const struct run_job *job)
{
	static const char *const states[] = { "starting", "running", "ending" };
	json_t *object = json_object();
	char text[RUN_JOB_SPEC_MAX];

	base_text_clean(text, sizeof(text), job->spec, strlen(job->spec));
	json_object_set_new(object, "type", json_string(job->type->word));
	json_object_set_new(object, "name", json_string(job->name));
	json_object_set_new(object, "spec", json_string(text));
	json_object_set_new(object, "state", json_string(states[job->state]));
	json_object_set_new(object, "configured", json_boolean(job->from_file));
	if (job->type->allow != NULL)
		json_object_set_new(object, "allow", show_allow(&job->allow));
	return object;
}

/* Some jobs at a time: each look at a worker's things may have to wait for its next round. */
struct showing {
	struct run_jobs *jobs;
	const struct run_job *next;
	json_t *list;
};
#define SHOWN_AT_ONCE 32

/* On worker 0, while the caller holds the lock. */
static void
show_some(void *arg)
{
	struct showing *s = arg;
	json_t *object;

	for (unsigned int i = 0; i < SHOWN_AT_ONCE && s->next != NULL; i++) {
		object = show_job(s->next);
		if (s->next->type->show != NULL && s->next->state == RUN_JOB_RUNNING)
			s->next->type->show(s->jobs->ctx, s->next, object);
		json_array_append_new(s->list, object);
		s->next = s->next->next;
	}
}

json_t *
run_jobs_show(struct run_jobs *jobs)
{
	struct showing s = { .jobs = jobs, .list = json_array() };

	if (s.list == NULL)
		return NULL;
	pthread_mutex_lock(&jobs->lock);
	s.next = jobs->first;
	while (s.next != NULL && run_call(0, show_some, &s) == 0)
		;
	pthread_mutex_unlock(&jobs->lock);
	return s.list;
}
