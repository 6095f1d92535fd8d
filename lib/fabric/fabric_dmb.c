/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMBs: who may write where, and how that right ends.
 *
 * Direct windows: a peer on the same machine may store into a DMB by itself, as long as the
 * DMB's grant word holds the generation that it was given. Revoking is a release store of 0; the
 * peer's acquire load before each store is its partner. A store that the peer began before it saw
 * the 0 may land after the revocation: the driver never uses such memory for anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fabric_priv.h"

#define GRANTS_SIZE (FABRIC_TOKENS * sizeof(uint64_t))

static uint32_t
token_slot(uint64_t token)
{
	return (uint32_t)(token >> ISM_ADDR_TOKEN_SHIFT);
}

int
fabric_grants_init(struct fabric *fab)
{
	void *words;
	int ret;

	fab->grant_fd = memfd_create("ism-grants", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fab->grant_fd < 0)
		return -errno;
	words = MAP_FAILED;
	if (ftruncate(fab->grant_fd, GRANTS_SIZE) == 0)
		words = mmap(NULL, GRANTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fab->grant_fd,
			     0);
	if (words == MAP_FAILED)
		goto close_fd;
	/* From here on nobody gets a writable view of it, whatever mode the descriptor has. */
	if (fcntl(fab->grant_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		goto unmap;
	fab->grants = words;
	return 0;

unmap:
	ret = errno;
	munmap(words, GRANTS_SIZE);
	errno = ret;
close_fd:
	ret = -errno;
	close(fab->grant_fd);
	fab->grant_fd = -1;
	return ret;
}

void
fabric_grants_fini(struct fabric *fab)
{
	if (fab->grants == NULL)
		return;
	munmap(fab->grants, GRANTS_SIZE);
	close(fab->grant_fd);
	fab->grants = NULL;
}

static void
grant_set(struct fabric *fab, uint64_t token, uint64_t value)
{
	if (fab->grants != NULL)
		__atomic_store_n(&fab->grants[token_slot(token)], value, __ATOMIC_RELEASE);
}

/* Round robin, so that a stale token stays unknown as long as possible. 0: all taken. */
static uint32_t
slot_alloc(struct fabric *fab)
{
	uint32_t i, slot;

	for (i = 1; i < FABRIC_TOKENS; i++) {
		slot = (fab->last_slot + i) % FABRIC_TOKENS;
		if (slot != 0 && fab->slot[slot] == NULL) {
			fab->last_slot = slot;
			return slot;
		}
	}
	return 0;
}

int
fabric_dmb_add(struct fabric_fn *fn, struct fabric_dmb *dmb)
{
	struct fabric *fab = fn->fab;
	uint32_t slot = slot_alloc(fab);

	if (slot == 0)
		return -ENOSPC;
	dmb->owner = fn;
	dmb->token = (uint64_t)slot << ISM_ADDR_TOKEN_SHIFT;
	dmb->generation = ++fab->generation;
	dmb->usable = true;
	fab->slot[slot] = dmb;
	fn->dmb[dmb->idx] = dmb;
	fn->stats.dmbs_owned++;
	grant_set(fab, dmb->token, dmb->generation);
	return 0;
}

struct fabric_dmb *
fabric_dmb_by_token(struct fabric *fab, uint64_t token)
{
	if (token != (uint64_t)(token_slot(token) % FABRIC_TOKENS) << ISM_ADDR_TOKEN_SHIFT)
		return NULL;
	return fab->slot[token_slot(token)];
}

void
fabric_dmb_revoke(struct fabric_dmb *dmb, enum ism_event_code why, bool to_owner)
{
	struct fabric *fab = dmb->owner->fab;
	struct fabric_fn *told;

	if (!dmb->usable)
		return;
	dmb->usable = false;
	grant_set(fab, dmb->token, 0);
	told = to_owner ? dmb->owner : fabric_fn_by_gid(fab, dmb->rgid);
	if (told != NULL)
		fabric_event(told, ISM_EVENT_BUFFER, why, dmb->token, 0, true);
}

static void
dmb_free(struct fabric_dmb *dmb)
{
	struct fabric_fn *fn = dmb->owner;

	fn->fab->slot[token_slot(dmb->token)] = NULL;
	fn->dmb[dmb->idx] = NULL;
	fn->stats.dmbs_owned--;
	free(dmb);
}

void
fabric_dmb_del(struct fabric_dmb *dmb)
{
	fabric_dmb_revoke(dmb, ISM_EVENT_DMB_UNREG, false);
	dmb_free(dmb);
}

/* Revoke every DMB between fn and peer. @return there was one. */
static bool
pair_revoke(struct fabric_fn *fn, struct fabric_fn *peer, bool error)
{
	enum ism_event_code owner_why = error ? ISM_EVENT_DMB_OWNER_ERROR : ISM_EVENT_DMB_UNREG;
	enum ism_event_code user_why = error ? ISM_EVENT_DMB_USER_ERROR
					     : ISM_EVENT_DMB_USER_DISABLED;
	bool shared = false;
	unsigned int idx;

	for (idx = ISM_DMB_IDX_MIN; idx < ISM_NR_DMBS; idx++) {
		if (fn->dmb[idx] != NULL && fn->dmb[idx]->rgid == peer->gid) {
			shared = true;
			fabric_dmb_revoke(fn->dmb[idx], owner_why, false);
		}
		if (peer->dmb[idx] != NULL && peer->dmb[idx]->rgid == fn->gid) {
			shared = true;
			fabric_dmb_revoke(peer->dmb[idx], user_why, true);
		}
	}
	return shared;
}

void
fabric_dmb_fn_gone(struct fabric_fn *fn, bool error)
{
	enum ism_event_code why = error ? ISM_EVENT_OWNER_ERROR : ISM_EVENT_GID_DISABLED;
	struct fabric_fn *peer;

	/* The device event comes last: an event queue that overflows keeps the newest. */
	TAILQ_FOREACH(peer, &fn->fab->fns, next)
		if (pair_revoke(fn, peer, error) && peer != fn)
			fabric_event(peer, ISM_EVENT_DEVICE, why, fn->gid, 0, true);
}

void
fabric_dmb_del_all(struct fabric_fn *fn)
{
	unsigned int idx;

	for (idx = ISM_DMB_IDX_MIN; idx < ISM_NR_DMBS; idx++)
		if (fn->dmb[idx] != NULL)
			fabric_dmb_del(fn->dmb[idx]);
}

void
fabric_dmb_del_range(struct fabric_fn *fn, uint64_t iova, uint64_t len)
{
	struct fabric_dmb *dmb;
	unsigned int idx;

	if (fn->stats.dmbs_owned == 0)
		return;
	for (idx = ISM_DMB_IDX_MIN; idx < ISM_NR_DMBS; idx++) {
		dmb = fn->dmb[idx];
		if (dmb != NULL && dmb->iova <= iova + (len - 1) &&
		    iova <= dmb->iova + (dmb->len - 1))
			fabric_dmb_del(dmb);
	}
}

void
fabric_dmb_vlan_changed(struct fabric_fn *fn)
{
	struct fabric_dmb *dmb;
	struct fabric_fn *user;
	uint32_t slot;

	for (slot = 1; slot < FABRIC_TOKENS; slot++) {
		dmb = fn->fab->slot[slot];
		if (dmb == NULL || !dmb->usable || (dmb->owner != fn && dmb->rgid != fn->gid))
			continue;
		user = fabric_fn_by_gid(fn->fab, dmb->rgid);
		if (user != NULL && fabric_vlan_ok(dmb->owner, user, dmb->vlan))
			continue;
		if (dmb->owner == fn)
			fabric_dmb_revoke(dmb, ISM_EVENT_DMB_OWNER_VLAN, false);
		else
			fabric_dmb_revoke(dmb, ISM_EVENT_DMB_USER_VLAN, true);
	}
}

unsigned int
fabric_dmb_used(const struct fabric_fn *fn)
{
	const struct fabric_dmb *dmb;
	unsigned int used = 0;
	uint32_t slot;

	for (slot = 1; slot < FABRIC_TOKENS; slot++) {
		dmb = fn->fab->slot[slot];
		if (dmb != NULL && dmb->usable && dmb->rgid == fn->gid)
			used++;
	}
	return used;
}
