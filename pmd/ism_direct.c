/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Direct windows (DESIGN D14): the gate for memory that the fabric hands us. It belongs to a
 * hostile peer. What could hurt us is a page that is not there when we store: SIGBUS. So
 * the memory must be a memfd that nobody can shrink, on the ordinary tmpfs (one of huge
 * pages may have none left), and long enough; the grant page likewise.
 *
 * And what it has no pages for, mapping it would give it pages, which are the one's who
 * touches them first, as long as the file is there: ours. So its owner must have paid for
 * them, and a DMB that is longer than its owner told is not granted to us at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base_time.h"
#include "ism_addr.h"
#include "ism_fn.h"

/* May [off, off + len) of fd be touched without a fault? */
static bool
file_ok(int fd, uint64_t off, uint64_t len)
{
	struct statfs fs;
	struct stat st;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
		return false;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return false;
	return st.st_size > 0 && len <= (uint64_t)st.st_size && off <= (uint64_t)st.st_size - len;
}

/* Does [off, off + len) of fd have all of its pages? */
static bool
file_full(int fd, uint64_t off, uint64_t len)
{
	off_t hole = lseek(fd, (off_t)off, SEEK_HOLE);

	return hole >= 0 && (uint64_t)hole >= off + len;
}

static bool
offer_ok(const struct ism_direct *d)
{
	return d->generation != 0 && d->len > 0 && d->mem_off % ISM_PAGE_SIZE == 0 &&
	       d->grant_off % sizeof(uint64_t) == 0 && file_ok(d->mem_fd, d->mem_off, d->len) &&
	       file_ok(d->grant_fd, d->grant_off, sizeof(uint64_t));
}

/* @return the mapping, or NULL. */
static void *
map(int fd, uint64_t off, uint64_t len, int prot)
{
	void *addr = mmap(NULL, len, prot, MAP_SHARED | MAP_POPULATE, fd, (off_t)off);

	return addr == MAP_FAILED ? NULL : addr;
}

/* Map both; nothing stays mapped on an error. */
static int
map_both(struct rte_pmd_ism_win *win, const struct ism_direct *d)
{
	uint64_t grant_page = RTE_ALIGN_FLOOR((uint64_t)d->grant_off, ISM_PAGE_SIZE);

	win->map_len[0] = d->len;
	win->map[0] = map(d->mem_fd, d->mem_off, d->len, PROT_READ | PROT_WRITE);
	if (win->map[0] == NULL)
		return -ENOMEM;
	win->map_len[1] = ISM_PAGE_SIZE;
	win->map[1] = map(d->grant_fd, grant_page, ISM_PAGE_SIZE, PROT_READ);
	if (win->map[1] == NULL) {
		ism_direct_unmap(win);
		return -ENOMEM;
	}
	win->mem = win->map[0];
	win->mem_len = d->len;
	win->grant = (const uint64_t *)((const char *)win->map[1] + d->grant_off - grant_page);
	win->generation = d->generation;
	return 0;
}

/* A peer can have it told as often as it likes. */
static void
tell_unsafe(const struct rte_pmd_ism_win *win)
{
	unsigned int more;

	if (base_line_due(&win->fn->unsafe_lines, base_now_ns(), &more))
		ISM_LOG(WARNING,
			"%s: direct window of token 0x%llx is not safe: using stores (%u more)",
			win->fn->path, (unsigned long long)win->token, more);
}

int
ism_direct_map(struct rte_pmd_ism_win *win, const struct ism_direct *d)
{
	int ret = -EOPNOTSUPP;

	if (d->len > RTE_ALIGN_CEIL(win->len, (uint32_t)ISM_PAGE_SIZE))
		ret = -EIO;
	else if (offer_ok(d) && file_full(d->mem_fd, d->mem_off, d->len))
		ret = map_both(win, d);
	else
		tell_unsafe(win);
	close(d->mem_fd);
	close(d->grant_fd);
	return ret;
}

void
ism_direct_unmap(struct rte_pmd_ism_win *win)
{
	unsigned int i;

	win->mem = NULL;
	for (i = 0; i < RTE_DIM(win->map); i++) {
		if (win->map[i] != NULL)
			munmap(win->map[i], win->map_len[i]);
		win->map[i] = NULL;
	}
}
