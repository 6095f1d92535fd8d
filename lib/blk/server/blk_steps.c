/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request to the next system call, and from its result to what comes after. */
#include <errno.h>

#include <rte_common.h>

#include "blk_steps.h"

/* io->p.ways */
#define WAY_PUNCH (1u << 0)
#define WAY_ZERO_RANGE (1u << 1)
#define WAY_ZEROS (1u << 2)
#define WAY_DISCARD (1u << 3)
#define WAY_DISCARD_IOCTL (1u << 4)

/*
 * A step holds its file's lock in the kernel, or (ioctl) our own thread, for as long as it
 * takes: long ranges go in pieces, so that other ios get in between.
 */
#define FALLOCATE_MAX (32u << 20)
#define FALLOCATE_MEMORY_MAX (4u << 20) /* of files in memory: writers of those are we */
#define IOCTL_MAX (64u << 20)

#define TRIES_MAX 64 /* in a row without a byte of progress */

static uint8_t
zero_ways(const struct blk_eio *io)
{
	uint32_t info = atomic_load_explicit(&io->exp->flags, memory_order_relaxed);
	bool fast_only = (io->flags & BLK_FLAG_FAST_ONLY) != 0;
	bool device = io->exp->backing == BLK_BACKING_DEVICE;
	uint8_t ways = 0;

	if ((info & BLK_INFO_FAST_ZERO) != 0 && (io->flags & BLK_FLAG_NO_HOLE) == 0)
		ways |= WAY_PUNCH;
	/* On a device the kernel falls back to writing zeros: not fast. */
	if (!atomic_load_explicit(&io->exp->no_zero_range, memory_order_relaxed) &&
	    !(device && fast_only))
		ways |= WAY_ZERO_RANGE;
	if (!fast_only)
		ways |= WAY_ZEROS;
	return ways;
}

void
blk_steps_init(struct blk_eio *io, bool ring)
{
	io->p.pos = 0;
	io->p.piece = 0;
	io->p.step = BLK_STEP_NONE;
	io->p.tries = 0;
	io->p.synced = false;
	io->p.ways = 0;
	io->p.loaded = io->p.stored = 0;
	if (io->op == BLK_WRITE_ZEROES)
		io->p.ways = zero_ways(io);
	else if (io->op == BLK_DISCARD && io->exp->backing != BLK_BACKING_DEVICE)
		io->p.ways = WAY_PUNCH;
	else if (io->op == BLK_DISCARD)
		io->p.ways = (ring ? WAY_DISCARD : 0) | WAY_DISCARD_IOCTL;
}

static struct blk_step
step_end(struct blk_eio *io, enum blk_status with, enum blk_status *status)
{
	io->p.step = BLK_STEP_NONE;
	*status = with;
	return (struct blk_step){ .kind = BLK_STEP_NONE };
}

static struct blk_step
step_at(struct blk_eio *io, enum blk_step_kind kind, uint64_t len, uint64_t max)
{
	io->p.step = kind;
	io->p.piece = (uint32_t)RTE_MIN(len, max);
	return (struct blk_step){
		.kind = kind,
		.off = io->off + io->p.pos,
		.len = io->p.piece,
	};
}

/* The range is done: make it, and nothing else, stable if asked to, then end. */
static struct blk_step
step_sync_or_end(struct blk_eio *io, enum blk_status *status)
{
	struct blk_step step;

	if ((io->flags & BLK_FLAG_FUA) == 0 || io->p.synced)
		return step_end(io, BLK_OK, status);
	step = step_at(io, BLK_STEP_SYNC, 0, 0);
	step.fua = true;
	step.off = io->off;
	step.len = io->len;
	return step;
}

static uint32_t
fallocate_max(const struct blk_eio *io)
{
	return io->exp->backing == BLK_BACKING_MEMORY ? FALLOCATE_MEMORY_MAX : FALLOCATE_MAX;
}

/*
 * The kernel carries out the writes of one file one after the other: one that also waits for
 * storage would hold up all behind it. So there it is made stable by a second step. In memory it
 * waits for nothing.
 */
static bool
syncs_itself(const struct blk_eio *io)
{
	return (io->flags & BLK_FLAG_FUA) != 0 && io->exp->backing == BLK_BACKING_MEMORY;
}

static struct blk_step
next_data(struct blk_eio *io, enum blk_status *status)
{
	struct blk_step step;

	if (io->p.pos == io->len && syncs_itself(io))
		return step_end(io, BLK_OK, status);
	if (io->p.pos == io->len)
		return step_sync_or_end(io, status);
	step = step_at(io, io->op == BLK_READ ? BLK_STEP_READ : BLK_STEP_WRITE, io->len - io->p.pos,
		       UINT32_MAX);
	step.fua = (io->flags & BLK_FLAG_FUA) != 0;
	step.dsync = syncs_itself(io);
	return step;
}

/* A discard is a hint: edges that are no whole sectors stay as they are. */
static struct blk_step
next_discard(struct blk_eio *io, enum blk_status *status)
{
	uint64_t align = io->exp->align;
	uint64_t from = RTE_ALIGN_MUL_CEIL(io->off + io->p.pos, align);
	uint64_t to = RTE_ALIGN_MUL_FLOOR(io->off + io->len, align);

	if (from >= to)
		return step_sync_or_end(io, status);
	io->p.pos = from - io->off;
	if ((io->p.ways & WAY_PUNCH) != 0)
		return step_at(io, BLK_STEP_PUNCH, to - from, fallocate_max(io));
	if ((io->p.ways & WAY_DISCARD) != 0)
		return step_at(io, BLK_STEP_DISCARD, to - from, fallocate_max(io));
	if ((io->p.ways & WAY_DISCARD_IOCTL) != 0)
		return step_at(io, BLK_STEP_DISCARD_IOCTL, to - from, IOCTL_MAX);
	return step_end(io, BLK_ENOTSUP, status);
}

static struct blk_step
next_zeroes(struct blk_eio *io, enum blk_status *status)
{
	uint64_t align = io->exp->align;
	uint64_t from = io->off + io->p.pos;
	uint64_t left = io->len - io->p.pos;
	uint64_t head = from % align;
	uint64_t whole = left - left % align;

	if (left == 0)
		return step_sync_or_end(io, status);
	/* Edges that are no whole sectors are always written. */
	if (head != 0)
		return step_at(io, BLK_STEP_ZEROS, left, align - head);
	if (whole == 0)
		return step_at(io, BLK_STEP_ZEROS, left, BLK_ZEROS_MAX);
	if ((io->p.ways & WAY_PUNCH) != 0)
		return step_at(io, BLK_STEP_PUNCH, whole, fallocate_max(io));
	if ((io->p.ways & WAY_ZERO_RANGE) != 0)
		return step_at(io, BLK_STEP_ZERO_RANGE, whole, fallocate_max(io));
	if ((io->p.ways & WAY_ZEROS) != 0)
		return step_at(io, BLK_STEP_ZEROS, left, BLK_ZEROS_MAX);
	return step_end(io, BLK_ENOTSUP, status);
}

/* Through a buffer, as much as it holds at a time. */
static struct blk_step
next_copy(struct blk_eio *io, enum blk_status *status)
{
	struct blk_step step;

	if (io->p.pos == io->len)
		return step_sync_or_end(io, status);
	if (io->p.loaded > 0)
		return step_at(io, BLK_STEP_STORE, io->p.loaded - io->p.stored, UINT32_MAX);
	step = step_at(io, BLK_STEP_LOAD, io->len - io->p.pos, io->p.room);
	step.off = io->from_off + io->p.pos;
	return step;
}

struct blk_step
blk_steps_next(struct blk_eio *io, enum blk_status *status)
{
	switch (io->op) {
	case BLK_READ:
	case BLK_WRITE:
		return next_data(io, status);
	case BLK_FLUSH:
		if (io->p.synced)
			return step_end(io, BLK_OK, status);
		return step_at(io, BLK_STEP_SYNC, 0, 0);
	case BLK_DISCARD:
		return next_discard(io, status);
	case BLK_WRITE_ZEROES:
		return next_zeroes(io, status);
	case BLK_COPY:
		return next_copy(io, status);
	default:
		return step_end(io, BLK_ENOTSUP, status);
	}
}

/* The file system cannot punch: say so from now on. */
static void
forget_punch(struct blk_export *exp)
{
	const uint32_t promised = BLK_INFO_DISCARD | BLK_INFO_FAST_ZERO;

	if ((atomic_fetch_and_explicit(&exp->flags, ~promised, memory_order_relaxed) & promised) !=
	    0)
		atomic_fetch_add_explicit(&exp->generation, 1, memory_order_relaxed);
}

/* Does the error only say that this way does not exist here? Then strike it. */
static bool
strike_way(struct blk_eio *io, int error)
{
	if (error != EOPNOTSUPP && error != ENOSYS && error != ENOTTY && error != EINVAL)
		return false;
	switch (io->p.step) {
	case BLK_STEP_PUNCH:
		io->p.ways &= (uint8_t)~WAY_PUNCH;
		if (error == EOPNOTSUPP)
			forget_punch(io->exp);
		return true;
	case BLK_STEP_ZERO_RANGE:
		io->p.ways &= (uint8_t)~WAY_ZERO_RANGE;
		if (error == EOPNOTSUPP)
			atomic_store_explicit(&io->exp->no_zero_range, true, memory_order_relaxed);
		return true;
	case BLK_STEP_DISCARD:
		io->p.ways &= (uint8_t)~WAY_DISCARD;
		return true;
	case BLK_STEP_DISCARD_IOCTL:
		io->p.ways &= (uint8_t)~WAY_DISCARD_IOCTL;
		return true;
	default:
		return false;
	}
}

/*
 * The kernel tells of a lost write once per open file, to whoever syncs first, and all
 * sessions share the file: count it, so that the others hear of it too (blk_worker.c). What a
 * write that syncs is told of, it alone is told of: there is a file for those. (Where there is
 * none, it may have been the one told.)
 */
static void
note_sync_error(struct blk_eio *io)
{
	bool fua = (io->flags & BLK_FLAG_FUA) != 0;
	bool sync = io->p.step == BLK_STEP_SYNC ||
		    (io->p.step == BLK_STEP_WRITE && syncs_itself(io));

	if (sync && !(fua && io->exp->fua_fd >= 0))
		atomic_fetch_add_explicit(&io->exp->flush_errors, 1, memory_order_relaxed);
}

static enum blk_status
step_failed(struct blk_eio *io, int error)
{
	if ((error == EAGAIN || error == EINTR) && io->p.tries < TRIES_MAX) {
		io->p.tries++;
		return BLK_OK;
	}
	if (strike_way(io, error))
		return BLK_OK;
	note_sync_error(io);
	return blk_status_from_errno(error);
}

/* Bytes were read or written. */
static void
moved(struct blk_eio *io, uint32_t n)
{
	if (io->p.step == BLK_STEP_LOAD) {
		io->p.loaded = n;
		return;
	}
	io->p.pos += n;
	if (io->p.step != BLK_STEP_STORE)
		return;
	io->p.stored += n;
	if (io->p.stored == io->p.loaded)
		io->p.loaded = io->p.stored = 0;
}

enum blk_status
blk_steps_result(struct blk_eio *io, int res)
{
	if (res < 0)
		return step_failed(io, -res);
	switch (io->p.step) {
	case BLK_STEP_READ:
	case BLK_STEP_WRITE:
	case BLK_STEP_ZEROS:
	case BLK_STEP_LOAD:
	case BLK_STEP_STORE:
		if (res == 0) {
			/* The image is shorter than it was: a disk that lost its end. */
			atomic_store_explicit(&blk_step_export(io, io->p.step)->stale, true,
					      memory_order_relaxed);
			return BLK_EIO;
		}
		moved(io, (uint32_t)res);
		break;
	case BLK_STEP_SYNC:
		io->p.synced = true;
		break;
	default:
		io->p.pos += io->p.piece;
		break;
	}
	io->p.tries = 0;
	return BLK_OK;
}
