/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the driver: one function and what belongs to it.
 *
 *	            open()                 -ENODEV, -EPROTO of an op
 *	CLOSED ---------------> OPEN, up ------------------------------> OPEN, lost
 *	   ^                     |   ^                                    |  |
 *	   |       close()       |   |             reopen()               |  |
 *	   +---------------------+   +------------------------------------+  |
 *	   +-----------------------------------------------------------------+ close()
 *
 * Who calls whom, downwards only:
 *
 *	rte_pmd_ism.c                          open; names the ways to a function
 *	bus_vfio*.c   bus_vfu*.c               VFIO, vfio-user: probing, ism_ops.h
 *	ism_rawdev.c                           a function as a rawdev
 *	ism_selftest.c   ism_dump.c   ism_telemetry*.c
 *	ism_dev.c                              bring-up and teardown
 *	ism_dmb.c   ism_win.c   ism_event.c
 *	ism_record.c   ism_store.c   ism_direct.c
 *	ism_cmd.c   ism_stats.c   ism_mem.c   ism_iova.c
 *	ism_fn.c                               found, in use, lost
 *
 * Who writes what: the control thread everything but the statistics of windows, which belong to
 * the thread that stores through the window. `lock` guards the lists and what
 * telemetry reads (any thread); the control thread takes it to change them only.
 */
#ifndef ISM_FN_H
#define ISM_FN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_rawdev.h>
#include <rte_rawdev_pmd.h>

#include "base_bucket.h"
#include "base_counter.h"
#include "base_log.h"
#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_iova.h"
#include "ism_ops.h"
#include "ism_sba.h"
#include "rte_pmd_ism.h"

extern int ism_logtype;
#define ISM_LOG(level, fmt, ...) BASE_LOG(level, ism_logtype, "ism", fmt, ##__VA_ARGS__)

#define ISM_DMB_MAX (1u << 20) /* the kernel's limit too; no DMB crosses 1 MiB of DMA space */
#define ISM_PATH_MAX 108

/* The device's two pages, in one file and one DMA map. */
struct ism_ctl_mem {
	struct ism_sba sba;
	union {
		struct ism_ieq ieq;
		uint8_t page[ISM_PAGE_SIZE];
	};
};
ISM_WIRE_SIZE(ism_ctl_mem, 2 * ISM_PAGE_SIZE);

/* Memory that a device or a peer writes: one sealed memfd, mapped once. */
struct ism_mem {
	void *addr;
	uint64_t len;
	int fd; /* -1 = closed */
};

struct ism_dmb {
	struct rte_pmd_ism_dmb pub; /* first: what callers hold */
	struct ism_fn *fn;
	struct ism_mem mem;
	uint64_t iova;
	TAILQ_ENTRY(ism_dmb) next;
};

/* What one storing thread counts. */
struct ism_win_stats {
	ISM_WIN_METRICS(BASE_METRIC_LIVE)
};

struct rte_pmd_ism_win {
	struct ism_fn *fn;
	uint64_t token;
	uint32_t len; /* as the peer told us */
	uint32_t maxstbl;
	/* Direct window, or mem == NULL. */
	uint8_t *mem; /* the peer's DMB */
	uint32_t mem_len; /* its bytes, as the fabric told us */
	const uint64_t *grant; /* holds `generation` while we may store */
	uint64_t generation;
	void *map[2]; /* DMB, grant page: to unmap */
	uint64_t map_len[2];
	TAILQ_ENTRY(rte_pmd_ism_win) next;
	struct ism_win_stats stats __rte_cache_aligned;
};

/* What the control thread counts. */
struct ism_fn_stats {
	_Atomic uint64_t err_lost;
	ISM_COMMAND_METRICS(BASE_METRIC_LIVE)
	ISM_POLL_METRICS(BASE_METRIC_LIVE)
};

#define ISM_EVENTS_KEPT 64u /* for people */

/* What the control thread has seen of the device, kept for telemetry; all under `lock`. */
struct ism_record {
	uint64_t bar_size[ISM_BARS];
	uint64_t opened_ns; /* base_now_ns() */
	struct ism_query_info_rsp query; /* newest answer to QUERY_INFO, big-endian as it came */
	uint64_t query_ns;
	struct {
		struct rte_pmd_ism_event ev;
		uint64_t wall_ms; /* since 1970: when we took it */
	} event[ISM_EVENTS_KEPT]; /* number n is at n % ISM_EVENTS_KEPT */
	uint64_t events; /* ever kept */
	/*
	 * Telemetry asks for a fresh QUERY_INFO, the control thread does it in its next round. A
	 * flag alone, outside of the lock: relaxed.
	 */
	_Atomic bool query_wanted;
};

struct ism_fn {
	/* Fixed from probing on. */
	const struct ism_ops *ops;
	void *bus;
	struct rte_rawdev *rawdev;
	uint16_t dev_id;
	char path[ISM_PATH_MAX];
	pthread_mutex_t lock;

	/*
	 * Set once by whoever meets the loss first, cleared by reopening. A flag alone: no data
	 * is published with it, so relaxed is enough.
	 */
	_Atomic bool lost;
	/*
	 * A store was refused: a bad token, or a function in error state. Set by the storing
	 * thread, looked into by the control thread. Relaxed, as `lost`.
	 */
	_Atomic bool suspect;

	bool open; /* between open and close */
	bool up; /* has the bus and its resources */
	struct rte_pmd_ism_info info; /* as of the newest bring-up; under lock */
	struct ism_bus_info bus_info;
	uint64_t gid;
	uint32_t version;
	uint32_t dmb_max; /* bytes of the longest DMB that may be tried: REG_DMB teaches */
	uint32_t dmb_told; /* what QUERY_INFO says of that, at most ISM_DMB_MAX */
	bool vlan_required;

	struct ism_mem ctl_mem;
	struct ism_ctl_mem *ctl; /* under lock: telemetry looks into it */
	uint64_t ctl_iova;
	struct ism_iova iova;
	bool full_told; /* that the DMA window is full: once while the function is up */
	struct base_bucket unsafe_lines; /* of the log, about peers' memory */

	int ieq_pos; /* entry taken last, ISM_IEQ_START = none */
	uint64_t health_ns; /* when the next health check is due */

	uint16_t vlan[ISM_VLAN_MAX]; /* added by us */
	unsigned int vlan_count;

	uint64_t idx_used[ISM_NR_DMBS / 64]; /* SBA indexes in use */
	TAILQ_HEAD(, ism_dmb) dmbs;
	TAILQ_HEAD(, rte_pmd_ism_win) windows;
	uint32_t dmb_count;
	uint32_t win_count;
	uint32_t win_direct;
	uint64_t dmb_bytes;

	struct ism_record record;

	struct ism_win_stats retired __rte_cache_aligned; /* of closed windows; under lock */
	struct ism_fn_stats stats;
};

static inline bool
ism_is_lost(const struct ism_fn *fn)
{
	return atomic_load_explicit(&fn->lost, memory_order_relaxed);
}

/* --- ism_fn.c --- */

/* @return the function behind a rawdev of this driver, or NULL. */
struct ism_fn *ism_fn_get(uint16_t dev_id);
/* Its rawdev is there, and goes. Control thread. */
void ism_fn_add(struct ism_fn *fn);
void ism_fn_remove(const struct ism_fn *fn);
/* The open function behind dev_id that is not lost. @return 0 or -ENODEV (counted). */
int ism_fn_use(uint16_t dev_id, struct ism_fn **fn);
/* The function is gone, for the reason `why` (-errno). Logs once. Any thread. @return -ENODEV. */
int ism_fn_lost(struct ism_fn *fn, int why);
/* Does this errno of an op mean that the function is lost? */
bool ism_is_fatal(int ret);

/* --- ism_rawdev.c --- */

/*
 * Make a rawdev of a bus. The rawdev frees `bus` through its op from now on, also on error.
 * @param name  of the rawdev.
 * @param path  for people: PCI address or socket.
 * @return 0; -EEXIST, -ENOMEM, -ENOTSUP in a secondary process.
 */
int ism_rawdev_create(const char *name, const char *path, const struct ism_ops *ops, void *bus,
		      struct rte_device *device, int socket_id);
/* @return 0, -ENODEV no rawdev of ours with that name. */
int ism_rawdev_destroy(const char *name);

/* --- ism_dev.c --- */

/* @return 0, or -errno with nothing left behind. */
int ism_dev_open(struct ism_fn *fn);
void ism_dev_close(struct ism_fn *fn);

/* --- ism_cmd.c --- */

/*
 * Run one command. req->len is its length in bytes, header included.
 * @param rsp       filled up to rsp_size bytes; the rest is zeroed.
 * @param rsp_min   shorter answers are nonsense.
 * @return 0; -EIO the device's answer is an error; else as of the ops.
 */
int ism_cmd(struct ism_fn *fn, const struct ism_req_hdr *req, struct ism_rsp_hdr *rsp,
	    uint16_t rsp_size, uint16_t rsp_min);
/* Can the command area be reached? @return 0 or a fatal error. */
int ism_cmd_ping(struct ism_fn *fn);
/* A command with a header alone, and none but a header in the answer. */
int ism_cmd_simple(struct ism_fn *fn, enum ism_cmd_code code);
int ism_cmd_reg_sba(struct ism_fn *fn, uint64_t iova);
int ism_cmd_reg_ieq(struct ism_fn *fn, uint64_t iova);
int ism_cmd_read_gid(struct ism_fn *fn, uint64_t *gid);
int ism_cmd_query_info(struct ism_fn *fn, struct ism_query_info_rsp *rsp);
int ism_cmd_query_rgid(struct ism_fn *fn, uint64_t rgid, uint16_t vlan);
int ism_cmd_add_vlan(struct ism_fn *fn, uint16_t vlan);
int ism_cmd_reg_dmb(struct ism_fn *fn, const struct ism_dmb *dmb, uint16_t vlan, uint64_t *token);
int ism_cmd_unreg_dmb(struct ism_fn *fn, uint64_t token);
int ism_cmd_signal(struct ism_fn *fn, uint64_t rgid, uint32_t code, uint64_t info);

/* --- ism_mem.c --- */

/* Zeroed, sealed, really there. len: a multiple of 4 KiB. @return 0 or -ENOMEM. */
int ism_mem_alloc(struct ism_mem *mem, uint64_t len, const char *name);
/* Once the bus has the memory: 1888 DMBs should not cost as many descriptors. */
void ism_mem_close_fd(struct ism_mem *mem);
void ism_mem_free(struct ism_mem *mem);

/* --- ism_dmb.c, ism_win.c --- */

/* Of the control thread, at close: free what callers left. */
void ism_dmb_free_all(struct ism_fn *fn);
void ism_win_free_all(struct ism_fn *fn);

/* --- ism_direct.c --- */

/*
 * The gate for a direct window: check what was offered, and map it. Takes over both descriptors in
 * every case. @return 0; -EOPNOTSUPP it is not safe to use (logged); -ENOMEM.
 */
int ism_direct_map(struct rte_pmd_ism_win *win, const struct ism_direct *direct);
void ism_direct_unmap(struct rte_pmd_ism_win *win);

/* --- ism_stats.c --- */

/* Of struct rte_pmd_ism_stats. */
extern const struct base_metrics ism_metrics;
void ism_win_stats_add(struct ism_win_stats *sum, const struct ism_win_stats *stats);
void ism_stats_sum(struct ism_fn *fn, struct rte_pmd_ism_stats *stats);

/* --- ism_record.c: what telemetry tells of the device; control thread --- */
void ism_record_open(struct ism_fn *fn);
void ism_record_query(struct ism_fn *fn, const struct ism_query_info_rsp *rsp);
void ism_record_events(struct ism_fn *fn, const struct rte_pmd_ism_event *ev, unsigned int n);
/* One command, at most once a second, if telemetry wants it. @return 0 or a fatal error. */
int ism_record_refresh(struct ism_fn *fn);
/* In each round of control: one load. */
static inline int
ism_record_step(struct ism_fn *fn)
{
	if (likely(!atomic_load_explicit(&fn->record.query_wanted, memory_order_relaxed)))
		return 0;
	return ism_record_refresh(fn);
}

/* --- ism_telemetry.c, ism_telemetry_device.c --- */
void ism_telemetry_init(void);
void ism_telemetry_device_init(void);
struct rte_tel_data;
/* "ID" or "ID,N". @return the function, or NULL. */
struct ism_fn *ism_telemetry_parse(const char *params, unsigned long *n);
void ism_telemetry_hex(struct rte_tel_data *d, const char *name, uint64_t value);

/* --- ism_selftest.c, ism_dump.c --- */
int ism_selftest(uint16_t dev_id);
int ism_dump(struct rte_rawdev *dev, FILE *f);

#endif
