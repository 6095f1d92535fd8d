/* SPDX-License-Identifier: BSD-3-Clause */
/* The consoles that are offered, and to whom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base_text.h"
#include "cons_server_priv.h"

bool
cons_console_may_write(const struct cons_console *c, uint64_t gid)
{
	return !c->gone && base_allow_has(&c->allow, gid);
}

bool
cons_console_may_observe(const struct cons_console *c, uint64_t gid)
{
	return !c->gone && (base_allow_has(&c->allow, gid) || base_allow_has(&c->observe, gid));
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

/* Whoever may use it. */
static struct cons_console *
find_offered(const struct cons_server *srv, const char *name)
{
	for (unsigned int i = 0; i < srv->count; i++)
		if (!srv->consoles[i]->gone && strcmp(srv->consoles[i]->name, name) == 0)
			return srv->consoles[i];
	return NULL;
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
	if (find_offered(srv, conf->name) != NULL) {
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

/* Each device is one console's: two would get a part of its bytes each. */
static int
check_device(const struct cons_server *srv, const struct cons_console_conf *conf, uint32_t *number,
	     char *err, size_t err_size)
{
	*number = 0;
	if (conf->kind != CONS_CONSOLE_TTY || cons_tty_number(conf->what, number) != 0)
		return 0;
	for (unsigned int i = 0; i < srv->count; i++) {
		const struct cons_console *c = srv->consoles[i];

		if (c->gone || c->kind != CONS_CONSOLE_TTY || c->tty != *number)
			continue;
		snprintf(err, err_size, "console '%s': %s is the device of console '%s' already",
			 conf->name, conf->what, c->name);
		return -EEXIST;
	}
	return 0;
}

int
cons_server_console(struct cons_server *srv, const struct cons_console_conf *conf, char *err,
		    size_t err_size)
{
	const char *desc = conf->desc != NULL ? conf->desc : "";
	struct cons_console *c;
	int ret = check_new(srv, conf, err, err_size);
	uint32_t tty = 0;

	if (ret == 0)
		ret = check_device(srv, conf, &tty, err, err_size);
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
	c->tty = tty;
	c->allow = conf->allow;
	c->observe = conf->observe;
	c->share = conf->share;
	c->keep_given = conf->keep_given;
	c->keep_ns = cons_owner_keep_ns(conf);
	pthread_mutex_lock(&srv->lock);
	srv->consoles[srv->count++] = c;
	pthread_mutex_unlock(&srv->lock);
	return 0;
}

/* --- they change and go --- */

int
cons_server_remove(struct cons_server *srv, const char *name)
{
	struct cons_console *c;

	pthread_mutex_lock(&srv->lock);
	c = find_offered(srv, name);
	if (c != NULL) {
		c->gone = true;
		if (c->now != NULL)
			cons_owner_hang_up(c->now, "the console is offered no longer");
	}
	pthread_mutex_unlock(&srv->lock);
	return c != NULL ? 0 : -ENOENT;
}

static bool
has_instance(const struct cons_server *srv, const struct cons_console *c)
{
	const struct cons_instance *inst;

	TAILQ_FOREACH(inst, &srv->instances, entry) {
		if (inst->console == c)
			return true;
	}
	return false;
}

void
cons_console_sweep(struct cons_server *srv)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < srv->count; i++) {
		if (srv->consoles[i]->gone && !has_instance(srv, srv->consoles[i]))
			cons_console_free(srv->consoles[i]);
		else
			srv->consoles[kept++] = srv->consoles[i];
	}
	srv->count = kept;
}

/* Those of this instance who may not be there any more. */
static void
detach_others(struct cons_instance *inst)
{
	const struct cons_console *c = inst->console;
	struct cons_unit *u, *next;
	uint64_t gid;

	for (u = TAILQ_FIRST(&inst->units); u != NULL; u = next) {
		next = TAILQ_NEXT(u, attached);
		gid = u->peer->gid;
		if (u->writer ? cons_console_may_write(c, gid) : cons_console_may_observe(c, gid))
			continue;
		cons_audit_leave(u, "is not allowed any more");
		cons_unit_leave(u, CONS_EVENT_DETACHED, 0, "not allowed any more");
	}
	if (inst->absent.client != 0 && !cons_console_may_write(c, inst->absent.gid))
		inst->absent.client = 0;
}

static bool
may_anything(const struct cons_server *srv, uint64_t gid)
{
	for (unsigned int i = 0; i < srv->count; i++)
		if (cons_console_may_observe(srv->consoles[i], gid))
			return true;
	return false;
}

/* @return the session of somebody for whom there is nothing any more; its queue is let go. */
static struct link_session *
lose_one(struct cons_server *srv)
{
	struct cons_peer *p;

	TAILQ_FOREACH(p, &srv->peers, entry) {
		if (p->closed || may_anything(srv, p->gid))
			continue;
		p->closed = true;
		cons_peer_drop(p, false);
		link_queue_detach(p->link);
		return p->session;
	}
	return NULL;
}

int
cons_server_allow(struct cons_server *srv, const char *name, const struct base_allow *allow,
		  const struct base_allow *observe)
{
	struct link_session *session;
	struct cons_console *c;

	pthread_mutex_lock(&srv->lock);
	c = find_offered(srv, name);
	if (c != NULL) {
		c->allow = *allow;
		if (observe != NULL)
			c->observe = *observe;
		if (c->now != NULL)
			detach_others(c->now);
	}
	session = c != NULL ? lose_one(srv) : NULL;
	pthread_mutex_unlock(&srv->lock);
	/* The link calls back, and the lock is taken there. */
	while (session != NULL) {
		link_session_close(session, "no console is allowed to this GID any more");
		pthread_mutex_lock(&srv->lock);
		session = lose_one(srv);
		pthread_mutex_unlock(&srv->lock);
	}
	return c != NULL ? 0 : -ENOENT;
}

void
cons_console_free(struct cons_console *c)
{
	free(c->what);
	free(c);
}
