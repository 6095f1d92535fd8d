/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_rpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"

#define NAME_SHOWN 64 /* of what a client calls a method */

int
run_rpc_fail(struct run_request *r, int code, int err, const char *fmt, ...)
{
	va_list ap;

	r->code = code;
	r->err = err;
	va_start(ap, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
	return code;
}

const char *
run_rpc_text(struct run_request *r, const char *name, bool needed)
{
	const json_t *value = json_object_get(r->params, name);

	if (value == NULL && !needed)
		return NULL;
	if (!json_is_string(value)) {
		run_rpc_fail(r, RUN_RPC_PARAMS, 0, "params.%s: expected a text", name);
		return NULL;
	}
	return json_string_value(value);
}

static const struct run_method *
find(const struct run_method *methods, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static int
refuse(struct run_request *r, int code, const char *what)
{
	run_rpc_fail(r, code, 0, "%s", what);
	return -EINVAL;
}

/* The frame: what every request has. */
static int
check_frame(const json_t *root, struct run_request *r)
{
	const char *version = json_string_value(json_object_get(root, "jsonrpc"));
	const json_t *method = json_object_get(root, "method");
	json_t *id = json_object_get(root, "id"), *params = json_object_get(root, "params");

	if (!json_is_object(root))
		return refuse(r, RUN_RPC_REQUEST, "expected a JSON object in one line");
	if (id != NULL && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
		return refuse(r, RUN_RPC_REQUEST, "id: expected a text, a whole number or null");
	r->id = json_incref(id);
	if (version == NULL || strcmp(version, "2.0") != 0)
		return refuse(r, RUN_RPC_REQUEST, "jsonrpc: expected \"2.0\"");
	if (!json_is_string(method))
		return refuse(r, RUN_RPC_REQUEST, "method: expected a text");
	if (params != NULL && !json_is_object(params))
		return refuse(r, RUN_RPC_PARAMS, "params: expected an object");
	r->params = json_incref(params);
	return 0;
}

static int
check_method(const char *name, const struct run_method *methods, size_t count,
	     struct run_request *r)
{
	char shown[NAME_SHOWN];

	r->method = find(methods, count, name);
	if (r->method == NULL) {
		base_text_clean(shown, sizeof(shown), name, strlen(name));
		run_rpc_fail(r, RUN_RPC_METHOD, 0, "no method '%s'", shown);
		return -EINVAL;
	}
	if (!r->method->owner_only || r->caller.owner)
		return 0;
	run_rpc_fail(r, RUN_RPC_FORBIDDEN, 0, "'%s' is for root and the runtime's own user",
		     r->method->name);
	return -EINVAL;
}

int
run_rpc_read(const char *line, size_t len, const struct run_method *methods, size_t count,
	     struct run_request *r)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	int ret;

	if (root == NULL) {
		/* The answer's id is null then. */
		r->id = json_null();
		return refuse(r, RUN_RPC_PARSE, error.text);
	}
	ret = check_frame(root, r);
	if (ret == 0)
		ret = check_method(json_string_value(json_object_get(root, "method")), methods,
				   count, r);
	else if (r->id == NULL)
		r->id = json_null();
	json_decref(root);
	return ret;
}

static json_t *
error_object(const struct run_request *r)
{
	json_t *error = json_pack("{s:i,s:s}", "code", r->code, "message", r->error);

	/* A text of ours, but it may quote a path that is no UTF-8. */
	if (error == NULL)
		error = json_pack("{s:i,s:s}", "code", r->code, "message",
				  "failed; the reason has bytes that JSON cannot carry");
	if (error != NULL && r->err != 0)
		json_object_set_new(error, "data",
				    json_pack("{s:s,s:i}", "reason", strerror(r->err), "errno",
					      r->err));
	return error;
}

char *
run_rpc_answer(const struct run_request *r, size_t *len)
{
	json_t *root;
	char *text, *line;

	if (r->id == NULL)
		return NULL;
	root = json_pack("{s:s,s:O}", "jsonrpc", "2.0", "id", r->id);
	if (r->code != 0)
		json_object_set_new(root, "error", error_object(r));
	else if (r->result != NULL)
		json_object_set(root, "result", r->result);
	else
		json_object_set_new(root, "result", json_null());
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	*len = text != NULL ? strlen(text) + 1 : 0;
	line = text != NULL ? realloc(text, *len + 1) : NULL;
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + *len - 1, "\n", 2);
	return line;
}

void
run_rpc_free(struct run_request *r)
{
	json_decref(r->id);
	json_decref(r->params);
	json_decref(r->result);
	r->id = r->params = r->result = NULL;
}
