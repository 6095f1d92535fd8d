/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever passes the gate lies inside the export and the slot, and is allowed there. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blk.h"
#include "link.h"

struct input {
	struct link_req req;
	uint64_t size;
	uint32_t info_flags;
	uint32_t slot_size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
check_passed(const struct input *in)
{
	const struct link_req *req = &in->req;
	unsigned __int128 end = (unsigned __int128)req->off + req->len;

	must(req->op > 0 && req->op < BLK_OP_COUNT);
	must(req->payload == (req->op == BLK_WRITE ? req->len : 0));
	switch (req->op) {
	case BLK_WRITE:
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		must((in->info_flags & BLK_INFO_READ_ONLY) == 0);
		/* fallthrough */
	case BLK_READ:
	case BLK_BLOCK_STATUS:
		must(req->len > 0 && end <= in->size);
		break;
	default:
		must(req->len == 0 && req->flags == 0);
		must(req->off == 0 || req->op == BLK_LIST);
	}
	if (req->op == BLK_READ || req->op == BLK_WRITE)
		must(req->len <= in->slot_size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	enum blk_status status;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	status = blk_gate(&in.req, in.size, in.info_flags, in.slot_size);
	must(status < BLK_STATUS_COUNT);
	if (status == BLK_OK)
		check_passed(&in);
	return 0;
}
