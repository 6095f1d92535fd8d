/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages as they go over the UNIX socket: what both the fabric's
 * server and the driver's client read. All fields are in host byte order, as the
 * protocol says for local sockets. Facts: the vfio-user protocol specification
 * (version 0.0/0.1), SPEC-ism section 10 for what QEMU does.
 */
#ifndef VFU_WIRE_H
#define VFU_WIRE_H

#include <assert.h>
#include <stdint.h>

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_DEVICE_GET_INFO = 4,
	VFU_DEVICE_GET_REGION_INFO = 5,
	VFU_DEVICE_GET_REGION_IO_FDS = 6,
	VFU_DEVICE_GET_IRQ_INFO = 7,
	VFU_DEVICE_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,
	VFU_DMA_WRITE = 12,
	VFU_DEVICE_RESET = 13,
	VFU_REGION_WRITE_MULTI = 15,
	/* Our extension, only after both sides said "ism_direct" in VERSION. */
	VFU_ISM_DIRECT = 0x4953,
};

#define VFU_TYPE_COMMAND 0u
#define VFU_TYPE_REPLY 1u
#define VFU_TYPE_MASK 0xfu
#define VFU_NO_REPLY (1u << 4)
#define VFU_ERROR (1u << 5)

#define VFU_MSG_MAX (1024 * 1024 + 256) /* bytes of the longest message either side takes */
#define VFU_FDS_MAX 8
#define VFU_DATA_MAX (1024 * 1024) /* max_data_xfer_size that we offer */

struct vfu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* of the whole message, header included */
	uint32_t flags;
	uint32_t error; /* errno, valid with VFU_ERROR */
};
static_assert(sizeof(struct vfu_header) == 16, "vfu_header");

struct vfu_version { /* followed by JSON text with a NUL */
	uint16_t major;
	uint16_t minor;
};
static_assert(sizeof(struct vfu_version) == 4, "vfu_version");

#define VFU_DMA_READABLE (1u << 0)
#define VFU_DMA_WRITEABLE (1u << 1)

struct vfu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the file descriptor that comes with the message */
	uint64_t addr;
	uint64_t size;
};
static_assert(sizeof(struct vfu_dma_map) == 32, "vfu_dma_map");

#define VFU_UNMAP_DIRTY (1u << 0)
#define VFU_UNMAP_ALL (1u << 1)

struct vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t addr;
	uint64_t size;
};
static_assert(sizeof(struct vfu_dma_unmap) == 24, "vfu_dma_unmap");

struct vfu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};
static_assert(sizeof(struct vfu_device_info) == 16, "vfu_device_info");

struct vfu_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};
static_assert(sizeof(struct vfu_region_info) == 32, "vfu_region_info");

struct vfu_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};
static_assert(sizeof(struct vfu_irq_info) == 16, "vfu_irq_info");

struct vfu_irq_set { /* followed by data */
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
static_assert(sizeof(struct vfu_irq_set) == 20, "vfu_irq_set");

struct vfu_region_access { /* read and write; followed by data */
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};
static_assert(sizeof(struct vfu_region_access) == 16, "vfu_region_access");

/* VFU_REGION_WRITE_MULTI: a count, then that many of these; the reply is the count. */
#define VFU_WRITE_MULTI_MAX 200

struct vfu_write_multi {
	uint64_t count; /* 1..VFU_WRITE_MULTI_MAX */
};
static_assert(sizeof(struct vfu_write_multi) == 8, "vfu_write_multi");

struct vfu_write_one {
	uint64_t offset;
	uint32_t region;
	uint32_t count; /* bytes of data that are used, 1..8 */
	uint8_t data[8];
};
static_assert(sizeof(struct vfu_write_one) == 24, "vfu_write_one");

/*
 * VFU_ISM_DIRECT: ask to store into the DMB with that token by plain memory
 * copies. The reply carries two file descriptors: the DMB's memory, then the fabric's
 * grant page (read-only). errno of a refusal: EIO, EOPNOTSUPP as fabric_fn_direct().
 */
struct vfu_ism_direct_req {
	uint32_t argsz; /* at least 16 */
	uint32_t flags; /* 0 */
	uint64_t token;
};
static_assert(sizeof(struct vfu_ism_direct_req) == 16, "vfu_ism_direct_req");

struct vfu_ism_direct_rsp {
	uint32_t argsz;
	uint32_t len; /* bytes of the DMB */
	uint64_t mem_off;
	uint64_t generation;
	uint32_t grant_off;
	uint32_t reserved;
};
static_assert(sizeof(struct vfu_ism_direct_rsp) == 32, "vfu_ism_direct_rsp");

/* Capability in the JSON of VERSION: {"capabilities":{"ism_direct":true,...}} */
#define VFU_CAP_ISM_DIRECT "ism_direct"

/* VFIO numbers that both sides need (linux/vfio.h has the same). */
#define VFU_REGION_CONFIG 7u
#define VFU_NUM_REGIONS 9u
#define VFU_NUM_IRQS 5u

#endif
