/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways to a function that this driver brings along. */
#ifndef ISM_BUSES_H
#define ISM_BUSES_H

#include "ism_ops.h"

/* bus_vfu.c: vdev "raw_ism", vfio-user to the software fabric. */
extern const struct ism_ops ism_vfu_ops;
/* bus_vfio.c: PCI 1014:04ed through the kernel's ism-vfio-pci. */
extern const struct ism_ops ism_vfio_ops;

#endif
