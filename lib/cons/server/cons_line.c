/* SPDX-License-Identifier: BSD-3-Clause */
#include "cons_line.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

/* With PARMRK a byte may take two places. */
#define HALF (CONS_LINE_MAX / 2)

enum meaning {
	PLAIN, /* a byte of the line */
	NOTHING, /* never gets into it */
	ENDS,
	DROPS, /* the whole line */
	ERASES, /* the last character */
	ERASES_WORD,
	QUOTES, /* the next byte */
};

/* Is this the character for that, in these settings? 0 stands for none. */
static bool
is_cc(const struct termios *tio, int which, uint8_t c)
{
	return tio->c_cc[which] == c && c != _POSIX_VDISABLE;
}

/* What CR and NL are turned into. @return -1: dropped. */
static int
turned(const struct termios *tio, uint8_t c)
{
	if (c == '\r' && (tio->c_iflag & IGNCR) != 0)
		return -1;
	if (c == '\r' && (tio->c_iflag & ICRNL) != 0)
		return '\n';
	return c == '\n' && (tio->c_iflag & INLCR) != 0 ? '\r' : c;
}

static bool
is_signal(const struct termios *tio, uint8_t c)
{
	return (tio->c_lflag & ISIG) != 0 &&
	       (is_cc(tio, VINTR, c) || is_cc(tio, VQUIT, c) || is_cc(tio, VSUSP, c));
}

static enum meaning
extended(const struct termios *tio, uint8_t c)
{
	if ((tio->c_lflag & IEXTEN) == 0)
		return PLAIN;
	if (is_cc(tio, VWERASE, c))
		return ERASES_WORD;
	if (is_cc(tio, VLNEXT, c))
		return QUOTES;
	if (is_cc(tio, VREPRINT, c) && (tio->c_lflag & ECHO) != 0)
		return NOTHING;
	return is_cc(tio, VEOL2, c) ? ENDS : PLAIN;
}

/* In the order in which the kernel asks. */
static enum meaning
meaning(const struct termios *tio, uint8_t byte)
{
	uint8_t c = (tio->c_iflag & ISTRIP) != 0 ? byte & 0x7f : byte;
	int nl;

	if ((tio->c_iflag & IXON) != 0 && (is_cc(tio, VSTART, c) || is_cc(tio, VSTOP, c)))
		return NOTHING;
	if (is_signal(tio, c))
		return (tio->c_lflag & NOFLSH) != 0 ? NOTHING : DROPS;
	nl = turned(tio, c);
	if (nl < 0)
		return NOTHING;
	if (is_cc(tio, VERASE, (uint8_t)nl))
		return ERASES;
	if (is_cc(tio, VKILL, (uint8_t)nl))
		return DROPS;
	if (nl == '\n' || is_cc(tio, VEOF, (uint8_t)nl) || is_cc(tio, VEOL, (uint8_t)nl))
		return ENDS;
	return extended(tio, (uint8_t)nl);
}

static void
erase(struct cons_line *line, bool utf8)
{
	while (line->known > 0 && utf8 && (line->bytes[line->known - 1] & 0xc0) == 0x80)
		line->known--;
	if (line->known > 0)
		line->known--;
}

static void
erase_word(struct cons_line *line)
{
	bool seen = false;

	while (line->known > 0) {
		uint8_t c = line->bytes[line->known - 1];

		if (isalnum(c) || c == '_')
			seen = true;
		else if (seen)
			return;
		line->known--;
	}
}

/* One byte that was typed goes into the line. There is room: it stood there before. */
static void
take(struct cons_line *line, const struct termios *tio, uint8_t c)
{
	enum meaning what = line->literal ? PLAIN : meaning(tio, c);

	line->literal = false;
	switch (what) {
	case PLAIN:
		if (line->known < CONS_LINE_MAX)
			line->bytes[line->known++] = c;
		break;
	case ENDS:
	case DROPS:
		line->known = 0;
		break;
	case ERASES:
		erase(line, (tio->c_iflag & IUTF8) != 0);
		break;
	case ERASES_WORD:
		erase_word(line);
		break;
	case QUOTES:
		line->literal = true;
		break;
	case NOTHING:
		break;
	}
}

uint32_t
cons_line_free(const struct cons_line *line)
{
	return line->len < HALF ? HALF - line->len : 0;
}

uint32_t
cons_line_room(struct cons_line *line, const struct termios *tio, const uint8_t *bytes,
	       uint32_t len)
{
	uint32_t max = (tio->c_iflag & PARMRK) != 0 ? HALF : CONS_LINE_MAX, end = line->len;

	for (uint32_t i = line->known; i < end; i++)
		take(line, tio, line->bytes[i]);
	line->len = line->known;
	if (line->known < max)
		return RTE_MIN(len, max - line->known);
	return line->literal || meaning(tio, bytes[0]) != PLAIN;
}

void
cons_line_typed(struct cons_line *line, const uint8_t *bytes, uint32_t len)
{
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
}

void
cons_line_reset(struct cons_line *line)
{
	line->known = line->len = 0;
	line->literal = false;
}
