/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device writes into files of its owners, and an owner may truncate such a file at any
 * moment: the next write would raise SIGBUS and kill the fabric for everyone. So
 * every write goes through fabric_guarded(), which turns that signal into an error.
 */
#ifndef FABRIC_GUARD_H
#define FABRIC_GUARD_H

/*
 * Install the SIGBUS handler of this process. For a program that serves foreign memory, once,
 * before its first client. Without it, fabric_guarded() just calls: right for a process
 * whose functions all live in its own memory.
 * @return 0 or -errno.
 */
int fabric_guard_install(void);

/*
 * Run body(arg), which writes through pointers into an owner's memory.
 * body must not take a lock or memory: it may be left in its middle.
 * @return 0; -EFAULT the memory is not there any more; a part may have been written.
 */
int fabric_guarded(void (*body)(void *arg), void *arg);

#endif
