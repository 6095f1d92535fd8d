/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where running DPDK programs keep their telemetry sockets: BASE/dpdk/PREFIX/dpdk_telemetry.v2
 * with BASE as EAL of DPDK 22.11 chooses it ($RUNTIME_DIRECTORY; /var/run for root; else
 * $XDG_RUNTIME_DIR or /tmp), or as lib/run does for an ordinary user without any.
 *
 * A folder in /tmp may be anybody's: sockets that neither root nor we ourselves listen at
 * are passed over, unless the person named the path.
 */
#include "source.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>

#include "base_text.h"
#include "base_time.h"

#define FIND_NS BASE_NS_PER_S /* for all of it */
#define FIND_OWN_NS (5 * BASE_NS_PER_S) /* a thread of ours that waits for a core */
#define PROBE_NS (BASE_NS_PER_S / 4) /* for one program that may hang */
#define BASES_MAX 8
#define PLACES_MAX 128 /* programs looked at */
#define NAMES_SHOWN 8 /* in a complaint */

/* All sockets that there are, dead ones included. */
struct places {
	struct source_place at[PLACES_MAX];
	unsigned int
		base[PLACES_MAX]; /* number of the folder that it is in: the first is nearest */
	unsigned int count;
	char denied[SOURCE_PATH_MAX]; /* a folder that we may not read, or "" */
};

/* Programs among them that live and are meant, or live at all. */
struct alive {
	unsigned int place[PLACES_MAX];
	unsigned int count;
};

static void
read_comm(pid_t pid, char *name, size_t size)
{
	char path[64], text[32];
	size_t n = 0;
	FILE *f;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	base_text_clean(name, size, text, n);
}

static void
add_place(struct places *places, unsigned int base, const char *folder, const char *prefix)
{
	struct source_place *place = &places->at[places->count];
	struct stat st;
	int len;

	if (places->count == PLACES_MAX)
		return;
	*place = (struct source_place){ .path = "" };
	len = snprintf(place->path, sizeof(place->path), "%s/%s/%s", folder, prefix, SOURCE_SOCKET);
	if (len >= (int)sizeof(place->path) || stat(place->path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	base_text_clean(place->prefix, sizeof(place->prefix), prefix, strlen(prefix));
	places->base[places->count++] = base;
}

static void
look_in(struct places *places, unsigned int base, const char *folder)
{
	struct dirent *de;
	DIR *d = opendir(folder);

	if (d == NULL) {
		if (errno == EACCES)
			snprintf(places->denied, sizeof(places->denied), "%s", folder);
		return;
	}
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] != '.')
			add_place(places, base, folder, de->d_name);
	}
	closedir(d);
}

static void
look_everywhere(struct places *places)
{
	const char *base[BASES_MAX];
	char folder[SOURCE_PATH_MAX], own[64];
	unsigned int i, j, n = 0;

	places->count = 0;
	places->denied[0] = '\0';
	snprintf(own, sizeof(own), "/tmp/dpdk-ism-%u", (unsigned int)geteuid());
	base[n++] = getenv("RUNTIME_DIRECTORY");
	if (geteuid() != 0) {
		base[n++] = getenv("XDG_RUNTIME_DIR");
		base[n++] = own;
		base[n++] = "/tmp";
	}
	base[n++] = "/var/run";
	for (i = 0; i < n; i++) {
		for (j = 0; j < i && base[i] != NULL; j++) {
			if (base[j] != NULL && strcmp(base[i], base[j]) == 0)
				base[i] = NULL;
		}
		if (base[i] == NULL)
			continue;
		snprintf(folder, sizeof(folder), "%s/dpdk", base[i]);
		look_in(places, i, folder);
	}
}

/*
 * Connect to one of them.
 * @param trusted  the person named the path: whoever listens there is meant.
 * @return as source_conn_open(), -ENOENT it is not for us.
 */
static int
probe(struct source_place *place, uint64_t deadline, bool trusted, struct source_conn *conn,
      char *err, size_t err_size)
{
	int ret;

	ret = source_conn_open(conn, place->path, deadline, err, err_size);
	if (ret < 0)
		return ret;
	read_comm(conn->pid, place->program, sizeof(place->program));
	if (place->program[0] == '\0')
		memcpy(place->program, place->prefix, sizeof(place->program) - 1);
	if (trusted || conn->uid == 0 || conn->uid == geteuid() || conn->uid == (uid_t)-1)
		return 0;
	source_conn_close(conn);
	snprintf(err, err_size, "it belongs to user %u", (unsigned int)conn->uid);
	return -ENOENT;
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* "ismd", "dpdk-ismd": of a process, or of a prefix as lib/run makes it ("ismd-123"). */
static bool
is_program(const struct source_place *place, const char *who)
{
	const char *name = place->program, *dash = strrchr(place->prefix, '-');
	size_t len;

	if (strncmp(who, "dpdk-", 5) == 0)
		who += 5;
	if (strncmp(name, "dpdk-", 5) == 0)
		name += 5;
	if (strcmp(name, who) == 0)
		return true;
	len = dash != NULL && is_number(dash + 1) ? (size_t)(dash - place->prefix) : 0;
	return len != 0 && len == strlen(who) && strncmp(place->prefix, who, len) == 0;
}

/*
 * Those that live and fit `who` (a PID, or a program's name); of several folders only the nearest
 * that has one, which is where the program's own environment has put it.
 * @param all  filled with all that live and that we may ask.
 */
static void
match(struct places *places, const char *who, uint64_t deadline, struct alive *fit,
      struct alive *all)
{
	long pid = is_number(who) ? strtol(who, NULL, 10) : -1;
	struct source_conn conn;
	uint64_t soon;
	unsigned int i;
	char err[80];

	fit->count = all->count = 0;
	for (i = 0; i < places->count; i++) {
		soon = base_now_ns() + PROBE_NS;
		if (probe(&places->at[i], soon < deadline ? soon : deadline, false, &conn, err,
			  sizeof(err)) < 0)
			continue;
		if (conn.pid != getpid()) {
			all->place[all->count++] = i;
			if ((pid >= 0 ? conn.pid == pid : is_program(&places->at[i], who)) &&
			    (fit->count == 0 || places->base[i] == places->base[fit->place[0]]))
				fit->place[fit->count++] = i;
		}
		source_conn_close(&conn);
	}
}

/* "ismd-12, ismblk-80". */
static void
list_names(const struct places *places, const struct alive *alive, char *text, size_t size)
{
	size_t len = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < alive->count && i < NAMES_SHOWN && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "",
					places->at[alive->place[i]].prefix);
	if (i < alive->count && len < size)
		snprintf(text + len, size - len, ", ...");
}

static int
complain_none(const struct places *places, const struct alive *all, const char *who, char *err,
	      size_t err_size)
{
	char names[400];

	list_names(places, all, names, sizeof(names));
	if (all->count > 0)
		snprintf(err, err_size, "no running program '%s'; there are: %s", who, names);
	else if (places->denied[0] != '\0')
		snprintf(err, err_size, "no running program '%s' (%s: %s)", who, places->denied,
			 strerror(EACCES));
	else
		snprintf(err, err_size, "no running program '%s', nor any other one with telemetry",
			 who);
	return all->count == 0 && places->denied[0] != '\0' ? -EACCES : -ENOENT;
}

/* The folder that holds the socket is the prefix. */
static void
name_place(struct source_place *place)
{
	char path[SOURCE_PATH_MAX], *slash;

	memcpy(path, place->path, sizeof(path));
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	slash = strrchr(path, '/');
	slash = slash != NULL ? slash + 1 : path;
	base_text_clean(place->prefix, sizeof(place->prefix), slash, strlen(slash));
}

/* `who` is the path of a socket, or of the folder that it is in. */
static int
find_path(const char *who, uint64_t deadline, struct source_conn *conn, struct source_place *place,
	  char *err, size_t err_size)
{
	char why[80];
	struct stat st;
	int len, ret;

	*place = (struct source_place){ .path = "" };
	len = snprintf(place->path, sizeof(place->path), "%s%s", who,
		       stat(who, &st) == 0 && S_ISDIR(st.st_mode) ? "/" SOURCE_SOCKET : "");
	if (len >= (int)sizeof(place->path)) {
		snprintf(err, err_size, "%.200s: a socket's path has at most %d characters", who,
			 SOURCE_PATH_MAX - 1);
		return -ENAMETOOLONG;
	}
	name_place(place);
	ret = probe(place, deadline, true, conn, why, sizeof(why));
	if (ret < 0)
		snprintf(err, err_size, "%s: %s", place->path, why);
	return ret == -ECONNREFUSED ? -ENOENT : ret;
}

/* A prefix is exact: what is wrong with that program is said. @return 1: there is none. */
static int
find_prefix(struct places *places, const char *who, uint64_t deadline, struct source_conn *conn,
	    struct source_place *place, char *err, size_t err_size)
{
	unsigned int i;
	char why[80];
	int ret;

	for (i = 0; i < places->count; i++) {
		if (strcmp(places->at[i].prefix, who) != 0)
			continue;
		ret = probe(&places->at[i], deadline, false, conn, why, sizeof(why));
		if (ret == -ECONNREFUSED || ret == -ENOENT)
			continue; /* left by one that is gone */
		if (ret < 0)
			snprintf(err, err_size, "%s: %s", places->at[i].path, why);
		*place = places->at[i];
		return ret;
	}
	return 1;
}

static int
find_match(struct places *places, const char *who, uint64_t deadline, struct source_conn *conn,
	   struct source_place *place, char *err, size_t err_size)
{
	struct alive fit, all;
	char text[400];
	int ret;

	match(places, who, deadline, &fit, &all);
	if (fit.count == 0)
		return complain_none(places, &all, who, err, err_size);
	if (fit.count > 1) {
		list_names(places, &fit, text, sizeof(text));
		snprintf(err, err_size, "'%s' runs %u times: name one of %s", who, fit.count, text);
		return -ENOTUNIQ;
	}
	*place = places->at[fit.place[0]];
	ret = probe(place, deadline, false, conn, text, sizeof(text));
	if (ret < 0)
		snprintf(err, err_size, "%s: %s", place->path, text);
	return ret;
}

int
source_find(const char *who, struct source_conn *conn, struct source_place *place, char *err,
	    size_t err_size)
{
	uint64_t deadline = base_now_ns() + FIND_NS;
	struct places *places;
	char name[80];
	int ret;

	conn->fd = -1;
	conn->buf = NULL;
	if (strchr(who, '/') != NULL)
		return find_path(who, deadline, conn, place, err, err_size);
	base_text_clean(name, sizeof(name), who, strlen(who));
	places = malloc(sizeof(*places));
	if (places == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	look_everywhere(places);
	ret = find_prefix(places, name, deadline, conn, place, err, err_size);
	if (ret > 0)
		ret = find_match(places, name, deadline, conn, place, err, err_size);
	free(places);
	return ret;
}

int
source_find_own(struct source_conn *conn, struct source_place *place, char *err, size_t err_size)
{
	uint64_t deadline = base_now_ns() + FIND_OWN_NS;
	char why[80];
	int ret;

	*place = (struct source_place){ .path = "" };
	snprintf(place->path, sizeof(place->path), "%s/%s", rte_eal_get_runtime_dir(),
		 SOURCE_SOCKET);
	name_place(place);
	ret = probe(place, deadline, true, conn, why, sizeof(why));
	if (ret < 0)
		snprintf(err, err_size, "this program has no telemetry (%s: %s)", place->path, why);
	return ret;
}
