/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal, and the signals that must give it back. */
#ifndef TTY_H
#define TTY_H

#include <stdbool.h>

/*
 * Take the terminal over: byte by byte, no echo. It is given back by tty_restore(), at exit, and
 * by every signal that ends the process and can be caught. Nothing is done when standard input is
 * no terminal.
 */
void tty_take(void);
void tty_restore(void);
/* SIGINT, SIGTERM, SIGHUP: run_stop(); a second one ends the process at once. */
void tty_signals(void);
/* Has such a signal come? run_stop() alone does not say so: it ends a program that is done, too. */
bool tty_told_to_end(void);
/* What standard output is to get when the terminal is given back, from a user of all the screen. */
void tty_farewell(const char *text);
/* Since the last call: was the process stopped and continued? The terminal is ours again then. */
bool tty_continued(void);

#endif
