/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grammar of the prompt: a command is a form, a text such as
 *
 *	show device info [ID|all]
 *
 * Words in small letters are typed as they are; '|' parts alternatives; words in capitals, and
 * those that begin with a digit (a range), stand for a value; what is in brackets may be left out
 * (the last word only). From the same texts come parsing, completion, complaints, help and the man
 * page's table. Pure functions.
 */
#ifndef FORMS_H
#define FORMS_H

#include <stdbool.h>
#include <stddef.h>

#define FORM_WORDS_MAX 8 /* of one line */
#define FORM_LINE_MAX 512 /* bytes of one line, NUL included */
#define FORM_CHOICE_MAX 32 /* bytes of one alternative, NUL included */

/* A line cut at blanks; what follows '#' is a comment. */
struct form_words {
	char text[FORM_LINE_MAX];
	int argc;
	char *argv[FORM_WORDS_MAX + 1];
};
/* @return 0; -E2BIG too many words; -ENAMETOOLONG the line is too long. argc may be 0. */
int form_split(const char *line, struct form_words *words);
/* One more word; argc 0 begins anew. @return as form_split(). */
int form_add(struct form_words *words, const char *word, size_t len);

/*
 * How many words of argv, from the first on, fit the form.
 * @param complete  whether these are all words that the form needs.
 */
int form_match(const char *form, int argc, char **argv, bool *complete);

/*
 * Alternative number n (from 0) of word number `word` of the form.
 * @return false: there is no such alternative, or no such word.
 */
bool form_choice(const char *form, unsigned int word, unsigned int n, char choice[FORM_CHOICE_MAX]);

/* Is this alternative a word to type (and not a value)? */
bool form_is_word(const char *choice);

/* A list of forms: forms[i] for i below count. */
struct form_list {
	const char *const *forms;
	unsigned int count;
};

/* @return the number of the form that argv is, or -1: form_complain() says why. */
int form_find(const struct form_list *list, int argc, char **argv);
/*
 * One line: what is wrong with argv, and the nearest right form. @return err.
 */
const char *form_complain(const struct form_list *list, int argc, char **argv, char *err,
			  size_t size);

/* How many words of argv any form takes, from the first on. */
int form_fits(const struct form_list *list, int argc, char **argv);
/*
 * Choice number n of the word that follows these, over all forms, each once; values too, or words
 * alone.
 * @return false: there are not so many.
 */
bool form_next(const struct form_list *list, const struct form_words *words, unsigned int n,
	       bool values, char choice[FORM_CHOICE_MAX]);

/* Damerau-Levenshtein distance: insert, delete, replace, swap neighbours; at most `max` + 1. */
unsigned int nearest_distance(const char *a, const char *b, unsigned int max);
/* How far a word may be from what was meant, to be offered. */
unsigned int nearest_max(const char *word);

#endif
