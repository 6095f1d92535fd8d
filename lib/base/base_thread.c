/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_thread.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

#define STACK_BYTES (256 * 1024)

/* -errno is what we give; pthread_create() gives errno. */
static int
create(pthread_t *thread, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	cpu_set_t any;
	int ret;

	memset(&any, 0xff, sizeof(any));
	ret = pthread_attr_init(&attr);
	if (ret != 0)
		return -ret;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setaffinity_np(&attr, sizeof(any), &any);
	ret = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -ret;
}

int
base_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = create(thread, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0)
		pthread_setname_np(*thread, name);
	return ret;
}
