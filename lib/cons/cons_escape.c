/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int
cons_escape_parse(const char *text, int *prefix)
{
	int c;

	if (strcmp(text, "none") == 0) {
		*prefix = -1;
		return 0;
	}
	if (text[0] == '^' && text[1] != '\0')
		text++;
	c = toupper((unsigned char)text[0]);
	if (c == '\0' || text[1] != '\0')
		return -EINVAL;
	if (strchr("]^_", c) == NULL && (c < 'A' || c > 'Z' || strchr("CDHIJMQSZ", c) != NULL))
		return -EINVAL;
	*prefix = c & 0x1f;
	return 0;
}

const char *
cons_escape_name(int prefix, char buf[CONS_ESCAPE_NAME_MAX])
{
	if (prefix < 0)
		snprintf(buf, CONS_ESCAPE_NAME_MAX, "none");
	else
		snprintf(buf, CONS_ESCAPE_NAME_MAX, "Ctrl-%c", prefix | 0x40);
	return buf;
}

static enum cons_escape_action
command(uint8_t c)
{
	switch (c) {
	case '.':
	case 'd':
		return CONS_ESCAPE_DISCONNECT;
	case 'b':
		return CONS_ESCAPE_BREAK;
	case 'r':
		return CONS_ESCAPE_RESIZE;
	case '?':
	case 'h':
		return CONS_ESCAPE_HELP;
	default:
		return CONS_ESCAPE_NONE;
	}
}

size_t
cons_escape_feed(struct cons_escape *e, const uint8_t *in, size_t len, uint8_t *out,
		 size_t *out_len, enum cons_escape_action *action)
{
	size_t i = 0, n = 0;

	*action = CONS_ESCAPE_NONE;
	while (i < len && *action == CONS_ESCAPE_NONE) {
		uint8_t c = in[i++];
		bool prefix = c == e->prefix;

		if (prefix != e->armed) {
			/* The prefix alone, or a command behind it. */
			e->armed = prefix;
			if (!prefix)
				*action = command(c);
			continue;
		}
		e->armed = false;
		out[n++] = c;
	}
	*out_len = n;
	return i;
}
