/* SPDX-License-Identifier: BSD-3-Clause */
/* The consoles that are offered, and to whom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_text.h"
#include "cons_server_priv.h"

static bool
has_gid(const struct cons_gids *gids, uint64_t gid)
{
	for (unsigned int i = 0; i < gids->count; i++) {
		if (gids->gid[i] == gid)
			return true;
	}
	return gids->any;
}

bool
cons_console_may_write(const struct cons_console *c, uint64_t gid)
{
	return has_gid(&c->allow, gid);
}

bool
cons_console_may_observe(const struct cons_console *c, uint64_t gid)
{
	return has_gid(&c->allow, gid) || has_gid(&c->observe, gid);
}

struct cons_console *
cons_console_find(struct cons_server *srv, const char *name, uint64_t gid)
{
	struct cons_console *found = NULL;

	for (unsigned int i = 0; i < srv->count; i++) {
		struct cons_console *c = srv->consoles[i];

		if (!cons_console_may_observe(c, gid))
			continue;
		if (name[0] != '\0') {
			if (strcmp(c->name, name) == 0)
				return c;
		} else if (found != NULL) {
			return NULL;
		} else {
			found = c;
		}
	}
	return found;
}

static const struct cons_term_ops *
term_ops(enum cons_console_kind kind)
{
	return kind == CONS_CONSOLE_TTY ? &cons_tty_ops : &cons_pty_ops;
}

static int
check_new(const struct cons_server *srv, const struct cons_console_conf *conf, char *err,
	  size_t err_size)
{
	char reason[256];
	int ret;

	if (!cons_name_valid(conf->name)) {
		snprintf(err, err_size,
			 "console '%s': not a name, expected 1 to %d printable ASCII characters "
			 "without '/' and blanks",
			 conf->name, CONS_NAME_MAX - 1);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < srv->count; i++) {
		if (strcmp(srv->consoles[i]->name, conf->name) != 0)
			continue;
		snprintf(err, err_size, "console '%s': this name is given twice", conf->name);
		return -EEXIST;
	}
	if (srv->count == CONS_CONSOLES_MAX) {
		snprintf(err, err_size, "console '%s': one too many, expected at most %d",
			 conf->name, CONS_CONSOLES_MAX);
		return -ENOSPC;
	}
	ret = term_ops(conf->kind)->check(conf->what, reason, sizeof(reason));
	if (ret != 0)
		snprintf(err, err_size, "console '%s': %s", conf->name, reason);
	return ret;
}

int
cons_server_console(struct cons_server *srv, const struct cons_console_conf *conf, char *err,
		    size_t err_size)
{
	const char *desc = conf->desc != NULL ? conf->desc : "";
	struct cons_console *c;
	int ret = check_new(srv, conf, err, err_size);

	if (ret != 0)
		return ret;
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->what = strdup(conf->what);
	if (c == NULL || c->what == NULL) {
		free(c);
		snprintf(err, err_size, "console '%s': no memory", conf->name);
		return -ENOMEM;
	}
	base_text_clean(c->name, sizeof(c->name), conf->name, strlen(conf->name));
	base_text_clean(c->desc, sizeof(c->desc), desc, strlen(desc));
	c->kind = conf->kind;
	c->allow = conf->allow;
	c->observe = conf->observe;
	pthread_mutex_lock(&srv->lock);
	srv->consoles[srv->count++] = c;
	pthread_mutex_unlock(&srv->lock);
	return 0;
}

void
cons_console_free(struct cons_console *c)
{
	free(c->what);
	free(c);
}
