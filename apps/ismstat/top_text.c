/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include <inttypes.h>
#include <string.h>

/* Three digits, whatever the size. */
static void
scaled(double value, unsigned int digits, char buf[TOP_CELL])
{
	static const char units[] = " kMGTPE";
	unsigned int unit = 0;
	int decimals;

	while (value >= 999.5 && units[unit + 1] != '\0') {
		value /= 1000;
		unit++;
	}
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	if (decimals > (int)digits - 1)
		decimals = (int)digits - 1;
	if (digits == 2 && value >= 9.95)
		decimals = 0;
	if (unit == 0)
		snprintf(buf, TOP_CELL, "%.*f", decimals, value);
	else
		snprintf(buf, TOP_CELL, "%.*f%c", decimals, value, units[unit]);
}

const char *
top_si(double value, char buf[TOP_CELL])
{
	if (value < 0)
		snprintf(buf, TOP_CELL, "-");
	else if (value < 10000 && value == (double)(uint64_t)value)
		snprintf(buf, TOP_CELL, "%.0f", value);
	else
		scaled(value, 3, buf);
	return buf;
}

const char *
top_short(double value, char buf[TOP_CELL])
{
	if (value < 0)
		snprintf(buf, TOP_CELL, "-");
	else if (value < 10000)
		snprintf(buf, TOP_CELL, "%.0f", value);
	else
		scaled(value, 2, buf);
	return buf;
}

const char *
top_time(double ns, char buf[TOP_CELL])
{
	static const char units[] = "num";
	unsigned int unit = 0;

	if (ns <= 0) {
		snprintf(buf, TOP_CELL, "-");
		return buf;
	}
	while (ns >= 999.5 && units[unit + 1] != '\0') {
		ns /= 1000;
		unit++;
	}
	if (ns >= 999.5)
		snprintf(buf, TOP_CELL, ns < 9950 ? "%.1fs" : "%.0fs", ns / 1000);
	else
		snprintf(buf, TOP_CELL, ns < 9.95 && unit > 0 ? "%.1f%c" : "%.0f%c", ns,
			 units[unit]);
	return buf;
}

const char *
top_ratio(double upper, double lower, char buf[TOP_CELL])
{
	if (upper < 0 || lower <= 0)
		snprintf(buf, TOP_CELL, "-");
	else
		scaled(upper / lower, upper / lower < 99.95 ? 3 : 2, buf);
	return buf;
}

const char *
top_uptime(double ms, char *buf, size_t size)
{
	uint64_t s = ms > 0 ? (uint64_t)(ms / 1000) : 0;
	unsigned int h = (unsigned int)(s / 3600 % 24), m = (unsigned int)(s / 60 % 60);

	if (s >= 86400)
		snprintf(buf, size, "%" PRIu64 "d %02u:%02u:%02u", s / 86400, h, m,
			 (unsigned int)(s % 60));
	else
		snprintf(buf, size, "%02u:%02u:%02u", h, m, (unsigned int)(s % 60));
	return buf;
}

/* What is not printable ASCII would break the picture; the source has replaced it already. */
static void
put_line(const char *line, size_t len, unsigned int cols, FILE *out)
{
	for (size_t i = 0; i < len && i < cols; i++)
		fputc(line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?', out);
	fputs("\033[K", out);
}

void
top_fit(const char *text, const char *foot, unsigned int cols, unsigned int rows, FILE *out)
{
	unsigned int room = rows - (foot != NULL && rows > 1), row;
	size_t len;

	fputs("\033[H", out);
	for (row = 0; row < room && *text != '\0'; row++) {
		len = strcspn(text, "\n");
		if (row > 0)
			fputs("\r\n", out);
		put_line(text, len, cols, out);
		text += len + (text[len] == '\n');
	}
	fputs("\033[J", out);
	if (foot == NULL || rows <= 1)
		return;
	fprintf(out, "\033[%u;1H\033[7m", rows);
	put_line(foot, strlen(foot), cols, out);
	fputs("\033[0m", out);
}
