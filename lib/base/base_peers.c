/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_peers.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"

#define LINE_MAX_BYTES 512

struct table {
	const struct table *before; /* the one that held until then: readers may have it yet */
	size_t count;
	struct base_peer peer[];
};

/* Release by the loader after the table behind it, acquire by readers. NULL: nothing loaded yet. */
static _Atomic(struct table *) current;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char expected[400] = "a GID of 1 to 16 hex digits, not 0, or a name of " BASE_PEERS_FILE;

static bool
name_ok(const char *name)
{
	uint64_t gid;
	size_t len = strlen(name);

	if (len == 0 || len >= BASE_PEER_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return base_gid_parse(name, &gid) != 0 && strcmp(name, "any") != 0;
}

static const struct base_peer *
find(const struct table *t, const char *name)
{
	for (size_t i = 0; t != NULL && i < t->count; i++)
		if (strcmp(t->peer[i].name, name) == 0)
			return &t->peer[i];
	return NULL;
}

/* @return NULL: the line is in order (or empty); else what is wrong with it. */
static const char *
take_line(struct table *t, char *line)
{
	char *save, *name, *gid;
	struct base_peer *peer = &t->peer[t->count];

	line[strcspn(line, "#\n")] = '\0';
	name = strtok_r(line, " \t\r", &save);
	if (name == NULL)
		return NULL;
	gid = strtok_r(NULL, " \t\r", &save);
	if (gid == NULL || strtok_r(NULL, " \t\r", &save) != NULL)
		return "expected a name and a GID";
	if (!name_ok(name))
		return "expected a name of letters, digits, '.', '_' and '-' that is no GID";
	if (find(t, name) != NULL)
		return "this name was given before";
	if (base_gid_parse(gid, &peer->gid) != 0)
		return "expected a GID of 1 to 16 hex digits";
	if (t->count == BASE_PEERS_MAX)
		return "too many names";
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	t->count++;
	return NULL;
}

static int
read_table(FILE *f, const char *path, struct table *t, char *err, size_t err_size)
{
	char line[LINE_MAX_BYTES];
	const char *wrong = NULL;
	unsigned int n = 0;

	while (wrong == NULL && fgets(line, sizeof(line), f) != NULL) {
		n++;
		wrong = strlen(line) == sizeof(line) - 1 ? "the line is too long"
							 : take_line(t, line);
	}
	if (wrong == NULL)
		return ferror(f) ? -EIO : 0;
	snprintf(err, err_size, "%s:%u: %s", path, n, wrong);
	return -EINVAL;
}

/* Tables are never freed, so an unchanged file must not make a new one. */
static void
publish(struct table *t)
{
	const struct table *was = atomic_load_explicit(&current, memory_order_relaxed);
	size_t size = sizeof(*t) + t->count * sizeof(t->peer[0]);
	struct table *fit;

	if (was != NULL && was->count == t->count &&
	    memcmp(was->peer, t->peer, t->count * sizeof(t->peer[0])) == 0) {
		free(t);
		return;
	}
	t->before = was;
	fit = realloc(t, size);
	atomic_store_explicit(&current, fit != NULL ? fit : t, memory_order_release);
}

static struct table *
table_new(void)
{
	return calloc(1, sizeof(struct table) + (BASE_PEERS_MAX + 1) * sizeof(struct base_peer));
}

int
base_peers_load(const char *path, char *err, size_t err_size)
{
	const char *named = path != NULL ? path : getenv("ISM_PEERS");
	const char *name = named != NULL && named[0] != '\0' ? named : BASE_PEERS_FILE;
	struct table *t = table_new();
	FILE *f = fopen(name, "re");
	int ret = f == NULL ? -errno : 0;

	if (t == NULL)
		ret = -ENOMEM;
	if (ret == 0)
		ret = read_table(f, name, t, err, err_size);
	else if (ret == -ENOENT && name != named)
		ret = 0; /* no names */
	else
		snprintf(err, err_size, "%s: %s", name, strerror(-ret));
	if (ret == 0)
		publish(t);
	else
		free(t);
	if (f != NULL)
		fclose(f);
	return ret;
}

/* Load the default file on first use. An error is reported when a name is not found. */
static void
load_once(void)
{
	char err[256];

	if (atomic_load_explicit(&current, memory_order_acquire) == NULL &&
	    base_peers_load(NULL, err, sizeof(err)) != 0)
		snprintf(expected, sizeof(expected),
			 "a GID of 1 to 16 hex digits, not 0 (there are no names: %s)", err);
}

int
base_peers_find(const char *name, uint64_t *gid)
{
	const struct base_peer *peer;

	pthread_once(&once, load_once);
	peer = find(atomic_load_explicit(&current, memory_order_acquire), name);
	if (peer == NULL)
		return -ENOENT;
	*gid = peer->gid;
	return 0;
}

int
base_peer_parse(const char *text, uint64_t *gid)
{
	if (base_gid_parse(text, gid) == 0 || base_peers_find(text, gid) == 0)
		return 0;
	return -EINVAL;
}

const char *
base_peer_expected(void)
{
	return expected;
}

const char *
base_peer_name(uint64_t gid)
{
	const struct base_peer *peers;
	size_t n = base_peers_all(&peers);

	for (size_t i = 0; i < n; i++)
		if (peers[i].gid == gid)
			return peers[i].name;
	return NULL;
}

size_t
base_peers_all(const struct base_peer **peers)
{
	const struct table *t = atomic_load_explicit(&current, memory_order_acquire);

	*peers = t != NULL ? t->peer : NULL;
	return t != NULL ? t->count : 0;
}
