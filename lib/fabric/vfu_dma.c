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
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "fabric_priv.h"
#include "vfu_conn.h"

static int
file_check(struct vfu_conn *conn, int fd, struct stat *st)
{
	struct statfs fs;

	int mode = fcntl(fd, F_GETFL);

	if (mode < 0 || fstat(fd, st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode) || st->st_size <= 0 ||
	    (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC)) {
		if (!conn->told)
			FABRIC_LOG(NOTICE,
				   "%s: memory of file system type 0x%lx is not taken, expected "
				   "tmpfs (memfd) or hugetlbfs",
				   fabric_fn_name(conn->fn), (unsigned long)fs.f_type);
		conn->told = true;
		return -EINVAL;
	}
	return (mode & O_ACCMODE) == O_RDWR ? 0 : -EACCES;
}

static struct vfu_file *
file_find(struct vfu_conn *conn, const struct stat *st, uint64_t end)
{
	struct vfu_file *file;
	unsigned int i;

	for (i = 0; i < conn->file_count; i++) {
		file = conn->file[i];
		if (file->dev == st->st_dev && file->ino == st->st_ino && end <= file->len)
			return file;
	}
	return NULL;
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

static int
file_map(struct vfu_conn *conn, int fd, const struct stat *st, struct vfu_file **out)
{
	struct vfu_file *file;
	unsigned int place;
	void *base;
	int ret;

	if (conn->file_count == VFU_FILES_MAX ||
	    (uint64_t)st->st_size > VFU_MAPPED_MAX - conn->mapped)
		return -ENOSPC;
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return -ENOMEM;
	base = mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		ret = -errno;
		free(file);
		return ret;
	}
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	file->base = base;
	file->len = (uint64_t)st->st_size;
	place = files_up_to(conn, base);
	memmove(&conn->file[place + 1], &conn->file[place],
		(conn->file_count - place) * sizeof(conn->file[0]));
	conn->file[place] = file;
	conn->file_count++;
	conn->mapped += file->len;
	*out = file;
	return 0;
}

static void
file_drop(struct vfu_conn *conn, struct vfu_file *file)
{
	unsigned int place = files_up_to(conn, file->base) - 1;

	conn->file_count--;
	memmove(&conn->file[place], &conn->file[place + 1],
		(conn->file_count - place) * sizeof(conn->file[0]));
	conn->mapped -= file->len;
	munmap(file->base, file->len);
	free(file);
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
		file->refs++;
	else if (file->refs == 0)
		file_drop(conn, file);
	return ret;
}

int
vfu_dma_map(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_dma_map map;

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
	return map_file(conn, &map, conn->rx.fds.fd[0]);
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
	if (--file->refs == 0)
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
	while (conn->file_count > 0)
		file_drop(conn, conn->file[conn->file_count - 1]);
}
