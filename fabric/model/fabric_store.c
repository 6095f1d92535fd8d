/* SPDX-License-Identifier: BSD-3-Clause */
/* BAR 0: stores into the DMBs of others, and direct windows, which follow the same rules. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base_shared.h"
#include "fabric_guard.h"
#include "fabric_priv.h"

struct data_write {
	uint8_t *dst; /* aligned to a word, or to the part of one */
	const uint8_t *src; /* any alignment */
	size_t len; /* whole words, or a part of one: 1, 2 or 4 */
	bool reversed;
};

/* A part of a word, which only QEMU stores, with its bytes reversed. One store each: atomic too. */
static void
data_part(const struct data_write *wr)
{
	uint32_t half;
	uint16_t quarter;

	if (wr->len == sizeof(half)) {
		memcpy(&half, wr->src, sizeof(half));
		atomic_store_explicit(base_shared((uint32_t *)(void *)wr->dst),
				      __builtin_bswap32(half), memory_order_relaxed);
	} else if (wr->len == sizeof(quarter)) {
		memcpy(&quarter, wr->src, sizeof(quarter));
		atomic_store_explicit(base_shared((uint16_t *)(void *)wr->dst),
				      __builtin_bswap16(quarter), memory_order_relaxed);
	} else {
		atomic_store_explicit(base_shared(wr->dst), *wr->src, memory_order_relaxed);
	}
}

/*
 * Aligned 8-byte words in ascending order. The fence in front orders this store behind the ones
 * before it. The last word's release, and that of the signal bit behind it, pair with the acquire
 * loads with which the owner polls its DMB. One word alone is atomic, as SPEC-ism section 7.5
 * allows to assume; nothing else is.
 */
static void
data_body(void *arg)
{
	const struct data_write *wr = arg;
	uint64_t *dst = (uint64_t *)(void *)wr->dst, word;
	size_t i;

	atomic_thread_fence(memory_order_release);
	if (wr->len < sizeof(word))
		data_part(wr);
	for (i = 0; i < wr->len / sizeof(word); i++) {
		memcpy(&word, wr->src + i * sizeof(word), sizeof(word));
		if (wr->reversed)
			word = __builtin_bswap64(word);
		atomic_store_explicit(base_shared(&dst[i]), word, memory_order_relaxed);
	}
	atomic_thread_fence(memory_order_release);
}

/* Length and alignment: what the instruction itself refuses. */
static int
store_shape(const struct fabric_fn *fn, const struct ism_addr *addr, size_t len)
{
	if (len == 0)
		return addr->sf ? 0 : -EINVAL;
	/* QEMU also passes plain PCI stores on, which may be shorter than a word. */
	if (fn->quirk && len < ISM_STORE_ALIGN)
		return (len & (len - 1)) == 0 && addr->offset % len == 0 ? 0 : -EINVAL;
	/* It cuts a store block into pieces of 8 bytes. */
	if (len < (fn->quirk ? ISM_STORE_ALIGN : ISM_STORE_MIN) || len > fn->maxstbl)
		return -EINVAL;
	if ((len | addr->offset) % ISM_STORE_ALIGN != 0)
		return -EINVAL;
	if (addr->offset % ISM_PAGE_SIZE + len > ISM_PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* The DMB with that token, when fn may write there now; else NULL. */
static struct fabric_dmb *
store_target(const struct fabric_fn *fn, uint64_t token)
{
	struct fabric_dmb *dmb = fabric_dmb_by_token(fn->fab, token);

	/* DMBs of an owner that is ending stay usable until its task reaches them. */
	return dmb != NULL && dmb->usable && dmb->user == fn && dmb->owner->state == FABRIC_ATTACHED
		       ? dmb
		       : NULL;
}

static int
store_data(struct fabric_fn *fn, const struct ism_addr *addr, const uint8_t *buf, size_t len)
{
	struct fabric_dmb *dmb = store_target(fn, addr->token);
	struct data_write wr = {
		.src = buf,
		.len = len,
		.reversed = fn->quirk,
	};

	if (dmb == NULL || addr->idx >= ISM_DMBE_COUNT)
		return -EIO;
	/* offset has 23 bits and len at most 4096: no overflow. */
	if (addr->offset + len > dmb->len)
		return -EIO;
	if (len > 0) {
		wr.dst = dmb->pages[addr->offset / ISM_PAGE_SIZE] + addr->offset % ISM_PAGE_SIZE;
		if (fabric_guarded(data_body, &wr) < 0) {
			if (fabric_log_due(&dmb->owner->vanished))
				FABRIC_LOG(ERR,
					   "%s: the memory of its DMB 0x%016" PRIx64
					   " has vanished",
					   dmb->owner->name, dmb->token);
			fabric_dmb_revoke(dmb, ISM_EVENT_DMB_OWNER_ERROR, false);
			return -EIO;
		}
	}
	if (addr->sf)
		fabric_signal(dmb->owner, dmb->idx, addr->idx);
	return 0;
}

int
fabric_data_store(struct fabric_fn *fn, uint64_t off, const uint8_t *buf, size_t len)
{
	struct ism_addr addr = ism_addr_decode(off);
	int ret;

	if (off >= FABRIC_BAR0_SIZE)
		return -EINVAL;
	ret = store_shape(fn, &addr, len);
	if (ret == 0)
		ret = fabric_fault_store(fn);
	if (ret == 0)
		ret = store_data(fn, &addr, buf, len);
	if (ret < 0) {
		fn->stats.store_errors++;
		return ret;
	}
	fn->stats.stores++;
	fn->stats.store_bytes += len;
	return 0;
}

/*
 * May this file be given to the peer? Only when it holds the DMB and nothing else, for the peer
 * could read and write all of it, and when it cannot shrink, for that would kill the peer.
 */
static bool
file_shareable(const struct fabric_dmb *dmb)
{
	const struct fabric_file *file = dmb->range.file;
	struct stat st;
	int seals;

	if (file == NULL || dmb->range.fd_off != 0)
		return false;
	if (fstat(file->fd, &st) < 0 || st.st_size != (off_t)dmb->len)
		return false;
	seals = fcntl(file->fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

int
fabric_fn_direct(struct fabric_fn *fn, uint64_t token, struct fabric_direct *direct)
{
	struct fabric *fab = fn->fab;
	struct fabric_dmb *dmb;

	if (fabric_fn_busy(fn))
		return -EAGAIN;
	if (fn->state == FABRIC_DETACHED)
		return -ENODEV;
	if (fn->state == FABRIC_ERROR)
		return -EIO;
	dmb = store_target(fn, token);
	if (dmb == NULL)
		return -EIO;
	if (!fab->direct || fab->grants == NULL || fabric_fault_counts_stores(fn) ||
	    !file_shareable(dmb))
		return -EOPNOTSUPP;
	*direct = (struct fabric_direct){
		.mem_fd = dmb->range.file->fd,
		.mem_off = dmb->range.fd_off,
		.len = dmb->len,
		.grant_fd = fab->grant_fd,
		.grant_off = (uint32_t)((token >> ISM_ADDR_TOKEN_SHIFT) * sizeof(uint64_t)),
		.generation = dmb->generation,
	};
	fn->stats.directs++;
	return 0;
}
