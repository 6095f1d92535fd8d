/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's memory. QEMU sends one descriptor per 4 KiB page, all of the same file: a file is
 * mapped once, as a whole, and known by device and inode. A client can have a million maps in two
 * thousand files and give all of them back in one message, while everybody else waits: so the
 * file that an address lies in is searched by halves.
 *
 * The gate for descriptors: only tmpfs (memfd, /dev/shm) and hugetlbfs. A page of any other
 * file may be missing for as long as its file system likes, and with it the whole fabric would
 * wait. A file that shrinks is what fabric_guard.h is for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_priv.h"
#include "vfu_conn.h"

/* Bytes that are unmapped at once: 4096 pages take about 0.1 ms. */
#define UNMAP_PIECE (UINT64_C(16) << 20)

/*
 * The first question is one that only these file systems answer, and without asking anybody: all
 * others, as fstat() or close(), wait for a FUSE daemon for as long as it likes.
 */
static int
file_check(struct vfu_conn *conn, int fd, struct stat *st)
{
	int mode;

	if (fcntl(fd, F_GET_SEALS) < 0) {
		if (!conn->told)
			FABRIC_FN_LOG(conn->fn, NOTICE,
				      "memory is not taken that is not of tmpfs (memfd) or "
				      "hugetlbfs");
		conn->told = true;
		return -EINVAL;
	}
	mode = fcntl(fd, F_GETFL);
	if (mode < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode) || st->st_size <= 0)
		return -EINVAL;
	return (mode & O_ACCMODE) == O_RDWR ? 0 : -EACCES;
}

static unsigned int
file_bucket(const struct stat *st)
{
	return (unsigned int)((st->st_ino ^ st->st_ino >> 8 ^ st->st_dev) % VFU_FILE_BUCKETS);
}

static struct vfu_file *
file_find(struct vfu_conn *conn, const struct stat *st, uint64_t end)
{
	struct vfu_file *file;

	LIST_FOREACH(file, &conn->bucket[file_bucket(st)], same_bucket)
		if (file->dev == st->st_dev && file->ino == st->st_ino && end <= file->len)
			return file;
	return NULL;
}

/*
 * The process may have 65530 mappings (vm.max_map_count), fewer than all clients together may want:
 * half of them are shared out evenly, the others are first come, first served.
 * @return 0 with *beyond; -ENOSPC.
 */
static int
mapping_take(struct vfu_conn *conn, bool *beyond)
{
	struct vfu_mappings *all = conn->conf.mappings;

	*beyond = all != NULL && conn->file_count >= all->share;
	if (!*beyond)
		return 0;
	if (all->beyond >= all->beyond_max)
		return -ENOSPC;
	all->beyond++;
	return 0;
}

static void
mapping_give(struct vfu_conn *conn, bool beyond)
{
	if (beyond)
		conn->conf.mappings->beyond--;
}

/* How many files begin at or below this address; the last of them may hold it. */
static unsigned int
files_up_to(const struct vfu_conn *conn, const uint8_t *at)
{
	unsigned int lo = 0, hi = conn->file_count, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (conn->file[mid]->base <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Insert it in order of address, and into its hash bucket. */
static void
file_enter(struct vfu_conn *conn, struct vfu_file *file, const struct stat *st)
{
	unsigned int place = files_up_to(conn, file->base);

	memmove(&conn->file[place + 1], &conn->file[place],
		(conn->file_count - place) * sizeof(conn->file[0]));
	conn->file[place] = file;
	conn->file_count++;
	conn->mapped += file->len;
	LIST_INSERT_HEAD(&conn->bucket[file_bucket(st)], file, same_bucket);
}

static int
file_map(struct vfu_conn *conn, int fd, const struct stat *st, struct vfu_file **out)
{
	uint64_t max = conn->conf.mapped_max != 0 ? conn->conf.mapped_max : VFU_MAPPED_MAX;
	struct vfu_file *file;
	void *base;
	int ret;

	if (conn->file_count == VFU_FILES_MAX || (uint64_t)st->st_size > max - conn->mapped)
		return -ENOSPC;
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return -ENOMEM;
	ret = mapping_take(conn, &file->beyond);
	if (ret < 0)
		goto free_file;
	base = mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		ret = -errno;
		goto give;
	}
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	file->base = base;
	file->len = (uint64_t)st->st_size;
	file_enter(conn, file, st);
	*out = file;
	return 0;

give:
	mapping_give(conn, file->beyond);
free_file:
	free(file);
	return ret;
}

/* Nothing of it is used any more: vfu_dma_work() unmaps it. */
static void
file_drop(struct vfu_conn *conn, struct vfu_file *file)
{
	file->refs = 0;
	LIST_INSERT_HEAD(&conn->drop, file, drop);
}

/*
 * Unmap a piece of it. Pages that we wrote to are mapped each on its own, and a client may
 * have given gigabytes of them. @return true: it is gone.
 */
static bool
file_unmap(struct vfu_conn *conn, struct vfu_file *file)
{
	uint64_t piece = RTE_MIN(file->len - file->emptied, UNMAP_PIECE);
	unsigned int place;

	if (file->len > UNMAP_PIECE && piece > 0) {
		/* Where the kernel cannot (hugetlbfs before Linux 5.18), pages are few. */
		if (madvise(file->base + file->emptied, piece, MADV_DONTNEED) < 0)
			piece = file->len - file->emptied;
		file->emptied += piece;
		return false;
	}
	place = files_up_to(conn, file->base) - 1;
	conn->file_count--;
	memmove(&conn->file[place], &conn->file[place + 1],
		(conn->file_count - place) * sizeof(conn->file[0]));
	conn->mapped -= file->len;
	mapping_give(conn, file->beyond);
	LIST_REMOVE(file, same_bucket);
	LIST_REMOVE(file, drop);
	munmap(file->base, file->len);
	free(file);
	return true;
}

/*
 * A descriptor outlives its mapping. The last reference to a file frees all of its pages, so the
 * closing process must hold the last one when they are many.
 */
void
vfu_dma_late(void *arg, int fd)
{
	struct vfu_conn *conn = arg;
	unsigned int room;
	int *grown;

	if (conn->late_count == conn->late_room) {
		room = conn->late_room == 0 ? 16 : conn->late_room * 2;
		grown = realloc(conn->late_fd, room * sizeof(*grown));
		if (grown == NULL) {
			vfu_conn_drop_fd(conn, fd);
			return;
		}
		conn->late_fd = grown;
		conn->late_room = room;
	}
	conn->late_fd[conn->late_count++] = fd;
}

bool
vfu_dma_work(struct vfu_conn *conn, uint64_t deadline)
{
	struct vfu_file *file;

	while ((file = LIST_FIRST(&conn->drop)) != NULL) {
		file_unmap(conn, file);
		if (deadline != UINT64_MAX && base_now_ns() >= deadline)
			return false;
	}
	while (conn->late_count > 0) {
		vfu_conn_drop_fd(conn, conn->late_fd[--conn->late_count]);
		if (deadline != UINT64_MAX && base_now_ns() >= deadline)
			return false;
	}
	return true;
}

/* The file that [off, off+len) of fd lies in, mapped. */
static int
file_get(struct vfu_conn *conn, int fd, uint64_t off, uint64_t len, struct vfu_file **file)
{
	struct stat st = { .st_size = 0 };
	int ret;

	ret = file_check(conn, fd, &st);
	if (ret < 0)
		return ret;
	if (off > (uint64_t)st.st_size || len > (uint64_t)st.st_size - off)
		return -EINVAL;
	*file = file_find(conn, &st, off + len);
	return *file != NULL ? 0 : file_map(conn, fd, &st, file);
}

static int
map_file(struct vfu_conn *conn, const struct vfu_dma_map *map, int fd)
{
	struct vfu_file *file;
	int ret;

	ret = file_get(conn, fd, map->offset, map->size, &file);
	if (ret < 0)
		return ret;
	ret = fabric_fn_dma_map(conn->fn, map->addr, map->size, file->base + map->offset, fd,
				map->offset);
	if (ret == 0)
		file->refs += map->size;
	else if (file->refs == 0)
		file_drop(conn, file);
	if (ret == -EMFILE && !conn->told &&
	    conn->fn->maps.file_count == conn->fn->maps.files_max) {
		FABRIC_FN_LOG(conn->fn, NOTICE,
			      "its client's memory is in more files than the %zu that a "
			      "function's share of descriptors (ulimit -n) is enough for",
			      conn->fn->maps.file_count);
		conn->told = true;
	}
	return ret;
}

int
vfu_dma_map(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_dma_map map;
	int ret;

	memcpy(&map, body, sizeof(map));
	if (map.argsz < sizeof(map) || map.flags == 0 ||
	    (map.flags & ~(VFU_DMA_READABLE | VFU_DMA_WRITEABLE)) != 0)
		return -EINVAL;
	/*
	 * Memory without a file could only be reached by asking the client for every byte, and
	 * memory that may only be read is of no use to a device that only writes: both are known,
	 * but nothing can be registered in them.
	 */
	if (conn->rx.fds.count == 0 || (map.flags & VFU_DMA_WRITEABLE) == 0)
		return fabric_fn_dma_map(conn->fn, map.addr, map.size, NULL, -1, 0);
	ret = map_file(conn, &map, conn->rx.fds.fd[0]);
	/* The file is mapped, so closing this one is nothing. */
	if (ret == 0)
		close(vfu_fds_take(&conn->rx.fds, 0));
	return ret;
}

static void
map_gone(void *arg, void *addr, uint64_t len)
{
	struct vfu_conn *conn = arg;
	struct vfu_file *file;

	if (addr == NULL)
		return;
	/* What the device model has is in one of them: we gave it the address. */
	file = conn->file[files_up_to(conn, addr) - 1];
	file->refs -= len;
	if (file->refs == 0)
		file_drop(conn, file);
}

int
vfu_dma_unmap(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_dma_unmap unmap;
	int ret;

	memcpy(&unmap, body, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap) || (unmap.flags & ~VFU_UNMAP_ALL) != 0)
		return -EINVAL;
	if (unmap.flags & VFU_UNMAP_ALL) {
		if (unmap.addr != 0 || unmap.size != 0)
			return -EINVAL;
		unmap.size = UINT64_MAX;
	}
	ret = fabric_fn_dma_unmap(conn->fn, unmap.addr, unmap.size, map_gone, conn);
	/* As VFIO does it: nothing there means that nothing was unmapped, not an error. */
	if (ret == -ENOENT)
		unmap.size = 0;
	else if (ret < 0)
		return ret;
	memcpy(reply->data, &unmap, sizeof(unmap));
	reply->len = sizeof(unmap);
	return 0;
}

void
vfu_dma_fini(struct vfu_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->file_count; i++)
		if (conn->file[i]->refs > 0)
			file_drop(conn, conn->file[i]);
}
