/* SPDX-License-Identifier: BSD-3-Clause */
/* Claiming a function through VFIO, step by step as SPEC-ism section 8 has it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vfio_zdev.h>

#include <bus_pci_driver.h>

#include "bus_vfio.h"

#define INFO_MAX 4096 /* bytes of VFIO_DEVICE_GET_INFO or VFIO_IOMMU_GET_INFO with capabilities */
#define REGION_RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

/* PCI config space: little-endian. */
#define PCI_ID_OFF 0
#define PCI_COMMAND_OFF 4
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

/* Told once, until the function could be claimed: reopening tries again and again. */
#define TELL(bus, fmt, ...)                                                                        \
	do {                                                                                       \
		if (!(bus)->told)                                                                  \
			ISM_LOG(ERR, "%s: " fmt, (bus)->name, ##__VA_ARGS__);                      \
		(bus)->told = true;                                                                \
	} while (0)

/* --- who drives it now (SPEC-ism section 8.1) --- */

/* The last part of a symbolic link of the device in sysfs; "" when there is none. */
static void
sysfs_link(const char *name, const char *link, char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t n;

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s", rte_pci_get_sysfs_path(), name, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(out, size, "%s", last == NULL ? target : last + 1);
}

void
vfio_bound_driver(const char *name, char *driver, size_t size)
{
	sysfs_link(name, "driver", driver, size);
}

bool
vfio_driver_ok(const char *name, const char *driver)
{
	if (strcmp(driver, "ism_vfio_pci") == 0)
		return true;
	if (driver[0] == '\0')
		ISM_LOG(ERR, "%s: not bound to ism_vfio_pci: tools/bind bind %s", name, name);
	else if (strcmp(driver, "vfio-pci") == 0)
		ISM_LOG(ERR,
			"%s: bound to vfio-pci, which cannot reach the BARs of an ISM function: "
			"tools/bind bind %s",
			name, name);
	else if (strcmp(driver, "ism") == 0)
		ISM_LOG(ERR,
			"%s: in use by the kernel's driver ism (SMC-D), to take it from there: "
			"tools/bind bind --force %s",
			name, name);
	else
		ISM_LOG(ERR, "%s: bound to the driver %s: tools/bind bind %s", name, driver, name);
	return false;
}

/* --- container, group, device --- */

static int
open_container(struct vfio_bus *bus)
{
	int err;

	bus->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (bus->container < 0) {
		err = errno;
		TELL(bus, "/dev/vfio/vfio: %s: %s", strerror(err),
		     err == EACCES || err == EPERM ? "chmod a+rw /dev/vfio/vfio"
						   : "modprobe vfio_iommu_type1");
		return -ENODEV;
	}
	if (ioctl(bus->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(bus->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1) {
		TELL(bus, "VFIO has no type 1 (v2) IOMMU: modprobe vfio_iommu_type1");
		return -ENODEV;
	}
	return 0;
}

static void
tell_group(struct vfio_bus *bus, const char *path, int err)
{
	char bound[VFIO_NAME_MAX];

	vfio_bound_driver(bus->name, bound, sizeof(bound));
	if (err == EACCES || err == EPERM)
		TELL(bus, "no permission to open %s: tools/bind bind --owner %u %s", path,
		     geteuid(), bus->name);
	else if (err == EBUSY)
		TELL(bus, "%s is in use by another process: tools/bind status tells by which",
		     path);
	else
		TELL(bus,
		     "%s: %s; the function is bound to \"%s\", expected ism_vfio_pci: "
		     "tools/bind bind %s",
		     path, strerror(err), bound, bus->name);
}

static int
open_group(struct vfio_bus *bus)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char number[VFIO_NAME_MAX], path[64];

	sysfs_link(bus->name, "iommu_group", number, sizeof(number));
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	bus->group = number[0] == '\0' ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (bus->group < 0) {
		tell_group(bus, path, number[0] == '\0' ? ENOENT : errno);
		return -ENODEV;
	}
	if (ioctl(bus->group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
	    (status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
		TELL(bus,
		     "%s is not viable: other devices of its IOMMU group are not bound to VFIO",
		     path);
		return -ENODEV;
	}
	if (ioctl(bus->group, VFIO_GROUP_SET_CONTAINER, &bus->container) < 0 ||
	    ioctl(bus->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0) {
		TELL(bus, "cannot give it an IOMMU container: %s", strerror(errno));
		return -ENODEV;
	}
	return 0;
}

static int
open_device(struct vfio_bus *bus)
{
	bus->device = ioctl(bus->group, VFIO_GROUP_GET_DEVICE_FD, bus->name);
	if (bus->device >= 0)
		return 0;
	TELL(bus, "cannot get the device from its IOMMU group: %s", strerror(errno));
	return -ENODEV;
}

/* --- what it is: regions, capabilities --- */

static int
get_region(struct vfio_bus *bus, uint32_t index, uint64_t need, struct vfio_region *region)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(bus->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0) {
		TELL(bus, "region %u: %s", index, strerror(errno));
		return -ENODEV;
	}
	if (info.size < need || (info.flags & REGION_RW) != REGION_RW) {
		TELL(bus, "region %u has %llu bytes, flags 0x%x; expected %llu, 0x%x", index,
		     (unsigned long long)info.size, info.flags, (unsigned long long)need,
		     REGION_RW);
		return -EPROTO;
	}
	*region = (struct vfio_region){ .off = info.offset, .size = info.size };
	return 0;
}

static int
get_regions(struct vfio_bus *bus)
{
	int ret;

	ret = get_region(bus, VFIO_PCI_BAR0_REGION_INDEX, ISM_BAR_DATA_SIZE, &bus->data);
	if (ret == 0)
		ret = get_region(bus, VFIO_PCI_BAR2_REGION_INDEX, sizeof(struct ism_query_info_rsp),
				 &bus->cmd);
	if (ret == 0)
		ret = get_region(bus, VFIO_PCI_CONFIG_REGION_INDEX, 64, &bus->config);
	return ret;
}

/* Find a capability of at least `need` bytes in an info block of `size` bytes. NULL = none. */
static const void *
find_cap(const void *info, uint32_t size, uint32_t off, uint16_t id, size_t need)
{
	const struct vfio_info_cap_header *cap;

	/* The chain runs upwards: a kernel that says otherwise is not followed in circles. */
	while (off >= sizeof(*cap) && off % 4 == 0 && off + sizeof(*cap) <= size) {
		cap = (const void *)((const char *)info + off);
		if (cap->id == id && off + need <= size)
			return cap;
		if (cap->next <= off)
			break;
		off = cap->next;
	}
	return NULL;
}

/*
 * What one store may carry; 0 = not told. Not the field that is called maxstbl: that is what the
 * kernel's own copying uses, 128 whatever the function can do.
 */
static uint32_t
get_maxstbl(const struct vfio_device_info_cap_zpci_group *group)
{
	return group == NULL || group->header.version < 2 ? 0 : group->imaxstbl;
}

/* SPEC-ism sections 8.4 and 8.9: maxstbl and the DMA window of the function. */
static int
get_device_info(struct vfio_bus *bus, struct ism_bus_info *out)
{
	union {
		struct vfio_device_info info;
		uint64_t room[INFO_MAX / sizeof(uint64_t)];
	} u = { .info = { .argsz = sizeof(u) } };
	const struct vfio_device_info_cap_zpci_base *base = NULL;
	const struct vfio_device_info_cap_zpci_group *group = NULL;

	if (ioctl(bus->device, VFIO_DEVICE_GET_INFO, &u.info) < 0) {
		TELL(bus, "VFIO_DEVICE_GET_INFO: %s", strerror(errno));
		return -ENODEV;
	}
	bus->device_flags = u.info.flags;
	if (u.info.flags & VFIO_DEVICE_FLAGS_CAPS) {
		base = find_cap(&u, sizeof(u), u.info.cap_offset, VFIO_DEVICE_INFO_CAP_ZPCI_BASE,
				offsetof(struct vfio_device_info_cap_zpci_base, pchid));
		group = find_cap(&u, sizeof(u), u.info.cap_offset, VFIO_DEVICE_INFO_CAP_ZPCI_GROUP,
				 sizeof(*group));
	}
	out->maxstbl = get_maxstbl(group);
	out->iova_first = base == NULL ? 0 : base->start_dma;
	out->iova_last = base == NULL ? UINT64_MAX : base->end_dma;
	return 0;
}

/* Narrow the window to the largest piece that the IOMMU can map too. */
static void
narrow_window(struct ism_bus_info *out, const struct vfio_iommu_type1_info_cap_iova_range *cap,
	      uint32_t room)
{
	uint64_t first, last, best_first = 1, best_last = 0;
	uint32_t i;

	for (i = 0; i < cap->nr_iovas && i < room / sizeof(cap->iova_ranges[0]); i++) {
		first = RTE_MAX(out->iova_first, (uint64_t)cap->iova_ranges[i].start);
		last = RTE_MIN(out->iova_last, (uint64_t)cap->iova_ranges[i].end);
		if (first > last ||
		    (best_first <= best_last && last - first < best_last - best_first))
			continue;
		best_first = first;
		best_last = last;
	}
	out->iova_first = best_first; /* empty when there was none: the driver refuses that */
	out->iova_last = best_last;
}

static int
get_iommu_info(struct vfio_bus *bus, struct ism_bus_info *out)
{
	union {
		struct vfio_iommu_type1_info info;
		uint64_t room[INFO_MAX / sizeof(uint64_t)];
	} u = { .info = { .argsz = sizeof(u) } };
	const struct vfio_iommu_type1_info_cap_iova_range *cap = NULL;
	size_t off;

	if (ioctl(bus->container, VFIO_IOMMU_GET_INFO, &u.info) < 0) {
		TELL(bus, "VFIO_IOMMU_GET_INFO: %s", strerror(errno));
		return -ENODEV;
	}
	if (u.info.flags & VFIO_IOMMU_INFO_CAPS)
		cap = find_cap(&u, sizeof(u), u.info.cap_offset,
			       VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, sizeof(*cap));
	if (cap != NULL) {
		off = (size_t)((const char *)cap->iova_ranges - (const char *)&u);
		narrow_window(out, cap, (uint32_t)(sizeof(u) - off));
	}
	out->iova_first = RTE_ALIGN_CEIL(out->iova_first, ISM_PAGE_SIZE);
	return 0;
}

/* --- start it --- */

static int
config_read(struct vfio_bus *bus, uint32_t off, void *buf, size_t len)
{
	if (pread(bus->device, buf, len, (off_t)(bus->config.off + off)) == (ssize_t)len)
		return 0;
	return -ENODEV;
}

int
vfio_bus_health(void *arg)
{
	struct vfio_bus *bus = arg;
	uint64_t count;
	rte_le32_t id;

	if (bus->event >= 0 && read(bus->event, &count, sizeof(count)) > 0)
		return -ENODEV;
	if (bus->device < 0 || config_read(bus, PCI_ID_OFF, &id, sizeof(id)) < 0)
		return -ENODEV;
	return rte_le_to_cpu_32(id) == ((uint32_t)ISM_PCI_DEVICE << 16 | ISM_PCI_VENDOR) ? 0
											 : -ENODEV;
}

/* Our own access: DPDK's reads config space in the host's byte order. */
static int
enable_bus_master(struct vfio_bus *bus)
{
	rte_le16_t command;

	if (config_read(bus, PCI_COMMAND_OFF, &command, sizeof(command)) < 0)
		return -ENODEV;
	command |= rte_cpu_to_le_16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (pwrite(bus->device, &command, sizeof(command),
		   (off_t)(bus->config.off + PCI_COMMAND_OFF)) != sizeof(command))
		return -ENODEV;
	return 0;
}

/*
 * Hot-unplug waits in the kernel until we let go of the device, and error recovery is for us to
 * start: both come through one eventfd, which health() looks at. Then the function is lost, and
 * reopening it lets go. No interrupt vector of the device is used.
 */
static void
watch_device(struct vfio_bus *bus)
{
	static const uint32_t index[] = { VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX };
	union {
		struct vfio_irq_set set;
		uint8_t room[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} u;
	unsigned int i;

	bus->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; i < RTE_DIM(index) && bus->event >= 0; i++) {
		u.set = (struct vfio_irq_set){
			.argsz = sizeof(u),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index[i],
			.count = 1,
		};
		memcpy(u.room + sizeof(u.set), &bus->event, sizeof(int32_t));
		if (ioctl(bus->device, VFIO_DEVICE_SET_IRQS, &u.set) < 0)
			ISM_LOG(INFO, "%s: no events of kind %u: %s", bus->name, index[i],
				strerror(errno));
	}
}

static int
start_device(struct vfio_bus *bus)
{
	/* Whoever had the function before may have left DMBs in it. */
	if ((bus->device_flags & VFIO_DEVICE_FLAGS_RESET) != 0 &&
	    ioctl(bus->device, VFIO_DEVICE_RESET) < 0) {
		TELL(bus, "VFIO_DEVICE_RESET: %s", strerror(errno));
		return -ENODEV;
	}
	if (vfio_bus_health(bus) < 0 || enable_bus_master(bus) < 0) {
		TELL(bus, "config space does not answer as device %04x:%04x", ISM_PCI_VENDOR,
		     ISM_PCI_DEVICE);
		return -ENODEV;
	}
	return 0;
}

/*
 * SPEC-ism section 8.4: where the kernel does not tell maxstbl, try. The kernel refuses what is too
 * long before the device sees it; a shorter one goes to token 0, which nobody has.
 */
static void
find_maxstbl(struct vfio_bus *bus, struct ism_bus_info *info)
{
	static const uint8_t zeros[ISM_MAXSTBL_MAX];
	uint32_t len = ISM_MAXSTBL_MAX;

	if (info->maxstbl != 0)
		return;
	while (len > ISM_MAXSTBL_MIN && vfio_bus_store(bus, &bus->data, 0, zeros, len) == -EINVAL)
		len /= 2;
	info->maxstbl = len;
	ISM_LOG(NOTICE, "%s: the kernel does not tell maxstbl; found %u by trying", bus->name, len);
}

void
vfio_bus_close(void *arg)
{
	struct vfio_bus *bus = arg;
	int *fd[] = { &bus->event, &bus->device, &bus->group, &bus->container };
	unsigned int i;

	/* Closing the group takes it out of the container, closing that unmaps all DMA. */
	for (i = 0; i < RTE_DIM(fd); i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

int
vfio_bus_open(void *arg, struct ism_bus_info *info)
{
	struct vfio_bus *bus = arg;
	int ret;

	*info = (struct ism_bus_info){ .direct = false };
	ret = open_container(bus);
	if (ret == 0)
		ret = open_group(bus);
	if (ret == 0)
		ret = open_device(bus);
	if (ret == 0)
		ret = get_device_info(bus, info);
	if (ret == 0)
		ret = get_iommu_info(bus, info);
	if (ret == 0)
		ret = get_regions(bus);
	info->bar_size[ISM_BAR_DATA] = bus->data.size;
	info->bar_size[ISM_BAR_CMD] = bus->cmd.size;
	if (ret == 0)
		ret = start_device(bus);
	if (ret < 0) {
		vfio_bus_close(bus);
		return ret;
	}
	watch_device(bus);
	find_maxstbl(bus, info);
	bus->told = false;
	return 0;
}
