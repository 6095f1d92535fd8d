/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the client side of lib/blk.
 *
 * Two kinds of thread meet here. The control thread owns the session, the table of disks and the
 * question of whether ios may run; the data thread of a queue owns that queue. Between them:
 *
 *	ready       control -> data    the disks of this session are known: run ios
 *	admin       control <-> data   one request (LIST) at a time; queue 0 carries it
 *	disk words  control -> data    size, flags, unit, present: atomics, each alone
 *
 * An io in a queue:
 *
 *	submit --> waiting --- all slots it needs are free ---> started --- all answered ---> done()
 *	              ^                                            |
 *	              +-- queue BROKEN: back to the front, in order +
 *
 * blk_cq_limit.c ends it in either state. The slots of a started one are orphans then: busy,
 * without an io, until their answer comes or the queue is detached.
 */
#ifndef BLK_CLIENT_PRIV_H
#define BLK_CLIENT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <rte_common.h>

#include "base_counter.h"
#include "base_log.h"
#include "base_time.h"
#include "blk_client.h"

extern int blk_client_logtype;
#define BLK_CLIENT_LOG(level, ...) BASE_LOG(level, blk_client_logtype, "blk", __VA_ARGS__)

#define BLK_OFF_MAX (1ULL << 56) /* link_req.off stays below */
#define BLK_REAP_BURST 32
#define BLK_FLUSH_BYTES (128 * 1024) /* publish at least every so many bytes of payload stored */
#define BLK_DIGEST_TRIES 3 /* a chunk whose CRC32C is wrong is asked for so often */

/* --- blk_reply.c: the gate for what a server answers --- */

/* An export as LIST tells it, in host order, checked. */
struct blk_disk_info {
	char name[BLK_NAME_MAX];
	char desc[BLK_DESC_MAX];
	uint64_t size;
	uint32_t flags;
	uint16_t unit;
	uint32_t block_min, block_pref, block_max;
	uint32_t generation;
	uint8_t id[16];
	uint64_t mtime, ctime; /* ns since 1970, below 2^62; 0: not told */
};

/*
 * Does this answer fit the request? 64-bit arithmetic; looks at nothing but its arguments.
 * @param req  what was asked.
 * @return 0; -EPROTO the peer breaks the protocol.
 */
int blk_reply_gate(const struct link_req *req, const struct link_cqe *cqe, uint32_t slot_size);

/*
 * One record of LIST's payload (a private copy: it is read more than once).
 * @return true and *info; false when it names nothing usable.
 */
bool blk_reply_info(const struct blk_export_info *raw, struct blk_disk_info *info);

/* --- disks --- */

/* Counters of one export; any data thread adds, anyone reads: relaxed. */
struct blk_disk_counters {
	BLK_OP_METRICS(BLK_OP_LIVE)
};

struct blk_disk {
	char name[BLK_NAME_MAX]; /* fixed once the disk is counted in blk_client.disks */
	char desc[BLK_DESC_MAX];
	struct blk_kept_disk *kept; /* its losses and writes; and a copy of the rest */
	bool listed; /* control's: seen in the LIST that is running */
	/*
	 * Written by control, each read alone (relaxed): ready orders the set of them at a
	 * session's start.
	 */
	_Atomic uint64_t size;
	_Atomic uint32_t flags;
	_Atomic uint32_t unit;
	_Atomic uint32_t block_min, block_pref, block_max;
	_Atomic bool present;
	_Atomic uint64_t mtime, ctime; /* also by data threads */
	/* Changing requests of all queues that are orphans: while there are, others wait. */
	_Atomic uint32_t orphans;
	struct blk_disk_counters counters;
};

/* --- a queue --- */

/* What a request id of the link stands for. */
struct blk_slot {
	struct blk_io *io; /* NULL: nobody waits (LIST of control, or the io has ended) */
	struct blk_disk *disk; /* NULL: LIST */
	struct link_req req; /* as posted, to judge the answer by */
	const uint8_t *placed; /* the peer's slot, if a WRITE's payload was placed there */
	uint32_t payload; /* of the answer */
	uint16_t next; /* the io's next chunk; BLK_NO_SLOT at the end */
	uint8_t tries; /* digest errors so far */
	bool busy;
	bool admin;
	bool answered; /* waits for the io's other chunks */
	bool orphan;
};
#define BLK_NO_SLOT UINT16_MAX

TAILQ_HEAD(blk_io_list, blk_io);

/*
 * What a queue has done for one disk; the data thread writes. Nearly 5 KiB, of which the kernel
 * gives only what is touched.
 */
struct blk_cq_disk {
	struct base_hist latency; /* of ios that succeeded */
	_Atomic uint64_t started, ended;
	uint64_t heard_ns; /* the newest answer; the data thread's own */
	bool stalled; /* the peer answers nothing: new ios end at once; the data thread's own */
};

struct blk_cq {
	struct blk_client *client;
	struct blk_cq_disk *disks; /* BLK_EXPORTS_MAX, as blk_client.disks */
	/*
	 * The link has no queues before the first session; from then on they stay where they are.
	 * Release by control, acquire by the data thread, which keeps it in q.
	 */
	_Atomic(struct link_queue *) given;
	struct link_queue *q;
	uint16_t index;
	bool attached;
	bool posted; /* descriptors to publish */
	bool told_long; /* logged that an io does not fit this session */
	uint32_t slot_size; /* while attached */
	uint16_t depth; /* while attached */
	uint32_t unflushed; /* bytes of payload stored since descriptors were published */
	uint64_t limit_due_ns; /* when limits are looked at next */
	unsigned int inflight;
	unsigned int hasty; /* of those, ios that do not wait for a session */
	struct blk_io_list waiting, started;
	struct blk_slot slots[LINK_DEPTH_MAX];
	struct iovec iov[BLK_IO_CHUNKS_MAX];
	/* While attached: bytes of our slots, and slots of the peer, that have their pages. */
	uint32_t warm[LINK_DEPTH_MAX];
	bool warm_room[LINK_DEPTH_MAX];
	/* Slots that are ours for a payload that may come, and where they lie. */
	struct {
		uint16_t id;
		uint8_t *mem;
	} room[BLK_IO_CHUNKS_MAX];
	unsigned int room_first, room_end; /* of those not used yet; the same: no room */
	struct {
		BLK_OP_METRICS(BLK_OP_LIVE)
		BLK_CQ_METRICS(BASE_METRIC_LIVE)
		_Atomic uint64_t lat_ns_sum[BLK_OP_COUNT];
	} stats; /* as struct blk_cq_stats; the data thread writes */
} __rte_cache_aligned;

/* --- the one request of control --- */

enum blk_admin_state {
	BLK_ADMIN_IDLE, /* control's */
	BLK_ADMIN_ASKED, /* the data thread's, until DONE */
	BLK_ADMIN_SENT,
	BLK_ADMIN_DONE, /* control's again */
};

struct blk_admin {
	_Atomic int
		state; /* release by who gives it away, acquire by who takes it: guards the rest */
	uint64_t index;
	int err; /* 0, -EIO refused, -ENOTCONN */
	unsigned int count;
	struct blk_export_info infos[LINK_SLOT_MAX / sizeof(struct blk_export_info)];
};

enum blk_list_phase {
	BLK_LIST_NONE, /* nothing to ask */
	BLK_LIST_START, /* ask from index 0 */
	BLK_LIST_WAIT, /* an answer is due */
};

struct blk_client {
	TAILQ_ENTRY(blk_client) entry; /* telemetry's list */
	struct blk_client_conf conf;
	struct link_session *session;
	bool session_up; /* control's: between on_up and on_down */
	bool told_up; /* on_up of the application was called */
	enum blk_list_phase list;
	bool relist; /* a notice came: list once more, when list_due_ns has come */
	uint64_t list_due_ns;
	struct blk_kept *kept; /* control's, but for what the disks point at */
	bool own_kept; /* nobody else wants it */
	uint64_t info_due_ns;
	uint64_t bad_exports; /* records that named nothing usable */
	unsigned int listed; /* records taken in the LIST that is running */

	/*
	 * Release by control, acquire by data threads: units and sizes of this session are there.
	 */
	_Atomic bool ready;
	_Atomic uint64_t down_since_ns; /* 0 = ready; else since when not */
	_Atomic uint32_t queues_up; /* queues that the session has; before ready */
	_Atomic uint32_t io_max; /* bytes one io may have in this session */
	_Atomic bool digest; /* agreed for this session; before ready and before any LIST */
	_Atomic bool want_list; /* data -> control: an unknown unit was met */

	struct blk_admin admin;
	/* Release by control after a disk is filled, acquire by readers. */
	_Atomic unsigned int disk_count;
	struct blk_disk disks[BLK_EXPORTS_MAX];
	uint64_t silent_ns; /* fast_io_fail_ms and the link's dead_ms; 0 = never */
	/* Copy of link_session_info() for telemetry; under blk_telemetry_lock. */
	struct link_session_info info;
	struct blk_cq cqs[];
};

/* --- blk_disk.c --- */
/* Take one record of LIST. Reports a change through conf.on_change. Control thread. */
void blk_disk_take(struct blk_client *c, const struct blk_disk_info *info);
/* The disks that the kept record knows are there. */
void blk_disk_restore(struct blk_client *c);
/* LIST is complete: what it did not name is gone. */
void blk_disk_sweep(struct blk_client *c);
/* LIST begins. */
void blk_disk_unmark(struct blk_client *c);
/* The peer runs another boot than before; no io is running. */
void blk_disk_rebooted(struct blk_client *c);
/* IDENTIFY was answered: take the times; whatever else has changed, LIST finds out. Any thread. */
void blk_disk_identified(struct blk_client *c, struct blk_io *io, const void *record);
/* The peer's storage failed a FLUSH with that status. Any thread. */
void blk_disk_flush_failed(struct blk_disk *d, uint16_t status);

/* --- blk_cq.c --- */
/* @return 0; -ENOMEM. */
int blk_cq_init(struct blk_cq *cq, struct blk_client *c, uint16_t index);
/* Tolerates one that was never initialised. */
void blk_cq_fini(struct blk_cq *cq);
/* Control thread, when no data thread polls any more. */
void blk_cq_detach(struct blk_cq *cq);
/*
 * Have pages behind memory that the kernel is about to copy from or to: a process that is killed
 * while it looks for one, in the middle of a copy, loses what is copied. Tolerates memory that is
 * there no more.
 */
void blk_cq_warm_up(const uint8_t *mem, size_t len, bool write);
/* Store the payload of this chunk and post its descriptor. @return 0; -ENOTCONN; -EINVAL. */
int blk_cq_send(struct blk_cq *cq, uint16_t id);
/* The part of an io that begins at p.pos: into req, p.pos moves on. */
void blk_cq_piece(const struct blk_cq *cq, struct blk_io *io, struct link_req *req);

/* --- blk_cq_limit.c: the end of an io without an answer --- */
#define BLK_LIMIT_NS (10 * BASE_NS_PER_MS) /* between two looks */
/* End ios that are over a limit. @return how many. */
unsigned int blk_cq_limit(struct blk_cq *cq, uint64_t now_ns);
/* The io leaves the list of started ones; its slots are put back or become orphans. */
void blk_cq_orphan(struct blk_cq *cq, struct blk_io *io);
/* An orphan is answered, or its session over: it is none any more. */
void blk_cq_orphan_gone(struct blk_slot *slot);
/* Does it change the disk, so that a late one could overtake another? */
static inline bool
blk_op_changes(uint8_t op)
{
	return op == BLK_WRITE || op == BLK_WRITE_ZEROES || op == BLK_DISCARD || op == BLK_COPY;
}

/* --- blk_cq_room.c --- */
/* The room's next slot, for an io with `home`; *mem is where it lies. */
uint16_t blk_cq_room_take(struct blk_cq *cq, const uint8_t **mem);
/* As link_req_payload(), for a chunk whose payload was placed. */
int blk_cq_room_send(struct blk_cq *cq, const struct blk_slot *slot);
/*
 * Bring the payload of an io with `home` back from its slots and from the room; then it is like any
 * other. Before the queue is detached.
 */
void blk_cq_room_home(struct blk_cq *cq, struct blk_io *io);

/* --- blk_cq_answer.c --- */
/* Take completions. @return how many. */
unsigned int blk_cq_reap(struct blk_cq *cq);
/* The queue's account of the io's disk. */
static inline struct blk_cq_disk *
blk_cq_disk(const struct blk_cq *cq, const struct blk_io *io)
{
	return &cq->disks[io->disk - cq->client->disks];
}
/* The slot is free again. */
void blk_cq_put_slot(struct blk_cq *cq, uint16_t id);
/* The io has left every list: account for it and give it back. */
void blk_cq_end(struct blk_cq *cq, struct blk_io *io, int err, uint64_t now_ns);

/* --- blk_client_telemetry.c --- */
void blk_telemetry_add(struct blk_client *c);
void blk_telemetry_remove(struct blk_client *c);
/* Refresh what telemetry shows of the session. Control thread. */
void blk_telemetry_refresh(struct blk_client *c);

#endif
