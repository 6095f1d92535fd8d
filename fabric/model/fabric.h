/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The software ISM: a fabric of functions, as a device model without sockets.
 *
 * It enforces what ISM enforces: owner, rgid, bounds, revocation, VLAN, limits
 * (SPEC-ism sections 1, 2, 3 and 7). A function is driven as hardware drives
 * it: loads and stores on BAR 0 and BAR 2, and memory made visible by DMA maps.
 * vfio-user (fabric_server.h) and the driver's in-process backend are two
 * callers of the same calls.
 *
 * Not thread safe: one thread, or one lock of the caller around all calls on
 * one fabric. Nothing blocks. Everything that a caller passes may be hostile.
 */
#ifndef FABRIC_H
#define FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bucket.h"
#include "fabric_metrics.h"

struct fabric;
struct fabric_fn;

#define FABRIC_VLANS_MAX 64
#define FABRIC_BAR_DATA 0
#define FABRIC_BAR_CMD 2
#define FABRIC_BAR0_SIZE (1ULL << 48)
#define FABRIC_BAR2_SIZE 4096ULL

struct fabric_fn_conf {
	const char *name; /* 1..31 of [a-zA-Z0-9_-], unique in the fabric */
	uint64_t gid; /* 0: ism_gid_from_name() */
	uint16_t vlans[FABRIC_VLANS_MAX]; /* as if ADD_VLAN_ID had come right after attach */
	unsigned int vlan_count;
	uint32_t maxstbl; /* longest BAR 0 store accepted; 0 = 4096 */
	/* Bytes of the longest DMB that REG_DMB takes, a multiple of 4 KiB; 0 = 1 MiB. */
	uint32_t dmb_max;
	uint32_t max_len; /* what QUERY_INFO says of that; 0 = what is true */
	/* QEMU's PCISTB (SPEC-ism sections 10.5 and 10.7): stores arrive as 8-byte pieces with
	 * their bytes reversed; a command runs at the first load of offset 0 after a header
	 * store. */
	bool quirk_qemu_pcistb;
};

/* Tell the owner of `fn` that its interrupt would fire now (MSI / eventfd). */
typedef void (*fabric_irq_fn)(void *arg);

/* --- fabric and functions --- */
struct fabric *fabric_create(void); /* NULL: no memory */
void fabric_destroy(struct fabric *fab);
/* @return 0; -EEXIST name or GID taken; -EINVAL; -ENOMEM. */
int fabric_fn_add(struct fabric *fab, const struct fabric_fn_conf *conf, struct fabric_fn **fn);
/* Remove for good: peers get GID events, its DMBs are revoked. */
void fabric_fn_remove(struct fabric_fn *fn);
struct fabric_fn *fabric_fn_by_name(struct fabric *fab, const char *name);
uint64_t fabric_fn_gid(const struct fabric_fn *fn);
const char *fabric_fn_name(const struct fabric_fn *fn);
void fabric_fn_set_irq(struct fabric_fn *fn, fabric_irq_fn irq, void *arg);
/* Whether what comes now comes through QEMU; between attach and the first store. */
void fabric_fn_set_quirk(struct fabric_fn *fn, bool quirk_qemu_pcistb);

/*
 * The owner's program came (attach) or went / reset the function (detach):
 * all DMBs, SBA, IEQ, VLANs and DMA maps of it are gone, peers that use one of its DMBs
 * get a buffer event, peers that it talked to a device event. A detached function is
 * unreachable for QUERY_RGID, REG_DMB and SIGNAL_IEQ of others.
 */
int fabric_fn_attach(struct fabric_fn *fn); /* 0; -EBUSY attached already; -EAGAIN busy, below */
void fabric_fn_detach(struct fabric_fn *fn);
void fabric_fn_reset(struct fabric_fn *fn); /* detach + attach, DMA maps kept */

/*
 * Work in slices. The end of a function, a VLAN rule and an unmap can concern a hundred thousand
 * objects. A caller that serves many functions turns slices on: then detach, reset, unmap and
 * stores and loads that run a command may return with the function busy, its new state already
 * seen by others. fabric_fn_work() goes on with it, until base_now_ns() passes `deadline`
 * (UINT64_MAX: to the end). @return true: the function is not busy.
 * While it is busy, all calls of its owner but detach answer -EAGAIN, and what was mapped must stay
 * mapped. Without slices (the default) every call does all of its work.
 */
void fabric_set_slices(struct fabric *fab, bool slices);
bool fabric_fn_busy(const struct fabric_fn *fn);
bool fabric_fn_work(struct fabric_fn *fn, uint64_t deadline);

/*
 * What one function may use of what all share. 0: as much as it likes (the default).
 * An event that is over the rate waits: the store or load that runs its command answers -EAGAIN and
 * has done nothing; the same again after fabric_fn_wait_ns() may succeed. Events of revocations
 * that are over it are lost, as those of a queue that overflows. Besides, half of the
 * 65535 tokens are kept for the functions, an equal share for each.
 */
struct fabric_limits {
	struct base_rate events; /* of one function to another one; per_s 0: any */
	size_t memory; /* bytes of this process for DMA maps and DMBs */
	unsigned int dmbs;
};
void fabric_set_limits(struct fabric *fab, const struct fabric_limits *limits);
/* base_now_ns() from which on what was answered with -EAGAIN may be tried again; 0: now. */
uint64_t fabric_fn_wait_ns(const struct fabric_fn *fn);

/* --- what the owner's program does --- */

/*
 * Make owner memory visible to the device at [iova, iova+len).
 * @param addr  where it is mapped in this process (caller keeps it mapped until unmap); NULL =
 *              the device may not write there: no SBA, IEQ or DMB can be in it.
 * @param fd    file it belongs to, at fd_off, for direct windows; -1 = none. The fabric
 *              dup()s what it keeps.
 * @return 0; -EINVAL (empty, wraps, not 4 KiB aligned); -EEXIST overlaps; -ENOMEM; -ENOSPC limit
 *         (2^20 maps); -EMFILE too many files; -ENODEV not attached; -errno of dup() or fstat().
 */
int fabric_fn_dma_map(struct fabric_fn *fn, uint64_t iova, uint64_t len, void *addr, int fd,
		      uint64_t fd_off);
/* Let its maps be of at most that many files; more: -EMFILE. 0: no limit, the default. */
void fabric_fn_set_files_max(struct fabric_fn *fn, size_t max);
/*
 * Called for every mapping that [iova, iova+len) wholly covers; a range that cuts a mapping
 * is -EINVAL and unmaps nothing; one that covers none is -ENOENT; -ENOMEM. A mapping
 * that SBA, IEQ or a DMB lies in: that object is revoked first. `gone` (may be NULL) is called
 * so that the caller can munmap, once for neighbours that follow each other in memory too; with
 * slices, maybe later, but before the function is no longer busy, and not for what a detach cuts
 * off.
 */
int fabric_fn_dma_unmap(struct fabric_fn *fn, uint64_t iova, uint64_t len,
			void (*gone)(void *arg, void *addr, uint64_t len), void *arg);

/*
 * A load or a store on BAR `bar`. Lengths: loads 1..8 bytes naturally aligned;
 * stores on BAR 0 as SPEC-ism section 7, or of length 0 with sf=1 (SPEC-ism section 2.5).
 * @return 0; -EINVAL bad BAR, range, length, alignment (program exception);
 *         -EIO refused: token unknown, not for this GID, outside the DMB, revoked,
 *         function in error state (condition code 1 / 3); -ENODEV not attached; -EAGAIN busy, or
 *         over the rate of events.
 */
int fabric_fn_load(struct fabric_fn *fn, unsigned int bar, uint64_t off, void *buf, size_t len);
int fabric_fn_store(struct fabric_fn *fn, unsigned int bar, uint64_t off, const void *buf,
		    size_t len);

/* --- direct windows (DESIGN D14) --- */

/*
 * What a peer on the same machine needs to store into a DMB by itself.
 * The grant word (in a page the fabric owns, handed out read-only) holds `generation`
 * as long as the DMB is granted; the storing side compares before each store. A native
 * 64-bit word of shared memory, read with acquire, written with release.
 */
struct fabric_direct {
	int mem_fd; /* borrowed, the DMB's memory */
	uint64_t mem_off; /* of the DMB in mem_fd, page aligned */
	uint32_t len; /* bytes of the DMB */
	int grant_fd; /* borrowed, sealed read-only for others */
	uint32_t grant_off; /* of the word in grant_fd, bytes */
	uint64_t generation; /* never 0 */
};

/*
 * Same checks as a store of `fn` into the DMB with that token.
 * The file goes to the peer, who could read and write all of it: it must hold this DMB and
 * nothing else (same size, offset 0) and be sealed with F_SEAL_SHRINK, since a file that
 * shrinks would kill the peer by SIGBUS.
 * @return 0; -EIO as for a store; -ENODEV not attached; -EOPNOTSUPP the DMB's memory is not one
 *         piece of one such file (then stores go the ordinary way), or direct windows are off,
 *         or a fault is armed that counts stores.
 */
int fabric_fn_direct(struct fabric_fn *fn, uint64_t token, struct fabric_direct *direct);
void fabric_allow_direct(struct fabric *fab, bool allow); /* default: true */

/* --- faults (for tests of what stands above) --- */

/*
 * Arm one fault, text as after --fault:
 *   store-fail:NAME:N[:COUNT]   from the N-th store of NAME on, COUNT (1) stores fail with EIO
 *   store-fail:NAME:RATE[:COUNT]  each store of NAME fails with that chance; COUNT (no end) in all
 *   store-delay:NAME:USEC[:RATE]  each store of NAME, or RATE of them, takes that long
 *   event-lose:NAME:N           every N-th event to NAME is lost
 *   event-lose:NAME:RATE        each event to NAME is lost with that chance
 *   kill:NAME:N                 NAME goes into error state at its N-th store
 *   kill:NAME:RATE              NAME goes into error state at any store with that chance
 * N counts from now on, 1 is the next one. RATE is a chance from 0.0001% to 100%, with the sign;
 * chance follows from the GID, so it is the same at each run. USEC (up to 1000000) holds up the
 * whole fabric. A fault outlives a detach; a second one of its kind replaces the first. Direct
 * windows that are open already do not notice.
 * @return 0; -EINVAL text (err says what is wrong and what is expected); -ENOENT no such NAME.
 */
int fabric_fault(struct fabric *fab, const char *spec, char *err, size_t err_size);

/* --- counters, for `ism-fabric` and tests --- */
struct fabric_fn_stats {
	FABRIC_METRICS(BASE_METRIC_FIELD)
};
void fabric_fn_stats(const struct fabric_fn *fn, struct fabric_fn_stats *stats);

#endif
