/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to a runtime: JSON-RPC 2.0, one object a line, over its socket. Whoever may connect is
 * hostile: run_rpc_read() is the one gate. Needs no EAL; no thread of its own.
 */
#ifndef RUN_RPC_H
#define RUN_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#define RUN_RPC_LINE_MAX (256 * 1024) /* bytes of a request, newline included */
#define RUN_RPC_FDS_MAX 4 /* descriptors that may come with one */
#define RUN_RPC_ERROR_MAX 512

/* JSON-RPC's own error codes, and ours. */
enum run_rpc_code {
	RUN_RPC_PARSE = -32700,
	RUN_RPC_REQUEST = -32600, /* no request, or too long a line */
	RUN_RPC_METHOD = -32601,
	RUN_RPC_PARAMS = -32602,
	RUN_RPC_FAILED = -32000, /* data.errno has the reason */
	RUN_RPC_FORBIDDEN = -32001,
	RUN_RPC_BUSY = -32002,
};

/* Who asks: from the kernel (SO_PEERCRED). */
struct run_caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool owner; /* root, or who the runtime runs as */
};

struct run_request {
	const struct run_method *method;
	struct run_caller caller;
	json_t *id; /* NULL: a notification, which gets no answer */
	json_t *params; /* an object; NULL: none */
	int fds[RUN_RPC_FDS_MAX]; /* that came along; who takes one sets it to -1 */
	unsigned int fd_count;
	/* The answer. */
	json_t *result; /* of success; NULL: null */
	int code; /* 0, or enum run_rpc_code */
	int err; /* positive errno of RUN_RPC_FAILED; 0: none */
	char error[RUN_RPC_ERROR_MAX];
};

struct run_method {
	const char *name;
	bool owner_only; /* gives things of this system away, or takes them */
	bool waits; /* may wait for storage and the like: runs in a helper, one at a time */
	/* Fills the answer. Control's thread, or a helper's. */
	void (*call)(void *arg, struct run_request *r);
};

/*
 * The gate. `line` is one line, without its newline.
 * @param r  all zero but for caller; gets method, id and params.
 * @return 0: call r->method; -EINVAL: there is no such thing, r has the error to answer with.
 */
int run_rpc_read(const char *line, size_t len, const struct run_method *methods, size_t count,
		 struct run_request *r);

/* @return the answer, a line with its newline, malloc()ed; NULL: none is due, or no memory. */
char *run_rpc_answer(const struct run_request *r, size_t *len);

/* Fail a request. @return code, for callers that return at once. */
int run_rpc_fail(struct run_request *r, int code, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The text of that name in params.
 * @param needed  whether it must be there; then the request fails without it.
 * @return NULL: not there, or no text (the request has failed).
 */
const char *run_rpc_text(struct run_request *r, const char *name, bool needed);

/* Forget what it holds. Descriptors that nobody took are the caller's. */
void run_rpc_free(struct run_request *r);

#endif
