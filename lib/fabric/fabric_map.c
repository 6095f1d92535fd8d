/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA maps. QEMU maps a guest's memory in pieces of 4 KiB, so there are hundreds of
 * thousands, and each can be unmapped alone. They are kept in chunks of up to CHUNK_MAX
 * sorted maps, the chunks in a sorted array: finding is two binary searches, adding and removing
 * moves at most one chunk's worth of maps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_priv.h"

#define CHUNK_MAX 128

struct fabric_map_chunk {
	size_t count; /* 1..CHUNK_MAX */
	struct fabric_map map[CHUNK_MAX];
};

/* A place among the maps: chunk `c`, map `m`. At the end, c is the number of chunks. */
struct pos {
	size_t c, m;
};

static uint64_t
map_last(const struct fabric_map *map)
{
	return map->iova + map->len - 1;
}

/* The first map that ends at or behind iova. */
static struct pos
pos_find(const struct fabric_maps *maps, uint64_t iova)
{
	size_t lo = 0, hi = maps->chunk_count, mid;
	const struct fabric_map_chunk *ch;
	struct pos pos;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		ch = maps->chunk[mid];
		if (map_last(&ch->map[ch->count - 1]) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	pos.c = lo;
	pos.m = 0;
	if (lo == maps->chunk_count)
		return pos;
	ch = maps->chunk[lo];
	lo = 0;
	hi = ch->count;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (map_last(&ch->map[mid]) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	pos.m = lo;
	return pos;
}

static struct fabric_map *
pos_map(const struct fabric_maps *maps, struct pos pos)
{
	return pos.c < maps->chunk_count ? &maps->chunk[pos.c]->map[pos.m] : NULL;
}

static struct pos
pos_next(const struct fabric_maps *maps, struct pos pos)
{
	pos.m++;
	if (pos.m == maps->chunk[pos.c]->count) {
		pos.c++;
		pos.m = 0;
	}
	return pos;
}

/* Make room for a new chunk in place c. @return it, empty, or NULL. */
static struct fabric_map_chunk *
chunk_insert(struct fabric_maps *maps, size_t c)
{
	struct fabric_map_chunk **grown, *ch;
	size_t room = maps->chunk_room;

	if (maps->chunk_count == room) {
		room = room == 0 ? 16 : room * 2;
		grown = realloc(maps->chunk, room * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		maps->chunk = grown;
		maps->chunk_room = room;
	}
	ch = malloc(sizeof(*ch));
	if (ch == NULL)
		return NULL;
	ch->count = 0;
	memmove(&maps->chunk[c + 1], &maps->chunk[c],
		(maps->chunk_count - c) * sizeof(*maps->chunk));
	maps->chunk[c] = ch;
	maps->chunk_count++;
	return ch;
}

/*
 * Split the full chunk pos.c so that a map can be put at pos. Maps that come in ascending
 * order leave full chunks behind. @return the place, or c = SIZE_MAX: no memory.
 */
static struct pos
chunk_split(struct fabric_maps *maps, struct pos pos)
{
	size_t keep = pos.m == CHUNK_MAX ? CHUNK_MAX : CHUNK_MAX / 2;
	struct fabric_map_chunk *upper = chunk_insert(maps, pos.c + 1), *lower;

	if (upper == NULL)
		return (struct pos){ .c = SIZE_MAX };
	lower = maps->chunk[pos.c];
	upper->count = CHUNK_MAX - keep;
	memcpy(upper->map, &lower->map[keep], upper->count * sizeof(*upper->map));
	lower->count = keep;
	if (pos.m < keep || (pos.m == keep && keep < CHUNK_MAX))
		return pos;
	return (struct pos){ .c = pos.c + 1, .m = pos.m - keep };
}

static int
map_insert(struct fabric_maps *maps, struct pos pos, const struct fabric_map *map)
{
	struct fabric_map_chunk *ch;

	/* Behind the last map: append to the last chunk. */
	if (pos.c == maps->chunk_count && pos.c > 0) {
		pos.c--;
		pos.m = maps->chunk[pos.c]->count;
	}
	if (pos.c == maps->chunk_count && chunk_insert(maps, 0) == NULL)
		return -ENOMEM;
	if (maps->chunk[pos.c]->count == CHUNK_MAX)
		pos = chunk_split(maps, pos);
	if (pos.c == SIZE_MAX)
		return -ENOMEM;
	ch = maps->chunk[pos.c];
	memmove(&ch->map[pos.m + 1], &ch->map[pos.m], (ch->count - pos.m) * sizeof(*map));
	ch->map[pos.m] = *map;
	ch->count++;
	maps->count++;
	return 0;
}

/* Take n chunks, which are empty, out of the array. */
static void
chunks_drop(struct fabric_maps *maps, size_t c, size_t n)
{
	size_t i;

	for (i = c; i < c + n; i++)
		free(maps->chunk[i]);
	maps->chunk_count -= n;
	memmove(&maps->chunk[c], &maps->chunk[c + n],
		(maps->chunk_count - c) * sizeof(*maps->chunk));
}

/* --- files --- */

/* One more map of the file behind fd. @return 0 with *file, -errno. */
static int
file_get(struct fabric_maps *maps, int fd, struct fabric_file **out)
{
	struct fabric_file *file;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	LIST_FOREACH(file, &maps->files, next)
		if (file->dev == st.st_dev && file->ino == st.st_ino)
			break;
	if (file == NULL) {
		file = calloc(1, sizeof(*file));
		if (file == NULL)
			return -ENOMEM;
		file->dev = st.st_dev;
		file->ino = st.st_ino;
		file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (file->fd < 0) {
			ret = -errno;
			free(file);
			return ret;
		}
	} else {
		LIST_REMOVE(file, next);
	}
	/* In front: the next map is likely of the same file. */
	LIST_INSERT_HEAD(&maps->files, file, next);
	file->refs++;
	*out = file;
	return 0;
}

static void
file_put(struct fabric_file *file)
{
	if (file == NULL || --file->refs > 0)
		return;
	LIST_REMOVE(file, next);
	close(file->fd);
	free(file);
}

/* --- calls --- */

/* The gate for ranges that an owner gives. */
static int
map_check(const struct fabric_map *map)
{
	if (map->len == 0 || map->iova + map->len < map->iova)
		return -EINVAL;
	if ((map->iova | map->len | map->fd_off | (uintptr_t)map->addr) & (ISM_PAGE_SIZE - 1))
		return -EINVAL;
	return 0;
}

int
fabric_maps_add(struct fabric_maps *maps, const struct fabric_map *map, int fd)
{
	struct fabric_map copy = *map;
	const struct fabric_map *after;
	struct pos pos;
	int ret;

	ret = map_check(map);
	if (ret < 0)
		return ret;
	if (maps->count >= FABRIC_MAPS_MAX)
		return -ENOSPC;
	pos = pos_find(maps, map->iova);
	after = pos_map(maps, pos);
	if (after != NULL && after->iova <= map_last(map))
		return -EEXIST;
	copy.file = NULL;
	if (fd >= 0) {
		ret = file_get(maps, fd, &copy.file);
		if (ret < 0)
			return ret;
	}
	ret = map_insert(maps, pos, &copy);
	if (ret < 0)
		file_put(copy.file);
	return ret;
}

const struct fabric_map *
fabric_maps_find(const struct fabric_maps *maps, uint64_t iova)
{
	const struct fabric_map *map = pos_map(maps, pos_find(maps, iova));

	return map != NULL && map->iova <= iova ? map : NULL;
}

ssize_t
fabric_maps_covered(const struct fabric_maps *maps, uint64_t iova, uint64_t len)
{
	uint64_t last = iova + len - 1;
	const struct fabric_map *map;
	ssize_t covered = 0;
	struct pos pos;

	if (len == 0 || last < iova)
		return -EINVAL;
	pos = pos_find(maps, iova);
	while ((map = pos_map(maps, pos)) != NULL && map->iova <= last) {
		if (map->iova < iova || map_last(map) > last)
			return -EINVAL;
		covered++;
		pos = pos_next(maps, pos);
	}
	return covered;
}

/* What one chunk has from place m on that begins in [iova, iova+len). @return how many went. */
static size_t
chunk_remove(struct fabric_map_chunk *ch, size_t m, uint64_t iova, uint64_t len,
	     void (*gone)(void *arg, void *addr, uint64_t len), void *arg)
{
	size_t end;

	for (end = m; end < ch->count && ch->map[end].iova - iova < len; end++) {
		file_put(ch->map[end].file);
		if (gone != NULL)
			gone(arg, ch->map[end].addr, ch->map[end].len);
	}
	memmove(&ch->map[m], &ch->map[end], (ch->count - end) * sizeof(*ch->map));
	ch->count -= end - m;
	return end - m;
}

/*
 * A million maps may go at once, and everybody waits meanwhile: what stays is moved once for each
 * chunk, and once in the array of chunks. Those that end up empty lie behind each other.
 */
void
fabric_maps_remove(struct fabric_maps *maps, uint64_t iova, uint64_t len,
		   void (*gone)(void *arg, void *addr, uint64_t len), void *arg)
{
	struct pos pos = pos_find(maps, iova);
	struct fabric_map_chunk *ch;
	size_t first, empty = 0;

	if (pos.c < maps->chunk_count && pos.m > 0) {
		ch = maps->chunk[pos.c];
		maps->count -= chunk_remove(ch, pos.m, iova, len, gone, arg);
		if (ch->count > pos.m)
			return;
		pos.c++;
	}
	for (first = pos.c; first + empty < maps->chunk_count; empty++) {
		ch = maps->chunk[first + empty];
		maps->count -= chunk_remove(ch, 0, iova, len, gone, arg);
		if (ch->count > 0)
			break;
	}
	if (empty > 0)
		chunks_drop(maps, first, empty);
}

void
fabric_maps_clear(struct fabric_maps *maps)
{
	size_t c, m;

	for (c = 0; c < maps->chunk_count; c++) {
		for (m = 0; m < maps->chunk[c]->count; m++)
			file_put(maps->chunk[c]->map[m].file);
		free(maps->chunk[c]);
	}
	free(maps->chunk);
	maps->chunk = NULL;
	maps->chunk_count = maps->chunk_room = maps->count = 0;
}

int
fabric_maps_resolve(const struct fabric_maps *maps, uint64_t iova, uint64_t len, uint8_t **pages,
		    struct fabric_range *range)
{
	const struct fabric_map *map = NULL;
	uint64_t off, at;

	for (off = 0; off < len; off += ISM_PAGE_SIZE) {
		if (map == NULL || iova + off - map->iova >= map->len)
			map = fabric_maps_find(maps, iova + off);
		if (map == NULL || map->addr == NULL)
			return -EFAULT;
		at = iova + off - map->iova;
		*pages++ = map->addr + at;
		if (off == 0) {
			range->file = map->file;
			range->fd_off = map->fd_off + at;
		} else if (map->file != range->file || map->fd_off + at != range->fd_off + off) {
			range->file = NULL;
		}
	}
	return 0;
}
