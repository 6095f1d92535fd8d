/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own lines, between the console's. */
#include "ismcons.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define LINE_BYTES 1200

static struct {
	struct chan err;
	bool quiet;
	bool on_terminal; /* stderr */
	bool out_on_terminal; /* stdout: what it shows moves the cursor */
	bool mid_line;
	char line[LINE_BYTES]; /* the newest of say() */
} where;

void
say_output(const uint8_t *data, size_t len)
{
	if (len > 0)
		where.mid_line = data[len - 1] != '\n';
}

/* @param line  gets it as it was shown. */
static void
show(const char *text, char line[LINE_BYTES])
{
	const char *nl = term_is_raw() && where.on_terminal ? "\r\n" : "\n";
	bool begun = where.mid_line && where.on_terminal && where.out_on_terminal;

	snprintf(line, LINE_BYTES, "%s[dpdk-ismcons: %s]%s", begun ? nl : "", text, nl);
	if (begun)
		where.mid_line = false;
	/* A terminal that takes nothing now does not stop us: the line is gone then. */
	(void)chan_write(&where.err, line, strlen(line));
}

const char *
say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show(text, where.line);
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
	show(text, where.line);
}

void
say_end_line(void)
{
	if (where.mid_line && where.out_on_terminal && where.on_terminal)
		(void)chan_write(&where.err, "\r\n", 2);
	where.mid_line = false;
}

/*
 * What libraries log would make stairs on a raw terminal. Notes are for who looks after programs,
 * not for who looks at a console.
 */
static bool
show_line(const char *text, bool note)
{
	char line[LINE_BYTES];

	if (!term_is_raw() || !where.on_terminal)
		return false;
	if (!note)
		show(text, line);
	return true;
}

void
say_init(bool quiet)
{
	chan_open(&where.err, STDERR_FILENO, true);
	where.quiet = quiet;
	where.on_terminal = isatty(STDERR_FILENO);
	where.out_on_terminal = isatty(STDOUT_FILENO);
	run_lines_to(show_line);
}

void
say_fini(void)
{
	run_lines_to(NULL);
	chan_close(&where.err);
}
