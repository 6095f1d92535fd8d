/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person types for a console, as a struct cons_console_conf. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "cons_server.h"

#define LOGIN "/bin/login"

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
take_gids(const struct cons_console_conf *conf, struct base_allow *gids, const char *option,
	  char *list, char *err, size_t err_size)
{
	const char *bad;
	int ret = base_allow_parse(gids, list, &bad);

	if (ret == -ENOSPC)
		return refuse(err, err_size, "console '%s': more than %d GIDs in %s=", conf->name,
			      BASE_ALLOW_MAX, option);
	if (ret != 0)
		return refuse(err, err_size,
			      "console '%s': %s=%s: expected 'any', or several of this, "
			      "separated by ':': %s",
			      conf->name, option, bad, base_peer_expected());
	return 0;
}

static int
take_keep(struct cons_console_conf *conf, const char *text, char *err, size_t err_size)
{
	uint64_t seconds = CONS_KEEP_FOREVER;

	if (strcmp(text, "forever") != 0 &&
	    base_num_parse(text, 0, 0, CONS_KEEP_FOREVER - 1, &seconds) != 0)
		return refuse(err, err_size,
			      "console '%s': keep=%s: expected seconds, or 'forever'", conf->name,
			      text);
	conf->keep_given = true;
	conf->keep_s = (uint32_t)seconds;
	return 0;
}

static int
take_option(struct cons_console_conf *conf, char *part, char *err, size_t err_size)
{
	if (strncmp(part, "desc=", 5) == 0) {
		conf->desc = part + 5;
		return 0;
	}
	if (strcmp(part, "share") == 0) {
		conf->share = true;
		return 0;
	}
	if (strncmp(part, "keep=", 5) == 0)
		return take_keep(conf, part + 5, err, err_size);
	if (strncmp(part, "allow=", 6) == 0)
		return take_gids(conf, &conf->allow, "allow", part + 6, err, err_size);
	if (strncmp(part, "observe=", 8) == 0)
		return take_gids(conf, &conf->observe, "observe", part + 8, err, err_size);
	return refuse(err, err_size,
		      "console '%s': unknown option '%s', expected allow=..., observe=..., share, "
		      "keep=... or desc=... (',,' stands for a comma in a command)",
		      conf->name, part);
}

/* @return 0, -EINVAL. */
static int
take_what(struct cons_console_conf *conf, const char *what)
{
	if (strncmp(what, "exec:", 5) == 0) {
		conf->kind = CONS_CONSOLE_EXEC;
		conf->what = what[5] != '\0' ? what + 5 : LOGIN;
		return 0;
	}
	conf->kind = CONS_CONSOLE_TTY;
	conf->what = what + 4;
	return strncmp(what, "tty:", 4) == 0 && what[4] != '\0' ? 0 : -EINVAL;
}

int
cons_console_parse(const char *arg, struct cons_console_conf *conf, char **text, char *err,
		   size_t err_size)
{
	char *rest, *part, *what;
	int ret = 0;

	memset(conf, 0, sizeof(*conf));
	*text = rest = strdup(arg);
	if (rest == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	part = base_part_take(&rest);
	what = strchr(part, '=');
	if (what == NULL || what == part || take_what(conf, what + 1) != 0) {
		ret = refuse(err, err_size,
			     "--console '%s': expected NAME=exec:COMMAND[,OPTION]... or "
			     "NAME=tty:PATH[,OPTION]...",
			     arg);
		goto free_text;
	}
	*what = '\0';
	conf->name = part;
	while (ret == 0 && (part = base_part_take(&rest)) != NULL)
		ret = take_option(conf, part, err, err_size);
	if (ret == 0)
		return 0;
free_text:
	free(*text);
	*text = NULL;
	return ret;
}
