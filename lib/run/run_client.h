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
 * @param fds     count descriptors to send along, RUN_RPC_FDS_MAX at most; NULL, 0: none. They
 *                stay the caller's.
 * @param result  on success a new reference, may be JSON's null.
 * @return 0; -EREMOTEIO the runtime refused or failed, err has its words; -EPIPE the runtime has
 *         ended; -EAGAIN it took longer than run_client_wait() allows; -EPROTO its answer makes no
 *         sense; -EINVAL too many descriptors; -ENOMEM. After -EAGAIN and -EPROTO the connection is
 *         of no more use.
 */
int run_client_call(struct run_client *c, const char *method, json_t *params, const int *fds,
		    unsigned int count, json_t **result, char *err);
/* From now on each step of a call waits so long at most; 0, and at first: for ever. */
void run_client_wait(struct run_client *c, unsigned int seconds);

#endif
