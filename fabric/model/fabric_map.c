/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA maps. QEMU maps a guest's memory in pieces of 4 KiB, so there are hundreds of
 * thousands, and each can be unmapped alone. Neighbours of one length that follow each other in
 * the same memory are kept as one run, which is cut between two of them when one goes. Runs are
 * kept in chunks of up to CHUNK_MAX, sorted, the chunks in a sorted array: finding is two binary
 * searches, adding and removing moves at most one chunk's worth. Two neighbouring chunks are made
 * one when they fill half of it, so no order of maps and unmaps makes each run cost a chunk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_priv.h"

#define CHUNK_MAX 128
#define JOIN_MAX (CHUNK_MAX / 2)

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

/* Insert an empty chunk at index c. @return the chunk, or NULL: no memory. */
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

/* A chunk near c has become emptier. */
static void
chunks_join(struct fabric_maps *maps, size_t c)
{
	struct fabric_map_chunk *lower, *upper;
	size_t at;

	for (at = c + 1; at + 2 > c && at > 0; at--) {
		if (at >= maps->chunk_count)
			continue;
		lower = maps->chunk[at - 1];
		upper = maps->chunk[at];
		if (lower->count + upper->count > JOIN_MAX)
			continue;
		memcpy(&lower->map[lower->count], upper->map, upper->count * sizeof(*upper->map));
		lower->count += upper->count;
		chunks_drop(maps, at, 1);
	}
}

/* Take the run at pos out. */
static void
map_erase(struct fabric_maps *maps, struct pos pos)
{
	struct fabric_map_chunk *ch = maps->chunk[pos.c];

	ch->count--;
	memmove(&ch->map[pos.m], &ch->map[pos.m + 1], (ch->count - pos.m) * sizeof(*ch->map));
	if (ch->count == 0)
		chunks_drop(maps, pos.c, 1);
	chunks_join(maps, pos.c);
}

/* --- runs --- */

/* Does b follow a, as one more map of the same run? */
static bool
run_follows(const struct fabric_map *a, const struct fabric_map *b)
{
	if (a->iova + a->len != b->iova || a->piece != b->piece || a->file != b->file)
		return false;
	if (a->addr == NULL || b->addr == NULL)
		return a->addr == b->addr;
	return a->addr + a->len == b->addr && (a->file == NULL || a->fd_off + a->len == b->fd_off);
}

/* The run before pos, or NULL. */
static struct fabric_map *
pos_before(const struct fabric_maps *maps, struct pos pos)
{
	const struct fabric_map_chunk *ch;

	if (pos.m > 0)
		return &maps->chunk[pos.c]->map[pos.m - 1];
	if (pos.c == 0)
		return NULL;
	ch = maps->chunk[pos.c - 1];
	return &maps->chunk[pos.c - 1]->map[ch->count - 1];
}

/* Make `map` a part of a neighbour. @return false: it follows none. */
static bool
run_extend(struct fabric_maps *maps, struct pos pos, const struct fabric_map *map)
{
	struct fabric_map *before = pos_before(maps, pos), *after = pos_map(maps, pos);

	if (before != NULL && run_follows(before, map)) {
		before->len += map->len;
		if (after != NULL && run_follows(before, after)) {
			before->len += after->len;
			map_erase(maps, pos);
		}
		return true;
	}
	if (after == NULL || !run_follows(map, after))
		return false;
	after->iova = map->iova;
	after->addr = map->addr;
	after->fd_off = map->fd_off;
	after->len += map->len;
	return true;
}

/* Cut the run that holds iova, if it does not begin there. @return 0, -ENOMEM. */
static int
run_cut(struct fabric_maps *maps, uint64_t iova)
{
	struct pos pos = pos_find(maps, iova);
	struct fabric_map *map = pos_map(maps, pos), upper;
	uint64_t lower;
	int ret;

	if (map == NULL || map->iova >= iova)
		return 0;
	lower = iova - map->iova;
	upper = *map;
	upper.iova += lower;
	upper.len -= lower;
	if (upper.addr != NULL)
		upper.addr += lower;
	upper.fd_off += lower;
	pos.m++;
	ret = map_insert(maps, pos, &upper);
	/* Where it was, or in the chunk that was split off below or above: looked for again. */
	if (ret == 0)
		pos_map(maps, pos_find(maps, iova - 1))->len = lower;
	return ret;
}

/* --- files --- */

static unsigned int
file_bucket(const struct stat *st)
{
	return (unsigned int)((st->st_ino ^ st->st_ino >> 8 ^ st->st_dev) % FABRIC_FILE_BUCKETS);
}

/* One more map of the file behind fd. @return 0 with *file, -errno. */
static int
file_get(struct fabric_maps *maps, int fd, struct fabric_file **out)
{
	struct fabric_file *file;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	LIST_FOREACH(file, &maps->bucket[file_bucket(&st)], same_bucket)
		if (file->dev == st.st_dev && file->ino == st.st_ino)
			break;
	if (file == NULL) {
		if (maps->files_max != 0 && maps->file_count >= maps->files_max)
			return -EMFILE;
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
		LIST_INSERT_HEAD(&maps->files, file, next);
		LIST_INSERT_HEAD(&maps->bucket[file_bucket(&st)], file, same_bucket);
		file->maps = maps;
		maps->file_count++;
	}
	file->refs++;
	*out = file;
	return 0;
}

/* n maps of it are gone. */
static void
file_put(struct fabric_file *file, uint64_t n)
{
	if (file == NULL)
		return;
	file->refs -= n;
	if (file->refs > 0)
		return;
	LIST_REMOVE(file, next);
	LIST_REMOVE(file, same_bucket);
	file->maps->file_count--;
	if (file->maps->let_go != NULL)
		file->maps->let_go(file->maps->let_go_arg, file->fd);
	else
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
	copy.piece = map->len;
	if (fd >= 0) {
		ret = file_get(maps, fd, &copy.file);
		if (ret < 0)
			return ret;
	}
	if (!run_extend(maps, pos, &copy))
		ret = maps->memory_max != 0 && fabric_maps_memory(maps) >= maps->memory_max
			      ? -ENOSPC
			      : map_insert(maps, pos, &copy);
	if (ret < 0)
		file_put(copy.file, 1);
	else
		maps->count++;
	return ret;
}

size_t
fabric_maps_memory(const struct fabric_maps *maps)
{
	return maps->chunk_count * sizeof(struct fabric_map_chunk) +
	       maps->chunk_room * sizeof(*maps->chunk);
}

const struct fabric_map *
fabric_maps_find(const struct fabric_maps *maps, uint64_t iova)
{
	const struct fabric_map *map = pos_map(maps, pos_find(maps, iova));

	return map != NULL && map->iova <= iova ? map : NULL;
}

/* Is at a place where a run can be cut? */
static bool
cut_ok(const struct fabric_map *map, uint64_t at)
{
	return (at - map->iova) % map->piece == 0;
}

int
fabric_maps_check(const struct fabric_maps *maps, uint64_t iova, uint64_t len)
{
	uint64_t last = iova + len - 1;
	const struct fabric_map *map;

	if (len == 0 || last < iova)
		return -EINVAL;
	/* Only the first and the last can be cut. */
	map = pos_map(maps, pos_find(maps, iova));
	if (map == NULL || map->iova > last)
		return 0;
	if (map->iova < iova && !cut_ok(map, iova))
		return -EINVAL;
	map = pos_map(maps, pos_find(maps, last));
	if (map != NULL && map->iova <= last && map_last(map) > last && !cut_ok(map, last + 1))
		return -EINVAL;
	return 1;
}

ssize_t
fabric_maps_covered(const struct fabric_maps *maps, uint64_t iova, uint64_t len)
{
	int ret = fabric_maps_check(maps, iova, len);
	uint64_t last = iova + len - 1, from, to;
	const struct fabric_map *map;
	ssize_t covered = 0;
	struct pos pos;

	if (ret <= 0)
		return ret;
	pos = pos_find(maps, iova);
	while ((map = pos_map(maps, pos)) != NULL && map->iova <= last) {
		from = RTE_MAX(iova, map->iova);
		to = RTE_MIN(last, map_last(map));
		covered += (ssize_t)((to - from + 1) / map->piece);
		pos = pos_next(maps, pos);
	}
	return covered;
}

int
fabric_maps_cut(struct fabric_maps *maps, uint64_t iova, uint64_t len)
{
	int ret = run_cut(maps, iova);

	if (ret == 0 && iova + len != 0)
		ret = run_cut(maps, iova + len);
	return ret;
}

/*
 * What one chunk has from place m on that begins in [iova, iova+len). @return how many maps went.
 */
static size_t
chunk_remove(struct fabric_map_chunk *ch, size_t m, uint64_t iova, uint64_t len,
	     void (*gone)(void *arg, void *addr, uint64_t len), void *arg)
{
	struct fabric_map *map;
	size_t end, maps = 0;

	for (end = m; end < ch->count && ch->map[end].iova - iova < len; end++) {
		map = &ch->map[end];
		maps += map->len / map->piece;
		file_put(map->file, map->len / map->piece);
		if (gone != NULL)
			gone(arg, map->addr, map->len);
	}
	memmove(&ch->map[m], &ch->map[end], (ch->count - end) * sizeof(*ch->map));
	ch->count -= end - m;
	return maps;
}

#define EMPTY_MAX 64 /* chunks that are taken out of the array at once */

/*
 * What stays is moved once for each chunk, and once in the array of chunks for those that end up
 * empty, which lie behind each other.
 */
bool
fabric_maps_remove_some(struct fabric_maps *maps, uint64_t iova, uint64_t len,
			void (*gone)(void *arg, void *addr, uint64_t len), void *arg,
			struct fabric_slice *slice)
{
	struct pos pos = pos_find(maps, iova);
	struct fabric_map_chunk *ch;
	size_t first, empty = 0;
	bool done = false;

	if (pos.c < maps->chunk_count && pos.m > 0) {
		ch = maps->chunk[pos.c];
		maps->count -= chunk_remove(ch, pos.m, iova, len, gone, arg);
		if (ch->count > pos.m) {
			chunks_join(maps, pos.c);
			return true;
		}
		pos.c++;
	}
	for (first = pos.c; !done && empty < EMPTY_MAX; empty++) {
		if (first + empty == maps->chunk_count)
			break;
		ch = maps->chunk[first + empty];
		maps->count -= chunk_remove(ch, 0, iova, len, gone, arg);
		if (ch->count > 0) {
			done = true;
			break;
		}
		slice->count += 15; /* a chunk is no small thing */
		if (fabric_slice_over(slice)) {
			empty++;
			break;
		}
	}
	done = done || first + empty == maps->chunk_count;
	if (empty > 0)
		chunks_drop(maps, first, empty);
	if (done)
		chunks_join(maps, first);
	return done;
}

void
fabric_maps_remove(struct fabric_maps *maps, uint64_t iova, uint64_t len,
		   void (*gone)(void *arg, void *addr, uint64_t len), void *arg)
{
	struct fabric_slice endless = { .deadline = UINT64_MAX };

	if (fabric_maps_cut(maps, iova, len) < 0)
		return;
	while (!fabric_maps_remove_some(maps, iova, len, gone, arg, &endless))
		;
}

bool
fabric_maps_clear_some(struct fabric_maps *maps, struct fabric_slice *slice)
{
	struct fabric_map_chunk *ch;
	size_t m, n;

	while (maps->chunk_count > 0) {
		ch = maps->chunk[--maps->chunk_count];
		for (m = 0; m < ch->count; m++) {
			n = ch->map[m].len / ch->map[m].piece;
			file_put(ch->map[m].file, n);
			maps->count -= n;
		}
		free(ch);
		slice->count += 15;
		if (fabric_slice_over(slice))
			return false;
	}
	free(maps->chunk);
	maps->chunk = NULL;
	maps->chunk_room = 0;
	return true;
}

void
fabric_maps_clear(struct fabric_maps *maps)
{
	struct fabric_slice endless = { .deadline = UINT64_MAX };

	fabric_maps_clear_some(maps, &endless);
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
