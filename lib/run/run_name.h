/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of runtimes, and where their sockets are. Needs no EAL.
 *
 *	$ISM_RUNTIME_DIR/NAME.sock	if that is set
 *	/run/dpdk-ism/NAME.sock		root's runtimes
 *	$XDG_RUNTIME_DIR/dpdk-ism/NAME.sock	an ordinary user's
 */
#ifndef RUN_NAME_H
#define RUN_NAME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define RUN_NAME_MAX 33 /* NUL included */
#define RUN_NAME_DEFAULT "default"
#define RUN_SOCKET_MAX 108 /* of sockaddr_un */

/* 1 to 32 of A-Z a-z 0-9 '.' '_' '-', not beginning with '.'. */
bool run_name_ok(const char *name);

/* Folder of this user's runtimes. @return 0; -ENOENT an ordinary user without XDG_RUNTIME_DIR. */
int run_name_dir(char dir[PATH_MAX]);

/* @return 0; -ENAMETOOLONG. */
int run_name_socket(const char *dir, const char *name, char path[RUN_SOCKET_MAX]);

#endif
