/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions: found by their number, in use, lost. */
#include <errno.h>
#include <string.h>

#include "ism_fn.h"

RTE_LOG_REGISTER(ism_logtype, pmd.raw.ism, NOTICE);

bool
ism_is_fatal(int ret)
{
	return ret == -ENODEV || ret == -EPROTO || ret == -ETIMEDOUT;
}

int
ism_fn_lost(struct ism_fn *fn, int why)
{
	if (!__atomic_exchange_n(&fn->lost, true, __ATOMIC_RELAXED))
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
	ism_count(&(*fn)->stats.err_lost, 1);
	return -ENODEV;
}
