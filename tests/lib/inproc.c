/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_rawdev.h>

#include "bus_inproc.h"
#include "inproc.h"

#define GID_BASE UINT64_C(0x1500000000000001)
#define EAL_ARGS_MAX 32
#define NAME_MAX_LEN 32

/* "0@(0,1,..)": one lcore on every CPU that this process may use. */
static void
lcores_text(char *text, size_t size)
{
	cpu_set_t set;
	int cpu, n;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	n = snprintf(text, size, "--lcores=0@(");
	for (cpu = 0; cpu < CPU_SETSIZE && n < (int)size - 8; cpu++)
		if (CPU_ISSET(cpu, &set))
			n += snprintf(text + n, size - (size_t)n, "%d,", cpu);
	text[n - 1] = ')';
}

int
inproc_eal_init(const char *const *extra)
{
	static char name[] = "test", huge[] = "--no-huge", pci[] = "--no-pci", mem[] = "-m",
		    mib[] = "64", tel[] = "--no-telemetry", quiet[] = "--log-level=lib.eal:error",
		    va[] = "--iova-mode=va", shared[] = "--no-shconf";
	static char lcores[1024], texts[EAL_ARGS_MAX][256];
	static bool done;
	/* EAL permutes what it is given. */
	char *argv[EAL_ARGS_MAX + 12] = { name, lcores, huge, pci, mem, mib, va, quiet };
	int argc = 8;
	unsigned int i;

	if (done)
		return 0;
	lcores_text(lcores, sizeof(lcores));
	if (extra == NULL) {
		argv[argc++] = tel;
		argv[argc++] = shared;
	}
	for (i = 0; extra != NULL && extra[i] != NULL && i < EAL_ARGS_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s", extra[i]);
		argv[argc++] = texts[i];
	}
	if (rte_eal_init(argc, argv) < 0)
		return -rte_errno;
	done = true;
	return 0;
}

/* Rawdev names are unique in the process; fixtures may follow each other or overlap. */
static void
dev_name(char *name, const struct fabric_fn *fn)
{
	snprintf(name, NAME_MAX_LEN, "inproc_%llx_%s", (unsigned long long)(uintptr_t)fn,
		 fabric_fn_name(fn));
}

/* Function i: in the fabric, as a rawdev, open. */
static int
add_function(struct inproc *ip, unsigned int i, const struct inproc_conf *conf)
{
	char fn_name[16], name[NAME_MAX_LEN];
	struct fabric_fn_conf fn_conf = {
		.name = fn_name,
		.gid = GID_BASE + i,
		.maxstbl = conf->maxstbl,
		.dmb_max = conf->dmb_max,
		.max_len = conf->max_len,
	};
	struct bus_inproc_conf bus = {
		.lock = &ip->lock,
		.maxstbl = conf->maxstbl != 0 ? conf->maxstbl : RTE_PMD_ISM_PAGE,
		.direct = conf->direct,
		.gone = &ip->gone[i],
	};
	int ret;

	snprintf(fn_name, sizeof(fn_name), "fn%u", i);
	ret = fabric_fn_add(ip->fabric, &fn_conf, &ip->fn[i]);
	if (ret < 0)
		return ret;
	ip->functions = i + 1;
	ip->gid[i] = fn_conf.gid;
	bus.fn = ip->fn[i];
	dev_name(name, ip->fn[i]);
	ret = bus_inproc_probe(name, &bus);
	if (ret < 0)
		return ret;
	ip->dev_id[i] = (uint16_t)rte_rawdev_get_dev_id(name);
	return conf->closed ? 0 : rte_pmd_ism_open(ip->dev_id[i]);
}

int
inproc_setup(struct inproc *ip, const struct inproc_conf *conf)
{
	unsigned int i;
	int ret;

	memset(ip, 0, sizeof(*ip));
	if (conf->functions == 0 || conf->functions > INPROC_FN_MAX)
		return -EINVAL;
	ret = inproc_eal_init(NULL);
	if (ret < 0)
		return ret;
	ip->fabric = fabric_create();
	if (ip->fabric == NULL)
		return -ENOMEM;
	pthread_mutex_init(&ip->lock, NULL);
	fabric_allow_direct(ip->fabric, conf->direct);
	for (i = 0; i < conf->functions && ret == 0; i++)
		ret = add_function(ip, i, conf);
	if (ret < 0)
		inproc_teardown(ip);
	return ret;
}

void
inproc_teardown(struct inproc *ip)
{
	char name[NAME_MAX_LEN];
	unsigned int i;

	if (ip->fabric == NULL)
		return;
	for (i = 0; i < ip->functions; i++) {
		dev_name(name, ip->fn[i]);
		bus_inproc_remove(name);
	}
	fabric_destroy(ip->fabric);
	pthread_mutex_destroy(&ip->lock);
	memset(ip, 0, sizeof(*ip));
}

void
inproc_lock(struct inproc *ip)
{
	pthread_mutex_lock(&ip->lock);
}

void
inproc_unlock(struct inproc *ip)
{
	pthread_mutex_unlock(&ip->lock);
}

int
inproc_fault(struct inproc *ip, const char *spec)
{
	char err[256] = "";
	int ret;

	inproc_lock(ip);
	ret = fabric_fault(ip->fabric, spec, err, sizeof(err));
	inproc_unlock(ip);
	if (ret < 0)
		fprintf(stderr, "fault %s: %s\n", spec, err);
	return ret;
}

void
inproc_lose(struct inproc *ip, unsigned int i)
{
	inproc_lock(ip);
	if (!ip->gone[i])
		fabric_fn_detach(ip->fn[i]);
	ip->gone[i] = true;
	inproc_unlock(ip);
}

void
inproc_restore(struct inproc *ip, unsigned int i)
{
	inproc_lock(ip);
	ip->gone[i] = false;
	inproc_unlock(ip);
}
