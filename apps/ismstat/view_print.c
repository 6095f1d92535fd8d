/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects as text: what people read stands in one column, with its unit. */
#include <inttypes.h>
#include <string.h>

#include "view.h"

#define INDENT 2
#define LABEL_WIDTH 32
#define CELL_MAX 64

const char *
view_thousands(uint64_t n, char *buf, size_t size)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), out = 0;

	for (size_t i = 0; i < len && out + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

/* "1.5 KiB"; below 1024 nothing but the number itself would say. */
static const char *
scaled_bytes(double n, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t i = 0;

	for (; n >= 1024 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(buf, size, "%.*f %s", i > 0 ? 1 : 0, n, units[i]);
	return buf;
}

static const char *
scaled_ns(double ns, char *buf, size_t size)
{
	if (ns < 1e3)
		snprintf(buf, size, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(buf, size, "%.2f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(buf, size, "%.2f ms", ns / 1e6);
	else
		snprintf(buf, size, "%.2f s", ns / 1e9);
	return buf;
}

static const char *
count_text(double n, char *buf, size_t size)
{
	if (n < 0)
		snprintf(buf, size, "%.0f", n);
	else if (n < 10 && n != (double)(uint64_t)n)
		snprintf(buf, size, "%.2f", n);
	else
		view_thousands((uint64_t)(n + 0.5), buf, size);
	return buf;
}

static const char *
number_text(double n, enum view_unit unit, char *buf, size_t size)
{
	char scaled[CELL_MAX], plain[CELL_MAX];

	switch (unit) {
	case VIEW_BYTES:
		if (n < 1024)
			return count_text(n, buf, size);
		snprintf(buf, size, "%s (%s)", count_text(n, plain, sizeof(plain)),
			 scaled_bytes(n, scaled, sizeof(scaled)));
		return buf;
	case VIEW_PLAIN:
		snprintf(buf, size, "%.0f", n);
		return buf;
	case VIEW_NS:
		return scaled_ns(n, buf, size);
	case VIEW_US:
		return scaled_ns(n * 1e3, buf, size);
	case VIEW_MS:
		return scaled_ns(n * 1e6, buf, size);
	case VIEW_S:
		return scaled_ns(n * 1e9, buf, size);
	case VIEW_SHARE:
		snprintf(buf, size, "%.1f %%", n * 100);
		return buf;
	case VIEW_RATIO:
		snprintf(buf, size, "%.2f", n);
		return buf;
	case VIEW_FLAG:
		snprintf(buf, size, "%s", n != 0 ? "yes" : "no");
		return buf;
	default:
		return count_text(n, buf, size);
	}
}

/* "1, 2, 3" as far as it fits. */
static void
array_text(const json_t *array, char *buf, size_t size)
{
	char cell[CELL_MAX];
	size_t len = 0, i;
	json_t *item;

	snprintf(buf, size, "%s", json_array_size(array) == 0 ? "none" : "");
	json_array_foreach(array, i, item)
	{
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i > 0 ? ", " : "",
					view_text(item, VIEW_TEXT, cell, sizeof(cell)));
		if (len >= size)
			return;
	}
}

const char *
view_text(const json_t *value, enum view_unit unit, char *buf, size_t size)
{
	buf[0] = '\0';
	if (json_is_string(value))
		snprintf(buf, size, "%s", json_string_value(value));
	else if (json_is_array(value))
		array_text(value, buf, size);
	else if (json_is_boolean(value))
		snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_number(value))
		number_text(json_number_value(value), unit, buf, size);
	return buf;
}

/* "up_ms" is shown as "up", "errors_broken" as "errors broken". */
static const char *
label(const char *key, char *buf, size_t size)
{
	const struct view_field field = view_field(key);
	size_t len = strlen(key);
	char *p;

	if (field.label != NULL) {
		snprintf(buf, size, "%s", field.label);
		return buf;
	}
	if (len > 3 && (strcmp(key + len - 3, "_ns") == 0 || strcmp(key + len - 3, "_ms") == 0))
		len -= 3;
	snprintf(buf, size, "%.*s", (int)len, key);
	for (p = strchr(buf, '_'); p != NULL; p = strchr(p, '_'))
		*p = ' ';
	return buf;
}

static void
print_line(FILE *out, int depth, const char *key, const json_t *value, const json_t *rate)
{
	char name[CELL_MAX], text[1024], more[CELL_MAX];
	const struct view_field field = view_field(key);

	view_text(value, field.unit, text, sizeof(text));
	if (text[0] == '\0')
		return;
	fprintf(out, "%*s%-*s %s", depth * INDENT, "", LABEL_WIDTH - depth * INDENT,
		label(key, name, sizeof(name)), text);
	if (rate != NULL)
		fprintf(out, "  %s/s", view_text(rate, field.unit, more, sizeof(more)));
	fputc('\n', out);
}

/* Plain lines first, then what is inside: a line never follows the lines of a sub-object. */
static void
print_object(FILE *out, int depth, const json_t *value)
{
	const json_t *rates = json_object_get(value, "per_second");
	json_t *object = (json_t *)(uintptr_t)value, *item; /* to iterate; not changed */
	char name[CELL_MAX];
	const char *key;

	json_object_foreach(object, key, item)
	{
		if (!json_is_object(item))
			print_line(out, depth, key, item, json_object_get(rates, key));
	}
	json_object_foreach(object, key, item)
	{
		if (!json_is_object(item) || item == rates || json_object_size(item) == 0)
			continue;
		fprintf(out, "%*s%s\n", depth * INDENT, "", label(key, name, sizeof(name)));
		print_object(out, depth + 1, item);
	}
}

void
view_print_value(FILE *out, const char *title, const json_t *value)
{
	fprintf(out, "%s\n", title);
	print_object(out, 1, value);
	if (json_object_size(value) == 0)
		fprintf(out, "%*snone\n", INDENT, "");
}

static int
column_width(const json_t *rows, const char *key, const char *head)
{
	json_t *object = (json_t *)(uintptr_t)rows, *row;
	size_t width = strlen(head), len;
	char cell[CELL_MAX];
	const char *name;

	json_object_foreach(object, name, row)
	{
		len = key == NULL ? strlen(name)
				  : strlen(view_text(json_object_get(row, key),
						     view_field(key).unit, cell, sizeof(cell)));
		width = len > width ? len : width;
	}
	return (int)width;
}

void
view_print_table(FILE *out, const char *first, const json_t *rows, const char *const *keys)
{
	json_t *object = (json_t *)(uintptr_t)rows, *row;
	int first_width = column_width(rows, NULL, first);
	char cell[CELL_MAX];
	const char *name;

	fprintf(out, "%*s%*s", INDENT, "", first_width, first);
	for (unsigned int i = 0; keys[i] != NULL; i++)
		fprintf(out, "  %*s",
			column_width(rows, keys[i], label(keys[i], cell, sizeof(cell))), cell);
	fputc('\n', out);
	json_object_foreach(object, name, row)
	{
		fprintf(out, "%*s%*s", INDENT, "", first_width, name);
		for (unsigned int i = 0; keys[i] != NULL; i++) {
			char head[CELL_MAX];
			int width = column_width(rows, keys[i], label(keys[i], head, sizeof(head)));

			fprintf(out, "  %*s", width,
				view_text(json_object_get(row, keys[i]), view_field(keys[i]).unit,
					  cell, sizeof(cell)));
		}
		fputc('\n', out);
	}
}
