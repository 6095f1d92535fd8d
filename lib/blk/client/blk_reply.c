/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate for what a server answers (SPEC-blk sections 4 and 7): lengths of answers, and the
 * records of LIST. Behind it, an answer fits its request and a disk's name is safe as a file's
 * name.
 */
#include "blk_client_priv.h"

#include <errno.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>

#include "base_text.h"

#define KNOWN_FLAGS                                                                                \
	(BLK_INFO_READ_ONLY | BLK_INFO_FLUSH | BLK_INFO_FUA | BLK_INFO_DISCARD |                   \
	 BLK_INFO_WRITE_ZEROES | BLK_INFO_FAST_ZERO | BLK_INFO_EXTENTS | BLK_INFO_ROTATIONAL |     \
	 BLK_INFO_COPY)

int
blk_reply_gate(const struct link_req *req, const struct link_cqe *cqe, uint32_t slot_size)
{
	if (cqe->payload > slot_size)
		return -EPROTO;
	/* An error carries no payload. */
	if (cqe->status != BLK_OK)
		return cqe->payload == 0 ? 0 : -EPROTO;
	switch (req->op) {
	case BLK_READ:
		return cqe->payload == req->len ? 0 : -EPROTO;
	case BLK_BLOCK_STATUS:
		if (cqe->payload == 0)
			return -EPROTO;
		return cqe->payload % sizeof(struct blk_extent) == 0 ? 0 : -EPROTO;
	case BLK_LIST:
		return cqe->payload % sizeof(struct blk_export_info) == 0 ? 0 : -EPROTO;
	case BLK_IDENTIFY:
		return cqe->payload == sizeof(struct blk_export_info) ? 0 : -EPROTO;
	default:
		return cqe->payload == 0 ? 0 : -EPROTO;
	}
}

/* A name that can stand in a folder: printable, one path component, not "." or "..". */
static bool
take_name(char dst[BLK_NAME_MAX], const char src[BLK_NAME_MAX])
{
	char *p;

	if (memchr(src, '\0', BLK_NAME_MAX) == NULL)
		return false;
	base_text_clean(dst, BLK_NAME_MAX, src, BLK_NAME_MAX);
	for (p = dst; *p != '\0'; p++) {
		if (*p == '/')
			*p = '?';
	}
	if (strcmp(dst, ".") == 0 || strcmp(dst, "..") == 0)
		memset(dst, '?', strlen(dst));
	return dst[0] != '\0';
}

/* A power of two that a block size may be (no io is longer than BLK_IO_MAX), or dflt. */
static uint32_t
take_block(uint32_t value, uint32_t dflt)
{
	return value <= BLK_IO_MAX && rte_is_power_of_2(value) ? value : dflt;
}

/* Any time is good, as long as it can be counted on from. */
static uint64_t
take_time(rte_be64_t raw)
{
	return RTE_MIN(rte_be_to_cpu_64(raw), (uint64_t)INT64_MAX / 2);
}

bool
blk_reply_info(const struct blk_export_info *raw, struct blk_disk_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!take_name(info->name, raw->name))
		return false;
	base_text_clean(info->desc, sizeof(info->desc), raw->desc, sizeof(raw->desc));
	info->size = rte_be_to_cpu_64(raw->size);
	if (info->size > BLK_OFF_MAX)
		return false;
	info->flags = rte_be_to_cpu_32(raw->flags) & KNOWN_FLAGS;
	info->unit = rte_be_to_cpu_16(raw->unit);
	info->block_min = take_block(rte_be_to_cpu_32(raw->block_min), 1);
	info->block_pref = take_block(rte_be_to_cpu_32(raw->block_pref), 4096);
	info->block_max = rte_be_to_cpu_32(raw->block_max);
	if (info->block_max < info->block_min)
		info->block_max = BLK_IO_MAX;
	info->generation = rte_be_to_cpu_32(raw->generation);
	memcpy(info->id, raw->id, sizeof(info->id));
	info->mtime = take_time(raw->mtime);
	info->ctime = take_time(raw->ctime);
	return true;
}

int
blk_extents_seek(const void *payload, size_t len, bool hole, uint64_t *pos, uint64_t end)
{
	const uint8_t *p = payload;
	struct blk_extent e;
	uint64_t bytes;

	for (; len >= sizeof(e) && *pos < end; p += sizeof(e), len -= sizeof(e)) {
		memcpy(&e, p, sizeof(e));
		bytes = rte_be_to_cpu_64(e.len);
		if (bytes == 0)
			return -EPROTO;
		if (((rte_be_to_cpu_32(e.flags) & BLK_EXTENT_ZERO) != 0) == hole)
			return 1;
		*pos += RTE_MIN(bytes, end - *pos);
	}
	return 0;
}
