/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_helper.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ring.h>

#include "base_counter.h"
#include "base_thread.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct rte_ring *jobs; /* struct base_job *; RTS: see base_line.c */
static sem_t waiting; /* one for each job in the ring */

/* Counts alone, nothing behind them: relaxed. */
static atomic_uint threads, idle;
static _Atomic uint64_t ended, refused;

static void *serve(void *arg);

/* @return 0, also when the limit of threads is reached. */
static int
start_thread(void)
{
	pthread_t thread;
	int ret;

	if (atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) >= BASE_HELPERS) {
		atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
		return 0;
	}
	atomic_fetch_add_explicit(&idle, 1, memory_order_relaxed);
	ret = base_thread_start(&thread, "ism-helper", serve, NULL);
	if (ret == 0) {
		pthread_detach(thread);
		return 0;
	}
	atomic_fetch_sub_explicit(&idle, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
	return ret;
}

static void
do_job(struct base_job *job)
{
	bool release = job->release;

	job->work(job);
	base_count_shared(&ended, 1);
	if (release)
		free(job);
	else
		atomic_store_explicit(&job->state, 2, memory_order_release);
}

/* Each thread counts as idle when it starts. */
static void *
serve(void *arg)
{
	void *job;

	do {
		while (sem_wait(&waiting) < 0)
			;
		/* The last idle thread starts another one before it may block in its job. */
		if (atomic_fetch_sub_explicit(&idle, 1, memory_order_relaxed) == 1)
			start_thread();
		if (rte_ring_dequeue(jobs, &job) == 0)
			do_job(job);
	} while (atomic_fetch_add_explicit(&idle, 1, memory_order_relaxed) == 0);
	/* Another one waits already. */
	atomic_fetch_sub_explicit(&idle, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
	return NULL;
}

static void
prepare(void)
{
	const unsigned int size = 2 * BASE_JOBS;
	ssize_t bytes = rte_ring_get_memsize(size);

	if (bytes <= 0 || sem_init(&waiting, 0, 0) < 0)
		return;
	jobs = aligned_alloc(RTE_CACHE_LINE_SIZE,
			     RTE_ALIGN_CEIL((size_t)bytes, RTE_CACHE_LINE_SIZE));
	if (jobs != NULL &&
	    rte_ring_init(jobs, "jobs", size, RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ) != 0) {
		free(jobs);
		jobs = NULL;
	}
}

static int
enqueue(struct base_job *job)
{
	pthread_once(&once, prepare);
	if (jobs == NULL)
		return -ENOMEM;
	if (atomic_load_explicit(&threads, memory_order_relaxed) == 0) {
		int ret = start_thread();

		if (ret < 0)
			return ret;
	}
	if (rte_ring_count(jobs) >= BASE_JOBS || rte_ring_enqueue(jobs, job) != 0)
		return -EAGAIN;
	sem_post(&waiting);
	return 0;
}

int
base_helper_submit(struct base_job *job)
{
	unsigned int was = atomic_load_explicit(&job->state, memory_order_acquire);
	int ret;

	if (was == 1)
		return -EBUSY;
	atomic_store_explicit(&job->state, 1, memory_order_relaxed);
	ret = enqueue(job);
	if (ret < 0) {
		atomic_store_explicit(&job->state, was, memory_order_relaxed);
		base_count_shared(&refused, 1);
	}
	return ret;
}

/* --- closing --- */

struct close_job {
	struct base_job job;
	int fd;
};

static void
close_work(struct base_job *job)
{
	/* The job is its first member. */
	close(((struct close_job *)(void *)job)->fd);
}

int
base_helper_close(int fd)
{
	struct close_job *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return -ENOMEM;
	c->job.work = close_work;
	c->job.release = true;
	c->fd = fd;
	ret = base_helper_submit(&c->job);
	if (ret < 0)
		free(c);
	return ret;
}

void
base_helper_stats(struct base_helper_stats *stats)
{
	unsigned int all = atomic_load_explicit(&threads, memory_order_relaxed);
	unsigned int waits = atomic_load_explicit(&idle, memory_order_relaxed);

	stats->jobs = base_count_get(&ended);
	stats->refused = base_count_get(&refused);
	stats->threads = all;
	stats->busy = all > waits ? all - waits : 0;
}
