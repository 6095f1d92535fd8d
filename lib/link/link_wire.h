/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the link protocol puts into events and DMBs (docs/SPEC-link.md). Every field is big-endian.
 * Nothing here is believed: link_gate.c turns it into native, checked values.
 */
#ifndef LINK_WIRE_H
#define LINK_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#define LINK_WIRE_SIZE(name, bytes) static_assert(sizeof(struct name) == (bytes), #name)

#define LINK_VERSION_MIN 1 /* range of protocol versions that this code speaks */
#define LINK_VERSION_MAX 1

/* --- SPEC-link section 3: the event ---
 *
 *	code  31            16 15       8 7        0
 *	      +---------------+----------+----------+
 *	      | magic 0x4953  | version  |    op    |
 *	      +---------------+----------+----------+
 *	info  63                       40 39     32 31                 0
 *	      +--------------------------+---------+--------------------+
 *	      | token >> 24 of the DMB   | service |       nonce        |
 *	      +--------------------------+---------+--------------------+
 */
#define LINK_EVENT_MAGIC 0x4953u
#define LINK_EVENT_VERSION 1u
#define LINK_EVENT_OP_CALL 1u
#define LINK_EVENT_CODE(op) (LINK_EVENT_MAGIC << 16 | LINK_EVENT_VERSION << 8 | (op))
#define LINK_TOKEN_SHIFT 24
#define LINK_TOKEN_BITS 24 /* significant bits of a token, above the shift */

/* A token that fits the event: below 2^48, its low 24 bits 0, and not 0. */
static inline int
link_token_ok(uint64_t token)
{
	return token != 0 && token >> (LINK_TOKEN_SHIFT + LINK_TOKEN_BITS) == 0 &&
	       (token & ((UINT64_C(1) << LINK_TOKEN_SHIFT) - 1)) == 0;
}

static inline uint64_t
link_event_info(uint64_t token, uint8_t service, uint32_t nonce)
{
	return token >> LINK_TOKEN_SHIFT << 40 | (uint64_t)service << 32 | nonce;
}

/* --- SPEC-link section 2.1: control DMB --- offsets; the DMB's owner reads, its peer writes. */
#define LINK_CTRL_SIZE 16384u
#define LINK_CTRL_BEAT 0u /* struct link_wire_beat */
#define LINK_CTRL_CLOSE 64u /* block: struct link_wire_close */
#define LINK_CTRL_HELLO 1024u /* block: struct link_wire_hello; initiator's DMB only */
#define LINK_CTRL_SETUP 4096u /* block: CONNECT (listener's DMB), ACCEPT (initiator's) */
#define LINK_CTRL_HELLO_SIZE (LINK_CTRL_SETUP - LINK_CTRL_HELLO)
#define LINK_CTRL_SETUP_SIZE (LINK_CTRL_SIZE - LINK_CTRL_SETUP)

/* SPEC-link section 6: stored in one piece; each word is atomic by itself. */
struct link_wire_beat {
	rte_be64_t count; /* 1, 2, 3, ... */
	rte_be64_t notice; /* changes of the notice << 32 | the notice */
};
LINK_WIRE_SIZE(link_wire_beat, 16);

/* SPEC-link section 4: the body is stored first, then this. */
enum link_block_type {
	LINK_BLOCK_HELLO = 1,
	LINK_BLOCK_CONNECT = 2,
	LINK_BLOCK_ACCEPT = 3,
	LINK_BLOCK_CLOSE = 4,
};

struct link_wire_block {
	uint8_t type; /* enum link_block_type */
	uint8_t reserved; /* 0 */
	rte_be16_t len; /* bytes of the body, a multiple of 8, at least 16 */
	rte_be32_t crc; /* CRC32C of this header with crc = 0, then of the body */
	rte_be64_t nonce; /* of the session */
};
LINK_WIRE_SIZE(link_wire_block, 16);

/* SPEC-link section 4.6: answers of a listener, and reasons of a CLOSE. */
enum link_status {
	LINK_STATUS_OK = 0,
	LINK_STATUS_REFUSED = 1,
	LINK_STATUS_NO_SERVICE = 2,
	LINK_STATUS_VERSION = 3,
	LINK_STATUS_BUSY = 4,
	LINK_STATUS_MALFORMED = 5,
	LINK_STATUS_MEMORY = 6,
	/* CLOSE only */
	LINK_STATUS_CLOSED = 16,
	LINK_STATUS_SILENT = 17,
	LINK_STATUS_PROTOCOL = 18,
	LINK_STATUS_REPLACED = 19,
	LINK_STATUS_BROKEN = 20,
};

#define LINK_WIRE_TEXT 96 /* bytes of text, NUL-padded */

struct link_wire_hello {
	rte_be16_t version_min, version_max;
	rte_be16_t status; /* enum link_status; not OK: nothing below but reason is set */
	rte_be16_t service;
	rte_be32_t features; /* offered */
	rte_be32_t keepalive_ms; /* the listener's interval */
	uint8_t boot[16];
	rte_be64_t process;
	rte_be64_t ctrl_token; /* the listener's control DMB, LINK_CTRL_SIZE bytes */
	rte_be16_t queues_max, depth_max;
	rte_be32_t slot_max;
	char reason[LINK_WIRE_TEXT];
};
LINK_WIRE_SIZE(link_wire_hello, 152);

/* SPEC-link section 4.4: DMBs of one side. */
struct link_wire_mem {
	rte_be64_t ring_token;
	rte_be32_t ring_len; /* queues * ring stride */
	rte_be32_t dmb_len; /* bytes of a full data DMB, a multiple of slot_size */
	rte_be32_t dmb_count; /* of all queues; as many tokens follow */
	rte_be32_t reserved; /* 0 */
};
LINK_WIRE_SIZE(link_wire_mem, 24);

struct link_wire_connect {
	rte_be16_t version; /* chosen */
	rte_be16_t service;
	rte_be32_t features; /* agreed */
	rte_be32_t keepalive_ms; /* the initiator's interval */
	rte_be32_t slot_size;
	rte_be16_t queues, depth;
	rte_be32_t reserved; /* 0 */
	uint8_t boot[16];
	rte_be64_t process;
	struct link_wire_mem mem;
	rte_be64_t token[]; /* data DMBs: those of queue 0, of queue 1, ... */
};
LINK_WIRE_SIZE(link_wire_connect, 72);

struct link_wire_accept {
	rte_be16_t status; /* enum link_status; not OK: mem is all 0, no tokens */
	rte_be16_t reserved; /* 0 */
	rte_be32_t reserved2; /* 0 */
	char reason[LINK_WIRE_TEXT];
	struct link_wire_mem mem;
	rte_be64_t token[];
};
LINK_WIRE_SIZE(link_wire_accept, 128);

struct link_wire_close {
	rte_be16_t status; /* enum link_status */
	rte_be16_t reserved; /* 0 */
	rte_be32_t reserved2; /* 0 */
	char reason[LINK_WIRE_TEXT];
};
LINK_WIRE_SIZE(link_wire_close, 104);

#define LINK_TOKENS_MAX 1024u /* data DMBs of one side of a session */
static_assert(sizeof(struct link_wire_block) + sizeof(struct link_wire_accept) +
			      LINK_TOKENS_MAX * sizeof(rte_be64_t) <=
		      LINK_CTRL_SETUP_SIZE,
	      "a set-up block with all tokens fits its place");
static_assert(sizeof(struct link_wire_block) + sizeof(struct link_wire_hello) <=
		      LINK_CTRL_HELLO_SIZE,
	      "HELLO fits its place");
static_assert(LINK_CTRL_CLOSE + sizeof(struct link_wire_block) + sizeof(struct link_wire_close) <=
		      LINK_CTRL_HELLO,
	      "CLOSE fits its place");

/* --- SPEC-link section 5: rings ---
 *
 * A descriptor is 4 words; bits 63..56 of each hold the tag of the lap.
 *
 *	request      55      48 47      40 39          24 23           8 7    0
 *	word 0       +---------+----------+--------------+--------------+------+
 *	             |   op    |  flags   |      id      |     unit     |   0  |
 *	             +---------+----------+--------------+--------------+------+
 *	word 1       |                       off (56 bits)                     |
 *	word 2       |    payload (24 bits)    |          len (32 bits)        |
 *	word 3       |         0               |          crc (32 bits)        |
 *
 *	completion   55          40 39      32 31          16 15              0
 *	word 0       +-------------+----------+--------------+----------------+
 *	             |     id      |  flags   |    status    |        0       |
 *	             +-------------+----------+--------------+----------------+
 *	word 1       |    payload (24 bits)    |        result (32 bits)       |
 *	word 2       |         0               |          crc (32 bits)        |
 *	word 3       |                            0                            |
 */
#define LINK_DESC_WORDS 4u
#define LINK_DESC_SIZE 32u
#define LINK_TAG_SHIFT 56
#define LINK_TAG_COUNT 255u /* tags are 1..255; a ring starts with 0 in all places */
#define LINK_WORD_MASK ((UINT64_C(1) << LINK_TAG_SHIFT) - 1)
#define LINK_RING_ALIGN 4096u /* each ring starts on a page of its DMB */

/* Bytes from one queue's ring to the next. */
static inline uint32_t
link_ring_stride(uint32_t depth)
{
	return (depth * LINK_DESC_SIZE + LINK_RING_ALIGN - 1) / LINK_RING_ALIGN * LINK_RING_ALIGN;
}

#endif
