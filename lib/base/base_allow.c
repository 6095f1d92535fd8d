/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_allow.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"

int
base_allow_parse(struct base_allow *allow, char *list, const char **bad)
{
	if (strcmp(list, "any") == 0) {
		allow->any = true;
		return 0;
	}
	return base_gids_parse(list, allow->gid, &allow->count, BASE_ALLOW_MAX, bad);
}

bool
base_allow_has(const struct base_allow *allow, uint64_t gid)
{
	bool found = allow->any;

	for (unsigned int i = 0; i < allow->count && !found; i++)
		found = allow->gid[i] == gid;
	return found;
}

const char *
base_allow_str(const struct base_allow *allow, char buf[BASE_ALLOW_STRLEN])
{
	char gid[BASE_GID_STRLEN];
	size_t len = 0;

	snprintf(buf, BASE_ALLOW_STRLEN, "%s", allow->any ? "any GID" : "nobody");
	for (unsigned int i = 0; !allow->any && i < allow->count && len < BASE_ALLOW_STRLEN; i++)
		len += (size_t)snprintf(buf + len, BASE_ALLOW_STRLEN - len, "%s%s",
					i > 0 ? " " : "", base_gid_str(allow->gid[i], gid));
	return buf;
}
