/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source: a program that answers, found again when it was restarted. The connection lasts from
 * question to question; when it turns out to be dead, the program is looked for anew under the
 * name that the person gave, once a question.
 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_time.h"
#include "source_conn.h"

#define ASK_NS BASE_NS_PER_S
#define ASK_OWN_NS (5 * BASE_NS_PER_S) /* a thread of ours that waits for a core */

struct source {
	char *who; /* NULL: this program */
	struct source_conn conn;
	struct source_place place;
	json_t *commands; /* array of names; NULL: not asked yet */
	char name[160];
};

/* Find and connect. @return as source_find(). */
static int
connect_source(struct source *src, char *err, size_t err_size)
{
	int ret;

	source_conn_close(&src->conn);
	json_decref(src->commands);
	src->commands = NULL;
	if (src->who == NULL)
		ret = source_find_own(&src->conn, &src->place, err, err_size);
	else
		ret = source_find(src->who, &src->conn, &src->place, err, err_size);
	if (ret == 0)
		snprintf(src->name, sizeof(src->name), "%s, PID %ld, %s", src->place.program,
			 (long)src->conn.pid, src->conn.version);
	return ret;
}

int
source_open(const char *who, struct source **src, char *err, size_t err_size)
{
	struct source *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	*src = NULL;
	if (s == NULL)
		goto no_memory;
	s->conn.fd = -1;
	if (who != NULL) {
		s->who = strdup(who);
		if (s->who == NULL)
			goto no_memory;
	}
	ret = connect_source(s, err, err_size);
	if (ret < 0)
		goto close_source;
	*src = s;
	return 0;

no_memory:
	snprintf(err, err_size, "no memory");
close_source:
	source_close(s);
	return ret;
}

void
source_close(struct source *src)
{
	if (src == NULL)
		return;
	source_conn_close(&src->conn);
	json_decref(src->commands);
	free(src->who);
	free(src);
}

/* Ask; connect anew if the program had ended before the question reached it. */
static int
ask(struct source *src, const char *cmd, json_t **answer, char *err, size_t err_size)
{
	uint64_t deadline = base_now_ns() + (src->who == NULL ? ASK_OWN_NS : ASK_NS);
	int ret = -ECONNRESET;

	if (src->conn.fd >= 0)
		ret = source_conn_ask(&src->conn, cmd, deadline, answer, err, err_size);
	if (ret != -ECONNRESET)
		return ret;
	ret = connect_source(src, err, err_size);
	if (ret < 0)
		return ret;
	return source_conn_ask(&src->conn, cmd, deadline, answer, err, err_size);
}

json_t *
source_ask(struct source *src, const char *cmd, char *err, size_t err_size)
{
	json_t *answer = NULL;
	char why[500];
	int ret;

	ret = ask(src, cmd, &answer, why, sizeof(why));
	if (ret == 0)
		return answer;
	/* Without a connection `why` names who was looked for. */
	if (src->conn.fd < 0 && ret != -EPROTO && ret != -ETIMEDOUT && ret != -ECONNRESET)
		snprintf(err, err_size, "%s", why);
	else
		snprintf(err, err_size, "%s, %.64s: %s", src->name, cmd, why);
	return NULL;
}

const char *
source_name(const struct source *src)
{
	return src->name;
}

bool
source_own(const struct source *src)
{
	return src->who == NULL;
}

bool
source_has(struct source *src, const char *cmd)
{
	char err[80];
	json_t *item;
	size_t i;

	if (src->conn.fd < 0 || src->commands == NULL) {
		json_t *list = source_ask(src, "/", err, sizeof(err));

		if (list == NULL)
			return false;
		json_decref(src->commands);
		src->commands = list;
	}
	json_array_foreach(src->commands, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), cmd) == 0)
			return true;
	}
	return false;
}
