/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base_crc.h"
#include "base_text.h"
#include "link_gate.h"
#include "link_ring.h"

#define KEEPALIVE_MS_MIN 10u
#define KEEPALIVE_MS_MAX 60000u
#define DMB_LEN_MAX (8u << 20) /* a store's offset has 23 bits */

int
link_gate_call(uint32_t code, uint64_t info, struct link_call *call)
{
	if (code != LINK_EVENT_CODE(LINK_EVENT_OP_CALL))
		return -EPROTO;
	call->token = info >> 40 << LINK_TOKEN_SHIFT;
	call->service = (uint8_t)(info >> 32);
	call->nonce = (uint32_t)info;
	return call->token != 0 && call->nonce != 0 && call->service != 0 ? 0 : -EPROTO;
}

int
link_gate_block(const void *area, size_t size, enum link_block_type type, uint64_t nonce,
		void *body)
{
	struct link_wire_block hdr;
	rte_be32_t want;
	uint32_t crc;
	size_t len;

	if (link_dmb_load(area) == 0)
		return 0;
	link_dmb_copy(&hdr, area, sizeof(hdr));
	len = rte_be_to_cpu_16(hdr.len);
	if (hdr.type != type || hdr.reserved != 0 || rte_be_to_cpu_64(hdr.nonce) != nonce)
		return -EPROTO;
	if (len % 8 != 0 || len < 16 || len > size - sizeof(hdr))
		return -EPROTO;
	link_dmb_copy(body, (const uint8_t *)area + sizeof(hdr), len);
	want = hdr.crc;
	hdr.crc = 0;
	crc = base_crc32c(0, &hdr, sizeof(hdr));
	crc = base_crc32c(crc, body, len);
	return crc == rte_be_to_cpu_32(want) ? (int)len : -EPROTO;
}

static int
bad(const char **what, const char *text)
{
	*what = text;
	return -EPROTO;
}

static bool
is_pow2(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool
geo_ok(const struct link_geo *geo, const struct link_geo *max)
{
	return geo->queues >= 1 && geo->queues <= max->queues && geo->depth >= 2 &&
	       geo->depth <= max->depth && is_pow2(geo->depth) && geo->slot_size != 0 &&
	       geo->slot_size % 4096 == 0 && geo->slot_size <= max->slot_size;
}

static const struct link_geo geo_limit = {
	.queues = LINK_QUEUES_MAX,
	.depth = LINK_DEPTH_MAX,
	.slot_size = LINK_SLOT_MAX,
};

static void
epoch_get(struct link_epoch *epoch, const uint8_t boot[16], rte_be64_t process)
{
	memcpy(epoch->boot, boot, sizeof(epoch->boot));
	epoch->process = rte_be_to_cpu_64(process);
}

static bool
keepalive_ok(uint32_t ms)
{
	return ms >= KEEPALIVE_MS_MIN && ms <= KEEPALIVE_MS_MAX;
}

int
link_gate_hello(const void *body, size_t len, uint8_t service, struct link_hello *hello,
		const char **what)
{
	const struct link_wire_hello *wire = body;
	uint16_t status;

	if (len != sizeof(*wire))
		return bad(what, "HELLO: length");
	if (rte_be_to_cpu_16(wire->service) != service)
		return bad(what, "HELLO: service");
	status = rte_be_to_cpu_16(wire->status);
	if (status > LINK_STATUS_MEMORY)
		return bad(what, "HELLO: status");
	memset(hello, 0, sizeof(*hello));
	hello->status = (enum link_status)status;
	hello->version_min = rte_be_to_cpu_16(wire->version_min);
	hello->version_max = rte_be_to_cpu_16(wire->version_max);
	base_text_clean(hello->reason, sizeof(hello->reason), wire->reason, sizeof(wire->reason));
	if (status != LINK_STATUS_OK)
		return 0;
	if (hello->version_min == 0 || hello->version_min > hello->version_max)
		return bad(what, "HELLO: version range");
	hello->features = rte_be_to_cpu_32(wire->features);
	hello->keepalive_ms = rte_be_to_cpu_32(wire->keepalive_ms);
	if (!keepalive_ok(hello->keepalive_ms))
		return bad(what, "HELLO: keepalive interval");
	hello->ctrl_token = rte_be_to_cpu_64(wire->ctrl_token);
	if (!link_token_ok(hello->ctrl_token))
		return bad(what, "HELLO: token");
	hello->max.queues = rte_be_to_cpu_16(wire->queues_max);
	hello->max.depth = rte_be_to_cpu_16(wire->depth_max);
	hello->max.slot_size = rte_be_to_cpu_32(wire->slot_max);
	if (!geo_ok(&hello->max, &geo_limit))
		return bad(what, "HELLO: limits");
	epoch_get(&hello->epoch, wire->boot, wire->process);
	return 0;
}

int
link_mem_layout(const struct link_geo *geo, uint32_t dmb_max, struct link_mem_desc *mem)
{
	uint64_t count;

	if (dmb_max > DMB_LEN_MAX)
		dmb_max = DMB_LEN_MAX;
	mem->ring_len = geo->queues * link_ring_stride(geo->depth);
	mem->dmb_slots = dmb_max / geo->slot_size;
	if (mem->dmb_slots == 0 || mem->ring_len > dmb_max)
		return -ENOSPC;
	if (mem->dmb_slots > geo->depth)
		mem->dmb_slots = geo->depth;
	mem->dmb_len = mem->dmb_slots * geo->slot_size;
	mem->dmbs_per_queue = (geo->depth + mem->dmb_slots - 1) / mem->dmb_slots;
	count = (uint64_t)mem->dmbs_per_queue * geo->queues;
	if (count > LINK_TOKENS_MAX)
		return -ENOSPC;
	mem->dmb_count = (uint32_t)count;
	return 0;
}

uint32_t
link_mem_dmb_len(const struct link_geo *geo, const struct link_mem_desc *mem, uint32_t i)
{
	uint32_t left = geo->depth - i * mem->dmb_slots;

	return (left < mem->dmb_slots ? left : mem->dmb_slots) * geo->slot_size;
}

/* `tokens` is what follows the fixed part of a block, `len` bytes of it. */
static int
mem_get(const struct link_wire_mem *wire, const rte_be64_t *tokens, size_t len,
	const struct link_geo *geo, struct link_mem_desc *mem, const char **what)
{
	uint32_t dmb_len = rte_be_to_cpu_32(wire->dmb_len);

	if (wire->reserved != 0)
		return bad(what, "memory: reserved field");
	mem->ring_token = rte_be_to_cpu_64(wire->ring_token);
	if (!link_token_ok(mem->ring_token))
		return bad(what, "memory: ring token");
	if (dmb_len == 0 || dmb_len > DMB_LEN_MAX || dmb_len % geo->slot_size != 0)
		return bad(what, "memory: data DMB length");
	mem->ring_len = geo->queues * link_ring_stride(geo->depth);
	if (rte_be_to_cpu_32(wire->ring_len) != mem->ring_len)
		return bad(what, "memory: ring length");
	mem->dmb_len = dmb_len;
	mem->dmb_slots = dmb_len / geo->slot_size;
	if (mem->dmb_slots > geo->depth)
		return bad(what, "memory: data DMB length");
	mem->dmbs_per_queue = (geo->depth + mem->dmb_slots - 1) / mem->dmb_slots;
	mem->dmb_count = mem->dmbs_per_queue * geo->queues;
	if (mem->dmb_count > LINK_TOKENS_MAX || rte_be_to_cpu_32(wire->dmb_count) != mem->dmb_count)
		return bad(what, "memory: number of data DMBs");
	if (len != (size_t)mem->dmb_count * sizeof(rte_be64_t))
		return bad(what, "memory: number of tokens");
	for (uint32_t i = 0; i < mem->dmb_count; i++) {
		mem->token[i] = rte_be_to_cpu_64(tokens[i]);
		if (!link_token_ok(mem->token[i]))
			return bad(what, "memory: data token");
	}
	return 0;
}

enum link_status
link_gate_connect(const void *body, size_t len, uint8_t service, const struct link_geo *max,
		  uint32_t features, struct link_connect *connect, const char **what)
{
	const struct link_wire_connect *wire = body;

	*what = "CONNECT: length";
	if (len < sizeof(*wire))
		return LINK_STATUS_MALFORMED;
	connect->version = rte_be_to_cpu_16(wire->version);
	*what = "CONNECT: version";
	if (connect->version < LINK_VERSION_MIN || connect->version > LINK_VERSION_MAX)
		return LINK_STATUS_VERSION;
	*what = "CONNECT: service";
	if (rte_be_to_cpu_16(wire->service) != service)
		return LINK_STATUS_MALFORMED;
	connect->features = rte_be_to_cpu_32(wire->features);
	*what = "CONNECT: features";
	if ((connect->features & ~features) != 0)
		return LINK_STATUS_VERSION;
	connect->keepalive_ms = rte_be_to_cpu_32(wire->keepalive_ms);
	*what = "CONNECT: keepalive interval";
	if (!keepalive_ok(connect->keepalive_ms))
		return LINK_STATUS_MALFORMED;
	connect->geo.queues = rte_be_to_cpu_16(wire->queues);
	connect->geo.depth = rte_be_to_cpu_16(wire->depth);
	connect->geo.slot_size = rte_be_to_cpu_32(wire->slot_size);
	*what = "CONNECT: queues, depth or slot size";
	if (!geo_ok(&connect->geo, max) || wire->reserved != 0)
		return LINK_STATUS_MALFORMED;
	epoch_get(&connect->epoch, wire->boot, wire->process);
	if (mem_get(&wire->mem, wire->token, len - sizeof(*wire), &connect->geo, &connect->mem,
		    what) != 0)
		return LINK_STATUS_MALFORMED;
	return LINK_STATUS_OK;
}

int
link_gate_accept(const void *body, size_t len, const struct link_geo *geo,
		 struct link_accept *accept, const char **what)
{
	const struct link_wire_accept *wire = body;
	uint16_t status;

	if (len < sizeof(*wire))
		return bad(what, "ACCEPT: length");
	status = rte_be_to_cpu_16(wire->status);
	if (status > LINK_STATUS_MEMORY)
		return bad(what, "ACCEPT: status");
	if (wire->reserved != 0 || wire->reserved2 != 0)
		return bad(what, "ACCEPT: reserved field");
	accept->status = (enum link_status)status;
	base_text_clean(accept->reason, sizeof(accept->reason), wire->reason, sizeof(wire->reason));
	if (status != LINK_STATUS_OK)
		return 0;
	return mem_get(&wire->mem, wire->token, len - sizeof(*wire), geo, &accept->mem, what);
}

int
link_gate_close(const void *body, size_t len, struct link_close *cl)
{
	const struct link_wire_close *wire = body;

	if (len != sizeof(*wire) || wire->reserved != 0 || wire->reserved2 != 0)
		return -EPROTO;
	cl->status = (enum link_status)rte_be_to_cpu_16(wire->status);
	base_text_clean(cl->reason, sizeof(cl->reason), wire->reason, sizeof(wire->reason));
	return 0;
}

const char *
link_gate_req(const uint64_t w[LINK_DESC_WORDS], uint32_t depth, uint32_t slot_size,
	      struct link_req *req)
{
	req->op = (uint8_t)(w[0] >> 48);
	req->flags = (uint8_t)(w[0] >> 40);
	req->id = (uint16_t)(w[0] >> 24);
	req->unit = (uint16_t)(w[0] >> 8);
	req->off = w[1];
	req->payload = (uint32_t)(w[2] >> 32);
	req->len = (uint32_t)w[2];
	req->crc = (uint32_t)w[3];
	if (unlikely(req->id >= depth))
		return "request: id outside the queue";
	if (unlikely(req->op == 0))
		return "request: operation 0";
	if (unlikely(req->payload > slot_size))
		return "request: payload longer than a slot";
	if (unlikely(((w[0] & 0xff) | w[3] >> 32) != 0))
		return "request: reserved bits";
	return NULL;
}

const char *
link_gate_cqe(const uint64_t w[LINK_DESC_WORDS], uint32_t depth, uint32_t slot_size,
	      struct link_cqe *cqe)
{
	cqe->id = (uint16_t)(w[0] >> 40);
	cqe->flags = (uint8_t)(w[0] >> 32);
	cqe->status = (uint16_t)(w[0] >> 16);
	cqe->payload = (uint32_t)(w[1] >> 32);
	cqe->result = (uint32_t)w[1];
	cqe->crc = (uint32_t)w[2];
	if (unlikely(cqe->id >= depth))
		return "completion: id outside the queue";
	if (unlikely(cqe->payload > slot_size))
		return "completion: payload longer than a slot";
	if (unlikely(((w[0] & 0xffff) | w[2] >> 32 | w[3]) != 0))
		return "completion: reserved bits";
	return NULL;
}
