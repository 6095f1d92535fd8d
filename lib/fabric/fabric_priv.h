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
 * Life of a DMB: REG_DMB makes it; it is `usable` until something revokes it (its user goes, a
 * VLAN is taken away, its memory vanishes); it keeps its token and SBA index, unusable, until
 * its owner unregisters it or goes.
 */
#ifndef FABRIC_PRIV_H
#define FABRIC_PRIV_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base_log.h"
#include "fabric.h"
#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_sba.h"

extern int fabric_logtype;
#define FABRIC_LOG(level, ...) BASE_LOG(level, fabric_logtype, "fabric", __VA_ARGS__)

#define FABRIC_NAME_MAX 32 /* NUL included */
#define FABRIC_FNS_MAX 256 /* functions of one fabric */
#define FABRIC_DMB_LEN_MAX (1024u * 1024) /* QUERY_INFO's max_len */
#define FABRIC_DMB_BOUNDARY (1024u * 1024) /* no DMB crosses this in DMA addresses */
#define FABRIC_TOKENS 65536u /* token = slot << 32; slot 0 is never used */
#define FABRIC_MAPS_MAX (1u << 20) /* DMA maps of one function: 4 GiB of 4 KiB pages */

/*
 * What a hostile client can cause as often as it likes is logged the 1st, 2nd, 4th, 8th... time.
 */
static inline bool
fabric_log_due(uint64_t *count)
{
	uint64_t n = ++*count;

	return (n & (n - 1)) == 0;
}

/* --- DMA maps (fabric_map.c) --- */

/* A file that maps come from, known by device and inode; shared by its maps. */
struct fabric_file {
	LIST_ENTRY(fabric_file) next;
	dev_t dev;
	ino_t ino;
	int fd; /* ours */
	uint64_t refs; /* maps */
};

struct fabric_map {
	uint64_t iova;
	uint64_t len;
	uint8_t *addr; /* NULL: the device cannot write there */
	struct fabric_file *file; /* NULL: none */
	uint64_t fd_off;
};

struct fabric_map_chunk;

/* All maps of one function, sorted by iova, disjoint: an array of chunks of maps. */
struct fabric_maps {
	struct fabric_map_chunk **chunk;
	size_t chunk_count, chunk_room;
	size_t count;
	LIST_HEAD(, fabric_file) files;
};

/* Where a range of DMA addresses is. */
struct fabric_range {
	struct fabric_file *file; /* all of it is one piece of this file, or NULL */
	uint64_t fd_off;
};

int fabric_maps_add(struct fabric_maps *maps, const struct fabric_map *map, int fd);
/* The map that holds iova, or NULL. Valid until the maps change. */
const struct fabric_map *fabric_maps_find(const struct fabric_maps *maps, uint64_t iova);
/* @return how many maps [iova, iova+len) covers; -EINVAL it cuts one. */
ssize_t fabric_maps_covered(const struct fabric_maps *maps, uint64_t iova, uint64_t len);
void fabric_maps_remove(struct fabric_maps *maps, uint64_t iova, uint64_t len,
			void (*gone)(void *arg, void *addr, uint64_t len), void *arg);
void fabric_maps_clear(struct fabric_maps *maps);
/*
 * Find every page of [iova, iova+len), both multiples of 4 KiB.
 * @return 0, or -EFAULT: a page is not mapped, or not writable.
 */
int fabric_maps_resolve(const struct fabric_maps *maps, uint64_t iova, uint64_t len,
			uint8_t **pages, struct fabric_range *range);

/* --- DMBs (fabric_dmb.c) --- */

struct fabric_dmb {
	struct fabric_fn *owner;
	uint64_t rgid;
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
/* Revoke: its user gets (or, when `to_owner`, its owner) a buffer event. Once per DMB. */
void fabric_dmb_revoke(struct fabric_dmb *dmb, enum ism_event_code why, bool to_owner);
/* Revoke with DMB_UNREG and free. */
void fabric_dmb_del(struct fabric_dmb *dmb);
/* Tell everyone who shares a usable DMB with fn that it goes, and revoke these DMBs. */
void fabric_dmb_fn_gone(struct fabric_fn *fn, bool error);
/* Free what the function owns. */
void fabric_dmb_del_all(struct fabric_fn *fn);
/* Revoke and free what lies in a range of DMA addresses that is unmapped. */
void fabric_dmb_del_range(struct fabric_fn *fn, uint64_t iova, uint64_t len);
/* Revoke what the VLAN rules no longer allow after a change at fn. */
void fabric_dmb_vlan_changed(struct fabric_fn *fn);
unsigned int fabric_dmb_used(const struct fabric_fn *fn);
int fabric_grants_init(struct fabric *fab);
void fabric_grants_fini(struct fabric *fab);

/* --- functions --- */

enum fabric_state {
	FABRIC_DETACHED,
	FABRIC_ATTACHED,
	FABRIC_ERROR,
};

/* Counts of faults count from the moment they were armed; 0 = not armed. */
struct fabric_faults {
	uint64_t stores, events; /* seen since */
	uint64_t fail_from, fail_count;
	uint64_t kill_at;
	uint64_t lose_every;
	uint32_t delay_us;
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

struct fabric_fn {
	TAILQ_ENTRY(fabric_fn) next;
	struct fabric *fab;
	char name[FABRIC_NAME_MAX];
	uint64_t gid;
	struct fabric_vlans conf_vlans; /* what attach starts with */
	uint32_t maxstbl;
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
	struct fabric_cmd_area cmd;

	fabric_irq_fn irq;
	void *irq_arg;
	struct fabric_faults faults;
	uint64_t vanished; /* times that memory of it did */
	struct fabric_fn_stats stats;
};

struct fabric {
	TAILQ_HEAD(, fabric_fn) fns;
	unsigned int fn_count;
	struct fabric_dmb **slot; /* FABRIC_TOKENS, by token >> 32 */
	uint32_t last_slot; /* handed out last: reuse is late */
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
void fabric_signal(struct fabric_fn *fn, uint32_t idx, uint8_t dmbe);

/* --- faults (fabric_fault.c) --- */

/* A store is about to happen. @return 0, or -EIO: it fails. May put fn into error state. */
int fabric_fault_store(struct fabric_fn *fn);
bool fabric_fault_event_lost(struct fabric_fn *fn);
/* A fault is armed that must see every store. */
bool fabric_fault_counts_stores(const struct fabric_fn *fn);

#endif
