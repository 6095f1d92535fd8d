/* SPDX-License-Identifier: BSD-3-Clause */
/* The device behind the connection: what it is, its regions, its interrupts. */
#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "fabric_priv.h"
#include "vfu_conn.h"

#define BAR2_LOAD_MAX 8

/* --- what it is --- */

int
vfu_device_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_device_info info;

	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct vfu_device_info){
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.num_regions = VFU_NUM_REGIONS,
		.num_irqs = VFU_NUM_IRQS,
	};
	memcpy(reply->data, &info, sizeof(info));
	reply->len = sizeof(info);
	return 0;
}

static uint64_t
region_size(uint32_t index)
{
	switch (index) {
	case FABRIC_BAR_DATA:
		return FABRIC_BAR0_SIZE;
	case FABRIC_BAR_CMD:
		return FABRIC_BAR2_SIZE;
	case FABRIC_BAR_MSIX:
		return FABRIC_BAR4_SIZE;
	case VFU_REGION_CONFIG:
		return FABRIC_CONFIG_SIZE;
	default:
		return 0;
	}
}

int
vfu_region_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_region_info info;

	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFU_NUM_REGIONS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.size = region_size(info.index);
	/* Never mmap: only the device may write into a DMB. */
	info.flags = info.size != 0 ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.cap_offset = 0;
	info.offset = 0;
	memcpy(reply->data, &info, sizeof(info));
	reply->len = sizeof(info);
	return 0;
}

/* --- interrupts --- */

/* Index into irq_fd, or -1: this kind has no vector. */
static int
irq_slot(uint32_t index)
{
	switch (index) {
	case VFIO_PCI_MSI_IRQ_INDEX:
		return 0;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return 1;
	default:
		return -1;
	}
}

int
vfu_irq_info(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_irq_info info;

	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFU_NUM_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = irq_slot(info.index) < 0 ? 0 : 1;
	info.flags = info.count != 0 ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0;
	memcpy(reply->data, &info, sizeof(info));
	reply->len = sizeof(info);
	return 0;
}

static void
irq_raise(struct vfu_conn *conn, int slot)
{
	if (conn->irq_fd[slot] >= 0)
		fabric_notify_raise(conn->conf.notify, conn->irq_fd[slot]);
}

void
vfu_irq_fire(void *arg)
{
	irq_raise(arg, 0);
	irq_raise(arg, 1);
}

static void
irq_fd_set(struct vfu_conn *conn, int slot, int fd)
{
	if (conn->irq_fd[slot] >= 0)
		vfu_conn_drop_fd(conn, conn->irq_fd[slot]);
	conn->irq_fd[slot] = fd;
}

void
vfu_irq_fini(struct vfu_conn *conn)
{
	irq_fd_set(conn, 0, -1);
	irq_fd_set(conn, 1, -1);
}

/* The gate for SET_IRQS. @return index into irq_fd, or -errno. */
static int
irq_set_check(const struct vfu_irq_set *set)
{
	int slot = irq_slot(set->index);

	if (set->argsz < sizeof(*set) || set->index >= VFU_NUM_IRQS || slot < 0)
		return -EINVAL;
	if ((set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)) != 0)
		return -EINVAL;
	if ((set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTSUP;
	if (set->start != 0 || set->count > 1)
		return -EINVAL;
	return slot;
}

/* A descriptor sets the trigger, none takes it away. */
static int
irq_set_eventfd(struct vfu_conn *conn, int slot, const struct vfu_irq_set *set)
{
	int fd;

	if (set->count != 1)
		return -EINVAL;
	if (conn->rx.fds.count == 1 && conn->conf.notify == NULL)
		return -ENOTSUP;
	if (conn->rx.fds.count == 1 &&
	    fabric_notify_check(conn->conf.notify, conn->rx.fds.fd[0]) < 0)
		return -EINVAL;
	fd = vfu_fds_take(&conn->rx.fds, 0);
	irq_fd_set(conn, slot, fd);
	return 0;
}

int
vfu_irq_set(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	const uint8_t *data = (const uint8_t *)body + sizeof(struct vfu_irq_set);
	struct vfu_irq_set set;
	int slot;

	memcpy(&set, body, sizeof(set));
	slot = irq_set_check(&set);
	if (slot < 0)
		return slot;
	if ((set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) == VFIO_IRQ_SET_DATA_EVENTFD)
		return irq_set_eventfd(conn, slot, &set);
	if (conn->rx.fds.count > 0)
		return -EINVAL;
	switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (set.count == 0)
			irq_fd_set(conn, slot, -1);
		else
			irq_raise(conn, slot);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (len != sizeof(set) + set.count)
			return -EINVAL;
		if (set.count == 1 && data[0] != 0)
			irq_raise(conn, slot);
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- regions --- */

/* A read of BAR 2 becomes loads of 8, 4, 2 or 1 bytes, as the kernel's driver does it. */
static int
cmd_read(struct vfu_conn *conn, uint64_t off, uint8_t *dst, size_t len)
{
	size_t n;
	int ret;

	while (len > 0) {
		for (n = BAR2_LOAD_MAX; n > len || off % n != 0; n /= 2)
			;
		ret = fabric_fn_load(conn->fn, FABRIC_BAR_CMD, off, dst, n);
		if (ret < 0)
			return ret;
		off += n;
		dst += n;
		len -= n;
	}
	return 0;
}

static int
region_read(struct vfu_conn *conn, uint32_t region, uint64_t off, uint8_t *dst, size_t len)
{
	uint64_t word;

	switch (region) {
	case FABRIC_BAR_CMD:
		return cmd_read(conn, off, dst, len);
	case FABRIC_BAR_MSIX:
		return fabric_bar4_read(&conn->config, off, dst, len);
	case VFU_REGION_CONFIG:
		return fabric_config_read(&conn->config, off, dst, len);
	default:
		/* The device says why not. */
		return fabric_fn_load(conn->fn, region, off, &word,
				      len < sizeof(word) ? len : sizeof(word));
	}
}

static int
region_write(struct vfu_conn *conn, uint32_t region, uint64_t off, const uint8_t *src, size_t len)
{
	switch (region) {
	case FABRIC_BAR_MSIX:
		return fabric_bar4_write(&conn->config, off, src, len);
	case VFU_REGION_CONFIG:
		return fabric_config_write(&conn->config, off, src, len);
	default:
		return fabric_fn_store(conn->fn, region, off, src, len);
	}
}

/* The gate for accesses: 64-bit arithmetic, inside the region. */
static int
access_check(const struct vfu_region_access *acc, size_t max)
{
	uint64_t size = region_size(acc->region);

	if (size == 0 || acc->count > max || acc->offset >= size || acc->count > size - acc->offset)
		return -EINVAL;
	return 0;
}

/* What is not possible now will be, and until then the message is held. */
static int
held(int ret)
{
	return ret == -EAGAIN ? VFU_AGAIN : ret;
}

int
vfu_region_read(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_region_access acc;
	int ret;

	memcpy(&acc, body, sizeof(acc));
	ret = access_check(&acc, VFU_REPLY_MAX - sizeof(acc));
	if (ret == 0 && acc.count == 0)
		ret = -EINVAL;
	vfu_conn_access(conn);
	if (ret == 0)
		ret = held(region_read(conn, acc.region, acc.offset, reply->data + sizeof(acc),
				       acc.count));
	if (ret != 0)
		return ret;
	memcpy(reply->data, &acc, sizeof(acc));
	reply->len = sizeof(acc) + acc.count;
	return 0;
}

int
vfu_region_write(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	const uint8_t *data = (const uint8_t *)body + sizeof(struct vfu_region_access);
	struct vfu_region_access acc;
	int ret;

	memcpy(&acc, body, sizeof(acc));
	if (len - sizeof(acc) != acc.count)
		return -EINVAL;
	ret = access_check(&acc, VFU_DATA_MAX);
	vfu_conn_access(conn);
	if (ret == 0)
		ret = held(region_write(conn, acc.region, acc.offset, data, acc.count));
	if (ret != 0)
		return ret;
	memcpy(reply->data, &acc, sizeof(acc));
	reply->len = sizeof(acc);
	return 0;
}

/* One store of many. @return 0; VFU_AGAIN; -errno. */
static int
write_one(struct vfu_conn *conn, const uint8_t *at)
{
	struct vfu_region_access acc;
	struct vfu_write_one one;
	int ret;

	memcpy(&one, at, sizeof(one));
	acc = (struct vfu_region_access){ one.offset, one.region, one.count };
	ret = one.count == 0 ? -EINVAL : access_check(&acc, sizeof(one.data));
	if (ret == 0)
		ret = held(region_write(conn, one.region, one.offset, one.data, one.count));
	return ret;
}

/* 200 commands: as many as fit into the turn, conn->multi of them so far. */
int
vfu_region_write_multi(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	const uint8_t *at = (const uint8_t *)body + sizeof(struct vfu_write_multi);
	struct vfu_write_multi multi;
	int ret = 0;

	memcpy(&multi, body, sizeof(multi));
	if (multi.count == 0 || multi.count > VFU_WRITE_MULTI_MAX ||
	    len != sizeof(multi) + multi.count * sizeof(struct vfu_write_one))
		return -EINVAL;
	while (ret == 0 && conn->multi < multi.count) {
		if (!vfu_conn_settled(conn) || !vfu_conn_access(conn))
			return VFU_AGAIN;
		ret = write_one(conn, at + conn->multi * sizeof(struct vfu_write_one));
		conn->multi += ret == 0;
	}
	if (ret == VFU_AGAIN)
		return ret;
	conn->multi = 0;
	if (ret < 0)
		return ret;
	memcpy(reply->data, &multi, sizeof(multi));
	reply->len = sizeof(multi);
	return 0;
}

/* --- the rest --- */

int
vfu_device_reset(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	fabric_fn_reset(conn->fn);
	fabric_config_init(&conn->config);
	return 0;
}

int
vfu_ism_direct(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_ism_direct_req req;
	struct vfu_ism_direct_rsp rsp;
	struct fabric_direct direct;
	int ret;

	if (!conn->direct)
		return -ENOTSUP;
	memcpy(&req, body, sizeof(req));
	if (req.argsz < sizeof(req) || req.flags != 0)
		return -EINVAL;
	ret = fabric_fn_direct(conn->fn, req.token, &direct);
	if (ret < 0)
		return ret;
	rsp = (struct vfu_ism_direct_rsp){
		.argsz = sizeof(rsp),
		.len = direct.len,
		.mem_off = direct.mem_off,
		.generation = direct.generation,
		.grant_off = direct.grant_off,
	};
	memcpy(reply->data, &rsp, sizeof(rsp));
	reply->len = sizeof(rsp);
	reply->fd[0] = direct.mem_fd;
	reply->fd[1] = direct.grant_fd;
	reply->fd_count = 2;
	return 0;
}
