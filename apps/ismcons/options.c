/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismcons.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base_peers.h"
#include "run.h"
#include "run_options.h"

static const char help[] =
	"usage: dpdk-ismcons [EAL options --] --peer GID [--console NAME] [options]\n"
	"       dpdk-ismcons [EAL options --] --peer GID --list [--json]\n"
	"\n"
	"Attaches this terminal, or a pipe, to a console of another system over ISM.\n"
	"\n"
	"  --peer GID               the server's GID, in hex\n"
	"  --console NAME           which console; not needed when there is only one\n"
	"  --list                   print the consoles, who writes and who observes, and end\n"
	"  --json                   the list as JSON\n"
	"  --observe                see, do not write\n"
	"  --take-over              write, though somebody else does: he is detached\n"
	"  --escape CHAR            prefix of commands at the terminal: ^] ^^ ^_, a letter for\n"
	"                           Ctrl and that letter, or none (^_)\n"
	"  --transcript FILE        record the output in FILE and FILE.timing, for\n"
	"                           scriptreplay(1); both must not exist\n"
	"  --history BYTES          show so much of what was said before (16K on a terminal,\n"
	"                           else 0)\n"
	"  --no-reconnect           end when the connection is lost\n"
	"  --wait SECONDS           give up at start when the peer does not answer; 0: never\n"
	"                           (10)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle (20000)\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"At the terminal, Ctrl-_ . disconnects and Ctrl-_ ? tells the rest.\n"
	"\n"
	"EAL options are DPDK's: -l 0, --vdev=raw_ism0,socket=PATH and so on. The variable\n"
	"ISM_VDEV_SOCKET stands for the latter. See dpdk-ismcons(1).\n";

static int
take_peer(void *options, const char *name, const char *text)
{
	struct options *opt = options;

	if (opt->peer != 0) {
		run_error("--peer %s: a peer was given already", text);
		return RUN_EXIT_USAGE;
	}
	if (base_peer_parse(text, &opt->peer) == 0)
		return -1;
	run_error("--peer '%s': expected %s", text, base_peer_expected());
	return RUN_EXIT_USAGE;
}

static int
take_console(void *options, const char *name, const char *text)
{
	struct options *opt = options;

	opt->console = text;
	if (cons_name_valid(text))
		return -1;
	run_error("--console '%s': expected a name of 1 to %d printable characters without '/'",
		  text, CONS_NAME_MAX - 1);
	return RUN_EXIT_USAGE;
}

static int
take_escape(void *options, const char *name, const char *text)
{
	struct options *opt = options;

	if (cons_escape_parse(text, &opt->escape) == 0)
		return -1;
	run_error("--escape '%s': expected ^] ^^ ^_, a letter other than C D H I J M Q S Z, or "
		  "none",
		  text);
	return RUN_EXIT_USAGE;
}

#define AT(field) .at = offsetof(struct options, field)

static const struct run_option table[] = {
	{ "peer", RUN_OPTION_TAKE, .take = take_peer },
	{ "console", RUN_OPTION_TAKE, .take = take_console },
	{ "escape", RUN_OPTION_TAKE, .take = take_escape },
	{ "transcript", RUN_OPTION_TEXT, AT(transcript) },
	{ "device", RUN_OPTION_TEXT, AT(device) },
	{ "list", RUN_OPTION_FLAG, AT(list) },
	{ "json", RUN_OPTION_FLAG, AT(json) },
	{ "observe", RUN_OPTION_FLAG, AT(observe) },
	{ "take-over", RUN_OPTION_FLAG, AT(take_over) },
	{ "no-reconnect", RUN_OPTION_FLAG, AT(no_reconnect) },
	{ "quiet", RUN_OPTION_FLAG, AT(quiet) },
	{ "history", RUN_OPTION_NUMBER, AT(history), 0, UINT32_MAX, HISTORY_AUTO, .suffix = true },
	{ "wait", RUN_OPTION_NUMBER, AT(wait), 0, 86400, 10 },
	{ "keepalive-ms", RUN_OPTION_NUMBER, AT(keepalive_ms), 10, 60000, 1000 },
	{ "hot-us", RUN_OPTION_NUMBER, AT(hot_us), 0, 1000000, 200 },
	{ "idle-max-us", RUN_OPTION_NUMBER, AT(idle_max_us), 20, 100000, 20000 },
};

static const struct run_options command_line = {
	.program = "dpdk-ismcons",
	.help = help,
	.table = table,
	.count = sizeof(table) / sizeof(table[0]),
};

/* What is wrong only when all options are known. */
static int
check(const struct options *opt)
{
	const char *what = NULL;

	if (opt->peer == 0)
		what = "--peer GID is missing: whose console?";
	else if (opt->observe && opt->take_over)
		what = "--observe and --take-over exclude each other";
	else if (opt->json && !opt->list)
		what = "--json goes with --list";
	else if (opt->list && (opt->console != NULL || opt->observe || opt->take_over ||
			       opt->transcript != NULL))
		what = "--list goes with no console, --observe, --take-over or --transcript";
	else if (opt->transcript != NULL && opt->transcript[0] == '\0')
		what = "--transcript '': expected a file";
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
	opt->escape = CONS_ESCAPE_STANDARD;
	ret = run_options_parse(&command_line, argc, argv, opt);
	return ret >= 0 ? ret : check(opt);
}
