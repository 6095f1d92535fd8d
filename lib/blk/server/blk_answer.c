/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that no engine is needed for: LIST, IDENTIFY; BLOCK_STATUS, in the helper's thread. */
#include <errno.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_time.h"
#include "blk_server_priv.h"

/* The search for extents stops soon after this long; the client asks again from where it ended. */
#define EXTENTS_NS (200 * BASE_NS_PER_US)

uint32_t
blk_answer_identify(const struct blk_server *srv, uint16_t unit, void *buf)
{
	blk_export_info(blk_export_of(srv, unit), srv->conf.slot_max, buf);
	return sizeof(struct blk_export_info);
}

uint32_t
blk_answer_list(const struct blk_server *srv, const struct blk_session *s, uint64_t index,
		void *buf, uint32_t size, uint32_t *count)
{
	struct blk_export_info *info = buf;
	uint32_t n = 0, seen = 0;

	for (uint32_t unit = 1; unit <= BLK_EXPORTS_MAX; unit++) {
		if (!blk_session_granted(s, unit))
			continue;
		if (seen++ >= index && (n + 1) * sizeof(*info) <= size)
			blk_export_info(blk_export_of(srv, unit), srv->conf.slot_max, &info[n++]);
	}
	*count = seen;
	return n * (uint32_t)sizeof(*info);
}

/* --- BLOCK_STATUS --- */

/*
 * The extent at pos, as far as `end`. lseek() has no asynchronous form: local file systems
 * answer it from memory in general; where it could wait for a network it is not called at all.
 */
static uint64_t
extent_at(int fd, uint64_t pos, uint64_t end, uint32_t *flags)
{
	off_t data = lseek(fd, (off_t)pos, SEEK_DATA);
	off_t hole;

	*flags = 0;
	if (data < 0 && errno == ENXIO)
		data = (off_t)end;
	if (data < 0)
		return end - pos;
	if ((uint64_t)data > pos) {
		*flags = BLK_EXTENT_HOLE | BLK_EXTENT_ZERO;
		return RTE_MIN((uint64_t)data, end) - pos;
	}
	hole = lseek(fd, (off_t)pos, SEEK_HOLE);
	/* Not behind pos: someone punched in between. It was data a moment ago. */
	if (hole < 0 || (uint64_t)hole <= pos)
		return end - pos;
	return RTE_MIN((uint64_t)hole, end) - pos;
}

uint32_t
blk_answer_extents(const struct blk_export *exp, uint64_t off, uint32_t len, void *buf,
		   uint32_t size)
{
	bool known = (atomic_load_explicit(&exp->flags, memory_order_relaxed) & BLK_INFO_EXTENTS);
	struct blk_extent *extent = buf;
	uint64_t stop = base_now_ns() + EXTENTS_NS;
	uint64_t pos = off, end = off + len, n_bytes;
	uint32_t n = 0, flags = 0;

	while (pos < end && (n + 1) * sizeof(*extent) <= size) {
		n_bytes = known ? extent_at(exp->fd, pos, end, &flags) : len;
		extent[n++] = (struct blk_extent){
			.len = rte_cpu_to_be_64(n_bytes),
			.flags = rte_cpu_to_be_32(flags),
		};
		pos += n_bytes;
		if (base_now_ns() > stop)
			break;
	}
	return n * (uint32_t)sizeof(*extent);
}
