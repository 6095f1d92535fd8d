/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Poll-mode driver for IBM ISM functions: the public API.
 *
 * Words
 *   function  one ISM PCI function; here one rawdev, named by its dev_id.
 *   GID       the function's 64-bit name, unique in its fabric.
 *   DMB       direct memory buffer: memory of ours that exactly ONE remote GID
 *             may write. Allocated, registered and freed by the driver.
 *   token     the fabric's name of a DMB. How the two sides learn each other's
 *             tokens is the caller's business (lib/link).
 *   window    our right to write into a peer's DMB, made from its token.
 *             Opening one asks nobody: a bad token shows at the first store.
 *   store     one PCISTB: at most `maxstbl` bytes, inside one 4 KiB page.
 *
 * Ways in: the PCI driver "raw_ism_pci" (VFIO), the vdev "raw_ism"
 * (--vdev=raw_ism0,socket=PATH: vfio-user to the software fabric). All behave
 * the same through this API.
 *
 * Threads: calls marked [control] may be made from one thread at a time per
 * function and may sleep in the kernel. Calls marked [fast] make no system
 * call of their own beyond the store itself and may run in any thread (EAL's or
 * not), at the same time on different windows. One window belongs to one thread at a
 * time: it has no lock. Threads that store into the same DMB open a window each.
 *
 * Losing the device: when the function goes away (fabric killed, hot-unplug,
 * error state) every call answers -ENODEV from then on. DMB memory stays
 * mapped and readable until it is freed. rte_pmd_ism_reopen() brings the
 * function back, without any DMB.
 */
#ifndef RTE_PMD_ISM_H
#define RTE_PMD_ISM_H

#include <stddef.h>
#include <stdint.h>

#include "rte_pmd_ism_metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_PMD_ISM_VDEV_NAME "raw_ism"
#define RTE_PMD_ISM_STORE_ALIGN 8 /* offset and length of every store, in bytes */
#define RTE_PMD_ISM_STORE_MIN 16 /* shortest store, in bytes */
#define RTE_PMD_ISM_PAGE 4096 /* no store crosses this in the remote DMB */

struct rte_pmd_ism_info {
	uint64_t gid;
	uint32_t maxstbl; /* bytes one store may carry */
	uint32_t dmb_max; /* bytes of the longest DMB, as far as is known; it may shrink */
	uint32_t dmb_count_max; /* DMBs this function can own at once */
	uint8_t direct; /* 1: stores may be plain memory copies (direct windows, DESIGN D14) */
	uint8_t vlan_required; /* of QUERY_INFO */
	char path[108]; /* PCI address or socket path, for people */
};

/* A DMB of ours. Filled by rte_pmd_ism_dmb_register(), read-only for callers. */
struct rte_pmd_ism_dmb {
	void *addr; /* where the peer's stores land, page aligned, zeroed at registration */
	uint32_t len; /* bytes, as asked for, rounded up to whole pages */
	uint32_t idx; /* index in the SBA */
	uint64_t token;
	uint64_t rgid; /* the one GID that may write here */
};

struct rte_pmd_ism_win; /* opaque */

enum rte_pmd_ism_event_type { /* SPEC-ism section 6 */
	RTE_PMD_ISM_EVENT_BUFFER = 0,
	RTE_PMD_ISM_EVENT_DEVICE = 1,
	RTE_PMD_ISM_EVENT_SOFTWARE = 2,
};

struct rte_pmd_ism_event {
	uint32_t type; /* enum rte_pmd_ism_event_type */
	uint32_t code;
	uint64_t tok; /* DMB token, or the GID of the peer (unforgeable) */
	uint64_t time;
	uint64_t info;
};

/* Counters; the same numbers are the xstats and telemetry /ism/xstats: rte_pmd_ism_metrics.h. */
struct rte_pmd_ism_stats {
	ISM_METRICS(BASE_METRIC_FIELD)
};

/*
 * List ISM functions.
 * @param ids  dev_ids of rawdevs driven by this PMD, filled up to n.
 * @return how many there are (may be more than n). [control]
 */
unsigned int rte_pmd_ism_list(uint16_t *ids, unsigned int n);

/*
 * Start a function: claim, REG_SBA, REG_IEQ, READ_GID, QUERY_INFO
 * (SPEC-ism sections 3 and 8). Probing the rawdev does not touch the device's
 * commands; this does. Opening an open function is -EBUSY.
 * @return 0; -ENODEV no such ISM rawdev or it did not answer; -EIO it answered an
 *         error; -EPROTO it answered nonsense; -ENOMEM. [control]
 */
int rte_pmd_ism_open(uint16_t dev_id);

/*
 * After -ENODEV: connect / reset and start the function again. Windows and DMBs
 * of before must have been closed and freed (-EBUSY otherwise). The GID may have changed.
 * @return as rte_pmd_ism_open(). Takes at most about 1 s. [control]
 */
int rte_pmd_ism_reopen(uint16_t dev_id);

/* Unregister everything and stop. Tolerates a lost function. [control] */
void rte_pmd_ism_close(uint16_t dev_id);

/*
 * What is known of an open function; of a lost one, as it was. Any thread.
 * @return 0, or -ENODEV when there is no open function (info is untouched).
 */
int rte_pmd_ism_info_get(uint16_t dev_id, struct rte_pmd_ism_info *info);

/*
 * Sum over all threads; monotonic except for the "now" fields. Any thread.
 * @return 0, also of a function that is closed or lost; -ENODEV no such ISM rawdev.
 */
int rte_pmd_ism_stats_get(uint16_t dev_id, struct rte_pmd_ism_stats *stats);

/*
 * Is `rgid` reachable from this function (QUERY_RGID)?
 * @param vlan  0 = none.
 * @return 0 yes; -EHOSTUNREACH no; -ENODEV. [control]
 */
int rte_pmd_ism_query_rgid(uint16_t dev_id, uint64_t rgid, uint16_t vlan);

/*
 * Allocate zeroed memory and register it as a DMB for `rgid`.
 * Memory of an unregistered DMB is never used for another one, so a late store
 * of a peer (direct window) lands in memory that nobody reads.
 * @param len   bytes, at least 1; rounded up to 4 KiB.
 * @param dmb   owned by the driver until rte_pmd_ism_dmb_unregister().
 * @param vlan  0 = none, or 1..4094: added to the function's VLANs until it is closed.
 * @return 0; -EINVAL length (above 1 MiB) or vlan; -EMSGSIZE longer than the device takes, whose
 *         limit rte_pmd_ism_info_get() tells now; -ENOSPC no free SBA index, or VLAN; -ENOMEM
 *         memory or DMA window; -EHOSTUNREACH the fabric refused (rgid unknown, VLAN); -ENODEV.
 *         [control]
 */
int rte_pmd_ism_dmb_register(uint16_t dev_id, uint64_t rgid, uint32_t len, uint16_t vlan,
			     struct rte_pmd_ism_dmb **dmb);

/*
 * Revoke and free. The caller must have stopped reading it. Tolerates a lost
 * function and NULL. [control]
 */
void rte_pmd_ism_dmb_unregister(struct rte_pmd_ism_dmb *dmb);

/*
 * Make a window from a peer's token.
 * @param len  bytes of the peer's DMB as the peer told it: stores beyond are -EINVAL here, and
 *             -EIO at the device when the peer lied.
 * @return 0; -EINVAL (len 0 or above 8 MiB, token with bits but 24..47 set); -EIO the fabric
 *         does not grant it, or the DMB is longer than told (only known here with direct windows);
 *         -ENOMEM; -ENODEV. [control]
 */
int rte_pmd_ism_win_open(uint16_t dev_id, uint64_t token, uint32_t len,
			 struct rte_pmd_ism_win **win);

/*
 * The same for a few stores to somebody who is not trusted yet: never a direct window, so none of
 * the peer's memory is mapped, and opening costs nothing.
 * @return 0; -EINVAL, -ENOMEM, -ENODEV. [control]
 */
int rte_pmd_ism_win_open_stores(uint16_t dev_id, uint64_t token, uint32_t len,
				struct rte_pmd_ism_win **win);

/* No store may be running. Tolerates NULL. [control] */
void rte_pmd_ism_win_close(struct rte_pmd_ism_win *win);

/*
 * Store `len` bytes of src at `off` of the peer's DMB, as few PCISTBs as the rules of
 * SPEC-ism section 7 allow (split at 4 KiB pages of the DMB and at maxstbl, no piece
 * shorter than 16 bytes). When it returns 0 all of it is in the peer's memory, and
 * becomes visible there before anything that this thread stores later. Inside one
 * call only aligned 8-byte words are atomic, in no particular order.
 * @param off, len  multiples of 8, len >= 16, off + len <= length of the window. Neither the first
 *         nor the last 4 KiB page of the range may have only 8 bytes of it (off % 4096 == 4088,
 *         (off + len) % 4096 == 8): no store can carry those.
 * @param src  any alignment; read once.
 * A store that the device refuses is tried again some times, 31 us at most: what fails now and
 * then does not reach the caller.
 * @return 0; -EINVAL the rules; -EIO refused by the device all the same: token unknown or revoked
 *         (an unknown part of the data may have been stored); -ENODEV the function is lost. [fast]
 */
int rte_pmd_ism_store(struct rte_pmd_ism_win *win, uint32_t off, const void *src, uint32_t len);

/*
 * Where [off, off + len) of the peer's DMB lies in our own address space, for a caller who lets
 * another party (read(2), io_uring) put data there and so saves the copy of a store. Direct windows
 * only. The memory is the peer's: it may change at any time, and what is placed there is the
 * peer's at once. Valid until rte_pmd_ism_win_close(), revoked or not; touching it never faults.
 * @return the memory; NULL: use rte_pmd_ism_store() (no direct window, or no stores now). [fast]
 */
void *rte_pmd_ism_win_mem(struct rte_pmd_ism_win *win, uint32_t off, uint32_t len);

/*
 * Data has been placed there: counts the stores that it stands for, and answers what a store would
 * have. Becomes visible to the peer before anything that this thread stores later.
 * @param len  any length of at least 1; stores are counted for the next multiple of 8.
 * @return 0; -EINVAL outside the window or not direct; -EIO revoked; -ENODEV. [fast]
 */
int rte_pmd_ism_win_placed(struct rte_pmd_ism_win *win, uint32_t off, uint32_t len);

/*
 * What has been stored through this window so far. Any thread, while the window cannot be closed.
 * @param stores, bytes  as in struct rte_pmd_ism_stats
 */
void rte_pmd_ism_win_stats(const struct rte_pmd_ism_win *win, uint64_t *stores, uint64_t *bytes);

/*
 * SIGNAL_IEQ: one software event into the peer's event queue. May be lost.
 * @return 0; -EHOSTUNREACH the device refused; -ENODEV. [control]
 */
int rte_pmd_ism_signal(uint16_t dev_id, uint64_t rgid, uint32_t code, uint64_t info);

/*
 * Take up to n events from the event queue, oldest first, and clear the SBA's event and
 * summary bits. No system call unless the function's health is due for a check (every
 * few ms), so call it from the control loop only. The queue holds 14 events: of more
 * between two calls the oldest are lost, and counted (events_lost: at least so many). What
 * comes out is never a mixture of two events, whatever peers do.
 * @return how many; -ENODEV the function is lost. [control]
 */
int rte_pmd_ism_events(uint16_t dev_id, struct rte_pmd_ism_event *ev, unsigned int n);

#ifdef __cplusplus
}
#endif

#endif
