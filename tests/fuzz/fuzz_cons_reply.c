/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a console server answers, as bytes: completions, and the records behind them. Whatever they
 * are, what comes out must keep the promises of the headers.
 */
#include <stdlib.h>
#include <string.h>

#include "cons_client_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* NUL-terminated, and nothing a terminal would act on. */
static void
check_text(const char *text, size_t size)
{
	CHECK(strnlen(text, size) < size);
	for (; *text != '\0'; text++)
		CHECK(*text >= 0x20 && *text < 0x7f);
}

struct head {
	uint8_t what, op, flags, slot_shift;
	uint16_t status;
	uint32_t result, payload;
	uint64_t out_next;
};

static void
fuzz_completion(const struct head *in)
{
	const struct link_cqe cqe = {
		.flags = in->flags,
		.status = in->status,
		.result = in->result,
		.payload = in->payload,
	};
	uint32_t slot = 4096u << in->slot_shift % 7;
	uint64_t next = in->out_next % (CONS_POS_MAX + 1);
	int n;

	if (cons_reply_gate(in->op, &cqe, slot, next) != 0)
		return;
	CHECK(cqe.payload <= slot);
	if (in->op == CONS_READ && cqe.status == CONS_OK && cqe.flags == CONS_KIND_DATA) {
		CHECK(cqe.payload != 0 && next + cqe.payload <= CONS_POS_MAX);
		CHECK(cqe.result == (uint32_t)next);
	}
	if (in->op == CONS_ATTACH && cqe.status == CONS_OK)
		CHECK(cqe.payload == sizeof(struct cons_wire_attached));
	if (in->op != CONS_LIST)
		return;
	n = cons_reply_list(&cqe, in->slot_shift);
	CHECK(n <= 0 || in->slot_shift + n <= CONS_CONSOLES_MAX);
	CHECK(n <= 0 || (uint32_t)n * sizeof(struct cons_wire_info) == cqe.payload);
}

static void
fuzz_attached(const struct head *in, const uint8_t *data, size_t size)
{
	struct cons_wire_attached wire = { 0 };
	struct cons_wire_attach asked = { 0 };
	uint16_t unit = in->op & 2 ? 1 + in->slot_shift % CONS_UNITS_MAX : 0;
	struct cons_attached a;

	memcpy(&wire, data, RTE_MIN(size, sizeof(wire)));
	if (in->op & 1)
		asked.instance = wire.instance;
	asked.out_pos = rte_cpu_to_be_64(in->out_next % (CONS_POS_MAX + 1));
	asked.flags = rte_cpu_to_be_32(in->flags);
	if (cons_reply_attached(&wire, &asked, unit, in->status, &a) != 0)
		return;
	check_text(a.name, sizeof(a.name));
	check_text(a.text, sizeof(a.text));
	CHECK(a.out_pos <= CONS_POS_MAX && a.in_pos <= CONS_POS_MAX && a.lost <= CONS_POS_MAX);
	if (in->status != CONS_OK)
		return;
	CHECK(unit == 0 || a.unit == unit);
	CHECK(a.unit != 0 && a.instance != 0 && a.name[0] != '\0');
	if (asked.instance == wire.instance)
		CHECK(a.out_pos >= rte_be_to_cpu_64(asked.out_pos));
}

static void
fuzz_event(const struct head *in, const uint8_t *data, size_t size)
{
	uint64_t next = in->out_next % (CONS_POS_MAX + 1);
	struct cons_wire_event wire = { 0 };
	struct cons_event ev;

	memcpy(&wire, data, RTE_MIN(size, sizeof(wire)));
	if (cons_reply_event(&wire, next, &ev) != 0)
		return;
	check_text(ev.text, sizeof(ev.text));
	CHECK(ev.type >= CONS_EVENT_CUT && ev.type <= CONS_EVENT_DETACHED);
	if (ev.type == CONS_EVENT_CUT)
		CHECK(ev.out_pos > next && ev.out_pos - next == ev.value);
}

static void
fuzz_info(const uint8_t *data, size_t size)
{
	struct cons_wire_info wire = { 0 };
	struct cons_info info;

	memcpy(&wire, data, RTE_MIN(size, sizeof(wire)));
	if (cons_reply_info(&wire, &info) != 0)
		return;
	check_text(info.name, sizeof(info.name));
	check_text(info.desc, sizeof(info.desc));
	CHECK(info.name[0] != '\0' && info.out_pos <= CONS_POS_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	data += sizeof(in);
	size -= sizeof(in);
	switch (in.what % 4) {
	case 0:
		fuzz_completion(&in);
		break;
	case 1:
		fuzz_attached(&in, data, size);
		break;
	case 2:
		fuzz_event(&in, data, size);
		break;
	default:
		fuzz_info(data, size);
		break;
	}
	return 0;
}
