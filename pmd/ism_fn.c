/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions: found by their number, in use, lost. */
#include <errno.h>
#include <string.h>

#include "ism_fn.h"

RTE_LOG_REGISTER(ism_logtype, pmd.raw.ism, NOTICE);

/* By the number of the rawdev. The main thread writes, before and after all others use it. */
static struct ism_fn *functions[RTE_RAWDEV_MAX_DEVS];

void
ism_fn_add(struct ism_fn *fn)
{
	functions[fn->dev_id] = fn;
}

void
ism_fn_remove(const struct ism_fn *fn)
{
	functions[fn->dev_id] = NULL;
}

struct ism_fn *
ism_fn_get(uint16_t dev_id)
{
	return dev_id < RTE_RAWDEV_MAX_DEVS ? functions[dev_id] : NULL;
}

unsigned int
rte_pmd_ism_list(uint16_t *ids, unsigned int n)
{
	unsigned int count = 0;
	uint16_t id;

	for (id = 0; id < RTE_RAWDEV_MAX_DEVS; id++) {
		if (ism_fn_get(id) == NULL)
			continue;
		if (count < n)
			ids[count] = id;
		count++;
	}
	return count;
}

bool
ism_is_fatal(int ret)
{
	return ret == -ENODEV || ret == -EPROTO || ret == -ETIMEDOUT;
}

int
ism_fn_lost(struct ism_fn *fn, int why)
{
	if (!atomic_exchange_explicit(&fn->lost, true, memory_order_relaxed))
		ISM_LOG(WARNING, "%s: function lost (%s)", fn->path, strerror(-why));
	return -ENODEV;
}

int
ism_fn_use(uint16_t dev_id, struct ism_fn **fn)
{
	*fn = ism_fn_get(dev_id);
	if (*fn == NULL || !(*fn)->open)
		return -ENODEV;
	if (!ism_is_lost(*fn))
		return 0;
	base_count(&(*fn)->stats.err_lost, 1);
	return -ENODEV;
}
