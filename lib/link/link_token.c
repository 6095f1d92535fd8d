/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which DMBs of peers we store to.
 *
 * The fabric lets us store into every DMB that anybody registered for our GID, so a hostile
 * peer could name a DMB of somebody else as its own and have us write there. Therefore a
 * token belongs to one session at a time: whoever names a token in use is refused, before
 * the first store. (What is left is a DMB that its owner has registered but not yet told us
 * of. Nothing in it is believed before the owner's own set-up, which fails and is tried
 * again with new DMBs.)
 *
 * Tokens have 24 significant bits (the rendezvous event carries no more): one bit each.
 */
#include <errno.h>

#include "link_priv.h"

int
link_token_claim(struct link *link, uint64_t token)
{
	uint32_t n = (uint32_t)(token >> LINK_TOKEN_SHIFT);
	uint64_t bit = UINT64_C(1) << (n % 64);

	if ((link->tokens[n / 64] & bit) != 0)
		return -EEXIST;
	link->tokens[n / 64] |= bit;
	return 0;
}

void
link_token_release(struct link *link, uint64_t token)
{
	uint32_t n = (uint32_t)(token >> LINK_TOKEN_SHIFT);

	link->tokens[n / 64] &= ~(UINT64_C(1) << (n % 64));
}
