/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking a runtime something, from another process: the other end of run_rpc.h. Needs no EAL, and
 * prints nothing. One thread at a time for each connection; each call waits for the runtime.
 */
#ifndef RUN_CLIENT_H
#define RUN_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#include "run_name.h"

#define RUN_CLIENT_ERR 512
#define RUN_CLIENT_NAMES_MAX 64

struct run_client {
	int fd;
	char name[RUN_NAME_MAX]; /* of the runtime */
	long long id; /* of the newest request */
};

/*
 * Connect to the runtime of that name, or to the only one that there is. Looked for among our own
 * runtimes, and for an ordinary user then among root's.
 * @param name  NULL: the only one.
 * @param err  RUN_CLIENT_ERR bytes; on failure a line for people.
 * @return 0; -ENOENT there is none; -ENOTUNIQ there are several, err names them; -EACCES; -EINVAL
 *         name; -errno of connect().
 */
int run_client_open(struct run_client *c, const char *name, char *err);
void run_client_close(struct run_client *c);

/*
 * Which runtime has this function? Asks each that is there, and waits for none longer than a
 * second.
 * @param function  path of its socket, in any spelling.
 * @param pid       process of the runtime.
 * @return 0; -ENOENT none that answers has it.
 */
int run_client_owner(const char *function, char name[RUN_NAME_MAX], long *pid);

/*
 * @param params  taken; NULL: none.
 * @param fd      a descriptor to send along; -1: none. Stays the caller's.
 * @param result  on success a new reference, may be JSON's null.
 * @return 0; -EREMOTEIO the runtime refused or failed, err has its words; -EPIPE the runtime has
 *         ended; -EPROTO its answer makes no sense; -ENOMEM.
 */
int run_client_call(struct run_client *c, const char *method, json_t *params, int fd,
		    json_t **result, char *err);

#endif
