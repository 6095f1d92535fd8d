/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the next runtime of our name goes on with, for the mounts that outlive us (DESIGN D24): who
 * we are to servers, and what is known of the disks of each peer. A file beside the socket, mapped,
 * written as things happen: there may be no end at which to save anything. Holders of mounts are
 * other users' programs and have no part in it.
 */
#include "ismd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_client.h"
#include "run.h"
#include "run_control.h"
#include "run_name.h"

#define MAGIC "ISMDSTA"
#define VERSION 1 /* another one with each change of struct state, or of what it means */
#define PEERS 64

struct state {
	char magic[8];
	uint64_t size;
	uint32_t version, pad;
	char boot[40]; /* the system's, as text */
	struct link_epoch epoch;
	struct {
		uint64_t gid; /* 0: free */
		uint64_t id; /* of this use of the place; written last */
		struct blk_kept kept;
	} peers[PEERS];
};

struct ismd_state {
	struct state *mem;
	char path[PATH_MAX + RUN_NAME_MAX + 8]; /* empty: no file, nobody comes after us */
	bool used[PEERS]; /* by a mount of ours */
};

static void
read_boot(char boot[40])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(boot, 0, 40);
	if (f == NULL)
		return;
	if (fgets(boot, 40, f) == NULL)
		boot[0] = '\0';
	fclose(f);
}

/* Written by a runtime of this build, since the system was started? */
static bool
goes_on(const struct state *s, const char *boot)
{
	if (memcmp(s->magic, MAGIC, sizeof(s->magic)) != 0 || s->version != VERSION ||
	    s->size != sizeof(*s) || memcmp(s->boot, boot, sizeof(s->boot)) != 0)
		return false;
	for (unsigned int i = 0; i < PEERS; i++) {
		if (s->peers[i].gid != 0 && !blk_kept_is_sane(&s->peers[i].kept))
			return false;
	}
	return true;
}

static void
begin_anew(struct state *s, const char *boot)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->magic, MAGIC, sizeof(s->magic));
	memcpy(s->boot, boot, sizeof(s->boot));
	s->version = VERSION;
	s->size = sizeof(*s);
}

/* The name is ours, and the folder nobody else's. @return NULL. */
static struct state *
map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *mem = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size == (off_t)sizeof(struct state) ||
	     (ftruncate(fd, 0) == 0 && ftruncate(fd, sizeof(struct state)) == 0)))
		mem = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return mem != MAP_FAILED ? mem : NULL;
}

static struct state *
map_nothing(void)
{
	void *mem = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem != MAP_FAILED ? mem : NULL;
}

int
state_open(struct ismd *d)
{
	const char *name = d->control != NULL ? run_control_name(d->control) : NULL;
	struct ismd_state *s = calloc(1, sizeof(*s));
	char dir[PATH_MAX], boot[40];

	if (s == NULL)
		return -ENOMEM;
	d->state = s;
	/* A name with our PID in it is nobody's after us. */
	if (name != NULL && strncmp(name, "pid-", 4) != 0 && run_name_dir(dir) == 0) {
		snprintf(s->path, sizeof(s->path), "%s/%s.state", dir, name);
		s->mem = map_file(s->path);
		if (s->mem == NULL) {
			run_note("%s: %s; mounts end with this runtime", s->path, strerror(errno));
			s->path[0] = '\0';
		}
	}
	if (s->mem == NULL)
		s->mem = map_nothing();
	if (s->mem == NULL)
		return -ENOMEM;
	read_boot(boot);
	if (!goes_on(s->mem, boot))
		begin_anew(s->mem, boot);
	return 0;
}

/* Somebody may go on with it. */
static bool
has_peers(const struct state *s)
{
	unsigned int i = 0;

	while (i < PEERS && s->peers[i].gid == 0)
		i++;
	return i < PEERS;
}

void
state_close(struct ismd *d)
{
	struct ismd_state *s = d->state;

	if (s == NULL)
		return;
	if (s->path[0] != '\0' && s->mem != NULL && !has_peers(s->mem))
		unlink(s->path);
	if (s->mem != NULL)
		munmap(s->mem, sizeof(*s->mem));
	free(s);
	d->state = NULL;
}

struct link_epoch *
state_epoch(struct ismd *d)
{
	return &d->state->mem->epoch;
}

bool
state_outlives(const struct ismd *d)
{
	return d->state->path[0] != '\0';
}

void
state_leave(struct ismd *d)
{
	struct ismd_state *s = d->state;
	struct state *copy;

	if (s->path[0] == '\0')
		return;
	copy = malloc(sizeof(*copy));
	if (copy != NULL)
		memcpy(copy, s->mem, sizeof(*copy));
	if (copy == NULL || mmap(s->mem, sizeof(*s->mem), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort(); /* or it would tell the next one lies */
	memcpy(s->mem, copy, sizeof(*copy));
	free(copy);
}

/* --- peers --- */

static unsigned int
find(const struct ismd_state *s, uint64_t gid)
{
	unsigned int i = 0;

	while (i < PEERS && s->mem->peers[i].gid != gid)
		i++;
	return i;
}

/* Of a mount whose holder has not come back, if there is no other place. */
static unsigned int
find_unused(const struct ismd_state *s)
{
	unsigned int i = find(s, 0), k = 0;

	if (i < PEERS)
		return i;
	while (k < PEERS && s->used[k])
		k++;
	return k;
}

static void
clear(struct ismd_state *s, unsigned int i)
{
	s->mem->peers[i].id = 0;
	memset(&s->mem->peers[i], 0, sizeof(s->mem->peers[i]));
	s->used[i] = false;
}

struct blk_kept *
state_find(struct ismd *d, uint64_t gid, uint64_t *id)
{
	struct ismd_state *s = d->state;
	unsigned int i = find(s, gid);

	if (i < PEERS && *id != 0 && s->mem->peers[i].id != *id)
		return NULL;
	if (i == PEERS) {
		i = *id == 0 ? find_unused(s) : PEERS;
		if (i == PEERS)
			return NULL;
		clear(s, i);
		s->mem->peers[i].gid = gid;
		if (getrandom(&s->mem->peers[i].id, sizeof(uint64_t), 0) != sizeof(uint64_t))
			return NULL;
		s->mem->peers[i].id |= 1;
	}
	s->used[i] = true;
	*id = s->mem->peers[i].id;
	return &s->mem->peers[i].kept;
}

void
state_drop(struct ismd *d, uint64_t gid)
{
	unsigned int i = find(d->state, gid);

	if (i < PEERS)
		clear(d->state, i);
}
