/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "cons.h"

static const char *const status_text[CONS_STATUS_COUNT] = {
	[CONS_OK] = "no error",
	[CONS_EINVAL] = "request not understood",
	[CONS_ENOENT] = "no such console",
	[CONS_EACCES] = "this GID may only observe",
	[CONS_EBUSY] = "in use by another client",
	[CONS_EIO] = "the console cannot be started",
	[CONS_EPERM] = "only the writer may do that",
	[CONS_EGONE] = "the console has ended",
	[CONS_ENOMEM] = "too many clients",
};

const char *
cons_status_str(uint16_t status)
{
	return status < CONS_STATUS_COUNT ? status_text[status] : "unknown status";
}

int
cons_name_valid(const char *name)
{
	size_t len = strnlen(name, CONS_NAME_MAX);

	if (len == 0 || len == CONS_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return 0;
	}
	return 1;
}
