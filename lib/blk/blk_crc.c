/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C by the processor's own instruction where there is one (rte_hash_crc). */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

#include "blk.h"

/*
 * rte_hash_crc() itself takes its words in host order, so a big-endian machine would get another
 * sum for the same bytes. Here each word is made little-endian first: x86 and s390x agree.
 */
uint32_t
blk_crc32c(uint32_t crc, const void *data, uint32_t len)
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
