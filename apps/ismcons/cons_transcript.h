/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record of what a terminal showed: FILE, a line of heading and then the bytes, and FILE.timing
 * with a line "SECONDS BYTES" for each piece, as scriptreplay(1) reads them.
 */
#ifndef CONS_TRANSCRIPT_H
#define CONS_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct cons_transcript;

/*
 * Makes both files, which must not exist. Nothing is left behind when it fails.
 * @param term, rows, cols  what the heading tells; term NULL: nothing, rows 0: no size.
 * @param failed  gets the name of the file that failed (of `size` bytes).
 * @return 0; -EEXIST one of them exists; -ENOMEM, -ENAMETOOLONG; or what open(2) says.
 */
int cons_transcript_open(struct cons_transcript **t, const char *path, const char *term,
			 unsigned int rows, unsigned int cols, char *failed, size_t size);
/*
 * A piece of output, shown now.
 * @return 0; -errno: it cannot be written (disk full); the record ends before it, close it.
 */
int cons_transcript_add(struct cons_transcript *t, const void *data, size_t len, uint64_t now_ns);
/* Tolerates NULL. @return 0; -errno as above. */
int cons_transcript_close(struct cons_transcript *t);
/* Nothing came of it: both files go, so that they are not in the way of the next one. */
void cons_transcript_discard(struct cons_transcript *t);

#endif
