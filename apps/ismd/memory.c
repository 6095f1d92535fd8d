/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory is there for sessions? Read once, at start. */
#include "ismd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MIN (UINT64_C(16) << 20)

static uint64_t
machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

/* A number in a file; UINT64_MAX where there is none ("max"). */
static uint64_t
limit(const char *root, const char *group, const char *file)
{
	char path[4352], text[32] = "";
	uint64_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s/%s", root, group, file);
	f = fopen(path, "re");
	if (f == NULL)
		return UINT64_MAX;
	if (fgets(text, sizeof(text), f) != NULL)
		n = strtoull(text, NULL, 10);
	fclose(f);
	return n != 0 ? n : UINT64_MAX;
}

/* A line of /proc/self/cgroup: "N:controllers:/path". Version 2 has no controllers. */
static uint64_t
group_limit(char *line)
{
	char *controllers = strchr(line, ':');
	char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

	if (path == NULL)
		return UINT64_MAX;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (controllers[1] == '\0')
		return limit("/sys/fs/cgroup", path, "memory.max");
	if (strcmp(controllers + 1, "memory") == 0)
		return limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
	return UINT64_MAX;
}

static uint64_t
groups(void)
{
	uint64_t least = UINT64_MAX, n;
	char line[4096];
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f == NULL)
		return least;
	while (fgets(line, sizeof(line), f) != NULL) {
		n = group_limit(line);
		least = n < least ? n : least;
	}
	fclose(f);
	return least;
}

uint64_t
memory_standard(void)
{
	uint64_t all = machine(), mine = groups();
	uint64_t n = (mine < all ? mine : all) / 4;

	return n > MEMORY_MIN ? n : MEMORY_MIN;
}
