/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "conf.h"
#include "ism_cmd.h"

static const char usage[] =
	"Usage: ism-fabric --dir DIR --function NAME[,gid=HEX][,vlan=ID]... [OPTION]...\n"
	"Run a software ISM fabric: one vfio-user socket DIR/NAME.sock per function.\n"
	"\n"
	"  --dir DIR            where the sockets are; made with mode 0700 if missing\n"
	"  --function NAME[,gid=HEX][,vlan=ID]...\n"
	"                       add a function; its GID is derived from NAME if not given,\n"
	"                       VLAN ids (1 to 4094) are there from the start; repeat it for more\n"
	"  --quirk qemu-pcistb  serve QEMU guests too: undo what QEMU does to their stores\n"
	"  --fault SPEC         arm a fault; repeat it for more; SPEC is one of\n"
	"                       store-fail:NAME:N[:COUNT]  stores N to N+COUNT-1 fail (COUNT: 1)\n"
	"                       store-delay:NAME:USEC      each store takes that long\n"
	"                       event-lose:NAME:N          every N-th event is lost\n"
	"                       kill:NAME:N                error state at the N-th store\n"
	"  --no-direct          never let a client store into a peer's memory by itself\n"
	"  --version            print the version and exit\n"
	"  --help               print this and exit\n"
	"\n"
	"Prints a line per function (NAME gid=0x... socket=PATH), then \"ready\".\n"
	"SIGUSR1 prints counters. Exit codes: 0 ok, 1 failure, 2 bad command line.\n";

enum {
	OPT_DIR = 1,
	OPT_FUNCTION,
	OPT_QUIRK,
	OPT_FAULT,
	OPT_NO_DIRECT,
	OPT_VERSION,
	OPT_HELP,
};

static const struct option options[] = {
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "function", required_argument, NULL, OPT_FUNCTION },
	{ "quirk", required_argument, NULL, OPT_QUIRK },
	{ "fault", required_argument, NULL, OPT_FAULT },
	{ "no-direct", no_argument, NULL, OPT_NO_DIRECT },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* One write for the whole line, so that lines of several programs do not mix. */
static void
say(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "ism-fabric: %s\n", line);
}

void
conf_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* One "key=value" of --function. */
static int
function_key(struct fabric_fn_conf *fn, const char *text)
{
	uint64_t vlan;

	if (strncmp(text, "gid=", 4) == 0) {
		if (base_gid_parse(text + 4, &fn->gid) == 0)
			return CONF_RUN;
		conf_error("--function %s: gid \"%s\" is not 1 to 16 hex digits above 0", fn->name,
			   text + 4);
		return CONF_EXIT_USAGE;
	}
	if (strncmp(text, "vlan=", 5) == 0) {
		if (fn->vlan_count == FABRIC_VLANS_MAX) {
			conf_error("--function %s: more than %d VLAN ids", fn->name,
				   FABRIC_VLANS_MAX);
			return CONF_EXIT_USAGE;
		}
		if (base_num_parse(text + 5, 0, 1, ISM_VLAN_ID_MAX, &vlan) == 0) {
			fn->vlans[fn->vlan_count++] = (uint16_t)vlan;
			return CONF_RUN;
		}
		conf_error("--function %s: vlan \"%s\" is no number from 1 to %d", fn->name,
			   text + 5, ISM_VLAN_ID_MAX);
		return CONF_EXIT_USAGE;
	}
	conf_error("--function %s: \"%s\" is neither gid=HEX nor vlan=ID", fn->name, text);
	return CONF_EXIT_USAGE;
}

static int
function_read(struct conf *conf, char *text)
{
	struct fabric_fn_conf *fn = &conf->function[conf->function_count];
	char *key;
	int ret;

	if (conf->function_count == CONF_FUNCTIONS_MAX) {
		conf_error("--function: more than %d functions", CONF_FUNCTIONS_MAX);
		return CONF_EXIT_USAGE;
	}
	memset(fn, 0, sizeof(*fn));
	fn->name = strsep(&text, ",");
	while ((key = strsep(&text, ",")) != NULL) {
		ret = function_key(fn, key);
		if (ret != CONF_RUN)
			return ret;
	}
	conf->function_count++;
	return CONF_RUN;
}

static int
quirk_read(struct conf *conf, const char *text)
{
	if (strcmp(text, "qemu-pcistb") != 0) {
		conf_error("--quirk: \"%s\" is not known, expected qemu-pcistb", text);
		return CONF_EXIT_USAGE;
	}
	conf->quirk_qemu_pcistb = true;
	return CONF_RUN;
}

static int
fault_read(struct conf *conf, const char *text)
{
	if (conf->fault_count == CONF_FAULTS_MAX) {
		conf_error("--fault: more than %d faults", CONF_FAULTS_MAX);
		return CONF_EXIT_USAGE;
	}
	conf->fault[conf->fault_count++] = text;
	return CONF_RUN;
}

static int
option_read(struct conf *conf, int opt, char **argv)
{
	switch (opt) {
	case OPT_DIR:
		conf->dir = optarg;
		return CONF_RUN;
	case OPT_FUNCTION:
		return function_read(conf, optarg);
	case OPT_QUIRK:
		return quirk_read(conf, optarg);
	case OPT_FAULT:
		return fault_read(conf, optarg);
	case OPT_NO_DIRECT:
		conf->no_direct = true;
		return CONF_RUN;
	case OPT_VERSION:
		printf("ism-fabric %s\n", ISM_VERSION);
		return CONF_EXIT_OK;
	case OPT_HELP:
		fputs(usage, stdout);
		return CONF_EXIT_OK;
	case ':':
		conf_error("%s needs a value, see --help", argv[optind - 1]);
		return CONF_EXIT_USAGE;
	default:
		conf_error("unknown option %s, see --help", argv[optind - 1]);
		return CONF_EXIT_USAGE;
	}
}

/* What must be there. */
static int
conf_check(const struct conf *conf)
{
	if (conf->dir == NULL || conf->dir[0] == '\0') {
		conf_error("--dir DIR is missing: where the sockets shall be");
		return CONF_EXIT_USAGE;
	}
	if (conf->function_count == 0) {
		conf_error("--function NAME is missing: at least one function is needed");
		return CONF_EXIT_USAGE;
	}
	return CONF_RUN;
}

int
conf_read(struct conf *conf, int argc, char **argv)
{
	int opt, ret;

	memset(conf, 0, sizeof(*conf));
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		ret = option_read(conf, opt, argv);
		if (ret != CONF_RUN)
			return ret;
	}
	if (optind < argc) {
		conf_error("unexpected \"%s\", see --help", argv[optind]);
		return CONF_EXIT_USAGE;
	}
	return conf_check(conf);
}
