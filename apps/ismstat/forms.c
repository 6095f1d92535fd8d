/* SPDX-License-Identifier: BSD-3-Clause */
#include "forms.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base_text.h"

#define WORD_SIZE 160 /* bytes of one word of a form: "ping|stream|verify" */

int
form_add(struct form_words *words, const char *word, size_t len)
{
	char *at = words->text;

	if (words->argc == FORM_WORDS_MAX)
		return -E2BIG;
	if (words->argc > 0) {
		at = words->argv[words->argc - 1];
		at += strlen(at) + 1;
	}
	if ((size_t)(at - words->text) + len + 1 > sizeof(words->text))
		return -ENAMETOOLONG;
	memcpy(at, word, len);
	at[len] = '\0';
	words->argv[words->argc++] = at;
	words->argv[words->argc] = NULL;
	return 0;
}

int
form_split(const char *line, struct form_words *words)
{
	const char *end = line + strcspn(line, "#\r\n");
	size_t len;
	int ret = 0;

	words->argc = 0;
	words->argv[0] = NULL;
	if ((size_t)(end - line) >= sizeof(words->text))
		return -ENAMETOOLONG;
	for (line += strspn(line, " \t"); line < end && ret == 0; line += strspn(line, " \t")) {
		len = strcspn(line, " \t#\r\n");
		ret = form_add(words, line, len);
		line += len;
	}
	return ret;
}

/* Word number n of the form without its brackets. @return NULL: there is none. */
static const char *
form_word(const char *form, unsigned int n, char word[WORD_SIZE], bool *optional)
{
	size_t len;

	for (form += strspn(form, " "); n > 0 && *form != '\0'; n--) {
		form += strcspn(form, " ");
		form += strspn(form, " ");
	}
	*optional = *form == '[';
	form += *optional;
	len = strcspn(form, " ]");
	if (len == 0 || len >= WORD_SIZE)
		return NULL;
	memcpy(word, form, len);
	word[len] = '\0';
	return word;
}

static bool
choice_of(const char *word, unsigned int n, char choice[FORM_CHOICE_MAX])
{
	size_t len;

	for (; n > 0; n--) {
		word += strcspn(word, "|");
		if (*word++ == '\0')
			return false;
	}
	len = strcspn(word, "|");
	if (len == 0 || len >= FORM_CHOICE_MAX)
		return false;
	memcpy(choice, word, len);
	choice[len] = '\0';
	return true;
}

bool
form_choice(const char *form, unsigned int word, unsigned int n, char choice[FORM_CHOICE_MAX])
{
	char text[WORD_SIZE];
	bool optional;

	return form_word(form, word, text, &optional) != NULL && choice_of(text, n, choice);
}

bool
form_is_word(const char *choice)
{
	return !isupper((unsigned char)choice[0]) && !isdigit((unsigned char)choice[0]);
}

static bool
is_decimal(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	if (digits == 0)
		return false;
	word += digits;
	return *word == '\0' || (*word == '.' && word[1] != '\0' &&
				 word[1 + strspn(word + 1, "0123456789")] == '\0');
}

/* May this word stand where the form has this value? What it says is judged later. */
static bool
value_fits(const char *value, const char *word)
{
	uint64_t number;

	if (strcmp(value, "ID") == 0)
		return word[strspn(word, "0123456789")] == '\0' &&
		       base_num_parse(word, 0, 0, UINT16_MAX, &number) == 0;
	if (strcmp(value, "GID") == 0)
		return base_gid_parse(word, &number) == 0;
	if (strcmp(value, "SECONDS") == 0)
		return is_decimal(word);
	return true;
}

static bool
word_fits(const char *alternatives, const char *word)
{
	char choice[FORM_CHOICE_MAX];

	for (unsigned int n = 0; choice_of(alternatives, n, choice); n++) {
		if (form_is_word(choice) ? strcmp(choice, word) == 0 : value_fits(choice, word))
			return true;
	}
	return false;
}

int
form_match(const char *form, int argc, char **argv, bool *complete)
{
	char word[WORD_SIZE];
	bool optional;
	int i = 0;

	while (i < argc && form_word(form, (unsigned int)i, word, &optional) != NULL &&
	       word_fits(word, argv[i]))
		i++;
	*complete = form_word(form, (unsigned int)i, word, &optional) == NULL || optional;
	return i;
}

int
form_find(const struct form_list *list, int argc, char **argv)
{
	bool complete;

	for (unsigned int i = 0; i < list->count; i++) {
		if (form_match(list->forms[i], argc, argv, &complete) == argc && complete)
			return (int)i;
	}
	return -1;
}

/* Is this choice of form number `form` offered by an earlier one? */
static bool
seen(const struct form_list *list, unsigned int form, int argc, char **argv, const char *choice)
{
	char other[FORM_CHOICE_MAX];
	bool complete;

	for (unsigned int i = 0; i < form; i++) {
		if (form_match(list->forms[i], argc, argv, &complete) != argc)
			continue;
		for (unsigned int n = 0; form_choice(list->forms[i], (unsigned int)argc, n, other);
		     n++) {
			if (strcmp(other, choice) == 0)
				return true;
		}
	}
	return false;
}

static bool
next_choice(const struct form_list *list, int argc, char **argv, unsigned int n, bool values,
	    char choice[FORM_CHOICE_MAX])
{
	bool complete;

	for (unsigned int i = 0; i < list->count; i++) {
		if (form_match(list->forms[i], argc, argv, &complete) != argc)
			continue;
		for (unsigned int k = 0; form_choice(list->forms[i], (unsigned int)argc, k, choice);
		     k++) {
			if ((!values && !form_is_word(choice)) || seen(list, i, argc, argv, choice))
				continue;
			if (n-- == 0)
				return true;
		}
	}
	return false;
}

bool
form_next(const struct form_list *list, const struct form_words *words, unsigned int n, bool values,
	  char choice[FORM_CHOICE_MAX])
{
	char *argv[FORM_WORDS_MAX + 1];

	memcpy(argv, words->argv, sizeof(argv));
	return next_choice(list, words->argc, argv, n, values, choice);
}

int
form_fits(const struct form_list *list, int argc, char **argv)
{
	int best = 0, n;
	bool complete;

	for (unsigned int i = 0; i < list->count; i++) {
		n = form_match(list->forms[i], argc, argv, &complete);
		best = n > best ? n : best;
	}
	return best;
}

/* --- complaints --- */

/* A text that grows; what does not fit is cut. */
struct text {
	char *buf;
	size_t size, len;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

/* What a person typed, harmless for a terminal and not too long. */
static void
add_typed(struct text *t, const char *word)
{
	char clean[64];

	add(t, "%s%s", base_text_clean(clean, sizeof(clean), word, strlen(word)),
	    strlen(word) >= sizeof(clean) ? "..." : "");
}

/*
 * How much of the line fits the form when word number `at` becomes what is nearest to it: the
 * lower the better; -1: it is not near.
 */
static int
repair_cost(const char *form, int argc, char **argv, int at, char near[FORM_CHOICE_MAX])
{
	unsigned int max = nearest_max(argv[at]), best = max + 1, d;
	char choice[FORM_CHOICE_MAX], *fixed[FORM_WORDS_MAX];
	bool complete;
	int matched;

	for (unsigned int n = 0; form_choice(form, (unsigned int)at, n, choice); n++) {
		d = form_is_word(choice) ? nearest_distance(argv[at], choice, max) : max + 1;
		if (d < best) {
			best = d;
			memcpy(near, choice, FORM_CHOICE_MAX);
		}
	}
	if (best > max)
		return -1;
	memcpy(fixed, argv, (size_t)argc * sizeof(*argv));
	fixed[at] = near;
	matched = form_match(form, argc, fixed, &complete);
	return (int)best + 4 * (argc - matched) + (complete ? 0 : 1);
}

/*
 * The form as one would type it: the words up to `at` as in argv, with `near` there; behind it what
 * fits; of alternatives the last one.
 */
static void
add_repaired(struct text *t, const char *form, int argc, char **argv, int at, const char *near)
{
	char word[WORD_SIZE], choice[FORM_CHOICE_MAX];
	bool optional;

	for (int i = 0; form_word(form, (unsigned int)i, word, &optional) != NULL; i++) {
		add(t, "%s", i > 0 ? " " : "");
		if (i == at)
			add(t, "%s", near);
		else if (i < argc && word_fits(word, argv[i]))
			add_typed(t, argv[i]);
		else if (optional) {
			for (unsigned int n = 0; choice_of(word, n, choice);)
				n++;
			add(t, "%s", choice);
		} else
			add(t, "%s", word);
	}
}

static bool
offer_nearest(struct text *t, const struct form_list *list, int argc, char **argv, int at)
{
	char near[FORM_CHOICE_MAX], best_near[FORM_CHOICE_MAX] = "";
	int best = -1, best_cost = 0, cost;
	bool complete;

	for (unsigned int i = 0; i < list->count; i++) {
		if (form_match(list->forms[i], argc, argv, &complete) != at)
			continue;
		cost = repair_cost(list->forms[i], argc, argv, at, near);
		if (cost >= 0 && (best < 0 || cost < best_cost)) {
			best = (int)i;
			best_cost = cost;
			memcpy(best_near, near, sizeof(best_near));
		}
	}
	if (best < 0)
		return false;
	add(t, ": did you mean '");
	add_repaired(t, list->forms[best], argc, argv, at, best_near);
	add(t, "'?");
	return true;
}

/* "expected a, b or C"; with one form alone also the form. */
static void
add_expected(struct text *t, const struct form_list *list, int at, char **argv)
{
	char choice[FORM_CHOICE_MAX], after[FORM_CHOICE_MAX];
	unsigned int n, forms = 0, only = 0;
	bool complete;

	for (unsigned int i = 0; i < list->count; i++) {
		if (form_match(list->forms[i], at, argv, &complete) == at &&
		    form_choice(list->forms[i], (unsigned int)at, 0, choice)) {
			forms++;
			only = i;
		}
	}
	add(t, "expected ");
	for (n = 0; next_choice(list, at, argv, n, true, choice); n++) {
		bool last = !next_choice(list, at, argv, n + 1, true, after);

		add(t, "%s%s", n == 0 ? "" : last ? " or " : ", ", choice);
	}
	if (forms == 1 && at > 0)
		add(t, " (%s)", list->forms[only]);
}

const char *
form_complain(const struct form_list *list, int argc, char **argv, char *err, size_t size)
{
	struct text t = { err, size, 0 };
	char choice[FORM_CHOICE_MAX];
	int at = form_fits(list, argc, argv);

	err[0] = '\0';
	if (at == argc) {
		add(&t, "incomplete: ");
		add_expected(&t, list, at, argv);
		add(&t, " after '");
		for (int i = 0; i < argc; i++) {
			add(&t, "%s", i > 0 ? " " : "");
			add_typed(&t, argv[i]);
		}
		add(&t, "'");
		return err;
	}
	if (!next_choice(list, at, argv, 0, true, choice)) {
		add(&t, "too many words: nothing may follow '%s', not '", argv[at - 1]);
		add_typed(&t, argv[at]);
		add(&t, "'");
		return err;
	}
	/* Where a value is expected the word is not unknown, it is wrong. */
	add(&t, next_choice(list, at, argv, 0, false, choice) ? "unknown word '" : "wrong value '");
	add_typed(&t, argv[at]);
	add(&t, "'");
	if (!offer_nearest(&t, list, argc, argv, at)) {
		add(&t, ": ");
		add_expected(&t, list, at, argv);
	}
	return err;
}
