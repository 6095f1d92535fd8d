/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of messages: their headers, and contents that both ends know (SPEC-test). Any thread. */
#ifndef PROBE_CONTENTS_H
#define PROBE_CONTENTS_H

#include <stdint.h>

/*
 * Headers of `count` messages of `size` bytes into a payload, the first with number seq. None where
 * there is one message alone.
 */
void probe_messages_head(uint8_t *payload, uint32_t size, uint32_t count, uint64_t seq);
/* Where message i of `count` begins in the payload. */
uint32_t probe_message_place(uint32_t size, uint32_t count, uint32_t i);

/* What verify sends as message seq. */
void probe_contents_make(uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq);
/*
 * Is it that? Memory of a peer may change while it is looked at: then the answer is that of some
 * moment.
 * @return the place of the first wrong byte, or `size`.
 */
uint32_t probe_contents_check(const uint8_t *p, uint32_t size, uint64_t seed, uint64_t seq);

#endif
