/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ism-fabric gives up before it serves the first client. A client that gets its code to
 * run here must find nothing to do with it: no file, no socket of its own, no program, no process.
 *
 * The list of system calls is also a promise to the other clients: none of them waits for a
 * client. docs/man/ism-fabric.1, "Confinement", has the list in words.
 */
#ifndef ISMFABRIC_SANDBOX_H
#define ISMFABRIC_SANDBOX_H

/*
 * Become that user, with the groups of /etc/group, for good. What cannot be done is printed.
 * @param dir  of the sockets: is made for that user, mode 0700, if it is not there.
 * @return CONF_RUN or a CONF_EXIT_.
 */
int sandbox_user(const char *name, const char *dir);

/*
 * Landlock: no file from here on, but that sockets in dir can be removed; no TCP. This thread,
 * and those that it starts. Without landlock in the kernel a line says so.
 */
void sandbox_files(const char *dir);

/* Seccomp: the system calls of a serving fabric, in all threads. Without it a line says so. */
void sandbox_calls(void);

/* The same for the process that closes descriptors (fabric_closer.h): close() and little more. */
void sandbox_keeper(void);

#endif
