/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From words to an object: ask, take away what was there at `clear`, add rates and ratios. What is
 * printed is this object and nothing else.
 */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_time.h"

#define VIEWS_MAX 32

/* What is remembered of each view, by its place in the table. */
static struct {
	json_t *base; /* as it was at `clear` */
	json_t *before; /* the answer before; with rates on */
	uint64_t before_ns;
} memory[VIEWS_MAX];
static char program[128]; /* that all of it is of */
static bool rates_on;

void
view_rates(bool on)
{
	rates_on = on;
}

void
view_forget(void)
{
	for (unsigned int i = 0; i < VIEWS_MAX; i++) {
		json_decref(memory[i].base);
		json_decref(memory[i].before);
		memory[i].base = memory[i].before = NULL;
	}
}

/* What another process had counted, under the same name perhaps, is nothing to count from. */
static void
mind_program(const struct source *src)
{
	if (strcmp(program, source_name(src)) == 0)
		return;
	view_forget();
	snprintf(program, sizeof(program), "%s", source_name(src));
}

/* --- from words to a view --- */

/* "device stats" + "[ID|all]" */
static void
view_form(const struct view *v, char form[FORM_LINE_MAX])
{
	snprintf(form, FORM_LINE_MAX, "%s%s%s", v->words, v->arg[0] != '\0' ? " " : "", v->arg);
}

static const char *
complain(int argc, char **argv, char *err, size_t err_size)
{
	static char texts[VIEWS_MAX][FORM_LINE_MAX];
	const char *forms[VIEWS_MAX];
	struct form_list list = { forms, view_count };

	for (unsigned int i = 0; i < view_count; i++) {
		view_form(&views[i], texts[i]);
		forms[i] = texts[i];
	}
	return form_complain(&list, argc, argv, err, err_size);
}

/* @param id  the ID among the words, or NULL: all. @return NULL: there is no such view. */
static const struct view *
find(int argc, char **argv, const char **id)
{
	char form[FORM_LINE_MAX];
	bool complete;

	for (unsigned int i = 0; i < view_count; i++) {
		view_form(&views[i], form);
		if (form_match(form, argc, argv, &complete) != argc || !complete)
			continue;
		*id = strstr(views[i].arg, "ID") != NULL && strcmp(argv[argc - 1], "all") != 0 &&
				      strspn(argv[argc - 1], "0123456789") == strlen(argv[argc - 1])
			      ? argv[argc - 1]
			      : NULL;
		return &views[i];
	}
	return NULL;
}

static void
view_key(const struct view *v, char key[FORM_CHOICE_MAX])
{
	snprintf(key, FORM_CHOICE_MAX, "%s", v->words);
	for (char *p = strchr(key, ' '); p != NULL; p = strchr(p, ' '))
		*p = '_';
}

/* --- figures --- */

/* At every depth: what one would else work out from two lines. */
static void
add_ratios(json_t *value)
{
	const char *key;
	json_t *item;

	if (json_object_get(value, "store_calls") != NULL) {
		view_ratio(value, "stores_per_call", "stores", "store_calls");
		view_ratio(value, "system_calls_per_store", "store_syscalls", "stores");
	}
	view_ratio(value, "bytes_per_store", "store_bytes", "stores");
	view_ratio(value, "stores_per_message", "stores", "messages");
	view_ratio(value, "descriptors_per_store", "descriptors", "flushes");
	view_ratio(value, "empty_poll_ratio", "polls_empty", "polls");
	view_ratio(value, "peer_empty_poll_ratio", "peer_polls_empty", "peer_polls");
	json_object_foreach(value, key, item)
	{
		if (json_is_object(item) && strcmp(key, "per_second") != 0)
			add_ratios(item);
	}
}

/* From a fresh answer to what is shown. */
static void
refine(const struct view *v, json_t *value)
{
	unsigned int i = (unsigned int)(v - views);
	uint64_t now = base_now_ns();
	json_t *raw = NULL;

	if (v->counts == NULL)
		return;
	if (rates_on)
		raw = json_deep_copy(value);
	if (memory[i].base != NULL) {
		view_subtract(value, memory[i].base);
		view_latency_since(value, memory[i].base);
	}
	if (rates_on && memory[i].before != NULL) {
		/* Rates are of the counters themselves: `clear` between two answers is no fall. */
		json_t *rated = json_deep_copy(raw);

		view_add_rates(rated, memory[i].before,
			       (double)(now - memory[i].before_ns) / (double)BASE_NS_PER_S);
		view_take_rates(value, rated);
		json_decref(rated);
	}
	add_ratios(value);
	if (raw != NULL) {
		json_decref(memory[i].before);
		memory[i].before = raw;
		memory[i].before_ns = now;
	}
}

static json_t *
collect_one(struct source *src, const struct view *v, const char *id, char *err, size_t err_size)
{
	json_t *value;

	if (!source_has(src, v->needs)) {
		snprintf(err, err_size, "this program has no %s (%s)", v->words, source_name(src));
		return NULL;
	}
	value = v->collect(src, id, err, err_size);
	if (value != NULL && !json_is_object(value)) {
		snprintf(err, err_size, "%s: it has no answer now", v->words);
		json_decref(value);
		value = NULL;
	}
	if (value != NULL) {
		mind_program(src);
		refine(v, value);
	}
	return value;
}

/* What every answer begins with. */
static json_t *
new_answer(struct source *src)
{
	struct timespec ts;
	long ms;

	clock_gettime(CLOCK_REALTIME, &ts);
	ms = ts.tv_nsec / 1000000;
	return json_pack("{s:s, s:f}", "source", source_name(src), "time",
			 (double)ts.tv_sec + (double)ms / 1000);
}

/* --- view.h --- */

static bool
is_all(int argc, char **argv)
{
	return argc == 1 && strcmp(argv[0], "all") == 0;
}

/* Every view that has an answer. */
static json_t *
collect_all(struct source *src, char *err, size_t err_size)
{
	json_t *answer = new_answer(src), *value;
	char key[FORM_CHOICE_MAX];
	size_t had = json_object_size(answer);

	for (unsigned int i = 0; i < view_count; i++) {
		value = collect_one(src, &views[i], NULL, err, err_size);
		view_key(&views[i], key);
		if (value != NULL)
			json_object_set_new(answer, key, value);
	}
	if (json_object_size(answer) > had)
		return answer;
	json_decref(answer);
	return NULL;
}

static json_t *
collect(struct source *src, int argc, char **argv, int *ret, char *err, size_t err_size)
{
	const char *id = NULL;
	char key[FORM_CHOICE_MAX];
	const struct view *v;
	json_t *answer, *value;

	*ret = -EIO;
	if (is_all(argc, argv))
		return collect_all(src, err, err_size);
	v = find(argc, argv, &id);
	if (v == NULL) {
		*ret = -EINVAL;
		complain(argc, argv, err, err_size);
		return NULL;
	}
	value = collect_one(src, v, id, err, err_size);
	if (value == NULL)
		return NULL;
	answer = new_answer(src);
	view_key(v, key);
	json_object_set_new(answer, key, value);
	return answer;
}

bool
view_refresh(struct source *src, int argc, char **argv)
{
	const char *id;
	const struct view *v = find(argc, argv, &id);

	if (!is_all(argc, argv) && (v == NULL || v->collect != view_device_info))
		return false;
	return view_device_refresh(src);
}

json_t *
view_collect(struct source *src, const char *words, char *err, size_t err_size)
{
	struct form_words split;
	int ret = form_split(words, &split);

	if (ret != 0) {
		snprintf(err, err_size, "too long a line");
		return NULL;
	}
	return collect(src, split.argc, split.argv, &ret, err, err_size);
}

static void
print(FILE *out, const json_t *answer)
{
	char key[FORM_CHOICE_MAX];
	const json_t *value;
	bool first = true;

	for (unsigned int i = 0; i < view_count; i++) {
		view_key(&views[i], key);
		value = json_object_get(answer, key);
		if (value == NULL)
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		if (views[i].print != NULL)
			views[i].print(out, &views[i], value);
		else
			view_print_value(out, views[i].words, value);
	}
}

static int
print_answer(struct view_context *ctx, json_t *answer)
{
	view_latency_strip(answer);
	if (!ctx->json) {
		print(ctx->out, answer);
	} else {
		json_dumpf(answer, ctx->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
		fputc('\n', ctx->out);
	}
	/* Whoever reads a pipe sees it now. */
	return fflush(ctx->out) == 0 && !ferror(ctx->out) ? 0 : -EIO;
}

int
view_show(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size)
{
	json_t *answer;
	int ret;

	err[0] = '\0';
	answer = collect(ctx->src, argc, argv, &ret, err, err_size);
	if (answer == NULL)
		return ret;
	ret = print_answer(ctx, answer);
	if (ret != 0)
		snprintf(err, err_size, "cannot write the output: %s", strerror(errno));
	json_decref(answer);
	return ret;
}

/* Counters of one program part are shown by several views: all of them begin anew. */
static int
clear_counters(struct source *src, const char *counts, char *err, size_t err_size)
{
	bool done = false;
	json_t *value;

	for (unsigned int i = 0; i < view_count; i++) {
		if (views[i].counts == NULL ||
		    (counts != NULL && strcmp(views[i].counts, counts) != 0))
			continue;
		if (!source_has(src, views[i].needs))
			continue;
		value = views[i].collect(src, NULL, err, err_size);
		if (value == NULL)
			return -EIO;
		mind_program(src);
		json_decref(memory[i].base);
		memory[i].base = value;
		done = true;
	}
	if (done)
		return 0;
	snprintf(err, err_size, "this program has no such counters (%s)", source_name(src));
	return -EIO;
}

int
view_clear(struct view_context *ctx, int argc, char **argv, char *err, size_t err_size)
{
	const struct view *v;
	const char *id = NULL;

	if (is_all(argc, argv))
		return clear_counters(ctx->src, NULL, err, err_size);
	v = find(argc, argv, &id);
	if (v == NULL || v->counts == NULL) {
		if (v == NULL)
			complain(argc, argv, err, err_size);
		else
			snprintf(err, err_size, "%s has no counters to clear", v->words);
		return -EINVAL;
	}
	return clear_counters(ctx->src, v->counts, err, err_size);
}

void
view_tick(struct view_context *ctx, bool quiet)
{
	json_t *answer = new_answer(ctx->src), *value;
	char key[FORM_CHOICE_MAX], err[256];

	for (unsigned int i = 0; i < view_count; i++) {
		if (views[i].counts == NULL || strstr(views[i].words, "xstats") != NULL ||
		    strcmp(views[i].words, "queue") == 0)
			continue;
		value = collect_one(ctx->src, &views[i], NULL, err, sizeof(err));
		view_key(&views[i], key);
		if (value != NULL)
			json_object_set_new(answer, key, value);
	}
	if (!quiet)
		print_answer(ctx, answer);
	json_decref(answer);
}
