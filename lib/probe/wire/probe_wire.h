/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the TEST service puts into descriptors and slots (docs/SPEC-test.md). Every number is
 * big-endian. Nothing here is believed: probe_gate.c turns it into checked, native values.
 */
#ifndef PROBE_WIRE_H
#define PROBE_WIRE_H

#include <assert.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define PROBE_WIRE_SIZE(name, bytes) static_assert(sizeof(struct name) == (bytes), #name)

/* --- SPEC-test section 3: requests --- */
enum probe_op {
	PROBE_BEGIN = 1,
	PROBE_END = 2,
	PROBE_ECHO = 3,
	PROBE_MESSAGES = 4,
	PROBE_VERIFY = 5,
	PROBE_NOP = 6,
	PROBE_READ = 7,
	PROBE_WRITE = 8,
};

/* --- SPEC-test section 4: responses --- */
enum probe_status {
	PROBE_OK = 0,
	PROBE_NO_MODE = 1, /* BEGIN: this side does not know the mode */
	PROBE_NO_MEMORY = 2, /* BEGIN */
	PROBE_MISMATCH = 3, /* VERIFY: contents differ; result is the offset in the payload */
};

/* --- SPEC-test section 2: modes --- */
enum probe_mode_id {
	PROBE_MODE_PING = 1,
	PROBE_MODE_STREAM = 2,
	PROBE_MODE_VERIFY = 3,
	PROBE_MODE_FLOOD = 4,
	PROBE_MODE_IO = 5,
};

#define PROBE_BEGIN_COPY (1u << 0) /* the receiver copies each message into memory of its own */
#define PROBE_BEGIN_FLAGS PROBE_BEGIN_COPY

/* --- SPEC-test section 3.1, BEGIN: request payload --- */
struct probe_wire_begin {
	rte_be16_t mode;
	rte_be16_t flags;
	rte_be32_t size; /* bytes of a message */
	rte_be16_t burst; /* most messages of one request */
	rte_be16_t window; /* most requests open at once */
	rte_be32_t reserved; /* 0 */
	rte_be64_t seed; /* of VERIFY's contents */
	rte_be64_t reserved2; /* 0 */
};
PROBE_WIRE_SIZE(probe_wire_begin, 32);

/* --- SPEC-test section 3.2, END: response payload, what the receiver counted since BEGIN --- */
struct probe_wire_report {
	rte_be64_t requests;
	rte_be64_t messages;
	rte_be64_t bytes;
	rte_be64_t mismatches;
	rte_be64_t polls; /* looks into the request ring ... */
	rte_be64_t polls_empty; /* ... of those, with nothing new */
};
PROBE_WIRE_SIZE(probe_wire_report, 48);

/* --- SPEC-test section 3.3 --- one before each of several messages, at a multiple of 8 */
struct probe_wire_message {
	rte_be32_t len; /* bytes behind this */
	rte_be32_t seq; /* the message's number, modulo 2^32 */
};
PROBE_WIRE_SIZE(probe_wire_message, 8);

/* That as one word, as it lies in memory. */
static inline uint64_t
probe_message_head(uint32_t len, uint64_t seq)
{
	return rte_cpu_to_be_64((uint64_t)len << 32 | (uint32_t)seq);
}

/* Bytes that one message takes among several. */
static inline uint32_t
probe_stride(uint32_t size)
{
	return (uint32_t)sizeof(struct probe_wire_message) + ((size + 7) & ~7u);
}

/* Bytes of payload of `count` messages: alone it is the message itself. */
static inline uint32_t
probe_packed_len(uint32_t size, uint32_t count)
{
	return count == 1 ? size : count * probe_stride(size);
}

#define PROBE_DISK_SIZE (4u << 20) /* bytes that READ and WRITE reach */
#define PROBE_SIZE_MAX (256u << 10) /* bytes of a message */
#define PROBE_BURST_MAX 4096u
#define PROBE_WINDOW_MAX 256u
#define PROBE_SEQ_MASK ((UINT64_C(1) << 56) - 1) /* what `off` of a request holds */

#endif
