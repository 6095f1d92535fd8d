/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes that were killed while we hold their requests. The kernel cannot end them: it waits
 * for our answer. So requests of killed processes are given up, whatever the peer does; those of
 * others wait, whatever signals they have.
 *
 * A process interrupts its request (INTERRUPT) when a signal comes, killed or not: /proc tells
 * which. It has no request to interrupt, but keeps pages of the disk locked, when the kernel has
 * read ahead for it: those are found by their age, as are those of a deaf worker, who hears
 * nothing.
 * /proc may wait (a process's memory is looked at under its lock), so the helper asks.
 */
#include "ismblk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base_time.h"

#define LOOK_NS (100 * BASE_NS_PER_MS) /* between two looks, */
#define LOOK_ONE_NS BASE_NS_PER_MS /* and for each of those looked at */
#define SETTLE_MS 1000
#define OLD_NS BASE_NS_PER_S /* from then on a request is looked at without an INTERRUPT */

/* A request whose process may be dead. */
struct suspect {
	struct context *context;
	uint64_t serial; /* the context may serve another request by the time of the answer */
	pid_t tid;
	bool dead;
};

struct killed {
	struct base_job job;
	bool asked; /* the worker waits for the job */
	uint64_t look_ns;
	unsigned int count;
	struct suspect suspects[CONTEXTS];
};

/* --- the helper --- */

/* Does /proc show the processes that FUSE speaks of? Not one of another PID namespace. */
static bool
proc_is_ours(void)
{
	char self[32];
	ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	return strtol(self, NULL, 10) == getpid();
}

/* A kill -9, or a signal that ends it, waits for this thread; or it is gone already? */
static bool
is_dead(pid_t tid)
{
	char path[64], line[128];
	unsigned long long pending = 0, one;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "SigPnd: %llx", &one) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &one) == 1)
			pending |= one;
	}
	fclose(f);
	return (pending & 1ULL << (SIGKILL - 1)) != 0;
}

static void
ask_proc(struct base_job *job)
{
	struct killed *k = (struct killed *)job; /* its first member */
	bool ours = proc_is_ours();

	for (unsigned int i = 0; i < k->count; i++)
		k->suspects[i].dead = ours && is_dead(k->suspects[i].tid);
}

/* --- the worker --- */

static void
take_verdicts(struct worker *w)
{
	struct killed *k = w->killed;

	k->asked = false;
	for (unsigned int i = 0; i < k->count; i++) {
		struct suspect *s = &k->suspects[i];

		if (!s->dead || s->context->serial != s->serial)
			continue;
		STAT_ADD(w, interrupted, 1);
		context_give_up(s->context, EINTR);
	}
}

static void
suspect_those_active(struct worker *w)
{
	struct killed *k = w->killed;
	struct context *c;

	k->count = 0;
	TAILQ_FOREACH(c, &w->active, entry) {
		pid_t tid = fuse_req_ctx(c->req)->pid;

		/* 0: the kernel itself, or a process of another PID namespace. */
		if (tid == 0 || (w->now_ns < c->since_ns + OLD_NS && !fuse_req_interrupted(c->req)))
			continue;
		k->suspects[k->count++] =
			(struct suspect){ .context = c, .serial = c->serial, .tid = tid };
	}
}

void
killed_step(struct worker *w)
{
	struct killed *k = w->killed;

	if (k->asked && base_job_done(&k->job))
		take_verdicts(w);
	if (k->asked || w->now_ns < k->look_ns || TAILQ_EMPTY(&w->active))
		return;
	suspect_those_active(w);
	k->look_ns = w->now_ns + LOOK_NS + k->count * LOOK_ONE_NS;
	k->asked = k->count != 0 && base_helper_submit(&k->job) == 0;
}

int
killed_init(struct worker *w)
{
	w->killed = calloc(1, sizeof(*w->killed));
	if (w->killed == NULL)
		return -ENOMEM;
	w->killed->job.work = ask_proc;
	return 0;
}

void
killed_free(struct worker *w)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };

	/* /proc may wait, but hardly ever does. One that the helper keeps all the same stays. */
	for (unsigned int i = 0; w->killed != NULL && i < SETTLE_MS; i++) {
		if (!base_job_under_way(&w->killed->job))
			break;
		nanosleep(&nap, NULL);
	}
	if (w->killed != NULL && !base_job_under_way(&w->killed->job))
		free(w->killed);
	w->killed = NULL;
}
