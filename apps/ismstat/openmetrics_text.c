/* SPDX-License-Identifier: BSD-3-Clause */
#include "openmetrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base_hist.h"
#include "base_time.h"

/* Samples of a family as text. */
struct family {
	struct family *next;
	struct metric metric; /* its family may be gone: */
	char *name;
	char *text;
	size_t size;
	FILE *stream;
};

struct metrics {
	struct family *first, **last; /* in the order in which they came */
	json_t *seen; /* set of "family{labels}" */
	bool lost; /* no memory on the way */
};

struct metrics *
metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->last = &m->first;
	m->seen = json_object();
	if (m->seen != NULL)
		return m;
	free(m);
	return NULL;
}

void
metrics_free(struct metrics *m)
{
	struct family *f, *next;

	if (m == NULL)
		return;
	for (f = m->first; f != NULL; f = next) {
		next = f->next;
		if (f->stream != NULL)
			fclose(f->stream);
		free(f->text);
		free(f->name);
		free(f);
	}
	json_decref(m->seen);
	free(m);
}

/* --- labels --- */

static void
put(struct metric_labels *labels, char c)
{
	if (labels->len + 1 < sizeof(labels->text))
		labels->text[labels->len++] = c;
	else
		labels->cut = true;
	labels->text[labels->len] = '\0';
}

static void
put_text(struct metric_labels *labels, const char *text)
{
	for (; *text != '\0'; text++)
		put(labels, *text);
}

void
metric_labels_add(struct metric_labels *labels, const char *name, const char *value)
{
	if (labels->len > 0)
		put(labels, ',');
	put_text(labels, name);
	put_text(labels, "=\"");
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\' || *value == '\n')
			put(labels, '\\');
		put(labels, *value == '\n' ? 'n' : *value);
	}
	put(labels, '"');
}

/* --- samples --- */

bool
metric_number(const json_t *number, unsigned int exp, char *buf, size_t size)
{
	double value, unit = 1;

	if (json_is_integer(number) && exp == 0) {
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
		return true;
	}
	if (!json_is_number(number))
		return false;
	for (unsigned int i = 0; i < exp; i++)
		unit *= 10;
	value = json_number_value(number) / unit;
	snprintf(buf, size, "%.*f", exp > 0 ? (int)exp : 0, value);
	return true;
}

static struct family *
find_family(struct metrics *m, const struct metric *metric)
{
	struct family *f;

	for (f = m->first; f != NULL; f = f->next) {
		if (strcmp(f->name, metric->family) == 0)
			return f;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->metric = *metric;
	f->name = strdup(metric->family);
	f->stream = open_memstream(&f->text, &f->size);
	if (f->name == NULL || f->stream == NULL) {
		if (f->stream != NULL)
			fclose(f->stream);
		free(f->text);
		free(f->name);
		free(f);
		return NULL;
	}
	*m->last = f;
	m->last = &f->next;
	return f;
}

/* @return whether it is new. */
static bool
remember(struct metrics *m, const char *name, const struct metric_labels *labels)
{
	char id[sizeof(labels->text) + 160];

	snprintf(id, sizeof(id), "%.150s{%s}", name, labels->text);
	if (json_object_get(m->seen, id) != NULL)
		return false;
	if (json_object_set_new(m->seen, id, json_true()) < 0)
		m->lost = true;
	return true;
}

/* @param part  of the family's samples: "", "_total", "_bucket", ... */
static void
add_part(struct metrics *m, const struct metric *metric, const char *part,
	 const struct metric_labels *labels, const char *value)
{
	struct family *f = find_family(m, metric);

	if (f == NULL) {
		m->lost = true;
		return;
	}
	fprintf(f->stream, "%s%s%s%s%s %s\n", f->name, part, labels->len > 0 ? "{" : "",
		labels->text, labels->len > 0 ? "}" : "", value);
}

void
metrics_add(struct metrics *m, const struct metric *metric, const struct metric_labels *labels,
	    const char *value)
{
	if (labels->cut || !remember(m, metric->family, labels))
		return;
	add_part(m, metric, metric->type == METRIC_COUNTER ? "_total" : "", labels, value);
}

/* --- histograms --- */

/* Two an octave: at the end of these buckets, and of each eighth one behind the first. */
#define LE_FIRST base_hist_bucket(1023) /* 1 us */
#define LE_LAST base_hist_bucket(((uint64_t)1 << 33) - 1) /* 8.6 s */
#define LE_STEP 8

/* ns as seconds, to the last digit. */
static const char *
seconds(uint64_t ns, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64 ".%09" PRIu64, (uint64_t)(ns / BASE_NS_PER_S),
		 (uint64_t)(ns % BASE_NS_PER_S));
	return buf;
}

static void
add_bucket(struct metrics *m, const struct metric *metric, const struct metric_labels *labels,
	   const char *le, uint64_t count)
{
	struct metric_labels more = *labels;
	char value[24];

	metric_labels_add(&more, "le", le);
	snprintf(value, sizeof(value), "%" PRIu64, count);
	if (!more.cut)
		add_part(m, metric, "_bucket", &more, value);
}

void
metrics_add_histogram(struct metrics *m, const struct metric *metric,
		      const struct metric_labels *labels, const struct base_hist *h)
{
	struct metric_labels longest = *labels;
	uint64_t count = 0;
	char text[48];

	metric_labels_add(&longest, "le", seconds(BASE_NS_PER_S, text, sizeof(text)));
	if (longest.cut || !remember(m, metric->family, labels))
		return;
	for (unsigned int i = 0; i < BASE_HIST_BUCKETS; i++) {
		count += base_count_get(&h->bucket[i]);
		if (i >= LE_FIRST && i <= LE_LAST && (i - LE_FIRST) % LE_STEP == 0)
			add_bucket(m, metric, labels,
				   seconds(base_hist_limit(i), text, sizeof(text)), count);
	}
	add_bucket(m, metric, labels, "+Inf", count);
	snprintf(text, sizeof(text), "%" PRIu64, count);
	add_part(m, metric, "_count", labels, text);
	add_part(m, metric, "_sum", labels, seconds(base_count_get(&h->sum), text, sizeof(text)));
}

/* --- out --- */

static const char *
type_name(enum metric_type type)
{
	static const char *const names[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};

	return names[type];
}

int
metrics_write(struct metrics *m, FILE *out)
{
	struct family *f;

	for (f = m->first; f != NULL; f = f->next) {
		if (fflush(f->stream) != 0)
			m->lost = true;
		fprintf(out, "# TYPE %s %s\n", f->name, type_name(f->metric.type));
		if (f->metric.unit[0] != '\0')
			fprintf(out, "# UNIT %s %s\n", f->name, f->metric.unit);
		fprintf(out, "# HELP %s %s\n", f->name, f->metric.help);
		fwrite(f->text, 1, f->size, out);
	}
	fputs("# EOF\n", out);
	if (fflush(out) != 0 || ferror(out))
		return -EIO;
	return m->lost ? -ENOMEM : 0;
}
