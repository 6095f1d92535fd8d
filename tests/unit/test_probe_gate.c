/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate of the TEST service as tables: one line a lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe_contents.h"
#include "probe_gate.h"

#define SLOT 65536u
#define SIZE 100u
#define BURST 4u
#define SEQ ((UINT64_C(7) << 56) + 1000) /* beyond what a request can say */
#define OFF 1000u
#define PACKED(n) ((n) == 1 ? SIZE : (n)*112u)

struct req_case {
	const char *what;
	const struct probe_mode *mode; /* NULL: no run */
	uint8_t op, flags;
	uint16_t unit;
	uint64_t off;
	uint32_t len, payload, crc;
	bool ok;
};

static const struct req_case reqs[] = {
	{ "begin", NULL, PROBE_BEGIN, 0, 0, 0, 0, 32, 0, true },
	{ "begin in a run", &probe_ping, PROBE_BEGIN, 0, 0, 0, 0, 32, 0, false },
	{ "begin, short", NULL, PROBE_BEGIN, 0, 0, 0, 0, 31, 0, false },
	{ "begin, long", NULL, PROBE_BEGIN, 0, 0, 0, 0, 33, 0, false },
	{ "begin, off", NULL, PROBE_BEGIN, 0, 0, 1, 0, 32, 0, false },
	{ "begin, unit", NULL, PROBE_BEGIN, 0, 1, 0, 0, 32, 0, false },
	{ "begin, len", NULL, PROBE_BEGIN, 0, 0, 0, 32, 32, 0, false },
	{ "begin, flags", NULL, PROBE_BEGIN, 1, 0, 0, 0, 32, 0, false },
	{ "begin, crc", NULL, PROBE_BEGIN, 0, 0, 0, 0, 32, 1, false },
	{ "end", &probe_ping, PROBE_END, 0, 0, 0, 0, 0, 0, true },
	{ "end without a run", NULL, PROBE_END, 0, 0, 0, 0, 0, 0, false },
	{ "end, payload", &probe_ping, PROBE_END, 0, 0, 0, 0, 8, 0, false },
	{ "end, off", &probe_ping, PROBE_END, 0, 0, 1, 0, 0, 0, false },

	{ "echo", &probe_ping, PROBE_ECHO, 0, 0, OFF, SIZE, SIZE, 0, true },
	{ "echo without a run", NULL, PROBE_ECHO, 0, 0, OFF, SIZE, SIZE, 0, false },
	{ "echo in stream", &probe_stream, PROBE_ECHO, 0, 0, OFF, SIZE, SIZE, 0, false },
	{ "echo, number before", &probe_ping, PROBE_ECHO, 0, 0, OFF - 1, SIZE, SIZE, 0, false },
	{ "echo, number behind", &probe_ping, PROBE_ECHO, 0, 0, OFF + 1, SIZE, SIZE, 0, false },
	{ "echo, shorter", &probe_ping, PROBE_ECHO, 0, 0, OFF, SIZE - 1, SIZE - 1, 0, false },
	{ "echo, longer", &probe_ping, PROBE_ECHO, 0, 0, OFF, SIZE + 1, SIZE + 1, 0, false },
	{ "echo, payload short", &probe_ping, PROBE_ECHO, 0, 0, OFF, SIZE, SIZE - 1, 0, false },
	{ "echo, unit", &probe_ping, PROBE_ECHO, 0, 1, OFF, SIZE, SIZE, 0, false },
	{ "echo, flags", &probe_ping, PROBE_ECHO, 0x80, 0, OFF, SIZE, SIZE, 0, false },

	{ "one message", &probe_stream, PROBE_MESSAGES, 0, 1, OFF, SIZE, PACKED(1), 0, true },
	{ "full burst", &probe_stream, PROBE_MESSAGES, 0, 4, OFF, 400, PACKED(4), 0, true },
	{ "no message", &probe_stream, PROBE_MESSAGES, 0, 0, OFF, 0, 0, 0, false },
	{ "more than a burst", &probe_stream, PROBE_MESSAGES, 0, 5, OFF, 500, PACKED(5), 0, false },
	{ "messages, most there can be", &probe_stream, PROBE_MESSAGES, 0, 65535, OFF, 6553500,
	  PACKED(65535), 0, false },
	{ "messages, sum short", &probe_stream, PROBE_MESSAGES, 0, 2, OFF, 199, PACKED(2), 0,
	  false },
	{ "messages, payload short", &probe_stream, PROBE_MESSAGES, 0, 2, OFF, 200, PACKED(2) - 8,
	  0, false },
	{ "messages, payload of one", &probe_stream, PROBE_MESSAGES, 0, 2, OFF, 200, PACKED(1), 0,
	  false },
	{ "messages, number", &probe_stream, PROBE_MESSAGES, 0, 1, OFF + 1, SIZE, PACKED(1), 0,
	  false },
	{ "verify in stream", &probe_stream, PROBE_VERIFY, 0, 1, OFF, SIZE, PACKED(1), 0, false },
	{ "verify", &probe_verify, PROBE_VERIFY, 0, 3, OFF, 300, PACKED(3), 0, true },
	{ "messages in verify", &probe_verify, PROBE_MESSAGES, 0, 1, OFF, SIZE, PACKED(1), 0,
	  false },

	{ "nop", &probe_flood, PROBE_NOP, 0, 0, OFF, 0, 0, 0, true },
	{ "nop, number", &probe_flood, PROBE_NOP, 0, 0, 0, 0, 0, 0, false },
	{ "nop, payload", &probe_flood, PROBE_NOP, 0, 0, OFF, 0, 8, 0, false },
	{ "nop, len", &probe_flood, PROBE_NOP, 0, 0, OFF, 8, 0, 0, false },

	{ "read", &probe_io, PROBE_READ, 0, 0, 0, SIZE, 0, 0, true },
	{ "read at the end", &probe_io, PROBE_READ, 0, 0, PROBE_DISK_SIZE - SIZE, SIZE, 0, 0,
	  true },
	{ "read past the end", &probe_io, PROBE_READ, 0, 0, PROBE_DISK_SIZE - SIZE + 1, SIZE, 0, 0,
	  false },
	{ "read far behind", &probe_io, PROBE_READ, 0, 0, UINT64_MAX, SIZE, 0, 0, false },
	{ "read, other size", &probe_io, PROBE_READ, 0, 0, 0, SIZE + 1, 0, 0, false },
	{ "read with payload", &probe_io, PROBE_READ, 0, 0, 0, SIZE, SIZE, 0, false },
	{ "read in ping", &probe_ping, PROBE_READ, 0, 0, 0, SIZE, 0, 0, false },
	{ "write", &probe_io, PROBE_WRITE, 0, 0, 8, SIZE, SIZE, 0, true },
	{ "write without payload", &probe_io, PROBE_WRITE, 0, 0, 8, SIZE, 0, 0, false },
	{ "write past the end", &probe_io, PROBE_WRITE, 0, 0, PROBE_DISK_SIZE, SIZE, SIZE, 0,
	  false },
	{ "write in ping", &probe_ping, PROBE_WRITE, 0, 0, 0, SIZE, SIZE, 0, false },
	{ "unknown", &probe_ping, 9, 0, 0, 0, 0, 0, 0, false },
	{ "unknown, last", &probe_ping, 255, 0, 0, 0, 0, 0, 0, false },
};

static void
test_requests(void **state)
{
	for (size_t i = 0; i < RTE_DIM(reqs); i++) {
		const struct req_case *c = &reqs[i];
		struct probe_begin begin = { .mode = c->mode, .size = SIZE, .burst = BURST };
		struct link_req req = { .op = c->op,
					.flags = c->flags,
					.unit = c->unit,
					.off = c->off,
					.len = c->len,
					.payload = c->payload,
					.crc = c->crc };
		const char *what;

		if (c->mode == &probe_flood)
			begin.size = 0;
		what = probe_gate_req(&req, c->mode != NULL ? &begin : NULL, SEQ);
		if ((what == NULL) != c->ok)
			fail_msg("%s: %s", c->what, what != NULL ? what : "passes");
	}
}

struct begin_case {
	const char *what;
	uint16_t mode, flags;
	uint32_t size;
	uint16_t burst, window;
	uint32_t reserved;
	uint64_t reserved2;
	bool ok, known;
};

static const struct begin_case begins[] = {
	{ "ping", PROBE_MODE_PING, 0, 64, 1, 1, 0, 0, true, true },
	{ "a slot", PROBE_MODE_PING, 0, SLOT, 1, 256, 0, 0, true, true },
	{ "more than a slot", PROBE_MODE_PING, 0, SLOT + 1, 1, 1, 0, 0, false, true },
	{ "nothing", PROBE_MODE_PING, 0, 0, 1, 1, 0, 0, false, true },
	{ "4 GiB", PROBE_MODE_PING, 0, UINT32_MAX, 1, 1, 0, 0, false, true },
	{ "no window", PROBE_MODE_PING, 0, 64, 1, 0, 0, 0, false, true },
	{ "wide window", PROBE_MODE_PING, 0, 64, 1, 257, 0, 0, false, true },
	{ "no burst", PROBE_MODE_STREAM, 0, 64, 0, 1, 0, 0, false, true },
	{ "large burst", PROBE_MODE_STREAM, 0, 1, 4096, 1, 0, 0, true, true },
	{ "too large burst", PROBE_MODE_STREAM, 0, 1, 4097, 1, 0, 0, false, true },
	{ "full slot", PROBE_MODE_STREAM, 0, 8184, 8, 1, 0, 0, true, true },
	{ "overfull slot", PROBE_MODE_STREAM, 0, 8185, 8, 1, 0, 0, false, true },
	{ "product wraps to 0", PROBE_MODE_STREAM, 0, UINT32_MAX / 4096 - 7, 4096, 1, 0, 0, false,
	  true },
	{ "copy", PROBE_MODE_STREAM, 1, 64, 32, 16, 0, 0, true, true },
	{ "other flag", PROBE_MODE_STREAM, 2, 64, 32, 16, 0, 0, false, true },
	{ "reserved", PROBE_MODE_STREAM, 0, 64, 32, 16, 1, 0, false, true },
	{ "reserved2", PROBE_MODE_STREAM, 0, 64, 32, 16, 0, 1, false, true },
	{ "flood", PROBE_MODE_FLOOD, 0, 0, 32, 128, 0, 0, true, true },
	{ "flood with a size", PROBE_MODE_FLOOD, 0, 1, 32, 128, 0, 0, false, true },
	{ "mode 0", 0, 0, 64, 1, 1, 0, 0, true, false },
	{ "mode of tomorrow", 6, 0xffff, 0, 0, 0, 1, 1, true, false },
};

static void
test_begin(void **state)
{
	for (size_t i = 0; i < RTE_DIM(begins); i++) {
		const struct begin_case *c = &begins[i];
		struct probe_wire_begin wire = {
			.mode = rte_cpu_to_be_16(c->mode),
			.flags = rte_cpu_to_be_16(c->flags),
			.size = rte_cpu_to_be_32(c->size),
			.burst = rte_cpu_to_be_16(c->burst),
			.window = rte_cpu_to_be_16(c->window),
			.reserved = c->reserved,
			.seed = rte_cpu_to_be_64(77),
			.reserved2 = c->reserved2,
		};
		struct probe_begin begin;
		const char *what = probe_gate_begin(&wire, SLOT, &begin);

		if ((what == NULL) != c->ok)
			fail_msg("%s: %s", c->what, what != NULL ? what : "passes");
		assert_int_equal(begin.mode != NULL, c->known);
		if (what == NULL && c->known) {
			assert_int_equal(begin.seed, 77);
			assert_int_equal(begin.size, c->size);
		}
	}
}

static void
test_messages(void **state)
{
	static uint8_t buf[4 * 112] __rte_aligned(8);

	probe_messages_head(buf, SIZE, 4, 0xfffffffeu);
	assert_null(probe_gate_messages(buf, SIZE, 4, 0xfffffffeu));
	assert_non_null(probe_gate_messages(buf, SIZE, 4, 0xffffffffu));
	assert_non_null(probe_gate_messages(buf, SIZE + 1, 4, 0xfffffffeu));
	/* Every byte of every header counts, no other does. */
	for (size_t i = 0; i < sizeof(buf); i++) {
		buf[i] ^= 0x10;
		assert_int_equal(probe_gate_messages(buf, SIZE, 4, 0xfffffffeu) != NULL,
				 i % 112 < 8);
		buf[i] ^= 0x10;
	}
}

struct cqe_case {
	const char *what;
	uint8_t op;
	uint16_t unit;
	uint32_t len, payload; /* of the request */
	uint16_t status;
	uint8_t flags;
	uint32_t result, back, crc;
	bool ok;
};

static const struct cqe_case cqes[] = {
	{ "begin", PROBE_BEGIN, 0, 0, 32, PROBE_OK, 0, 0, 0, 0, true },
	{ "begin refused", PROBE_BEGIN, 0, 0, 32, PROBE_NO_MODE, 0, 0, 0, 0, true },
	{ "begin, no memory", PROBE_BEGIN, 0, 0, 32, PROBE_NO_MEMORY, 0, 0, 0, 0, true },
	{ "begin mismatch", PROBE_BEGIN, 0, 0, 32, PROBE_MISMATCH, 0, 0, 0, 0, false },
	{ "begin with payload", PROBE_BEGIN, 0, 0, 32, PROBE_OK, 0, 0, 8, 0, false },
	{ "end", PROBE_END, 0, 0, 0, PROBE_OK, 0, 0, 48, 0, true },
	{ "end without report", PROBE_END, 0, 0, 0, PROBE_OK, 0, 0, 0, 0, false },
	{ "end, status", PROBE_END, 0, 0, 0, PROBE_NO_MODE, 0, 0, 48, 0, false },
	{ "echo", PROBE_ECHO, 0, 100, 100, PROBE_OK, 0, 100, 100, 0, true },
	{ "echo, less", PROBE_ECHO, 0, 100, 100, PROBE_OK, 0, 99, 99, 0, false },
	{ "echo, payload less", PROBE_ECHO, 0, 100, 100, PROBE_OK, 0, 100, 99, 0, false },
	{ "echo, mismatch", PROBE_ECHO, 0, 100, 100, PROBE_MISMATCH, 0, 0, 100, 0, false },
	{ "echo, flags", PROBE_ECHO, 0, 100, 100, PROBE_OK, 1, 100, 100, 0, false },
	{ "echo, crc", PROBE_ECHO, 0, 100, 100, PROBE_OK, 0, 100, 100, 1, false },
	{ "messages", PROBE_MESSAGES, 4, 400, 448, PROBE_OK, 0, 4, 0, 0, true },
	{ "messages, fewer", PROBE_MESSAGES, 4, 400, 448, PROBE_OK, 0, 3, 0, 0, false },
	{ "messages, more", PROBE_MESSAGES, 4, 400, 448, PROBE_OK, 0, 5, 0, 0, false },
	{ "messages, payload", PROBE_MESSAGES, 4, 400, 448, PROBE_OK, 0, 4, 448, 0, false },
	{ "messages, mismatch", PROBE_MESSAGES, 4, 400, 448, PROBE_MISMATCH, 0, 4, 0, 0, false },
	{ "verify", PROBE_VERIFY, 4, 400, 448, PROBE_OK, 0, 4, 448, 0, true },
	{ "verify, mismatch", PROBE_VERIFY, 4, 400, 448, PROBE_MISMATCH, 0, 447, 448, 0, true },
	{ "verify, mismatch outside", PROBE_VERIFY, 4, 400, 448, PROBE_MISMATCH, 0, 448, 448, 0,
	  false },
	{ "verify, mismatch, nothing back", PROBE_VERIFY, 4, 400, 448, PROBE_MISMATCH, 0, 0, 0, 0,
	  false },
	{ "verify, other status", PROBE_VERIFY, 4, 400, 448, 4, 0, 4, 448, 0, false },
	{ "nop", PROBE_NOP, 0, 0, 0, PROBE_OK, 0, 0, 0, 0, true },
	{ "nop, result", PROBE_NOP, 0, 0, 0, PROBE_OK, 0, 1, 0, 0, false },
	{ "read", PROBE_READ, 0, 4096, 0, PROBE_OK, 0, 4096, 4096, 0, true },
	{ "read, short", PROBE_READ, 0, 4096, 0, PROBE_OK, 0, 4096, 4088, 0, false },
	{ "write", PROBE_WRITE, 0, 4096, 4096, PROBE_OK, 0, 4096, 0, 0, true },
	{ "write with payload", PROBE_WRITE, 0, 4096, 4096, PROBE_OK, 0, 4096, 4096, 0, false },
};

static void
test_answers(void **state)
{
	for (size_t i = 0; i < RTE_DIM(cqes); i++) {
		const struct cqe_case *c = &cqes[i];
		struct probe_asked asked = {
			.op = c->op, .unit = c->unit, .len = c->len, .payload = c->payload
		};
		struct link_cqe cqe = { .status = c->status,
					.flags = c->flags,
					.result = c->result,
					.payload = c->back,
					.crc = c->crc };
		const char *what = probe_gate_cqe(&cqe, &asked);

		if ((what == NULL) != c->ok)
			fail_msg("%s: %s", c->what, what != NULL ? what : "passes");
	}
}

static void
test_report(void **state)
{
	static const struct probe_sent sent = { .requests = 10, .messages = 40, .bytes = 4000 };
	uint64_t good[] = { 10, 40, 4000, 40, 7, 7 }, word[RTE_DIM(good)];

	for (size_t lie = 0; lie <= 2 * RTE_DIM(good); lie++) {
		struct probe_wire_report wire;

		memcpy(word, good, sizeof(word));
		/* Greater, then smaller; mismatches and polls may be smaller. */
		if (lie < RTE_DIM(good))
			word[lie]++;
		else if (lie < 2 * RTE_DIM(good))
			word[lie - RTE_DIM(good)]--;
		for (size_t i = 0; i < RTE_DIM(word); i++)
			((uint64_t *)&wire)[i] = rte_cpu_to_be_64(word[i]);
		switch (lie) {
		case 4: /* more polls */
		case 9: /* fewer mismatches */
		case 11: /* fewer empty polls */
		case 12: /* the truth */
			assert_null(probe_gate_report(&wire, &sent));
			break;
		default:
			assert_non_null(probe_gate_report(&wire, &sent));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_begin),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
