/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_rawdev.h>

#include "fabric_server.h"
#include "inproc.h"
#include "sockfab.h"

#define POLL_MS 20 /* how soon the thread notices that it shall stop */
#define GID_BASE UINT64_C(0x5000000000000001)

static int
serve_functions(struct sockfab *sf, struct fabric *fab, struct fabric_server *server)
{
	struct fabric_fn_conf conf = { .maxstbl = 0 };
	struct fabric_fn *fn;
	char name[16];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < sf->functions && ret == 0; i++) {
		snprintf(name, sizeof(name), "fn%u", i);
		conf.name = name;
		conf.gid = GID_BASE + i;
		ret = fabric_fn_add(fab, &conf, &fn);
		if (ret == 0)
			ret = fabric_server_add(server, fn, sf->path[i], false);
	}
	return ret;
}

/* One thread makes, serves and destroys the fabric: nobody else may touch it. */
static void *
serve(void *arg)
{
	struct sockfab *sf = arg;
	struct fabric *fab = fabric_create();
	struct fabric_server *server = fabric_server_create(fab);
	int ret;

	ret = fab == NULL || server == NULL ? -ENOMEM : serve_functions(sf, fab, server);
	sf->ready = ret;
	pthread_barrier_wait(&sf->started);
	while (ret == 0 && !__atomic_load_n(&sf->stop, __ATOMIC_RELAXED))
		ret = fabric_server_poll(server, POLL_MS, NULL);
	fabric_server_destroy(server);
	fabric_destroy(fab);
	return NULL;
}

int
sockfab_restart(struct sockfab *sf)
{
	int ret;

	sf->stop = false;
	pthread_barrier_init(&sf->started, NULL, 2);
	ret = pthread_create(&sf->thread, NULL, serve, sf);
	if (ret == 0) {
		pthread_barrier_wait(&sf->started);
		sf->running = true;
		ret = -sf->ready;
	}
	pthread_barrier_destroy(&sf->started);
	return -ret;
}

void
sockfab_kill(struct sockfab *sf)
{
	if (!sf->running)
		return;
	__atomic_store_n(&sf->stop, true, __ATOMIC_RELAXED);
	pthread_join(sf->thread, NULL);
	sf->running = false;
}

int
sockfab_start(struct sockfab *sf, unsigned int functions)
{
	unsigned int i;
	int ret;

	memset(sf, 0, sizeof(*sf));
	ret = inproc_eal_init(NULL);
	if (ret < 0)
		return ret;
	snprintf(sf->dir, sizeof(sf->dir), "/tmp/ism-test-XXXXXX");
	if (mkdtemp(sf->dir) == NULL)
		return -errno;
	sf->functions = functions;
	for (i = 0; i < functions; i++) {
		snprintf(sf->path[i], sizeof(sf->path[i]), "%s/fn%u", sf->dir, i);
		sf->gid[i] = GID_BASE + i;
	}
	ret = sockfab_restart(sf);
	if (ret < 0)
		sockfab_stop(sf);
	return ret;
}

void
sockfab_stop(struct sockfab *sf)
{
	unsigned int i;

	for (i = 0; i < sf->functions; i++)
		sockfab_remove(sf, i);
	sockfab_kill(sf);
	rmdir(sf->dir);
}

int
sockfab_probe(struct sockfab *sf, unsigned int i, const char *more, uint16_t *dev_id)
{
	char name[16], args[256];
	int ret;

	snprintf(name, sizeof(name), "raw_ism%u", i);
	snprintf(args, sizeof(args), "socket=%s%s%s", sf->path[i], more == NULL ? "" : ",",
		 more == NULL ? "" : more);
	ret = rte_vdev_init(name, args);
	if (ret < 0)
		return ret;
	sf->probed[i] = true;
	*dev_id = (uint16_t)rte_rawdev_get_dev_id(name);
	return 0;
}

void
sockfab_remove(struct sockfab *sf, unsigned int i)
{
	char name[16];

	if (!sf->probed[i])
		return;
	snprintf(name, sizeof(name), "raw_ism%u", i);
	rte_vdev_uninit(name);
	sf->probed[i] = false;
}
