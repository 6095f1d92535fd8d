/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of ism-fabric. */
#ifndef ISMFABRIC_CONF_H
#define ISMFABRIC_CONF_H

#include <stdbool.h>

#include "fabric.h"
#include "fabric_server.h"

#define CONF_FUNCTIONS_MAX 256
#define CONF_FAULTS_MAX 64

enum conf_exit { /* docs/man/ism-fabric.1 */
	CONF_EXIT_OK = 0,
	CONF_EXIT_FAIL = 1,
	CONF_EXIT_USAGE = 2,
	CONF_RUN = -1, /* the command line is fine: go on */
};

struct conf {
	const char *dir;
	bool quirk_qemu_pcistb;
	bool no_direct;
	bool no_sandbox;
	unsigned int handshake_s; /* --handshake-timeout, seconds */
	const char *user; /* NULL: stay who we are */
	unsigned int function_count;
	struct fabric_fn_conf function[CONF_FUNCTIONS_MAX]; /* names point into argv */
	struct fabric_limits limits;
	struct fabric_budget budget;
	unsigned int fault_count;
	const char *fault[CONF_FAULTS_MAX];
};

#define CONF_VERSION_S_MAX 3600

/*
 * One line on stderr, which waits for no reader once base_line_start() was called:
 * "ism-fabric: ...".
 */
void conf_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Read the command line. What is wrong with it is printed, as are --help and --version.
 * argv is changed: function names end where their comma was.
 * @return CONF_RUN, CONF_EXIT_OK or CONF_EXIT_USAGE.
 */
int conf_read(struct conf *conf, int argc, char **argv);

#endif
