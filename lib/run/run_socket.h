/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the control socket: where it is, and who has its name. */
#ifndef RUN_SOCKET_H
#define RUN_SOCKET_H

#include <stddef.h>

#include "run_name.h"

struct run_socket {
	char name[RUN_NAME_MAX];
	char path[RUN_SOCKET_MAX];
	int lock, listener; /* -1: none */
};

/*
 * Take a name. Who holds the lock NAME.lock has the name; the kernel gives it back when
 * a process ends, so a socket that a killed one has left is taken over.
 * @param name  NULL: "default", or "pid-PID" when that is taken.
 * @return 0; -EADDRINUSE; -errno. err has a line for people; close it all the same.
 */
int run_socket_open(struct run_socket *s, const char *dir, const char *name, char *err,
		    size_t err_size);
/* Listen under it. @return as run_socket_open(). */
int run_socket_listen(struct run_socket *s, char *err, size_t err_size);
/* Listen no more; the name is still ours. */
void run_socket_shut(struct run_socket *s);
/* Give the name back. */
void run_socket_close(struct run_socket *s);

#endif
