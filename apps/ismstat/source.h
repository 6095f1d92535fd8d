/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who answers: this program's own telemetry, or that of another one. One thread. Answers are
 * owned by the caller.
 *
 *	source.c        the API
 *	source_find.c   which program is meant
 *	source_conn.c   its socket
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct source;
/*
 * The telemetry of a running DPDK program.
 * @param who  file prefix or PID of a program; NULL: this program itself (after run_eal_init()).
 * @return 0; -ENOENT no such program, -EACCES, -EPROTO it is no DPDK telemetry, ...: `err` is a
 *         line for people that names what was looked for and, on -ENOENT, the programs there are.
 */
int source_open(const char *who, struct source **src, char *err, size_t err_size);
void source_close(struct source *src); /* tolerates NULL */
/*
 * Ask. Waits at most one second (another program), or does not wait for more than its own
 * telemetry thread.
 * @param cmd  "/link/sessions", "/ism/info,0"
 * @return what stands behind the command's name in the answer; NULL: `err` is a line for people.
 */
json_t *source_ask(struct source *src, const char *cmd, char *err, size_t err_size);
/* "dpdk-ismd, PID 123, DPDK 22.11" */
const char *source_name(const struct source *src);
bool source_own(const struct source *src);
/* Commands under /ism, /link, /blk, /cons, /fwd that it has. @return whether `cmd` is one. */
bool source_has(struct source *src, const char *cmd);

#endif
