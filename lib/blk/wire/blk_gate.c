/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate for requests of a peer (SPEC-blk section 5). It runs once per request, on the
 * local copy of the descriptor; behind it, op, flags, off and len may be trusted.
 */
#include <stdbool.h>
#include <stddef.h>

#include <rte_common.h>

#include "blk.h"
#include "link.h"

/* What each operation may look like. */
static const struct {
	uint8_t flags; /* BLK_FLAG_* that it may carry */
	bool range; /* off and len name a range of bytes; else both are 0 */
	bool slot; /* len bytes move through a slot */
	bool write; /* changes the image */
	uint32_t needs; /* BLK_INFO_* that the export must have */
	enum blk_status beyond; /* answer to a range that leaves the export */
} gate_ops[BLK_OP_COUNT] = {
	[BLK_READ] = { .range = true, .slot = true, .beyond = BLK_EINVAL },
	[BLK_WRITE] = { .flags = BLK_FLAG_FUA,
			.range = true,
			.slot = true,
			.write = true,
			.beyond = BLK_ENOSPC },
	[BLK_FLUSH] = { .needs = BLK_INFO_FLUSH },
	[BLK_DISCARD] = { .flags = BLK_FLAG_FUA,
			  .range = true,
			  .write = true,
			  .needs = BLK_INFO_DISCARD,
			  .beyond = BLK_EINVAL },
	[BLK_WRITE_ZEROES] = { .flags = BLK_FLAG_FUA | BLK_FLAG_NO_HOLE | BLK_FLAG_FAST_ONLY,
			       .range = true,
			       .write = true,
			       .needs = BLK_INFO_WRITE_ZEROES,
			       .beyond = BLK_ENOSPC },
	[BLK_BLOCK_STATUS] = { .range = true, .beyond = BLK_EINVAL },
	[BLK_IDENTIFY] = { 0 },
	[BLK_LIST] = { 0 },
	[BLK_COPY] = { .flags = BLK_FLAG_FUA,
		       .range = true,
		       .write = true,
		       .needs = BLK_INFO_COPY,
		       .beyond = BLK_ENOSPC },
};

static uint32_t
payload_of(const struct link_req *req)
{
	if (req->op == BLK_COPY)
		return sizeof(struct blk_copy);
	return req->op == BLK_WRITE ? req->len : 0;
}

/* Is the request well formed, whatever the export is like? */
static bool
gate_shape(const struct link_req *req, uint32_t slot_size)
{
	if ((req->flags & ~gate_ops[req->op].flags) != 0 || req->payload != payload_of(req))
		return false;
	/* LIST's off is an index, and any is good; it is the one op without a unit. */
	if (req->op == BLK_LIST)
		return req->len == 0 && req->unit == 0;
	if (!gate_ops[req->op].range)
		return req->len == 0 && req->off == 0;
	if (req->op == BLK_COPY && req->len > BLK_COPY_MAX)
		return false;
	return req->len != 0 && (!gate_ops[req->op].slot || req->len <= slot_size);
}

enum blk_status
blk_gate(const struct link_req *req, uint64_t size, uint32_t info_flags, uint32_t slot_size)
{
	uint32_t needs;

	if (req->op == 0 || req->op >= BLK_OP_COUNT)
		return BLK_ENOTSUP;
	if (!gate_shape(req, slot_size))
		return BLK_EINVAL;
	if (gate_ops[req->op].write && (info_flags & BLK_INFO_READ_ONLY) != 0)
		return BLK_EROFS;
	needs = gate_ops[req->op].needs;
	if ((req->flags & BLK_FLAG_FUA) != 0)
		needs |= BLK_INFO_FUA;
	if ((info_flags & needs) != needs)
		return BLK_ENOTSUP;
	/* No sum that could wrap: off and len are the peer's. */
	if (gate_ops[req->op].range && (req->off > size || req->len > size - req->off))
		return gate_ops[req->op].beyond;
	return BLK_OK;
}

enum blk_status
blk_gate_copy(const struct link_req *req, const struct blk_copy *from, uint64_t size, bool same)
{
	uint64_t off = rte_be_to_cpu_64(from->off);

	if (from->reserved[0] != 0 || from->reserved[1] != 0 || from->reserved[2] != 0)
		return BLK_EINVAL;
	if (off > size || req->len > size - off)
		return BLK_EINVAL;
	/* Done twice it must leave what it leaves when done once. Both ends are below 2^57. */
	if (same && off < req->off + req->len && req->off < off + req->len)
		return BLK_EINVAL;
	return BLK_OK;
}
