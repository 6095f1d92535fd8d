/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever passes the server's gate is in range, ended by NUL, and printable. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cons.h"
#include "link.h"

struct input {
	struct link_req req;
	uint32_t slot_size;
	struct cons_wire_attach attach;
	struct cons_wire_size size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
check_request(const struct link_req *req, uint32_t slot_size, bool version2)
{
	bool told = req->op == CONS_ATTACH && !version2;

	must(req->op > 0 && req->op < CONS_OP_COUNT && req->flags == 0);
	must((req->unit == 0) == (req->op == CONS_LIST || told));
	must(!version2 || req->unit <= CONS_UNITS_MAX);
	switch (req->op) {
	case CONS_WRITE:
		must(req->len > 0 && req->len <= slot_size && req->payload == req->len);
		must(req->off <= CONS_POS_MAX && req->off + req->len <= CONS_POS_MAX);
		break;
	case CONS_ATTACH:
		must(req->payload == sizeof(struct cons_wire_attach));
		break;
	case CONS_RESIZE:
		must(req->payload == sizeof(struct cons_wire_size));
		break;
	default:
		must(req->payload == 0 && req->len == 0);
	}
	if (req->op != CONS_LIST && req->op != CONS_WRITE && req->op != CONS_EOF)
		must(req->off == 0);
}

static void
check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	must(len < size);
	for (size_t i = 0; i < len; i++)
		must(text[i] > ' ' && text[i] <= '~' && text[i] != '/');
}

static void
check_size(const struct cons_attach *in)
{
	must(in->rows >= 1 && in->rows <= CONS_SIZE_MAX);
	must(in->cols >= 1 && in->cols <= CONS_SIZE_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cons_attach out;
	struct input in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	for (int version2 = 0; version2 < 2; version2++) {
		if (cons_gate(&in.req, in.slot_size, version2) == CONS_OK)
			check_request(&in.req, in.slot_size, version2);
	}
	if (cons_gate_attach(&in.attach, &out) == CONS_OK) {
		check_text(out.name, sizeof(out.name));
		check_text(out.term, sizeof(out.term));
		must(out.client != 0 && out.flags < 4 && out.out_pos <= CONS_POS_MAX);
		if (out.rows != 0)
			check_size(&out);
	}
	memset(&out, 0, sizeof(out));
	if (cons_gate_size(&in.size, &out) == CONS_OK)
		check_size(&out);
	return 0;
}
