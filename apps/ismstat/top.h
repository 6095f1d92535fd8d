/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The live view:
 *
 *	top.c         when to ask and to draw, keys, the terminal
 *	top_draw.c    two answers and the time between them to lines (pure)
 *	top_rows.c    the tables: sessions and queues, disks, consoles, tests (pure)
 *	top_text.c    numbers in few columns, lines cut to a window (pure)
 */
#ifndef TOP_H
#define TOP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/* --- top.c --- */
struct source;
/*
 * A live view until q, a signal or the end of standard output; of an own function within
 * run_loop(), so that its link lives on. Takes the terminal, and gives it back. Where standard
 * output is no terminal: a plain snapshot every period, or just one without a period.
 * @param period_s  seconds between two pictures; 0: the standard (1)
 * @return enum run_exit; what is wrong is said.
 */
int top_run(struct source *src, uint64_t period_s);

/* What is drawn: all pointers are the caller's. */
struct top_picture {
	const json_t *now; /* answers_collect() */
	const json_t *before; /* the one before it; NULL: no rates yet */
	double seconds; /* between the two */
};

/* --- top_draw.c --- */

/* Every line there is, however long, ended by '\n'. */
void top_draw(const struct top_picture *picture, FILE *out);

/* --- top_rows.c --- */
void top_rows_sessions(const struct top_picture *p, FILE *out);
void top_rows_disks(const struct top_picture *p, FILE *out);
void top_rows_consoles(const struct top_picture *p, FILE *out);
void top_rows_test(const struct top_picture *p, FILE *out);
/*
 * How much a counter grew a second; below 0: not known (no earlier answer, or it began anew).
 * `before` may be NULL.
 */
double top_rate(const json_t *now, const json_t *before, const char *key, double seconds);
/* A number of an object, 0 if there is none. */
double top_number(const json_t *object, const char *key);
const char *top_string(const json_t *object, const char *key);

/* --- top_text.c --- */

#define TOP_CELL 16 /* bytes of a number as text */
/* "12.3k", at most 5 columns; below 0: "-". @return buf. */
const char *top_si(double value, char buf[TOP_CELL]);
/* "12k", at most 4 columns. */
const char *top_short(double value, char buf[TOP_CELL]);
/* "5.6u" of nanoseconds, at most 4 columns; 0: "-". */
const char *top_time(double ns, char buf[TOP_CELL]);
/* "2.00" of two rates, at most 4 columns; "-" if the lower one is not above 0. */
const char *top_ratio(double upper, double lower, char buf[TOP_CELL]);
/* "1d 02:03:04" of milliseconds. */
const char *top_uptime(double ms, char *buf, size_t size);
/*
 * As much of the text as a window of cols x rows shows, its last line replaced by `foot` unless
 * that is NULL. Lines are cut, the rest of each is cleared; escapes for a terminal around them.
 */
void top_fit(const char *text, const char *foot, unsigned int cols, unsigned int rows, FILE *out);

#endif
