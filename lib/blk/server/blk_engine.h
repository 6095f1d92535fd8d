/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: runs block requests against images, many at a time, out of order.
 *
 * An io is one request behind the gate. The engine cuts it into steps, each one system call's worth
 * (blk_steps.c), and carries each step out in one of three ways:
 *
 *	inline  a plain system call, now. Only where it cannot wait for a device: files in memory.
 *	ring    io_uring: all else. Reads that hit the page cache end inside the submission; what
 *	        would block is completed by the kernel's own threads.
 *	later   a plain system call at the next poll, one a round: what io_uring of this kernel
 *	        lacks, and all that is not inline where the kernel refuses io_uring at all.
 *
 * Measured with 4 KiB on Linux 6.18, microseconds an operation (depth 1 / 32):
 *
 *	                    tmpfs             ext4, cached      loop device, cached
 *	read, plain         1.2               0.9               1.7
 *	read, io_uring      7.4 / 3.4 (punt)  1.0 / 0.8         2.1 / 1.4
 *	write, plain        1.4               1.1               2.1
 *	write, io_uring     10.4 / 7.6 (punt) 4.1 / 2.6 (punt)  11.9 / 3.2 (punt)
 *
 * tmpfs has no RWF_NOWAIT, so io_uring hands every operation on it to a kernel thread: that is
 * why files in memory take the inline way.
 *
 * One export cannot hold up another by a disk that hangs: it gets no more than half of the
 * ring's places and of the buffers, and the kernel may have a thread for each place. (Two that
 * hang at once can.)
 *
 * No payload is copied: a WRITE goes from where the caller's data lies, a READ to where the
 * caller wants it, or into a buffer of the engine that the caller uses in place.
 *
 * Threads: create, add, drain and destroy by control, remove by any; all else by the one thread
 * that polls.
 */
#ifndef BLK_ENGINE_H
#define BLK_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "blk_export.h"
#include "blk_server_metrics.h"

struct blk_engine;

struct blk_eio {
	/* Filled by the caller, untouched by the engine. */
	struct blk_export *exp;
	/* BLK_READ, WRITE, FLUSH, DISCARD, WRITE_ZEROES, COPY: others are the caller's. */
	uint8_t op;
	uint8_t flags; /* BLK_FLAG_* */
	uint32_t len;
	uint64_t off;
	/* COPY: where the bytes come from; no overlap. */
	struct blk_export *from;
	uint64_t from_off;
	/*
	 * Ends the io, exactly once, on the polling thread; may run inside blk_engine_start().
	 * For a READ `data` is the payload, valid until done returns.
	 */
	void (*done)(struct blk_eio *io, enum blk_status status);
	/*
	 * WRITE: the payload, in place until done is called. READ: where to put it, len bytes
	 * until done is called; NULL: the engine finds a buffer. COPY: NULL.
	 */
	void *data;
	/* Private to the engine. */
	struct {
		struct blk_eio *next; /* parked or later */
		uint64_t pos; /* bytes of the range done */
		uint32_t piece; /* bytes of the step under way */
		uint32_t room; /* COPY: bytes of the buffer */
		uint32_t loaded, stored; /* COPY: bytes in the buffer, and how many are written */
		uint8_t step; /* enum blk_step_kind under way */
		uint8_t ways; /* how it may still be done (blk_steps.c) */
		uint8_t tries; /* EAGAIN, EINTR in a row */
		bool synced; /* the sync that FUA asks for is done */
		bool parked; /* has been, and was counted */
		bool pooled; /* data is a buffer of the engine */
	} p;
};

struct blk_engine_conf {
	unsigned int ring; /* ios in the kernel at once; a power of two; 0: 512 */
	unsigned int buffers; /* READs under way at once, 2 or more; 0: 128 */
	uint32_t buffer_size; /* bytes of the longest READ; 0: 64 KiB */
	bool no_ring; /* as if the kernel refused io_uring */
};

/* @return 0; -ENOMEM. A kernel that refuses io_uring is logged and lived with. */
int blk_engine_create(const struct blk_engine_conf *conf, struct blk_engine **e);
/*
 * No io may be in flight but those that blk_engine_drain() gave up on: then the memory that
 * the kernel may still use is left to the process. Tolerates NULL.
 */
void blk_engine_destroy(struct blk_engine *e);
/* Make an export known before its first io. @return 0 or -errno. */
int blk_engine_add(struct blk_engine *e, const struct blk_export *exp);
/* Forget it: the kernel lets go of its file. No io of it is in flight. May wait; any thread. */
void blk_engine_remove(struct blk_engine *e, unsigned int unit);

/* Take an io. Behind the gate: its range lies in the export as it was a moment ago. */
void blk_engine_start(struct blk_engine *e, struct blk_eio *io);
/*
 * Submit (one system call at most), reap (none, unless the kernel asks for one). @return work done.
 */
unsigned int blk_engine_poll(struct blk_engine *e);
/* ios taken and not ended. */
unsigned int blk_engine_inflight(const struct blk_engine *e);
/* Poll until no io is in flight, for at most that long. @return 0, or -ETIMEDOUT. */
int blk_engine_drain(struct blk_engine *e, uint64_t timeout_ns);
/* Readable when there is something to reap; -1: none. */
int blk_engine_fd(const struct blk_engine *e);

/* Written by the polling thread, read by any (relaxed). */
struct blk_engine_stats {
	BLK_ENGINE_METRICS(BASE_METRIC_FIELD)
};
void blk_engine_stats(const struct blk_engine *e, struct blk_engine_stats *stats);

#endif
