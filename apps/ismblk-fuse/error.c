/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines for whoever has asked for a mount: here, or at the other end of a socket. */
#include "ismblk.h"

#include <stdarg.h>
#include <stdio.h>

#include "run.h"

void
ismblk_error(struct ismblk *app, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (app->say != NULL)
		app->say(app, line);
	else
		run_error("%s", line);
}
