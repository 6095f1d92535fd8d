/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to source*.c: one connection to one telemetry socket of DPDK.
 *
 * The protocol (DPDK's telemetry, version 2): a UNIX seqpacket socket. The program speaks first
 * and says version, PID and the longest answer; then one packet a command and one an answer, in
 * order. Whoever answers is foreign: lengths and times are bounded here, and what comes out is
 * JSON of bounded depth whose texts are printable ASCII.
 */
#ifndef SOURCE_CONN_H
#define SOURCE_CONN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#define SOURCE_SOCKET "dpdk_telemetry.v2"
#define SOURCE_PATH_MAX 108 /* of a UNIX socket */
#define SOURCE_ANSWER_MAX (256u * 1024) /* bytes; DPDK's own limit is 16 KiB */
#define SOURCE_CMD_MAX 1000u /* bytes of a command that DPDK reads */

struct source_conn {
	int fd; /* -1: not connected */
	pid_t pid; /* of the program: the kernel's word where it has one, else its own */
	uid_t uid; /* the kernel's word */
	char version[64]; /* "DPDK 22.11.11" */
	char *buf; /* answer_max bytes; NULL without a connection */
	size_t answer_max;
};

/*
 * Connect and hear the program's first words.
 * @param deadline  CLOCK_MONOTONIC, ns.
 * @return 0; -ECONNREFUSED, -ENOENT nobody is there; -EACCES; -ETIMEDOUT; -EPROTO this is no DPDK
 *         telemetry; -ENOMEM, ... `err` is a line for people without the socket's name.
 */
int source_conn_open(struct source_conn *conn, const char *path, uint64_t deadline, char *err,
		     size_t err_size);
/* Tolerates one that is not open. */
void source_conn_close(struct source_conn *conn);
/*
 * Ask. After an error other than -ENOENT the connection is closed: an answer that comes
 * late can never be taken for the next one.
 * @param answer  what stands behind the command's name; the caller's.
 * @return 0; -ENOENT the program has no (such) answer; -ECONNRESET it has ended; -ETIMEDOUT,
 *         -EPROTO, -EINVAL the command cannot be sent.
 */
int source_conn_ask(struct source_conn *conn, const char *cmd, uint64_t deadline, json_t **answer,
		    char *err, size_t err_size);

/* --- source_find.c --- */

/* A program's telemetry as it was found. */
struct source_place {
	char path[SOURCE_PATH_MAX];
	char prefix[64]; /* of its files; cleaned */
	char program[32]; /* "dpdk-ismd"; cleaned */
};
/*
 * Find who is meant, as source_open(), and connect.
 * @return 0; -ENOENT, -ENOTUNIQ (several of that name run), and what source_conn_open() says.
 */
int source_find(const char *who, struct source_conn *conn, struct source_place *place, char *err,
		size_t err_size);
/* This process. */
int source_find_own(struct source_conn *conn, struct source_place *place, char *err,
		    size_t err_size);

#endif
