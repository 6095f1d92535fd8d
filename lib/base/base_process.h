/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process may have been given by whoever started it, and does not want. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

/*
 * The first call of every program.
 *
 * - Descriptors 0, 1 and 2 that are closed are opened on /dev/null. Otherwise a file or socket that
 *   is opened later gets such a number, and lines meant for a person are written into it.
 * - Signals are unblocked, and SIGCHLD is not ignored: a supervisor's mask and
 *   dispositions outlive exec(). Other ignored signals stay so: nohup(1) means it.
 *
 * @return 0; -errno: /dev/null cannot be opened.
 */
int base_process_prepare(void);

/*
 * Write out what stdio holds for standard output. For a program whose output is what it was called
 * for: it has to say when that got lost.
 * @return 0: all of it was taken; -EBADF: it was closed when the program started; other -errno.
 */
int base_process_flush(void);

/*
 * This program starts none. What children it has all the same (orphans of a container whose
 * process 1 it is, jobs of a shell that became this program) the kernel reaps.
 */
void base_process_no_children(void);

#endif
