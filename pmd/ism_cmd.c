/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command procedure (SPEC-ism sections 3.2 and 10.7).
 *
 *	1. store the body at offset 8, padded with zeros to 16 bytes at least
 *	2. store 16 bytes at offset 0: header and first 8 bytes of the body, again
 *	3. load the header until it answers our command, for a bounded time
 *	4. load the rest, 8 bytes a load
 *
 * Step 2 could be the header's 8 bytes alone; but a PCISTB of 8 bytes is refused behind
 * QEMU. Step 1 stores all of the body, though step 2 repeats its start: whether a device acts
 * on the header as soon as it sees it, or when the whole store is there, it finds the
 * complete body.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base_time.h"
#include "ism_fn.h"

#define CMD_REQ_MAX 64 /* bytes of the longest request that this driver sends, padded */
#define CMD_WAIT_NS (500 * BASE_NS_PER_MS) /* for an answer; hardware has it at once */
#define CMD_PAUSE_US 50

static_assert(sizeof(struct ism_reg_dmb_req) <= CMD_REQ_MAX, "longest request");

/* A function whose own command area cannot be reached is gone, or in error state. */
static int
area_error(int ret)
{
	return ism_is_fatal(ret) ? ret : -ENODEV;
}

/* Steps 1 and 2. @return 0 or -errno. */
static int
cmd_store(struct ism_fn *fn, const struct ism_req_hdr *req)
{
	const uint32_t hdr_len = sizeof(*req);
	uint32_t body, len = rte_be_to_cpu_16(req->len);
	uint8_t buf[CMD_REQ_MAX] = { 0 };
	int ret;

	memcpy(buf, req, len);
	if (len > hdr_len) {
		body = RTE_ALIGN_CEIL(len - hdr_len, ISM_STORE_ALIGN);
		body = RTE_MAX(body, ISM_STORE_MIN);
		ret = fn->ops->store(fn->bus, ISM_BAR_CMD, hdr_len, buf + hdr_len, body);
		if (ret < 0)
			return area_error(ret);
	}
	ret = fn->ops->store(fn->bus, ISM_BAR_CMD, 0, buf, ISM_STORE_MIN);
	return ret < 0 ? area_error(ret) : 0;
}

/* Step 3. @return 0 or -errno. */
static int
cmd_wait(struct ism_fn *fn, rte_be32_t cmd, struct ism_rsp_hdr *hdr)
{
	uint64_t word, give_up = base_now_ns() + CMD_WAIT_NS;
	int ret;

	for (;;) {
		ret = fn->ops->load(fn->bus, 0, &word);
		if (ret < 0)
			return area_error(ret);
		memcpy(hdr, &word, sizeof(*hdr));
		if (hdr->cmd == cmd)
			return 0;
		if (base_now_ns() > give_up)
			return -ETIMEDOUT;
		usleep(CMD_PAUSE_US);
	}
}

/* Step 4: the answer's bytes from 8 to len. @return 0 or -errno. */
static int
cmd_load(struct ism_fn *fn, void *rsp, uint32_t len)
{
	uint32_t off, n;
	uint64_t word;
	int ret;

	for (off = sizeof(struct ism_rsp_hdr); off < len; off += n) {
		ret = fn->ops->load(fn->bus, off, &word);
		if (ret < 0)
			return area_error(ret);
		n = RTE_MIN(len - off, (uint32_t)sizeof(word));
		memcpy((uint8_t *)rsp + off, &word, n);
	}
	return 0;
}

/* Steps 3 and 4, and the gate for what the device says. @return as ism_cmd(). */
static int
cmd_answer(struct ism_fn *fn, rte_be32_t cmd, struct ism_rsp_hdr *rsp, uint16_t rsp_size,
	   uint16_t rsp_min)
{
	struct ism_rsp_hdr hdr;
	uint16_t len;
	int ret;

	ret = cmd_wait(fn, cmd, &hdr);
	if (ret < 0) {
		ISM_LOG(ERR, "%s: command 0x%x: no answer (%s)", fn->path, rte_be_to_cpu_32(cmd),
			strerror(-ret));
		return ret;
	}
	if (hdr.ret != ISM_RET_OK) {
		ISM_LOG(DEBUG, "%s: command 0x%x: refused, code 0x%x", fn->path,
			rte_be_to_cpu_32(cmd), rte_be_to_cpu_16(hdr.ret));
		return -EIO;
	}
	len = rte_be_to_cpu_16(hdr.len);
	if (len < rsp_min || len > ISM_CMD_LEN_MAX) {
		ISM_LOG(ERR, "%s: command 0x%x: answer of %u bytes, expected %u", fn->path,
			rte_be_to_cpu_32(cmd), len, rsp_min);
		return -EPROTO;
	}
	memset(rsp, 0, rsp_size);
	memcpy(rsp, &hdr, sizeof(hdr));
	return cmd_load(fn, rsp, RTE_MIN(len, rsp_size));
}

int
ism_cmd_ping(struct ism_fn *fn)
{
	uint64_t word;
	int ret;

	ret = fn->ops->load(fn->bus, 0, &word);
	return ret < 0 ? area_error(ret) : 0;
}

int
ism_cmd(struct ism_fn *fn, const struct ism_req_hdr *req, struct ism_rsp_hdr *rsp,
	uint16_t rsp_size, uint16_t rsp_min)
{
	int ret;

	base_count(&fn->stats.commands, 1);
	ret = cmd_store(fn, req);
	if (ret == 0)
		ret = cmd_answer(fn, req->cmd, rsp, rsp_size, rsp_min);
	if (ret < 0)
		base_count(&fn->stats.command_errors, 1);
	return ret;
}

/* A request that is answered by a header alone. */
static int
cmd_plain(struct ism_fn *fn, struct ism_req_hdr *req, enum ism_cmd_code code, size_t len)
{
	struct ism_simple_rsp rsp;

	ism_req_hdr_set(req, code, (uint16_t)len);
	return ism_cmd(fn, req, &rsp.hdr, sizeof(rsp), sizeof(rsp));
}

int
ism_cmd_simple(struct ism_fn *fn, enum ism_cmd_code code)
{
	struct ism_simple_req req;

	return cmd_plain(fn, &req.hdr, code, sizeof(req));
}

int
ism_cmd_reg_sba(struct ism_fn *fn, uint64_t iova)
{
	struct ism_reg_sba_req req = { .sba = rte_cpu_to_be_64(iova) };

	return cmd_plain(fn, &req.hdr, ISM_CMD_REG_SBA, sizeof(req));
}

int
ism_cmd_reg_ieq(struct ism_fn *fn, uint64_t iova)
{
	struct ism_reg_ieq_req req = {
		.ieq = rte_cpu_to_be_64(iova),
		.len = rte_cpu_to_be_64(sizeof(struct ism_ieq)),
	};

	return cmd_plain(fn, &req.hdr, ISM_CMD_REG_IEQ, sizeof(req));
}

int
ism_cmd_read_gid(struct ism_fn *fn, uint64_t *gid)
{
	struct ism_simple_req req;
	struct ism_read_gid_rsp rsp;
	int ret;

	ism_req_hdr_set(&req.hdr, ISM_CMD_READ_GID, sizeof(req));
	ret = ism_cmd(fn, &req.hdr, &rsp.hdr, sizeof(rsp), sizeof(rsp));
	if (ret == 0)
		*gid = rte_be_to_cpu_64(rsp.gid);
	return ret;
}

int
ism_cmd_query_info(struct ism_fn *fn, struct ism_query_info_rsp *rsp)
{
	struct ism_simple_req req;

	/* It may be cut short: nothing here relies on any of it. */
	ism_req_hdr_set(&req.hdr, ISM_CMD_QUERY_INFO, sizeof(req));
	return ism_cmd(fn, &req.hdr, &rsp->hdr, sizeof(*rsp), sizeof(rsp->hdr));
}

int
ism_cmd_query_rgid(struct ism_fn *fn, uint64_t rgid, uint16_t vlan)
{
	struct ism_query_rgid_req req = {
		.rgid = rte_cpu_to_be_64(rgid),
		.vlan_valid = rte_cpu_to_be_32(vlan != 0),
		.vlan_id = rte_cpu_to_be_32(vlan),
	};

	return cmd_plain(fn, &req.hdr, ISM_CMD_QUERY_RGID, sizeof(req));
}

int
ism_cmd_add_vlan(struct ism_fn *fn, uint16_t vlan)
{
	struct ism_vlan_req req = { .vlan_id = rte_cpu_to_be_64(vlan) };

	return cmd_plain(fn, &req.hdr, ISM_CMD_ADD_VLAN_ID, sizeof(req));
}

int
ism_cmd_reg_dmb(struct ism_fn *fn, const struct ism_dmb *dmb, uint16_t vlan, uint64_t *token)
{
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(dmb->iova),
		.len = rte_cpu_to_be_32(dmb->pub.len),
		.sba_idx = rte_cpu_to_be_32(dmb->pub.idx),
		.vlan_valid = rte_cpu_to_be_32(vlan != 0),
		.vlan_id = rte_cpu_to_be_32(vlan),
		.rgid = rte_cpu_to_be_64(dmb->pub.rgid),
	};
	struct ism_reg_dmb_rsp rsp;
	int ret;

	ism_req_hdr_set(&req.hdr, ISM_CMD_REG_DMB, sizeof(req));
	ret = ism_cmd(fn, &req.hdr, &rsp.hdr, sizeof(rsp), sizeof(rsp));
	if (ret == 0)
		*token = rte_be_to_cpu_64(rsp.token);
	return ret;
}

int
ism_cmd_unreg_dmb(struct ism_fn *fn, uint64_t token)
{
	struct ism_unreg_dmb_req req = { .token = rte_cpu_to_be_64(token) };

	return cmd_plain(fn, &req.hdr, ISM_CMD_UNREG_DMB, sizeof(req));
}

int
ism_cmd_signal(struct ism_fn *fn, uint64_t rgid, uint32_t code, uint64_t info)
{
	struct ism_signal_ieq_req req = {
		.rgid = rte_cpu_to_be_64(rgid),
		.trigger_irq = rte_cpu_to_be_32(1),
		.event_code = rte_cpu_to_be_32(code),
		.info = rte_cpu_to_be_64(info),
	};

	return cmd_plain(fn, &req.hdr, ISM_CMD_SIGNAL_IEQ, sizeof(req));
}
