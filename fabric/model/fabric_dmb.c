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

#include "base_shared.h"
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
		atomic_store_explicit(base_shared(&fab->grants[token_slot(token)]), value,
				      memory_order_release);
}

/* @return 0 if all are in use. */
static uint32_t
slot_alloc(struct fabric *fab)
{
	uint32_t slot;

	if (fab->free_count == 0)
		return 0;
	slot = fab->free_slot[fab->free_first];
	fab->free_first = (fab->free_first + 1) % FABRIC_TOKENS;
	fab->free_count--;
	return slot;
}

static void
slot_free(struct fabric *fab, uint32_t slot)
{
	fab->slot[slot] = NULL;
	fab->free_slot[(fab->free_first + fab->free_count) % FABRIC_TOKENS] = (uint16_t)slot;
	fab->free_count++;
}

int
fabric_slots_init(struct fabric *fab)
{
	uint32_t slot;

	fab->slot = calloc(FABRIC_TOKENS, sizeof(*fab->slot));
	fab->free_slot = calloc(FABRIC_TOKENS, sizeof(*fab->free_slot));
	if (fab->slot == NULL || fab->free_slot == NULL)
		return -ENOMEM;
	for (slot = 1; slot < FABRIC_TOKENS; slot++)
		slot_free(fab, slot);
	return 0;
}

void
fabric_slots_fini(struct fabric *fab)
{
	free(fab->slot);
	free(fab->free_slot);
}

/*
 * Tokens are the fabric's, and fewer than all functions together may have DMBs. So half of them
 * are reserved, an equal share for each function. The others are first come, first served: a
 * server needs as many DMBs as all of its clients together.
 */
static bool
slots_fair(const struct fabric_fn *fn)
{
	const struct fabric *fab = fn->fab;

	return fn->stats.dmbs_owned < fab->share || fab->free_count > fab->reserved;
}

void
fabric_slots_share(struct fabric *fab)
{
	const struct fabric_fn *fn;

	if (fab->fn_count == 0)
		return;
	fab->share = (FABRIC_TOKENS - 1) / 2 / fab->fn_count;
	fab->reserved = 0;
	TAILQ_FOREACH(fn, &fab->fns, next)
		if (fn->stats.dmbs_owned < fab->share)
			fab->reserved += fab->share - fn->stats.dmbs_owned;
}

size_t
fabric_dmb_cost(uint32_t len)
{
	return sizeof(struct fabric_dmb) + len / ISM_PAGE_SIZE * sizeof(uint8_t *);
}

int
fabric_dmb_add(struct fabric_fn *fn, struct fabric_dmb *dmb)
{
	struct fabric *fab = fn->fab;
	uint32_t slot;

	slot = slots_fair(fn) ? slot_alloc(fab) : 0;
	if (slot == 0)
		return -ENOSPC;
	if (fn->stats.dmbs_owned < fab->share)
		fab->reserved--;
	dmb->owner = fn;
	dmb->token = (uint64_t)slot << ISM_ADDR_TOKEN_SHIFT;
	dmb->generation = ++fab->generation;
	dmb->usable = true;
	fab->slot[slot] = dmb;
	fn->dmb[dmb->idx] = dmb;
	fn->stats.dmbs_owned++;
	fn->dmb_memory += fabric_dmb_cost(dmb->len);
	LIST_INSERT_HEAD(&dmb->user->uses, dmb, use);
	dmb->user->stats.dmbs_used++;
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
	struct fabric_fn *told = to_owner ? dmb->owner : dmb->user;
	struct fabric_fn *from = to_owner ? dmb->user : dmb->owner;
	struct fabric *fab = dmb->owner->fab;

	if (!dmb->usable)
		return;
	dmb->usable = false;
	grant_set(fab, dmb->token, 0);
	if (dmb->user != NULL)
		dmb->user->stats.dmbs_used--;
	if (told == NULL)
		return;
	if (from != NULL && !fabric_event_due(from, told))
		told->stats.events_lost++;
	else
		fabric_event(told, ISM_EVENT_BUFFER, why, dmb->token, 0, true);
}

/* Take it off its user's list, and move on the cursor of a task that stands at it. */
static void
use_end(struct fabric_dmb *dmb)
{
	struct fabric_fn *user = dmb->user;

	if (user == NULL)
		return;
	if (user->work.use == dmb)
		user->work.use = LIST_NEXT(dmb, use);
	LIST_REMOVE(dmb, use);
	dmb->user = NULL;
}

static void
dmb_free(struct fabric_dmb *dmb)
{
	struct fabric_fn *fn = dmb->owner;

	use_end(dmb);
	fn->dmb_memory -= fabric_dmb_cost(dmb->len);
	slot_free(fn->fab, token_slot(dmb->token));
	fn->dmb[dmb->idx] = NULL;
	fn->stats.dmbs_owned--;
	if (fn->stats.dmbs_owned < fn->fab->share)
		fn->fab->reserved++;
	free(dmb);
}

void
fabric_dmb_del(struct fabric_dmb *dmb)
{
	fabric_dmb_revoke(dmb, ISM_EVENT_DMB_UNREG, false);
	dmb_free(dmb);
}

void
fabric_dmb_user_removed(struct fabric_fn *user)
{
	struct fabric_dmb *dmb;

	while ((dmb = LIST_FIRST(&user->uses)) != NULL)
		use_end(dmb);
}
