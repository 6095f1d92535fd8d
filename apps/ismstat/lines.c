/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that nobody types at a prompt, in this order: --cmdline-file, --command, the words
 * behind the options; standard input when there is none of these. Standard input is never waited
 * for.
 */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static struct {
	FILE *file;
	char name[96];
	unsigned int number; /* of the line, from 1 */
	unsigned int next; /* of --command */
	bool words; /* still to be given out */
	bool input; /* standard input has not ended */
	char buf[LINES_MAX]; /* read from there, not given out yet */
	size_t len;
	bool skip; /* drop all up to the next newline: the line was too long */
	const struct options *opt;
} lines;

int
lines_open(const struct options *opt)
{
	memset(&lines, 0, sizeof(lines));
	lines.opt = opt;
	lines.words = opt->words[0] != '\0';
	if (opt->file != NULL && strcmp(opt->file, "-") != 0) {
		lines.file = fopen(opt->file, "re");
		if (lines.file == NULL) {
			run_error("--cmdline-file %s: %s", opt->file, strerror(errno));
			return RUN_EXIT_USAGE;
		}
		snprintf(lines.name, sizeof(lines.name), "%s", opt->file);
		return RUN_EXIT_OK;
	}
	lines.input = !opt->interactive &&
		      (opt->file != NULL ||
		       (opt->line_count == 0 && !lines.words && opt->stats_period == 0 &&
			!opt->top && !opt->openmetrics));
	return RUN_EXIT_OK;
}

void
lines_close(void)
{
	if (lines.file != NULL)
		fclose(lines.file);
	lines.file = NULL;
}

bool
lines_at_stdin(void)
{
	return lines.file == NULL && lines.input;
}

static enum lines_state
from_file(char line[LINES_MAX])
{
	int c = 0;

	if (fgets(line, LINES_MAX, lines.file) == NULL) {
		/* A folder opens and cannot be read. */
		if (ferror(lines.file))
			run_error("%s: %s", lines.name, strerror(errno));
		lines_close();
		return LINES_NONE;
	}
	lines.number++;
	/* Too long a line stays too long, without its rest becoming a command. */
	if (strchr(line, '\n') == NULL) {
		while ((c = fgetc(lines.file)) != EOF && c != '\n')
			continue;
	}
	return LINES_ONE;
}

/* The first line of what was read, if it is whole (or the last one). */
static bool
take_line(char line[LINES_MAX], bool end)
{
	char *newline = memchr(lines.buf, '\n', lines.len);
	size_t len = newline != NULL ? (size_t)(newline - lines.buf) : lines.len;

	if (newline == NULL && (!end || lines.len == 0) && lines.len + 1 < sizeof(lines.buf))
		return false;
	memcpy(line, lines.buf, len);
	line[len] = '\0';
	len += newline != NULL;
	lines.len -= len;
	memmove(lines.buf, lines.buf + len, lines.len);
	if (lines.skip) {
		lines.skip = newline == NULL;
		return false;
	}
	lines.skip = newline == NULL && !end;
	lines.number++;
	return true;
}

static enum lines_state
from_stdin(char line[LINES_MAX])
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n = 1;

	if (take_line(line, false))
		return LINES_ONE;
	if (poll(&pfd, 1, 0) <= 0)
		return LINES_NONE;
	n = read(STDIN_FILENO, lines.buf + lines.len, sizeof(lines.buf) - 1 - lines.len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return LINES_NONE;
	if (n > 0) {
		lines.len += (size_t)n;
		return take_line(line, false) ? LINES_ONE : LINES_NONE;
	}
	if (n < 0)
		run_error("standard input: %s", strerror(errno));
	lines.input = false;
	return take_line(line, true) ? LINES_ONE : LINES_NONE;
}

enum lines_state
lines_next(char line[LINES_MAX], char from[128])
{
	enum lines_state state;

	from[0] = '\0';
	if (lines.file != NULL || lines.input) {
		state = lines.file != NULL ? from_file(line) : from_stdin(line);
		if (state == LINES_ONE)
			snprintf(from, 128,
				 "%s:%u: ", lines.name[0] != '\0' ? lines.name : "standard input",
				 lines.number);
		return state;
	}
	if (lines.next < lines.opt->line_count) {
		snprintf(line, LINES_MAX, "%s", lines.opt->lines[lines.next++]);
		return LINES_ONE;
	}
	if (!lines.words)
		return LINES_END;
	lines.words = false;
	snprintf(line, LINES_MAX, "%s", lines.opt->words);
	return LINES_ONE;
}
