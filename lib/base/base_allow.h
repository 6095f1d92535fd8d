/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may: a list of GIDs, as all services have it. The GID of a peer comes from the fabric and
 * cannot be forged (DESIGN D10). Plain data, no thread of its own.
 */
#ifndef BASE_ALLOW_H
#define BASE_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BASE_ALLOW_MAX 64 /* GIDs of one list */

/* All zero: nobody. */
struct base_allow {
	bool any; /* everybody, whatever the list says */
	unsigned int count;
	uint64_t gid[BASE_ALLOW_MAX];
};

/*
 * Add what a person typed: "any", or GIDs separated by ':'. `list` is cut up.
 * @param bad  on -EINVAL the word that is no GID, in `list`.
 * @return 0; -EINVAL; -ENOSPC more than BASE_ALLOW_MAX GIDs.
 */
int base_allow_parse(struct base_allow *allow, char *list, const char **bad);

bool base_allow_has(const struct base_allow *allow, uint64_t gid);

/* Nobody at all? */
static inline bool
base_allow_none(const struct base_allow *allow)
{
	return !allow->any && allow->count == 0;
}

#define BASE_ALLOW_STRLEN 256
/* "any GID", "nobody", or the GIDs, as many as fit. @return buf. */
const char *base_allow_str(const struct base_allow *allow, char buf[BASE_ALLOW_STRLEN]);

#ifdef __cplusplus
}
#endif

#endif
