/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to run_job.c and run_config.c. All calls with `changing` held, but parse and free. */
#ifndef RUN_JOB_PRIV_H
#define RUN_JOB_PRIV_H

#include <pthread.h>

#include "base_text.h"
#include "run_job.h"

struct run_jobs {
	const struct run_job_type *const *types;
	unsigned int type_count;
	void *ctx;
	pthread_mutex_t changing; /* who changes anything; may be held for long */
	pthread_mutex_t lock; /* of the list and of what it tells; never held for long */
	bool telling; /* run_jobs_tell() was called */
	struct run_job *first; /* in the order in which they came */
};

/* @return ret, for callers that return at once. */
int run_job_refuse(int ret, char err[RUN_JOB_ERR], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * "TYPE SPEC" as a job that is not begun; run_job_free() it, or give it to run_job_begin().
 * @return NULL: *ret and err tell why.
 */
struct run_job *run_job_parse(const struct run_jobs *jobs, const char *text, int *ret,
			      char err[RUN_JOB_ERR]);
/* Tolerates NULL. */
void run_job_free(struct run_job *job);

struct run_job *run_job_find(const struct run_jobs *jobs, const struct run_job_type *type,
			     const char *name);
/* On success it is the table's. */
int run_job_begin(struct run_jobs *jobs, struct run_job *job, char err[RUN_JOB_ERR]);
/* Who may use it from now on. @return 0; -errno of the type, and nothing has changed. */
int run_job_set_allow(struct run_jobs *jobs, struct run_job *job, const struct base_allow *allow);
/* Stop it, and free it. */
void run_job_end(struct run_jobs *jobs, struct run_job *job);

#endif
