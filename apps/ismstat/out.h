/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Standard output of a program that must not wait for who reads it: sessions are polled in the
 * same thread. `stdout` becomes a stream into a ring, and a thread writes that out.
 *
 *	views, prompt ---> stdout ---> ring, 4 MiB ---> thread: write(2)
 *
 * So whoever prints looks first whether the reader keeps up: commands wait until it does, what is
 * printed again and again is left out. One thread prints.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>

/* Replace `stdout`. @return 0; -errno: it is as it was. */
int out_open(void);

/* Is there anything that the reader has not taken yet? */
bool out_pending(void);
/* So much that nothing should be printed that can wait: more than 64 KiB. */
bool out_busy(void);

/* Why it cannot be written: an errno, EPIPE for a reader that has gone; 0: it can. */
int out_error(void);

/* Wait until all is written, for at most ms. @return is it? */
bool out_settle(unsigned int ms);

/*
 * Write all that is left: for as long as it takes, but 0.3 s once a signal has told the program to
 * end. No output after it. Idempotent.
 * @return as out_error(); ETIMEDOUT: a signal came, and the reader does not read.
 */
int out_close(void);

#endif
