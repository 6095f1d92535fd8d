/* SPDX-License-Identifier: BSD-3-Clause */
/* The API's way in. It stands above all other files of the driver. */
#include <errno.h>

#include "ism_buses.h"
#include "ism_fn.h"

/*
 * This driver is a static library, and its bus drivers register themselves in constructors.
 * Whoever uses the API opens a function with it: naming them here makes the linker take them along.
 */
static const struct ism_ops *const buses[] __attribute__((used)) = {
	&ism_vfu_ops,
	&ism_vfio_ops,
};

int
rte_pmd_ism_open(uint16_t dev_id)
{
	struct ism_fn *fn = ism_fn_get(dev_id);

	return fn == NULL ? -ENODEV : ism_dev_open(fn);
}
