/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command area (BAR 2) of an ISM function: requests and responses.
 * Source: SPEC-ism section 3. Every field is big-endian, as the device sees
 * it; convert with rte_be_to_cpu_XX() / rte_cpu_to_be_XX() where it is used.
 *
 * A request is stored body first (offset 8 on), then its 8-byte header at offset
 * 0, which starts the command. The response is loaded from offset 0: the
 * header, and the rest only when `ret` is 0.
 */
#ifndef ISM_CMD_H
#define ISM_CMD_H

#include <assert.h>
#include <stdint.h>

#include <rte_byteorder.h>

/* Says once which struct a wire layout has how many bytes. */
#define ISM_WIRE_SIZE(name, bytes) static_assert(sizeof(struct name) == (bytes), #name)

#define ISM_PCI_VENDOR 0x1014
#define ISM_PCI_DEVICE 0x04ed

#define ISM_BAR_DATA 0
#define ISM_BAR_CMD 2
#define ISM_BAR_DATA_SIZE (UINT64_C(1) << 48)

enum ism_cmd_code {
	ISM_CMD_REG_SBA = 0x01,
	ISM_CMD_REG_IEQ = 0x02,
	ISM_CMD_READ_GID = 0x03,
	ISM_CMD_ADD_VLAN_ID = 0x04,
	ISM_CMD_DEL_VLAN_ID = 0x05,
	ISM_CMD_SET_VLAN = 0x06, /* from now on a VLAN is required */
	ISM_CMD_RESET_VLAN = 0x07,
	ISM_CMD_QUERY_INFO = 0x08,
	ISM_CMD_QUERY_RGID = 0x09,
	ISM_CMD_REG_DMB = 0x0a,
	ISM_CMD_UNREG_DMB = 0x0b,
	ISM_CMD_SIGNAL_IEQ = 0x0e,
	ISM_CMD_UNREG_SBA = 0x11,
	ISM_CMD_UNREG_IEQ = 0x12,
};

#define ISM_RET_OK 0
#define ISM_RET_ERROR 0xffff /* "no", and the poison of a command area that is idle */

#define ISM_CMD_LEN_MAX 4096 /* bytes of the longest request or response */
#define ISM_VLAN_MAX 64 /* VLAN ids one function can hold */
#define ISM_VLAN_ID_MAX 4094 /* real VLAN ids are 1..4094 */
#define ISM_VLAN_ISMV2 0x1fff /* adding it succeeds when the fabric speaks ISMv2 */

struct ism_req_hdr {
	rte_be32_t cmd; /* enum ism_cmd_code */
	rte_be16_t reserved;
	rte_be16_t len; /* bytes of the request, header included */
};
ISM_WIRE_SIZE(ism_req_hdr, 8);

struct ism_rsp_hdr {
	rte_be32_t cmd;
	rte_be16_t ret; /* ISM_RET_* */
	rte_be16_t len; /* bytes of the response, header included */
};
ISM_WIRE_SIZE(ism_rsp_hdr, 8);

/* READ_GID, QUERY_INFO, SET_VLAN, RESET_VLAN, UNREG_SBA, UNREG_IEQ. */
struct ism_simple_req {
	struct ism_req_hdr hdr;
};
ISM_WIRE_SIZE(ism_simple_req, 8);

/* Every command that answers nothing but `ret`. */
struct ism_simple_rsp {
	struct ism_rsp_hdr hdr;
};
ISM_WIRE_SIZE(ism_simple_rsp, 8);

struct ism_reg_sba_req {
	struct ism_req_hdr hdr;
	rte_be64_t sba; /* DMA address of one 4 KiB page, page aligned */
};
ISM_WIRE_SIZE(ism_reg_sba_req, 16);

struct ism_reg_ieq_req {
	struct ism_req_hdr hdr;
	rte_be64_t ieq; /* DMA address, page aligned */
	rte_be64_t len; /* bytes: sizeof(struct ism_ieq) */
};
ISM_WIRE_SIZE(ism_reg_ieq_req, 24);

struct ism_read_gid_rsp {
	struct ism_rsp_hdr hdr;
	rte_be64_t gid;
};
ISM_WIRE_SIZE(ism_read_gid_rsp, 16);

/* ADD_VLAN_ID, DEL_VLAN_ID. */
struct ism_vlan_req {
	struct ism_req_hdr hdr;
	rte_be64_t vlan_id;
};
ISM_WIRE_SIZE(ism_vlan_req, 16);

struct ism_query_info_rsp {
	struct ism_rsp_hdr hdr;
	rte_be32_t version;
	rte_be32_t max_len; /* bytes of the largest DMB */
	rte_be64_t ism_state;
	rte_be64_t my_gid;
	rte_be64_t sba; /* DMA address, 0 = none */
	rte_be64_t ieq; /* DMA address, 0 = none */
	rte_be32_t ieq_len;
	rte_be32_t reserved;
	rte_be32_t dmbs_owned;
	rte_be32_t dmbs_used; /* DMBs of others that this function may write */
	rte_be32_t vlan_required;
	rte_be32_t vlan_nr_ids;
	rte_be16_t vlan_id[ISM_VLAN_MAX];
};
ISM_WIRE_SIZE(ism_query_info_rsp, 200);

struct ism_query_rgid_req {
	struct ism_req_hdr hdr;
	rte_be64_t rgid;
	rte_be32_t vlan_valid;
	rte_be32_t vlan_id;
};
ISM_WIRE_SIZE(ism_query_rgid_req, 24);

struct ism_reg_dmb_req {
	struct ism_req_hdr hdr;
	rte_be64_t dmb; /* DMA address, page aligned */
	rte_be32_t len; /* bytes, a multiple of 4 KiB */
	rte_be32_t sba_idx; /* ISM_DMB_IDX_MIN .. ISM_DMB_IDX_MAX */
	rte_be32_t vlan_valid;
	rte_be32_t vlan_id;
	rte_be64_t rgid; /* the one GID that may write */
};
ISM_WIRE_SIZE(ism_reg_dmb_req, 40);

struct ism_reg_dmb_rsp {
	struct ism_rsp_hdr hdr;
	rte_be64_t token;
};
ISM_WIRE_SIZE(ism_reg_dmb_rsp, 16);

struct ism_unreg_dmb_req {
	struct ism_req_hdr hdr;
	rte_be64_t token;
};
ISM_WIRE_SIZE(ism_unreg_dmb_req, 16);

struct ism_signal_ieq_req {
	struct ism_req_hdr hdr;
	rte_be64_t rgid;
	rte_be32_t trigger_irq; /* not 0: raise the receiver's interrupt */
	rte_be32_t event_code;
	rte_be64_t info;
};
ISM_WIRE_SIZE(ism_signal_ieq_req, 32);

/* Fill a request header. */
static inline void
ism_req_hdr_set(struct ism_req_hdr *hdr, enum ism_cmd_code cmd, uint16_t len)
{
	hdr->cmd = rte_cpu_to_be_32((uint32_t)cmd);
	hdr->reserved = 0;
	hdr->len = rte_cpu_to_be_16(len);
}

/*
 * Bytes that a request of this kind has at least; drivers may pad (Linux
 * rounds up to 16). @return 0: no such command.
 */
static inline uint16_t
ism_req_len(uint32_t cmd)
{
	switch (cmd) {
	case ISM_CMD_REG_SBA:
		return sizeof(struct ism_reg_sba_req);
	case ISM_CMD_REG_IEQ:
		return sizeof(struct ism_reg_ieq_req);
	case ISM_CMD_ADD_VLAN_ID:
	case ISM_CMD_DEL_VLAN_ID:
		return sizeof(struct ism_vlan_req);
	case ISM_CMD_QUERY_RGID:
		return sizeof(struct ism_query_rgid_req);
	case ISM_CMD_REG_DMB:
		return sizeof(struct ism_reg_dmb_req);
	case ISM_CMD_UNREG_DMB:
		return sizeof(struct ism_unreg_dmb_req);
	case ISM_CMD_SIGNAL_IEQ:
		return sizeof(struct ism_signal_ieq_req);
	case ISM_CMD_READ_GID:
	case ISM_CMD_SET_VLAN:
	case ISM_CMD_RESET_VLAN:
	case ISM_CMD_QUERY_INFO:
	case ISM_CMD_UNREG_SBA:
	case ISM_CMD_UNREG_IEQ:
		return sizeof(struct ism_simple_req);
	default:
		return 0;
	}
}

#endif
