/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C by the processor's own instruction where there is one (rte_hash_crc). */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

/*
 * CRC32C (Castagnoli, reflected, initial value and final xor all ones), continued from `crc`, 0
 * at first. rte_hash_crc() itself takes words in host order, so a big-endian machine would get
 * another sum for the same bytes; here each word is made little-endian first: x86 and s390x agree.
 */
static inline uint32_t
base_crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;

	crc = ~crc;
	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		crc = rte_hash_crc_8byte(rte_le_to_cpu_64(word), crc);
	}
	for (; len != 0; p++, len--)
		crc = rte_hash_crc_1byte(*p, crc);
	return ~crc;
}

#endif
