/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

#include "fabric_guard.h"

/* Where this thread goes when its write faults; NULL: it is not in fabric_guarded(). */
static __thread sigjmp_buf *guard_env;

static void
on_sigbus(int sig)
{
	if (guard_env != NULL)
		siglongjmp(*guard_env, 1);
	/* Not ours: the instruction runs again and has the default effect. */
	signal(sig, SIG_DFL);
}

int
fabric_guard_install(void)
{
	struct sigaction sa = {
		.sa_handler = on_sigbus,
		/* Not blocked inside the handler, so leaving it by a jump needs no mask saved. */
		.sa_flags = SA_NODEFER,
	};

	sigemptyset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) < 0 ? -errno : 0;
}

int
fabric_guarded(void (*body)(void *arg), void *arg)
{
	sigjmp_buf env;

	if (sigsetjmp(env, 0) != 0) {
		guard_env = NULL;
		return -EFAULT;
	}
	guard_env = &env;
	body(arg);
	guard_env = NULL;
	return 0;
}
