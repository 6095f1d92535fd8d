/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block service: words shared by client and server, and the one gate for what a peer asks.
 *
 * Byte-addressed like NBD, out of order, several queues. Every request is one link_req:
 *
 *	op            off       len           unit    request payload  response payload
 *	READ          byte off  1..slot_size  export  -                len bytes
 *	WRITE         byte off  1..slot_size  export  len bytes        -
 *	FLUSH         0         0             export  -                -
 *	DISCARD       byte off  1..2^32-1     export  -                -
 *	WRITE_ZEROES  byte off  1..2^32-1     export  -                -
 *	BLOCK_STATUS  byte off  1..2^32-1     export  -                n * struct blk_extent
 *	IDENTIFY      0         0             export  -                struct blk_export_info
 *	LIST          index     0             0       -                n * struct blk_export_info
 *	COPY          byte off  1..2^26       export  struct blk_copy  -
 *
 * `unit` is the number that LIST / IDENTIFY give to an export, 1 or more; it is valid for one
 * session. FLUSH and FUA mean what the NBD specification says: FLUSH covers every write that
 * was answered before the FLUSH was sent, on any queue of any session.
 *
 * link_cqe.result is 0, but for LIST: the number of exports that this peer may see. LIST
 * answers the exports from number `index` on, as many as fit a slot; none when index is not
 * below that number. BLOCK_STATUS answers at least one extent and may stop short of off + len.
 */
#ifndef BLK_H
#define BLK_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define BLK_VERSION 1
#define BLK_NAME_MAX 64 /* bytes of a name, NUL included */
#define BLK_DESC_MAX 96
#define BLK_EXPORTS_MAX 256

enum blk_op {
	BLK_READ = 1,
	BLK_WRITE,
	BLK_FLUSH,
	BLK_DISCARD,
	BLK_WRITE_ZEROES,
	BLK_BLOCK_STATUS,
	BLK_IDENTIFY,
	BLK_LIST,
	BLK_COPY,
	BLK_OP_COUNT,
};

/* link_req.flags */
#define BLK_FLAG_FUA (1u << 0) /* WRITE, DISCARD, WRITE_ZEROES, COPY */
#define BLK_FLAG_NO_HOLE (1u << 1) /* WRITE_ZEROES: must stay allocated */
#define BLK_FLAG_FAST_ONLY (1u << 2) /* WRITE_ZEROES: NOTSUP rather than writing zeros */

/* link_cqe.status: the wire's own numbers, mapped to errno in blk_status.c only. */
enum blk_status {
	BLK_OK = 0,
	BLK_EIO = 1,
	BLK_EINVAL = 2, /* malformed, outside what IDENTIFY says */
	BLK_ENOSPC = 3, /* WRITE / WRITE_ZEROES beyond the end, or the server's disk is full */
	BLK_EROFS = 4,
	BLK_ENOTSUP = 5,
	BLK_ENOENT = 6, /* no such unit for this peer */
	BLK_EACCES = 7,
	BLK_EDIGEST = 8, /* payload does not match its CRC32C */
	BLK_ENOMEM = 9,
	BLK_STATUS_COUNT,
};
/* "read", ...; NULL: no operation that is counted. */
const char *blk_op_str(unsigned int op);
int blk_status_errno(uint16_t status); /* positive errno; unknown: EIO */
uint16_t blk_status_from_errno(int err); /* positive errno; unknown: BLK_EIO */

/* All big-endian on the wire. */
#define BLK_INFO_READ_ONLY (1u << 0)
#define BLK_INFO_FLUSH (1u << 1)
#define BLK_INFO_FUA (1u << 2)
#define BLK_INFO_DISCARD (1u << 3)
#define BLK_INFO_WRITE_ZEROES (1u << 4)
#define BLK_INFO_FAST_ZERO (1u << 5)
#define BLK_INFO_EXTENTS (1u << 6)
#define BLK_INFO_ROTATIONAL (1u << 7)
#define BLK_INFO_COPY (1u << 8)

struct blk_export_info {
	char name[BLK_NAME_MAX]; /* NUL-terminated */
	char desc[BLK_DESC_MAX]; /* NUL-terminated, may be empty */
	rte_be64_t size; /* bytes */
	rte_be32_t flags; /* BLK_INFO_* */
	rte_be16_t unit;
	rte_be16_t reserved;
	rte_be32_t block_min, block_pref, block_max; /* bytes; any offset and length is accepted */
	rte_be32_t generation; /* counts changes of this export (size, flags) */
	uint8_t id[16]; /* the same for the same image as long as it exists */
	/* The image's times of modification and of change, in ns since 1970; 0: not told. */
	rte_be64_t mtime, ctime;
	uint8_t pad[32]; /* 0 */
};
static_assert(sizeof(struct blk_export_info) == 256, "blk_export_info");

#define BLK_COPY_MAX (1u << 26) /* bytes: what one asks for holds up the next */

/* Payload of a COPY: where its `len` bytes come from. The request itself names where they go. */
struct blk_copy {
	rte_be64_t off;
	rte_be16_t unit;
	rte_be16_t reserved[3]; /* 0 */
};
static_assert(sizeof(struct blk_copy) == 16, "blk_copy");

#define BLK_EXTENT_HOLE (1u << 0) /* no data is stored there */
#define BLK_EXTENT_ZERO (1u << 1) /* reads as zeros */

struct blk_extent {
	rte_be64_t len; /* bytes, contiguous from the request's off */
	rte_be32_t flags; /* BLK_EXTENT_* */
	rte_be32_t reserved;
};
static_assert(sizeof(struct blk_extent) == 16, "blk_extent");

/* The notice word of the link (link_session_set_notice): counts changes of any export. */

struct link_req;
/*
 * The gate: may this request run against an export of `size` bytes with these BLK_INFO_* flags?
 * 64-bit arithmetic; looks at nothing but its arguments.
 * @return BLK_OK or the status to answer with (BLK_ENOSPC for writes past the end, ...).
 */
enum blk_status blk_gate(const struct link_req *req, uint64_t size, uint32_t info_flags,
			 uint32_t slot_size);
/*
 * The same for the source of a COPY, after blk_gate(): an export of `size` bytes.
 * @param from  our own copy of the payload.
 * @param same  it is the image that is written to, be it by another name.
 */
enum blk_status blk_gate_copy(const struct link_req *req, const struct blk_copy *from,
			      uint64_t size, bool same);

#endif
