/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copy behind a direct store. A reader on the other side polls memory, so each aligned
 * 8-byte word must arrive whole (SPEC-ism section 7.5): memcpy() does not promise that.
 */
#ifndef ISM_COPY_H
#define ISM_COPY_H

#include <stdint.h>
#include <string.h>

#include <rte_common.h>

#include "base_shared.h"

#if defined(RTE_ARCH_X86_64) || defined(RTE_ARCH_ARM64)
#define ISM_COPY_VECTOR 1
/*
 * 16-byte moves. Each 8-byte half that is aligned stays whole: ARMv8 says so, on x86-64 no
 * processor is known that splits it, and a half never crosses a cache line. `volatile` keeps
 * the compiler from merging the moves into a call of memcpy().
 */
typedef uint64_t ism_vec_dst __attribute__((vector_size(16), aligned(8), may_alias));
typedef uint64_t ism_vec_src __attribute__((vector_size(16), aligned(1), may_alias));

/*
 * The reader took lines that we are about to write into its own cache. To ask for them a while
 * ahead hides what each would make the copy wait. A line beyond the end of a long copy is likely
 * the next one's; short copies fit the store buffer and need none. The instruction is a hint:
 * processors that do not know it skip it.
 */
#define ISM_COPY_AHEAD 1024 /* bytes */

static inline void
ism_copy_ahead(const uint8_t *dst)
{
#ifdef RTE_ARCH_X86_64
	__asm__ volatile("prefetchw %0" : : "m"(dst[ISM_COPY_AHEAD]));
#else
	__builtin_prefetch(dst + ISM_COPY_AHEAD, 1);
#endif
}

static inline size_t
ism_copy_blocks(uint8_t *dst, const uint8_t *src, size_t len)
{
	size_t i;

	for (i = 0; i + 64 <= len; i += 64) {
		ism_vec_dst a = *(const ism_vec_src *)(src + i);
		ism_vec_dst b = *(const ism_vec_src *)(src + i + 16);
		ism_vec_dst c = *(const ism_vec_src *)(src + i + 32);
		ism_vec_dst d = *(const ism_vec_src *)(src + i + 48);

		if (len >= ISM_COPY_AHEAD)
			ism_copy_ahead(dst + i);
		*(volatile ism_vec_dst *)(dst + i) = a;
		*(volatile ism_vec_dst *)(dst + i + 16) = b;
		*(volatile ism_vec_dst *)(dst + i + 32) = c;
		*(volatile ism_vec_dst *)(dst + i + 48) = d;
	}
	return i;
}
#else
static inline size_t
ism_copy_blocks(uint8_t *dst, const uint8_t *src, size_t len)
{
	RTE_SET_USED(dst);
	RTE_SET_USED(src);
	RTE_SET_USED(len);
	return 0;
}
#endif

/*
 * Copy len bytes (a multiple of 8) to dst (8-byte aligned), ascending.
 *
 * The fence makes everything that this thread stored before visible before any byte of this
 * copy: its partner is the acquire load with which the peer finds the later of the two
 * stores (a descriptor after its payload). No fence is needed behind the copy: the next
 * store brings its own.
 */
static inline void
ism_copy_words(void *dst, const void *src, size_t len)
{
	uint8_t *to = dst;
	const uint8_t *from = src;
	uint64_t word;
	size_t i;

	atomic_thread_fence(memory_order_release);
	for (i = ism_copy_blocks(to, from, len); i < len; i += sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		atomic_store_explicit(base_shared((uint64_t *)(to + i)), word,
				      memory_order_relaxed);
	}
}

#endif
