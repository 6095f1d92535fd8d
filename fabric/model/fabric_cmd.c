/* SPDX-License-Identifier: BSD-3-Clause */
/* BAR 2: the command area and the commands (SPEC-ism section 3, in its order). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fabric_priv.h"

/* QUERY_INFO's answers for fields that have no meaning in software. */
#define INFO_VERSION 1
#define INFO_STATE_ACTIVE 1

/*
 * One command: reads fn->cmd.req, fills fn->cmd.rsp behind the header.
 * @return bytes of the response, header included; -errno: the answer is ISM_RET_ERROR.
 */
typedef int (*cmd_fn)(struct fabric_fn *fn, const void *req, void *rsp);

static int
cmd_reg_sba(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_reg_sba_req *req = data;
	uint64_t iova = rte_be_to_cpu_64(req->sba);
	struct fabric_range range;
	uint8_t *page;

	if (fn->sba_iova != 0)
		return -EEXIST;
	if (iova == 0 || iova % ISM_PAGE_SIZE != 0)
		return -EINVAL;
	if (fabric_maps_resolve(&fn->maps, iova, ISM_PAGE_SIZE, &page, &range) < 0)
		return -EFAULT;
	fn->sba = (struct ism_sba *)(void *)page;
	fn->sba_iova = iova;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_reg_ieq(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_reg_ieq_req *req = data;
	uint64_t iova = rte_be_to_cpu_64(req->ieq), len = rte_be_to_cpu_64(req->len);
	struct fabric_range range;
	uint8_t *page;

	if (fn->ieq_iova != 0)
		return -EEXIST;
	if (iova == 0 || iova % ISM_PAGE_SIZE != 0)
		return -EINVAL;
	if (len < sizeof(struct ism_ieq) || len > ISM_PAGE_SIZE)
		return -EINVAL;
	if (fabric_maps_resolve(&fn->maps, iova, ISM_PAGE_SIZE, &page, &range) < 0)
		return -EFAULT;
	fn->ieq = (struct ism_ieq *)(void *)page;
	fn->ieq_iova = iova;
	fn->ieq_len = (uint32_t)len;
	fn->ieq_prev = 0;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_read_gid(struct fabric_fn *fn, const void *data, void *out)
{
	struct ism_read_gid_rsp *rsp = out;

	rsp->gid = rte_cpu_to_be_64(fn->gid);
	return sizeof(*rsp);
}

static int
cmd_add_vlan(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_vlan_req *req = data;
	uint64_t id = rte_be_to_cpu_64(req->vlan_id);
	struct fabric_vlans *vlans = &fn->vlans;

	if (id == ISM_VLAN_ISMV2)
		return sizeof(struct ism_simple_rsp);
	if (id == 0 || id > ISM_VLAN_ID_MAX)
		return -EINVAL;
	if (fabric_vlans_have(vlans, (uint16_t)id))
		return sizeof(struct ism_simple_rsp);
	if (vlans->count == FABRIC_VLANS_MAX)
		return -ENOSPC;
	vlans->id[vlans->count++] = (uint16_t)id;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_del_vlan(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_vlan_req *req = data;
	uint64_t id = rte_be_to_cpu_64(req->vlan_id);
	struct fabric_vlans *vlans = &fn->vlans;
	unsigned int i;

	if (id == ISM_VLAN_ISMV2)
		return sizeof(struct ism_simple_rsp);
	for (i = 0; i < vlans->count && vlans->id[i] != id; i++)
		;
	if (i == vlans->count)
		return -ENOENT;
	memmove(&vlans->id[i], &vlans->id[i + 1], (vlans->count - i - 1) * sizeof(vlans->id[0]));
	vlans->count--;
	fabric_work_begin(fn, FABRIC_TASK_VLAN);
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_set_vlan(struct fabric_fn *fn, const void *data, void *out)
{
	if (fn->vlans.required)
		return sizeof(struct ism_simple_rsp);
	fn->vlans.required = true;
	fabric_work_begin(fn, FABRIC_TASK_VLAN);
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_reset_vlan(struct fabric_fn *fn, const void *data, void *out)
{
	fn->vlans.required = false;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_query_info(struct fabric_fn *fn, const void *data, void *out)
{
	struct ism_query_info_rsp *rsp = out;
	unsigned int i;

	rsp->version = rte_cpu_to_be_32(INFO_VERSION);
	rsp->max_len = rte_cpu_to_be_32(fn->max_len);
	rsp->ism_state = rte_cpu_to_be_64(INFO_STATE_ACTIVE);
	rsp->my_gid = rte_cpu_to_be_64(fn->gid);
	rsp->sba = rte_cpu_to_be_64(fn->sba_iova);
	rsp->ieq = rte_cpu_to_be_64(fn->ieq_iova);
	rsp->ieq_len = rte_cpu_to_be_32(fn->ieq_len);
	rsp->dmbs_owned = rte_cpu_to_be_32((uint32_t)fn->stats.dmbs_owned);
	rsp->dmbs_used = rte_cpu_to_be_32((uint32_t)fn->stats.dmbs_used);
	rsp->vlan_required = rte_cpu_to_be_32(fn->vlans.required ? 1 : 0);
	rsp->vlan_nr_ids = rte_cpu_to_be_32(fn->vlans.count);
	for (i = 0; i < fn->vlans.count; i++)
		rsp->vlan_id[i] = rte_cpu_to_be_16(fn->vlans.id[i]);
	return sizeof(*rsp);
}

/*
 * The VLAN fields of a request. The reserved number stands for none: with it SMC-Dv2, which has no
 * VLANs, asks for its peers. @return 0 with *vlan (0 = none), or -EINVAL.
 */
static int
vlan_field(rte_be32_t valid, rte_be32_t id, uint16_t *vlan)
{
	uint32_t value = rte_be_to_cpu_32(id);

	*vlan = 0;
	if (valid == 0 || value == ISM_VLAN_ISMV2)
		return 0;
	if (value == 0 || value > ISM_VLAN_ID_MAX)
		return -EINVAL;
	*vlan = (uint16_t)value;
	return 0;
}

/* May fn talk to that GID with these VLAN fields? */
static int
peer_check(struct fabric_fn *fn, uint64_t rgid, rte_be32_t vlan_valid, rte_be32_t vlan_id,
	   uint16_t *vlan)
{
	struct fabric_fn *peer = fabric_fn_reachable(fn->fab, rgid);
	int ret;

	if (peer == NULL)
		return -EHOSTUNREACH;
	ret = vlan_field(vlan_valid, vlan_id, vlan);
	if (ret < 0)
		return ret;
	return fabric_vlan_ok(fn, peer, *vlan) ? 0 : -EHOSTUNREACH;
}

static int
cmd_query_rgid(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_query_rgid_req *req = data;
	uint16_t vlan;
	int ret;

	ret = peer_check(fn, rte_be_to_cpu_64(req->rgid), req->vlan_valid, req->vlan_id, &vlan);
	return ret < 0 ? ret : (int)sizeof(struct ism_simple_rsp);
}

/* The gate for what REG_DMB says about memory. */
static int
dmb_check(const struct fabric_fn *fn, uint64_t iova, uint32_t len, uint32_t idx)
{
	if (len == 0 || len > fn->dmb_max || (iova | len) % ISM_PAGE_SIZE != 0)
		return -EINVAL;
	if (iova / FABRIC_DMB_BOUNDARY != (iova + len - 1) / FABRIC_DMB_BOUNDARY)
		return -EINVAL;
	if (idx < ISM_DMB_IDX_MIN || idx > ISM_DMB_IDX_MAX)
		return -EINVAL;
	return fn->dmb[idx] == NULL ? 0 : -EEXIST;
}

/* The limits of one function: its number of DMBs, and their memory. */
static int
dmb_limit(struct fabric_fn *fn, uint32_t len)
{
	const struct fabric_limits *limits = &fn->fab->limits;
	size_t memory = fabric_maps_memory(&fn->maps) + fn->dmb_memory + fabric_dmb_cost(len);

	if ((limits->dmbs == 0 || fn->stats.dmbs_owned < limits->dmbs) &&
	    (limits->memory == 0 || memory <= limits->memory))
		return 0;
	fn->stats.refused++;
	return -ENOSPC;
}

static int
cmd_reg_dmb(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_reg_dmb_req *req = data;
	uint64_t iova = rte_be_to_cpu_64(req->dmb);
	uint32_t len = rte_be_to_cpu_32(req->len), idx = rte_be_to_cpu_32(req->sba_idx);
	struct ism_reg_dmb_rsp *rsp = out;
	struct fabric_dmb *dmb;
	uint16_t vlan;
	int ret;

	ret = peer_check(fn, rte_be_to_cpu_64(req->rgid), req->vlan_valid, req->vlan_id, &vlan);
	if (ret < 0)
		return ret;
	ret = dmb_check(fn, iova, len, idx);
	if (ret == 0)
		ret = dmb_limit(fn, len);
	if (ret < 0)
		return ret;
	dmb = calloc(1, fabric_dmb_cost(len));
	if (dmb == NULL)
		return -ENOMEM;
	dmb->user = fabric_fn_by_gid(fn->fab, rte_be_to_cpu_64(req->rgid));
	dmb->iova = iova;
	dmb->len = len;
	dmb->idx = idx;
	dmb->vlan = vlan;
	ret = fabric_maps_resolve(&fn->maps, iova, len, dmb->pages, &dmb->range);
	if (ret == 0)
		ret = fabric_dmb_add(fn, dmb);
	if (ret < 0) {
		fn->stats.refused += ret == -ENOSPC;
		free(dmb);
		return ret;
	}
	rsp->token = rte_cpu_to_be_64(dmb->token);
	return sizeof(*rsp);
}

static int
cmd_unreg_dmb(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_unreg_dmb_req *req = data;
	struct fabric_dmb *dmb = fabric_dmb_by_token(fn->fab, rte_be_to_cpu_64(req->token));

	if (dmb == NULL || dmb->owner != fn)
		return -ENOENT;
	if (dmb->usable && dmb->user != NULL && fabric_event_must_wait(fn, dmb->user))
		return -EAGAIN;
	fabric_dmb_del(dmb);
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_signal_ieq(struct fabric_fn *fn, const void *data, void *out)
{
	const struct ism_signal_ieq_req *req = data;
	struct fabric_fn *peer = fabric_fn_reachable(fn->fab, rte_be_to_cpu_64(req->rgid));

	if (peer == NULL)
		return -EHOSTUNREACH;
	if (fabric_event_must_wait(fn, peer))
		return -EAGAIN;
	fabric_event_due(fn, peer);
	if (fabric_event(peer, ISM_EVENT_SOFTWARE, rte_be_to_cpu_32(req->event_code), fn->gid,
			 rte_be_to_cpu_64(req->info), req->trigger_irq != 0) < 0)
		return -EIO;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_unreg_sba(struct fabric_fn *fn, const void *data, void *out)
{
	if (fn->sba_iova == 0)
		return -ENOENT;
	fn->sba = NULL;
	fn->sba_iova = 0;
	return sizeof(struct ism_simple_rsp);
}

static int
cmd_unreg_ieq(struct fabric_fn *fn, const void *data, void *out)
{
	if (fn->ieq_iova == 0)
		return -ENOENT;
	fn->ieq = NULL;
	fn->ieq_iova = 0;
	fn->ieq_len = 0;
	return sizeof(struct ism_simple_rsp);
}

static const cmd_fn commands[] = {
	[ISM_CMD_REG_SBA] = cmd_reg_sba,       [ISM_CMD_REG_IEQ] = cmd_reg_ieq,
	[ISM_CMD_READ_GID] = cmd_read_gid,     [ISM_CMD_ADD_VLAN_ID] = cmd_add_vlan,
	[ISM_CMD_DEL_VLAN_ID] = cmd_del_vlan,  [ISM_CMD_SET_VLAN] = cmd_set_vlan,
	[ISM_CMD_RESET_VLAN] = cmd_reset_vlan, [ISM_CMD_QUERY_INFO] = cmd_query_info,
	[ISM_CMD_QUERY_RGID] = cmd_query_rgid, [ISM_CMD_REG_DMB] = cmd_reg_dmb,
	[ISM_CMD_UNREG_DMB] = cmd_unreg_dmb,   [ISM_CMD_SIGNAL_IEQ] = cmd_signal_ieq,
	[ISM_CMD_UNREG_SBA] = cmd_unreg_sba,   [ISM_CMD_UNREG_IEQ] = cmd_unreg_ieq,
};

/* --- the area --- */

static void
rsp_set(struct fabric_fn *fn, uint32_t cmd, uint16_t ret, uint16_t len)
{
	struct ism_rsp_hdr hdr = {
		.cmd = rte_cpu_to_be_32(cmd),
		.ret = rte_cpu_to_be_16(ret),
		.len = rte_cpu_to_be_16(len),
	};

	memcpy(fn->cmd.rsp, &hdr, sizeof(hdr));
}

/* Idle: a driver that loads without having sent a command must see an error, not zeros. */
static void
rsp_idle(struct fabric_fn *fn)
{
	memset(fn->cmd.rsp, 0, sizeof(fn->cmd.rsp));
	rsp_set(fn, 0, ISM_RET_ERROR, sizeof(struct ism_rsp_hdr));
}

void
fabric_cmd_reset(struct fabric_fn *fn)
{
	memset(fn->cmd.req, 0, sizeof(fn->cmd.req));
	fn->cmd.armed = false;
	rsp_idle(fn);
}

/* The gate for a request: known, and as long as its kind needs. */
static int
request_run(struct fabric_fn *fn, uint32_t cmd, uint16_t len)
{
	/* Aligned for every request and response struct. */
	union {
		struct ism_reg_dmb_req longest;
		uint8_t bytes[sizeof(struct ism_reg_dmb_req)];
	} req;
	struct ism_query_info_rsp rsp;
	int ret;

	if (ism_req_len(cmd) == 0)
		return -EOPNOTSUPP;
	if (len < ism_req_len(cmd) || len > ISM_CMD_LEN_MAX)
		return -EINVAL;
	memcpy(req.bytes, fn->cmd.req, sizeof(req));
	memset(&rsp, 0, sizeof(rsp));
	ret = commands[cmd](fn, &req, &rsp);
	if (ret < 0)
		return ret;
	memcpy(fn->cmd.rsp, &rsp, sizeof(rsp));
	return ret;
}

/* @return 0, also when the answer is an error; -EAGAIN: try again later, nothing has changed. */
static int
area_run(struct fabric_fn *fn)
{
	struct ism_req_hdr hdr;
	uint32_t cmd;
	int ret;

	memcpy(&hdr, fn->cmd.req, sizeof(hdr));
	cmd = rte_be_to_cpu_32(hdr.cmd);
	ret = request_run(fn, cmd, rte_be_to_cpu_16(hdr.len));
	if (ret == -EAGAIN)
		return ret;
	fn->stats.commands++;
	/* What this command left must not become part of the next one. */
	memset(fn->cmd.req, 0, sizeof(fn->cmd.req));
	fn->cmd.armed = false;
	if (ret < 0) {
		fn->stats.command_errors++;
		FABRIC_LOG(DEBUG, "%s: command 0x%02x, length %u: %s", fn->name, cmd,
			   rte_be_to_cpu_16(hdr.len), strerror(-ret));
		rsp_set(fn, cmd, ISM_RET_ERROR, sizeof(struct ism_rsp_hdr));
		return 0;
	}
	rsp_set(fn, cmd, ISM_RET_OK, (uint16_t)ret);
	return 0;
}

/* A store of n bytes came in n / 8 pieces, each with its bytes reversed. */
static void
piece_copy(uint8_t *dst, const uint8_t *src, size_t len, bool reversed)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, src + i, sizeof(word));
		if (reversed)
			word = __builtin_bswap64(word);
		memcpy(dst + i, &word, sizeof(word));
	}
}

int
fabric_cmd_store(struct fabric_fn *fn, uint64_t off, const uint8_t *buf, size_t len)
{
	if (len == 0 || off >= FABRIC_BAR2_SIZE || len > FABRIC_BAR2_SIZE - off)
		return -EINVAL;
	if (len > fn->maxstbl || (off | len) % ISM_STORE_ALIGN != 0)
		return -EINVAL;
	/* An old response must not be taken for the one to what is being stored now. */
	rsp_idle(fn);
	piece_copy(fn->cmd.req + off, buf, len, fn->quirk);
	if (off != 0)
		return 0;
	if (fn->quirk)
		fn->cmd.armed = true;
	else
		return area_run(fn);
	return 0;
}

int
fabric_cmd_load(struct fabric_fn *fn, uint64_t off, void *buf, size_t len)
{
	size_t have;
	int ret;

	if (len == 0 || len > 8 || (len & (len - 1)) != 0 || off % len != 0 ||
	    off >= FABRIC_BAR2_SIZE)
		return -EINVAL;
	if (off == 0 && fn->cmd.armed) {
		ret = area_run(fn);
		if (ret < 0)
			return ret;
	}
	memset(buf, 0, len);
	if (off >= sizeof(fn->cmd.rsp))
		return 0;
	have = sizeof(fn->cmd.rsp) - off;
	memcpy(buf, fn->cmd.rsp + off, have < len ? have : len);
	return 0;
}
