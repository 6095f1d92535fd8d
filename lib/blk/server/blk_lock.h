/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: an image that is exported for writing is nobody else's to write.
 *
 * The lock is that of an open file (F_OFD_SETLK), on the single bytes that QEMU uses for its
 * images: byte 100 + n says "I use permission n", byte 200 + n "nobody else may have permission n".
 * All are read locks; who finds one of somebody else's where it must not be, has no right. So two
 * servers see each other, and QEMU and qemu-img see us and we them. Who locks the whole file for
 * writing is seen as well. A loop device locks nothing: sysfs tells of it.
 */
#ifndef BLK_LOCK_H
#define BLK_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Lock the image behind fd, or find out who has it. Waits up to 3 s for one that was just killed.
 * Control thread, before anything is served.
 * @param fd        keeps the lock until its open file is closed; open for reading at least.
 * @param write     for writing; else others may read as well.
 * @param who, size on -EBUSY a text for people: who has it.
 * @return 0; -EBUSY; -EOPNOTSUPP there are no such locks on that file system.
 */
int blk_lock(int fd, const struct stat *st, bool write, char *who, size_t size);

#endif
