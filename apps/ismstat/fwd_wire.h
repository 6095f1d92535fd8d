/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the TEST service puts into descriptors and slots (docs/SPEC-test.md; the section names here
 * are its own). Every number is big-endian. Nothing here is believed: fwd_gate.c turns it into
 * checked, native values.
 */
#ifndef FWD_WIRE_H
#define FWD_WIRE_H

#include <assert.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define FWD_WIRE_SIZE(name, bytes) static_assert(sizeof(struct name) == (bytes), #name)

/* --- "Requests" --- */
enum fwd_op {
	FWD_BEGIN = 1,
	FWD_END = 2,
	FWD_ECHO = 3,
	FWD_MESSAGES = 4,
	FWD_VERIFY = 5,
	FWD_NOP = 6,
	FWD_READ = 7,
	FWD_WRITE = 8,
};

/* --- "Responses" --- */
enum fwd_status {
	FWD_OK = 0,
	FWD_NO_MODE = 1, /* BEGIN: this side does not know the mode */
	FWD_NO_MEMORY = 2, /* BEGIN */
	FWD_MISMATCH = 3, /* VERIFY: contents differ; result is the offset in the payload */
};

/* --- "Modes" --- */
enum fwd_mode_id {
	FWD_MODE_PING = 1,
	FWD_MODE_STREAM = 2,
	FWD_MODE_VERIFY = 3,
	FWD_MODE_FLOOD = 4,
	FWD_MODE_IO = 5,
};

#define FWD_BEGIN_COPY (1u << 0) /* the receiver copies each message into memory of its own */
#define FWD_BEGIN_FLAGS FWD_BEGIN_COPY

/* --- "BEGIN": request payload --- */
struct fwd_wire_begin {
	rte_be16_t mode;
	rte_be16_t flags;
	rte_be32_t size; /* bytes of a message */
	rte_be16_t burst; /* most messages of one request */
	rte_be16_t window; /* most requests open at once */
	rte_be32_t reserved; /* 0 */
	rte_be64_t seed; /* of VERIFY's contents */
	rte_be64_t reserved2; /* 0 */
};
FWD_WIRE_SIZE(fwd_wire_begin, 32);

/* --- "END": response payload, what the receiver counted since BEGIN --- */
struct fwd_wire_report {
	rte_be64_t requests;
	rte_be64_t messages;
	rte_be64_t bytes;
	rte_be64_t mismatches;
	rte_be64_t polls; /* looks into the request ring ... */
	rte_be64_t polls_empty; /* ... of those, with nothing new */
};
FWD_WIRE_SIZE(fwd_wire_report, 48);

/* --- "Packed messages" --- one before each of several messages; each begins at a multiple of 8 */
struct fwd_wire_message {
	rte_be32_t len; /* bytes behind this */
	rte_be32_t seq; /* the message's number, modulo 2^32 */
};
FWD_WIRE_SIZE(fwd_wire_message, 8);

/* That as one word, as it lies in memory. */
static inline uint64_t
fwd_message_head(uint32_t len, uint64_t seq)
{
	return rte_cpu_to_be_64((uint64_t)len << 32 | (uint32_t)seq);
}

/* Bytes that one message takes among several. */
static inline uint32_t
fwd_stride(uint32_t size)
{
	return (uint32_t)sizeof(struct fwd_wire_message) + ((size + 7) & ~7u);
}

/* Bytes of payload of `count` messages: alone it is the message itself. */
static inline uint32_t
fwd_packed_len(uint32_t size, uint32_t count)
{
	return count == 1 ? size : count * fwd_stride(size);
}

#define FWD_DISK_SIZE (4u << 20) /* bytes that READ and WRITE reach */
#define FWD_SIZE_MAX (256u << 10) /* bytes of a message */
#define FWD_BURST_MAX 4096u
#define FWD_WINDOW_MAX 256u
#define FWD_SEQ_MASK ((UINT64_C(1) << 56) - 1) /* what `off` of a request holds */

#endif
