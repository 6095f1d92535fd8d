/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of clients of the control socket: what passes is a request, and all get a whole answer. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
call(void *arg, struct run_request *r)
{
	const char *job = run_rpc_text(r, "job", true);

	if (job != NULL)
		r->result = json_string(job);
}

static const struct run_method methods[] = {
	{ "list", false, false, call },
	{ "add", true, true, call },
};

/* An answer is one line of JSON with the request's id, and one of result and error. */
static void
check_answer(const struct run_request *r)
{
	json_t *root;
	size_t len;
	char *line = run_rpc_answer(r, &len);

	must((line == NULL) == (r->id == NULL));
	if (line == NULL)
		return;
	must(len == strlen(line) && strchr(line, '\n') == line + len - 1);
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	must(root != NULL && json_equal(json_object_get(root, "id"), r->id));
	must((json_object_get(root, "result") != NULL) != (json_object_get(root, "error") != NULL));
	json_decref(root);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_request r = { .id = NULL };
	int ret;

	if (size == 0)
		return 0;
	r.caller.owner = data[0] & 1;
	ret = run_rpc_read((const char *)data + 1, size - 1, methods, 2, &r);
	must((ret == 0) == (r.code == 0));
	if (ret == 0) {
		must(r.method == &methods[0] || (r.method == &methods[1] && r.caller.owner));
		r.method->call(NULL, &r);
	}
	check_answer(&r);
	run_rpc_free(&r);
	return 0;
}
