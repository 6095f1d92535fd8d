/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *run_program = "dpdk-ism";
static bool quiet_now;

void
run_set_program(const char *program)
{
	run_program = program;
}

void
run_quiet(bool quiet)
{
	quiet_now = quiet;
}

bool
run_is_quiet(void)
{
	return quiet_now;
}

/* One write for the whole line, so that lines of several programs do not mix. */
static void
say(const char *fmt, va_list ap)
{
	char line[1024];
	int len;

	len = snprintf(line, sizeof(line), "%s: ", run_program);
	vsnprintf(line + len, sizeof(line) - (size_t)len - 1, fmt, ap);
	fprintf(stderr, "%s\n", line);
}

void
run_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
run_note(const char *fmt, ...)
{
	va_list ap;

	if (quiet_now)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* sd_notify(3)'s protocol: one datagram to the socket named in the environment. */
static void
notify_ready(const char *path)
{
	static const char word[] = "READY=1";
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, word, sizeof(word) - 1, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		run_note("NOTIFY_SOCKET %s: %s", path, strerror(errno));
	close(fd);
}

void
run_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	puts("ready");
	fflush(stdout);
	if (path != NULL)
		notify_ready(path);
}
