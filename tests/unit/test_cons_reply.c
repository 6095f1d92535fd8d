/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate for answers of a console server: pure functions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cons_client_priv.h"

#define SLOT 16384
#define NEXT ((UINT64_C(5) << 32) + 100) /* position of the next byte */

static void
completions(void **state)
{
	static const struct {
		uint8_t op, flags;
		uint16_t status;
		uint32_t result, payload;
		int ret;
	} table[] = {
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 100, 1, 0 },
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 100, SLOT, 0 },
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 100, SLOT + 1, -EPROTO },
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 100, 0, -EPROTO },
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 99, 1, -EPROTO },
		{ CONS_READ, CONS_KIND_DATA, CONS_OK, 101, 1, -EPROTO },
		{ CONS_READ, CONS_KIND_EVENT, CONS_OK, 0, 128, 0 },
		{ CONS_READ, CONS_KIND_EVENT, CONS_OK, 0, 127, -EPROTO },
		{ CONS_READ, CONS_KIND_EVENT, CONS_OK, 0, 129, -EPROTO },
		{ CONS_READ, CONS_KIND_EVENT, CONS_OK, 1, 128, -EPROTO },
		{ CONS_READ, 2, CONS_OK, 100, 128, -EPROTO },
		{ CONS_READ, 0, CONS_EGONE, 0, 0, 0 },
		{ CONS_READ, 1, CONS_EGONE, 0, 0, -EPROTO },
		{ CONS_READ, 0, CONS_EGONE, 1, 0, -EPROTO },
		{ CONS_READ, 0, CONS_EGONE, 0, 1, -EPROTO },
		{ CONS_READ, 0, CONS_EINVAL, 0, 0, -EPROTO },
		{ CONS_READ, 0, CONS_EPERM, 0, 0, -EPROTO },
		{ CONS_READ, 0, 0xffff, 0, 0, -EPROTO },
		{ CONS_ATTACH, 0, CONS_OK, 0, 224, 0 },
		{ CONS_ATTACH, 0, CONS_OK, 0, 0, -EPROTO },
		{ CONS_ATTACH, 0, CONS_OK, 0, 223, -EPROTO },
		{ CONS_ATTACH, 1, CONS_OK, 0, 224, -EPROTO },
		{ CONS_ATTACH, 0, CONS_OK, 1, 224, -EPROTO },
		{ CONS_ATTACH, 0, CONS_EBUSY, 0, 224, 0 },
		{ CONS_ATTACH, 0, CONS_EBUSY, 0, 0, -EPROTO },
		{ CONS_ATTACH, 0, CONS_EIO, 0, 224, 0 },
		{ CONS_ATTACH, 0, CONS_EIO, 0, 0, -EPROTO },
		{ CONS_ATTACH, 0, CONS_ENOENT, 0, 0, 0 },
		{ CONS_ATTACH, 0, CONS_ENOENT, 0, 224, 0 },
		{ CONS_ATTACH, 0, CONS_ENOENT, 0, 8, -EPROTO },
		{ CONS_ATTACH, 0, CONS_ENOMEM, 0, 0, 0 },
		{ CONS_ATTACH, 0, CONS_STATUS_COUNT, 0, 0, -EPROTO },
		{ CONS_LIST, 0, CONS_OK, 3, 768, 0 },
		{ CONS_LIST, 1, CONS_OK, 3, 768, -EPROTO },
		{ CONS_LIST, 0, CONS_EINVAL, 0, 0, -EPROTO },
		{ CONS_LIST, 0, CONS_OK, 3, SLOT + 256, -EPROTO },
		{ CONS_WRITE, 0, CONS_OK, 0, 0, 0 },
		{ CONS_WRITE, 0, CONS_EPERM, 0, 0, 0 },
		{ CONS_WRITE, 0, CONS_EGONE, 0, 0, 0 },
		{ CONS_WRITE, 0, CONS_EINVAL, 0, 0, -EPROTO },
		{ CONS_WRITE, 0, CONS_EBUSY, 0, 0, -EPROTO },
		{ CONS_WRITE, 1, CONS_OK, 0, 0, -EPROTO },
		{ CONS_WRITE, 0, CONS_OK, 1, 0, -EPROTO },
		{ CONS_WRITE, 0, CONS_OK, 0, 1, -EPROTO },
		{ CONS_RESIZE, 0, CONS_OK, 0, 0, 0 },
		{ CONS_BREAK, 0, CONS_EPERM, 0, 0, 0 },
		{ CONS_EOF, 0, CONS_EGONE, 0, 0, 0 },
		{ CONS_DETACH, 0, CONS_OK, 0, 0, 0 },
		{ CONS_DETACH, 0, CONS_OK, 0, SLOT, -EPROTO },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		const struct link_cqe cqe = {
			.flags = table[i].flags,
			.status = table[i].status,
			.result = table[i].result,
			.payload = table[i].payload,
		};

		if (cons_reply_gate(table[i].op, &cqe, SLOT, NEXT) != table[i].ret)
			fail_msg("row %zu", i);
	}
}

/* Positions end at 56 bits. */
static void
last_position(void **state)
{
	struct link_cqe cqe = { .payload = 10, .result = (uint32_t)(CONS_POS_MAX - 10) };

	assert_int_equal(cons_reply_gate(CONS_READ, &cqe, SLOT, CONS_POS_MAX - 10), 0);
	cqe.payload = 11;
	assert_int_equal(cons_reply_gate(CONS_READ, &cqe, SLOT, CONS_POS_MAX - 10), -EPROTO);
}

static struct cons_wire_attached
good_attached(void)
{
	struct cons_wire_attached wire = {
		.name = "sh",
		.text = "hello\x1b",
		.instance = rte_cpu_to_be_64(11),
		.out_pos = rte_cpu_to_be_64(1000),
		.in_pos = rte_cpu_to_be_64(20),
		.lost = rte_cpu_to_be_64(30),
		.writer = rte_cpu_to_be_64(99),
		.flags = rte_cpu_to_be_32(CONS_ATTACHED_WRITER | 0x80),
		.unit = rte_cpu_to_be_16(3),
	};

	return wire;
}

static void
attached(void **state)
{
	const struct cons_wire_attach asked = { 0 };
	struct cons_wire_attached wire = good_attached();
	struct cons_attached a;

	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), 0);
	assert_string_equal(a.name, "sh");
	assert_string_equal(a.text, "hello?");
	assert_int_equal(a.instance, 11);
	assert_int_equal(a.out_pos, 1000);
	assert_int_equal(a.in_pos, 20);
	assert_int_equal(a.lost, 30);
	assert_int_equal(a.writer, 99);
	assert_int_equal(a.flags, CONS_ATTACHED_WRITER);
	assert_int_equal(a.unit, 3);
	/* Version 2: the unit is the one that was asked for. */
	assert_int_equal(cons_reply_attached(&wire, &asked, 3, CONS_OK, &a), 0);
	assert_int_equal(cons_reply_attached(&wire, &asked, 4, CONS_OK, &a), -EPROTO);
	assert_int_equal(cons_reply_attached(&wire, &asked, 4, CONS_EBUSY, &a), 0);
}

#define REFUSED(change, status, want)                                                              \
	do {                                                                                       \
		wire = good_attached();                                                            \
		change;                                                                            \
		assert_int_equal(cons_reply_attached(&wire, &asked, 0, status, &a), want);         \
	} while (0)

static void
attached_refused(void **state)
{
	struct cons_wire_attach asked = { 0 };
	struct cons_wire_attached wire;
	struct cons_attached a;

	REFUSED(memset(wire.name, 'x', sizeof(wire.name)), CONS_OK, -EPROTO);
	REFUSED(memset(wire.text, 'x', sizeof(wire.text)), CONS_EIO, -EPROTO);
	REFUSED(wire.out_pos = rte_cpu_to_be_64(CONS_POS_MAX + 1), CONS_OK, -EPROTO);
	REFUSED(wire.in_pos = rte_cpu_to_be_64(UINT64_MAX), CONS_OK, -EPROTO);
	REFUSED(wire.lost = rte_cpu_to_be_64(UINT64_MAX), CONS_OK, -EPROTO);
	/* What only an attachment needs. */
	REFUSED(wire.instance = 0, CONS_OK, -EPROTO);
	REFUSED(wire.instance = 0, CONS_EBUSY, 0);
	REFUSED(wire.unit = 0, CONS_OK, -EPROTO);
	REFUSED(wire.unit = 0, CONS_EIO, 0);
	REFUSED(wire.name[0] = '\0', CONS_OK, -EPROTO);
	REFUSED(wire.name[0] = '\0', CONS_ENOENT, 0);
}

/* Where history ends: told, or as far as was asked for; never before what READs bring. */
static void
attached_head(void **state)
{
	struct cons_wire_attach asked = { .history = rte_cpu_to_be_32(500) };
	struct cons_wire_attached wire = good_attached();
	struct cons_attached a;

	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), 0);
	assert_int_equal(a.head, 1500);
	asked.instance = rte_cpu_to_be_64(10);
	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), 0);
	assert_int_equal(a.head, 1000);
	wire.told = rte_cpu_to_be_32(CONS_TOLD_HEAD);
	wire.head = rte_cpu_to_be_64(1234);
	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), 0);
	assert_int_equal(a.head, 1234);
	wire.head = rte_cpu_to_be_64(999);
	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), -EPROTO);
	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_EBUSY, &a), 0);
	wire.head = rte_cpu_to_be_64(CONS_POS_MAX + 1);
	assert_int_equal(cons_reply_attached(&wire, &asked, 0, CONS_OK, &a), -EPROTO);
}

static void
attached_otherwise_than_asked(void **state)
{
	struct cons_wire_attach asked = { 0 };
	struct cons_wire_attached wire;
	struct cons_attached a;

	/* The role is the one that was asked for. */
	REFUSED(wire.flags = 0, CONS_OK, -EPROTO);
	REFUSED(wire.flags = 0, CONS_EBUSY, 0);
	asked.flags = rte_cpu_to_be_32(CONS_ATTACH_OBSERVE);
	REFUSED((void)0, CONS_OK, -EPROTO);
	REFUSED(wire.flags = 0, CONS_OK, 0);
	asked.flags = 0;
	/* A resumed stream goes on where it was asked to. */
	asked.instance = rte_cpu_to_be_64(11);
	asked.out_pos = rte_cpu_to_be_64(970);
	REFUSED((void)0, CONS_OK, 0);
	REFUSED(wire.lost = 0, CONS_OK, -EPROTO);
	REFUSED(wire.out_pos = rte_cpu_to_be_64(900), CONS_OK, -EPROTO);
	REFUSED(wire.instance = rte_cpu_to_be_64(12), CONS_OK, 0);
}
#undef REFUSED

static void
events(void **state)
{
	static const struct {
		uint32_t type, code;
		uint64_t value, out_pos;
		int ret;
	} table[] = {
		{ CONS_EVENT_CUT, 0, 50, NEXT + 50, 0 },
		{ CONS_EVENT_CUT, 0, 50, NEXT + 51, -EPROTO },
		{ CONS_EVENT_CUT, 0, 0, NEXT, -EPROTO },
		{ CONS_EVENT_CUT, 0, UINT64_MAX, NEXT - 1, -EPROTO },
		{ CONS_EVENT_CUT, 0, CONS_POS_MAX + 1, 0, -EPROTO },
		{ CONS_EVENT_CUT, 0, 1, CONS_POS_MAX + 1, -EPROTO },
		{ CONS_EVENT_ENDED, 0, 0, 0, 0 },
		{ CONS_EVENT_ENDED, 255, 0, 0, 0 },
		{ CONS_EVENT_ENDED, 256, 0, 0, -EPROTO },
		{ CONS_EVENT_ENDED, 257, 0, 0, 0 },
		{ CONS_EVENT_ENDED, 256 + 127, 0, 0, 0 },
		{ CONS_EVENT_ENDED, 256 + 128, 0, 0, -EPROTO },
		{ CONS_EVENT_ENDED, 511, 0, 0, -EPROTO },
		{ CONS_EVENT_ENDED, 512, 0, 0, 0 },
		{ CONS_EVENT_ENDED, 513, 0, 0, -EPROTO },
		{ CONS_EVENT_TAKEN, 0, 77, 0, 0 },
		{ CONS_EVENT_DETACHED, 0, 0, 0, 0 },
		{ 0, 0, 0, 0, -EPROTO },
		{ 5, 0, 0, 0, -EPROTO },
	};
	struct cons_wire_event wire;
	struct cons_event ev;

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		wire = (struct cons_wire_event){
			.type = rte_cpu_to_be_32(table[i].type),
			.code = rte_cpu_to_be_32(table[i].code),
			.value = rte_cpu_to_be_64(table[i].value),
			.out_pos = rte_cpu_to_be_64(table[i].out_pos),
			.text = "a\nb",
		};
		if (cons_reply_event(&wire, NEXT, &ev) != table[i].ret)
			fail_msg("row %zu", i);
		if (table[i].ret != 0)
			continue;
		assert_string_equal(ev.text, "a?b");
		assert_int_equal(ev.code, table[i].code);
		assert_int_equal(ev.value, table[i].value);
	}
	memset(wire.text, 'x', sizeof(wire.text));
	wire.type = rte_cpu_to_be_32(CONS_EVENT_TAKEN);
	wire.out_pos = 0;
	assert_int_equal(cons_reply_event(&wire, NEXT, &ev), -EPROTO);
}

static void
lists(void **state)
{
	static const struct {
		uint32_t index, result, payload;
		int ret;
	} table[] = {
		{ 0, 0, 0, 0 },		 { 0, 3, 768, 3 },	  { 0, 3, 256, 1 },
		{ 2, 3, 256, 1 },	 { 0, 64, 64 * 256, 64 }, { 0, 65, 65 * 256, -EPROTO },
		{ 0, 3, 0, -EPROTO }, /* would be asked for ever */
		{ 0, 3, 1024, -EPROTO }, { 2, 3, 512, -EPROTO },  { 0, 3, 300, -EPROTO },
		{ 3, 2, 0, 0 }, /* it has become shorter */
		{ 3, 2, 256, -EPROTO },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		const struct link_cqe cqe = { .result = table[i].result,
					      .payload = table[i].payload };

		if (cons_reply_list(&cqe, table[i].index) != table[i].ret)
			fail_msg("row %zu", i);
	}
}

static void
infos(void **state)
{
	struct cons_wire_info wire = {
		.name = "a/b\x7f",
		.desc = "x\033y",
		.instance = rte_cpu_to_be_64(1),
		.writer = rte_cpu_to_be_64(2),
		.out_pos = rte_cpu_to_be_64(3),
		.flags = rte_cpu_to_be_32(UINT32_MAX),
		.age = rte_cpu_to_be_32(4),
		.writer_age = rte_cpu_to_be_32(5),
		.observers = rte_cpu_to_be_16(6),
		.rows = rte_cpu_to_be_16(7),
		.cols = rte_cpu_to_be_16(8),
		.observer = { rte_cpu_to_be_64(9), 0, 0, rte_cpu_to_be_64(10) },
	};
	struct cons_info info;

	assert_int_equal(cons_reply_info(&wire, &info), 0);
	assert_string_equal(info.name, "a/b?");
	assert_string_equal(info.desc, "x?y");
	assert_int_equal(info.instance, 1);
	assert_int_equal(info.writer, 2);
	assert_int_equal(info.out_pos, 3);
	assert_int_equal(info.flags, CONS_INFO_DEVICE | CONS_INFO_MAY_WRITE);
	assert_int_equal(info.age, 4);
	assert_int_equal(info.writer_age, 5);
	assert_int_equal(info.observers, 6);
	assert_int_equal(info.rows, 7);
	assert_int_equal(info.cols, 8);
	assert_int_equal(info.observer[0], 9);
	assert_int_equal(info.observer[3], 10);
	wire.out_pos = rte_cpu_to_be_64(CONS_POS_MAX + 1);
	assert_int_equal(cons_reply_info(&wire, &info), -EPROTO);
	wire.out_pos = 0;
	memset(wire.desc, 'x', sizeof(wire.desc));
	assert_int_equal(cons_reply_info(&wire, &info), -EPROTO);
	wire.desc[10] = '\0';
	assert_int_equal(cons_reply_info(&wire, &info), 0);
	wire.name[0] = '\0';
	assert_int_equal(cons_reply_info(&wire, &info), -EPROTO);
	memset(wire.name, 'x', sizeof(wire.name));
	assert_int_equal(cons_reply_info(&wire, &info), -EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions),	 cmocka_unit_test(last_position),
		cmocka_unit_test(attached),	 cmocka_unit_test(attached_refused),
		cmocka_unit_test(attached_head), cmocka_unit_test(attached_otherwise_than_asked),
		cmocka_unit_test(events),	 cmocka_unit_test(lists),
		cmocka_unit_test(infos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
