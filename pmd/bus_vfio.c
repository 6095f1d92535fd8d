/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PCI way to a function: VFIO, as SPEC-ism section 8 describes ism-vfio-pci. No mmap: one
 * pwrite is one PCISTB (SPEC-ism section 8.4), one pwritev is one for each segment (SPEC-ism
 * section 8.5). Offsets are those that the kernel told (SPEC-ism section 8.2).
 *
 * The driver registers without RTE_PCI_DRV_NEED_MAPPING: the PCI bus does not know
 * ism_vfio_pci and would skip the device. EAL's own VFIO code is not used either: a
 * container of our own holds the pages of SBA, IEQ and DMBs and nothing else (DESIGN D2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <bus_pci_driver.h>
#include <rte_bus_pci.h>

#include "bus_vfio.h"
#include "ism_buses.h"

#define VFIO_HEALTH_MS 100 /* a load of config space goes to firmware */

static int
vfio_store(void *arg, unsigned int bar, uint64_t off, const void *src, uint32_t len)
{
	struct vfio_bus *bus = arg;

	return vfio_bus_store(bus, bar == ISM_BAR_DATA ? &bus->data : &bus->cmd, off, src, len);
}

/*
 * The kernel does segment after segment and, where one fails, tells how far it came but not why:
 * the rest is tried again, and then the first one that fails says it. Each call does one segment
 * at least, or is the last one: so there are n calls at most.
 */
static int
vfio_storev(void *arg, uint64_t off, const struct iovec *iov, unsigned int n)
{
	struct vfio_bus *bus = arg;
	unsigned int calls = 0;
	ssize_t done;

	if (bus->device < 0)
		return -ENODEV;
	while (n > 0) {
		done = pwritev(bus->device, iov, (int)n, (off_t)(bus->data.off + off));
		calls++;
		if (done < 0)
			return vfio_store_error(errno);
		if (done == 0)
			return -EIO; /* clamped to nothing (SPEC-ism section 8.8) */
		off += (uint64_t)done;
		for (; n > 0 && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (done > 0)
			return -EIO; /* cut in two (SPEC-ism section 8.8) */
	}
	return (int)calls;
}

static int
vfio_load(void *arg, uint64_t off, uint64_t *word)
{
	struct vfio_bus *bus = arg;
	ssize_t n;

	if (bus->device < 0)
		return -ENODEV;
	n = pread(bus->device, word, sizeof(*word), (off_t)(bus->cmd.off + off));
	if (n < 0)
		return vfio_store_error(errno);
	return n == sizeof(*word) ? 0 : -EIO;
}

static int
vfio_reset(void *arg)
{
	struct vfio_bus *bus = arg;

	if (bus->device < 0)
		return -ENODEV;
	if ((bus->device_flags & VFIO_DEVICE_FLAGS_RESET) == 0)
		return -ENOTSUP;
	return ioctl(bus->device, VFIO_DEVICE_RESET) < 0 ? -errno : 0;
}

static void
map_error(const struct vfio_bus *bus, int err, uint64_t len)
{
	struct rlimit lim = { .rlim_cur = 0 };

	getrlimit(RLIMIT_MEMLOCK, &lim);
	if (err == ENOMEM)
		ISM_LOG(ERR,
			"%s: cannot lock %llu bytes for DMA: the limit of locked memory is %llu "
			"bytes: ulimit -l unlimited (in a service: LimitMEMLOCK=infinity)",
			bus->name, (unsigned long long)len, (unsigned long long)lim.rlim_cur);
	else
		ISM_LOG(ERR, "%s: DMA map of %llu bytes: %s", bus->name, (unsigned long long)len,
			strerror(err));
}

static int
vfio_dma_map(void *arg, uint64_t iova, void *addr, uint64_t len, int fd)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = len,
	};
	struct vfio_bus *bus = arg;
	int err;

	RTE_SET_USED(fd);
	if (bus->container < 0)
		return -ENODEV;
	if (ioctl(bus->container, VFIO_IOMMU_MAP_DMA, &map) == 0)
		return 0;
	err = errno;
	map_error(bus, err, len);
	return err == ENODEV ? -ENODEV : err == ENOSPC ? -ENOSPC : -ENOMEM;
}

static int
vfio_dma_unmap(void *arg, uint64_t iova, uint64_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = len,
	};
	struct vfio_bus *bus = arg;

	if (bus->container < 0)
		return -ENODEV;
	if (ioctl(bus->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return -errno;
	return unmap.size == len ? 0 : -EIO;
}

/* Hardware has no memory to hand out. */
static int
vfio_direct(void *arg, uint64_t token, struct ism_direct *direct)
{
	RTE_SET_USED(arg);
	RTE_SET_USED(token);
	RTE_SET_USED(direct);
	return -EOPNOTSUPP;
}

const struct ism_ops ism_vfio_ops = {
	.name = "vfio",
	.health_ms = VFIO_HEALTH_MS,
	.open = vfio_bus_open,
	.close = vfio_bus_close,
	.reset = vfio_reset,
	.health = vfio_bus_health,
	.load = vfio_load,
	.store = vfio_store,
	.storev = vfio_storev,
	.dma_map = vfio_dma_map,
	.dma_unmap = vfio_dma_unmap,
	.direct = vfio_direct,
	.free = free,
};

/* --- probing --- */

/*
 * Probing claims nothing: rte_pmd_ism_open() does. A function that the kernel uses itself, or that
 * nobody has bound, is left alone. > 0 tells the PCI bus that the device is not for us.
 */
static int
vfio_probe(struct rte_pci_driver *driver, struct rte_pci_device *pci)
{
	char bound[VFIO_NAME_MAX];
	struct vfio_bus *bus;

	RTE_SET_USED(driver);
	vfio_bound_driver(pci->name, bound, sizeof(bound));
	if (!vfio_driver_ok(pci->name, bound))
		return 1;
	bus = calloc(1, sizeof(*bus));
	if (bus == NULL)
		return -ENOMEM;
	snprintf(bus->name, sizeof(bus->name), "%s", pci->name);
	bus->container = -1;
	bus->group = -1;
	bus->device = -1;
	bus->event = -1;
	return ism_rawdev_create(pci->name, pci->name, &ism_vfio_ops, bus, &pci->device,
				 pci->device.numa_node);
}

static int
vfio_remove(struct rte_pci_device *pci)
{
	return ism_rawdev_destroy(pci->name);
}

static const struct rte_pci_id vfio_ids[] = {
	{ RTE_PCI_DEVICE(ISM_PCI_VENDOR, ISM_PCI_DEVICE) },
	{ .vendor_id = 0 },
};

static struct rte_pci_driver vfio_driver = {
	.id_table = vfio_ids,
	.probe = vfio_probe,
	.remove = vfio_remove,
};

RTE_PMD_REGISTER_PCI(raw_ism_pci, vfio_driver);
RTE_PMD_REGISTER_PCI_TABLE(raw_ism_pci, vfio_ids);
RTE_PMD_REGISTER_KMOD_DEP(raw_ism_pci, "* ism-vfio-pci");
