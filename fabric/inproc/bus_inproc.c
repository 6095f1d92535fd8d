/* SPDX-License-Identifier: BSD-3-Clause */
/* The in-process way to a function; see bus_inproc.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "bus_inproc.h"
#include "ism_fn.h"

#define IOVA_FIRST (UINT64_C(1) << 32)
#define IOVA_LAST ((UINT64_C(1) << 40) - 1)

struct inproc_bus {
	struct bus_inproc_conf conf;
	bool attached;
};

/* Take the lock. @return 0, or -ENODEV (not taken). */
static int
enter(struct inproc_bus *bus)
{
	pthread_mutex_lock(bus->conf.lock);
	if (bus->attached && !*bus->conf.gone)
		return 0;
	pthread_mutex_unlock(bus->conf.lock);
	return -ENODEV;
}

static int
leave(struct inproc_bus *bus, int ret)
{
	pthread_mutex_unlock(bus->conf.lock);
	return ret;
}

static int
inproc_open(void *arg, struct ism_bus_info *info)
{
	struct inproc_bus *bus = arg;
	int ret = -ENODEV;

	*info = (struct ism_bus_info){
		.maxstbl = bus->conf.maxstbl,
		.iova_first = IOVA_FIRST,
		.iova_last = IOVA_LAST,
		.direct = bus->conf.direct,
		.bar_size = { [FABRIC_BAR_DATA] = FABRIC_BAR0_SIZE,
			      [FABRIC_BAR_CMD] = FABRIC_BAR2_SIZE },
	};
	pthread_mutex_lock(bus->conf.lock);
	if (!*bus->conf.gone)
		ret = fabric_fn_attach(bus->conf.fn);
	bus->attached = ret == 0;
	return leave(bus, ret);
}

/* When the function is gone, whoever took it away has detached it. */
static void
inproc_close(void *arg)
{
	struct inproc_bus *bus = arg;

	pthread_mutex_lock(bus->conf.lock);
	if (bus->attached && !*bus->conf.gone)
		fabric_fn_detach(bus->conf.fn);
	bus->attached = false;
	leave(bus, 0);
}

static int
inproc_reset(void *arg)
{
	struct inproc_bus *bus = arg;

	if (enter(bus) < 0)
		return -ENODEV;
	fabric_fn_reset(bus->conf.fn);
	return leave(bus, 0);
}

static int
inproc_health(void *arg)
{
	struct inproc_bus *bus = arg;

	return enter(bus) < 0 ? -ENODEV : leave(bus, 0);
}

static int
inproc_load(void *arg, uint64_t off, uint64_t *word)
{
	struct inproc_bus *bus = arg;

	if (enter(bus) < 0)
		return -ENODEV;
	return leave(bus, fabric_fn_load(bus->conf.fn, FABRIC_BAR_CMD, off, word, sizeof(*word)));
}

static int
inproc_store(void *arg, unsigned int bar, uint64_t off, const void *src, uint32_t len)
{
	struct inproc_bus *bus = arg;

	if (enter(bus) < 0)
		return -ENODEV;
	return leave(bus, fabric_fn_store(bus->conf.fn, bar, off, src, len));
}

static int
inproc_storev(void *arg, uint64_t off, const struct iovec *iov, unsigned int n)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < n && ret == 0; off += iov[i].iov_len, i++)
		ret = inproc_store(arg, FABRIC_BAR_DATA, off, iov[i].iov_base,
				   (uint32_t)iov[i].iov_len);
	return ret;
}

static int
inproc_dma_map(void *arg, uint64_t iova, void *addr, uint64_t len, int fd)
{
	struct inproc_bus *bus = arg;

	if (enter(bus) < 0)
		return -ENODEV;
	return leave(bus, fabric_fn_dma_map(bus->conf.fn, iova, len, addr,
					    bus->conf.direct ? fd : -1, 0));
}

static int
inproc_dma_unmap(void *arg, uint64_t iova, uint64_t len)
{
	struct inproc_bus *bus = arg;

	if (enter(bus) < 0)
		return -ENODEV;
	return leave(bus, fabric_fn_dma_unmap(bus->conf.fn, iova, len, NULL, NULL));
}

static int
inproc_direct(void *arg, uint64_t token, struct ism_direct *direct)
{
	struct inproc_bus *bus = arg;
	struct fabric_direct d;
	int ret;

	if (enter(bus) < 0)
		return -ENODEV;
	ret = fabric_fn_direct(bus->conf.fn, token, &d);
	if (ret < 0)
		return leave(bus, ret);
	*direct = (struct ism_direct){
		.mem_fd = fcntl(d.mem_fd, F_DUPFD_CLOEXEC, 0),
		.mem_off = d.mem_off,
		.len = d.len,
		.grant_fd = fcntl(d.grant_fd, F_DUPFD_CLOEXEC, 0),
		.grant_off = d.grant_off,
		.generation = d.generation,
	};
	return leave(bus, 0);
}

static void
inproc_free(void *arg)
{
	free(arg);
}

static const struct ism_ops inproc_ops = {
	.name = "in-process",
	.health_ms = 0,
	.open = inproc_open,
	.close = inproc_close,
	.reset = inproc_reset,
	.health = inproc_health,
	.load = inproc_load,
	.store = inproc_store,
	.storev = inproc_storev,
	.dma_map = inproc_dma_map,
	.dma_unmap = inproc_dma_unmap,
	.direct = inproc_direct,
	.free = inproc_free,
};

int
bus_inproc_probe(const char *name, const struct bus_inproc_conf *conf)
{
	struct inproc_bus *bus = calloc(1, sizeof(*bus));

	if (bus == NULL)
		return -ENOMEM;
	bus->conf = *conf;
	return ism_rawdev_create(name, fabric_fn_name(conf->fn), &inproc_ops, bus, NULL, 0);
}

int
bus_inproc_remove(const char *name)
{
	return ism_rawdev_destroy(name);
}
