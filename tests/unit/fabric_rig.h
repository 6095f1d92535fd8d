/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fabric for tests of the device model: functions with memory, driven by loads and stores as a
 * driver would. Every helper that can fail without that being the point asserts.
 */
#ifndef FABRIC_RIG_H
#define FABRIC_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fabric.h"
#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_sba.h"

#define RIG_IOVA UINT64_C(0x100000000)
#define RIG_MEM (4u << 20) /* bytes of memory a function has */
#define RIG_PAGE 4096u
#define RIG_DMB 0x100000u /* offset in the memory from which on tests put DMBs */
#define RIG_GID(n) (UINT64_C(0xabcd000000000000) + (n))

struct rig_fn {
	struct fabric_fn *fn;
	uint64_t gid;
	int fd;
	uint8_t *mem; /* page 0: SBA, page 1: IEQ */
	struct ism_sba *sba;
	struct ism_ieq *ieq;
	int ieq_pos;
	unsigned int irqs;
};

/* A command by the book: body, header, response. @return the device's `ret`. */
static inline uint16_t
rig_cmd(struct fabric_fn *fn, enum ism_cmd_code cmd, void *req, size_t req_len, void *rsp,
	size_t rsp_len)
{
	struct ism_rsp_hdr hdr;
	size_t off;

	ism_req_hdr_set(req, cmd, (uint16_t)req_len);
	if (req_len > 8)
		assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 8, (uint8_t *)req + 8,
						 req_len - 8),
				 0);
	assert_int_equal(fabric_fn_store(fn, FABRIC_BAR_CMD, 0, req, 8), 0);
	assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, 0, &hdr, 8), 0);
	assert_int_equal(rte_be_to_cpu_32(hdr.cmd), cmd);
	if (hdr.ret != 0) {
		assert_int_equal(rte_be_to_cpu_16(hdr.len), sizeof(hdr));
		return rte_be_to_cpu_16(hdr.ret);
	}
	assert_int_equal(rte_be_to_cpu_16(hdr.len), rsp_len);
	memcpy(rsp, &hdr, 8);
	for (off = 8; off < rsp_len; off += 8)
		assert_int_equal(fabric_fn_load(fn, FABRIC_BAR_CMD, off, (uint8_t *)rsp + off, 8),
				 0);
	return 0;
}

/* A command without body or answer. */
static inline uint16_t
rig_simple(struct fabric_fn *fn, enum ism_cmd_code cmd)
{
	struct ism_simple_req req;
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, cmd, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline uint16_t
rig_reg_sba(struct fabric_fn *fn, uint64_t iova)
{
	struct ism_reg_sba_req req = { .sba = rte_cpu_to_be_64(iova) };
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, ISM_CMD_REG_SBA, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline uint16_t
rig_reg_ieq(struct fabric_fn *fn, uint64_t iova, uint64_t len)
{
	struct ism_reg_ieq_req req = {
		.ieq = rte_cpu_to_be_64(iova),
		.len = rte_cpu_to_be_64(len),
	};
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, ISM_CMD_REG_IEQ, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline uint16_t
rig_vlan(struct fabric_fn *fn, enum ism_cmd_code cmd, uint64_t id)
{
	struct ism_vlan_req req = { .vlan_id = rte_cpu_to_be_64(id) };
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, cmd, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline uint16_t
rig_query_rgid(struct fabric_fn *fn, uint64_t rgid, uint32_t vlan)
{
	struct ism_query_rgid_req req = {
		.rgid = rte_cpu_to_be_64(rgid),
		.vlan_valid = rte_cpu_to_be_32(vlan != 0),
		.vlan_id = rte_cpu_to_be_32(vlan),
	};
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, ISM_CMD_QUERY_RGID, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline void
rig_info(struct fabric_fn *fn, struct ism_query_info_rsp *rsp)
{
	struct ism_simple_req req;

	assert_int_equal(rig_cmd(fn, ISM_CMD_QUERY_INFO, &req, sizeof(req), rsp, sizeof(*rsp)), 0);
}

/* @return the token, or 0: refused. */
static inline uint64_t
rig_reg_dmb_at(struct fabric_fn *fn, uint32_t idx, uint64_t iova, uint32_t len, uint64_t rgid,
	       uint32_t vlan)
{
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(iova),
		.len = rte_cpu_to_be_32(len),
		.sba_idx = rte_cpu_to_be_32(idx),
		.vlan_valid = rte_cpu_to_be_32(vlan != 0),
		.vlan_id = rte_cpu_to_be_32(vlan),
		.rgid = rte_cpu_to_be_64(rgid),
	};
	struct ism_reg_dmb_rsp rsp;

	if (rig_cmd(fn, ISM_CMD_REG_DMB, &req, sizeof(req), &rsp, sizeof(rsp)) != 0)
		return 0;
	assert_int_not_equal(rsp.token, 0);
	return rte_be_to_cpu_64(rsp.token);
}

/* A DMB of `len` bytes at offset `off` of the function's memory. */
static inline uint64_t
rig_reg_dmb(struct rig_fn *rf, uint32_t idx, uint32_t off, uint32_t len, uint64_t rgid)
{
	return rig_reg_dmb_at(rf->fn, idx, RIG_IOVA + off, len, rgid, 0);
}

static inline uint16_t
rig_unreg_dmb(struct fabric_fn *fn, uint64_t token)
{
	struct ism_unreg_dmb_req req = { .token = rte_cpu_to_be_64(token) };
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, ISM_CMD_UNREG_DMB, &req, sizeof(req), &rsp, sizeof(rsp));
}

static inline uint16_t
rig_signal_ieq(struct fabric_fn *fn, uint64_t rgid, uint32_t irq, uint32_t code, uint64_t info)
{
	struct ism_signal_ieq_req req = {
		.rgid = rte_cpu_to_be_64(rgid),
		.trigger_irq = rte_cpu_to_be_32(irq),
		.event_code = rte_cpu_to_be_32(code),
		.info = rte_cpu_to_be_64(info),
	};
	struct ism_simple_rsp rsp;

	return rig_cmd(fn, ISM_CMD_SIGNAL_IEQ, &req, sizeof(req), &rsp, sizeof(rsp));
}

/* Store without signal. @return as fabric_fn_store(). */
static inline int
rig_store(struct fabric_fn *fn, uint64_t token, uint32_t off, const void *buf, size_t len)
{
	return fabric_fn_store(fn, FABRIC_BAR_DATA, ism_addr_encode(token, 0, false, off), buf,
			       len);
}

static inline void
rig_irq(void *arg)
{
	struct rig_fn *rf = arg;

	rf->irqs++;
}

/* Make the memory visible; SBA and IEQ are registered. After attach or reset. */
static inline void
rig_bring_up(struct rig_fn *rf)
{
	memset(rf->mem, 0, 2 * RIG_PAGE);
	rf->ieq_pos = ISM_IEQ_START;
	rf->irqs = 0;
	assert_int_equal(rig_reg_sba(rf->fn, RIG_IOVA), 0);
	assert_int_equal(rig_reg_ieq(rf->fn, RIG_IOVA + RIG_PAGE, sizeof(struct ism_ieq)), 0);
}

static inline void
rig_attach(struct rig_fn *rf)
{
	assert_int_equal(fabric_fn_attach(rf->fn), 0);
	assert_int_equal(fabric_fn_dma_map(rf->fn, RIG_IOVA, RIG_MEM, rf->mem, rf->fd, 0), 0);
	rig_bring_up(rf);
}

/* Function number n, named "fn<n>", GID RIG_GID(n), attached. */
static inline void
rig_fn_init(struct rig_fn *rf, struct fabric *fab, unsigned int n, bool quirk)
{
	char name[] = { 'f', 'n', (char)('0' + n), '\0' };
	struct fabric_fn_conf conf = {
		.name = name,
		.gid = RIG_GID(n),
	};

	memset(rf, 0, sizeof(*rf));
	rf->gid = conf.gid;
	rf->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(rf->fd >= 0);
	assert_int_equal(ftruncate(rf->fd, RIG_MEM), 0);
	rf->mem = mmap(NULL, RIG_MEM, PROT_READ | PROT_WRITE, MAP_SHARED, rf->fd, 0);
	assert_true(rf->mem != MAP_FAILED);
	rf->sba = (struct ism_sba *)(void *)rf->mem;
	rf->ieq = (struct ism_ieq *)(void *)(rf->mem + RIG_PAGE);
	assert_int_equal(fabric_fn_add(fab, &conf, &rf->fn), 0);
	fabric_fn_set_irq(rf->fn, rig_irq, rf);
	rig_attach(rf);
	fabric_fn_set_quirk(rf->fn, quirk);
}

static inline void
rig_fn_fini(struct rig_fn *rf)
{
	fabric_fn_remove(rf->fn);
	munmap(rf->mem, RIG_MEM);
	close(rf->fd);
}

/* The next event must be this one. */
static inline void
rig_expect_event(struct rig_fn *rf, uint32_t type, uint32_t code, uint64_t tok, uint64_t info)
{
	struct ism_event ev = { 0 };

	assert_int_equal(ism_ieq_take(rf->ieq, &rf->ieq_pos, &ev), 1);
	assert_int_equal(rte_be_to_cpu_32(ev.type), type);
	assert_int_equal(rte_be_to_cpu_32(ev.code), code);
	assert_int_equal(rte_be_to_cpu_64(ev.tok), tok);
	assert_int_equal(rte_be_to_cpu_64(ev.info), info);
	assert_int_not_equal(ev.time, 0);
}

static inline void
rig_expect_no_event(struct rig_fn *rf)
{
	struct ism_event ev;

	assert_int_equal(ism_ieq_take(rf->ieq, &rf->ieq_pos, &ev), 0);
}

/* --- two functions: what most tests need --- */

struct rig {
	struct fabric *fab;
	struct rig_fn a, b;
};

static inline int
rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->fab = fabric_create();
	assert_non_null(rig->fab);
	rig_fn_init(&rig->a, rig->fab, 0, false);
	rig_fn_init(&rig->b, rig->fab, 1, false);
	*state = rig;
	return 0;
}

static inline int
rig_teardown(void **state)
{
	struct rig *rig = *state;

	rig_fn_fini(&rig->a);
	rig_fn_fini(&rig->b);
	fabric_destroy(rig->fab);
	free(rig);
	return 0;
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif
