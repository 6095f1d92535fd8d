/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a server answers, as bytes: the gate for answers, a record of LIST, a list of extents.
 * Whatever they are, what comes out must keep the promises of the headers.
 */
#include <stdlib.h>
#include <string.h>

#include "blk_client_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void
fuzz_gate(const uint8_t *data, size_t size)
{
	struct {
		uint8_t op, slot_shift;
		uint16_t status;
		uint32_t len, payload;
	} in;
	struct link_req req = { 0 };
	struct link_cqe cqe = { 0 };
	uint32_t slot;

	if (size < sizeof(in))
		return;
	memcpy(&in, data, sizeof(in));
	slot = 4096u << in.slot_shift % 7;
	req.op = in.op;
	req.len = in.len;
	cqe.status = in.status;
	cqe.payload = in.payload;
	if (blk_reply_gate(&req, &cqe, slot) != 0)
		return;
	CHECK(cqe.payload <= slot);
	CHECK(cqe.status == BLK_OK || cqe.payload == 0);
	CHECK(cqe.status != BLK_OK || req.op != BLK_READ || cqe.payload == req.len);
}

static void
fuzz_info(const uint8_t *data, size_t size)
{
	struct blk_export_info raw = { 0 };
	struct blk_disk_info info;
	const char *p;

	memcpy(&raw, data, size < sizeof(raw) ? size : sizeof(raw));
	if (!blk_reply_info(&raw, &info))
		return;
	CHECK(strnlen(info.name, sizeof(info.name)) < sizeof(info.name));
	CHECK(strnlen(info.desc, sizeof(info.desc)) < sizeof(info.desc));
	CHECK(info.name[0] != '\0' && strcmp(info.name, ".") != 0 && strcmp(info.name, "..") != 0);
	for (p = info.name; *p != '\0'; p++)
		CHECK(*p >= 0x20 && *p < 0x7f && *p != '/');
	for (p = info.desc; *p != '\0'; p++)
		CHECK(*p >= 0x20 && *p < 0x7f);
	CHECK(info.size <= BLK_OFF_MAX);
	CHECK(info.mtime <= INT64_MAX / 2 && info.ctime <= INT64_MAX / 2);
	CHECK(info.block_min != 0 && info.block_pref != 0 && info.block_max >= info.block_min);
}

static void
fuzz_extents(const uint8_t *data, size_t size)
{
	uint64_t pos, start, end;
	int ret;

	if (size < 16)
		return;
	memcpy(&start, data, 8);
	memcpy(&end, data + 8, 8);
	pos = start;
	ret = blk_extents_seek(data + 16, size - 16, size & 1, &pos, end);
	CHECK(ret == 0 || ret == 1 || ret == -71 /* EPROTO */);
	CHECK(pos >= start);
	CHECK(start >= end ? pos == start : pos <= end);
	CHECK(ret != 1 || pos < end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		fuzz_gate(data + 1, size - 1);
		break;
	case 1:
		fuzz_info(data + 1, size - 1);
		break;
	default:
		fuzz_extents(data + 1, size - 1);
		break;
	}
	return 0;
}
