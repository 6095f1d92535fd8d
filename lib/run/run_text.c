/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_line.h"

#define READY_MS 200 /* for lines before "ready" */

static const char *run_program = "dpdk-ism";
static bool quiet_now;
/* A function alone, no bytes behind it: relaxed. */
static bool (*_Atomic line_sink)(const char *text, bool note);

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

const char *
run_program_name(void)
{
	return run_program;
}

bool
run_is_quiet(void)
{
	return quiet_now;
}

void
run_lines_to(bool (*sink)(const char *text, bool note))
{
	atomic_store_explicit(&line_sink, sink, memory_order_relaxed);
}

/* One write for the whole line, so that lines of several programs do not mix. */
static void
say(bool note, const char *text)
{
	bool (*sink)(const char *, bool) = atomic_load_explicit(&line_sink, memory_order_relaxed);
	char line[BASE_LINE_MAX];

	if (sink != NULL && sink(text, note))
		return;
	snprintf(line, sizeof(line), "%s: %s", run_program, text);
	base_line_put(STDERR_FILENO, line, strlen(line));
}

void
run_error(const char *fmt, ...)
{
	char text[BASE_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(false, text);
}

void
run_note(const char *fmt, ...)
{
	char text[BASE_LINE_MAX];
	va_list ap;

	if (quiet_now)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(true, text);
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

	/* After all that was said before: who waits for "ready" may read that. */
	base_line_drain(READY_MS);
	fflush(stdout);
	base_line_put(STDOUT_FILENO, "ready", strlen("ready"));
	if (path != NULL)
		notify_ready(path);
}
