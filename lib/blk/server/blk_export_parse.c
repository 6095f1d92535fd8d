/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person types for an export, as a struct blk_export_conf. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "blk_server.h"

static int __attribute__((format(printf, 3, 4)))
refuse(char *err, size_t err_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int
take_allow(struct blk_export_conf *conf, char *list, char *err, size_t err_size)
{
	const char *gid;
	int ret = base_allow_parse(&conf->allow, list, &gid);

	if (ret == -ENOSPC)
		return refuse(err, err_size, "export '%s': more than %d GIDs allowed", conf->name,
			      BASE_ALLOW_MAX);
	if (ret != 0)
		return refuse(err, err_size,
			      "export '%s': allow=%s: expected 'any', or several of this, "
			      "separated by ':': %s",
			      conf->name, gid, base_peer_expected());
	return 0;
}

static int
take_option(struct blk_export_conf *conf, char *part, char *err, size_t err_size)
{
	if (strcmp(part, "ro") == 0) {
		conf->read_only = true;
		return 0;
	}
	if (strcmp(part, "force") == 0) {
		conf->force = true;
		return 0;
	}
	if (strncmp(part, "desc=", 5) == 0) {
		conf->desc = part + 5;
		return 0;
	}
	if (strncmp(part, "allow=", 6) == 0)
		return take_allow(conf, part + 6, err, err_size);
	return refuse(err, err_size,
		      "export '%s': unknown option '%s', expected ro, force, allow=... or desc=... "
		      "(',,' stands for a comma in a path)",
		      conf->name, part);
}

int
blk_export_parse(const char *arg, struct blk_export_conf *conf, char **text, char *err,
		 size_t err_size)
{
	char *rest, *part, *path;
	int ret = 0;

	memset(conf, 0, sizeof(*conf));
	*text = rest = strdup(arg);
	if (rest == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	part = base_part_take(&rest);
	path = strchr(part, '=');
	if (path == NULL || path == part || path[1] == '\0') {
		ret = refuse(err, err_size, "--export '%s': expected NAME=PATH[,OPTION]...", arg);
		goto free_text;
	}
	*path++ = '\0';
	conf->name = part;
	conf->path = path;
	while (ret == 0 && (part = base_part_take(&rest)) != NULL)
		ret = take_option(conf, part, err, err_size);
	if (ret == 0)
		return 0;
free_text:
	free(*text);
	*text = NULL;
	return ret;
}
