/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that others write. Each piece is a file of its own that can neither shrink nor grow, so
 * that a peer with a direct window can neither be hurt by us (SIGBUS) nor reach anything
 * else, and so that freed memory never comes back under another DMB.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ism_fn.h"

/* Give the file all of its pages now: later, lack of memory would be a signal. */
static int
take_pages(int fd, uint64_t len)
{
	int ret;

	/* Older kernels stop for any signal. It is not for long: a DMB has at most 1 MiB. */
	do
		ret = fallocate(fd, 0, 0, (off_t)len);
	while (ret < 0 && errno == EINTR);
	return ret;
}

/*
 * Have each page zeroed: one that is only reserved counts as a hole, for which no peer gets a
 * direct window. MAP_POPULATE alone may not have done it; nobody is told when it fails.
 */
static void
touch_pages(void *addr, uint64_t len)
{
	volatile char *p = addr;

	for (uint64_t at = 0; at < len; at += ISM_PAGE_SIZE)
		p[at] = 0;
}

int
ism_mem_alloc(struct ism_mem *mem, uint64_t len, const char *name)
{
	int fd, ret = -ENOMEM;
	void *addr;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		goto fail;
	if (ftruncate(fd, (off_t)len) < 0 || take_pages(fd, len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto close_fd;
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (addr == MAP_FAILED)
		goto close_fd;
	touch_pages(addr, len);
	*mem = (struct ism_mem){ .addr = addr, .len = len, .fd = fd };
	return 0;

close_fd:
	close(fd);
fail:
	ISM_LOG(ERR, "%s: no memory for %llu bytes", name, (unsigned long long)len);
	return ret;
}

void
ism_mem_close_fd(struct ism_mem *mem)
{
	if (mem->fd >= 0)
		close(mem->fd);
	mem->fd = -1;
}

void
ism_mem_free(struct ism_mem *mem)
{
	if (mem->addr == NULL)
		return;
	munmap(mem->addr, mem->len);
	ism_mem_close_fd(mem);
	mem->addr = NULL;
}
