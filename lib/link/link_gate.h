/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one gate of lib/link: whatever a peer wrote comes through here, is copied once,
 * checked in 64-bit arithmetic, and leaves in native form. Behind it values may be trusted
 * to be in range; payload is never looked at. No function here allocates, logs, or stores.
 */
#ifndef LINK_GATE_H
#define LINK_GATE_H

#include <stdint.h>

#include "link.h"
#include "link_wire.h"

/* --- rendezvous event --- */
struct link_call {
	uint64_t token; /* of the initiator's control DMB */
	uint32_t nonce; /* never 0 */
	uint8_t service;
};
/* @return 0; -EPROTO this is not a call of ours. */
int link_gate_call(uint32_t code, uint64_t info, struct link_call *call);

/* --- blocks --- */

/*
 * Copy a block out of our DMB if a whole one with that type and nonce is there.
 * @param area  8-byte aligned, `size` bytes of our DMB.
 * @param body  8-byte aligned, room for size bytes; gets the body.
 * @return bytes of the body; 0 nothing there yet; -EPROTO something else is there (which
 *         may be a header that is just being stored: look again).
 */
int link_gate_block(const void *area, size_t size, enum link_block_type type, uint64_t nonce,
		    void *body);

struct link_geo {
	uint16_t queues;
	uint16_t depth;
	uint32_t slot_size;
};

struct link_hello {
	enum link_status status;
	uint16_t version_min, version_max;
	uint32_t features;
	uint32_t keepalive_ms;
	struct link_epoch epoch;
	uint64_t ctrl_token;
	struct link_geo max;
	char reason[LINK_REASON_MAX]; /* cleaned */
};
/*
 * @param service  that we asked for.
 * @return 0 (status says yes or no); -EPROTO, *what says which field.
 */
int link_gate_hello(const void *body, size_t len, uint8_t service, struct link_hello *hello,
		    const char **what);

/* DMBs of a peer. */
struct link_mem_desc {
	uint64_t ring_token;
	uint32_t ring_len;
	uint32_t dmb_len; /* of a full data DMB */
	uint32_t dmb_slots; /* slots in a full data DMB */
	uint32_t dmbs_per_queue;
	uint32_t dmb_count;
	uint64_t token[LINK_TOKENS_MAX];
};

/* How `geo` is laid out in data DMBs of at most dmb_max bytes: fills all but the tokens.
 * @return 0; -ENOSPC it needs more than LINK_TOKENS_MAX DMBs, or a slot or ring does not fit. */
int link_mem_layout(const struct link_geo *geo, uint32_t dmb_max, struct link_mem_desc *mem);
/* Bytes of data DMB `i` of a queue: the last one may be shorter. */
uint32_t link_mem_dmb_len(const struct link_geo *geo, const struct link_mem_desc *mem, uint32_t i);

struct link_connect {
	uint16_t version;
	uint32_t features;
	uint32_t keepalive_ms;
	struct link_geo geo;
	struct link_epoch epoch;
	struct link_mem_desc mem;
};
/*
 * @param service, max, features  what the listener's HELLO said.
 * @return LINK_STATUS_OK; LINK_STATUS_VERSION; LINK_STATUS_MALFORMED, *what says which field.
 */
enum link_status link_gate_connect(const void *body, size_t len, uint8_t service,
				   const struct link_geo *max, uint32_t features,
				   struct link_connect *connect, const char **what);

struct link_accept {
	enum link_status status;
	char reason[LINK_REASON_MAX]; /* cleaned */
	struct link_mem_desc mem;
};
/* @param geo  what our CONNECT said. @return 0; -EPROTO, *what says which field. */
int link_gate_accept(const void *body, size_t len, const struct link_geo *geo,
		     struct link_accept *accept, const char **what);

struct link_close {
	enum link_status status;
	char reason[LINK_REASON_MAX]; /* cleaned */
};
/* @return 0; -EPROTO. */
int link_gate_close(const void *body, size_t len, struct link_close *cl);

/* --- descriptors; w[] without tags --- */

/* @return NULL, or what is wrong with it. Whether the id is open is the queue's to know. */
const char *link_gate_req(const uint64_t w[LINK_DESC_WORDS], uint32_t depth, uint32_t slot_size,
			  struct link_req *req);
const char *link_gate_cqe(const uint64_t w[LINK_DESC_WORDS], uint32_t depth, uint32_t slot_size,
			  struct link_cqe *cqe);

#endif
