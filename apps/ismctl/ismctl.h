/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismctl.
 *
 *	main.c   command line, one request, exit code
 *	print.c  answers as tables
 *
 * An answer comes from a runtime, which is trusted no more than any other program: what is not of
 * the form that is expected is shown as "?".
 */
#ifndef ISMCTL_H
#define ISMCTL_H

#include <jansson.h>

void print_jobs(const json_t *result);
void print_sessions(const json_t *result);
void print_peers(const json_t *result);
/* "key: value", one a line. */
void print_pairs(const json_t *result);

#endif
