/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The line writer of a process. Who reads our standard error may stop reading: a full pipe, a
 * terminal stopped with Ctrl-S. Nobody who serves others may wait for that reader, so lines go
 * into a ring, and a thread writes them: one for standard output, one for all else. A line that
 * finds its ring full is dropped and counted; the next line of standard error is followed by one
 * that tells how many were.
 *
 *	any thread:  base_line_put() ---> ring of 256 lines ---> writer thread: write(2)
 *
 * Before base_line_start() and after base_line_stop(), and in a child made by fork(),
 * base_line_put() writes by itself, and may wait.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stddef.h>
#include <stdint.h>

#define BASE_LINE_MAX 1024 /* bytes of a line, newline included; what is longer is cut */
#define BASE_LINES 256 /* that wait */

/*
 * Start the threads. Once a process, by the thread that starts the others. Registers
 * base_line_stop() with atexit().
 * @param program  stands before the line that tells of dropped ones; stays the caller's.
 * @return 0; -EALREADY; -errno: there is no thread, base_line_put() goes on writing by itself.
 */
int base_line_start(const char *program);

/*
 * Queue one line. Never waits once the writer runs: no lock, at most one system call, of an eventfd
 * of our own that does not block. Any thread. Lines of one thread to one descriptor keep their
 * order.
 * @param fd    1 or 2, or another that stays open until base_line_stop().
 * @param text  the line; a newline is added if it has none. Copied.
 */
void base_line_put(int fd, const char *text, size_t len);

/* Wait until all that was queued has been written, for at most `ms`. @return 0, -ETIMEDOUT. */
int base_line_drain(unsigned int ms);

/*
 * Write what waits, for at most 0.3 s if the reader does not read, and end the thread.
 * Idempotent.
 */
void base_line_stop(void);

/* Lines dropped so far: no room, or an error of write(2). Any thread. */
uint64_t base_line_dropped(void);

#endif
