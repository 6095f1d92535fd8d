/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate: each field of each message of a peer, with each kind of wrong value. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_crc.h"
#include "ism_split.h"
#include "link_gate.h"

#define SERVICE LINK_SERVICE_TEST
#define TOKEN(n) ((uint64_t)(n) << LINK_TOKEN_SHIFT)

/* A message, and one wrong value in it. */
struct change {
	size_t off;
	size_t size; /* 2, 4 or 8 */
	uint64_t value;
};

static void
apply(void *msg, const struct change *c)
{
	uint8_t *at = (uint8_t *)msg + c->off;

	for (size_t i = 0; i < c->size; i++)
		at[i] = (uint8_t)(c->value >> 8 * (c->size - 1 - i));
}

#define CHANGE(type, field, v)                                                                     \
	{                                                                                          \
		offsetof(struct type, field), sizeof(((struct type *)0)->field), v                 \
	}

/* --- event --- */

static void
calls(void **state)
{
	uint64_t info = link_event_info(TOKEN(0xabcdef), 3, 0x12345678);
	struct link_call call;

	assert_true(info == UINT64_C(0xabcdef0312345678));
	assert_int_equal(LINK_EVENT_CODE(LINK_EVENT_OP_CALL), 0x49530101);
	assert_int_equal(link_gate_call(0x49530101, info, &call), 0);
	assert_true(call.token == TOKEN(0xabcdef));
	assert_int_equal(call.service, 3);
	assert_int_equal(call.nonce, 0x12345678);
	assert_int_equal(link_gate_call(0x49530100, info, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x49530201, info, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x49540101, info, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x80, info, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x83, info, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x49530101, info & 0xffffffffff, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x49530101, info & ~0xffffffffull, &call), -EPROTO);
	assert_int_equal(link_gate_call(0x49530101, info & ~0xff00000000ull, &call), -EPROTO);
}

static void
tokens(void **state)
{
	assert_true(link_token_ok(TOKEN(1)));
	assert_true(link_token_ok(TOKEN(0xffffff)));
	assert_false(link_token_ok(0));
	assert_false(link_token_ok(TOKEN(0x1000000)));
	assert_false(link_token_ok(TOKEN(5) + 1));
	assert_false(link_token_ok(TOKEN(5) + (1 << 23)));
}

/* --- blocks --- */

static uint64_t area[64], body[64];

static void
block_make(uint8_t type, uint64_t nonce, uint16_t len)
{
	struct link_wire_block hdr = {
		.type = type,
		.len = rte_cpu_to_be_16(len),
		.nonce = rte_cpu_to_be_64(nonce),
	};
	uint32_t crc;

	memset(area, 0, sizeof(area));
	for (unsigned int i = 2; i < 64; i++)
		area[i] = i * UINT64_C(0x0123456789abcdef);
	crc = base_crc32c(0, &hdr, sizeof(hdr));
	crc = base_crc32c(crc, area + 2, len <= sizeof(area) - 16 ? len : sizeof(area) - 16);
	hdr.crc = rte_cpu_to_be_32(crc);
	memcpy(area, &hdr, sizeof(hdr));
}

static int
block_get(void)
{
	return link_gate_block(area, sizeof(area), LINK_BLOCK_HELLO, 77, body);
}

static void
blocks(void **state)
{
	uint8_t *bytes = (uint8_t *)area;

	memset(area, 0, sizeof(area));
	assert_int_equal(block_get(), 0);
	block_make(LINK_BLOCK_HELLO, 77, 48);
	assert_int_equal(block_get(), 48);
	assert_memory_equal(body, area + 2, 48);
	block_make(LINK_BLOCK_HELLO, 77, sizeof(area) - 16);
	assert_int_equal(block_get(), sizeof(area) - 16);
	block_make(LINK_BLOCK_CONNECT, 77, 48);
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 78, 48);
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 77, 8);
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 77, 44);
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 77, sizeof(area) - 8);
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 77, 0xfff8);
	assert_int_equal(block_get(), -EPROTO);
	/* Every bit of header and body is covered. */
	for (unsigned int bit = 0; bit < 8 * 64; bit++) {
		block_make(LINK_BLOCK_HELLO, 77, 48);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(block_get(), -EPROTO);
	}
	/* The header comes in two words: neither alone is a block. */
	block_make(LINK_BLOCK_HELLO, 77, 48);
	area[1] = 0;
	assert_int_equal(block_get(), -EPROTO);
	block_make(LINK_BLOCK_HELLO, 77, 48);
	area[0] = 0;
	assert_int_equal(block_get(), 0);
}

/* --- HELLO --- */

static struct link_wire_hello
hello_make(void)
{
	return (struct link_wire_hello){
		.version_min = rte_cpu_to_be_16(1),
		.version_max = rte_cpu_to_be_16(3),
		.service = rte_cpu_to_be_16(SERVICE),
		.features = rte_cpu_to_be_32(5),
		.keepalive_ms = rte_cpu_to_be_32(1000),
		.boot = { 1, 2, 3 },
		.process = rte_cpu_to_be_64(99),
		.ctrl_token = rte_cpu_to_be_64(TOKEN(7)),
		.queues_max = rte_cpu_to_be_16(16),
		.depth_max = rte_cpu_to_be_16(256),
		.slot_max = rte_cpu_to_be_32(65536),
		.reason = "hi\x01there",
	};
}

static void
hellos(void **state)
{
	static const struct change wrong[] = {
		CHANGE(link_wire_hello, version_min, 0),
		CHANGE(link_wire_hello, version_min, 4),
		CHANGE(link_wire_hello, status, 7),
		CHANGE(link_wire_hello, status, 0xffff),
		CHANGE(link_wire_hello, service, 1),
		CHANGE(link_wire_hello, keepalive_ms, 0),
		CHANGE(link_wire_hello, keepalive_ms, 9),
		CHANGE(link_wire_hello, keepalive_ms, 60001),
		CHANGE(link_wire_hello, ctrl_token, 0),
		CHANGE(link_wire_hello, ctrl_token, TOKEN(7) + 1),
		CHANGE(link_wire_hello, ctrl_token, UINT64_MAX),
		CHANGE(link_wire_hello, queues_max, 0),
		CHANGE(link_wire_hello, queues_max, 17),
		CHANGE(link_wire_hello, depth_max, 0),
		CHANGE(link_wire_hello, depth_max, 1),
		CHANGE(link_wire_hello, depth_max, 96),
		CHANGE(link_wire_hello, depth_max, 512),
		CHANGE(link_wire_hello, slot_max, 0),
		CHANGE(link_wire_hello, slot_max, 4095),
		CHANGE(link_wire_hello, slot_max, LINK_SLOT_MAX + 4096),
	};
	struct link_wire_hello wire = hello_make();
	struct link_hello hello;
	const char *what;

	assert_int_equal(link_gate_hello(&wire, sizeof(wire), SERVICE, &hello, &what), 0);
	assert_int_equal(hello.version_max, 3);
	assert_int_equal(hello.features, 5);
	assert_true(hello.epoch.process == 99 && hello.epoch.boot[2] == 3);
	assert_int_equal(hello.max.depth, 256);
	assert_string_equal(hello.reason, "hi?there");
	assert_int_equal(link_gate_hello(&wire, sizeof(wire) - 8, SERVICE, &hello, &what), -EPROTO);
	assert_int_equal(link_gate_hello(&wire, sizeof(wire) + 8, SERVICE, &hello, &what), -EPROTO);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		wire = hello_make();
		apply(&wire, &wrong[i]);
		what = NULL;
		assert_int_equal(link_gate_hello(&wire, sizeof(wire), SERVICE, &hello, &what),
				 -EPROTO);
		assert_non_null(what);
	}
	/* A refusal needs nothing but its status and text. */
	memset(&wire, 0, sizeof(wire));
	wire.service = rte_cpu_to_be_16(SERVICE);
	wire.status = rte_cpu_to_be_16(LINK_STATUS_BUSY);
	memset(wire.reason, 'x', sizeof(wire.reason));
	assert_int_equal(link_gate_hello(&wire, sizeof(wire), SERVICE, &hello, &what), 0);
	assert_int_equal(hello.status, LINK_STATUS_BUSY);
	assert_int_equal(strlen(hello.reason), LINK_REASON_MAX - 1);
}

/* --- CONNECT, ACCEPT --- */

static const struct link_geo max = { .queues = 4, .depth = 64, .slot_size = 65536 };

/* 2 queues of 16 slots of 4096 bytes, 10 slots in a DMB: 2 DMBs a queue. */
union connect {
	struct link_wire_connect wire;
	uint8_t bytes[sizeof(struct link_wire_connect) + 5 * 8];
};
#define CONNECT_LEN (sizeof(struct link_wire_connect) + 4 * 8)

static void
mem_make(struct link_wire_mem *mem, rte_be64_t *token)
{
	mem->ring_token = rte_cpu_to_be_64(TOKEN(20));
	mem->ring_len = rte_cpu_to_be_32(2 * 4096);
	mem->dmb_len = rte_cpu_to_be_32(10 * 4096);
	mem->dmb_count = rte_cpu_to_be_32(4);
	for (unsigned int i = 0; i < 4; i++)
		token[i] = rte_cpu_to_be_64(TOKEN(21 + i));
}

static union connect
connect_make(void)
{
	union connect c = { 0 };

	c.wire.version = rte_cpu_to_be_16(1);
	c.wire.service = rte_cpu_to_be_16(SERVICE);
	c.wire.features = rte_cpu_to_be_32(1);
	c.wire.keepalive_ms = rte_cpu_to_be_32(500);
	c.wire.slot_size = rte_cpu_to_be_32(4096);
	c.wire.queues = rte_cpu_to_be_16(2);
	c.wire.depth = rte_cpu_to_be_16(16);
	c.wire.process = rte_cpu_to_be_64(5);
	mem_make(&c.wire.mem, c.wire.token);
	return c;
}

static enum link_status
connect_get(const union connect *c, size_t len, struct link_connect *out, const char **what)
{
	*what = NULL;
	return link_gate_connect(c, len, SERVICE, &max, 0x3, out, what);
}

static void
connects(void **state)
{
	static const struct change wrong[] = {
		CHANGE(link_wire_connect, service, 0),
		CHANGE(link_wire_connect, keepalive_ms, 1),
		CHANGE(link_wire_connect, slot_size, 0),
		CHANGE(link_wire_connect, slot_size, 4097),
		CHANGE(link_wire_connect, slot_size, 131072),
		CHANGE(link_wire_connect, slot_size, 0xfffff000),
		CHANGE(link_wire_connect, queues, 0),
		CHANGE(link_wire_connect, queues, 1),
		CHANGE(link_wire_connect, queues, 5),
		CHANGE(link_wire_connect, depth, 0),
		CHANGE(link_wire_connect, depth, 15),
		CHANGE(link_wire_connect, depth, 32),
		CHANGE(link_wire_connect, depth, 128),
		CHANGE(link_wire_connect, reserved, 1),
		CHANGE(link_wire_connect, mem.ring_token, 0),
		CHANGE(link_wire_connect, mem.ring_token, TOKEN(20) + 8),
		CHANGE(link_wire_connect, mem.ring_len, 4096),
		CHANGE(link_wire_connect, mem.ring_len, 3 * 4096),
		CHANGE(link_wire_connect, mem.dmb_len, 0),
		CHANGE(link_wire_connect, mem.dmb_len, 4095),
		CHANGE(link_wire_connect, mem.dmb_len, 4096),
		CHANGE(link_wire_connect, mem.dmb_len, 17 * 4096),
		CHANGE(link_wire_connect, mem.dmb_len, 0xfffff000),
		CHANGE(link_wire_connect, mem.dmb_count, 3),
		CHANGE(link_wire_connect, mem.dmb_count, 0xffffffff),
		CHANGE(link_wire_connect, mem.reserved, 1),
		{ sizeof(struct link_wire_connect), 8, 0 },
		{ sizeof(struct link_wire_connect) + 24, 8, TOKEN(5) + 1 },
	};
	static struct link_connect out;
	union connect c = connect_make();
	const char *what;

	assert_int_equal(connect_get(&c, CONNECT_LEN, &out, &what), LINK_STATUS_OK);
	assert_int_equal(out.geo.queues, 2);
	assert_int_equal(out.mem.dmb_slots, 10);
	assert_int_equal(out.mem.dmbs_per_queue, 2);
	assert_true(out.mem.token[3] == TOKEN(24));
	assert_int_equal(link_mem_dmb_len(&out.geo, &out.mem, 0), 10 * 4096);
	assert_int_equal(link_mem_dmb_len(&out.geo, &out.mem, 1), 6 * 4096);
	for (size_t len = 0; len < sizeof(c); len += 8)
		if (len != CONNECT_LEN)
			assert_int_equal(connect_get(&c, len, &out, &what), LINK_STATUS_MALFORMED);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		c = connect_make();
		apply(&c, &wrong[i]);
		assert_int_equal(connect_get(&c, CONNECT_LEN, &out, &what), LINK_STATUS_MALFORMED);
		assert_non_null(what);
	}
	c = connect_make();
	c.wire.version = rte_cpu_to_be_16(2);
	assert_int_equal(connect_get(&c, CONNECT_LEN, &out, &what), LINK_STATUS_VERSION);
	c = connect_make();
	c.wire.version = 0;
	assert_int_equal(connect_get(&c, CONNECT_LEN, &out, &what), LINK_STATUS_VERSION);
	c = connect_make();
	c.wire.features = rte_cpu_to_be_32(4);
	assert_int_equal(connect_get(&c, CONNECT_LEN, &out, &what), LINK_STATUS_VERSION);
}

static void
accepts(void **state)
{
	static union {
		struct link_wire_accept wire;
		uint8_t bytes[sizeof(struct link_wire_accept) + 5 * 8];
	} a;
	static const struct link_geo geo = { .queues = 2, .depth = 16, .slot_size = 4096 };
	static struct link_accept out;
	const size_t good = sizeof(a.wire) + 4 * 8;
	const char *what;

	mem_make(&a.wire.mem, a.wire.token);
	assert_int_equal(link_gate_accept(&a, good, &geo, &out, &what), 0);
	assert_int_equal(out.status, LINK_STATUS_OK);
	assert_int_equal(out.mem.dmb_count, 4);
	for (size_t len = 0; len < sizeof(a); len += 8)
		if (len != good)
			assert_int_equal(link_gate_accept(&a, len, &geo, &out, &what), -EPROTO);
	a.wire.reserved = 1;
	assert_int_equal(link_gate_accept(&a, good, &geo, &out, &what), -EPROTO);
	a.wire.reserved = 0;
	a.wire.reserved2 = 1;
	assert_int_equal(link_gate_accept(&a, good, &geo, &out, &what), -EPROTO);
	a.wire.reserved2 = 0;
	a.wire.status = rte_cpu_to_be_16(LINK_STATUS_MEMORY + 1);
	assert_int_equal(link_gate_accept(&a, good, &geo, &out, &what), -EPROTO);
	a.wire.status = rte_cpu_to_be_16(LINK_STATUS_MEMORY);
	memcpy(a.wire.reason, "no\xffroom", 8);
	assert_int_equal(link_gate_accept(&a, sizeof(a.wire), &geo, &out, &what), 0);
	assert_int_equal(out.status, LINK_STATUS_MEMORY);
	assert_string_equal(out.reason, "no?room");
}

static void
closes(void **state)
{
	struct link_wire_close wire = { .status = rte_cpu_to_be_16(LINK_STATUS_CLOSED) };
	struct link_close cl;

	memset(wire.reason, 0x80, sizeof(wire.reason));
	assert_int_equal(link_gate_close(&wire, sizeof(wire), &cl), 0);
	assert_int_equal(cl.status, LINK_STATUS_CLOSED);
	assert_int_equal(strlen(cl.reason), LINK_REASON_MAX - 1);
	assert_true(cl.reason[0] == '?');
	assert_int_equal(link_gate_close(&wire, sizeof(wire) - 8, &cl), -EPROTO);
	wire.reserved = 1;
	assert_int_equal(link_gate_close(&wire, sizeof(wire), &cl), -EPROTO);
	wire.reserved = 0;
	wire.reserved2 = 1;
	assert_int_equal(link_gate_close(&wire, sizeof(wire), &cl), -EPROTO);
}

static void
layouts(void **state)
{
	static struct link_mem_desc mem;
	struct link_geo geo = { .queues = 4, .depth = 64, .slot_size = 65536 };

	assert_int_equal(link_mem_layout(&geo, 1 << 20, &mem), 0);
	assert_int_equal(mem.dmb_slots, 16);
	assert_int_equal(mem.dmbs_per_queue, 4);
	assert_int_equal(mem.dmb_count, 16);
	assert_int_equal(mem.ring_len, 4 * 4096);
	/* Small queues do not get more than they need; huge DMBs end where offsets do. */
	geo = (struct link_geo){ .queues = 1, .depth = 2, .slot_size = 4096 };
	assert_int_equal(link_mem_layout(&geo, UINT32_MAX, &mem), 0);
	assert_int_equal(mem.dmb_len, 8192);
	geo = (struct link_geo){ .queues = 16, .depth = 256, .slot_size = 262144 };
	assert_int_equal(link_mem_layout(&geo, 1 << 20, &mem), 0);
	assert_int_equal(mem.dmb_count, 1024);
	assert_int_equal(link_mem_layout(&geo, (1 << 20) - 4096, &mem), -ENOSPC);
	assert_int_equal(link_mem_layout(&geo, 131072, &mem), -ENOSPC);
	geo = (struct link_geo){ .queues = 16, .depth = 256, .slot_size = 4096 };
	assert_int_equal(link_mem_layout(&geo, 65536, &mem), -ENOSPC); /* the rings */
}

/* --- descriptors --- */

static void
requests(void **state)
{
	static const uint64_t good[4] = { UINT64_C(0x0102000304050600) & ~0xffull, LINK_WORD_MASK,
					  UINT64_C(0x001000) << 32 | 0xfffffffe, 0x89abcdef };
	struct link_req req;
	uint64_t w[4];

	memcpy(w, good, sizeof(w));
	w[0] = UINT64_C(0x41) << 48 | UINT64_C(0x42) << 40 | UINT64_C(7) << 24 |
	       UINT64_C(0x4344) << 8;
	assert_null(link_gate_req(w, 8, 4096, &req));
	assert_int_equal(req.op, 0x41);
	assert_int_equal(req.flags, 0x42);
	assert_int_equal(req.id, 7);
	assert_int_equal(req.unit, 0x4344);
	assert_true(req.off == LINK_WORD_MASK);
	assert_int_equal(req.payload, 4096);
	assert_int_equal(req.len, 0xfffffffe);
	assert_int_equal(req.crc, 0x89abcdef);
	assert_non_null(link_gate_req(w, 4, 4096, &req)); /* id */
	assert_non_null(link_gate_req(w, 8, 4095, &req)); /* payload */
	w[0] |= 1;
	assert_non_null(link_gate_req(w, 8, 4096, &req)); /* reserved */
	w[0] ^= 1;
	w[3] |= UINT64_C(1) << 32;
	assert_non_null(link_gate_req(w, 8, 4096, &req)); /* reserved */
	w[3] = 0;
	w[0] &= ~(UINT64_C(0xff) << 48);
	assert_non_null(link_gate_req(w, 8, 4096, &req)); /* operation 0 */
}

static void
completions(void **state)
{
	uint64_t w[4] = { UINT64_C(7) << 40 | UINT64_C(0x51) << 32 | UINT64_C(0x5253) << 16,
			  UINT64_C(4096) << 32 | 0x54555657, 0x58595a5b, 0 };
	struct link_cqe cqe;

	assert_null(link_gate_cqe(w, 8, 4096, &cqe));
	assert_int_equal(cqe.id, 7);
	assert_int_equal(cqe.flags, 0x51);
	assert_int_equal(cqe.status, 0x5253);
	assert_int_equal(cqe.payload, 4096);
	assert_int_equal(cqe.result, 0x54555657);
	assert_int_equal(cqe.crc, 0x58595a5b);
	assert_non_null(link_gate_cqe(w, 4, 4096, &cqe));
	assert_non_null(link_gate_cqe(w, 8, 4095, &cqe));
	w[0] |= 1;
	assert_non_null(link_gate_cqe(w, 8, 4096, &cqe));
	w[0] ^= 1;
	w[2] |= UINT64_C(1) << 40;
	assert_non_null(link_gate_cqe(w, 8, 4096, &cqe));
	w[2] = 0;
	w[3] = 1;
	assert_non_null(link_gate_cqe(w, 8, 4096, &cqe));
}

/* A block of `len` bytes of body at `off` of a control DMB can be stored by the device's rules. */
static void
storable(uint32_t off, size_t len)
{
	off += sizeof(struct link_wire_block);
	assert_true(ism_split_ok(off, (uint32_t)len, LINK_CTRL_SIZE));
}

/*
 * Two lengths of a body in each page would leave 8 bytes in the last one, which no store carries:
 * no geometry has as many DMBs as that.
 */
static void
blocks_can_be_stored(void **state)
{
	storable(LINK_CTRL_HELLO, sizeof(struct link_wire_hello));
	storable(LINK_CTRL_CLOSE, sizeof(struct link_wire_close));
	storable(LINK_CTRL_SETUP, sizeof(struct link_wire_accept)); /* a refusal */
	for (uint32_t queues = 1; queues <= LINK_QUEUES_MAX; queues++) {
		for (uint32_t depth = 2; depth <= LINK_DEPTH_MAX; depth *= 2) {
			for (uint32_t n = 1; n <= depth; n++) {
				size_t tokens = (size_t)queues * ((depth + n - 1) / n);

				if (tokens > LINK_TOKENS_MAX)
					continue;
				storable(LINK_CTRL_SETUP,
					 sizeof(struct link_wire_connect) + tokens * 8);
				storable(LINK_CTRL_SETUP,
					 sizeof(struct link_wire_accept) + tokens * 8);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls),
		cmocka_unit_test(tokens),
		cmocka_unit_test(blocks),
		cmocka_unit_test(hellos),
		cmocka_unit_test(connects),
		cmocka_unit_test(accepts),
		cmocka_unit_test(closes),
		cmocka_unit_test(layouts),
		cmocka_unit_test(requests),
		cmocka_unit_test(completions),
		cmocka_unit_test(blocks_can_be_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
