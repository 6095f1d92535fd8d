/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to bus_vfio*.c: one function behind the kernel's ism-vfio-pci. */
#ifndef BUS_VFIO_H
#define BUS_VFIO_H

#include <stdbool.h>
#include <stdint.h>

#include "ism_fn.h"

#define VFIO_NAME_MAX 32 /* "0000:00:00.0" */

/* Where a region is in the device's file. */
struct vfio_region {
	uint64_t off;
	uint64_t size;
};

struct vfio_bus {
	char name[VFIO_NAME_MAX];
	bool told; /* why it cannot be claimed: once until it can */
	int container, group, device; /* -1 = closed */
	int event; /* the kernel wants the device back, or it failed; -1 = it cannot tell */
	uint32_t device_flags; /* VFIO_DEVICE_FLAGS_* */
	struct vfio_region data, cmd, config;
};

/* What driver the kernel has bound. Copies "" when there is none. */
void vfio_bound_driver(const char *name, char *driver, size_t size);
/* Is that one which this driver can use? Logs what to do if not. */
bool vfio_driver_ok(const char *name, const char *driver);

/* bus_vfio_open.c. As ism_ops.open. */
int vfio_bus_open(void *arg, struct ism_bus_info *info);
/* Close what is open; idempotent. */
void vfio_bus_close(void *arg);
/* No event came, and config space still says who is there. @return 0 or -ENODEV. */
int vfio_bus_health(void *arg);
/* bus_vfio_store.c. One store. @return 1 (system call) or -errno as of ism_ops. */
int vfio_bus_store(struct vfio_bus *bus, const struct vfio_region *region, uint64_t off,
		   const void *src, uint32_t len);
/* What an errno of a store means (SPEC-ism section 8.7). */
int vfio_store_error(int err);

#endif
