/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one store function (DESIGN D3): a store into a DMB is checked against the rules of SPEC-ism
 * section 7 (ism_split.h) and split here, for every way to the device.
 */
#include <errno.h>

#include <rte_pause.h>

#include "base_shared.h"
#include "base_time.h"
#include "ism_addr.h"
#include "ism_copy.h"
#include "ism_fn.h"
#include "ism_split.h"

#define STORE_BATCH 64u /* pieces that go down in one call */
#define STORE_TRIES 5u /* more, for a piece that was refused */
#define STORE_PAUSE_NS 1000u /* before the first of them; then twice as long each time */

/* What a failed op means for the caller. */
static int
store_error(struct rte_pmd_ism_win *win, int ret)
{
	switch (ret) {
	case -EIO:
		base_count(&win->stats.err_access, 1);
		atomic_store_explicit(&win->fn->suspect, true, memory_order_relaxed);
		return ret;
	case -EINVAL:
		base_count(&win->stats.err_inval, 1);
		return ret;
	default:
		base_count(&win->stats.err_lost, 1);
		return ism_fn_lost(win->fn, ret);
	}
}

static void
store_count(struct rte_pmd_ism_win *win, uint32_t stores, uint32_t bytes, uint32_t syscalls)
{
	base_count(&win->stats.stores, stores);
	base_count(&win->stats.store_bytes, bytes);
	base_count(&win->stats.store_syscalls, syscalls);
}

/*
 * A direct window: the fabric zeroes the grant word when it revokes the DMB. Its release
 * store is the partner of this acquire load. A copy that is under way just then ends in memory that
 * the owner does not read any more and never uses again (rte_pmd_ism_dmb_register()).
 */
static bool
is_granted(const struct rte_pmd_ism_win *win)
{
	return atomic_load_explicit(base_shared(win->grant), memory_order_acquire) ==
	       win->generation;
}

static int
store_direct(struct rte_pmd_ism_win *win, uint32_t off, const void *src, uint32_t len)
{
	if (!is_granted(win))
		return store_error(win, -EIO);
	/* The peer promised more than it has: at the device this is a bad access. */
	if (off + len > win->mem_len)
		return store_error(win, -EIO);
	ism_copy_words(win->mem + off, src, len);
	store_count(win, ism_split_count(off, len, win->maxstbl), len, 0);
	return 0;
}

/* Cut off up to STORE_BATCH pieces. @return how many; *bytes is their sum. */
static unsigned int
store_pieces(const struct rte_pmd_ism_win *win, uint32_t off, const uint8_t *src, uint32_t len,
	     struct iovec *iov, uint32_t *bytes)
{
	uint32_t n, done = 0;
	unsigned int i;

	for (i = 0; i < STORE_BATCH && done < len; i++, done += n) {
		n = ism_split_next(off + done, len - done, win->maxstbl);
		/* An iovec has no const, but a store only reads. */
		iov[i].iov_base = (void *)(uintptr_t)(src + done);
		iov[i].iov_len = n;
	}
	*bytes = done;
	return i;
}

/* For microseconds: the caller is a polling thread. */
static void
pause_ns(uint64_t ns)
{
	uint64_t until = base_now_ns() + ns;

	while (base_now_ns() < until)
		rte_pause();
}

/*
 * One of these pieces was refused, which one is not known: store each, with some patience. One
 * that has taken effect already is stored again, which nobody can tell from storing it once: the
 * bytes and the place are the same, and nothing else has been stored since.
 * @return system calls made, or -errno.
 */
static int
store_again(struct rte_pmd_ism_win *win, uint64_t addr, const struct iovec *iov, unsigned int n)
{
	struct ism_fn *fn = win->fn;
	unsigned int i, tries;
	int ret, calls = 0;

	for (i = 0; i < n; i++) {
		for (tries = 0;; tries++) {
			ret = fn->ops->store(fn->bus, ISM_BAR_DATA, addr, iov[i].iov_base,
					     (uint32_t)iov[i].iov_len);
			if (ret != -EIO || tries == STORE_TRIES)
				break;
			base_count(&win->stats.store_retries, 1);
			pause_ns(STORE_PAUSE_NS << tries);
		}
		if (ret < 0)
			return ret;
		calls += ret;
		addr += iov[i].iov_len;
	}
	return calls;
}

static int
store_bus(struct rte_pmd_ism_win *win, uint32_t off, const uint8_t *src, uint32_t len)
{
	struct iovec iov[STORE_BATCH];
	struct ism_fn *fn = win->fn;
	unsigned int n;
	uint32_t bytes;
	uint64_t addr;
	int ret;

	for (; len > 0; off += bytes, src += bytes, len -= bytes) {
		n = store_pieces(win, off, src, len, iov, &bytes);
		addr = ism_addr_encode(win->token, 0, false, off);
		if (n == 1)
			ret = fn->ops->store(fn->bus, ISM_BAR_DATA, addr, src, bytes);
		else
			ret = fn->ops->storev(fn->bus, addr, iov, n);
		if (unlikely(ret == -EIO)) {
			base_count(&win->stats.store_retries, 1);
			ret = store_again(win, addr, iov, n);
		}
		if (ret < 0)
			return store_error(win, ret);
		store_count(win, n, bytes, (uint32_t)ret);
	}
	return 0;
}

int
rte_pmd_ism_store(struct rte_pmd_ism_win *win, uint32_t off, const void *src, uint32_t len)
{
	base_count(&win->stats.store_calls, 1);
	if (unlikely(ism_is_lost(win->fn)))
		return store_error(win, -ENODEV);
	if (unlikely(!ism_split_ok(off, len, win->len)))
		return store_error(win, -EINVAL);
	if (win->mem != NULL)
		return store_direct(win, off, src, len);
	return store_bus(win, off, src, len);
}

/* 64-bit: off and len are anything that the caller says. */
static bool
in_memory(const struct rte_pmd_ism_win *win, uint32_t off, uint32_t len)
{
	return win->mem != NULL && len > 0 &&
	       (uint64_t)off + len <= RTE_MIN(win->len, win->mem_len);
}

void *
rte_pmd_ism_win_mem(struct rte_pmd_ism_win *win, uint32_t off, uint32_t len)
{
	if (!in_memory(win, off, len) || ism_is_lost(win->fn) || !is_granted(win))
		return NULL;
	return win->mem + off;
}

int
rte_pmd_ism_win_placed(struct rte_pmd_ism_win *win, uint32_t off, uint32_t len)
{
	uint32_t stored = RTE_MAX(RTE_ALIGN_CEIL(len, (uint32_t)RTE_PMD_ISM_STORE_ALIGN),
				  (uint32_t)RTE_PMD_ISM_STORE_MIN);

	base_count(&win->stats.store_calls, 1);
	if (unlikely(ism_is_lost(win->fn)))
		return store_error(win, -ENODEV);
	if (unlikely(!in_memory(win, off, len)))
		return store_error(win, -EINVAL);
	if (unlikely(!is_granted(win)))
		return store_error(win, -EIO);
	store_count(win, ism_split_count(off, stored, win->maxstbl), len, 0);
	return 0;
}
