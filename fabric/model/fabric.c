/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fabric_priv.h"
#include "ism_gid.h"

RTE_LOG_REGISTER(fabric_logtype, lib.ism.fabric, NOTICE);

struct fabric *
fabric_create(void)
{
	struct fabric *fab = calloc(1, sizeof(*fab));
	int ret;

	if (fab == NULL)
		return NULL;
	if (fabric_slots_init(fab) < 0) {
		fabric_slots_fini(fab);
		free(fab);
		return NULL;
	}
	TAILQ_INIT(&fab->fns);
	fab->direct = true;
	ret = fabric_grants_init(fab);
	if (ret < 0)
		FABRIC_LOG(NOTICE, "no direct windows: cannot make a sealed grant page: %s",
			   strerror(-ret));
	return fab;
}

void
fabric_destroy(struct fabric *fab)
{
	struct fabric_fn *fn;

	if (fab == NULL)
		return;
	while ((fn = TAILQ_FIRST(&fab->fns)) != NULL)
		fabric_fn_remove(fn);
	fabric_grants_fini(fab);
	fabric_slots_fini(fab);
	free(fab);
}

void
fabric_set_slices(struct fabric *fab, bool slices)
{
	fab->slices = slices;
}

void
fabric_allow_direct(struct fabric *fab, bool allow)
{
	fab->direct = allow;
}

void
fabric_set_limits(struct fabric *fab, const struct fabric_limits *limits)
{
	fab->limits = *limits;
}

uint64_t
fabric_fn_wait_ns(const struct fabric_fn *fn)
{
	return fn->wait_ns;
}

/* --- functions --- */

static bool
name_ok(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t len;

	if (name == NULL)
		return false;
	len = strnlen(name, FABRIC_NAME_MAX);
	return len > 0 && len < FABRIC_NAME_MAX && strspn(name, allowed) == len;
}

/* The gate for a configuration. */
static int
conf_check(const struct fabric_fn_conf *conf)
{
	unsigned int i;

	if (!name_ok(conf->name) || conf->vlan_count > FABRIC_VLANS_MAX)
		return -EINVAL;
	for (i = 0; i < conf->vlan_count; i++)
		if (conf->vlans[i] == 0 || conf->vlans[i] > ISM_VLAN_ID_MAX)
			return -EINVAL;
	if (conf->maxstbl != 0 && (conf->maxstbl < ISM_STORE_MIN || conf->maxstbl > ISM_STORE_MAX ||
				   conf->maxstbl % ISM_STORE_ALIGN != 0))
		return -EINVAL;
	if (conf->dmb_max > FABRIC_DMB_LEN_MAX || conf->dmb_max % ISM_PAGE_SIZE != 0)
		return -EINVAL;
	return 0;
}

static void
conf_vlans(struct fabric_vlans *vlans, const struct fabric_fn_conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->vlan_count; i++)
		if (!fabric_vlans_have(vlans, conf->vlans[i]))
			vlans->id[vlans->count++] = conf->vlans[i];
}

static unsigned int
gid_bucket(uint64_t gid)
{
	return (unsigned int)(gid * UINT64_C(0x9e3779b97f4a7c15) >> 32) % FABRIC_GID_BUCKETS;
}

/* Give it a free entry in the tables. The caller has checked that one is free. */
static void
fn_index(struct fabric *fab, struct fabric_fn *fn)
{
	while (fab->fn[fn->index] != NULL)
		fn->index++;
	fab->fn[fn->index] = fn;
	LIST_INSERT_HEAD(&fab->by_gid[gid_bucket(fn->gid)], fn, same_bucket);
	TAILQ_INSERT_TAIL(&fab->fns, fn, next);
	fab->fn_count++;
	fabric_slots_share(fab);
}

int
fabric_fn_add(struct fabric *fab, const struct fabric_fn_conf *conf, struct fabric_fn **out)
{
	struct fabric_fn *fn;
	uint64_t gid;
	int ret;

	ret = conf_check(conf);
	if (ret < 0)
		return ret;
	gid = conf->gid != 0 ? conf->gid : ism_gid_from_name(conf->name);
	if (fabric_fn_by_name(fab, conf->name) != NULL || fabric_fn_by_gid(fab, gid) != NULL)
		return -EEXIST;
	if (fab->fn_count == FABRIC_FNS_MAX)
		return -ENOMEM;
	fn = calloc(1, sizeof(*fn));
	if (fn == NULL)
		return -ENOMEM;
	memcpy(fn->name, conf->name, strlen(conf->name) + 1);
	fn->fab = fab;
	fn->gid = gid;
	fn->maxstbl = conf->maxstbl != 0 ? conf->maxstbl : ISM_STORE_MAX;
	fn->dmb_max = conf->dmb_max != 0 ? conf->dmb_max : FABRIC_DMB_LEN_MAX;
	fn->max_len = conf->max_len != 0 ? conf->max_len : fn->dmb_max;
	fn->quirk = conf->quirk_qemu_pcistb;
	conf_vlans(&fn->conf_vlans, conf);
	LIST_INIT(&fn->maps.files);
	LIST_INIT(&fn->uses);
	fabric_cmd_reset(fn);
	fn_index(fab, fn);
	*out = fn;
	return 0;
}

void
fabric_fn_remove(struct fabric_fn *fn)
{
	struct fabric *fab = fn->fab;

	fabric_fn_detach(fn);
	fabric_fn_work(fn, UINT64_MAX);
	fabric_dmb_user_removed(fn);
	TAILQ_REMOVE(&fab->fns, fn, next);
	LIST_REMOVE(fn, same_bucket);
	fab->fn[fn->index] = NULL;
	fab->fn_count--;
	fabric_slots_share(fab);
	free(fn);
}

struct fabric_fn *
fabric_fn_by_name(struct fabric *fab, const char *name)
{
	struct fabric_fn *fn;

	TAILQ_FOREACH(fn, &fab->fns, next)
		if (strcmp(fn->name, name) == 0)
			return fn;
	return NULL;
}

struct fabric_fn *
fabric_fn_by_gid(struct fabric *fab, uint64_t gid)
{
	struct fabric_fn *fn;

	LIST_FOREACH(fn, &fab->by_gid[gid_bucket(gid)], same_bucket)
		if (fn->gid == gid)
			return fn;
	return NULL;
}

struct fabric_fn *
fabric_fn_reachable(struct fabric *fab, uint64_t gid)
{
	struct fabric_fn *fn = fabric_fn_by_gid(fab, gid);

	return fn != NULL && fn->state == FABRIC_ATTACHED ? fn : NULL;
}

uint64_t
fabric_fn_gid(const struct fabric_fn *fn)
{
	return fn->gid;
}

const char *
fabric_fn_name(const struct fabric_fn *fn)
{
	return fn->name;
}

void
fabric_fn_set_irq(struct fabric_fn *fn, fabric_irq_fn irq, void *arg)
{
	fn->irq = irq;
	fn->irq_arg = arg;
}

void
fabric_fn_set_quirk(struct fabric_fn *fn, bool quirk_qemu_pcistb)
{
	fn->quirk = quirk_qemu_pcistb;
}

void
fabric_fn_stats(const struct fabric_fn *fn, struct fabric_fn_stats *stats)
{
	*stats = fn->stats;
	stats->maps = fn->maps.count;
	stats->memory = fabric_maps_memory(&fn->maps) + fn->dmb_memory;
}

/* --- VLANs --- */

bool
fabric_vlans_have(const struct fabric_vlans *vlans, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < vlans->count; i++)
		if (vlans->id[i] == id)
			return true;
	return false;
}

bool
fabric_vlan_ok(const struct fabric_fn *a, const struct fabric_fn *b, uint16_t vlan)
{
	if (vlan == 0)
		return !a->vlans.required && !b->vlans.required;
	return fabric_vlans_have(&a->vlans, vlan) && fabric_vlans_have(&b->vlans, vlan);
}

/* --- life cycle --- */

/* End all that the program set up, except its DMA maps. */
void
fabric_fn_clear(struct fabric_fn *fn)
{
	fn->sba = NULL;
	fn->sba_iova = 0;
	fn->ieq = NULL;
	fn->ieq_iova = 0;
	fn->ieq_len = 0;
	fn->ieq_prev = 0;
	fn->vlans = fn->conf_vlans;
	fabric_cmd_reset(fn);
}

int
fabric_fn_attach(struct fabric_fn *fn)
{
	if (fabric_fn_busy(fn))
		return -EAGAIN;
	if (fn->state != FABRIC_DETACHED)
		return -EBUSY;
	fabric_fn_clear(fn);
	fn->state = FABRIC_ATTACHED;
	fn->stats.attaches++;
	return 0;
}

/* Detach first, so that the function gets no events about its own end. */
void
fabric_fn_detach(struct fabric_fn *fn)
{
	if (fn->state == FABRIC_DETACHED && fn->work.task != FABRIC_TASK_RESET)
		return;
	fn->state = FABRIC_DETACHED;
	fabric_work_begin(fn, FABRIC_TASK_DETACH);
}

void
fabric_fn_reset(struct fabric_fn *fn)
{
	if (fn->state == FABRIC_DETACHED)
		return;
	fn->state = FABRIC_DETACHED;
	fabric_work_begin(fn, FABRIC_TASK_RESET);
}

void
fabric_fn_fail(struct fabric_fn *fn)
{
	if (fn->state != FABRIC_ATTACHED)
		return;
	fn->state = FABRIC_ERROR;
	FABRIC_LOG(NOTICE, "%s: in error state until it is reset", fn->name);
	fabric_work_begin(fn, FABRIC_TASK_FAIL);
}

/* --- DMA maps --- */

int
fabric_fn_dma_map(struct fabric_fn *fn, uint64_t iova, uint64_t len, void *addr, int fd,
		  uint64_t fd_off)
{
	struct fabric_map map = { .iova = iova, .len = len, .addr = addr, .fd_off = fd_off };
	int ret;

	if (fabric_fn_busy(fn))
		return -EAGAIN;
	if (fn->state == FABRIC_DETACHED)
		return -ENODEV;
	fn->maps.memory_max = fn->fab->limits.memory;
	if (fn->maps.memory_max != 0 && fn->maps.memory_max > fn->dmb_memory)
		fn->maps.memory_max -= fn->dmb_memory;
	ret = fabric_maps_add(&fn->maps, &map, fd);
	fn->stats.refused += ret == -ENOSPC;
	return ret;
}

void
fabric_fn_set_files_max(struct fabric_fn *fn, size_t max)
{
	fn->maps.files_max = max;
}

static bool
page_inside(uint64_t page, uint64_t iova, uint64_t len)
{
	return page != 0 && page >= iova && page - iova < len;
}

int
fabric_fn_dma_unmap(struct fabric_fn *fn, uint64_t iova, uint64_t len,
		    void (*gone)(void *arg, void *addr, uint64_t len), void *arg)
{
	int ret;

	if (fabric_fn_busy(fn))
		return -EAGAIN;
	ret = fabric_maps_check(&fn->maps, iova, len);
	if (ret <= 0)
		return ret == 0 ? -ENOENT : ret;
	ret = fabric_maps_cut(&fn->maps, iova, len);
	if (ret < 0)
		return ret;
	if (page_inside(fn->sba_iova, iova, len)) {
		fn->sba = NULL;
		fn->sba_iova = 0;
	}
	if (page_inside(fn->ieq_iova, iova, len)) {
		fn->ieq = NULL;
		fn->ieq_iova = 0;
		fn->ieq_len = 0;
	}
	fn->work.iova = iova;
	fn->work.len = len;
	fn->work.gone = gone;
	fn->work.arg = arg;
	fabric_work_begin(fn, FABRIC_TASK_UNMAP);
	return 0;
}

/* --- BARs --- */

/* May the function be used at all? */
static int
fn_ready(const struct fabric_fn *fn)
{
	if (fabric_fn_busy(fn))
		return -EAGAIN;
	switch (fn->state) {
	case FABRIC_ATTACHED:
		return 0;
	case FABRIC_ERROR:
		return -EIO;
	case FABRIC_DETACHED:
	default:
		return -ENODEV;
	}
}

int
fabric_fn_load(struct fabric_fn *fn, unsigned int bar, uint64_t off, void *buf, size_t len)
{
	int ret = fn_ready(fn);

	if (ret < 0)
		return ret;
	/* Nobody can read a remote DMB: BAR 0 is for stores only. */
	if (bar != FABRIC_BAR_CMD)
		return -EINVAL;
	return fabric_cmd_load(fn, off, buf, len);
}

int
fabric_fn_store(struct fabric_fn *fn, unsigned int bar, uint64_t off, const void *buf, size_t len)
{
	int ret = fn_ready(fn);

	if (ret < 0)
		return ret;
	switch (bar) {
	case FABRIC_BAR_DATA:
		return fabric_data_store(fn, off, buf, len);
	case FABRIC_BAR_CMD:
		return fabric_cmd_store(fn, off, buf, len);
	default:
		return -EINVAL;
	}
}
