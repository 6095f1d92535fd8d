/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismd.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"
#include "run.h"

enum {
	OPT_EXPORT = 256,
	OPT_DEVICE,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION,
	OPT_NUMBER, /* + index into numbers[] */
};

static const struct {
	const char *name;
	size_t at;
	uint64_t min, max, standard;
	int suffix; /* K, M allowed */
} numbers[] = {
	{ "queues", offsetof(struct options, queues), 1, LINK_QUEUES_MAX, 16, 0 },
	{ "depth", offsetof(struct options, depth), 2, LINK_DEPTH_MAX, 128, 0 },
	{ "slot-size", offsetof(struct options, slot_size), 4096, LINK_SLOT_MAX, 65536, 1 },
	{ "keepalive-ms", offsetof(struct options, keepalive_ms), 10, 60000, 1000, 0 },
	{ "hot-us", offsetof(struct options, hot_us), 0, 1000000, 200, 0 },
	{ "idle-max-us", offsetof(struct options, idle_max_us), 20, 100000, 4000, 0 },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const struct option others[] = {
	{ "export", required_argument, NULL, OPT_EXPORT },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

static const char help[] =
	"usage: dpdk-ismd [EAL options --] --export NAME=PATH[,OPTION]... [options]\n"
	"\n"
	"Serves disk images to other systems over ISM.\n"
	"\n"
	"  --export NAME=PATH[,ro][,allow=GID[:GID...]|allow=any][,desc=TEXT]\n"
	"                           serve this regular file or block device under that name;\n"
	"                           ro: read-only; allow: who may use it, GIDs in hex\n"
	"                           (nobody); desc: a text for lists; ',,' stands for a comma\n"
	"                           in PATH or TEXT; several may be given\n"
	"  --queues N               queues that a client may have (16)\n"
	"  --depth N                requests in flight per queue, a power of two (128)\n"
	"  --slot-size BYTES        largest request on the link, a multiple of 4K (64K)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle (4000)\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"EAL options are DPDK's: -l 0-1, --vdev=raw_ism0,socket=PATH and so on. The variable\n"
	"ISM_VDEV_SOCKET stands for the latter. See dpdk-ismd(8).\n";

static int
take_number(struct options *opt, size_t i, const char *text)
{
	uint64_t *value = (uint64_t *)((char *)opt + numbers[i].at);

	if (base_num_parse(text, numbers[i].suffix, numbers[i].min, numbers[i].max, value) == 0)
		return -1;
	run_error("--%s %s: expected a number from %llu to %llu", numbers[i].name, text,
		  (unsigned long long)numbers[i].min, (unsigned long long)numbers[i].max);
	return RUN_EXIT_USAGE;
}

static int
take_export(struct options *opt, const char *arg)
{
	struct export_option *e;
	char err[256];

	e = realloc(opt->exports, (opt->export_count + 1) * sizeof(*e));
	if (e == NULL) {
		run_error("no memory");
		return RUN_EXIT_FAIL;
	}
	opt->exports = e;
	e += opt->export_count;
	if (blk_export_parse(arg, &e->conf, &e->text, err, sizeof(err)) != 0) {
		run_error("%s", err);
		return RUN_EXIT_USAGE;
	}
	opt->export_count++;
	return -1;
}

/* @return -1 go on, else the exit code. */
static int
take(struct options *opt, int c, const char *arg)
{
	if (c >= OPT_NUMBER)
		return take_number(opt, (size_t)(c - OPT_NUMBER), arg);
	switch (c) {
	case OPT_EXPORT:
		return take_export(opt, arg);
	case OPT_DEVICE:
		opt->device = arg;
		return -1;
	case OPT_QUIET:
		opt->quiet = true;
		return -1;
	case OPT_HELP:
		fputs(help, stdout);
		return RUN_EXIT_OK;
	default:
		puts("dpdk-ismd " ISM_VERSION);
		return RUN_EXIT_OK;
	}
}

/* What is wrong only when all options are known. */
static int
check(const struct options *opt)
{
	const char *what = NULL;

	if (opt->export_count == 0)
		what = "--export NAME=PATH is missing: what is to be served?";
	else if ((opt->depth & (opt->depth - 1)) != 0)
		what = "--depth: expected a power of two";
	else if (opt->slot_size % 4096 != 0)
		what = "--slot-size: expected a multiple of 4096";
	if (what == NULL)
		return -1;
	run_error("%s", what);
	return RUN_EXIT_USAGE;
}

static void
fill_table(struct option table[OTHERS + NUMBERS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < OTHERS; i++)
		table[n++] = others[i];
	for (size_t i = 0; i < NUMBERS; i++)
		table[n++] = (struct option){ numbers[i].name, required_argument, NULL,
					      OPT_NUMBER + (int)i };
	table[n] = (struct option){ 0 };
}

int
options_parse(int argc, char **argv, struct options *opt)
{
	struct option table[OTHERS + NUMBERS + 1];
	int c, ret;

	memset(opt, 0, sizeof(*opt));
	for (size_t i = 0; i < NUMBERS; i++)
		*(uint64_t *)((char *)opt + numbers[i].at) = numbers[i].standard;
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

void
options_free(struct options *opt)
{
	for (unsigned int i = 0; i < opt->export_count; i++)
		free(opt->exports[i].text);
	free(opt->exports);
}
