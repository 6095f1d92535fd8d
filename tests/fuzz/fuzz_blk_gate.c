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
	must(req->payload == (req->op == BLK_WRITE  ? req->len
			      : req->op == BLK_COPY ? sizeof(struct blk_copy)
						    : 0));
	switch (req->op) {
	case BLK_WRITE:
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
	case BLK_COPY:
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
	must(req->op != BLK_COPY || req->len <= BLK_COPY_MAX);
	if (req->op == BLK_READ || req->op == BLK_WRITE)
		must(req->len <= in->slot_size);
}

/* Behind the input, if there is more of it: the source of a COPY that has passed. */
static void
check_copy(const struct input *in, const uint8_t *data, size_t size)
{
	const struct link_req *req = &in->req;
	struct {
		struct blk_copy from;
		uint64_t size;
		uint8_t same;
	} more;
	unsigned __int128 from;
	bool same;

	if (size < sizeof(more) || in->size > 1ull << 56)
		return;
	memcpy(&more, data, sizeof(more));
	same = more.same & 1;
	if (blk_gate_copy(req, &more.from, more.size % (1ull << 56), same) != BLK_OK)
		return;
	from = rte_be_to_cpu_64(more.from.off);
	must(from + req->len <= more.size % (1ull << 56));
	must(!same || from + req->len <= req->off ||
	     (unsigned __int128)req->off + req->len <= from);
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
	if (status == BLK_OK && in.req.op == BLK_COPY)
		check_copy(&in, data + sizeof(in), size - sizeof(in));
	return 0;
}
