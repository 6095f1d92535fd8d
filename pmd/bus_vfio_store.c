/* SPDX-License-Identifier: BSD-3-Clause */
/* One store through VFIO, and what its errors mean. */
#include <errno.h>
#include <unistd.h>

#include "bus_vfio.h"

int
vfio_store_error(int err)
{
	switch (err) {
	case ENODEV:
		return -ENODEV;
	case ENXIO: /* program exception */
	case EINVAL:
	case EFAULT: /* the caller's src */
		return -EINVAL;
	default: /* EIO: PCI condition code 1 or 3; ENOMEM: the kernel's buffer */
		return -EIO;
	}
}

int
vfio_bus_store(struct vfio_bus *bus, const struct vfio_region *region, uint64_t off,
	       const void *src, uint32_t len)
{
	ssize_t n;

	if (bus->device < 0)
		return -ENODEV;
	n = pwrite(bus->device, src, len, (off_t)(region->off + off));
	if (n < 0)
		return vfio_store_error(errno);
	return n == (ssize_t)len ? 1 : -EIO; /* clamped: SPEC-ism section 8.8 */
}
