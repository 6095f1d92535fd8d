/* SPDX-License-Identifier: BSD-3-Clause */
/* ISM commands over a vfio-user socket, for wire tests. */
#ifndef VFU_ISM_H
#define VFU_ISM_H

#include "vfu_rig.h"

#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_sba.h"

#define WIRE_IOVA UINT64_C(0x100000000)

/* A command over the socket; *answer gets the 8 bytes behind the header. @return its `ret`. */
static inline uint16_t
wire_command(int sock, enum ism_cmd_code cmd, void *req, uint16_t len, uint64_t *answer)
{
	struct ism_rsp_hdr hdr;

	ism_req_hdr_set(req, cmd, len);
	if (len > 8)
		assert_int_equal(wire_write(sock, 2, 8, (uint8_t *)req + 8, len - 8u), 0);
	assert_int_equal(wire_write(sock, 2, 0, req, 8), 0);
	assert_int_equal(wire_read(sock, 2, 0, &hdr, sizeof(hdr)), 0);
	if (hdr.ret == 0 && answer != NULL)
		assert_int_equal(wire_read(sock, 2, 8, answer, 8), 0);
	return rte_be_to_cpu_16(hdr.ret);
}

/* @return the token, or 0. */
static inline uint64_t
wire_reg_dmb(int sock, uint32_t idx, uint64_t iova, uint32_t len, uint64_t rgid)
{
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(iova),
		.len = rte_cpu_to_be_32(len),
		.sba_idx = rte_cpu_to_be_32(idx),
		.rgid = rte_cpu_to_be_64(rgid),
	};
	uint64_t token = 0;

	if (wire_command(sock, ISM_CMD_REG_DMB, &req, sizeof(req), &token) != 0)
		return 0;
	return rte_be_to_cpu_64(token);
}

static inline int
wire_memfd(size_t len, int seals)
{
	int fd = memfd_create("wire", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* A client with SBA and IEQ in its first two pages. */
struct wire_fn {
	int sock;
	int fd;
	uint8_t *mem;
	struct ism_sba *sba;
	struct ism_ieq *ieq;
	int pos;
};

static inline void
wire_fn_start(struct wire_fn *wf, struct wire *wire, unsigned int n, const char *caps)
{
	struct ism_reg_sba_req sba = { .sba = rte_cpu_to_be_64(WIRE_IOVA) };
	struct ism_reg_ieq_req ieq = {
		.ieq = rte_cpu_to_be_64(WIRE_IOVA + 4096),
		.len = rte_cpu_to_be_64(sizeof(struct ism_ieq)),
	};

	wf->sock = wire_reattach(wire, n, caps);
	wf->fd = wire_memfd(1 << 20, 0);
	wf->mem = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, wf->fd, 0);
	assert_true(wf->mem != MAP_FAILED);
	wf->sba = (struct ism_sba *)(void *)wf->mem;
	wf->ieq = (struct ism_ieq *)(void *)(wf->mem + 4096);
	wf->pos = ISM_IEQ_START;
	assert_int_equal(wire_dma_map(wf->sock, WIRE_IOVA, 1 << 20, wf->fd, 0), 0);
	assert_int_equal(wire_command(wf->sock, ISM_CMD_REG_SBA, &sba, sizeof(sba), NULL), 0);
	assert_int_equal(wire_command(wf->sock, ISM_CMD_REG_IEQ, &ieq, sizeof(ieq), NULL), 0);
}

static inline void
wire_fn_stop(struct wire_fn *wf)
{
	close(wf->sock);
	munmap(wf->mem, 1 << 20);
	close(wf->fd);
}

/* Poll for the next event, as a driver does. */
static inline void
wire_expect_event(struct wire_fn *wf, uint32_t type, uint32_t code, uint64_t tok)
{
	struct ism_event ev = { 0 };
	int waited, ret = 0;

	for (waited = 0; waited < 5000 && ret == 0; waited++) {
		ret = ism_ieq_take(wf->ieq, &wf->pos, &ev);
		if (ret == 0)
			usleep(1000);
	}
	assert_int_equal(ret, 1);
	assert_int_equal(rte_be_to_cpu_32(ev.type), type);
	assert_int_equal(rte_be_to_cpu_32(ev.code), code);
	assert_int_equal(rte_be_to_cpu_64(ev.tok), tok);
}

#endif
