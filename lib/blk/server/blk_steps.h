/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the engine: how a request becomes system calls. Nothing here makes one.
 *
 *	WRITE          write+                         , sync with FUA (in memory: DSYNC each)
 *	DISCARD        punch+ or discard+             , sync with FUA
 *	WRITE_ZEROES   (punch | zero range | write)+  , sync with FUA
 *	COPY           (load, store+)+                , sync with FUA
 *
 * A way that the file turns out not to have is struck from the io's set and the next one taken.
 */
#ifndef BLK_STEPS_H
#define BLK_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "blk_engine.h"

enum blk_step_kind {
	BLK_STEP_NONE, /* the io is at its end */
	BLK_STEP_READ,
	BLK_STEP_WRITE, /* from io->data */
	BLK_STEP_ZEROS, /* write from the buffer of zeros */
	BLK_STEP_PUNCH, /* fallocate PUNCH_HOLE | KEEP_SIZE */
	BLK_STEP_ZERO_RANGE, /* fallocate ZERO_RANGE | KEEP_SIZE */
	BLK_STEP_DISCARD, /* device: io_uring's discard command */
	BLK_STEP_DISCARD_IOCTL, /* device: BLKDISCARD */
	BLK_STEP_SYNC, /* fdatasync; len not 0: of that range */
	BLK_STEP_LOAD, /* read io->from into the buffer, from its start */
	BLK_STEP_STORE, /* write from the buffer, from what is stored on */
};

#define BLK_ZEROS_MAX (1u << 20) /* bytes of zeros written by one step */

struct blk_step {
	enum blk_step_kind kind;
	bool dsync; /* READ, WRITE, ZEROS: RWF_DSYNC */
	bool fua; /* through the export's fua_fd, if it has one */
	uint64_t off; /* LOAD: in io->from */
	uint32_t len;
};

/* The image that a step works on. */
static inline struct blk_export *
blk_step_export(const struct blk_eio *io, uint8_t kind)
{
	return kind == BLK_STEP_LOAD ? io->from : io->exp;
}

/* Set the private part of a fresh io. @param ring  the engine has an io_uring. */
void blk_steps_init(struct blk_eio *io, bool ring);
/* What is to be done next; kind NONE: end with *status. */
struct blk_step blk_steps_next(struct blk_eio *io, enum blk_status *status);
/*
 * Take the result (bytes or -errno) of the step under way. @return BLK_OK: go on; else end with it.
 */
enum blk_status blk_steps_result(struct blk_eio *io, int res);

#endif
