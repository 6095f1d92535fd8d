/* SPDX-License-Identifier: BSD-3-Clause */
/* SPEC-test section 3.3 and SPEC-test section 3.4. */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "probe_contents.h"
#include "probe_wire.h"

void
probe_messages_head(uint8_t *payload, uint32_t size, uint32_t count, uint64_t seq)
{
	uint32_t stride = probe_stride(size);

	if (count == 1)
		return;
	for (uint32_t i = 0; i < count; i++, payload += stride) {
		uint64_t word = probe_message_head(size, seq + i);

		memcpy(payload, &word, sizeof(word));
	}
}

uint32_t
probe_message_place(uint32_t size, uint32_t count, uint32_t i)
{
	if (count == 1)
		return 0;
	return i * probe_stride(size) + (uint32_t)sizeof(struct probe_wire_message);
}

/* Word i of message seq. */
static inline uint64_t
pattern(uint64_t seed, uint64_t seq, uint32_t i)
{
	uint64_t x = seed ^ (seq * UINT64_C(0x9e3779b97f4a7c15));

	x += (i + UINT64_C(1)) * UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 31;
	x *= UINT64_C(0x94d049bb133111eb);
	return rte_cpu_to_be_64(x ^ x >> 29);
}

void
probe_contents_make(uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq)
{
	uint32_t i = 0;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word), i++) {
		word = pattern(seed, seq, i);
		memcpy(p, &word, sizeof(word));
	}
	word = pattern(seed, seq, i);
	memcpy(p, &word, size);
}

uint32_t
probe_contents_check(const uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq)
{
	for (uint32_t off = 0; off < size; off += sizeof(uint64_t)) {
		uint32_t n = RTE_MIN(size - off, (uint32_t)sizeof(uint64_t));
		uint64_t want = pattern(seed, seq, off / (uint32_t)sizeof(want)), got = want;

		memcpy(&got, p + off, n);
		for (uint32_t i = 0; got != want && i < n; i++)
			if (((const uint8_t *)&got)[i] != ((const uint8_t *)&want)[i])
				return off + i;
	}
	return size;
}
