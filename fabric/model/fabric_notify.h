/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raise the eventfd of a client. write() is not the way: an eventfd whose counter is full makes its
 * writer wait unless O_NONBLOCK is set, and the client, who shares the open file, can take that
 * flag away between any check of ours and the write. The kernel itself raises an eventfd when an
 * asynchronous write that names it is done (IOCB_FLAG_RESFD), and never waits for that. So a write
 * of no bytes to /dev/null is submitted, which is done at once.
 */
#ifndef FABRIC_NOTIFY_H
#define FABRIC_NOTIFY_H

struct fabric_notify;

/* @return NULL with errno: this system has no asynchronous I/O to give (EAGAIN: fs.aio-max-nr). */
struct fabric_notify *fabric_notify_create(void);
/* Tolerates NULL. */
void fabric_notify_destroy(struct fabric_notify *notify);

/* Never reads, writes or asks the file. @return 0 it is an eventfd; -EINVAL; other -errno. */
int fabric_notify_check(struct fabric_notify *notify, int fd);
/* Add 1 to an eventfd, unless its counter is full. Never waits, whatever fd is. */
void fabric_notify_raise(struct fabric_notify *notify, int fd);

#endif
