/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel with ism-vfio-pci, for one test program: the system calls that the VFIO backend makes
 * are caught here, and the device behind them is a function of a fabric in this process. It does
 * what SPEC-ism section 8 says, and behind `qemu` what SPEC-ism section 10 says. Calls on other
 * files go to the real kernel. To be included once, by the test itself.
 */
#ifndef VFIO_RIG_H
#define VFIO_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vfio_zdev.h>

#include "fabric.h"

#define RIG_NAME "0001:00:00.0"
#define RIG_SYSFS "/devices/" RIG_NAME "/"
#define RIG_WINDOW_FIRST UINT64_C(0x100000000)
#define RIG_WINDOW_LAST (RIG_WINDOW_FIRST + (512 << 20) - 1)

static struct {
	/* What the kernel is like. Errors are errno values, 0 = it works. */
	const char *driver; /* bound, or NULL */
	int container_error, group_error, device_error, map_error;
	bool no_type1, not_viable, no_zpci_caps, no_iova_cap, no_reset, small_bar, mmap_only;
	bool qemu; /* PCISTB as QEMU does it */
	bool by_segment, stuck; /* one pwritev() does one segment; or nothing */
	uint16_t maxstbl;
	/* The device. */
	struct fabric_fn *fn;
	uint8_t config[256];
	int container, group, device; /* descriptors given out, -1 = none */
	int event; /* ours, of the trigger set last */
	/* What happened. */
	unsigned int opens, resets, stores, store_calls, longest, maps;
	bool bad_map; /* outside the window, or not aligned */
} rig;

/* --- stores and loads on the device's file --- */

/* One PCISTB. @return 0 or -errno as pwrite() of the kernel has it. */
static int
rig_store(unsigned int bar, uint64_t off, const uint8_t *src, size_t len)
{
	uint64_t word;
	size_t i;
	int ret = 0;

	if (len > rig.maxstbl || off % 4096 + len > 4096)
		return -EINVAL;
	rig.stores++;
	rig.longest = len > rig.longest ? (unsigned int)len : rig.longest;
	if (!rig.qemu)
		ret = fabric_fn_store(rig.fn, bar, off, src, len);
	else if (len <= 8 || (len | off) % 8 != 0)
		return -ENXIO;
	for (i = 0; rig.qemu && i < len; i += sizeof(word)) {
		memcpy(&word, src + i, sizeof(word));
		word = __builtin_bswap64(word);
		fabric_fn_store(rig.fn, bar, off + i, &word, sizeof(word)); /* errors get lost */
	}
	return ret == -EINVAL ? -ENXIO : ret;
}

static ssize_t
rig_write(const void *buf, size_t len, uint64_t pos)
{
	uint64_t off = pos & ((UINT64_C(1) << 48) - 1);
	unsigned int bar = (unsigned int)(pos >> 48);
	int ret;

	if (bar == VFIO_PCI_CONFIG_REGION_INDEX && off + len <= sizeof(rig.config)) {
		memcpy(rig.config + off, buf, len);
		return (ssize_t)len;
	}
	ret = bar == 0 || bar == 2 ? rig_store(bar, off, buf, len) : -EINVAL;
	if (ret == 0)
		return (ssize_t)len;
	errno = -ret;
	return -1;
}

static ssize_t
rig_read(void *buf, size_t len, uint64_t pos)
{
	uint64_t off = pos & ((UINT64_C(1) << 48) - 1);
	unsigned int bar = (unsigned int)(pos >> 48);
	int ret;

	if (bar == VFIO_PCI_CONFIG_REGION_INDEX && off + len <= sizeof(rig.config)) {
		memcpy(buf, rig.config + off, len);
		return (ssize_t)len;
	}
	ret = bar == 2 ? fabric_fn_load(rig.fn, bar, off, buf, len) : -EINVAL;
	if (ret == 0)
		return (ssize_t)len;
	errno = -ret;
	return -1;
}

/* --- ioctl --- */

static int
rig_region_info(struct vfio_region_info *info)
{
	if (info->index > VFIO_PCI_BAR5_REGION_INDEX && info->index != VFIO_PCI_CONFIG_REGION_INDEX)
		return -EINVAL;
	info->offset = (uint64_t)info->index << 48;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (rig.mmap_only)
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP;
	info->size = info->index == 0	? 1ull << (rig.small_bar ? 40 : 48)
		     : info->index == 2 ? 4096
		     : info->index == 7 ? sizeof(rig.config)
					: 0;
	return 0;
}

static int
rig_device_info(struct vfio_device_info *info)
{
	struct {
		struct vfio_device_info info;
		struct vfio_device_info_cap_zpci_base base __attribute__((aligned(8)));
		struct vfio_device_info_cap_zpci_group group __attribute__((aligned(8)));
	} out = {
		.info = { .argsz = sizeof(out), .num_regions = 9, .num_irqs = 5 },
		.base = {
			.header = { .id = VFIO_DEVICE_INFO_CAP_ZPCI_BASE, .version = 2 },
			.start_dma = RIG_WINDOW_FIRST,
			.end_dma = UINT64_MAX >> 16,
		},
		.group = {
			.header = { .id = VFIO_DEVICE_INFO_CAP_ZPCI_GROUP, .version = 2 },
			.maxstbl = 128, /* as the kernel has it, always */
			.imaxstbl = rig.maxstbl,
		},
	};

	if (info->argsz < sizeof(out))
		return -EINVAL;
	out.info.flags = VFIO_DEVICE_FLAGS_PCI | (rig.no_reset ? 0 : VFIO_DEVICE_FLAGS_RESET);
	if (!rig.no_zpci_caps) {
		out.info.flags |= VFIO_DEVICE_FLAGS_CAPS;
		out.info.cap_offset = (uint32_t)((char *)&out.base - (char *)&out);
		out.base.header.next = (uint32_t)((char *)&out.group - (char *)&out);
	}
	memcpy(info, &out, sizeof(out));
	return 0;
}

static int
rig_iommu_info(struct vfio_iommu_type1_info *info)
{
	static const struct vfio_iova_range range[2] = {
		{ 0, 0xfffff },
		{ RIG_WINDOW_FIRST, RIG_WINDOW_LAST },
	};
	const struct vfio_iommu_type1_info_cap_iova_range cap = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1 },
		.nr_iovas = 2,
	};
	const uint32_t cap_off = 32, argsz = cap_off + sizeof(cap) + sizeof(range);
	char *out = (char *)info;

	if (info->argsz < argsz)
		return -EINVAL;
	*info = (struct vfio_iommu_type1_info){ .argsz = argsz, .flags = VFIO_IOMMU_INFO_PGSIZES };
	if (rig.no_iova_cap)
		return 0;
	info->flags |= VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = cap_off;
	memcpy(out + cap_off, &cap, sizeof(cap));
	memcpy(out + cap_off + sizeof(cap), range, sizeof(range));
	return 0;
}

static int
rig_map(const struct vfio_iommu_type1_dma_map *map)
{
	if (rig.map_error != 0)
		return -rig.map_error;
	if (((map->iova | map->size | map->vaddr) & 4095) != 0 || map->iova < RIG_WINDOW_FIRST ||
	    map->iova + map->size - 1 > RIG_WINDOW_LAST || map->argsz != sizeof(*map))
		rig.bad_map = true;
	rig.maps++;
	return fabric_fn_dma_map(rig.fn, map->iova, map->size, (void *)(uintptr_t)map->vaddr, -1,
				 0);
}

static int
rig_unmap(struct vfio_iommu_type1_dma_unmap *unmap)
{
	int ret = fabric_fn_dma_unmap(rig.fn, unmap->iova, unmap->size, NULL, NULL);

	if (ret < 0)
		unmap->size = 0;
	else
		rig.maps--;
	return 0;
}

static int
rig_set_irqs(const struct vfio_irq_set *set)
{
	int fd;

	if (set->index != VFIO_PCI_REQ_IRQ_INDEX && set->index != VFIO_PCI_ERR_IRQ_INDEX)
		return -EINVAL;
	memcpy(&fd, set->data, sizeof(fd));
	if (rig.event >= 0)
		syscall(SYS_close, rig.event);
	rig.event = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return rig.event < 0 ? -errno : 0;
}

static int
rig_get_device(const char *name)
{
	if (strcmp(name, RIG_NAME) != 0)
		return -ENODEV;
	if (rig.device_error != 0)
		return -rig.device_error;
	rig.device = memfd_create("device", MFD_CLOEXEC);
	fabric_fn_attach(rig.fn);
	fabric_fn_set_quirk(rig.fn, rig.qemu);
	rig.config[0] = 0x14;
	rig.config[1] = 0x10;
	rig.config[2] = 0xed;
	rig.config[3] = 0x04;
	return rig.device;
}

static int
rig_ioctl(int fd, unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return fd == rig.container ? VFIO_API_VERSION : -ENOTTY;
	case VFIO_CHECK_EXTENSION:
		return !rig.no_type1 && (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_GROUP_GET_STATUS:
		status->flags = rig.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		return fd == rig.group && *(int *)arg == rig.container ? 0 : -EINVAL;
	case VFIO_SET_IOMMU:
		return fd == rig.container ? 0 : -EINVAL;
	case VFIO_GROUP_GET_DEVICE_FD:
		return fd == rig.group ? rig_get_device(arg) : -EINVAL;
	case VFIO_DEVICE_GET_INFO:
		return fd == rig.device ? rig_device_info(arg) : -EINVAL;
	case VFIO_DEVICE_GET_REGION_INFO:
		return fd == rig.device ? rig_region_info(arg) : -EINVAL;
	case VFIO_DEVICE_SET_IRQS:
		return fd == rig.device ? rig_set_irqs(arg) : -EINVAL;
	case VFIO_DEVICE_RESET:
		rig.resets++;
		fabric_fn_reset(rig.fn);
		fabric_fn_set_quirk(rig.fn, rig.qemu);
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return fd == rig.container ? rig_iommu_info(arg) : -EINVAL;
	case VFIO_IOMMU_MAP_DMA:
		return fd == rig.container ? rig_map(arg) : -EINVAL;
	case VFIO_IOMMU_UNMAP_DMA:
		return fd == rig.container ? rig_unmap(arg) : -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* --- the system calls; libc's names under both of its file-offset models --- */

static int
rig_open(const char *path, int flags, unsigned int mode)
{
	int error = 0, *fd;

	if (strcmp(path, "/dev/vfio/vfio") == 0) {
		error = rig.container_error;
		fd = &rig.container;
	} else if (strcmp(path, "/dev/vfio/42") == 0) {
		error = rig.group_error;
		fd = &rig.group;
	} else {
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	}
	if (error != 0) {
		errno = error;
		return -1;
	}
	rig.opens++;
	*fd = memfd_create("vfio", MFD_CLOEXEC);
	return *fd;
}

#define RIG_OPEN(name, symbol)                                                                     \
	int name(const char *path, int flags, ...) __asm__(symbol);                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		unsigned int mode = 0;                                                             \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if (flags & (O_CREAT | __O_TMPFILE))                                               \
			mode = va_arg(ap, unsigned int);                                           \
		va_end(ap);                                                                        \
		return rig_open(path, flags, mode);                                                \
	}
RIG_OPEN(rig_open_32, "open")
RIG_OPEN(rig_open_64, "open64")

#define RIG_PREAD(name, symbol)                                                                    \
	ssize_t name(int fd, void *buf, size_t len, off_t pos) __asm__(symbol);                    \
	ssize_t name(int fd, void *buf, size_t len, off_t pos)                                     \
	{                                                                                          \
		if (fd >= 0 && fd == rig.device)                                                   \
			return rig_read(buf, len, (uint64_t)pos);                                  \
		return syscall(SYS_pread64, fd, buf, len, pos);                                    \
	}
RIG_PREAD(rig_pread_32, "pread")
RIG_PREAD(rig_pread_64, "pread64")

static ssize_t
rig_pwrite(int fd, const void *buf, size_t len, off_t pos)
{
	if (fd < 0 || fd != rig.device)
		return syscall(SYS_pwrite64, fd, buf, len, pos);
	rig.store_calls++;
	return rig_write(buf, len, (uint64_t)pos);
}

#define RIG_PWRITE(name, symbol)                                                                   \
	ssize_t name(int fd, const void *buf, size_t len, off_t pos) __asm__(symbol);              \
	ssize_t name(int fd, const void *buf, size_t len, off_t pos)                               \
	{                                                                                          \
		return rig_pwrite(fd, buf, len, pos);                                              \
	}
RIG_PWRITE(rig_pwrite_32, "pwrite")
RIG_PWRITE(rig_pwrite_64, "pwrite64")

/* Segment after segment; what was done before a failure is told (SPEC-ism section 8.5). */
static ssize_t
rig_pwritev(int fd, const struct iovec *iov, int count, off_t pos)
{
	ssize_t n, done = 0;
	int i;

	if (fd < 0 || fd != rig.device)
		return syscall(SYS_pwritev, fd, iov, count, pos, 0);
	rig.store_calls++;
	count = rig.stuck ? 0 : rig.by_segment ? 1 : count;
	for (i = 0; i < count; i++) {
		n = rig_write(iov[i].iov_base, iov[i].iov_len, (uint64_t)pos + (uint64_t)done);
		if (n < 0)
			return done > 0 ? done : -1;
		done += n;
	}
	return done;
}

#define RIG_PWRITEV(name, symbol)                                                                  \
	ssize_t name(int fd, const struct iovec *iov, int count, off_t pos) __asm__(symbol);       \
	ssize_t name(int fd, const struct iovec *iov, int count, off_t pos)                        \
	{                                                                                          \
		return rig_pwritev(fd, iov, count, pos);                                           \
	}
RIG_PWRITEV(rig_pwritev_32, "pwritev")
RIG_PWRITEV(rig_pwritev_64, "pwritev64")

int rig_ioctl_call(int fd, unsigned long request, ...) __asm__("ioctl");
int
rig_ioctl_call(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd < 0 || (fd != rig.container && fd != rig.group && fd != rig.device))
		return (int)syscall(SYS_ioctl, fd, request, arg);
	ret = rig_ioctl(fd, request, arg);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

ssize_t rig_readlink(const char *path, char *buf, size_t size) __asm__("readlink");
ssize_t
rig_readlink(const char *path, char *buf, size_t size)
{
	const char *at = strstr(path, RIG_SYSFS);
	char target[128] = "";

	if (at == NULL)
		return syscall(SYS_readlinkat, AT_FDCWD, path, buf, size);
	at += strlen(RIG_SYSFS);
	if (strcmp(at, "iommu_group") == 0 && rig.driver != NULL)
		strcpy(target, "../../../kernel/iommu_groups/42");
	else if (strcmp(at, "driver") == 0 && rig.driver != NULL)
		snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", rig.driver);
	if (target[0] == '\0') {
		errno = ENOENT;
		return -1;
	}
	size = strlen(target) < size ? strlen(target) : size;
	memcpy(buf, target, size);
	return (ssize_t)size;
}

/* The last close of the device gives the function back. */
int rig_close(int fd) __asm__("close");
int
rig_close(int fd)
{
	if (fd >= 0 && fd == rig.device) {
		fabric_fn_detach(rig.fn);
		rig.device = -1;
	} else if (fd >= 0 && fd == rig.container) {
		rig.container = -1;
	} else if (fd >= 0 && fd == rig.group) {
		rig.group = -1;
	}
	return (int)syscall(SYS_close, fd);
}

#endif
