/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the next process has to know when this one dies: a memory file that the holder keeps open
 * and that each process writes as it goes, so that there is nothing to save at the end.
 *
 * It is the work of our own program, and yet looked at before it is used: another build may have
 * another form of it, and a process that crashed may have written anywhere.
 */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define MAGIC "ISMBLKR"
#define VERSION 2 /* another one with each change of struct record, or of what it means */

static void *
map(int fd, int prot)
{
	void *mem = mmap(NULL, sizeof(struct record), prot, MAP_SHARED, fd, 0);

	return mem != MAP_FAILED ? mem : NULL;
}

static void
fill(const struct ismblk *app, struct record *r)
{
	memcpy(r->magic, MAGIC, sizeof(r->magic));
	r->version = VERSION;
	r->size = sizeof(*r);
	memcpy(r->where.dir, app->opt.mount, strlen(app->opt.mount) + 1);
	r->read_only = app->opt.read_only;
	r->allow_other = app->opt.allow_other;
	r->cache_none = app->opt.cache == CACHE_NONE;
	r->start_s = app->start.tv_sec;
	r->start_ns = app->start.tv_nsec;
	r->peer_count = app->opt.peer_count;
	for (unsigned int i = 0; i < app->opt.peer_count; i++)
		r->peers[i].gid = app->opt.peers[i];
}

int
record_make(struct ismblk *app)
{
	int fd = memfd_create("ismblk-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, sizeof(struct record)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		app->record = map(fd, PROT_READ | PROT_WRITE);
	if (app->record == NULL) {
		ismblk_error(app, "no memory for the mount's record: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return RUN_EXIT_FAIL;
	}
	app->record_fd = fd;
	fill(app, app->record);
	return RUN_EXIT_OK;
}

/* --- the gate for what another process has written --- */

static bool
has_our_form(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(struct record);
}

static bool
is_ours(const struct record *r)
{
	return memcmp(r->magic, MAGIC, sizeof(r->magic)) == 0 && r->version == VERSION &&
	       r->size == sizeof(*r) && memchr(r->where.dir, '\0', sizeof(r->where.dir)) != NULL;
}

static bool
fits_options(const struct record *r, const struct options *opt)
{
	if (r->peer_count != opt->peer_count || (r->read_only != 0) != opt->read_only ||
	    (r->allow_other != 0) != opt->allow_other ||
	    (r->cache_none != 0) != (opt->cache == CACHE_NONE))
		return false;
	for (unsigned int i = 0; i < opt->peer_count; i++) {
		if (r->peers[i].gid != opt->peers[i])
			return false;
	}
	return true;
}

static bool
is_sane(const struct record *r)
{
	if (r->init_len == 0 || r->init_len > sizeof(r->init) || r->files_used > FILES_MAX ||
	    r->request_max == 0 || r->request_max > REQUEST_MAX)
		return false;
	for (unsigned int i = 0; i < r->peer_count; i++) {
		if (!blk_kept_is_sane(&r->peers[i].kept))
			return false;
	}
	return true;
}

const struct record *
record_look(int fd)
{
	const struct record *r = has_our_form(fd) ? map(fd, PROT_READ) : NULL;

	return r != NULL && is_ours(r) ? r : NULL;
}

int
record_take(struct ismblk *app, int fd)
{
	struct record *r = has_our_form(fd) ? map(fd, PROT_READ | PROT_WRITE) : NULL;
	const char *what = NULL;

	if (r == NULL || !is_ours(r))
		what = "it is of another version of this program";
	else if (!fits_options(r, &app->opt))
		what = "it was made with other options";
	else if (!is_sane(r))
		what = "it is damaged";
	if (what != NULL) {
		ismblk_error(app, "cannot go on with the mount's record: %s", what);
		return RUN_EXIT_FAIL;
	}
	app->record = r;
	app->record_fd = fd;
	app->opt.mount = r->where.dir;
	app->request_max = r->request_max;
	app->start = (struct timespec){ .tv_sec = r->start_s, .tv_nsec = r->start_ns };
	return RUN_EXIT_OK;
}
