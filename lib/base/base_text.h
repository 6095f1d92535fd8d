/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text that crosses a trust border: names and messages of a peer, numbers
 * that a person typed. Nothing here allocates or logs. Any thread.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0x" + 16 hex digits + NUL. */
#define BASE_GID_STRLEN 19

/*
 * Parse a GID: 1 to 16 hex digits, with or without "0x", nothing after them.
 * @return 0, or -EINVAL (not hex, empty, longer than 64 bits, or zero:
 *         no function has GID 0). *gid is written only on success.
 */
int base_gid_parse(const char *text, uint64_t *gid);

/* Write a GID as "0x%016x" into buf. @return buf. */
const char *base_gid_str(uint64_t gid, char buf[BASE_GID_STRLEN]);

/*
 * Copy at most `len` bytes of foreign text (need not be NUL-terminated; stops
 * at the first NUL) into dst, replacing whatever is not printable ASCII by
 * '?'. dst is always NUL-terminated.
 * @param size  bytes of dst, at least 1.
 * @return dst.
 */
const char *base_text_clean(char *dst, size_t size, const void *src, size_t len);

/*
 * Parse an unsigned number: decimal, or hex with "0x", optionally with one
 * suffix K, M, G, T (powers of 1024) when `suffix` is not 0.
 * @return 0, -EINVAL (not a number, trailing text) or -ERANGE (outside
 *         min..max). *value is written only on success.
 */
int base_num_parse(const char *text, int suffix, uint64_t min, uint64_t max, uint64_t *value);

/*
 * Cut the next part off *rest, at a single comma; two commas become one that is meant. *rest
 * is NULL after the last part.
 * @return the part, in place; NULL: there is none left.
 */
char *base_part_take(char **rest);

/*
 * Parse GIDs, or names of peers (base_peers.h), separated by ':', and add them to the *count that
 * are in gids. `list` is cut up.
 * @return 0; -EINVAL *bad is not a GID; -ENOSPC there are more than max.
 */
int base_gids_parse(char *list, uint64_t *gids, unsigned int *count, unsigned int max,
		    const char **bad);

#ifdef __cplusplus
}
#endif

#endif
