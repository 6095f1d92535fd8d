/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismblk.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

enum {
	OPT_PEER = 256,
	OPT_MOUNT,
	OPT_EXPORT,
	OPT_DEVICE,
	OPT_CACHE,
	OPT_FAST_IO_FAIL,
	OPT_HELP,
	OPT_VERSION,
	OPT_FLAG, /* + index into flags[] */
	OPT_NUMBER = OPT_FLAG + 32, /* + index into numbers[] */
};

static const struct {
	const char *name;
	size_t at;
} flags[] = {
	{ "read-only", offsetof(struct options, read_only) },
	{ "list", offsetof(struct options, list) },
	{ "json", offsetof(struct options, json) },
	{ "allow-other", offsetof(struct options, allow_other) },
	{ "digest", offsetof(struct options, digest) },
	{ "quiet", offsetof(struct options, quiet) },
};

static const struct {
	const char *name;
	size_t at;
	uint64_t min, max;
	int suffix; /* K, M allowed */
} numbers[] = {
	{ "queues", offsetof(struct options, queues), 1, LINK_QUEUES_MAX, 0 },
	{ "depth", offsetof(struct options, depth), 2, LINK_DEPTH_MAX, 0 },
	{ "slot-size", offsetof(struct options, slot_size), 4096, LINK_SLOT_MAX, 1 },
	{ "connect-timeout-ms", offsetof(struct options, connect_timeout_ms), 1, 3600000, 0 },
	{ "keepalive-ms", offsetof(struct options, keepalive_ms), 10, 60000, 0 },
	{ "hot-us", offsetof(struct options, hot_us), 0, 1000000, 0 },
	{ "idle-max-us", offsetof(struct options, idle_max_us), 20, 100000, 0 },
};

#define FLAGS (sizeof(flags) / sizeof(flags[0]))
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const struct option others[] = {
	{ "peer", required_argument, NULL, OPT_PEER },
	{ "mount", required_argument, NULL, OPT_MOUNT },
	{ "export", required_argument, NULL, OPT_EXPORT },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "fast-io-fail", required_argument, NULL, OPT_FAST_IO_FAIL },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

static const char help[] =
	"usage: dpdk-ismblk [EAL options --] --peer GID --mount DIR [options]\n"
	"       dpdk-ismblk [EAL options --] --peer GID --list [--json]\n"
	"\n"
	"Shows the disks that a peer exports over ISM as files of a FUSE mount.\n"
	"\n"
	"  --peer GID               the server's GID, in hex; several may be given\n"
	"  --mount DIR              where to mount: DIR/NAME, with several peers DIR/GID/NAME\n"
	"  --export NAME            only this export; several may be given\n"
	"  --read-only              no writing, whatever the server allows\n"
	"  --list                   print the exports and end\n"
	"  --json                   the list as JSON\n"
	"  --cache none|auto        page cache: never, or for all but O_DIRECT (auto)\n"
	"  --allow-other            let other users into the mount\n"
	"  --fast-io-fail TIME      without a session, fail requests after TIME: seconds, or\n"
	"                           milliseconds with the suffix ms (wait for ever)\n"
	"  --connect-timeout-ms MS  give up at start when a peer does not answer (5000)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --queues N               queues to each peer (one per lcore, at most 16)\n"
	"  --depth N                requests in flight per queue, a power of two (64)\n"
	"  --slot-size BYTES        largest request on the link, a multiple of 4K (64K)\n"
	"  --digest                 protect payloads with CRC32C\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle (10000)\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"EAL options are DPDK's: -l 0-1, --vdev=raw_ism0,socket=PATH and so on. The variable\n"
	"ISM_VDEV_SOCKET stands for the latter. See dpdk-ismblk(1).\n";

static int
bad_number(const char *name, const char *text, const char *expected)
{
	run_error("--%s %s: expected %s", name, text, expected);
	return RUN_EXIT_USAGE;
}

static int
take_number(struct options *opt, size_t i, const char *text)
{
	uint64_t *value = (uint64_t *)((char *)opt + numbers[i].at);
	char expected[80];

	if (base_num_parse(text, numbers[i].suffix, numbers[i].min, numbers[i].max, value) == 0)
		return -1;
	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
		 (unsigned long long)numbers[i].min, (unsigned long long)numbers[i].max);
	return bad_number(numbers[i].name, text, expected);
}

/* Seconds, or milliseconds with "ms". */
static int
take_time(const char *name, const char *text, uint64_t *ms)
{
	size_t len = strlen(text);
	bool is_ms = len > 2 && strcmp(text + len - 2, "ms") == 0;
	char digits[24];

	if (len < sizeof(digits)) {
		snprintf(digits, sizeof(digits), "%.*s", (int)(is_ms ? len - 2 : len), text);
		if (base_num_parse(digits, 0, 1, is_ms ? 86400000 : 86400, ms) == 0) {
			*ms *= is_ms ? 1 : 1000;
			return -1;
		}
	}
	return bad_number(name, text, "a number of seconds, or of milliseconds with the suffix ms");
}

static int
take_peer(struct options *opt, const char *text)
{
	uint64_t gid;
	unsigned int i;

	if (base_gid_parse(text, &gid) != 0) {
		run_error("--peer '%s': expected a GID of 1 to 16 hex digits, not 0", text);
		return RUN_EXIT_USAGE;
	}
	for (i = 0; i < opt->peer_count; i++) {
		if (opt->peers[i] == gid) {
			run_error("--peer %s is given twice", text);
			return RUN_EXIT_USAGE;
		}
	}
	if (opt->peer_count == PEERS_MAX) {
		run_error("more than %d peers", PEERS_MAX);
		return RUN_EXIT_USAGE;
	}
	opt->peers[opt->peer_count++] = gid;
	return -1;
}

static int
take_export(struct options *opt, const char *name)
{
	unsigned int i;

	if (name[0] == '\0' || strlen(name) >= BLK_NAME_MAX || strchr(name, '/') != NULL) {
		run_error("--export '%s': expected a name of 1 to %d characters without '/'", name,
			  BLK_NAME_MAX - 1);
		return RUN_EXIT_USAGE;
	}
	for (i = 0; i < opt->export_count; i++) {
		if (strcmp(opt->exports[i], name) == 0) {
			run_error("--export %s is given twice", name);
			return RUN_EXIT_USAGE;
		}
	}
	if (opt->export_count == EXPORT_NAMES_MAX) {
		run_error("more than %d times --export", EXPORT_NAMES_MAX);
		return RUN_EXIT_USAGE;
	}
	opt->exports[opt->export_count++] = name;
	return -1;
}

static int
take_cache(struct options *opt, const char *mode)
{
	if (strcmp(mode, "auto") == 0) {
		opt->cache = CACHE_AUTO;
	} else if (strcmp(mode, "none") == 0) {
		opt->cache = CACHE_NONE;
	} else {
		run_error("--cache %s: expected none or auto", mode);
		return RUN_EXIT_USAGE;
	}
	return -1;
}

static int
take(struct options *opt, int c, const char *arg)
{
	if (c >= OPT_NUMBER && c < OPT_NUMBER + (int)NUMBERS)
		return take_number(opt, (size_t)(c - OPT_NUMBER), arg);
	if (c >= OPT_FLAG && c < OPT_FLAG + (int)FLAGS) {
		*(bool *)((char *)opt + flags[c - OPT_FLAG].at) = true;
		return -1;
	}
	switch (c) {
	case OPT_PEER:
		return take_peer(opt, arg);
	case OPT_MOUNT:
		opt->mount = arg;
		return -1;
	case OPT_EXPORT:
		return take_export(opt, arg);
	case OPT_DEVICE:
		opt->device = arg;
		return -1;
	case OPT_CACHE:
		return take_cache(opt, arg);
	case OPT_FAST_IO_FAIL:
		return take_time("fast-io-fail", arg, &opt->fast_io_fail_ms);
	case OPT_HELP:
		fputs(help, stdout);
		return RUN_EXIT_OK;
	default:
		puts("dpdk-ismblk " ISM_VERSION);
		return RUN_EXIT_OK;
	}
}

/* What is wrong only when all options are known. */
static int
check(const struct options *opt)
{
	const char *what = NULL;

	if (opt->peer_count == 0)
		what = "--peer GID is missing: whose disks?";
	else if (opt->mount == NULL && !opt->list)
		what = "--mount DIR is missing (or --list)";
	else if (opt->mount != NULL && opt->list)
		what = "--mount and --list exclude each other";
	else if (opt->json && !opt->list)
		what = "--json goes with --list";
	else if (opt->mount != NULL && opt->mount[0] == '\0')
		what = "--mount '': expected a directory";
	if (what != NULL)
		run_error("%s", what);
	else if ((opt->depth & (opt->depth - 1)) != 0)
		run_error("--depth %" PRIu64 ": expected a power of two", opt->depth);
	else if (opt->slot_size % 4096 != 0)
		run_error("--slot-size %" PRIu64 ": expected a multiple of 4096", opt->slot_size);
	else
		return -1;
	return RUN_EXIT_USAGE;
}

static void
fill_table(struct option table[OTHERS + FLAGS + NUMBERS + 1])
{
	size_t i, n = 0;

	for (i = 0; i < OTHERS; i++)
		table[n++] = others[i];
	for (i = 0; i < FLAGS; i++)
		table[n++] = (struct option){ flags[i].name, no_argument, NULL, OPT_FLAG + (int)i };
	for (i = 0; i < NUMBERS; i++)
		table[n++] = (struct option){ numbers[i].name, required_argument, NULL,
					      OPT_NUMBER + (int)i };
	table[n] = (struct option){ 0 };
}

int
options_parse(int argc, char **argv, struct options *opt)
{
	struct option table[OTHERS + FLAGS + NUMBERS + 1];
	int c, ret;

	memset(opt, 0, sizeof(*opt));
	opt->depth = 64;
	opt->slot_size = 64 * 1024;
	opt->connect_timeout_ms = 5000;
	opt->keepalive_ms = 1000;
	opt->hot_us = 200;
	opt->idle_max_us = 10000;
	fill_table(table);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (c == '?' || c == ':') {
			run_error("%s option '%s' (EAL options go before --; see --help)",
				  c == '?' ? "unknown or ambiguous" : "no value for",
				  argv[optind - 1]);
			return RUN_EXIT_USAGE;
		}
		ret = take(opt, c, optarg);
		if (ret >= 0)
			return ret;
	}
	if (optind < argc) {
		run_error("unexpected '%s'", argv[optind]);
		return RUN_EXIT_USAGE;
	}
	return check(opt);
}
