/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own DMBs: memory, DMA map, registration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ism_addr.h"
#include "ism_fn.h"

/* @return a free SBA index, now in use, or -ENOSPC. */
static int
idx_alloc(struct ism_fn *fn)
{
	uint32_t idx;

	for (idx = ISM_DMB_IDX_MIN; idx < ISM_NR_DMBS; idx++) {
		if ((fn->idx_used[idx / 64] >> idx % 64 & 1) == 0) {
			fn->idx_used[idx / 64] |= UINT64_C(1) << idx % 64;
			return (int)idx;
		}
	}
	return -ENOSPC;
}

static void
idx_free(struct ism_fn *fn, uint32_t idx)
{
	fn->idx_used[idx / 64] &= ~(UINT64_C(1) << idx % 64);
}

/* A VLAN must be added to the function before a DMB can name it. They stay until close. */
static int
vlan_use(struct ism_fn *fn, uint16_t vlan)
{
	unsigned int i;
	int ret;

	if (vlan == 0)
		return 0;
	if (vlan > ISM_VLAN_ID_MAX)
		return -EINVAL;
	for (i = 0; i < fn->vlan_count; i++)
		if (fn->vlan[i] == vlan)
			return 0;
	if (fn->vlan_count == ISM_VLAN_MAX)
		return -ENOSPC;
	ret = ism_cmd_add_vlan(fn, vlan);
	if (ret < 0)
		return ret;
	fn->vlan[fn->vlan_count++] = vlan;
	return 0;
}

/* Make the memory visible to the device. @return 0 or -errno. */
static int
dmb_map(struct ism_fn *fn, struct ism_dmb *dmb)
{
	int ret;

	ret = ism_iova_alloc(&fn->iova, dmb->mem.len, &dmb->iova);
	if (ret < 0) {
		if (!fn->full_told) /* who wants a session tries again and again */
			ISM_LOG(ERR,
				"%s: no room in the DMA window 0x%llx..0x%llx for %zu bytes more: "
				"boot with s390_iommu_aperture=2",
				fn->path, (unsigned long long)fn->iova.first,
				(unsigned long long)fn->iova.last, (size_t)dmb->mem.len);
		fn->full_told = true;
		return ret;
	}
	ret = fn->ops->dma_map(fn->bus, dmb->iova, dmb->mem.addr, dmb->mem.len, dmb->mem.fd);
	if (ret < 0)
		ism_iova_free(&fn->iova, dmb->iova);
	ism_mem_close_fd(&dmb->mem);
	return ret;
}

/* A map that stays would let the device write where another DMB is soon: then stop all. */
static void
dmb_unmap(struct ism_fn *fn, struct ism_dmb *dmb)
{
	int ret;

	ret = fn->ops->dma_unmap(fn->bus, dmb->iova, dmb->mem.len);
	if (ret < 0 && !ism_is_lost(fn)) {
		ISM_LOG(ERR, "%s: DMA unmap of a DMB: %s", fn->path, strerror(-ret));
		ism_fn_lost(fn, ret);
	}
	ism_iova_free(&fn->iova, dmb->iova);
}

/* Would a DMB be taken that is as long as the first `len` bytes of this one? */
static int
try_length(struct ism_fn *fn, const struct ism_dmb *dmb, uint16_t vlan, uint32_t len)
{
	struct ism_dmb shorter = *dmb;
	uint64_t token;
	int ret;

	shorter.pub.len = len;
	ret = ism_cmd_reg_dmb(fn, &shorter, vlan, &token);
	if (ret == 0)
		ret = ism_cmd_unreg_dmb(fn, token);
	return ret;
}

/*
 * A DMB longer than QUERY_INFO's max_len was refused. Was it for its length? Then a shorter one is
 * taken, and its length is the limit from now on.
 * @return -EMSGSIZE; -EIO it was for something else; or a fatal error.
 */
static int
learn_limit(struct ism_fn *fn, const struct ism_dmb *dmb, uint16_t vlan)
{
	uint32_t told = RTE_MAX(fn->dmb_told, ISM_PAGE_SIZE), len = dmb->pub.len;
	int ret;

	do {
		len = RTE_MAX(RTE_ALIGN_FLOOR(len / 2, ISM_PAGE_SIZE), told);
		ret = try_length(fn, dmb, vlan, len);
	} while (ret == -EIO && len > told);
	if (ret < 0)
		return ret;
	ISM_LOG(NOTICE, "%s: a DMB of %u bytes is refused, one of %u is not: that is the limit",
		fn->path, dmb->pub.len, len);
	fn->dmb_max = len;
	pthread_mutex_lock(&fn->lock);
	fn->info.dmb_max = len;
	pthread_mutex_unlock(&fn->lock);
	return -EMSGSIZE;
}

static int
dmb_command(struct ism_fn *fn, struct ism_dmb *dmb, uint16_t vlan)
{
	uint64_t token;
	int ret;

	ret = ism_cmd_reg_dmb(fn, dmb, vlan, &token);
	if (ret == -EIO && dmb->pub.len > RTE_MAX(fn->dmb_told, ISM_PAGE_SIZE))
		return learn_limit(fn, dmb, vlan);
	if (ret < 0)
		return ret;
	if (token == 0 || (token & ISM_TOKEN_LOW_MASK) != 0 || token >= ISM_BAR_DATA_SIZE) {
		ISM_LOG(ERR, "%s: REG_DMB says token 0x%llx, expected bits 24..47 only", fn->path,
			(unsigned long long)token);
		return -EPROTO;
	}
	dmb->pub.token = token;
	return 0;
}

static void
dmb_list(struct ism_fn *fn, struct ism_dmb *dmb, bool add)
{
	pthread_mutex_lock(&fn->lock);
	if (add) {
		TAILQ_INSERT_TAIL(&fn->dmbs, dmb, next);
		fn->dmb_count++;
		fn->dmb_bytes += dmb->pub.len;
	} else {
		TAILQ_REMOVE(&fn->dmbs, dmb, next);
		fn->dmb_count--;
		fn->dmb_bytes -= dmb->pub.len;
	}
	pthread_mutex_unlock(&fn->lock);
}

/* Index, memory, map, command; dmb->pub.rgid and len are set. @return 0 or -errno of a step. */
static int
dmb_start(struct ism_fn *fn, struct ism_dmb *dmb, uint16_t vlan)
{
	int ret;

	ret = idx_alloc(fn);
	if (ret < 0)
		return ret;
	dmb->pub.idx = (uint32_t)ret;
	ret = ism_mem_alloc(&dmb->mem, dmb->pub.len, "ism-dmb");
	if (ret < 0)
		goto free_idx;
	dmb->pub.addr = dmb->mem.addr;
	ret = dmb_map(fn, dmb);
	if (ret < 0)
		goto free_mem;
	ret = vlan_use(fn, vlan);
	if (ret == 0)
		ret = dmb_command(fn, dmb, vlan);
	if (ret < 0)
		goto unmap;
	return 0;

unmap:
	dmb_unmap(fn, dmb);
free_mem:
	ism_mem_free(&dmb->mem);
free_idx:
	idx_free(fn, dmb->pub.idx);
	return ret;
}

/* What the API promises of registering. */
static int
register_error(struct ism_fn *fn, int ret)
{
	if (ism_is_fatal(ret))
		return ism_fn_lost(fn, ret);
	switch (ret) {
	case -EIO:
		return -EHOSTUNREACH;
	case -EINVAL:
	case -ENOSPC:
	case -EMSGSIZE:
		return ret;
	default:
		return -ENOMEM;
	}
}

int
rte_pmd_ism_dmb_register(uint16_t dev_id, uint64_t rgid, uint32_t len, uint16_t vlan,
			 struct rte_pmd_ism_dmb **out)
{
	struct ism_dmb *dmb;
	struct ism_fn *fn;
	int ret;

	ret = ism_fn_use(dev_id, &fn);
	if (ret < 0)
		return ret;
	if (len == 0 || len > ISM_DMB_MAX)
		return -EINVAL;
	if (len > fn->dmb_max)
		return -EMSGSIZE;
	dmb = calloc(1, sizeof(*dmb));
	if (dmb == NULL)
		return -ENOMEM;
	dmb->fn = fn;
	dmb->pub.len = RTE_ALIGN_CEIL(len, ISM_PAGE_SIZE);
	dmb->pub.rgid = rgid;
	ret = dmb_start(fn, dmb, vlan);
	if (ret < 0) {
		free(dmb);
		return register_error(fn, ret);
	}
	dmb_list(fn, dmb, true);
	*out = &dmb->pub;
	return 0;
}

void
rte_pmd_ism_dmb_unregister(struct rte_pmd_ism_dmb *pub)
{
	struct ism_dmb *dmb = (struct ism_dmb *)pub;
	struct ism_fn *fn;
	int ret = 0;

	if (dmb == NULL)
		return;
	fn = dmb->fn;
	dmb_list(fn, dmb, false);
	/* -EIO: already gone (SPEC-ism section 3.22). */
	if (!ism_is_lost(fn))
		ret = ism_cmd_unreg_dmb(fn, dmb->pub.token);
	if (ism_is_fatal(ret))
		ism_fn_lost(fn, ret);
	dmb_unmap(fn, dmb);
	ism_mem_free(&dmb->mem);
	idx_free(fn, dmb->pub.idx);
	free(dmb);
}

void
ism_dmb_free_all(struct ism_fn *fn)
{
	while (!TAILQ_EMPTY(&fn->dmbs))
		rte_pmd_ism_dmb_unregister(&TAILQ_FIRST(&fn->dmbs)->pub);
}
