/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool no_stdout;

/* open() takes the lowest free descriptor, so this fills the gap. */
static int
fill_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
		no_stdout |= fd == STDOUT_FILENO;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

int
base_process_prepare(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	return fill_standard();
}

int
base_process_flush(void)
{
	if (no_stdout)
		return -EBADF;
	if (fflush(stdout) != 0)
		return -errno;
	return ferror(stdout) ? -EIO : 0;
}

void
base_process_no_children(void)
{
	const struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };

	(void)sigaction(SIGCHLD, &sa, NULL);
	/* Those that have ended already. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}
