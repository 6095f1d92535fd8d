/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where running DPDK programs keep their telemetry sockets: BASE/dpdk/PREFIX/dpdk_telemetry.v2
 * with BASE as EAL chooses it ($RUNTIME_DIRECTORY; /var/run for root; else $XDG_RUNTIME_DIR
 * or /tmp), or as lib/run does (run_runtime.c).
 *
 * A folder in /tmp may be anybody's: sockets that neither root nor we ourselves listen at
 * are passed over, unless the person named the path.
 */
#include "source_conn.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
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

static bool
same_place(const struct source_place *place, const char *folder, const char *prefix)
{
	size_t len = strlen(folder);

	return strncmp(place->path, folder, len) == 0 && place->path[len] == '/' &&
	       strcmp(place->prefix, prefix) == 0;
}

static void
add_place(struct places *places, unsigned int base, const char *folder, const char *prefix)
{
	struct source_place *place = &places->at[places->count];
	struct stat st;
	int len;

	if (places->count == PLACES_MAX)
		return;
	/* Two variables may name one folder. */
	for (unsigned int i = 0; i < places->count; i++) {
		if (same_place(&places->at[i], folder, prefix))
			return;
	}
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

/* BASE/dpdk of each folder of a list that ':' separates, as systemd gives it; NULL: none. */
static void
look_in_bases(struct places *places, unsigned int rank, const char *list)
{
	char folder[SOURCE_PATH_MAX];

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ":");

		if (len > 0) {
			snprintf(folder, sizeof(folder), "%.*s/dpdk", (int)len, list);
			look_in(places, rank, folder);
		}
		list += len + (list[len] == ':');
	}
}

/* What lib/run makes for a user who has no folder: /tmp/dpdk-ism-UID, or that and -XXXXXX. */
static void
look_in_tmp(struct places *places, unsigned int rank)
{
	char own[32], path[300];
	struct dirent *de;
	struct stat st;
	DIR *d = opendir("/tmp");
	int len;

	if (d == NULL)
		return;
	len = snprintf(own, sizeof(own), "dpdk-ism-%u", (unsigned int)geteuid());
	while ((de = readdir(d)) != NULL) {
		if (strncmp(de->d_name, own, (size_t)len) != 0 ||
		    (de->d_name[len] != '\0' && de->d_name[len] != '-'))
			continue;
		snprintf(path, sizeof(path), "/tmp/%s", de->d_name);
		if (lstat(path, &st) == 0 && st.st_uid == geteuid())
			look_in_bases(places, rank, path);
	}
	closedir(d);
}

static void
look_everywhere(struct places *places)
{
	const char *systemd = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR");

	places->count = 0;
	places->denied[0] = '\0';
	look_in_bases(places, 0, systemd);
	if (geteuid() != 0) {
		look_in_bases(places, 1, xdg);
		look_in_tmp(places, 2);
		look_in_bases(places, 3, "/tmp");
	}
	look_in_bases(places, 4, "/var/run");
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static long
parent_of(pid_t pid)
{
	char path[32], line[128];
	long parent = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	while (f != NULL && parent < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "PPid: %ld", &parent) != 1)
			parent = -1;
	}
	if (f != NULL)
		fclose(f);
	return parent;
}

static bool
same_program(pid_t a, pid_t b)
{
	char name_a[32], name_b[32];

	read_comm(a, name_a, sizeof(name_a));
	read_comm(b, name_b, sizeof(name_b));
	return name_a[0] != '\0' && strcmp(name_a, name_b) == 0;
}

/*
 * The PID that a person knows. A program that holds a mount answers through a child of it, whose
 * files are named after the parent (lib/run/run_holder.h).
 */
static pid_t
known_pid(const struct source_place *place, pid_t pid)
{
	const char *dash = strrchr(place->prefix, '-');
	long named = dash != NULL && is_number(dash + 1) ? strtol(dash + 1, NULL, 10) : -1;

	if (named > 0 && named != (long)pid && named == parent_of(pid) &&
	    same_program((pid_t)named, pid))
		return (pid_t)named;
	return pid;
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
	conn->pid = known_pid(place, conn->pid);
	read_comm(conn->pid, place->program, sizeof(place->program));
	if (place->program[0] == '\0')
		memcpy(place->program, place->prefix, sizeof(place->program) - 1);
	if (trusted || conn->uid == 0 || conn->uid == geteuid() || conn->uid == (uid_t)-1)
		return 0;
	source_conn_close(conn);
	snprintf(err, err_size, "it belongs to user %u", (unsigned int)conn->uid);
	return -ENOENT;
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

/* The process is there, but no socket of it. */
static bool
complain_silent(const char *who, char *err, size_t err_size)
{
	long pid = is_number(who) ? strtol(who, NULL, 10) : -1;
	char name[32];

	if (pid <= 0 || (kill((pid_t)pid, 0) < 0 && errno != EPERM))
		return false;
	read_comm((pid_t)pid, name, sizeof(name));
	snprintf(err, err_size,
		 "process %ld (%s) runs and has no telemetry that we can reach: was it started "
		 "with --no-telemetry, or with another runtime folder?",
		 pid, name);
	return true;
}

static int
complain_none(const struct places *places, const struct alive *all, const char *who, char *err,
	      size_t err_size)
{
	char names[400];

	list_names(places, all, names, sizeof(names));
	if (places->denied[0] == '\0' && complain_silent(who, err, err_size))
		return -ENOENT;
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
