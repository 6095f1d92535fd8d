/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismblk.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "run.h"
#include "run_options.h"

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
	"  --io-timeout TIME        fail any request that takes longer than TIME, as above "
	"(never)\n"
	"  --connect-timeout-ms MS  give up at start when a peer does not answer (5000)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --queues N               queues to each peer (one per lcore, at most 16)\n"
	"  --depth N                requests in flight per queue, a power of two (64)\n"
	"  --slot-size BYTES        largest request on the link, a multiple of 4K (64K)\n"
	"  --digest                 protect payloads with CRC32C\n"
	"  --no-restart             end when the process that serves the mount dies\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle (40000)\n"
	"  --device NAME            the function to use, when there are several\n" RUN_BORROW_HELP
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"A function is owned when a device is named, and borrowed when a dpdk-ismd runs: then\n"
	"it serves the mount. EAL options are DPDK's: -l 0-1, --vdev=raw_ism0,socket=PATH\n"
	"and so on. The variable ISM_VDEV_SOCKET stands for the latter. See dpdk-ismblk(1).\n";

/* Seconds, or milliseconds with "ms". */
static int
take_time(void *options, const char *name, const char *text)
{
	struct options *opt = options;
	uint64_t *ms = strcmp(name, "io-timeout") == 0 ? &opt->io_timeout_ms
						       : &opt->fast_io_fail_ms;
	size_t len = strlen(text);
	bool is_ms = len > 2 && strcmp(text + len - 2, "ms") == 0;
	char digits[24];

	if (len < sizeof(digits)) {
		snprintf(digits, sizeof(digits), "%.*s", (int)(is_ms ? len - 2 : len), text);
		if (base_num_parse(digits, 0, ms == &opt->io_timeout_ms ? 0 : 1,
				   is_ms ? 86400000 : 86400, ms) == 0) {
			*ms *= is_ms ? 1 : 1000;
			return -1;
		}
	}
	return run_option_wrong(name, text,
				"a number of seconds, or of milliseconds with the suffix ms");
}

static int
take_peer(void *options, const char *name, const char *text)
{
	struct options *opt = options;
	uint64_t gid;
	unsigned int i;

	if (base_peer_parse(text, &gid) != 0) {
		run_error("--peer '%s': expected %s", text, base_peer_expected());
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
take_export(void *options, const char *name, const char *text)
{
	struct options *opt = options;
	unsigned int i;

	if (text[0] == '\0' || strlen(text) >= BLK_NAME_MAX || strchr(text, '/') != NULL) {
		run_error("--export '%s': expected a name of 1 to %d characters without '/'", text,
			  BLK_NAME_MAX - 1);
		return RUN_EXIT_USAGE;
	}
	for (i = 0; i < opt->export_count; i++) {
		if (strcmp(opt->exports[i], text) == 0) {
			run_error("--export %s is given twice", text);
			return RUN_EXIT_USAGE;
		}
	}
	if (opt->export_count == EXPORT_NAMES_MAX) {
		run_error("more than %d times --export", EXPORT_NAMES_MAX);
		return RUN_EXIT_USAGE;
	}
	opt->exports[opt->export_count++] = text;
	return -1;
}

static int
take_cache(void *options, const char *name, const char *mode)
{
	struct options *opt = options;
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

#define AT(field) .at = offsetof(struct options, field)

static const struct run_option table[] = {
	{ "peer", RUN_OPTION_TAKE, .take = take_peer },
	{ "mount", RUN_OPTION_TEXT, AT(mount) },
	{ "export", RUN_OPTION_TAKE, .take = take_export },
	{ "device", RUN_OPTION_TEXT, AT(device) },
	RUN_BORROW_OPTIONS(options, borrow),
	{ "cache", RUN_OPTION_TAKE, .take = take_cache },
	{ "fast-io-fail", RUN_OPTION_TAKE, .take = take_time },
	{ "io-timeout", RUN_OPTION_TAKE, .take = take_time },
	{ "read-only", RUN_OPTION_FLAG, AT(read_only) },
	{ "list", RUN_OPTION_FLAG, AT(list) },
	{ "json", RUN_OPTION_FLAG, AT(json) },
	{ "allow-other", RUN_OPTION_FLAG, AT(allow_other) },
	{ "digest", RUN_OPTION_FLAG, AT(digest) },
	{ "quiet", RUN_OPTION_FLAG, AT(quiet) },
	{ "no-restart", RUN_OPTION_FLAG, AT(no_restart) },
	{ "queues", RUN_OPTION_NUMBER, AT(queues), 1, LINK_QUEUES_MAX, 0 },
	{ "depth", RUN_OPTION_NUMBER, AT(depth), 2, LINK_DEPTH_MAX, 64, .power_of_two = true },
	{ "slot-size", RUN_OPTION_NUMBER, AT(slot_size), 4096, LINK_SLOT_MAX, 65536,
	  .multiple = 4096, .suffix = true },
	{ "connect-timeout-ms", RUN_OPTION_NUMBER, AT(connect_timeout_ms), 1, 3600000, 5000 },
	{ "keepalive-ms", RUN_OPTION_NUMBER, AT(keepalive_ms), 10, 60000, KEEPALIVE_MS },
	{ "hot-us", RUN_OPTION_NUMBER, AT(hot_us), 0, 1000000, HOT_US },
	{ "idle-max-us", RUN_OPTION_NUMBER, AT(idle_max_us), 20, 100000, IDLE_MAX_US },
};

static const struct run_options command_line = {
	.program = "dpdk-ismblk",
	.help = help,
	.table = table,
	.count = sizeof(table) / sizeof(table[0]),
};

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
	if (what == NULL)
		return -1;
	run_error("%s", what);
	return RUN_EXIT_USAGE;
}

int
options_parse(int argc, char **argv, struct options *opt)
{
	int ret;

	memset(opt, 0, sizeof(*opt));
	ret = run_options_parse(&command_line, argc, argv, opt);
	return ret >= 0 ? ret : check(opt);
}
