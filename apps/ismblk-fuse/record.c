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
#include <linux/fuse.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define INIT_MIN (sizeof(struct fuse_in_header) + 16)
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
	for (unsigned int i = 0; i < app->opt.peer_count; i++) {
		r->peers[i].gid = app->opt.peers[i];
		r->peers[i].home = app->peers[i].home;
	}
	r->request_max = app->request_max;
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

/* --- of a holder that is not to be trusted: it reads, and does not write --- */

#ifndef F_SEAL_FUTURE_WRITE /* Linux 5.1 */
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int
make_file(struct ismblk *app)
{
	int fd = memfd_create("ismblk-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, sizeof(struct record)) == 0)
		app->record = map(fd, PROT_READ | PROT_WRITE);
	if (app->record != NULL &&
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0) {
		app->record_fd = fd;
		return RUN_EXIT_OK;
	}
	ismblk_error(app, "no memory for the mount's record: %s", strerror(errno));
	record_close(app);
	if (fd >= 0)
		close(fd);
	return RUN_EXIT_FAIL;
}

int
record_make_sealed(struct ismblk *app)
{
	int ret = make_file(app);

	if (ret != RUN_EXIT_OK)
		return ret;
	fill(app, app->record);
	/* They came before it. */
	for (unsigned int i = 0; i < app->peer_count; i++)
		app->peers[i].kept = &app->record->peers[i];
	return RUN_EXIT_OK;
}

/*
 * A memory file, of our size; nobody can make it shorter. It may change while it is read: what is
 * checked is the copy.
 */
static bool
is_memory_file(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && has_our_form(fd);
}

static bool
read_at(int fd, void *mem, size_t len, size_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, mem, len, (off_t)at);

		if (n <= 0)
			return false;
		mem = (char *)mem + n;
		len -= (size_t)n;
		at += (size_t)n;
	}
	return true;
}

/* Years 1970 to 2100 and something: no sum with it overflows. */
static int64_t
bounded(int64_t ns)
{
	return ns >= 0 && ns < INT64_C(1) << 62 ? ns : 0;
}

static void
clean_times(struct times *t)
{
	t->atime = bounded(t->atime);
	t->mtime = bounded(t->mtime);
	t->ctime = bounded(t->ctime);
	t->written = bounded(t->written);
}

/* An INIT as the kernel says it: libfuse believes its length. */
static bool
has_init(const struct record *r)
{
	struct fuse_in_header in;

	if (r->init_len < INIT_MIN || r->init_len > sizeof(r->init))
		return false;
	memcpy(&in, r->init, sizeof(in));
	return in.opcode == FUSE_INIT && in.len == r->init_len;
}

/* What stays of the rest is numbers that are used as such; places are looked up anew. */
static bool
clean(struct record *r)
{
	if (!has_init(r) || r->files_used > FILES_MAX || r->request_max < 4096 ||
	    r->request_max > REQUEST_MAX || r->peer_count > PEERS_MAX)
		return false;
	r->start_s = r->start_s >= 0 && r->start_s < INT64_C(1) << 32 ? r->start_s : 0;
	r->start_ns = r->start_ns >= 0 && r->start_ns < 1000000000 ? r->start_ns : 0;
	clean_times(&r->root_times);
	for (unsigned int i = 0; i < PEERS_MAX; i++) {
		clean_times(&r->peers[i].folder_times);
		for (unsigned int k = 0; k < BLK_EXPORTS_MAX; k++)
			clean_times(&r->peers[i].times[k]);
		r->peers[i].home |= r->peers[i].home == 0; /* there is always one */
		memset(&r->peers[i].kept, 0, sizeof(r->peers[i].kept));
	}
	for (uint32_t i = 0; i < r->files_used; i++) {
		if ((r->files[i].ino & 0xffff) >= BLK_EXPORTS_MAX || r->files[i].state > FILE_OPEN)
			r->files[i].state = FILE_FREE;
	}
	return true;
}

/* @return what is wrong with it, or NULL. */
static const char *
copy(struct ismblk *app, int fd)
{
	struct record *r = app->record;
	const size_t files = offsetof(struct record, files);
	size_t used;

	if (!is_memory_file(fd) || !read_at(fd, r, files, 0) || !is_ours(r))
		return "it is of another version of this program, or no record";
	used = r->files_used <= FILES_MAX ? r->files_used * sizeof(r->files[0]) : 0;
	if (!read_at(fd, r->files, used, files) || !clean(r))
		return "it is damaged";
	if (!fits_options(r, &app->opt))
		return "it was made with other options";
	return NULL;
}

int
record_copy(struct ismblk *app, int fd)
{
	int ret = make_file(app);
	const char *what = ret == RUN_EXIT_OK ? copy(app, fd) : NULL;

	if (what != NULL) {
		ismblk_error(app, "cannot go on with the mount's record: %s", what);
		return RUN_EXIT_FAIL;
	}
	if (ret != RUN_EXIT_OK)
		return ret;
	app->request_max = app->record->request_max;
	app->start = (struct timespec){ .tv_sec = app->record->start_s,
					.tv_nsec = app->record->start_ns };
	return RUN_EXIT_OK;
}

void
record_leave(struct ismblk *app)
{
	if (app->record != NULL && mmap(app->record, sizeof(*app->record), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_FIXED, app->record_fd, 0) == MAP_FAILED)
		abort(); /* or it would tell the next one lies */
}

void
record_close(struct ismblk *app)
{
	if (app->record != NULL)
		munmap(app->record, sizeof(*app->record));
	app->record = NULL;
	if (app->record_fd >= 0)
		close(app->record_fd);
	app->record_fd = -1;
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
