/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own lines, between the console's. */
#include "ismcons.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

static struct {
	struct chan err;
	bool quiet;
	bool on_terminal; /* stderr */
	bool out_on_terminal; /* stdout: what it shows moves the cursor */
	bool mid_line;
	FILE *log;
	char line[1200];
} where;

void
say_output(const uint8_t *data, size_t len)
{
	if (len > 0)
		where.mid_line = data[len - 1] != '\n';
}

static void
show(const char *text)
{
	const char *nl = term_is_raw() && where.on_terminal ? "\r\n" : "\n";
	bool begun = where.mid_line && where.on_terminal && where.out_on_terminal;

	snprintf(where.line, sizeof(where.line), "%s[dpdk-ismcons: %s]%s", begun ? nl : "", text,
		 nl);
	if (begun)
		where.mid_line = false;
	/* A terminal that takes nothing now does not stop us: the line is gone then. */
	(void)chan_write(&where.err, where.line, strlen(where.line));
}

const char *
say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show(text);
	return where.line;
}

void
say_note(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (where.quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show(text);
}

void
say_end_line(void)
{
	if (where.mid_line && where.out_on_terminal && where.on_terminal)
		(void)chan_write(&where.err, "\r\n", 2);
	where.mid_line = false;
}

/* What libraries log would make stairs on a raw terminal. */
static ssize_t
log_write(void *cookie, const char *buf, size_t size)
{
	size_t len = size;

	while (len > 0 && buf[len - 1] == '\n')
		len--;
	if (len > 0)
		say("%.*s", (int)len, buf);
	return (ssize_t)size;
}

void
say_init(bool quiet)
{
	static const cookie_io_functions_t io = { .write = log_write };

	chan_open(&where.err, STDERR_FILENO, true);
	where.quiet = quiet;
	where.on_terminal = isatty(STDERR_FILENO);
	where.out_on_terminal = isatty(STDOUT_FILENO);
	where.log = fopencookie(NULL, "w", io);
	if (where.log == NULL)
		return;
	setvbuf(where.log, NULL, _IOLBF, 4096);
	rte_openlog_stream(where.log);
}

void
say_fini(void)
{
	rte_openlog_stream(NULL);
	if (where.log != NULL)
		fclose(where.log);
	where.log = NULL;
	chan_close(&where.err);
}
