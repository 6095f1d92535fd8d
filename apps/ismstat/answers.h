/* SPDX-License-Identifier: BSD-3-Clause */
/* All counters of a program at one moment, for the faces that show all of them. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stddef.h>

#include <jansson.h>

struct source;

/*
 * Ask for every view that the source has.
 * @return an object, the caller's: by view ("device_xstats", "link_xstats", ...) as
 *         view_collect() answers, "mount" (/ismblk/mount) and "program" (a text). NULL: `err` is
 *         a line for people.
 */
json_t *answers_collect(struct source *src, char *err, size_t err_size);

#endif
