/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fabric's vfio-user server against arbitrary messages, with and without descriptors, of two
 * clients on one fabric. Framing is the socket's part (tests/wire/test_vfu_malformed.c): here each
 * message is whole.
 *
 * Input: u8 start (bit 0: VERSION not agreed on yet; bit 1: QEMU's quirk), then messages: u8
 * client, u8 descriptors, u16 command, u16 length, u16 flags, and that many bytes of body. All of
 * it is made plausible, but for what says "take it as it is": the top bit of command, length and
 * flags, and the lowest bit of flags for the body.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_log.h>

#include "../../fabric/server/vfu_conn.h"

#define MESSAGES_MAX 128
#define BODY_MAX 8192
#define MEMORY (64 * 1024)

#define AS_IT_IS 0x8000u
#define IOVA UINT64_C(0x100000000)

struct msg {
	uint8_t client, fds;
	uint16_t command, len, flags;
};

static const char version[] = "\0\0\0\0{\"capabilities\":{\"ism_direct\":true}}";

/* A descriptor of one of the kinds that clients send, or should not send. */
static int
descriptor(unsigned int kind)
{
	int fd;

	switch (kind % 4) {
	case 0:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case 1:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0 && (ftruncate(fd, MEMORY) < 0 ||
				fcntl(fd, F_ADD_SEALS, kind % 4 == 3 ? F_SEAL_SHRINK : 0) < 0)) {
			close(fd);
			fd = -1;
		}
		return fd;
	}
}

static void
descriptors(struct vfu_fds *fds, uint8_t want)
{
	unsigned int i;
	int fd;

	for (i = 0; i < want % 4u; i++) {
		fd = descriptor(want >> 2);
		if (fd >= 0)
			fds->fd[fds->count++] = fd;
	}
}

static void
send_msg(struct vfu_conn *conn, uint16_t command, uint32_t flags, const void *body, size_t len)
{
	struct vfu_header hdr = {
		.id = 1,
		.command = command,
		.size = (uint32_t)(sizeof(hdr) + len),
		.flags = flags,
	}, reply;

	memcpy(conn->rx.buf, &hdr, sizeof(hdr));
	if (len > 0)
		memcpy(conn->rx.buf + sizeof(hdr), body, len);
	if (vfu_conn_message(conn) == 0 && conn->out.len > 0) {
		/* Whatever came, the answer is a whole reply to it. */
		memcpy(&reply, conn->out.bytes, sizeof(reply));
		if (reply.id != 1 || reply.command != command || reply.size != conn->out.len ||
		    (reply.flags & VFU_TYPE_MASK) != VFU_TYPE_REPLY ||
		    ((reply.flags & VFU_ERROR) != 0) != (reply.error != 0))
			abort();
	}
	vfu_conn_drop_reply(conn);
	vfu_rx_next(&conn->rx);
}

/* Most messages shall get past the header's gate. */
static void
make_plausible(struct msg *msg)
{
	static const uint16_t len[] = {
		[VFU_DMA_MAP] = sizeof(struct vfu_dma_map),
		[VFU_DMA_UNMAP] = sizeof(struct vfu_dma_unmap),
		[VFU_DEVICE_GET_INFO] = sizeof(struct vfu_device_info),
		[VFU_DEVICE_GET_REGION_INFO] = sizeof(struct vfu_region_info),
		[VFU_DEVICE_GET_IRQ_INFO] = sizeof(struct vfu_irq_info),
		[VFU_DEVICE_SET_IRQS] = sizeof(struct vfu_irq_set),
		[VFU_REGION_READ] = sizeof(struct vfu_region_access),
		[VFU_REGION_WRITE] = sizeof(struct vfu_region_access) + 8,
		[VFU_REGION_WRITE_MULTI] = sizeof(struct vfu_write_multi) +
					   2 * sizeof(struct vfu_write_one),
		[16] = sizeof(struct vfu_ism_direct_req),
	};
	unsigned int command = msg->command % 17;

	if ((msg->flags & AS_IT_IS) == 0)
		msg->flags &= VFU_NO_REPLY | 1;
	if (msg->command & AS_IT_IS)
		return;
	msg->command = command == 16 ? VFU_ISM_DIRECT : (uint16_t)command;
	if ((msg->len & AS_IT_IS) == 0)
		msg->len = (uint16_t)(len[command] +
				      (command == VFU_REGION_WRITE ? msg->len % 8 * 8 : 0));
}

static void
plausible_map(struct vfu_dma_map *map)
{
	map->argsz = sizeof(*map);
	map->flags &= 3;
	map->offset = map->offset % 16 * 4096;
	map->addr = IOVA + map->addr % 16 * 4096;
	map->size = (map->size % 16 + 1) * 4096;
}

static void
plausible_access(struct vfu_region_access *acc, size_t len)
{
	static const uint32_t regions[] = { 0, 2, 2, 4, 7 };

	acc->region = regions[acc->region % 5];
	if (acc->region == 0)
		acc->offset = (acc->offset % 16) << 32 | (acc->offset & 0xf800ff8);
	else
		acc->offset %= 264;
	acc->count = (uint32_t)len;
}

/* The same for the body. */
static void
make_body_plausible(uint16_t command, uint8_t *body, size_t len)
{
	union {
		struct vfu_dma_map map;
		struct vfu_irq_set irq;
		struct vfu_region_access acc;
		uint32_t argsz;
	} u;
	size_t n = len < sizeof(u) ? len : sizeof(u);

	if (len < sizeof(struct vfu_region_access))
		return;
	memset(&u, 0, sizeof(u));
	memcpy(&u, body, n);
	switch (command) {
	case VFU_DMA_MAP:
		plausible_map(&u.map);
		break;
	case VFU_DEVICE_SET_IRQS:
		u.irq.argsz = sizeof(u.irq);
		u.irq.flags = (u.irq.flags & 7) | 32;
		u.irq.index %= 3;
		u.irq.start = 0;
		u.irq.count &= 1;
		break;
	case VFU_REGION_READ:
	case VFU_REGION_WRITE:
		plausible_access(&u.acc, command == VFU_REGION_READ ? u.acc.count % 9
								    : len - sizeof(u.acc));
		break;
	default:
		u.argsz = (uint32_t)len;
		break;
	}
	memcpy(body, &u, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fabric_fn_conf conf[2] = { { .name = "a", .gid = 1 }, { .name = "b", .gid = 2 } };
	struct fabric *fab = fabric_create();
	struct vfu_conn *conn[2];
	struct fabric_fn *fn;
	unsigned int i;
	static struct fabric_notify *notify;
	static uint8_t body[BODY_MAX];
	struct msg msg;
	uint8_t start;
	size_t len;

	rte_log_set_global_level(RTE_LOG_EMERG);
	if (fab == NULL || size == 0)
		goto out;
	if (notify == NULL)
		notify = fabric_notify_create();
	start = *data++;
	size--;
	for (i = 0; i < 2; i++) {
		if (fabric_fn_add(fab, &conf[i], &fn) < 0)
			abort();
		conn[i] = vfu_conn_open(-1, &(struct vfu_conn_conf){
						    .fn = fn,
						    .quirk = start & 2,
						    .may_direct = true,
						    .notify = notify,
					    });
		if (conn[i] == NULL)
			abort();
		if ((start & 1) == 0)
			send_msg(conn[i], VFU_VERSION, 0, version, sizeof(version));
	}
	for (i = 0; i < MESSAGES_MAX && size >= sizeof(msg); i++) {
		memcpy(&msg, data, sizeof(msg));
		data += sizeof(msg);
		size -= sizeof(msg);
		make_plausible(&msg);
		len = msg.len % BODY_MAX < size ? msg.len % BODY_MAX : size;
		descriptors(&conn[msg.client % 2]->rx.fds, msg.fds);
		memcpy(body, data, len);
		if ((msg.flags & 1) == 0)
			make_body_plausible(msg.command, body, len);
		send_msg(conn[msg.client % 2], msg.command, msg.flags & ~1u, body, len);
		data += len;
		size -= len;
	}
	vfu_conn_close(conn[0]);
	vfu_conn_close(conn[1]);
out:
	fabric_destroy(fab);
	return 0;
}
