/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_peers.h"
#include "base_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
base_gid_parse(const char *text, uint64_t *gid)
{
	uint64_t value = 0;
	size_t i;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (i = 0; text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (i == 16 || !isxdigit(c))
			return -EINVAL;
		value = value << 4 | (uint64_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	if (i == 0 || value == 0)
		return -EINVAL;
	*gid = value;
	return 0;
}

const char *
base_gid_str(uint64_t gid, char buf[BASE_GID_STRLEN])
{
	snprintf(buf, BASE_GID_STRLEN, "0x%016" PRIx64, gid);
	return buf;
}

const char *
base_text_clean(char *dst, size_t size, const void *src, size_t len)
{
	const unsigned char *s = src;
	size_t i;

	for (i = 0; i + 1 < size && i < len && s[i] != '\0'; i++)
		dst[i] = s[i] >= 0x20 && s[i] < 0x7f ? (char)s[i] : '?';
	dst[i] = '\0';
	return dst;
}

/* The power of two that a size suffix stands for, or -1. */
static int
suffix_shift(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	case 't':
	case 'T':
		return 40;
	default:
		return -1;
	}
}

int
base_num_parse(const char *text, int suffix, uint64_t min, uint64_t max, uint64_t *value)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (end == text || (text[0] == '0' && (text[1] | 0x20) == 'x' && end < text + 3))
		return -EINVAL;
	if (errno == ERANGE)
		return -ERANGE;
	if (suffix && *end != '\0' && suffix_shift(*end) > 0) {
		int shift = suffix_shift(*end++);

		if (n > UINT64_MAX >> shift)
			return -ERANGE;
		n <<= shift;
	}
	if (*end != '\0')
		return -EINVAL;
	if (n < min || n > max)
		return -ERANGE;
	*value = n;
	return 0;
}

char *
base_part_take(char **rest)
{
	char *part = *rest, *from = *rest, *to = *rest;
	int more = 0;

	if (from == NULL)
		return NULL;
	while (*from != '\0' && !more) {
		if (*from != ',' || *++from == ',')
			*to++ = *from++;
		else
			more = 1;
	}
	*rest = more ? from : NULL;
	*to = '\0';
	return part;
}

int
base_gids_parse(char *list, uint64_t *gids, unsigned int *count, unsigned int max, const char **bad)
{
	while (list != NULL) {
		*bad = strsep(&list, ":");
		if (*count == max)
			return -ENOSPC;
		if (base_peer_parse(*bad, &gids[*count]) != 0)
			return -EINVAL;
		(*count)++;
	}
	return 0;
}
