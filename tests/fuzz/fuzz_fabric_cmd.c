/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device model against arbitrary owners: loads, stores, maps, faults, comings and goings of
 * three functions, in any order. Beyond what the sanitizers see, memory that was never mapped for
 * the device must stay as it is.
 *
 * Input: operations of 16 bytes: u8 op, u8 function, u16 len, u32 a, u64 b; then op's data.
 */
#include <stdlib.h>
#include <string.h>

#include "fabric.h"
#include "ism_addr.h"
#include "ism_cmd.h"

#define FNS 3
#define PAGES 16u
#define PAGE 4096u
#define IOVA UINT64_C(0x100000000)
#define GID UINT64_C(0x10)
#define OPS_MAX 256

struct op {
	uint8_t op, fn;
	uint16_t len;
	uint32_t a;
	uint64_t b;
};

/* Every function's memory lies between two pages that the device must never touch. */
static uint8_t memory[FNS][(PAGES + 2) * PAGE] __attribute__((aligned(PAGE)));

static void
fences_check(void)
{
	unsigned int i, j;

	for (i = 0; i < FNS; i++)
		for (j = 0; j < PAGE; j++)
			if (memory[i][j] != 0xa5 || memory[i][(PAGES + 1) * PAGE + j] != 0xa5)
				abort();
}

static void
store(struct fabric_fn *fn, const struct op *op, const uint8_t *data, size_t size)
{
	uint8_t buf[PAGE + 8] = { 0 };
	size_t len = op->len % sizeof(buf);

	memcpy(buf, data, len < size ? len : size);
	/* Half of the time a token that exists, so that something is hit. */
	if (op->a & 1)
		fabric_fn_store(fn, op->a % 3, op->b, buf, len);
	else
		fabric_fn_store(fn, FABRIC_BAR_DATA,
				((uint64_t)(op->a % 32) << 32) | (op->b & 0xffffff8), buf,
				len & ~(size_t)7);
}

/* A command with a sane header, its body from the input. */
static void
command(struct fabric_fn *fn, const struct op *op, const uint8_t *data, size_t size)
{
	uint8_t req[64] = { 0 }, rsp[8];
	struct ism_req_hdr hdr;

	memcpy(req + 8, data, size < sizeof(req) - 8 ? size : sizeof(req) - 8);
	ism_req_hdr_set(&hdr, op->a % 0x14, op->len % 72);
	memcpy(req, &hdr, sizeof(hdr));
	fabric_fn_store(fn, FABRIC_BAR_CMD, 0, req, sizeof(req));
	fabric_fn_load(fn, FABRIC_BAR_CMD, 0, rsp, sizeof(rsp));
}

/* REG_DMB of memory that is likely there, for a peer that is. */
static void
reg_dmb(struct fabric_fn *fn, const struct op *op)
{
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(IOVA + op->b % PAGES * PAGE),
		.len = rte_cpu_to_be_32((op->len % PAGES + 1) * PAGE),
		.sba_idx = rte_cpu_to_be_32(32 + op->a % 64),
		.vlan_valid = op->a >> 31,
		.vlan_id = rte_cpu_to_be_32(op->a >> 16 & 3),
		.rgid = rte_cpu_to_be_64(GID + op->a % FNS),
	};

	ism_req_hdr_set(&req.hdr, ISM_CMD_REG_DMB, sizeof(req));
	fabric_fn_store(fn, FABRIC_BAR_CMD, 0, &req, sizeof(req));
}

static void
map(struct fabric_fn *fn, unsigned int n, const struct op *op)
{
	uint64_t page = op->b % PAGES, pages = op->len % (PAGES - page) + 1;

	if (op->a & 1) {
		fabric_fn_dma_unmap(fn, op->b, op->a, NULL, NULL);
		fabric_fn_dma_unmap(fn, IOVA + page * PAGE, pages * PAGE, NULL, NULL);
	} else {
		fabric_fn_dma_map(fn, IOVA + page * PAGE, pages * PAGE,
				  op->a & 2 ? &memory[n][(page + 1) * PAGE] : NULL, -1, 0);
	}
}

static void
fault(struct fabric *fab, const struct op *op, const uint8_t *data, size_t size)
{
	char text[64] = { 0 }, err[64];

	/* Delays would only make the fuzzer slow. */
	memcpy(text, data, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	if (strstr(text, "delay") == NULL)
		fabric_fault(fab, text, err, sizeof(err));
}

static void
run(struct fabric *fab, struct fabric_fn *fn[FNS], const struct op *op, const uint8_t *data,
    size_t size)
{
	unsigned int n = op->fn % FNS;
	struct fabric_direct direct;
	uint8_t buf[16];

	switch (op->op % 9) {
	case 0:
		store(fn[n], op, data, size);
		break;
	case 1:
		command(fn[n], op, data, size);
		break;
	case 2:
		reg_dmb(fn[n], op);
		break;
	case 3:
		map(fn[n], n, op);
		break;
	case 4:
		fabric_fn_load(fn[n], op->a % 8, op->b, buf, op->len % 17);
		break;
	case 5:
		if (op->a & 1)
			fabric_fn_detach(fn[n]);
		else
			fabric_fn_reset(fn[n]);
		fabric_fn_attach(fn[n]);
		break;
	case 6:
		fault(fab, op, data, size);
		break;
	case 7:
		fabric_fn_direct(fn[n], op->b, &direct);
		break;
	default:
		fabric_fn_set_quirk(fn[n], op->a & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[FNS] = { "a", "b", "c" };
	struct fabric *fab = fabric_create();
	struct fabric_fn *fn[FNS];
	unsigned int i, ops;
	struct op op;
	size_t len;

	if (fab == NULL)
		return 0;
	for (i = 0; i < FNS; i++) {
		struct fabric_fn_conf conf = {
			.name = names[i],
			.gid = GID + i,
			.vlans = { 1, 2 },
			.vlan_count = i,
		};

		memset(memory[i], 0xa5, sizeof(memory[i]));
		if (fabric_fn_add(fab, &conf, &fn[i]) < 0 || fabric_fn_attach(fn[i]) < 0)
			abort();
		fabric_fn_dma_map(fn[i], IOVA, PAGES / 2 * PAGE, &memory[i][PAGE], -1, 0);
	}
	for (ops = 0; ops < OPS_MAX && size >= sizeof(op); ops++) {
		memcpy(&op, data, sizeof(op));
		data += sizeof(op);
		size -= sizeof(op);
		len = op.len % 64 < size ? op.len % 64 : size;
		run(fab, fn, &op, data, len);
		data += len;
		size -= len;
	}
	fences_check();
	fabric_destroy(fab);
	return 0;
}
