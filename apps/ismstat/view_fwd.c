/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of link tests. */
#include <string.h>

#include "view.h"

json_t *
view_fwd_stats(struct source *src, const char *id, char *err, size_t err_size)
{
	json_t *value = source_ask(src, "/fwd/stats", err, err_size);
	double ms = json_number_value(json_object_get(value, "elapsed_ms"));

	/* Without "run" there was no test yet. */
	if (json_object_get(value, "run") != NULL)
		view_ask_histogram(src, "/fwd/latency", "0", json_object_get(value, "latency_ns"));
	if (ms > 0)
		json_object_set_new(value, "stores_per_second",
				    json_real(json_number_value(json_object_get(value, "stores")) *
					      1e3 / ms));
	return value;
}

json_t *
view_fwd_config(struct source *src, const char *id, char *err, size_t err_size)
{
	return source_ask(src, "/fwd/config", err, err_size);
}

/* --- text --- */

static const char *
text_of(const json_t *value, const char *key, enum view_unit unit, char buf[64])
{
	return view_text(json_object_get(value, key), unit, buf, 64);
}

static void
line(FILE *out, const char *label, const char *text, const char *more)
{
	fprintf(out, "  %-22s %s%s%s\n", label, text, more[0] != '\0' ? "  " : "", more);
}

/* "678,594  678,574/s": of the last period if there was one, else of the whole test. */
static void
print_rated(FILE *out, const json_t *value, const char *label, const char *key, const char *rate,
	    enum view_unit unit)
{
	const json_t *now = json_object_get(json_object_get(value, "per_second"), key);
	char number[64], text[64], more[80] = "";

	if (now == NULL)
		now = json_object_get(value, rate);
	if (now != NULL)
		snprintf(more, sizeof(more), "%s/s", view_text(now, unit, text, sizeof(text)));
	line(out, label, text_of(value, key, unit, number), more);
}

static void
print_latency(FILE *out, const json_t *lat)
{
	static const struct {
		const char *key, *name;
	} parts[] = {
		{ "min", "min" },    { "p50", "p50" }, { "p99", "p99" },
		{ "p999", "p99.9" }, { "max", "max" }, { "mean", "mean" },
	};
	char text[64];

	if (json_integer_value(json_object_get(lat, "count")) == 0)
		return;
	fprintf(out, "  %-22s", "latency");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		fprintf(out, "%s%s %s", i > 0 ? "  " : " ", parts[i].name,
			text_of(lat, parts[i].key, VIEW_NS, text));
	fputc('\n', out);
}

static void
print_errors(FILE *out, const json_t *value)
{
	static const struct {
		const char *key, *name;
	} kinds[] = {
		{ "lost", "messages lost" },
		{ "mismatches", "wrong contents" },
		{ "errors_status", "refused by the peer" },
		{ "errors_protocol", "protocol" },
		{ "errors_broken", "session broken" },
		{ "errors_stuck", "no answer" },
	};
	char text[64];
	bool any = false;

	fprintf(out, "  %-22s ", "errors");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (json_integer_value(json_object_get(value, kinds[i].key)) == 0)
			continue;
		fprintf(out, "%s%s %s", any ? ", " : "", kinds[i].name,
			text_of(value, kinds[i].key, VIEW_COUNT, text));
		any = true;
	}
	fputs(any ? "\n" : "none\n", out);
}

static void
print_asked(FILE *out, const json_t *value)
{
	char a[64], b[64], more[96];

	line(out, "elapsed", text_of(value, "elapsed_ms", VIEW_MS, a), "");
	print_rated(out, value, "messages", "messages", "messages_per_second", VIEW_COUNT);
	print_rated(out, value, "bytes", "bytes", "bytes_per_second", VIEW_BYTES);
	print_rated(out, value, "stores", "stores", "stores_per_second", VIEW_COUNT);
	line(out, "stores a message", text_of(value, "stores_per_message", VIEW_RATIO, a), "");
	print_latency(out, json_object_get(value, "latency_ns"));
	snprintf(more, sizeof(more), "remote %s", text_of(value, "stalls_remote", VIEW_COUNT, b));
	fprintf(out, "  %-22s local %s  %s\n", "credit stalls",
		text_of(value, "stalls_local", VIEW_COUNT, a), more);
	snprintf(more, sizeof(more), "at the peer %s",
		 text_of(value, "peer_empty_poll_ratio", VIEW_SHARE, b));
	line(out, "empty polls", text_of(value, "empty_poll_ratio", VIEW_SHARE, a),
	     b[0] != '\0' ? more : "");
	line(out, "retries", text_of(value, "retries", VIEW_COUNT, a), "");
	print_errors(out, value);
}

static void
print_received(FILE *out, const json_t *value)
{
	char a[64];

	if (json_integer_value(json_object_get(value, "runs")) == 0 &&
	    json_integer_value(json_object_get(value, "calls_refused")) == 0)
		return;
	fprintf(out, "tests of others: %s now, %s so far\n",
		json_integer_value(json_object_get(value, "sessions")) > 0 ? "connected" : "nobody",
		text_of(value, "runs", VIEW_COUNT, a));
	line(out, "newest", text_of(value, "mode", VIEW_TEXT, a), "");
	print_rated(out, value, "messages", "messages", "messages_per_second", VIEW_COUNT);
	print_rated(out, value, "bytes", "bytes", "bytes_per_second", VIEW_BYTES);
	line(out, "empty polls", text_of(value, "empty_poll_ratio", VIEW_SHARE, a), "");
	line(out, "wrong contents", text_of(value, "mismatches", VIEW_COUNT, a), "");
	line(out, "refused", text_of(value, "refused", VIEW_COUNT, a), "");
	line(out, "calls refused", text_of(value, "calls_refused", VIEW_COUNT, a), "");
	line(out, "shares used up", text_of(value, "shares_used", VIEW_COUNT, a), "");
	line(out, "protocol errors", text_of(value, "errors_protocol", VIEW_COUNT, a), "");
}

void
view_print_fwd_stats(FILE *out, const struct view *v, const json_t *value)
{
	char mode[64], state[64], trouble[256];

	text_of(value, "mode", VIEW_TEXT, mode);
	view_text(json_object_get(value, "trouble"), VIEW_TEXT, trouble, sizeof(trouble));
	fprintf(out, "test %s: %s%s%s\n", mode[0] != '\0' ? mode : "(none yet)",
		text_of(value, "state", VIEW_TEXT, state), trouble[0] != '\0' ? ": " : "", trouble);
	if (json_object_get(value, "elapsed_ms") != NULL)
		print_asked(out, value);
	print_received(out, json_object_get(value, "received"));
}
