/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The helper of a process: a thread for work that may wait for others. close() of a descriptor
 * that somebody gave us, stat() of an image, a file of /proc or /sys: each may hang for ever in a
 * file system whose daemon hangs. Threads that serve hand such work over and look later whether it
 * is done.
 *
 * One thread does the work. When it takes a job and no other one waits for the next, it starts one,
 * so a job that hangs holds up none behind it. At most BASE_HELPERS threads: if that many jobs
 * hang, others are refused. Threads without work end, but one. Jobs may end in any order.
 */
#ifndef BASE_HELPER_H
#define BASE_HELPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BASE_HELPERS 16 /* threads at most */
#define BASE_JOBS 1024 /* jobs that wait, at most */

/* All zero at first. The caller's, and stays in its place while it is under way. */
struct base_job {
	void (*work)(struct base_job *job); /* in a thread of the helper; may wait */
	/*
	 * 0 idle, 1 under way, 2 done. Written by base_helper_submit() and, with release, by the
	 * helper after work(): who acquires a 2 sees what work() wrote.
	 */
	atomic_uint state;
	bool release; /* free(job) after work(): the caller looks at it no more */
};

/*
 * Hand a job over. Never waits: no lock; it may start the first thread. Any thread.
 * @return 0; -EBUSY this job is under way; -EAGAIN BASE_JOBS wait; -errno no thread.
 */
int base_helper_submit(struct base_job *job);

/* Was it submitted, and has it ended? Then it may be submitted again. The caller's thread. */
static inline bool
base_job_done(const struct base_job *job)
{
	return atomic_load_explicit(&job->state, memory_order_acquire) == 2;
}

/* Is it with the helper? */
static inline bool
base_job_under_way(const struct base_job *job)
{
	return atomic_load_explicit(&job->state, memory_order_acquire) == 1;
}

/*
 * Let the helper close a descriptor.
 * @return 0; -errno as base_helper_submit(), -ENOMEM: the descriptor is still open.
 */
int base_helper_close(int fd);

/* What became of jobs. Any thread. */
struct base_helper_stats {
	uint64_t jobs; /* ended */
	uint64_t refused; /* no room or no thread */
	unsigned int threads; /* now */
	unsigned int busy; /* threads in a job now */
};
void base_helper_stats(struct base_helper_stats *stats);

#endif
