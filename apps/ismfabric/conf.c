/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base_line.h"
#include "base_process.h"
#include "base_text.h"
#include "conf.h"
#include "ism_cmd.h"
#include "ism_sba.h"

static const char usage[] =
	"Usage: ism-fabric --dir DIR --function NAME[,KEY=VALUE]... [OPTION]...\n"
	"Run a software ISM fabric: one vfio-user socket DIR/NAME.sock per function.\n"
	"\n"
	"  --dir DIR            where the sockets are; made with mode 0700 if missing\n"
	"  --function NAME[,gid=HEX][,vlan=ID]...[,dmb-max=BYTES][,max-len=BYTES]\n"
	"                       add a function; its GID is derived from NAME if not given,\n"
	"                       VLAN ids (1 to 4094) are there from the start; "
	"repeat it for more;\n"
	"                       longest DMB that it takes (1M), and what QUERY_INFO says of that\n"
	"  --quirk qemu-pcistb  serve QEMU guests too: undo what QEMU does to their stores\n"
	"  --fault SPEC         arm a fault; repeat it for more; SPEC is one of\n"
	"                       store-fail:NAME:N[:COUNT]  stores N to N+COUNT-1 fail (COUNT: 1)\n"
	"                       store-delay:NAME:USEC      each store takes that long\n"
	"                       event-lose:NAME:N          every N-th event is lost\n"
	"                       kill:NAME:N                error state at the N-th store\n"
	"                       store-delay:NAME:USEC:RATE, and RATE instead of N: by chance,\n"
	"                       such as store-fail:NAME:1%\n"
	"  --limit KEY=VALUE[,KEY=VALUE]...\n"
	"                       what one function may use; KEY is one of\n"
	"                       dmbs (1888), memory (16M bytes), mapped (256G bytes), events (250\n"
	"                       a second to each other function), and in one turn: turn (50 us),\n"
	"                       messages (64), accesses (64), bytes (256K); round (1000 us)\n"
	"  --no-direct          never let a client store into a peer's memory by itself\n"
	"  --handshake-timeout SECONDS\n"
	"                       what a connection has for its first messages; default 3\n"
	"  --user NAME          become that user before the sockets are made\n"
	"  --no-sandbox         no landlock, no seccomp\n"
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
	OPT_LIMIT,
	OPT_NO_DIRECT,
	OPT_HANDSHAKE_TIMEOUT,
	OPT_USER,
	OPT_NO_SANDBOX,
	OPT_VERSION,
	OPT_HELP,
};

static const struct option options[] = {
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "function", required_argument, NULL, OPT_FUNCTION },
	{ "quirk", required_argument, NULL, OPT_QUIRK },
	{ "fault", required_argument, NULL, OPT_FAULT },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "no-direct", no_argument, NULL, OPT_NO_DIRECT },
	{ "handshake-timeout", required_argument, NULL, OPT_HANDSHAKE_TIMEOUT },
	{ "user", required_argument, NULL, OPT_USER },
	{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static void
say(const char *fmt, va_list ap)
{
	static const char program[] = "ism-fabric: ";
	char line[BASE_LINE_MAX];
	size_t len = sizeof(program) - 1;

	memcpy(line, program, len);
	vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	base_line_put(STDERR_FILENO, line, strlen(line));
}

void
conf_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* Lengths of DMBs, to show a driver other devices than the usual one. */
static int
function_length(struct fabric_fn_conf *fn, const char *text)
{
	bool real = strncmp(text, "dmb-max=", 8) == 0;
	uint64_t len;

	if (!real && strncmp(text, "max-len=", 8) != 0) {
		conf_error("--function %s: \"%s\" is none of gid=HEX, vlan=ID, dmb-max=BYTES, "
			   "max-len=BYTES",
			   fn->name, text);
		return CONF_EXIT_USAGE;
	}
	if (base_num_parse(text + 8, true, 1, real ? 1 << 20 : UINT32_MAX, &len) == 0 &&
	    (!real || len % 4096 == 0)) {
		*(real ? &fn->dmb_max : &fn->max_len) = (uint32_t)len;
		return CONF_RUN;
	}
	conf_error("--function %s: \"%s\" is no length of a DMB (%s)", fn->name, text,
		   real ? "a multiple of 4K, up to 1M" : "from 1 on");
	return CONF_EXIT_USAGE;
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
	return function_length(fn, text);
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
handshake_timeout_read(struct conf *conf, const char *text)
{
	uint64_t seconds;

	if (base_num_parse(text, 0, 1, CONF_VERSION_S_MAX, &seconds) == 0) {
		conf->handshake_s = (unsigned int)seconds;
		return CONF_RUN;
	}
	conf_error("--handshake-timeout: \"%s\" is no number from 1 to %d", text,
		   CONF_VERSION_S_MAX);
	return CONF_EXIT_USAGE;
}

#define EVENTS_BURST 256 /* events at once, before the rate counts */

static const struct fabric_limits limits_default = {
	.events = { .per_s = 250, .burst = EVENTS_BURST },
	.memory = 16 << 20,
	.dmbs = ISM_DMB_COUNT,
};

static void
limits_init(struct conf *conf)
{
	conf->limits = limits_default;
	fabric_budget_init(&conf->budget);
}

struct limit {
	const char *key;
	int suffix; /* K, M, G, T may follow */
	uint64_t min, max;
};

/* The order is that of limit_set(). */
static const struct limit limits[] = {
	{ "dmbs", 0, 1, ISM_DMB_COUNT },
	{ "memory", 1, 65536, UINT64_C(1) << 40 },
	{ "mapped", 1, 4096, UINT64_C(1) << 46 },
	{ "events", 0, 1, 1000000 },
	{ "turn", 0, 1, 1000000 },
	{ "round", 0, 1, 1000000 },
	{ "messages", 0, 1, 65536 },
	{ "accesses", 0, 1, 65536 },
	{ "bytes", 1, 4096, 1 << 30 },
};

static void
limit_set(struct conf *conf, size_t which, uint64_t value)
{
	switch (which) {
	case 0:
		conf->limits.dmbs = (unsigned int)value;
		break;
	case 1:
		conf->limits.memory = value;
		break;
	case 2:
		conf->budget.mapped = value;
		break;
	case 3:
		conf->limits.events.per_s = value;
		break;
	case 4:
		conf->budget.turn_ns = value * BASE_NS_PER_US;
		break;
	case 5:
		conf->budget.round_ns = value * BASE_NS_PER_US;
		break;
	case 6:
		conf->budget.messages = (unsigned int)value;
		break;
	case 7:
		conf->budget.accesses = (unsigned int)value;
		break;
	default:
		conf->budget.bytes = value;
		break;
	}
}

/* One KEY=VALUE of --limit. */
static int
limit_key(struct conf *conf, const char *text)
{
	const char *value = strchr(text, '=');
	uint64_t number;
	size_t i, len;

	len = value != NULL ? (size_t)(value - text) : strlen(text);
	for (i = 0; i < RTE_DIM(limits); i++)
		if (strlen(limits[i].key) == len && memcmp(limits[i].key, text, len) == 0)
			break;
	if (value == NULL || i == RTE_DIM(limits)) {
		conf_error("--limit: \"%s\" is not known, see --help", text);
		return CONF_EXIT_USAGE;
	}
	if (base_num_parse(value + 1, limits[i].suffix, limits[i].min, limits[i].max, &number) <
	    0) {
		conf_error("--limit %s: expected a number from %" PRIu64 " to %" PRIu64, text,
			   limits[i].min, limits[i].max);
		return CONF_EXIT_USAGE;
	}
	limit_set(conf, i, number);
	return CONF_RUN;
}

static int
limit_read(struct conf *conf, char *text)
{
	char *key;
	int ret;

	while ((key = strsep(&text, ",")) != NULL) {
		ret = limit_key(conf, key);
		if (ret != CONF_RUN)
			return ret;
	}
	return CONF_RUN;
}

/* It was asked for, so it must have been written. */
static int
printed(void)
{
	int ret = base_process_flush();

	if (ret == 0)
		return CONF_EXIT_OK;
	conf_error("cannot write to standard output: %s", strerror(-ret));
	return CONF_EXIT_FAIL;
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
	case OPT_LIMIT:
		return limit_read(conf, optarg);
	case OPT_NO_DIRECT:
		conf->no_direct = true;
		return CONF_RUN;
	case OPT_HANDSHAKE_TIMEOUT:
		return handshake_timeout_read(conf, optarg);
	case OPT_USER:
		conf->user = optarg;
		return CONF_RUN;
	case OPT_NO_SANDBOX:
		conf->no_sandbox = true;
		return CONF_RUN;
	case OPT_VERSION:
		printf("ism-fabric %s\n", ISM_VERSION);
		return printed();
	case OPT_HELP:
		fputs(usage, stdout);
		return printed();
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
	limits_init(conf);
	conf->handshake_s = 3;
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
