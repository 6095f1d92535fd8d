/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs: all that a runtime does for people. "export disk=/srv/disk.img,allow=lpar2" is one. They
 * are named by their type and their own name ("export disk"), and come and go while the loop runs.
 *
 *	command line, file, control socket ---> run_job_add() ---> type->start()
 *	                                        run_job_remove() -> type->stop()
 *
 * Calls that change something may wait, so no lcore makes them: the main thread does before and
 * after the loop, the control socket's helper meanwhile. They are done one at a time. Calls that
 * look wait for none of them. What touches a worker's things, a type does by run_call().
 */
#ifndef RUN_JOB_H
#define RUN_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base_allow.h"

#define RUN_JOB_NAME_MAX 64 /* NUL included */
#define RUN_JOB_SPEC_MAX 8192 /* bytes of what a person types for one */
#define RUN_JOBS_MAX 1024

struct run_job;

/* Return values are 0 or -errno; then err, RUN_JOB_ERR bytes, has a line for people. */
#define RUN_JOB_ERR 512

struct run_job_type {
	const char *word; /* "export" */
	/*
	 * Understand job->spec: fills name, allow and conf. Asks nobody: the form alone.
	 * @return 0; -EINVAL; -ENOMEM.
	 */
	int (*parse)(struct run_job *job, char *err);
	/* Do it. May wait. */
	int (*start)(void *ctx, struct run_job *job, char *err);
	/* Lines for whoever started us: what is done, for whom. May be NULL. */
	void (*tell)(void *ctx, const struct run_job *job);
	/* Do it no more. May wait. */
	void (*stop)(void *ctx, struct run_job *job);
	/* job->allow has changed. NULL: for this type there is no such thing. */
	int (*allow)(void *ctx, struct run_job *job);
	/*
	 * What is to be told of it besides type, name and spec: adds to `object`. On worker 0. May
	 * be NULL.
	 */
	void (*show)(void *ctx, const struct run_job *job, json_t *object);
	/* Free conf. Tolerates NULL. */
	void (*forget)(void *conf);
};

enum run_job_state {
	RUN_JOB_STARTING,
	RUN_JOB_RUNNING,
	RUN_JOB_ENDING,
};

/*
 * Who changes one holds the lock of changes, and for what others look at the table's lock as well.
 */
struct run_job {
	const struct run_job_type *type;
	char *spec; /* as typed, without the type's word */
	char name[RUN_JOB_NAME_MAX];
	struct base_allow allow;
	void *conf; /* the type's */
	enum run_job_state state;
	bool from_file; /* stands in the configuration: run_jobs_apply() may take it away */
	struct run_job *next;
};

struct run_jobs;

/* @param ctx  given to the types' functions. @return NULL: no memory. */
struct run_jobs *run_jobs_create(const struct run_job_type *const *types, unsigned int count,
				 void *ctx);
/* Forget all jobs; none is stopped. Tolerates NULL. */
void run_jobs_destroy(struct run_jobs *jobs);
/* Tell of all jobs, and from now on of each new one: a complaint at the start stands alone. */
void run_jobs_tell(struct run_jobs *jobs);
/* Is that understood? @return 0; -EINVAL; -ENOMEM. */
int run_job_check(const struct run_jobs *jobs, const char *text, char err[RUN_JOB_ERR]);

/*
 * @param text  "TYPE SPEC".
 * @return 0; -EINVAL not understood; -EEXIST a job of that name is there; -ENOSPC; -ENOMEM;
 *         what the type's start() says.
 */
int run_job_add(struct run_jobs *jobs, const char *text, bool from_file, char err[RUN_JOB_ERR]);
/*
 * A job that nobody can type, as it is made of more than words.
 * @param spec  for people.
 * @param conf  the type's; forget() is called with it, here if this fails.
 * @return as run_job_add().
 */
int run_job_enter(struct run_jobs *jobs, const struct run_job_type *type, const char *name,
		  const char *spec, void *conf, char err[RUN_JOB_ERR]);
/* Remove all jobs of a type. */
void run_jobs_end(struct run_jobs *jobs, const struct run_job_type *type);
/* @param text  "TYPE NAME". @return 0; -EINVAL; -ENOENT. */
int run_job_remove(struct run_jobs *jobs, const char *text, char err[RUN_JOB_ERR]);
/*
 * Let these GIDs use a job, or no longer.
 * @param text  "TYPE NAME".
 * @param gids  GIDs and names separated by ':', or "any".
 * @param yes   false: deny. A GID cannot be denied while "any" is allowed: deny "any" first.
 * @return 0; -EINVAL; -ENOENT; -ENOSPC; -EOPNOTSUPP the type has no such list.
 */
int run_job_allow(struct run_jobs *jobs, const char *text, const char *gids, bool yes,
		  char err[RUN_JOB_ERR]);
/* How many there are; of one type, if type is not NULL. */
unsigned int run_jobs_count(struct run_jobs *jobs, const struct run_job_type *type);
/* An array of objects. @return NULL: no memory. */
json_t *run_jobs_show(struct run_jobs *jobs);

/*
 * Read a configuration: one job a line, '#' begins a comment line, a '\' at the end of a line
 * goes on in the next.
 * @param changes  gets how many jobs began, changed, ended or failed; may be NULL.
 * @return 0; -EINVAL: the file is not in order, err has line and reason, nothing has changed;
 *         -ENOENT, ... of the file; -EIO: the jobs named in err could not be started.
 */
struct run_job_changes {
	unsigned int begun, changed, ended, failed, kept;
};
int run_jobs_apply(struct run_jobs *jobs, const char *path, struct run_job_changes *changes,
		   char err[RUN_JOB_ERR]);
/*
 * Would a file with this content be in order? Asks for the form alone.
 * @param name  of the file, for err.
 * @return 0; -EINVAL, -ENOMEM: err has line and reason.
 */
int run_jobs_check(const struct run_jobs *jobs, const char *name, const char *text,
		   char err[RUN_JOB_ERR]);

#endif
