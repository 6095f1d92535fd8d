/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The console service: words shared by client and server (docs/SPEC-cons.md has every bit),
 * and the gate for what a peer asks.
 *
 * All fields of wire records are big-endian. Records lie in slots that the peer may change at
 * any time: copy one, check the copy, use the copy.
 */
#ifndef CONS_H
#define CONS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define CONS_NAME_MAX 64 /* bytes of a name, NUL included */
#define CONS_TERM_MAX 64
#define CONS_TEXT_MAX 96
#define CONS_CONSOLES_MAX 64
#define CONS_SIZE_MAX 1000 /* rows, columns */
#define CONS_UNITS_MAX 32 /* attachments of a session of version 2; the highest unit */
#define CONS_POS_MAX ((UINT64_C(1) << 56) - 1) /* of output and input positions */

/* Of HELLO and CONNECT: the session speaks version 2 of this service. */
#define CONS_FEATURE_UNITS (1u << 16)

enum cons_op {
	CONS_LIST = 1,
	CONS_ATTACH,
	CONS_READ,
	CONS_WRITE,
	CONS_RESIZE,
	CONS_BREAK,
	CONS_EOF,
	CONS_DETACH,
	CONS_OP_COUNT,
};

/* link_cqe.status */
enum cons_status {
	CONS_OK = 0,
	CONS_EINVAL,
	CONS_ENOENT,
	CONS_EACCES,
	CONS_EBUSY,
	CONS_EIO,
	CONS_EPERM,
	CONS_EGONE,
	CONS_ENOMEM,
	CONS_STATUS_COUNT,
};

/* link_cqe.flags of a READ's completion */
enum cons_kind {
	CONS_KIND_DATA = 0,
	CONS_KIND_EVENT = 1,
};

enum cons_event_type {
	CONS_EVENT_CUT = 1,
	CONS_EVENT_ENDED,
	CONS_EVENT_TAKEN,
	CONS_EVENT_DETACHED,
};
#define CONS_ENDED_SIGNAL 256 /* code of ENDED: plus the signal */
#define CONS_ENDED_HANGUP 512

struct cons_wire_size {
	rte_be16_t rows, cols, xpixel, ypixel;
};
static_assert(sizeof(struct cons_wire_size) == 8, "cons_wire_size");

#define CONS_INFO_DEVICE (1u << 0)
#define CONS_INFO_MAY_WRITE (1u << 1)
struct cons_wire_info {
	char name[CONS_NAME_MAX];
	char desc[CONS_TEXT_MAX];
	rte_be64_t instance;
	rte_be64_t writer; /* GID */
	rte_be64_t out_pos;
	rte_be32_t flags; /* CONS_INFO_* */
	rte_be32_t age, writer_age; /* s */
	rte_be16_t observers;
	rte_be16_t rows, cols;
	uint8_t reserved[6];
	rte_be64_t observer[4]; /* GIDs */
	uint8_t reserved2[16];
};
static_assert(sizeof(struct cons_wire_info) == 256, "cons_wire_info");

#define CONS_ATTACH_OBSERVE (1u << 0)
#define CONS_ATTACH_TAKE_OVER (1u << 1)
struct cons_wire_attach {
	char name[CONS_NAME_MAX];
	char term[CONS_TERM_MAX];
	rte_be64_t client;
	rte_be64_t instance;
	rte_be64_t out_pos;
	rte_be32_t flags; /* CONS_ATTACH_* */
	rte_be32_t history; /* bytes */
	struct cons_wire_size size;
	uint8_t reserved[24];
};
static_assert(sizeof(struct cons_wire_attach) == 192, "cons_wire_attach");

#define CONS_ATTACHED_DEVICE (1u << 0)
#define CONS_ATTACHED_WRITER (1u << 1)
#define CONS_ATTACHED_OWNED (1u << 2) /* with EBUSY: TAKE_OVER is of no use */
#define CONS_TOLD_HEAD (1u << 0) /* `head` is there: older servers have 0 in both */
struct cons_wire_attached {
	char name[CONS_NAME_MAX];
	char text[CONS_TEXT_MAX];
	rte_be64_t instance;
	rte_be64_t out_pos, in_pos;
	rte_be64_t lost;
	rte_be64_t writer; /* GID */
	rte_be32_t flags; /* CONS_ATTACHED_* */
	rte_be16_t unit;
	rte_be16_t reserved;
	rte_be64_t head; /* what READs bring from here on is said after this attachment */
	rte_be32_t told; /* CONS_TOLD_* */
	uint8_t reserved2[4];
};
static_assert(sizeof(struct cons_wire_attached) == 224, "cons_wire_attached");

struct cons_wire_event {
	rte_be32_t type; /* enum cons_event_type */
	rte_be32_t code;
	rte_be64_t value;
	rte_be64_t out_pos;
	char text[CONS_TEXT_MAX];
	uint8_t reserved[8];
};
static_assert(sizeof(struct cons_wire_event) == 128, "cons_wire_event");

struct link_req;
/*
 * The gate for the fixed part of a request (SPEC-cons section 7): op, flags, fields that shall be
 * 0, payload length; in version 2 the unit's range. Looks at nothing but its arguments; state, and
 * which unit there is in version 1, are the server's.
 * @return CONS_OK or CONS_EINVAL.
 */
enum cons_status cons_gate(const struct link_req *req, uint32_t slot_size, bool version2);

/* An attach record, checked and in host order. */
struct cons_attach {
	char name[CONS_NAME_MAX]; /* may be empty */
	char term[CONS_TERM_MAX]; /* may be empty */
	uint64_t client, instance, out_pos;
	uint32_t flags, history;
	uint16_t rows, cols, xpixel, ypixel; /* rows 0: unknown */
};
/* @param wire  a copy that nobody else changes. @return CONS_OK or CONS_EINVAL. */
enum cons_status cons_gate_attach(const struct cons_wire_attach *wire, struct cons_attach *out);
/* @return CONS_OK or CONS_EINVAL: rows and cols must be 1 .. CONS_SIZE_MAX. */
enum cons_status cons_gate_size(const struct cons_wire_size *wire, struct cons_attach *out);

/* 1 .. 63 bytes of printable ASCII without '/', not "." or "..". */
int cons_name_valid(const char *name);
/* For people: "in use by another client". */
const char *cons_status_str(uint16_t status);

#endif
