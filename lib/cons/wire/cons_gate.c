/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate for requests of a peer (SPEC-cons section 7). cons_gate() runs once per
 * request, on the local copy of the descriptor; the others on local copies of records.
 */
#include <stdbool.h>
#include <string.h>

#include "cons.h"
#include "link.h"

#define ANY UINT64_MAX

/* What each operation may look like. */
static const struct {
	bool unit; /* names an attachment; else unit is 0 */
	bool bytes; /* len bytes of payload, at least one */
	uint64_t off_max;
	uint32_t record; /* bytes of the record that comes along */
} gate_ops[CONS_OP_COUNT] = {
	[CONS_LIST] = { .off_max = ANY },
	[CONS_ATTACH] = { .record = sizeof(struct cons_wire_attach) },
	[CONS_READ] = { .unit = true },
	[CONS_WRITE] = { .unit = true, .bytes = true, .off_max = CONS_POS_MAX },
	[CONS_RESIZE] = { .unit = true, .record = sizeof(struct cons_wire_size) },
	[CONS_BREAK] = { .unit = true },
	[CONS_EOF] = { .unit = true, .off_max = CONS_POS_MAX },
	[CONS_DETACH] = { .unit = true },
};

/* ATTACH names its unit in version 2, and is told one in version 1. */
static bool
unit_ok(const struct link_req *req, bool version2)
{
	if (!gate_ops[req->op].unit && !(version2 && req->op == CONS_ATTACH))
		return req->unit == 0;
	return req->unit != 0 && (!version2 || req->unit <= CONS_UNITS_MAX);
}

enum cons_status
cons_gate(const struct link_req *req, uint32_t slot_size, bool version2)
{
	if (req->op == 0 || req->op >= CONS_OP_COUNT || req->flags != 0)
		return CONS_EINVAL;
	if (req->off > gate_ops[req->op].off_max || !unit_ok(req, version2))
		return CONS_EINVAL;
	if (!gate_ops[req->op].bytes)
		return req->len == 0 && req->payload == gate_ops[req->op].record ? CONS_OK
										 : CONS_EINVAL;
	if (req->len == 0 || req->len > slot_size || req->payload != req->len)
		return CONS_EINVAL;
	/* No sum that could wrap: off is at most CONS_POS_MAX. */
	return req->len <= CONS_POS_MAX - req->off ? CONS_OK : CONS_EINVAL;
}

/* @return whether all of it is 0. */
static bool
zeros(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* 0 to 63 of the characters of a TERM, then NUL. */
static bool
term_ok(const char *term)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789+._-";

	return memchr(term, '\0', CONS_TERM_MAX) != NULL && term[strspn(term, good)] == '\0';
}

static bool
name_ok(const char *name)
{
	return name[0] == '\0' || cons_name_valid(name);
}

static void
take_size(const struct cons_wire_size *wire, struct cons_attach *out)
{
	out->rows = rte_be_to_cpu_16(wire->rows);
	out->cols = rte_be_to_cpu_16(wire->cols);
	out->xpixel = rte_be_to_cpu_16(wire->xpixel);
	out->ypixel = rte_be_to_cpu_16(wire->ypixel);
}

enum cons_status
cons_gate_size(const struct cons_wire_size *wire, struct cons_attach *out)
{
	take_size(wire, out);
	if (out->rows == 0 || out->rows > CONS_SIZE_MAX)
		return CONS_EINVAL;
	return out->cols != 0 && out->cols <= CONS_SIZE_MAX ? CONS_OK : CONS_EINVAL;
}

enum cons_status
cons_gate_attach(const struct cons_wire_attach *wire, struct cons_attach *out)
{
	memset(out, 0, sizeof(*out));
	if (!name_ok(wire->name) || !term_ok(wire->term))
		return CONS_EINVAL;
	memcpy(out->name, wire->name, sizeof(out->name));
	memcpy(out->term, wire->term, sizeof(out->term));
	out->client = rte_be_to_cpu_64(wire->client);
	out->instance = rte_be_to_cpu_64(wire->instance);
	out->out_pos = rte_be_to_cpu_64(wire->out_pos);
	out->flags = rte_be_to_cpu_32(wire->flags);
	out->history = rte_be_to_cpu_32(wire->history);
	if (out->client == 0 || out->out_pos > CONS_POS_MAX)
		return CONS_EINVAL;
	if ((out->flags & ~(CONS_ATTACH_OBSERVE | CONS_ATTACH_TAKE_OVER)) != 0 ||
	    !zeros(wire->reserved, sizeof(wire->reserved)))
		return CONS_EINVAL;
	/* Unknown: nothing of it is. */
	if (wire->size.rows == 0)
		return CONS_OK;
	return cons_gate_size(&wire->size, out);
}
