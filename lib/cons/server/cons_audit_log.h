/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: lines on their way to a log that may block.
 *
 * syslog(3) waits for as long as the one who reads /dev/log does not. Consoles, and disks that the
 * same thread serves, shall not wait for him: lines are written by a thread of their own.
 */
#ifndef CONS_AUDIT_LOG_H
#define CONS_AUDIT_LOG_H

struct cons_audit_log;

#define CONS_AUDIT_LINE 256 /* bytes of a line, NUL included */
#define CONS_AUDIT_LINES 256 /* that wait */

/*
 * @param put  writes one line; called by the thread alone. May block, at a cancellation point.
 * @return 0; -errno: there is no thread.
 */
int cons_audit_log_start(struct cons_audit_log **log, void (*put)(const char *line));
/*
 * Never blocks. What there is no room for is lost, and counted: a line says so as soon as there is.
 * One thread.
 */
void cons_audit_log_add(struct cons_audit_log *log, const char *line);
/* Lines that wait are written, if that takes no more than a second. Tolerates NULL. */
void cons_audit_log_stop(struct cons_audit_log *log);

#endif
