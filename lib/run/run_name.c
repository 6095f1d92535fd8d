/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
run_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= RUN_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

int
run_name_dir(char dir[PATH_MAX])
{
	const char *given = getenv("ISM_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");

	if (given != NULL && given[0] == '/')
		snprintf(dir, PATH_MAX, "%s", given);
	else if (geteuid() == 0)
		snprintf(dir, PATH_MAX, "/run/dpdk-ism");
	else if (xdg != NULL && xdg[0] == '/')
		snprintf(dir, PATH_MAX, "%s/dpdk-ism", xdg);
	else
		return -ENOENT;
	return 0;
}

int
run_name_socket(const char *dir, const char *name, char path[RUN_SOCKET_MAX])
{
	int n = snprintf(path, RUN_SOCKET_MAX, "%s/%s.sock", dir, name);

	return n < RUN_SOCKET_MAX ? 0 : -ENAMETOOLONG;
}
