/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the device model. One file per concern:
 *
 *	fabric.c        functions: life cycle, loads and stores by BAR
 *	fabric_cmd.c    BAR 2: the command area and every command
 *	fabric_store.c  BAR 0: stores, direct windows
 *	fabric_dmb.c    DMBs: tokens, grants, revocation
 *	fabric_event.c  SBA and IEQ: what the device writes into the owner's memory
 *	fabric_map.c    DMA maps: where the owner's memory is
 *	fabric_guard.c  writes into memory that may vanish under us
 *	fabric_work.c   what takes long, in slices: resets, VLAN changes, unmaps
 *	fabric_fault.c  faults on demand
 *
 * Life of a function:
 *
 *	          attach             kill fault
 *	DETACHED --------> ATTACHED ------------> ERROR
 *	   ^                |    ^                  |
 *	   +--- detach -----+    +---- reset -------+
 *	   +--- detach -----------------------------+
 *
 * A reset is DETACHED until its work is done. While a function has work, nothing else is done for
 * its owner; others see its new state at once.
 *
 * Life of a DMB: REG_DMB makes it; it is `usable` until something revokes it (its user goes, a
 * VLAN is taken away, its memory vanishes); it keeps its token and SBA index, unusable, until
 * its owner unregisters it or goes.
 */
#ifndef FABRIC_PRIV_H
#define FABRIC_PRIV_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base_log.h"
#include "base_time.h"
#include "fabric.h"
#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_sba.h"

extern int fabric_logtype;
#define FABRIC_LOG(level, ...) BASE_LOG(level, fabric_logtype, "fabric", __VA_ARGS__)

#define FABRIC_NAME_MAX 32 /* NUL included */
#define FABRIC_FNS_MAX 256 /* functions of one fabric */
#define FABRIC_DMB_LEN_MAX (1024u * 1024) /* of any function */
#define FABRIC_DMB_BOUNDARY (1024u * 1024) /* no DMB crosses this in DMA addresses */
#define FABRIC_TOKENS 65536u /* token = slot << 32; slot 0 is never used */
#define FABRIC_MAPS_MAX (1u << 20) /* DMA maps of one function: 4 GiB of 4 KiB pages */
#define FABRIC_GID_BUCKETS 256u

/*
 * What a hostile client can cause as often as it likes is logged the 1st, 2nd, 4th, 8th... time.
 */
static inline bool
fabric_log_due(uint64_t *count)
{
	uint64_t n = ++*count;

	return (n & (n - 1)) == 0;
}

/* A line of the log that the clients of a function can cause as often as they like. */
#define FABRIC_FN_LOG(fn, level, fmt, ...)                                                         \
	do {                                                                                       \
		unsigned int more_;                                                                \
		if (base_line_due(&(fn)->lines, base_now_ns(), &more_)) {                          \
			if (more_ > 0)                                                             \
				FABRIC_LOG(level, "%s: " fmt " (%u more)", (fn)->name,             \
					   ##__VA_ARGS__, more_);                                  \
			else                                                                       \
				FABRIC_LOG(level, "%s: " fmt, (fn)->name, ##__VA_ARGS__);          \
		}                                                                                  \
	} while (0)

/* --- slices --- */

/* Work is interrupted when its time is over. */
struct fabric_slice {
	uint64_t deadline; /* UINT64_MAX: never */
	unsigned int count; /* of small things done */
};

/* One more small thing (below a microsecond) was done. @return its time is over. */
static inline bool
fabric_slice_over(struct fabric_slice *slice)
{
	if (slice->deadline == UINT64_MAX || ++slice->count % 16 != 0)
		return false;
	return base_now_ns() >= slice->deadline;
}

/* --- DMA maps (fabric_map.c) --- */

/* A file that maps come from, known by device and inode; shared by its maps. */
struct fabric_file {
	LIST_ENTRY(fabric_file) next, same_bucket;
	struct fabric_maps *maps; /* whose list it is in */
	dev_t dev;
	ino_t ino;
	int fd; /* ours */
	uint64_t refs; /* maps */
};

/* A run of maps that follow each other, all `piece` long: len is a multiple of it. */
struct fabric_map {
	uint64_t iova;
	uint64_t len;
	uint64_t piece; /* fabric_maps_add() sets it */
	uint8_t *addr; /* NULL: the device cannot write there */
	struct fabric_file *file; /* NULL: none */
	uint64_t fd_off;
};

struct fabric_map_chunk;

#define FABRIC_FILE_BUCKETS 64u

/* All maps of one function, sorted by iova, disjoint: an array of chunks of runs of maps. */
struct fabric_maps {
	struct fabric_map_chunk **chunk;
	size_t chunk_count, chunk_room;
	size_t count; /* maps */
	size_t memory_max; /* bytes that a map must not make fabric_maps_memory() exceed; 0: any */
	LIST_HEAD(, fabric_file) files;
	LIST_HEAD(, fabric_file) bucket[FABRIC_FILE_BUCKETS]; /* by device and inode */
	size_t file_count, files_max; /* files_max 0: no limit */
	void (*let_go)(void *arg,
		       int fd); /* closes a file that no map needs any more; NULL: close() */
	void *let_go_arg;
};

/* Where a range of DMA addresses is. */
struct fabric_range {
	struct fabric_file *file; /* all of it is one piece of this file, or NULL */
	uint64_t fd_off;
};

/* @return 0; -EINVAL; -EEXIST; -ENOSPC too many, or too much memory; -ENOMEM; -errno of fd. */
int fabric_maps_add(struct fabric_maps *maps, const struct fabric_map *map, int fd);
/* Bytes that they cost. */
size_t fabric_maps_memory(const struct fabric_maps *maps);
/* The run that holds iova, or NULL. Valid until the maps change. */
const struct fabric_map *fabric_maps_find(const struct fabric_maps *maps, uint64_t iova);
/* @return how many maps [iova, iova+len) covers; -EINVAL it cuts one. */
ssize_t fabric_maps_covered(const struct fabric_maps *maps, uint64_t iova, uint64_t len);
/* The same without a count, in no time that depends on it: 1, 0 it covers none, -EINVAL. */
int fabric_maps_check(const struct fabric_maps *maps, uint64_t iova, uint64_t len);
/* Cut the runs that reach beyond the range, which was checked. @return 0, -ENOMEM. */
int fabric_maps_cut(struct fabric_maps *maps, uint64_t iova, uint64_t len);
/* gone() is called once for each run, not for each map. */
void fabric_maps_remove(struct fabric_maps *maps, uint64_t iova, uint64_t len,
			void (*gone)(void *arg, void *addr, uint64_t len), void *arg);
/*
 * As fabric_maps_remove() after fabric_maps_cut(), as far as the slice goes. @return true: all of
 * it is gone.
 */
bool fabric_maps_remove_some(struct fabric_maps *maps, uint64_t iova, uint64_t len,
			     void (*gone)(void *arg, void *addr, uint64_t len), void *arg,
			     struct fabric_slice *slice);
void fabric_maps_clear(struct fabric_maps *maps);
bool fabric_maps_clear_some(struct fabric_maps *maps, struct fabric_slice *slice);
/*
 * Find every page of [iova, iova+len), both multiples of 4 KiB.
 * @return 0, or -EFAULT: a page is not mapped, or not writable.
 */
int fabric_maps_resolve(const struct fabric_maps *maps, uint64_t iova, uint64_t len,
			uint8_t **pages, struct fabric_range *range);

/* --- DMBs (fabric_dmb.c) --- */

struct fabric_dmb {
	struct fabric_fn *owner;
	struct fabric_fn *user; /* the function of the rgid; NULL: it was removed */
	LIST_ENTRY(fabric_dmb) use; /* among those of its user */
	uint64_t token;
	uint64_t iova;
	uint32_t len;
	uint32_t idx; /* in the owner's SBA */
	uint16_t vlan; /* 0 = none */
	bool usable;
	struct fabric_range range; /* for direct windows; the file is kept by its maps */
	uint64_t generation; /* of the grant word */
	uint8_t *pages[]; /* len / 4096 */
};

/* Give it a token and put it into fn. @return 0, or -ENOSPC: all tokens are taken. */
int fabric_dmb_add(struct fabric_fn *fn, struct fabric_dmb *dmb);
struct fabric_dmb *fabric_dmb_by_token(struct fabric *fab, uint64_t token);
/* Bytes that a DMB of that length costs here. */
size_t fabric_dmb_cost(uint32_t len);
/*
 * Revoke: its user gets (or, when `to_owner`, its owner) a buffer event, if the rate of the other
 * one allows it. Once per DMB.
 */
void fabric_dmb_revoke(struct fabric_dmb *dmb, enum ism_event_code why, bool to_owner);
/* Revoke with DMB_UNREG and free. */
void fabric_dmb_del(struct fabric_dmb *dmb);
/* The user is removed for good: nobody will be told any more. */
void fabric_dmb_user_removed(struct fabric_fn *user);
/* Tokens. After an error fabric_slots_fini() is due all the same. @return 0, -ENOMEM. */
int fabric_slots_init(struct fabric *fab);
void fabric_slots_fini(struct fabric *fab);
/* Functions came or went: work out their shares. */
void fabric_slots_share(struct fabric *fab);
int fabric_grants_init(struct fabric *fab);
void fabric_grants_fini(struct fabric *fab);

/* --- functions --- */

enum fabric_state {
	FABRIC_DETACHED,
	FABRIC_ATTACHED,
	FABRIC_ERROR,
};

/* When a fault hits: by number or by chance. All zero: never. */
struct fabric_fault_when {
	uint64_t n;
	uint32_t ppm; /* parts per million, 0 = by number */
};

/* Counts of faults count from the moment they were armed; 0 = not armed. */
struct fabric_faults {
	uint64_t stores, events; /* seen since */
	struct fabric_fault_when fail; /* n: of the first store that fails */
	uint64_t fail_count; /* that will fail still; UINT64_MAX: without end */
	struct fabric_fault_when kill; /* n: of the store */
	struct fabric_fault_when lose; /* n: every n-th */
	uint32_t delay_us, delay_ppm;
	uint64_t random; /* state of the generator, 0 = to be seeded */
};

struct fabric_vlans {
	uint16_t id[FABRIC_VLANS_MAX];
	unsigned int count;
	bool required;
};

/* BAR 2: what was stored, what is read. */
struct fabric_cmd_area {
	uint8_t req[FABRIC_BAR2_SIZE];
	uint8_t rsp[sizeof(struct ism_query_info_rsp)]; /* the longest */
	bool armed; /* quirk: a header came, the first load of it runs it */
};

LIST_HEAD(fabric_uses, fabric_dmb);

/* --- work (fabric_work.c) --- */

enum fabric_task {
	FABRIC_NO_TASK,
	FABRIC_TASK_VLAN, /* revoke what the VLAN rules no longer allow */
	FABRIC_TASK_UNMAP, /* a range of DMA addresses, and what lies in it */
	FABRIC_TASK_FAIL, /* into error state */
	FABRIC_TASK_RESET,
	FABRIC_TASK_DETACH,
};

struct fabric_work {
	enum fabric_task task;
	unsigned int step; /* of the task */
	bool begun; /* the step */
	unsigned int idx; /* where it is among the function's own DMBs, or among functions */
	struct fabric_dmb *use; /* where it is among those that the function uses */
	uint64_t peers[FABRIC_FNS_MAX / 64]; /* by index: they share a DMB with it */
	uint64_t iova, len; /* UNMAP */
	void (*gone)(void *arg, void *addr, uint64_t len);
	void *arg;
};

/* Begin it; without slices, do it. A task that goes on already gives way to DETACH alone. */
void fabric_work_begin(struct fabric_fn *fn, enum fabric_task task);

struct fabric_fn {
	TAILQ_ENTRY(fabric_fn) next;
	LIST_ENTRY(fabric_fn) same_bucket; /* of the GID index */
	unsigned int index; /* in fab->fn */
	struct fabric *fab;
	char name[FABRIC_NAME_MAX];
	uint64_t gid;
	struct fabric_vlans conf_vlans; /* what attach starts with */
	uint32_t maxstbl;
	uint32_t dmb_max, max_len;
	bool quirk;

	enum fabric_state state;
	struct fabric_maps maps;
	struct fabric_vlans vlans;
	struct ism_sba *sba; /* in the owner's memory; NULL: none */
	uint64_t sba_iova;
	struct ism_ieq *ieq; /* in the owner's memory; NULL: none */
	uint64_t ieq_iova;
	uint32_t ieq_len;
	uint32_t ieq_prev; /* index set last */
	struct fabric_dmb *dmb[ISM_NR_DMBS]; /* by SBA index */
	struct fabric_uses uses; /* DMBs registered for it, usable or not */
	struct fabric_work work;
	struct fabric_cmd_area cmd;

	fabric_irq_fn irq;
	void *irq_arg;
	struct fabric_faults faults;
	uint64_t vanished; /* times that memory of it did */
	struct base_bucket event_from[FABRIC_FNS_MAX]; /* by the sender's index */
	struct base_bucket lines; /* of the log */
	uint64_t wait_ns; /* what was answered with -EAGAIN */
	size_t dmb_memory;
	struct fabric_fn_stats stats;
};

struct fabric {
	TAILQ_HEAD(, fabric_fn) fns;
	unsigned int fn_count;
	struct fabric_fn *fn[FABRIC_FNS_MAX];
	LIST_HEAD(, fabric_fn) by_gid[FABRIC_GID_BUCKETS];
	struct fabric_dmb **slot; /* FABRIC_TOKENS, by token >> 32 */
	/*
	 * Free slots, a queue: which was freed last is used last, so a stale token stays unknown.
	 */
	uint16_t *free_slot; /* FABRIC_TOKENS places, a ring */
	uint32_t free_first, free_count;
	uint64_t share; /* of tokens that each function gets */
	uint64_t reserved; /* tokens that are kept for those who have not got their share */
	bool slices; /* fabric_fn_work() does what takes long */
	struct fabric_limits limits;
	uint64_t generation; /* given last */
	uint64_t *grants; /* FABRIC_TOKENS words, NULL: no direct windows */
	int grant_fd;
	bool direct;
};

struct fabric_fn *fabric_fn_by_gid(struct fabric *fab, uint64_t gid);
/* rgid is there and its owner's program runs. */
struct fabric_fn *fabric_fn_reachable(struct fabric *fab, uint64_t gid);
bool fabric_vlans_have(const struct fabric_vlans *vlans, uint16_t id);
/* May these two talk with this VLAN (0 = none)? */
bool fabric_vlan_ok(const struct fabric_fn *a, const struct fabric_fn *b, uint16_t vlan);
/* As after attach: nothing registered, VLANs as configured. */
void fabric_fn_clear(struct fabric_fn *fn);
/* Enter error state: everything is revoked, only a reset helps. */
void fabric_fn_fail(struct fabric_fn *fn);

/* --- BARs --- */
void fabric_cmd_reset(struct fabric_fn *fn);
int fabric_cmd_load(struct fabric_fn *fn, uint64_t off, void *buf, size_t len);
int fabric_cmd_store(struct fabric_fn *fn, uint64_t off, const uint8_t *buf, size_t len);
int fabric_data_store(struct fabric_fn *fn, uint64_t off, const uint8_t *buf, size_t len);

/* --- SBA and IEQ (fabric_event.c) --- */

/* A software, buffer or device event to fn. @return 0, or -EIO: it has no event queue. */
int fabric_event(struct fabric_fn *fn, enum ism_event_type type, uint32_t code, uint64_t tok,
		 uint64_t info, bool irq);
/* Take one event of `from` to fn from its rate. @return false: it is over it; it is counted. */
bool fabric_event_due(struct fabric_fn *from, struct fabric_fn *fn);
/* Would it be over it now? Then fabric_fn_wait_ns(from) tells when it will not be. */
bool fabric_event_must_wait(struct fabric_fn *from, const struct fabric_fn *fn);
void fabric_signal(struct fabric_fn *fn, uint32_t idx, uint8_t dmbe);

/* --- faults (fabric_fault.c) --- */

/* A store is about to happen. @return 0, or -EIO: it fails. May put fn into error state. */
int fabric_fault_store(struct fabric_fn *fn);
bool fabric_fault_event_lost(struct fabric_fn *fn);
/* A fault is armed that must see every store. */
bool fabric_fault_counts_stores(const struct fabric_fn *fn);

#endif
