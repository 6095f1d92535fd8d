/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person types for those who may test us, as a struct base_allow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "probe_server.h"

static int
take_part(char *part, struct base_allow *allow, char *err, size_t err_size)
{
	const char *bad = part;
	int ret = -EINVAL;

	if (strncmp(part, "allow=", 6) == 0)
		ret = base_allow_parse(allow, part + 6, &bad);
	if (ret == -EINVAL)
		snprintf(err, err_size,
			 "--probe: '%s%s': expected allow=any, or allow= with several of this, "
			 "separated by ':': %s",
			 bad != part ? "allow=" : "", bad, base_peer_expected());
	else if (ret != 0)
		snprintf(err, err_size, "--probe: more than %d GIDs allowed", BASE_ALLOW_MAX);
	return ret;
}

int
probe_allow_parse(const char *arg, struct base_allow *allow, char *err, size_t err_size)
{
	char *text = strdup(arg), *rest = text, *part;
	int ret = 0;

	if (text == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	while (ret == 0 && (part = base_part_take(&rest)) != NULL)
		ret = take_part(part, allow, err, err_size);
	free(text);
	return ret;
}
