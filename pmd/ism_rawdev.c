/* SPDX-License-Identifier: BSD-3-Clause */
/* A function as a DPDK rawdev: creation, and the generic ops. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>

#include "ism_fn.h"

static const struct rte_rawdev_ops rawdev_ops;

int
ism_rawdev_create(const char *name, const char *path, const struct ism_ops *ops, void *bus,
		  struct rte_device *device, int socket_id)
{
	struct rte_rawdev *dev = NULL;
	struct ism_fn *fn;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		ISM_LOG(ERR, "%s: a function belongs to one process, and this is a secondary one",
			name);
		ops->free(bus);
		return -ENOTSUP;
	}
	if (rte_rawdev_pmd_get_named_dev(name) == NULL)
		dev = rte_rawdev_pmd_allocate(name, sizeof(*fn), socket_id);
	if (dev == NULL) {
		ISM_LOG(ERR, "%s: no rawdev: the name is taken, or memory is out", name);
		ops->free(bus);
		return -ENOMEM;
	}
	dev->device = device;
	dev->driver_name = RTE_PMD_ISM_VDEV_NAME;
	fn = dev->dev_private;
	fn->ops = ops;
	fn->bus = bus;
	fn->rawdev = dev;
	fn->dev_id = dev->dev_id;
	fn->ctl_mem.fd = -1;
	snprintf(fn->path, sizeof(fn->path), "%s", path);
	pthread_mutex_init(&fn->lock, NULL);
	TAILQ_INIT(&fn->dmbs);
	TAILQ_INIT(&fn->windows);
	dev->dev_ops = &rawdev_ops;
	ism_fn_add(fn);
	ism_telemetry_init();
	return 0;
}

int
ism_rawdev_destroy(const char *name)
{
	struct rte_rawdev *dev = rte_rawdev_pmd_get_named_dev(name);

	if (dev == NULL || dev->dev_ops != &rawdev_ops)
		return -ENODEV;
	return rte_rawdev_pmd_release(dev) == 0 ? 0 : -EBUSY;
}

/* Information in the driver's own words: struct rte_pmd_ism_info. */
static int
rawdev_info_get(struct rte_rawdev *dev, rte_rawdev_obj_t info, size_t size)
{
	if (info == NULL || size != sizeof(struct rte_pmd_ism_info))
		return -EINVAL;
	return rte_pmd_ism_info_get(dev->dev_id, info);
}

/* Part of releasing the rawdev. */
static int
rawdev_close(struct rte_rawdev *dev)
{
	struct ism_fn *fn = dev->dev_private;

	ism_dev_close(fn);
	ism_fn_remove(fn);
	fn->ops->free(fn->bus);
	pthread_mutex_destroy(&fn->lock);
	dev->dev_ops = NULL;
	return 0;
}

/* The device forgets everything: to its owner that is a loss. [control] */
static int
rawdev_reset(struct rte_rawdev *dev)
{
	struct ism_fn *fn = dev->dev_private;
	int ret;

	if (!fn->open)
		return -ENODEV;
	ret = fn->ops->reset(fn->bus);
	if (ret == -ENOTSUP)
		return ret;
	ism_fn_lost(fn, ret < 0 ? ret : -ECANCELED);
	return ret;
}

static int
rawdev_xstats_names(const struct rte_rawdev *dev, struct rte_rawdev_xstats_name *names,
		    unsigned int size)
{
	unsigned int i;

	RTE_SET_USED(dev);
	if (names == NULL || size < ism_metrics.count)
		return (int)ism_metrics.count;
	for (i = 0; i < ism_metrics.count; i++)
		snprintf(names[i].name, sizeof(names[i].name), "%s", ism_metrics.rows[i].name);
	return (int)ism_metrics.count;
}

static int
rawdev_xstats_get(const struct rte_rawdev *dev, const unsigned int ids[], uint64_t values[],
		  unsigned int n)
{
	struct rte_pmd_ism_stats stats;
	const uint64_t *value = (const uint64_t *)&stats;
	unsigned int i;

	ism_stats_sum(dev->dev_private, &stats);
	for (i = 0; i < n && ids[i] < ism_metrics.count; i++)
		values[i] = value[ids[i]];
	return (int)i;
}

static uint64_t
rawdev_xstats_by_name(const struct rte_rawdev *dev, const char *name, unsigned int *id)
{
	struct rte_pmd_ism_stats stats;
	unsigned int i;

	for (i = 0; i < ism_metrics.count && strcmp(name, ism_metrics.rows[i].name) != 0; i++)
		;
	if (i == ism_metrics.count)
		return UINT64_MAX;
	if (id != NULL)
		*id = i;
	ism_stats_sum(dev->dev_private, &stats);
	return ((const uint64_t *)&stats)[i];
}

/* Unregister, unmap, and the bus's own goodbye happen in dev_close, when the rawdev is released. */
static const struct rte_rawdev_ops rawdev_ops = {
	.dev_info_get = rawdev_info_get,
	.dev_close = rawdev_close,
	.dev_reset = rawdev_reset,
	.dump = ism_dump,
	.xstats_get = rawdev_xstats_get,
	.xstats_get_names = rawdev_xstats_names,
	.xstats_get_by_name = rawdev_xstats_by_name,
	.dev_selftest = ism_selftest,
};
