/* SPDX-License-Identifier: BSD-3-Clause */
/* GIDs that nobody assigned: the software fabric makes them from a name. */
#ifndef ISM_GID_H
#define ISM_GID_H

#include <stdint.h>

/*
 * The GID that belongs to a name: FNV-1a of its bytes (64 bit, offset basis
 * 0xcbf29ce484222325, prime 0x100000001b3), then x ^= x >> 32; 0 becomes 1. The same at
 * every start and on every machine, and never 0.
 */
static inline uint64_t
ism_gid_from_name(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++) {
		hash ^= (uint8_t)*name;
		hash *= UINT64_C(0x100000001b3);
	}
	hash ^= hash >> 32;
	return hash != 0 ? hash : 1;
}

#endif
