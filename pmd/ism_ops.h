/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver needs of a way to a function: VFIO, vfio-user, in-process. Nothing above
 * this table knows which one it is (DESIGN D1).
 *
 * Errors that every op may answer, and what the driver does about them:
 *	-ENODEV     the device or the connection is gone: the function is lost
 *	-EPROTO     the other side answered nonsense; the connection is closed: lost
 *	-ETIMEDOUT  no answer within the backend's bound; the connection is closed: lost
 *	-EIO        the device refused (PCI condition code 1 or 3): the caller's affair
 *	-EINVAL     a program exception: a rule of SPEC-ism section 7 was broken
 *
 * load, store, storev, health and direct may be called by several threads at once; the
 * others by the control thread only. open() and close() alternate; after close() (or before
 * open()) every op but free() answers -ENODEV.
 */
#ifndef ISM_OPS_H
#define ISM_OPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define ISM_MAXSTBL_MIN 32u /* less cannot be split by the rules; a multiple of 8 */
#define ISM_MAXSTBL_MAX 4096u
#define ISM_BARS 6u

/* What open() found out. */
struct ism_bus_info {
	uint32_t maxstbl; /* bytes one store may carry */
	uint64_t iova_first; /* DMA window, inclusive, 4 KiB aligned */
	uint64_t iova_last; /* its last byte */
	bool direct; /* direct() may succeed */
	uint64_t bar_size[ISM_BARS]; /* bytes; 0 = there is none, or nobody looked */
};

/* A direct window as the other side offers it: not checked yet, see ism_direct.c. */
struct ism_direct {
	int mem_fd; /* the DMB's memory; now the caller's */
	uint64_t mem_off;
	uint32_t len;
	int grant_fd; /* the grant page; now the caller's */
	uint32_t grant_off;
	uint64_t generation;
};

struct ism_ops {
	const char *name; /* "vfio", "vfio-user": for people */
	uint32_t health_ms; /* how often health() is worth its cost */

	/* Claim or connect; the function starts without DMBs, SBA and IEQ. Bounded: about 1 s. */
	int (*open)(void *bus, struct ism_bus_info *info);
	/* Undo open(); all DMA maps are gone afterwards. Tolerates a dead device. */
	void (*close)(void *bus);
	/* Back to the state after open(), DMA maps kept. */
	int (*reset)(void *bus);
	/* Is it still there? 0 or -ENODEV. */
	int (*health)(void *bus);

	/* One aligned 8-byte load of BAR 2, byte order as in the BAR. */
	int (*load)(void *bus, uint64_t off, uint64_t *word);
	/* One store. @return system calls made (0 or more), or -errno. */
	int (*store)(void *bus, unsigned int bar, uint64_t off, const void *src, uint32_t len);
	/*
	 * n stores to consecutive offsets of BAR 0, one an element, in this order. On an error
	 * those before the failing one were done. @return as store().
	 */
	int (*storev)(void *bus, uint64_t off, const struct iovec *iov, unsigned int n);

	/*
	 * Make [addr, addr+len), which is fd from its start, visible to the device at iova.
	 * All 4 KiB aligned. fd stays the caller's. Further errors: -ENOMEM (memory, or the limit
	 * of locked memory), -ENOSPC (too many maps), -EPERM; the backend logs those.
	 */
	int (*dma_map)(void *bus, uint64_t iova, void *addr, uint64_t len, int fd);
	int (*dma_unmap)(void *bus, uint64_t iova, uint64_t len);

	/*
	 * Ask for a direct window (DESIGN D14). -EIO: not granted; -ENOMEM; any other error that
	 * does not mean the function is lost (-EOPNOTSUPP, -EMFILE): use stores.
	 */
	int (*direct)(void *bus, uint64_t token, struct ism_direct *direct);

	/* The rawdev goes: free bus. After close(). */
	void (*free)(void *bus);
};

#endif
