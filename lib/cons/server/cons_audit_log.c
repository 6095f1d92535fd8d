/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_audit_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_thread.h"
#include "base_time.h"

#define STOP_NS BASE_NS_PER_S

/* All of it under `lock`, but for `put`. */
struct cons_audit_log {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*put)(const char *line);
	unsigned int head, count; /* a ring */
	unsigned long lost; /* lines that found it full, and were not told of yet */
	bool ending, ended;
	char line[CONS_AUDIT_LINES][CONS_AUDIT_LINE];
};

/* What comes next, waited for. @return false: nothing more. */
static bool
take(struct cons_audit_log *log, char *line)
{
	bool found;

	pthread_mutex_lock(&log->lock);
	while (log->count == 0 && log->lost == 0 && !log->ending)
		pthread_cond_wait(&log->changed, &log->lock);
	found = log->count > 0 || log->lost > 0;
	if (log->count > 0) {
		memcpy(line, log->line[log->head], CONS_AUDIT_LINE);
		log->head = (log->head + 1) % CONS_AUDIT_LINES;
		log->count--;
	} else if (found) {
		/* They came after all that has been written. */
		snprintf(line, CONS_AUDIT_LINE, "%lu lines are lost: the log did not take them",
			 log->lost);
		log->lost = 0;
	}
	pthread_mutex_unlock(&log->lock);
	return found;
}

/* Whoever cancels us finds us in put(), where we hold nothing of ours. */
static void *
run(void *arg)
{
	struct cons_audit_log *log = arg;
	char line[CONS_AUDIT_LINE];

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (take(log, line)) {
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		log->put(line);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	}
	pthread_mutex_lock(&log->lock);
	log->ended = true;
	pthread_cond_signal(&log->changed);
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

static void
init(struct cons_audit_log *log)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&log->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&log->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void
fini(struct cons_audit_log *log)
{
	pthread_cond_destroy(&log->changed);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

int
cons_audit_log_start(struct cons_audit_log **out, void (*put)(const char *line))
{
	struct cons_audit_log *log = calloc(1, sizeof(*log));
	int ret;

	if (log == NULL)
		return -ENOMEM;
	init(log);
	log->put = put;
	ret = base_thread_start(&log->thread, "ism-audit", run, log);
	if (ret != 0) {
		fini(log);
		return ret;
	}
	*out = log;
	return 0;
}

void
cons_audit_log_add(struct cons_audit_log *log, const char *line)
{
	unsigned int at;

	pthread_mutex_lock(&log->lock);
	/* Not before those that are missing were told of: lines are in order. */
	if (log->count == CONS_AUDIT_LINES || log->lost > 0) {
		log->lost++;
	} else {
		at = (log->head + log->count++) % CONS_AUDIT_LINES;
		snprintf(log->line[at], CONS_AUDIT_LINE, "%s", line);
	}
	pthread_cond_signal(&log->changed);
	pthread_mutex_unlock(&log->lock);
}

void
cons_audit_log_stop(struct cons_audit_log *log)
{
	struct timespec end;
	int ret = 0;

	if (log == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += STOP_NS / BASE_NS_PER_S;
	pthread_mutex_lock(&log->lock);
	log->ending = true;
	pthread_cond_signal(&log->changed);
	while (!log->ended && ret == 0)
		ret = pthread_cond_timedwait(&log->changed, &log->lock, &end);
	log->count = 0;
	log->lost = 0;
	pthread_mutex_unlock(&log->lock);
	/* Only one that is in put(), or about to be, heeds it. */
	pthread_cancel(log->thread);
	pthread_join(log->thread, NULL);
	fini(log);
}
