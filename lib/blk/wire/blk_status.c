/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place where numbers of the wire meet errno (SPEC-blk section 4). */
#include <errno.h>

#include <rte_common.h>

#include "blk.h"

/* Indexed by enum blk_status. */
static const int status_errno[BLK_STATUS_COUNT] = {
	[BLK_OK] = 0,
	[BLK_EIO] = EIO,
	[BLK_EINVAL] = EINVAL,
	[BLK_ENOSPC] = ENOSPC,
	[BLK_EROFS] = EROFS,
	[BLK_ENOTSUP] = EOPNOTSUPP,
	[BLK_ENOENT] = ENOENT,
	[BLK_EACCES] = EACCES,
	/* What Linux' block layer makes of a guard tag that does not match. */
	[BLK_EDIGEST] = EILSEQ,
	[BLK_ENOMEM] = ENOMEM,
};

int
blk_status_errno(uint16_t status)
{
	return status < RTE_DIM(status_errno) ? status_errno[status] : EIO;
}

uint16_t
blk_status_from_errno(int err)
{
	switch (err) {
	case 0:
		return BLK_OK;
	case EINVAL:
		return BLK_EINVAL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return BLK_ENOSPC;
	case EROFS:
		return BLK_EROFS;
	case EOPNOTSUPP:
	case ENOSYS:
	case ENOTTY:
		return BLK_ENOTSUP;
	case ENOENT:
		return BLK_ENOENT;
	case EACCES:
	case EPERM:
		return BLK_EACCES;
	case EILSEQ:
		return BLK_EDIGEST;
	case ENOMEM:
		return BLK_ENOMEM;
	default:
		return BLK_EIO;
	}
}

const char *
blk_op_str(unsigned int op)
{
	static const char *const names[BLK_OP_COUNT] = {
		[BLK_READ] = "read",
		[BLK_WRITE] = "write",
		[BLK_FLUSH] = "flush",
		[BLK_DISCARD] = "discard",
		[BLK_WRITE_ZEROES] = "write_zeroes",
		[BLK_BLOCK_STATUS] = "block_status",
		[BLK_COPY] = "copy",
	};

	return op < BLK_OP_COUNT ? names[op] : NULL;
}
