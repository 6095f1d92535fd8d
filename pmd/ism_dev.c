/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up and teardown of a function, in the order of SPEC-ism sections 8 and 3.
 */
#include <errno.h>
#include <string.h>

#include "base_text.h"
#include "base_time.h"
#include "ism_fn.h"

/* SPEC-ism sections 8.4 and 8.9: what the way in says of itself must make sense. */
static int
check_bus_info(struct ism_fn *fn, struct ism_bus_info *info)
{
	info->maxstbl = RTE_ALIGN_FLOOR(RTE_MIN(info->maxstbl, ISM_MAXSTBL_MAX), ISM_STORE_ALIGN);
	if (info->maxstbl < ISM_MAXSTBL_MIN) {
		ISM_LOG(ERR, "%s: maxstbl %u, expected at least %u", fn->path, info->maxstbl,
			ISM_MAXSTBL_MIN);
		return -EPROTO;
	}
	if (info->iova_last < info->iova_first ||
	    info->iova_last - info->iova_first < sizeof(struct ism_ctl_mem)) {
		ISM_LOG(ERR,
			"%s: DMA window 0x%llx..0x%llx is too small: "
			"boot with s390_iommu_aperture=2",
			fn->path, (unsigned long long)info->iova_first,
			(unsigned long long)info->iova_last);
		return -EPROTO;
	}
	return 0;
}

/* The bus: claim or connect, and see what it can do. */
static int
up_bus(struct ism_fn *fn)
{
	int ret;

	ret = fn->ops->open(fn->bus, &fn->bus_info);
	if (ret < 0)
		return ret;
	ret = check_bus_info(fn, &fn->bus_info);
	if (ret < 0) {
		fn->ops->close(fn->bus);
		return ret;
	}
	ism_iova_init(&fn->iova, fn->bus_info.iova_first, fn->bus_info.iova_last);
	fn->full_told = false;
	return 0;
}

/* Memory of SBA and IEQ, and its DMA map: all that the device sees but DMBs (DESIGN D2). */
static int
up_ctl(struct ism_fn *fn)
{
	int ret;

	ret = ism_mem_alloc(&fn->ctl_mem, sizeof(struct ism_ctl_mem), "ism-ctl");
	if (ret < 0)
		return ret;
	ret = ism_iova_alloc(&fn->iova, fn->ctl_mem.len, &fn->ctl_iova);
	if (ret < 0)
		goto free_mem;
	ret = fn->ops->dma_map(fn->bus, fn->ctl_iova, fn->ctl_mem.addr, fn->ctl_mem.len,
			       fn->ctl_mem.fd);
	if (ret < 0)
		goto free_mem;
	ism_mem_close_fd(&fn->ctl_mem);
	pthread_mutex_lock(&fn->lock);
	fn->ctl = fn->ctl_mem.addr;
	pthread_mutex_unlock(&fn->lock);
	fn->ieq_pos = ISM_IEQ_START;
	return 0;

free_mem:
	ism_mem_free(&fn->ctl_mem);
	return ret;
}

/*
 * QUERY_INFO: what the device says of itself; logged where it is not what is known. All of it is a
 * hint: nobody here has seen what hardware says, and the kernel's own driver ignores it. So a
 * function that refuses it serves, and a max_len is a limit only once REG_DMB says so.
 */
static int
up_info(struct ism_fn *fn)
{
	struct ism_query_info_rsp rsp = { 0 };
	uint32_t max_len;
	int ret;

	ret = ism_cmd_query_info(fn, &rsp);
	fn->dmb_max = fn->dmb_told = ISM_DMB_MAX;
	if (ret == -EIO)
		ISM_LOG(NOTICE, "%s: QUERY_INFO is refused: going on without", fn->path);
	if (ret < 0)
		return ret == -EIO ? 0 : ret;
	if (rte_be_to_cpu_64(rsp.my_gid) != fn->gid)
		ISM_LOG(NOTICE,
			"%s: QUERY_INFO says GID 0x%llx, READ_GID says 0x%llx: taking the latter",
			fn->path, (unsigned long long)rte_be_to_cpu_64(rsp.my_gid),
			(unsigned long long)fn->gid);
	max_len = rte_be_to_cpu_32(rsp.max_len);
	fn->dmb_told = RTE_ALIGN_FLOOR(RTE_MIN(max_len, ISM_DMB_MAX), ISM_PAGE_SIZE);
	if (fn->dmb_told < ISM_DMB_MAX)
		ISM_LOG(NOTICE, "%s: QUERY_INFO says max_len %u; trying longer DMBs", fn->path,
			max_len);
	fn->version = rte_be_to_cpu_32(rsp.version);
	fn->vlan_required = rsp.vlan_required != 0;
	ism_record_query(fn, &rsp);
	return 0;
}

/* SPEC-ism section 3, in this order: SBA, IEQ, GID, what the device says of itself. */
static int
up_commands(struct ism_fn *fn)
{
	int ret;

	ret = ism_cmd_reg_sba(fn, fn->ctl_iova + offsetof(struct ism_ctl_mem, sba));
	if (ret == 0)
		ret = ism_cmd_reg_ieq(fn, fn->ctl_iova + offsetof(struct ism_ctl_mem, ieq));
	if (ret == 0)
		ret = ism_cmd_read_gid(fn, &fn->gid);
	if (ret == 0 && fn->gid == 0) {
		ISM_LOG(ERR, "%s: READ_GID says 0", fn->path);
		ret = -EPROTO;
	}
	if (ret == 0)
		ret = up_info(fn);
	if (ret < 0)
		ISM_LOG(ERR, "%s: the function does not start: %s", fn->path, strerror(-ret));
	return ret;
}

/* The device commands are the caller's: it knows whether the device still listens. */
static void
down_resources(struct ism_fn *fn)
{
	fn->ops->dma_unmap(fn->bus, fn->ctl_iova, fn->ctl_mem.len);
	fn->ops->close(fn->bus);
	pthread_mutex_lock(&fn->lock);
	fn->ctl = NULL;
	pthread_mutex_unlock(&fn->lock);
	ism_mem_free(&fn->ctl_mem);
	fn->vlan_count = 0;
	fn->up = false;
}

/* For other threads: they may ask while the function is lost or comes back. */
static void
publish_info(struct ism_fn *fn)
{
	pthread_mutex_lock(&fn->lock);
	fn->info = (struct rte_pmd_ism_info){
		.gid = fn->gid,
		.maxstbl = fn->bus_info.maxstbl,
		.dmb_max = fn->dmb_max,
		.dmb_count_max = ISM_DMB_COUNT,
		.direct = fn->bus_info.direct,
		.vlan_required = fn->vlan_required,
	};
	memcpy(fn->info.path, fn->path, sizeof(fn->info.path));
	memcpy(fn->record.bar_size, fn->bus_info.bar_size, sizeof(fn->record.bar_size));
	pthread_mutex_unlock(&fn->lock);
}

/* Everything from the bus up. @return 0, or -errno with nothing left behind. */
static int
dev_up(struct ism_fn *fn)
{
	int ret;

	ret = up_bus(fn);
	if (ret < 0)
		return ret;
	ret = up_ctl(fn);
	if (ret < 0) {
		fn->ops->close(fn->bus);
		return ret;
	}
	ret = up_commands(fn);
	if (ret < 0) {
		down_resources(fn);
		return ret;
	}
	publish_info(fn);
	fn->health_ns = 0;
	fn->up = true;
	atomic_store_explicit(&fn->lost, false, memory_order_relaxed);
	return 0;
}

/* Tolerates a lost device, and UNREG_* answering "already gone" (SPEC-ism section 3.22). */
static void
dev_down(struct ism_fn *fn)
{
	int ret = 0;

	if (!fn->up)
		return;
	if (!ism_is_lost(fn))
		ret = ism_cmd_simple(fn, ISM_CMD_UNREG_IEQ);
	if (!ism_is_lost(fn) && !ism_is_fatal(ret))
		ism_cmd_simple(fn, ISM_CMD_UNREG_SBA);
	down_resources(fn);
}

/* What the API promises of opening. */
static int
open_error(int ret)
{
	switch (ret) {
	case -EIO:
	case -EPROTO:
	case -ENOMEM:
		return ret;
	case -ENOSPC:
	case -EPERM:
		return -ENOMEM;
	case -EINVAL:
		return -EPROTO;
	default:
		return -ENODEV;
	}
}

int
ism_dev_open(struct ism_fn *fn)
{
	int ret;

	if (fn->open)
		return -EBUSY;
	ret = dev_up(fn);
	if (ret < 0)
		return open_error(ret);
	ism_record_open(fn);
	pthread_mutex_lock(&fn->lock);
	fn->open = true;
	pthread_mutex_unlock(&fn->lock);
	return 0;
}

void
ism_dev_close(struct ism_fn *fn)
{
	if (!fn->open)
		return;
	ism_win_free_all(fn);
	ism_dmb_free_all(fn);
	dev_down(fn);
	pthread_mutex_lock(&fn->lock);
	fn->open = false;
	pthread_mutex_unlock(&fn->lock);
}

int
rte_pmd_ism_reopen(uint16_t dev_id)
{
	struct ism_fn *fn = ism_fn_get(dev_id);
	char gid[BASE_GID_STRLEN];
	int ret;

	if (fn == NULL || !fn->open)
		return -ENODEV;
	if (fn->dmb_count > 0 || fn->win_count > 0)
		return -EBUSY;
	dev_down(fn);
	atomic_store_explicit(&fn->lost, true, memory_order_relaxed);
	ret = dev_up(fn);
	if (ret < 0)
		return open_error(ret);
	base_count(&fn->stats.reopens, 1);
	ISM_LOG(NOTICE, "%s: function is back, GID %s", fn->path, base_gid_str(fn->gid, gid));
	return 0;
}

void
rte_pmd_ism_close(uint16_t dev_id)
{
	struct ism_fn *fn = ism_fn_get(dev_id);

	if (fn != NULL)
		ism_dev_close(fn);
}

int
rte_pmd_ism_info_get(uint16_t dev_id, struct rte_pmd_ism_info *info)
{
	struct ism_fn *fn = ism_fn_get(dev_id);
	int ret = -ENODEV;

	if (fn == NULL)
		return ret;
	pthread_mutex_lock(&fn->lock);
	if (fn->open) {
		*info = fn->info;
		ret = 0;
	}
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

int
rte_pmd_ism_query_rgid(uint16_t dev_id, uint64_t rgid, uint16_t vlan)
{
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret < 0)
		return ret;
	ret = ism_cmd_query_rgid(fn, rgid, vlan);
	if (ism_is_fatal(ret))
		return ism_fn_lost(fn, ret);
	return ret < 0 ? -EHOSTUNREACH : 0;
}

int
rte_pmd_ism_signal(uint16_t dev_id, uint64_t rgid, uint32_t code, uint64_t info)
{
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret < 0)
		return ret;
	ret = ism_cmd_signal(fn, rgid, code, info);
	if (ism_is_fatal(ret))
		return ism_fn_lost(fn, ret);
	if (ret < 0)
		return -EHOSTUNREACH;
	base_count(&fn->stats.signals, 1);
	return 0;
}
