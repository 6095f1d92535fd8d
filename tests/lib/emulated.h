/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a cross build are run by qemu-user, which does not do all that a kernel does. A
 * test that needs more says with this what it leaves out there, and why.
 */
#ifndef EMULATED_H
#define EMULATED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Set by the build for tests that it runs through an emulator. */
static inline bool
emulated(void)
{
	return getenv("ISM_TEST_EMULATED") != NULL;
}

/*
 * What was read from an eventfd whose other user got it through a socket. qemu-user turns
 * the counter round for the program that made the descriptor, and not for the other one.
 */
static inline uint64_t
emulated_count(uint64_t n)
{
	return emulated() ? __builtin_bswap64(n) : n;
}

#endif
