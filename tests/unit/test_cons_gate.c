/* SPDX-License-Identifier: BSD-3-Clause */
/* What passes the server's gate, bit by bit (SPEC-cons section 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "cons.h"
#include "link.h"

#define SLOT 4096u

/* One good request of each operation. */
static const struct link_req good[] = {
	{ .op = CONS_LIST },
	{ .op = CONS_LIST, .off = UINT64_C(0xffffffffffffff) },
	{ .op = CONS_ATTACH, .payload = sizeof(struct cons_wire_attach) },
	{ .op = CONS_READ, .unit = 1 },
	{ .op = CONS_WRITE, .unit = UINT16_MAX, .len = 1, .payload = 1 },
	{ .op = CONS_WRITE, .unit = 1, .len = SLOT, .payload = SLOT },
	{ .op = CONS_WRITE, .unit = 1, .off = CONS_POS_MAX - 5, .len = 5, .payload = 5 },
	{ .op = CONS_RESIZE, .unit = 1, .payload = sizeof(struct cons_wire_size) },
	{ .op = CONS_BREAK, .unit = 1 },
	{ .op = CONS_EOF, .unit = 1, .off = 77 },
	{ .op = CONS_EOF, .unit = 1, .off = CONS_POS_MAX },
	{ .op = CONS_DETACH, .unit = 1 },
};

static void
test_good(void **state)
{
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		if (cons_gate(&good[i], SLOT, false) != CONS_OK)
			fail_msg("request %zu is refused", i);
	}
}

/* Version 2: ATTACH names its unit, too, and units have a range. */
static void
test_units(void **state)
{
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		struct link_req req = good[i];
		bool list = req.op == CONS_LIST;

		for (uint32_t unit = 0; unit <= UINT16_MAX; unit++) {
			bool right = list ? unit == 0 : unit >= 1 && unit <= CONS_UNITS_MAX;

			req.unit = (uint16_t)unit;
			if ((cons_gate(&req, SLOT, true) == CONS_OK) != right)
				fail_msg("op %u, unit %u: %s", req.op, unit,
					 right ? "refused" : "passes");
		}
	}
}

static void
bad(struct link_req req, const char *what)
{
	if (cons_gate(&req, SLOT, false) != CONS_EINVAL)
		fail_msg("op %u passes with a wrong %s", req.op, what);
	/* What is wrong with it is so in version 2, which numbers units otherwise. */
	if (strcmp(what, "unit") == 0)
		return;
	if (req.op != CONS_LIST)
		req.unit = 1;
	if (cons_gate(&req, SLOT, true) != CONS_EINVAL)
		fail_msg("version 2: op %u passes with a wrong %s", req.op, what);
}

/* Each field of each request, made wrong. */
static void
test_bad_fields(void **state)
{
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		struct link_req req = good[i];

		req.flags = 1;
		bad(req, "flags");
		req = good[i];
		req.unit = req.unit == 0;
		bad(req, "unit");
		req = good[i];
		req.payload ^= 8;
		bad(req, "payload");
		req = good[i];
		req.len += SLOT;
		bad(req, "len");
		if (good[i].op == CONS_LIST || good[i].op == CONS_WRITE || good[i].op == CONS_EOF)
			continue;
		req = good[i];
		req.off = 1;
		bad(req, "off");
	}
}

static void
test_bad_ops(void **state)
{
	bad((struct link_req){ .op = 0 }, "op");
	for (unsigned int op = CONS_OP_COUNT; op <= UINT8_MAX; op++)
		bad((struct link_req){ .op = (uint8_t)op, .unit = 1 }, "op");
}

static void
test_bad_writes(void **state)
{
	struct link_req req = { .op = CONS_WRITE, .unit = 1 };

	bad(req, "len 0");
	req.len = req.payload = SLOT + 1;
	bad(req, "len beyond the slot");
	req.len = 2;
	req.payload = 1;
	bad(req, "payload shorter than len");
	req.payload = 2;
	req.off = CONS_POS_MAX - 1;
	bad(req, "end beyond all positions");
	req.off = CONS_POS_MAX + 1;
	bad(req, "off");
	req.op = CONS_EOF;
	req.len = req.payload = 0;
	bad(req, "off");
}

static struct cons_wire_attach
record(void)
{
	struct cons_wire_attach rec = {
		.name = "c",
		.term = "xterm-256color",
		.client = rte_cpu_to_be_64(9),
		.instance = rte_cpu_to_be_64(8),
		.out_pos = rte_cpu_to_be_64(CONS_POS_MAX),
		.flags = rte_cpu_to_be_32(CONS_ATTACH_OBSERVE | CONS_ATTACH_TAKE_OVER),
		.history = rte_cpu_to_be_32(UINT32_MAX),
		.size = { rte_cpu_to_be_16(1000), rte_cpu_to_be_16(1), rte_cpu_to_be_16(3),
			  rte_cpu_to_be_16(4) },
	};

	return rec;
}

static void
test_attach(void **state)
{
	struct cons_wire_attach rec = record();
	struct cons_attach in;

	assert_int_equal(cons_gate_attach(&rec, &in), CONS_OK);
	assert_string_equal(in.name, "c");
	assert_string_equal(in.term, "xterm-256color");
	assert_int_equal(in.client, 9);
	assert_int_equal(in.instance, 8);
	assert_int_equal(in.out_pos, CONS_POS_MAX);
	assert_int_equal(in.flags, 3);
	assert_int_equal(in.history, UINT32_MAX);
	assert_int_equal(in.rows, 1000);
	assert_int_equal(in.cols, 1);
	assert_int_equal(in.xpixel, 3);
	assert_int_equal(in.ypixel, 4);

	/* Names of full length, and empty ones. */
	memset(rec.name, 'n', sizeof(rec.name) - 1);
	memset(rec.term, 'T', sizeof(rec.term) - 1);
	assert_int_equal(cons_gate_attach(&rec, &in), CONS_OK);
	assert_int_equal(strlen(in.name), CONS_NAME_MAX - 1);
	rec.name[0] = rec.term[0] = '\0';
	assert_int_equal(cons_gate_attach(&rec, &in), CONS_OK);

	/* No size: nothing of it counts. */
	rec.size.rows = 0;
	rec.size.cols = 0xffff;
	assert_int_equal(cons_gate_attach(&rec, &in), CONS_OK);
	assert_int_equal(in.rows, 0);
	assert_int_equal(in.cols, 0);
}

static void
bad_attach(const struct cons_wire_attach *rec, const char *what)
{
	struct cons_attach in;

	if (cons_gate_attach(rec, &in) != CONS_EINVAL)
		fail_msg("an attach record passes with a wrong %s", what);
}

static void
test_bad_attach(void **state)
{
	static const char *const names[] = { ".", "..", "a/b", "a b", "\x1b[31m", "\xff", "\n" };
	static const char *const terms[] = { "a b", "a=b", "a/b", "\x1b", "a;b", "\x80" };
	struct cons_wire_attach rec;

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		rec = record();
		strcpy(rec.name, names[i]);
		bad_attach(&rec, "name");
	}
	for (size_t i = 0; i < RTE_DIM(terms); i++) {
		rec = record();
		strcpy(rec.term, terms[i]);
		bad_attach(&rec, "term");
	}
	rec = record();
	memset(rec.name, 'n', sizeof(rec.name));
	bad_attach(&rec, "name without NUL");
	rec = record();
	memset(rec.term, 't', sizeof(rec.term));
	bad_attach(&rec, "term without NUL");
	rec = record();
	rec.client = 0;
	bad_attach(&rec, "client");
	rec = record();
	rec.out_pos = rte_cpu_to_be_64(CONS_POS_MAX + 1);
	bad_attach(&rec, "out_pos");
	rec = record();
	rec.flags = rte_cpu_to_be_32(4);
	bad_attach(&rec, "flags");
	for (size_t i = 0; i < sizeof(rec.reserved); i++) {
		rec = record();
		rec.reserved[i] = 1;
		bad_attach(&rec, "reserved byte");
	}
	rec = record();
	rec.size.cols = 0;
	bad_attach(&rec, "size");
}

static void
test_size(void **state)
{
	static const struct {
		uint16_t rows, cols;
		enum cons_status want;
	} cases[] = {
		{ 1, 1, CONS_OK },	   { 1000, 1000, CONS_OK },	{ 0, 80, CONS_EINVAL },
		{ 24, 0, CONS_EINVAL },	   { 1001, 80, CONS_EINVAL },	{ 24, 1001, CONS_EINVAL },
		{ 65535, 1, CONS_EINVAL }, { 256, 65535, CONS_EINVAL },
	};
	struct cons_attach in;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct cons_wire_size wire = { .rows = rte_cpu_to_be_16(cases[i].rows),
					       .cols = rte_cpu_to_be_16(cases[i].cols) };

		if (cons_gate_size(&wire, &in) != cases[i].want)
			fail_msg("size case %zu", i);
	}
}

static void
test_words(void **state)
{
	assert_string_equal(cons_status_str(CONS_OK), "no error");
	for (uint16_t i = 0; i < CONS_STATUS_COUNT; i++)
		assert_true(strlen(cons_status_str(i)) > 0);
	assert_string_equal(cons_status_str(CONS_STATUS_COUNT), "unknown status");
	assert_true(cons_name_valid("~!a"));
	assert_false(cons_name_valid(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_bad_ops), cmocka_unit_test(test_bad_writes),
		cmocka_unit_test(test_attach),	cmocka_unit_test(test_bad_attach),
		cmocka_unit_test(test_size),	cmocka_unit_test(test_words),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
