/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of GIDs, from a file of the administrator's: each line has a name and a GID, '#' begins a
 * comment.
 *
 *	lpar2   0xe28e247aac0f7196
 *
 * A name is 1 to 63 of A-Z a-z 0-9 '.' '_' '-', and nothing that could be a GID, nor "any". A table
 * never changes once it is there, and stays: any thread reads without a lock.
 */
#ifndef BASE_PEERS_H
#define BASE_PEERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BASE_PEER_NAME_MAX 64 /* NUL included */
#define BASE_PEERS_MAX 4096 /* lines of a file */
#define BASE_PEERS_FILE "/etc/dpdk-ism/peers"

struct base_peer {
	char name[BASE_PEER_NAME_MAX];
	uint64_t gid;
};

/*
 * The names of this file hold from now on. One thread at a time.
 * @param path  NULL: $ISM_PEERS, else BASE_PEERS_FILE; that one may be missing.
 * @return 0; -ENOENT, -EACCES, ...; -EINVAL: nothing has changed, and err tells line and reason.
 */
int base_peers_load(const char *path, char *err, size_t err_size);

/* @return 0, -ENOENT. Loads the standard file first, if none was loaded. */
int base_peers_find(const char *name, uint64_t *gid);

/*
 * What a person typed for a peer: its GID (base_gid_parse()) or its name.
 * @return 0; -EINVAL neither. *gid is written only on success.
 */
int base_peer_parse(const char *text, uint64_t *gid);

/*
 * For "expected %s": what base_peer_parse() takes, and why it knew no names, if their file is
 * wrong. Static text.
 */
const char *base_peer_expected(void);

/* The first name of that GID, or NULL. */
const char *base_peer_name(uint64_t gid);

/* All names, in the file's order. @return how many; *peers is valid for ever. */
size_t base_peers_all(const struct base_peer **peers);

#ifdef __cplusplus
}
#endif

#endif
